//! For an application's own tests (feature `testing`): tokens for whoever a test needs, and a guard that trusts them. No server, no network,
//! and a clock that the test sets.
//!
//! ```
//! use guard::testing::TestIssuer;
//!
//! # fn routes(_: &guard::Guard) {}
//! let issuer = TestIssuer::new("clinic").role("nurse", &["charts:read"]);
//! let app = routes(&issuer.guard()); // the application's own routes, as in production
//! let nurse = issuer.caller().role("nurse").bearer(); // for the header `Authorization`
//! let ward = issuer.caller().role_in("/clinic-a/ward-3", "nurse").bearer();
//! ```
#![expect(clippy::expect_used, reason = "used in tests alone, which may fail loudly")]

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};

use aws_lc_rs::digest;
use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair as _};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::json;
use uuid::Uuid;
use wire::claims::{AccessClaims, Header};
use wire::jwk::{Algorithm, Jwk, JwkSet};
use wire::revocation::Revocation;
use wire::roles::RolesCatalogue;

use crate::caller::AAL1;
use crate::clock::Clock;
use crate::denylist::{DENYLIST_BYTES, Denylist};
use crate::guard::Guard;
use crate::keys::{KeySet, SharedKeys};
use crate::verifier::Verifier;

/// Who signs the tokens.
pub const ISSUER: &str = "https://issuer.test";
/// The time at which every issuer begins, in seconds since 1970 UTC: in January 2027.
pub const BEGIN: i64 = 1_800_000_000;
/// How long a token lives unless the test says otherwise, in seconds.
pub const LIFETIME_SECONDS: i64 = 600;

/// An issuer with a key of its own, made anew for each test.
#[derive(Debug)]
pub struct TestIssuer {
    audience: String,
    key: Ed25519KeyPair,
    header: String,
    keys: Arc<SharedKeys>,
    roles: BTreeMap<String, Vec<String>>,
    denylist: Arc<Denylist>,
    time: Arc<AtomicI64>,
    ids: AtomicU64,
}

impl TestIssuer {
    /// An issuer of tokens for the API `audience`.
    ///
    /// # Panics
    /// If no key can be made.
    #[must_use]
    pub fn new(audience: impl Into<String>) -> Self {
        let key = Ed25519KeyPair::generate().expect("a key");
        let sha256 = |bytes: &[u8]| digest::digest(&digest::SHA256, bytes).as_ref().try_into().expect("32 bytes");
        let jwk = Jwk::ed25519(key.public_key().as_ref(), sha256);
        let header = Header::access_token(Algorithm::EdDsa, jwk.kid.clone().unwrap_or_default()).encode();
        let keys = KeySet::from_jwks(&JwkSet { keys: vec![jwk] }).expect("a good key");
        Self {
            audience: audience.into(),
            key,
            header,
            keys: Arc::new(SharedKeys::new(keys)),
            roles: BTreeMap::new(),
            denylist: Arc::new(Denylist::new(DENYLIST_BYTES)),
            time: Arc::new(AtomicI64::new(BEGIN)),
            ids: AtomicU64::new(1),
        }
    }

    /// Puts a role into the roles catalogue, as a profile or an administrator would. Guards know those of before [`TestIssuer::guard`].
    #[must_use]
    pub fn role(mut self, name: &str, permissions: &[&str]) -> Self {
        self.roles.insert(name.to_owned(), permissions.iter().map(|&permission| permission.to_owned()).collect());
        self
    }

    /// A guard that trusts this issuer and nobody else.
    #[must_use]
    pub fn guard(&self) -> Guard {
        let verifier = Verifier::with_keys(ISSUER, self.audience.clone(), Arc::<SharedKeys>::clone(&self.keys));
        let catalogue = RolesCatalogue { audience: self.audience.clone(), roles_version: 1, roles: self.roles.clone() };
        Guard::offline_with_roles(verifier.denylist(Arc::clone(&self.denylist)), self.clock(), catalogue)
    }

    /// The clock of its guards and tokens.
    #[must_use]
    pub fn clock(&self) -> Clock {
        let time = Arc::clone(&self.time);
        Arc::new(move || time.load(Ordering::SeqCst))
    }

    /// Lets time pass.
    pub fn advance(&self, seconds: i64) {
        self.time.fetch_add(seconds, Ordering::SeqCst);
    }

