//! `unit`.

use serde_json::{Value, json};
use service::stored::Unit;
use service::unit::{CreateUnit, DeleteUnit, RenameUnit, UnitError};

use super::desk::{Desk, InRealm, reason, title, unit};
use crate::output::{self, Failure};

#[derive(clap::Subcommand)]
pub(super) enum UnitCommand {
    /// List the units: the places in which roles are held, as a tree of paths.
    List {
        #[command(flatten)]
        at: InRealm,
    },
    /// Make a unit below one that exists.
    Create {
        #[command(flatten)]
        at: InRealm,
        /// Its path, which never changes: /clinic-a/ward-3. The unit above it must exist.
        path: String,
        /// Its name for people: "Ward 3".
        #[arg(long, value_name = "TEXT", value_parser = title)]
        name: String,
    },
    /// Give a unit another name for people; its path stays.
    Rename {
        #[command(flatten)]
        at: InRealm,
        /// Its path, from `unit list`.
        path: String,
        /// Its new name for people.
        #[arg(long, value_name = "TEXT", value_parser = title)]
        name: String,
    },
    /// Delete a unit in which nothing is any more: no unit, nobody's home, no grant.
    Delete {
        #[command(flatten)]
        at: InRealm,
        /// Its path, from `unit list`.
        path: String,
        /// Why: 3 to 500 characters; stands in the audit log.
        #[arg(long, value_name = "TEXT", value_parser = reason)]
        reason: String,
    },
}

impl UnitCommand {
    pub(super) async fn run(self) -> Result<(), Failure> {
        match self {
            Self::List { at } => {
                let desk = at.open().await?;
                let units = all(&desk).await?;
                let rows: Vec<Value> = units.iter().map(shape).collect();
                let lines: Vec<String> =
                    units.iter().map(|unit| format!("{:<40} {}", unit.path.as_str(), unit.name)).collect();
                output::show(desk.json, &json!(rows), &lines.join("\n"));
            }
            Self::Create { at, path, name } => {
                let desk = at.open().await?;
                let parsed = unit(&path)?;
                let made =
                    service::unit::create_as_operator(&desk.app, desk.operator(), CreateUnit { path: parsed, name })
                        .await;
                let made = made.map_err(|error| match error {
                    UnitError::NoParent => Failure(format!("the unit above {path} does not exist: make it first")),
                    UnitError::PathTaken => Failure(format!("there is a unit {path} already")),
                    other => other.into(),
                })?;
                output::show(desk.json, &shape(&made), &format!("{path} is there: {}", made.name));
            }
            Self::Rename { at, path, name } => {
                let desk = at.open().await?;
                let found = find(&desk, &path).await?;
                let command = RenameUnit { unit: found.id, version: Some(found.version), name };
                let now = service::unit::rename_as_operator(&desk.app, desk.operator(), command).await?;
                output::show(desk.json, &shape(&now), &format!("{path} is called {} now", now.name));
            }
            Self::Delete { at, path, reason } => {
                let desk = at.open().await?;
                let found = find(&desk, &path).await?;
                let command = DeleteUnit { unit: found.id, version: Some(found.version), reason: Some(reason) };
                service::unit::delete_as_operator(&desk.app, desk.operator(), command).await?;
                output::show(desk.json, &json!({ "path": path, "deleted": true }), &format!("{path} is deleted"));
            }
        }
        Ok(())
    }
}

fn shape(unit: &Unit) -> Value {
    let parent = unit.path.parent().map(|parent| parent.as_str().to_owned());
    json!({ "id": unit.id.to_string(), "path": unit.path.as_str(), "parent": parent, "name": unit.name, "version": unit.version })
}

/// All units, by path.
async fn all(desk: &Desk) -> Result<Vec<Unit>, Failure> {
    let (mut found, mut after): (Vec<Unit>, _) = (Vec::new(), String::new());
    loop {
        let page = service::unit::list_as_operator(&desk.app, desk.operator(), after, 200).await?;
        let Some(last) = page.last() else { return Ok(found) };
        after = last.path.as_str().to_owned();
        found.extend(page);
    }
}

async fn find(desk: &Desk, path: &str) -> Result<Unit, Failure> {
    let wanted = unit(path)?;
    let found = all(desk).await?.into_iter().find(|unit| unit.path == wanted);
    found.ok_or_else(|| Failure(format!("there is no unit {path}; see `bailiwick unit list`")))
}
