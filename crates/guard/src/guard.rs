//! The guard: a verifier, the issuer's documents and its revocation feed behind it, and the answer to one request.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use axum::http::HeaderMap;
use tokio::task::AbortHandle;
use wire::claims::AccessClaims;
use wire::jws::{Compact, Refused};
use wire::problem::Code;
use wire::roles::RolesCatalogue;

use crate::ask::Asker;
use crate::bearer;
use crate::caller::{Caller, Catalogue};
use crate::clock::Clock;
use crate::denylist::{Denylist, Entries};
use crate::feed::Feed;
use crate::fetch::{self, FetchError, SetupError};
use crate::keys::Keys;
use crate::layer::GuardLayer;
use crate::metrics::{Counts, FeedState, Metrics};
use crate::refusal::{Refusal, Refuser};
use crate::remote::{self, Remote};
use crate::settings::Settings;
use crate::verifier::Verifier;

/// Why a token is not accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotVerified {
    /// It is not good.
    #[error(transparent)]
    Refused(#[from] Refused),
    /// The issuer's keys have never been seen.
    #[error("the issuer's keys have not been loaded yet")]
    NoKeys,
    /// The revocation feed is silent, and the issuer cannot be asked.
    #[error("it is not known whether it was revoked")]
    CannotTell,
}

/// Authenticates requests. Cheap to clone; all clones are one guard.
#[derive(Clone)]
pub struct Guard(Arc<Inner>);

struct Inner {
    verifier: Verifier,
    base: Arc<str>,
    clock: Clock,
    remote: Option<Arc<Remote>>,
    revocations: Option<Revocations>,
    /// Roles that are someone else's care.
    roles: Option<Arc<Catalogue>>,
    counts: Counts,
    background: Option<AbortHandle>,
}

/// What is known of revocations, and who is asked when that is not enough.
struct Revocations {
    feed: Arc<Feed>,
    asker: Asker,
}

impl Drop for Inner {
    fn drop(&mut self) {
        if let Some(background) = &self.background {
            background.abort();
        }
    }
}

impl Guard {
    /// Trusts the issuer of `settings`. Begins to fetch its keys and to follow its revocation feed in the background; an issuer that is away
    /// is waited for.
    ///
    /// # Errors
    /// A [`SetupError`] says what to change.
    pub fn connect(settings: Settings) -> Result<Self, SetupError> {
        let Settings { issuer, audience, credentials, leeway_seconds, cache_bytes, denylist_bytes, max_silence, clock } =
            settings;
        let base = fetch::base(&issuer)?;
        let client = fetch::client(&base)?;
        let runtime = tokio::runtime::Handle::try_current().map_err(|_| SetupError::Runtime)?;
        let credentials = credentials.map(|(id, secret)| remote::basic(&id, &secret)).transpose()?;
        let remote =
            Remote::new(client.clone(), &issuer, &audience, credentials.clone(), Arc::clone(&clock)).map(Arc::new)?;
        let keys: Arc<dyn Keys> = Arc::<Remote>::clone(&remote);
        let verifier = Verifier::with_keys(&issuer, audience, keys).leeway(leeway_seconds).cache_bytes(cache_bytes);
        let Some(credentials) = credentials else {
            tracing::warn!(
                issuer,
                "the guard has no credentials, so it knows nothing of revocations: tokens are good until they expire"
            );
            let background = Arc::clone(&remote);
            let background = runtime.spawn(async move { background.keep_fresh().await }).abort_handle();
            return Ok(Self::new(verifier, clock, Some(remote), None, None, Some(background)));
        };
        let denylist = Arc::new(Denylist::new(denylist_bytes));
        let asker = Asker::new(client.clone(), &base, credentials.clone()).ok_or(SetupError::Issuer)?;
        let feed = Feed::new(client, &base, credentials, Arc::clone(&denylist), max_silence, Arc::clone(&clock));
        let feed = Arc::new(feed.ok_or(SetupError::Issuer)?);
        let background = runtime.spawn({
            let (remote, feed) = (Arc::clone(&remote), Arc::clone(&feed));
            async move { tokio::join!(remote.keep_fresh(), feed.follow(), feed.fetch_withdrawn_keys(&remote)) }
        });
        let revocations = Revocations { feed, asker };
        let verifier = verifier.denylist(denylist);
        Ok(Self::new(verifier, clock, Some(remote), Some(revocations), None, Some(background.abort_handle())))
    }

    fn new(
        verifier: Verifier,
        clock: Clock,
        remote: Option<Arc<Remote>>,
        revocations: Option<Revocations>,
        roles: Option<Arc<Catalogue>>,
        background: Option<AbortHandle>,
    ) -> Self {
        let base = Arc::from(verifier.issuer());
        let counts = Counts::default();
        Self(Arc::new(Inner { verifier, base, clock, remote, revocations, roles, counts, background }))
    }

    /// Uses `verifier`, whose keys are someone else's care; there is no roles catalogue.
    #[must_use]
    pub fn offline(verifier: Verifier, clock: Clock) -> Self {
        Self::new(verifier, clock, None, None, None, None)
    }

