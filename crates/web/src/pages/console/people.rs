//! The list of people.

use axum::http::StatusCode;
use axum::response::Response;
use domain::permission::Permission;
use domain::unit::UnitPath;
use domain::user::Status;
use serde::Deserialize;
use service::stored::Mfa;
use service::user::{Person, Search};
use wire::problem::Code;

use super::desk::{Desk, Places};
use crate::api::{place, written};
use crate::http::page;
use crate::http::problem::Problem;
use crate::http::query::{Query, with_query};
use crate::view::FactorKind;
use crate::view::Moment;
use crate::view::console::{Choice, HeldView, People, PeopleFilter, PersonRow, PersonTag, Section};

/// Rows of a page.
pub(super) const ROWS: i64 = 20;

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Asked {
    q: Option<String>,
    role: Option<String>,
    unit: Option<String>,
    mfa: Option<String>,
    status: Option<String>,
    cursor: Option<String>,
}

/// A field that was left empty asks for nothing.
fn given(text: Option<&String>) -> Option<&str> {
    text.map(String::as_str).map(str::trim).filter(|text| !text.is_empty())
}

impl Asked {
    fn fields(&self) -> [(&'static str, Option<&str>); 5] {
        [
            ("q", given(self.q.as_ref())),
            ("role", given(self.role.as_ref())),
            ("unit", given(self.unit.as_ref())),
            ("mfa", given(self.mfa.as_ref())),
            ("status", given(self.status.as_ref())),
        ]
    }

    fn path(&self, desk: &Desk, cursor: Option<&str>) -> String {
        let fields: Vec<_> = self.fields().into_iter().chain([("cursor", cursor)]).collect();
        with_query(&format!("{}/console/people", desk.base()), &fields)
    }

    fn search(&self) -> Result<Search, Problem> {
        let status = |text: &str| Status::parse(text).ok_or(Code::Malformed);
        let mfa = |text: &str| Mfa::parse(text).ok_or(Code::Malformed);
        let unit = |text: &str| UnitPath::parse(text).map_err(|_| Code::Malformed);
        Ok(Search {
            prefix: given(self.q.as_ref()).unwrap_or_default().chars().take(LONGEST).collect(),
            role: given(self.role.as_ref()).map(ToOwned::to_owned),
            unit: given(self.unit.as_ref()).map(unit).transpose()?,
            status: given(self.status.as_ref()).map(status).transpose()?,
            mfa: given(self.mfa.as_ref()).map(mfa).transpose()?,
            after: page::cursor(self.cursor.as_deref(), place)?,
        })
    }
}

/// Longer beginnings are nobody's.
const LONGEST: usize = 200;

pub(super) async fn list(desk: Desk, Query(asked): Query<Asked>) -> Result<Response, Problem> {
    let found = service::user::list(&desk.web.app, &desk.caller, asked.search()?, ROWS + 1).await?;
    let cut = page::cut(found, ROWS, |last| written(&last.at), |found| found.person);
    let shown = People {
        console: desk.console(Some(Section::People)).await?,
        may_invite: desk.holds(Permission::UsersCreate),
        filter: filter_view(&desk, &asked).await?,
        people: rows(&desk, cut.items).await?,
        first: asked.cursor.is_some().then(|| asked.path(&desk, None)),
        next: cut.next_cursor.map(|cursor| asked.path(&desk, Some(&cursor))),
    };
    Ok(desk.page(StatusCode::OK, shown.render()))
}

async fn filter_view(desk: &Desk, asked: &Asked) -> Result<PeopleFilter, Problem> {
    let frame = desk.frame();
    let roles = desk.caller.access().graph().all().filter(|_| desk.holds(Permission::RolesRead));
    let role = given(asked.role.as_ref());
    let mut roles: Vec<Choice> =
        roles.map(|flat| Choice::new(flat.role.name.as_str(), flat.role.display_name.as_str(), role)).collect();
    roles.sort_by(|one, other| one.text.cmp(&other.text));
    let reach = |unit: &UnitPath| !unit.is_root() && desk.covers(Permission::UsersRead, unit);
    Ok(PeopleFilter {
        q: given(asked.q.as_ref()).map(ToOwned::to_owned),
        roles,
        units: desk.places().await?.choices(given(asked.unit.as_ref()), reach),
        factors: PeopleFilter::factors(&frame, given(asked.mfa.as_ref())),
        states: PeopleFilter::states(&frame, given(asked.status.as_ref())),
        all: asked.fields().iter().any(|(_, value)| value.is_some()).then(|| format!("{}/console/people", desk.base())),
    })
}

/// What a list says of each.
async fn rows(desk: &Desk, people: Vec<Person>) -> Result<Vec<PersonRow>, Problem> {
    let ids = people.iter().map(|person| person.user.id).collect();
    let mut held = service::user::held(&desk.web.app, &desk.caller, ids).await?;
    let (places, now) = (desk.places().await?, desk.now());
    let row = |person: Person| PersonRow {
        id: person.user.id.to_string(),
        name: person.user.name().to_owned(),
        tag: tag(person.user.status),
        held: held
            .remove(&person.user.id)
            .unwrap_or_default()
            .iter()
            .map(|one| held_view(desk, &places, one))
            .collect(),
        factors: person.mfa.iter().filter_map(|kind| factor(kind)).collect(),
        last: person.user.last_sign_in_at.map(|at| Moment::at(now, at.seconds())),
        username: person.user.username,
    };
    Ok(people.into_iter().map(row).collect())
}

fn held_view(desk: &Desk, places: &Places, held: &domain::access::Held) -> HeldView {
    let until = held.valid_until.map(|until| Moment::date(desk.now(), until.seconds()));
    HeldView { role: role_name(desk, held.role), unit: places.name(&held.unit), until }
}

/// What people call a role; the graph of the caller is that of the realm.
pub(super) fn role_name(desk: &Desk, id: domain::id::RoleId) -> String {
    let graph = desk.caller.access().graph();
    graph.get(id).map_or_else(String::new, |flat| flat.role.display_name.clone())
}

fn factor(kind: &str) -> Option<FactorKind> {
    match kind {
        "totp" => Some(FactorKind::Totp),
        "passkey" => Some(FactorKind::Passkey),
        _ => None,
    }
}

pub(super) const fn tag(status: Status) -> Option<PersonTag> {
    match status {
        Status::Active => None,
        Status::Invited => Some(PersonTag::Invited),
        Status::Disabled => Some(PersonTag::Disabled),
        Status::Deleted => Some(PersonTag::Deleted),
    }
}

/// Roles that one may give somewhere, by display name.
pub(super) fn assignable(desk: &Desk, chosen: Option<&str>) -> Vec<Choice> {
    let access = desk.caller.access();
    // Where a role may be given at all, it may be given in one of the units of one's own grants.
    let may = |role| access.held().iter().any(|held| access.may_assign(role, &held.unit));
    let roles = access.graph().all().filter(|flat| may(flat.role.id));
    let mut choices: Vec<Choice> =
        roles.map(|flat| Choice::new(flat.role.name.as_str(), flat.role.display_name.as_str(), chosen)).collect();
    choices.sort_by(|one, other| one.text.cmp(&other.text));
    choices
}
