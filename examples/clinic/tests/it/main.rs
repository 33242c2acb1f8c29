//! The clinic as a person starts it: the program itself, and a stand-in for the server beside it.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test may fail loudly")]
#![allow(clippy::disallowed_methods, reason = "tests make their own keys and tokens that are good now")]

mod issuer;
mod program;

use std::path::PathBuf;

use reqwest::StatusCode;
use serde_json::{Value, json};

use crate::issuer::Issuer;
use crate::program::{Clinic, fails};

/// An empty folder of this test's own.
fn folder(name: &str) -> PathBuf {
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name);
    let _was_there = std::fs::remove_dir_all(&folder);
    std::fs::create_dir_all(&folder).unwrap();
    folder
}

fn credentials(folder: &std::path::Path, issuer: &str, audience: &str) {
    let file = json!({"issuer": issuer, "apis": [
        {"audience": audience, "client_id": audience, "client_secret": "s3cret"}]});
    std::fs::create_dir_all(folder.join(".bailiwick-demo")).unwrap();
    std::fs::write(folder.join(".bailiwick-demo/credentials.json"), file.to_string()).unwrap();
}

#[tokio::test]
async fn a_nurse_reads_a_chart_and_may_not_prescribe() {
    let issuer = Issuer::start(json!({})).await;
    let folder = folder("nurse");
    credentials(&folder, &issuer.base, "clinic");
    let clinic = Clinic::start(&folder, &["--listen", "127.0.0.1:0", "--json"]);
    let token = issuer.token("clinic", &["charts:read"], &json!({}));

    let (status, chart) = clinic.get("/charts/17", &token).await;
    assert_eq!((status, &chart["chart"]), (StatusCode::OK, &json!("17")));

    let (status, problem) = clinic.post("/prescriptions", &token, Some(json!({"drug": "aspirin"}))).await;
    assert_eq!(status, StatusCode::FORBIDDEN);
    assert_eq!(problem["missing"], json!(["prescriptions:create"]));

    let physician = issuer.token("clinic", &["charts:read", "prescriptions:create", "results:release"], &json!({}));
    let (status, done) = clinic.post("/prescriptions", &physician, Some(json!({"drug": "aspirin"}))).await;
    assert_eq!((status, &done["prescription"]), (StatusCode::CREATED, &json!({"drug": "aspirin"})));
    let (status, done) = clinic.post("/results/9/release", &physician, None).await;
    assert_eq!((status, &done["released"]), (StatusCode::OK, &json!(true)));
}

#[tokio::test]
async fn a_role_held_in_a_unit_opens_the_records_of_that_unit() {
    let issuer = Issuer::start(json!({"charge-nurse": ["charts:read", "results:release"]})).await;
    let folder = folder("unit");
    credentials(&folder, &issuer.base, "clinic");
    let clinic = Clinic::start(&folder, &["--listen", "127.0.0.1:0", "--json"]);
    let token = issuer.token("clinic", &[], &json!({"/clinic-a": ["charge-nurse"]}));

    for (path, expected) in [
        ("/charts/clinic-a.ward-3.17", StatusCode::OK),
        ("/charts/clinic-a.17", StatusCode::OK),
        ("/charts/clinic-b.17", StatusCode::FORBIDDEN),
        ("/charts/17", StatusCode::FORBIDDEN),
    ] {
        assert_eq!(clinic.get(path, &token).await.0, expected, "{path}");
    }
    assert_eq!(clinic.post("/results/clinic-a.1/release", &token, None).await.0, StatusCode::OK);
}

#[tokio::test]
async fn a_patient_reads_their_own_chart_only() {
    let issuer = Issuer::start(json!({})).await;
    let folder = folder("patient");
    credentials(&folder, &issuer.base, "clinic");
    let clinic = Clinic::start(&folder, &["--listen", "127.0.0.1:0", "--json"]);
    let token = issuer.token("clinic", &["charts:read:own"], &json!({}));

    assert_eq!(clinic.get(&format!("/charts/{}", issuer::SUBJECT), &token).await.0, StatusCode::OK);
    assert_eq!(clinic.get("/charts/17", &token).await.0, StatusCode::FORBIDDEN);
}

#[tokio::test]
async fn a_token_of_an_ended_session_is_refused_and_the_metrics_say_where_that_is_known_from() {
    let issuer = Issuer::start(json!({})).await;
    let folder = folder("revoked");
    credentials(&folder, &issuer.base, "clinic");
    let clinic = Clinic::start(&folder, &["--listen", "127.0.0.1:0", "--json"]);
    let ended = issuer.of_session(issuer::ENDED, "clinic", &["charts:read"], &json!({}));

    assert_eq!(clinic.get("/charts/17", &ended).await.0, StatusCode::UNAUTHORIZED);
    assert_eq!(clinic.get("/charts/17", &issuer.token("clinic", &["charts:read"], &json!({}))).await.0, StatusCode::OK);

    let metrics = clinic.text("/metrics").await;
    for line in [
        "bailiwick_guard_feed_state{state=\"current\"} 1",
        "bailiwick_guard_denylist_entries{kind=\"session\"} 1",
        "bailiwick_guard_refusals_total{reason=\"revoked\"} 1",
    ] {
        assert!(metrics.lines().any(|found| found == line), "{line}\n{metrics}");
    }
}

