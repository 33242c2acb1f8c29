//! The whole server in process: no socket, a clock that stands still, seeded people.
//!
//! Seeding happens once per test program: later tests copy the folder (SQLite) or the template database (PostgreSQL).

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;

use axum::body::{Body, to_bytes};
use axum::http::Request;
use axum::http::header::CONTENT_TYPE;
use axum::response::Response;
use domain::allowed::{Allowed, Operator, Request as Source};
use domain::event::hex;
use domain::profile::Profile;
use domain::realm::{Realm, RealmKey, RealmSlug};
use domain::secret::{Secret, sha256};
use domain::time::days;
use domain::unit::UnitPath;
use domain::user::{DisplayName, Email, Username};
use service::App;
use service::app::Settings;
use service::hashing::{Cost, Hashing};
use service::seal::Seal;
use service::signing::{KeyKind, SigningKey};
use service::user::{FirstGrant, Invite};
use store::realm::NewRealm;
use store::token::Purpose;
use store::{Location, Value};
use tower::ServiceExt;

use crate::browser::Browser;
use crate::clock::{FixedClock, START};
use crate::contract::Contract;
use crate::db::Db;
use crate::factor::{self, Codes};
use crate::folder::Folder;
use crate::postgres::{self, Cluster};

/// Where the server is reached; also the issuer of realm `main`.
pub const BASE: &str = "https://id.example.org";
/// The host of [`BASE`].
pub const HOST: &str = "id.example.org";
/// The realm beside `main`.
pub const OTHER: RealmKey = RealmKey::from_stored(2);

/// Units of realm `main` below `/`.
const UNITS: [&str; 4] = ["/clinic-a", "/clinic-a/ward-3", "/clinic-a/ward-7", "/clinic-b"];
/// Who holds a role in a unit, beside one person for each role at `/`.
const IN_UNITS: [(&str, &str, &str); 4] = [
    ("ward3-nurse", "nurse", "/clinic-a/ward-3"),
    ("ward7-physician", "physician", "/clinic-a/ward-7"),
    ("clinic-a-admin", "admin", "/clinic-a"),
    ("clinic-b-nurse", "nurse", "/clinic-b"),
];

/// The whole server in process. Clones share it.
#[derive(Clone)]
pub struct TestApp {
    /// Use cases.
    pub app: App,
    /// What lies below them.
    pub db: Db,
    /// The test's time.
    pub clock: Arc<FixedClock>,
    /// How the surface is reached.
    pub config: web::Config,
    service: web::Service,
    contract: Arc<Contract>,
    secrets: Arc<Mutex<BTreeSet<String>>>,
    codes: Arc<Codes>,
}

impl TestApp {
    /// On an embedded database.
    pub async fn new() -> Self {
        let folder = Folder::new();
        for file in fs::read_dir(sqlite_template()).expect("the template") {
            let file = file.expect("a file of the template");
            fs::copy(file.path(), folder.path().join(file.file_name())).expect("a copy of the template");
        }
        Self::on(Db::of_seeded_folder(folder).await)
    }

    /// On the run's PostgreSQL server.
    pub async fn postgres() -> Self {
        Self::of_admin(postgres::server()).await
    }

    /// On a cluster of the test's own.
    pub async fn on_cluster(cluster: &Cluster) -> Self {
        Self::of_admin(&cluster.admin_url()).await
    }

    async fn of_admin(admin: &str) -> Self {
        let name = format!("bw_app_{}", program());
        let make = async |url: &str| seed(Location::Postgres(url.to_owned())).await;
        Self::on(Db::of_seeded_database(postgres::Database::create_from(admin, &name, make).await).await)
    }

    /// Two realms without people, on an embedded database: as `init` leaves it, but for its link.
    pub async fn empty() -> Self {
        let db = Db::of_seeded_folder(Folder::new()).await;
        db.store.migrate(START).await.expect("migrations");
        let empty = Self::on(db);
        realms(&empty.app, &profile()).await;
        empty
    }

    fn on(db: Db) -> Self {
        let config = web::Config { base_url: BASE.to_owned(), ..web::Config::default() };
        Self::with(app(&db, settings()), db, config, (Arc::default(), Arc::default()))
    }

    fn with(
        app: App,
        db: Db,
        config: web::Config,
        (secrets, codes): (Arc<Mutex<BTreeSet<String>>>, Arc<Codes>),
    ) -> Self {
        let service = web::service(app.clone(), config.clone());
        let contract = Arc::new(Contract::new(&service.web().openapi));
        Self { clock: db.clock.clone(), app, db, config, service, contract, secrets, codes }
    }

