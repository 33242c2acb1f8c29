//! The guard: a verifier, the issuer's documents behind it, and the answer to one request.

use std::fmt;
use std::sync::Arc;

use axum::http::HeaderMap;
use tokio::task::AbortHandle;
use wire::claims::AccessClaims;
use wire::jws::{Compact, Refused};
use wire::problem::Code;
use wire::roles::RolesCatalogue;

use crate::bearer;
use crate::caller::{Caller, Catalogue};
use crate::clock::{Clock, system_clock};
use crate::fetch::{FetchError, SetupError};
use crate::keys::Keys;
use crate::layer::GuardLayer;
use crate::refusal::{Refusal, Refuser};
use crate::remote::Remote;
use crate::verifier::{CACHE_BYTES, LEEWAY_SECONDS, Verifier};

/// Whom to trust, and as which API.
#[derive(Clone)]
pub struct Settings {
    issuer: String,
    audience: String,
    credentials: Option<(String, String)>,
    leeway_seconds: u32,
    cache_bytes: usize,
    clock: Clock,
}

impl Settings {
    /// Trusts the realm with this issuer URL, as the API `audience`.
    #[must_use]
    pub fn new(issuer: impl Into<String>, audience: impl Into<String>) -> Self {
        Self {
            issuer: issuer.into(),
            audience: audience.into(),
            credentials: None,
            leeway_seconds: LEEWAY_SECONDS,
            cache_bytes: CACHE_BYTES,
            clock: system_clock(),
        }
    }

    /// The API's own credentials, for the roles catalogue. Without it, roles held in units only are of no effect.
    #[must_use]
    pub fn credentials(mut self, client_id: impl Into<String>, client_secret: impl Into<String>) -> Self {
        self.credentials = Some((client_id.into(), client_secret.into()));
        self
    }

    /// How far clocks may differ, in seconds, at most 60.
    #[must_use]
    pub fn leeway(mut self, seconds: u32) -> Self {
        self.leeway_seconds = seconds;
        self
    }

    /// How many bytes of verified tokens are remembered; 0 remembers none.
    #[must_use]
    pub fn cache_bytes(mut self, bytes: usize) -> Self {
        self.cache_bytes = bytes;
        self
    }

    /// Another clock than the machine's.
    #[must_use]
    pub fn clock(mut self, clock: Clock) -> Self {
        self.clock = clock;
        self
    }
}

impl fmt::Debug for Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { issuer, audience, .. } = self;
        f.debug_struct("Settings").field("issuer", issuer).field("audience", audience).finish_non_exhaustive()
    }
}

/// Authenticates requests. Cheap to clone; all clones are one guard.
#[derive(Clone)]
pub struct Guard(Arc<Inner>);

struct Inner {
    verifier: Verifier,
    base: Arc<str>,
    clock: Clock,
    remote: Option<Arc<Remote>>,
    /// Roles that are someone else's care.
    roles: Option<Arc<Catalogue>>,
    refresher: Option<AbortHandle>,
}

impl Drop for Inner {
    fn drop(&mut self) {
        if let Some(refresher) = &self.refresher {
            refresher.abort();
        }
    }
}

impl Guard {
    /// Trusts the issuer of `settings` and begins to fetch its keys in the background; an issuer that is away is waited for.
    ///
    /// # Errors
    /// A [`SetupError`] says what to change.
    pub fn connect(settings: Settings) -> Result<Self, SetupError> {
        let Settings { issuer, audience, credentials, leeway_seconds, cache_bytes, clock } = settings;
        let credentials = credentials.as_ref().map(|(id, secret)| (id.as_str(), secret.as_str()));
        let remote = Arc::new(Remote::new(&issuer, &audience, credentials, Arc::clone(&clock))?);
        let runtime = tokio::runtime::Handle::try_current().map_err(|_| SetupError::Runtime)?;
        let refresher = runtime.spawn(Arc::clone(&remote).keep_fresh()).abort_handle();
        let keys: Arc<dyn Keys> = Arc::<Remote>::clone(&remote);
        let base = Arc::from(issuer.as_str());
        let verifier = Verifier::with_keys(issuer, audience, keys).leeway(leeway_seconds).cache_bytes(cache_bytes);
        Ok(Self(Arc::new(Inner {
            verifier,
            base,
            clock,
            remote: Some(remote),
            roles: None,
            refresher: Some(refresher),
        })))
    }

