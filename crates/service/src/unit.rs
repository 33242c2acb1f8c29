//! Units: the organisation's places.

use domain::allowed::Operator;
use domain::caller::{Caller, Forbidden, Scope};
use domain::event::{Event, EventType};
use domain::id::UnitId;
use domain::permission::Permission;
use domain::unit::UnitPath;
use store::unit::Unit;
use store::{Guard, Outcome, Read, StoreError, unit};
use thiserror::Error;

use crate::app::App;

/// Why units were not shown.
#[derive(Debug, Error)]
pub enum UnitError {
    /// No permission.
    #[error("roles:read is missing")]
    Forbidden(Forbidden),
    /// The database.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<Forbidden> for UnitError {
    fn from(forbidden: Forbidden) -> Self {
        Self::Forbidden(forbidden)
    }
}

/// Units within reach, by path, after `after`.
///
/// # Errors
/// [`UnitError`].
pub async fn list(app: &App, caller: &Caller, after: String, limit: i64) -> Result<Vec<Unit>, UnitError> {
    let allowed = caller.allow(Permission::RolesRead, Scope::Anywhere)?;
    let found =
        app.store.read(&allowed, app.now(), move |tx| Box::pin(async move { unit::list(tx, &after, limit).await }));
    Ok::<_, UnitError>(found.await?)
}

/// Makes a unit below an existing one; used by the command line and demo.
///
/// # Errors
/// [`StoreError`]; `Ok(false)`: the parent is missing or the path is taken.
pub async fn create_as_operator(
    app: &App,
    operator: Operator,
    path: UnitPath,
    name: String,
) -> Result<bool, StoreError> {
    app.store
        .write(operator.into(), app.now(), (path, name), |tx, (path, name)| {
            Box::pin(async move {
                tx.exclusive(Guard::Units).await?;
                let parent = match path.parent() {
                    Some(parent) => unit::by_path(tx, &parent).await?,
                    None => None,
                };
                let Some(parent) = parent else { return Ok(Outcome::nothing(false)) };
                let id = UnitId::new(&*tx.entropy(), tx.now());
                if unit::create(tx, id, Some(parent.id), path, name).await?.is_none() {
                    return Ok(Outcome::nothing(false));
                }
                let event = Event::new(EventType::UnitCreated).about("unit", id.uuid(), path.as_str());
                Ok(Outcome::done(true, event.with("name", name.as_str())))
            })
        })
        .await
}
