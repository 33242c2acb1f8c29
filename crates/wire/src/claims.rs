//! The claims of an access token and the header they travel under.
//!
//! The order of the fields is the order on the wire. Reading is strict: a member that occurs twice, at any depth, is an error, because two
//! readers could then see two tokens (RFC 8725, section 2.4). Members that we do not know are skipped.

use std::collections::BTreeMap;
use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::de::{MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};
use uuid::Uuid;

use crate::jwk::Algorithm;
use crate::strict::{Members, Name, UniqueMap, once, required};

/// The `typ` of our access tokens (RFC 9068, section 2.1).
pub const ACCESS_TOKEN_TYPE: &str = "at+jwt";

/// The protected header of a token: exactly what we sign and all that a verifier looks at.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Header {
    /// How it is signed.
    pub alg: Algorithm,
    /// What kind of token it is, [`ACCESS_TOKEN_TYPE`] for access tokens.
    pub typ: String,
    /// Which key signed it: the key's RFC 7638 thumbprint.
    pub kid: String,
}

impl Header {
    /// The header of an access token signed by key `kid`.
    #[must_use]
    pub fn access_token(alg: Algorithm, kid: impl Into<String>) -> Self {
        Self { alg, typ: ACCESS_TOKEN_TYPE.to_owned(), kid: kid.into() }
    }

    /// The first segment of the compact form: base64url without padding of the JSON, members in the declared order.
    ///
    /// Signers encode it once per key; verifiers recognise it byte for byte and then need not parse it.
    #[must_use]
    pub fn encode(&self) -> String {
        let text = |value: &str| serde_json::Value::from(value).to_string();
        let json = format!(r#"{{"alg":"{}","typ":{},"kid":{}}}"#, self.alg, text(&self.typ), text(&self.kid));
        URL_SAFE_NO_PAD.encode(json)
    }
}

/// What an access token says (RFC 9068, section 2.2, and Bailiwick's roles, permissions and units).
///
/// Times are seconds since 1970 UTC. There is no name and no e-mail address in it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct AccessClaims {
    /// The realm's issuer URL.
    pub iss: String,
    /// The one API that the token is for.
    pub aud: String,
    /// The principal: a person, or a client that acts for itself.
    pub sub: Uuid,
    /// The client that asked for the token; `bailiwick-web` for a first-party sign-in.
    pub client_id: String,
    /// When it was issued.
    pub iat: i64,
    /// From when on it is refused.
    pub exp: i64,
    /// The token's own id, unique.
    pub jti: Uuid,
    /// The session it belongs to; none for a client that acts for itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sid: Option<Uuid>,
    /// When the person last proved who they are.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub auth_time: Option<i64>,
    /// How sure we are: `urn:bailiwick:aal1`, `urn:bailiwick:aal2`, `phrh`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub acr: Option<String>,
    /// The methods used (RFC 8176).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub amr: Option<Vec<String>>,
    /// Roles held at `/`, closed under inheritance, sorted.
    pub roles: Vec<String>,
    /// Permissions of this audience held at `/`, sorted; left out when the token would grow over 4 KB: then `roles` serve.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub permissions: Option<Vec<String>>,
    /// Roles held in units only: unit path → role names. A verifier that ignores it only denies too much.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub units: BTreeMap<String, Vec<String>>,
    /// The edition of the roles catalogue when the token was made.
    pub roles_version: i64,
    /// What the client narrowed the token to, permissions separated by spaces (RFC 9068, section 2.2.3); none: all that is held.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub scope: Option<String>,
    /// The instant whose rights of `sub` it carries, if that lies ahead of `iat`: it was made in the seconds after the `not_before` of a revocation of
    /// `sub` was set, and is not meant by it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub as_of: Option<i64>,
    /// The same for `sid`. Two instants, because each rises at its own revocations and may lie further ahead than the other one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sid_as_of: Option<i64>,
}

impl AccessClaims {
    /// What the `not_before` of a revocation of `sub` is compared with, in seconds since 1970.
    #[must_use]
    pub fn rights_as_of(&self) -> i64 {
        self.as_of.map_or(self.iat, |as_of| as_of.max(self.iat))
    }

    /// What the `not_before` of a revocation of `sid` is compared with, in seconds since 1970.
    #[must_use]
    pub fn session_as_of(&self) -> i64 {
        self.sid_as_of.map_or(self.iat, |as_of| as_of.max(self.iat))
    }
}

impl<'de> Deserialize<'de> for AccessClaims {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        ReadClaims::deserialize(deserializer).map(|read| read.claims)
    }
}

/// Claims as read from a token, with `nbf`, which we honour but do not issue.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReadClaims {
    /// The claims.
    pub claims: AccessClaims,
    /// Before this time (seconds since 1970) the token is not valid yet.
    pub nbf: Option<i64>,
}

impl<'de> Deserialize<'de> for ReadClaims {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(ClaimsVisitor)
    }
}

#[derive(Default)]
struct Partial {
    iss: Option<String>,
    aud: Option<String>,
    sub: Option<Uuid>,
    client_id: Option<String>,
    iat: Option<i64>,
    exp: Option<i64>,
    nbf: Option<i64>,
    jti: Option<Uuid>,
    sid: Option<Uuid>,
    auth_time: Option<i64>,
    acr: Option<String>,
    amr: Option<Vec<String>>,
    roles: Option<Vec<String>>,
    permissions: Option<Vec<String>>,
    units: Option<UniqueMap<Vec<String>>>,
    roles_version: Option<i64>,
    scope: Option<String>,
    as_of: Option<i64>,
    sid_as_of: Option<i64>,
}

