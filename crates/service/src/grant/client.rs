//! Roles of services: given and ended by the same rules as people's. A service is a principal too, and its tokens say what it holds.

use domain::allowed::{Allowed, Operator};
use domain::caller::{Caller, Scope};
use domain::client::ClientKind;
use domain::event::{Event, EventType};
use domain::id::{GrantId, PrincipalId};
use domain::permission::Permission;
use domain::revocation::Fact;
use domain::time::Timestamp;
use domain::unit::UnitPath;
use serde::{Deserialize, Serialize};
use store::access::grant::{self, Grant};
use store::client::{self, Client};
use store::{Guard, Outcome, Read, StoreError, WriteTx, revocation};

use super::{GrantError, Terms, guard_both, write};
use crate::app::App;
use crate::caller;
use crate::directory;

/// A role is to be given to a service.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct GiveClient {
    /// To which, by `client_id`.
    pub client_id: String,
    /// The role's name.
    pub role: String,
    /// Where.
    pub unit: UnitPath,
    /// From when; at once if absent.
    pub valid_from: Option<Timestamp>,
    /// Until when.
    pub valid_until: Option<Timestamp>,
    /// Why.
    pub reason: String,
}

impl GiveClient {
    fn terms(&self) -> Terms<'_> {
        let Self { role, unit, valid_from, valid_until, reason, .. } = self;
        Terms { role, unit, valid_from: *valid_from, valid_until: *valid_until, reason }
    }
}

/// Gives a service a role: `roles:assign` in the unit and the role's `assignable_by`, as for people.
///
/// # Errors
/// [`GrantError`].
pub async fn give_client(app: &App, caller: &Caller, command: GiveClient) -> Result<Grant, GrantError> {
    let allowed = caller.allow(Permission::RolesAssign, Scope::Unit(&command.unit))?;
    let role = caller.access().graph().named(&command.role).ok_or(GrantError::NoRole)?.role.id;
    caller.may_assign(role, &command.unit)?;
    give_with(app, allowed, Some(caller.clone()), command).await
}

/// The same for the operator of the machine.
///
/// # Errors
/// [`GrantError`].
pub async fn give_client_as_operator(app: &App, operator: Operator, command: GiveClient) -> Result<Grant, GrantError> {
    give_with(app, operator.into(), None, command).await
}

async fn give_with(
    app: &App,
    allowed: Allowed,
    caller: Option<Caller>,
    command: GiveClient,
) -> Result<Grant, GrantError> {
    app.store
        .write(allowed, app.now(), (app.clone(), caller, command), |tx, (app, caller, command)| {
            Box::pin(async move {
                // The role and the unit are not ended meanwhile, nor does the client change.
                tx.exclusive(Guard::RoleGraph).await?;
                let client = service(tx, &command.client_id).await?;
                guard_both(tx, caller.as_ref(), client.id).await?;
                let directory = directory::current(app, tx).await?;
                let role = directory.graph.named(&command.role).ok_or(GrantError::NoRole)?;
                if let Some(caller) = caller {
                    let caller = caller::again(app, tx, caller).await??;
                    caller.allow(Permission::RolesAssign, Scope::Unit(&command.unit))?;
                    caller.may_assign(role.role.id, &command.unit)?;
                }
                let sensitive = |id| directory.graph.get(id).is_some_and(|flat| flat.role.sensitive);
                if role.closure.iter().any(|id| sensitive(*id)) {
                    return Err(GrantError::Conflict("This role needs a second factor, which a service cannot prove."));
                }
                let new = write(tx, &directory, client.id, &command.terms()).await?;
                changed(app, tx, client.id).await?;
                let event = Event::new(EventType::RoleGranted)
                    .about("client", client.id.uuid(), &client.client_id)
                    .with("grant", new.id.to_string())
                    .with("role", command.role.as_str())
                    .with("unit", command.unit.as_str())
                    .with("valid_from", new.valid_from.rfc3339())
                    .with("valid_until", new.valid_until.map(Timestamp::rfc3339))
                    .with("reason", new.reason.as_str());
                let made = grant::find(tx, client.id, new.id).await?.ok_or(GrantError::NotFound)?;
                Ok(Outcome::done(made, event))
            })
        })
        .await
}

/// The service; other clients act for people, with what those hold.
async fn service(tx: &mut impl Read, client_id: &str) -> Result<Client, GrantError> {
    let client = client::by_client_id(tx, client_id).await?.ok_or(GrantError::NotFound)?;
    if client.kind == ClientKind::Service {
        Ok(client)
    } else {
        Err(GrantError::Conflict("Only a service holds roles of its own. This client acts with what its people hold."))
    }
}

