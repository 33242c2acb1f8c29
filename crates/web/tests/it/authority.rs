//! Authority ends when its end is acknowledged: by the order of the leaves, nothing that the caller did comes after it, whatever raced.
//!
//! Four use the caller's rights until they are refused, while somebody ends these rights. On PostgreSQL each of these tests fails without the
//! guard of the principal in `service::caller::again` (each was seen to, and again without the guard of whoever ends the rights). On SQLite there is one writer, who looks and writes in one go: there
//! the tests show that the order of the log is the order of the decisions.

use std::pin::Pin;

use domain::id::{TokenId, UserId};
use domain::realm::RealmKey;
use domain::secret::Secret;
use domain::time::{days, minutes};
use domain::unit::UnitPath;
use serde_json::Value;
use service::grant::{EndGrant, Give, GrantError};
use store::token::Purpose;
use store::{Outcome, Upkeep};
use testkit::app::operator;
use testkit::{Browser, TestApp, on_both_databases, race};

const ROUNDS: usize = 16;
const UNITS: [&str; 4] = ["/clinic-a", "/clinic-a/ward-3", "/clinic-a/ward-7", "/clinic-b"];
const ROLES: [&str; 8] =
    ["nurse", "charge-nurse", "physician", "pharmacist", "lab-technician", "receptionist", "billing", "patient"];
const PASSWORD: &str = "the heron stands in the reeds";

/// An administrator who is about to lose their rights.
#[derive(Clone)]
struct Doomed {
    id: UserId,
    browser: Browser,
    /// Who they are by a request that began before.
    caller: service::Caller,
    /// A refresh token that was replaced long ago.
    replaced: String,
    /// A link that sets their password.
    link: String,
    /// Another administrator, who stays.
    admin: Browser,
}

type Ending = fn(TestApp, Doomed) -> Pin<Box<dyn Future<Output = ()> + Send>>;

async fn doomed(app: &TestApp, username: &str) -> Doomed {
    let link = app.new_link_for(username, Purpose::Activation, &["admin"]).await;
    app.browser().choose(&link, PASSWORD).await.expect(204);
    let mut browser = app.browser();
    browser.sign_in_with(username, PASSWORD).await.expect(200);
    let replaced = browser.cookie("refresh").unwrap();
    app.advance(minutes(1));
    browser.refresh().await.expect(200);
    app.advance(minutes(1));
    let (admin, caller) = (app.signed_in("admin").await, crate::caller(app, &browser).await);
    let id = caller.user();
    Doomed { id, browser, caller, replaced, link: reset_link(app, id).await, admin }
}

/// A link as `reset-password` sends it.
async fn reset_link(app: &TestApp, user: UserId) -> String {
    let link = Secret::new(&*app.db.entropy);
    app.remember(&link.expose());
    let id = TokenId::new(&*app.db.entropy, app.db.now());
    let made = app.db.write((id, link.hash(), user), |tx, (id, hash, user)| {
        Box::pin(async move {
            let until = store::Read::now(tx).plus(days(1));
            store::token::create(tx, *id, hash, Purpose::Reset, Some(*user), until).await?;
            Ok(Outcome::upkeep((), Upkeep::Counter))
        })
    });
    made.await.unwrap();
    link.expose()
}

/// Gives one role after the other until the caller is refused. Returns how many were given.
async fn give_all(app: &TestApp, caller: &service::Caller, user: UserId, unit: &str) -> usize {
    for (given, role) in ROLES.iter().enumerate() {
        let unit = UnitPath::parse(unit).unwrap();
        let (role, reason) = ((*role).to_owned(), "while I may".to_owned());
        let give = Give { user, role, unit, valid_from: None, valid_until: None, reason };
        match service::grant::give(&app.app, caller, give).await {
            Ok(_) => {}
            Err(GrantError::SignedOut | GrantError::Forbidden(_)) => return given,
            Err(other) => panic!("{other:?}"),
        }
    }
    ROLES.len()
}

