//! Finding people: by the beginning of a name, username, e-mail or external id, narrowed by filters, a page at a time.
//!
//! The order is: the column in which the search was found (display name, family name, username, e-mail, external id), its text, the id.
//! Whoever is found in several columns stands at the first of them. Each column is a range of its own index, so that a page costs the same
//! among ten thousand and a million. Where a reach or a role holds few people ([`FEW`]), those are looked at instead, in the same order.

use domain::access::Reach;
use domain::id::{RoleId, UserId};
use domain::realm::RealmKey;
use domain::time::Timestamp;
use domain::unit::UnitPath;
use domain::user::{Status, fold};

use crate::db::{Composed, Read, Row, Statement};
use crate::error::StoreError;

/// Up to so many people are looked at one by one.
pub const FEW: i64 = 5000;

/// Where a search looks, in the order of its results.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Column {
    /// What they are called, folded.
    DisplayName,
    /// Family name, folded.
    FamilyName,
    /// Sign-in name.
    Username,
    /// E-mail, folded.
    Email,
    /// Key in another directory, as typed.
    ExternalId,
}

impl Column {
    /// All of them, in order.
    pub const ALL: [Self; 5] = [Self::DisplayName, Self::FamilyName, Self::Username, Self::Email, Self::ExternalId];

    const fn name(self) -> &'static str {
        match self {
            Self::DisplayName => "u.display_name_key",
            Self::FamilyName => "u.family_name_key",
            Self::Username => "u.username",
            Self::Email => "u.email_key",
            Self::ExternalId => "u.external_id",
        }
    }

    /// As a cursor says it.
    #[must_use]
    pub fn number(self) -> u8 {
        self as u8
    }

    /// Reads [`Column::number`].
    #[must_use]
    pub fn from_number(number: u8) -> Option<Self> {
        Self::ALL.get(usize::from(number)).copied()
    }
}

/// Which second factors somebody has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mfa {
    /// None.
    None,
    /// An authenticator application.
    Totp,
    /// A passkey.
    Passkey,
}

impl Mfa {
    /// Reads `none`, `totp`, `passkey`.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        match text {
            "none" => Some(Self::None),
            "totp" => Some(Self::Totp),
            "passkey" => Some(Self::Passkey),
            _ => None,
        }
    }
}

/// A place in the results.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Position {
    /// Found in this column.
    pub column: Column,
    /// By this text.
    pub key: String,
    /// Who.
    pub id: UserId,
}

/// What is looked for.
#[derive(Clone, Debug, Default)]
pub struct Query {
    /// The beginning of a name; empty: everybody, by display name.
    pub prefix: String,
    /// Holds this role directly, somewhere, now.
    pub role: Option<RoleId>,
    /// Home unit at or below.
    pub unit: Option<UnitPath>,
    /// In this state; without it, whoever is not deleted.
    pub status: Option<Status>,
    /// Second factors.
    pub mfa: Option<Mfa>,
    /// After this place.
    pub after: Option<Position>,
}

/// What a page is read from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Drive {
    /// The ranges of the columns.
    Columns,
    /// The people of the units within reach, which are few.
    Units,
    /// The holders of the role, who are few.
    Holders,
}

/// Bounds of a prefix: from it, below its end.
fn bounds(column: Column, prefix: &str) -> (String, String) {
    let from = if column == Column::ExternalId { prefix.trim().to_owned() } else { fold(prefix) };
    // The greatest character: nothing that begins with the prefix comes after it.
    let end = format!("{from}\u{10ffff}");
    (from, end)
}

/// A page of places within reach.
///
/// # Errors
/// [`StoreError`].
pub async fn search(tx: &mut impl Read, query: &Query, limit: i64) -> Result<Vec<Position>, StoreError> {
    if query.status == Some(Status::Deleted) {
        return tombstones(tx, query, limit).await;
    }
    let drive = drive(tx, query).await?;
    if drive != Drive::Columns {
        let statement = narrow_statement((tx.realm(), tx.now()), tx.allowed().reach(), query, drive, limit);
        let rows = tx.query(statement.sql, statement.params).await?;
        return rows.iter().map(|row| place(numbered(row)?, row, 1)).collect();
    }
    let first = query.after.as_ref().map_or(Column::DisplayName, |after| after.column);
    let mut found = Vec::new();
    for column in columns(query).iter().copied().filter(|column| *column >= first) {
        let left = limit - i64::try_from(found.len()).unwrap_or(limit);
        if left <= 0 {
            break;
        }
        let statement = search_statement((tx.realm(), tx.now()), tx.allowed().reach(), query, column, left);
        for row in tx.query(statement.sql, statement.params).await? {
            found.push(place(column, &row, 0)?);
        }
    }
    Ok(found)
}

