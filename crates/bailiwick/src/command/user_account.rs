//! `user`: the state of an account.

use serde_json::json;
use service::user::{IssueCode, LockDown, ResetPassword, Unlock};

use super::desk::{Desk, InRealm, moment, reason};
use super::user::show_state;
use super::user_change::told;
use crate::output::{self, Failure};

/// Whose account, and why.
#[derive(clap::Args)]
pub(super) struct Account {
    #[command(flatten)]
    at: InRealm,
    /// Their sign-in name.
    username: String,
    /// Why: 3 to 500 characters; stands in the audit log.
    #[arg(long, value_name = "TEXT", value_parser = reason)]
    reason: String,
}

#[derive(clap::Subcommand)]
pub(super) enum UserAccount {
    /// Lift the waits after wrong passwords and codes, on every device.
    Unlock(Account),
    /// Stop an account that somebody else may have: disabled, all sessions over, links and the password void.
    Lockdown(Account),
    /// Mail a link to a new password; to somebody who never chose one, the invitation again.
    ResetPassword(Account),
    /// Print a code with which somebody without mail chooses a password, once.
    ActivationCode(Account),
}

impl UserAccount {
    pub(super) async fn run(self) -> Result<(), Failure> {
        match self {
            Self::Unlock(account) => {
                let (desk, user) = account.open().await?;
                let command = Unlock { user, reason: account.reason.clone() };
                let now = service::user::unlock_as_operator(&desk.app, desk.operator(), command).await;
                show_state(&desk, &now.map_err(|error| told(&account.username, error))?);
            }
            Self::Lockdown(account) => {
                let (desk, user) = account.open().await?;
                let command = LockDown { user, reason: account.reason.clone() };
                let now = service::user::lock_down_as_operator(&desk.app, desk.operator(), command).await;
                show_state(&desk, &now.map_err(|error| told(&account.username, error))?);
            }
            Self::ResetPassword(account) => {
                let (desk, user) = account.open().await?;
                let command = ResetPassword { user, reason: account.reason.clone() };
                let now = service::user::reset_password_as_operator(&desk.app, desk.operator(), command).await;
                now.map_err(|error| told(&account.username, error))?;
                let value = json!({ "username": account.username, "link_sent": true });
                output::show(desk.json, &value, &format!("{} gets a link by mail", account.username));
            }
            Self::ActivationCode(account) => {
                let (desk, user) = account.open().await?;
                let command = IssueCode { user, reason: account.reason.clone() };
                let made = service::user::issue_code_as_operator(&desk.app, desk.operator(), command).await;
                let (code, expires) = made.map_err(|error| told(&account.username, error))?;
                let page = format!("{}/invitation", desk.app.realm_url(&desk.realm));
                let value =
                    json!({ "username": account.username, "code": code.expose(), "expires_at": expires.rfc3339() });
                let lines = format!(
                    "{} types this at {page}, once, until {}:\n\n{}\n\nIt is shown this once; a code made before is void.",
                    account.username,
                    moment(expires),
                    code.expose()
                );
                output::show(desk.json, &value, &lines);
            }
        }
        Ok(())
    }
}

impl Account {
    async fn open(&self) -> Result<(Desk, domain::id::UserId), Failure> {
        let desk = self.at.open().await?;
        let user = desk.user(&self.username).await?.id;
        Ok((desk, user))
    }
}