/// By the order of the leaves, the ending is there, and the caller did nothing after it.
fn ended_for_good(log: &[Value], caller: UserId, kind: &str) {
    let (id, at) = (caller.to_string(), |wanted: &dyn Fn(&Value) -> bool| log.iter().rposition(wanted));
    let end = at(&|event| event["type"] == kind && event["subject"]["id"] == id.as_str()).expect("an ending");
    let last = at(&|event| event["type"] == "role_granted" && event["actor"]["id"] == id.as_str());
    assert!(last.is_none_or(|last| last < end), "{kind} at {end}, and yet {last:?}: {}", log[last.unwrap()]);
}

async fn rounds(app: TestApp, kind: &'static str, ending: Ending) {
    let mut given = 0;
    for round in 0..ROUNDS {
        let doomed = doomed(&app, &format!("doomed-{round}")).await;
        app.new_link(&format!("target-{round}"), Purpose::Activation).await;
        let target: UserId = app.user_id(RealmKey::MAIN, &format!("target-{round}")).await.parse().unwrap();

        let gifts = race(UNITS.len() + 1, |racer| {
            let (app, doomed) = (app.clone(), doomed.clone());
            async move {
                match UNITS.get(racer) {
                    Some(unit) => give_all(&app, &doomed.caller, target, unit).await,
                    None => {
                        ending(app, doomed).await;
                        0
                    }
                }
            }
        })
        .await;

        given += gifts.iter().sum::<usize>();
        ended_for_good(&app.log().await, doomed.id, kind);
        assert_eq!(give_all(&app, &doomed.caller, target, "/").await, 0, "round {round}");
    }
    assert!(given > 0, "in no round were the rights used before they ended");
}

on_both_databases! {
    async fn nothing_follows_the_end_of_the_callers_grant(app: TestApp) {
        rounds(app, "role_revoked", |app, doomed| Box::pin(async move {
            let held = service::grant::list_as_operator(&app.app, operator(RealmKey::MAIN), doomed.id, None, 9).await.unwrap();
            let end = EndGrant { user: doomed.id, grant: held[0].id, reason: "enough".to_owned() };
            service::grant::end_as_operator(&app.app, operator(RealmKey::MAIN), end).await.unwrap();
        })).await;
    }

    async fn nothing_follows_the_end_of_the_callers_session_by_an_administrator(app: TestApp) {
        rounds(app, "session_ended", |_, mut doomed| Box::pin(async move {
            let path = format!("/api/v1/users/{}/sessions/{}", doomed.id, doomed.caller.session());
            doomed.admin.delete(&path).await.expect(204);
        })).await;
    }

    async fn nothing_follows_the_end_of_the_callers_session_by_themselves(app: TestApp) {
        rounds(app, "session_ended", |_, mut doomed| Box::pin(async move {
            let path = format!("/api/v1/me/sessions/{}", doomed.caller.session());
            doomed.browser.delete(&path).await.expect(204);
        })).await;
    }

    async fn nothing_follows_the_callers_sign_out(app: TestApp) {
        rounds(app, "session_ended", |_, mut doomed| Box::pin(async move {
            doomed.browser.post_empty("/api/v1/sign-out").await.expect(204);
        })).await;
    }

    async fn nothing_follows_the_callers_sign_out_everywhere(app: TestApp) {
        rounds(app, "session_ended", |_, mut doomed| Box::pin(async move {
            doomed.browser.post_empty("/api/v1/sign-out/everywhere").await.expect(204);
        })).await;
    }

    async fn nothing_follows_a_new_password_by_a_link(app: TestApp) {
        rounds(app, "session_ended", |app, doomed| Box::pin(async move {
            app.browser().choose(&doomed.link, "another heron stands in the reeds").await.expect(204);
        })).await;
    }

    async fn nothing_follows_a_replayed_refresh_token(app: TestApp) {
        rounds(app, "session_ended", |app, doomed| Box::pin(async move {
            app.browser().refresh_with(&doomed.replaced).await.expect(401);
        })).await;
    }

    async fn nothing_follows_the_disabling_of_the_caller(app: TestApp) {
        rounds(app, "session_ended", |_, mut doomed| Box::pin(async move {
            doomed.admin.set(&doomed.id.to_string(), "disable").await.expect(200);
        })).await;
    }
}
