//! Values that must not be printed: their `Debug` says nothing, their memory is wiped.

use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::hmac;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use subtle::ConstantTimeEq;
use zeroize::{Zeroize, ZeroizeOnDrop};

use crate::entropy::{Entropy, bytes};

/// 256 random bits that somebody carries: a cookie, a link, a client secret. Only its hash is stored.
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub struct Secret([u8; 32]);

impl Secret {
    /// A new secret.
    #[must_use]
    pub fn new(entropy: &dyn Entropy) -> Self {
        Self(bytes(entropy))
    }

    /// Reads the form of [`Secret::expose`]; `None` for anything else.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        if text.len() != 43 {
            return None;
        }
        URL_SAFE_NO_PAD.decode(text).ok()?.try_into().ok().map(Self)
    }

    /// The text that the carrier gets: base64url, 43 characters.
    #[must_use]
    pub fn expose(&self) -> String {
        URL_SAFE_NO_PAD.encode(self.0)
    }

    /// What is stored. 128 bits and more need no slow hash (ASVS 6.5.2).
    #[must_use]
    pub fn hash(&self) -> SecretHash {
        SecretHash(sha256(&[&self.0]))
    }

    /// The bytes themselves, for keys.
    #[must_use]
    pub fn bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// Takes bytes as a secret.
    #[must_use]
    pub fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }
}

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secret(…)")
    }
}

/// SHA-256 of a [`Secret`]; compared in constant time.
#[derive(Clone, Debug)]
pub struct SecretHash([u8; 32]);

impl SecretHash {
    /// As stored.
    #[must_use]
    pub fn bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// Takes a stored hash; `None` if it has another length.
    #[must_use]
    pub fn from_stored(stored: &[u8]) -> Option<Self> {
        stored.try_into().ok().map(Self)
    }
}

impl PartialEq for SecretHash {
    fn eq(&self, other: &Self) -> bool {
        self.0.ct_eq(&other.0).into()
    }
}
impl Eq for SecretHash {}

/// SHA-256 over the parts, one after the other.
#[must_use]
pub fn sha256(parts: &[&[u8]]) -> [u8; 32] {
    let whole = parts.concat();
    let mut out = [0; 32];
    out.copy_from_slice(digest(&SHA256, &whole).as_ref());
    out
}

/// HMAC-SHA-256 over the parts, one after the other.
#[must_use]
pub fn hmac_sha256(key: &[u8], parts: &[&[u8]]) -> [u8; 32] {
    let mut context = hmac::Context::with_key(&hmac::Key::new(hmac::HMAC_SHA256, key));
    for part in parts {
        context.update(part);
    }
    let mut out = [0; 32];
    out.copy_from_slice(context.sign().as_ref());
    out
}

/// Compares in constant time; different lengths are different.
#[must_use]
pub fn same(left: &[u8], right: &[u8]) -> bool {
    left.ct_eq(right).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_not_printed() {
        assert_eq!(format!("{:?}", Secret([7; 32])), "Secret(…)");
    }

    #[test]
    fn a_secret_survives_its_text_and_nothing_else_parses() {
        let secret = Secret([7; 32]);

        assert_eq!(Secret::parse(&secret.expose()).map(|read| read.0), Some([7; 32]));
        for text in ["", "a", &"=".repeat(43), &"A".repeat(44), &format!("{}é", "A".repeat(41))] {
            assert!(Secret::parse(text).is_none(), "{text}");
        }
    }
}
