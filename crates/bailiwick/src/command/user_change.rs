//! `user`: changing and deleting people.

use domain::attribute::{AttributeKind, AttributeSchema};
use domain::user::{Change, DisplayName, Email, Username, printable};
use serde_json::{Map, Value, json};
use service::user::{ChangeEmail, Delete, Person, Rename, Update, UserError};

use super::desk::{Desk, InRealm, reason, unit};
use super::user::shape;
use crate::output::{self, Failure};

#[derive(clap::Subcommand)]
pub(super) enum UserChange {
    /// Change what is known of somebody. What is not named stays; an empty text takes a value away.
    Update {
        #[command(flatten)]
        at: InRealm,
        /// Their sign-in name.
        username: String,
        #[command(flatten)]
        fields: Box<Fields>,
    },
    /// Give somebody another sign-in name; the one before is free again.
    Rename {
        #[command(flatten)]
        at: InRealm,
        /// Their sign-in name.
        username: String,
        /// The new one: 3 to 64 letters, digits, `.`, `_`, `-`.
        new: String,
    },
    /// Change somebody's mail address: a link goes to the new one, a notice to the old one.
    Email {
        #[command(flatten)]
        at: InRealm,
        /// Their sign-in name.
        username: String,
        /// The new address; without it, the person has none.
        address: Option<String>,
    },
    /// Delete somebody for good: name and data go, all roles and sessions end. What they did stays in the log.
    Delete {
        #[command(flatten)]
        at: InRealm,
        /// Their sign-in name.
        username: String,
        /// Why: 3 to 500 characters; stands in the audit log.
        #[arg(long, value_name = "TEXT", value_parser = reason)]
        reason: String,
    },
}

#[derive(clap::Args)]
pub(super) struct Fields {
    /// What they are called, as people read it.
    #[arg(long, value_name = "TEXT")]
    display_name: Option<String>,
    /// Given name.
    #[arg(long, value_name = "TEXT", value_parser = short)]
    given_name: Option<String>,
    /// Family name.
    #[arg(long, value_name = "TEXT", value_parser = short)]
    family_name: Option<String>,
    /// Telephone.
    #[arg(long, value_name = "TEXT", value_parser = phone)]
    phone: Option<String>,
    /// Key in another directory: a staff number.
    #[arg(long, value_name = "TEXT", value_parser = short)]
    external_id: Option<String>,
    /// Home unit, a path like /clinic-a/ward-3.
    #[arg(long, value_name = "PATH")]
    unit: Option<String>,
    /// An attribute of the realm's schema, like npi=1234567893; may be given several times.
    #[arg(long = "attribute", value_name = "NAME=VALUE", value_parser = pair)]
    attributes: Vec<(String, String)>,
}

fn short(text: &str) -> Result<String, String> {
    printable(text, 0, 200).map_err(|error| error.to_string())
}

fn phone(text: &str) -> Result<String, String> {
    printable(text, 0, 40).map_err(|error| error.to_string())
}

fn pair(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once('=').ok_or("must be a name and a value, like npi=1234567893")?;
    Ok((name.to_owned(), value.to_owned()))
}

/// An empty text takes away.
fn change(sent: Option<String>) -> Change<String> {
    match sent {
        None => Change::Keep,
        Some(text) if text.is_empty() => Change::Clear,
        Some(text) => Change::To(text),
    }
}

