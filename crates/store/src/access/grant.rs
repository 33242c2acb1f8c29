//! Grants: who holds which role, where, from when until when, by whose decision.

use domain::access::{Held, Reach};
use domain::id::{GrantId, PrincipalId, RoleId, UnitId, UserId};
use domain::time::Timestamp;
use domain::unit::UnitPath;

use crate::db::{Composed, Read, Row, Statement, WriteTx, params, sql};
use crate::error::StoreError;

/// A grant as stored.
#[derive(Clone, Debug)]
pub struct Grant {
    /// Its id.
    pub id: GrantId,
    /// Who holds it.
    pub principal: PrincipalId,
    /// What it gives.
    pub role: RoleId,
    /// Name of the role.
    pub role_name: String,
    /// Where.
    pub unit: UnitPath,
    /// From when.
    pub valid_from: Timestamp,
    /// Until when.
    pub valid_until: Option<Timestamp>,
    /// Why.
    pub reason: String,
    /// By whose decision.
    pub granted_by: Option<PrincipalId>,
    /// Decided when.
    pub granted_at: Timestamp,
    /// Ended when.
    pub ended_at: Option<Timestamp>,
    /// By whom.
    pub ended_by: Option<PrincipalId>,
}

const SELECT: &str =
    "SELECT g.id, g.principal_id, g.role_id, r.name, n.path, g.valid_from, g.valid_until, g.reason, g.granted_by,
    g.granted_at, g.ended_at, g.ended_by FROM role_grant g
  JOIN role r ON r.realm_id = g.realm_id AND r.id = g.role_id
  JOIN unit n ON n.realm_id = g.realm_id AND n.id = g.unit_id WHERE g.realm_id = ";

fn from_row(row: &Row) -> Result<Grant, StoreError> {
    Ok(Grant {
        id: row.get(0)?,
        principal: row.get(1)?,
        role: row.get(2)?,
        role_name: row.get(3)?,
        unit: row.parsed(4, |path| UnitPath::parse(path).ok())?,
        valid_from: row.get(5)?,
        valid_until: row.get(6)?,
        reason: row.get(7)?,
        granted_by: row.get(8)?,
        granted_at: row.get(9)?,
        ended_at: row.get(10)?,
        ended_by: row.get(11)?,
    })
}

/// The grants of a principal in force now.
///
/// # Errors
/// [`StoreError`].
pub async fn in_force(tx: &mut impl Read, principal: PrincipalId) -> Result<Vec<Held>, StoreError> {
    let sql = sql!(
        "SELECT g.id, g.role_id, n.path, g.valid_until FROM role_grant g
           JOIN unit n ON n.realm_id = g.realm_id AND n.id = g.unit_id
          WHERE g.realm_id = $1 AND g.principal_id = $2 AND g.ended_at IS NULL AND g.valid_from <= $3
            AND (g.valid_until IS NULL OR g.valid_until > $3) ORDER BY g.id"
    );
    let rows = tx.query(sql, params![tx.realm(), principal, tx.now()]).await?;
    rows.iter().map(held).collect()
}

/// The same with the instant from which on the principal's access tokens must be issued (`store::revocation`), in one look.
///
/// # Errors
/// [`StoreError`].
pub async fn holding(tx: &mut impl Read, principal: PrincipalId) -> Result<(Vec<Held>, Timestamp), StoreError> {
    let sql = sql!(
        "SELECT g.id, g.role_id, n.path, g.valid_until, p.access_not_before FROM principal p
           LEFT JOIN role_grant g ON g.realm_id = p.realm_id AND g.principal_id = p.id AND g.ended_at IS NULL AND g.valid_from <= $3
            AND (g.valid_until IS NULL OR g.valid_until > $3)
           LEFT JOIN unit n ON n.realm_id = g.realm_id AND n.id = g.unit_id
          WHERE p.realm_id = $1 AND p.id = $2 ORDER BY g.id"
    );
    let rows = tx.query(sql, params![tx.realm(), principal, tx.now()]).await?;
    let not_before = rows.first().map_or(Ok(Timestamp::from_micros(0)), |row| row.get(4))?;
    let mut all = Vec::with_capacity(rows.len());
    for row in &rows {
        if row.get::<Option<GrantId>>(0)?.is_some() {
            all.push(held(row)?);
        }
    }
    Ok((all, not_before))
}

pub(crate) fn held(row: &Row) -> Result<Held, StoreError> {
    let unit = row.parsed(2, |path| UnitPath::parse(path).ok())?;
    Ok(Held { grant: row.get(0)?, role: row.get(1)?, unit, valid_until: row.get(3)? })
}

/// The grants of a principal that are in force or begin later.
///
/// # Errors
/// [`StoreError`].
pub async fn standing(tx: &mut impl Read, principal: PrincipalId) -> Result<Vec<Held>, StoreError> {
    let sql = sql!(
        "SELECT g.id, g.role_id, n.path, g.valid_until FROM role_grant g
           JOIN unit n ON n.realm_id = g.realm_id AND n.id = g.unit_id
          WHERE g.realm_id = $1 AND g.principal_id = $2 AND g.ended_at IS NULL
            AND (g.valid_until IS NULL OR g.valid_until > $3) ORDER BY g.id"
    );
    tx.query(sql, params![tx.realm(), principal, tx.now()]).await?.iter().map(held).collect()
}

