//! What a token is worth now (RFC 7662): by the state of this moment, not by what it said when it was made (INT-03).

use domain::client::ClientKind;
use domain::id::{PrincipalId, TokenId};
use domain::session::AAL1;
use domain::time::Timestamp;
use store::{Read, StoreError, client, revocation};
use wire::claims::AccessClaims;

use super::{Rights, names};
use crate::app::App;
use crate::caller::{self, Asks, Bearer};
use crate::client::{Proved, Purpose, Who, used};
use crate::directory;

/// A token that is good, with the rights of this moment.
#[derive(Clone, Debug)]
pub struct Active {
    /// What it said, with `roles`, `permissions`, `units`, `roles_version`, `acr` and `auth_time` of now.
    pub claims: AccessClaims,
    /// Permissions for everywhere, separated by spaces.
    pub scope: String,
}

/// Whether a token whose signature was verified is good now, and what it gives. `None`: it is not, or whoever asks may not know.
///
/// An API asks about tokens for itself, a client about those that it was given itself: to be listed for an API is the right to ask for tokens, not to
/// look into those of others.
///
/// # Errors
/// [`StoreError`].
pub async fn introspect(
    app: &App,
    proved: &Proved,
    audience: &str,
    claims: Option<AccessClaims>,
) -> Result<Option<Active>, StoreError> {
    used(app, proved, Purpose::Introspection).await?;
    let may_know = |claims: &AccessClaims| match &proved.who {
        Who::Api(api) => api.audience.as_str() == audience,
        Who::Client(client) => client.client_id == claims.client_id,
    };
    let Some(claims) = claims.filter(may_know).filter(|claims| claims.exp > app.now().seconds()) else {
        return Ok(None);
    };
    let (parts, audience) = (app.clone(), audience.to_owned());
    app.store
        .read(&proved.allowed, app.now(), move |tx| {
            Box::pin(async move {
                match Bearer::of(&claims) {
                    Some(bearer) => of_person(&parts, tx, bearer, &audience, claims).await,
                    None => of_service(&parts, tx, &audience, claims).await,
                }
            })
        })
        .await
}

/// As our own API looks at a bearer: session live, account active, not revoked; less strong and less fresh than the session if the token is.
async fn of_person(
    app: &App,
    tx: &mut impl Read,
    bearer: Bearer,
    audience: &str,
    claims: AccessClaims,
) -> Result<Option<Active>, StoreError> {
    let Some(caller) = caller::of_bearer(app, tx, bearer, Asks::ResourceServer).await? else { return Ok(None) };
    let claims = AccessClaims {
        acr: Some(caller.acr().to_owned()),
        auth_time: Some(caller.auth_at().seconds()),
        roles_version: caller.access().graph().version(),
        ..claims
    };
    Ok(Some(with_rights(claims, caller.access(), audience)))
}

/// A service: still there and enabled, may still ask for this API, and the token is not older than its last change.
async fn of_service(
    app: &App,
    tx: &mut impl Read,
    audience: &str,
    claims: AccessClaims,
) -> Result<Option<Active>, StoreError> {
    let is_it = |client: &client::Client| {
        client.id == PrincipalId::from_uuid(claims.sub)
            && client.enabled
            && client.kind == ClientKind::Service
            && client.apis.iter().any(|api| api.as_str() == audience)
    };
    let Some(client) = client::by_client_id(tx, &claims.client_id).await?.filter(is_it) else { return Ok(None) };
    if revocation::is_revoked(tx, TokenId::from_uuid(claims.jti)).await? {
        return Ok(None);
    }
    let holding = directory::holding(app, tx, client.id, AAL1).await?;
    if Timestamp::from_seconds(claims.rights_as_of()) < holding.access_not_before {
        return Ok(None);
    }
    let claims = AccessClaims { roles_version: holding.directory.graph.version(), ..claims };
    Ok(Some(with_rights(claims, &holding.access, audience)))
}

fn with_rights(claims: AccessClaims, access: &domain::access::Access, audience: &str) -> Active {
    let narrowed = claims.scope.as_deref().map(names);
    let rights = Rights::of(access, audience, narrowed.as_ref());
    let scope = rights.permissions.join(" ");
    let claims =
        AccessClaims { roles: rights.roles, permissions: Some(rights.permissions), units: rights.units, ..claims };
    Active { claims, scope }
}
