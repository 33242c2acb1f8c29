//! `policy`: what the realm and roles ask for, and what that makes of a person.

use domain::policy::{Cause, Merged, Policy, Ruled};
use serde::Serialize;
use serde_json::{Value, json};
use service::policy::{Edition, PolicyError, SetPolicy};

use super::desk::{Desk, InRealm};
use super::role::unknown;
use crate::output::{self, Failure};

#[derive(clap::Subcommand)]
pub(super) enum PolicyCommand {
    /// Show what the realm or a role asks for, or what applies to a person and through what.
    Show {
        #[command(flatten)]
        at: InRealm,
        /// Of a role, by its name from `role list`.
        #[arg(long, value_name = "ROLE")]
        role: Option<String>,
        /// What applies to a person, by their username.
        #[arg(long, value_name = "USERNAME", conflicts_with = "role")]
        user: Option<String>,
    },
    /// Change what the realm or a role asks for; it acts at once, also on sessions that live. What is not named stays.
    Set {
        #[command(flatten)]
        at: InRealm,
        /// Of a role, by its name from `role list`.
        #[arg(long, value_name = "ROLE")]
        role: Option<String>,
        /// `idle_seconds=900`, `assurance=aal2`, `networks=10.0.0.0/8,192.0.2.7`, `networks=nowhere`, `password.min_length=16`; without a value it is no
        /// longer set: `max_sessions=`. Fields as `policy show` names them.
        #[arg(required = true, value_name = "FIELD=VALUE", value_parser = change)]
        changes: Vec<Change>,
    },
}

/// A field with its new value; null: no longer set.
#[derive(Clone, Debug)]
pub(super) struct Change {
    field: &'static str,
    value: Value,
}

fn change(text: &str) -> Result<Change, String> {
    let (name, value) = text.split_once('=').ok_or("must be a field and its value, like idle_seconds=900")?;
    let known = || format!("must name one of {}", Policy::FIELDS.join(", "));
    let field = Policy::FIELDS.into_iter().find(|field| *field == name).ok_or_else(known)?;
    let value = match (field, value) {
        (_, "") => Value::Null,
        ("networks", "nowhere") => json!([]),
        ("networks", list) => json!(list.split(',').map(str::trim).collect::<Vec<_>>()),
        (_, text) => text.parse::<u32>().map_or_else(|_| json!(text), |number| json!(number)),
    };
    Ok(Change { field, value })
}

impl PolicyCommand {
    pub(super) async fn run(self) -> Result<(), Failure> {
        match self {
            Self::Show { at, user: Some(username), .. } => {
                let desk = at.open().await?;
                let id = desk.user(&username).await?.id;
                let merged = service::policy::of_user_as_operator(&desk.app, desk.operator(), id).await?;
                applies(&desk, &merged);
                Ok(())
            }
            Self::Show { at, role, user: None } => {
                let desk = at.open().await?;
                let edition = edition(&desk, role.as_deref()).await?;
                show(&desk, &edition, role.as_deref());
                Ok(())
            }
            Self::Set { at, role, changes } => {
                let desk = at.open().await?;
                let now = edition(&desk, role.as_deref()).await?;
                let policy = changed(&now.policy, changes)?;
                // The version that was read: of two who change it at a time one is told.
                let command = SetPolicy { role: role.clone(), version: Some(now.version), policy };
                let set = service::policy::set_as_operator(&desk.app, desk.operator(), command).await;
                show(&desk, &set.map_err(|error| told(role.as_deref(), error))?, role.as_deref());
                Ok(())
            }
        }
    }
}

async fn edition(desk: &Desk, role: Option<&str>) -> Result<Edition, Failure> {
    let found = service::policy::get_as_operator(&desk.app, desk.operator(), role.map(ToOwned::to_owned)).await;
    found.map_err(|error| told(role, error))
}

/// The policy with some fields changed.
fn changed(policy: &Policy, changes: Vec<Change>) -> Result<Policy, Failure> {
    let mut document = serde_json::to_value(policy)?;
    for Change { field, value } in changes {
        let mut at = &mut document;
        let (parent, name) = field.split_once('.').map_or((None, field), |(parent, name)| (Some(parent), name));
        if let Some(parent) = parent {
            if at[parent].is_null() {
                at[parent] = json!({});
            }
            at = &mut at[parent];
        }
        at[name] = value;
        // One after the other, so that whoever mistyped hears where.
        serde_json::from_value::<Policy>(document.clone()).map_err(|error| Failure(format!("{field}: {error}")))?;
    }
    Ok(serde_json::from_value(document)?)
}

fn told(role: Option<&str>, error: PolicyError) -> Failure {
    match (error, role) {
        (PolicyError::NotFound, Some(role)) => unknown(role),
        (PolicyError::ChangedMeanwhile, _) => {
            Failure("somebody changed the policy meanwhile: look at it and try again".to_owned())
        }
        (PolicyError::Wrong(all), _) => {
            let lines: Vec<String> = all.iter().map(|wrong| format!("{} {}", wrong.field, wrong.detail)).collect();
            Failure(lines.join("\n"))
        }
        (other, _) => other.into(),
    }
}

