//! `doctor`: looks at this machine, the configuration and the database, and changes nothing. Works without any of them.

mod hash; // what a password hash costs here

use std::fmt::Write as _;
use std::sync::Arc;

use domain::entropy::Entropy;
use domain::password::Kind;
use domain::secret::Secret;
use serde_json::{Value, json};
use service::App;
use service::clock::{Clock, SystemClock};
use service::entropy::SystemEntropy;
use service::hashing::threads;
use store::{Location, Options, Store};

use crate::command::ConfigFile;
use crate::config::{self, Config};
use crate::open;
use crate::output::{self, Failure};

/// Seconds that the database's clock may differ from ours. Deadlines are in minutes, and proofs of possession in tens of seconds.
const MOST_SKEW: i64 = 5;
/// Clocks that were never set begin at 1970, or at the day the system was built: 2026-01-01, 2100-01-01.
const SANE: std::ops::Range<i64> = 1_767_225_600..4_102_444_800;

#[derive(clap::Args)]
pub(super) struct Doctor {
    #[command(flatten)]
    file: ConfigFile,
}

/// How something is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Good,
    /// Works; somebody should look at it.
    Warning,
    Bad,
    /// There is nothing to look at.
    Skipped,
}

impl State {
    const fn word(self) -> &'static str {
        match self {
            Self::Good => "good",
            Self::Warning => "warning",
            Self::Bad => "bad",
            Self::Skipped => "skipped",
        }
    }
}

#[derive(Debug)]
struct Check {
    name: &'static str,
    state: State,
    says: String,
}

impl Doctor {
    pub(super) async fn run(self) -> Result<(), Failure> {
        let mut checks = Vec::new();
        let mut add = |name, state, says: String| checks.push(Check { name, state, says });
        let config = match config::load(self.file.config.as_deref()) {
            Ok(config) => {
                add("configuration", State::Good, format!("{} on {}", config.base_url, config.listen));
                Some(config)
            }
            Err(Failure(why)) => {
                add("configuration", State::Bad, why);
                None
            }
        };
        clock(&mut add);
        match &config {
            Some(config) => database(config, &mut add).await,
            None => add("database", State::Skipped, "the configuration does not say where it is".to_owned()),
        }
        let measured = hash::measure(config.as_ref().unwrap_or(&Config::default()).scheme());
        if let Some(own) = measured.first() {
            slow(own, &mut add);
        }
        self.show(&checks, &measured);
        match checks.iter().filter(|check| check.state == State::Bad).count() {
            0 => Ok(()),
            bad => Err(Failure(format!("{bad} of {} checks are bad", checks.len()))),
        }
    }

    fn show(&self, checks: &[Check], measured: &[hash::Measured]) {
        let listed = |check: &Check| json!({ "name": check.name, "state": check.state.word(), "says": check.says });
        let value = json!({
            "ok": checks.iter().all(|check| check.state != State::Bad),
            "checks": checks.iter().map(listed).collect::<Vec<Value>>(),
            "passwords": { "threads": threads(), "most_ms": hash::MOST_MS,
                "measured": measured.iter().map(hash::Measured::json).collect::<Vec<Value>>() },
        });
        let mut people = String::new();
        for check in checks {
            let says = check.says.replace('\n', "\n                             ");
            let _ = writeln!(people, "{:<8} {:<19} {says}", check.state.word(), check.name);
        }
        let _ = write!(
            people,
            "\nWhat a password hash costs on this machine (one thread; {} hash at once; the configured one first):\n{}",
            threads(),
            measured.iter().map(hash::Measured::line).collect::<Vec<_>>().join("\n")
        );
        output::show(self.file.json, &value, &people);
    }
}

