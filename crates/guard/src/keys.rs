//! Verification keys: parsed once from the issuer's key document, each for exactly one algorithm.
//!
//! A document is taken whole or not at all: what is wrong with one key (a private member, a `kid` that occurs twice, a short modulus) is
//! wrong with whoever published it. Keys of kinds that we do not know are passed over, so that an issuer can introduce them
//! (RFC 7517, section 5).

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::fmt;
use std::sync::{Arc, PoisonError, RwLock};

use aws_lc_rs::rsa::PublicKeyComponents;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED, ED25519, ParsedPublicKey, RSA_PKCS1_2048_8192_SHA256};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use wire::claims::Header;
use wire::jwk::{Algorithm, Jwk, JwkSet};
use wire::jws::LONGEST_KID;

/// The most keys that a document may have.
pub const MOST_KEYS: usize = 64;
/// The longest document, in bytes.
pub const LONGEST_DOCUMENT: usize = 256 * 1024;

/// Why a key document is refused; the set before stays in force.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadKeys {
    /// Longer than [`LONGEST_DOCUMENT`].
    #[error("the key document is longer than 256 KiB")]
    TooLong,
    /// Not a JSON key set, or one with private or symmetric members.
    #[error("the key document is not a set of public keys")]
    Malformed,
    /// More than [`MOST_KEYS`].
    #[error("the key document has more than 64 keys")]
    TooMany,
    /// A key without `kid`, with one over 128 bytes, or two keys of one `kid`.
    #[error("the key document has a key without a name of its own")]
    KeyId,
    /// `alg` does not go with `kty` and `crv`.
    #[error("a key's algorithm does not fit its kind")]
    Algorithm,
    /// Not a usable key: a modulus outside 2048 to 8192 bits, an even or small exponent, a point that is not on the curve.
    #[error("a key is too weak or not a key")]
    Weak,
    /// No key that we can use.
    #[error("the key document has no usable key")]
    Empty,
}

/// A public key, ready to verify.
pub struct VerifyingKey {
    alg: Algorithm,
    kid: String,
    /// What the key is made of, to tell whether two are the same.
    members: Vec<u8>,
    parsed: ParsedPublicKey,
}

impl VerifyingKey {
    /// Parses `jwk`; `Ok(None)` if it is of a kind that we do not know or not for signatures.
    ///
    /// # Errors
    /// [`BadKeys::KeyId`], [`BadKeys::Algorithm`], [`BadKeys::Weak`].
    ///
    /// Source: RFC 7518, section 6; RFC 8037, section 2; the exponent's bound is NIST FIPS 186-5, section 5.4.
    pub fn from_jwk(jwk: &Jwk) -> Result<Option<Self>, BadKeys> {
        if jwk.use_.as_deref().is_some_and(|purpose| purpose != "sig") {
            return Ok(None);
        }
        let name = jwk.alg.as_deref().ok_or(BadKeys::Algorithm)?;
        let Some(alg) = Algorithm::from_name(name) else { return Ok(None) };
        let kid = jwk.kid.clone().filter(|kid| !kid.is_empty() && kid.len() <= LONGEST_KID).ok_or(BadKeys::KeyId)?;
        let (parsed, members) = match (alg, jwk.kty.as_str(), jwk.crv.as_deref()) {
            (Algorithm::Rs256, "RSA", _) => rsa(jwk)?,
            (Algorithm::Es256, "EC", Some("P-256")) => p256(jwk)?,
            (Algorithm::EdDsa, "OKP", Some("Ed25519")) => ed25519(jwk)?,
            _ => return Err(BadKeys::Algorithm),
        };
        Ok(Some(Self { alg, kid, members, parsed }))
    }

    /// The one algorithm that it verifies.
    #[must_use]
    pub fn algorithm(&self) -> Algorithm {
        self.alg
    }

    /// Its name in headers.
    #[must_use]
    pub fn kid(&self) -> &str {
        &self.kid
    }

    /// Whether `signature` over `message` was made with the private key that belongs to it.
    #[must_use]
    pub fn verifies(&self, message: &[u8], signature: &[u8]) -> bool {
        self.parsed.verify_sig(message, signature).is_ok()
    }
}

/// Equal if of the same name, algorithm and members.
impl PartialEq for VerifyingKey {
    fn eq(&self, other: &Self) -> bool {
        self.alg == other.alg && self.kid == other.kid && self.members == other.members
    }
}

impl fmt::Debug for VerifyingKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("VerifyingKey").field("alg", &self.alg).field("kid", &self.kid).finish_non_exhaustive()
    }
}

fn bytes(member: Option<&String>) -> Result<Vec<u8>, BadKeys> {
    URL_SAFE_NO_PAD.decode(member.ok_or(BadKeys::Weak)?).map_err(|_| BadKeys::Weak)
}

