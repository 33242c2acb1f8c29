//! The guard and its issuer over HTTP: rotation, absence, hostile documents, the roles catalogue.

use std::collections::BTreeMap;

use aws_lc_rs::rsa::KeySize;
use axum::http::header::AUTHORIZATION;
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use guard::{Caller, Guard, NotVerified, Refusal, Refused, Settings, SetupError};
use serde_json::json;
use wire::jwk::JwkSet;
use wire::problem::Code;

use crate::issuer::{Answer, Issuer};
use crate::mint::{AUDIENCE, NOW, RSA, Signer};

pub(crate) async fn ask(guard: &Guard, token: &str) -> Result<Caller, Refusal> {
    let mut headers = HeaderMap::new();
    headers.insert(AUTHORIZATION, HeaderValue::from_str(&format!("Bearer {token}")).unwrap());
    guard.authenticate(&headers).await
}

#[tokio::test]
async fn a_token_of_the_issuer_is_accepted_offline() {
    let issuer = Issuer::with_keys(&[&RSA]).await;
    let guard = issuer.guard().await;
    let asked = issuer.keys_asked();

    for _ in 0..100 {
        assert!(ask(&guard, &RSA.token(&issuer.claims())).await.is_ok());
    }

    assert_eq!(issuer.keys_asked(), asked);
}

#[tokio::test]
async fn a_rotation_is_followed_without_a_restart() {
    let (old, new) = (Signer::p256(), Signer::p256());
    let issuer = Issuer::with_keys(&[&old]).await;
    let guard = issuer.guard().await;

    issuer.keys(&[&new, &old]);

    assert!(ask(&guard, &new.token(&issuer.claims())).await.is_ok());
    assert!(ask(&guard, &old.token(&issuer.claims())).await.is_ok());
}

#[tokio::test]
async fn a_key_that_was_withdrawn_takes_its_tokens_along() {
    let (old, new) = (Signer::p256(), Signer::p256());
    let issuer = Issuer::with_keys(&[&old]).await;
    let guard = issuer.guard().await;
    let token = old.token(&issuer.claims());
    assert!(ask(&guard, &token).await.is_ok());

    issuer.keys(&[&new]);
    guard.refresh().await.unwrap_err(); // the roles are missing; the keys were taken before
    issuer.advance(1);

    assert_eq!(guard.verify(&token).await.unwrap_err(), NotVerified::Refused(Refused::UnknownKey));
}

#[tokio::test]
async fn unknown_keys_make_us_ask_once_in_thirty_seconds_however_many_come() {
    let stranger = Signer::p256();
    let issuer = Issuer::with_keys(&[&RSA]).await;
    let guard = issuer.guard().await;
    let asked = issuer.keys_asked();

    let many: Vec<_> = (0..50)
        .map(|number| {
            let mut header = stranger.header();
            header["kid"] = json!(format!("made-up-{number}"));
            let (guard, token) = (guard.clone(), stranger.with_header(&header));
            tokio::spawn(async move { ask(&guard, &token).await.unwrap_err().code() })
        })
        .collect();
    for one in many {
        assert_eq!(one.await.unwrap(), Code::NotSignedIn);
    }
    assert_eq!(issuer.keys_asked(), asked + 1);

    issuer.advance(29);
    ask(&guard, &stranger.token(&issuer.claims())).await.unwrap_err();
    assert_eq!(issuer.keys_asked(), asked + 1);

    issuer.advance(1);
    ask(&guard, &stranger.token(&issuer.claims())).await.unwrap_err();
    assert_eq!(issuer.keys_asked(), asked + 2);
}

#[tokio::test]
async fn a_clock_that_was_set_back_does_not_stop_the_asking() {
    let stranger = Signer::p256();
    let issuer = Issuer::with_keys(&[&RSA]).await;
    let guard = issuer.guard().await;
    ask(&guard, &stranger.token(&issuer.claims())).await.unwrap_err();
    let asked = issuer.keys_asked();

    issuer.advance(-3_600);
    ask(&guard, &stranger.token(&issuer.claims())).await.unwrap_err();

    assert_eq!(issuer.keys_asked(), asked + 1);
}

