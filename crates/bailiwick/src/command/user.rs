//! `user`.

use domain::time::Timestamp;
use domain::user::{DisplayName, Email, Status, Username};
use serde_json::{Value, json};
use service::stored::Mfa;
use service::user::{Disable, Enable, Invite, Person, RequireChange, Search};
use store::token::Purpose;

use super::desk::{Desk, InRealm, instant, reason, unit};
use super::user_account::UserAccount;
use super::user_change::{UserChange, show};
use crate::output::{self, Failure};

#[derive(clap::Subcommand)]
pub(super) enum UserCommand {
    /// List people, or find them: by the beginning of a name, username, mail address or external id.
    List {
        #[command(flatten)]
        at: InRealm,
        /// The beginning of what is looked for.
        prefix: Option<String>,
        /// Only who holds this role somewhere now, by itself.
        #[arg(long, value_name = "ROLE")]
        role: Option<String>,
        /// Only whose home is this unit or one below it.
        #[arg(long, value_name = "PATH")]
        unit: Option<String>,
        /// Only in this state: active, disabled, invited or deleted; without it, all but the deleted.
        #[arg(long, value_name = "STATE", value_parser = status)]
        status: Option<Status>,
        /// Only with this second factor: totp, passkey or none.
        #[arg(long, value_name = "KIND", value_parser = mfa)]
        mfa: Option<Mfa>,
    },
    /// Show what is known of somebody.
    Show {
        #[command(flatten)]
        at: InRealm,
        /// Their sign-in name.
        username: String,
    },
    #[command(flatten)]
    Change(UserChange),
    #[command(flatten)]
    Account(UserAccount),
    /// Show what somebody may do, where, until when, and through which role.
    Permissions {
        #[command(flatten)]
        at: InRealm,
        /// Their sign-in name.
        username: String,
        /// As it was at an instant that is past, like 2026-11-20T08:00:00Z; without it, now.
        #[arg(long = "at", value_name = "INSTANT", value_parser = instant)]
        instant: Option<Timestamp>,
        /// Only permissions of this API.
        #[arg(long, value_name = "AUDIENCE")]
        api: Option<String>,
    },
    /// Make an invited person and print the link with which they choose a password.
    Create {
        #[command(flatten)]
        at: InRealm,
        /// Sign-in name: 3 to 64 letters, digits, `.`, `_`, `-`; no e-mail address.
        username: String,
        /// What they are called, as people read it.
        #[arg(long, value_name = "TEXT")]
        display_name: String,
        /// Mail address, for messages; the link is printed in any case.
        #[arg(long, value_name = "ADDRESS")]
        email: Option<String>,
        /// Home unit, a path like /clinic-a/ward-3: whoever administers it administers this person.
        #[arg(long, value_name = "PATH", default_value = "/")]
        unit: String,
    },
    /// Disable an account; all its sessions end.
    Disable {
        #[command(flatten)]
        at: InRealm,
        /// Their sign-in name.
        username: String,
        /// Why: 3 to 500 characters; stands in the audit log.
        #[arg(long, value_name = "TEXT", value_parser = reason)]
        reason: String,
    },
    /// Require a new password before the next session: somebody else may know the present one.
    RequirePasswordChange {
        #[command(flatten)]
        at: InRealm,
        /// Their sign-in name.
        username: String,
        /// Why: 3 to 500 characters; stands in the audit log.
        #[arg(long, value_name = "TEXT", value_parser = reason)]
        reason: String,
    },
    /// Enable a disabled account; sessions that ended stay ended.
    Enable {
        #[command(flatten)]
        at: InRealm,
        /// Their sign-in name.
        username: String,
        /// Why: 3 to 500 characters; stands in the audit log.
        #[arg(long, value_name = "TEXT", value_parser = reason)]
        reason: String,
    },
}

