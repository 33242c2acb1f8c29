//! From a configuration to an [`App`].

use std::path::Path;
use std::sync::Arc;

use domain::entropy::Entropy;
use domain::realm::{Realm, RealmKey};
use domain::secret::Secret;
use service::App;
use service::app::Settings;
use service::clock::{Clock, SystemClock};
use service::entropy::SystemEntropy;
use service::hashing::Hashing;
use service::seal::Seal;
use service::signing::KeyKind;
use store::{Location, Options, Store};

use crate::config::Config;
use crate::kek;
use crate::output::Failure;

/// What is said when there is nothing yet.
const EMPTY: &str = "the database is empty: run `bailiwick init --profile healthcare` first";

/// How to open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mode {
    /// This process serves: a second one on the same folder is refused; an embedded database is migrated.
    Serve,
    /// Beside a running server.
    Command,
}

/// The key-encryption key of a configuration; an embedded database may keep one beside it.
pub(crate) fn key(config: &Config, entropy: &dyn Entropy, make: bool) -> Result<Secret, Failure> {
    let source = &config.kek;
    if let Some(file) = &source.file {
        return kek::from_file(file);
    }
    if let Some(command) = &source.command {
        return kek::from_command(command);
    }
    if let Some(value) = &source.value {
        return kek::parse(value, "BAILIWICK__KEYS__ENCRYPTION_KEY");
    }
    let Location::Folder(folder) = Location::parse(&config.database) else {
        return Err(Failure(
            "there is no key-encryption key: set keys.encryption_key_file (make one with: openssl rand -hex 32)"
                .to_owned(),
        ));
    };
    let file = folder.join("key-encryption-key");
    if file.exists() {
        return kek::from_file(&file);
    }
    if !make && !has_database(&folder) {
        return Err(Failure(format!("{EMPTY} (looked in {})", folder.display())));
    }
    if !make {
        return Err(Failure(format!(
            "the key-encryption key {} is missing. Put it back from where you keep it; without it sessions, keys and passwords of this database are of no use.",
            file.display()
        )));
    }
    std::fs::create_dir_all(&folder)
        .map_err(|e| Failure(format!("cannot make the folder {}: {e}", folder.display())))?;
    kek::from_file_or_new(&file, entropy)
}

/// Whether a folder holds a database already.
pub(crate) fn has_database(folder: &Path) -> bool {
    folder.join("bailiwick.db").exists()
}

/// Opens the database and puts an app together.
pub(crate) async fn app(config: &Config, kek: Secret, mode: Mode, migrate: bool) -> Result<App, Failure> {
    let entropy: Arc<dyn Entropy> = Arc::new(SystemEntropy);
    let location = Location::parse(&config.database);
    let embedded = matches!(location, Location::Folder(_));
    if let Location::Folder(folder) = &location
        && mode == Mode::Command
        && !migrate
        && !has_database(folder)
    {
        // A command that looks makes nothing: an empty database would look like a lost one's.
        return Err(Failure(format!(
            "there is no database in {}: put it back from a backup, or run `bailiwick init --profile healthcare` for a new one",
            folder.display()
        )));
    }
    let mut options = Options::new(location);
    options.connections = config.connections;
    options.serving = mode == Mode::Serve;
    let store = Store::open(&options, entropy.clone()).await?;
    if migrate || embedded {
        store.migrate(SystemClock.now()).await?;
    }
    let pending = store.pending_migrations().await?;
    if !pending.is_empty() {
        return Err(Failure(format!(
            "the database lacks {} migration(s): run `bailiwick migrate` first",
            pending.len()
        )));
    }
    Ok(put_together(config, store, kek, entropy))
}

/// An app over an open database.
pub(crate) fn put_together(config: &Config, store: Store, kek: Secret, entropy: Arc<dyn Entropy>) -> App {
    let seal = Arc::new(Seal::new(kek));
    let hashing = Hashing::start(config.scheme(), seal.derive("pepper", RealmKey::MAIN), &*entropy);
    let settings = Settings {
        base_url: config.base_url.clone(),
        algorithm: config.algorithm,
        rsa_bits: config.rsa_bits,
        steps: domain::sign_in::STEPS,
        invitation_seconds: config.invitation_seconds,
    };
    App::new(store, Arc::new(SystemClock), entropy, seal, hashing, settings)
}

/// Realms as they must be before anybody is served: the issuer as it was written, own API, keys that open.
pub(crate) async fn ready(app: &App, config: &Config) -> Result<Vec<Realm>, Failure> {
    let realms = service::realm::all(app).await?;
    let Some(main) = realms.iter().find(|realm| realm.slug.is_main()) else {
        return Err(Failure(EMPTY.to_owned()));
    };
    if main.issuer != config.base_url {
        return Err(Failure(format!(
            "the issuer of realm main is {}, but server.base_url is {}. Every token and client names the issuer: set server.base_url back.",
            main.issuer, config.base_url
        )));
    }
    for realm in &realms {
        service::realm::furnish(app, realm).await?;
        service::key::ensure(app, realm.key, KeyKind::of(domain::key::Algorithm::Rs256, config.rsa_bits), None).await?;
        if config.algorithm != domain::key::Algorithm::Rs256 {
            service::key::ensure(app, realm.key, KeyKind::of(config.algorithm, config.rsa_bits), None).await?;
        }
    }
    Ok(realms)
}
