//! Revocations: what resource servers must refuse although it was signed and has not expired (REV-03).
//!
//! Facts are idempotent: told twice they mean the same. Storing is `store::revocation`, telling is the feed (`service::feed`), obeying is the
//! guard.

use crate::id::{PrincipalId, SessionId, TokenId};
use crate::role::RoleName;
use crate::time::{Timestamp, seconds};

/// No access token lives longer (requirements.md, 2.2).
pub const LONGEST_ACCESS_TOKEN_SECONDS: u64 = 3600;
/// The most that clocks of verifiers may differ from ours.
const LEEWAY_SECONDS: u64 = 60;
/// The most names of roles in one fact; more are told as "all".
pub const MOST_NAMES: usize = 64;

/// What is refused from now on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fact {
    /// Tokens of a session: all (it ended), or those issued before (it was locked, and may be unlocked).
    Session {
        /// `sid`.
        id: SessionId,
        /// Tokens with an earlier `sid_as_of`; `None`: all.
        not_before: Option<Timestamp>,
    },
    /// Tokens of a principal issued before: it was disabled, or what it holds changed.
    Principal {
        /// `sub`.
        id: PrincipalId,
        /// Tokens with an earlier `as_of`.
        not_before: Timestamp,
    },
    /// One token.
    Token {
        /// `jti`.
        id: TokenId,
        /// When it would have expired by itself.
        expires_at: Timestamp,
    },
    /// Tokens of an earlier edition of the roles that carry one of these; no names: all of an earlier edition.
    Roles {
        /// Tokens with an earlier `roles_version`.
        version: i64,
        /// Which roles changed, those that inherit them included.
        names: Vec<RoleName>,
    },
    /// Signing keys were withdrawn: the key document is to be fetched again.
    Keys,
}

impl Fact {
    /// A session that is over.
    #[must_use]
    pub const fn ended(id: SessionId) -> Self {
        Self::Session { id, not_before: None }
    }

    /// A session that locks now.
    #[must_use]
    pub fn locked(id: SessionId, now: Timestamp) -> Self {
        Self::Session { id, not_before: Some(refused_before(now)) }
    }

    /// A principal whose rights change now.
    #[must_use]
    pub fn changed(id: PrincipalId, now: Timestamp) -> Self {
        Self::Principal { id, not_before: refused_before(now) }
    }

    /// When every token that it concerns has expired by itself (REV-04).
    #[must_use]
    pub fn expires_at(&self, now: Timestamp) -> Timestamp {
        match self {
            Self::Token { expires_at, .. } => expires_at.plus(seconds(LEEWAY_SECONDS)),
            _ => now.plus(seconds(LONGEST_ACCESS_TOKEN_SECONDS + LEEWAY_SECONDS)),
        }
    }
}

/// Clocks of two nodes may differ by so much (`/readyz`).
const CLOCKS_APART_SECONDS: i64 = 2;

/// What carries the rights of an earlier instant is refused. Tokens carry whole seconds, and another node with a clock ahead of ours may be making one
/// from the rights of before while these change: what is issued afterwards says that it is of this instant (see [`as_of`]).
#[must_use]
pub const fn refused_before(now: Timestamp) -> Timestamp {
    Timestamp::from_seconds(now.seconds() + 1 + CLOCKS_APART_SECONDS)
}

/// `as_of` of a token made now: what was said to be refused does not mean it. `iat` stays the time of issue, because middleware that others made
/// takes no token from the future.
#[must_use]
pub fn as_of(now: Timestamp, not_before: Timestamp) -> Option<i64> {
    (not_before.seconds() > now.seconds()).then(|| not_before.seconds())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::entropy::Entropy;

    #[derive(Debug)]
    struct Zero;
    impl Entropy for Zero {
        fn fill(&self, bytes: &mut [u8]) {
            bytes.fill(0);
        }
    }

    #[test]
    fn a_token_of_the_same_second_is_earlier_and_the_next_one_is_not() {
        let now = Timestamp::from_micros(1_000_400_000);
        let Fact::Principal { not_before, .. } = Fact::changed(PrincipalId::new(&Zero, now), now) else {
            return;
        };

        assert!(now.seconds() < not_before.seconds());
        assert_eq!(as_of(now, not_before), Some(not_before.seconds()));
        assert_eq!(as_of(Timestamp::from_seconds(1003), not_before), None);
    }
}
