//! `factor`.

use domain::time::Timestamp;
use serde_json::json;
use service::factor::Removal;

use super::desk::{Desk, InRealm, moment};
use crate::output::{self, Failure};

#[derive(clap::Subcommand)]
pub(super) enum FactorCommand {
    /// List what somebody signs in with, and what was ever bound.
    List {
        #[command(flatten)]
        at: InRealm,
        /// Whose: a sign-in name.
        username: String,
    },
    /// Remove a second factor: a lost telephone. All sessions of the person end; whose role needs one binds another at the next sign-in.
    Remove {
        #[command(flatten)]
        at: InRealm,
        /// Whose: a sign-in name.
        username: String,
        /// Its id, from `factor list`.
        factor: String,
    },
}

impl FactorCommand {
    pub(super) async fn run(self) -> Result<(), Failure> {
        let (Self::List { at, username } | Self::Remove { at, username, .. }) = &self;
        let desk = at.open().await?;
        let user = desk.user(username).await?.id;
        if let Self::Remove { factor, .. } = &self {
            let id = factor.parse().map_err(|_| Failure(format!("{factor} is not the id of a factor")))?;
            service::factor::remove_as_operator(&desk.app, desk.operator(), Removal { user, id }).await?;
        }
        show(&desk, user).await
    }
}

async fn show(desk: &Desk, user: domain::id::UserId) -> Result<(), Failure> {
    let (mut rows, mut lines) = (Vec::new(), Vec::new());
    for factor in service::factor::of_user_as_operator(&desk.app, desk.operator(), user).await? {
        let state = factor.ended_at.map_or_else(|| "in force".to_owned(), |at| format!("ended {}", moment(at)));
        lines.push(format!("{} {:<16} {:<24} {state}", factor.id, factor.kind, factor.label));
        rows.push(json!({ "id": factor.id.to_string(), "kind": factor.kind, "label": factor.label,
            "created_at": factor.created_at.rfc3339(), "last_used_at": factor.last_used_at.map(Timestamp::rfc3339),
            "ended_at": factor.ended_at.map(Timestamp::rfc3339) }));
    }
    output::show(desk.json, &json!(rows), &lines.join("\n"));
    Ok(())
}
