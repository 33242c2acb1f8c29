//! Store tests: each on both databases, with a twin realm of which nothing may be seen or touched.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

mod counters; // the smallest thing to write: numbers under a name
mod data_model;
mod literals; // all statements, found in the sources

mod audit;
mod batch;
mod compile_fail;
mod exclusive;
mod file;
mod migration;
mod outage;
mod password_mix;
mod property;
mod refresh;
mod sequencer;
mod statement;
mod transaction;
mod twin;