#[tokio::test]
async fn an_issuer_that_is_away_at_the_start_is_waited_for() {
    let issuer = Issuer::away().await;
    let guard = Guard::connect(issuer.settings()).unwrap();
    assert!(guard.refresh().await.unwrap_err().to_string().contains("cannot be reached"));
    let refusal = ask(&guard, &RSA.token(&issuer.claims())).await.unwrap_err();
    assert_eq!(refusal.code(), Code::Overloaded);

    issuer.keys(&[&RSA]);
    issuer.come_back().await;
    issuer.advance(30);

    assert!(ask(&guard, &RSA.token(&issuer.claims())).await.is_ok());
}

#[tokio::test]
async fn the_background_finds_an_issuer_that_came_back_without_any_request() {
    let issuer = Issuer::away().await;
    let guard = Guard::connect(issuer.settings()).unwrap();
    tokio::task::yield_now().await;

    issuer.keys(&[&RSA]);
    issuer.come_back().await;
    let mut tries = 0;
    while issuer.keys_asked() == 0 && tries < 500 {
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
        tries += 1;
    }

    assert!(issuer.keys_asked() > 0);
    drop(guard);
}

#[tokio::test]
async fn bad_key_documents_leave_the_keys_before_in_force() {
    let issuer = Issuer::with_keys(&[&RSA]).await;
    let guard = issuer.guard().await;
    let stranger = Signer::p256();
    let many = JwkSet { keys: vec![stranger.jwk.clone(); 4_096] };
    let weak = Signer::rsa(KeySize::Rsa2048).jwk;
    let weak = json!({"keys": [{"kty": "RSA", "alg": "RS256", "kid": "w", "e": "Aw", "n": weak.n}]});
    for answer in [
        Answer::Document(serde_json::to_string(&many).unwrap()),
        Answer::Document("<!doctype html><title>Sign in to the wireless network</title>".to_owned()),
        Answer::Document(format!("{{\"keys\":[{}]}}", " ".repeat(300 * 1024))),
        Answer::Document("[".repeat(200_000)),
        Answer::Document(weak.to_string()),
        Answer::Document(String::new()),
        Answer::Document(r#"{"keys":[]}"#.to_owned()),
        Answer::Status(StatusCode::NOT_FOUND),
        Answer::Status(StatusCode::INTERNAL_SERVER_ERROR),
        Answer::Status(StatusCode::NO_CONTENT),
        Answer::Redirect(format!("{}/elsewhere", issuer.base)),
        Answer::Endless("{\"keys\":[] "),
        Answer::Endless("          "),
    ] {
        issuer.keys_answer(answer);
        issuer.advance(30);
        let asked = issuer.keys_asked();

        assert_eq!(ask(&guard, &stranger.token(&issuer.claims())).await.unwrap_err().code(), Code::NotSignedIn);

        assert_eq!(issuer.keys_asked(), asked + 1, "it was asked for");
        assert!(guard.refresh().await.is_err(), "and not taken");
        assert!(ask(&guard, &RSA.token(&issuer.claims())).await.is_ok(), "and what was there before counts");
    }
    issuer.keys(&[&stranger]);
    issuer.advance(30);
    assert!(ask(&guard, &stranger.token(&issuer.claims())).await.is_ok(), "a good document is taken again");
}

#[tokio::test]
async fn an_issuer_that_hangs_costs_five_seconds_and_only_those_who_need_it() {
    costs_five_seconds(Answer::Hang).await;
}

#[tokio::test]
async fn one_that_begins_to_answer_and_hangs_costs_no_more() {
    costs_five_seconds(Answer::Begins("{\"keys\":[")).await;
}

async fn costs_five_seconds(hangs: Answer) {
    let issuer = Issuer::with_keys(&[&RSA]).await;
    let guard = issuer.guard().await;
    issuer.keys_answer(hangs);
    let (known, unknown) = (RSA.token(&issuer.claims()), Signer::p256().token(&issuer.claims()));

    tokio::time::pause();
    let before = tokio::time::Instant::now();
    let waiting = tokio::spawn({
        let guard = guard.clone();
        async move { ask(&guard, &unknown).await.unwrap_err().code() }
    });
    tokio::task::yield_now().await;

    assert!(ask(&guard, &known).await.is_ok());
    assert_eq!(before.elapsed().as_secs(), 0);
    assert_eq!(waiting.await.unwrap(), Code::NotSignedIn);
    assert!((5..7).contains(&before.elapsed().as_secs()), "{:?}", before.elapsed());
    assert!(ask(&guard, &known).await.is_ok());
}

#[tokio::test]
async fn a_document_that_has_not_changed_is_not_sent_again() {
    let issuer = Issuer::with_keys(&[&RSA]).await;
    issuer.roles(1, &json!({}));
    let guard = issuer.guard().await;
    let unchanged = issuer.unchanged();

    guard.refresh().await.unwrap();

    assert_eq!(issuer.unchanged(), unchanged + 2);
    assert!(ask(&guard, &RSA.token(&issuer.claims())).await.is_ok());
}

#[tokio::test]
async fn the_catalogue_is_asked_for_with_percent_encoded_credentials() {
    let issuer = Issuer::with_keys(&[&RSA]).await;
    let settings = Settings::new(issuer.base.clone(), "https://api.example/v1?x&y")
        .credentials("https://api.example/v1", "p:w%")
        .clock(issuer.clock());
    let guard = Guard::connect(settings).unwrap();
    guard.refresh().await.unwrap_err();

    let (uri, authorization) = issuer.last_roles_request();

    assert_eq!(uri, "/.well-known/bailiwick-roles?audience=https%3A%2F%2Fapi.example%2Fv1%3Fx%26y");
    // https%3A%2F%2Fapi.example%2Fv1:p%3Aw%25
    assert_eq!(authorization, "Basic aHR0cHMlM0ElMkYlMkZhcGkuZXhhbXBsZSUyRnYxOnAlM0F3JTI1");
}

#[tokio::test]
async fn a_role_held_in_a_unit_holds_below_it_through_the_catalogue() {
    let issuer = Issuer::with_keys(&[&RSA]).await;
    issuer.roles(1, &json!({"nurse": ["charts:read"], "charge-nurse": ["charts:read", "results:release"]}));
    let guard = issuer.guard().await;
    let mut claims = issuer.claims();
    claims.permissions = Some(Vec::new());
    claims.units = BTreeMap::from([("/clinic-a".to_owned(), vec!["charge-nurse".to_owned()])]);

    let caller = ask(&guard, &RSA.token(&claims)).await.unwrap();

    assert!(caller.may_in("results:release", "/clinic-a") && caller.may_in("results:release", "/clinic-a/ward-3"));
    for elsewhere in ["/", "/clinic-ab", "/clinic-b", "/clinic-a/../clinic-b", "clinic-a"] {
        assert!(!caller.may_in("results:release", elsewhere), "{elsewhere}");
    }
    assert!(!caller.may("results:release") && !caller.may_in("charts:delete", "/clinic-a"));
    assert!(caller.require_in("results:release", "/clinic-a/ward-3").is_ok());
    assert_eq!(caller.require_in("results:release", "/").unwrap_err().missing(), ["results:release"]);
}

#[tokio::test]
async fn a_token_too_large_for_its_permissions_is_resolved_by_its_roles() {
    let issuer = Issuer::with_keys(&[&RSA]).await;
    issuer.roles(1, &json!({"nurse": ["charts:read", "charts:read:own"], "admin": ["users:manage"]}));
    let guard = issuer.guard().await;
    let mut claims = issuer.claims();
    claims.permissions = None;

    let caller = ask(&guard, &RSA.token(&claims)).await.unwrap();

    assert!(caller.may("charts:read") && !caller.may("users:manage"));
    assert!(caller.permissions().is_none());
}

#[tokio::test]
async fn without_a_catalogue_what_needs_it_is_denied() {
    let issuer = Issuer::with_keys(&[&RSA]).await;
    let guard = issuer.guard().await;
    let mut claims = issuer.claims();
    claims.permissions = None;
    claims.units = BTreeMap::from([("/clinic-a".to_owned(), vec!["nurse".to_owned()])]);

    let caller = ask(&guard, &RSA.token(&claims)).await.unwrap();

    assert!(!caller.may("charts:read") && !caller.may_in("charts:read", "/clinic-a"));
}

#[tokio::test]
async fn a_catalogue_of_another_audience_is_not_taken() {
    let issuer = Issuer::with_keys(&[&RSA]).await;
    let other = json!({"audience": "pharmacy", "roles_version": 9, "roles": {"nurse": ["charts:read"]}});
    issuer.roles_answer(Answer::Document(other.to_string()));
    let guard = issuer.guard().await;
    let mut claims = issuer.claims();
    claims.permissions = None;

    assert!(!ask(&guard, &RSA.token(&claims)).await.unwrap().may("charts:read"));
}

#[tokio::test]
async fn a_token_of_a_newer_edition_of_the_roles_makes_us_ask_for_it() {
    let issuer = Issuer::with_keys(&[&RSA]).await;
    issuer.roles(1, &json!({"nurse": ["charts:read"]}));
    let guard = issuer.guard().await;
    let mut claims = issuer.claims();
    claims.permissions = None;
    claims.roles_version = 2;
    issuer.roles(2, &json!({"nurse": ["charts:read", "charts:sign"]}));

    assert!(ask(&guard, &RSA.token(&claims)).await.unwrap().may("charts:sign"));
    let asked = issuer.roles_asked();
    claims.roles_version = 3;
    for _ in 0..10 {
        ask(&guard, &RSA.token(&claims)).await.unwrap();
    }
    assert_eq!(issuer.roles_asked(), asked, "at most one question in five seconds");
    issuer.advance(5);
    ask(&guard, &RSA.token(&claims)).await.unwrap();
    assert_eq!(issuer.roles_asked(), asked + 1);
}

#[tokio::test]
async fn a_catalogue_older_than_the_token_grants_nothing() {
    let issuer = Issuer::with_keys(&[&RSA]).await;
    issuer.roles(1, &json!({"nurse": ["charts:read", "charts:delete"]}));
    let guard = issuer.guard().await;
    let mut claims = issuer.claims();
    claims.permissions = Some(Vec::new());
    claims.units = BTreeMap::from([("/clinic-a".to_owned(), vec!["nurse".to_owned()])]);
    let older = RSA.token(&claims);
    (claims.roles_version, claims.jti) = (2, uuid::Uuid::from_u128(0xC));
    let newer = RSA.token(&claims);
    issuer.roles_answer(Answer::Status(StatusCode::SERVICE_UNAVAILABLE));

    for what in ["its fetch fails", "it was asked for a moment ago"] {
        let caller = ask(&guard, &newer).await.unwrap();
        assert!(!caller.may_in("charts:delete", "/clinic-a"), "{what}");
    }
    assert!(ask(&guard, &older).await.unwrap().may_in("charts:delete", "/clinic-a"), "of its own edition");

    issuer.roles(2, &json!({"nurse": ["charts:read"]}));
    issuer.advance(5);
    let caller = ask(&guard, &newer).await.unwrap();
    assert!(caller.may_in("charts:read", "/clinic-a") && !caller.may_in("charts:delete", "/clinic-a"));
}

#[tokio::test]
async fn a_token_that_lists_its_permissions_needs_no_catalogue() {
    let issuer = Issuer::with_keys(&[&RSA]).await;
    let guard = issuer.guard().await;
    let asked = issuer.roles_asked();
    let mut claims = issuer.claims();
    claims.roles_version = 99;

    assert!(ask(&guard, &RSA.token(&claims)).await.unwrap().may("charts:read"));

    assert_eq!(issuer.roles_asked(), asked);
}

#[tokio::test]
async fn an_issuer_address_that_cannot_be_trusted_is_refused_at_the_start() {
    for (issuer, error) in [
        ("http://id.example", SetupError::Insecure),
        ("https://id.example/", SetupError::Issuer),
        ("id.example", SetupError::Issuer),
    ] {
        assert_eq!(Guard::connect(Settings::new(issuer, AUDIENCE)).unwrap_err(), error);
    }
}

#[test]
fn outside_a_runtime_the_guard_says_what_it_needs() {
    let guard = Guard::connect(Settings::new("http://localhost:1", AUDIENCE));
    assert_eq!(guard.unwrap_err(), SetupError::Runtime);
}

#[tokio::test]
async fn the_clock_decides_when_a_token_is_over() {
    let issuer = Issuer::with_keys(&[&RSA]).await;
    let guard = issuer.guard().await;
    let token = RSA.token(&issuer.claims());

    assert_eq!(ask(&guard, &token).await.unwrap().expires_at(), NOW + 600);
    issuer.advance(610);
    assert_eq!(ask(&guard, &token).await.unwrap_err().code(), Code::NotSignedIn);
}
