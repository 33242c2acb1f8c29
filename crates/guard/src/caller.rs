//! The caller: who sent the request, and what the token lets them do.
//!
//! A permission can be held at `/` (the token's `permissions`, or its `roles` through the roles catalogue where the list was left out because
//! the token would have grown too large), or in a unit only (`units`, through the catalogue). Without a catalogue these answer no.

use std::collections::{HashMap, HashSet};
use std::fmt;
use std::sync::Arc;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use uuid::Uuid;
use wire::claims::AccessClaims;
use wire::problem::Code;
use wire::roles::RolesCatalogue;

use crate::refusal::{Refusal, Refuser};

/// The `acr` of a sign-in with one factor.
pub const AAL1: &str = "urn:bailiwick:aal1";
/// The `acr` of a sign-in with two.
pub const AAL2: &str = "urn:bailiwick:aal2";
/// The `acr` of a passkey with user verification that is bound to a device (OpenID Connect).
pub const PHRH: &str = "phrh";

/// Which permissions of our audience each role brings.
#[derive(Debug, Default)]
pub struct Catalogue {
    version: i64,
    roles: HashMap<String, HashSet<String>>,
}

impl Catalogue {
    /// The edition; rises with every change.
    #[must_use]
    pub fn version(&self) -> i64 {
        self.version
    }

    /// Whether any role brings `permission`, if only for what is one's own.
    fn knows(&self, permission: &str) -> bool {
        let own = format!("{permission}:own");
        self.roles.values().any(|permissions| permissions.contains(permission) || permissions.contains(&own))
    }

    /// Whether `role` brings `permission`.
    #[must_use]
    pub fn grants(&self, role: &str, permission: &str) -> bool {
        self.roles.get(role).is_some_and(|permissions| permissions.contains(permission))
    }
}

impl From<RolesCatalogue> for Catalogue {
    fn from(wire: RolesCatalogue) -> Self {
        let roles = wire.roles.into_iter().map(|(role, permissions)| (role, permissions.into_iter().collect()));
        Self { version: wire.roles_version, roles: roles.collect() }
    }
}

/// Who sent the request. An axum extractor on routes under [`crate::GuardLayer`]; elsewhere a request extension.
#[derive(Clone)]
pub struct Caller {
    claims: Arc<AccessClaims>,
    catalogue: Option<Arc<Catalogue>>,
    refuser: Refuser,
    now: i64,
}

impl Caller {
    pub(crate) fn new(
        claims: Arc<AccessClaims>,
        catalogue: Option<Arc<Catalogue>>,
        refuser: Refuser,
        now: i64,
    ) -> Self {
        Self { claims, catalogue, refuser, now }
    }

    /// The person, or the client that acts for itself.
    #[must_use]
    pub fn id(&self) -> Uuid {
        self.claims.sub
    }

    /// The application that asked for the token.
    #[must_use]
    pub fn client_id(&self) -> &str {
        &self.claims.client_id
    }

    /// The session; none for a client that acts for itself.
    #[must_use]
    pub fn session(&self) -> Option<Uuid> {
        self.claims.sid
    }

    /// Roles held at `/`, inherited ones included.
    #[must_use]
    pub fn roles(&self) -> &[String] {
        &self.claims.roles
    }

    /// Permissions held at `/`; none if the token was too large to list them: ask [`Caller::may`], which knows both cases.
    #[must_use]
    pub fn permissions(&self) -> Option<&[String]> {
        self.claims.permissions.as_deref()
    }

    /// Roles held in units only, as (unit path, roles).
    pub fn units(&self) -> impl Iterator<Item = (&str, &[String])> {
        self.claims.units.iter().map(|(unit, roles)| (unit.as_str(), roles.as_slice()))
    }

    /// How sure the sign-in was.
    #[must_use]
    pub fn acr(&self) -> Option<&str> {
        self.claims.acr.as_deref()
    }

    /// How the person proved who they are (RFC 8176).
    #[must_use]
    pub fn amr(&self) -> &[String] {
        self.claims.amr.as_deref().unwrap_or_default()
    }

    /// When they last did, in seconds since 1970 UTC.
    #[must_use]
    pub fn auth_time(&self) -> Option<i64> {
        self.claims.auth_time
    }

    /// When the token expires, in seconds since 1970 UTC.
    #[must_use]
    pub fn expires_at(&self) -> i64 {
        self.claims.exp
    }

    /// The token's own id.
    #[must_use]
    pub fn token_id(&self) -> Uuid {
        self.claims.jti
    }

