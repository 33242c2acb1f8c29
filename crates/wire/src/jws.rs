//! Strict reading of a signed token in compact form (RFC 7515, RFC 8725): no cryptography, only what may be on the wire.
//!
//! Everything that two readers could understand differently is refused: padding, characters outside base64url, unused bits, members that
//! occur twice, extensions (`crit`, `b64`). Headers that offer a key (`jku`, `jwk`, `x5u`, `x5c`) are not looked at: keys come from the
//! issuer's own document alone.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::de::{DeserializeOwned, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};

use crate::claims::{ACCESS_TOKEN_TYPE, Header, ReadClaims};
use crate::jwk::Algorithm;
use crate::strict::{Members, Name, is_duplicate, once};

/// The longest token that is looked at, in bytes. Ours stay under 4 KB.
pub const LONGEST_TOKEN: usize = 16 * 1024;
/// The longest `kid`, in bytes; a thumbprint has 43.
pub const LONGEST_KID: usize = 128;

/// Why a token is refused. For logs and tests: whoever presented it gets one answer for all.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
pub enum Refused {
    /// Longer than [`LONGEST_TOKEN`].
    #[error("longer than 16 KiB")]
    TooLong,
    /// Not three segments with something in each.
    #[error("not three segments")]
    NotCompact,
    /// Not base64url without padding.
    #[error("not base64url")]
    NotBase64Url,
    /// The header is not a JSON object of the expected shape.
    #[error("malformed header")]
    MalformedHeader,
    /// The claims are not a JSON object of the expected shape, or a required one is missing.
    #[error("malformed claims")]
    MalformedClaims,
    /// A member occurs twice.
    #[error("a member occurs twice")]
    DuplicateMember,
    /// `crit` or `b64`: an extension that would have to be understood.
    #[error("a critical extension")]
    CriticalExtension,
    /// `alg` is missing, unknown, or not the key's.
    #[error("algorithm not allowed")]
    Algorithm,
    /// `typ` is missing or not that of an access token.
    #[error("not an access token")]
    Type,
    /// `kid` is missing, empty or longer than [`LONGEST_KID`].
    #[error("no usable key id")]
    KeyId,
    /// No key of that `kid`.
    #[error("unknown key")]
    UnknownKey,
    /// The signature does not fit.
    #[error("wrong signature")]
    Signature,
    /// Of another issuer.
    #[error("another issuer")]
    Issuer,
    /// For another API.
    #[error("another audience")]
    Audience,
    /// `exp` has passed.
    #[error("expired")]
    Expired,
    /// `nbf` or `iat` lies ahead.
    #[error("not valid yet")]
    NotYetValid,
    /// Revoked since it was issued.
    #[error("revoked")]
    Revoked,
}

/// A token taken apart, each segment still encoded.
#[derive(Clone, Copy, Debug)]
pub struct Compact<'a> {
    /// First segment.
    pub header: &'a str,
    /// Second segment.
    pub payload: &'a str,
    /// Third segment.
    pub signature: &'a str,
    /// What the signature is over: the first two segments and the dot between them.
    pub signing_input: &'a str,
}

impl<'a> Compact<'a> {
    /// Takes `token` apart at its dots.
    ///
    /// # Errors
    /// [`Refused::TooLong`]; [`Refused::NotCompact`] unless there are exactly three segments with something in each.
    pub fn split(token: &'a str) -> Result<Self, Refused> {
        if token.len() > LONGEST_TOKEN {
            return Err(Refused::TooLong);
        }
        let (signing_input, signature) = token.rsplit_once('.').ok_or(Refused::NotCompact)?;
        let (header, payload) = signing_input.split_once('.').ok_or(Refused::NotCompact)?;
        if header.is_empty() || payload.is_empty() || signature.is_empty() || payload.contains('.') {
            return Err(Refused::NotCompact);
        }
        Ok(Self { header, payload, signature, signing_input })
    }

    /// Reads the header of a token of any kind; a missing `typ` is empty.
    ///
    /// # Errors
    /// [`Refused::NotBase64Url`], [`Refused::MalformedHeader`], [`Refused::DuplicateMember`], [`Refused::CriticalExtension`],
    /// [`Refused::Algorithm`], [`Refused::KeyId`].
    pub fn header(&self) -> Result<Header, Refused> {
        let raw: RawHeader = read(&decode(self.header)?, Refused::MalformedHeader)?;
        if raw.extended {
            return Err(Refused::CriticalExtension);
        }
        let alg = raw.alg.as_deref().and_then(Algorithm::from_name).ok_or(Refused::Algorithm)?;
        let kid = raw.kid.filter(|kid| !kid.is_empty() && kid.len() <= LONGEST_KID).ok_or(Refused::KeyId)?;
        Ok(Header { alg, typ: raw.typ.unwrap_or_default(), kid })
    }

