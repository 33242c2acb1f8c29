//! What every use case is given.

use std::collections::HashMap;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, PoisonError, RwLock};

use domain::entropy::Entropy;
use domain::realm::{Realm, RealmKey};
use domain::sign_in::{STEPS, Step};
use domain::time::Timestamp;
use store::Store;

use crate::clock::SharedClock;
use crate::directory::Directory;
use crate::feed::Hub;
use crate::hashing::Hashing;
use crate::key::KeyRing;
use crate::seal::Seal;

/// Settings that use cases look at.
#[derive(Clone, Debug)]
pub struct Settings {
    /// `http://localhost:8080`: where people and programs reach realm `main`.
    pub base_url: String,
    /// How tokens of our own API are signed, in new realms.
    pub algorithm: domain::key::Algorithm,
    /// Bits of new RSA keys.
    pub rsa_bits: u32,
    /// The steps from an identifier to a session.
    pub steps: &'static [Step],
    /// Seconds that an invitation link lives.
    pub invitation_seconds: u64,
}

impl Settings {
    /// The defaults for a base URL.
    #[must_use]
    pub fn new(base_url: impl Into<String>) -> Self {
        let base_url = base_url.into();
        Self {
            base_url,
            algorithm: domain::key::Algorithm::Rs256,
            rsa_bits: 3072,
            steps: STEPS,
            invitation_seconds: 7 * 86_400,
        }
    }
}

/// The server's parts, shared.
#[derive(Clone, Debug)]
pub struct App(Arc<Parts>);

/// What [`App`] holds.
pub struct Parts {
    /// The database.
    pub store: Store,
    /// The clock.
    pub clock: SharedClock,
    /// Ids and secrets.
    pub entropy: Arc<dyn Entropy>,
    /// Secrets at rest.
    pub seal: Arc<Seal>,
    /// The password pool.
    pub hashing: Hashing,
    /// Settings.
    pub settings: Settings,
    pub(crate) realms: RwLock<HashMap<String, Arc<Realm>>>,
    pub(crate) directories: RwLock<HashMap<RealmKey, Arc<Directory>>>,
    /// An edition was read by a transaction that might have been undone, and so was not remembered: the next settled look is to do that.
    pub(crate) unsettled: AtomicBool,
    pub(crate) key_rings: RwLock<HashMap<RealmKey, Arc<KeyRing>>>,
    pub(crate) hub: Hub,
    pub(crate) usage: crate::client::Usage,
    pub(crate) floods: crate::refresh::Floods,
}

impl std::fmt::Debug for Parts {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "App({:?})", self.store)
    }
}

impl std::ops::Deref for App {
    type Target = Parts;
    fn deref(&self) -> &Parts {
        &self.0
    }
}

impl App {
    /// Puts the parts together.
    #[must_use]
    pub fn new(
        store: Store,
        clock: SharedClock,
        entropy: Arc<dyn Entropy>,
        seal: Arc<Seal>,
        hashing: Hashing,
        settings: Settings,
    ) -> Self {
        Self(Arc::new(Parts {
            store,
            clock,
            entropy,
            seal,
            hashing,
            settings,
            realms: RwLock::default(),
            directories: RwLock::default(),
            unsettled: AtomicBool::new(false),
            key_rings: RwLock::default(),
            hub: Hub::default(),
            usage: crate::client::Usage::default(),
            floods: crate::refresh::Floods::default(),
        }))
    }

    /// The instant; read once per request or job.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// Where people reach a realm: the base URL, or `<base>/realms/x`.
    #[must_use]
    pub fn realm_url(&self, realm: &Realm) -> String {
        let base = &self.settings.base_url;
        if realm.slug.is_main() { base.clone() } else { format!("{base}/realms/{}", realm.slug.as_str()) }
    }
}

/// A value from a shared map.
pub(crate) fn cached<K: std::hash::Hash + Eq, V: Clone>(map: &RwLock<HashMap<K, V>>, key: &K) -> Option<V> {
    map.read().unwrap_or_else(PoisonError::into_inner).get(key).cloned()
}

/// Puts a value into a shared map.
pub(crate) fn cache<K: std::hash::Hash + Eq, V>(map: &RwLock<HashMap<K, V>>, key: K, value: V) {
    map.write().unwrap_or_else(PoisonError::into_inner).insert(key, value);
}
