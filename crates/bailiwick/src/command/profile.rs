//! `profile`.

use domain::profile::Profile;
use domain::profile::plan::{Item, Plan};
use serde_json::{Value, json};

use super::desk::{Desk, InRealm};
use crate::command::ConfigFile;
use crate::output::{self, Failure};

/// The profiles that are built in, with their files.
pub(super) const BUILT_IN: [(&str, &str); 2] = [
    ("healthcare", include_str!("../../../../profiles/healthcare.toml")),
    ("agency", include_str!("../../../../profiles/agency.toml")),
];

#[derive(clap::Subcommand)]
pub(super) enum ProfileCommand {
    /// List the built-in profiles, and say which one is applied.
    List {
        #[command(flatten)]
        at: InRealm,
    },
    /// Show the roles of a profile; of a file also what is wrong with it. Needs no database.
    Show {
        #[command(flatten)]
        file: ConfigFile,
        /// healthcare, agency, or the path of a profile's file.
        #[arg(value_name = "NAME|FILE")]
        profile: String,
        /// One role in full: what it may do, and through which role.
        #[arg(long, value_name = "NAME")]
        role: Option<String>,
    },
    /// Add what a profile has and the realm never had. What was changed or taken away here stays as it is.
    Apply {
        #[command(flatten)]
        at: InRealm,
        /// healthcare, agency, or the path of a profile's file.
        #[arg(value_name = "NAME|FILE")]
        profile: String,
        /// Show what would be added and what would be left, and change nothing.
        #[arg(long)]
        dry_run: bool,
    },
}

/// A built-in profile by name.
pub(super) fn built_in(name: &str) -> Result<Profile, Failure> {
    let known = BUILT_IN.iter().find(|(known, _)| *known == name);
    let (_, text) = known.ok_or_else(|| format!("there is no profile {name}: healthcare or agency"))?;
    Ok(service::profile::parse(text)?)
}

/// A built-in profile, or the one in a file.
pub(super) fn read(name: &str) -> Result<Profile, Failure> {
    if BUILT_IN.iter().any(|(known, _)| *known == name) {
        return built_in(name);
    }
    let text = std::fs::read_to_string(name).map_err(|error| match error.kind() {
        std::io::ErrorKind::NotFound => {
            Failure(format!("there is no profile {name}: expected healthcare, agency, or the path of a file"))
        }
        std::io::ErrorKind::InvalidData => Failure(format!("{name} is not text in UTF-8")),
        _ => Failure(format!("cannot read {name}: {error}")),
    })?;
    service::profile::parse(&text).map_err(|error| Failure(format!("{name} is not a profile as it stands:\n{error}")))
}

impl ProfileCommand {
    pub(super) async fn run(self) -> Result<(), Failure> {
        match self {
            Self::List { at } => list(&at.open().await?).await,
            Self::Show { file, profile, role } => show(file.json, &read(&profile)?, role.as_deref()),
            Self::Apply { at, profile, dry_run } => {
                let profile = read(&profile)?;
                apply(&at.open().await?, profile, dry_run).await
            }
        }
    }
}

async fn list(desk: &Desk) -> Result<(), Failure> {
    let applied = service::profile::applied(&desk.app, &desk.operator()).await?;
    let (mut rows, mut lines) = (Vec::new(), Vec::new());
    for (name, text) in BUILT_IN {
        let profile = service::profile::parse(text)?;
        let here = applied.as_ref().filter(|(known, _)| known == name).map(|(_, edition)| *edition);
        let state = match here {
            Some(edition) if edition < profile.edition => {
                format!("edition {edition} is applied; `bailiwick profile apply {name} --dry-run` shows what is new")
            }
            Some(edition) => format!("edition {edition} is applied"),
            None => String::new(),
        };
        lines.push(format!("{name:<16} edition {:<4} {:<20} {state}", profile.edition, profile.title));
        rows.push(json!({ "name": name, "edition": profile.edition, "title": profile.title, "built_in": true, "applied_edition": here }));
    }
    if let Some((name, edition)) = applied.filter(|(name, _)| BUILT_IN.iter().all(|(known, _)| known != name)) {
        lines.push(format!("{name:<16} edition {edition:<4} from a file, applied"));
        rows.push(json!({ "name": name, "edition": edition, "built_in": false, "applied_edition": edition }));
    }
    output::show(desk.json, &json!(rows), &lines.join("\n"));
    Ok(())
}

fn show(json: bool, profile: &Profile, role: Option<&str>) -> Result<(), Failure> {
    if let Some(name) = role {
        return show_role(json, profile, name);
    }
    let title = format!("{}, edition {}: {}", profile.name, profile.edition, profile.description);
    let (mut rows, mut lines) = (Vec::new(), vec![title, String::new()]);
    for role in &profile.role {
        let effective = profile.effective(&role.name);
        let count: usize = effective.values().map(std::collections::BTreeSet::len).sum();
        let sensitive = if role.sensitive { "sensitive" } else { "" };
        lines.push(format!("{:<24} {count:>3} permissions  {sensitive:<10} {}", role.name, role.description));
        rows.push(json!({ "name": role.name, "display_name": role.display_name, "description": role.description,
            "sensitive": role.sensitive, "inherits": role.inherits, "assignable_by": role.assignable_by,
            "permissions": role.permissions, "effective_permissions": effective, "policy": role.policy }));
    }
    let attributes: Vec<&str> = profile.attribute.iter().map(|one| one.name.as_str()).collect();
    if !attributes.is_empty() {
        lines.extend([String::new(), format!("people may carry: {}", attributes.join(", "))]);
    }
    let value = json!({ "name": profile.name, "edition": profile.edition, "title": profile.title, "roles": rows,
        "attributes": profile.attribute, "policy": profile.policy });
    output::show(json, &value, &lines.join("\n"));
    Ok(())
}

