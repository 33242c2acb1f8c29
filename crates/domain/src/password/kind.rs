//! Kinds of password hashes: an algorithm and what it costs. The label is what the realm's mix is counted by.

use std::fmt;

use thiserror::Error;

/// Most memory that one hash may take, in KiB: 1 GiB.
pub const MOST_MEMORY_KIB: u32 = 1_048_576;
/// Most memory times passes, in KiB: 1 GiB four times ("sensitive" of libsodium), about 20 times our default.
pub const MOST_MEMORY_PASSES_KIB: u64 = 4 * 1_048_576;
/// Most passes of Argon2.
pub const MOST_PASSES: u32 = 64;
/// Most lanes of Argon2 and scrypt. They are computed one after the other.
pub const MOST_LANES: u32 = 16;
/// Cost of bcrypt: each step doubles it.
pub const BCRYPT_COST: std::ops::RangeInclusive<u32> = 4..=16;
/// Most rounds of PBKDF2.
pub const MOST_ROUNDS: u32 = 10_000_000;
/// Most memory of scrypt, in KiB: 256 MiB. (It cannot share the arena that is accounted for.)
pub const MOST_SCRYPT_KIB: u64 = 262_144;
/// Most memory times lanes of scrypt, in KiB.
pub const MOST_SCRYPT_WORK_KIB: u64 = 1_048_576;

/// Which Argon2.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Variant {
    /// The default everywhere.
    Id,
    /// Of older systems.
    I,
}

/// What PBKDF2 runs HMAC over.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Digest {
    /// 32 bytes.
    Sha256,
    /// 64 bytes.
    Sha512,
}

/// An algorithm with its cost: whatever decides how long a hash takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// RFC 9106.
    Argon2 {
        /// Which one.
        variant: Variant,
        /// 19, or 16 of before 2016.
        version: u8,
        /// Memory.
        memory_kib: u32,
        /// Passes.
        passes: u32,
        /// Lanes.
        lanes: u32,
    },
    /// Blowfish, 72 bytes.
    Bcrypt {
        /// Two to this power.
        cost: u32,
    },
    /// RFC 8018.
    Pbkdf2 {
        /// Over which digest.
        digest: Digest,
        /// Rounds.
        rounds: u32,
    },
    /// RFC 7914.
    Scrypt {
        /// Logarithm of N.
        log_n: u8,
        /// Block size.
        r: u32,
        /// Lanes.
        p: u32,
    },
}

/// Why a stored hash cannot be used. It is refused when it is read, before any of its cost is paid.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum Unusable {
    /// No algorithm that we verify.
    #[error("this kind of password hash is not known here")]
    Unknown,
    /// Of a known algorithm, but not written as its hashes are.
    #[error("the password hash is damaged or not written as hashes of its kind are")]
    Malformed,
    /// It costs more than is done for anybody.
    #[error("the password hash costs more than is allowed: {0}")]
    TooCostly(&'static str),
}

impl Kind {
    /// Argon2id version 1.3 with one lane.
    #[must_use]
    pub const fn argon2id(memory_kib: u32, passes: u32) -> Self {
        Self::Argon2 { variant: Variant::Id, version: 19, memory_kib, passes, lanes: 1 }
    }

    /// The kind of a stored hash; `None` if it cannot be used.
    #[must_use]
    pub fn of(stored: &str) -> Option<Self> {
        super::stored::Stored::parse(stored).ok().map(|stored| stored.kind)
    }

    /// Reads a label.
    ///
    /// # Errors
    /// [`Unusable`].
    pub fn parse(label: &str) -> Result<Self, Unusable> {
        let (scheme, cost) = label.split_once(' ').ok_or(Unusable::Unknown)?;
        let alone = || number(cost).ok_or(Unusable::Malformed);
        let kind = match scheme {
            "bcrypt" => Self::Bcrypt { cost: alone()? },
            "pbkdf2-sha256" => Self::Pbkdf2 { digest: Digest::Sha256, rounds: alone()? },
            "pbkdf2-sha512" => Self::Pbkdf2 { digest: Digest::Sha512, rounds: alone()? },
            "argon2id" => argon2(Variant::Id, 19, cost)?,
            "argon2i" => argon2(Variant::I, 19, cost)?,
            "scrypt" => scrypt(cost)?,
            _ => return Err(Unusable::Unknown),
        };
        kind.bounded()
    }

