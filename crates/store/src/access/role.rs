//! Roles, and the facts that hang on them: permissions, inheritance, who may assign them.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use domain::id::RoleId;
use domain::role::{Role, RoleName};

use crate::db::{Read, Row, WriteTx, params, sql};
use crate::error::StoreError;

/// All roles in force with what hangs on them now.
///
/// # Errors
/// [`StoreError`].
pub async fn all(tx: &mut impl Read) -> Result<Vec<Role>, StoreError> {
    let sql = sql!(
        "SELECT id, name, display_name, description, sensitive, built_in, version FROM role
          WHERE realm_id = $1 AND ended_at IS NULL ORDER BY name"
    );
    let rows = tx.query(sql, params![tx.realm()]).await?;
    let mut roles = rows.iter().map(from_row).collect::<Result<Vec<_>, _>>()?;
    let at: HashMap<RoleId, usize> = roles.iter().enumerate().map(|(at, role)| (role.id, at)).collect();
    for row in permissions(tx).await? {
        if let Some(at) = at.get(&row.get(0)?) {
            roles[*at].permissions.entry(row.get(1)?).or_default().insert(row.get(2)?);
        }
    }
    let inherits = sql!(
        "SELECT role_id, inherits_id FROM role_inheritance
          WHERE realm_id = $1 AND ended_at IS NULL AND (valid_until IS NULL OR valid_until > $2)"
    );
    for row in tx.query(inherits, params![tx.realm(), tx.now()]).await? {
        if let Some(at) = at.get(&row.get(0)?) {
            roles[*at].inherits.insert(row.get(1)?);
        }
    }
    let assignable = sql!(
        "SELECT role_id, by_role_id FROM role_assignable
          WHERE realm_id = $1 AND ended_at IS NULL AND (valid_until IS NULL OR valid_until > $2)"
    );
    for row in tx.query(assignable, params![tx.realm(), tx.now()]).await? {
        if let Some(at) = at.get(&row.get(0)?) {
            roles[*at].assignable_by.insert(row.get(1)?);
        }
    }
    Ok(roles)
}

async fn permissions(tx: &mut impl Read) -> Result<Vec<Row>, StoreError> {
    let sql = sql!(
        "SELECT r.role_id, a.audience, p.name FROM role_permission r
           JOIN permission p ON p.realm_id = r.realm_id AND p.id = r.permission_id AND p.ended_at IS NULL
           JOIN api a ON a.realm_id = p.realm_id AND a.id = p.api_id AND a.ended_at IS NULL
          WHERE r.realm_id = $1 AND r.ended_at IS NULL AND (r.valid_until IS NULL OR r.valid_until > $2)"
    );
    tx.query(sql, params![tx.realm(), tx.now()]).await
}

fn from_row(row: &Row) -> Result<Role, StoreError> {
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

/// Makes a role; `false`: the name is taken.
///
/// # Errors
/// [`StoreError`].
pub async fn create(tx: &mut WriteTx<'_>, role: &Role) -> Result<bool, StoreError> {
    let sql = sql!(
        "INSERT INTO role (realm_id, id, name, display_name, description, sensitive, built_in, version, created_at, created_by)
         VALUES ($1, $2, $3, $4, $5, $6, $7, 1, $8, $9) ON CONFLICT DO NOTHING"
    );
    let by = tx.allowed().actor().principal();
    let name = role.name.as_str();
    let values = params![
        tx.realm(),
        role.id,
        name,
        &role.display_name,
        &role.description,
        role.sensitive,
        role.built_in,
        tx.now(),
        by,
    ];
    Ok(tx.execute(sql, values).await? == 1)
}

/// Writes what a role is called and whether it is sensitive, and raises its version; `false`: it is in another version, or ended.
///
/// # Errors
/// [`StoreError`].
pub async fn update(tx: &mut WriteTx<'_>, role: &Role) -> Result<bool, StoreError> {
    let sql = sql!(
        "UPDATE role SET display_name = $4, description = $5, sensitive = $6, version = version + 1
          WHERE realm_id = $1 AND id = $2 AND version = $3 AND ended_at IS NULL"
    );
    let values = params![tx.realm(), role.id, role.version, &role.display_name, &role.description, role.sensitive];
    Ok(tx.execute(sql, values).await? == 1)
}

/// Ends a role; `false`: it is in another version, or ended already.
///
/// # Errors
/// [`StoreError`].
pub async fn end(tx: &mut WriteTx<'_>, id: RoleId, version: i64) -> Result<bool, StoreError> {
    let sql = sql!(
        "UPDATE role SET ended_at = $4, ended_by = $5 WHERE realm_id = $1 AND id = $2 AND version = $3 AND ended_at IS NULL"
    );
    let by = tx.allowed().actor().principal();
    let values = params![tx.realm(), id, version, tx.now(), by];
    Ok(tx.execute(sql, values).await? == 1)
}
