//! A token for a service itself: what its grants give now, for one API, no person behind it.

use std::collections::BTreeSet;

use domain::client::ClientKind;
use domain::permission::{Audience, OWN_API, PermissionName};
use domain::realm::Realm;
use domain::session::AAL1;
use store::client::{self, Client};
use store::{Read, StoreError};
use thiserror::Error;
use wire::claims::AccessClaims;

use super::{Rights, names};
use crate::app::App;
use crate::client::{Proved, Purpose, used};
use crate::directory;
use crate::key::KeyError;
use crate::session::{Unsigned, audience_claim, sign};

/// Why there is no token (RFC 6749, section 5.2; RFC 8707, section 2).
#[derive(Debug, Error)]
pub enum TokenError {
    /// Not a service.
    #[error("this client acts for people, not for itself")]
    UnauthorizedClient,
    /// No API, one that the client may not ask for, or none said where it may ask for several.
    #[error("{0}")]
    InvalidTarget(&'static str),
    /// Permissions that the client does not hold everywhere; those that can be the name of one.
    #[error("permissions in the scope are not held")]
    InvalidScope(Vec<PermissionName>),
    /// Disabled or ended since it proved its credentials.
    #[error("the client may not do anything")]
    Ended,
    /// A signing key cannot be used.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// The database.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// What a service asks for.
#[derive(Clone, Debug, Default)]
pub struct ClientCredentials {
    /// The API, by audience or by what stands as `aud` in its tokens; needed where the client may ask for several.
    pub audience: Option<String>,
    /// The same as a resource indicator (RFC 8707).
    pub resource: Option<String>,
    /// Permissions, separated by spaces; all that are held if absent.
    pub scope: Option<String>,
}

/// A token that was issued.
#[derive(Debug)]
pub struct Issued {
    /// The JWT.
    pub access_token: String,
    /// Seconds that it lives.
    pub expires_in: i64,
    /// Permissions that it carries for everywhere.
    pub scope: String,
}

/// Issues a token to a service: `sub` is the client itself, and there is no session, so a role that needs a second factor gives nothing.
///
/// # Errors
/// [`TokenError`].
pub async fn client_credentials(
    app: &App,
    realm: &Realm,
    proved: &Proved,
    asked: ClientCredentials,
) -> Result<Issued, TokenError> {
    let client = proved.client().filter(|client| client.kind == ClientKind::Service);
    let client = client.ok_or(TokenError::UnauthorizedClient)?.clone();
    let audience = target(realm, &client, &asked)?;
    let scope = asked.scope.as_deref().map(names);
    let (parts, realm_, now) = (app.clone(), realm.clone(), app.now());
    let unsigned = app
        .store
        .read(&proved.allowed, now, move |tx| {
            Box::pin(async move {
                // Again: whoever disabled it, or took the API from it, raised the instant that tokens are issued from, and this one would outlive that.
                let found = client::by_client_id(tx, &client.client_id).await?;
                let same = |found: &Client| found.id == client.id && found.enabled && found.apis.contains(&audience);
                let client = found.filter(same).ok_or(TokenError::Ended)?;
                let holding = directory::holding(&parts, tx, client.id, AAL1).await?;
                let gone = TokenError::InvalidTarget("There is no such API any more.");
                let api = holding.directory.apis.get(audience.as_str()).ok_or(gone)?;
                let rights = Rights::of(&holding.access, audience.as_str(), scope.as_ref());
                not_more_than(&rights, scope.as_ref())?;
                let policy = &holding.policy;
                if !policy.admits(tx.allowed().request().address) {
                    return Err(TokenError::Ended);
                }
                let until = holding.token_until(api, tx.now());
                let claims = AccessClaims {
                    iss: realm_.issuer.clone(),
                    aud: audience_claim(&realm_, audience.as_str()),
                    sub: client.id.uuid(),
                    client_id: client.client_id,
                    iat: tx.now().seconds(),
                    exp: until.seconds(),
                    jti: domain::id::TokenId::new(&*parts.entropy, tx.now()).uuid(),
                    sid: None,
                    auth_time: None,
                    acr: None,
                    amr: None,
                    roles: rights.roles,
                    permissions: Some(rights.permissions),
                    units: rights.units,
                    roles_version: holding.directory.graph.version(),
                    scope: scope.map(|scope| scope.into_iter().collect::<Vec<_>>().join(" ")),
                    as_of: domain::revocation::as_of(tx.now(), holding.access_not_before),
                    sid_as_of: None,
                };
                Ok(Unsigned { expires_in: claims.exp - tx.now().seconds(), claims, algorithm: api.algorithm })
            })
        })
        .await?;
    used(app, proved, Purpose::Token).await?;
    let access_token = sign(app, realm.key, &unsigned).await?;
    let claims = unsigned.claims;
    let scope = claims.permissions.unwrap_or_default().join(" ");
    Ok(Issued { access_token, expires_in: unsigned.expires_in.max(0), scope })
}

/// Refuses a scope with anything that is not held.
fn not_more_than(rights: &Rights, scope: Option<&BTreeSet<String>>) -> Result<(), TokenError> {
    let Some(scope) = scope.filter(|scope| scope.len() != rights.permissions.len()) else { return Ok(()) };
    let missing = scope.iter().filter(|name| !rights.permissions.contains(name));
    Err(TokenError::InvalidScope(missing.filter_map(|name| PermissionName::parse(name).ok()).collect()))
}

/// The one API that is meant. Our own takes no token without a session, so none is issued for it.
fn target(realm: &Realm, client: &Client, asked: &ClientCredentials) -> Result<Audience, TokenError> {
    let refused = |text| Err(TokenError::InvalidTarget(text));
    let named = |text: &str| {
        client.apis.iter().find(|api| [api.as_str(), &audience_claim(realm, api.as_str())].contains(&text))
    };
    let found = match (&asked.audience, &asked.resource) {
        (None, None) => match client.apis.as_slice() {
            [only] => Some(only),
            [] => return refused("This client may ask for no API."),
            _ => return refused("Say which API: audience or resource."),
        },
        (Some(one), None) | (None, Some(one)) => named(one),
        (Some(one), Some(other)) => match (named(one), named(other)) {
            (Some(one), Some(other)) if one == other => Some(one),
            _ => return refused("audience and resource name different APIs."),
        },
    };
    match found {
        Some(own) if own.as_str() == OWN_API => refused("Bailiwick's own API takes tokens of people only."),
        Some(api) => Ok(api.clone()),
        None => refused("This client may not ask for this API, or there is none."),
    }
}
