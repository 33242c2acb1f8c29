//! Realms: making them with all they need, and finding them.
#![expect(clippy::disallowed_methods, reason = "this file names the flow that finds a realm for everybody")]

use std::sync::{Arc, PoisonError};

use domain::allowed::{Allowed, Flow, Operator, Request};
use domain::attribute::AttributeSchema;
use domain::event::{Event, EventType};
use domain::id::{ApiId, PermissionId, UnitId};
use domain::key::Algorithm;
use domain::permission::{Audience, OWN_API, Permission, PermissionName};
use domain::realm::{Realm, RealmKey};
use domain::unit::UnitPath;
use store::access::api;
use store::realm::NewRealm;
use store::{Guard, Outcome, Read, StoreError, WriteTx, unit};
use thiserror::Error;

use crate::app::{App, cache, cached};

/// Why a realm was not made.
#[derive(Debug, Error)]
pub enum CreateError {
    /// The slug or the issuer is taken.
    #[error("a realm with this name or issuer exists already")]
    Taken,
    /// The database.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Makes a realm: its root unit, our own API with its permissions. Signing keys are made by `service::key::ensure`.
///
/// # Errors
/// [`CreateError`].
pub async fn create(app: &App, operator: Operator, new: NewRealm) -> Result<Realm, CreateError> {
    let realm = app
        .store
        .write(operator.into(), app.now(), new, |tx, new| {
            Box::pin(async move {
                tx.exclusive(Guard::Setup).await?;
                let key = store::realm::create(tx, new).await?.ok_or(CreateError::Taken)?;
                let (slug, name) = (new.slug.clone(), new.name.clone());
                let (issuer, rp_id) = (new.issuer.clone(), new.rp_id.clone());
                let event = Event::new(EventType::RealmCreated)
                    .about("realm", uuid::Uuid::from_u128(key.get().unsigned_abs().into()), slug.as_str())
                    .with("issuer", issuer.as_str());
                Ok::<_, CreateError>(Outcome::done(Realm { key, slug, name, issuer, rp_id, profile: None }, event))
            })
        })
        .await?;
    furnish(app, &realm).await?;
    Ok(realm)
}

/// Root unit and own API. Done again at each start, so that a crash between the two transactions leaves no realm without them.
///
/// # Errors
/// [`StoreError`].
pub async fn furnish(app: &App, realm: &Realm) -> Result<(), StoreError> {
    let allowed = Allowed::job(domain::allowed::Job::Start, realm.key);
    app.store
        .write(allowed, app.now(), app.settings.algorithm, |tx, algorithm| {
            Box::pin(async move {
                tx.exclusive(Guard::Setup).await?;
                let entropy = tx.entropy();
                let root = UnitId::new(&*entropy, tx.now());
                let unit_made = match unit::by_path(tx, &UnitPath::root()).await? {
                    None => unit::create(tx, root, None, &UnitPath::root(), "/").await?.is_some(),
                    Some(_) => false,
                };
                let added = own_api(tx, *algorithm).await?;
                if !unit_made && added == 0 {
                    return Ok(Outcome::nothing(()));
                }
                store::counter::raise(tx, store::counter::ROLES).await?;
                let own = Event::new(EventType::ApiUpdated).about("api", uuid::Uuid::nil(), OWN_API);
                Ok(Outcome::done((), own.with("permissions_added", added)))
            })
        })
        .await
}

/// Adds the permissions of our own API that the realm lacks: a newer program may know more.
async fn own_api(tx: &mut WriteTx<'_>, algorithm: Algorithm) -> Result<i64, StoreError> {
    let entropy = tx.entropy();
    let id = match api::by_audience(tx, OWN_API).await? {
        Some(own) => own.id,
        None => {
            let own = api::Api {
                id: ApiId::new(&*entropy, tx.now()),
                audience: Audience::own(),
                name: "Bailiwick".to_owned(),
                algorithm,
                access_lifetime_seconds: 600,
                built_in: true,
                version: 1,
            };
            api::create(tx, &own).await?;
            own.id
        }
    };
    let known: Vec<String> = api::permissions(tx, id).await?.into_iter().map(|(_, name, _)| name).collect();
    let mut added = 0;
    for permission in Permission::ALL.iter().filter(|p| !known.iter().any(|name| name == p.as_str())) {
        let Ok(name) = PermissionName::parse(permission.as_str()) else { continue };
        let made = api::add_permission(tx, PermissionId::new(&*entropy, tx.now()), id, &name, permission.description())
            .await?;
        added += i64::from(made);
    }
    Ok(added)
}

/// Which attributes a person of the operator's realm may carry.
///
/// # Errors
/// [`StoreError`].
pub async fn attribute_schema(app: &App, operator: &Operator) -> Result<AttributeSchema, StoreError> {
    app.store.read(operator.allowed(), app.now(), |tx| Box::pin(store::realm::attribute_schema(tx))).await
}

/// All realms.
///
/// # Errors
/// [`StoreError`].
pub async fn all(app: &App) -> Result<Vec<Realm>, StoreError> {
    let allowed = Allowed::visitor(Flow::Public, RealmKey::MAIN, Request::default());
    app.store.read(&allowed, app.now(), |tx| Box::pin(store::realm::all(tx))).await
}

/// A realm by key: one that was found by its slug before, as a request's is, costs nothing.
///
/// # Errors
/// [`StoreError`].
pub async fn by_key(app: &App, key: RealmKey) -> Result<Option<Arc<Realm>>, StoreError> {
    let seen =
        app.realms.read().unwrap_or_else(PoisonError::into_inner).values().find(|realm| realm.key == key).cloned();
    if seen.is_some() {
        return Ok(seen);
    }
    Ok(all(app).await?.into_iter().find(|realm| realm.key == key).map(Arc::new))
}

/// A realm by slug. Realms are never renamed, so a found one stays in the cache.
///
/// # Errors
/// [`StoreError`].
pub async fn by_slug(app: &App, slug: &str) -> Result<Option<Arc<Realm>>, StoreError> {
    if let Some(found) = cached(&app.realms, &slug.to_owned()) {
        return Ok(Some(found));
    }
    let Some(realm) = all(app).await?.into_iter().find(|realm| realm.slug.as_str() == slug) else { return Ok(None) };
    let realm = Arc::new(realm);
    cache(&app.realms, slug.to_owned(), realm.clone());
    Ok(Some(realm))
}