fn numbered(row: &Row) -> Result<Column, StoreError> {
    let column = u8::try_from(row.get::<i64>(0)?).ok().and_then(Column::from_number);
    column.ok_or_else(|| StoreError::rule("a search numbers a column that there is not"))
}

fn place(column: Column, row: &Row, at: usize) -> Result<Position, StoreError> {
    Ok(Position { column, key: row.get(at)?, id: row.get(at + 1)? })
}

/// Nothing of a deleted person can be searched: they are listed by id, and only when they are asked for.
async fn tombstones(tx: &mut impl Read, query: &Query, limit: i64) -> Result<Vec<Position>, StoreError> {
    if !query.prefix.trim().is_empty() || query.role.is_some() || query.mfa.is_some_and(|mfa| mfa != Mfa::None) {
        return Ok(Vec::new());
    }
    let statement = tombstones_statement(tx.realm(), tx.allowed().reach(), query, limit);
    let rows = tx.query(statement.sql, statement.params).await?;
    let at = |row: &Row| Ok(Position { column: Column::DisplayName, key: String::new(), id: row.get(0)? });
    rows.iter().map(at).collect()
}

/// The statement behind `status=deleted`.
#[must_use]
pub fn tombstones_statement(realm: RealmKey, reach: &Reach, query: &Query, limit: i64) -> Statement {
    let start = "SELECT u.id FROM \"user\" u CROSS JOIN unit n WHERE n.realm_id = u.realm_id AND n.id = u.unit_id
        AND u.display_name_key IS NULL AND u.status = 'deleted' AND u.realm_id = ";
    units(Composed::new(start).bind(realm), reach, query)
        .and("u.id > ", query.after.as_ref().map(|after| after.id))
        .add(" ORDER BY u.id LIMIT ")
        .bind(limit)
        .done()
}

/// Without a prefix everybody has a display name.
fn columns(query: &Query) -> &'static [Column] {
    if query.prefix.trim().is_empty() { &Column::ALL[..1] } else { &Column::ALL }
}

/// Few people are looked at one by one; the ranges of the columns would read past all the others.
async fn drive(tx: &mut impl Read, query: &Query) -> Result<Drive, StoreError> {
    if query.role.is_some() && count(tx, query, Drive::Holders).await? <= FEW {
        return Ok(Drive::Holders);
    }
    let narrowed = query.unit.as_ref().is_some_and(|unit| !unit.is_root());
    let everywhere = *tx.allowed().reach() == Reach::Everywhere;
    if (narrowed || !everywhere) && count(tx, query, Drive::Units).await? <= FEW {
        return Ok(Drive::Units);
    }
    Ok(Drive::Columns)
}

async fn count(tx: &mut impl Read, query: &Query, of: Drive) -> Result<i64, StoreError> {
    let statement = count_statement(tx.realm(), tx.allowed().reach(), query, of);
    tx.one(statement.sql, statement.params).await?.map_or(Ok(0), |row| row.get(0))
}

/// How many people are in the units that are asked for, or have held the role; no further than one more than [`FEW`].
#[must_use]
pub fn count_statement(realm: RealmKey, reach: &Reach, query: &Query, of: Drive) -> Statement {
    let statement = if of == Drive::Holders {
        Composed::new("SELECT COUNT(f.id) FROM (SELECT g.principal_id AS id FROM role_grant g WHERE g.realm_id = ")
            .bind(realm)
            .and("g.role_id = ", query.role)
    } else {
        let start = "SELECT COUNT(f.id) FROM (SELECT u.id AS id FROM unit n CROSS JOIN \"user\" u
            WHERE u.realm_id = n.realm_id AND u.unit_id = n.id AND n.realm_id = ";
        units(Composed::new(start).bind(realm), reach, query)
    };
    statement.add(" LIMIT ").bind(FEW + 1).add(") f").done()
}

/// Home unit within reach, and at or below the one that is asked for.
fn units(statement: Composed, reach: &Reach, query: &Query) -> Composed {
    let statement = statement.within("n.path", reach);
    match query.unit.as_ref().filter(|unit| !unit.is_root()) {
        Some(unit) => statement.within("n.path", &Reach::Under(vec![unit.clone()])),
        None => statement,
    }
}

