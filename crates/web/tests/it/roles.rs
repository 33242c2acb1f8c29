//! Roles, permissions and APIs without a release (RBAC-01, RBAC-02, RBAC-04, RBAC-10): made, in the next token, changed, ended.

use domain::realm::RealmKey;
use serde_json::{Value, json};
use service::role::CreateRole;
use testkit::{Answer, Browser, TestApp, on_both_databases, race};

use crate::claims;

async fn id(app: &TestApp, username: &str) -> String {
    app.user_id(RealmKey::MAIN, username).await
}

fn pointer(answer: &Answer) -> Value {
    answer.json()["errors"][0]["pointer"].clone()
}

fn code(answer: &Answer) -> Value {
    answer.json()["errors"][0]["code"].clone()
}

async fn make(admin: &mut Browser, name: &str, inherits: &[&str]) -> Answer {
    let body = json!({ "name": name, "display_name": name, "inherits": inherits });
    admin.post("/api/v1/roles", &body).await
}

async fn inherit(admin: &mut Browser, name: &str, inherits: &[&str]) -> Answer {
    let path = format!("/api/v1/roles/{name}");
    admin.put_now(&format!("{path}/inherits"), &path, &json!({ "inherits": inherits })).await
}

on_both_databases! {
    async fn a_new_api_with_a_permission_and_a_role_is_in_the_next_token(app: TestApp) {
        let mut admin = app.signed_in("admin").await;
        let lab = json!({ "audience": "lab", "name": "Laboratory", "algorithm": "ES256" });
        let made = admin.post("/api/v1/apis", &lab).await.expect(201);
        assert!(made.header("location").ends_with("/api/v1/apis/lab"), "{made:?}");
        assert_eq!((made.json()["access_lifetime_seconds"].as_i64(), made.header("etag")), (Some(600), "\"1\""));
        for name in ["samples:read", "samples:release"] {
            let body = json!({ "name": name, "description": "About samples" });
            admin.post("/api/v1/apis/lab/permissions", &body).await.expect(201);
        }
        let body = json!({ "name": "sampler", "display_name": "Sampler", "inherits": ["nurse"],
            "permissions": { "lab": ["samples:read"] } });
        let role = admin.post("/api/v1/roles", &body).await.expect(201).json();
        assert_eq!(role["assignable_by"], json!(["admin"]), "the maker's role that assigns");
        assert_eq!(role["effective_permissions"]["lab"], json!(["samples:read"]));
        assert!(role["effective_permissions"]["clinic"].as_array().unwrap().len() > 3, "{role}");

        admin.give(&id(&app, "nurse").await, "sampler", "/").await.expect(201);
        let mut nurse = app.browser();
        let token = nurse.sign_in_for("nurse", "lab").await.expect(200).json();

        let claims = claims(token["access_token"].as_str().unwrap());
        assert_eq!((claims["permissions"].clone(), claims["aud"].clone()), (json!(["samples:read"]), json!("lab")));
        assert!(claims["roles"].as_array().unwrap().contains(&json!("sampler")));

        let path = "/api/v1/roles/sampler";
        let both = json!({ "permissions": { "lab": ["samples:read", "samples:release"] } });
        let changed = admin.put_now(&format!("{path}/permissions"), path, &both).await.expect(200);
        assert_eq!(changed.header("etag"), "\"2\"");
        let token = nurse.refresh().await.expect(200).json();
        let later = crate::claims(token["access_token"].as_str().unwrap());
        assert_eq!(later["permissions"], json!(["samples:read", "samples:release"]));
        assert!(later["roles_version"].as_i64() > claims["roles_version"].as_i64());
    }

    async fn rbac_10_a_changed_role_acts_at_once_in_our_api_on_every_node(app: TestApp) {
        let mut admin = app.signed_in("admin").await;
        let node = app.node(|_, _| ());
        let mut auditor = app.signed_in("auditor").await;
        let mut there = auditor.at(&node);
        there.get("/api/v1/roles").await.expect(200);

        let path = "/api/v1/roles/auditor";
        let none = json!({ "permissions": {} });
        admin.put_now(&format!("{path}/permissions"), path, &none).await.expect(200);

        for browser in [&mut auditor, &mut there] {
            assert_eq!(browser.get("/api/v1/roles").await.status, 403, "the token still says otherwise");
        }
    }

    async fn rbac_04_a_cycle_is_refused_with_its_path_and_changes_nothing(app: TestApp) {
        let mut admin = app.signed_in("admin").await;
        for (name, inherits) in [("aa", vec![]), ("bb", vec!["aa"]), ("cc", vec!["bb"])] {
            make(&mut admin, name, &inherits).await.expect(201);
        }

        let around = inherit(&mut admin, "aa", &["cc"]).await.expect(422);
        let itself = inherit(&mut admin, "aa", &["aa"]).await.expect(422);

        assert_eq!((pointer(&around), code(&around)), (json!("/inherits"), json!("cycle")));
        let text = around.json()["errors"][0]["detail"].as_str().unwrap().to_owned();
        assert!(text.contains("aa → cc → bb → aa"), "{text}");
        assert!(itself.json()["errors"][0]["detail"].as_str().unwrap().contains("aa → aa"), "{itself:?}");
        let role = admin.get("/api/v1/roles/aa").await.expect(200).json();
        assert_eq!((role["inherits"].clone(), role["version"].clone()), (json!([]), json!(1)));
    }

    async fn of_sixteen_who_close_a_cycle_from_different_sides_one_is_refused(app: TestApp) {
        let mut admin = app.signed_in("admin").await;
        for name in ["aa", "bb"] {
            make(&mut admin, name, &[]).await.expect(201);
        }

        let answers = race(16, |racer| {
            let mut admin = admin.clone();
            async move {
                let (name, other) = if racer % 2 == 0 { ("aa", "bb") } else { ("bb", "aa") };
                let path = format!("/api/v1/roles/{name}/inherits");
                admin.put(&path, "\"1\"", &json!({ "inherits": [other] })).await.status
            }
        })
        .await;

        assert_eq!(answers.iter().filter(|status| **status == 200).count(), 1, "{answers:?}");
        // Half of them look at a version that is gone, half at a role that would inherit from itself.
        assert!(answers.iter().all(|status| [200, 412, 422].contains(status)), "{answers:?}");
        admin.get("/api/v1/roles/aa").await.expect(200);
    }

    async fn of_sixteen_who_change_a_role_in_one_version_one_does(app: TestApp) {
        let mut admin = app.signed_in("admin").await;
        make(&mut admin, "aa", &[]).await.expect(201);

        let answers = race(16, |racer| {
            let mut admin = admin.clone();
            async move {
                admin.patch("/api/v1/roles/aa", "\"1\"", &json!({ "display_name": format!("Racer {racer}") })).await.status
            }
        })
        .await;

        assert_eq!(answers.iter().filter(|status| **status == 200).count(), 1, "{answers:?}");
        assert_eq!(answers.iter().filter(|status| **status == 412).count(), 15, "{answers:?}");
    }

    async fn of_sixteen_who_end_and_give_a_role_nobody_holds_one_that_ended(app: TestApp) {
        let mut admin = app.signed_in("admin").await;
        let nurse = id(&app, "nurse").await;
        for round in 0..4 {
            let name = format!("round-{round}");
            make(&mut admin, &name, &[]).await.expect(201);
            let answers = race(16, |racer| {
                let (mut admin, name, nurse) = (admin.clone(), name.clone(), nurse.clone());
                async move {
                    match racer % 2 {
                        0 => admin.delete_in(&format!("/api/v1/roles/{name}"), "\"1\"").await.status,
                        _ => admin.give(&nurse, &name, "/").await.status,
                    }
                }
            })
            .await;

            let (ended, given) = (answers.contains(&204), answers.contains(&201));
            assert!(ended != given, "either it is held or it is gone: {answers:?}");
        }
    }
}

