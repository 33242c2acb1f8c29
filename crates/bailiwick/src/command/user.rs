//! `user`.

use domain::time::Timestamp;
use domain::user::{DisplayName, Email, Username};
use serde_json::json;
use service::user::{Disable, Enable, Invite, Person, RequireChange};
use store::token::Purpose;

use super::desk::{Desk, InRealm, instant, reason, unit};
use crate::output::{self, Failure};

#[derive(clap::Subcommand)]
pub(super) enum UserCommand {
    /// List people, by display name.
    List {
        #[command(flatten)]
        at: InRealm,
    },
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
            Self::List { at } => list_people(&at.open().await?).await,
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
fn show_state(desk: &Desk, person: &Person) {
    let (name, status) = (person.user.username.as_deref().unwrap_or_default(), person.user.status.as_str());
    output::show(desk.json, &json!({ "username": name, "status": status }), &format!("{name} is {status}"));
}

async fn list_people(desk: &Desk) -> Result<(), Failure> {
    let (mut rows, mut lines, mut after) = (Vec::new(), Vec::new(), None);
    loop {
        let search = service::user::Search { after, ..service::user::Search::default() };
        let people = service::user::list_as_operator(&desk.app, desk.operator(), search, 200).await?;
        let Some(last) = people.last() else { break };
        after = Some(last.at.clone());
        for person in people.into_iter().map(|found| found.person) {
            let (name, roles) = (person.user.username.clone().unwrap_or_default(), person.roles.join(", "));
            let status = person.user.status.as_str();
            lines.push(format!("{name:<24} {status:<10} {:<24} {roles}", person.user.unit.as_str()));
            let unit = person.user.unit.as_str();
            rows.push(json!({ "id": person.user.id.to_string(), "username": name, "status": status, "unit": unit, "roles": person.roles }));
        }
    }
    output::show(desk.json, &json!(rows), &lines.join("\n"));
    Ok(())
}
