//! A sign-in that waits, as a browser sees it: what is owed, and taking it over from another client.

use domain::allowed::{Allowed, Flow, Request};
use domain::realm::Realm;
use domain::secret::Secret;
use domain::sign_in::{ChangeReason, Step};
use store::sign_in::Holder;
use store::{Guard, Outcome, Read, StoreError, Upkeep, sign_in, user};

use super::walk::{Demands, Kept, account, owed};
use super::{Held, SignInError, methods};
use crate::app::App;

/// A transaction as a page shows it.
#[derive(Clone, Debug)]
pub struct Pending {
    /// The step that is owed.
    pub step: &'static Step,
    /// By which methods it can be done.
    pub methods: Vec<&'static str>,
    /// Why the password must be changed.
    pub reason: Option<ChangeReason>,
    /// Characters that a new password must have.
    pub least: usize,
    /// The roles that need a second factor: their names for people.
    pub because: Vec<String>,
    /// Who is signing in.
    pub username: String,
}

/// The step that is owed in the transaction that a browser holds; `None`: it cannot go on.
///
/// # Errors
/// [`StoreError`].
pub async fn pending(app: &App, realm: &Realm, held: &Held, request: Request) -> Result<Option<Pending>, StoreError> {
    let allowed = Allowed::visitor(Flow::SignIn, realm.key, request);
    let (parts, holder) = (app.clone(), held.holder());
    app.store.read(&allowed, app.now(), move |tx| Box::pin(async move { look(&parts, tx, &holder).await })).await
}

async fn look(app: &App, tx: &mut impl Read, holder: &Holder) -> Result<Option<Pending>, StoreError> {
    let Some(row) = sign_in::find(tx, holder).await? else { return Ok(None) };
    let Some(user) = user::find(tx, row.user).await? else { return Ok(None) };
    let Demands { account, recovery, holding } = account(app, tx, &user).await?;
    let Some(step) = owed(app, &account, &row, &Kept::read(&row)?) else { return Ok(None) };
    let title = |name: &String| holding.directory.graph.named(name).map(|flat| flat.role.display_name.clone());
    Ok(Some(Pending {
        step,
        methods: methods(step, &account, recovery),
        reason: account.must_change,
        least: holding.policy.password.least_for(account.demands_second_factor),
        because: holding.withheld.iter().filter_map(title).collect(),
        username: user.username.clone().unwrap_or_default(),
    }))
}

/// A browser opened `continue_url`: the transaction is its own from now on. Returns the flow cookie's value and the step.
///
/// # Errors
/// [`SignInError::Dead`]: the handle was used, or the transaction is over.
pub async fn take_over(
    app: &App,
    realm: &Realm,
    handle: &Secret,
    request: Request,
) -> Result<(Secret, &'static Step), SignInError> {
    let allowed = Allowed::visitor(Flow::SignIn, realm.key, request);
    let flow = Secret::new(&*app.entropy);
    let nobody = Secret::new(&*app.entropy).hash();
    let input = (handle.hash(), flow.hash(), nobody);
    let step = app
        .store
        .write(allowed, app.now(), input, |tx, (handle, flow, nobody)| {
            Box::pin(async move {
                // Nobody does a step of it meanwhile.
                if let Some(user) = sign_in::of_handle(tx, handle).await? {
                    tx.exclusive(Guard::Principal(user.into())).await?;
                }
                let taken = sign_in::take_over(tx, handle, flow, nobody).await?;
                Ok::<_, StoreError>(match taken {
                    Some(step) => Outcome::upkeep(Some(step), Upkeep::SignInStep),
                    None => Outcome::nothing(None),
                })
            })
        })
        .await?;
    let step = step.and_then(|name| app.settings.steps.iter().find(|step| step.name == name));
    step.map(|step| (flow, step)).ok_or(SignInError::Dead)
}
