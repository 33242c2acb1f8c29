//! What the surface is told at start, and the state that handlers share.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use domain::realm::{Realm, RealmKey};
use domain::time::{Timestamp, seconds};
use domain::totp::Seed;
use guard::{KeySet, SharedKeys, Verifier};
use service::App;

use crate::http::problem::Problem;

/// How the surface is reached.
#[derive(Clone, Debug, Default)]
pub struct Config {
    /// `https://id.example.org`: scheme, host, port.
    pub base_url: String,
    /// Other `Host` values that are ours: a demo node's own listen address.
    pub other_hosts: Vec<String>,
    /// Exact origins that may call the JSON API with cookies (WEB-06); none by default.
    pub origins: Vec<String>,
    /// Proxies whose `X-Forwarded-For` is believed: address and prefix length.
    pub trusted_proxies: Vec<(IpAddr, u8)>,
    /// Demo's people and mail page; never in `serve`.
    pub demo: Option<Demo>,
}

/// What demo shows.
#[derive(Clone, Debug, Default)]
pub struct Demo {
    /// `healthcare`, `agency`.
    pub profile: String,
    /// Everybody, by realm slug.
    pub people: Vec<DemoPerson>,
    /// Health and metrics.
    pub operations_url: String,
    /// Where demo keeps its data.
    pub data: String,
}

/// Somebody of demo, with their password.
#[derive(Clone, Debug)]
pub struct DemoPerson {
    /// Realm slug.
    pub realm: String,
    /// Display name.
    pub name: String,
    /// Sign-in name.
    pub username: String,
    /// Mail address.
    pub email: String,
    /// Chosen by demo.
    pub password: String,
    /// Roles with where they are held.
    pub grants: Vec<(String, String)>,
    /// Home unit.
    pub unit: String,
    /// The seed of their authenticator application, if their role needs a second factor.
    pub totp: Option<Seed>,
}

/// The state that handlers share.
#[derive(Clone, Debug)]
pub struct Web(Arc<Parts>);

/// What [`Web`] holds.
#[derive(Debug)]
pub struct Parts {
    /// Use cases.
    pub app: App,
    /// How the surface is reached.
    pub config: Config,
    /// `openapi.json`, serialised once.
    pub openapi: String,
    /// Demo's codes that somebody was given.
    pub(crate) handed_out: HandedOut,
    verifiers: RwLock<HashMap<RealmKey, Arc<Checked>>>,
}

/// Codes of demo's people that were given out: two scripts that ask at once should not get the same one.
#[derive(Debug, Default)]
pub(crate) struct HandedOut(Mutex<HashMap<String, i64>>);

impl HandedOut {
    /// The first step that nobody was given; else the newest, which nobody used yet.
    pub(crate) fn choose(&self, realm: &str, username: &str, steps: &[i64]) -> Option<i64> {
        let mut given = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let last = given.entry(format!("{realm} {username}")).or_insert(i64::MIN);
        let step = steps.iter().find(|step| **step > *last).or(steps.last()).copied()?;
        *last = step;
        Some(step)
    }
}

/// Bytes of verified tokens that are remembered for each API beside our own.
const OTHERS_CACHE_BYTES: usize = 1024 * 1024;

#[derive(Debug)]
struct Checked {
    verifier: Verifier,
    keys: Arc<SharedKeys>,
    /// For the other APIs' tokens, by audience: they are asked about, and given back.
    others: RwLock<HashMap<String, Arc<Verifier>>>,
    state: RwLock<(i64, Timestamp)>,
}

impl std::ops::Deref for Web {
    type Target = Parts;
    fn deref(&self) -> &Parts {
        &self.0
    }
}

impl Web {
    /// Puts the state together.
    #[must_use]
    pub fn new(app: App, config: Config, openapi: String) -> Self {
        let handed_out = HandedOut::default();
        Self(Arc::new(Parts { app, config, openapi, handed_out, verifiers: RwLock::default() }))
    }

    /// Verifies an access token for our own API, with the guard's verifier and the keys of this moment. `None`: refused.
    ///
    /// # Errors
    /// [`Problem`]: the keys cannot be read.
    pub async fn verify(&self, realm: &Realm, token: &str) -> Result<Option<Arc<wire::claims::AccessClaims>>, Problem> {
        let checked = self.checked(realm).await?;
        Ok(checked.verifier.verify(token, self.app.now().seconds()).ok())
    }

    /// Verifies an access token for an API of the realm. `None`: refused. The verifier stays, so name APIs that exist.
    ///
    /// # Errors
    /// [`Problem`]: the keys cannot be read.
    pub async fn verify_for(
        &self,
        realm: &Realm,
        api: &str,
        token: &str,
    ) -> Result<Option<Arc<wire::claims::AccessClaims>>, Problem> {
        if api == domain::permission::OWN_API {
            return self.verify(realm, token).await;
        }
        let checked = self.checked(realm).await?;
        let known = checked.others.read().unwrap_or_else(PoisonError::into_inner).get(api).cloned();
        let verifier = known.unwrap_or_else(|| {
            let audience = service::session::audience_claim(realm, api);
            let fresh = Verifier::with_keys(realm.issuer.clone(), audience, checked.keys.clone());
            let fresh = Arc::new(fresh.leeway(10).cache_bytes(OTHERS_CACHE_BYTES));
            let mut others = checked.others.write().unwrap_or_else(PoisonError::into_inner);
            others.entry(api.to_owned()).or_insert(fresh).clone()
        });
        Ok(verifier.verify(token, self.app.now().seconds()).ok())
    }

    /// Keys are looked at again after a second, so that an emergency rotation on another node counts here.
    async fn checked(&self, realm: &Realm) -> Result<Arc<Checked>, Problem> {
        let now = self.app.now();
        let known = self.verifiers.read().unwrap_or_else(PoisonError::into_inner).get(&realm.key).cloned();
        if let Some(known) = &known {
            let (_, at) = *known.state.read().unwrap_or_else(PoisonError::into_inner);
            if at.plus(seconds(1)) > now && at <= now {
                return Ok(known.clone());
            }
        }
        let ring = service::key::ring(&self.app, realm.key).await?;
        let set = || KeySet::from_jwks(&ring.published(now)).map_err(|error| Problem::internal(&error));
        let checked = match known {
            Some(known) => {
                known.keys.replace(set()?);
                known
            }
            None => {
                let keys = Arc::new(SharedKeys::new(set()?));
                let audience = service::session::audience_claim(realm, domain::permission::OWN_API);
                let verifier = Verifier::with_keys(realm.issuer.clone(), audience, keys.clone()).leeway(10);
                let fresh =
                    Arc::new(Checked { verifier, keys, others: RwLock::default(), state: RwLock::new((0, now)) });
                self.verifiers.write().unwrap_or_else(PoisonError::into_inner).insert(realm.key, fresh.clone());
                fresh
            }
        };
        *checked.state.write().unwrap_or_else(PoisonError::into_inner) = (ring.version(), now);
        Ok(checked)
    }

    /// Our own origins: the base URL's, and those of a demo node's other addresses.
    #[must_use]
    pub fn own_origins(&self) -> Vec<String> {
        let others = self.config.other_hosts.iter().map(|host| format!("http://{host}"));
        std::iter::once(self.config.base_url.clone()).chain(others).collect()
    }

    /// Looks at the keys again at the next request: they were rotated here.
    pub fn forget_keys(&self, realm: RealmKey) {
        self.verifiers.write().unwrap_or_else(PoisonError::into_inner).remove(&realm);
    }
}
