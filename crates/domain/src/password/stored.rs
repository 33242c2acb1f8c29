//! Stored password hashes: ours and those that come from other systems.
//!
//! Ours carry `keyid=…`: the pepper went into them (PW-13). Those of other systems are verified as those systems did.
//!
//! | Written as | Made by |
//! |---|---|
//! | `$argon2id$v=19$m=…,t=…,p=1,keyid=…$salt$hash` | us |
//! | `$bcrypt-sha384$v=1,r=12,keyid=…$salt$hash` | us: bcrypt(base64(HMAC-SHA-384(pepper, password))) |
//! | `$pbkdf2-sha256$i=…,l=32,keyid=…$salt$hash` | us: PBKDF2(HMAC-SHA-256(pepper, password)) |
//! | `$argon2id$…`, `$argon2i$…` (PHC) | libargon2 and everything above it |
//! | `$2a$…`, `$2b$…`, `$2y$…` | bcrypt everywhere |
//! | `$pbkdf2-sha256$29000$…`, `$pbkdf2-sha512$…` | passlib |
//! | `$pbkdf2-sha256$i=…[,l=…]$…`, also sha512 | PHC |
//! | `pbkdf2_sha256$…$salt$hash` | Django |
//! | `$scrypt$ln=…,r=…,p=…$…` | PHC, passlib |

use base64::Engine;
use base64::alphabet;
use base64::engine::general_purpose::{GeneralPurpose, NO_PAD, STANDARD, STANDARD_NO_PAD};

use super::kind::{self, Digest, Kind, Unusable, Variant, number};
use crate::secret::{Secret, hmac_sha256};

/// bcrypt's own base64; 22 and 31 characters leave bits over, which implementations fill as they like.
const BCRYPT: GeneralPurpose = GeneralPurpose::new(&alphabet::BCRYPT, NO_PAD.with_decode_allow_trailing_bits(true));
/// Longest text.
const MOST_TEXT: usize = 512;
/// Bytes of a salt.
const SALT: std::ops::RangeInclusive<usize> = 1..=128;
/// Bytes of a hash.
const HASH: std::ops::RangeInclusive<usize> = 16..=64;

/// Which pepper went into a hash: says nothing about the pepper itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeyId([u8; 6]);

impl KeyId {
    /// The id of a pepper.
    #[must_use]
    pub fn of(pepper: &Secret) -> Self {
        let [a, b, c, d, e, f, ..] = hmac_sha256(pepper.bytes(), &[b"password pepper"]);
        Self([a, b, c, d, e, f])
    }
}

/// A stored hash, taken apart; its cost is within the bounds of [`kind`].
#[derive(Clone, PartialEq, Eq)]
pub struct Stored {
    /// Algorithm and cost.
    pub kind: Kind,
    /// The pepper that went into it; `None`: made by another system.
    pub key: Option<KeyId>,
    /// The salt as the algorithm gets it.
    pub salt: Vec<u8>,
    /// What it must come to.
    pub hash: Vec<u8>,
}

impl std::fmt::Debug for Stored {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Stored({})", self.kind)
    }
}

