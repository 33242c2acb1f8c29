//! The issuer's documents, kept up to date: its keys and the roles catalogue of our audience.
//!
//! Both are fetched in the background, as often as their `max-age` says, and stay in force while the issuer is away or answers nonsense; but
//! roles never for a token of a newer edition. A
//! token with an unknown key, or of a newer edition of the roles, makes us look at once: one fetch for all who wait, and no more often than
//! [`KEYS_EVERY_SECONDS`] and [`ROLES_EVERY_SECONDS`], so that made-up tokens cannot turn us against the issuer.

use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use reqwest::header::HeaderValue;
use reqwest::{Client, Url};
use tokio::sync::Mutex;
use wire::roles::RolesCatalogue;

use crate::caller::Catalogue;
use crate::clock::Clock;
use crate::fetch::{Caches, FetchError, SetupError, Source};
use crate::keys::{KeySet, Keys, LONGEST_DOCUMENT, SharedKeys};
use crate::wait::Wait;

/// How often an unknown key may make us ask, in seconds.
pub const KEYS_EVERY_SECONDS: i64 = 30;
/// How often a token of a newer edition of the roles may make us ask, in seconds. Only verified tokens can.
pub const ROLES_EVERY_SECONDS: i64 = 5;
/// The longest roles catalogue, in bytes.
const LONGEST_CATALOGUE: usize = 4 * 1024 * 1024;
/// The longest wait between tries while the issuer is away.
const MOST_WAIT: Duration = Duration::from_secs(30);

/// When a token last made us ask.
#[derive(Default)]
struct Asked(Option<i64>);

impl Asked {
    /// Whether asking is allowed at `now`, and if so, notes it. A clock that was set back does not stop us for longer than the interval.
    fn may(&mut self, now: i64, every: i64) -> bool {
        let may = self.0.is_none_or(|last| now.abs_diff(last) >= every.unsigned_abs());
        if may {
            self.0 = Some(now);
        }
        may
    }
}

/// Keys and roles of one issuer.
pub(crate) struct Remote {
    keys: Source,
    key_set: SharedKeys,
    /// One fetch at a time: of two, the later one must not be answered with what the earlier one saw.
    keys_fetching: Mutex<()>,
    keys_asked: Mutex<Asked>,
    roles: Option<Source>,
    audience: String,
    catalogue: RwLock<Option<Arc<Catalogue>>>,
    roles_asked: Mutex<Asked>,
    clock: Clock,
}

impl Remote {
    /// Prepares to ask `issuer`; nothing is fetched yet. Without credentials there is no roles catalogue.
    pub(crate) fn new(
        client: Client,
        issuer: &str,
        audience: &str,
        authorization: Option<HeaderValue>,
        clock: Clock,
    ) -> Result<Self, SetupError> {
        let address = |path: &str| Url::parse(&format!("{issuer}/.well-known/{path}")).map_err(|_| SetupError::Issuer);
        let roles = match authorization {
            None => None,
            authorization => {
                let url = address(&format!("bailiwick-roles?audience={}", percent_encode(audience)))?;
                Some(Source::new(client.clone(), url, authorization, LONGEST_CATALOGUE))
            }
        };
        Ok(Self {
            keys: Source::new(client, address("jwks.json")?, None, LONGEST_DOCUMENT),
            key_set: SharedKeys::default(),
            keys_fetching: Mutex::default(),
            keys_asked: Mutex::default(),
            roles,
            audience: audience.to_owned(),
            catalogue: RwLock::default(),
            roles_asked: Mutex::default(),
            clock,
        })
    }

    /// Fetches the keys now and tells for how long they are fresh.
    pub(crate) async fn fetch_keys(&self) -> Result<Duration, FetchError> {
        self.fetch_keys_past(Caches::Welcome).await
    }

    /// Keys were withdrawn: fetches them from the issuer itself.
    pub(crate) async fn fetch_keys_now(&self) -> Result<(), FetchError> {
        self.fetch_keys_past(Caches::Passed).await.map(drop)
    }

    async fn fetch_keys_past(&self, caches: Caches) -> Result<Duration, FetchError> {
        let _alone = self.keys_fetching.lock().await;
        let fetched = self.keys.fetch_past(caches).await?;
        if let Some(document) = &fetched.document {
            let keys = KeySet::parse(document).map_err(|bad| FetchError::Keys(self.keys.url().clone(), bad))?;
            self.key_set.replace(keys);
            self.keys.keep(&fetched);
        }
        Ok(fetched.fresh_for)
    }

