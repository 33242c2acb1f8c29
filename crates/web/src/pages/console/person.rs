//! A person's page, giving them a role, and ending their sessions.

use std::collections::HashMap;

use axum::http::StatusCode;
use axum::response::Response;
use domain::caller::Scope;
use domain::id::{SessionId, UserId};
use domain::permission::Permission;
use domain::session::AAL1;
use domain::time::{Timestamp, days, seconds};
use domain::unit::UnitPath;
use domain::user::{Status, printable};
use serde::{Deserialize, Serialize};
use service::grant::{Give, GrantError};
use service::session::{EndError, Which};
use service::stored::{EventFilter, Grant, Session, User};
use service::user::Person as Found;
use uuid::Uuid;
use wire::problem::Code;

use super::audit::row;
use super::desk::{Desk, Kept, Places, day, day_of};
use super::people::{assignable, role_name, tag};
use super::role::{explained, granted};
use crate::api::describe;
use crate::http::form::Form;
use crate::http::path::Path;
use crate::http::problem::Problem;
use crate::http::query::Query;
use crate::pages::sign_out::Nothing;
use crate::view::console::{
    By, Deed, GiveForm, GiveProblem, GrantRow, Person, PersonAccess, PersonNotice, Section, SessionRow,
};
use crate::view::{DeviceIcon, DeviceState, Moment, Term};

/// Permissions and events on the first page.
const SHOWN: usize = 6;
/// Grants of a person; more are in their history.
const GRANTS: i64 = 100;

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Told {
    told: Option<String>,
}

/// Which role, where, from when until when, why.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(default)]
pub(super) struct GiveFields {
    role: String,
    unit: String,
    valid_from: String,
    valid_until: String,
    reason: String,
}

impl GiveFields {
    fn parse(&self, user: UserId, now: Timestamp) -> Result<Give, GiveProblem> {
        let optional = |text: &str| match text {
            "" => Ok(None),
            text => day(text).map(Some).ok_or(GiveProblem::Dates),
        };
        let (from, until) = (optional(&self.valid_from)?, optional(&self.valid_until)?);
        // The page may have been open over midnight; further back nothing is given.
        if from.is_some_and(|from| from.plus(days(2)) <= now) {
            return Err(GiveProblem::Dates);
        }
        let unit = if self.unit.is_empty() { "/" } else { &self.unit };
        Ok(Give {
            user,
            role: self.role.clone(),
            unit: UnitPath::parse(unit).map_err(|_| GiveProblem::Unit)?,
            valid_from: from.filter(|from| *from > now),
            // People mean the whole day, and read it again as that day.
            valid_until: until.map(|until| until.plus(days(1)).minus(seconds(1))),
            reason: printable(&self.reason, 3, 500).map_err(|_| GiveProblem::Reason)?,
        })
    }
}

pub(super) async fn show(desk: Desk, id: Path<Uuid>, Query(told): Query<Told>) -> Result<Response, Problem> {
    let notice = match told.told.as_deref() {
        Some("invited") => Some(PersonNotice::Invited),
        Some("given") => Some(PersonNotice::Given),
        Some("saved") => Some(PersonNotice::Saved),
        Some("ended") => Some(PersonNotice::SessionEnded),
        Some("ended-others") => Some(PersonNotice::OthersEnded),
        Some("ended-all") => Some(PersonNotice::SessionsEnded),
        Some("gone") => Some(PersonNotice::SessionGone),
        Some(other) => Deed::parse(other).map(PersonNotice::Done),
        None => None,
    };
    let page = fill(&desk, UserId::from_uuid(id.0), None).await?;
    Ok(desk.page(StatusCode::OK, Person { notice, ..page }.render()))
}

/// The page with the question open; with what was entered before a confirmation.
pub(super) async fn ask_give(desk: Desk, id: Path<Uuid>, Query(kept): Query<Kept>) -> Result<Response, Problem> {
    let id = UserId::from_uuid(id.0);
    let page = fill(&desk, id, Some((desk.kept(&give_path(id), &kept), None))).await?;
    Ok(desk.page(StatusCode::OK, page.render()))
}

fn give_path(id: UserId) -> String {
    format!("/console/people/{id}/give")
}

