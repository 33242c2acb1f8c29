//! Secrets with which an API proves itself: shown once, two valid while rotating.

use domain::allowed::{Allowed, Operator};
use domain::caller::{Caller, Scope};
use domain::event::{Event, EventType};
use domain::id::SecretId;
use domain::permission::Permission;
use domain::secret::Secret;
use domain::time::Timestamp;
use store::access::api;
use store::{Guard, Outcome, Read};

use super::ChangeError;
use crate::app::App;
use crate::caller;

/// So long a secret is valid after the next one was made.
pub(crate) const OVERLAP_HOURS: u64 = 24;

/// A secret that was made, and until when those before are valid.
#[derive(Debug)]
pub struct NewSecret {
    /// The secret; nobody can see it again.
    pub secret: Secret,
    /// When those before expire.
    pub others_end: Timestamp,
}

/// Gives an API a new secret: `roles:manage` everywhere. Those before stay valid for 24 hours.
///
/// # Errors
/// [`ChangeError`].
pub async fn new_secret(app: &App, caller: &Caller, audience: String) -> Result<NewSecret, ChangeError> {
    let allowed = caller.allow(Permission::RolesManage, Scope::Realm)?;
    new_secret_with(app, allowed, Some(caller.clone()), audience).await
}

/// The same for the operator of the machine.
///
/// # Errors
/// [`ChangeError`].
pub async fn new_secret_as_operator(app: &App, operator: Operator, audience: String) -> Result<NewSecret, ChangeError> {
    new_secret_with(app, operator.into(), None, audience).await
}

async fn new_secret_with(
    app: &App,
    allowed: Allowed,
    caller: Option<Caller>,
    audience: String,
) -> Result<NewSecret, ChangeError> {
    let secret = Secret::new(&*app.entropy);
    let input = (app.clone(), caller, audience, secret.hash());
    let others_end = app
        .store
        .write(allowed, app.now(), input, |tx, (app, caller, audience, hash)| {
            Box::pin(async move {
                tx.exclusive(Guard::RoleGraph).await?;
                if let Some(caller) = caller {
                    caller::again(app, tx, caller).await??.allow(Permission::RolesManage, Scope::Realm)?;
                }
                let api = api::by_audience(tx, audience).await?.ok_or(ChangeError::NotFound)?;
                let id = SecretId::new(&*tx.entropy(), tx.now());
                let others_end = tx.now().plus(domain::time::hours(OVERLAP_HOURS));
                api::add_secret(tx, id, api.id.into(), hash, others_end).await?;
                let event = Event::new(EventType::ApiSecretCreated).about("api", api.id.uuid(), audience);
                Ok::<_, ChangeError>(Outcome::done(others_end, event.with("others_end", others_end.rfc3339())))
            })
        })
        .await?;
    Ok(NewSecret { secret, others_end })
}
