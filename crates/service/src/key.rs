//! Signing keys of a realm: loading, rotating, publishing.
#![expect(
    clippy::disallowed_methods,
    reason = "this file names the job that rotates keys and the flow that publishes them"
)]

use std::sync::Arc;

use domain::allowed::{Allowed, Flow, Job, Operator, Request};
use domain::caller::{Caller, Forbidden, Scope};
use domain::event::{Event, EventType};
use domain::id::KeyId;
use domain::key::{Algorithm, PUBLISHED_BEFORE, Schedule, State};
use domain::permission::Permission;
use domain::realm::RealmKey;
use domain::revocation::Fact;
use domain::time::Timestamp;
use store::key::Key;
use store::{Guard, Outcome, Read, StoreError, WriteTx, counter};
use thiserror::Error;
use wire::jwk::{Jwk, JwkSet};

use crate::app::{App, cache, cached};
use crate::caller::{self, SignedOut};
use crate::directory;
use crate::seal::{Place, Unsealable};
use crate::signing::{BadKey, KeyKind, SigningKey};

/// Why keys cannot be used or rotated.
#[derive(Debug, Error)]
pub enum KeyError {
    /// The caller's session ended meanwhile.
    #[error("the session ended")]
    SignedOut,
    /// No permission.
    #[error("keys:manage is missing")]
    Forbidden(Forbidden),
    /// Another key-encryption key.
    #[error(transparent)]
    Sealed(#[from] Unsealable),
    /// A key that does not parse.
    #[error(transparent)]
    Bad(#[from] BadKey),
    /// The database.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<SignedOut> for KeyError {
    fn from(_: SignedOut) -> Self {
        Self::SignedOut
    }
}

impl From<Forbidden> for KeyError {
    fn from(forbidden: Forbidden) -> Self {
        Self::Forbidden(forbidden)
    }
}

/// How to rotate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rotation {
    /// The new key is published first and signs later; the old one stays until its tokens have expired.
    Scheduled,
    /// The new key signs at once, the old ones are dropped: their tokens are refused from now on.
    Emergency,
}

/// The parsed keys of a realm, under the edition that a counter row names.
#[derive(Debug)]
pub struct KeyRing {
    version: i64,
    keys: Vec<(Schedule, Arc<SigningKey>)>,
}

impl KeyRing {
    /// The key that signs now with an algorithm: the newest that may.
    #[must_use]
    pub fn signer(&self, algorithm: Algorithm, now: Timestamp) -> Option<Arc<SigningKey>> {
        self.keys
            .iter()
            .rev()
            .filter(|(schedule, key)| key.algorithm() == algorithm && schedule.state(now) == Some(State::Active))
            .max_by_key(|(schedule, _)| schedule.signs_from)
            .map(|(_, key)| key.clone())
    }

    /// What is published now.
    #[must_use]
    pub fn published(&self, now: Timestamp) -> JwkSet {
        let keys = self.keys.iter().rev().filter(|(schedule, _)| schedule.state(now).is_some());
        JwkSet { keys: keys.map(|(_, key)| key.jwk().clone()).collect::<Vec<Jwk>>() }
    }

    /// Its edition.
    #[must_use]
    pub const fn version(&self) -> i64 {
        self.version
    }
}

fn place(row: &uuid::Uuid) -> Place<'_> {
    Place { table: "signing_key", column: "private_key", row: row.as_bytes() }
}