    /// Reads the header of an access token: its `typ` is `at+jwt` or the long form of that (RFC 9068, section 2.1). Case counts; ours
    /// never differ.
    ///
    /// # Errors
    /// Those of [`Compact::header`], and [`Refused::Type`].
    pub fn access_token_header(&self) -> Result<Header, Refused> {
        let header = self.header()?;
        match header.typ.as_str() {
            ACCESS_TOKEN_TYPE | "application/at+jwt" => Ok(header),
            _ => Err(Refused::Type),
        }
    }

    /// The signature's bytes.
    ///
    /// # Errors
    /// [`Refused::NotBase64Url`].
    pub fn signature_bytes(&self) -> Result<Vec<u8>, Refused> {
        decode(self.signature)
    }

    /// Reads the claims. Do so only after the signature was verified.
    ///
    /// # Errors
    /// [`Refused::NotBase64Url`], [`Refused::MalformedClaims`], [`Refused::DuplicateMember`].
    pub fn claims(&self) -> Result<ReadClaims, Refused> {
        read(&decode(self.payload)?, Refused::MalformedClaims)
    }
}

/// Decodes base64url: no padding, no other characters, no unused bits that are set (RFC 7515, section 2; RFC 4648, section 3.5).
fn decode(segment: &str) -> Result<Vec<u8>, Refused> {
    URL_SAFE_NO_PAD.decode(segment).map_err(|_| Refused::NotBase64Url)
}

/// Reads one JSON value that fills `bytes`. That all of it is UTF-8 is checked at once: faster than string by string.
fn read<T: DeserializeOwned>(bytes: &[u8], malformed: Refused) -> Result<T, Refused> {
    let text = std::str::from_utf8(bytes).map_err(|_| malformed)?;
    serde_json::from_str(text).map_err(|error| if is_duplicate(&error) { Refused::DuplicateMember } else { malformed })
}

/// The header members that decide anything.
#[derive(Default)]
struct RawHeader {
    alg: Option<String>,
    typ: Option<String>,
    kid: Option<String>,
    extended: bool,
}

impl<'de> Deserialize<'de> for RawHeader {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(HeaderVisitor)
    }
}

struct HeaderVisitor;

