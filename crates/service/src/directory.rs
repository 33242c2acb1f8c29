//! Roles, policies and APIs of a realm: small, read at each request, cached under the edition that a counter row names. The command line may
//! change them beside a running server; the next request sees it.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::sync::atomic::Ordering;

use domain::access::{Access, Held};
use domain::id::{PrincipalId, RoleId, UserId};
use domain::policy::effective::PasswordRules;
use domain::policy::{Assurance, Cause, Effective, Merged, Policy};
use domain::role::RoleGraph;
use domain::session::AAL1;
use domain::time::{Timestamp, seconds};
use store::access::api::Api;
use store::access::policy::Edition;
use store::access::{api, grant, policy, role};
use store::{Read, StoreError, counter};

use crate::app::{Parts, cache, cached};

/// One edition of a realm's roles, policies and APIs.
#[derive(Debug)]
pub struct Directory {
    /// The roles, flattened.
    pub graph: Arc<RoleGraph>,
    /// By audience.
    pub apis: HashMap<String, Api>,
    policies: HashMap<Option<RoleId>, Edition>,
    /// What holds for everybody.
    base: Merged,
    /// What each role asks for, with all that it inherits from.
    merged: HashMap<RoleId, Merged>,
    /// Roles that need a second factor whatever the realm asks for.
    guarded: HashSet<RoleId>,
}

impl Directory {
    fn new(graph: RoleGraph, apis: HashMap<String, Api>, policies: HashMap<Option<RoleId>, Edition>) -> Self {
        let base = Merged::base(&policies.get(&None).map(|edition| edition.policy.clone()).unwrap_or_default());
        let of = |role: RoleId| {
            let cause = Cause::Role(graph.name(role).into());
            policies.get(&Some(role)).map(|edition| Merged::of(&edition.policy, &cause))
        };
        let merged = graph.all().filter_map(|flat| {
            let all = flat.closure.iter().filter_map(|role| of(*role)).reduce(Merged::strictest)?;
            Some((flat.role.id, all))
        });
        let merged: HashMap<RoleId, Merged> = merged.collect();
        let sensitive = |role: &RoleId| graph.get(*role).is_none_or(|flat| flat.role.sensitive);
        let needs = |role: &RoleId| merged.get(role).is_some_and(asks_for_two);
        let guarded = graph.all().filter(|flat| needs(&flat.role.id) || flat.closure.iter().any(sensitive));
        let guarded = guarded.map(|flat| flat.role.id).collect();
        Self { graph: Arc::new(graph), apis, policies, base, merged, guarded }
    }

    /// The policy of the realm, or of one role alone, with its version; nothing set is version 0.
    #[must_use]
    pub fn edition(&self, role: Option<RoleId>) -> (Policy, i64) {
        self.policies.get(&role).map(|edition| (edition.policy.clone(), edition.version)).unwrap_or_default()
    }

    /// What applies to whoever holds these: the strictest of the realm's and of every role's, inherited ones included.
    #[must_use]
    pub fn policy<'h>(&self, held: impl IntoIterator<Item = &'h Held>) -> Merged {
        let all = held.into_iter().filter_map(|held| self.merged.get(&held.role));
        all.fold(self.base.clone(), |all, one| all.strictest(one.clone()))
    }

    /// Whether a role may only be used with a second factor, whatever the realm asks for: it or one that it inherits from is sensitive, or has a
    /// policy that asks for it (MFA-01).
    #[must_use]
    pub fn is_guarded(&self, role: RoleId) -> bool {
        self.guarded.contains(&role) || self.graph.get(role).is_none()
    }

    /// The same with what the realm asks everybody for.
    #[must_use]
    pub fn needs_second_factor(&self, role: RoleId) -> bool {
        asks_for_two(&self.base) || self.is_guarded(role)
    }
}

fn asks_for_two(merged: &Merged) -> bool {
    merged.assurance.as_ref().is_some_and(|ruled| ruled.value >= Assurance::Aal2)
}

