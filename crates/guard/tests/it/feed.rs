//! The guard and the revocation feed: obeyed at once, resumed, doubted; and the issuer asked where it does not vouch.

use std::time::Duration;

use axum::http::StatusCode;
use guard::{AccessClaims, Code, FeedState, Guard, NotVerified, Refused, Revocation, RevocationPage};
use serde_json::json;
use uuid::Uuid;

use crate::feeding::{Feed, Introspection, event, eventually};
use crate::issuer::{Answer, Issuer};
use crate::mint::{NOW, RSA, SUBJECT, Signer};
use crate::remote::ask;

pub(crate) const EXPIRES: i64 = NOW + 3_660;
/// The guard's patience in tests of silence: many beats of the stand-in, so that a busy machine does not look like a silent feed.
pub(crate) const SILENCE: Duration = Duration::from_millis(600);

pub(crate) fn session(sid: u128) -> Revocation {
    Revocation::Session { sid: Uuid::from_u128(sid), not_before: None, expires_at: EXPIRES }
}

pub(crate) fn of_session(issuer: &Issuer, sid: u128) -> String {
    RSA.token(&AccessClaims { sid: Some(Uuid::from_u128(sid)), jti: Uuid::from_u128(sid + 1_000), ..issuer.claims() })
}

/// An issuer, and a guard of little patience that follows its feed.
pub(crate) async fn impatient() -> (Issuer, Guard) {
    let issuer = Issuer::with_keys(&[&RSA]).await;
    let guard = Guard::connect(issuer.settings().max_silence(SILENCE)).unwrap();
    guard.refresh().await.unwrap_err(); // there are keys, and no roles
    is(&guard, FeedState::Current).await;
    (issuer, guard)
}

pub(crate) async fn is(guard: &Guard, state: FeedState) {
    eventually(&format!("{state:?}"), || guard.metrics().state == state).await;
}

pub(crate) async fn code(guard: &Guard, token: &str) -> Result<(), Code> {
    ask(guard, token).await.map(drop).map_err(|refusal| refusal.code())
}

#[tokio::test]
async fn a_token_of_an_ended_session_is_refused_as_soon_as_the_feed_says_so_although_it_was_seen_before() {
    let issuer = Issuer::with_keys(&[&RSA]).await;
    let guard = issuer.guard().await;
    let (ended, other) = (of_session(&issuer, 1), of_session(&issuer, 2));
    assert_eq!((code(&guard, &ended).await, code(&guard, &other).await), (Ok(()), Ok(())));

    issuer.feeding.publish(vec![session(1)]);
    eventually("it is known", || guard.metrics().entries.sessions == 1).await;

    assert_eq!((code(&guard, &ended).await, code(&guard, &other).await), (Err(Code::NotSignedIn), Ok(())));
    assert_eq!(guard.verify(&ended).await.unwrap_err(), NotVerified::Refused(Refused::Revoked));
    assert_eq!(guard.metrics().refusals.revoked, 1);
    assert!(issuer.feeding.introspected().is_empty(), "nobody was asked");
}

#[tokio::test]
async fn every_kind_of_fact_reaches_the_tokens_that_it_is_about() {
    let issuer = Issuer::with_keys(&[&RSA]).await;
    let guard = issuer.guard().await;
    let token = RSA.token(&issuer.claims());
    let later =
        RSA.token(&AccessClaims { iat: NOW + 1, roles_version: 9, jti: Uuid::from_u128(0xC), ..issuer.claims() });
    for fact in [
        Revocation::User { sub: SUBJECT, not_before: NOW + 1, expires_at: EXPIRES },
        Revocation::Session { sid: Uuid::from_u128(0xB), not_before: Some(NOW + 1), expires_at: EXPIRES },
        Revocation::Token { jti: Uuid::from_u128(0xA), expires_at: EXPIRES },
        Revocation::Roles { roles_version: 9, roles: vec!["nurse".into()], expires_at: EXPIRES },
        Revocation::Roles { roles_version: 9, roles: Vec::new(), expires_at: EXPIRES },
    ] {
        issuer.feeding.publish(vec![Revocation::Reset]);
        is(&guard, FeedState::Current).await;
        eventually("forgotten", || guard.metrics().entries.total() == 0).await;
        issuer.feeding.publish(vec![fact.clone()]);
        eventually("it is known", || guard.metrics().entries.total() == 1).await;
        assert_eq!(code(&guard, &token).await, Err(Code::NotSignedIn), "{fact:?}");
        assert_eq!(code(&guard, &later).await, Ok(()), "{fact:?}");
    }
}

