//! Demo's own pages: who there is, with their passwords, and the mail that would have been sent. Never in `serve`.

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use domain::realm::RealmKey;
use domain::time::Timestamp;
use domain::totp;
use serde::{Deserialize, Serialize};
use wire::problem::Code;

use super::english;
use crate::config::{Demo, DemoPerson, Web};
use crate::http::problem::Problem;
use crate::http::query::Query;
use crate::http::request::Context;
use crate::view::{self, DemoFact, DemoRealm, DemoStep, MailMessage, Moment};

fn person(person: &DemoPerson, now: Timestamp) -> view::DemoPerson {
    let everywhere: Vec<&str> = person.grants.iter().map(|(role, _)| role.as_str()).collect();
    let place = person.grants.first().map_or("/", |(_, unit)| unit.as_str());
    view::DemoPerson {
        name: person.name.clone(),
        role: everywhere.join(", "),
        place: if place == "/" { "everywhere".to_owned() } else { place.to_owned() },
        username: person.username.clone(),
        password: person.password.clone(),
        code: person.totp.as_ref().map(|seed| seed.code(totp::step_of(now)).expose()),
        seed: person.totp.as_ref().map(totp::Seed::base32),
    }
}

fn steps(web: &Web, demo: &Demo) -> Vec<DemoStep> {
    let base = &web.config.base_url;
    let agency = demo.profile == "agency";
    let (who, audience, read, refused) = if agency {
        ("agent", "agency", "/policies/7", "/policies")
    } else {
        ("nurse", "clinic", "/charts/7", "/prescriptions")
    };
    let password = demo.people.iter().find(|p| p.username == who && p.realm == "main").map_or("", |p| &p.password);
    let profile = &demo.profile;
    let issuer = &web.config.base_url;
    let data = &demo.data;
    let step = |text: &str, code: String| DemoStep { text: view::piece::with_code(text), code };
    vec![
        step(
            "Start the resource server that trusts this one.",
            format!("cargo run --release -p clinic -- --profile {profile} --issuer {issuer} --data {data}"),
        ),
        step(
            "Sign in and keep the token and the cookies.",
            format!(
                "token=$(curl -s -c jar {base}/api/v1/sign-in -H 'Content-Type: application/json' \\\n  -d '{{\"identifier\":\"{who}\",\"password\":\"{password}\",\"audience\":\"{audience}\"}}' | sed 's/.*\"access_token\":\"\\([^\"]*\\)\".*/\\1/')"
            ),
        ),
        step(
            "What is permitted works.",
            format!("curl -i -H \"Authorization: Bearer $token\" http://127.0.0.1:8081{read}"),
        ),
        step(
            "What is not is refused, and says what is missing.",
            format!(
                "curl -i -X POST -H \"Authorization: Bearer $token\" -H 'Content-Type: application/json' -d '{{}}' http://127.0.0.1:8081{refused}"
            ),
        ),
        step("Sign out: the refresh cookie is dead.", format!("curl -i -b jar -c jar -X POST {base}/api/v1/sign-out")),
    ]
}

pub(super) async fn show(State(web): State<Web>, context: Context) -> Result<Response, Problem> {
    let Some(demo) = &web.config.demo else { return Err(Code::NotFound.into()) };
    if !context.realm.slug.is_main() {
        return Ok(super::see(&context, "/account"));
    }
    let now = web.app.now();
    let of = |slug: &str| demo.people.iter().filter(|p| p.realm == slug).map(|p| person(p, now)).collect::<Vec<_>>();
    let fact = |name: &str, value: &str, link: bool| DemoFact {
        name: name.to_owned(),
        value: value.to_owned(),
        href: link.then(|| value.to_owned()),
    };
    let mail = service::mail::waiting(&web.app, RealmKey::MAIN).await?;
    let place = if demo.profile == "agency" { "An insurance agency" } else { "A clinic" };
    let shown = view::Demo {
        place: place.to_owned(),
        profile: demo.profile.clone(),
        people: of("main"),
        mail: "/mail".to_owned(),
        mail_count: mail.len(),
        realms: vec![DemoRealm { name: "other".to_owned(), base: "/realms/other".to_owned(), people: of("other") }],
        steps: steps(&web, demo),
        facts: vec![
            fact("Address", &web.config.base_url, true),
            fact("Health and metrics", &format!("{}/readyz", demo.operations_url), true),
            fact("Data", &demo.data, false),
        ],
    };
    Ok(english(StatusCode::OK, shown.render()))
}

#[derive(Debug, Serialize)]
struct MailItem {
    to: String,
    subject: String,
    text: String,
    at: String,
}

pub(super) async fn mail(State(web): State<Web>, headers: HeaderMap) -> Result<Response, Problem> {
    let mut all = Vec::new();
    for realm in service::realm::all(&web.app).await? {
        all.extend(service::mail::waiting(&web.app, realm.key).await?);
    }
    all.sort_by_key(|(_, at)| std::cmp::Reverse(*at));
    let accept = headers.get(header::ACCEPT).and_then(|accept| accept.to_str().ok()).unwrap_or("");
    if accept.contains("application/json") {
        let item = |(mail, at): (service::mail::Mail, domain::time::Timestamp)| MailItem {
            to: mail.to,
            subject: mail.subject,
            text: mail.text,
            at: at.rfc3339(),
        };
        return Ok(Json(all.into_iter().map(item).collect::<Vec<_>>()).into_response());
    }
    let now = web.app.now().seconds();
    let message = |(mail, at): (service::mail::Mail, domain::time::Timestamp)| MailMessage {
        to: mail.to,
        subject: mail.subject,
        at: Moment::at(now, at.seconds()),
        paragraphs: view::piece::of_mail(&mail.text),
    };
    Ok(english(StatusCode::OK, view::Mail { messages: all.into_iter().map(message).collect() }.render()))
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct CodeQuery {
    username: String,
}

/// Most seconds that a code is waited for: the next one comes after 30.
const PATIENCE: u32 = 31;

/// A code of somebody's authenticator application that was not used yet. When the present one was, it answers once the next one is there.
pub(super) async fn code(
    State(web): State<Web>,
    context: Context,
    Query(asked): Query<CodeQuery>,
) -> Result<String, Problem> {
    let people = web.config.demo.iter().flat_map(|demo| &demo.people);
    let realm = context.realm.slug.as_str();
    let who = people.into_iter().find(|person| person.realm == realm && person.username == asked.username);
    let seed = who.and_then(|person| person.totp.as_ref()).ok_or(Code::NotFound)?;
    for _ in 0..PATIENCE {
        let steps = service::demo::usable_steps(&web.app, context.realm.key, &asked.username, seed).await?;
        let steps = steps.ok_or(Code::NotFound)?;
        if let Some(step) = web.handed_out.choose(realm, &asked.username, &steps) {
            return Ok(seed.code(step).expose());
        }
        tokio::time::sleep(std::time::Duration::from_secs(1)).await;
    }
    Err(Code::Overloaded.into())
}