impl Partial {
    /// Demands what RFC 9068, section 2.2, demands; the rest may be missing.
    fn finish<E: serde::de::Error>(self) -> Result<ReadClaims, E> {
        Ok(ReadClaims {
            claims: AccessClaims {
                iss: required(self.iss, "iss")?,
                aud: required(self.aud, "aud")?,
                sub: required(self.sub, "sub")?,
                client_id: required(self.client_id, "client_id")?,
                iat: required(self.iat, "iat")?,
                exp: required(self.exp, "exp")?,
                jti: required(self.jti, "jti")?,
                sid: self.sid,
                auth_time: self.auth_time,
                acr: self.acr,
                amr: self.amr,
                roles: self.roles.unwrap_or_default(),
                permissions: self.permissions,
                units: self.units.map(|units| units.0).unwrap_or_default(),
                roles_version: self.roles_version.unwrap_or_default(),
                scope: self.scope,
                as_of: self.as_of,
                sid_as_of: self.sid_as_of,
            },
            nbf: self.nbf,
        })
    }
}

struct ClaimsVisitor;

impl<'de> Visitor<'de> for ClaimsVisitor {
    type Value = ReadClaims;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the claims of an access token")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut read = Partial::default();
        let mut others = Members::default();
        while let Some(Name(name)) = map.next_key()? {
            match &*name {
                "iss" => once(&mut read.iss, &mut map)?,
                "aud" => once(&mut read.aud, &mut map)?,
                "sub" => once(&mut read.sub, &mut map)?,
                "client_id" => once(&mut read.client_id, &mut map)?,
                "iat" => once(&mut read.iat, &mut map)?,
                "exp" => once(&mut read.exp, &mut map)?,
                "nbf" => once(&mut read.nbf, &mut map)?,
                "jti" => once(&mut read.jti, &mut map)?,
                "sid" => once(&mut read.sid, &mut map)?,
                "auth_time" => once(&mut read.auth_time, &mut map)?,
                "acr" => once(&mut read.acr, &mut map)?,
                "amr" => once(&mut read.amr, &mut map)?,
                "roles" => once(&mut read.roles, &mut map)?,
                "permissions" => once(&mut read.permissions, &mut map)?,
                "units" => once(&mut read.units, &mut map)?,
                "roles_version" => once(&mut read.roles_version, &mut map)?,
                "scope" => once(&mut read.scope, &mut map)?,
                "as_of" => once(&mut read.as_of, &mut map)?,
                "sid_as_of" => once(&mut read.sid_as_of, &mut map)?,
                _ => others.skip(name, &mut map)?,
            }
        }
        read.finish()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may fail loudly")]
    use super::*;

    fn claims() -> AccessClaims {
        AccessClaims {
            iss: "https://id.example".into(),
            aud: "clinic".into(),
            sub: Uuid::from_u128(1),
            client_id: "bailiwick-web".into(),
            iat: 100,
            exp: 700,
            jti: Uuid::from_u128(2),
            sid: Some(Uuid::from_u128(3)),
            auth_time: Some(90),
            acr: Some("urn:bailiwick:aal1".into()),
            amr: Some(vec!["pwd".into()]),
            roles: vec!["nurse".into()],
            permissions: Some(vec!["charts:read".into()]),
            units: BTreeMap::from([("/clinic-a".into(), vec!["charge-nurse".into()])]),
            roles_version: 7,
            scope: None,
            as_of: None,
            sid_as_of: None,
        }
    }

    #[test]
    fn the_members_are_written_in_the_declared_order() {
        let json = serde_json::to_string(&claims()).unwrap();

        assert_eq!(
            json,
            r#"{"iss":"https://id.example","aud":"clinic","sub":"00000000-0000-0000-0000-000000000001","client_id":"bailiwick-web","iat":100,"exp":700,"jti":"00000000-0000-0000-0000-000000000002","sid":"00000000-0000-0000-0000-000000000003","auth_time":90,"acr":"urn:bailiwick:aal1","amr":["pwd"],"roles":["nurse"],"permissions":["charts:read"],"units":{"/clinic-a":["charge-nurse"]},"roles_version":7}"#
        );
        assert_eq!(serde_json::from_str::<AccessClaims>(&json).unwrap(), claims());
    }

    #[test]
    fn what_is_not_known_is_left_out() {
        let bare = AccessClaims {
            sid: None,
            auth_time: None,
            acr: None,
            amr: None,
            permissions: None,
            units: BTreeMap::new(),
            ..claims()
        };

        let json = serde_json::to_string(&bare).unwrap();

        assert!(
            !["sid", "auth_time", "acr", "amr", "permissions", "units", "null"].iter().any(|name| json.contains(name))
        );
        assert_eq!(serde_json::from_str::<AccessClaims>(&json).unwrap(), bare);
    }

    #[test]
    fn a_narrowed_token_says_to_what() {
        let narrowed = AccessClaims { scope: Some("charts:read notes:read".into()), ..claims() };

        let json = serde_json::to_string(&narrowed).unwrap();

        assert!(json.ends_with(r#","scope":"charts:read notes:read"}"#), "{json}");
        assert_eq!(serde_json::from_str::<AccessClaims>(&json).unwrap(), narrowed);
    }

    #[test]
    fn the_header_is_encoded_in_the_declared_order() {
        let header = Header::access_token(Algorithm::Rs256, "k1");

        let json = URL_SAFE_NO_PAD.decode(header.encode()).unwrap();

        assert_eq!(json, br#"{"alg":"RS256","typ":"at+jwt","kid":"k1"}"#);
        assert_eq!(json, serde_json::to_vec(&header).unwrap());
    }
}
