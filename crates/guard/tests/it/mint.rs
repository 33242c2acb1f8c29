//! Keys and tokens for tests, good and bad.

use std::collections::BTreeMap;
use std::sync::{Arc, LazyLock};

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::{KeySize, PublicKeyComponents};
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair as _, RSA_PKCS1_SHA256, RsaKeyPair,
};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use guard::{AccessClaims, KeySet, SharedKeys, Verifier};
use serde_json::{Value, json};
use uuid::Uuid;
use wire::claims::Header;
use wire::jwk::{Algorithm, Jwk, JwkSet};

/// The time in all tests, unless one moves it.
pub(crate) const NOW: i64 = 1_800_000_000;
pub(crate) const ISSUER: &str = "https://id.example";
pub(crate) const AUDIENCE: &str = "clinic";
pub(crate) const SUBJECT: Uuid = Uuid::from_u128(0x1111_2222_3333_4444_8555_6666_7777_8888);

/// A signing key and its public half.
pub(crate) struct Signer {
    key: Key,
    pub(crate) jwk: Jwk,
}

enum Key {
    Rsa(RsaKeyPair),
    P256(EcdsaKeyPair),
    Ed25519(Ed25519KeyPair),
}

fn sha256(bytes: &[u8]) -> [u8; 32] {
    let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, bytes);
    digest.as_ref().try_into().unwrap()
}

impl Signer {
    pub(crate) fn rsa(size: KeySize) -> Self {
        let key = RsaKeyPair::generate(size).unwrap();
        let parts = PublicKeyComponents::<Vec<u8>>::from(key.public_key());
        Self { jwk: Jwk::rsa(&parts.n, &parts.e, sha256), key: Key::Rsa(key) }
    }

    pub(crate) fn p256() -> Self {
        let key = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap();
        let point = key.public_key().as_ref();
        Self { jwk: Jwk::p256(&point[1..33], &point[33..], sha256), key: Key::P256(key) }
    }

    pub(crate) fn ed25519() -> Self {
        let key = Ed25519KeyPair::generate().unwrap();
        Self { jwk: Jwk::ed25519(key.public_key().as_ref(), sha256), key: Key::Ed25519(key) }
    }

    pub(crate) fn kid(&self) -> &str {
        self.jwk.kid.as_deref().unwrap()
    }

    pub(crate) fn alg(&self) -> Algorithm {
        Algorithm::from_name(self.jwk.alg.as_deref().unwrap()).unwrap()
    }

    pub(crate) fn sign(&self, message: &[u8]) -> Vec<u8> {
        match &self.key {
            Key::Rsa(key) => {
                let mut signature = vec![0; key.public_modulus_len()];
                key.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), message, &mut signature).unwrap();
                signature
            }
            Key::P256(key) => key.sign(&SystemRandom::new(), message).unwrap().as_ref().to_vec(),
            Key::Ed25519(key) => key.sign(message).as_ref().to_vec(),
        }
    }

    /// A token of these claims under the header that the issuer writes.
    pub(crate) fn token(&self, claims: &AccessClaims) -> String {
        let header = Header::access_token(self.alg(), self.kid()).encode();
        self.seal(&header, &URL_SAFE_NO_PAD.encode(serde_json::to_vec(claims).unwrap()))
    }

    /// A well-signed token of any header and payload, in this very text.
    pub(crate) fn raw(&self, header: &str, payload: &str) -> String {
        self.seal(&URL_SAFE_NO_PAD.encode(header), &URL_SAFE_NO_PAD.encode(payload))
    }

    /// A well-signed token of the good claims with a header of one's own.
    pub(crate) fn with_header(&self, header: &Value) -> String {
        self.raw(&header.to_string(), &serde_json::to_string(&claims()).unwrap())
    }

    /// A well-signed token under the good header with claims of one's own.
    pub(crate) fn with_claims(&self, claims: &str) -> String {
        self.raw(&self.header().to_string(), claims)
    }

    /// The good header, to be spoilt.
    pub(crate) fn header(&self) -> Value {
        json!({"alg": self.alg().as_str(), "typ": "at+jwt", "kid": self.kid()})
    }

    pub(crate) fn seal(&self, header: &str, payload: &str) -> String {
        let input = format!("{header}.{payload}");
        let signature = URL_SAFE_NO_PAD.encode(self.sign(input.as_bytes()));
        format!("{input}.{signature}")
    }

    pub(crate) fn keys(&self) -> KeySet {
        KeySet::from_jwks(&JwkSet { keys: vec![self.jwk.clone()] }).unwrap()
    }
}

/// The RSA key of most tests: making one takes a while.
pub(crate) static RSA: LazyLock<Signer> = LazyLock::new(|| Signer::rsa(KeySize::Rsa2048));

/// Good claims: issued now, for ten minutes.
pub(crate) fn claims() -> AccessClaims {
    AccessClaims {
        iss: ISSUER.to_owned(),
        aud: AUDIENCE.to_owned(),
        sub: SUBJECT,
        client_id: "bailiwick-web".to_owned(),
        iat: NOW,
        exp: NOW + 600,
        jti: Uuid::from_u128(0xA),
        sid: Some(Uuid::from_u128(0xB)),
        auth_time: Some(NOW - 5),
        acr: Some("urn:bailiwick:aal1".to_owned()),
        amr: Some(vec!["pwd".to_owned()]),
        roles: vec!["nurse".to_owned()],
        permissions: Some(vec!["charts:read".to_owned()]),
        units: BTreeMap::new(),
        roles_version: 1,
        scope: None,
        as_of: None,
        sid_as_of: None,
    }
}

/// A verifier of `signer`'s tokens, and the keys that it looks at.
pub(crate) fn verifier(signer: &Signer) -> (Verifier, Arc<SharedKeys>) {
    let keys = Arc::new(SharedKeys::new(signer.keys()));
    (Verifier::with_keys(ISSUER, AUDIENCE, keys.clone()), keys)
}
