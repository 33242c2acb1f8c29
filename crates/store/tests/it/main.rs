//! Store tests: each on both databases, with a twin realm of which nothing may be seen or touched.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

mod transaction;
