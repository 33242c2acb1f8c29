//! `role`: seeing roles and who holds them. Changing them is `role_change`.

use domain::role::{Flat, RoleGraph};
use domain::time::Timestamp;
use serde_json::{Value, json};
use service::role::RoleError;

use super::desk::{Desk, InRealm, moment};
use super::role_change::RoleChange;
use crate::output::{self, Failure};

#[derive(clap::Subcommand)]
pub(super) enum RoleCommand {
    /// List the roles.
    List {
        #[command(flatten)]
        at: InRealm,
    },
    /// Show a role: what it carries and inherits, who may give it.
    Show {
        #[command(flatten)]
        at: InRealm,
        /// Its name, from `role list`.
        role: String,
    },
    /// List the people who hold a role now, and in which unit.
    Members {
        #[command(flatten)]
        at: InRealm,
        /// Its name, from `role list`.
        role: String,
    },
    #[command(flatten)]
    Change(RoleChange),
}

impl RoleCommand {
    pub(super) async fn run(self) -> Result<(), Failure> {
        match self {
            Self::List { at } => {
                let desk = at.open().await?;
                let directory = service::role::all_as_operator(&desk.app, desk.operator()).await?;
                let (mut rows, mut lines) = (Vec::new(), Vec::new());
                for flat in directory.graph.all() {
                    let (name, sensitive) = (flat.role.name.as_str(), flat.role.sensitive);
                    let inherits = names(&directory.graph, &flat.role.inherits);
                    lines.push(format!(
                        "{name:<24} {:<10} {}",
                        if sensitive { "sensitive" } else { "" },
                        inherits.join(", ")
                    ));
                    rows.push(shape(&directory.graph, flat));
                }
                output::show(desk.json, &json!(rows), &lines.join("\n"));
                Ok(())
            }
            Self::Show { at, role } => {
                let desk = at.open().await?;
                let directory = service::role::all_as_operator(&desk.app, desk.operator()).await?;
                show(&desk, &directory.graph, &role)
            }
            Self::Members { at, role } => members(&at.open().await?, role).await,
            Self::Change(command) => command.run().await,
        }
    }
}

pub(super) fn unknown(role: &str) -> Failure {
    Failure(format!("there is no role {role}; see `bailiwick role list`"))
}

fn names<'a>(graph: &'a RoleGraph, ids: &std::collections::BTreeSet<domain::id::RoleId>) -> Vec<&'a str> {
    let mut names: Vec<&str> = ids.iter().map(|id| graph.name(*id)).collect();
    names.sort_unstable();
    names
}

fn shape(graph: &RoleGraph, flat: &Flat) -> Value {
    let role = &flat.role;
    json!({ "name": role.name.as_str(), "display_name": role.display_name, "description": role.description,
        "permissions": role.permissions, "inherits": names(graph, &role.inherits), "effective_permissions": flat.effective,
        "assignable_by": names(graph, &role.assignable_by), "sensitive": role.sensitive, "built_in": role.built_in, "version": role.version })
}

/// One role, with each permission on a line; those inherited say so.
pub(super) fn show(desk: &Desk, graph: &RoleGraph, name: &str) -> Result<(), Failure> {
    let flat = graph.named(name).ok_or_else(|| unknown(name))?;
    let role = &flat.role;
    let mut lines = vec![format!("{name}: {}", role.display_name)];
    if !role.description.is_empty() {
        lines.push(role.description.clone());
    }
    lines.push(format!("sensitive      {}", if role.sensitive { "yes: needs a second factor" } else { "no" }));
    lines.push(format!("inherits from  {}", names(graph, &role.inherits).join(", ")));
    lines.push(format!("given by       {}", names(graph, &role.assignable_by).join(", ")));
    lines.push(String::new());
    for (api, permissions) in &flat.effective {
        for permission in permissions {
            let carries = role.permissions.get(api).is_some_and(|own| own.contains(permission));
            lines.push(
                format!("{api}/{permission:<40} {}", if carries { "" } else { "inherited" }).trim_end().to_owned(),
            );
        }
    }
    let lines: Vec<&str> = lines.iter().map(|line| line.trim_end()).collect();
    output::show(desk.json, &shape(graph, flat), &lines.join("\n"));
    Ok(())
}

async fn members(desk: &Desk, role: String) -> Result<(), Failure> {
    let (mut rows, mut lines, mut after) = (Vec::new(), Vec::new(), None);
    loop {
        let page = service::role::members_as_operator(&desk.app, desk.operator(), role.clone(), after, 200).await;
        let page = page.map_err(|error| match error {
            RoleError::NotFound => unknown(&role),
            other => other.into(),
        })?;
        let Some(last) = page.last() else { break };
        after = Some((last.user, last.grant));
        for one in page {
            let name = one.username.unwrap_or_default();
            let until = one.valid_until.map(Timestamp::rfc3339);
            let ends = one.valid_until.map_or_else(String::new, |until| format!("until {}", moment(until)));
            lines.push(format!("{name:<24} {:<24} {ends}", one.unit.as_str()).trim_end().to_owned());
            rows.push(json!({ "user": one.user.to_string(), "username": name, "display_name": one.display_name, "home": one.home.as_str(),
                "grant": one.grant.to_string(), "unit": one.unit.as_str(), "valid_from": one.valid_from.rfc3339(), "valid_until": until }));
        }
    }
    let people = if lines.is_empty() { format!("nobody holds {role} now") } else { lines.join("\n") };
    output::show(desk.json, &json!(rows), &people);
    Ok(())
}
