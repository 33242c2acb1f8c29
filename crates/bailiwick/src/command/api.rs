//! `api`.

use domain::key::Algorithm;
use domain::permission::{Audience, OWN_API, PermissionName};
use serde_json::{Value, json};
use service::api::{AddPermission, ChangeError, CreateApi, DeleteApi, DeletePermission, UpdateApi};
use service::stored::Api;

use super::desk::{Desk, InRealm, moment, reason, title};
use crate::output::{self, Failure};

#[derive(clap::Subcommand)]
pub(super) enum ApiCommand {
    /// List the APIs.
    List {
        #[command(flatten)]
        at: InRealm,
    },
    /// Register an API: an application that checks permissions.
    Create {
        #[command(flatten)]
        at: InRealm,
        /// Its name in tokens and roles, which never changes: lower-case letters, digits and hyphens.
        audience: String,
        /// Its name for people.
        #[arg(long, value_name = "TEXT", value_parser = title)]
        name: String,
        /// How its tokens are signed: RS256, ES256 or EdDSA.
        #[arg(long, value_name = "ALGORITHM", default_value = "RS256", value_parser = algorithm)]
        algorithm: Algorithm,
        /// How long its tokens live at most, in seconds: 60 to 3600.
        #[arg(long, value_name = "SECONDS", default_value_t = 600, value_parser = clap::value_parser!(i64).range(60..=3600))]
        access_lifetime: i64,
    },
    /// Change an API; what is not named stays.
    Update {
        #[command(flatten)]
        at: InRealm,
        /// Its audience, from `api list`.
        audience: String,
        /// Its name for people.
        #[arg(long, value_name = "TEXT", value_parser = title)]
        name: Option<String>,
        /// How its tokens are signed: RS256, ES256 or EdDSA.
        #[arg(long, value_name = "ALGORITHM", value_parser = algorithm)]
        algorithm: Option<Algorithm>,
        /// How long its tokens live at most, in seconds: 60 to 3600.
        #[arg(long, value_name = "SECONDS", value_parser = clap::value_parser!(i64).range(60..=3600))]
        access_lifetime: Option<i64>,
    },
    /// Delete an API of whose permissions no role has any; its secrets are refused from then on.
    Delete {
        #[command(flatten)]
        at: InRealm,
        /// Its audience, from `api list`.
        audience: String,
        /// Why: 3 to 500 characters; stands in the audit log.
        #[arg(long, value_name = "TEXT", value_parser = reason)]
        reason: String,
    },
    /// Permissions of an API: list, add, remove.
    #[command(subcommand)]
    Permission(PermissionCommand),
    /// Give an API a new secret, shown once; those before stay valid for 24 hours.
    Secret {
        #[command(flatten)]
        at: InRealm,
        /// Its audience, from `api list`.
        audience: String,
    },
}

#[derive(clap::Subcommand)]
pub(super) enum PermissionCommand {
    /// List what an API can permit.
    List {
        #[command(flatten)]
        at: InRealm,
        /// Its audience, from `api list`.
        audience: String,
    },
    /// Add a permission to an API. No role has it yet: `role permissions` puts it into one.
    Add {
        #[command(flatten)]
        at: InRealm,
        /// The API's audience, from `api list`.
        audience: String,
        /// Written resource:action, or resource:action:own; it never changes.
        permission: String,
        /// What it allows, as people read it.
        #[arg(long, value_name = "TEXT", value_parser = what)]
        description: String,
    },
    /// Remove a permission that no role has.
    Remove {
        #[command(flatten)]
        at: InRealm,
        /// The API's audience, from `api list`.
        audience: String,
        /// Its name, from `api permission list`.
        permission: String,
        /// Why: 3 to 500 characters; stands in the audit log.
        #[arg(long, value_name = "TEXT", value_parser = reason)]
        reason: String,
    },
}

fn what(text: &str) -> Result<String, String> {
    domain::user::printable(text, 1, 200).map_err(|error| error.to_string())
}

fn algorithm(text: &str) -> Result<Algorithm, String> {
    Algorithm::parse(text).ok_or_else(|| "must be RS256, ES256 or EdDSA".to_owned())
}

