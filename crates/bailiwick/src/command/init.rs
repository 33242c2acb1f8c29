//! `init`: database, keys, one-time set-up link for the first administrator (ACC-02). There is no default account.
#![expect(clippy::disallowed_methods, reason = "this file names the flow of the command line")]

use domain::allowed::Allowed;
use domain::realm::{RealmKey, RealmSlug};
use domain::unit::UnitPath;
use domain::user::{DisplayName, Email, Username};
use service::user::{FirstGrant, Invite};
use store::realm::NewRealm;
use store::token::Purpose;

use crate::command::ConfigFile;
use crate::command::desk::os_user;
use crate::command::profile::read;
use crate::output::{self, Failure};
use crate::{config, open};

#[derive(clap::Args)]
pub(super) struct Init {
    #[command(flatten)]
    file: ConfigFile,
    /// The roles, permissions and policies to begin with: healthcare, agency, or the path of a profile's file.
    #[arg(long, value_name = "NAME|FILE")]
    profile: String,
    /// The organisation's name, as people read it.
    #[arg(long, default_value = "Bailiwick")]
    name: String,
    /// Sign-in name of the first administrator.
    #[arg(long, default_value = "admin")]
    username: String,
    /// Mail address of the first administrator.
    #[arg(long)]
    email: Option<String>,
}

impl Init {
    pub(super) async fn run(self) -> Result<(), Failure> {
        let profile = read(&self.profile)?;
        let administrates = |one| profile.gives("admin", domain::permission::OWN_API, one);
        if !administrates("roles:assign") || !administrates("users:manage") {
            return Err(Failure(format!(
                "the profile {} has no role admin with bailiwick roles:assign and users:manage, which the first administrator gets",
                profile.name
            )));
        }
        let username = Username::parse(&self.username).map_err(|e| Failure(format!("--username {e}")))?;
        let email = self.email.as_deref().map(Email::parse).transpose().map_err(|e| Failure(format!("--email {e}")))?;
        let config = config::load(self.file.config.as_deref())?;
        let kek = open::key(&config, &service::entropy::SystemEntropy, true)?;
        let app = open::app(&config, kek, open::Mode::Command, true).await?;
        let slug = RealmSlug::parse("main").ok_or("main is a slug")?;
        if service::realm::all(&app).await?.iter().any(|realm| realm.slug == slug) {
            return Err(Failure("this database was set up already. For another administrator, or if the link was lost: bailiwick user create NAME --display-name …, then bailiwick grant add NAME admin --reason …".to_owned()));
        }
        let allowed = || Allowed::cli(&os_user(), RealmKey::MAIN);
        let rp_id = config.base_url.split("://").nth(1).and_then(|host| host.split(':').next()).unwrap_or("localhost");
        let new = NewRealm { slug, name: self.name.clone(), issuer: config.base_url.clone(), rp_id: rp_id.to_owned() };
        service::realm::create(&app, allowed(), new).await?;
        output::error("making the signing key, this takes a moment");
        open::ready(&app, &config).await?;
        service::profile::apply(&app, allowed(), profile).await?;
        let first = Invite {
            username,
            display_name: DisplayName::parse("First administrator").map_err(|e| Failure(e.to_string()))?,
            given_name: None,
            family_name: None,
            email,
            phone: None,
            locale: None,
            external_id: None,
            attributes: serde_json::Map::new(),
            unit: UnitPath::root(),
            grants: vec![FirstGrant { role: "admin".to_owned(), unit: UnitPath::root(), reason: "set-up".to_owned() }],
        };
        let (person, link) = service::user::create_as_operator(&app, allowed(), first, Purpose::SetUp).await?;
        let url = format!("{}/invitation?token={}", config.base_url, link.expose());
        let name = person.user.username.unwrap_or_default();
        let people = format!(
            "The database is ready. Start the server with `bailiwick serve`, then choose the password of {name} here (once, within 7 days):\n\n{url}\n"
        );
        output::show(self.file.json, &serde_json::json!({ "username": name, "set_up_url": url }), &people);
        Ok(())
    }
}
