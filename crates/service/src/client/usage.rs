//! What clients and APIs asked for, in the log in aggregate (INT-04): an event for each of them, purpose and hour, with a count. A row for each
//! introspection would bury the log and cost a durable write where reading is enough.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use domain::event::{Event, EventType};
use domain::id::PrincipalId;
use domain::realm::RealmKey;
use domain::time::{Timestamp, hours};
use store::{Outcome, StoreError};

use super::Proved;
use crate::app::App;

/// What for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Purpose {
    /// A token for itself.
    Token,
    /// Asking about tokens.
    Introspection,
    /// Asking what somebody may do.
    Evaluation,
}

impl Purpose {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Token => "token",
            Self::Introspection => "introspection",
            Self::Evaluation => "evaluation",
        }
    }
}

type Key = (RealmKey, PrincipalId, Purpose);

/// When each was reported last, and how often it asked since. One entry for each client and API that ever asked this node: they are few.
#[derive(Debug, Default)]
pub(crate) struct Usage(Mutex<HashMap<Key, (Timestamp, i64)>>);

impl Usage {
    /// Counts; the count since the last report if one is due.
    fn count(&self, key: Key, now: Timestamp) -> Option<i64> {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let entry = all.entry(key).or_insert((Timestamp::from_micros(0), 0));
        entry.1 += 1;
        if entry.0.plus(hours(1)) > now {
            return None;
        }
        let count = entry.1;
        *entry = (now, 0);
        Some(count)
    }
}

/// Records that somebody with credentials was served.
pub(crate) async fn used(app: &App, proved: &Proved, purpose: Purpose) -> Result<(), StoreError> {
    let key = (proved.allowed.realm(), proved.who.principal(), purpose);
    let Some(count) = app.usage.count(key, app.now()) else { return Ok(()) };
    let event = Event::new(EventType::AuthnLoginSuccess).because(purpose.as_str());
    let event = proved.who.event(event).with("method", "client_secret").with("count", count);
    app.store
        .write(proved.allowed.clone(), app.now(), event, |_, event| {
            Box::pin(async move { Ok(Outcome::done((), event.clone())) })
        })
        .await
}

#[cfg(test)]
mod tests {
    use super::*;
    use domain::time::minutes;

    #[test]
    fn the_first_use_is_told_at_once_and_the_rest_each_hour_with_their_number() {
        let usage = Usage::default();
        let key = (RealmKey::MAIN, domain::event::VISITOR, Purpose::Introspection);
        let begin = Timestamp::from_seconds(1_800_000_000);
        let told = |after: u64| usage.count(key, begin.plus(minutes(after)));

        assert_eq!([told(0), told(1), told(59), told(60), told(61)], [Some(1), None, None, Some(3), None]);
        let other = (RealmKey::MAIN, domain::event::VISITOR, Purpose::Token);
        assert_eq!(usage.count(other, begin.plus(minutes(61))), Some(1));
    }
}
