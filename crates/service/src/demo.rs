//! What only demo asks: the code that somebody's application shows now. Never called in `serve`.
#![expect(clippy::disallowed_methods, reason = "this file names what demo looks at")]

use domain::allowed::{Allowed, Job};
use domain::realm::RealmKey;
use domain::totp::{STEP_SECONDS, STEPS_BACK, Seed, step_of};
use domain::user::Identifier;
use store::{StoreError, factor, user};

use crate::app::App;
use crate::factor::{last_step, open_seed};

/// Seconds that a code must live on to be worth handing out.
const WORTH: i64 = 5;

/// Steps of somebody's application whose codes work now, the oldest first; `None`: nobody has this application.
///
/// # Errors
/// [`StoreError`].
pub async fn usable_steps(
    app: &App,
    realm: RealmKey,
    username: &str,
    seed: &Seed,
) -> Result<Option<Vec<i64>>, StoreError> {
    let allowed = Allowed::job(Job::Observe, realm);
    let (parts, identifier, known) = (app.clone(), Identifier::new(username), seed.clone());
    app.store
        .read(&allowed, app.now(), move |tx| {
            Box::pin(async move {
                let Some(person) = user::by_identifier(tx, &identifier).await? else { return Ok(None) };
                for row in factor::totps(tx, person.id).await? {
                    if open_seed(&parts, tx, &row)?.bytes() != known.bytes() {
                        continue;
                    }
                    let (now, last) = (parts.now(), last_step(&row)?);
                    let left = STEP_SECONDS - now.seconds().rem_euclid(STEP_SECONDS);
                    let first = if left >= WORTH { step_of(now) - STEPS_BACK } else { step_of(now) };
                    let unused = (first..=step_of(now)).filter(|step| last.is_none_or(|last| *step > last));
                    return Ok(Some(unused.collect()));
                }
                Ok(None)
            })
        })
        .await
}
