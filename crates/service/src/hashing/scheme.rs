//! How new passwords are hashed, and the work of any hash.

use domain::password::kind::Digest;
use domain::password::{KeyId, Kind, Stored};
use domain::secret::Secret;
use zeroize::Zeroizing;

use super::argon2::{self, Arena};
use super::{bcrypt, pbkdf2, scrypt};

/// The cost of a new Argon2id hash. The floor is ASVS appendix C's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cost {
    /// Memory in KiB.
    pub memory_kib: u32,
    /// Passes.
    pub passes: u32,
}

impl Default for Cost {
    fn default() -> Self {
        Self { memory_kib: 65_536, passes: 3 }
    }
}

impl Cost {
    /// The cheapest that is allowed: for what is random already.
    pub const FLOOR: Self = Self { memory_kib: 19_456, passes: 2 };

    /// Whether it reaches the floor: 19,456 KiB with 2 passes, 47,104 with 1, 12,288 with 3.
    #[must_use]
    pub const fn is_enough(self) -> bool {
        Kind::argon2id(self.memory_kib, self.passes).is_enough()
    }
}

/// The algorithm for new hashes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scheme {
    /// The default (OWASP, ASVS).
    Argon2id(Cost),
    /// For those who must: bcrypt(base64(HMAC-SHA-384(pepper, password))).
    Bcrypt {
        /// Two to this power.
        cost: u32,
    },
    /// NIST SP 800-132: PBKDF2-HMAC-SHA-256 over HMAC-SHA-256(pepper, password).
    Pbkdf2 {
        /// Rounds.
        rounds: u32,
    },
}

impl Default for Scheme {
    fn default() -> Self {
        Self::Argon2id(Cost::default())
    }
}

impl From<Cost> for Scheme {
    fn from(cost: Cost) -> Self {
        Self::Argon2id(cost)
    }
}

impl Scheme {
    /// As others see it.
    #[must_use]
    pub const fn kind(self) -> Kind {
        match self {
            Self::Argon2id(cost) => Kind::argon2id(cost.memory_kib, cost.passes),
            Self::Bcrypt { cost } => Kind::Bcrypt { cost },
            Self::Pbkdf2 { rounds } => Kind::Pbkdf2 { digest: Digest::Sha256, rounds },
        }
    }

    /// The cost of a recovery code, which is 80 random bits: the floor, or what this scheme takes if that is less.
    pub(super) const fn of_codes(self) -> Cost {
        match self {
            Self::Argon2id(cost) if cost.memory_kib < Cost::FLOOR.memory_kib => cost,
            _ => Cost::FLOOR,
        }
    }
}

/// Blocks of the arena that a kind needs.
pub(super) fn blocks(kind: Kind) -> usize {
    match kind {
        Kind::Argon2 { variant, version, memory_kib, passes, lanes } => {
            argon2::Work { variant, version, memory_kib, passes, lanes }.blocks()
        }
        _ => 0,
    }
}

/// Bytes of a hash of ours.
const fn length(kind: Kind) -> usize {
    if matches!(kind, Kind::Bcrypt { .. }) { 23 } else { 32 }
}

/// The pepper with its id.
#[derive(Clone)]
pub(super) struct Pepper {
    secret: Secret,
    id: KeyId,
    /// The salt of nobody's hash.
    salt: [u8; 16],
}

impl Pepper {
    pub(super) fn new(secret: Secret, salt: [u8; 16]) -> Self {
        let id = KeyId::of(&secret);
        Self { secret, id, salt }
    }

    /// A new hash.
    pub(super) fn make(&self, kind: Kind, password: &[u8], salt: [u8; 16], arena: &mut Arena) -> Option<Stored> {
        let empty = Stored { kind, key: Some(self.id), salt: salt.to_vec(), hash: vec![0; length(kind)] };
        let hash = self.compute(&empty, password, arena)?.to_vec();
        Some(Stored { hash, ..empty })
    }

    /// A hash that nothing comes to, of the same work.
    pub(super) fn nobody(&self, kind: Kind) -> Stored {
        let key = (!matches!(kind, Kind::Scrypt { .. })).then_some(self.id);
        Stored { kind, key, salt: self.salt.to_vec(), hash: vec![0; length(kind)] }
    }

    /// Whether `stored` is what a new hash of `kind` would be.
    pub(super) fn is_new(&self, kind: Kind, stored: &Stored) -> bool {
        let shape = (stored.kind, stored.key, stored.salt.len(), stored.hash.len());
        shape == (kind, Some(self.id), 16, length(kind))
    }

    /// Whether the pepper that went into it is this one, or none did.
    pub(super) fn fits(&self, stored: &Stored) -> bool {
        stored.key.is_none_or(|key| key == self.id)
    }

    /// What `password` comes to with the kind, salt and length of `stored`. `None`: nothing does.
    pub(super) fn compute(&self, stored: &Stored, password: &[u8], arena: &mut Arena) -> Option<Zeroizing<Vec<u8>>> {
        let kind = stored.kind.bounded().ok()?;
        let pepper = stored.key.map(|_| &self.secret.bytes()[..]);
        let mut out = Zeroizing::new(vec![0; stored.hash.len()]);
        match kind {
            Kind::Argon2 { variant, version, memory_kib, passes, lanes } => {
                let work = argon2::Work { variant, version, memory_kib, passes, lanes };
                work.hash(pepper, password, &stored.salt, &mut out, arena)
            }
            Kind::Bcrypt { cost } => bcrypt::hash(cost, pepper, password, &stored.salt, &mut out),
            Kind::Pbkdf2 { digest, rounds } => pbkdf2::hash(digest, rounds, pepper, password, &stored.salt, &mut out),
            Kind::Scrypt { log_n, r, p } => scrypt::hash(log_n, r, p, password, &stored.salt, &mut out),
        }?;
        Some(out)
    }
}
