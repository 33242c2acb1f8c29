//! People: principal and user row together.

use domain::access::Reach;
use domain::id::{UnitId, UserId};
use domain::revocation::Fact;
use domain::time::Timestamp;
use domain::unit::UnitPath;
use domain::user::{DisplayName, Email, Identifier, Status, Username, fold};

use crate::db::{Composed, Read, Row, Statement, WriteTx, params, sql};
use crate::error::StoreError;
use crate::revocation;

mod change;
mod page;
mod search;
pub use change::{Details, bury, confirm_email, end_families, lock_down, rename, set_details, set_email};
pub use page::{by_ids, by_ids_statement, held_of, held_statement, mfa_of, mfa_statement, roles_of, roles_statement};
pub use search::{
    Column, Drive, FEW, Mfa, Position, Query, count_statement, narrow_statement, search, search_statement,
    tombstones_statement,
};

/// A person as stored.
#[derive(Clone, Debug)]
pub struct User {
    /// Their id, for ever.
    pub id: UserId,
    /// Sign-in name.
    pub username: Option<String>,
    /// What they are called.
    pub display_name: Option<String>,
    /// Given name.
    pub given_name: Option<String>,
    /// Family name.
    pub family_name: Option<String>,
    /// Mail address; may be shared.
    pub email: Option<String>,
    /// When it was confirmed.
    pub email_verified_at: Option<Timestamp>,
    /// Telephone.
    pub phone: Option<String>,
    /// Language.
    pub locale: Option<String>,
    /// Home unit.
    pub unit: UnitPath,
    /// Key in another directory.
    pub external_id: Option<String>,
    /// JSON object.
    pub attributes: String,
    /// State of the account.
    pub status: Status,
    /// Locked down: it opens only with a new password, chosen through a link.
    pub reset_required: bool,
    /// Last sign-in.
    pub last_sign_in_at: Option<Timestamp>,
    /// When the password was chosen.
    pub password_changed_at: Option<Timestamp>,
    /// Tokens issued before are refused.
    pub tokens_not_before: Timestamp,
    /// When the row was made.
    pub created_at: Timestamp,
    /// By whom.
    pub created_by: Option<uuid::Uuid>,
    /// When it last changed.
    pub updated_at: Timestamp,
    /// By whom.
    pub updated_by: Option<uuid::Uuid>,
    /// Raised by administrative changes and by the person's own.
    pub version: i64,
}

impl User {
    /// What they are called, also when they are gone.
    #[must_use]
    pub fn name(&self) -> &str {
        self.display_name.as_deref().or(self.username.as_deref()).unwrap_or("")
    }
}

const SELECT: &str = "SELECT u.id, u.username, u.display_name, u.given_name, u.family_name, u.email, u.email_verified_at, u.phone,
    u.locale, n.path, u.external_id, u.attributes, u.status, u.last_sign_in_at, u.password_changed_at, u.tokens_not_before,
    u.created_at, u.created_by, u.updated_at, u.updated_by, u.version, u.reset_required
  FROM \"user\" u JOIN unit n ON n.realm_id = u.realm_id AND n.id = u.unit_id WHERE u.realm_id = ";

fn from_row(row: &Row) -> Result<User, StoreError> {
    Ok(User {
        id: row.get(0)?,
        username: row.get(1)?,
        display_name: row.get(2)?,
        given_name: row.get(3)?,
        family_name: row.get(4)?,
        email: row.get(5)?,
        email_verified_at: row.get(6)?,
        phone: row.get(7)?,
        locale: row.get(8)?,
        unit: row.parsed(9, |path| UnitPath::parse(path).ok())?,
        external_id: row.get(10)?,
        attributes: row.get(11)?,
        status: row.parsed(12, Status::parse)?,
        last_sign_in_at: row.get(13)?,
        password_changed_at: row.get(14)?,
        tokens_not_before: row.get(15)?,
        created_at: row.get(16)?,
        created_by: row.get(17)?,
        updated_at: row.get(18)?,
        updated_by: row.get(19)?,
        version: row.get(20)?,
        reset_required: row.get(21)?,
    })
}

/// A person within reach of the transaction's permission; somebody elsewhere is `None`, as if absent.
///
/// # Errors
/// [`StoreError`].
pub async fn find(tx: &mut impl Read, id: UserId) -> Result<Option<User>, StoreError> {
    let statement = find_statement(tx.realm(), tx.allowed().reach(), id);
    tx.one(statement.sql, statement.params).await?.as_ref().map(from_row).transpose()
}

/// The statement of [`find`], for the test that enumerates every combination.
#[must_use]
pub fn find_statement(realm: domain::realm::RealmKey, reach: &Reach, id: UserId) -> Statement {
    Composed::new(SELECT).bind(realm).and("u.id = ", Some(id)).within("n.path", reach).done()
}

