//! From one step to the next: what the account demands now, what is established, and either a session or a row that waits.

use std::collections::BTreeSet;
use std::sync::Arc;

use domain::event::{Event, EventType};
use domain::id::{CredentialId, TransactionId, UserId};
use domain::permission::OWN_API;
use domain::realm::Realm;
use domain::secret::Secret;
use domain::session::AAL1;
use domain::sign_in::{Account, ChangeReason, Established, Next, SecondFactor, Step, next};
use domain::time::seconds;
use domain::user::Status;
use serde::{Deserialize, Serialize};
use store::factor::Factor;
use store::sign_in::{Advance, NewTransaction, Transaction};
use store::user::User;
use store::{Events, Guard, Outcome, Read, StoreError, Upkeep, WriteTx, factor, session as sessions, sign_in, user};

use super::{Answer, Codes, Held, Medium, Owed, SignIn, SignInError, SignedIn, Visit, device, methods};
use crate::app::App;
use crate::directory::{self, Holding};
use crate::policy::{self, Limit};
use crate::session::{self, Tokens, UnknownAudience, Unsigned};

/// What a transaction remembers, as JSON.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct Kept {
    #[serde(flatten)]
    pub(super) done: Established,
    /// The application that is being bound.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) binding: Option<CredentialId>,
    /// Where a page leads afterwards.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) return_to: Option<String>,
}

impl Kept {
    pub(super) fn read(row: &Transaction) -> Result<Self, StoreError> {
        serde_json::from_str(&row.state).map_err(|_| corrupt("state"))
    }

    pub(super) fn text(&self) -> Result<String, StoreError> {
        serde_json::to_string(self).map_err(|_| corrupt("state"))
    }
}

fn corrupt(column: &str) -> StoreError {
    StoreError::Corrupt { table: "sign_in_transaction", column: column.to_owned(), id: String::new() }
}

/// A transaction that was found, with what it remembers.
pub(super) struct Found {
    pub(super) row: Transaction,
    pub(super) kept: Kept,
    pub(super) user: User,
}

/// The transaction that somebody holds, with its person's guard taken, if this step is what the account demands at this moment. Whoever could bind a factor or choose a password when the transaction began may not any more once its owner has a factor.
pub(super) async fn held(app: &App, tx: &mut WriteTx<'_>, held: &Held, step: &str) -> Result<Found, SignInError> {
    let waits = |row: &Transaction| row.step == step;
    let first = sign_in::find(tx, &held.holder()).await?.filter(waits).ok_or(SignInError::Dead)?;
    tx.exclusive(Guard::Principal(first.user.into())).await?;
    // Somebody may have been faster while the guard was waited for.
    let row = sign_in::find(tx, &held.holder()).await?.filter(waits).ok_or(SignInError::Dead)?;
    let user = user::find(tx, row.user).await?.filter(|user| user.status == Status::Active);
    let user = user.ok_or(SignInError::Dead)?;
    let kept = Kept::read(&row)?;
    let demands = account(app, tx, &user).await?;
    owed(app, &demands.account, &row, &kept).ok_or(SignInError::Dead)?;
    Ok(Found { row, kept, user })
}

/// The step at which a transaction stands, if it is still the first that is owed.
pub(super) fn owed(app: &App, account: &Account, row: &Transaction, kept: &Kept) -> Option<&'static Step> {
    match next(app.settings.steps, account, &kept.done) {
        Next::Step(step) if step.name == row.step => Some(step),
        Next::Step(_) | Next::Session | Next::Dead => None,
    }
}

/// Somebody who did a step.
pub(super) struct Arrived {
    user: UserId,
    kept: Kept,
    at: At,
    audience: Option<String>,
    device_label: Option<String>,
    visit: Visit,
    /// What happened on the way, for the log.
    pub(super) events: Vec<Event>,
    /// Codes to show.
    pub(super) codes: Codes,
}

enum At {
    /// There is no row yet.
    Beginning(Medium),
    /// This row, which was at this step.
    Row(TransactionId, String, Held),
}

impl Arrived {
    pub(super) fn begun(attempt: &SignIn, user: UserId, done: Established) -> Self {
        Self {
            user,
            kept: Kept { done, binding: None, return_to: attempt.return_to.clone() },
            at: At::Beginning(attempt.medium),
            audience: attempt.audience.clone(),
            device_label: attempt.device_label.clone(),
            visit: attempt.visit.clone(),
            events: Vec::new(),
            codes: Codes::default(),
        }
    }

    pub(super) fn went_on(found: Found, held: &Held, visit: &Visit) -> Self {
        Self {
            user: found.user.id,
            kept: found.kept,
            at: At::Row(found.row.id, found.row.step, held.clone()),
            audience: Some(found.row.audience).filter(|audience| !audience.is_empty()),
            device_label: found.row.device_label,
            visit: visit.clone(),
            events: Vec::new(),
            codes: Codes::default(),
        }
    }

