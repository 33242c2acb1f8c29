//! Issuing and validating access tokens, beside the bare signature and its bare verification.

use std::collections::BTreeMap;
use std::hint::black_box;
use std::sync::Arc;

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair, RSA_PKCS1_SHA256, RsaKeyPair,
};
use guard::{KeySet, SharedKeys, Verifier};
use service::signing::{KeyKind, SigningKey};
use uuid::Uuid;
use wire::claims::AccessClaims;
use wire::jwk::JwkSet;

use crate::Failure;
use crate::measure::{alone, beside};
use crate::report::{Report, Target};

/// The time in all of them.
pub(crate) const NOW: i64 = 1_795_271_760;
/// What is measured: a name, a kind of key, the share of the limit that is wanted of issuing and of validating.
const KINDS: &[(&str, KeyKind, Option<f64>, Option<f64>)] = &[
    ("RS256-3072", KeyKind::Rsa(3072), Some(0.97), Some(0.89)),
    ("RS256-2048", KeyKind::Rsa(2048), None, Some(0.89)),
    ("ES256", KeyKind::P256, None, None),
    ("EdDSA", KeyKind::Ed25519, None, None),
];

/// A physician's token: two roles, one of them in a unit, and thirty permissions.
pub(crate) fn claims() -> AccessClaims {
    let areas = ["charts", "orders", "results", "prescriptions", "appointments", "patients"];
    let verbs = ["create", "read", "release", "search", "update"];
    let permissions = areas.iter().flat_map(|area| verbs.iter().map(move |verb| format!("{area}:{verb}")));
    AccessClaims {
        iss: "https://id.clinic.example".into(),
        aud: "clinic".into(),
        sub: Uuid::from_u128(0x8a1f_02c3_0000_4000_8000_0000_0000_0001),
        client_id: "bailiwick-web".into(),
        iat: NOW,
        exp: NOW + 600,
        jti: Uuid::from_u128(0x8a1f_02c3_0000_7000_8000_0000_0000_0002),
        sid: Some(Uuid::from_u128(0x8a1f_02c3_0000_7000_8000_0000_0000_0003)),
        auth_time: Some(NOW - 60),
        acr: Some(domain::session::AAL1.into()),
        amr: Some(vec!["pwd".into()]),
        roles: vec!["physician".into(), "staff".into()],
        permissions: Some(permissions.collect()),
        units: BTreeMap::from([("/clinic-a/ward-3".into(), vec!["charge-nurse".into()])]),
        roles_version: 7,
        scope: None,
        as_of: None,
        sid_as_of: None,
    }
}

/// The bare signature with the same key.
enum Raw {
    Rsa(RsaKeyPair, Vec<u8>),
    P256(EcdsaKeyPair),
    Ed25519(Ed25519KeyPair),
}

impl Raw {
    fn parse(kind: KeyKind, pkcs8: &[u8]) -> Result<Self, Failure> {
        let bad = |_| Failure::from("a key that does not parse");
        Ok(match kind {
            KeyKind::Rsa(_) => {
                let pair = RsaKeyPair::from_pkcs8(pkcs8).map_err(bad)?;
                let length = pair.public_modulus_len();
                Self::Rsa(pair, vec![0; length])
            }
            KeyKind::P256 => {
                Self::P256(EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, pkcs8).map_err(bad)?)
            }
            KeyKind::Ed25519 => Self::Ed25519(Ed25519KeyPair::from_pkcs8(pkcs8).map_err(bad)?),
        })
    }

    fn sign(&mut self, message: &[u8]) {
        let random = SystemRandom::default();
        match self {
            Self::Rsa(pair, out) => {
                let _ = black_box(pair.sign(&RSA_PKCS1_SHA256, &random, message, out));
            }
            Self::P256(pair) => {
                let _ = black_box(pair.sign(&random, message));
            }
            Self::Ed25519(pair) => {
                black_box(pair.sign(message));
            }
        }
    }

    /// Names the public half, so that a wrong key would be seen.
    fn is_public_half_of(&self, key: &SigningKey) -> bool {
        let public = match self {
            Self::Rsa(pair, _) => pair.public_key().as_ref().len(),
            Self::P256(pair) => pair.public_key().as_ref().len(),
            Self::Ed25519(pair) => pair.public_key().as_ref().len(),
        };
        public > 0 && !key.kid().is_empty()
    }
}

/// Claims into a signed token, beside one signature over a message of the same size.
pub(crate) fn issue(report: &Report) -> Result<(), Failure> {
    let claims = claims();
    for (name, kind, target, _) in KINDS {
        let pkcs8 = kind.generate()?;
        let key = SigningKey::parse(kind.algorithm(), &pkcs8)?;
        let mut raw = Raw::parse(*kind, &pkcs8)?;
        if !raw.is_public_half_of(&key) {
            return Err("the two keys differ".into());
        }
        let token = key.issue(&claims)?;
        let message = token.rsplit_once('.').map_or("", |(message, _)| message).as_bytes().to_vec();
        let cost = beside(|| drop(black_box(key.issue(&claims))), || raw.sign(&message));
        let what = format!("issue {name} ({} bytes) / raw signature", token.len());
        match target {
            Some(least) => report.judged("issue", &what, cost.ratio, "ratio", Target::AtLeast(*least)),
            None => report.beside("issue", &what, cost.ratio, "ratio"),
        }
        report.beside("issue", &format!("  CPU of one {name} token"), cost.ours * 1e6, "us");
        report.beside("issue", &format!("  CPU of one {name} signature"), cost.limit * 1e6, "us");
    }
    Ok(())
}

/// A token never seen before, beside the verification of its signature; then the same token again.
pub(crate) fn validate(report: &Report) -> Result<(), Failure> {
    let claims = claims();
    for (name, kind, _, target) in KINDS {
        let key = SigningKey::parse(kind.algorithm(), &kind.generate()?)?;
        let keys = Arc::new(SharedKeys::new(KeySet::from_jwks(&JwkSet { keys: vec![key.jwk().clone()] })?));
        let verifier =
            |bytes| Verifier::with_keys("https://id.clinic.example", "clinic", keys.clone()).cache_bytes(bytes);
        let token = key.issue(&claims)?;
        let raw_keys = KeySet::from_jwks(&JwkSet { keys: vec![key.jwk().clone()] })?;
        let raw = raw_keys.key(key.kid()).ok_or("no key")?;
        let compact = wire::jws::Compact::split(&token)?;
        let signature = compact.signature_bytes()?;
        let message = compact.signing_input.as_bytes();
        let fresh = verifier(0);
        fresh.verify(&token, NOW)?;
        let cost = beside(
            || drop(black_box(fresh.verify(&token, NOW))),
            || {
                black_box(raw.verifies(message, &signature));
            },
        );
        let what = format!("validate {name} the first time / raw verification");
        match target {
            Some(least) => report.judged("validate", &what, cost.ratio, "ratio", Target::AtLeast(*least)),
            None => report.beside("validate", &what, cost.ratio, "ratio"),
        }
        report.beside("validate", &format!("  CPU of one {name} validation"), cost.ours * 1e6, "us");
        report.beside("validate", &format!("  CPU of one {name} verification"), cost.limit * 1e6, "us");
        let seen = verifier(guard::verifier::CACHE_BYTES);
        seen.verify(&token, NOW)?;
        let again = alone(|| drop(black_box(seen.verify(&token, NOW)))) * 1e6;
        report.judged("validate", &format!("  {name} seen before"), again, "us", Target::AtMost(1.0));
    }
    Ok(())
}
