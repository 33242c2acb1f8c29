//! The audit log on pages.

use axum::http::StatusCode;
use axum::response::Response;
use domain::event::{EventOutcome, EventType, PersonalData, VISITOR};
use domain::id::{EventId, PrincipalId, UserId};
use domain::permission::Permission;
use domain::session::AAL1;
use domain::time::{Timestamp, days};
use domain::unit::UnitPath;
use domain::user::Identifier;
use serde::Deserialize;
use serde_json::{Map, Value};
use service::stored::{Event, EventFilter};
use uuid::Uuid;
use wire::problem::Code;

use super::desk::{Desk, Places, day};
use super::people::ROWS;
use crate::api::describe;
use crate::http::page;
use crate::http::path::Path;
use crate::http::problem::Problem;
use crate::http::query::{Query, with_query};
use crate::view::Moment;
use crate::view::console::{Choice, Day, EventPage, EventRow, Events, FieldRow, Outcome, Said, Section, Who};

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Asked {
    subject: Option<String>,
    actor: Option<String>,
    r#type: Option<String>,
    outcome: Option<String>,
    from: Option<String>,
    to: Option<String>,
    cursor: Option<String>,
}

fn given(text: Option<&String>) -> Option<&str> {
    text.map(String::as_str).map(str::trim).filter(|text| !text.is_empty())
}

