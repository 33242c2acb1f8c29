//! Keys that sign, and the access tokens they sign: our own layer over aws-lc, because the key is parsed once and the header encoded once.

use aws_lc_rs::encoding::AsDer;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair, RSA_PKCS1_SHA256, RsaKeyPair,
};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use domain::key::Algorithm;
use domain::secret::sha256;
use thiserror::Error;
use wire::claims::{AccessClaims, Header};
use wire::jwk::Jwk;

/// A key that cannot be made, read or used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("a signing key cannot be used")]
pub struct BadKey;

/// Most bytes of a token; above them `permissions` is left out (JWT-03).
pub const LONGEST_TOKEN: usize = 4096;

/// What new keys are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyKind {
    /// RSA with so many bits: 2048, 3072 or 4096.
    Rsa(u32),
    /// P-256.
    P256,
    /// Ed25519.
    Ed25519,
}

impl KeyKind {
    /// The algorithm that it signs with; one key, one algorithm.
    #[must_use]
    pub const fn algorithm(self) -> Algorithm {
        match self {
            Self::Rsa(_) => Algorithm::Rs256,
            Self::P256 => Algorithm::Es256,
            Self::Ed25519 => Algorithm::EdDsa,
        }
    }

    /// The usual key of an algorithm; RSA of `rsa_bits`.
    #[must_use]
    pub const fn of(algorithm: Algorithm, rsa_bits: u32) -> Self {
        match algorithm {
            Algorithm::Rs256 => Self::Rsa(rsa_bits),
            Algorithm::Es256 => Self::P256,
            Algorithm::EdDsa => Self::Ed25519,
        }
    }

    /// Makes a key: PKCS#8. A second or two for RSA: not inside a transaction.
    ///
    /// # Errors
    /// [`BadKey`].
    pub fn generate(self) -> Result<zeroize::Zeroizing<Vec<u8>>, BadKey> {
        let bytes = match self {
            Self::Rsa(bits) => {
                let size = match bits {
                    2048 => KeySize::Rsa2048,
                    4096 => KeySize::Rsa4096,
                    3072 => KeySize::Rsa3072,
                    _ => return Err(BadKey),
                };
                let pair = RsaKeyPair::generate(size).map_err(|_| BadKey)?;
                AsDer::<aws_lc_rs::encoding::Pkcs8V1Der<'_>>::as_der(&pair).map_err(|_| BadKey)?.as_ref().to_vec()
            }
            Self::P256 => {
                let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).map_err(|_| BadKey)?;
                pair.to_pkcs8v1().map_err(|_| BadKey)?.as_ref().to_vec()
            }
            Self::Ed25519 => {
                let pair = Ed25519KeyPair::generate().map_err(|_| BadKey)?;
                pair.to_pkcs8().map_err(|_| BadKey)?.as_ref().to_vec()
            }
        };
        Ok(zeroize::Zeroizing::new(bytes))
    }
}

enum Pair {
    Rsa(RsaKeyPair),
    P256(EcdsaKeyPair),
    Ed25519(Ed25519KeyPair),
}

/// A parsed key with its encoded header.
pub struct SigningKey {
    pair: Pair,
    jwk: Jwk,
    kid: String,
    header: String,
    algorithm: Algorithm,
}

impl std::fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "SigningKey({} {})", self.algorithm.as_str(), self.kid)
    }
}

fn digest(bytes: &[u8]) -> [u8; 32] {
    sha256(&[bytes])
}