    /// Everything that the token says.
    #[must_use]
    pub fn claims(&self) -> &AccessClaims {
        &self.claims
    }

    /// Whether the caller holds `role` at `/`.
    #[must_use]
    pub fn has_role(&self, role: &str) -> bool {
        self.claims.roles.iter().any(|held| held == role)
    }

    /// Whether the caller holds `permission` everywhere, at `/`.
    #[must_use]
    pub fn may(&self, permission: &str) -> bool {
        match &self.claims.permissions {
            Some(held) => held.iter().any(|held| held == permission),
            None => self.granted(&self.claims.roles, permission),
        }
    }

    /// Whether the caller holds `permission` in `unit` (a path such as `/clinic-a/ward-3`): at `/`, in the unit, or in one above it.
    #[must_use]
    pub fn may_in(&self, permission: &str, unit: &str) -> bool {
        let held_here = |(held_in, roles): (&String, &Vec<String>)| {
            is_at_or_below(unit, held_in) && self.granted(roles, permission)
        };
        self.may(permission) || self.claims.units.iter().any(held_here)
    }

    /// Whether the caller may do `permission` to something of `owner`'s: holds it, or holds its `:own` and is the owner.
    #[must_use]
    pub fn owned_by(&self, owner: Uuid, permission: &str) -> bool {
        self.may(permission) || (owner == self.id() && self.may(&format!("{permission}:own")))
    }

    /// The same for something that lies in `unit`: holds the permission there or above, or its `:own` there or above and is the owner.
    #[must_use]
    pub fn owned_in(&self, owner: Uuid, permission: &str, unit: &str) -> bool {
        self.may_in(permission, unit) || (owner == self.id() && self.may_in(&format!("{permission}:own"), unit))
    }

    /// [`Caller::may`], or the refusal to answer with.
    ///
    /// # Errors
    /// 403 `forbidden` that names the permission.
    pub fn require(&self, permission: &str) -> Result<(), Refusal> {
        self.unless(self.may(permission), permission)
    }

    /// [`Caller::may_in`], or the refusal to answer with.
    ///
    /// # Errors
    /// 403 `forbidden` that names the permission.
    pub fn require_in(&self, permission: &str, unit: &str) -> Result<(), Refusal> {
        self.unless(self.may_in(permission, unit), permission)
    }

    /// [`Caller::owned_by`], or the refusal to answer with.
    ///
    /// # Errors
    /// 403 `forbidden` that names the permission.
    pub fn require_owned_by(&self, owner: Uuid, permission: &str) -> Result<(), Refusal> {
        self.unless(self.owned_by(owner, permission), permission)
    }

    /// [`Caller::owned_in`], or the refusal to answer with.
    ///
    /// # Errors
    /// 403 `forbidden` that names the permission.
    pub fn require_owned_in(&self, owner: Uuid, permission: &str, unit: &str) -> Result<(), Refusal> {
        self.unless(self.owned_in(owner, permission, unit), permission)
    }

    /// [`Caller::has_role`], or the refusal to answer with.
    ///
    /// # Errors
    /// 403 `forbidden` that names the role.
    pub fn require_role(&self, role: &str) -> Result<(), Refusal> {
        if self.has_role(role) {
            return Ok(());
        }
        Err(self.refuser.forbidden(role, format!("This needs the role {role}.")))
    }

    /// Whether the person proved who they are within the last `max_age_seconds`, and at least as surely as `acr` ([`AAL1`], [`AAL2`] or
    /// [`PHRH`]; another one must be the very one). Never of a client that acts for itself.
    #[must_use]
    pub fn is_authenticated(&self, max_age_seconds: u32, acr: &str) -> bool {
        let young = |at: i64| self.now.saturating_sub(at) <= i64::from(max_age_seconds);
        self.auth_time().is_some_and(young) && self.acr().is_some_and(|held| reaches(held, acr))
    }

    /// [`Caller::is_authenticated`], or the refusal that asks for it (RFC 9470): the application lets the person confirm and sends the request
    /// again.
    ///
    /// # Errors
    /// 401 `insufficient-authentication` with `acr_values` and `max_age`, in the body and the challenge.
    pub fn require_step_up(&self, max_age_seconds: u32, acr: &str) -> Result<(), Refusal> {
        if self.is_authenticated(max_age_seconds, acr) {
            return Ok(());
        }
        Err(self.refuser.step_up(max_age_seconds, acr))
    }