fn slow(own: &hash::Measured, add: &mut impl FnMut(&'static str, State, String)) {
    let cost = format!("{} takes {:.0} ms here", own.kind, own.wall_ms);
    if own.wall_ms <= hash::MOST_MS {
        add("password hash", State::Good, cost);
    } else if own.suggested == own.kind {
        add("password hash", State::Warning, format!("{cost}; it is the cheapest that is allowed"));
    } else {
        let settings = hash::Measured::settings(own.suggested);
        add("password hash", State::Warning, format!("{cost}; within {} ms: {settings}", hash::MOST_MS));
    }
}

fn clock(add: &mut impl FnMut(&'static str, State, String)) {
    let now = SystemClock.now();
    let state = if SANE.contains(&now.seconds()) { State::Good } else { State::Bad };
    add("clock", state, now.rfc3339());
}

/// The key-encryption key, the database, and whether they belong together.
async fn database(config: &Config, add: &mut impl FnMut(&'static str, State, String)) {
    let location = Location::parse(&config.database);
    if let Location::Folder(folder) = &location
        && !open::has_database(folder)
    {
        let says = format!("there is none yet in {}: bailiwick init --profile healthcare", folder.display());
        return add("database", State::Skipped, says);
    }
    let kek = match open::key(config, &SystemEntropy, false) {
        Ok(kek) => {
            add("key-encryption key", State::Good, "can be read".to_owned());
            Some(kek)
        }
        Err(Failure(why)) => {
            add("key-encryption key", State::Bad, why);
            None
        }
    };
    let entropy: Arc<dyn Entropy> = Arc::new(SystemEntropy);
    let mut options = Options::new(location);
    options.connections = config.connections.min(2);
    match Store::open(&options, entropy.clone()).await {
        Ok(store) => look_into(config, store, kek, entropy, add).await,
        Err(error) => add("database", State::Bad, error.to_string()),
    }
}

async fn look_into(
    config: &Config,
    store: Store,
    kek: Option<Secret>,
    entropy: Arc<dyn Entropy>,
    add: &mut impl FnMut(&'static str, State, String),
) {
    match (store.ping().await, store.pending_migrations().await) {
        (Ok(theirs), Ok(pending)) => {
            let skew = theirs.map(|theirs| (SystemClock.now().seconds() - theirs.seconds()).abs());
            if let Some(skew) = skew.filter(|skew| *skew > MOST_SKEW) {
                add("clocks", State::Bad, format!("the database's clock is {skew} seconds away from this machine's"));
            }
            if !pending.is_empty() {
                let says = format!("lacks {} migration(s): bailiwick migrate", pending.len());
                return add("database", State::Warning, says);
            }
            add("database", State::Good, "answers, and is of this version".to_owned());
        }
        (Err(error), _) | (_, Err(error)) => return add("database", State::Bad, error.to_string()),
    }
    if let Some(kek) = kek {
        realms(&open::put_together(config, store, kek, entropy), config, add).await;
    }
}

/// Whether the keys open, whether the issuer is that of the configuration, and what passwords are hashed with.
async fn realms(app: &App, config: &Config, add: &mut impl FnMut(&'static str, State, String)) {
    let realms = match service::realm::all(app).await {
        Ok(realms) => realms,
        Err(error) => return add("realms", State::Bad, error.to_string()),
    };
    for realm in &realms {
        let name = realm.slug.as_str();
        if let Err(error) = service::key::ring(app, realm.key).await {
            add("signing keys", State::Bad, format!("{name}: {error}"));
        }
        if realm.slug.is_main() && realm.issuer != config.base_url {
            let says =
                format!("the issuer of realm main is {}, but server.base_url is {}", realm.issuer, config.base_url);
            add("issuer", State::Bad, says);
        }
        match service::password::kinds(app, realm.key).await {
            Ok(kinds) => passwords(name, &kinds, add),
            Err(error) => add("passwords", State::Bad, error.to_string()),
        }
    }
    add("realms", if realms.is_empty() { State::Warning } else { State::Good }, realms.len().to_string());
}

fn passwords(realm: &str, kinds: &[(String, i64)], add: &mut impl FnMut(&'static str, State, String)) {
    let weak = |label: &str| !Kind::parse(label).is_ok_and(Kind::is_enough);
    for (label, count) in kinds {
        let state = if weak(label) { State::Warning } else { State::Good };
        let below = if weak(label) { ", below the floor until they sign in again" } else { "" };
        add("passwords", state, format!("{realm}: {count} of {label}{below}"));
    }
}
