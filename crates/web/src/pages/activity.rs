//! What counts as activity on pages, and how long there is still time: asked and told by the script `idle.js`.

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use wire::problem::Code;

use super::sign_out::Nothing;
use super::{account_token, signed_in, to_sign_in};
use crate::config::Web;
use crate::http::cross_site::{self, Cause};
use crate::http::form::{self, Form};
use crate::http::problem::Problem;
use crate::http::request::Context;

/// Whether a person caused this request of a page. Browsers say so of a navigation (`Sec-Fetch-User: ?1`); a form that our page sends is one too, for
/// none of our scripts sends any. What reloads by itself, or is fetched, is nobody's doing; a browser that says nothing has the script to say it.
pub(super) fn is_a_persons(web: &Web, headers: &HeaderMap) -> bool {
    persons(headers, &web.own_origins())
}

fn persons(headers: &HeaderMap, own: &[String]) -> bool {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let form = text("content-type").starts_with("application/x-www-form-urlencoded")
        && text("sec-fetch-site") == "same-origin";
    text("sec-fetch-mode") == "navigate"
        && (text("sec-fetch-user") == "?1" || form)
        && cross_site::judge(headers, own, &[]) == Cause::Ours
}

/// How it stands with a session, in milliseconds.
#[derive(Serialize)]
struct Standing {
    /// Which session: another one means that somebody else works here now.
    name: String,
    /// Until it locks.
    left: u128,
    /// From the last activity until it locks.
    idle: i64,
    /// For the form that tells activity.
    csrf: String,
}

/// How it stands; asking is no activity. 204: nobody is signed in, or it is locked.
pub(super) async fn show(State(web): State<Web>, context: Context, headers: HeaderMap) -> Result<Response, Problem> {
    standing(&web, &context, &headers).await
}

/// The person acted.
pub(super) async fn submit(
    State(web): State<Web>,
    context: Context,
    headers: HeaderMap,
    form: Form<Nothing>,
) -> Result<Response, Problem> {
    let Some((secret, caller)) = signed_in(&web, &context, &headers).await? else {
        return Ok(to_sign_in(&context, "/account"));
    };
    let proof = (form::Purpose::Account, Some(&secret));
    form.proved(&web, &context, &headers, proof).await?.ok_or(Code::Forbidden)?;
    service::session::acted(&web.app, &caller).await?;
    standing(&web, &context, &headers).await
}

async fn standing(web: &Web, context: &Context, headers: &HeaderMap) -> Result<Response, Problem> {
    let nobody = || Ok(StatusCode::NO_CONTENT.into_response());
    let Some((secret, caller)) = signed_in(web, context, headers).await? else { return nobody() };
    let Some(session) = service::session::present(&web.app, &caller).await? else { return nobody() };
    let until = session.deadlines.idle_at.min(session.deadlines.absolute_at);
    let standing = Standing {
        name: session.id.to_string(),
        left: until.since(web.app.now()).as_millis(),
        idle: session.idle_seconds.saturating_mul(1000),
        csrf: account_token(web, context, &secret),
    };
    let text = serde_json::to_string(&standing).map_err(|error| Problem::internal(&error))?;
    Ok(([(header::CONTENT_TYPE, "application/json")], text).into_response())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_but_a_persons_navigation_is_activity() {
        let own = ["https://id.example".to_owned()];
        let form = ("content-type", "application/x-www-form-urlencoded");
        let navigates = ("sec-fetch-mode", "navigate");
        let cases: &[(&[(&str, &str)], bool)] = &[
            (&[("sec-fetch-site", "none"), navigates, ("sec-fetch-user", "?1")], true),
            (&[("sec-fetch-site", "same-origin"), navigates, ("sec-fetch-user", "?1")], true),
            (&[("sec-fetch-site", "same-origin"), navigates, form], true),
            (&[("sec-fetch-site", "same-origin"), navigates], false),
            (&[("sec-fetch-site", "cross-site"), navigates, ("sec-fetch-user", "?1")], false),
            (&[("sec-fetch-site", "none"), navigates, form], false),
            (&[("sec-fetch-site", "same-origin"), ("sec-fetch-mode", "cors"), form], false),
            (&[("sec-fetch-site", "same-origin"), ("sec-fetch-mode", "cors"), ("sec-fetch-user", "?1")], false),
            (&[form], false),
            (&[], false),
        ];
        for (headers, expected) in cases {
            let mut map = HeaderMap::new();
            for (name, value) in *headers {
                map.insert(*name, value.parse().expect("a value"));
            }
            assert_eq!(persons(&map, &own), *expected, "{headers:?}");
        }
    }
}
