//! `cargo +nightly fuzz run access_token`: the strict reader of tokens against anything at all.
#![no_main]

#[path = "../src/access_token.rs"]
mod access_token;

libfuzzer_sys::fuzz_target!(|input: &[u8]| access_token::check(input));
