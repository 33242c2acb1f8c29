//! Secrets at rest: AES-256-GCM envelopes under keys that are derived from the key-encryption key, which the database never sees.
//!
//! One key for each purpose and realm (KEY-05). The associated data names realm, table, column and row, so that an envelope moved to another
//! place does not open.

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use domain::entropy::{Entropy, bytes};
use domain::realm::RealmKey;
use domain::secret::{Secret, hmac_sha256};
use store::StoreError;
use thiserror::Error;

/// An envelope that does not open: another key, another place, or changed bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("a sealed value does not open: the key-encryption key is not the one that this database was made with")]
pub struct Unsealable;

/// A value that could not be sealed: longer than AES-GCM takes at once, which is many gigabytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("a secret could not be sealed")]
pub struct Unsealed;

impl From<Unsealed> for StoreError {
    /// Nothing is stored rather than something that nobody can open again.
    fn from(error: Unsealed) -> Self {
        Self::Unusable(error.to_string())
    }
}

/// First byte of every envelope.
const VERSION: u8 = 1;

/// The place of an envelope: table, column, row.
#[derive(Clone, Copy, Debug)]
pub struct Place<'a> {
    /// The table.
    pub table: &'static str,
    /// The column.
    pub column: &'static str,
    /// The row.
    pub row: &'a [u8],
}

/// The key-encryption key and what is derived from it.
pub struct Seal {
    kek: Secret,
}

impl std::fmt::Debug for Seal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Seal(…)")
    }
}

impl Seal {
    /// Takes the key-encryption key.
    #[must_use]
    pub const fn new(kek: Secret) -> Self {
        Self { kek }
    }

    /// A key for one purpose in one realm: HMAC-SHA-256 as the pseudorandom function of NIST SP 800-108, counter mode, one block.
    #[must_use]
    pub fn derive(&self, purpose: &str, realm: RealmKey) -> Secret {
        let realm = realm.get().to_be_bytes();
        Secret::from_bytes(hmac_sha256(
            self.kek.bytes(),
            &[&1u32.to_be_bytes(), purpose.as_bytes(), &[0], &realm, &256u32.to_be_bytes()],
        ))
    }

    /// Seals `plain` for a place.
    ///
    /// # Errors
    /// [`Unsealed`].
    pub fn seal(
        &self,
        entropy: &dyn Entropy,
        realm: RealmKey,
        place: Place<'_>,
        plain: &[u8],
    ) -> Result<Vec<u8>, Unsealed> {
        let nonce: [u8; NONCE_LEN] = bytes(entropy);
        let mut sealed = plain.to_vec();
        let key = self.key(realm, place).ok_or(Unsealed)?;
        let (nonce_once, aad) = (Nonce::assume_unique_for_key(nonce), Aad::from(aad(realm, place)));
        key.seal_in_place_append_tag(nonce_once, aad, &mut sealed).map_err(|_| Unsealed)?;
        Ok([&[VERSION][..], &nonce, &sealed].concat())
    }

    /// Opens an envelope of a place.
    ///
    /// # Errors
    /// [`Unsealable`].
    pub fn open(
        &self,
        realm: RealmKey,
        place: Place<'_>,
        envelope: &[u8],
    ) -> Result<zeroize::Zeroizing<Vec<u8>>, Unsealable> {
        let (version, rest) = envelope.split_first().ok_or(Unsealable)?;
        let (nonce, sealed) = rest.split_first_chunk::<NONCE_LEN>().ok_or(Unsealable)?;
        let key = self.key(realm, place).filter(|_| *version == VERSION).ok_or(Unsealable)?;
        let mut buffer = zeroize::Zeroizing::new(sealed.to_vec());
        let opened = key.open_in_place(Nonce::assume_unique_for_key(*nonce), Aad::from(aad(realm, place)), &mut buffer);
        let length = opened.map_err(|_| Unsealable)?.len();
        buffer.truncate(length);
        Ok(buffer)
    }

    fn key(&self, realm: RealmKey, place: Place<'_>) -> Option<LessSafeKey> {
        let key = self.derive(&format!("seal {}.{}", place.table, place.column), realm);
        UnboundKey::new(&AES_256_GCM, key.bytes()).ok().map(LessSafeKey::new)
    }
}

fn aad(realm: RealmKey, place: Place<'_>) -> Vec<u8> {
    let head = format!("{} {} {} ", realm.get(), place.table, place.column);
    [head.as_bytes(), place.row].concat()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::entropy::SystemEntropy;

    const HERE: Place<'static> = Place { table: "signing_key", column: "private_key", row: b"1" };

    #[test]
    fn key_04_a_sealed_secret_opens_in_its_place_and_nowhere_else() {
        let seal = Seal::new(Secret::from_bytes([1; 32]));
        let sealed = seal.seal(&SystemEntropy, RealmKey::MAIN, HERE, b"secret").expect("sealed");

        assert_eq!(seal.open(RealmKey::MAIN, HERE, &sealed).expect("opens").as_slice(), b"secret");
        assert!(seal.open(RealmKey::MAIN, Place { row: b"2", ..HERE }, &sealed).is_err());
        assert!(seal.open(RealmKey::from_stored(2), HERE, &sealed).is_err());
        assert!(Seal::new(Secret::from_bytes([2; 32])).open(RealmKey::MAIN, HERE, &sealed).is_err());
    }

    #[test]
    fn a_changed_or_cut_envelope_does_not_open() {
        let seal = Seal::new(Secret::from_bytes([1; 32]));
        let sealed = seal.seal(&SystemEntropy, RealmKey::MAIN, HERE, b"secret").expect("sealed");

        for at in 0..sealed.len() {
            let mut changed = sealed.clone();
            changed[at] ^= 1;
            assert!(seal.open(RealmKey::MAIN, HERE, &changed).is_err(), "byte {at}");
            assert!(seal.open(RealmKey::MAIN, HERE, &sealed[..at]).is_err(), "cut at {at}");
        }
    }
}
