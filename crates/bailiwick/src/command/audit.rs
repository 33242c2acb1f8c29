//! `audit`.

use domain::event::{EventOutcome, EventType};
use domain::time::Timestamp;
use serde_json::{Value, json};
use service::stored::EventFilter;

use super::desk::{Desk, InRealm, instant, moment};
use crate::output::{self, Failure};

#[derive(clap::Subcommand)]
pub(super) enum AuditCommand {
    /// List what happened, newest first: who did it, to whom, with what before and after. Reading is told in the log too.
    List {
        #[command(flatten)]
        at: InRealm,
        /// Only what concerns this person, by sign-in name.
        #[arg(long, value_name = "USERNAME")]
        subject: Option<String>,
        /// Only what this person did, by sign-in name.
        #[arg(long, value_name = "USERNAME")]
        actor: Option<String>,
        /// Only events of this type, like role_granted (docs/audit-events.md has all).
        #[arg(long = "type", value_name = "TYPE", value_parser = kind)]
        kind: Option<EventType>,
        /// Only what ended so: success, failure or denied.
        #[arg(long, value_name = "OUTCOME", value_parser = outcome)]
        outcome: Option<EventOutcome>,
        /// Not before this instant, like 2026-11-27T18:00:00Z.
        #[arg(long, value_name = "INSTANT", value_parser = instant)]
        from: Option<Timestamp>,
        /// Before this instant.
        #[arg(long, value_name = "INSTANT", value_parser = instant)]
        to: Option<Timestamp>,
        /// At most so many: 1 to 1000.
        #[arg(long, value_name = "COUNT", default_value_t = 50, value_parser = clap::value_parser!(i64).range(1..=1000))]
        limit: i64,
    },
}

fn kind(text: &str) -> Result<EventType, String> {
    EventType::parse(text)
        .ok_or_else(|| "is no type of event; docs/audit-events.md lists them, like role_granted".to_owned())
}

fn outcome(text: &str) -> Result<EventOutcome, String> {
    let all = [EventOutcome::Success, EventOutcome::Failure, EventOutcome::Denied];
    let found = all.into_iter().find(|outcome| outcome.as_str() == text);
    found.ok_or_else(|| "must be success, failure or denied".to_owned())
}

impl AuditCommand {
    pub(super) async fn run(self) -> Result<(), Failure> {
        let Self::List { at, subject, actor, kind, outcome, from, to, limit } = self;
        let desk = at.open().await?;
        let subject = match subject {
            Some(name) => Some(desk.user(&name).await?.id.uuid()),
            None => None,
        };
        let actor = match actor {
            Some(name) => Some(desk.user(&name).await?.id.into()),
            None => None,
        };
        list(&desk, EventFilter { actor, subject, kind, outcome, from, to, after: None }, limit).await
    }
}

async fn list(desk: &Desk, filter: EventFilter, limit: i64) -> Result<(), Failure> {
    let events = service::audit::list_as_operator(&desk.app, desk.operator(), filter, limit).await?;
    let rows: Vec<Value> = events.iter().map(web::event_document).collect();
    let lines: Vec<String> = events.iter().zip(&rows).map(|(event, row)| line(event.at, row)).collect();
    let people = if lines.is_empty() { "nothing of this happened".to_owned() } else { lines.join("\n") };
    output::show(desk.json, &json!(rows), &people);
    Ok(())
}

/// When, what, to whom, by whom; then the values, below.
fn line(at: Timestamp, event: &Value) -> String {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let (kind, outcome) = (text(&event["type"]), text(&event["outcome"]));
    let who = |value: &Value| match value["name"].as_str().or(value["id"].as_str()) {
        Some(name) => format!("{} {name}", text(&value["kind"])),
        None => text(&value["kind"]),
    };
    let subject = if event["subject"].is_null() { String::new() } else { format!(": {}", who(&event["subject"])) };
    let outcome = match event["reason"].as_str() {
        _ if outcome == "success" => String::new(),
        Some(reason) => format!(" ({outcome}: {reason})"),
        None => format!(" ({outcome})"),
    };
    let head = format!("{}  {kind}{outcome}{subject}, by {}", moment(at), who(&event["actor"]));
    let values = |side: &str| {
        // By name: whether the map keeps another order depends on what it was built with.
        let object: std::collections::BTreeMap<_, _> = event[side].as_object().into_iter().flatten().collect();
        let shown = object.into_iter().map(|(name, value)| {
            format!("{name} {}", value.as_str().map_or_else(|| value.to_string(), ToOwned::to_owned))
        });
        shown.collect::<Vec<_>>().join(", ")
    };
    let below = [("before", values("before")), ("after", values("after"))];
    let below = below.into_iter().filter(|(_, values)| !values.is_empty());
    // What stands in the log came from everywhere: nothing of it may steer a terminal.
    let plain = |text: &str| text.replace(|c: char| c.is_control(), "\u{fffd}");
    below.fold(plain(&head), |text, (side, values)| format!("{text}\n    {side}: {}", plain(&values)))
}
