//! Public keys as JSON (RFC 7517, RFC 7518 section 6, RFC 8037).
//!
//! Public only: a key document that holds a private or a symmetric member is not read at all.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::de::IgnoredAny;
use serde::{Deserialize, Serialize};

/// How tokens are signed. There is no `none` and nothing symmetric to confuse it with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Algorithm {
    /// RSASSA-PKCS1-v1_5 with SHA-256.
    #[serde(rename = "RS256")]
    Rs256,
    /// ECDSA on P-256 with SHA-256.
    #[serde(rename = "ES256")]
    Es256,
    /// Ed25519 (RFC 8037).
    #[serde(rename = "EdDSA")]
    EdDsa,
}

impl Algorithm {
    /// Every algorithm.
    pub const ALL: [Self; 3] = [Self::Rs256, Self::Es256, Self::EdDsa];

    /// The name of RFC 7518, section 3.1; case counts.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Rs256 => "RS256",
            Self::Es256 => "ES256",
            Self::EdDsa => "EdDSA",
        }
    }

    /// The algorithm of this exact name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|alg| alg.as_str() == name)
    }
}

impl fmt::Display for Algorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// One public key. Which of the optional members are there depends on `kty`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "AnyJwk")]
pub struct Jwk {
    /// `RSA`, `EC` or `OKP`.
    pub kty: String,
    /// `sig`.
    #[serde(rename = "use", skip_serializing_if = "Option::is_none")]
    pub use_: Option<String>,
    /// The one algorithm that the key is for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub alg: Option<String>,
    /// The key's name: its RFC 7638 thumbprint.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kid: Option<String>,
    /// RSA modulus.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub n: Option<String>,
    /// RSA public exponent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub e: Option<String>,
    /// Curve: `P-256` (EC), `Ed25519` (OKP).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub crv: Option<String>,
    /// First coordinate, or the whole OKP key.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub x: Option<String>,
    /// Second coordinate.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub y: Option<String>,
}

/// SHA-256, given by the caller: this crate has no cryptography.
pub type Sha256 = fn(&[u8]) -> [u8; 32];

impl Jwk {
    /// An RS256 key of big-endian modulus and exponent without leading zeros, named by its thumbprint.
    #[must_use]
    pub fn rsa(n: &[u8], e: &[u8], sha256: Sha256) -> Self {
        let members = Self { n: Some(encode(n)), e: Some(encode(e)), ..Self::empty("RSA", Algorithm::Rs256) };
        members.named(sha256)
    }

    /// An ES256 key of its two coordinates (32 bytes each), named by its thumbprint.
    #[must_use]
    pub fn p256(x: &[u8], y: &[u8], sha256: Sha256) -> Self {
        let members = Self {
            crv: Some("P-256".to_owned()),
            x: Some(encode(x)),
            y: Some(encode(y)),
            ..Self::empty("EC", Algorithm::Es256)
        };
        members.named(sha256)
    }

    /// An EdDSA key (32 bytes), named by its thumbprint.
    #[must_use]
    pub fn ed25519(x: &[u8], sha256: Sha256) -> Self {
        let members =
            Self { crv: Some("Ed25519".to_owned()), x: Some(encode(x)), ..Self::empty("OKP", Algorithm::EdDsa) };
        members.named(sha256)
    }