    /// Another node over the same database, with other settings: it shares no cache.
    #[must_use]
    pub fn node(&self, change: impl FnOnce(&mut Settings, &mut web::Config)) -> Self {
        let (mut settings, mut config) = (settings(), self.config.clone());
        change(&mut settings, &mut config);
        let shared = (self.secrets.clone(), self.codes.clone());
        Self::with(app(&self.db, settings), self.db.clone(), config, shared)
    }

    /// A client with an empty cookie jar, in realm `main`.
    #[must_use]
    pub fn browser(&self) -> Browser {
        Browser::new(self, "main")
    }

    /// The same in realm `other`.
    #[must_use]
    pub fn browser_in_other(&self) -> Browser {
        Browser::new(self, "other")
    }

    /// Somebody signed in in realm `main`.
    pub async fn signed_in(&self, username: &str) -> Browser {
        let mut browser = self.browser();
        browser.sign_in(username).await;
        browser
    }

    /// Answers a request, as the listener would.
    ///
    /// What the OpenAPI document does not promise fails the test, whatever the test is about.
    pub async fn answer(&self, request: Request<Body>) -> Response {
        let (method, path) = (request.method().clone(), request.uri().path().to_owned());
        let response = self.service.clone().oneshot(request).await.unwrap_or_else(|never| match never {});
        if self.contract.operation(&method, &path).is_none() {
            return response;
        }
        let (parts, body) = response.into_parts();
        // A stream of events has no end.
        if parts.headers.get(CONTENT_TYPE).is_some_and(|kind| kind == "text/event-stream") {
            return Response::from_parts(parts, body);
        }
        let bytes = to_bytes(body, usize::MAX).await.expect("a whole body");
        let broken = self.contract.broken(&method, &path, (parts.status.as_u16(), &parts.headers, &bytes));
        assert!(broken.is_empty(), "openapi.json is not true: {broken:#?}");
        Response::from_parts(parts, Body::from(bytes))
    }

    /// What is mounted.
    #[must_use]
    pub fn endpoints(&self) -> Vec<web::table::Endpoint> {
        web::router(self.app.clone(), self.config.clone()).2
    }

    /// Moves the clock on.
    pub fn advance(&self, by: Duration) {
        self.clock.advance(by);
    }

    /// The password of somebody seeded.
    #[must_use]
    pub fn password(&self, realm: &str, username: &str) -> String {
        let password = password(realm, username);
        self.remember(&password);
        password
    }

    /// A code of somebody seeded whose role is sensitive; each call another one.
    #[must_use]
    pub fn code(&self, realm: &str, username: &str) -> String {
        self.codes.next(realm, username, self.db.now())
    }

    /// Something that may not be found anywhere afterwards.
    pub fn remember(&self, secret: &str) {
        self.secrets.lock().expect("the secrets").insert(secret.to_owned());
    }

    /// All secrets that were used so far.
    #[must_use]
    pub fn secrets(&self) -> BTreeSet<String> {
        self.secrets.lock().expect("the secrets").clone()
    }

    /// The id of somebody.
    pub async fn user_id(&self, realm: RealmKey, username: &str) -> String {
        let text = "SELECT id FROM \"user\" WHERE realm_id = $1 AND username = $2";
        match self.db.rows(text, vec![realm.into(), username.into()]).await.first().map(Vec::as_slice) {
            Some([Value::Uuid(id)]) => id.to_string(),
            Some([Value::Bytes(id)]) => uuid::Uuid::from_slice(id).expect("16 bytes").to_string(),
            other => panic!("{username}: {other:?}"),
        }
    }

    /// The token in the newest mail to an address.
    pub async fn link(&self, realm: RealmKey, to: &str) -> String {
        let mail = service::mail::waiting(&self.app, realm).await.expect("mail");
        let (mail, _) = mail.into_iter().find(|(mail, _)| mail.to == to).expect("a mail to them");
        let line = mail.text.lines().find(|line| line.contains("token=")).expect("a link");
        let token = line.rsplit_once("token=").expect("a token").1.to_owned();
        self.remember(&token);
        token
    }

    /// How many mails wait in realm `main`.
    pub async fn mails(&self) -> usize {
        service::mail::waiting(&self.app, RealmKey::MAIN).await.expect("mail").len()
    }

    /// A link of any kind for somebody new without roles, as the command line makes it.
    pub async fn new_link(&self, username: &str, purpose: Purpose) -> String {
        self.new_link_for(username, purpose, &[]).await
    }