#[tokio::test]
async fn what_was_revoked_before_the_guard_began_is_known_at_its_first_request() {
    let issuer = Issuer::with_keys(&[&RSA]).await;
    for sid in 0..50 {
        issuer.feeding.publish(vec![session(sid)]);
    }
    let guard = Guard::connect(issuer.settings()).unwrap();

    assert_eq!(code(&guard, &of_session(&issuer, 49)).await, Err(Code::NotSignedIn));
    assert_eq!(code(&guard, &of_session(&issuer, 50)).await, Ok(()));
    assert!(issuer.feeding.introspected().is_empty(), "it waited for the feed and asked nobody");
}

#[tokio::test]
async fn a_feed_that_does_not_come_holds_the_first_request_up_for_seconds_only() {
    let issuer = Issuer::with_keys(&[&RSA]).await;
    issuer.feeding.becomes(Feed::Quiet);
    issuer.feeding.publish(vec![session(1)]);
    let guard = Guard::connect(issuer.settings()).unwrap();
    guard.refresh().await.unwrap_err();
    let begun = tokio::time::Instant::now();

    assert_eq!(code(&guard, &of_session(&issuer, 2)).await, Ok(()));

    assert!((1..5).contains(&begun.elapsed().as_secs()), "{:?}", begun.elapsed());
    assert_eq!(issuer.feeding.introspected().len(), 1, "and then the issuer is asked");
    assert_eq!(code(&guard, &of_session(&issuer, 1)).await, Err(Code::NotSignedIn), "what was told counts already");
    assert_eq!(issuer.feeding.introspected().len(), 1, "without a question");
    let again = tokio::time::Instant::now();
    assert_eq!(code(&guard, &of_session(&issuer, 3)).await, Ok(()));
    assert!(again.elapsed().as_millis() < 1_000, "nobody waits twice");
}

#[tokio::test]
async fn a_broken_connection_is_resumed_where_it_stood() {
    let issuer = Issuer::with_keys(&[&RSA]).await;
    issuer.feeding.publish(vec![session(1)]);
    let guard = issuer.guard().await;
    assert_eq!(issuer.feeding.connections(), [(String::new(), "Basic Y2xpbmljOnMzY3JldA==".to_owned())]);

    issuer.feeding.cut();
    issuer.feeding.publish(vec![session(2)]);
    eventually("what came meanwhile is known", || guard.metrics().entries.sessions == 2).await;

    assert_eq!(issuer.feeding.connections().last().unwrap().0, "since=1");
    assert_eq!(code(&guard, &of_session(&issuer, 1)).await, Err(Code::NotSignedIn), "and what came before still is");
    assert!(issuer.feeding.introspected().is_empty(), "a short break is not silence");
}

#[tokio::test]
async fn a_silent_feed_makes_the_guard_ask_and_one_that_speaks_again_stops_it() {
    let (issuer, guard) = impatient().await;
    issuer.feeding.becomes(Feed::Quiet);
    is(&guard, FeedState::Asking).await;
    let token = RSA.token(&issuer.claims());

    assert_eq!(code(&guard, &token).await, Ok(()));
    assert_eq!(issuer.feeding.introspected(), [(format!("token={token}"), "Basic Y2xpbmljOnMzY3JldA==".to_owned())]);
    issuer.feeding.introspection(Introspection::inactive());
    let other = of_session(&issuer, 7);
    assert_eq!(code(&guard, &other).await, Err(Code::NotSignedIn));
    assert_eq!(guard.verify(&other).await.unwrap_err(), NotVerified::Refused(Refused::Revoked));

    issuer.feeding.becomes(Feed::Live);
    is(&guard, FeedState::Current).await;
    assert_eq!(code(&guard, &other).await, Ok(()), "judged by the feed again");
    let metrics = guard.metrics();
    assert_eq!((metrics.introspections_active, metrics.introspections_inactive), (1, 1));
}