    /// The thumbprint: base64url of the hash of the required members in lexical order (RFC 7638, section 3; RFC 8037, section 2).
    ///
    /// None when `kty` is unknown or a required member is missing.
    #[must_use]
    pub fn thumbprint(&self, sha256: Sha256) -> Option<String> {
        let member = |value: &Option<String>| Some(serde_json::Value::from(value.as_deref()?).to_string());
        let json = match self.kty.as_str() {
            "RSA" => format!(r#"{{"e":{},"kty":"RSA","n":{}}}"#, member(&self.e)?, member(&self.n)?),
            "EC" => format!(
                r#"{{"crv":{},"kty":"EC","x":{},"y":{}}}"#,
                member(&self.crv)?,
                member(&self.x)?,
                member(&self.y)?
            ),
            "OKP" => format!(r#"{{"crv":{},"kty":"OKP","x":{}}}"#, member(&self.crv)?, member(&self.x)?),
            _ => return None,
        };
        Some(encode(&sha256(json.as_bytes())))
    }

    fn empty(kty: &str, alg: Algorithm) -> Self {
        Self {
            kty: kty.to_owned(),
            use_: Some("sig".to_owned()),
            alg: Some(alg.as_str().to_owned()),
            kid: None,
            n: None,
            e: None,
            crv: None,
            x: None,
            y: None,
        }
    }

    fn named(mut self, sha256: Sha256) -> Self {
        self.kid = self.thumbprint(sha256);
        self
    }
}

fn encode(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

/// The document at `/.well-known/jwks.json`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct JwkSet {
    /// The keys, newest first.
    pub keys: Vec<Jwk>,
}

/// A key as it arrives, before private members are ruled out.
#[derive(Deserialize)]
struct AnyJwk {
    kty: String,
    #[serde(rename = "use")]
    use_: Option<String>,
    alg: Option<String>,
    kid: Option<String>,
    n: Option<String>,
    e: Option<String>,
    crv: Option<String>,
    x: Option<String>,
    y: Option<String>,
    d: Option<IgnoredAny>,
    p: Option<IgnoredAny>,
    q: Option<IgnoredAny>,
    dp: Option<IgnoredAny>,
    dq: Option<IgnoredAny>,
    qi: Option<IgnoredAny>,
    oth: Option<IgnoredAny>,
    k: Option<IgnoredAny>,
}

impl TryFrom<AnyJwk> for Jwk {
    type Error = &'static str;

    fn try_from(key: AnyJwk) -> Result<Self, Self::Error> {
        if [key.d, key.p, key.q, key.dp, key.dq, key.qi, key.oth, key.k].iter().any(Option::is_some) {
            return Err("a key with a private or symmetric member");
        }
        let AnyJwk { kty, use_, alg, kid, n, e, crv, x, y, .. } = key;
        Ok(Self { kty, use_, alg, kid, n, e, crv, x, y })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may fail loudly")]
    use super::*;

    fn hash(bytes: &[u8]) -> [u8; 32] {
        let mut first = [0; 32];
        first.copy_from_slice(&bytes[..32]);
        first
    }

    #[test]
    fn the_thumbprint_is_taken_over_the_required_members_in_lexical_order() {
        let jwk = Jwk::ed25519(&[0; 32], hash);

        assert_eq!(jwk.kid.unwrap(), encode(br#"{"crv":"Ed25519","kty":"OKP","x":"AAA"#.first_chunk::<32>().unwrap()));
    }

    #[test]
    fn a_published_key_has_only_public_members() {
        let json = serde_json::to_string(&Jwk::rsa(&[0xC3; 256], &[1, 0, 1], hash)).unwrap();

        let names: Vec<String> =
            serde_json::from_str::<serde_json::Map<_, _>>(&json).unwrap().keys().cloned().collect();
        assert_eq!(names.len(), 6);
        assert!(["kty", "use", "alg", "kid", "n", "e"].iter().all(|name| names.iter().any(|have| have == name)));
    }

    #[test]
    fn a_key_with_a_private_or_symmetric_member_is_not_read() {
        for member in ["d", "p", "q", "dp", "dq", "qi", "k"] {
            let json = format!(r#"{{"kty":"RSA","n":"AQ","e":"AQAB","{member}":"AQ"}}"#);
            assert!(serde_json::from_str::<Jwk>(&json).is_err(), "{member}");
        }
    }

    #[test]
    fn a_key_with_a_member_twice_is_not_read() {
        assert!(serde_json::from_str::<Jwk>(r#"{"kty":"RSA","n":"AQ","e":"AQAB","n":"Ag"}"#).is_err());
    }
}
