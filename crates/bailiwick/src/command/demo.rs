//! `demo`: one command, a running organisation with seeded people. What it made is kept and continued.
#![expect(clippy::disallowed_methods, reason = "this file names the flow that seeds the demo")]

use std::path::{Path, PathBuf};

use domain::allowed::{Allowed, Request};
use domain::profile::Profile;
use domain::realm::{Realm, RealmKey, RealmSlug};
use domain::totp::Seed;
use domain::unit::UnitPath;
use domain::user::{DisplayName, Email, Username};
use rustls::pki_types::pem::PemObject;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use service::App;
use service::signing::KeyKind;
use service::unit::{CreateUnit, UnitError};
use service::user::{FirstGrant, Invite};
use store::Location;
use store::realm::NewRealm;
use store::token::Purpose;

use super::demo_people::{self, Person};
use super::profile::built_in;
use crate::command::log;
use crate::config::Config;
use crate::output::{self, Failure};
use crate::{kek, open, serve};

#[derive(clap::Args)]
pub(super) struct Demo {
    /// The organisation: healthcare or agency.
    #[arg(default_value = "healthcare")]
    profile: String,
    /// Address and port; port 0 takes a free one. Only this machine.
    #[arg(long, default_value = "127.0.0.1:8080")]
    listen: String,
    /// A folder, or postgres://…; in --data unless given.
    #[arg(long)]
    database: Option<String>,
    /// Where database, keys, passwords and credentials are kept between runs.
    #[arg(long, default_value = ".bailiwick-demo")]
    data: PathBuf,
    /// Begin anew: forget what an earlier run made.
    #[arg(long)]
    fresh: bool,
    /// Print what was made as one line of JSON once it serves.
    #[arg(long)]
    json: bool,
    /// PEM file (PKCS#8) with the signing key: tests mint their own tokens.
    #[arg(long, value_name = "PEM")]
    signing_key: Option<PathBuf>,
}

/// What a demo is, kept in `demo.json`.
#[derive(Serialize, Deserialize)]
struct Kept {
    profile: String,
    issuer: String,
    database: String,
    /// Whether seeding was finished.
    complete: bool,
    people: Vec<Person>,
    others: Vec<Person>,
    apis: Vec<Credentials>,
}

#[derive(Clone, Serialize, Deserialize)]
struct Credentials {
    audience: String,
    client_id: String,
    client_secret: String,
}

impl Kept {
    /// A demo of which nothing is known but where it is.
    fn unknown(profile: &str, config: &Config) -> Self {
        Self {
            profile: profile.to_owned(),
            issuer: config.base_url.clone(),
            database: config.database.clone(),
            complete: false,
            people: Vec::new(),
            others: Vec::new(),
            apis: Vec::new(),
        }
    }
}

impl Demo {
    pub(super) async fn run(self) -> Result<(), Failure> {
        log("warn");
        if !self.listen.starts_with("127.0.0.1:") && !self.listen.starts_with("localhost:") {
            return Err(Failure("demo runs on this machine only: --listen 127.0.0.1:PORT".to_owned()));
        }
        built_in(&self.profile)?; // before anything is taken or made
        let listeners = serve::bind(&self.listen, "127.0.0.1:0")?;
        let port = listeners.public.first().map_or(0, |socket| socket.local_addr().map_or(0, |at| at.port()));
        let operations = listeners.operations.local_addr()?;
        let base_url = format!("http://localhost:{port}");
        let database = self.database.clone().unwrap_or_else(|| self.data.join("database").display().to_string());
        let config = Config { base_url: base_url.clone(), listen: self.listen.clone(), database, ..Config::default() };
        let (app, kept) = self.open(&config).await?;
        let surface = surface(&kept, &config, operations, &self.data);
        let shown = shown(&kept, &base_url, operations, &self.data);
        let (json, path) = (self.json, self.data.clone());
        serve::run(app, &config, surface, listeners, move || {
            if json {
                output::line(&shown.to_string());
            } else {
                output::line(&greeting(&kept, &base_url, &path));
            }
        })
        .await
    }