/// All grants of a principal, ended ones too, newest first, after `after`.
///
/// # Errors
/// [`StoreError`].
pub async fn of_principal(
    tx: &mut impl Read,
    principal: PrincipalId,
    after: Option<GrantId>,
    limit: i64,
) -> Result<Vec<Grant>, StoreError> {
    let statement = list_statement(tx.realm(), principal, after, limit);
    tx.query(statement.sql, statement.params).await?.iter().map(from_row).collect()
}

/// The statement of [`of_principal`], for the test that enumerates every combination.
#[must_use]
pub fn list_statement(
    realm: domain::realm::RealmKey,
    principal: PrincipalId,
    after: Option<GrantId>,
    limit: i64,
) -> Statement {
    Composed::new(SELECT)
        .bind(realm)
        .and("g.principal_id = ", Some(principal))
        .and("g.id < ", after)
        .add(" ORDER BY g.id DESC LIMIT ")
        .bind(limit)
        .done()
}

/// One grant of a principal.
///
/// # Errors
/// [`StoreError`].
pub async fn find(tx: &mut impl Read, principal: PrincipalId, id: GrantId) -> Result<Option<Grant>, StoreError> {
    let statement = find_statement(tx.realm(), principal, id);
    tx.one(statement.sql, statement.params).await?.as_ref().map(from_row).transpose()
}

/// The statement of [`find`], for the test of all composed statements.
#[must_use]
pub fn find_statement(realm: domain::realm::RealmKey, principal: PrincipalId, id: GrantId) -> Statement {
    Composed::new(SELECT).bind(realm).and("g.principal_id = ", Some(principal)).and("g.id = ", Some(id)).done()
}

/// A grant that is to be made.
#[derive(Clone, Debug)]
pub struct NewGrant {
    /// Its id.
    pub id: GrantId,
    /// Who gets it.
    pub principal: PrincipalId,
    /// Which role.
    pub role: RoleId,
    /// Where.
    pub unit: UnitId,
    /// From when.
    pub valid_from: Timestamp,
    /// Until when.
    pub valid_until: Option<Timestamp>,
    /// Why.
    pub reason: String,
}

/// Whether the principal holds the role in the unit already at some moment of the new grant. Needs
/// [`Guard::Principal`](crate::Guard::Principal).
///
/// # Errors
/// [`StoreError`].
pub async fn overlaps(tx: &mut WriteTx<'_>, new: &NewGrant) -> Result<bool, StoreError> {
    let sql = sql!(
        "SELECT id FROM role_grant WHERE realm_id = $1 AND principal_id = $2 AND role_id = $3 AND unit_id = $4 AND ended_at IS NULL
            AND (valid_until IS NULL OR valid_until > $5) AND (CAST($6 AS BIGINT) IS NULL OR valid_from < $6) LIMIT 1"
    );
    let values = params![tx.realm(), new.principal, new.role, new.unit, new.valid_from, new.valid_until];
    Ok(tx.one(sql, values).await?.is_some())
}

/// Makes a grant.
///
/// # Errors
/// [`StoreError`].
pub async fn create(tx: &mut WriteTx<'_>, new: &NewGrant) -> Result<(), StoreError> {
    let sql = sql!(
        "INSERT INTO role_grant (realm_id, id, principal_id, role_id, unit_id, valid_from, valid_until, granted_by, granted_at, reason)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)"
    );
    let by = tx.allowed().actor().principal();
    let values = params![
        tx.realm(),
        new.id,
        new.principal,
        new.role,
        new.unit,
        new.valid_from,
        new.valid_until,
        by,
        tx.now(),
        &new.reason,
    ];
    tx.execute(sql, values).await.map(|_| ())
}

/// Ends a grant; `false`: it was ended already.
///
/// # Errors
/// [`StoreError`].
pub async fn end(tx: &mut WriteTx<'_>, id: GrantId) -> Result<bool, StoreError> {
    let sql =
        sql!("UPDATE role_grant SET ended_at = $3, ended_by = $4 WHERE realm_id = $1 AND id = $2 AND ended_at IS NULL");
    let by = tx.allowed().actor().principal();
    let values = params![tx.realm(), id, tx.now(), by];
    Ok(tx.execute(sql, values).await? == 1)
}

/// Whether somebody holds a role, or will.
///
/// # Errors
/// [`StoreError`].
pub async fn any_of_role(tx: &mut impl Read, role: RoleId) -> Result<bool, StoreError> {
    let sql = sql!(
        "SELECT id FROM role_grant WHERE realm_id = $1 AND role_id = $2 AND ended_at IS NULL
            AND (valid_until IS NULL OR valid_until > $3) LIMIT 1"
    );
    Ok(tx.one(sql, params![tx.realm(), role, tx.now()]).await?.is_some())
}

