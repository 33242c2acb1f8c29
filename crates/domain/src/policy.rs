//! Assurance policy: how long a session lives, by realm and role. The strictest value of each field wins.

use serde::{Deserialize, Serialize};
use std::time::Duration;

/// What a realm or a role asks for; an absent field is not set there.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Policy {
    /// Without activity for so long, the session locks.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub idle_seconds: Option<u32>,
    /// So long after sign-in, the session is over.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub absolute_seconds: Option<u32>,
    /// An access token lives at most so long.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub access_token_seconds: Option<u32>,
}

impl Policy {
    /// Field by field the shorter time. Commutative, associative, idempotent; adding a role never loosens anything.
    #[must_use]
    pub fn strictest(self, other: Self) -> Self {
        let shorter = |a: Option<u32>, b: Option<u32>| match (a, b) {
            (Some(a), Some(b)) => Some(a.min(b)),
            (one, none) => one.or(none),
        };
        Self {
            idle_seconds: shorter(self.idle_seconds, other.idle_seconds),
            absolute_seconds: shorter(self.absolute_seconds, other.absolute_seconds),
            access_token_seconds: shorter(self.access_token_seconds, other.access_token_seconds),
        }
    }

    /// The times that apply: what is set, else the defaults of requirements.md 2.2, never above its ceilings.
    #[must_use]
    pub fn effective(self) -> Effective {
        let seconds = |set: Option<u32>, default: u32, ceiling: u32| {
            Duration::from_secs(u64::from(set.unwrap_or(default).clamp(1, ceiling)))
        };
        Effective {
            idle: seconds(self.idle_seconds, 1800, 3600),
            absolute: seconds(self.absolute_seconds, 43_200, 86_400),
            access_token: seconds(self.access_token_seconds, 600, 3600),
        }
    }
}

/// The times that apply to a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Effective {
    /// Until the session locks.
    pub idle: Duration,
    /// Until it is over.
    pub absolute: Duration,
    /// Of an access token, at most.
    pub access_token: Duration,
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn policy() -> impl Strategy<Value = Policy> {
        let field = || proptest::option::of(1u32..100_000);
        (field(), field(), field()).prop_map(|(idle_seconds, absolute_seconds, access_token_seconds)| Policy {
            idle_seconds,
            absolute_seconds,
            access_token_seconds,
        })
    }

    proptest! {
        #[test]
        fn the_order_of_roles_does_not_matter(a in policy(), b in policy(), c in policy()) {
            prop_assert_eq!(a.strictest(b), b.strictest(a));
            prop_assert_eq!(a.strictest(b).strictest(c), a.strictest(b.strictest(c)));
            prop_assert_eq!(a.strictest(a), a);
        }
    }

    #[test]
    fn nothing_set_means_the_defaults_and_nothing_exceeds_the_ceilings() {
        let long = Policy {
            idle_seconds: Some(1 << 30),
            absolute_seconds: Some(1 << 30),
            access_token_seconds: Some(1 << 30),
        };

        assert_eq!(Policy::default().effective().access_token, Duration::from_secs(600));
        assert_eq!(long.effective().absolute, Duration::from_secs(86_400));
    }
}