    /// The algorithm without its cost.
    #[must_use]
    pub const fn scheme(self) -> &'static str {
        match self {
            Self::Argon2 { variant: Variant::Id, .. } => "argon2id",
            Self::Argon2 { variant: Variant::I, .. } => "argon2i",
            Self::Bcrypt { .. } => "bcrypt",
            Self::Pbkdf2 { digest: Digest::Sha256, .. } => "pbkdf2-sha256",
            Self::Pbkdf2 { digest: Digest::Sha512, .. } => "pbkdf2-sha512",
            Self::Scrypt { .. } => "scrypt",
        }
    }

    /// The memory of one hash.
    #[must_use]
    pub const fn memory_kib(self) -> u64 {
        match self {
            Self::Argon2 { memory_kib, .. } => memory_kib as u64,
            Self::Scrypt { log_n, r, .. } => (r as u64) << log_n >> 3,
            Self::Bcrypt { .. } => 4,
            Self::Pbkdf2 { .. } => 1,
        }
    }

    /// The same, if it is not above the bounds of this module.
    ///
    /// # Errors
    /// [`Unusable`].
    pub fn bounded(self) -> Result<Self, Unusable> {
        let too = |wrong: bool, what| if wrong { Err(Unusable::TooCostly(what)) } else { Ok(()) };
        match self {
            Self::Argon2 { version, memory_kib, passes, lanes, .. } => {
                if !matches!(version, 16 | 19) || passes == 0 || lanes == 0 || memory_kib / 8 < lanes {
                    return Err(Unusable::Malformed);
                }
                too(memory_kib > MOST_MEMORY_KIB, "at most 1 GiB of memory")?;
                too(passes > MOST_PASSES, "at most 64 passes")?;
                too(lanes > MOST_LANES, "at most 16 lanes")?;
                too(
                    u64::from(memory_kib) * u64::from(passes) > MOST_MEMORY_PASSES_KIB,
                    "at most 4 GiB of memory times passes",
                )?;
            }
            Self::Bcrypt { cost } => {
                if cost < *BCRYPT_COST.start() {
                    return Err(Unusable::Malformed);
                }
                too(cost > *BCRYPT_COST.end(), "at most cost 16")?;
            }
            Self::Pbkdf2 { rounds, .. } => {
                if rounds == 0 {
                    return Err(Unusable::Malformed);
                }
                too(rounds > MOST_ROUNDS, "at most 10,000,000 rounds")?;
            }
            Self::Scrypt { log_n, r, p } => {
                if log_n == 0 || r == 0 || p == 0 {
                    return Err(Unusable::Malformed);
                }
                too(log_n > 20 || r > 32, "at most ln=20 and r=32")?;
                too(p > MOST_LANES, "at most 16 lanes")?;
                too(self.memory_kib() > MOST_SCRYPT_KIB, "at most 256 MiB of memory")?;
                too(self.memory_kib() * u64::from(p) > MOST_SCRYPT_WORK_KIB, "at most 1 GiB of memory times lanes")?;
            }
        }
        Ok(self)
    }

    /// Whether it reaches the floor of ASVS 5.0, appendix C. Weaker imported hashes are verified, and raised at the next sign-in.
    #[must_use]
    pub const fn is_enough(self) -> bool {
        match self {
            Self::Argon2 { variant: Variant::Id, memory_kib, passes, .. } => {
                (memory_kib >= 19_456 && passes >= 2)
                    || (memory_kib >= 47_104 && passes >= 1)
                    || (memory_kib >= 12_288 && passes >= 3)
            }
            Self::Argon2 { variant: Variant::I, .. } => false,
            Self::Bcrypt { cost } => cost >= 10,
            Self::Pbkdf2 { digest: Digest::Sha256, rounds } => rounds >= 600_000,
            Self::Pbkdf2 { digest: Digest::Sha512, rounds } => rounds >= 210_000,
            Self::Scrypt { log_n, r, p } => {
                r >= 8 && (log_n >= 17 || (log_n >= 16 && p >= 2) || (log_n >= 15 && p >= 3))
            }
        }
    }
}

