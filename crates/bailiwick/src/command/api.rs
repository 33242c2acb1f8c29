//! `api`.

use serde_json::json;

use super::desk::InRealm;
use crate::output::{self, Failure};

#[derive(clap::Subcommand)]
pub(super) enum ApiCommand {
    /// List the APIs.
    List {
        #[command(flatten)]
        at: InRealm,
    },
    /// Give an API a new secret, shown once; those before stay valid for 24 hours.
    Secret {
        #[command(flatten)]
        at: InRealm,
        /// Its audience, from `api list`.
        audience: String,
    },
}

impl ApiCommand {
    pub(super) async fn run(self) -> Result<(), Failure> {
        match self {
            Self::List { at } => {
                let desk = at.open().await?;
                let directory = service::role::all_as_operator(&desk.app, desk.operator()).await?;
                let mut apis: Vec<_> =
                    directory.apis.values().map(|api| (api.audience.as_str(), api.name.as_str())).collect();
                apis.sort_unstable();
                let rows: Vec<_> =
                    apis.iter().map(|(audience, name)| json!({ "audience": audience, "name": name })).collect();
                let lines: Vec<String> = apis.iter().map(|(audience, name)| format!("{audience:<24} {name}")).collect();
                output::show(desk.json, &json!(rows), &lines.join("\n"));
            }
            Self::Secret { at, audience } => {
                let desk = at.open().await?;
                let missing = |_| Failure(format!("there is no API {audience}; see `bailiwick api list`"));
                let made = service::api::new_secret_as_operator(&desk.app, desk.operator(), audience.clone())
                    .await
                    .map_err(missing)?;
                let value = json!({ "client_id": audience, "client_secret": made.secret.expose() });
                output::show(
                    desk.json,
                    &value,
                    &format!("client_id      {audience}\nclient_secret  {}", made.secret.expose()),
                );
            }
        }
        Ok(())
    }
}