#[tokio::test]
async fn the_agency_profile_serves_policies() {
    let issuer = Issuer::start(json!({})).await;
    let folder = folder("agency");
    credentials(&folder, &issuer.base, "agency");
    let clinic = Clinic::start(&folder, &["--profile", "agency", "--listen", "127.0.0.1:0", "--json"]);
    let token = issuer.token("agency", &["policies:read"], &json!({}));

    assert_eq!(clinic.get("/policies/1", &token).await.0, StatusCode::OK);
    assert_eq!(clinic.post("/policies", &token, Some(json!({}))).await.0, StatusCode::FORBIDDEN);
    let other = issuer.token("clinic", &["policies:read"], &json!({}));
    assert_eq!(clinic.get("/policies/1", &other).await.0, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn bad_requests_are_refused_in_the_order_of_the_conventions() {
    let issuer = Issuer::start(json!({})).await;
    let folder = folder("order");
    credentials(&folder, &issuer.base, "clinic");
    let clinic = Clinic::start(&folder, &["--listen", "127.0.0.1:0", "--json"]);
    let physician = issuer.token("clinic", &["prescriptions:create"], &json!({}));

    let (status, problem) = clinic.get("/nowhere", "").await;
    assert_eq!((status, &problem["code"]), (StatusCode::NOT_FOUND, &json!("not-found")));
    let (status, problem) = clinic.get("/prescriptions", "").await;
    assert_eq!((status, &problem["code"]), (StatusCode::METHOD_NOT_ALLOWED, &json!("method-not-allowed")));
    assert_eq!(clinic.allow("/prescriptions").await, "POST");
    assert_eq!(clinic.post("/prescriptions", "", None).await.0, StatusCode::UNAUTHORIZED);
    for (content_type, body, expected) in [
        ("text/plain", "{}".to_owned(), StatusCode::UNSUPPORTED_MEDIA_TYPE),
        ("application/json", "{".to_owned(), StatusCode::BAD_REQUEST),
        ("application/json", "[1]".to_owned(), StatusCode::UNPROCESSABLE_ENTITY),
        ("application/json", format!("{{\"x\":\"{}\"}}", "x".repeat(70_000)), StatusCode::PAYLOAD_TOO_LARGE),
    ] {
        let (status, problem) = clinic.post_raw("/prescriptions", &physician, content_type, body).await;
        assert_eq!((status, &problem["status"]), (expected, &json!(expected.as_u16())), "{content_type}");
    }
}

#[tokio::test]
async fn an_issuer_that_is_away_is_waited_for_and_said_so() {
    let folder = folder("away");
    let issuer = Issuer::new().await;
    credentials(&folder, &issuer.base, "clinic");
    let mut clinic = Clinic::start(&folder, &["--listen", "127.0.0.1:0", "--json"]);
    let line = clinic.first_error_line();
    assert!(line.contains("cannot be reached") && line.contains("waiting for"), "{line}");
    let token = issuer.token("clinic", &["charts:read"], &json!({}));

    let (status, problem) = clinic.get("/charts/1", &token).await;

    assert_eq!((status, &problem["code"]), (StatusCode::SERVICE_UNAVAILABLE, &json!("overloaded")));
}

#[test]
fn without_credentials_one_line_says_what_to_do() {
    let line = fails(&folder("none"), &["--listen", "127.0.0.1:0"]);
    assert!(line.contains("credentials.json") && line.contains("-- demo"), "{line}");
}

#[test]
fn a_broken_or_foreign_credentials_file_is_named() {
    let folder = folder("broken");
    credentials(&folder, "http://localhost:1", "agency");
    let line = fails(&folder, &["--listen", "127.0.0.1:0"]);
    assert!(line.contains("no API clinic"), "{line}");

    std::fs::write(folder.join(".bailiwick-demo/credentials.json"), "{").unwrap();
    let line = fails(&folder, &["--listen", "127.0.0.1:0"]);
    assert!(line.contains("cannot be read"), "{line}");
}

#[test]
fn a_port_in_use_is_said_in_one_line() {
    let folder = folder("port");
    credentials(&folder, "http://localhost:1", "clinic");
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let line = fails(&folder, &["--listen", &taken.local_addr().unwrap().to_string()]);
    assert!(line.contains("cannot listen") && line.contains("--listen"), "{line}");
}

#[test]
fn an_issuer_without_https_elsewhere_is_refused() {
    let arguments =
        ["--issuer", "http://id.example", "--client-id", "a", "--client-secret", "b", "--listen", "127.0.0.1:0"];
    let line = fails(&folder("insecure"), &arguments);
    assert!(line.contains("https"), "{line}");
}

/// The body of an answer, which is always JSON here.
async fn body(response: reqwest::Response) -> (StatusCode, Value) {
    let status = response.status();
    (status, response.json().await.unwrap_or(Value::Null))
}
