//! May this caller do that? Fifty grants, at the root and in units.
#![expect(clippy::disallowed_methods, reason = "the bench puts a caller together")]

use std::collections::{BTreeMap, BTreeSet};
use std::hint::black_box;
use std::sync::Arc;

use domain::access::{Access, Held};
use domain::allowed::Request;
use domain::caller::{Authenticated, Caller, Scope};
use domain::id::{GrantId, RoleId, SessionId, UserId};
use domain::permission::Permission;
use domain::realm::RealmKey;
use domain::role::{Role, RoleGraph, RoleName};
use domain::time::Timestamp;
use domain::unit::UnitPath;
use uuid::Uuid;

use crate::Failure;
use crate::measure::alone;
use crate::report::{Report, Target};

const MOST_NANOSECONDS: f64 = 50.0;

fn role(number: u128, permissions: &[Permission]) -> Result<Role, Failure> {
    let names: BTreeSet<String> = permissions.iter().map(|one| one.as_str().to_owned()).collect();
    Ok(Role {
        id: RoleId::from_uuid(Uuid::from_u128(number)),
        name: RoleName::parse(&format!("role-{number}"))?,
        display_name: String::new(),
        description: String::new(),
        sensitive: false,
        built_in: false,
        version: 1,
        permissions: BTreeMap::from([("bailiwick".to_owned(), names)]),
        inherits: BTreeSet::new(),
        assignable_by: BTreeSet::new(),
    })
}

/// Half of the grants at the root (reading), half in units (ending sessions).
fn caller() -> Result<Caller, Failure> {
    let read = [Permission::UsersRead, Permission::RolesRead, Permission::AuditRead];
    let mut roles = Vec::new();
    let mut held = Vec::new();
    for number in 0..50 {
        let at_root = number % 2 == 0;
        roles.push(role(number, if at_root { &read } else { &[Permission::SessionsEnd] })?);
        held.push(Held {
            grant: GrantId::from_uuid(Uuid::from_u128(number)),
            role: RoleId::from_uuid(Uuid::from_u128(number)),
            unit: if at_root { UnitPath::root() } else { UnitPath::parse(&format!("/clinic-a/ward-{number}"))? },
            valid_until: None,
        });
    }
    let access = Access::new(Arc::new(RoleGraph::new(roles, 1)?), held);
    let who = Authenticated {
        realm: RealmKey::MAIN,
        user: UserId::from_uuid(Uuid::from_u128(1)),
        name: "Noor Castellan".to_owned(),
        session: SessionId::from_uuid(Uuid::from_u128(2)),
        acr: domain::session::AAL1.to_owned(),
        auth_at: Timestamp::from_seconds(1),
    };
    let request = Request { id: "018f".to_owned(), address: None, user_agent: Some("Mozilla/5.0".to_owned()) };
    Ok(Caller::new(who, access, request))
}

/// The decision, and the decision with its proof.
pub(crate) fn check(report: &Report) -> Result<(), Failure> {
    let caller = caller()?;
    let ward = UnitPath::parse("/clinic-a/ward-25/room-1")?;
    let cases: [(&str, Permission, Scope<'_>); 4] = [
        ("held at the root, asked for the realm", Permission::UsersRead, Scope::Realm),
        ("held at the root, asked for a unit", Permission::UsersRead, Scope::Unit(&ward)),
        ("held in 25 units, asked for one of them", Permission::SessionsEnd, Scope::Unit(&ward)),
        ("held nowhere", Permission::KeysManage, Scope::Realm),
    ];
    for (what, permission, scope) in cases {
        let holds = alone(|| {
            black_box(black_box(&caller).holds(black_box(permission)));
        });
        report.judged("permission", &format!("holds: {what}"), holds * 1e9, "ns", Target::AtMost(MOST_NANOSECONDS));
        let allow = alone(|| drop(black_box(black_box(&caller).allow(black_box(permission), scope))));
        report.beside("permission", &format!("  allow with its proof: {what}"), allow * 1e9, "ns");
    }
    Ok(())
}