fn show_role(json: bool, profile: &Profile, name: &str) -> Result<(), Failure> {
    let known = || profile.role.iter().map(|role| role.name.as_str()).collect::<Vec<_>>().join(", ");
    let role = profile.role(name).ok_or_else(|| format!("this profile has no role {name}; it has {}", known()))?;
    let from = |api: &str, permission: &str| {
        let carries = |role: &&str| {
            profile.role(role).is_some_and(|role| {
                role.permissions.get(api).is_some_and(|names| names.iter().any(|one| one == permission))
            })
        };
        profile.closure(name).into_iter().filter(carries).map(ToOwned::to_owned).collect::<Vec<String>>()
    };
    let (mut rows, mut lines) = (Vec::new(), vec![format!("{name}: {}", role.description), String::new()]);
    for (api, names) in profile.effective(name) {
        for permission in names {
            let through = from(api, permission);
            let by = if through.iter().any(|one| one == name) {
                String::new()
            } else {
                format!("from {}", through.join(", "))
            };
            lines.push(format!("{api:<12} {permission:<32} {by}").trim_end().to_owned());
            rows.push(json!({ "api": api, "permission": permission, "through": through }));
        }
    }
    output::show(json, &json!({ "role": name, "permissions": rows }), &lines.join("\n"));
    Ok(())
}

async fn apply(desk: &Desk, profile: Profile, dry_run: bool) -> Result<(), Failure> {
    let (name, edition) = (profile.name.clone(), profile.edition);
    let plan = if dry_run {
        service::profile::plan(&desk.app, &desk.operator(), profile).await?
    } else {
        service::profile::apply(&desk.app, desk.operator(), profile).await?
    };
    let mut value =
        json!({ "profile": name, "edition": edition, "realm": desk.realm.slug.as_str(), "dry_run": dry_run });
    if let (Some(value), Value::Object(parts)) = (value.as_object_mut(), json!(plan)) {
        value.extend(parts);
    }
    output::show(desk.json, &value, &told(&plan, &name, edition, desk.realm.slug.as_str(), dry_run));
    Ok(())
}

/// The plan as people read it.
fn told(plan: &Plan, name: &str, edition: u32, realm: &str, dry_run: bool) -> String {
    let mut lines = vec![format!("{name}, edition {edition}, in realm {realm}")];
    let added = if dry_run { "Would be added" } else { "Added" };
    section(&mut lines, added, grouped(plan));
    let left = plan.left.iter().map(|left| format!("{}: {}", left.item, left.why)).collect();
    section(&mut lines, "Left as it is here", left);
    let here = plan.only_here.iter().map(ToString::to_string).collect();
    section(&mut lines, "Only here, not in the profile", here);
    if plan.added.is_empty() {
        lines
            .extend([String::new(), "The realm has, or had, all that this profile brings: nothing to add.".to_owned()]);
    } else if dry_run {
        lines.extend([String::new(), "Nothing was changed.".to_owned()]);
    }
    lines.join("\n")
}

fn section(lines: &mut Vec<String>, title: &str, rows: Vec<String>) {
    if rows.is_empty() {
        return;
    }
    lines.extend([String::new(), format!("{title} ({}):", rows.len())]);
    lines.extend(rows.into_iter().map(|row| format!("  {row}")));
}

/// What is added; what hangs on a new role, or on a new API, in the role's or API's own line.
fn grouped(plan: &Plan) -> Vec<String> {
    let new_roles: Vec<&str> = plan.added_roles().collect();
    let of_new_role = |item: &Item| item.part_of().is_some_and(|role| new_roles.contains(&role));
    let new_api = |api: &String| plan.added.contains(&Item::Api { api: api.clone() });
    let mut rows = Vec::new();
    for item in &plan.added {
        match item {
            Item::Api { api } => {
                let of = |item: &&Item| matches!(item, Item::Permission { api: of, .. } if of == api);
                rows.push(format!("{item}, with {} permissions", plan.added.iter().filter(of).count()));
            }
            Item::Permission { api, .. } if new_api(api) => {}
            Item::Role { role } => {
                let of = |item: &&Item| matches!(item, Item::RolePermission { role: of, .. } if of == role);
                let count = plan.added.iter().filter(of).count();
                let inherits = plan.added.iter().filter_map(|item| match item {
                    Item::Inherits { role: of, inherits } if of == role => Some(inherits.as_str()),
                    _ => None,
                });
                let inherits: Vec<&str> = inherits.collect();
                let and =
                    if inherits.is_empty() { String::new() } else { format!(" and all of {}", inherits.join(", ")) };
                rows.push(format!("{item}, with {count} permissions{and}"));
            }
            item if of_new_role(item) => {}
            item => rows.push(item.to_string()),
        }
    }
    rows
}