pub(super) async fn give(desk: Desk, id: Path<Uuid>, form: Form<GiveFields>) -> Result<Response, Problem> {
    let fields = desk.proved(form).await?;
    let id = UserId::from_uuid(id.0);
    // The permission first: who lacks it need not confirm anything.
    desk.caller.allow(Permission::RolesAssign, Scope::Anywhere)?;
    if let Some(first) = desk.confirm_keeping(&give_path(id), &fields).await? {
        return Ok(first);
    }
    let (status, problem) = match fields.parse(id, desk.web.app.now()) {
        Err(problem) => (StatusCode::UNPROCESSABLE_ENTITY, problem),
        Ok(command) => {
            let (role, unit) = (command.role.clone(), command.unit.clone());
            match service::grant::give(&desk.web.app, &desk.caller, command).await {
                Ok(_) => return Ok(desk.see(&format!("/console/people/{id}?told=given"))),
                Err(GrantError::Forbidden(forbidden)) => {
                    service::caller::refused(&desk.web.app, &desk.caller, &forbidden).await?;
                    let known = desk.caller.access().graph().named(&role);
                    let role = known.map_or(role, |flat| flat.role.display_name.clone());
                    let unit = desk.places().await?.name(&unit);
                    (StatusCode::FORBIDDEN, GiveProblem::Forbidden { role, unit })
                }
                Err(GrantError::NoRole) => (StatusCode::UNPROCESSABLE_ENTITY, GiveProblem::Role),
                Err(GrantError::NoUnit) => (StatusCode::UNPROCESSABLE_ENTITY, GiveProblem::Unit),
                Err(GrantError::Dates) => (StatusCode::UNPROCESSABLE_ENTITY, GiveProblem::Dates),
                Err(GrantError::Held { .. }) => (StatusCode::CONFLICT, GiveProblem::Held),
                Err(other) => return Err(other.into()),
            }
        }
    };
    let page = fill(&desk, id, Some((fields, Some(problem)))).await?;
    Ok(desk.page(status, page.render()))
}

pub(super) async fn end_session(
    desk: Desk,
    Path((id, session)): Path<(Uuid, Uuid)>,
    form: Form<Nothing>,
) -> Result<Response, Problem> {
    desk.proved(form).await?;
    let (user, which) = (UserId::from_uuid(id), Which::One(SessionId::from_uuid(session)));
    let told = match service::session::end_other(&desk.web.app, &desk.caller, user, which).await {
        Ok(_) => "ended",
        Err(EndError::NotFound) => "gone",
        Err(other) => return Err(other.into()),
    };
    Ok(desk.see(&format!("/console/people/{id}?told={told}")))
}