/// The keys of a realm, from the cache if still current.
///
/// # Errors
/// [`KeyError`].
pub async fn ring(app: &App, realm: RealmKey) -> Result<Arc<KeyRing>, KeyError> {
    let allowed = Allowed::visitor(Flow::Public, realm, Request::default());
    let known = cached(&app.key_rings, &realm).map(|ring| ring.version);
    let parts = app.clone();
    let stored = app
        .store
        .read(&allowed, app.now(), move |tx| {
            Box::pin(async move {
                // Tokens are signed after the commit that they came from: the first settled look.
                directory::settle(&parts, tx).await?;
                let version = counter::value(tx, counter::KEYS).await?;
                if known == Some(version) {
                    return Ok::<_, StoreError>(None);
                }
                Ok(Some((version, store::key::all(tx).await?)))
            })
        })
        .await?;
    match (stored, cached(&app.key_rings, &realm)) {
        (None, Some(ring)) => Ok(ring),
        (None, None) => Err(StoreError::Unavailable("the keys were forgotten".to_owned()).into()),
        (Some((version, rows)), _) => {
            let mut keys = Vec::with_capacity(rows.len());
            for row in rows {
                let Some(sealed) = &row.sealed_private else { continue };
                let pkcs8 = app.seal.open(realm, place(&row.id.uuid()), sealed)?;
                keys.push((row.schedule, Arc::new(SigningKey::parse(row.algorithm, &pkcs8)?)));
            }
            let ring = Arc::new(KeyRing { version, keys });
            cache(&app.key_rings, realm, ring.clone());
            Ok(ring)
        }
    }
}

/// A key that is to be stored.
fn new_key(
    app: &App,
    realm: RealmKey,
    pkcs8: &[u8],
    algorithm: Algorithm,
    signs_from: Timestamp,
) -> Result<Key, KeyError> {
    let now = app.now();
    let parsed = SigningKey::parse(algorithm, pkcs8)?;
    let id = KeyId::new(&*app.entropy, now);
    Ok(Key {
        id,
        kid: parsed.kid().to_owned(),
        algorithm,
        public_jwk: serde_json::to_string(parsed.jwk()).map_err(|_| BadKey)?,
        sealed_private: Some(app.seal.seal(&*app.entropy, realm, place(&id.uuid()), pkcs8).map_err(StoreError::from)?),
        created_at: now,
        schedule: Schedule { signs_from, retires_at: None, dropped: false },
    })
}

/// Makes the first key of an algorithm if a realm has none that signs; returns whether it did. `given` is a key made elsewhere (demo's
/// `--signing-key`).
///
/// # Errors
/// [`KeyError`].
pub async fn ensure(app: &App, realm: RealmKey, kind: KeyKind, given: Option<&[u8]>) -> Result<bool, KeyError> {
    let now = app.now();
    if ring(app, realm).await?.signer(kind.algorithm(), now).is_some() {
        return Ok(false);
    }
    let made = match given {
        Some(pkcs8) => zeroize::Zeroizing::new(pkcs8.to_vec()),
        None => tokio::task::spawn_blocking(move || kind.generate()).await.map_err(|_| BadKey)??,
    };
    let key = new_key(app, realm, &made, kind.algorithm(), now)?;
    app.store
        .write(Allowed::job(Job::RotateKeys, realm), now, key, |tx, key| {
            Box::pin(async move {
                tx.exclusive(Guard::Keys).await?;
                let now = tx.now();
                let signs = |k: &Key| k.algorithm == key.algorithm && k.schedule.state(now) == Some(State::Active);
                if store::key::all(tx).await?.iter().any(signs) {
                    return Ok::<_, KeyError>(Outcome::nothing(false)); // another node was faster
                }
                add(tx, key).await?;
                Ok(Outcome::done(true, event(key, "first")))
            })
        })
        .await
}

async fn add(tx: &mut WriteTx<'_>, key: &Key) -> Result<(), StoreError> {
    store::key::add(tx, key).await?;
    counter::raise(tx, counter::KEYS).await.map(|_| ())
}

fn event(key: &Key, why: &'static str) -> Event {
    Event::new(EventType::KeyRotated)
        .about("key", key.id.uuid(), &key.kid)
        .because(why)
        .with("algorithm", key.algorithm.as_str())
        .with("signs_from", key.schedule.signs_from.rfc3339())
}

/// Makes a new key for each algorithm that is in use. Administrators only.
///
/// # Errors
/// [`KeyError`].
pub async fn rotate(app: &App, caller: &Caller, rotation: Rotation, reason: &str) -> Result<(), KeyError> {
    let allowed = caller.allow(Permission::KeysManage, Scope::Realm)?;
    rotate_with(app, allowed, Some(caller.clone()), rotation, reason).await
}