    /// Opens what an earlier run made, or makes it.
    async fn open(&self, config: &Config) -> Result<(App, Kept), Failure> {
        let file = self.data.join("demo.json");
        let earlier: Option<Kept> = match std::fs::read_to_string(&file).map(|text| serde_json::from_str(&text)) {
            Ok(Ok(kept)) => Some(kept),
            // What lies in the folder itself is ours whatever the file says.
            Ok(Err(_)) if self.fresh && self.database.is_none() => Some(Kept::unknown(&self.profile, config)),
            Ok(Err(_)) => {
                let shown = file.display();
                return Err(Failure(format!("{shown} is damaged: put it back, or start with --fresh to begin anew")));
            }
            Err(_) => None,
        };
        if self.fresh {
            self.forget(config, earlier.as_ref()).await?;
            return self.make(config).await;
        }
        match earlier {
            Some(kept) if kept.complete => self.go_on(config, kept).await,
            // Stopped while it was being made: nobody has seen a password of it yet.
            Some(kept) => {
                self.forget(config, Some(&kept)).await?;
                self.make(config).await
            }
            None => self.make(config).await,
        }
    }

    async fn go_on(&self, config: &Config, kept: Kept) -> Result<(App, Kept), Failure> {
        if kept.profile != self.profile {
            return Err(Failure(format!(
                "{} holds a demo of {}. Take another --data, or start with --fresh to begin anew.",
                self.data.display(),
                kept.profile
            )));
        }
        if kept.database != config.database {
            return Err(Failure(format!(
                "this demo keeps its database elsewhere: take --database {}",
                redacted(&kept.database)
            )));
        }
        if let Location::Folder(folder) = Location::parse(&config.database)
            && !open::has_database(&folder)
        {
            return Err(Failure(format!(
                "the database {} is gone. Start with --fresh to begin anew.",
                folder.display()
            )));
        }
        let kek = kek::from_file(&self.data.join("key-encryption-key"))?;
        let app = open::app(config, kek, open::Mode::Serve, true).await?;
        for realm in service::realm::all(&app).await? {
            service::realm::furnish(&app, &realm).await?;
            service::key::ring(&app, realm.key).await?;
        }
        Ok((app, kept))
    }

    /// Removes what an earlier run made, and nothing else.
    async fn forget(&self, config: &Config, earlier: Option<&Kept>) -> Result<(), Failure> {
        let ours = earlier.is_some_and(|kept| kept.database == config.database);
        match Location::parse(&config.database) {
            Location::Folder(folder) if !open::has_database(&folder) => {}
            Location::Folder(folder) if ours => {
                for name in ["bailiwick.db", "bailiwick.db-wal", "bailiwick.db-shm"] {
                    let _ = std::fs::remove_file(folder.join(name));
                }
            }
            Location::Postgres(_) if ours => {
                let kek = kek::from_file(&self.data.join("key-encryption-key"))?;
                let app = open::app(config, kek, open::Mode::Serve, true).await?;
                app.store.wipe().await?;
            }
            Location::Postgres(_) => {} // refused below if it is not empty
            Location::Folder(folder) => {
                return Err(Failure(format!(
                    "the database {} was not made by this demo: nothing was removed",
                    folder.display()
                )));
            }
        }
        for name in ["demo.json", "credentials.json", "key-encryption-key"] {
            let _ = std::fs::remove_file(self.data.join(name));
        }
        Ok(())
    }

    async fn make(&self, config: &Config) -> Result<(App, Kept), Failure> {
        let profile = built_in(&self.profile)?;
        let given = self.signing_key.as_deref().map(signing_key).transpose()?;
        let entropy = service::entropy::SystemEntropy;
        if let Location::Folder(folder) = Location::parse(&config.database)
            && open::has_database(&folder)
        {
            return Err(Failure(format!(
                "the database {} is not empty, and {} does not know it. Take another --database, or the --data it was made with.",
                folder.display(),
                self.data.display()
            )));
        }
        std::fs::create_dir_all(&self.data)
            .map_err(|e| Failure(format!("cannot make the folder {}: {e}", self.data.display())))?;
        let mut kept = Kept {
            people: demo_people::people(&profile, &entropy),
            others: demo_people::others(&profile, &entropy),
            ..Kept::unknown(&self.profile, config)
        };
        if !matches!(Location::parse(&config.database), Location::Postgres(_)) {
            // Before there is a database: stopped between the two, the next start must know that it is ours.
            self.keep(&kept)?;
        }
        let kek = kek::from_file_or_new(&self.data.join("key-encryption-key"), &entropy)?;
        let app = open::app(config, kek, open::Mode::Serve, true).await?;
        if !service::realm::all(&app).await?.is_empty() {
            return Err(Failure(format!(
                "the database is not empty, and {} does not know it. Take another database, or the --data it was made with.",
                self.data.display()
            )));
        }
        self.keep(&kept)?;
        output::error("first start: making keys and people, this takes some seconds");
        seed(&app, config, &profile, given.as_deref(), &mut kept).await?;
        let credentials = json!({ "issuer": kept.issuer, "apis": kept.apis });
        kek::write_private(&self.data.join("credentials.json"), &format!("{credentials:#}\n"))?;
        kept.complete = true;
        self.keep(&kept)?;
        Ok((app, kept))
    }

