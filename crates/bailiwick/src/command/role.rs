//! `role`.

use serde_json::json;

use super::desk::InRealm;
use crate::output::{self, Failure};

#[derive(clap::Subcommand)]
pub(super) enum RoleCommand {
    /// List the roles.
    List {
        #[command(flatten)]
        at: InRealm,
    },
}

impl RoleCommand {
    pub(super) async fn run(self) -> Result<(), Failure> {
        let Self::List { at } = self;
        let desk = at.open().await?;
        let directory = service::role::all_as_operator(&desk.app, desk.operator()).await?;
        let (mut rows, mut lines) = (Vec::new(), Vec::new());
        for flat in directory.graph.all() {
            let (name, sensitive) = (flat.role.name.as_str(), flat.role.sensitive);
            let inherits: Vec<&str> = flat.role.inherits.iter().map(|id| directory.graph.name(*id)).collect();
            lines.push(format!("{name:<24} {:<10} {}", if sensitive { "sensitive" } else { "" }, inherits.join(", ")));
            rows.push(json!({ "name": name, "display_name": flat.role.display_name, "sensitive": sensitive, "inherits": inherits }));
        }
        output::show(desk.json, &json!(rows), &lines.join("\n"));
        Ok(())
    }
}