impl Asked {
    fn path(&self, desk: &Desk, cursor: Option<&str>) -> String {
        let parameters = [
            ("subject", given(self.subject.as_ref())),
            ("actor", given(self.actor.as_ref())),
            ("type", given(self.r#type.as_ref())),
            ("outcome", given(self.outcome.as_ref())),
            ("from", given(self.from.as_ref())),
            ("to", given(self.to.as_ref())),
            ("cursor", cursor),
        ];
        with_query(&format!("{}/console/audit", desk.base()), &parameters)
    }

    fn filter(&self) -> Result<EventFilter, Problem> {
        let date = |text: &str| day(text).ok_or(Code::Malformed);
        let kind = |text: &str| EventType::parse(text).ok_or(Code::Malformed);
        let to = given(self.to.as_ref()).map(date).transpose()?;
        Ok(EventFilter {
            kind: given(self.r#type.as_ref()).map(kind).transpose()?,
            outcome: given(self.outcome.as_ref()).map(|text| outcome(text).ok_or(Code::Malformed)).transpose()?,
            from: given(self.from.as_ref()).map(date).transpose()?,
            // The last day belongs to it.
            to: to.map(|to| to.plus(days(1))),
            after: page::cursor(self.cursor.as_deref(), |text| {
                let (micros, id) = text.split_once(' ')?;
                Some((Timestamp::from_micros(micros.parse().ok()?), id.parse().ok()?))
            })?,
            ..EventFilter::default()
        })
    }
}

const OUTCOMES: [EventOutcome; 3] = [EventOutcome::Success, EventOutcome::Failure, EventOutcome::Denied];

fn outcome(text: &str) -> Option<EventOutcome> {
    OUTCOMES.into_iter().find(|outcome| outcome.as_str() == text)
}

/// Whom a name or an id means; `None`: nobody.
async fn meant(desk: &Desk, text: &str) -> Result<Option<Uuid>, Problem> {
    if let Ok(id) = text.parse() {
        return Ok(Some(id));
    }
    if !desk.holds(Permission::UsersRead) {
        return Ok(None);
    }
    let found = service::user::named(&desk.web.app, &desk.caller, Identifier::new(text)).await?;
    Ok(found.map(|user| user.id.uuid()))
}

pub(super) async fn list(desk: Desk, Query(asked): Query<Asked>) -> Result<Response, Problem> {
    desk.caller.allow(Permission::AuditRead, domain::caller::Scope::Realm)?;
    let mut filter = asked.filter()?;
    let mut unknown = None;
    if let Some(text) = given(asked.subject.as_ref()) {
        filter.subject = meant(&desk, text).await?;
        unknown = filter.subject.is_none().then(|| text.to_owned());
    }
    if let Some(text) = given(asked.actor.as_ref()) {
        filter.actor = meant(&desk, text).await?.map(PrincipalId::from_uuid);
        unknown = unknown.or_else(|| filter.actor.is_none().then(|| text.to_owned()));
    }
    let events = match unknown {
        Some(_) => Vec::new(),
        None => service::audit::list(&desk.web.app, &desk.caller, filter, ROWS + 1).await?,
    };
    let cut = page::cut(events, ROWS, |last| format!("{} {}", last.at.micros(), last.id), |event| event);
    let kinds = EventType::ALL.iter().map(|kind| kind.as_str());
    let shown = Events {
        console: desk.console(Some(Section::Audit)).await?,
        kinds: kinds.map(|kind| Choice::new(kind, kind, given(asked.r#type.as_ref()))).collect(),
        outcomes: Outcome::choices(&desk.frame(), given(asked.outcome.as_ref())),
        unknown,
        days: by_day(&desk, &cut.items).await?,
        first: asked.cursor.is_some().then(|| asked.path(&desk, None)),
        next: cut.next_cursor.map(|cursor| asked.path(&desk, Some(&cursor))),
        subject: asked.subject,
        actor: asked.actor,
        from: asked.from,
        to: asked.to,
    };
    Ok(desk.page(StatusCode::OK, shown.render()))
}

async fn by_day(desk: &Desk, events: &[Event]) -> Result<Vec<Day>, Problem> {
    let places = desk.places().await?;
    let mut found: Vec<(i64, Day)> = Vec::new();
    for event in events {
        let at = event.at.seconds();
        let number = at.div_euclid(86_400);
        if found.last().is_none_or(|(last, _)| *last != number) {
            found.push((number, Day { day: Moment::day(at), events: Vec::new() }));
        }
        if let Some((_, day)) = found.last_mut() {
            day.events.push(row(desk, event, &places, Moment::clock(at)));
        }
    }
    Ok(found.into_iter().map(|(_, day)| day).collect())
}

/// An event's canonical bytes, with what is personal put back where it has not been erased.
struct Read<'e> {
    canonical: Value,
    by: Option<&'e PersonalData>,
    about: Option<&'e PersonalData>,
}

impl<'e> Read<'e> {
    fn new(event: &'e Event) -> Self {
        let canonical: Value = serde_json::from_slice(&event.canonical).unwrap_or_default();
        let of = |id: PrincipalId| event.personal.iter().find(|(one, _)| *one == id).map(|(_, data)| data);
        let principal = |value: &Value| value.as_str().and_then(|id| id.parse().ok()).map(PrincipalId::from_uuid);
        let by = of(principal(&canonical["actor"]["id"]).unwrap_or(VISITOR));
        let about = principal(&canonical["subject"]["id"]).and_then(of);
        Self { canonical, by, about }
    }

    fn text(&self, name: &str) -> Option<String> {
        self.canonical[name].as_str().map(ToOwned::to_owned)
    }

    fn who(&self) -> Who {
        let name = self.by.and_then(|data| data.name.clone());
        match self.canonical["actor"]["kind"].as_str() {
            Some("user") => Who::Person(name),
            Some("cli") => Who::Operator(name),
            Some("client") => Who::Client,
            Some("job") => Who::Server,
            _ => Who::Visitor,
        }
    }

    fn values(&self, name: &str, personal: Option<&'e Map<String, Value>>) -> Map<String, Value> {
        self.canonical[name].as_object().or(personal).cloned().unwrap_or_default()
    }

    fn before(&self) -> Map<String, Value> {
        self.values("before", self.about.and_then(|data| data.before.as_ref()))
    }

    fn after(&self) -> Map<String, Value> {
        self.values("after", self.about.and_then(|data| data.after.as_ref()))
    }
}

/// An event as a line; `at` says how much of the time the reader needs.
pub(super) fn row(desk: &Desk, event: &Event, places: &Places, at: Moment) -> EventRow {
    let read = Read::new(event);
    let after = read.after();
    let value = |name: &str| after.get(name).and_then(Value::as_str).map(ToOwned::to_owned);
    let graph = desk.caller.access().graph();
    let role = |name: String| graph.named(&name).map_or(name, |flat| flat.role.display_name.clone());
    let subject = read.canonical["subject"]["name"].as_str().map(ToOwned::to_owned);
    let kind = read.text("type").and_then(|text| EventType::parse(&text)).unwrap_or(EventType::AuditRead);
    let said = Said {
        kind,
        actor: read.who(),
        subject: subject.or_else(|| read.about.and_then(|data| data.subject_name.clone())),
        role: value("role").map(role),
        unit: value("unit").and_then(|unit| UnitPath::parse(&unit).ok()).and_then(|unit| places.name(&unit)),
        missing: value("missing"),
        count: after.get("count").and_then(Value::as_i64).unwrap_or(1),
    };
    EventRow {
        id: event.id.to_string(),
        at,
        outcome: match read.canonical["outcome"].as_str() {
            Some("failure") => Outcome::Failure,
            Some("denied") => Outcome::Denied,
            _ => Outcome::Success,
        },
        said,
        from: read.by.and_then(|data| data.address.clone()),
    }
}

fn shown_value(value: &Value) -> Option<String> {
    match value {
        Value::Null => None,
        Value::String(text) => Some(text.clone()),
        other => Some(other.to_string()),
    }
}

fn fields(read: &Read<'_>) -> Vec<FieldRow> {
    let (before, after) = (read.before(), read.after());
    let mut names: Vec<&String> = before.keys().chain(after.keys()).collect();
    names.sort_unstable();
    names.dedup();
    let row = |name: &String| FieldRow {
        name: name.clone(),
        before: before.get(name).and_then(shown_value),
        after: after.get(name).and_then(shown_value),
    };
    names.into_iter().map(row).collect()
}

pub(super) async fn one(desk: Desk, id: Path<Uuid>) -> Result<Response, Problem> {
    let event = service::audit::get(&desk.web.app, &desk.caller, EventId::from_uuid(id.0)).await?;
    let places = desk.places().await?;
    let read = Read::new(&event);
    let row = row(&desk, &event, &places, Moment::clock(event.at.seconds()));
    let acr = read.canonical["actor"]["acr"].as_str().filter(|acr| !acr.is_empty());
    let page = EventPage {
        console: desk.console(Some(Section::Audit)).await?,
        exactly: event.at.rfc3339().chars().take(19).map(|c| if c == 'T' { ' ' } else { c }).collect(),
        fields: fields(&read),
        reason: read.text("reason"),
        two_factors: acr.map(|acr| acr != AAL1),
        device: describe(read.by.and_then(|data| data.user_agent.as_deref())).software(),
        person: person(&desk, &read).await?,
        request_id: read.text("request_id").unwrap_or_default(),
        index: event.index,
        event: row,
    };
    Ok(desk.page(StatusCode::OK, page.render()))
}

/// The person whom it is about, if the reader may look at them.
async fn person(desk: &Desk, read: &Read<'_>) -> Result<Option<(String, String)>, Problem> {
    let subject = &read.canonical["subject"];
    let id = subject["id"].as_str().filter(|_| subject["kind"] == "user").and_then(|id| id.parse().ok());
    let (Some(id), true) = (id.map(UserId::from_uuid), desk.holds(Permission::UsersRead)) else { return Ok(None) };
    let names = service::user::names(&desk.web.app, &desk.caller, vec![id]).await?;
    Ok(names.get(&id).map(|name| (format!("{}/console/people/{id}", desk.base()), name.clone())))
}
