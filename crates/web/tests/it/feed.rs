//! The revocation feed: whatever is refused is told, in an order that misses nothing (REV-03 to REV-05).

use axum::body::{Body, BodyDataStream};
use axum::http::{Method, Request};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use domain::realm::RealmKey;
use futures_util::StreamExt;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use testkit::app::{BASE, HOST};
use testkit::{Answer, TestApp, on_both_databases};

/// A resource server that follows by asking.
struct Follower {
    app: TestApp,
    basic: String,
    since: Option<String>,
}

impl Follower {
    async fn new(app: &TestApp) -> Self {
        let pair = STANDARD.encode(format!("clinic:{}", app.api_secret().await));
        Self { app: app.clone(), basic: format!("Basic {pair}"), since: None }
    }

    async fn ask(&self, path: &str) -> Answer {
        let mut visitor = self.app.browser();
        visitor.call(Method::GET, path).header("authorization", &self.basic).send().await
    }

    /// Everything up to now that it has not seen, and perhaps some that it has.
    async fn news(&mut self) -> Vec<Value> {
        let mut items = Vec::new();
        loop {
            let query = self.since.as_ref().map(|since| format!("?since={since}")).unwrap_or_default();
            let page = self.ask(&format!("/api/v1/revocations{query}")).await.expect(200).json();
            items.extend(page["items"].as_array().expect("items").iter().cloned());
            self.since = Some(page["next_cursor"].as_str().expect("never absent").to_owned());
            if page["more"] == json!(false) {
                return items;
            }
        }
    }

    async fn stream(&self) -> BodyDataStream {
        let query = self.since.as_ref().map(|since| format!("?since={since}")).unwrap_or_default();
        let request = Request::get(format!("{BASE}/api/v1/revocations{query}"))
            .header("host", HOST)
            .header("authorization", &self.basic)
            .header("accept", "text/event-stream")
            .extension(axum::extract::ConnectInfo("192.0.2.9:1".parse::<std::net::SocketAddr>().unwrap()))
            .body(Body::empty())
            .unwrap();
        let response = self.app.answer(request).await;
        assert_eq!(response.status(), 200);
        assert_eq!(response.headers()["content-type"], "text/event-stream");
        response.into_body().into_data_stream()
    }
}

fn kinds(items: &[Value]) -> BTreeSet<String> {
    items.iter().map(|item| item["kind"].as_str().expect("a kind").to_owned()).collect()
}

/// The next thing on the stream that `wanted` accepts; what comes before is passed over.
async fn until(stream: &mut BodyDataStream, wanted: impl Fn(&str) -> bool) -> String {
    loop {
        let bytes = stream.next().await.expect("the stream goes on").expect("bytes");
        let text = String::from_utf8(bytes.to_vec()).expect("text");
        if wanted(&text) {
            return text;
        }
    }
}

