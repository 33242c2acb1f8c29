//! Changes of a person by somebody else: details, username, e-mail, lockdown, and the tombstone.

use domain::id::{UnitId, UserId};
use domain::revocation::Fact;
use domain::user::{Email, Username, fold};

use crate::db::{Read, Statement, WriteTx, params, sql};
use crate::error::StoreError;
use crate::revocation;

/// What an administrator may change at once, whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Details {
    /// What they are called.
    pub display_name: Option<String>,
    /// Given name.
    pub given_name: Option<String>,
    /// Family name.
    pub family_name: Option<String>,
    /// Telephone.
    pub phone: Option<String>,
    /// Language.
    pub locale: Option<String>,
    /// Key in another directory.
    pub external_id: Option<String>,
    /// JSON object.
    pub attributes: String,
    /// Home unit.
    pub unit: UnitId,
}

/// Writes a person's details and raises the version; `false`: the row is not in this version.
///
/// # Errors
/// [`StoreError`].
pub async fn set_details(tx: &mut WriteTx<'_>, id: UserId, version: i64, new: &Details) -> Result<bool, StoreError> {
    let sql = sql!(
        "UPDATE \"user\" SET display_name = $4, display_name_key = $5, given_name = $6, family_name = $7, family_name_key = $8,
            phone = $9, locale = $10, external_id = $11, attributes = $12, unit_id = $13, updated_at = $14, updated_by = $15,
            version = version + 1
          WHERE realm_id = $1 AND id = $2 AND version = $3"
    );
    let by = tx.allowed().actor().principal();
    let values = params![
        tx.realm(),
        id,
        version,
        new.display_name.clone(),
        new.display_name.as_deref().map(fold),
        new.given_name.clone(),
        new.family_name.clone(),
        new.family_name.as_deref().map(fold),
        new.phone.clone(),
        new.locale.clone(),
        new.external_id.clone(),
        &new.attributes,
        new.unit,
        tx.now(),
        by,
    ];
    Ok(tx.execute(sql, values).await? == 1)
}

/// Gives a person another username; `false`: somebody has it. The caller holds [`Guard::RoleGraph`](crate::Guard::RoleGraph), as
/// whoever makes a person does: nobody takes the name between the look and the change.
///
/// # Errors
/// [`StoreError`].
pub async fn rename(tx: &mut WriteTx<'_>, id: UserId, to: &Username) -> Result<bool, StoreError> {
    let (realm, now, by) = (tx.realm(), tx.now(), tx.allowed().actor().principal());
    let taken = sql!("SELECT id FROM \"user\" WHERE realm_id = $1 AND username = $2");
    if tx.one(taken, params![realm, to.as_str()]).await?.is_some() {
        return Ok(false);
    }
    let sql = sql!(
        "UPDATE \"user\" SET username = $3, updated_at = $4, updated_by = $5, version = version + 1 WHERE realm_id = $1 AND id = $2"
    );
    Ok(tx.execute(sql, params![realm, id, to.as_str(), now, by]).await? == 1)
}

/// Writes an address that nobody has confirmed yet, or none, and raises the version.
///
/// # Errors
/// [`StoreError`].
pub async fn set_email(tx: &mut WriteTx<'_>, id: UserId, to: Option<&Email>) -> Result<(), StoreError> {
    let sql = sql!(
        "UPDATE \"user\" SET email = $3, email_key = $4, email_verified_at = NULL, updated_at = $5, updated_by = $6, version = version + 1
          WHERE realm_id = $1 AND id = $2"
    );
    let by = tx.allowed().actor().principal();
    let values = params![tx.realm(), id, to.map(Email::as_str), to.map(Email::key), tx.now(), by];
    tx.execute(sql, values).await.map(|_| ())
}

/// Writes an address that was just confirmed through a link, and raises the version.
///
/// # Errors
/// [`StoreError`].
pub async fn confirm_email(tx: &mut WriteTx<'_>, id: UserId, to: &Email) -> Result<(), StoreError> {
    let sql = sql!(
        "UPDATE \"user\" SET email = $3, email_key = $4, email_verified_at = $5, updated_at = $5, updated_by = $2, version = version + 1
          WHERE realm_id = $1 AND id = $2"
    );
    let values = params![tx.realm(), id, to.as_str(), to.key(), tx.now()];
    tx.execute(sql, values).await.map(|_| ())
}

