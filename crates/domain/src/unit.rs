//! Units: places in a realm's organisation. A role is granted *in* a unit and holds below it.

use std::sync::Arc;

use thiserror::Error;

/// A unit's path: `/`, `/clinic-a`, `/clinic-a/ward-3`. Slugs never change, so neither does it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct UnitPath(Arc<str>);

/// Why a text is no unit path.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum UnitError {
    /// It is not `/` followed by slugs.
    #[error("a unit is written as its path: / or /clinic-a/ward-3")]
    Path,
    /// Deeper than [`DEEPEST`] or longer than [`LONGEST`].
    #[error("a unit path has at most 12 levels and 400 characters")]
    TooDeep,
}

/// Most levels below the root.
pub const DEEPEST: usize = 12;
/// Most bytes of a path.
pub const LONGEST: usize = 400;

/// Whether `text` is `[a-z][a-z0-9-]*` of at most `longest` bytes.
#[must_use]
pub fn is_slug(text: &str, longest: usize) -> bool {
    text.len() <= longest
        && text.starts_with(|first: char| first.is_ascii_lowercase())
        && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
}

impl TryFrom<String> for UnitPath {
    type Error = UnitError;
    fn try_from(text: String) -> Result<Self, UnitError> {
        Self::parse(&text)
    }
}

impl From<UnitPath> for String {
    fn from(value: UnitPath) -> Self {
        value.0.to_string()
    }
}

impl UnitPath {
    /// The whole organisation.
    #[must_use]
    pub fn root() -> Self {
        Self("/".into())
    }

    /// Checks `text`.
    ///
    /// # Errors
    /// [`UnitError`].
    pub fn parse(text: &str) -> Result<Self, UnitError> {
        if text == "/" {
            return Ok(Self::root());
        }
        let inner = text.strip_prefix('/').ok_or(UnitError::Path)?;
        if text.len() > LONGEST || inner.split('/').count() > DEEPEST {
            return Err(UnitError::TooDeep);
        }
        if inner.split('/').all(|slug| is_slug(slug, 63)) { Ok(Self(text.into())) } else { Err(UnitError::Path) }
    }

    /// The path.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether this is the root.
    #[must_use]
    pub fn is_root(&self) -> bool {
        &*self.0 == "/"
    }

    /// Whether `other` is this unit or lies below it.
    #[must_use]
    pub fn contains(&self, other: &Self) -> bool {
        self.is_root() || other.0.strip_prefix(&*self.0).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    }

    /// The unit `slug` directly below.
    ///
    /// # Errors
    /// [`UnitError`].
    pub fn child(&self, slug: &str) -> Result<Self, UnitError> {
        let base = if self.is_root() { "" } else { &self.0 };
        Self::parse(&format!("{base}/{slug}"))
    }

    /// The unit directly above; `None` for the root.
    #[must_use]
    pub fn parent(&self) -> Option<Self> {
        if self.is_root() {
            return None;
        }
        match self.0.rsplit_once('/') {
            Some(("", _)) | None => Some(Self::root()),
            Some((above, _)) => Some(Self(above.into())),
        }
    }

    /// The last part; empty for the root.
    #[must_use]
    pub fn slug(&self) -> &str {
        self.0.rsplit('/').next().unwrap_or("")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(text: &str) -> UnitPath {
        UnitPath::parse(text).expect("a path")
    }

    #[test]
    fn a_unit_holds_what_lies_below_it_and_not_its_namesakes() {
        assert!(path("/").contains(&path("/clinic-a")));
        assert!(path("/clinic-a").contains(&path("/clinic-a/ward-3")));
        assert!(path("/clinic-a").contains(&path("/clinic-a")));
        assert!(!path("/clinic-a").contains(&path("/clinic-ab")));
        assert!(!path("/clinic-a/ward-3").contains(&path("/clinic-a")));
    }

    #[test]
    fn what_is_no_path_is_refused() {
        for text in ["", "clinic", "//", "/a/", "/A", "/a//b", "/1a", "/a b", "/é", "/..", "/%"] {
            assert_eq!(UnitPath::parse(text), Err(UnitError::Path), "{text}");
        }
        assert_eq!(UnitPath::parse(&"/a".repeat(13)), Err(UnitError::TooDeep));
    }

    #[test]
    fn parent_and_child_are_inverse() {
        let ward = path("/clinic-a").child("ward-3").expect("a path");

        assert_eq!(ward.parent(), Some(path("/clinic-a")));
        assert_eq!(ward.slug(), "ward-3");
        assert_eq!(path("/clinic-a").parent(), Some(UnitPath::root()));
    }
}
