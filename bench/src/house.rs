//! A realm as it is in use: the healthcare profile, nurses with one known password, sessions that wait for a refresh.
#![expect(clippy::disallowed_methods, reason = "the bench seeds a realm as the command line would")]

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use domain::allowed::Allowed;
use domain::id::{CredentialId, UserId};
use domain::key::Algorithm;
use domain::password::Password;
use domain::realm::{Realm, RealmKey, RealmSlug};
use domain::refresh::RefreshToken;
use domain::secret::{Secret, sha256};
use domain::time::{Timestamp, minutes};
use domain::totp::{self, Seed};
use domain::unit::UnitPath;
use domain::user::{DisplayName, Status, Username};
use service::App;
use service::api::UpdateApi;
use service::app::Settings;
use service::clock::{Clock, SystemClock};
use service::entropy::SystemEntropy;
use service::hashing::{Cost, Hashing};
use service::seal::{Place, Seal};
use service::signing::KeyKind;
use service::user::{FirstGrant, Invite};
use store::token::Purpose;
use store::{Location, Options, Outcome, Store, StoreError, Upkeep};

use crate::Failure;
use crate::families::{self, Family};

/// Everybody's password.
pub(crate) const PASSWORD: &str = "correct-horse-battery-42";
/// The key-encryption key, 32 times this byte.
pub(crate) const KEK: u8 = 0x42;

/// How many there are of what, and what their passwords cost.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Plan {
    /// Nurses with [`PASSWORD`].
    pub(crate) people: usize,
    /// Whether each of them has an authenticator application.
    pub(crate) codes: bool,
    /// Sessions that wait for a refresh.
    pub(crate) sessions: usize,
    /// Of a new hash.
    pub(crate) cost: Cost,
    /// How the sessions' tokens are signed; RS256 with 3,072 bits unless it is said.
    pub(crate) algorithm: Option<Algorithm>,
}

/// Who and what waits in the realm.
#[derive(Clone, Default)]
pub(crate) struct Guests {
    /// Usernames.
    pub(crate) people: Arc<[String]>,
    families: Arc<[Family]>,
}

impl Guests {
    /// The first refresh token of a family, which is exchanged once.
    pub(crate) fn token(&self, at: usize) -> Option<RefreshToken> {
        self.families.get(at).map(Family::token)
    }
}

/// What somebody's application shows; it works once.
pub(crate) fn code(username: &str, now: Timestamp) -> totp::Code {
    seed(username).code(totp::step_of(now))
}

fn seed(username: &str) -> Seed {
    let hash = sha256(&[b"a seed of the bench: ", username.as_bytes()]);
    // 20 of 32 bytes: there is one.
    Seed::from_stored(&hash[..20]).unwrap_or_else(|| Seed::new(&SystemEntropy))
}

/// An app on an embedded database.
#[derive(Clone)]
pub(crate) struct House {
    pub(crate) app: App,
    pub(crate) realm: Arc<Realm>,
    pub(crate) guests: Guests,
    /// The stored hash of [`PASSWORD`].
    pub(crate) hash: String,
    ids: Arc<[UserId]>,
}

/// Somebody new.
#[derive(Clone, Debug)]
pub(crate) struct Person {
    pub(crate) username: String,
    /// The stored hash of their password, as an import puts it there; none: they have not chosen one.
    pub(crate) hash: Option<String>,
    pub(crate) status: Status,
    /// Whether they have an authenticator application.
    pub(crate) codes: bool,
}

impl House {
    /// Makes it in an empty folder.
    pub(crate) async fn build(folder: &Path, base_url: &str, plan: Plan) -> Result<Self, Failure> {
        Self::build_on(Location::Folder(folder.to_owned()), base_url, plan).await
    }

    /// Makes it in an empty database.
    pub(crate) async fn build_on(location: Location, base_url: &str, plan: Plan) -> Result<Self, Failure> {
        let entropy = Arc::new(SystemEntropy);
        let store = Store::open(&Options::new(location), entropy.clone()).await?;
        store.migrate(SystemClock.now()).await?;
        let seal = Arc::new(Seal::new(Secret::from_bytes([KEK; 32])));
        let hashing = Hashing::start(plan.cost, seal.derive("pepper", RealmKey::MAIN), &*entropy);
        let app = App::new(store, Arc::new(SystemClock), entropy, seal, hashing, Settings::new(base_url));
        let realm = realm(&app, base_url).await?;
        let hash = app.hashing.hash(Password::typed(PASSWORD)?, &*app.entropy).await?;
        if let Some(algorithm) = plan.algorithm {
            signed_with(&app, realm.key, algorithm).await?;
        }
        let (guests, ids) = (Guests::default(), Arc::default());
        let mut house = Self { app, realm: Arc::new(realm), guests, hash: hash.clone(), ids };
        let person = |number: usize| Person {
            username: format!("nurse-{number:05}"),
            hash: Some(hash.clone()),
            status: Status::Active,
            codes: plan.codes,
        };
        let people: Vec<Person> = (0..plan.people).map(person).collect();
        let names: Vec<String> = people.iter().map(|person| person.username.clone()).collect();
        house.ids = house.add(people).await?.into();
        let families = house.sessions(plan.sessions, minutes(10)).await?;
        house.guests = Guests { people: names.into(), families: families.into() };
        Ok(house)
    }

