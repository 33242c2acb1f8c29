//! Roles, policies and APIs of a realm: small, read at each request, cached under the edition that a counter row names. The command line may
//! change them beside a running server; the next request sees it.

use std::collections::HashMap;
use std::sync::Arc;

use domain::access::Access;
use domain::id::{PrincipalId, RoleId, UserId};
use domain::policy::Policy;
use domain::role::RoleGraph;
use domain::session::AAL1;
use domain::time::Timestamp;
use store::access::api::Api;
use store::access::{api, grant, role};
use store::{Read, StoreError, counter};

use crate::app::{Parts, cache, cached};

/// One edition of a realm's roles, policies and APIs.
#[derive(Debug)]
pub struct Directory {
    /// The roles, flattened.
    pub graph: Arc<RoleGraph>,
    /// By audience.
    pub apis: HashMap<String, Api>,
    policies: HashMap<Option<RoleId>, Policy>,
}

impl Directory {
    /// The policy for whoever holds these: strictest of the realm's and of every role's, inherited ones included.
    #[must_use]
    pub fn policy(&self, access: &Access) -> Policy {
        let realm = self.policies.get(&None).copied().unwrap_or_default();
        access
            .held()
            .iter()
            .filter_map(|held| self.graph.get(held.role))
            .flat_map(|flat| &flat.closure)
            .filter_map(|role| self.policies.get(&Some(*role)))
            .fold(realm, |all, one| all.strictest(*one))
    }
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
    let policies = role::policies(tx).await?.into_iter().collect();
    let fresh = Arc::new(Directory { graph: Arc::new(graph), apis, policies });
    if tx.is_settled() {
        cache(&app.directories, realm, fresh.clone());
    }
    Ok(fresh)
}

/// What a principal holds now, and in which edition.
#[derive(Debug)]
pub struct Holding {
    /// The edition.
    pub directory: Arc<Directory>,
    /// What may be used.
    pub access: Access,
    /// Names of sensitive roles that are held but need a second factor first, sorted (MFA-01).
    pub withheld: Vec<String>,
    /// Access tokens are issued from then on: earlier ones were said to be refused.
    pub access_not_before: Timestamp,
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
    let graph = &directory.graph;
    let sensitive = |role: &RoleId| graph.get(*role).is_some_and(|flat| flat.role.sensitive);
    let needs_more = acr == AAL1;
    let (withheld, usable): (Vec<_>, Vec<_>) = held
        .into_iter()
        .partition(|held| needs_more && graph.get(held.role).is_none_or(|flat| flat.closure.iter().any(sensitive)));
    let access = Access::new(graph.clone(), usable).withholding(withheld);
    let names = access.withheld_roles();
    Ok(Holding { directory, access, withheld: names, access_not_before })
}

/// Whether a role that somebody holds needs a second factor (MFA-01).
///
/// # Errors
/// [`StoreError`].
pub async fn demands_second_factor(app: &Parts, tx: &mut impl Read, user: UserId) -> Result<bool, StoreError> {
    Ok(!holding(app, tx, user.into(), AAL1).await?.withheld.is_empty())
}
