//! What every command of administration begins with: the database, the realm, and who runs it. The same use cases as the API's, audited as `cli` with
//! the operating-system user. Works beside a running server.
#![expect(clippy::disallowed_methods, reason = "this file names the flow of the command line, and asks who runs it")]

use domain::allowed::{Allowed, Operator};
use domain::realm::Realm;
use domain::time::Timestamp;
use domain::unit::UnitPath;
use domain::user::{Username, printable};
use service::App;

use crate::command::ConfigFile;
use crate::output::Failure;
use crate::{config, open};

/// The operating-system user, as the audit log names it: by the process, not by what the environment says. Behind `sudo` root, and by whom.
pub(super) fn os_user() -> String {
    let uid = rustix::process::getuid().as_raw();
    let passwd = std::fs::read_to_string("/etc/passwd").unwrap_or_default();
    let mut rows = passwd.lines().map(|line| line.split(':').collect::<Vec<_>>());
    let row = rows.find(|row| row.get(2).is_some_and(|number| *number == uid.to_string()));
    let name = row.and_then(|row| row.first().copied()).map_or_else(|| format!("uid {uid}"), ToOwned::to_owned);
    match std::env::var("SUDO_USER") {
        Ok(by) if uid == 0 && !by.is_empty() => format!("{name}, sudo by {by}"),
        _ => name,
    }
}

#[derive(clap::Args)]
pub(super) struct InRealm {
    #[command(flatten)]
    file: ConfigFile,
    /// The realm, by its name from `realm list`.
    #[arg(long, value_name = "NAME", default_value = "main")]
    realm: String,
}

/// An opened database with a realm.
pub(super) struct Desk {
    pub(super) app: App,
    pub(super) realm: Realm,
    pub(super) json: bool,
    pub(super) config: config::Config,
}

impl InRealm {
    /// Realm `main`, for what concerns all realms.
    pub(super) fn main(file: &ConfigFile) -> Self {
        Self { file: file.clone(), realm: "main".to_owned() }
    }

    /// Opens the database and finds the realm.
    pub(super) async fn open(&self) -> Result<Desk, Failure> {
        let config = config::load(self.file.config.as_deref())?;
        let kek = open::key(&config, &service::entropy::SystemEntropy, false)?;
        let app = open::app(&config, kek, open::Mode::Command, false).await?;
        let realms = service::realm::all(&app).await?;
        let known: Vec<&str> = realms.iter().map(|realm| realm.slug.as_str()).collect();
        let missing = if known.is_empty() {
            "the database is empty: run `bailiwick init` first".to_owned()
        } else {
            format!("there is no realm {}; there is {}", self.realm, known.join(", "))
        };
        let realm = realms.into_iter().find(|realm| realm.slug.as_str() == self.realm).ok_or(missing)?;
        Ok(Desk { app, realm, json: self.file.json, config })
    }
}

impl Desk {
    /// The authority of whoever runs the command.
    pub(super) fn operator(&self) -> Operator {
        Allowed::cli(&os_user(), self.realm.key)
    }

    /// Somebody by their sign-in name.
    pub(super) async fn user(&self, username: &str) -> Result<store::user::User, Failure> {
        let parsed = Username::parse(username).map_err(|error| Failure(format!("{username} {error}")))?;
        let found = service::user::by_username(&self.app, &self.operator(), &parsed).await;
        found.map_err(|_| {
            Failure(format!("there is nobody with the username {username} in realm {}", self.realm.slug.as_str()))
        })
    }
}

impl Desk {
    /// What people of this realm may carry.
    pub(super) async fn attribute_schema(&self) -> Result<domain::attribute::AttributeSchema, Failure> {
        Ok(service::realm::attribute_schema(&self.app, &self.operator()).await?)
    }

    /// The sign-in name of somebody; of whoever is gone, the id.
    pub(super) async fn username(&self, id: domain::id::UserId) -> Result<String, Failure> {
        let person = service::user::get_as_operator(&self.app, self.operator(), id).await?;
        Ok(person.user.username.unwrap_or_else(|| id.to_string()))
    }
}

/// A unit by its path.
pub(super) fn unit(text: &str) -> Result<UnitPath, Failure> {
    UnitPath::parse(text).map_err(|error| Failure(format!("--unit {text}: {error}")))
}

/// Why something is done, as the API takes it: 3 to 500 characters.
pub(super) fn reason(text: &str) -> Result<String, String> {
    printable(text, 3, 500).map_err(|error| error.to_string())
}

/// A name for people, as the API takes it: 1 to 100 characters.
pub(super) fn title(text: &str) -> Result<String, String> {
    printable(text, 1, 100).map_err(|error| error.to_string())
}

/// What something is for: up to 500 characters.
pub(super) fn description(text: &str) -> Result<String, String> {
    printable(text, 0, 500).map_err(|error| error.to_string())
}

/// An instant of RFC 3339.
pub(super) fn instant(text: &str) -> Result<Timestamp, String> {
    Timestamp::parse_rfc3339(text)
        .ok_or_else(|| "must be like 2026-11-27T18:00:00Z, or 2026-11-27T18:00:00-05:00".to_owned())
}

/// A permission of an API, written `clinic/charts:read`.
#[derive(Clone, Debug)]
pub(super) struct Named {
    pub(super) api: String,
    pub(super) permission: String,
}

/// Reads [`Named`].
pub(super) fn permission(text: &str) -> Result<Named, String> {
    let parts = text.split_once('/').filter(|(api, name)| !api.is_empty() && !name.is_empty());
    let (api, name) = parts.ok_or("must be an API and its permission, like clinic/charts:read")?;
    Ok(Named { api: api.to_owned(), permission: name.to_owned() })
}

/// An instant as people read it, to the second: 2026-11-27 18:00:00 UTC.
pub(super) fn moment(at: Timestamp) -> String {
    let text = at.rfc3339();
    let text = text.get(..19).unwrap_or(&text);
    format!("{} UTC", text.replace('T', " "))
}
