//! `cargo +nightly fuzz run feed`: the guard's reader of the revocation feed against anything at all.
#![no_main]

#[path = "../src/feed.rs"]
mod feed;
#[path = "../../crates/guard/src/feed/lines.rs"]
#[allow(dead_code, reason = "one kind of nonsense is seen by whoever follows the feed")]
mod lines;

libfuzzer_sys::fuzz_target!(|input: &[u8]| feed::check(input));