impl<'de> Visitor<'de> for HeaderVisitor {
    type Value = RawHeader;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a header object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<RawHeader, A::Error> {
        let mut header = RawHeader::default();
        let mut others = Members::default();
        while let Some(Name(name)) = map.next_key()? {
            match &*name {
                "alg" => once(&mut header.alg, &mut map)?,
                "typ" => once(&mut header.typ, &mut map)?,
                "kid" => once(&mut header.kid, &mut map)?,
                _ => {
                    header.extended |= matches!(&*name, "crit" | "b64");
                    others.skip(name, &mut map)?;
                }
            }
        }
        Ok(header)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may fail loudly")]
    use super::*;

    fn header(json: impl AsRef<[u8]>) -> Result<Header, Refused> {
        let token = format!("{}.e30.AA", URL_SAFE_NO_PAD.encode(json));
        Compact::split(&token).unwrap().access_token_header()
    }

    fn claims(json: impl AsRef<[u8]>) -> Result<ReadClaims, Refused> {
        let token = format!("e30.{}.AA", URL_SAFE_NO_PAD.encode(json));
        Compact::split(&token).unwrap().claims()
    }

    const CLAIMS: &str = r#""iss":"i","aud":"a","sub":"00000000-0000-0000-0000-000000000001","client_id":"c","iat":1,"exp":2,"jti":"00000000-0000-0000-0000-000000000002""#;

    #[test]
    fn a_token_has_exactly_three_segments_with_something_in_each() {
        for token in ["", ".", "..", "a.b", "a.b.", ".b.c", "a..c", "a.b.c.d", "a.b.c.", "abc"] {
            assert_eq!(Compact::split(token).unwrap_err(), Refused::NotCompact, "{token}");
        }
        assert_eq!(Compact::split("a.b.c").unwrap().signing_input, "a.b");
    }

    #[test]
    fn a_token_over_sixteen_kibibytes_is_not_looked_at() {
        assert_eq!(Compact::split(&"a".repeat(LONGEST_TOKEN + 1)).unwrap_err(), Refused::TooLong);
        assert_eq!(Compact::split(&"a".repeat(LONGEST_TOKEN)).unwrap_err(), Refused::NotCompact);
    }

    #[test]
    fn padding_whitespace_foreign_characters_and_loose_bits_are_refused() {
        for signature in ["AA==", "A A", "AA\n", "A+A/", "AB", "A", "ÄA"] {
            let token = format!("e30.e30.{signature}");
            assert_eq!(
                Compact::split(&token).unwrap().signature_bytes().unwrap_err(),
                Refused::NotBase64Url,
                "{token}"
            );
        }
    }

    #[test]
    fn the_names_in_a_header_are_case_exact() {
        assert!(header(r#"{"alg":"RS256","typ":"at+jwt","kid":"k"}"#).is_ok());
        assert!(header(r#"{"kid":"k","typ":"application/at+jwt","alg":"EdDSA"}"#).is_ok());
        for alg in ["rs256", "none", "None", "HS256", "RS512", "PS256", "ES256K", ""] {
            let refused = header(format!(r#"{{"alg":"{alg}","typ":"at+jwt","kid":"k"}}"#));
            assert_eq!(refused.unwrap_err(), Refused::Algorithm, "{alg}");
        }
        for typ in ["JWT", "AT+JWT", "at+jwt ", "logout+jwt", "secevent+jwt", ""] {
            let refused = header(format!(r#"{{"alg":"RS256","typ":"{typ}","kid":"k"}}"#));
            assert_eq!(refused.unwrap_err(), Refused::Type, "{typ}");
        }
        assert_eq!(header(r#"{"ALG":"RS256","typ":"at+jwt","kid":"k"}"#).unwrap_err(), Refused::Algorithm);
    }

    #[test]
    fn a_key_id_is_needed_and_at_most_128_bytes_long() {
        let with = |kid: &str| header(format!(r#"{{"alg":"RS256","typ":"at+jwt","kid":"{kid}"}}"#));

        assert!(with(&"k".repeat(128)).is_ok());
        assert_eq!(with(&"k".repeat(129)).unwrap_err(), Refused::KeyId);
        assert_eq!(with("").unwrap_err(), Refused::KeyId);
        assert_eq!(header(r#"{"alg":"RS256","typ":"at+jwt"}"#).unwrap_err(), Refused::KeyId);
    }

    #[test]
    fn extensions_that_would_have_to_be_understood_are_refused() {
        for member in [r#""crit":["exp"]"#, r#""crit":[]"#, r#""crit":null"#, r#""b64":true"#, r#""b64":false"#] {
            let refused = header(format!(r#"{{"alg":"RS256","typ":"at+jwt","kid":"k",{member}}}"#));
            assert_eq!(refused.unwrap_err(), Refused::CriticalExtension, "{member}");
        }
    }

    #[test]
    fn a_header_that_offers_a_key_is_read_as_if_it_did_not() {
        for member in
            [r#""jku":"https://evil"#, r#""x5u":"https://evil"#, r#""jwk":{"kty":"oct","k":"AA"#, r#""x5c":["AA"#]
        {
            let close = if member.contains('{') {
                "\"}"
            } else if member.contains('[') {
                "\"]"
            } else {
                "\""
            };
            let read = header(format!(r#"{{"alg":"RS256","typ":"at+jwt","kid":"k",{member}{close}}}"#)).unwrap();
            assert_eq!(read, Header::access_token(Algorithm::Rs256, "k"));
        }
    }

    #[test]
    fn a_member_that_occurs_twice_is_refused_at_every_depth() {
        for json in [
            r#"{"alg":"RS256","alg":"RS256","typ":"at+jwt","kid":"k"}"#,
            r#"{"alg":"RS256","typ":"at+jwt","kid":"k","\u006bid":"k"}"#,
            r#"{"alg":"RS256","typ":"at+jwt","kid":"k","x":1,"x":1}"#,
            r#"{"alg":"RS256","typ":"at+jwt","kid":"k","x":[{"y":1,"y":2}]}"#,
        ] {
            assert_eq!(header(json).unwrap_err(), Refused::DuplicateMember, "{json}");
        }
        for extra in [
            r#""exp":3"#,
            r#""x":1,"x":1"#,
            r#""x":{"y":{"z":1,"z":1}}"#,
            r#""units":{"/a":["r"],"/a":["s"]}"#,
            r#""sid":null"#,
        ] {
            let refused = claims(format!("{{{CLAIMS},{extra}}}")).unwrap_err();
            let expected = if extra.contains("sid") { Refused::MalformedClaims } else { Refused::DuplicateMember };
            assert_eq!(refused, expected, "{extra}");
        }
    }

    #[test]
    fn what_is_not_one_json_object_in_utf_8_is_refused() {
        for json in [&b"[]"[..], b"null", b"0", b"{", b"{}{}", b"\xff", b"{\"alg\":\"\xff\"}", b"{\"alg\":1}"] {
            assert_eq!(header(json).unwrap_err(), Refused::MalformedHeader, "{json:?}");
            assert_eq!(claims(json).unwrap_err(), Refused::MalformedClaims, "{json:?}");
        }
        let deep = format!("{{\"x\":{}{}}}", "[".repeat(4000), "]".repeat(4000));
        assert_eq!(header(deep).unwrap_err(), Refused::MalformedHeader);
    }

    #[test]
    fn claims_that_we_do_not_know_are_skipped_and_the_required_ones_demanded() {
        let read = claims(format!(r#"{{{CLAIMS},"nbf":1,"scope":"x","cnf":{{"jkt":"y"}}}}"#)).unwrap();
        assert_eq!((read.claims.exp, read.nbf), (2, Some(1)));

        for member in CLAIMS.split(',') {
            let without = CLAIMS.split(',').filter(|one| *one != member).collect::<Vec<_>>().join(",");
            assert_eq!(claims(format!("{{{without}}}")).unwrap_err(), Refused::MalformedClaims, "{member}");
        }
    }
}
