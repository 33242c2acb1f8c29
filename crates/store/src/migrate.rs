//! Migrations: embedded, numbered, forward only. The same numbers and names for both databases.

use domain::event::hex;
use domain::secret::sha256;

use crate::error::StoreError;

/// A migration.
pub(crate) struct Migration {
    pub(crate) number: i64,
    pub(crate) name: &'static str,
    /// The oldest program that still works after it.
    pub(crate) compatible_from: i64,
    pub(crate) sqlite: &'static str,
    pub(crate) postgres: &'static str,
}

impl Migration {
    /// Over the PostgreSQL text: it changes when the migration does.
    pub(crate) fn hash(&self) -> String {
        hex(&sha256(&[self.postgres.as_bytes()]))
    }
}

macro_rules! migrations {
    ($($number:literal $name:literal compatible_from $from:literal;)*) => {
        &[$(Migration {
            number: $number,
            name: $name,
            compatible_from: $from,
            sqlite: include_str!(concat!("../migrations/sqlite/", $name, ".sql")),
            postgres: include_str!(concat!("../migrations/postgres/", $name, ".sql")),
        },)*]
    };
}

/// All of them, in order. A new one goes at the end, with two files.
pub(crate) const ALL: &[Migration] = migrations! {
    1 "0001_realm" compatible_from 1;
    2 "0002_directory" compatible_from 1;
    3 "0003_access" compatible_from 1;
    4 "0004_session" compatible_from 1;
    5 "0005_key_client" compatible_from 1;
    6 "0006_audit" compatible_from 1;
    7 "0007_sign_in" compatible_from 1;
    8 "0008_user_search" compatible_from 1;
    9 "0009_role_change" compatible_from 1;
    10 "0010_revocation" compatible_from 1;
    11 "0011_revocation_subject" compatible_from 1;
    12 "0012_refresh_previous" compatible_from 1;
    13 "0013_device_rotation" compatible_from 1;
};

/// This program's number: the last migration that it knows.
pub(crate) fn program() -> i64 {
    ALL.last().map_or(0, |migration| migration.number)
}

pub(crate) const TABLE_SQLITE: &str = "CREATE TABLE IF NOT EXISTS schema_migration (
    number INTEGER NOT NULL PRIMARY KEY, name TEXT NOT NULL, hash TEXT NOT NULL,
    compatible_from INTEGER NOT NULL, applied_at INTEGER NOT NULL) STRICT";

pub(crate) const TABLE_POSTGRES: &str = "CREATE TABLE IF NOT EXISTS schema_migration (
    number BIGINT NOT NULL PRIMARY KEY, name TEXT COLLATE \"C\" NOT NULL, hash TEXT COLLATE \"C\" NOT NULL,
    compatible_from BIGINT NOT NULL, applied_at BIGINT NOT NULL)";

/// A migration that the database has.
pub(crate) struct Applied {
    pub(crate) number: i64,
    pub(crate) hash: String,
    pub(crate) compatible_from: i64,
}

/// What the database lacks.
pub(crate) fn pending(applied: &[Applied]) -> impl Iterator<Item = &'static Migration> {
    let last = applied.iter().map(|a| a.number).max().unwrap_or(0);
    ALL.iter().filter(move |migration| migration.number > last)
}

/// Refuses a database that a newer program made incompatible, or whose migrations are not ours.
pub(crate) fn check_compatible(applied: &[Applied]) -> Result<(), StoreError> {
    let least = applied.iter().map(|a| a.compatible_from).max().unwrap_or(0);
    if least > program() {
        return Err(StoreError::Unusable(format!(
            "the database is from a newer version of Bailiwick (it needs {least}, this program knows {}). Install the newer version.",
            program()
        )));
    }
    let differs = |a: &&Applied| ALL.iter().any(|m| m.number == a.number && m.hash() != a.hash);
    match applied.iter().find(differs) {
        Some(other) => Err(StoreError::Unusable(format!(
            "migration {} of this database is not the one that this program knows. It was made by a development build; use a new database.",
            other.number
        ))),
        None => Ok(()),
    }
}
