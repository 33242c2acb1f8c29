//! The revocation feed: what a resource server must refuse although it was signed and has not expired.
//!
//! `GET /api/v1/revocations?since=` answers a [`RevocationPage`]; as `text/event-stream` each event carries one (its `id` is the page's
//! `next_cursor`), and a comment each second says that nothing is missing up to now. Items are idempotent facts: told twice they mean the
//! same. Times are RFC 3339 on the wire, and in memory seconds since 1970, as in the
//! tokens that they are compared with.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// A part of the feed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RevocationPage {
    /// In no particular order.
    pub items: Vec<Revocation>,
    /// Where to go on; opaque, never absent. Resuming may repeat items and never misses one.
    pub next_cursor: String,
    /// Whether there is more to fetch at once.
    pub more: bool,
}

/// What is refused.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "lowercase")]
pub enum Revocation {
    /// Tokens of a session.
    Session {
        /// The session.
        sid: Uuid,
        /// Those with an earlier `sid_as_of`, or `iat` without it; absent: all.
        #[serde(default, skip_serializing_if = "Option::is_none", with = "instant::option")]
        not_before: Option<i64>,
        /// From then on it may be forgotten.
        #[serde(with = "instant")]
        expires_at: i64,
    },
    /// Tokens of a person or a service with an earlier `as_of`, or `iat` without it.
    User {
        /// The principal.
        sub: Uuid,
        /// Those.
        #[serde(with = "instant")]
        not_before: i64,
        /// From then on it may be forgotten.
        #[serde(with = "instant")]
        expires_at: i64,
    },
    /// One token.
    Token {
        /// The token.
        jti: Uuid,
        /// From then on it may be forgotten.
        #[serde(with = "instant")]
        expires_at: i64,
    },
    /// Tokens with an earlier `roles_version` that carry one of these roles, at the root or in a unit.
    Roles {
        /// The edition that is in force.
        roles_version: i64,
        /// Which roles; empty: whatever the token carries.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        roles: Vec<String>,
        /// From then on it may be forgotten.
        #[serde(with = "instant")]
        expires_at: i64,
    },
    /// Keys were withdrawn: fetch the key document again, now.
    Keys {
        /// From then on it may be forgotten.
        #[serde(with = "instant")]
        expires_at: i64,
    },
    /// The cursor is of no use: forget everything, and ask (introspection) until the next comment.
    Reset,
}

/// RFC 3339 in UTC on the wire, seconds since 1970 in memory.
mod instant {
    use serde::{Deserialize, Deserializer, Serializer, de, ser};
    use time::OffsetDateTime;
    use time::format_description::well_known::Rfc3339;

    #[expect(clippy::trivially_copy_pass_by_ref, reason = "serde's signature")]
    pub(super) fn serialize<S: Serializer>(seconds: &i64, to: S) -> Result<S::Ok, S::Error> {
        let at = OffsetDateTime::from_unix_timestamp(*seconds).map_err(ser::Error::custom)?;
        to.serialize_str(&at.format(&Rfc3339).map_err(ser::Error::custom)?)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<i64, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(from)?;
        OffsetDateTime::parse(&text, &Rfc3339).map(OffsetDateTime::unix_timestamp).map_err(de::Error::custom)
    }

    pub(super) mod option {
        use serde::{Deserializer, Serializer};

        #[expect(clippy::ref_option, reason = "serde's signature")]
        pub(in super::super) fn serialize<S: Serializer>(seconds: &Option<i64>, to: S) -> Result<S::Ok, S::Error> {
            match seconds {
                Some(seconds) => super::serialize(seconds, to),
                None => to.serialize_none(),
            }
        }

        pub(in super::super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Option<i64>, D::Error> {
            super::deserialize(from).map(Some)
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may fail loudly")]
    use super::*;

    #[test]
    fn the_shape_of_the_feed() {
        let id = Uuid::from_u128(7);
        let items = vec![
            Revocation::Session { sid: id, not_before: None, expires_at: 3600 },
            Revocation::User { sub: id, not_before: 60, expires_at: 3600 },
            Revocation::Roles { roles_version: 4, roles: vec!["nurse".into()], expires_at: 3600 },
            Revocation::Reset,
        ];
        let text = serde_json::to_string(&items).unwrap();

        assert_eq!(
            text,
            concat!(
                r#"[{"kind":"session","sid":"00000000-0000-0000-0000-000000000007","expires_at":"1970-01-01T01:00:00Z"},"#,
                r#"{"kind":"user","sub":"00000000-0000-0000-0000-000000000007","not_before":"1970-01-01T00:01:00Z","expires_at":"1970-01-01T01:00:00Z"},"#,
                r#"{"kind":"roles","roles_version":4,"roles":["nurse"],"expires_at":"1970-01-01T01:00:00Z"},{"kind":"reset"}]"#
            )
        );
        assert_eq!(serde_json::from_str::<Vec<Revocation>>(&text).unwrap(), items);
    }
}
