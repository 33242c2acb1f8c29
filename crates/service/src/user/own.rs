//! What people change about themselves.

use domain::caller::Caller;
use domain::event::{Event, EventType};
use domain::user::{Change, DisplayName};
use serde::{Deserialize, Serialize};
use store::user::{Profile, User};
use store::{Outcome, user};

use super::{Person, UserError, person};
use crate::app::App;
use crate::caller;

/// A person changes their own profile.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct UpdateOwn {
    /// The version that they looked at.
    pub version: i64,
    /// What they want to be called; never nothing.
    pub display_name: Option<DisplayName>,
    /// Given name.
    pub given_name: Change<String>,
    /// Family name.
    pub family_name: Change<String>,
    /// Telephone.
    pub phone: Change<String>,
    /// Language.
    pub locale: Change<String>,
}

impl UpdateOwn {
    fn apply(&self, user: &User) -> (Profile, Profile) {
        let before = Profile {
            display_name: user.display_name.clone(),
            given_name: user.given_name.clone(),
            family_name: user.family_name.clone(),
            phone: user.phone.clone(),
            locale: user.locale.clone(),
        };
        let name = self.display_name.as_ref().map(|name| name.as_str().to_owned());
        let after = Profile {
            display_name: name.or_else(|| before.display_name.clone()),
            given_name: self.given_name.apply(before.given_name.clone()),
            family_name: self.family_name.apply(before.family_name.clone()),
            phone: self.phone.apply(before.phone.clone()),
            locale: self.locale.apply(before.locale.clone()),
        };
        (before, after)
    }
}

/// Changes the caller's own profile. What changes nothing leaves version and log as they are.
///
/// # Errors
/// [`UserError::ChangedMeanwhile`]: the profile is in another version; [`UserError::SignedOut`].
pub async fn update_own(app: &App, caller: &Caller, command: UpdateOwn) -> Result<Person, UserError> {
    let input = (app.clone(), caller.clone(), command);
    app.store
        .write(caller.oneself(), app.now(), input, |tx, (app, caller, command)| {
            Box::pin(async move {
                let caller = caller::again(app, tx, caller).await??;
                let found = user::find(tx, caller.user()).await?.ok_or(UserError::NotFound)?;
                if found.version != command.version {
                    return Err(UserError::ChangedMeanwhile);
                }
                let (before, after) = command.apply(&found);
                if before == after {
                    return Ok(Outcome::nothing(person(app, tx, found).await?));
                }
                // What was just read may be old on PostgreSQL: the row count decides.
                if !user::set_profile(tx, found.id, command.version, &after).await? {
                    return Err(UserError::ChangedMeanwhile);
                }
                let event = updated(&found, &before, &after);
                let user = user::find(tx, found.id).await?.ok_or(UserError::NotFound)?;
                Ok(Outcome::done(person(app, tx, user).await?, event))
            })
        })
        .await
}

/// The event names the fields that changed; the values are the person's and stand beside the leaf.
fn updated(user: &User, before: &Profile, after: &Profile) -> Event {
    let fields = [
        ("display_name", &before.display_name, &after.display_name),
        ("given_name", &before.given_name, &after.given_name),
        ("family_name", &before.family_name, &after.family_name),
        ("phone", &before.phone, &after.phone),
        ("locale", &before.locale, &after.locale),
    ];
    let changed = fields.into_iter().filter(|(_, before, after)| before != after);
    changed.fold(Event::new(EventType::UserUpdated).user(user.id, user.name()), |event, (field, before, after)| {
        event.changed(field, before.as_deref(), after.as_deref())
    })
}