    fn keep(&self, kept: &Kept) -> Result<(), Failure> {
        kek::write_private(&self.data.join("demo.json"), &serde_json::to_string_pretty(kept)?)
    }
}

/// Realms, keys, units, people, and the credentials of the APIs.
async fn seed(
    app: &App,
    config: &Config,
    profile: &Profile,
    given: Option<&[u8]>,
    kept: &mut Kept,
) -> Result<(), Failure> {
    let title = if profile.name == "agency" { "Havelmoor Agency" } else { "Havelmoor Clinic" };
    let main = realm(app, config, "main", title, profile).await?;
    let other = realm(app, config, "other", "The other realm", profile).await?;
    for realm in [&main, &other] {
        let key = given.filter(|_| realm.slug.is_main());
        service::key::ensure(app, realm.key, KeyKind::Rsa(config.rsa_bits), key).await?;
    }
    for (path, name) in demo_people::units(&profile.name) {
        let unit = CreateUnit { path: UnitPath::parse(path)?, name: (*name).to_owned() };
        match service::unit::create_as_operator(app, Allowed::cli("demo", main.key), unit).await {
            // A demo that was killed while it was made begins again.
            Ok(_) | Err(UnitError::PathTaken) => {}
            Err(other) => return Err(other.into()),
        }
    }
    for (realm, people) in [(&main, &kept.people), (&other, &kept.others)] {
        for person in people {
            add_person(app, realm.key, person).await?;
        }
    }
    for api in &profile.api {
        let allowed = Allowed::cli("demo", main.key);
        let secret = service::api::new_secret_as_operator(app, allowed, api.audience.clone()).await?;
        kept.apis.push(Credentials {
            audience: api.audience.clone(),
            client_id: api.audience.clone(),
            client_secret: secret.secret.expose(),
        });
    }
    Ok(())
}

async fn realm(app: &App, config: &Config, slug: &str, name: &str, profile: &Profile) -> Result<Realm, Failure> {
    let parsed = RealmSlug::parse(slug).ok_or("not a slug")?;
    let base = &config.base_url;
    let issuer = if parsed.is_main() { base.clone() } else { format!("{base}/realms/{slug}") };
    let new = NewRealm { slug: parsed, name: name.to_owned(), issuer, rp_id: "localhost".to_owned() };
    let made = service::realm::create(app, Allowed::cli("demo", RealmKey::MAIN), new).await?;
    service::profile::apply(app, Allowed::cli("demo", made.key), profile.clone()).await?;
    Ok(made)
}

async fn add_person(app: &App, realm: RealmKey, person: &Person) -> Result<(), Failure> {
    let grant = |holds: &demo_people::Holds| -> Result<FirstGrant, Failure> {
        Ok(FirstGrant { role: holds.role.clone(), unit: UnitPath::parse(&holds.unit)?, reason: "demo".to_owned() })
    };
    let invite = Invite {
        username: Username::parse(&person.username)?,
        display_name: DisplayName::parse(&person.display_name)?,
        given_name: None,
        family_name: None,
        email: Some(Email::parse(&person.email)?),
        phone: None,
        locale: None,
        external_id: None,
        attributes: serde_json::Map::new(),
        unit: UnitPath::parse(&person.unit)?,
        grants: person.grants.iter().map(grant).collect::<Result<_, _>>()?,
    };
    let (made, link) =
        service::user::create_as_operator(app, Allowed::cli("demo", realm), invite, Purpose::Activation).await?;
    let request = Request { id: "demo".to_owned(), ..Request::default() };
    service::invitation::choose_password(app, realm, Some(link), &person.password, request).await?;
    if let Some(seed) = person.totp_secret.as_deref().and_then(Seed::parse) {
        let bound = (seed, "Demo authenticator");
        service::factor::seed_totp(app, Allowed::cli("demo", realm), made.user.id, bound).await?;
    }
    Ok(())
}