/// State, second factors and role.
fn filters(mut statement: Composed, now: Timestamp, query: &Query, drive: Drive) -> Composed {
    statement = statement.and("u.status = ", query.status.map(Status::as_str));
    statement = match query.mfa {
        None => statement,
        Some(Mfa::None) => statement.add(" AND NOT EXISTS (SELECT c.id FROM credential c WHERE c.realm_id = u.realm_id AND c.user_id = u.id
            AND c.kind IN ('totp', 'passkey') AND c.ended_at IS NULL AND c.confirmed_at IS NOT NULL)"),
        Some(mfa) => statement
            .add(" AND EXISTS (SELECT c.id FROM credential c WHERE c.realm_id = u.realm_id AND c.user_id = u.id AND c.kind = ")
            .bind(if mfa == Mfa::Totp { "totp" } else { "passkey" })
            .add(" AND c.ended_at IS NULL AND c.confirmed_at IS NOT NULL)"),
    };
    let Some(role) = query.role else { return statement };
    let holds = if drive == Drive::Holders {
        " AND u.id IN (SELECT g.principal_id FROM role_grant g WHERE g.realm_id = u.realm_id AND g.role_id = "
    } else {
        " AND EXISTS (SELECT g.id FROM role_grant g WHERE g.realm_id = u.realm_id AND g.principal_id = u.id AND g.role_id = "
    };
    statement = statement.add(holds).bind(role).add(" AND g.ended_at IS NULL AND g.valid_from <= ").bind(now);
    statement.add(" AND (g.valid_until IS NULL OR g.valid_until > ").bind(now).add("))")
}

fn begins(statement: Composed, column: Column, prefix: &str) -> Composed {
    let (from, end) = bounds(column, prefix);
    let statement = statement.add(column.name()).add(" >= ").bind(from);
    statement.add(" AND ").add(column.name()).add(" < ").bind(end)
}

/// Whoever a column begins with the prefix for, and no column before it.
#[must_use]
pub fn search_statement(
    (realm, now): (RealmKey, Timestamp),
    reach: &Reach,
    query: &Query,
    column: Column,
    limit: i64,
) -> Statement {
    let start =
        "FROM \"user\" u CROSS JOIN unit n WHERE n.realm_id = u.realm_id AND n.id = u.unit_id AND u.realm_id = ";
    let statement = Composed::new("SELECT ").add(column.name()).add(", u.id ").add(start).bind(realm).add(" AND ");
    let mut statement = begins(statement, column, &query.prefix);
    for before in Column::ALL.into_iter().filter(|before| *before < column) {
        statement = statement.add(" AND (").add(before.name()).add(" IS NULL OR NOT (");
        statement = begins(statement, before, &query.prefix).add("))");
    }
    statement = units(filters(statement, now, query, Drive::Columns), reach, query);
    if let Some(after) = query.after.as_ref().filter(|after| after.column == column) {
        statement = statement.add(" AND (").add(column.name()).add(", u.id) > (");
        statement = statement.bind(after.key.as_str()).add(", ").bind(after.id).add(")");
    }
    statement.add(" ORDER BY ").add(column.name()).add(", u.id LIMIT ").bind(limit).done()
}

/// The same places in the same order, out of few people.
#[must_use]
pub fn narrow_statement(
    (realm, now): (RealmKey, Timestamp),
    reach: &Reach,
    query: &Query,
    drive: Drive,
    limit: i64,
) -> Statement {
    const NUMBERS: [&str; 5] =
        ["CAST(0 AS BIGINT)", "CAST(1 AS BIGINT)", "CAST(2 AS BIGINT)", "CAST(3 AS BIGINT)", "CAST(4 AS BIGINT)"];
    let mut statement = Composed::new("SELECT m.place, m.text, m.id FROM (SELECT CASE");
    for (column, number) in columns(query).iter().zip(NUMBERS) {
        statement = begins(statement.add(" WHEN "), *column, &query.prefix).add(" THEN ").add(number);
    }
    statement = statement.add(" END AS place, CASE");
    for column in columns(query) {
        statement = begins(statement.add(" WHEN "), *column, &query.prefix).add(" THEN ").add(column.name());
    }
    let from = if drive == Drive::Units {
        " END AS text, u.id AS id FROM unit n CROSS JOIN \"user\" u WHERE u.realm_id = n.realm_id AND u.unit_id = n.id AND n.realm_id = "
    } else {
        " END AS text, u.id AS id FROM \"user\" u CROSS JOIN unit n WHERE n.realm_id = u.realm_id AND n.id = u.unit_id AND u.realm_id = "
    };
    statement = units(filters(statement.add(from).bind(realm), now, query, drive), reach, query);
    statement = statement.add(") m WHERE m.place IS NOT NULL");
    if let Some(after) = &query.after {
        statement = statement.add(" AND (m.place, m.text, m.id) > (").bind(i64::from(after.column.number()));
        statement = statement.add(", ").bind(after.key.as_str()).add(", ").bind(after.id).add(")");
    }
    statement.add(" ORDER BY m.place, m.text, m.id LIMIT ").bind(limit).done()
}