    /// The same with an edition of the roles catalogue, which is someone else's care too.
    #[must_use]
    pub fn offline_with_roles(verifier: Verifier, clock: Clock, catalogue: RolesCatalogue) -> Self {
        Self::new(verifier, clock, None, None, Some(Arc::new(catalogue.into())), None)
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
    /// 401 `not-signed-in`; 503 `overloaded` as long as the issuer's keys have never been seen, and when neither the feed nor the issuer tells
    /// whether the token was revoked.
    pub async fn authenticate(&self, headers: &HeaderMap) -> Result<Caller, Refusal> {
        let refuser = Refuser::new(Arc::clone(&self.0.base), headers);
        let counts = &self.0.counts;
        let (count, refusal) = match bearer::token(headers) {
            Ok(Some(token)) => match self.verify(token).await {
                Ok(claims) => {
                    let catalogue = self.catalogue_for(&claims).await;
                    return Ok(Caller::new(claims, catalogue, refuser, (self.0.clock)()));
                }
                Err(reason) => {
                    tracing::debug!(%reason, "a token was refused");
                    match reason {
                        NotVerified::NoKeys => (&counts.cannot_tell, refuser.no_keys()),
                        NotVerified::CannotTell => (&counts.cannot_tell, refuser.cannot_tell()),
                        NotVerified::Refused(Refused::Revoked) => (&counts.revoked, refuser.bad_token()),
                        NotVerified::Refused(_) => (&counts.bad_token, refuser.bad_token()),
                    }
                }
            },
            Ok(None) => (&counts.no_token, refuser.no_token()),
            Err(_) => (&counts.bad_token, refuser.bad_token()),
        };
        count.fetch_add(1, Ordering::Relaxed);
        Err(refusal)
    }

    /// How the guard is doing.
    #[must_use]
    pub fn metrics(&self) -> Metrics {
        let of = |count: &std::sync::atomic::AtomicU64| count.load(Ordering::Relaxed);
        let refusals = self.0.counts.read();
        let Some(Revocations { feed, asker }) = &self.0.revocations else {
            return Metrics {
                state: FeedState::Off,
                entries: Entries::default(),
                bytes: 0,
                lag: None,
                cursor_age: None,
                connections: 0,
                introspections_active: 0,
                introspections_inactive: 0,
                introspections_failed: 0,
                refusals,
            };
        };
        let progress = feed.progress();
        Metrics {
            state: if feed.is_current() { FeedState::Current } else { FeedState::Asking },
            entries: feed.denylist().entries(),
            bytes: feed.denylist().bytes(),
            lag: progress.since_current,
            cursor_age: progress.since_cursor,
            connections: progress.connections,
            introspections_active: of(&asker.counts.active),
            introspections_inactive: of(&asker.counts.inactive),
            introspections_failed: of(&asker.counts.failed),
            refusals,
        }
    }

    /// A refusal in the form of all others, for requests that have no caller: unknown addresses and methods.
    #[must_use]
    pub fn refuse(&self, headers: &HeaderMap, code: Code) -> Refusal {
        Refuser::new(Arc::clone(&self.0.base), headers).plain(code)
    }

    /// Verifies `token` now: offline while the revocation feed is current, else with the issuer's word, and then with the rights that it
    /// names. Looks once for a key that is not known yet.
    ///
    /// # Errors
    /// Every [`NotVerified`]. Log it; do not tell it to the caller.
    pub async fn verify(&self, token: &str) -> Result<Arc<AccessClaims>, NotVerified> {
        let Some(Revocations { feed, asker }) = &self.0.revocations else { return self.verify_offline(token).await };
        let (claims, is_last_word) = feed.judged(|| self.verify_offline(token)).await?;
        if is_last_word {
            return Ok(claims);
        }
        match asker.about(token, &claims).await {
            Ok(Some(claims)) => Ok(claims),
            Ok(None) => Err(NotVerified::Refused(Refused::Revoked)),
            Err(error) => {
                tracing::debug!(%error, "the issuer does not say whether a token is good");
                Err(NotVerified::CannotTell)
            }
        }
    }

    async fn verify_offline(&self, token: &str) -> Result<Arc<AccessClaims>, NotVerified> {
        let first = self.0.verifier.verify(token, (self.0.clock)());
        let (Err(Refused::UnknownKey), Some(remote)) = (&first, &self.0.remote) else { return Ok(first?) };
        let header = Compact::split(token)?.access_token_header()?;
        if remote.look_for_key(&header.kid).await {
            return Ok(self.0.verifier.verify(token, (self.0.clock)())?);
        }
        if remote.current().is_empty() {
            return Err(NotVerified::NoKeys);
        }
        Ok(first?)
    }

    /// The roles, if this token needs them.
    async fn catalogue_for(&self, claims: &AccessClaims) -> Option<Arc<Catalogue>> {
        let Some(remote) = self.0.remote.as_ref() else { return self.0.roles.clone() };
        if claims.permissions.is_some() && claims.units.is_empty() {
            return None;
        }
        remote.look_for_roles(claims.roles_version).await
    }
}

impl fmt::Debug for Guard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Guard").field("verifier", &self.0.verifier).finish_non_exhaustive()
    }
}
