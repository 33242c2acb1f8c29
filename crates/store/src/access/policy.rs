//! Policies of the realm and of roles. Every edition is kept (HIP-17): setting one ends the one before.

use domain::id::{PolicyId, RoleId};
use domain::policy::Policy;

use crate::db::{Read, WriteTx, params, sql};
use crate::error::StoreError;

/// A policy in force.
#[derive(Clone, Debug)]
pub struct Edition {
    /// Whose: a role's, or the realm's.
    pub role: Option<RoleId>,
    /// What it asks for.
    pub policy: Policy,
    /// The first one is 1.
    pub version: i64,
}

/// The member of a document that says where the policy departs from a standard: for whoever reads the table.
const DEVIATIONS: &str = "deviations";

/// The policies in force.
///
/// # Errors
/// [`StoreError`].
pub async fn all(tx: &mut impl Read) -> Result<Vec<Edition>, StoreError> {
    let sql = sql!("SELECT role_id, document, version FROM policy WHERE realm_id = $1 AND ended_at IS NULL");
    let rows = tx.query(sql, params![tx.realm()]).await?;
    rows.iter()
        .map(|row| Ok(Edition { role: row.get(0)?, policy: row.parsed(1, read)?, version: row.get(2)? }))
        .collect()
}

/// Reads a stored document.
pub(crate) fn read(document: &str) -> Option<Policy> {
    let mut document: serde_json::Value = serde_json::from_str(document).ok()?;
    document.as_object_mut()?.remove(DEVIATIONS);
    serde_json::from_value(document).ok()
}

fn written(policy: &Policy) -> String {
    let mut document = serde_json::to_value(policy).unwrap_or_default();
    let deviations = policy.deviations();
    if let Some(members) = document.as_object_mut().filter(|_| !deviations.is_empty()) {
        members.insert(DEVIATIONS.to_owned(), deviations.into());
    }
    document.to_string()
}

/// Sets the policy of the realm or of a role in a version; the one before is ended. Needs [`Guard::RoleGraph`](crate::Guard::RoleGraph).
///
/// # Errors
/// [`StoreError`].
pub async fn set(
    tx: &mut WriteTx<'_>,
    id: PolicyId,
    role: Option<RoleId>,
    (policy, version): (&Policy, i64),
) -> Result<(), StoreError> {
    let (realm, now, by) = (tx.realm(), tx.now(), tx.allowed().actor().principal());
    let end = sql!(
        "UPDATE policy SET ended_at = $3, ended_by = $4
          WHERE realm_id = $1 AND role_id IS NOT DISTINCT FROM $2 AND ended_at IS NULL"
    );
    tx.execute(end, params![realm, role, now, by]).await?;
    let add = sql!(
        "INSERT INTO policy (realm_id, id, role_id, document, version, valid_from, created_by) VALUES ($1, $2, $3, $4, $5, $6, $7)"
    );
    tx.execute(add, params![realm, id, role, written(policy), version, now, by]).await.map(|_| ())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_departs_from_a_standard_stands_in_the_document() {
        let long = Policy { idle_seconds: Some(7200), ..Policy::default() };
        let document: serde_json::Value = serde_json::from_str(&written(&long)).expect("JSON");

        assert_eq!(document["deviations"].as_array().map(Vec::len), Some(1));
        assert_eq!(read(&document.to_string()), Some(long));
        assert_eq!(written(&Policy::default()), "{}");
    }
}