    /// Tells its guards what the revocation feed would.
    ///
    /// # Panics
    /// If that is more than 64 MiB.
    pub fn revoke(&self, items: &[Revocation]) {
        self.denylist.apply(items, (self.clock())()).expect("there is room");
    }

    /// Somebody new, signed in now, who holds nothing yet.
    ///
    /// # Panics
    /// If the claims are none, which does not happen.
    #[must_use]
    pub fn caller(&self) -> TestCaller<'_> {
        let now = (self.clock())();
        let claims = json!({
            "iss": ISSUER, "aud": self.audience, "sub": self.id(), "client_id": "bailiwick-web", "iat": now,
            "exp": now + LIFETIME_SECONDS, "jti": self.id(), "sid": self.id(), "auth_time": now, "acr": AAL1,
            "amr": ["pwd"], "roles": [], "permissions": [], "roles_version": 1,
        });
        let claims = serde_json::from_value(claims).expect("good claims");
        TestCaller { issuer: self, claims }
    }

    fn id(&self) -> Uuid {
        let number = self.ids.fetch_add(1, Ordering::SeqCst);
        uuid::Builder::from_u128(u128::from(number)).with_version(uuid::Version::Random).into_uuid()
    }
}

/// Somebody that a test needs; ends in a token.
#[derive(Clone, Debug)]
pub struct TestCaller<'a> {
    issuer: &'a TestIssuer,
    claims: AccessClaims,
}

