//! The roles as they were at an instant: "who could do what on that day".

use std::collections::{BTreeMap, BTreeSet, HashMap};

use domain::access::Held;
use domain::id::{PrincipalId, RoleId};
use domain::role::{Role, RoleName};
use domain::time::Timestamp;
use domain::unit::UnitPath;

use crate::db::{Read, Row, params, sql};
use crate::error::StoreError;

/// The roles with what hung on them at an instant. What a role is called and whether it is sensitive is not kept by time: as it is now.
///
/// # Errors
/// [`StoreError`].
pub async fn roles(tx: &mut impl Read, at: Timestamp) -> Result<Vec<Role>, StoreError> {
    let sql = sql!(
        "SELECT id, name, display_name, description, sensitive, built_in, version FROM role
          WHERE realm_id = $1 AND created_at <= $2 AND (ended_at IS NULL OR ended_at > $2) ORDER BY name, id"
    );
    let rows = tx.query(sql, params![tx.realm(), at]).await?;
    let mut roles = rows.iter().map(role).collect::<Result<Vec<_>, _>>()?;
    let places: HashMap<RoleId, usize> = roles.iter().enumerate().map(|(place, role)| (role.id, place)).collect();
    let permissions = sql!(
        "SELECT r.role_id, a.audience, p.name FROM role_permission r
           JOIN permission p ON p.realm_id = r.realm_id AND p.id = r.permission_id
           JOIN api a ON a.realm_id = p.realm_id AND a.id = p.api_id
          WHERE r.realm_id = $1 AND r.valid_from <= $2 AND (r.ended_at IS NULL OR r.ended_at > $2)
            AND (p.ended_at IS NULL OR p.ended_at > $2) AND (a.ended_at IS NULL OR a.ended_at > $2)"
    );
    for row in tx.query(permissions, params![tx.realm(), at]).await? {
        if let Some(role) = places.get(&row.get(0)?).and_then(|place| roles.get_mut(*place)) {
            role.permissions.entry(row.get(1)?).or_default().insert(row.get(2)?);
        }
    }
    let inherits = sql!(
        "SELECT role_id, inherits_id FROM role_inheritance
          WHERE realm_id = $1 AND valid_from <= $2 AND (ended_at IS NULL OR ended_at > $2)"
    );
    for row in tx.query(inherits, params![tx.realm(), at]).await? {
        if let Some(role) = places.get(&row.get(0)?).and_then(|place| roles.get_mut(*place)) {
            role.inherits.insert(row.get(1)?);
        }
    }
    Ok(roles)
}

fn role(row: &Row) -> Result<Role, StoreError> {
    Ok(Role {
        id: row.get(0)?,
        name: row.parsed(1, |name| RoleName::parse(name).ok())?,
        display_name: row.get(2)?,
        description: row.get(3)?,
        sensitive: row.get(4)?,
        built_in: row.get(5)?,
        version: row.get(6)?,
        permissions: BTreeMap::new(),
        inherits: BTreeSet::new(),
        assignable_by: BTreeSet::new(),
    })
}

/// The grants of a principal that were in force at an instant.
///
/// # Errors
/// [`StoreError`].
pub async fn grants(tx: &mut impl Read, principal: PrincipalId, at: Timestamp) -> Result<Vec<Held>, StoreError> {
    let sql = sql!(
        "SELECT g.id, g.role_id, n.path, g.valid_until FROM role_grant g
           JOIN unit n ON n.realm_id = g.realm_id AND n.id = g.unit_id
          WHERE g.realm_id = $1 AND g.principal_id = $2 AND g.granted_at <= $3 AND g.valid_from <= $3
            AND (g.ended_at IS NULL OR g.ended_at > $3) AND (g.valid_until IS NULL OR g.valid_until > $3) ORDER BY g.id"
    );
    let rows = tx.query(sql, params![tx.realm(), principal, at]).await?;
    rows.iter()
        .map(|row| {
            let unit = row.parsed(2, |path| UnitPath::parse(path).ok())?;
            Ok(Held { grant: row.get(0)?, role: row.get(1)?, unit, valid_until: row.get(3)? })
        })
        .collect()
}
