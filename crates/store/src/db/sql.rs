//! Statements: literals only, so that nothing anybody typed becomes SQL.

use std::borrow::Cow;

use super::value::Value;

/// The text of a statement, in the portable subset, with `$1` placeholders.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sql(pub(crate) Cow<'static, str>);

impl Sql {
    /// Use `sql!`: the test that prepares every statement looks for it.
    #[must_use]
    pub const fn literal(text: &'static str) -> Self {
        Self(Cow::Borrowed(text))
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether it only reads. (That no `WITH` changes anything is a lint over all statements.)
    pub(crate) fn reads(&self) -> bool {
        let first = self.0.split_ascii_whitespace().next().unwrap_or_default();
        first.eq_ignore_ascii_case("SELECT") || first.eq_ignore_ascii_case("WITH")
    }
}

/// A statement with its values.
#[derive(Clone, Debug)]
pub struct Statement {
    /// The text.
    pub sql: Sql,
    /// `$1`, `$2`, …
    pub params: Vec<Value>,
}

/// A statement with optional parts, composed of literals.
#[derive(Clone, Debug)]
pub struct Composed {
    text: String,
    params: Vec<Value>,
}

impl Composed {
    /// Begins with a literal.
    #[must_use]
    pub fn new(start: &'static str) -> Self {
        Self { text: start.to_owned(), params: Vec::new() }
    }

    /// Adds a literal.
    #[must_use]
    #[expect(clippy::should_implement_trait, reason = "nobody adds a text to a statement with `+`")]
    pub fn add(mut self, text: &'static str) -> Self {
        self.text.push_str(text);
        self
    }

    /// Adds a placeholder for a value.
    #[must_use]
    pub fn bind(mut self, value: impl Into<Value>) -> Self {
        self.params.push(value.into());
        self.text.push('$');
        self.text.push_str(&self.params.len().to_string());
        self
    }

    /// Adds ` AND column operator $n` if there is a value.
    #[must_use]
    pub fn and(self, condition: &'static str, value: Option<impl Into<Value>>) -> Self {
        match value {
            Some(value) => self.add(" AND ").add(condition).bind(value),
            None => self,
        }
    }

    /// Adds ` AND (path within reach)`; the column is a unit path.
    #[must_use]
    pub fn within(self, column: &'static str, reach: &domain::access::Reach) -> Self {
        let domain::access::Reach::Under(units) = reach else { return self };
        let mut composed = self.add(" AND (FALSE");
        for unit in units {
            let path = unit.as_str();
            composed = composed.add(" OR ").add(column).add(" = ").bind(path);
            // '0' follows '/': everything below the unit and nothing beside it.
            composed = composed.add(" OR (").add(column).add(" > ").bind(format!("{path}/"));
            composed = composed.add(" AND ").add(column).add(" < ").bind(format!("{path}0")).add(")");
        }
        composed.add(")")
    }

    /// The statement.
    #[must_use]
    pub fn done(self) -> Statement {
        Statement { sql: Sql(Cow::Owned(self.text)), params: self.params }
    }
}

/// A statement: `sql!("SELECT … WHERE id = $1")`.
macro_rules! sql {
    ($text:literal) => {
        $crate::db::Sql::literal($text)
    };
}
pub(crate) use sql;

/// The values of a statement: `params![tx.realm(), id]`.
macro_rules! params {
    ($($value:expr),* $(,)?) => {
        vec![$($crate::db::Value::from($value)),*]
    };
}
pub(crate) use params;
