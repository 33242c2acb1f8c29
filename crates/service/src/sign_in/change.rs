//! A password that must be changed before there is a session (PW-05).

use std::sync::Arc;

use domain::allowed::{Allowed, Flow, Request};
use domain::event::{Event, EventType};
use domain::id::CredentialId;
use domain::realm::Realm;
use domain::session::EndReason;
use store::{Outcome, Read, credential, device, token, user};

use super::second_factor::decided;
use super::walk::{self, Arrived};
use super::{Answer, Held, SignInError, Visit};
use crate::app::App;
use crate::failure::to_the_end;
use crate::mail::{self, Notice};
use crate::password::{self, Demanded};
use crate::session;

const STEP: &str = "change_password";

/// Chooses the new password. All sessions of the person end: somebody else may know the old one.
///
/// # Errors
/// [`SignInError`].
pub async fn new_password(
    app: &App,
    realm: &Arc<Realm>,
    held: Held,
    new: String,
    visit: Visit,
    request: Request,
) -> Result<Answer, SignInError> {
    let (app, realm) = (app.clone(), realm.clone());
    to_the_end(async move {
        let allowed = Allowed::visitor(Flow::SignIn, realm.key, request);
        let input = (app.clone(), held.clone());
        let found = app.store.write(allowed.clone(), app.now(), input, |tx, (app, held)| {
            Box::pin(async move {
                let found = walk::held(app, tx, held, STEP).await?;
                let demanded = Demanded::of(app, tx, found.user.id).await?;
                let old = credential::password(tx, found.user.id).await?;
                Ok::<_, SignInError>(Outcome::nothing((found.user, demanded, old)))
            })
        });
        let (person, demanded, old) = found.await?;
        let chosen = password::check(&app, &realm, &person, &new, &demanded)?;
        let old = old.map(|old| old.hash);
        password::differs(&app, chosen.clone(), old.clone()).await??;
        password::is_new(&app, &chosen, demanded, old.as_deref()).await??;
        let hash = app.hashing.hash(chosen, &*app.entropy).await?;
        let input = (app.clone(), realm.clone(), (held, visit), hash);
        let reached = app.store.write(allowed, app.now(), input, |tx, (app, realm, (held, visit), hash)| {
            Box::pin(async move {
                let found = walk::held(app, tx, held, STEP).await?;
                let user = found.user.clone();
                let id = CredentialId::new(&*tx.entropy(), tx.now());
                credential::set_password(tx, id, user.id, hash).await?;
                user::password_chosen(tx, user.id, false).await?;
                token::void_all(tx, user.id).await?;
                device::forget(tx, user.id).await?;
                let ended = session::end_all(tx, &user, None, EndReason::PasswordChanged).await?;
                mail::notice(app, tx, &user, Notice::PasswordChanged).await?;
                let changed = Event::new(EventType::AuthnPasswordChange).user(user.id, user.name());
                let mut arrived = Arrived::went_on(found, held, visit);
                arrived.done().password = Some(id);
                arrived.events = [changed].into_iter().chain(ended).collect();
                decided(walk::go_on(app, realm, tx, arrived).await?)
            })
        });
        reached.await??.answer(&app, &realm).await
    })
    .await
}