/// Disables an account until a new password is chosen through a link; `false`: it was locked down already, or the person is gone.
///
/// # Errors
/// [`StoreError`].
pub async fn lock_down(tx: &mut WriteTx<'_>, id: UserId) -> Result<bool, StoreError> {
    let sql = sql!(
        "UPDATE \"user\" SET status = 'disabled', reset_required = TRUE, tokens_not_before = $3, updated_at = $3, updated_by = $4,
            version = version + 1
          WHERE realm_id = $1 AND id = $2 AND status <> 'deleted' AND NOT (status = 'disabled' AND reset_required)"
    );
    let by = tx.allowed().actor().principal();
    let values = params![tx.realm(), id, tx.now(), by];
    let locked = tx.execute(sql, values).await? == 1;
    if locked {
        revocation::announce(tx, &[Fact::changed(id.into(), tx.now())]).await?;
    }
    Ok(locked)
}

/// Ends all refresh families of a person, also those that outlive their session (`offline_access`).
///
/// # Errors
/// [`StoreError`].
pub async fn end_families(tx: &mut WriteTx<'_>, id: UserId, reason: &'static str) -> Result<(), StoreError> {
    let sql = sql!(
        "UPDATE refresh_family SET ended_at = $3, ended_reason = $4 WHERE realm_id = $1 AND user_id = $2 AND ended_at IS NULL"
    );
    let values = params![tx.realm(), id, tx.now(), reason];
    tx.execute(sql, values).await.map(|_| ())
}

/// Makes a tombstone of a person: what is theirs goes, the id stays for ever; name and e-mail are free again (ACC-01).
///
/// # Errors
/// [`StoreError`].
pub async fn bury(tx: &mut WriteTx<'_>, id: UserId) -> Result<(), StoreError> {
    let (realm, now, by) = (tx.realm(), tx.now(), tx.allowed().actor().principal());
    let person = sql!(
        "UPDATE \"user\" SET username = NULL, display_name = NULL, display_name_key = NULL, given_name = NULL, family_name = NULL,
            family_name_key = NULL, email = NULL, email_key = NULL, email_verified_at = NULL, phone = NULL, locale = NULL,
            external_id = NULL, attributes = '{}', status = 'deleted', tokens_not_before = $3, updated_at = $3, updated_by = $4,
            version = version + 1
          WHERE realm_id = $1 AND id = $2"
    );
    tx.execute(person, params![realm, id, now, by]).await?;
    revocation::announce(tx, &[Fact::changed(id.into(), now)]).await?;
    let addresses =
        sql!("UPDATE address SET value = NULL, ended_at = COALESCE(ended_at, $3) WHERE realm_id = $1 AND user_id = $2");
    let factors = sql!(
        "UPDATE credential SET secret = NULL, label = '', ended_at = COALESCE(ended_at, $3) WHERE realm_id = $1 AND user_id = $2"
    );
    let elsewhere =
        sql!("UPDATE external_identity SET ended_at = $3 WHERE realm_id = $1 AND user_id = $2 AND ended_at IS NULL");
    let sessions = sql!(
        "UPDATE session SET device_label = NULL, address = NULL, user_agent = NULL WHERE realm_id = $1 AND user_id = $2"
    );
    let waiting = sql!("UPDATE sign_in_transaction SET device_label = NULL WHERE realm_id = $1 AND user_id = $2");
    // What others use too keeps the name that it has for them.
    let devices = sql!(
        "UPDATE device SET label = '' WHERE realm_id = $1
            AND id IN (SELECT d.device_id FROM device_principal d WHERE d.realm_id = $1 AND d.principal_id = $2)
            AND NOT EXISTS (SELECT o.device_id FROM device_principal o WHERE o.realm_id = device.realm_id AND o.device_id = device.id
                AND o.principal_id <> $2 AND o.ended_at IS NULL)"
    );
    let links = sql!("UPDATE one_time_token SET payload = '{}' WHERE realm_id = $1 AND user_id = $2");
    let dated = [addresses, factors, elsewhere].map(|sql| Statement { sql, params: params![realm, id, now] });
    let others = [sessions, waiting, devices, links].map(|sql| Statement { sql, params: params![realm, id] });
    tx.pipeline(dated.into_iter().chain(others).collect()).await.map(|_| ())
}