/// The same for the operator of the machine.
///
/// # Errors
/// [`KeyError`].
pub async fn rotate_as_operator(
    app: &App,
    operator: Operator,
    rotation: Rotation,
    reason: &str,
) -> Result<(), KeyError> {
    rotate_with(app, operator.into(), None, rotation, reason).await
}

async fn rotate_with(
    app: &App,
    allowed: Allowed,
    caller: Option<Caller>,
    rotation: Rotation,
    reason: &str,
) -> Result<(), KeyError> {
    let (realm, now) = (allowed.realm(), app.now());
    let ring = ring(app, realm).await?;
    let mut algorithms: Vec<Algorithm> = ring.keys.iter().map(|(_, key)| key.algorithm()).collect();
    algorithms.sort_unstable();
    algorithms.dedup();
    let signs_from = match rotation {
        Rotation::Scheduled => now.plus(PUBLISHED_BEFORE),
        Rotation::Emergency => now,
    };
    let bits = app.settings.rsa_bits;
    let mut keys = Vec::new();
    for algorithm in algorithms {
        let kind = KeyKind::of(algorithm, bits);
        let made = tokio::task::spawn_blocking(move || kind.generate()).await.map_err(|_| BadKey)??;
        keys.push(new_key(app, realm, &made, algorithm, signs_from)?);
    }
    app.store
        .write(
            allowed,
            now,
            (app.clone(), caller, keys, rotation, reason.to_owned()),
            |tx, (app, caller, keys, rotation, reason)| {
                Box::pin(async move {
                    if let Some(caller) = caller {
                        caller::again(app, tx, caller).await??.allow(Permission::KeysManage, Scope::Realm)?;
                    }
                    tx.exclusive(Guard::Keys).await?;
                    let mut events = Vec::new();
                    for old in store::key::all(tx).await? {
                        let changed = match rotation {
                            Rotation::Emergency => store::key::drop_key(tx, old.id).await?,
                            Rotation::Scheduled => {
                                let at = keys.first().map_or(tx.now(), |key| key.schedule.signs_from);
                                store::key::retire(tx, old.id, at).await?
                            }
                        };
                        if changed {
                            let why = if *rotation == Rotation::Emergency { "dropped" } else { "retires" };
                            events.push(event(&old, why).with("reason", reason.as_str()));
                        }
                    }
                    if *rotation == Rotation::Emergency {
                        store::revocation::announce(tx, &[Fact::Keys]).await?;
                    }
                    let mut made = None;
                    for key in keys {
                        add(tx, key).await?;
                        let event = event(key, "made").with("reason", reason.as_str());
                        made = Some(match made {
                            None => store::Events::from(event),
                            Some(all) => store::Events::and(all, event),
                        });
                    }
                    match made {
                        Some(all) => Ok(Outcome::done((), all.and_all(events))),
                        None => Err(KeyError::Bad(BadKey)),
                    }
                })
            },
        )
        .await
}

/// The keys of the caller's realm, newest first.
///
/// # Errors
/// [`KeyError`].
pub async fn list(app: &App, caller: &Caller) -> Result<Vec<Key>, KeyError> {
    list_with(app, caller.allow(Permission::KeysManage, Scope::Realm)?).await
}

/// The same for the operator of the machine.
///
/// # Errors
/// [`KeyError`].
pub async fn list_as_operator(app: &App, operator: Operator) -> Result<Vec<Key>, KeyError> {
    list_with(app, operator.into()).await
}

async fn list_with(app: &App, allowed: Allowed) -> Result<Vec<Key>, KeyError> {
    let mut keys = app.store.read(&allowed, app.now(), |tx| Box::pin(store::key::all(tx))).await?;
    keys.retain(|key| key.schedule.state(app.now()).is_some());
    keys.reverse();
    Ok::<_, KeyError>(keys)
}
