//! Who asks, and the one decision. What a caller may do is current state, never a token's claims.

use crate::access::{Access, Reach};
use crate::allowed::{Actor, Allowed, Request, Why};
use crate::id::{RoleId, SessionId, UserId};
use crate::permission::Permission;
use crate::realm::RealmKey;
use crate::time::Timestamp;
use crate::unit::UnitPath;

/// A signed-in person, as the state of this moment knows them.
#[derive(Clone, Debug)]
pub struct Caller {
    realm: RealmKey,
    actor: Actor,
    user: UserId,
    session: SessionId,
    auth_at: Timestamp,
    /// A fresh proof may be so old where one is asked for, by the policy of this moment.
    step_up_seconds: u32,
    access: Access,
    request: Request,
}

/// What somebody proved at sign-in: whose session it is, and how old the proof is.
#[derive(Clone, Debug)]
pub struct Authenticated {
    /// The realm of the session.
    pub realm: RealmKey,
    /// Who.
    pub user: UserId,
    /// Their display name.
    pub name: String,
    /// The session.
    pub session: SessionId,
    /// How surely (`acr`).
    pub acr: String,
    /// When last proved.
    pub auth_at: Timestamp,
}

/// The permission that is missing, or the role that may not be given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Forbidden {
    /// What is missing.
    pub missing: Permission,
    /// More for the reader: which role, which unit.
    pub detail: Option<String>,
}

/// Where a permission must be held.
#[derive(Clone, Copy, Debug)]
pub enum Scope<'a> {
    /// Anywhere: statements bind the units where it is held.
    Anywhere,
    /// At or above this unit.
    Unit(&'a UnitPath),
    /// At the root: what concerns the whole realm.
    Realm,
}

impl Caller {
    /// Puts together who asks. Called where bearers and cookies are looked up, and nowhere else (`clippy.toml`).
    #[must_use]
    pub fn new(who: Authenticated, access: Access, request: Request) -> Self {
        let actor = Actor::User { id: who.user, name: who.name, acr: who.acr, session: Some(who.session) };
        let Authenticated { realm, user, session, auth_at, .. } = who;
        Self { realm, actor, user, session, auth_at, step_up_seconds: u32::MAX, access, request }
    }

    /// The same under a policy that says how old a fresh proof may be.
    #[must_use]
    pub const fn proving_within(mut self, seconds: u32) -> Self {
        self.step_up_seconds = seconds;
        self
    }

    /// How old a fresh proof may be, seconds, by their policy.
    #[must_use]
    pub const fn step_up_seconds(&self) -> u32 {
        self.step_up_seconds
    }

    /// Decides. The only way from a person to an [`Allowed`].
    ///
    /// # Errors
    /// [`Forbidden`] names the permission.
    pub fn allow(&self, permission: Permission, scope: Scope<'_>) -> Result<Allowed, Forbidden> {
        let reach = self.access.reach(permission).filter(|reach| match scope {
            Scope::Anywhere => true,
            Scope::Unit(unit) => reach.covers(unit),
            Scope::Realm => *reach == Reach::Everywhere,
        });
        match reach {
            Some(reach) => Ok(Allowed::by(self, Why::Permission(permission), reach)),
            None => Err(Forbidden { missing: permission, detail: None }),
        }
    }

    /// Either of two permissions, anywhere; reaches where one of them is held.
    ///
    /// # Errors
    /// [`Forbidden`] names the first.
    pub fn allow_either(&self, one: Permission, other: Permission) -> Result<Allowed, Forbidden> {
        let (why, reach) = match (self.access.reach(one), self.access.reach(other)) {
            (Some(first), Some(second)) => (one, first.union(second)),
            (Some(first), None) => (one, first),
            (None, Some(second)) => (other, second),
            (None, None) => return Err(Forbidden { missing: one, detail: None }),
        };
        Ok(Allowed::by(self, Why::Permission(why), reach))
    }

    /// Whether the permission is held anywhere: what a route asks before the body is read.
    #[must_use]
    pub fn holds(&self, permission: Permission) -> bool {
        self.access.holds(permission)
    }

    /// What concerns the caller alone needs no permission.
    #[must_use]
    pub fn oneself(&self) -> Allowed {
        Allowed::by(self, Why::Oneself, Reach::Everywhere)
    }

    /// Gives a role in a unit: `roles:assign` there, in the role's `assignable_by`, and never to oneself (RBAC-08).
    ///
    /// # Errors
    /// [`Forbidden`] names `roles:assign`; `detail` names the role.
    pub fn allow_assign(&self, to: UserId, role: RoleId, unit: &UnitPath) -> Result<Allowed, Forbidden> {
        let allowed = self.allow(Permission::RolesAssign, Scope::Unit(unit))?;
        if to == self.user {
            let detail = Some("Nobody gives a role to themselves. Ask another administrator.".to_owned());
            return Err(Forbidden { missing: Permission::RolesAssign, detail });
        }
        self.may_assign(role, unit).map(|()| allowed)
    }

    /// The rule against climbing for one role in one unit.
    ///
    /// # Errors
    /// [`Forbidden`] names `roles:assign`; `detail` names the role.
    pub fn may_assign(&self, role: RoleId, unit: &UnitPath) -> Result<(), Forbidden> {
        if self.access.may_assign(role, unit) {
            return Ok(());
        }
        let name = self.access.graph().name(role);
        let detail = Some(format!("You may not give the role {name} in {}.", unit.as_str()));
        Err(Forbidden { missing: Permission::RolesAssign, detail })
    }

    /// Who.
    #[must_use]
    pub const fn user(&self) -> UserId {
        self.user
    }

    /// In which session.
    #[must_use]
    pub const fn session(&self) -> SessionId {
        self.session
    }

    /// When they last proved who they are.
    #[must_use]
    pub const fn auth_at(&self) -> Timestamp {
        self.auth_at
    }

    /// How surely they signed in (`acr`).
    #[must_use]
    pub fn acr(&self) -> &str {
        match &self.actor {
            Actor::User { acr, .. } => acr,
            _ => "",
        }
    }

    /// All that they hold.
    #[must_use]
    pub const fn access(&self) -> &Access {
        &self.access
    }

    /// Their realm.
    #[must_use]
    pub const fn realm(&self) -> RealmKey {
        self.realm
    }

    /// Where they ask from.
    #[must_use]
    pub const fn request(&self) -> &Request {
        &self.request
    }

    pub(crate) const fn parts(&self) -> (RealmKey, &Actor, &Request) {
        (self.realm, &self.actor, &self.request)
    }
}
