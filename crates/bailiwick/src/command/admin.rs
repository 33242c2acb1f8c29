//! Administration from the command line: the same use cases, audited as `cli` with the operating-system user. Works beside a running server.
#![expect(clippy::disallowed_methods, reason = "this file names the flow of the command line, and asks who runs it")]

use domain::allowed::{Allowed, Operator};
use domain::realm::{Realm, RealmSlug};
use domain::time::Timestamp;
use domain::unit::UnitPath;
use domain::user::{DisplayName, Email, Username};
use serde_json::json;
use service::App;
use service::grant::{EndGrant, Give};
use service::key::Rotation;
use service::user::{Disable, Invite};
use store::realm::NewRealm;
use store::token::Purpose;

use crate::command::ConfigFile;
use crate::output::{self, Failure};
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
    /// The realm.
    #[arg(long, default_value = "main")]
    realm: String,
}

/// An opened database with a realm.
struct Desk {
    app: App,
    realm: Realm,
    json: bool,
    config: config::Config,
}

impl InRealm {
    async fn open(&self) -> Result<Desk, Failure> {
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
    fn operator(&self) -> Operator {
        Allowed::cli(&os_user(), self.realm.key)
    }

    async fn user(&self, username: &str) -> Result<store::user::User, Failure> {
        let parsed = Username::parse(username).map_err(|error| Failure(format!("{username} {error}")))?;
        let found = service::user::by_username(&self.app, &self.operator(), &parsed).await;
        found.map_err(|_| {
            Failure(format!("there is nobody with the username {username} in realm {}", self.realm.slug.as_str()))
        })
    }
}

fn unit(text: &str) -> Result<UnitPath, Failure> {
    UnitPath::parse(text).map_err(|error| Failure(format!("--unit {text}: {error}")))
}

#[derive(clap::Subcommand)]
pub(super) enum RealmCommand {
    /// List the realms.
    List {
        #[command(flatten)]
        file: ConfigFile,
    },
    /// Make a realm.
    Create {
        #[command(flatten)]
        file: ConfigFile,
        /// Its name in paths: /realms/NAME.
        slug: String,
        /// Its name for people.
        #[arg(long)]
        name: String,
    },
}

impl RealmCommand {
    pub(super) async fn run(self) -> Result<(), Failure> {
        let (Self::List { file } | Self::Create { file, .. }) = &self;
        let desk = InRealm { file: file.clone(), realm: "main".to_owned() }.open().await?;
        if let Self::Create { slug, name, .. } = &self {
            let parsed =
                RealmSlug::parse(slug).ok_or("a realm's name is lower-case letters, digits and hyphens, at most 31")?;
            let issuer = format!("{}/realms/{slug}", desk.config.base_url);
            let new = NewRealm { slug: parsed, name: name.clone(), issuer, rp_id: desk.realm.rp_id.clone() };
            service::realm::create(&desk.app, desk.operator(), new).await?;
            open::ready(&desk.app, &desk.config).await?;
        }
        let realms = service::realm::all(&desk.app).await?;
        let rows: Vec<_> =
            realms.iter().map(|r| json!({ "slug": r.slug.as_str(), "name": r.name, "issuer": r.issuer })).collect();
        let lines: Vec<String> =
            realms.iter().map(|r| format!("{:<20} {:<30} {}", r.slug.as_str(), r.name, r.issuer)).collect();
        output::show(desk.json, &json!(rows), &lines.join("\n"));
        Ok(())
    }
}

#[derive(clap::Subcommand)]
pub(super) enum UserCommand {
    /// List people, by id.
    List {
        #[command(flatten)]
        at: InRealm,
    },
    /// Make an invited person and print the link with which they choose a password.
    Create {
        #[command(flatten)]
        at: InRealm,
        username: String,
        /// What they are called.
        #[arg(long)]
        display_name: String,
        /// Mail address; the link is printed in any case.
        #[arg(long)]
        email: Option<String>,
        /// Home unit.
        #[arg(long, default_value = "/")]
        unit: String,
    },
    /// Disable an account; all its sessions end.
    Disable {
        #[command(flatten)]
        at: InRealm,
        username: String,
        /// Why; stands in the audit log.
        #[arg(long)]
        reason: String,
    },
}

impl UserCommand {
    pub(super) async fn run(self) -> Result<(), Failure> {
        match self {
            Self::List { at } => list_people(&at.open().await?).await,
            Self::Create { at, username, display_name, email, unit: home, .. } => {
                let desk = at.open().await?;
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
                    unit: unit(&home)?,
                    grants: Vec::new(),
                };
                let (person, link) =
                    service::user::create_as_operator(&desk.app, desk.operator(), invite, Purpose::Activation).await?;
                let url = format!("{}/invitation?token={}", desk.app.realm_url(&desk.realm), link.expose());
                let value = json!({ "id": person.user.id.to_string(), "username": username, "invitation_url": url });
                output::show(
                    desk.json,
                    &value,
                    &format!("{username} chooses a password here, once, within 7 days:\n\n{url}"),
                );
                Ok(())
            }
            Self::Disable { at, username, reason } => {
                let desk = at.open().await?;
                let user = desk.user(&username).await?;
                service::user::disable_as_operator(&desk.app, desk.operator(), Disable { user: user.id, reason })
                    .await?;
                output::show(
                    desk.json,
                    &json!({ "username": username, "status": "disabled" }),
                    &format!("{username} is disabled"),
                );
                Ok(())
            }
        }
    }
}