#[tokio::test]
async fn rbac_04_sixteen_levels_are_allowed_and_seventeen_are_not() {
    let app = TestApp::new().await;
    let mut admin = app.signed_in("admin").await;
    make(&mut admin, "level-0", &[]).await.expect(201);
    for level in 1..=16 {
        make(&mut admin, &format!("level-{level}"), &[&format!("level-{}", level - 1)]).await.expect(201);
    }

    let deep = make(&mut admin, "level-17", &["level-16"]).await.expect(422);
    assert_eq!((pointer(&deep), code(&deep)), (json!("/inherits"), json!("too_deep")));
    // From below it is as deep: whoever is added at the bottom is under all of them.
    make(&mut admin, "bottom", &[]).await.expect(201);
    assert_eq!(code(&inherit(&mut admin, "level-0", &["bottom"]).await.expect(422)), "too_deep");
}

#[tokio::test]
async fn what_is_in_use_is_not_ended_and_says_by_what() {
    let app = TestApp::new().await;
    let mut admin = app.signed_in("admin").await;
    make(&mut admin, "junior", &[]).await.expect(201);
    make(&mut admin, "senior", &["junior"]).await.expect(201);
    make(&mut admin, "giver", &[]).await.expect(201);
    // Nobody could make a role by the API that they may not give: the operator can.
    let given = CreateRole {
        name: domain::role::RoleName::parse("given").unwrap(),
        display_name: "Given".to_owned(),
        description: String::new(),
        permissions: std::collections::BTreeMap::new(),
        inherits: std::collections::BTreeSet::new(),
        assignable_by: ["giver".to_owned()].into(),
        sensitive: false,
    };
    service::role::create_as_operator(&app.app, testkit::app::operator(RealmKey::MAIN), given).await.unwrap();
    let mut refused = async |path: &str, says: &str| {
        let version = if path.contains(':') { "\"1\"".to_owned() } else { admin.version(path).await };
        let answer = admin.delete_in(path, &version).await.expect(409);
        let detail = answer.json()["detail"].as_str().unwrap().to_owned();
        assert!(answer.code() == "conflict" && detail.contains(says), "{path}: {detail}");
    };
    refused("/api/v1/roles/physician", "hold this role").await;
    refused("/api/v1/roles/giver", "may give the role given").await;
    refused("/api/v1/roles/junior", "inherits from it").await;
    refused("/api/v1/apis/clinic", "has permissions of this API").await;
    refused("/api/v1/apis/bailiwick", "own API stays").await;
    refused("/api/v1/apis/clinic/permissions/charts:read", "has this permission").await;
    refused("/api/v1/apis/bailiwick/permissions/users:read", "what the program knows").await;
}

