//! Finding people within reach, a page at a time.

use std::collections::BTreeMap;

use domain::access::Reach;
use domain::allowed::{Allowed, Operator};
use domain::caller::{Caller, Scope};
use domain::id::UserId;
use domain::permission::Permission;
use domain::unit::UnitPath;
use domain::user::Status;
use store::user::{self, Mfa, Position, Query};
use store::{Read, ReadTx, StoreError};

use super::{Person, UserError};
use crate::app::App;
use crate::directory;

/// What is looked for.
#[derive(Clone, Debug, Default)]
pub struct Search {
    /// The beginning of a display name, family name, username, e-mail or external id.
    pub prefix: String,
    /// Name of a role that they hold directly, somewhere, now.
    pub role: Option<String>,
    /// Home unit at or below.
    pub unit: Option<UnitPath>,
    /// In this state; without it, whoever is not deleted.
    pub status: Option<Status>,
    /// Second factors.
    pub mfa: Option<Mfa>,
    /// After this place.
    pub after: Option<Position>,
}

impl Search {
    /// Whether people may be read whom no filter lets through. A prefix alone is a range of an index.
    const fn may_scan(&self) -> bool {
        self.mfa.is_some() || self.status.is_some() || self.role.is_some() || self.unit.is_some()
    }
}

/// Somebody, and where they stand in the results.
#[derive(Clone, Debug)]
pub struct Found {
    /// For the cursor.
    pub at: Position,
    /// Who.
    pub person: Person,
}

/// People within reach, in the order that `store::user::search` describes.
///
/// # Errors
/// [`UserError`].
pub async fn list(app: &App, caller: &Caller, search: Search, limit: i64) -> Result<Vec<Found>, UserError> {
    list_with(app, caller.allow(Permission::UsersRead, Scope::Anywhere)?, search, limit).await
}

/// The same for the operator of the machine.
///
/// # Errors
/// [`UserError`].
pub async fn list_as_operator(
    app: &App,
    operator: Operator,
    search: Search,
    limit: i64,
) -> Result<Vec<Found>, UserError> {
    list_with(app, operator.into(), search, limit).await
}

async fn list_with(app: &App, allowed: Allowed, search: Search, limit: i64) -> Result<Vec<Found>, UserError> {
    let (parts, now) = (app.clone(), app.now());
    // Who reaches some units alone is a filter too.
    if search.may_scan() || *allowed.reach() != Reach::Everywhere {
        return app.store.scan(&allowed, now, move |tx| Box::pin(page(parts, tx, search, limit))).await;
    }
    app.store.read(&allowed, now, move |tx| Box::pin(page(parts, tx, search, limit))).await
}

async fn page(app: App, tx: &mut ReadTx<'_>, search: Search, limit: i64) -> Result<Vec<Found>, UserError> {
    let directory = directory::current(&app, tx).await?;
    let role = match &search.role {
        // Nobody holds a role that there is not.
        Some(name) => match directory.graph.named(name) {
            Some(flat) => Some(flat.role.id),
            None => return Ok(Vec::new()),
        },
        None => None,
    };
    let Search { prefix, unit, status, mfa, after, .. } = search;
    let found = user::search(tx, &Query { prefix, role, unit, status, mfa, after }, limit).await?;
    let ids: Vec<UserId> = found.iter().map(|at| at.id).collect();
    let mut people = people(&app, tx, &ids).await?;
    Ok(found.into_iter().filter_map(|at| Some(Found { person: people.remove(&at.id)?, at })).collect())
}

/// People with what is shown of them: three statements, however many there are.
async fn people(app: &App, tx: &mut impl Read, ids: &[UserId]) -> Result<BTreeMap<UserId, Person>, StoreError> {
    let directory = directory::current(app, tx).await?;
    let users = user::by_ids(tx, ids).await?;
    let person = |user: user::User| (user.id, Person { user, roles: Vec::new(), mfa: Vec::new() });
    let mut people: BTreeMap<UserId, Person> = users.into_iter().map(person).collect();
    for (id, role) in user::roles_of(tx, ids).await? {
        if let Some(person) = people.get_mut(&id) {
            person.roles.push(directory.graph.name(role).to_owned());
        }
    }
    for (id, kind) in user::mfa_of(tx, ids).await? {
        if let Some(person) = people.get_mut(&id) {
            person.mfa.push(kind);
        }
    }
    for person in people.values_mut() {
        person.roles.sort_unstable();
        person.mfa.sort_unstable();
    }
    Ok(people)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whatever_a_filter_leaves_out_is_read_where_nobody_waits_for_it() {
        let prefix = Search { prefix: "ta".to_owned(), ..Search::default() };
        assert!(!prefix.may_scan(), "a range of an index");
        for filtered in [
            Search { mfa: Some(Mfa::Passkey), ..Search::default() },
            Search { status: Some(Status::Disabled), ..Search::default() },
            Search { role: Some("nurse".to_owned()), ..Search::default() },
            Search { unit: UnitPath::parse("/clinic-a").ok(), ..Search::default() },
        ] {
            assert!(filtered.may_scan(), "{filtered:?}");
        }
    }
}