    /// What is established now.
    pub(super) const fn done(&mut self) -> &mut Established {
        &mut self.kept.done
    }
}

/// What a step led to, before anything is signed.
pub(super) enum Reached {
    Session(Box<Unsent>),
    Owed(Box<Owed>),
    /// Everything was proved, and there may be no session more.
    Full(u32),
}

/// A session that was written and whose token is not signed yet.
pub(super) struct Unsent {
    begun: session::Begun,
    unsigned: Unsigned,
    withheld: Vec<String>,
    device: Secret,
    user: User,
    roles: Vec<String>,
    codes: Codes,
    return_to: Option<String>,
}

impl Reached {
    /// Signs, after the commit.
    pub(super) async fn answer(self, app: &App, realm: &Realm) -> Result<Answer, SignInError> {
        let done = match self {
            Self::Owed(owed) => return Ok(Answer::Owed(owed)),
            Self::Full(most) => return Err(SignInError::TooManySessions(most)),
            Self::Session(done) => *done,
        };
        let tokens = Tokens {
            access_token: session::sign(app, realm.key, &done.unsigned).await?,
            expires_in: done.unsigned.expires_in,
            session: done.begun.session.id,
            refresh: done.begun.refresh,
            absolute_at: done.begun.session.deadlines.absolute_at,
            withheld: done.withheld,
        };
        Ok(Answer::SignedIn(Box::new(SignedIn {
            tokens,
            secret: done.begun.secret,
            device: done.device,
            user: done.user,
            roles: done.roles,
            codes: done.codes,
            return_to: done.return_to,
        })))
    }
}

/// What the account is and demands at this moment.
pub(crate) struct Demands {
    pub(crate) account: Account,
    /// Whether it has recovery codes.
    pub(super) recovery: bool,
    /// What it holds with a password alone.
    pub(super) holding: Holding,
}

pub(crate) async fn account(app: &App, tx: &mut impl Read, user: &User) -> Result<Demands, StoreError> {
    let factors = factor::of_user(tx, user.id).await?;
    let password = factors.iter().rfind(|factor| factor.kind == "password");
    let second: BTreeSet<_> =
        factors.iter().filter(|factor| factor.kind == "totp").map(|_| SecondFactor::Totp).collect();
    let recovery = factors.iter().any(|factor| factor.kind == "recovery_codes");
    let in_force = factors.iter().filter(|factor| factor.kind != "password").map(|factor| factor.id).collect();
    let holding = directory::holding(app, tx, user.id.into(), AAL1).await?;
    let rules = holding.policy.password;
    let second_factor = !second.is_empty() || holding.demands_second_factor;
    let expired = |password: &&Factor| rules.has_expired(password.created_at, tx.now(), second_factor);
    let must_change = password
        .and_then(|password| must_change(password).or_else(|| expired(&password).then_some(ChangeReason::Expired)));
    let account = Account {
        active: user.status == Status::Active,
        password: password.map(|factor| factor.id),
        second_factors: second,
        in_force,
        demands_second_factor: holding.demands_second_factor,
        must_change,
    };
    Ok(Demands { account, recovery, holding })
}

/// `{"must_change":"compromised"}` on a password.
pub(crate) fn must_change(password: &Factor) -> Option<ChangeReason> {
    let state: serde_json::Value = serde_json::from_str(&password.state).ok()?;
    ChangeReason::parse(state.get("must_change")?.as_str()?)
}

/// Goes on to the first step that is owed, or to a session. `None`: what was established does not hold any more.
pub(super) async fn go_on(
    app: &App,
    realm: &Arc<Realm>,
    tx: &mut WriteTx<'_>,
    arrived: Arrived,
) -> Result<Option<Outcome<Reached>>, SignInError> {
    // Whatever ends rights takes the same guard: the account is read after it, so one of the two comes first.
    tx.exclusive(Guard::Principal(arrived.user.into())).await?;
    let Some(user) = user::find(tx, arrived.user).await? else { return Ok(None) };
    let demands = account(app, tx, &user).await?;
    if !demands.holding.policy.admits(tx.allowed().request().address) {
        return Ok(None);
    }
    match next(app.settings.steps, &demands.account, &arrived.kept.done) {
        Next::Dead => Ok(None),
        Next::Session => begin(app, realm, tx, arrived, user).await,
        Next::Step(step) => wait(tx, arrived, step, &demands).await,
    }
}