#[tokio::test]
async fn who_is_asked_about_may_do_what_the_issuer_says_now_and_not_what_the_token_said() {
    let (issuer, guard) = impatient().await;
    issuer.feeding.becomes(Feed::Quiet);
    is(&guard, FeedState::Asking).await;
    let now = json!({"roles": ["auditor"], "permissions": ["audit:read"], "acr": null, "units": {"/a": ["nurse"]}});
    issuer.feeding.introspection(Introspection::Active(now));
    let caller = ask(&guard, &of_session(&issuer, 1)).await.unwrap();

    assert!(caller.may("audit:read") && !caller.may("charts:read"));
    assert_eq!((caller.roles(), caller.acr()), (&["auditor".to_owned()][..], None));
    assert_eq!((caller.id(), caller.units().count()), (SUBJECT, 1));

    issuer.feeding.introspection(Introspection::Active(json!({"roles": null, "permissions": null, "auth_time": null})));
    let caller = ask(&guard, &of_session(&issuer, 2)).await.unwrap();
    assert!(caller.roles().is_empty() && !caller.may("charts:read"), "what is not said is not held");
    assert!(caller.require_step_up(u32::MAX, guard::AAL1).is_err());
}

#[tokio::test]
async fn a_burst_with_one_token_costs_one_question_and_its_answer_serves_a_second() {
    let (issuer, guard) = impatient().await;
    issuer.feeding.becomes(Feed::Quiet);
    is(&guard, FeedState::Asking).await;
    let token = RSA.token(&issuer.claims());

    let burst = (0..100).map(|_| {
        let (guard, token) = (guard.clone(), token.clone());
        tokio::spawn(async move { ask(&guard, &token).await.is_ok() })
    });
    for one in burst.collect::<Vec<_>>() {
        assert!(one.await.unwrap());
    }
    assert_eq!(issuer.feeding.introspected().len(), 1);

    issuer.feeding.introspection(Introspection::inactive());
    tokio::time::sleep(Duration::from_millis(1_050)).await; // what is tested is that a second passes
    assert_eq!(code(&guard, &token).await, Err(Code::NotSignedIn));
    assert_eq!(issuer.feeding.introspected().len(), 2);
}

#[tokio::test]
async fn what_nobody_can_tell_is_refused_with_503_and_nobody_queues_for_it() {
    let says = |status, text: &str| Introspection::Says(status, text.to_owned());
    let cases = [
        says(StatusCode::UNAUTHORIZED, "{\"error\":\"invalid_client\"}"),
        says(StatusCode::OK, "<!doctype html>"),
        says(StatusCode::OK, "true"),
        says(StatusCode::OK, "{\"active\":true}"),
        Introspection::Active(json!({"active": "true"})),
        Introspection::Active(json!({"jti": Uuid::from_u128(0xA)})),
        Introspection::Active(json!({"sub": Uuid::from_u128(0xA)})),
        Introspection::Active(json!({"aud": "pharmacy"})),
        Introspection::Active(json!({"roles": "nurse"})),
        Introspection::Active(json!({"x": "x".repeat(300_000)})),
    ];
    let of_one_token = cases.into_iter().enumerate().map(|(number, case)| cannot_tell(number, case, Then::AsksOn));
    futures_util::future::join_all(of_one_token).await;
    let cases = [
        says(StatusCode::INTERNAL_SERVER_ERROR, "{\"active\":true}"),
        says(StatusCode::TOO_MANY_REQUESTS, ""),
        Introspection::Hang,
    ];
    let of_the_issuer = cases.into_iter().enumerate().map(|(number, case)| cannot_tell(number, case, Then::Rests));
    futures_util::future::join_all(of_the_issuer).await;
}

/// What the guard does with other tokens after an answer that is none.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Then {
    AsksOn,
    Rests,
}

