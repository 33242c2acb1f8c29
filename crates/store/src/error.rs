//! The one error of storing. It never says "not found" (that is `None`) or "taken" (that is an outcome).

use thiserror::Error;

/// Why the database did not do it.
#[derive(Clone, Debug, Error)]
pub enum StoreError {
    /// The database cannot be reached or cannot write: connection lost, disk full. Nothing was done.
    #[error("the database is unavailable: {0}")]
    Unavailable(String),
    /// More is asked than can be done now; nothing was done.
    #[error("the database is busy")]
    Busy,
    /// A stored value is not what it should be.
    #[error("stored data is corrupt: {table}.{column} {id}")]
    Corrupt {
        /// The table, or what was read.
        table: &'static str,
        /// The column.
        column: String,
        /// The row, as far as known.
        id: String,
    },
    /// The database refused a statement, or the code broke a rule of transactions.
    #[error("the database refused: {0}")]
    Driver(String),
    /// The database cannot be opened as it is; the text says what to do.
    #[error("{0}")]
    Unusable(String),
}

impl StoreError {
    pub(crate) fn rule(broken: &str) -> Self {
        Self::Driver(format!("rule broken: {broken}"))
    }
}