/// All of them; of one's own, the one that asks stays.
pub(super) async fn end_sessions(desk: Desk, id: Path<Uuid>, form: Form<Nothing>) -> Result<Response, Problem> {
    desk.proved(form).await?;
    let user = UserId::from_uuid(id.0);
    let oneself = user == desk.caller.user();
    let which = if oneself { Which::Others(desk.caller.session()) } else { Which::All };
    let ended = service::session::end_other(&desk.web.app, &desk.caller, user, which).await?;
    let told = match (ended, oneself) {
        (0, _) => "gone",
        (_, false) => "ended-all",
        (_, true) => "ended-others",
    };
    Ok(desk.see(&format!("/console/people/{}?told={told}", id.0)))
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct On {
    at: Option<String>,
}

pub(super) async fn access(desk: Desk, id: Path<Uuid>, Query(on): Query<On>) -> Result<Response, Problem> {
    let (id, now) = (UserId::from_uuid(id.0), desk.web.app.now());
    let asked = on.at.as_deref().filter(|text| !text.is_empty());
    let asked = asked.map(|text| day(text).ok_or(Code::Malformed)).transpose()?;
    // Of a day that is over, its last second; of today and what is to come, now.
    let at = asked.map(|day| day.plus(days(1)).minus(seconds(1))).filter(|end| *end < now);
    let found = service::user::get(&desk.web.app, &desk.caller, id).await?;
    let grants = service::grant::list(&desk.web.app, &desk.caller, id, None, GRANTS).await?;
    let by = givers(&desk, &grants).await?;
    let page = PersonAccess {
        console: desk.console(Some(Section::People)).await?,
        id: id.to_string(),
        name: found.user.name().to_owned(),
        apis: explained(&desk, (id, at), &granted(&grants, &by)).await?,
        at: day_of(at.unwrap_or(now)),
        past: at.map(|at| Moment::day(at.seconds())),
        reads_history: desk.reads_audit(),
    };
    Ok(desk.page(StatusCode::OK, page.render()))
}

/// Who gave each grant, as far as the reader may know.
async fn givers(desk: &Desk, grants: &[Grant]) -> Result<HashMap<Uuid, By>, Problem> {
    let ids: Vec<Uuid> = grants.iter().filter_map(|grant| grant.granted_by).map(|by| by.uuid()).collect();
    let names = ids.iter().map(|id| UserId::from_uuid(*id)).collect();
    let names = service::user::names(&desk.web.app, &desk.caller, names).await?;
    let by = |id: Uuid| names.get(&UserId::from_uuid(id)).map_or(By::Elsewhere, |name| By::Person(name.clone()));
    Ok(ids.into_iter().map(|id| (id, by(id))).collect())
}

async fn fill(desk: &Desk, id: UserId, asked: Option<(GiveFields, Option<GiveProblem>)>) -> Result<Person, Problem> {
    let Found { user, mfa, .. } = service::user::get(&desk.web.app, &desk.caller, id).await?;
    let grants = service::grant::list(&desk.web.app, &desk.caller, id, None, GRANTS).await?;
    let (by, places, now) = (givers(desk, &grants).await?, desk.places().await?, desk.now());
    let apis = explained(desk, (id, None), &granted(&grants, &by)).await?;
    let all = apis.iter().map(|(_, rows)| rows.len()).sum();
    // Of each application something, before all of the first.
    let longest = apis.iter().map(|(_, rows)| rows.len()).max().unwrap_or(0);
    let first = (0..longest).flat_map(|at| apis.iter().filter_map(move |(_, rows)| rows.get(at))).take(SHOWN);
    let access = first.cloned().collect();
    let is_over =
        |grant: &Grant| grant.ended_at.is_some() || grant.valid_until.is_some_and(|until| until.seconds() <= now);
    let rows = grants.iter().filter(|grant| !is_over(grant));
    // What takes an account over, and what changes it, is for those who may give every role that it has.
    let below = rows.clone().all(|grant| desk.caller.access().may_assign(grant.role, &grant.unit));
    let date = |at: Option<Timestamp>| at.map(|at| Moment::date(now, at.seconds()));
    let text = |key, value: Option<&String>| value.map(|text| (key, text.clone()));
    let factors = mfa.join(", ");
    let home = places.name(&user.unit);
    let about = [
        text("email", user.email.as_ref()),
        text("phone", user.phone.as_ref()),
        text("external-id", user.external_id.as_ref()),
        text("home-unit", home.as_ref()),
        text("second-factor", (!factors.is_empty()).then_some(&factors)),
    ];
    let dates = [
        ("last-sign-in", date(user.last_sign_in_at)),
        ("password-changed-on", date(user.password_changed_at)),
        ("created", date(Some(user.created_at))),
    ];
    Ok(Person {
        console: desk.console(Some(Section::People)).await?,
        id: id.to_string(),
        name: user.name().to_owned(),
        tag: tag(user.status),
        unit: home,
        may_change: below && user.status != Status::Deleted && desk.covers(Permission::UsersUpdate, &user.unit),
        deeds: deeds(desk, &user, below),
        give: give_form(desk, (id, user.status), &places, asked),
        grants: rows.map(|grant| grant_row(desk, grant, &places, &by)).collect(),
        access,
        all,
        sessions: sessions(desk, id, &user.unit).await?,
        about: about.into_iter().flatten().collect(),
        dates: dates.into_iter().filter_map(|(key, at)| Some((key, at?))).collect(),
        history: history(desk, id, &places).await?,
        notice: None,
        username: user.username,
    })
}

/// What may be done about an account in this state by this caller. Nobody closes the door behind themselves from here.
fn deeds(desk: &Desk, user: &User, below: bool) -> Vec<Deed> {
    let (id, unit, status) = (user.id, &user.unit, user.status);
    let open = matches!(status, Status::Active | Status::Invited);
    let holds = |permission| desk.covers(permission, unit);
    let fits = |deed: &Deed| match deed {
        Deed::Disable => open && holds(Permission::UsersManage),
        // Protecting needs no more than this permission.
        Deed::LockDown | Deed::Unlock => open && holds(Permission::UsersManage),
        Deed::Enable => below && status == Status::Disabled && holds(Permission::UsersManage),
        // The link needs an address.
        Deed::ResetPassword => below && open && user.email.is_some() && holds(Permission::UsersManage),
        Deed::RequirePassword => below && status == Status::Active && holds(Permission::UsersManage),
        Deed::PrintCode => below && open && holds(Permission::UsersCreate),
        Deed::Delete => below && status != Status::Deleted && holds(Permission::UsersDelete),
        _ => false,
    };
    Deed::ACCOUNT.into_iter().filter(|deed| id != desk.caller.user() && fits(deed)).collect()
}

/// The question, for those who may give some role to this person: nobody gives one to themselves.
fn give_form(
    desk: &Desk,
    (id, status): (UserId, Status),
    places: &Places,
    asked: Option<(GiveFields, Option<GiveProblem>)>,
) -> Option<GiveForm> {
    let open = asked.is_some();
    let (fields, problem) = asked.unwrap_or_default();
    let roles = assignable(desk, Some(&fields.role));
    let possible = id != desk.caller.user() && status != Status::Deleted && !roles.is_empty();
    let from = if fields.valid_from.is_empty() { day_of(desk.web.app.now()) } else { fields.valid_from };
    possible.then(|| GiveForm {
        open,
        roles,
        units: places.choices(Some(&fields.unit), |unit| desk.covers(Permission::RolesAssign, unit)),
        unit: fields.unit,
        from,
        until: fields.valid_until,
        reason: fields.reason,
        problem,
    })
}

fn grant_row(desk: &Desk, grant: &Grant, places: &Places, by: &HashMap<Uuid, By>) -> GrantRow {
    let now = desk.now();
    let (from, until) = (grant.valid_from.seconds(), grant.valid_until.map(Timestamp::seconds));
    let may_end =
        desk.covers(Permission::RolesAssign, &grant.unit) || desk.covers(Permission::UsersManage, &grant.unit);
    GrantRow {
        id: grant.id.to_string(),
        role: role_name(desk, grant.role),
        unit: places.name(&grant.unit),
        begins: (from > now).then(|| Moment::date(now, from)),
        until: until.map(|until| Moment::date(now, until)),
        term: Term::new(now, from, until),
        by: grant.granted_by.and_then(|id| by.get(&id.uuid()).cloned()).unwrap_or(By::Server),
        reason: grant.reason.clone(),
        may_end,
    }
}

async fn sessions(desk: &Desk, id: UserId, unit: &UnitPath) -> Result<Option<Vec<SessionRow>>, Problem> {
    if !desk.covers(Permission::SessionsRead, unit) {
        return Ok(None);
    }
    let found = service::session::of_user(&desk.web.app, &desk.caller, id).await?;
    let may_end = desk.covers(Permission::SessionsEnd, unit);
    Ok(Some(found.into_iter().map(|session| session_row(desk, session, may_end)).collect()))
}

fn session_row(desk: &Desk, session: Session, may_end: bool) -> SessionRow {
    let locked_since = session.locked_since();
    let described = describe(session.user_agent.as_deref());
    let current = session.id == desk.caller.session();
    SessionRow {
        id: session.id.to_string(),
        icon: DeviceIcon::of(described.kind),
        software: described.software(),
        two_factors: session.acr != AAL1,
        state: DeviceState::of(desk.now(), session.last_active_at.seconds(), locked_since.seconds()),
        current,
        may_end: may_end && !current,
        label: session.device_label,
        address: session.address,
    }
}

/// The last of what happened. Reading it is recorded, as every reading of the log is.
async fn history(
    desk: &Desk,
    id: UserId,
    places: &Places,
) -> Result<Option<Vec<crate::view::console::EventRow>>, Problem> {
    if !desk.reads_audit() {
        return Ok(None);
    }
    let filter = EventFilter { subject: Some(id.uuid()), ..EventFilter::default() };
    let limit = i64::try_from(SHOWN).unwrap_or(i64::MAX);
    let events = service::audit::list(&desk.web.app, &desk.caller, filter, limit).await?;
    let now = desk.now();
    let today = |at: i64| at.div_euclid(86_400) == now.div_euclid(86_400);
    let at = |event: &service::stored::Event| match event.at.seconds() {
        at if today(at) => Moment::clock(at),
        at => Moment::date(now, at),
    };
    Ok(Some(events.iter().map(|event| row(desk, event, places, at(event))).collect()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fields(from: &str, until: &str) -> GiveFields {
        let text = str::to_owned;
        GiveFields {
            role: text("nurse"),
            unit: text("/clinic-a"),
            valid_from: text(from),
            valid_until: text(until),
            reason: text("cover"),
        }
    }

    #[test]
    fn until_friday_means_the_whole_of_friday_and_from_today_means_at_once() {
        let now = Timestamp::parse_rfc3339("2026-11-21T14:34:10Z").expect("an instant");
        let id = UserId::from_uuid(Uuid::nil());

        let give = fields("2026-11-21", "2026-11-27").parse(id, now).expect("fields");

        assert_eq!(give.valid_from, None);
        assert_eq!(give.valid_until.map(Timestamp::rfc3339).as_deref(), Some("2026-11-27T23:59:59.000000Z"));
        let later = fields("2026-11-30", "").parse(id, now).expect("fields");
        assert_eq!(later.valid_from.map(Timestamp::rfc3339).as_deref(), Some("2026-11-30T00:00:00.000000Z"));
        assert_eq!(fields("2026-11-18", "").parse(id, now).err(), Some(GiveProblem::Dates));
        assert_eq!(fields("", "soon").parse(id, now).err(), Some(GiveProblem::Dates));
    }
}
