//! `grant`.

use domain::time::Timestamp;
use serde_json::json;
use service::grant::{EndGrant, Give};
use service::stored::Grant;

use super::desk::{Desk, InRealm, instant, moment, reason, unit};
use crate::output::{self, Failure};

#[derive(clap::Subcommand)]
pub(super) enum GrantCommand {
    /// List the roles that somebody holds and held.
    List {
        #[command(flatten)]
        at: InRealm,
        /// Whose: a sign-in name.
        username: String,
    },
    /// Give somebody a role.
    Add {
        #[command(flatten)]
        at: InRealm,
        /// Who gets it: a sign-in name.
        username: String,
        /// The role's name, from `role list`.
        role: String,
        /// Where it holds, there and below: a path like /clinic-a/ward-3.
        #[arg(long, value_name = "PATH", default_value = "/")]
        unit: String,
        /// When it begins, like 2026-11-23T06:00:00Z; without it, now.
        #[arg(long, value_name = "INSTANT", value_parser = instant)]
        from: Option<Timestamp>,
        /// When it ends by itself, like 2026-11-27T18:00:00Z; without it, when somebody ends it.
        #[arg(long, value_name = "INSTANT", value_parser = instant)]
        until: Option<Timestamp>,
        /// Why: 3 to 500 characters; stands in the audit log.
        #[arg(long, value_name = "TEXT", value_parser = reason)]
        reason: String,
    },
    /// End a grant; it stays listed.
    End {
        #[command(flatten)]
        at: InRealm,
        /// Whose: a sign-in name.
        username: String,
        /// Its id, from `grant list`.
        grant: String,
        /// Why: 3 to 500 characters; stands in the audit log.
        #[arg(long, value_name = "TEXT", value_parser = reason)]
        reason: String,
    },
}

impl GrantCommand {
    pub(super) async fn run(self) -> Result<(), Failure> {
        let (Self::List { at, username } | Self::Add { at, username, .. } | Self::End { at, username, .. }) = &self;
        let desk = at.open().await?;
        let user = desk.user(username).await?;
        match &self {
            Self::List { .. } => {}
            Self::Add { role, unit: place, from, until, reason, .. } => {
                let command = Give {
                    user: user.id,
                    role: role.clone(),
                    unit: unit(place)?,
                    valid_from: *from,
                    valid_until: *until,
                    reason: reason.clone(),
                };
                service::grant::give_as_operator(&desk.app, desk.operator(), command).await?;
            }
            Self::End { grant, reason, .. } => {
                let id = grant.parse().map_err(|_| Failure(format!("{grant} is not the id of a grant")))?;
                service::grant::end_as_operator(
                    &desk.app,
                    desk.operator(),
                    EndGrant { user: user.id, grant: id, reason: reason.clone() },
                )
                .await?;
            }
        }
        show(&desk, user.id).await
    }
}

async fn show(desk: &Desk, user: domain::id::UserId) -> Result<(), Failure> {
    print(desk, service::grant::list_as_operator(&desk.app, desk.operator(), user, None, 200).await?);
    Ok(())
}

/// Prints grants, of a person or a service.
pub(super) fn print(desk: &Desk, grants: Vec<Grant>) {
    let (now, mut rows, mut lines) = (desk.app.now(), Vec::new(), Vec::new());
    for grant in grants {
        let (role, place) = (grant.role_name.as_str(), grant.unit.as_str());
        lines.push(format!("{} {role:<24} {place:<24} {:<42} {}", grant.id, state(&grant, now), grant.reason));
        rows.push(json!({ "id": grant.id.to_string(), "role": role, "unit": place, "reason": grant.reason,
                "valid_from": grant.valid_from.rfc3339(), "valid_until": grant.valid_until.map(Timestamp::rfc3339),
                "ended_at": grant.ended_at.map(Timestamp::rfc3339) }));
    }
    let people = if lines.is_empty() { "no roles, now or before".to_owned() } else { lines.join("\n") };
    output::show(desk.json, &json!(rows), &people);
}

/// Whether a grant counts at this moment, and what about it changes next.
fn state(grant: &Grant, now: Timestamp) -> String {
    let until = grant.valid_until.map(moment);
    match (grant.ended_at, until) {
        (Some(at), _) => format!("ended {}", moment(at)),
        (None, Some(until)) if grant.valid_until <= Some(now) => format!("over since {until}"),
        (None, _) if grant.valid_from > now => format!("begins {}", moment(grant.valid_from)),
        (None, Some(until)) => format!("in force until {until}"),
        (None, None) => "in force".to_owned(),
    }
}