    /// Fetches the roles now and tells for how long they are fresh; nothing to do without credentials.
    pub(crate) async fn fetch_roles(&self) -> Result<Option<Duration>, FetchError> {
        let Some(source) = &self.roles else { return Ok(None) };
        let fetched = source.fetch().await?;
        if let Some(document) = &fetched.document {
            let catalogue = serde_json::from_slice::<RolesCatalogue>(document)
                .ok()
                .filter(|catalogue| catalogue.audience == self.audience)
                .ok_or_else(|| FetchError::Roles(source.url().clone()))?;
            *self.catalogue.write().unwrap_or_else(PoisonError::into_inner) = Some(Arc::new(catalogue.into()));
            source.keep(&fetched);
        }
        Ok(Some(fetched.fresh_for))
    }

    /// The roles as last fetched.
    pub(crate) fn catalogue(&self) -> Option<Arc<Catalogue>> {
        self.catalogue.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// A token names a key that we do not have: looks whether there is one by now.
    pub(crate) async fn look_for_key(&self, kid: &str) -> bool {
        // Whoever comes while another looks waits here, and then finds what it found.
        let mut asked = self.keys_asked.lock().await;
        if self.current().key(kid).is_some() {
            return true;
        }
        if !asked.may((self.clock)(), KEYS_EVERY_SECONDS) {
            return false;
        }
        if let Err(error) = self.fetch_keys().await {
            tracing::warn!(%error, "the keys could not be fetched for a token with an unknown one; those before stay in force");
        }
        self.current().key(kid).is_some()
    }

    /// A verified token was made with edition `version` of the roles: looks for it if ours is older. None rather than an older one, which may
    /// grant what was taken from a role since: without one, roles only deny.
    pub(crate) async fn look_for_roles(&self, version: i64) -> Option<Arc<Catalogue>> {
        let recent =
            |catalogue: &Option<Arc<Catalogue>>| catalogue.as_ref().is_some_and(|ours| ours.version() >= version);
        let ours = self.catalogue();
        if self.roles.is_none() || recent(&ours) {
            return ours;
        }
        let mut asked = self.roles_asked.lock().await;
        if !recent(&self.catalogue())
            && asked.may((self.clock)(), ROLES_EVERY_SECONDS)
            && let Err(error) = self.fetch_roles().await
        {
            tracing::warn!(%error, "the roles catalogue could not be fetched; tokens of a newer edition go without");
        }
        self.catalogue().filter(|ours| ours.version() >= version)
    }

    /// Keeps both documents fresh, for ever.
    pub(crate) async fn keep_fresh(&self) {
        let keys = async {
            let mut pause = Pause::new();
            loop {
                let fetched = self.fetch_keys().await.map(Some);
                tokio::time::sleep(pause.after(fetched, "keys")).await;
            }
        };
        let roles = async {
            let mut pause = Pause::new();
            while self.roles.is_some() {
                let fetched = self.fetch_roles().await;
                tokio::time::sleep(pause.after(fetched, "roles catalogue")).await;
            }
        };
        tokio::join!(keys, roles);
    }
}

impl Keys for Remote {
    fn current(&self) -> Arc<KeySet> {
        self.key_set.current()
    }
}

/// How long to wait for the next fetch: the age after a success; longer after each failure in a row, from a second to [`MOST_WAIT`].
struct Pause(Wait);

impl Pause {
    const fn new() -> Self {
        Self(Wait::between(Duration::from_secs(1), MOST_WAIT))
    }

    fn after(&mut self, fetched: Result<Option<Duration>, FetchError>, what: &str) -> Duration {
        match fetched {
            Ok(fresh_for) => {
                self.0.succeeded();
                fresh_for.unwrap_or(MOST_WAIT)
            }
            Err(error) => {
                let pause = self.0.after_failure();
                tracing::warn!(%error, what, again_in = ?pause, "a fetch failed; what was there before stays in force");
                pause
            }
        }
    }
}

/// `Basic` with both parts percent-encoded (RFC 6749, section 2.3.1), so that a colon in an audience is no separator.
pub(crate) fn basic(id: &str, secret: &str) -> Result<HeaderValue, SetupError> {
    let pair = STANDARD.encode(format!("{}:{}", percent_encode(id), percent_encode(secret)));
    let mut value = HeaderValue::try_from(format!("Basic {pair}")).map_err(|_| SetupError::Client)?;
    value.set_sensitive(true);
    Ok(value)
}

/// All but the unreserved characters of RFC 3986, section 2.3.
fn percent_encode(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            encoded.push_str(&format!("%{byte:02X}"));
        }
    }
    encoded
}
