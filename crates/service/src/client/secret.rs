//! Secrets of clients: shown once, two valid while rotating.

use domain::allowed::{Allowed, Operator};
use domain::caller::{Caller, Scope};
use domain::event::{Event, EventType};
use domain::id::SecretId;
use domain::permission::Permission;
use domain::secret::Secret;
use store::access::api;
use store::client;
use store::{Outcome, Read};

use super::{ClientError, begin, may_take_over};
use crate::api::{NewSecret, OVERLAP_HOURS};
use crate::app::App;

/// Gives a client a new secret: `clients:manage` everywhere. Those before stay valid for 24 hours.
///
/// # Errors
/// [`ClientError`].
pub async fn new_secret(app: &App, caller: &Caller, client_id: String) -> Result<NewSecret, ClientError> {
    let allowed = caller.allow(Permission::ClientsManage, Scope::Realm)?;
    new_secret_with(app, allowed, Some(caller.clone()), client_id).await
}

/// The same for the operator of the machine.
///
/// # Errors
/// [`ClientError`].
pub async fn new_secret_as_operator(
    app: &App,
    operator: Operator,
    client_id: String,
) -> Result<NewSecret, ClientError> {
    new_secret_with(app, operator.into(), None, client_id).await
}

async fn new_secret_with(
    app: &App,
    allowed: Allowed,
    caller: Option<Caller>,
    client_id: String,
) -> Result<NewSecret, ClientError> {
    let secret = Secret::new(&*app.entropy);
    let input = (app.clone(), caller, client_id, secret.hash());
    let others_end = app
        .store
        .write(allowed, app.now(), input, |tx, (app, caller, client_id, hash)| {
            Box::pin(async move {
                let caller = begin(app, tx, caller.as_ref()).await?;
                let found = client::by_client_id(tx, client_id).await?.ok_or(ClientError::NotFound)?;
                if !found.kind.has_secret() {
                    return Err(ClientError::Conflict("A public client can keep no secret."));
                }
                may_take_over(tx, caller.as_ref(), &found).await?;
                let id = SecretId::new(&*tx.entropy(), tx.now());
                let others_end = tx.now().plus(domain::time::hours(OVERLAP_HOURS));
                api::add_secret(tx, id, found.id, hash, others_end).await?;
                let event = Event::new(EventType::ClientSecretCreated).about("client", found.id.uuid(), client_id);
                Ok(Outcome::done(others_end, event.with("others_end", others_end.rfc3339())))
            })
        })
        .await?;
    Ok(NewSecret { secret, others_end })
}