/// Writes down that a step is owed.
async fn wait(
    tx: &mut WriteTx<'_>,
    arrived: Arrived,
    step: &'static Step,
    demands: &Demands,
) -> Result<Option<Outcome<Reached>>, SignInError> {
    let (now, entropy) = (tx.now(), tx.entropy());
    let expires_at = now.plus(seconds(step.lives_seconds.into()));
    let state = arrived.kept.text()?;
    let json = matches!(arrived.at, At::Beginning(Medium::Json) | At::Row(_, _, Held::Id(_)));
    let handle = json.then(|| Secret::new(&*entropy));
    let handle_hash = handle.as_ref().map(Secret::hash);
    let held = match arrived.at {
        At::Beginning(medium) => {
            // Never a secret that the browser had before: it may have been planted (SES-02).
            let secret = Secret::new(&*entropy);
            let held = if medium == Medium::Json { Held::Id(secret) } else { Held::Flow(secret) };
            let new = NewTransaction {
                id: TransactionId::new(&*entropy, now),
                holder: held.holder(),
                handle: handle_hash,
                user: arrived.user,
                step: step.name,
                state,
                audience: arrived.audience.unwrap_or_default(),
                device_label: arrived.device_label,
                expires_at,
            };
            sign_in::create(tx, &new, &Secret::new(&*entropy).hash()).await?;
            held
        }
        At::Row(id, from, held) => {
            // A new secret after each step: one that was planted or copied before is worth nothing (SES-02).
            let held = match held {
                Held::Id(secret) => Held::Id(secret),
                Held::Flow(_) => Held::Flow(Secret::new(&*entropy)),
            };
            let flow = matches!(held, Held::Flow(_)).then(|| held.secret().hash());
            let to = Advance { from, to: step.name, state, handle: handle_hash, flow, expires_at };
            if !sign_in::advance(tx, id, &to).await? {
                return Ok(None);
            }
            held
        }
    };
    let owed = Owed {
        step,
        held,
        handle,
        methods: methods(step, &demands.account, demands.recovery),
        reason: demands.account.must_change.filter(|_| step.name == "change_password"),
        expires_in: step.lives_seconds.into(),
        codes: arrived.codes,
    };
    let reached = Reached::Owed(Box::new(owed));
    let mut events = arrived.events.into_iter();
    Ok(Some(match events.next() {
        Some(first) => Outcome::done(reached, Events::from(first).and_all(events)),
        None => Outcome::upkeep(reached, Upkeep::SignInStep),
    }))
}

/// Nothing is owed: a session begins.
async fn begin(
    app: &App,
    realm: &Arc<Realm>,
    tx: &mut WriteTx<'_>,
    arrived: Arrived,
    user: User,
) -> Result<Option<Outcome<Reached>>, SignInError> {
    if let At::Row(id, step, _) = &arrived.at
        && !sign_in::consume(tx, *id, step).await?
    {
        return Ok(None);
    }
    let done = &arrived.kept.done;
    let audience = arrived.audience.as_deref().unwrap_or(OWN_API);
    let holding = directory::holding(app, tx, user.id.into(), done.acr()).await?;
    if !holding.directory.apis.contains_key(audience) {
        return Err(UnknownAudience.into());
    }
    let ended = match policy::limit(app, tx, &user, &holding.policy, arrived.visit.session.as_ref()).await? {
        Limit::Room(ended) => ended,
        Limit::Full(most) => {
            let failed = Event::new(EventType::AuthnLoginFail).user(user.id, user.name()).denied("session_limit");
            let events = Events::from(failed).and_all(arrived.events);
            return Ok(Some(Outcome::done(Reached::Full(most), events)));
        }
    };
    if !user::signed_in(tx, user.id).await? {
        return Ok(None);
    }
    let (device, cookie) =
        device::known(tx, arrived.visit.device.as_ref(), user.id, arrived.device_label.as_deref()).await?;
    let presented = match &arrived.visit.session {
        Some(secret) => sessions::by_secret(tx, &secret.hash()).await?,
        None => None,
    };
    let place = session::Place { presented: presented.into_iter().collect(), device: Some(device) };
    let replaced = session::leave(app, tx, place, &user, None).await?;
    let new = session::New {
        audience,
        device_label: arrived.device_label.as_deref(),
        device: Some(device),
        acr: done.acr(),
        amr: done.amr(),
    };
    let begun = session::begin(app, tx, &user, &holding, new).await?;
    let unsigned = session::claims(app, realm, &holding, &begun.session, audience, tx.now())?;
    let actor = session::owner(&user, &begun.session);
    let signed_in = Event::new(EventType::AuthnLoginSuccess).user(user.id, user.name()).with("method", done.amr());
    let created = Event::new(EventType::SessionCreated)
        .user(user.id, user.name())
        .with("session", begun.session.id.to_string())
        .with("device_label", begun.session.device_label.clone());
    let rest = arrived.events.into_iter().chain([created]).chain(replaced).chain(ended);
    let events = Events::from(signed_in.acted_by(actor.clone()))
        .and_all(rest.map(|event| event.acted_by(actor.clone())).collect::<Vec<_>>());
    let Holding { access, withheld, .. } = holding;
    let unsent = Unsent {
        begun,
        unsigned,
        withheld,
        device: cookie,
        roles: access.granted_roles(),
        user,
        codes: arrived.codes,
        return_to: arrived.kept.return_to,
    };
    Ok(Some(Outcome::done(Reached::Session(Box::new(unsent)), events)))
}
