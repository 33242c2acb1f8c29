//! A realm as it is in use: the healthcare profile, nurses with one known password, sessions that wait for a refresh.
#![expect(clippy::disallowed_methods, reason = "the bench seeds a realm as the command line would")]

use std::path::Path;
use std::sync::Arc;

use domain::allowed::Allowed;
use domain::id::{CredentialId, UserId};
use domain::password::Password;
use domain::realm::{Realm, RealmKey, RealmSlug};
use domain::refresh::RefreshToken;
use domain::secret::Secret;
use domain::time::minutes;
use domain::unit::UnitPath;
use domain::user::{DisplayName, Status, Username};
use service::App;
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
        self.families.get(at).map(|family| RefreshToken::make(family.id, 0, &family.secret))
    }
}

/// An app on an embedded database.
pub(crate) struct House {
    pub(crate) app: App,
    pub(crate) realm: Arc<Realm>,
    pub(crate) guests: Guests,
    /// The stored hash of [`PASSWORD`].
    pub(crate) hash: String,
}

impl House {
    /// Makes it in an empty folder.
    pub(crate) async fn build(folder: &Path, base_url: &str, people: usize, sessions: usize) -> Result<Self, Failure> {
        let entropy = Arc::new(SystemEntropy);
        let store = Store::open(&Options::new(Location::Folder(folder.to_owned())), entropy.clone()).await?;
        store.migrate(SystemClock.now()).await?;
        let seal = Arc::new(Seal::new(Secret::from_bytes([KEK; 32])));
        let hashing = Hashing::start(Cost::default(), seal.derive("pepper", RealmKey::MAIN), &*entropy);
        let app = App::new(store, Arc::new(SystemClock), entropy, seal, hashing, Settings::new(base_url));
        let realm = realm(&app, base_url).await?;
        let hash = app.hashing.hash(Password::typed(PASSWORD)?, &*app.entropy).await?;
        let mut ids = Vec::with_capacity(people);
        let mut names = Vec::with_capacity(people);
        for number in 0..people {
            let name = format!("nurse-{number}");
            ids.push(nurse(&app, realm.key, &name, &hash).await?);
            names.push(name);
        }
        let (sealing, key) = (app.clone(), realm.key);
        let seal = move |id: domain::id::FamilyId, secret: &Secret| {
            let (row, column) = (id.uuid(), "family_key");
            let place = Place { table: "refresh_family", column, row: row.as_bytes() };
            sealing.seal.seal(&*sealing.entropy, key, place, secret.bytes()).map_err(store::StoreError::from)
        };
        let begun = app.now().minus(minutes(10));
        let families =
            families::seed(&app.store, Allowed::cli("bench", key).allowed(), begun, &ids, sessions, Arc::new(seal))
                .await?;
        let guests = Guests { people: names.into(), families: families.into() };
        Ok(Self { app, realm: Arc::new(realm), guests, hash })
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

async fn nurse(app: &App, realm: RealmKey, name: &str, hash: &str) -> Result<UserId, Failure> {
    let unit = UnitPath::root();
    let invite = Invite {
        username: Username::parse(name)?,
        display_name: DisplayName::parse("Noor Castellan")?,
        given_name: None,
        family_name: None,
        email: None,
        phone: None,
        locale: None,
        external_id: None,
        unit: unit.clone(),
        grants: vec![FirstGrant { role: "nurse".to_owned(), unit, reason: "bench".to_owned() }],
    };
    let (person, _) =
        service::user::create_as_operator(app, Allowed::cli("bench", realm), invite, Purpose::Activation).await?;
    let id = person.user.id;
    let credential = CredentialId::new(&*app.entropy, app.now());
    app.store
        .write(
            Allowed::cli("bench", realm).into(),
            app.now(),
            (credential, hash.to_owned()),
            move |tx, (credential, hash)| {
                Box::pin(async move {
                    store::credential::set_password(tx, *credential, id, hash).await?;
                    store::user::set_status(tx, id, Status::Invited, Status::Active).await?;
                    Ok::<_, StoreError>(Outcome::upkeep((), Upkeep::Pending))
                })
            },
        )
        .await?;
    Ok(id)
}