/// The current edition, from the cache if it is still current.
///
/// # Errors
/// [`StoreError`].
pub async fn current(app: &Parts, tx: &mut impl Read) -> Result<Arc<Directory>, StoreError> {
    let version = counter::value(tx, counter::ROLES).await?;
    let realm = tx.realm();
    if let Some(found) = cached(&app.directories, &realm).filter(|d: &Arc<Directory>| d.graph.version() == version) {
        return Ok(found);
    }
    let roles = role::all(tx).await?;
    let graph = RoleGraph::new(roles, version).map_err(|error| StoreError::Corrupt {
        table: "role_inheritance",
        column: error.to_string(),
        id: String::new(),
    })?;
    let apis = api::all(tx).await?.into_iter().map(|api| (api.audience.as_str().to_owned(), api)).collect();
    let policies = policy::all(tx).await?.into_iter().map(|edition| (edition.role, edition)).collect();
    let fresh = Arc::new(Directory::new(graph, apis, policies));
    if tx.is_settled() {
        cache(&app.directories, realm, fresh.clone());
    } else {
        app.unsettled.store(true, Ordering::Relaxed);
    }
    Ok(fresh)
}

/// Remembers the edition, if one was read that could not be remembered: a node that only refreshes tokens would else put it together at each.
pub(crate) async fn settle(app: &Parts, tx: &mut impl Read) -> Result<(), StoreError> {
    if app.unsettled.swap(false, Ordering::Relaxed) {
        current(app, tx).await?;
    }
    Ok(())
}

/// What a principal holds now, and in which edition.
#[derive(Debug)]
pub struct Holding {
    /// The edition.
    pub directory: Arc<Directory>,
    /// What may be used.
    pub access: Access,
    /// What applies to them, by all that they hold, withheld or not.
    pub policy: Effective,
    /// Whether they may only sign in with a second factor.
    pub demands_second_factor: bool,
    /// Names of sensitive roles that are held but need a second factor first, sorted (MFA-01).
    pub withheld: Vec<String>,
    /// Access tokens are issued from then on: earlier ones were said to be refused.
    pub access_not_before: Timestamp,
}

impl Holding {
    /// When a token for an API that is made now expires at the latest: the earliest of the API's and the policy's lifetime, and the end of a grant.
    #[must_use]
    pub fn token_until(&self, api: &Api, now: Timestamp) -> Timestamp {
        let lifetime = u64::try_from(api.access_lifetime_seconds).unwrap_or(0).min(self.policy.access_token.as_secs());
        let until = now.plus(seconds(lifetime));
        self.access.earliest_end().map_or(until, |end| end.min(until))
    }
}

/// All that a principal holds now and may use with an assurance of `acr`.
///
/// # Errors
/// [`StoreError`].
pub async fn holding(
    app: &Parts,
    tx: &mut impl Read,
    principal: PrincipalId,
    acr: &str,
) -> Result<Holding, StoreError> {
    let directory = current(app, tx).await?;
    let (held, access_not_before) = grant::holding(tx, principal).await?;
    let policy = directory.policy(&held).effective();
    // Also of somebody without any role, where the realm asks for it.
    let demands_second_factor =
        policy.assurance >= Assurance::Aal2 || held.iter().any(|held| directory.needs_second_factor(held.role));
    let needs_more = acr == AAL1;
    let (withheld, usable): (Vec<_>, Vec<_>) =
        held.into_iter().partition(|held| needs_more && directory.needs_second_factor(held.role));
    let access = Access::new(directory.graph.clone(), usable).withholding(withheld);
    let names = access.withheld_roles();
    Ok(Holding { directory, access, policy, demands_second_factor, withheld: names, access_not_before })
}

/// What a new password of somebody must be, and whether they may only sign in with a second factor.
///
/// # Errors
/// [`StoreError`].
pub async fn password_rules(
    app: &Parts,
    tx: &mut impl Read,
    user: UserId,
) -> Result<(PasswordRules, bool), StoreError> {
    let holding = holding(app, tx, user.into(), AAL1).await?;
    Ok((holding.policy.password, holding.demands_second_factor))
}

/// What holds for everybody in the realm.
///
/// # Errors
/// [`StoreError`].
pub async fn realm_policy(app: &Parts, tx: &mut impl Read) -> Result<Effective, StoreError> {
    Ok(current(app, tx).await?.base.effective())
}

/// Whether somebody may only sign in with a second factor (MFA-01).
///
/// # Errors
/// [`StoreError`].
pub async fn demands_second_factor(app: &Parts, tx: &mut impl Read, user: UserId) -> Result<bool, StoreError> {
    Ok(holding(app, tx, user.into(), AAL1).await?.demands_second_factor)
}