    /// Whose session this is, of those that were planned.
    pub(crate) fn owner(&self, at: usize) -> Option<UserId> {
        self.ids.get(at / families::RUN % self.ids.len().max(1)).copied()
    }

    /// More sessions, shared out among the people, begun so long ago.
    pub(crate) async fn sessions(&self, count: usize, ago: Duration) -> Result<Vec<Family>, Failure> {
        let (sealing, key) = (self.app.clone(), self.realm.key);
        let seal = move |id: domain::id::FamilyId, secret: &Secret| {
            let (row, column) = (id.uuid(), "family_key");
            let place = Place { table: "refresh_family", column, row: row.as_bytes() };
            sealing.seal.seal(&*sealing.entropy, key, place, secret.bytes()).map_err(StoreError::from)
        };
        let (store, begun) = (&self.app.store, self.app.now().minus(ago));
        let allowed = Allowed::cli("bench", key);
        Ok(families::seed(store, allowed.allowed(), begun, &self.ids, count, Arc::new(seal)).await?)
    }

    /// Adds people, many at once; their ids in the order of the list.
    pub(crate) async fn add(&self, people: Vec<Person>) -> Result<Vec<UserId>, Failure> {
        const AT_ONCE: usize = 32;
        let mut ids = Vec::with_capacity(people.len());
        for some in people.chunks(AT_ONCE) {
            let tasks: Vec<_> = some
                .iter()
                .map(|person| {
                    let (app, realm, person) = (self.app.clone(), self.realm.key, person.clone());
                    tokio::spawn(async move { nurse(&app, realm, &person).await })
                })
                .collect();
            for task in tasks {
                ids.push(task.await??);
            }
        }
        Ok(ids)
    }

    /// Closes it, so that another process serves it.
    pub(crate) fn leave(self) -> Guests {
        self.guests
    }
}

async fn realm(app: &App, base_url: &str) -> Result<Realm, Failure> {
    let slug = RealmSlug::parse("main").ok_or("not a slug")?;
    let issuer = base_url.to_owned();
    let new = store::realm::NewRealm { slug, name: "Bench".to_owned(), issuer, rp_id: "localhost".to_owned() };
    let made = service::realm::create(app, Allowed::cli("bench", RealmKey::MAIN), new).await?;
    let profile = service::profile::parse(include_str!("../../profiles/healthcare.toml"))?;
    service::profile::apply(app, Allowed::cli("bench", made.key), profile).await?;
    service::key::ensure(app, made.key, KeyKind::Rsa(3072), None).await?;
    Ok(made)
}

async fn signed_with(app: &App, realm: RealmKey, algorithm: Algorithm) -> Result<(), Failure> {
    let command = UpdateApi {
        audience: "clinic".to_owned(),
        version: None,
        name: None,
        algorithm: Some(algorithm),
        access_lifetime_seconds: None,
    };
    service::api::update_as_operator(app, Allowed::cli("bench", realm), command).await?;
    Ok(())
}

async fn nurse(app: &App, realm: RealmKey, person: &Person) -> Result<UserId, Failure> {
    let unit = UnitPath::root();
    let invite = Invite {
        username: Username::parse(&person.username)?,
        display_name: DisplayName::parse("Noor Castellan")?,
        given_name: None,
        family_name: None,
        email: None,
        phone: None,
        locale: None,
        external_id: None,
        attributes: serde_json::Map::new(),
        unit: unit.clone(),
        grants: vec![FirstGrant { role: "nurse".to_owned(), unit, reason: "bench".to_owned() }],
    };
    let (made, _) =
        service::user::create_as_operator(app, Allowed::cli("bench", realm), invite, Purpose::Activation).await?;
    let id = made.user.id;
    let credential = CredentialId::new(&*app.entropy, app.now());
    let input = (credential, person.hash.clone(), person.status);
    app.store
        .write(Allowed::cli("bench", realm).into(), app.now(), input, move |tx, (credential, hash, status)| {
            Box::pin(async move {
                if let Some(hash) = hash {
                    store::credential::set_password(tx, *credential, id, hash).await?;
                }
                if *status != Status::Invited {
                    store::user::set_status(tx, id, Status::Invited, *status).await?;
                }
                Ok::<_, StoreError>(Outcome::upkeep((), Upkeep::Pending))
            })
        })
        .await?;
    if person.codes {
        service::factor::seed_totp(app, Allowed::cli("bench", realm), id, (seed(&person.username), "phone")).await?;
    }
    Ok(id)
}
