//! What hangs on roles: permissions, inheritance, who may assign them. Facts have a time: each is a row that begins and is ended, never deleted.

use domain::id::{PermissionId, RoleId};
use uuid::Uuid;

use crate::db::{Read, Sql, WriteTx, params, sql};
use crate::error::StoreError;

/// Puts a permission into a role from now on.
///
/// # Errors
/// [`StoreError`].
pub async fn add_permission(tx: &mut WriteTx<'_>, role: RoleId, permission: PermissionId) -> Result<(), StoreError> {
    let sql = sql!(
        "INSERT INTO role_permission (realm_id, role_id, permission_id, valid_from, created_by) VALUES ($1, $2, $3, $4, $5)
         ON CONFLICT (realm_id, role_id, permission_id, valid_from) DO UPDATE SET ended_at = NULL, ended_by = NULL"
    );
    write(tx, sql, role.uuid(), permission.uuid()).await
}

/// Takes a permission out of a role from now on.
///
/// # Errors
/// [`StoreError`].
pub async fn end_permission(tx: &mut WriteTx<'_>, role: RoleId, permission: PermissionId) -> Result<(), StoreError> {
    let sql = sql!(
        "UPDATE role_permission SET ended_at = CASE WHEN valid_from > $4 THEN valid_from ELSE $4 END, ended_by = $5
          WHERE realm_id = $1 AND role_id = $2 AND permission_id = $3 AND ended_at IS NULL"
    );
    write(tx, sql, role.uuid(), permission.uuid()).await
}

/// Lets a role inherit from another from now on. Cycles are refused before.
///
/// # Errors
/// [`StoreError`].
pub async fn add_inheritance(tx: &mut WriteTx<'_>, role: RoleId, inherits: RoleId) -> Result<(), StoreError> {
    let sql = sql!(
        "INSERT INTO role_inheritance (realm_id, role_id, inherits_id, valid_from, created_by) VALUES ($1, $2, $3, $4, $5)
         ON CONFLICT (realm_id, role_id, inherits_id, valid_from) DO UPDATE SET ended_at = NULL, ended_by = NULL"
    );
    write(tx, sql, role.uuid(), inherits.uuid()).await
}

/// Ends that a role inherits from another.
///
/// # Errors
/// [`StoreError`].
pub async fn end_inheritance(tx: &mut WriteTx<'_>, role: RoleId, inherits: RoleId) -> Result<(), StoreError> {
    let sql = sql!(
        "UPDATE role_inheritance SET ended_at = CASE WHEN valid_from > $4 THEN valid_from ELSE $4 END, ended_by = $5
          WHERE realm_id = $1 AND role_id = $2 AND inherits_id = $3 AND ended_at IS NULL"
    );
    write(tx, sql, role.uuid(), inherits.uuid()).await
}

/// Lets holders of a role give another from now on.
///
/// # Errors
/// [`StoreError`].
pub async fn add_assignable(tx: &mut WriteTx<'_>, role: RoleId, by_role: RoleId) -> Result<(), StoreError> {
    let sql = sql!(
        "INSERT INTO role_assignable (realm_id, role_id, by_role_id, valid_from, created_by) VALUES ($1, $2, $3, $4, $5)
         ON CONFLICT (realm_id, role_id, by_role_id, valid_from) DO UPDATE SET ended_at = NULL, ended_by = NULL"
    );
    write(tx, sql, role.uuid(), by_role.uuid()).await
}

/// Ends that holders of a role give another.
///
/// # Errors
/// [`StoreError`].
pub async fn end_assignable(tx: &mut WriteTx<'_>, role: RoleId, by_role: RoleId) -> Result<(), StoreError> {
    let sql = sql!(
        "UPDATE role_assignable SET ended_at = CASE WHEN valid_from > $4 THEN valid_from ELSE $4 END, ended_by = $5
          WHERE realm_id = $1 AND role_id = $2 AND by_role_id = $3 AND ended_at IS NULL"
    );
    write(tx, sql, role.uuid(), by_role.uuid()).await
}

/// One fact begins or ends. A fact that ends and begins in the same microsecond went on.
async fn write(tx: &mut WriteTx<'_>, sql: Sql, left: Uuid, right: Uuid) -> Result<(), StoreError> {
    let by = tx.allowed().actor().principal();
    let values = params![tx.realm(), left, right, tx.now(), by];
    tx.execute(sql, values).await.map(|_| ())
}