impl Stored {
    /// Takes a stored hash apart.
    ///
    /// # Errors
    /// [`Unusable`]: an unknown kind, damaged, or above the bounds of [`kind`]: at most 1 GiB, 64 passes, 16 lanes and 4 GiB of memory times
    /// passes for Argon2; cost 16 for bcrypt; 10,000,000 rounds for PBKDF2; 256 MiB and 1 GiB of memory times lanes for scrypt.
    pub fn parse(text: &str) -> Result<Self, Unusable> {
        if text.len() > MOST_TEXT {
            return Err(Unusable::Malformed);
        }
        let parts: Vec<&str> = text.split('$').collect();
        let (stored, least_salt) = match parts.as_slice() {
            ["", "argon2id", rest @ ..] => (argon2(Variant::Id, rest)?, 8),
            ["", "argon2i", rest @ ..] => (argon2(Variant::I, rest)?, 8),
            ["", "2a" | "2b" | "2y", cost, both] => (bcrypt(cost, both)?, 16),
            ["", "bcrypt-sha384", parameters, salt, hash] => (own_bcrypt(parameters, salt, hash)?, 16),
            ["", "pbkdf2-sha256", rest @ ..] => (pbkdf2(Digest::Sha256, rest)?, 1),
            ["", "pbkdf2-sha512", rest @ ..] => (pbkdf2(Digest::Sha512, rest)?, 1),
            ["pbkdf2_sha256", rest @ ..] => (django(rest)?, 1),
            ["", "scrypt", parameters, salt, hash] => (scrypt(parameters, salt, hash)?, 1),
            _ => return Err(Unusable::Unknown),
        };
        if stored.salt.len() < least_salt || !SALT.contains(&stored.salt.len()) || !HASH.contains(&stored.hash.len()) {
            return Err(Unusable::Malformed);
        }
        stored.kind.bounded()?;
        Ok(stored)
    }
}

/// As we write it.
impl std::fmt::Display for Stored {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let keyid = self.key.map(|key| format!(",keyid={}", STANDARD_NO_PAD.encode(key.0))).unwrap_or_default();
        let both = || format!("${}${}", STANDARD_NO_PAD.encode(&self.salt), STANDARD_NO_PAD.encode(&self.hash));
        let scheme = self.kind.scheme();
        match self.kind {
            Kind::Argon2 { version, memory_kib, passes, lanes, .. } => {
                write!(f, "${scheme}$v={version}$m={memory_kib},t={passes},p={lanes}{keyid}{}", both())
            }
            Kind::Bcrypt { cost } => {
                let (salt, hash) = (BCRYPT.encode(&self.salt), BCRYPT.encode(&self.hash));
                match self.key {
                    Some(_) => write!(f, "$bcrypt-sha384$v=1,r={cost}{keyid}${salt}${hash}"),
                    None => write!(f, "$2b${cost:02}${salt}{hash}"),
                }
            }
            Kind::Pbkdf2 { rounds, .. } => {
                write!(f, "${scheme}$i={rounds},l={}{keyid}{}", self.hash.len(), both())
            }
            Kind::Scrypt { log_n, r, p } => write!(f, "$scrypt$ln={log_n},r={r},p={p}{}", both()),
        }
    }
}

fn argon2(variant: Variant, parts: &[&str]) -> Result<Stored, Unusable> {
    // Without a version it is from before there were two (PHC string format, "v").
    let (version, parameters, salt, hash) = match parts {
        [version, parameters, salt, hash] => (version.strip_prefix("v=").and_then(number), parameters, salt, hash),
        [parameters, salt, hash] => (Some(16), parameters, salt, hash),
        _ => return Err(Unusable::Malformed),
    };
    let mut parameters = parameters.split(',');
    let mut next = |name: &str| parameters.next()?.strip_prefix(name).and_then(number);
    let costs = (next("m="), next("t="), next("p="));
    let key = key_id(parameters)?;
    let (Some(version), (Some(memory_kib), Some(passes), Some(lanes))) = (version, costs) else {
        return Err(Unusable::Malformed);
    };
    let version = u8::try_from(version).map_err(|_| Unusable::Malformed)?;
    let kind = Kind::Argon2 { variant, version, memory_kib, passes, lanes };
    Ok(Stored { kind, key, salt: decode(salt)?, hash: decode(hash)? })
}

fn bcrypt(cost: &str, both: &str) -> Result<Stored, Unusable> {
    let (salt, hash) = both.split_at_checked(22).ok_or(Unusable::Malformed)?;
    let cost = number(cost).filter(|_| cost.len() == 2).ok_or(Unusable::Malformed)?;
    bcrypt_parts(cost, None, salt, hash)
}