/// A person wherever they belong: for whoever moved them in this transaction, out of their own reach.
///
/// # Errors
/// [`StoreError`].
pub async fn find_anywhere(tx: &mut WriteTx<'_>, id: UserId) -> Result<Option<User>, StoreError> {
    let statement = find_statement(tx.realm(), &Reach::Everywhere, id);
    tx.one(statement.sql, statement.params).await?.as_ref().map(from_row).transpose()
}

/// Who signs in with this: a username, or an e-mail address that exactly one active person has confirmed.
///
/// # Errors
/// [`StoreError`].
pub async fn by_identifier(tx: &mut impl Read, identifier: &Identifier) -> Result<Option<User>, StoreError> {
    let by_name = by_name_statement(tx.realm(), identifier);
    let named = tx.one(by_name.sql, by_name.params).await?;
    // Asked in either case, so that both take the same work.
    let by_mail = by_mail_statement(tx.realm(), identifier);
    let mailed = tx.query(by_mail.sql, by_mail.params).await?;
    let found = match (&named, mailed.as_slice()) {
        (Some(row), _) => Some(row),
        (None, [row]) => Some(row),
        (None, _) => None,
    };
    found.map(from_row).transpose()
}

/// The first statement of [`by_identifier`], for the test of all composed statements.
#[must_use]
pub fn by_name_statement(realm: domain::realm::RealmKey, identifier: &Identifier) -> Statement {
    Composed::new(SELECT).bind(realm).and("u.username = ", Some(identifier.key())).done()
}

/// The second statement of [`by_identifier`], for the test of all composed statements.
#[must_use]
pub fn by_mail_statement(realm: domain::realm::RealmKey, identifier: &Identifier) -> Statement {
    Composed::new(SELECT)
        .bind(realm)
        .and("u.email_key = ", Some(identifier.key()))
        .add(" AND u.status = 'active' AND u.email_verified_at IS NOT NULL ORDER BY u.id LIMIT 2")
        .done()
}

/// A person who is to be made.
#[derive(Clone, Debug)]
pub struct NewUser {
    /// Their id.
    pub id: UserId,
    /// Sign-in name.
    pub username: Username,
    /// What they are called.
    pub display_name: DisplayName,
    /// Given name.
    pub given_name: Option<String>,
    /// Family name.
    pub family_name: Option<String>,
    /// Mail address.
    pub email: Option<Email>,
    /// Whether whoever makes them vouches for it (the first administrator, demo).
    pub email_verified: bool,
    /// Telephone.
    pub phone: Option<String>,
    /// Language.
    pub locale: Option<String>,
    /// Home unit.
    pub unit: UnitId,
    /// Key in another directory.
    pub external_id: Option<String>,
    /// JSON object.
    pub attributes: String,
}

/// Makes an invited person; `false`: the username is taken.
///
/// # Errors
/// [`StoreError`].
pub async fn create(tx: &mut WriteTx<'_>, new: &NewUser) -> Result<bool, StoreError> {
    let (realm, now, by) = (tx.realm(), tx.now(), tx.allowed().actor().principal());
    let taken = sql!("SELECT id FROM \"user\" WHERE realm_id = $1 AND username = $2");
    if tx.one(taken, params![realm, new.username.as_str()]).await?.is_some() {
        return Ok(false);
    }
    let principal = sql!("INSERT INTO principal (realm_id, id, kind, created_at) VALUES ($1, $2, 'user', $3)");
    tx.execute(principal, params![realm, new.id, now]).await?;
    let sql = sql!(
        "INSERT INTO \"user\" (realm_id, id, username, display_name, display_name_key, given_name, family_name, family_name_key,
            email, email_key, email_verified_at, phone, locale, unit_id, external_id, attributes, status, reset_required,
            tokens_not_before, created_at, created_by, updated_at, updated_by, version)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $19, 'invited', $16, 0, $17, $18, $17, $18, 1)
         ON CONFLICT DO NOTHING RETURNING id"
    );
    let verified = new.email_verified && new.email.is_some();
    let values = params![
        realm,
        new.id,
        new.username.as_str(),
        new.display_name.as_str(),
        fold(new.display_name.as_str()),
        new.given_name.clone(),
        new.family_name.clone(),
        new.family_name.as_deref().map(fold),
        new.email.as_ref().map(Email::as_str),
        new.email.as_ref().map(Email::key),
        verified.then_some(now),
        new.phone.clone(),
        new.locale.clone(),
        new.unit,
        new.external_id.clone(),
        false,
        now,
        by,
        &new.attributes,
    ];
    let made = !tx.returning(sql, values).await?.is_empty();
    if !made {
        // Somebody took the name between the look and the insert: the principal row must not stay.
        tx.execute(sql!("DELETE FROM principal WHERE realm_id = $1 AND id = $2"), params![realm, new.id]).await?;
    }
    Ok(made)
}