    /// The same with roles at `/`.
    pub async fn new_link_for(&self, username: &str, purpose: Purpose, roles: &[&str]) -> String {
        let roles: Vec<_> = roles.iter().map(|role| (*role, "/")).collect();
        let invite = invite(username, "clinic", "/", &roles);
        let made = service::user::create_as_operator(&self.app, operator(RealmKey::MAIN), invite, purpose).await;
        let (_, link) = made.expect("a new person");
        self.remember(&link.expose());
        link.expose()
    }

    /// A new secret of API `clinic`.
    pub async fn api_secret(&self) -> String {
        let made = service::api::new_secret_as_operator(&self.app, operator(RealmKey::MAIN), "clinic".to_owned()).await;
        let secret = made.expect("the API");
        self.remember(&secret.secret.expose());
        secret.secret.expose()
    }

    /// Every value of every row, in bytes, with the table it is in.
    pub async fn values(&self) -> Vec<(String, Vec<u8>)> {
        let mut found = Vec::new();
        for table in self.db.tables().await.into_keys() {
            for value in self.db.rows(format!("SELECT * FROM \"{table}\""), vec![]).await.into_iter().flatten() {
                match value {
                    Value::Text(text) => found.push((table.clone(), text.into_bytes())),
                    Value::Bytes(bytes) => found.push((table.clone(), bytes)),
                    Value::Null | Value::Int(_) | Value::Bool(_) | Value::Uuid(_) => {}
                }
            }
        }
        found
    }
}

/// The key that signs in both realms.
#[must_use]
pub fn signing_key() -> SigningKey {
    SigningKey::parse(domain::key::Algorithm::Rs256, &pkcs8()).expect("the fixture")
}

/// `fixtures/signing-key.pem` without its armour.
#[must_use]
pub fn pkcs8() -> Vec<u8> {
    use base64::Engine;
    let pem = include_str!("../fixtures/signing-key.pem");
    let lines: String = pem.lines().filter(|line| !line.starts_with(['#', '-'])).collect();
    base64::engine::general_purpose::STANDARD.decode(lines).expect("base64")
}

fn settings() -> Settings {
    Settings { rsa_bits: 2048, ..Settings::new(BASE) }
}

fn app(db: &Db, settings: Settings) -> App {
    let seal = Arc::new(Seal::new(Secret::from_bytes([7; 32])));
    let cheap = Cost { memory_kib: 64, passes: 1 };
    let hashing = Hashing::with_threads(cheap, seal.derive("pepper", RealmKey::MAIN), &*db.entropy, 4);
    App::new(db.store.clone(), db.clock.clone(), db.entropy.clone(), seal, hashing, settings)
}

fn password(realm: &str, username: &str) -> String {
    format!("{username} walks along the {realm} pier")
}

/// Tells one build of a test program from another.
fn program() -> &'static str {
    static PROGRAM: OnceLock<String> = OnceLock::new();
    PROGRAM.get_or_init(|| {
        let path = std::env::current_exe().expect("this program");
        let about = fs::metadata(&path).expect("this program");
        let text = format!("{} {} {:?}", path.display(), about.len(), about.modified().expect("a time"));
        hex(&sha256(&[text.as_bytes()]))[..16].to_owned()
    })
}

/// The folder that tests copy, made by whoever comes first.
fn sqlite_template() -> PathBuf {
    // Another user's folder is of no use.
    let user = std::os::unix::fs::MetadataExt::uid(&fs::metadata("/proc/self").expect("this process"));
    let all = std::env::temp_dir().join(format!("bailiwick-app-templates-{user}"));
    fs::create_dir_all(&all).expect("a folder for templates");
    let lock = File::create(all.join("lock")).expect("a lock file");
    lock.lock().expect("the lock");
    let folder = all.join(program());
    if !folder.join("ready").exists() {
        let _ = fs::remove_dir_all(&folder);
        let location = Location::Folder(folder.clone());
        // A thread of its own: this may be called inside of a runtime.
        let seeded = std::thread::spawn(|| crate::runner::runtime().block_on(seed(location)));
        seeded.join().expect("a seeded folder");
        File::create(folder.join("ready")).expect("the mark of readiness");
        forget_old(&all);
    }
    folder
}

/// Removes templates of programs that were built anew since: those beside the newest eight.
fn forget_old(all: &PathBuf) {
    let folders = fs::read_dir(all).expect("templates").flatten().filter(|entry| entry.path().is_dir());
    let mut by_age: Vec<_> = folders.filter_map(|e| Some((e.metadata().ok()?.modified().ok()?, e.path()))).collect();
    by_age.sort();
    let old = by_age.len().saturating_sub(8);
    for (_, path) in by_age.into_iter().take(old) {
        let _ = fs::remove_dir_all(path);
    }
}