#[tokio::test]
async fn a_role_that_ended_is_gone_everywhere_and_its_name_is_free_for_another_one() {
    let app = TestApp::new().await;
    let mut admin = app.signed_in("admin").await;
    let nurse = id(&app, "nurse").await;
    make(&mut admin, "sampler", &["nurse"]).await.expect(201);
    let grant = admin.give(&nurse, "sampler", "/").await.expect(201).json();
    admin.end_grant(&nurse, grant["id"].as_str().unwrap()).await.expect(200);

    admin.delete_in("/api/v1/roles/sampler", "\"1\"").await.expect(204);

    for (path, status) in [("", 404), ("/members", 404)] {
        assert_eq!(admin.get(&format!("/api/v1/roles/sampler{path}")).await.status, status);
    }
    assert_eq!(pointer(&admin.give(&nurse, "sampler", "/").await.expect(422)), "/role");
    let listed = admin.get(&format!("/api/v1/users/{nurse}/grants")).await.expect(200).json();
    assert_eq!(listed["items"][0]["role"], "sampler", "what was held stays listed");
    make(&mut admin, "sampler", &[]).await.expect(201);
    assert_eq!(admin.get("/api/v1/roles/sampler/members").await.expect(200).json()["items"], json!([]));
}

#[tokio::test]
async fn nonsense_in_a_role_is_refused_where_it_stands() {
    let app = TestApp::new().await;
    let mut admin = app.signed_in("admin").await;
    let with = |field: &str, value: Value| {
        let mut body = json!({ "name": "sampler", "display_name": "Sampler" });
        body[field] = value;
        body
    };
    for (field, value, at) in [
        ("name", json!("Sampler"), "/name"),
        ("name", json!("x"), "/name"),
        ("name", json!("../admin"), "/name"),
        ("display_name", json!(""), "/display_name"),
        ("display_name", json!("x".repeat(10_000)), "/display_name"),
        ("display_name", json!("a\u{202e}b"), "/display_name"),
        ("description", json!("line\nbreak"), "/description"),
        ("inherits", json!(["nobody"]), "/inherits"),
        ("assignable_by", json!(["nobody"]), "/assignable_by"),
        ("permissions", json!({ "clinic": ["charts:eat"] }), "/permissions/clinic"),
        ("permissions", json!({ "no~thing/": ["charts:read"] }), "/permissions/no~0thing~1"),
        ("permissions", json!({ "clinic": "charts:read" }), "/permissions/clinic"),
        ("sensitive", json!("yes"), "/sensitive"),
        ("built_in", json!(true), "/built_in"),
    ] {
        let answer = admin.post("/api/v1/roles", &with(field, value.clone())).await.expect(422);
        assert_eq!(pointer(&answer), at, "{field}: {value}");
    }
    assert_eq!(make(&mut admin, "nurse", &[]).await.expect(409).code(), "name-taken");
    let nobody = admin.patch("/api/v1/roles/nurse", "\"1\"", &json!({ "assignable_by": [] })).await.expect(422);
    assert_eq!(pointer(&nobody), "/assignable_by");
}