/// Moves an account from one state to another; `false`: it was not in it. Tokens issued until now are refused when it leaves `active`.
///
/// # Errors
/// [`StoreError`].
pub async fn set_status(tx: &mut WriteTx<'_>, id: UserId, from: Status, to: Status) -> Result<bool, StoreError> {
    let sql = sql!(
        "UPDATE \"user\" SET status = $4, updated_at = $5, updated_by = $6, version = version + 1,
            tokens_not_before = CASE WHEN $4 = 'active' THEN tokens_not_before ELSE $5 END
          WHERE realm_id = $1 AND id = $2 AND status = $3"
    );
    let by = tx.allowed().actor().principal();
    let values = params![tx.realm(), id, from.as_str(), to.as_str(), tx.now(), by];
    let moved = tx.execute(sql, values).await? == 1;
    if moved && from == Status::Active {
        revocation::announce(tx, &[Fact::changed(id.into(), tx.now())]).await?;
    }
    Ok(moved)
}

/// Remembers a sign-in of an active account; `false`: it is not active. Holds the row until the transaction ends.
///
/// # Errors
/// [`StoreError`].
pub async fn signed_in(tx: &mut WriteTx<'_>, id: UserId) -> Result<bool, StoreError> {
    let sql = sql!("UPDATE \"user\" SET last_sign_in_at = $3 WHERE realm_id = $1 AND id = $2 AND status = 'active'");
    let values = params![tx.realm(), id, tx.now()];
    Ok(tx.execute(sql, values).await? == 1)
}

/// Remembers that a password was chosen; a link that reached the person's mail confirms the address.
///
/// # Errors
/// [`StoreError`].
pub async fn password_chosen(tx: &mut WriteTx<'_>, id: UserId, confirms_email: bool) -> Result<(), StoreError> {
    let sql = sql!(
        "UPDATE \"user\" SET password_changed_at = $3, updated_at = $3, reset_required = FALSE, tokens_not_before = $3,
            email_verified_at = CASE WHEN $4 AND email IS NOT NULL THEN COALESCE(email_verified_at, $3) ELSE email_verified_at END
          WHERE realm_id = $1 AND id = $2"
    );
    let values = params![tx.realm(), id, tx.now(), confirms_email];
    tx.execute(sql, values).await.map(|_| ())
}

/// Remembers that a person changed their own password: their present session goes on.
///
/// # Errors
/// [`StoreError`].
pub async fn password_changed(tx: &mut WriteTx<'_>, id: UserId) -> Result<(), StoreError> {
    let sql = sql!("UPDATE \"user\" SET password_changed_at = $3, updated_at = $3 WHERE realm_id = $1 AND id = $2");
    let values = params![tx.realm(), id, tx.now()];
    tx.execute(sql, values).await.map(|_| ())
}

/// What a person may change about themselves, whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Profile {
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
}

/// Writes a person's profile and raises the version; `false`: the row is not in this version.
///
/// # Errors
/// [`StoreError`].
pub async fn set_profile(tx: &mut WriteTx<'_>, id: UserId, version: i64, new: &Profile) -> Result<bool, StoreError> {
    let sql = sql!(
        "UPDATE \"user\" SET display_name = $4, display_name_key = $5, given_name = $6, family_name = $7, family_name_key = $8,
            phone = $9, locale = $10, updated_at = $11, updated_by = $12, version = version + 1
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
        tx.now(),
        by,
    ];
    Ok(tx.execute(sql, values).await? == 1)
}

/// Raises the version of a person whose grants changed.
///
/// # Errors
/// [`StoreError`].
pub async fn touch(tx: &mut WriteTx<'_>, id: UserId) -> Result<(), StoreError> {
    let sql = sql!(
        "UPDATE \"user\" SET version = version + 1, updated_at = $3, updated_by = $4 WHERE realm_id = $1 AND id = $2"
    );
    let by = tx.allowed().actor().principal();
    let values = params![tx.realm(), id, tx.now(), by];
    tx.execute(sql, values).await.map(|_| ())
}

/// Refuses all tokens issued until now.
///
/// # Errors
/// [`StoreError`].
pub async fn refuse_tokens(tx: &mut WriteTx<'_>, id: UserId) -> Result<(), StoreError> {
    let sql = sql!("UPDATE \"user\" SET tokens_not_before = $3 WHERE realm_id = $1 AND id = $2");
    let values = params![tx.realm(), id, tx.now()];
    tx.execute(sql, values).await?;
    revocation::announce(tx, &[Fact::changed(id.into(), tx.now())]).await
}

/// Whether the realm has anybody.
///
/// # Errors
/// [`StoreError`].
pub async fn any(tx: &mut impl Read) -> Result<bool, StoreError> {
    let sql = sql!("SELECT id FROM principal WHERE realm_id = $1 AND kind = 'user' LIMIT 1");
    Ok(tx.one(sql, params![tx.realm()]).await?.is_some())
}
