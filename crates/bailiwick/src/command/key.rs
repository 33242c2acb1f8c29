//! `key`.

use serde_json::json;
use service::key::Rotation;

use super::desk::{InRealm, reason};
use crate::output::{self, Failure};

#[derive(clap::Subcommand)]
pub(super) enum KeyCommand {
    /// List the signing keys that are published.
    List {
        #[command(flatten)]
        at: InRealm,
    },
    /// Make a new key for each algorithm in use.
    Rotate {
        #[command(flatten)]
        at: InRealm,
        /// Sign with the new key at once and drop the old ones: their tokens are refused from now on.
        #[arg(long)]
        emergency: bool,
        /// Why: 3 to 500 characters; stands in the audit log.
        #[arg(long, value_name = "TEXT", value_parser = reason)]
        reason: String,
    },
}

impl KeyCommand {
    pub(super) async fn run(self) -> Result<(), Failure> {
        let (Self::List { at } | Self::Rotate { at, .. }) = &self;
        let desk = at.open().await?;
        if let Self::Rotate { emergency, reason, .. } = &self {
            let rotation = if *emergency { Rotation::Emergency } else { Rotation::Scheduled };
            service::key::rotate_as_operator(&desk.app, desk.operator(), rotation, reason).await?;
        }
        let (now, mut rows, mut lines) = (desk.app.now(), Vec::new(), Vec::new());
        for key in service::key::list_as_operator(&desk.app, desk.operator()).await? {
            let state = key.schedule.state(now).map_or("retired", domain::key::State::as_str);
            lines.push(format!(
                "{} {:<6} {state:<8} signs from {}",
                key.kid,
                key.algorithm.as_str(),
                key.schedule.signs_from.rfc3339()
            ));
            rows.push(json!({ "kid": key.kid, "algorithm": key.algorithm.as_str(), "state": state,
                "signs_from": key.schedule.signs_from.rfc3339() }));
        }
        output::show(desk.json, &json!(rows), &lines.join("\n"));
        Ok(())
    }
}