    /// Uses `verifier`, whose keys are someone else's care; there is no roles catalogue.
    #[must_use]
    pub fn offline(verifier: Verifier, clock: Clock) -> Self {
        Self::alone(verifier, clock, None)
    }

    /// The same with an edition of the roles catalogue, which is someone else's care too.
    #[must_use]
    pub fn offline_with_roles(verifier: Verifier, clock: Clock, catalogue: RolesCatalogue) -> Self {
        Self::alone(verifier, clock, Some(Arc::new(catalogue.into())))
    }

    fn alone(verifier: Verifier, clock: Clock, roles: Option<Arc<Catalogue>>) -> Self {
        let base = Arc::from(verifier.issuer());
        Self(Arc::new(Inner { verifier, base, clock, remote: None, roles, refresher: None }))
    }

    /// Fetches keys and roles now, and tells what stands in the way. Meant for the start: the guard works without it.
    ///
    /// # Errors
    /// The first fetch that failed.
    pub async fn refresh(&self) -> Result<(), FetchError> {
        if let Some(remote) = &self.0.remote {
            remote.fetch_keys().await?;
            remote.fetch_roles().await?;
        }
        Ok(())
    }

    /// The layer that lets only requests with a good token through.
    #[must_use]
    pub fn layer(&self) -> GuardLayer {
        GuardLayer(self.clone())
    }

    /// Tells who sent a request with these headers.
    ///
    /// # Errors
    /// 401 `not-signed-in`; 503 `overloaded` as long as the issuer's keys have never been seen.
    pub async fn authenticate(&self, headers: &HeaderMap) -> Result<Caller, Refusal> {
        let refuser = Refuser::new(Arc::clone(&self.0.base), headers);
        let token = match bearer::token(headers) {
            Ok(Some(token)) => token,
            Ok(None) => return Err(refuser.no_token()),
            Err(_) => return Err(refuser.bad_token()),
        };
        let claims = match self.verify(token).await {
            Ok(claims) => claims,
            Err(Refused::UnknownKey) if self.has_no_keys() => return Err(refuser.no_keys()),
            Err(reason) => {
                tracing::debug!(%reason, "a token was refused");
                return Err(refuser.bad_token());
            }
        };
        let catalogue = self.catalogue_for(&claims).await;
        Ok(Caller::new(claims, catalogue, refuser))
    }

    /// A refusal in the form of all others, for requests that have no caller: unknown addresses and methods.
    #[must_use]
    pub fn refuse(&self, headers: &HeaderMap, code: Code) -> Refusal {
        Refuser::new(Arc::clone(&self.0.base), headers).plain(code)
    }

    /// Verifies `token` now; looks once for a key that is not known yet.
    ///
    /// # Errors
    /// As [`Verifier::verify`].
    pub async fn verify(&self, token: &str) -> Result<Arc<AccessClaims>, Refused> {
        let first = self.0.verifier.verify(token, (self.0.clock)());
        let (Err(Refused::UnknownKey), Some(remote)) = (&first, &self.0.remote) else { return first };
        let header = Compact::split(token)?.access_token_header()?;
        if !remote.look_for_key(&header.kid).await {
            return first;
        }
        self.0.verifier.verify(token, (self.0.clock)())
    }

    /// The roles, if this token needs them.
    async fn catalogue_for(&self, claims: &AccessClaims) -> Option<Arc<Catalogue>> {
        let Some(remote) = self.0.remote.as_ref() else { return self.0.roles.clone() };
        if claims.permissions.is_some() && claims.units.is_empty() {
            return None;
        }
        remote.look_for_roles(claims.roles_version).await
    }

    fn has_no_keys(&self) -> bool {
        self.0.remote.as_ref().is_some_and(|remote| remote.current().is_empty())
    }
}

impl fmt::Debug for Guard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Guard").field("verifier", &self.0.verifier).finish_non_exhaustive()
    }
}