fn own_bcrypt(parameters: &str, salt: &str, hash: &str) -> Result<Stored, Unusable> {
    let mut parameters = parameters.strip_prefix("v=1,r=").ok_or(Unusable::Malformed)?.split(',');
    let cost = parameters.next().and_then(number).ok_or(Unusable::Malformed)?;
    let key = key_id(parameters)?.ok_or(Unusable::Malformed)?;
    bcrypt_parts(cost, Some(key), salt, hash)
}

fn bcrypt_parts(cost: u32, key: Option<KeyId>, salt: &str, hash: &str) -> Result<Stored, Unusable> {
    let decode = |text: &str| BCRYPT.decode(text).map_err(|_| Unusable::Malformed);
    let stored = Stored { kind: Kind::Bcrypt { cost }, key, salt: decode(salt)?, hash: decode(hash)? };
    if stored.salt.len() == 16 && stored.hash.len() == 23 { Ok(stored) } else { Err(Unusable::Malformed) }
}

fn pbkdf2(digest: Digest, parts: &[&str]) -> Result<Stored, Unusable> {
    let [parameters, salt, hash] = parts else { return Err(Unusable::Malformed) };
    let (rounds, length, key) = match parameters.strip_prefix("i=") {
        None => (number(parameters), None, None),
        Some(parameters) => {
            let mut parameters = parameters.split(',').peekable();
            let rounds = parameters.next().and_then(number);
            let length = parameters.next_if(|one| one.starts_with("l=")).map(|one| number(&one[2..]));
            (rounds, length, key_id(parameters)?)
        }
    };
    let rounds = rounds.ok_or(Unusable::Malformed)?;
    // passlib writes `.` for `+`.
    let decode = |text: &str| decode(&text.replace('.', "+"));
    let stored = Stored { kind: Kind::Pbkdf2 { digest, rounds }, key, salt: decode(salt)?, hash: decode(hash)? };
    let most = if digest == Digest::Sha256 { 32 } else { 64 };
    // A second block would double the work.
    let said = length.is_none_or(|length| length.map(|length| length as usize) == Some(stored.hash.len()));
    if said && stored.hash.len() <= most { Ok(stored) } else { Err(Unusable::Malformed) }
}

/// Django: the salt is its text, the hash has its padding.
fn django(parts: &[&str]) -> Result<Stored, Unusable> {
    let [rounds, salt, hash] = parts else { return Err(Unusable::Malformed) };
    let rounds = number(rounds).ok_or(Unusable::Malformed)?;
    let hash = STANDARD.decode(hash).ok().filter(|hash| hash.len() == 32).ok_or(Unusable::Malformed)?;
    let kind = Kind::Pbkdf2 { digest: Digest::Sha256, rounds };
    Ok(Stored { kind, key: None, salt: salt.as_bytes().to_vec(), hash })
}

fn scrypt(parameters: &str, salt: &str, hash: &str) -> Result<Stored, Unusable> {
    Ok(Stored { kind: kind::scrypt(parameters)?, key: None, salt: decode(salt)?, hash: decode(hash)? })
}

/// What remains of the parameters: `keyid=…` or nothing.
fn key_id<'a>(mut rest: impl Iterator<Item = &'a str>) -> Result<Option<KeyId>, Unusable> {
    let Some(text) = rest.next() else { return Ok(None) };
    let id = text.strip_prefix("keyid=").and_then(|id| STANDARD_NO_PAD.decode(id).ok());
    let id = id.and_then(|id| id.try_into().ok()).filter(|_| rest.next().is_none());
    id.map(|id| Some(KeyId(id))).ok_or(Unusable::Malformed)
}

fn decode(text: &str) -> Result<Vec<u8>, Unusable> {
    STANDARD_NO_PAD.decode(text).map_err(|_| Unusable::Malformed)
}

#[cfg(test)]
mod tests;
