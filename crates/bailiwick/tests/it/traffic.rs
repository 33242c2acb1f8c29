//! Grants as traffic: as many as one likes for one person.

use std::sync::atomic::{AtomicI64, Ordering};

use domain::time::Timestamp;
use serde_json::{Value, json};

/// The year 2100, far from every test.
const FAR: i64 = 4_102_444_800;

/// A grant of its own second: nobody holds a role twice in a unit at one moment, and one that was given before a kill may stand still.
pub(crate) fn another_grant(reason: &str) -> Value {
    static SECOND: AtomicI64 = AtomicI64::new(FAR);
    let from = SECOND.fetch_add(1, Ordering::Relaxed);
    let at = |seconds: i64| Timestamp::from_seconds(seconds).rfc3339();
    json!({ "role": "nurse", "valid_from": at(from), "valid_until": at(from + 1), "reason": reason })
}