fn signing_key(path: &Path) -> Result<Vec<u8>, Failure> {
    let expected = || Failure(format!("--signing-key {}: expected a PEM file with a PKCS#8 RSA key", path.display()));
    let key = rustls::pki_types::PrivatePkcs8KeyDer::from_pem_file(path).map_err(|_| expected())?;
    let bytes = key.secret_pkcs8_der().to_vec();
    service::signing::SigningKey::parse(domain::key::Algorithm::Rs256, &bytes).map_err(|_| expected())?;
    Ok(bytes)
}

/// A database's address without its password.
fn redacted(database: &str) -> String {
    match (database.split_once("://"), database.rsplit_once('@')) {
        (Some((scheme, _)), Some((_, rest))) => format!("{scheme}://…@{rest}"),
        _ => database.to_owned(),
    }
}

fn surface(kept: &Kept, config: &Config, operations: std::net::SocketAddr, data: &Path) -> web::Config {
    let titles: std::collections::HashMap<String, String> = built_in(&kept.profile)
        .map(|profile| profile.role.into_iter().map(|role| (role.name, role.display_name)).collect())
        .unwrap_or_default();
    let title = |role: &String| titles.get(role).unwrap_or(role).clone();
    let person = |realm: &'static str| {
        move |person: &Person| web::DemoPerson {
            realm: realm.to_owned(),
            name: person.display_name.clone(),
            username: person.username.clone(),
            email: person.email.clone(),
            password: person.password.clone(),
            grants: person.grants.iter().map(|holds| (title(&holds.role), holds.unit.clone())).collect(),
            unit: person.unit.clone(),
            totp: person.totp_secret.as_deref().and_then(Seed::parse),
        }
    };
    let people = kept.people.iter().map(person("main")).chain(kept.others.iter().map(person("other"))).collect();
    // A second node has its own address, and answers under the first one's too.
    let host = |url: &str| url.split("://").nth(1).unwrap_or("").to_owned();
    web::Config {
        base_url: config.base_url.clone(),
        other_hosts: vec![host(&kept.issuer)],
        demo: Some(web::Demo {
            profile: kept.profile.clone(),
            people,
            operations_url: format!("http://{operations}"),
            data: data.display().to_string(),
        }),
        ..web::Config::default()
    }
}

fn shown(kept: &Kept, base_url: &str, operations: std::net::SocketAddr, data: &Path) -> Value {
    let person = |person: &Person| {
        json!({ "username": person.username, "email": person.email, "password": person.password, "roles": person.roles(),
            "unit": person.unit, "grants": person.grants, "totp_secret": person.totp_secret })
    };
    let people = |all: &[Person]| all.iter().map(person).collect::<Vec<_>>();
    json!({
        "base_url": base_url,
        "issuer": kept.issuer,
        "operations_url": format!("http://{operations}"),
        "mail_url": format!("{base_url}/mail"),
        "data": data.display().to_string(),
        "people": people(&kept.people),
        "apis": kept.apis,
        "realms": [{ "name": "other", "base_url": format!("{base_url}/realms/other"), "people": people(&kept.others) }],
    })
}

fn greeting(kept: &Kept, base_url: &str, data: &Path) -> String {
    let mut text = format!(
        "A demo of {} is running: {base_url}\nNever for production. What it made is kept in {}.\n\n",
        kept.profile,
        data.display()
    );
    for person in &kept.people {
        let holds: Vec<String> =
            person.grants.iter().map(|holds| format!("{} in {}", holds.role, holds.unit)).collect();
        text.push_str(&format!("  {:<22} {:<36} {}\n", person.username, person.password, holds.join(", ")));
    }
    text.push_str(&format!(
        "\nRoles that are sensitive need a second factor: the code of admin is at {base_url}/demo/code?username=admin\n"
    ));
    if kept.issuer != base_url {
        text.push_str(&format!(
            "\nIt was made at {}, which its tokens name: services must trust that address. With --fresh it begins anew at this one.\n",
            kept.issuer
        ));
    }
    text.push_str(&format!("\nSign in at {base_url}/sign-in, read mail at {base_url}/mail, stop with Ctrl-C."));
    text
}