impl SigningKey {
    /// Parses PKCS#8 for an algorithm.
    ///
    /// # Errors
    /// [`BadKey`]: another kind of key, or an RSA key under 2048 bits (KEY-01).
    pub fn parse(algorithm: Algorithm, pkcs8: &[u8]) -> Result<Self, BadKey> {
        let (pair, jwk) = match algorithm {
            Algorithm::Rs256 => {
                let pair = RsaKeyPair::from_pkcs8(pkcs8).map_err(|_| BadKey)?;
                if pair.public_modulus_len() < 256 {
                    return Err(BadKey);
                }
                let public = pair.public_key();
                let n = public.modulus().big_endian_without_leading_zero();
                let e = public.exponent().big_endian_without_leading_zero();
                let jwk = Jwk::rsa(n, e, digest);
                (Pair::Rsa(pair), jwk)
            }
            Algorithm::Es256 => {
                let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, pkcs8).map_err(|_| BadKey)?;
                let point = pair.public_key().as_ref();
                let (x, y) = point.get(1..33).zip(point.get(33..65)).ok_or(BadKey)?;
                let jwk = Jwk::p256(x, y, digest);
                (Pair::P256(pair), jwk)
            }
            Algorithm::EdDsa => {
                let pair = Ed25519KeyPair::from_pkcs8(pkcs8).map_err(|_| BadKey)?;
                let jwk = Jwk::ed25519(pair.public_key().as_ref(), digest);
                (Pair::Ed25519(pair), jwk)
            }
        };
        let kid = jwk.kid.clone().ok_or(BadKey)?;
        let name = wire::jwk::Algorithm::from_name(algorithm.as_str()).ok_or(BadKey)?;
        let header = Header::access_token(name, kid.clone()).encode();
        Ok(Self { pair, jwk, kid, header, algorithm })
    }

    /// RFC 7638 thumbprint.
    #[must_use]
    pub fn kid(&self) -> &str {
        &self.kid
    }

    /// What it signs with.
    #[must_use]
    pub const fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// The public half.
    #[must_use]
    pub const fn jwk(&self) -> &Jwk {
        &self.jwk
    }

    /// Signs bytes.
    ///
    /// # Errors
    /// [`BadKey`].
    pub fn sign(&self, message: &[u8]) -> Result<Vec<u8>, BadKey> {
        match &self.pair {
            Pair::Rsa(pair) => {
                let mut signature = vec![0; pair.public_modulus_len()];
                let random = aws_lc_rs::rand::SystemRandom::default();
                pair.sign(&RSA_PKCS1_SHA256, &random, message, &mut signature).map_err(|_| BadKey)?;
                Ok(signature)
            }
            Pair::P256(pair) => {
                let random = aws_lc_rs::rand::SystemRandom::default();
                Ok(pair.sign(&random, message).map_err(|_| BadKey)?.as_ref().to_vec())
            }
            Pair::Ed25519(pair) => Ok(pair.sign(message).as_ref().to_vec()),
        }
    }

    /// The compact form of an access token (RFC 9068), at most [`LONGEST_TOKEN`]: above it `permissions` is left out, because `roles` say the same; if
    /// that is not enough `units` too, and a verifier denies too much rather than too little.
    ///
    /// # Errors
    /// [`BadKey`].
    pub fn issue(&self, claims: &AccessClaims) -> Result<String, BadKey> {
        let whole = self.unsigned(claims)?;
        if self.fits(&whole) {
            return self.signed(whole);
        }
        let short = AccessClaims { permissions: None, ..claims.clone() };
        let shorter = self.unsigned(&short)?;
        if self.fits(&shorter) {
            return self.signed(shorter);
        }
        self.signed(self.unsigned(&AccessClaims { units: std::collections::BTreeMap::new(), ..short })?)
    }

    fn fits(&self, unsigned: &str) -> bool {
        let signature = match &self.pair {
            Pair::Rsa(pair) => pair.public_modulus_len(),
            Pair::P256(_) | Pair::Ed25519(_) => 64,
        };
        unsigned.len() + 1 + signature.div_ceil(3) * 4 <= LONGEST_TOKEN
    }

    fn unsigned(&self, claims: &AccessClaims) -> Result<String, BadKey> {
        let payload = serde_json::to_vec(claims).map_err(|_| BadKey)?;
        let mut token = String::with_capacity(self.header.len() + payload.len() * 4 / 3 + 700);
        token.push_str(&self.header);
        token.push('.');
        URL_SAFE_NO_PAD.encode_string(payload, &mut token);
        Ok(token)
    }

    fn signed(&self, mut token: String) -> Result<String, BadKey> {
        let signature = self.sign(token.as_bytes())?;
        token.push('.');
        URL_SAFE_NO_PAD.encode_string(signature, &mut token);
        Ok(token)
    }
}