fn show(desk: &Desk, edition: &Edition, role: Option<&str>) {
    let policy = &edition.policy;
    let mut lines: Vec<String> = Policy::FIELDS
        .iter()
        .map(|field| (field, policy.value(field)))
        .filter(|(_, value)| !value.is_null())
        .map(|(field, value)| format!("{field:<24} {}", words(&value)))
        .collect();
    if lines.is_empty() {
        lines.push(match role {
            Some(role) => format!("the role {role} asks for nothing more than the realm does"),
            None => "the realm sets nothing: the defaults hold".to_owned(),
        });
    }
    lines.extend(policy.deviations().iter().map(|clause| format!("departs from             {clause}")));
    let mut value = json!({ "deviations": policy.deviations(), "version": edition.version });
    for field in Policy::FIELDS {
        match field.split_once('.') {
            Some((parent, name)) => value[parent][name] = policy.value(field),
            None => value[field] = policy.value(field),
        }
    }
    output::show(desk.json, &value, &lines.join("\n"));
}

/// A value as people read it: `10.0.0.0/8, 192.0.2.0/24`, `nowhere`, `900`.
fn words(value: &Value) -> String {
    match value {
        Value::Array(all) if all.is_empty() => "nowhere".to_owned(),
        Value::Array(all) => all.iter().map(words).collect::<Vec<_>>().join(", "),
        Value::String(text) => text.clone(),
        Value::Null => "any".to_owned(),
        other => other.to_string(),
    }
}

fn ruled<T: Serialize + Copy>(field: Option<&Ruled<T>>) -> (Value, String) {
    let from = field.map_or(&Cause::Floor, |ruled| &ruled.from).to_string();
    (field.and_then(|ruled| serde_json::to_value(ruled.value).ok()).unwrap_or_default(), from)
}

/// What applies to a person, a line for each field with what it comes from.
fn applies(desk: &Desk, merged: &Merged) {
    let causes = merged.networks.keys().map(ToString::to_string).collect::<Vec<_>>().join(" ");
    let networks = (json!(merged.shared_networks()), if causes.is_empty() { Cause::Floor.to_string() } else { causes });
    let fields = [
        ("idle_seconds", ruled(merged.idle_seconds.as_ref())),
        ("absolute_seconds", ruled(merged.absolute_seconds.as_ref())),
        ("access_token_seconds", ruled(merged.access_token_seconds.as_ref())),
        ("assurance", ruled(merged.assurance.as_ref())),
        ("step_up_seconds", ruled(merged.step_up_seconds.as_ref())),
        ("max_sessions", ruled(merged.max_sessions.as_ref())),
        ("at_limit", ruled(merged.at_limit.as_ref())),
        ("networks", networks),
        ("password.preset", ruled(merged.preset.as_ref())),
        ("password.min_length", ruled(merged.min_length.as_ref())),
        ("password.history", ruled(merged.history.as_ref())),
        ("password.expiry_days", ruled(merged.expiry_days.as_ref().or(merged.single_factor_expiry_days.as_ref()))),
        ("password.min_age_days", ruled(merged.min_age_days.as_ref())),
    ];
    let mut whole = json!({});
    let mut lines = Vec::new();
    for (field, (value, from)) in fields {
        lines.push(format!("{field:<24} {:<24} {from}", words(&value)));
        let one = json!({ "value": value, "from": from });
        match field.split_once('.') {
            Some((parent, name)) => whole[parent][name] = one,
            None => whole[field] = one,
        }
    }
    output::show(desk.json, &whole, &lines.join("\n"));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_names_a_field_and_its_value() {
        let policy = |changes: &[&str], policy: &Policy| {
            let changes = changes.iter().map(|text| change(text)).collect::<Result<Vec<_>, _>>();
            changed(policy, changes.unwrap_or_default()).unwrap_or_default()
        };
        let set = policy(
            &["idle_seconds=600", "assurance=aal2", "networks=10.0.0.0/8, 192.0.2.7", "password.min_length=16"],
            &Policy::default(),
        );

        assert_eq!((set.idle_seconds, set.password.min_length), (Some(600), Some(16)));
        assert_eq!(set.networks.as_ref().map(Vec::len), Some(2));
        assert_eq!(policy(&["networks=nowhere"], &set).networks, Some(Vec::new()));
        let unset = policy(&["idle_seconds=", "networks=", "password.min_length=", "assurance="], &set);
        assert_eq!(unset, Policy::default());
        for text in ["idle_seconds", "idle=900", "", "password=classic"] {
            assert!(change(text).is_err(), "{text}");
        }
        let wrong = change("assurance=aal9").map(|wrong| vec![wrong]).unwrap_or_default();
        assert!(changed(&Policy::default(), wrong).is_err());
    }
}