async fn list_people(desk: &Desk) -> Result<(), Failure> {
    let (mut rows, mut lines, mut after) = (Vec::new(), Vec::new(), None);
    loop {
        let filter = store::user::Filter { after, ..store::user::Filter::default() };
        let people = service::user::list_as_operator(&desk.app, desk.operator(), filter, 200).await?;
        let Some(last) = people.last() else { break };
        after = Some(last.user.id);
        for person in people {
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

#[derive(clap::Subcommand)]
pub(super) enum RoleCommand {
    /// List the roles.
    List {
        #[command(flatten)]
        at: InRealm,
    },
}

impl RoleCommand {
    pub(super) async fn run(self) -> Result<(), Failure> {
        let Self::List { at } = self;
        let desk = at.open().await?;
        let directory = service::role::all_as_operator(&desk.app, desk.operator()).await?;
        let (mut rows, mut lines) = (Vec::new(), Vec::new());
        for flat in directory.graph.all() {
            let (name, sensitive) = (flat.role.name.as_str(), flat.role.sensitive);
            let inherits: Vec<&str> = flat.role.inherits.iter().map(|id| directory.graph.name(*id)).collect();
            lines.push(format!("{name:<24} {:<10} {}", if sensitive { "sensitive" } else { "" }, inherits.join(", ")));
            rows.push(json!({ "name": name, "display_name": flat.role.display_name, "sensitive": sensitive, "inherits": inherits }));
        }
        output::show(desk.json, &json!(rows), &lines.join("\n"));
        Ok(())
    }
}

#[derive(clap::Subcommand)]
pub(super) enum GrantCommand {
    /// List what somebody holds and held.
    List {
        #[command(flatten)]
        at: InRealm,
        username: String,
    },
    /// Give somebody a role.
    Add {
        #[command(flatten)]
        at: InRealm,
        username: String,
        role: String,
        #[arg(long, default_value = "/")]
        unit: String,
        /// RFC 3339, like 2026-11-27T18:00:00Z.
        #[arg(long)]
        until: Option<String>,
        /// Why; stands in the audit log.
        #[arg(long)]
        reason: String,
    },
    /// End a grant.
    End {
        #[command(flatten)]
        at: InRealm,
        username: String,
        /// Its id, from `grant list`.
        grant: String,
        #[arg(long)]
        reason: String,
    },
}

impl GrantCommand {
    pub(super) async fn run(self) -> Result<(), Failure> {
        let (Self::List { at, username } | Self::Add { at, username, .. } | Self::End { at, username, .. }) = &self;
        let desk = at.open().await?;
        let user = desk.user(username).await?;
        match &self {
            Self::List { .. } => {}
            Self::Add { role, unit: place, until, reason, .. } => {
                let instant =
                    |text: &String| Timestamp::parse_rfc3339(text).ok_or("--until must be like 2026-11-27T18:00:00Z");
                let command = Give {
                    user: user.id,
                    role: role.clone(),
                    unit: unit(place)?,
                    valid_from: None,
                    valid_until: until.as_ref().map(instant).transpose()?,
                    reason: reason.clone(),
                };
                service::grant::give_as_operator(&desk.app, desk.operator(), command).await?;
            }
            Self::End { grant, reason, .. } => {
                let id = grant.parse().map_err(|_| Failure(format!("{grant} is not the id of a grant")))?;
                service::grant::end_as_operator(
                    &desk.app,
                    desk.operator(),
                    EndGrant { user: user.id, grant: id, reason: reason.clone() },
                )
                .await?;
            }
        }
        let grants = service::grant::list_as_operator(&desk.app, desk.operator(), user.id, None, 200).await?;
        let (mut rows, mut lines) = (Vec::new(), Vec::new());
        for grant in grants {
            let (role, place) = (grant.role_name.as_str(), grant.unit.as_str());
            let state = grant.ended_at.map_or_else(|| "in force".to_owned(), |at| format!("ended {}", at.rfc3339()));
            lines.push(format!("{} {role:<24} {place:<24} {state}  {}", grant.id, grant.reason));
            rows.push(json!({ "id": grant.id.to_string(), "role": role, "unit": place, "reason": grant.reason,
                "ended_at": grant.ended_at.map(Timestamp::rfc3339) }));
        }
        output::show(desk.json, &json!(rows), &lines.join("\n"));
        Ok(())
    }
}

#[derive(clap::Subcommand)]
pub(super) enum KeyCommand {
    /// List the signing keys that are published.
    List {
        #[command(flatten)]
        at: InRealm,
    },
    /// Make a new key for each algorithm in use.
    Rotate {
        #[command(flatten)]
        at: InRealm,
        /// Sign with the new key at once and drop the old ones: their tokens are refused from now on.
        #[arg(long)]
        emergency: bool,
        #[arg(long)]
        reason: String,
    },
}

impl KeyCommand {
    pub(super) async fn run(self) -> Result<(), Failure> {
        let (Self::List { at } | Self::Rotate { at, .. }) = &self;
        let desk = at.open().await?;
        if let Self::Rotate { emergency, reason, .. } = &self {
            let rotation = if *emergency { Rotation::Emergency } else { Rotation::Scheduled };
            service::key::rotate_as_operator(&desk.app, desk.operator(), rotation, reason).await?;
        }
        let (now, mut rows, mut lines) = (desk.app.now(), Vec::new(), Vec::new());
        for key in service::key::list_as_operator(&desk.app, desk.operator()).await? {
            let state = key.schedule.state(now).map_or("retired", domain::key::State::as_str);
            lines.push(format!(
                "{} {:<6} {state:<8} signs from {}",
                key.kid,
                key.algorithm.as_str(),
                key.schedule.signs_from.rfc3339()
            ));
            rows.push(json!({ "kid": key.kid, "algorithm": key.algorithm.as_str(), "state": state,
                "signs_from": key.schedule.signs_from.rfc3339() }));
        }
        output::show(desk.json, &json!(rows), &lines.join("\n"));
        Ok(())
    }
}

#[derive(clap::Subcommand)]
pub(super) enum ApiCommand {
    /// List the APIs.
    List {
        #[command(flatten)]
        at: InRealm,
    },
    /// Give an API a new secret, shown once; those before stay valid for 24 hours.
    Secret {
        #[command(flatten)]
        at: InRealm,
        /// Its audience, from `api list`.
        audience: String,
    },
}

impl ApiCommand {
    pub(super) async fn run(self) -> Result<(), Failure> {
        match self {
            Self::List { at } => {
                let desk = at.open().await?;
                let directory = service::role::all_as_operator(&desk.app, desk.operator()).await?;
                let mut apis: Vec<_> =
                    directory.apis.values().map(|api| (api.audience.as_str(), api.name.as_str())).collect();
                apis.sort_unstable();
                let rows: Vec<_> =
                    apis.iter().map(|(audience, name)| json!({ "audience": audience, "name": name })).collect();
                let lines: Vec<String> = apis.iter().map(|(audience, name)| format!("{audience:<24} {name}")).collect();
                output::show(desk.json, &json!(rows), &lines.join("\n"));
            }
            Self::Secret { at, audience } => {
                let desk = at.open().await?;
                let missing = |_| Failure(format!("there is no API {audience}; see `bailiwick api list`"));
                let made =
                    service::api::new_secret(&desk.app, desk.operator(), audience.clone()).await.map_err(missing)?;
                let value = json!({ "client_id": audience, "client_secret": made.expose() });
                output::show(
                    desk.json,
                    &value,
                    &format!("client_id      {audience}\nclient_secret  {}", made.expose()),
                );
            }
        }
        Ok(())
    }
}
