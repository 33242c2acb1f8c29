//! Policies and sessions that live: each is judged by the stricter of what was stored with it and the policy of this moment (SES-03). Nothing is
//! rewritten when a policy changes: a role that a hundred thousand people hold changes in one row.

use std::collections::{BTreeMap, BTreeSet};

use domain::access::Held;
use domain::event::Event;
use domain::id::{SessionId, UserId};
use domain::policy::{AtLimit, Effective};
use domain::secret::Secret;
use domain::session::{EndReason, State};
use store::refresh::Stored;
use store::session::{Filter, Session};
use store::user::User;
use store::{Read, StoreError, WriteTx, session, user};

use crate::app::{App, Parts};
use crate::directory::{self, Holding};
use crate::session::ended;

/// A session as the policy of this moment has it: earlier deadlines if that is stricter, never later ones.
#[must_use]
pub(crate) fn judged(session: &Session, policy: &Effective) -> Session {
    let mut judged = session.clone();
    judged.deadlines = session.deadlines.under(policy, session.created_at, session.last_active_at);
    judged.idle_seconds = session.idle_seconds.min(i64::try_from(policy.idle.as_secs()).unwrap_or(i64::MAX));
    judged
}

/// Several sessions, each under the policy of its person; those that are over by it are left out.
pub(crate) async fn judge_all(
    app: &Parts,
    tx: &mut impl Read,
    sessions: Vec<Session>,
) -> Result<Vec<Session>, StoreError> {
    let directory = directory::current(app, tx).await?;
    let people: BTreeSet<UserId> = sessions.iter().map(|session| session.user).collect();
    let mut held: BTreeMap<UserId, Vec<Held>> = people.iter().map(|id| (*id, Vec::new())).collect();
    for (id, grant) in user::held_of(tx, &people.into_iter().collect::<Vec<_>>()).await? {
        held.entry(id).or_default().push(grant);
    }
    let policies: BTreeMap<UserId, Effective> =
        held.into_iter().map(|(id, held)| (id, directory.policy(&held).effective())).collect();
    let mut kept = Vec::with_capacity(sessions.len());
    for session in sessions {
        let Some(policy) = policies.get(&session.user) else { continue };
        let session = judged(&session, policy);
        if session.deadlines.state(session.ended_at.is_some(), tx.now()) != State::Ended {
            kept.push(session);
        }
    }
    Ok(kept)
}

/// Sessions of people within reach that are not over, newest first: as many as were asked for, if there are so many.
pub(crate) async fn list(
    app: &Parts,
    tx: &mut impl Read,
    mut filter: Filter,
    limit: i64,
) -> Result<Vec<Session>, StoreError> {
    let most = usize::try_from(limit).unwrap_or(0);
    let mut found = Vec::new();
    loop {
        let page = session::list(tx, &filter, limit).await?;
        let (whole, last) = (page.len() == most, page.last().map(|last| last.id));
        found.extend(judge_all(app, tx, page).await?);
        filter.after = last;
        if found.len() >= most || !whole {
            found.truncate(most);
            return Ok(found);
        }
    }
}

/// The session of a refresh family with all that its person holds; the family's deadlines are those of this moment from then on.
pub(crate) async fn standing(
    app: &App,
    tx: &mut impl Read,
    stored: &mut Stored,
) -> Result<Option<(Session, Holding)>, StoreError> {
    let Some(id) = stored.session else { return Ok(None) };
    let Some(session) = session::find(tx, id).await? else { return Ok(None) };
    let mut holding = directory::holding(app, tx, stored.user.into(), &session.acr).await?;
    // Of before the session was read: were its second factor taken away in between, a token with the rights of before would say that it knows.
    holding.access_not_before = holding.access_not_before.min(stored.access_not_before);
    let session = judged(&session, &holding.policy);
    stored.family.deadlines = stored.family.deadlines.earlier(session.deadlines);
    Ok(Some((session, holding)))
}

/// What the most sessions at a time mean for a sign-in.
pub(crate) enum Limit {
    /// There is room; what was ended to make it.
    Room(Vec<Event>),
    /// Refused: there may be so many.
    Full(u32),
}

/// Makes room for one session more, or says that there is none (SES-07). Locked sessions count: they come back. The one that this sign-in replaces
/// does not. Needs [`Guard::Principal`](store::Guard::Principal).
pub(crate) async fn limit(
    app: &Parts,
    tx: &mut WriteTx<'_>,
    user: &User,
    policy: &Effective,
    replaced: Option<&Secret>,
) -> Result<Limit, StoreError> {
    let Some(most) = policy.max_sessions else { return Ok(Limit::Room(Vec::new())) };
    let replaced: Option<SessionId> = match replaced {
        Some(secret) => session::by_secret(tx, &secret.hash()).await?.map(|session| session.id),
        None => None,
    };
    let mut events = Vec::new();
    loop {
        let all = session::of_user(tx, user.id).await?;
        let mut others = judge_all(app, tx, all).await?;
        others.retain(|session| Some(session.id) != replaced);
        let room = usize::try_from(most).unwrap_or(usize::MAX).saturating_sub(1);
        if others.len() <= room {
            return Ok(Limit::Room(events));
        }
        if policy.at_limit == AtLimit::Refuse {
            return Ok(Limit::Full(most));
        }
        // Newest first: what comes after the room ends. There may be more than one look shows.
        for session in others.split_off(room) {
            if session::end(tx, session.id, EndReason::SessionLimit).await? {
                events.push(ended(session.id, user.id, user.name(), EndReason::SessionLimit));
            }
        }
    }
}