/// What a service holds changed: its tokens from before are refused, and its version is another.
async fn changed(app: &App, tx: &mut WriteTx<'_>, client: PrincipalId) -> Result<(), StoreError> {
    client::touch(tx, client).await?;
    // Read anew: who waited for the guard may be late.
    let fact = Fact::changed(client, app.now());
    revocation::announce(tx, &[fact]).await
}

/// A grant of a service is to be ended.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct EndClientGrant {
    /// Whose, by `client_id`.
    pub client_id: String,
    /// Which.
    pub grant: GrantId,
    /// Why.
    pub reason: String,
}

/// Ends a grant of a service: `roles:assign` or `clients:manage` in its unit. Protecting needs no more.
///
/// # Errors
/// [`GrantError`].
pub async fn end_of_client(app: &App, caller: &Caller, command: EndClientGrant) -> Result<Grant, GrantError> {
    let allowed = caller.allow_either(Permission::RolesAssign, Permission::ClientsManage)?;
    end_with(app, allowed, Some(caller.clone()), command).await
}

/// The same for the operator of the machine.
///
/// # Errors
/// [`GrantError`].
pub async fn end_of_client_as_operator(
    app: &App,
    operator: Operator,
    command: EndClientGrant,
) -> Result<Grant, GrantError> {
    end_with(app, operator.into(), None, command).await
}

async fn end_with(
    app: &App,
    allowed: Allowed,
    caller: Option<Caller>,
    command: EndClientGrant,
) -> Result<Grant, GrantError> {
    app.store
        .write(allowed, app.now(), (app.clone(), caller, command), |tx, (app, caller, command)| {
            Box::pin(async move {
                let client = client::by_client_id(tx, &command.client_id).await?.ok_or(GrantError::NotFound)?;
                guard_both(tx, caller.as_ref(), client.id).await?;
                let mut reach = tx.allowed().reach().clone();
                if let Some(caller) = caller {
                    let caller = caller::again(app, tx, caller).await??;
                    reach = caller.allow_either(Permission::RolesAssign, Permission::ClientsManage)?.reach().clone();
                }
                let held = grant::find(tx, client.id, command.grant).await?.ok_or(GrantError::NotFound)?;
                if !reach.covers(&held.unit) {
                    return Err(GrantError::NotFound);
                }
                if !grant::end(tx, held.id).await? {
                    return Err(GrantError::Conflict("This grant has ended already."));
                }
                changed(app, tx, client.id).await?;
                let event = revoked(&client, held.id, &held.role_name, &held.unit);
                let ended = grant::find(tx, client.id, held.id).await?.ok_or(GrantError::NotFound)?;
                Ok(Outcome::done(ended, event.with("reason", command.reason.as_str())))
            })
        })
        .await
}

/// The event that a service holds a role no more.
pub(crate) fn revoked(client: &Client, grant: GrantId, role: &str, unit: &UnitPath) -> Event {
    Event::new(EventType::RoleRevoked)
        .about("client", client.id.uuid(), &client.client_id)
        .with("grant", grant.to_string())
        .with("role", role)
        .with("unit", unit.as_str())
}

/// The grants of a client, ended ones too, newest first: `clients:manage` everywhere.
///
/// # Errors
/// [`GrantError`].
pub async fn list_of_client(
    app: &App,
    caller: &Caller,
    client_id: String,
    after: Option<GrantId>,
    limit: i64,
) -> Result<Vec<Grant>, GrantError> {
    list_with(app, caller.allow(Permission::ClientsManage, Scope::Realm)?, client_id, after, limit).await
}

/// The same for the operator of the machine.
///
/// # Errors
/// [`GrantError`].
pub async fn list_of_client_as_operator(
    app: &App,
    operator: Operator,
    client_id: String,
    limit: i64,
) -> Result<Vec<Grant>, GrantError> {
    list_with(app, operator.into(), client_id, None, limit).await
}

async fn list_with(
    app: &App,
    allowed: Allowed,
    client_id: String,
    after: Option<GrantId>,
    limit: i64,
) -> Result<Vec<Grant>, GrantError> {
    app.store
        .read(&allowed, app.now(), move |tx| {
            Box::pin(async move {
                let client = client::by_client_id(tx, &client_id).await?.ok_or(GrantError::NotFound)?;
                Ok(grant::of_principal(tx, client.id, after, limit).await?)
            })
        })
        .await
}
