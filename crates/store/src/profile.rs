//! What a realm has and had of all that a profile can bring: rows are ended, never deleted, so what was taken away is still known.

use std::collections::BTreeMap;

use domain::id::RoleId;
use domain::profile::plan::{Known, KnownRole, Standing};
use domain::time::Timestamp;

use crate::db::{Read, Row, WriteTx, params, sql};
use crate::error::StoreError;

/// Everything that the transaction's realm has and had.
///
/// # Errors
/// [`StoreError`].
pub async fn known(tx: &mut impl Read) -> Result<Known, StoreError> {
    let mut known = Known { attributes: crate::realm::attribute_schema(tx).await?, ..Known::default() };
    apis(tx, &mut known).await?;
    roles(tx, &mut known).await?;
    facts(tx, &mut known).await?;
    policies(tx, &mut known).await?;
    Ok(known)
}

fn standing(row: &Row, ended_at: usize) -> Result<Standing, StoreError> {
    let ended: Option<Timestamp> = row.get(ended_at)?;
    Ok(if ended.is_some() { Standing::Ended } else { Standing::InForce })
}

/// Keeps what is in force, where a name was ended and made again.
fn keep<K: Ord, V>(map: &mut BTreeMap<K, V>, key: K, value: V, standing: impl Fn(&V) -> Standing) {
    if map.get(&key).is_none_or(|before| standing(before) <= standing(&value)) {
        map.insert(key, value);
    }
}

async fn apis(tx: &mut impl Read, known: &mut Known) -> Result<(), StoreError> {
    let sql = sql!("SELECT audience, name, ended_at FROM api WHERE realm_id = $1");
    for row in tx.query(sql, params![tx.realm()]).await? {
        keep(&mut known.apis, row.get(0)?, (standing(&row, 2)?, row.get(1)?), |value| value.0);
    }
    let sql = sql!(
        "SELECT a.audience, p.name, p.description, p.ended_at FROM permission p
           JOIN api a ON a.realm_id = p.realm_id AND a.id = p.api_id AND a.ended_at IS NULL
          WHERE p.realm_id = $1"
    );
    for row in tx.query(sql, params![tx.realm()]).await? {
        let key = (row.get(0)?, row.get(1)?);
        keep(&mut known.permissions, key, (standing(&row, 3)?, row.get(2)?), |value| value.0);
    }
    Ok(())
}

async fn roles(tx: &mut impl Read, known: &mut Known) -> Result<(), StoreError> {
    let sql =
        sql!("SELECT name, ended_at, built_in, display_name, description, sensitive FROM role WHERE realm_id = $1");
    for row in tx.query(sql, params![tx.realm()]).await? {
        let role = KnownRole {
            standing: standing(&row, 1)?,
            built_in: row.get(2)?,
            display_name: row.get(3)?,
            description: row.get(4)?,
            sensitive: row.get(5)?,
        };
        keep(&mut known.roles, row.get(0)?, role, |value| value.standing);
    }
    Ok(())
}

/// What hangs on the roles in force.
async fn facts(tx: &mut impl Read, known: &mut Known) -> Result<(), StoreError> {
    let carried = sql!(
        "SELECT r.name, a.audience, p.name, f.ended_at FROM role_permission f
           JOIN role r ON r.realm_id = f.realm_id AND r.id = f.role_id AND r.ended_at IS NULL
           JOIN permission p ON p.realm_id = f.realm_id AND p.id = f.permission_id
           JOIN api a ON a.realm_id = p.realm_id AND a.id = p.api_id AND a.ended_at IS NULL
          WHERE f.realm_id = $1"
    );
    for row in tx.query(carried, params![tx.realm()]).await? {
        keep(&mut known.carried, (row.get(0)?, row.get(1)?, row.get(2)?), standing(&row, 3)?, |value| *value);
    }
    let inherits = sql!(
        "SELECT r.name, o.name, f.ended_at FROM role_inheritance f
           JOIN role r ON r.realm_id = f.realm_id AND r.id = f.role_id AND r.ended_at IS NULL
           JOIN role o ON o.realm_id = f.realm_id AND o.id = f.inherits_id
          WHERE f.realm_id = $1"
    );
    for row in tx.query(inherits, params![tx.realm()]).await? {
        keep(&mut known.inherits, (row.get(0)?, row.get(1)?), standing(&row, 2)?, |value| *value);
    }
    let given = sql!(
        "SELECT r.name, o.name, f.ended_at FROM role_assignable f
           JOIN role r ON r.realm_id = f.realm_id AND r.id = f.role_id AND r.ended_at IS NULL
           JOIN role o ON o.realm_id = f.realm_id AND o.id = f.by_role_id
          WHERE f.realm_id = $1"
    );
    for row in tx.query(given, params![tx.realm()]).await? {
        keep(&mut known.assignable_by, (row.get(0)?, row.get(1)?), standing(&row, 2)?, |value| *value);
    }
    Ok(())
}

async fn policies(tx: &mut impl Read, known: &mut Known) -> Result<(), StoreError> {
    let sql = sql!(
        "SELECT r.name, p.document, p.ended_at FROM policy p
           LEFT JOIN role r ON r.realm_id = p.realm_id AND r.id = p.role_id
          WHERE p.realm_id = $1 AND (p.role_id IS NULL OR r.ended_at IS NULL)
          ORDER BY p.valid_from"
    );
    for row in tx.query(sql, params![tx.realm()]).await? {
        let policy = row.parsed(1, crate::access::policy::read)?;
        keep(&mut known.policies, row.get(0)?, (standing(&row, 2)?, policy), |value| value.0);
    }
    Ok(())
}

/// Raises the version of a role that a profile completed.
///
/// # Errors
/// [`StoreError`].
pub async fn raise_version(tx: &mut WriteTx<'_>, role: RoleId) -> Result<(), StoreError> {
    let sql = sql!("UPDATE role SET version = version + 1 WHERE realm_id = $1 AND id = $2");
    tx.execute(sql, params![tx.realm(), role]).await.map(|_| ())
}