async fn cannot_tell(number: usize, answer: Introspection, then: Then) {
    let (issuer, guard) = impatient().await;
    issuer.feeding.becomes(Feed::Quiet);
    issuer.feeding.introspection(answer);
    is(&guard, FeedState::Asking).await;

    let refusal = ask(&guard, &of_session(&issuer, 1)).await.unwrap_err();
    assert_eq!(refusal.code(), Code::Overloaded, "{number}");
    let response = refusal.into_http::<String>();
    assert_eq!((response.status().as_u16(), &response.headers()["retry-after"]), (503, &"2".parse().unwrap()));

    assert_eq!(guard.verify(&of_session(&issuer, 1)).await.unwrap_err(), NotVerified::CannotTell);
    assert_eq!(issuer.feeding.introspected().len(), 1, "{then:?} {number}: the same token is not asked about again");
    assert_eq!(code(&guard, "nonsense").await, Err(Code::NotSignedIn), "what is bad anyway is said at once");
    assert_eq!(guard.metrics().introspections_failed, 1);

    issuer.feeding.introspection(Introspection::Active(json!({})));
    let others = if then == Then::Rests { Err(Code::Overloaded) } else { Ok(()) };
    assert_eq!(code(&guard, &of_session(&issuer, 2)).await, others, "{then:?} {number}: one bad answer is not all");
    tokio::time::sleep(Duration::from_millis(1_050)).await; // until it has rested
    assert_eq!(code(&guard, &of_session(&issuer, 3)).await, Ok(()), "{then:?} {number}");
}

#[tokio::test]
async fn an_answer_of_a_quarter_of_a_mebibyte_is_read() {
    let (issuer, guard) = impatient().await;
    issuer.feeding.becomes(Feed::Quiet);
    issuer.feeding.introspection(Introspection::Active(json!({"x": "x".repeat(250_000)})));
    is(&guard, FeedState::Asking).await;

    assert_eq!(code(&guard, &of_session(&issuer, 1)).await, Ok(()));
}

#[tokio::test]
async fn a_cursor_that_the_issuer_does_not_know_makes_the_guard_begin_anew() {
    let (issuer, guard) = impatient().await;
    issuer.feeding.publish(vec![session(1)]);
    eventually("it is known", || guard.metrics().entries.sessions == 1).await;

    issuer.feeding.begin_anew();
    issuer.feeding.publish(vec![session(2)]);
    eventually("it began anew", || {
        issuer.feeding.connections().iter().filter(|(query, _)| query.is_empty()).count() == 2
    })
    .await;
    is(&guard, FeedState::Current).await;

    assert_eq!(code(&guard, &of_session(&issuer, 2)).await, Err(Code::NotSignedIn));
    assert_eq!(code(&guard, &of_session(&issuer, 1)).await, Ok(()), "what another history told is void");
    assert_eq!(issuer.feeding.connections().last().unwrap().0, "", "from the beginning");
}

#[tokio::test]
async fn after_a_reset_the_guard_asks_until_the_feed_vouches_again() {
    let (issuer, guard) = impatient().await;
    let reset = RevocationPage { items: vec![session(1), Revocation::Reset], next_cursor: "1".into(), more: false };
    let page = RevocationPage { items: vec![session(3)], next_cursor: "2".into(), more: false };
    issuer.feeding.becomes(Feed::Says(vec![b": ok 0\n\n".to_vec(), event(&reset).into(), event(&page).into()]));
    eventually("it has begun anew", || guard.metrics().entries.sessions == 2).await;

    assert_eq!(guard.metrics().state, FeedState::Asking);
    assert_eq!(guard.metrics().lag, None);
    assert_eq!(code(&guard, &of_session(&issuer, 2)).await, Ok(()));
    assert_eq!(issuer.feeding.introspected().len(), 1);
}

