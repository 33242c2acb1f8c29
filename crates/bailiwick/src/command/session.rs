//! `session`.

use std::collections::HashMap;

use domain::id::{SessionId, UserId};
use domain::session::State;
use domain::time::Timestamp;
use serde_json::{Value, json};
use service::session::{EndError, Which};
use service::stored::{Session, SessionFilter};
use uuid::Uuid;

use super::desk::{Desk, InRealm, moment};
use crate::output::{self, Failure};

#[derive(clap::Subcommand)]
pub(super) enum SessionCommand {
    /// List the sessions that are not over, newest first.
    List {
        #[command(flatten)]
        at: InRealm,
        /// Only of this person, by sign-in name.
        username: Option<String>,
        /// Only from this address: 192.0.2.7.
        #[arg(long, value_name = "ADDRESS")]
        address: Option<String>,
    },
    /// End a session, or all of a person; their tokens are refused from now on.
    #[command(
        group(clap::ArgGroup::new("which").required(true).args(["session", "all"])),
        override_usage = "bailiwick session end [OPTIONS] <USERNAME> <SESSION|--all>"
    )]
    End {
        #[command(flatten)]
        at: InRealm,
        /// Whose: a sign-in name.
        username: String,
        /// Its id, from `session list`.
        session: Option<String>,
        /// All sessions of this person.
        #[arg(long)]
        all: bool,
    },
}

impl SessionCommand {
    pub(super) async fn run(self) -> Result<(), Failure> {
        match self {
            Self::List { at, username, address } => {
                let desk = at.open().await?;
                let user = match username {
                    Some(name) => Some(desk.user(&name).await?.id),
                    None => None,
                };
                list(&desk, user, address).await
            }
            Self::End { at, username, session, all: _ } => {
                let id = |text: String| {
                    text.parse::<Uuid>().map_err(|_| Failure(format!("{text} is not the id of a session")))
                };
                let session = session.map(id).transpose()?;
                end(&at.open().await?, &username, session).await
            }
        }
    }
}

async fn end(desk: &Desk, username: &str, session: Option<Uuid>) -> Result<(), Failure> {
    let user = desk.user(username).await?.id;
    let which = session.map_or(Which::All, |id| Which::One(SessionId::from_uuid(id)));
    let done = service::session::end_other_as_operator(&desk.app, desk.operator(), user, which).await;
    let ended = done.map_err(|error| match error {
        EndError::NotFound => {
            Failure(format!("{username} has no such session; see `bailiwick session list {username}`"))
        }
        other => other.into(),
    })?;
    let (told, text) = match (session, ended) {
        (Some(id), _) => (json!({ "id": id, "ended": true }), format!("the session of {username} is over")),
        (None, 0) => (json!({ "count": 0 }), format!("{username} had no session")),
        (None, 1) => (json!({ "count": 1 }), format!("the one session of {username} is over")),
        (None, more) => (json!({ "count": more }), format!("all {more} sessions of {username} are over")),
    };
    output::show(desk.json, &told, &text);
    Ok(())
}

async fn list(desk: &Desk, user: Option<UserId>, address: Option<String>) -> Result<(), Failure> {
    let mut names: HashMap<UserId, String> = HashMap::new();
    let (now, mut rows, mut lines, mut after) = (desk.app.now(), Vec::new(), Vec::new(), None);
    loop {
        let filter = SessionFilter { user, address: address.clone(), after };
        let page = service::session::list_as_operator(&desk.app, desk.operator(), filter, 200).await?;
        let Some(last) = page.last() else { break };
        after = Some(last.id);
        for session in page {
            let name = match names.get(&session.user) {
                Some(name) => name.clone(),
                None => desk.username(session.user).await?,
            };
            names.insert(session.user, name.clone());
            lines.push(line(&session, &name, now));
            rows.push(shape(&session, &name, now));
        }
    }
    let people = if lines.is_empty() { "nobody is signed in".to_owned() } else { lines.join("\n") };
    output::show(desk.json, &json!(rows), &people);
    Ok(())
}

fn state(session: &Session, now: Timestamp) -> &'static str {
    match session.deadlines.state(session.ended_at.is_some(), now) {
        State::Live => "live",
        State::Locked => "locked",
        State::Ended => "over",
    }
}

fn line(session: &Session, name: &str, now: Timestamp) -> String {
    let device = session.device_label.as_deref().unwrap_or_default();
    let address = session.address.as_deref().unwrap_or_default();
    let active = moment(session.last_active_at);
    format!("{} {name:<24} {:<7} active {active}  {address:<16} {device}", session.id, state(session, now))
        .trim_end()
        .to_owned()
}

fn shape(session: &Session, name: &str, now: Timestamp) -> Value {
    json!({ "id": session.id.to_string(), "username": name, "state": state(session, now), "device_label": session.device_label,
        "address": session.address, "created_at": session.created_at.rfc3339(), "last_active_at": session.last_active_at.rfc3339(),
        "idle_deadline": session.deadlines.idle_at.rfc3339(), "absolute_deadline": session.deadlines.absolute_at.rfc3339(), "acr": session.acr })
}