impl UserCommand {
    pub(super) async fn run(self) -> Result<(), Failure> {
        match self {
            Self::List { at, prefix, role, unit: home, status, mfa } => {
                let place = home.as_deref().map(unit).transpose()?;
                let search = Search { prefix: prefix.unwrap_or_default(), role, unit: place, status, mfa, after: None };
                list_people(&at.open().await?, search).await
            }
            Self::Show { at, username } => {
                let desk = at.open().await?;
                let id = desk.user(&username).await?.id;
                let found = service::user::get_as_operator(&desk.app, desk.operator(), id).await?;
                show(&desk, &found);
                Ok(())
            }
            Self::Change(command) => command.run().await,
            Self::Account(command) => command.run().await,
            Self::Permissions { at, username, instant, api } => {
                super::user_access::show(&at.open().await?, &username, instant, api.as_deref()).await
            }
            Self::Create { at, username, display_name, email, unit: home } => {
                let invite = Invite {
                    username: Username::parse(&username).map_err(|e| Failure(format!("{username} {e}")))?,
                    display_name: DisplayName::parse(&display_name)
                        .map_err(|e| Failure(format!("--display-name {e}")))?,
                    given_name: None,
                    family_name: None,
                    email: email
                        .as_deref()
                        .map(Email::parse)
                        .transpose()
                        .map_err(|e| Failure(format!("--email {e}")))?,
                    phone: None,
                    locale: None,
                    external_id: None,
                    attributes: serde_json::Map::new(),
                    unit: unit(&home)?,
                    grants: Vec::new(),
                };
                create(&at.open().await?, &username, invite).await
            }
            Self::Disable { at, username, reason } => {
                let desk = at.open().await?;
                let user = desk.user(&username).await?.id;
                let done = service::user::disable_as_operator(&desk.app, desk.operator(), Disable { user, reason });
                show_state(&desk, &done.await?);
                Ok(())
            }
            Self::RequirePasswordChange { at, username, reason } => {
                let desk = at.open().await?;
                let command = RequireChange { user: desk.user(&username).await?.id, reason };
                service::user::require_change_as_operator(&desk.app, desk.operator(), command).await?;
                let value = json!({ "username": username, "must_change_password": true });
                output::show(desk.json, &value, &format!("{username} chooses a new password at the next sign-in"));
                Ok(())
            }
            Self::Enable { at, username, reason } => {
                let desk = at.open().await?;
                let user = desk.user(&username).await?.id;
                let done = service::user::enable_as_operator(&desk.app, desk.operator(), Enable { user, reason });
                show_state(&desk, &done.await?);
                Ok(())
            }
        }
    }
}

async fn create(desk: &Desk, username: &str, invite: Invite) -> Result<(), Failure> {
    let (person, link) =
        service::user::create_as_operator(&desk.app, desk.operator(), invite, Purpose::Activation).await?;
    let url = format!("{}/invitation?token={}", desk.app.realm_url(&desk.realm), link.expose());
    let value = json!({ "id": person.user.id.to_string(), "username": username, "invitation_url": url });
    output::show(desk.json, &value, &format!("{username} chooses a password here, once, within 7 days:\n\n{url}"));
    Ok(())
}

/// Says in which state an account is now. One that never chose a password is invited again when it is enabled.
pub(super) fn show_state(desk: &Desk, person: &Person) {
    let (name, status) = (person.user.username.as_deref().unwrap_or_default(), person.user.status.as_str());
    output::show(desk.json, &json!({ "username": name, "status": status }), &format!("{name} is {status}"));
}

async fn list_people(desk: &Desk, mut search: Search) -> Result<(), Failure> {
    let (mut rows, mut lines) = (Vec::new(), Vec::new());
    loop {
        let people = service::user::list_as_operator(&desk.app, desk.operator(), search.clone(), 200).await?;
        let Some(last) = people.last() else { break };
        search.after = Some(last.at.clone());
        for person in people.into_iter().map(|found| found.person) {
            let (name, roles) = (person.user.username.as_deref().unwrap_or_default(), person.roles.join(", "));
            let status = person.user.status.as_str();
            lines.push(format!("{name:<24} {status:<10} {:<24} {roles}", person.user.unit.as_str()));
            rows.push(shape(&person));
        }
    }
    let people = if lines.is_empty() { "nobody like this".to_owned() } else { lines.join("\n") };
    output::show(desk.json, &json!(rows), &people);
    Ok(())
}

/// Somebody as JSON, in the words of the API.
pub(super) fn shape(person: &Person) -> Value {
    let user = &person.user;
    let attributes: Value = serde_json::from_str(&user.attributes).unwrap_or_default();
    json!({ "id": user.id.to_string(), "username": user.username, "display_name": user.display_name, "given_name": user.given_name,
        "family_name": user.family_name, "email": user.email, "email_verified": user.email_verified_at.is_some(), "phone": user.phone,
        "locale": user.locale, "unit": user.unit.as_str(), "external_id": user.external_id, "attributes": attributes,
        "status": user.status.as_str(), "roles": person.roles, "mfa": person.mfa, "last_sign_in_at": user.last_sign_in_at.map(Timestamp::rfc3339),
        "password_changed_at": user.password_changed_at.map(Timestamp::rfc3339), "created_at": user.created_at.rfc3339(),
        "updated_at": user.updated_at.rfc3339(), "version": user.version })
}

fn status(text: &str) -> Result<Status, String> {
    Status::parse(text).ok_or_else(|| "must be active, disabled, invited or deleted".to_owned())
}

fn mfa(text: &str) -> Result<Mfa, String> {
    Mfa::parse(text).ok_or_else(|| "must be totp, passkey or none".to_owned())
}