on_both_databases! {
    async fn what_ends_locks_or_changes_rights_is_told_once_committed(app: TestApp) {
        let mut follower = Follower::new(&app).await;
        follower.news().await;
        let mut admin = app.signed_in("admin").await;
        let nurse = app.signed_in("nurse").await;
        let id = app.user_id(RealmKey::MAIN, "nurse").await;
        follower.news().await;

        admin.give(&id, "billing", "/clinic-a").await.expect(201);
        let told = follower.news().await;
        let of_nurse = |item: &Value| item["sub"] == json!(id);
        assert!(told.iter().any(|item| item["kind"] == "user" && of_nurse(item)), "{told:?}");

        let session = nurse.clone().get("/api/v1/session").await.expect(200).json()["id"].clone();
        admin.set(&id, "disable").await.expect(200);
        let told = follower.news().await;
        assert!(told.iter().any(|item| item["kind"] == "session" && item["sid"] == session && item["not_before"].is_null()));
        assert!(told.iter().any(|item| item["kind"] == "user" && of_nurse(item)));

        let version = admin.version("/api/v1/roles/billing").await;
        let body = json!({ "permissions": { "clinic": [] } });
        let changed = admin.put("/api/v1/roles/billing/permissions", &version, &body).await.expect(200).json();
        let told = follower.news().await;
        let roles = told.iter().find(|item| item["kind"] == "roles").expect("a change of roles");
        assert!(roles["roles"].as_array().unwrap().contains(&json!("billing")), "{roles} {changed}");

        admin.post("/api/v1/keys/rotate", &json!({ "mode": "emergency", "reason": "a drill" })).await.expect(200);
        let told = follower.news().await;
        assert!(kinds(&told).contains("keys"));
        // Beside transactions that are on their way elsewhere in the cluster, what was told may be told again.
        assert!(follower.news().await.iter().all(|item| told.contains(item)), "nothing new");
    }

    async fn a_token_made_after_a_change_in_the_same_second_is_not_among_the_refused(app: TestApp) {
        let mut follower = Follower::new(&app).await;
        let mut admin = app.signed_in("admin").await;
        let mut nurse = app.signed_in("nurse").await;
        let id = app.user_id(RealmKey::MAIN, "nurse").await;
        let before = nurse.sign_in_for("nurse", "clinic").await.expect(200).json();
        admin.give(&id, "billing", "/clinic-a").await.expect(201);
        let after = nurse.refresh().await.expect(200).json();

        let told = follower.news().await;
        let fact = told.iter().rfind(|item| item["sub"] == json!(id)).expect("the nurse's").clone();
        let not_before = domain::time::Timestamp::parse_rfc3339(fact["not_before"].as_str().unwrap()).unwrap().seconds();
        let as_of = |answer: &Value| crate::rights_as_of(&app, &crate::claims(answer["access_token"].as_str().unwrap()));
        assert!(as_of(&before) < not_before, "refused");
        assert!(as_of(&after) >= not_before, "good");
        app.advance(domain::time::minutes(1));
        let later = nurse.refresh().await.expect(200).json();
        assert_eq!(crate::claims(later["access_token"].as_str().unwrap())["as_of"], Value::Null, "said only when it differs");
    }

    async fn a_token_from_between_two_changes_of_one_second_is_refused(app: TestApp) {
        let mut follower = Follower::new(&app).await;
        let (mut admin, mut nurse) = (app.signed_in("admin").await, app.signed_in("nurse").await);
        let id = app.user_id(RealmKey::MAIN, "nurse").await;
        let as_of = |answer: &Answer| {
            crate::rights_as_of(&app, &crate::claims(answer.json()["access_token"].as_str().unwrap()))
        };
        let grant = admin.give(&id, "billing", "/clinic-a").await.expect(201).json();
        let between = nurse.refresh().await.expect(200);
        let end = format!("/api/v1/users/{id}/grants/{}/end", grant["id"].as_str().unwrap());
        admin.post(&end, &json!({ "reason": "by mistake" })).await.expect(200);
        let after = nurse.refresh().await.expect(200);

        let told = follower.news().await;
        let instants = told.iter().filter(|item| item["sub"] == json!(id)).map(|item| {
            domain::time::Timestamp::parse_rfc3339(item["not_before"].as_str().unwrap()).unwrap().seconds()
        });
        let last = instants.max().expect("the nurse's");
        assert!(as_of(&between) < last && as_of(&after) >= last, "{told:?}");
    }

    async fn rev_04_what_no_token_can_be_concerned_by_any_more_is_forgotten(app: TestApp) {
        let mut follower = Follower::new(&app).await;
        let mut nurse = app.signed_in("nurse").await;
        nurse.post_empty("/api/v1/sign-out").await.expect(204);
        assert!(kinds(&follower.news().await).contains("session"));

        app.advance(domain::time::seconds(3660));
        follower.since = None;
        assert_eq!(follower.news().await, Vec::<Value>::new());
        while service::upkeep::expire(&app.app, RealmKey::MAIN).await.unwrap() {}
        assert_eq!(app.db.number("SELECT COUNT(*) FROM revocation WHERE realm_id = $1", vec![RealmKey::MAIN.into()]).await, 0);
        let mut nurse = app.signed_in("nurse").await;
        nurse.post_empty("/api/v1/sign-out").await.expect(204);
        assert!(kinds(&follower.news().await).contains("session"), "and goes on from where it was");
    }

    async fn a_cursor_of_elsewhere_is_refused_and_one_from_the_future_begins_anew(app: TestApp) {
        let mut follower = Follower::new(&app).await;
        let mut nurse = app.signed_in("nurse").await;
        nurse.post_empty("/api/v1/sign-out").await.expect(204);
        follower.news().await;
        let good = follower.since.clone().unwrap();
        for bad in ["x", "%FF", "AAAA", &"A".repeat(60 * 1024), &good[1..], &format!("{good}A"), ""] {
            let answer = follower.ask(&format!("/api/v1/revocations?since={bad}")).await;
            assert!([400, 414, 431].contains(&answer.status), "{bad:.20} {}", answer.status);
        }
        let mut bytes = base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(&good).unwrap();
        let text = |bytes: &[u8]| base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(bytes);
        bytes[7] = 2;
        follower.ask(&format!("/api/v1/revocations?since={}", text(&bytes))).await.expect(400);
        bytes[7] = 1;
        // Ahead of what there is; of another history, though not ahead: a copy that was restored has grown past it.
        for (at, bits) in [(16, 0x10), (15, 0x01)] {
            let mut elsewhere = bytes.clone();
            elsewhere[at] ^= bits;
            follower.since = Some(text(&elsewhere));
            let told = follower.news().await;
            assert_eq!(told[0]["kind"], "reset", "a history that was set back: forget everything");
            assert!(kinds(&told).contains("session"), "and here is all of it");
        }
    }

    async fn nobody_reads_the_feed_without_an_apis_credentials(app: TestApp) {
        let mut admin = app.signed_in("admin").await;
        admin.get("/api/v1/revocations").await.expect(401);
        let mut follower = Follower::new(&app).await;
        follower.basic = format!("Basic {}", STANDARD.encode("clinic:wrong"));
        follower.ask("/api/v1/revocations").await.expect(401);
        follower.basic = Follower::new(&app).await.basic;
        let mut other = app.browser_in_other();
        other.call(Method::GET, "/api/v1/revocations").header("authorization", &follower.basic).send().await.expect(401);
    }

    async fn a_stream_tells_what_there_is_says_that_it_is_current_and_goes_on(app: TestApp) {
        let follower = Follower::new(&app).await;
        let (mut one, mut other) = (app.signed_in("nurse").await, app.signed_in("physician").await);
        one.post_empty("/api/v1/sign-out").await.expect(204);
        let mut stream = follower.stream().await;
        let first = until(&mut stream, |text| text.starts_with("event: ")).await;
        assert!(first.contains(r#""kind":"session""#), "{first}");
        until(&mut stream, confirms).await;

        other.post_empty("/api/v1/sign-out").await.expect(204);
        let next = until(&mut stream, |text| text.starts_with("event: ")).await;
        let data = next.lines().find_map(|line| line.strip_prefix("data: ")).unwrap();
        let page: Value = serde_json::from_str(data).unwrap();
        assert_eq!(kinds(page["items"].as_array().unwrap()), BTreeSet::from(["session".to_owned()]), "{page}");
        assert!(next.contains(&format!("id: {}\n", page["next_cursor"].as_str().unwrap())));
        until(&mut stream, confirms).await;
        assert_eq!(service::feed::load(&app.app).streams, 1);
    }
}

/// `: ok` and the milliseconds since the stream was asked for.
fn confirms(text: &str) -> bool {
    let digits = text.strip_prefix(": ok ").and_then(|rest| rest.strip_suffix("\n\n"));
    digits.is_some_and(|digits| digits.parse::<u32>().is_ok())
}

/// Listens until all of these were told; nothing else is.
async fn hears(stream: &mut BodyDataStream, heard: &mut BTreeSet<String>, committed: &BTreeSet<String>) {
    while heard != committed {
        let event = until(stream, |text| text.starts_with("event: ")).await;
        let data = event.lines().find_map(|line| line.strip_prefix("data: ")).unwrap();
        let page: Value = serde_json::from_str(data).unwrap();
        let items = page["items"].as_array().unwrap();
        heard.extend(items.iter().filter_map(|item| Some(item["sid"].as_str()?.to_owned())));
        assert!(heard.is_subset(committed), "what is committed, and nothing else");
    }
}

/// Transactions that take their numbers in one order and end in another: nothing that is committed is missed, nothing else is told.
#[test]
fn transactions_that_commit_out_of_order_are_all_told() {
    testkit::on_postgres(|app: TestApp| async move {
        let mut follower = Follower::new(&app).await;
        follower.news().await;
        // Beside it one that listens. Nobody wakes the node, since these rows are not written by its transactions: it looks by itself.
        let (mut stream, mut heard) = (follower.stream().await, BTreeSet::new());
        until(&mut stream, confirms).await;
        let (mut open, mut committed, mut seen) = (Vec::new(), BTreeSet::new(), BTreeSet::new());
        let sids = |items: Vec<Value>| items.into_iter().filter_map(|item| Some(item["sid"].as_str()?.to_owned()));
        let mut random = 20_261_122_u64;
        let mut draw = |below: usize| {
            random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            usize::try_from(random >> 33).unwrap() % below
        };
        for number in 1000..1200_u128 {
            match draw(8) {
                // One begins, and writes what nobody sees yet.
                0..=2 if open.len() < 8 => {
                    let (client, id) = (app.db.raw().await, uuid::Uuid::from_u128(number));
                    let text = format!(
                        "BEGIN; INSERT INTO revocation (realm_id, position, id, kind, subject, expires_at, created_at)
                         VALUES (1, CAST(CAST(pg_current_xact_id() AS TEXT) AS BIGINT), '{id}', 'session', '{id}', 9000000000000000, 0)"
                    );
                    client.batch_execute(&text).await.unwrap();
                    open.push((id, client));
                }
                3..=4 if !open.is_empty() => {
                    let (id, client) = open.remove(draw(open.len()));
                    client.batch_execute("COMMIT").await.unwrap();
                    committed.insert(id.to_string());
                }
                5 if !open.is_empty() => {
                    open.remove(draw(open.len())).1.batch_execute("ROLLBACK").await.unwrap();
                }
                _ => {
                    seen.extend(sids(follower.news().await));
                    assert_eq!(seen, committed, "what is committed, and nothing else");
                    // Now and then, with some still on their way: each wait is a look of the node.
                    if draw(4) == 0 {
                        hears(&mut stream, &mut heard, &committed).await;
                    }
                }
            }
        }
        seen.extend(sids(follower.news().await));
        assert_eq!(seen, committed);
        hears(&mut stream, &mut heard, &committed).await;
        assert!(committed.len() > 10, "the walk went somewhere");
    });
}

/// A node whose database is away says nothing, so that guards ask elsewhere; back again it catches up before it says that it is current.
#[test]
fn a_node_without_its_database_is_silent_and_catches_up_before_it_vouches_again() {
    testkit::runtime().block_on(async {
        let cluster = testkit::postgres::Cluster::durable();
        let app = TestApp::on_cluster(&cluster).await;
        let mut nurse = app.signed_in("nurse").await;
        let mut stream = Follower::new(&app).await.stream().await;
        until(&mut stream, confirms).await;

        cluster.stop();
        // What was on its way may still come; then a whole beat passes without a word.
        let mut beats = 0;
        while tokio::time::timeout(std::time::Duration::from_secs(2), stream.next()).await.is_ok() {
            beats += 1;
            assert!(beats < 5, "it vouches for what it cannot know");
        }
        cluster.start();
        let mut signed_out = 503;
        while signed_out == 503 {
            signed_out = nurse.post_empty("/api/v1/sign-out").await.status;
        }
        let told = until(&mut stream, |text| text.contains(r#""kind":"session""#)).await;
        assert!(told.starts_with("event: revocations\nid: "), "{told}");
        until(&mut stream, confirms).await;
    });
}