#[tokio::test]
async fn withdrawn_keys_are_fetched_at_once_and_until_then_each_token_is_asked_about() {
    let (old, new) = (Signer::p256(), Signer::p256());
    let issuer = Issuer::with_keys(&[&old]).await;
    let guard = issuer.guard().await;
    let (stolen, fresh) = (old.token(&issuer.claims()), new.token(&issuer.claims()));
    assert_eq!(code(&guard, &stolen).await, Ok(()));
    // Somebody has just made us look: by that alone we would not look again for half a minute.
    assert_eq!(code(&guard, &fresh).await, Err(Code::NotSignedIn));

    issuer.keys_answer(Answer::Status(StatusCode::SERVICE_UNAVAILABLE));
    issuer.feeding.introspection(Introspection::inactive());
    issuer.feeding.publish(vec![Revocation::Keys { expires_at: EXPIRES }]);
    is(&guard, FeedState::Asking).await;
    assert_eq!(code(&guard, &stolen).await, Err(Code::NotSignedIn), "the issuer says so");
    issuer.keys(&[&new]);
    is(&guard, FeedState::Current).await;

    assert_eq!(guard.verify(&stolen).await.unwrap_err(), NotVerified::Refused(Refused::UnknownKey));
    assert_eq!(code(&guard, &fresh).await, Ok(()));
}

#[tokio::test]
async fn a_feed_that_withdraws_keys_without_end_makes_us_fetch_once_a_second() {
    let issuer = Issuer::with_keys(&[&RSA]).await;
    let guard = issuer.guard().await;
    let asked = issuer.keys_asked();
    for _ in 0..200 {
        issuer.feeding.publish(vec![Revocation::Keys { expires_at: EXPIRES }]);
    }
    eventually("they were fetched", || issuer.keys_asked() > asked).await;
    is(&guard, FeedState::Current).await;

    assert!(issuer.keys_asked() - asked <= 3, "{}", issuer.keys_asked() - asked);
}

#[tokio::test]
async fn without_credentials_no_feed_is_followed_and_the_state_says_so() {
    let issuer = Issuer::with_keys(&[&RSA]).await;
    issuer.feeding.publish(vec![session(0xB)]);
    let settings = guard::Settings::new(issuer.base.clone(), crate::mint::AUDIENCE).clock(issuer.clock());
    let guard = Guard::connect(settings).unwrap();
    guard.refresh().await.unwrap();

    assert_eq!(code(&guard, &RSA.token(&issuer.claims())).await, Ok(()));

    assert_eq!(guard.metrics().state, FeedState::Off);
    assert!(issuer.feeding.connections().is_empty());
}

#[tokio::test]
async fn a_guard_that_is_dropped_leaves_the_feed() {
    let (issuer, guard) = impatient().await;
    drop(guard);
    issuer.feeding.cut();
    let connections = issuer.feeding.connections().len();
    tokio::time::sleep(SILENCE).await; // long enough to come again

    assert_eq!(issuer.feeding.connections().len(), connections);
}

#[tokio::test]
async fn the_metrics_say_how_the_guard_is_doing() {
    let (issuer, guard) = impatient().await;
    issuer.feeding.publish(vec![session(0xB), Revocation::Token { jti: Uuid::from_u128(1), expires_at: EXPIRES }]);
    eventually("it is known", || guard.metrics().entries.total() == 2).await;
    code(&guard, &RSA.token(&issuer.claims())).await.unwrap_err();
    code(&guard, "nonsense").await.unwrap_err();

    let metrics = guard.metrics();
    let text = metrics.to_prometheus();

    assert!(metrics.lag.unwrap() < SILENCE && metrics.cursor_age.is_some());
    assert_eq!((metrics.refusals.revoked, metrics.refusals.bad_token), (1, 1));
    for line in [
        "bailiwick_guard_feed_state{state=\"off\"} 0",
        "bailiwick_guard_feed_state{state=\"current\"} 1",
        "bailiwick_guard_feed_state{state=\"asking\"} 0",
        "bailiwick_guard_denylist_entries{kind=\"session\"} 1",
        "bailiwick_guard_denylist_entries{kind=\"token\"} 1",
        "# TYPE bailiwick_guard_feed_lag_seconds gauge",
        "# TYPE bailiwick_guard_feed_cursor_age_seconds gauge",
        "bailiwick_guard_feed_connections_total 1",
        "bailiwick_guard_introspections_total{result=\"failed\"} 0",
        "bailiwick_guard_refusals_total{reason=\"revoked\"} 1",
        "bailiwick_guard_refusals_total{reason=\"bad_token\"} 1",
    ] {
        assert!(text.lines().any(|found| found == line), "{line}\n{text}");
    }
    let secret = json!(text).to_string();
    assert!(!secret.contains("s3cret") && !secret.contains("clinic"), "{text}");
}