impl ApiCommand {
    pub(super) async fn run(self) -> Result<(), Failure> {
        match self {
            Self::List { at } => {
                let desk = at.open().await?;
                let apis = service::api::list_as_operator(&desk.app, desk.operator()).await?;
                let rows: Vec<Value> = apis.iter().map(shape).collect();
                let lines: Vec<String> = apis.iter().map(line).collect();
                output::show(desk.json, &json!(rows), &lines.join("\n"));
            }
            Self::Create { at, audience, name, algorithm, access_lifetime: access_lifetime_seconds } => {
                let desk = at.open().await?;
                let parsed = Audience::parse(&audience).map_err(|error| Failure(format!("{audience}: {error}")))?;
                let command = CreateApi { audience: parsed, name, algorithm, access_lifetime_seconds };
                let made = service::api::create_as_operator(&desk.app, desk.operator(), command).await;
                let made = made.map_err(|error| told(&audience, error))?;
                output::show(desk.json, &shape(&made), &line(&made));
            }
            Self::Update { at, audience, name, algorithm, access_lifetime: access_lifetime_seconds } => {
                if name.is_none() && algorithm.is_none() && access_lifetime_seconds.is_none() {
                    return Err(Failure("say what to change: --name, --algorithm or --access-lifetime".to_owned()));
                }
                let desk = at.open().await?;
                let command =
                    UpdateApi { audience: audience.clone(), version: None, name, algorithm, access_lifetime_seconds };
                let now = service::api::update_as_operator(&desk.app, desk.operator(), command).await;
                let now = now.map_err(|error| told(&audience, error))?;
                output::show(desk.json, &shape(&now), &line(&now));
            }
            Self::Delete { at, audience, reason } => {
                let desk = at.open().await?;
                let command = DeleteApi { audience: audience.clone(), version: None, reason: Some(reason) };
                let done = service::api::delete_as_operator(&desk.app, desk.operator(), command).await;
                done.map_err(|error| told(&audience, error))?;
                output::show(
                    desk.json,
                    &json!({ "audience": audience, "deleted": true }),
                    &format!("the API {audience} is deleted"),
                );
            }
            Self::Permission(command) => command.run().await?,
            Self::Secret { at, audience } => {
                let desk = at.open().await?;
                let made = service::api::new_secret_as_operator(&desk.app, desk.operator(), audience.clone()).await;
                let made = made.map_err(|error| told(&audience, error))?;
                let (secret, until) = (made.secret.expose(), moment(made.others_end));
                let value = json!({ "client_id": audience, "client_secret": secret, "expires_previous_at": made.others_end.rfc3339() });
                let lines = format!(
                    "client_id      {audience}\nclient_secret  {secret}\n\nIt is shown this once. Secrets made before are valid until {until}."
                );
                output::show(desk.json, &value, &lines);
            }
        }
        Ok(())
    }
}

impl PermissionCommand {
    async fn run(self) -> Result<(), Failure> {
        match self {
            Self::List { at, audience } => show_permissions(&at.open().await?, &audience).await,
            Self::Add { at, audience, permission, description } => {
                let desk = at.open().await?;
                let name =
                    PermissionName::parse(&permission).map_err(|error| Failure(format!("{permission}: {error}")))?;
                let command = AddPermission { audience: audience.clone(), name, description };
                let added = service::api::add_permission_as_operator(&desk.app, desk.operator(), command).await;
                added.map_err(|error| told_of(&audience, &permission, error))?;
                show_permissions(&desk, &audience).await
            }
            Self::Remove { at, audience, permission, reason } => {
                let desk = at.open().await?;
                let command =
                    DeletePermission { audience: audience.clone(), name: permission.clone(), reason: Some(reason) };
                let removed = service::api::delete_permission_as_operator(&desk.app, desk.operator(), command).await;
                removed.map_err(|error| told_of(&audience, &permission, error))?;
                show_permissions(&desk, &audience).await
            }
        }
    }
}

async fn show_permissions(desk: &Desk, audience: &str) -> Result<(), Failure> {
    let found = service::api::permissions_as_operator(&desk.app, desk.operator(), audience.to_owned()).await;
    let found = found.map_err(|error| told(audience, error))?;
    let rows: Vec<Value> =
        found.iter().map(|one| json!({ "name": one.name, "description": one.description })).collect();
    let lines: Vec<String> = found.iter().map(|one| format!("{:<40} {}", one.name, one.description)).collect();
    output::show(desk.json, &json!(rows), &lines.join("\n"));
    Ok(())
}

fn shape(api: &Api) -> Value {
    json!({ "audience": api.audience.as_str(), "name": api.name, "algorithm": api.algorithm.as_str(),
        "access_lifetime_seconds": api.access_lifetime_seconds, "version": api.version })
}

fn line(api: &Api) -> String {
    let (audience, seconds) = (api.audience.as_str(), api.access_lifetime_seconds);
    format!("{audience:<24} {:<6} {seconds:>5} s  {}", api.algorithm.as_str(), api.name)
}

fn told(audience: &str, error: ChangeError) -> Failure {
    match error {
        ChangeError::NotFound => Failure(format!("there is no API {audience}; see `bailiwick api list`")),
        ChangeError::NameTaken => Failure(format!("{audience} is taken by another API or client")),
        other => other.into(),
    }
}

fn told_of(audience: &str, permission: &str, error: ChangeError) -> Failure {
    match error {
        ChangeError::NotFound => Failure(format!(
            "there is no API {audience}, or it has no permission {permission}; see `bailiwick api permission list {audience}`"
        )),
        ChangeError::NameTaken => Failure(format!("the API {audience} has a permission {permission} already")),
        ChangeError::Conflict(text) if audience == OWN_API => Failure(text),
        other => other.into(),
    }
}