impl UserChange {
    pub(super) async fn run(self) -> Result<(), Failure> {
        match self {
            Self::Update { at, username, fields } => update(&at.open().await?, &username, *fields).await,
            Self::Rename { at, username, new } => {
                let parsed = Username::parse(&new).map_err(|error| Failure(format!("{new} {error}")))?;
                let desk = at.open().await?;
                let command = Rename { user: desk.user(&username).await?.id, version: None, username: parsed };
                let now = service::user::rename_as_operator(&desk.app, desk.operator(), command).await;
                show(&desk, &now.map_err(|error| told(&new, error))?);
                Ok(())
            }
            Self::Email { at, username, address } => {
                let email = address.as_deref().map(Email::parse).transpose();
                let email =
                    email.map_err(|error| Failure(format!("{} {error}", address.as_deref().unwrap_or_default())))?;
                let desk = at.open().await?;
                let command = ChangeEmail { user: desk.user(&username).await?.id, version: None, email };
                let now = service::user::change_email_as_operator(&desk.app, desk.operator(), command).await;
                show(&desk, &now.map_err(|error| told(&username, error))?);
                Ok(())
            }
            Self::Delete { at, username, reason } => {
                let desk = at.open().await?;
                let command = Delete { user: desk.user(&username).await?.id, version: None, reason: Some(reason) };
                let done = service::user::delete_as_operator(&desk.app, desk.operator(), command).await;
                done.map_err(|error| told(&username, error))?;
                output::show(
                    desk.json,
                    &json!({ "username": username, "status": "deleted" }),
                    &format!("{username} is deleted"),
                );
                Ok(())
            }
        }
    }
}

async fn update(desk: &Desk, username: &str, fields: Fields) -> Result<(), Failure> {
    let name = fields.display_name.as_deref().map(DisplayName::parse).transpose();
    let schema = desk.attribute_schema().await?;
    let command = Update {
        user: desk.user(username).await?.id,
        version: None,
        display_name: name.map_err(|error| Failure(format!("--display-name {error}")))?,
        given_name: change(fields.given_name),
        family_name: change(fields.family_name),
        phone: change(fields.phone),
        locale: Change::Keep,
        external_id: change(fields.external_id),
        attributes: attributes(&schema, fields.attributes),
        unit: fields.unit.as_deref().map(unit).transpose()?,
    };
    let now = service::user::update_as_operator(&desk.app, desk.operator(), command).await;
    show(desk, &now.map_err(|error| told(username, error))?);
    Ok(())
}

/// As the schema's kinds want them; what does not fit stays a text, and is refused with what was expected.
fn attributes(schema: &AttributeSchema, sent: Vec<(String, String)>) -> Map<String, Value> {
    let typed = |name: &str, text: String| match schema.get(name).map(|attribute| attribute.kind) {
        _ if text.is_empty() => Value::Null,
        Some(AttributeKind::Integer) => text.parse::<i64>().map_or(Value::String(text), Value::from),
        Some(AttributeKind::Boolean) => text.parse::<bool>().map_or(Value::String(text), Value::from),
        _ => Value::String(text),
    };
    sent.into_iter().map(|(name, text)| (name.clone(), typed(&name, text))).collect()
}

pub(super) fn show(desk: &Desk, person: &Person) {
    let value = shape(person);
    let mut lines = Vec::new();
    for (name, value) in value.as_object().into_iter().flatten() {
        let text = match value {
            Value::Null => continue,
            Value::String(text) => text.clone(),
            Value::Array(all) => all.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(", "),
            Value::Object(members) => {
                let plain = |value: &Value| value.as_str().map_or_else(|| value.to_string(), ToOwned::to_owned);
                members.iter().map(|(name, value)| format!("{name} {}", plain(value))).collect::<Vec<_>>().join(", ")
            }
            other => other.to_string(),
        };
        lines.push(format!("{name:<20} {text}"));
    }
    output::show(desk.json, &value, &lines.join("\n"));
}

/// What was refused, in words that name it.
pub(super) fn told(username: &str, error: UserError) -> Failure {
    match error {
        UserError::NameTaken => Failure(format!("the username {username} is taken")),
        UserError::Attributes(errors) => {
            let line = |error: &domain::attribute::AttributeError| {
                format!("attribute {}: {}", error.pointer.trim_start_matches('/'), error.text)
            };
            Failure(errors.iter().map(line).collect::<Vec<_>>().join("\n"))
        }
        other => other.into(),
    }
}