    /// A refusal for another reason than rights, in the form of all others: `Err(caller.refuse(Code::NotFound))`.
    #[must_use]
    pub fn refuse(&self, code: Code) -> Refusal {
        self.refuser.plain(code)
    }

    fn unless(&self, allowed: bool, permission: &str) -> Result<(), Refusal> {
        if allowed {
            return Ok(());
        }
        if self.catalogue.as_ref().is_some_and(|catalogue| !catalogue.knows(permission)) {
            tracing::warn!(
                permission,
                "nobody can hold this permission: no role of this API brings it; is it written as in the API's list?"
            );
        }
        Err(self.refuser.forbidden(permission, format!("This needs the permission {permission}.")))
    }

    fn granted(&self, roles: &[String], permission: &str) -> bool {
        let Some(catalogue) = &self.catalogue else { return false };
        roles.iter().any(|role| catalogue.grants(role, permission))
    }
}

impl fmt::Debug for Caller {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Caller").field("claims", &self.claims).finish_non_exhaustive()
    }
}

impl<S: Sync> FromRequestParts<S> for Caller {
    type Rejection = Refusal;

    /// # Errors
    /// 500 `internal` if the route is not under a [`crate::GuardLayer`]: better shut than open.
    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Refusal> {
        parts.extensions.get::<Self>().cloned().ok_or_else(|| {
            tracing::error!(
                path = parts.uri.path(),
                "a handler asks for a Caller, but no guard layer is around the route"
            );
            Refuser::new(Arc::from(""), &parts.headers).plain(Code::Internal)
        })
    }
}

/// Whether an authentication of class `held` does where `wanted` is asked for.
fn reaches(held: &str, wanted: &str) -> bool {
    let rank = |acr: &str| [AAL1, AAL2, PHRH].iter().position(|known| *known == acr);
    match (rank(held), rank(wanted)) {
        (Some(held), Some(wanted)) => held >= wanted,
        _ => held == wanted,
    }
}

/// Whether the unit `path` is `above` itself or lies below it. Both are absolute; a boundary is a slash, so `/clinic-ab` is not below
/// `/clinic-a`. A path that is not in its one written form is nowhere.
fn is_at_or_below(path: &str, above: &str) -> bool {
    if !is_unit_path(path) || !is_unit_path(above) {
        return false;
    }
    above == "/" || path.strip_prefix(above).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

fn is_unit_path(path: &str) -> bool {
    path == "/"
        || path.strip_prefix('/').is_some_and(|rest| rest.split('/').all(|step| !matches!(step, "" | "." | "..")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stronger_class_does_where_a_weaker_one_is_asked_for_and_strangers_are_only_themselves() {
        for (held, wanted) in [(AAL1, AAL1), (AAL2, AAL1), (PHRH, AAL2), (PHRH, PHRH), ("urn:x", "urn:x")] {
            assert!(reaches(held, wanted), "{held} {wanted}");
        }
        for (held, wanted) in [(AAL1, AAL2), (AAL2, PHRH), ("urn:x", AAL1), (PHRH, "urn:x"), ("", AAL1), (AAL1, "")] {
            assert!(!reaches(held, wanted), "{held} {wanted}");
        }
    }

    #[test]
    fn a_permission_that_roles_bring_for_what_is_ones_own_is_no_misspelt_one() {
        let roles = [("patient".to_owned(), vec!["charts:read:own".to_owned()])].into_iter().collect();
        let catalogue = Catalogue::from(RolesCatalogue { audience: "clinic".to_owned(), roles_version: 1, roles });
        assert!(catalogue.knows("charts:read") && catalogue.knows("charts:read:own"));
        assert!(!catalogue.knows("chart:read") && !catalogue.knows("charts"));
    }

    #[test]
    fn a_unit_holds_for_itself_and_below_at_slashes_only() {
        for (path, above) in [("/a", "/"), ("/", "/"), ("/a", "/a"), ("/a/b", "/a"), ("/a/b/c", "/a/b")] {
            assert!(is_at_or_below(path, above), "{path} {above}");
        }
        for (path, above) in [
            ("/", "/a"),
            ("/a", "/a/b"),
            ("/ab", "/a"),
            ("a", "/a"),
            ("/a/../b", "/a"),
            ("/a//b", "/a"),
            ("/a/", "/a"),
            ("", "/"),
            ("/a", ""),
            ("/a/b", "/a/"),
        ] {
            assert!(!is_at_or_below(path, above), "{path} {above}");
        }
    }
}
