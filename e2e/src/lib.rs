//! Browser tests and real clients: see `tests/it`. Nothing else depends on this crate.
