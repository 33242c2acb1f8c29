//! `grant`.

use domain::time::Timestamp;
use serde_json::json;
use service::grant::{EndGrant, Give};

use super::desk::{Desk, InRealm, reason, unit};
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
        /// When it ends by itself, like 2026-11-27T18:00:00Z; without it, when somebody ends it.
        #[arg(long, value_name = "INSTANT")]
        until: Option<String>,
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
            Self::Add { role, unit: place, until, reason, .. } => {
                let instant =
                    |text: &String| Timestamp::parse_rfc3339(text).ok_or("--until must be like 2026-11-27T18:00:00Z");
                let command = Give {
                    user: user.id,
                    role: role.clone(),
                    unit: unit(place)?,
                    valid_from: None,
                    valid_until: until.as_ref().map(instant).transpose()?,
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
    let grants = service::grant::list_as_operator(&desk.app, desk.operator(), user, None, 200).await?;
    let (mut rows, mut lines) = (Vec::new(), Vec::new());
    for grant in grants {
        let (role, place) = (grant.role_name.as_str(), grant.unit.as_str());
        let state = grant.ended_at.map_or_else(|| "in force".to_owned(), |at| format!("ended {}", at.rfc3339()));
        lines.push(format!("{} {role:<24} {place:<24} {state}  {}", grant.id, grant.reason));
        rows.push(json!({ "id": grant.id.to_string(), "role": role, "unit": place, "reason": grant.reason,
                "ended_at": grant.ended_at.map(Timestamp::rfc3339) }));
    }
    output::show(desk.json, &json!(rows), &lines.join("\n"));
    Ok(())
}