fn rsa(jwk: &Jwk) -> Result<(ParsedPublicKey, Vec<u8>), BadKeys> {
    let (n, e) = (bytes(jwk.n.as_ref())?, bytes(jwk.e.as_ref())?);
    let odd = |number: &[u8]| number.last().is_some_and(|last| last & 1 == 1);
    // aws-lc looks at the size of the modulus only when it verifies, and accepts exponents from 3: both are decided here.
    let bits = n.first().map_or(0, |first| n.len() * 8 - first.leading_zeros() as usize);
    let canonical = n.first() != Some(&0) && e.first() != Some(&0);
    // Without leading zeros, three bytes and more are at least 65,536, and odd then means at least 65,537.
    let exponent_fits = (3..=8).contains(&e.len()) && odd(&e);
    if !canonical || !(2048..=8192).contains(&bits) || !odd(&n) || !exponent_fits {
        return Err(BadKeys::Weak);
    }
    let members = [n.as_slice(), e.as_slice()].concat();
    let parsed = PublicKeyComponents { n, e }.to_parsed_public_key(&RSA_PKCS1_2048_8192_SHA256);
    Ok((parsed.map_err(|_| BadKeys::Weak)?, members))
}

fn p256(jwk: &Jwk) -> Result<(ParsedPublicKey, Vec<u8>), BadKeys> {
    let (x, y) = (bytes(jwk.x.as_ref())?, bytes(jwk.y.as_ref())?);
    if x.len() != 32 || y.len() != 32 {
        return Err(BadKeys::Weak);
    }
    // SEC 1, section 2.3.4: an uncompressed point.
    let point = [&[4], x.as_slice(), y.as_slice()].concat();
    let parsed = ParsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, &point).map_err(|_| BadKeys::Weak)?;
    Ok((parsed, point))
}

fn ed25519(jwk: &Jwk) -> Result<(ParsedPublicKey, Vec<u8>), BadKeys> {
    let x = bytes(jwk.x.as_ref())?;
    if x.len() != 32 {
        return Err(BadKeys::Weak);
    }
    let parsed = ParsedPublicKey::new(&ED25519, &x).map_err(|_| BadKeys::Weak)?;
    Ok((parsed, x))
}

/// The keys of one issuer at one time.
#[derive(Debug, Default)]
pub struct KeySet {
    by_kid: HashMap<String, Arc<VerifyingKey>>,
    /// The header that the issuer writes for each key, as encoded on the wire: seen again, it need not be parsed.
    by_header: HashMap<String, Arc<VerifyingKey>>,
}

impl KeySet {
    /// Reads a key document as served.
    ///
    /// # Errors
    /// Every [`BadKeys`].
    pub fn parse(document: &[u8]) -> Result<Self, BadKeys> {
        if document.len() > LONGEST_DOCUMENT {
            return Err(BadKeys::TooLong);
        }
        let set: JwkSet = serde_json::from_slice(document).map_err(|_| BadKeys::Malformed)?;
        Self::from_jwks(&set)
    }

    /// Takes the keys of `set`.
    ///
    /// # Errors
    /// Every [`BadKeys`] but [`BadKeys::TooLong`] and [`BadKeys::Malformed`].
    pub fn from_jwks(set: &JwkSet) -> Result<Self, BadKeys> {
        if set.keys.len() > MOST_KEYS {
            return Err(BadKeys::TooMany);
        }
        let mut keys = Self::default();
        for jwk in &set.keys {
            let Some(key) = VerifyingKey::from_jwk(jwk)? else { continue };
            let key = Arc::new(key);
            match keys.by_kid.entry(key.kid.clone()) {
                Entry::Occupied(_) => return Err(BadKeys::KeyId),
                Entry::Vacant(place) => place.insert(Arc::clone(&key)),
            };
            keys.by_header.insert(Header::access_token(key.alg, key.kid()).encode(), key);
        }
        if keys.by_kid.is_empty() { Err(BadKeys::Empty) } else { Ok(keys) }
    }

    /// The key of this name.
    #[must_use]
    pub fn key(&self, kid: &str) -> Option<&Arc<VerifyingKey>> {
        self.by_kid.get(kid)
    }

    /// The key whose header is, byte for byte, this first segment of an access token.
    pub(crate) fn of_header(&self, encoded: &str) -> Option<&Arc<VerifyingKey>> {
        self.by_header.get(encoded)
    }

    /// Whether this very key is still in the set.
    pub(crate) fn has(&self, key: &Arc<VerifyingKey>) -> bool {
        self.key(key.kid()).is_some_and(|mine| Arc::ptr_eq(mine, key) || mine == key)
    }

    /// How many keys there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.by_kid.len()
    }

    /// Whether there are none: nothing verifies.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.by_kid.is_empty()
    }
}

/// Where a verifier finds the keys that are in force now.
pub trait Keys: Send + Sync + 'static {
    /// The present set. Called once per token, so it must be cheap.
    fn current(&self) -> Arc<KeySet>;
}

/// A set that can be exchanged as a whole while it is used.
#[derive(Debug, Default)]
pub struct SharedKeys(RwLock<Arc<KeySet>>);

impl SharedKeys {
    /// Begins with `keys`.
    #[must_use]
    pub fn new(keys: KeySet) -> Self {
        Self(RwLock::new(Arc::new(keys)))
    }

    /// From now on `keys` are in force; tokens of keys that are not among them are refused at once, also those seen before.
    pub fn replace(&self, keys: KeySet) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(keys);
    }
}

impl Keys for SharedKeys {
    fn current(&self) -> Arc<KeySet> {
        Arc::clone(&self.0.read().unwrap_or_else(PoisonError::into_inner))
    }
}
