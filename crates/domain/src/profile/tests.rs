mod mistakes;
mod plans;

use serde_json::{Value, json};

use super::*;

/// A small clinic: an administrator who gives roles, a nurse who inherits from staff.
fn clinic() -> Value {
    json!({
        "name": "clinic", "edition": 1, "title": "Clinic", "description": "A small clinic.",
        "policy": {"idle_seconds": 1800},
        "api": [{"audience": "clinic", "name": "Clinic", "permission": [
            {"name": "charts:read", "description": "Read charts"},
            {"name": "vitals:record", "description": "Record vital signs"},
        ]}],
        "role": [
            {"name": "admin", "display_name": "Administrator", "sensitive": true, "assignable_by": ["admin"],
             "permissions": {"bailiwick": ["roles:assign", "users:manage"]}},
            {"name": "staff", "display_name": "Staff", "assignable_by": ["admin"],
             "permissions": {"clinic": ["charts:read"]}},
            {"name": "nurse", "display_name": "Nurse", "inherits": ["staff"], "assignable_by": ["admin"],
             "permissions": {"clinic": ["vitals:record"]}, "policy": {"idle_seconds": 900}},
        ],
        "attribute": [{"name": "npi", "title": "NPI", "kind": "text", "format": "npi"}],
    })
}

fn profile(value: Value) -> Profile {
    serde_json::from_value(value).expect("a profile")
}

#[test]
fn what_a_role_gives_follows_inheritance() {
    let clinic = profile(clinic());

    assert!(clinic.gives("nurse", "clinic", "charts:read"));
    assert!(!clinic.gives("staff", "clinic", "vitals:record"));
    assert!(!clinic.gives("nurse", "bailiwick", "roles:assign"));
    assert!(!clinic.gives("nobody", "clinic", "charts:read"));
}