impl TestCaller<'_> {
    /// Holds `role` everywhere, with the permissions that the issuer gives it.
    #[must_use]
    pub fn role(mut self, role: &str) -> Self {
        let brought = self.issuer.roles.get(role).cloned().unwrap_or_default();
        self.claims.roles.push(role.to_owned());
        self.claims.permissions.get_or_insert_default().extend(brought);
        self
    }

    /// Holds `role` in `unit` (a path such as `/clinic-a/ward-3`) and below.
    #[must_use]
    pub fn role_in(mut self, unit: &str, role: &str) -> Self {
        self.claims.units.entry(unit.to_owned()).or_default().push(role.to_owned());
        self
    }

    /// Holds `permission` everywhere, by whatever role.
    #[must_use]
    pub fn permission(mut self, permission: &str) -> Self {
        self.claims.permissions.get_or_insert_default().push(permission.to_owned());
        self
    }

    /// Is the person `id`, for instance the owner of a record.
    #[must_use]
    pub fn is(mut self, id: Uuid) -> Self {
        self.claims.sub = id;
        self
    }

    /// Proved who they are `seconds` ago, as surely as `acr` says ([`crate::AAL1`], [`crate::AAL2`], [`crate::PHRH`]).
    #[must_use]
    pub fn authenticated(mut self, seconds: i64, acr: &str) -> Self {
        self.claims.auth_time = Some(self.claims.iat - seconds);
        self.claims.acr = Some(acr.to_owned());
        self
    }

    /// Is a client that acts for itself: there is no session and no person.
    #[must_use]
    pub fn service(mut self, client_id: &str) -> Self {
        client_id.clone_into(&mut self.claims.client_id);
        (self.claims.sid, self.claims.auth_time, self.claims.acr, self.claims.amr) = (None, None, None, None);
        self
    }

    /// Any claim that the others do not set.
    #[must_use]
    pub fn claims(mut self, change: impl FnOnce(&mut AccessClaims)) -> Self {
        change(&mut self.claims);
        self
    }

    /// Who it is.
    #[must_use]
    pub fn id(&self) -> Uuid {
        self.claims.sub
    }

    /// The session, to be revoked.
    #[must_use]
    pub fn session(&self) -> Option<Uuid> {
        self.claims.sid
    }

    /// The access token.
    ///
    /// # Panics
    /// If the claims are no JSON, which does not happen.
    #[must_use]
    pub fn token(&self) -> String {
        let claims = serde_json::to_vec(&self.claims).expect("claims are JSON");
        let input = format!("{}.{}", self.issuer.header, URL_SAFE_NO_PAD.encode(claims));
        let signature = self.issuer.key.sign(input.as_bytes());
        format!("{input}.{}", URL_SAFE_NO_PAD.encode(signature))
    }

    /// The value of the header `Authorization`.
    #[must_use]
    pub fn bearer(&self) -> String {
        format!("Bearer {}", self.token())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may fail loudly")]
    use super::*;
    use crate::bearer;
    use crate::caller::{AAL2, Caller};
    use crate::refusal::Refusal;
    use axum::http::header::AUTHORIZATION;
    use axum::http::{HeaderMap, HeaderValue};
    use wire::problem::Code;

    async fn ask(guard: &Guard, bearer: &str) -> Result<Caller, Refusal> {
        let headers = HeaderMap::from_iter([(AUTHORIZATION, HeaderValue::from_str(bearer).unwrap())]);
        assert!(bearer::token(&headers).is_ok());
        guard.authenticate(&headers).await
    }

    #[tokio::test]
    async fn a_caller_holds_what_the_test_gave_and_nothing_else() {
        let issuer = TestIssuer::new("clinic").role("nurse", &["charts:read"]).role("physician", &["charts:sign"]);
        let guard = issuer.guard();
        let nurse = issuer.caller().role("nurse").role_in("/clinic-a", "physician").permission("beds:read");

        let caller = ask(&guard, &nurse.bearer()).await.unwrap();

        assert!(caller.may("charts:read") && caller.may("beds:read") && !caller.may("charts:sign"));
        assert!(caller.may_in("charts:sign", "/clinic-a/ward-3") && !caller.may_in("charts:sign", "/clinic-b"));
        assert_eq!(caller.id(), nurse.id());
        assert!(caller.is_authenticated(60, AAL1) && !caller.is_authenticated(60, AAL2));
        let other = TestIssuer::new("clinic").caller().role("nurse").bearer();
        assert_eq!(ask(&guard, &other).await.unwrap_err().code(), Code::NotSignedIn, "another issuer's");
    }

    #[tokio::test]
    async fn one_s_own_in_a_unit_needs_the_permission_for_one_s_own_there() {
        let issuer = TestIssuer::new("clinic").role("patient", &["charts:read:own"]).role("nurse", &["charts:read"]);
        let guard = issuer.guard();
        let patient = issuer.caller().role_in("/clinic-a", "patient");
        let caller = ask(&guard, &patient.bearer()).await.unwrap();
        let (own, other) = (patient.id(), issuer.caller().id());

        assert!(caller.owned_in(own, "charts:read", "/clinic-a/ward-3"));
        assert!(!caller.owned_in(own, "charts:read", "/clinic-b"), "elsewhere they hold nothing");
        assert!(!caller.owned_in(other, "charts:read", "/clinic-a"));
        assert!(!caller.owned_by(own, "charts:read"), "not held everywhere");
        assert_eq!(caller.require_owned_in(other, "charts:read", "/").unwrap_err().missing(), ["charts:read"]);
        let nurse = ask(&guard, &issuer.caller().role_in("/clinic-a", "nurse").bearer()).await.unwrap();
        assert!(nurse.owned_in(own, "charts:read", "/clinic-a") && !nurse.owned_in(own, "charts:read", "/clinic-b"));
    }

    #[tokio::test]
    async fn time_passes_when_the_test_says_so_and_revocations_count() {
        let issuer = TestIssuer::new("clinic");
        let guard = issuer.guard();
        let (one, other) = (issuer.caller(), issuer.caller());
        let sid = one.session().unwrap();
        issuer.revoke(&[Revocation::Session { sid, not_before: None, expires_at: BEGIN + 3_600 }]);

        assert_eq!(ask(&guard, &one.bearer()).await.unwrap_err().code(), Code::NotSignedIn);
        assert!(ask(&guard, &other.bearer()).await.is_ok());
        issuer.advance(LIFETIME_SECONDS + 10);
        assert_eq!(ask(&guard, &other.bearer()).await.unwrap_err().code(), Code::NotSignedIn);
    }

    #[tokio::test]
    async fn a_service_is_nobody_who_could_confirm() {
        let issuer = TestIssuer::new("clinic");
        let service = issuer.caller().service("billing-run").permission("invoices:create");

        let caller = ask(&issuer.guard(), &service.bearer()).await.unwrap();

        assert_eq!((caller.session(), caller.client_id()), (None, "billing-run"));
        assert_eq!(caller.require_step_up(u32::MAX, AAL1).unwrap_err().code(), Code::InsufficientAuthentication);
    }
}
