//! Whether somebody may do something: the question of AuthZEN 1.0, answered by the grants of this moment, with the reason.

use std::sync::Arc;

use domain::access::Path;
use domain::caller::{Caller, Forbidden, Scope};
use domain::id::{PrincipalId, UserId};
use domain::permission::{Permission, PermissionName};
use domain::session::{AAL1, AAL2};
use domain::unit::UnitPath;
use domain::user::Status;
use store::{Read, StoreError, client, user};
use thiserror::Error;

use crate::app::App;
use crate::client::{Proved, Purpose, Who, used};
use crate::directory;

/// Why nothing was decided.
#[derive(Debug, Error)]
pub enum EvaluationError {
    /// Whoever asks may not.
    #[error("access:check is missing")]
    Forbidden(Forbidden),
    /// The database.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<Forbidden> for EvaluationError {
    fn from(forbidden: Forbidden) -> Self {
        Self::Forbidden(forbidden)
    }
}

/// Of whom it is asked.
#[derive(Clone, Debug)]
pub enum Subject {
    /// A person, by `sub`.
    User(String),
    /// A service, by `sub` or `client_id`.
    Client(String),
}

impl Subject {
    fn id(&self) -> &str {
        match self {
            Self::User(id) | Self::Client(id) => id,
        }
    }
}

/// What is asked: may the subject do the action to the resource?
#[derive(Clone, Debug)]
pub struct Question {
    /// Who.
    pub subject: Subject,
    /// What: the part of a permission behind the colon.
    pub action: String,
    /// To what: the part before it.
    pub resource_type: String,
    /// Where it lies; at the root unless said.
    pub unit: UnitPath,
    /// To whom it belongs, as the subject is named.
    pub owner: Option<String>,
}

/// The answer. Unknown people, permissions and APIs are a plain no.
#[derive(Clone, Debug, Default)]
pub struct Decision {
    /// The permission and the way in which it is held; none: no.
    pub because: Vec<(Arc<str>, Path)>,
}

impl Decision {
    /// Yes or no.
    #[must_use]
    pub fn is_yes(&self) -> bool {
        !self.because.is_empty()
    }
}

/// Decides for an API that proved its credentials, about its own permissions. A client has none to ask about.
///
/// # Errors
/// [`EvaluationError`].
pub async fn evaluate_for_api(app: &App, proved: &Proved, question: Question) -> Result<Decision, EvaluationError> {
    let Who::Api(api) = &proved.who else {
        return Err(Forbidden { missing: Permission::AccessCheck, detail: None }.into());
    };
    used(app, proved, Purpose::Evaluation).await?;
    let (parts, audience) = (app.clone(), api.audience.as_str().to_owned());
    let read = app.store.read(&proved.allowed, app.now(), move |tx| {
        Box::pin(async move { decide(&parts, tx, &audience, &question).await })
    });
    Ok(read.await?)
}

/// Decides for somebody who holds `access:check` where the resource lies, about any API.
///
/// # Errors
/// [`EvaluationError`].
pub async fn evaluate(
    app: &App,
    caller: &Caller,
    audience: String,
    question: Question,
) -> Result<Decision, EvaluationError> {
    let allowed = caller.allow(Permission::AccessCheck, Scope::Unit(&question.unit))?;
    let parts = app.clone();
    let read = app
        .store
        .read(&allowed, app.now(), move |tx| Box::pin(async move { decide(&parts, tx, &audience, &question).await }));
    Ok(read.await?)
}

async fn decide(app: &App, tx: &mut impl Read, audience: &str, question: &Question) -> Result<Decision, StoreError> {
    let name = format!("{}:{}", question.resource_type, question.action);
    let Some((principal, acr)) = subject(tx, &question.subject).await? else { return Ok(Decision::default()) };
    // `charts:read:own` is no action: whose it is says the resource.
    let grammatical = |name: &str| PermissionName::parse(name).is_ok() && name.split(':').count() == 2;
    if !grammatical(&name) {
        return Ok(Decision::default());
    }
    let own = format!("{name}:own");
    let is_own = question.owner.as_deref().is_some_and(|owner| owner == question.subject.id());
    let holding = directory::holding(app, tx, principal, acr).await?;
    let names: &[&str] = if is_own { &[&name, &own] } else { &[&name] };
    Ok(Decision { because: holding.access.because(audience, names, &question.unit) })
}

/// Who it is, if they may do anything at all, and how surely they count as signed in. Here is no session: what a person would have to prove a second
/// factor for counts (api.md); a service can never prove one.
async fn subject(tx: &mut impl Read, subject: &Subject) -> Result<Option<(PrincipalId, &'static str)>, StoreError> {
    match subject {
        Subject::User(id) => {
            let Ok(id) = id.parse::<UserId>() else { return Ok(None) };
            let person = user::find(tx, id).await?.filter(|person| person.status == Status::Active);
            Ok(person.map(|person| (person.id.into(), AAL2)))
        }
        Subject::Client(id) => {
            let found = match client::by_client_id(tx, id).await? {
                Some(found) => Some(found),
                None => match id.parse::<PrincipalId>() {
                    Ok(id) => client::by_id(tx, id).await?,
                    Err(_) => None,
                },
            };
            Ok(found.filter(|client| client.enabled).map(|client| (client.id, AAL1)))
        }
    }
}
