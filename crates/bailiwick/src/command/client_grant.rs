//! `client grant`.

use domain::time::Timestamp;
use service::grant::{EndClientGrant, GiveClient, GrantError};

use super::desk::{Desk, InRealm, instant, reason, unit};
use super::grant::print;
use crate::output::Failure;

#[derive(clap::Subcommand)]
pub(super) enum ClientGrantCommand {
    /// List the roles that a service holds and held.
    List {
        #[command(flatten)]
        at: InRealm,
        /// Whose: an id from `client list`.
        client_id: String,
    },
    /// Give a service a role.
    Add {
        #[command(flatten)]
        at: InRealm,
        /// Which gets it: an id from `client list`.
        client_id: String,
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
    /// End a grant of a service; it stays listed.
    End {
        #[command(flatten)]
        at: InRealm,
        /// Whose: an id from `client list`.
        client_id: String,
        /// Its id, from `client grant list`.
        grant: String,
        /// Why: 3 to 500 characters; stands in the audit log.
        #[arg(long, value_name = "TEXT", value_parser = reason)]
        reason: String,
    },
}

impl ClientGrantCommand {
    pub(super) async fn run(self) -> Result<(), Failure> {
        let (Self::List { at, client_id } | Self::Add { at, client_id, .. } | Self::End { at, client_id, .. }) = &self;
        let desk = at.open().await?;
        match &self {
            Self::List { .. } => {}
            Self::Add { role, unit: place, from, until, reason, .. } => {
                let command = GiveClient {
                    client_id: client_id.clone(),
                    role: role.clone(),
                    unit: unit(place)?,
                    valid_from: *from,
                    valid_until: *until,
                    reason: reason.clone(),
                };
                let given = service::grant::give_client_as_operator(&desk.app, desk.operator(), command).await;
                given.map_err(|error| told(client_id, error))?;
            }
            Self::End { grant, reason, .. } => {
                let id = grant.parse().map_err(|_| Failure(format!("{grant} is not the id of a grant")))?;
                let command = EndClientGrant { client_id: client_id.clone(), grant: id, reason: reason.clone() };
                let ended = service::grant::end_of_client_as_operator(&desk.app, desk.operator(), command).await;
                ended.map_err(|error| told(client_id, error))?;
            }
        }
        show(&desk, client_id).await
    }
}

async fn show(desk: &Desk, client_id: &str) -> Result<(), Failure> {
    let grants =
        service::grant::list_of_client_as_operator(&desk.app, desk.operator(), client_id.to_owned(), 200).await;
    print(desk, grants.map_err(|error| told(client_id, error))?);
    Ok(())
}

fn told(client_id: &str, error: GrantError) -> Failure {
    match error {
        GrantError::NotFound => Failure(format!(
            "there is no client {client_id}, or it has no such grant: see `bailiwick client list` and `bailiwick client grant list {client_id}`"
        )),
        other => other.into(),
    }
}