/// Whether somebody holds a role in a unit, or will.
///
/// # Errors
/// [`StoreError`].
pub async fn any_in_unit(tx: &mut impl Read, unit: UnitId) -> Result<bool, StoreError> {
    let sql = sql!(
        "SELECT id FROM role_grant WHERE realm_id = $1 AND unit_id = $2 AND ended_at IS NULL
            AND (valid_until IS NULL OR valid_until > $3) LIMIT 1"
    );
    Ok(tx.one(sql, params![tx.realm(), unit, tx.now()]).await?.is_some())
}

/// Somebody who holds a role, by one grant.
#[derive(Clone, Debug)]
pub struct Member {
    /// Who.
    pub user: UserId,
    /// Sign-in name.
    pub username: Option<String>,
    /// What they are called.
    pub display_name: Option<String>,
    /// Home unit.
    pub home: UnitPath,
    /// By which grant.
    pub grant: GrantId,
    /// Where they hold it.
    pub unit: UnitPath,
    /// Since when.
    pub valid_from: Timestamp,
    /// Until when.
    pub valid_until: Option<Timestamp>,
}

/// Who holds a role now, of the people within reach: by person, then grant.
///
/// # Errors
/// [`StoreError`].
pub async fn members(
    tx: &mut impl Read,
    role: RoleId,
    after: Option<(UserId, GrantId)>,
    limit: i64,
) -> Result<Vec<Member>, StoreError> {
    let statement = members_statement(tx.realm(), tx.allowed().reach(), tx.now(), role, after, limit);
    let rows = tx.query(statement.sql, statement.params).await?;
    rows.iter()
        .map(|row| {
            Ok(Member {
                user: row.get(0)?,
                username: row.get(1)?,
                display_name: row.get(2)?,
                home: row.parsed(3, |path| UnitPath::parse(path).ok())?,
                grant: row.get(4)?,
                unit: row.parsed(5, |path| UnitPath::parse(path).ok())?,
                valid_from: row.get(6)?,
                valid_until: row.get(7)?,
            })
        })
        .collect()
}

/// The statement of [`members`], for the test that enumerates every combination.
#[must_use]
pub fn members_statement(
    realm: domain::realm::RealmKey,
    reach: &Reach,
    now: Timestamp,
    role: RoleId,
    after: Option<(UserId, GrantId)>,
    limit: i64,
) -> Statement {
    let composed = Composed::new(
        "SELECT u.id, u.username, u.display_name, h.path, g.id, n.path, g.valid_from, g.valid_until FROM role_grant g
           JOIN \"user\" u ON u.realm_id = g.realm_id AND u.id = g.principal_id
           JOIN unit h ON h.realm_id = u.realm_id AND h.id = u.unit_id
           JOIN unit n ON n.realm_id = g.realm_id AND n.id = g.unit_id WHERE g.realm_id = ",
    )
    .bind(realm)
    .and("g.role_id = ", Some(role))
    .add(" AND g.ended_at IS NULL")
    .and("g.valid_from <= ", Some(now))
    .add(" AND (g.valid_until IS NULL OR g.valid_until > ")
    .bind(now)
    .add(")")
    .within("h.path", reach);
    let composed = match after {
        Some((user, grant)) => {
            composed.add(" AND (g.principal_id, g.id) > (").bind(user).add(", ").bind(grant).add(")")
        }
        None => composed,
    };
    composed.add(" ORDER BY g.principal_id, g.id LIMIT ").bind(limit).done()
}

/// How many active people hold one of these roles at the root now, but for `without`; `for_good`: whose grant does not end by itself.
///
/// # Errors
/// [`StoreError`].
pub async fn holders_at_root(
    tx: &mut impl Read,
    roles: &[RoleId],
    without: Option<GrantId>,
    for_good: bool,
) -> Result<Vec<PrincipalId>, StoreError> {
    let statement = holders_at_root_statement(tx.realm(), tx.now(), roles, without, for_good);
    tx.query(statement.sql, statement.params).await?.iter().map(|row| row.get(0)).collect()
}

/// The statement of [`holders_at_root`], for the test that enumerates every combination.
#[must_use]
pub fn holders_at_root_statement(
    realm: domain::realm::RealmKey,
    now: Timestamp,
    roles: &[RoleId],
    without: Option<GrantId>,
    for_good: bool,
) -> Statement {
    let mut statement = Composed::new(
        "SELECT DISTINCT g.principal_id FROM role_grant g
           JOIN unit n ON n.realm_id = g.realm_id AND n.id = g.unit_id AND n.path = '/'
           JOIN \"user\" u ON u.realm_id = g.realm_id AND u.id = g.principal_id AND u.status = 'active'
          WHERE g.realm_id = ",
    )
    .bind(realm)
    .add(" AND g.ended_at IS NULL AND g.valid_from <= ")
    .bind(now)
    .add(" AND (g.valid_until IS NULL OR g.valid_until > ")
    .bind(now)
    .add(")")
    .and("g.id <> ", without)
    .add(if for_good { " AND g.valid_until IS NULL" } else { "" })
    .add(" AND g.role_id IN (NULL");
    for role in roles {
        statement = statement.add(", ").bind(*role);
    }
    statement.add(")").done()
}
