//! Units: made, renamed and ended, by whom and while nothing is in them.

use domain::realm::RealmKey;
use serde_json::{Value, json};
use testkit::{Browser, TestApp, on_both_databases, race};

async fn unit(browser: &mut Browser, path: &str) -> Value {
    let units = browser.get("/api/v1/units?limit=200").await.expect(200).json();
    let found = units["items"].as_array().unwrap().iter().find(|unit| unit["path"] == path);
    found.unwrap_or_else(|| panic!("no unit {path}")).clone()
}

fn link(unit: &Value) -> String {
    format!("/api/v1/units/{}", unit["id"].as_str().unwrap())
}

on_both_databases! {
    async fn a_unit_is_made_renamed_and_ended(app: TestApp) {
        let mut admin = app.signed_in("admin").await;
        let body = json!({ "parent": "/clinic-a", "slug": "ward-9", "name": "  Ward 9 " });
        let made = admin.post("/api/v1/units", &body).await.expect(201);
        assert_eq!((made.json()["path"].clone(), made.json()["name"].clone()), (json!("/clinic-a/ward-9"), json!("Ward 9")));
        assert_eq!(admin.post("/api/v1/units", &body).await.expect(409).code(), "name-taken");

        let path = link(&made.json());
        assert_eq!(admin.patch(&path, "\"9\"", &json!({ "name": "Surgery" })).await.expect(412).code(), "changed-meanwhile");
        let renamed = admin.patch(&path, made.header("etag"), &json!({ "name": "Surgery" })).await.expect(200).json();
        assert_eq!((renamed["name"].clone(), renamed["path"].clone()), (json!("Surgery"), json!("/clinic-a/ward-9")));

        admin.delete(&path).await.expect(204);
        assert_eq!(admin.delete(&path).await.status, 404);
        admin.post("/api/v1/units", &body).await.expect(201);
    }

    async fn of_sixteen_who_end_a_unit_and_fill_it_nobody_is_left_in_one_that_ended(app: TestApp) {
        let admin = app.signed_in("admin").await;
        let nurse = app.user_id(RealmKey::MAIN, "nurse").await;
        for round in 0..3 {
            let slug = format!("ward-{}", round + 20);
            let made = admin.clone().post("/api/v1/units", &json!({ "parent": "/", "slug": slug, "name": slug })).await.expect(201).json();
            let answers = race(16, |racer| {
                let (mut admin, nurse, path, place) = (admin.clone(), nurse.clone(), link(&made), format!("/{slug}"));
                async move {
                    match racer % 4 {
                        0 | 1 => admin.delete(&path).await.status,
                        2 => admin.give(&nurse, "billing", &place).await.status,
                        _ => {
                            let body = json!({ "username": format!("new-{round}-{racer}"), "display_name": "New", "unit": place });
                            admin.post("/api/v1/users", &body).await.status
                        }
                    }
                }
            })
            .await;

            assert!(answers.contains(&204) != answers.contains(&201), "either it is used or it is gone: {answers:?}");
        }
    }
}

#[tokio::test]
async fn a_unit_with_something_in_it_stays_and_says_what() {
    let app = TestApp::new().await;
    let mut admin = app.signed_in("admin").await;
    let nurse = app.user_id(RealmKey::MAIN, "nurse").await;
    let empty = json!({ "parent": "/", "slug": "empty", "name": "Empty" });
    admin.post("/api/v1/units", &empty).await.expect(201);
    admin.give(&nurse, "billing", "/empty").await.expect(201);
    for (path, says) in [
        ("/", "root stays"),
        ("/clinic-a", "units below"),
        ("/clinic-b", "home of people"),
        ("/empty", "Roles are held"),
    ] {
        let unit = unit(&mut admin, path).await;
        let answer = admin.delete(&link(&unit)).await.expect(409);
        let detail = answer.json()["detail"].as_str().unwrap().to_owned();
        assert!(detail.contains(says), "{path}: {detail}");
    }
}

#[tokio::test]
async fn nonsense_in_a_unit_is_refused_where_it_stands() {
    let app = TestApp::new().await;
    let mut admin = app.signed_in("admin").await;
    let long = format!("/{}", ["a"; 12].join("/"));
    for (parent, slug, name, pointer) in [
        ("/nowhere", "ward", "Ward", "/parent"),
        ("clinic-a", "ward", "Ward", "/parent"),
        ("/clinic-a/", "ward", "Ward", "/parent"),
        ("/clinic-a", "", "Ward", "/slug"),
        ("/clinic-a", "Ward", "Ward", "/slug"),
        ("/clinic-a", "a/b", "Ward", "/slug"),
        ("/clinic-a", "..", "Ward", "/slug"),
        (long.as_str(), "ward", "Ward", "/slug"),
        ("/clinic-a", "ward", "", "/name"),
        ("/clinic-a", "ward", "a\u{0007}", "/name"),
    ] {
        let body = json!({ "parent": parent, "slug": slug, "name": name });
        let answer = admin.post("/api/v1/units", &body).await.expect(422);
        assert_eq!(answer.json()["errors"][0]["pointer"], pointer, "{body}");
    }
}

#[tokio::test]
async fn whoever_manages_one_clinic_changes_no_other_and_not_their_own_place() {
    let app = TestApp::new().await;
    let mut admin = app.signed_in("admin").await;
    let mut unit_admin = app.signed_in("clinic-a-admin").await;
    let body = |parent: &str| json!({ "parent": parent, "slug": "ward-9", "name": "Ward 9" });
    for parent in ["/", "/clinic-b"] {
        assert_eq!(
            unit_admin.post("/api/v1/units", &body(parent)).await.expect(403).json()["missing"],
            json!(["roles:manage"])
        );
    }
    let other = unit(&mut admin, "/clinic-b").await;
    assert_eq!(
        unit_admin.patch(&link(&other), "\"1\"", &json!({ "name": "Mine" })).await.expect(404).code(),
        "not-found"
    );
    assert_eq!(unit_admin.delete(&link(&other)).await.expect(404).code(), "not-found");
    let own = unit(&mut admin, "/clinic-a").await;
    assert_eq!(unit_admin.delete(&link(&own)).await.status, 403);

    let made = unit_admin.post("/api/v1/units", &body("/clinic-a")).await.expect(201).json();
    unit_admin.patch(&link(&made), "\"1\"", &json!({ "name": "Surgery" })).await.expect(200);
    unit_admin.delete(&link(&made)).await.expect(204);
}
