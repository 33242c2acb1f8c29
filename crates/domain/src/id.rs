//! Ids: 16 bytes each, one type for each kind, so that none is taken for another.

use serde::{Deserialize, Serialize};
use uuid::{Builder, Uuid};

use crate::entropy::Entropy;
use crate::time::Timestamp;

macro_rules! id {
    ($(#[$doc:meta] $name:ident $make:ident,)*) => {$(
        #[$doc]
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(Uuid);

        impl $name {
            /// A new id.
            #[must_use]
            pub fn new(entropy: &dyn Entropy, now: Timestamp) -> Self {
                Self($make(entropy, now))
            }

            /// Takes an id as stored or sent.
            #[must_use]
            pub const fn from_uuid(id: Uuid) -> Self {
                Self(id)
            }

            /// The id as bytes and text know it.
            #[must_use]
            pub const fn uuid(self) -> Uuid {
                self.0
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                self.0.fmt(f)
            }
        }

        impl std::str::FromStr for $name {
            type Err = uuid::Error;
            fn from_str(text: &str) -> Result<Self, Self::Err> {
                text.parse().map(Self)
            }
        }
    )*};
}

id! {
    /// Whatever can hold a grant or act: a user, a client, an API, a group.
    PrincipalId v7,
    /// A person; a principal too.
    UserId v4,
    /// A place in the organisation.
    UnitId v7,
    /// A role.
    RoleId v7,
    /// A resource server; a principal too.
    ApiId v7,
    /// A permission of an API.
    PermissionId v7,
    /// Somebody holds a role in a unit.
    GrantId v7,
    /// One sign-in on one device.
    SessionId v7,
    /// The refresh tokens of one client in one session.
    FamilyId v7,
    /// A recognised device.
    DeviceId v7,
    /// A factor of a person.
    CredentialId v7,
    /// An address to which notices go.
    AddressId v7,
    /// A single-use link or code.
    TokenId v7,
    /// A sign-in on its way.
    TransactionId v7,
    /// A signing key's row.
    KeyId v7,
    /// An audit event.
    EventId v7,
    /// A message that waits to be sent.
    MessageId v7,
    /// An edition of a policy.
    PolicyId v7,
    /// A revocation.
    RevocationId v7,
    /// A secret of a client or an API.
    SecretId v7,
}

impl From<UserId> for PrincipalId {
    fn from(id: UserId) -> Self {
        Self(id.0)
    }
}

impl From<ApiId> for PrincipalId {
    fn from(id: ApiId) -> Self {
        Self(id.0)
    }
}

/// RFC 9562, section 5.4. For users alone: `sub` tells no date.
fn v4(entropy: &dyn Entropy, _now: Timestamp) -> Uuid {
    let mut bytes = [0; 16];
    entropy.fill(&mut bytes);
    Builder::from_random_bytes(bytes).into_uuid()
}

/// RFC 9562, section 5.7, with the fraction of the millisecond in `rand_a` (section 6.2, method 3).
fn v7(entropy: &dyn Entropy, now: Timestamp) -> Uuid {
    let mut random = [0; 10];
    entropy.fill(&mut random);
    let micros = u64::try_from(now.micros()).unwrap_or(0);
    let fraction = u16::try_from((micros % 1000) * 4096 / 1000).unwrap_or(0).to_be_bytes();
    random[..2].copy_from_slice(&fraction);
    Builder::from_unix_timestamp_millis(micros / 1000, &random).into_uuid()
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Fixed;
    impl Entropy for Fixed {
        fn fill(&self, bytes: &mut [u8]) {
            bytes.fill(0xAB);
        }
    }

    #[test]
    fn user_ids_tell_no_date_and_the_others_sort_by_it() {
        let now = Timestamp::from_micros(1_795_271_760_123_456);
        let user = UserId::new(&Fixed, now).uuid();
        let early = SessionId::new(&Fixed, now);
        let late = SessionId::new(&Fixed, Timestamp::from_micros(now.micros() + 2));

        assert_eq!(user.get_version_num(), 4);
        assert_eq!(early.uuid().get_version_num(), 7);
        assert!(early < late);
    }
}
