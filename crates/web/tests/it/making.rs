//! Sixteen who make the same thing at once: one makes it, the others are told so, and nothing is there twice or by half.
//!
//! On PostgreSQL the profile's test fails without its guard. Of units, realms and what a realm begins with, unique keys decide too: there the
//! guards are the second of two holds, and these tests would not miss them.

use domain::profile::plan::Plan;
use domain::realm::{Realm, RealmKey, RealmSlug};
use domain::unit::UnitPath;
use service::realm::CreateError;
use service::unit::{CreateUnit, UnitError};
use store::Value;
use store::realm::NewRealm;
use testkit::app::{BASE, HOST, operator};
use testkit::{TestApp, on_both_databases, race};

fn new_realm(slug: &str) -> NewRealm {
    let (slug, name) = (RealmSlug::parse(slug).unwrap(), format!("Realm {slug}"));
    NewRealm { issuer: format!("{BASE}/realms/{}", slug.as_str()), slug, name, rp_id: HOST.to_owned() }
}

async fn count(app: &TestApp, what: &str, values: Vec<Value>) -> i64 {
    app.db.number(format!("SELECT COUNT(*) FROM {what}"), values).await
}

/// How many rows of a table belong to a realm.
async fn rows(app: &TestApp, realm: RealmKey, table: &str) -> i64 {
    count(app, &format!("{table} WHERE realm_id = $1"), vec![realm.into()]).await
}

/// Rows of a realm that differ in their name.
async fn names(app: &TestApp, realm: RealmKey, table: &str, name: &str) -> i64 {
    let text = format!("SELECT COUNT(DISTINCT {name}) FROM {table} WHERE realm_id = $1");
    app.db.number(text, vec![realm.into()]).await
}

/// A realm as it is made at its start: one root unit, our own API with each permission once.
async fn is_furnished_once(app: &TestApp, realm: RealmKey) {
    assert_eq!(rows(app, realm, "unit").await, 1);
    assert_eq!(count(app, "unit WHERE realm_id = $1 AND path = '/'", vec![realm.into()]).await, 1);
    assert_eq!(rows(app, realm, "api").await, 1);
    let permissions = i64::try_from(domain::permission::Permission::ALL.len()).unwrap();
    assert_eq!(rows(app, realm, "permission").await, permissions);
}

on_both_databases! {
    async fn of_sixteen_who_make_a_unit_at_one_path_one_does(app: TestApp) {
        let path = UnitPath::parse("/clinic-a/ward-9").unwrap();
        let before = app.events().await.len();

        let made = race(16, |racer| {
            let (app, path) = (app.app.clone(), path.clone());
            async move {
                let operator = operator(RealmKey::MAIN);
                let command = CreateUnit { path, name: format!("Ward of racer {racer}") };
                match service::unit::create_as_operator(&app, operator, command).await {
                    Ok(_) => true,
                    Err(UnitError::PathTaken) => false,
                    Err(other) => panic!("{other}"),
                }
            }
        })
        .await;

        assert_eq!(made.iter().filter(|made| **made).count(), 1, "{made:?}");
        let there = count(&app, "unit WHERE realm_id = $1 AND path = '/clinic-a/ward-9'", vec![RealmKey::MAIN.into()]);
        assert_eq!(there.await, 1);
        let events = app.events().await.split_off(before);
        assert_eq!(events.len(), 1, "whoever found it taken wrote nothing: {events:?}");
        let winner = made.iter().position(|made| *made).unwrap();
        assert_eq!(events[0]["after"]["name"], format!("Ward of racer {winner}"));
    }

    async fn of_sixteen_who_make_a_realm_one_does_and_furnishes_it_once(app: TestApp) {
        let made: Vec<Result<Realm, CreateError>> = race(16, |_| {
            let app = app.app.clone();
            async move { service::realm::create(&app, operator(RealmKey::MAIN), new_realm("third")).await }
        })
        .await;

        let keys: Vec<RealmKey> = made.iter().flatten().map(|realm| realm.key).collect();
        assert_eq!(keys.len(), 1, "{made:?}");
        assert!(made.iter().flat_map(|made| made.as_ref().err()).all(|error| matches!(error, CreateError::Taken)), "{made:?}");
        assert_eq!(count(&app, "realm WHERE slug = 'third'", vec![]).await, 1);
        is_furnished_once(&app, keys[0]).await;
        assert_eq!(app.events_of(keys[0]).await.len(), 1, "furnished in one go");
    }

    async fn sixteen_starts_furnish_a_realm_that_a_crash_left_bare_once(app: TestApp) {
        let made = service::realm::create(&app.app, operator(RealmKey::MAIN), new_realm("third")).await.unwrap();
        for table in ["permission", "api", "unit"] {
            app.db.execute(format!("DELETE FROM {table} WHERE realm_id = $1"), vec![made.key.into()]).await;
        }

        race(16, |_| {
            let (app, realm) = (app.app.clone(), made.clone());
            async move { service::realm::furnish(&app, &realm).await.unwrap() }
        })
        .await;

        is_furnished_once(&app, made.key).await;
    }

    async fn of_sixteen_who_apply_a_profile_one_adds_what_it_has(app: TestApp) {
        let realm = service::realm::create(&app.app, operator(RealmKey::MAIN), new_realm("third")).await.unwrap().key;
        let own = rows(&app, realm, "permission").await;
        let profile = service::profile::parse(include_str!("../../../../profiles/healthcare.toml")).unwrap();

        let plans: Vec<Plan> = race(16, |_| {
            let (app, profile) = (app.app.clone(), profile.clone());
            async move { service::profile::apply(&app, operator(realm), profile).await.unwrap() }
        })
        .await;

        let whole: Vec<&Plan> = plans.iter().filter(|plan| **plan != Plan::default()).collect();
        assert_eq!(whole.len(), 1, "{plans:?}");
        let there = |count: usize| i64::try_from(count).unwrap();
        assert_eq!(whole[0].added_roles().count(), profile.role.len());
        assert_eq!(rows(&app, realm, "role").await, there(profile.role.len()));
        assert_eq!(names(&app, realm, "role", "name").await, there(profile.role.len()));
        assert_eq!(rows(&app, realm, "api").await, there(profile.api.len() + 1));
        let permissions: usize = profile.api.iter().map(|api| api.permission.len()).sum();
        assert_eq!(rows(&app, realm, "permission").await, own + there(permissions));
        let again = service::profile::apply(&app.app, operator(realm), profile.clone()).await.unwrap();
        assert_eq!(again, Plan::default());
        let policies = count(&app, "policy WHERE realm_id = $1 AND role_id IS NULL", vec![realm.into()]).await;
        assert_eq!(policies, 1, "one policy of the realm");
    }
}