/// The label: `argon2id m=65536,t=3`, `bcrypt 12`, `pbkdf2-sha256 600000`, `scrypt ln=16,r=8,p=1`. It never changes: rows are named by it.
impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ", self.scheme())?;
        match *self {
            Self::Argon2 { version, memory_kib, passes, lanes, .. } => {
                write!(f, "m={memory_kib},t={passes}")?;
                if lanes != 1 {
                    write!(f, ",p={lanes}")?;
                }
                if version != 19 {
                    write!(f, ",v={version}")?;
                }
                Ok(())
            }
            Self::Bcrypt { cost } => write!(f, "{cost}"),
            Self::Pbkdf2 { rounds, .. } => write!(f, "{rounds}"),
            Self::Scrypt { log_n, r, p } => write!(f, "ln={log_n},r={r},p={p}"),
        }
    }
}

/// Decimal digits and nothing else.
pub(super) fn number(text: &str) -> Option<u32> {
    let digits = !text.is_empty() && text.len() <= 10 && text.bytes().all(|b| b.is_ascii_digit());
    digits.then(|| text.parse().ok())?
}

/// `m=…,t=…`, then `p=` and `v=` if they are not 1 and 19.
fn argon2(variant: Variant, version: u8, text: &str) -> Result<Kind, Unusable> {
    let (mut memory_kib, mut passes, mut lanes, mut version) = (None, None, Some(1), Some(u32::from(version)));
    for part in text.split(',') {
        let (name, value) = part.split_once('=').ok_or(Unusable::Malformed)?;
        *match name {
            "m" => &mut memory_kib,
            "t" => &mut passes,
            "p" => &mut lanes,
            "v" => &mut version,
            _ => return Err(Unusable::Malformed),
        } = number(value);
    }
    let version = version.and_then(|version| u8::try_from(version).ok());
    match (version, memory_kib, passes, lanes) {
        (Some(version), Some(memory_kib), Some(passes), Some(lanes)) => {
            Ok(Kind::Argon2 { variant, version, memory_kib, passes, lanes })
        }
        _ => Err(Unusable::Malformed),
    }
}

/// `ln=…,r=…,p=…`.
pub(super) fn scrypt(text: &str) -> Result<Kind, Unusable> {
    let mut parts = text.split(',');
    let mut next = |name: &str| parts.next()?.strip_prefix(name).and_then(number);
    let (log_n, r, p) = (next("ln="), next("r="), next("p="));
    match (log_n, r, p, parts.next()) {
        (Some(log_n), Some(r), Some(p), None) => {
            Ok(Kind::Scrypt { log_n: u8::try_from(log_n).map_err(|_| Unusable::TooCostly("at most ln=20"))?, r, p })
        }
        _ => Err(Unusable::Malformed),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_label_reads_as_the_kind_it_was_written_for() {
        for label in [
            "argon2id m=65536,t=3",
            "argon2id m=65536,t=3,p=4",
            "argon2i m=4096,t=3,v=16",
            "bcrypt 12",
            "pbkdf2-sha256 600000",
            "pbkdf2-sha512 29000",
            "scrypt ln=16,r=8,p=1",
        ] {
            assert_eq!(Kind::parse(label).expect(label).to_string(), label);
        }
        for text in
            ["", "bcrypt", "bcrypt 17", "bcrypt +5", "md5 1", "argon2id m=1", "argon2id m=9,t=1,x=1", "scrypt ln=16"]
        {
            assert!(Kind::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn the_floor_is_that_of_asvs() {
        for (label, enough) in [
            ("argon2id m=19456,t=2", true),
            ("argon2id m=19455,t=2", false),
            ("argon2id m=47104,t=1", true),
            ("argon2id m=12288,t=3", true),
            ("argon2i m=65536,t=3", false),
            ("bcrypt 10", true),
            ("bcrypt 9", false),
            ("pbkdf2-sha256 600000", true),
            ("pbkdf2-sha256 599999", false),
            ("scrypt ln=17,r=8,p=1", true),
            ("scrypt ln=16,r=8,p=1", false),
        ] {
            assert_eq!(Kind::parse(label).expect(label).is_enough(), enough, "{label}");
        }
    }
}