#[tokio::test]
async fn whoever_changes_something_says_in_which_version() {
    let app = TestApp::new().await;
    let mut admin = app.signed_in("admin").await;
    let client = json!({ "client_id": "portal", "name": "Portal", "kind": "service" });
    admin.post("/api/v1/clients", &client).await.expect(201);
    for (path, body) in [
        ("/api/v1/roles/nurse", json!({ "description": "Nurses" })),
        ("/api/v1/apis/clinic", json!({ "name": "Clinic" })),
        ("/api/v1/clients/portal", json!({ "name": "The portal" })),
    ] {
        let unsaid = admin.call(axum::http::Method::PATCH, path).json(&body).send().await.expect(428);
        assert_eq!(unsaid.code(), "precondition-required", "{path}");
        assert_eq!(admin.patch(path, "\"77\"", &body).await.expect(412).code(), "changed-meanwhile", "{path}");
        assert_eq!(admin.patch(path, "*", &body).await.status, 400, "{path}");
        assert_eq!(admin.delete(path).await.status, 428, "{path}");
        assert_eq!(admin.delete_in(path, "\"77\"").await.status, 412, "{path}");
        let nobody = path.rsplit_once('/').unwrap().0.to_owned() + "/nobody";
        assert_eq!(admin.call(axum::http::Method::PATCH, &nobody).json(&body).send().await.status, 404, "{path}");
        let version = admin.version(path).await;
        let changed = admin.patch(path, &version, &body).await.expect(200);
        assert_ne!(changed.header("etag"), version, "{path}");
        let same = admin.patch(path, changed.header("etag"), &body).await.expect(200);
        assert_eq!(same.header("etag"), changed.header("etag"), "what changes nothing raises no version");
    }
}

#[tokio::test]
async fn rbac_02_members_are_who_holds_the_role_within_reach() {
    let app = TestApp::new().await;
    let mut admin = app.signed_in("admin").await;
    let names = |answer: &Value| -> Vec<String> {
        let items = answer["items"].as_array().unwrap().iter();
        let mut names: Vec<_> = items.map(|item| item["user"]["username"].as_str().unwrap().to_owned()).collect();
        names.sort();
        names
    };
    let all = admin.get("/api/v1/roles/nurse/members").await.expect(200).json();
    assert_eq!(names(&all), ["clinic-b-nurse", "nurse", "ward3-nurse"]);

    let mut unit_admin = app.signed_in("clinic-a-admin").await;
    let near = unit_admin.get("/api/v1/roles/nurse/members").await.expect(200).json();
    assert_eq!(names(&near), ["ward3-nurse"]);

    // Page by page they are the same, each once.
    let (mut paged, mut cursor) = (Vec::new(), String::new());
    loop {
        let page = admin.get(&format!("/api/v1/roles/nurse/members?limit=1{cursor}")).await.expect(200).json();
        paged.extend(names(&page));
        let Some(next) = page["next_cursor"].as_str() else { break };
        cursor = format!("&cursor={next}");
    }
    paged.sort();
    assert_eq!(paged, names(&all));
    assert_eq!(admin.get("/api/v1/roles/nurse/members?cursor=bm9uc2Vuc2U").await.status, 400);
}