fn profile() -> Profile {
    service::profile::parse(include_str!("../../../profiles/healthcare.toml")).expect("the profile")
}

async fn realms(app: &App, profile: &Profile) -> (Realm, Realm) {
    (realm(app, "main", profile).await, realm(app, "other", profile).await)
}

/// Two realms of the healthcare profile with their people, a day before the test begins.
async fn seed(location: Location) {
    let db = Db::of_location(location).await;
    db.clock.set(START.minus(days(1)));
    db.store.migrate(db.now()).await.expect("migrations");
    let app = app(&db, settings());
    let profile = profile();
    let (main, other) = realms(&app, &profile).await;
    for path in UNITS {
        let path = UnitPath::parse(path).expect("a path");
        let unit = service::unit::CreateUnit { name: path.slug().to_owned(), path };
        service::unit::create_as_operator(&app, operator(main.key), unit).await.expect("a unit");
    }
    for role in &profile.role {
        let name = role.name.as_str();
        add(&app, &main, invite(name, "clinic", "/", &[(name, "/")]), &profile).await;
        if ["admin", "nurse"].contains(&name) {
            add(&app, &other, invite(name, "other", "/", &[(name, "/")]), &profile).await;
        }
    }
    for (username, role, unit) in IN_UNITS {
        add(&app, &main, invite(username, "clinic", unit, &[(role, unit)]), &profile).await;
    }
}

/// What the command line may do in a realm: everything.
#[must_use]
#[expect(clippy::disallowed_methods, reason = "what demo does")]
pub fn operator(realm: RealmKey) -> Operator {
    Allowed::cli("testkit", realm)
}

async fn realm(app: &App, slug: &str, profile: &Profile) -> Realm {
    let parsed = RealmSlug::parse(slug).expect("a slug");
    let issuer = if parsed.is_main() { BASE.to_owned() } else { format!("{BASE}/realms/{slug}") };
    let new = NewRealm { slug: parsed, name: format!("Realm {slug}"), issuer, rp_id: HOST.to_owned() };
    let made = service::realm::create(app, operator(RealmKey::MAIN), new).await.expect("a realm");
    service::profile::apply(app, operator(made.key), profile.clone()).await.expect("the profile");
    service::key::ensure(app, made.key, KeyKind::Rsa(2048), Some(&pkcs8())).await.expect("a key");
    made
}

fn invite(username: &str, host: &str, unit: &str, roles: &[(&str, &str)]) -> Invite {
    let grant = |(role, unit): &(&str, &str)| FirstGrant {
        role: (*role).to_owned(),
        unit: UnitPath::parse(unit).expect("a path"),
        reason: "seeded".to_owned(),
    };
    Invite {
        username: Username::parse(username).expect("a username"),
        display_name: DisplayName::parse(&format!("The {username}")).expect("a name"),
        given_name: None,
        family_name: None,
        email: Some(Email::parse(&format!("{username}@{host}.example")).expect("an address")),
        phone: None,
        locale: None,
        external_id: None,
        attributes: serde_json::Map::new(),
        unit: UnitPath::parse(unit).expect("a path"),
        grants: roles.iter().map(grant).collect(),
    }
}

/// Whether the role or one that it inherits is.
fn is_sensitive(profile: &Profile, name: &str) -> bool {
    let role = profile.role.iter().find(|role| role.name == name).expect("a role of the profile");
    role.sensitive || role.inherits.iter().any(|other| is_sensitive(profile, other))
}

async fn add(app: &App, realm: &Realm, invite: Invite, profile: &Profile) {
    let sensitive = invite.grants.iter().any(|grant| is_sensitive(profile, &grant.role));
    let password = password(realm.slug.as_str(), invite.username.as_str());
    let made = service::user::create_as_operator(app, operator(realm.key), invite, Purpose::Activation).await;
    let (person, link) = made.expect("a person");
    let source = Source { id: "seed".to_owned(), ..Source::default() };
    let chosen = service::invitation::choose_password(app, realm.key, Some(link), &password, source).await;
    let username = chosen.expect("a password");
    if sensitive {
        for number in 0..factor::APPLICATIONS {
            let seed = factor::seed(realm.slug.as_str(), &username, number);
            let label = format!("phone {number}");
            let bound = service::factor::seed_totp(app, operator(realm.key), person.user.id, (seed, &label)).await;
            bound.expect("a second factor");
        }
    }
}
