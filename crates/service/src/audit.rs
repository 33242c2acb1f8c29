//! Reading the audit log; reading is audited too (AUD-08).

use domain::allowed::{Allowed, Operator};
use domain::caller::{Caller, Forbidden, Scope};
use domain::event::{Event, EventOutcome, EventType};
use domain::id::EventId;
use domain::permission::Permission;
use domain::time::Timestamp;
use store::audit::{self, Filter, Stored};
use store::{Outcome, StoreError};
use thiserror::Error;

use crate::app::App;

/// Why the log was not shown.
#[derive(Debug, Error)]
pub enum AuditError {
    /// No permission.
    #[error("audit:read is missing")]
    Forbidden(Forbidden),
    /// No such event.
    #[error("there is no such event")]
    NotFound,
    /// The database.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<Forbidden> for AuditError {
    fn from(forbidden: Forbidden) -> Self {
        Self::Forbidden(forbidden)
    }
}

/// Events, newest first. The log of a realm is read whole or not at all: `audit:read` at the root.
///
/// # Errors
/// [`AuditError`].
pub async fn list(app: &App, caller: &Caller, filter: Filter, limit: i64) -> Result<Vec<Stored>, AuditError> {
    list_with(app, caller.allow(Permission::AuditRead, Scope::Realm)?, filter, limit).await
}

/// The same for the operator of the machine.
///
/// # Errors
/// [`AuditError`].
pub async fn list_as_operator(
    app: &App,
    operator: Operator,
    filter: Filter,
    limit: i64,
) -> Result<Vec<Stored>, AuditError> {
    list_with(app, operator.into(), filter, limit).await
}

async fn list_with(app: &App, allowed: Allowed, filter: Filter, limit: i64) -> Result<Vec<Stored>, AuditError> {
    // Every page, not the first alone: where a page begins is the reader's word.
    let read = Event::new(EventType::AuditRead)
        .with("type", filter.kind.map(EventType::as_str))
        .with("outcome", filter.outcome.map(EventOutcome::as_str))
        .with("actor", filter.actor.map(|id| id.to_string()))
        .with("subject", filter.subject.map(|id| id.to_string()))
        .with("from", filter.from.map(Timestamp::rfc3339))
        .with("to", filter.to.map(Timestamp::rfc3339))
        .with("before", filter.after.map(|(at, _)| at.rfc3339()));
    let events = app
        .store
        .read(&allowed, app.now(), move |tx| Box::pin(async move { audit::list(tx, &filter, limit).await }))
        .await?;
    record(app, allowed, read).await?;
    Ok(events)
}

/// One event.
///
/// # Errors
/// [`AuditError`].
pub async fn get(app: &App, caller: &Caller, id: EventId) -> Result<Stored, AuditError> {
    let allowed = caller.allow(Permission::AuditRead, Scope::Realm)?;
    let found = app.store.read(&allowed, app.now(), move |tx| Box::pin(audit::find(tx, id))).await?;
    let found = found.ok_or(AuditError::NotFound)?;
    record(app, allowed, Event::new(EventType::AuditRead).with("event", id.to_string())).await?;
    Ok(found)
}

async fn record(app: &App, allowed: Allowed, event: Event) -> Result<(), StoreError> {
    app.store
        .write(allowed, app.now(), event, |_, event| Box::pin(async move { Ok(Outcome::done((), event.clone())) }))
        .await
}
