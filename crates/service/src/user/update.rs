//! What administrators change of a person's profile, attributes and home unit.

use domain::allowed::{Allowed, Operator};
use domain::attribute::{AttributeSchema, Attributes};
use domain::caller::{Caller, Scope};
use domain::event::{Event, EventType};
use domain::id::{UnitId, UserId};
use domain::permission::Permission;
use domain::unit::UnitPath;
use domain::user::{Change, DisplayName};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use store::user::{Details, User};
use store::{Guard, Outcome, Read, StoreError, unit, user};

use super::concerned::concerned_below;
use super::{Person, UserError, person, stored_attributes};
use crate::app::App;
use crate::caller::same_version;

/// A person's data are to change.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Update {
    /// Whose.
    pub user: UserId,
    /// The version that was looked at.
    pub version: Option<i64>,
    /// What they are called; never nothing.
    pub display_name: Option<DisplayName>,
    /// Given name.
    pub given_name: Change<String>,
    /// Family name.
    pub family_name: Change<String>,
    /// Telephone.
    pub phone: Change<String>,
    /// Language.
    pub locale: Change<String>,
    /// Key in another directory.
    pub external_id: Change<String>,
    /// What is named is set, `null` takes away, the rest stays (RFC 7396).
    pub attributes: Map<String, Value>,
    /// Home unit.
    pub unit: Option<UnitPath>,
}

/// Which attributes people may carry, for whoever may see some of them.
///
/// # Errors
/// [`UserError`].
pub async fn attribute_schema(app: &App, caller: &Caller) -> Result<AttributeSchema, UserError> {
    let allowed = caller.allow(Permission::UsersRead, Scope::Anywhere)?;
    app.store
        .read(&allowed, app.now(), |tx| Box::pin(async move { Ok(store::realm::attribute_schema(tx).await?) }))
        .await
}

/// Changes a person's data: `users:update` at or above the home unit, before and after, and the right to give every role that they
/// hold (no climbing). What changes nothing leaves version and log as they are.
///
/// # Errors
/// [`UserError`].
pub async fn update(app: &App, caller: &Caller, command: Update) -> Result<Person, UserError> {
    let allowed = caller.allow(Permission::UsersUpdate, Scope::Anywhere)?;
    update_with(app, allowed, Some(caller.clone()), command).await
}

/// The same for the operator of the machine.
///
/// # Errors
/// [`UserError`].
pub async fn update_as_operator(app: &App, operator: Operator, command: Update) -> Result<Person, UserError> {
    update_with(app, operator.into(), None, command).await
}

async fn update_with(
    app: &App,
    allowed: Allowed,
    caller: Option<Caller>,
    command: Update,
) -> Result<Person, UserError> {
    app.store
        .write(allowed, app.now(), (app.clone(), caller, command), |tx, (app, caller, command)| {
            Box::pin(async move {
                if command.unit.is_some() {
                    // The unit is not ended meanwhile.
                    tx.exclusive(Guard::RoleGraph).await?;
                }
                let right = Permission::UsersUpdate;
                let (caller, found) = concerned_below(app, tx, caller.as_ref(), right, command.user).await?;
                if let (Some(caller), Some(to)) = (&caller, &command.unit) {
                    caller.allow(right, Scope::Unit(to))?;
                }
                let home = command.unit.as_ref().unwrap_or(&found.unit);
                let home = unit::by_path(tx, home).await?.ok_or(UserError::NoUnit)?.id;
                let attributes = attributes(tx, &found, &command.attributes).await?;
                same_version(caller.as_ref(), command.version, found.version)?;
                let after = command.apply(&found, &attributes.1, home);
                let Some(event) = updated(&found, &after, command.unit.as_ref(), &attributes) else {
                    return Ok(Outcome::nothing(person(app, tx, found).await?));
                };
                if !user::set_details(tx, found.id, found.version, &after).await? {
                    return Err(UserError::ChangedMeanwhile);
                }
                let user = user::find_anywhere(tx, found.id).await?.ok_or(UserError::NotFound)?;
                Ok(Outcome::done(person(app, tx, user).await?, event))
            })
        })
        .await
}

/// Before and after. What a row says that is no object counts as nothing.
async fn attributes(
    tx: &mut impl Read,
    user: &User,
    changes: &Map<String, Value>,
) -> Result<(Attributes, Attributes), UserError> {
    let before: Attributes = serde_json::from_str(&user.attributes).map_err(|_| StoreError::Corrupt {
        table: "user",
        column: "attributes".to_owned(),
        id: user.id.to_string(),
    })?;
    let schema = store::realm::attribute_schema(tx).await?;
    let after = schema.change(&before, changes).map_err(UserError::Attributes)?;
    Ok((before, after))
}

impl Update {
    fn apply(&self, user: &User, attributes: &Attributes, unit: UnitId) -> Details {
        let name = self.display_name.as_ref().map(|name| name.as_str().to_owned());
        Details {
            display_name: name.or_else(|| user.display_name.clone()),
            given_name: self.given_name.apply(user.given_name.clone()),
            family_name: self.family_name.apply(user.family_name.clone()),
            phone: self.phone.apply(user.phone.clone()),
            locale: self.locale.apply(user.locale.clone()),
            external_id: self.external_id.apply(user.external_id.clone()),
            attributes: stored_attributes(attributes),
            unit,
        }
    }
}

/// The event names what changed, with old and new values; `None`: nothing did.
fn updated(
    user: &User,
    after: &Details,
    unit: Option<&UnitPath>,
    (old, new): &(Attributes, Attributes),
) -> Option<Event> {
    let fields = [
        ("display_name", &user.display_name, &after.display_name),
        ("given_name", &user.given_name, &after.given_name),
        ("family_name", &user.family_name, &after.family_name),
        ("phone", &user.phone, &after.phone),
        ("locale", &user.locale, &after.locale),
        ("external_id", &user.external_id, &after.external_id),
    ];
    let mut changes: Vec<(String, Value, Value)> = Vec::new();
    for (name, before, after) in fields.into_iter().filter(|(_, before, after)| before != after) {
        changes.push((name.to_owned(), before.as_deref().into(), after.as_deref().into()));
    }
    let names = old.iter().chain(new.iter()).map(|(name, _)| name).collect::<std::collections::BTreeSet<_>>();
    let value = |all: &Attributes, name: &str| serde_json::to_value(all.get(name)).unwrap_or_default();
    for name in names.into_iter().filter(|name| old.get(name) != new.get(name)) {
        changes.push((format!("attributes/{name}"), value(old, name), value(new, name)));
    }
    if let Some(unit) = unit.filter(|unit| **unit != user.unit) {
        changes.push(("unit".to_owned(), user.unit.as_str().into(), unit.as_str().into()));
    }
    if changes.is_empty() {
        return None;
    }
    let event = Event::new(EventType::UserUpdated).user(user.id, user.name());
    Some(changes.into_iter().fold(event, |event, (name, before, after)| event.changed(&name, before, after)))
}
