//! Choosing a password with a link, changing one's own, and the policy.

use axum::Json as Out;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use domain::activation::link_or_code;
use domain::password::{Password, PasswordError};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::routes;

use super::shape::ProblemDocument;
use super::sign_in::renew_cookies;
use crate::config::Web;
use crate::http::body::Json;
use crate::http::problem::Problem;
use crate::http::request::Context;
use crate::table::{Access, SignedIn, Table};

pub(super) fn mount(table: Table) -> Table {
    table
        .json(Access::Public, routes!(reset))
        .json(Access::Public, routes!(policy))
        .json(Access::Oneself, routes!(change))
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct ResetBody {
    /// From the link, or the printed code.
    token: String,
    new_password: String,
}

/// Chooses a password with a single-use link: invitation, activation code, reset. No sign-in follows; all sessions of the person end.
///
/// One answer for unknown, expired and used links. A refused password does not use up the link.
#[utoipa::path(post, path = "/api/v1/password/reset", tag = "password", request_body = ResetBody, security(()),
    responses((status = 204, description = "The password is set"),
        (status = 400, description = "`token-refused`", body = ProblemDocument),
        (status = 422, description = "The password is refused: `too_short too_long blocklisted context_word`", body = ProblemDocument),
        (status = "4XX", description = "Refused", body = ProblemDocument), (status = 503, description = "`overloaded`", body = ProblemDocument)))]
async fn reset(State(web): State<Web>, context: Context, Json(body): Json<ResetBody>) -> Result<StatusCode, Problem> {
    let token = link_or_code(&body.token);
    let realm = context.realm.key;
    service::invitation::choose_password(&web.app, realm, token, &body.new_password, context.request).await?;
    Ok(StatusCode::NO_CONTENT)
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct ChangeBody {
    current_password: String,
    new_password: String,
}

/// Changes one's own password. One's other sessions end; this one gets new cookies, the old session cookie dies.
#[utoipa::path(put, path = "/api/v1/me/password", tag = "me", request_body = ChangeBody, security(("bearer" = [])),
    responses((status = 204, description = "Changed", headers(("Set-Cookie" = String, description = "Session and refresh cookie"))),
        (status = 422, description = "Wrong at `/current_password`, or refused at `/new_password`", body = ProblemDocument),
        (status = 429, description = "Inside a wait; not looked at", body = ProblemDocument),
        (status = "4XX", description = "Refused", body = ProblemDocument), (status = 503, description = "`overloaded`", body = ProblemDocument)))]
async fn change(
    State(web): State<Web>,
    context: Context,
    SignedIn(caller): SignedIn,
    Json(body): Json<ChangeBody>,
) -> Result<Response, Problem> {
    let passwords = (Password::typed(&body.current_password).ok(), body.new_password.as_str());
    let secrets = service::password::change(&web.app, &context.realm, &caller, passwords).await?;
    let mut response = StatusCode::NO_CONTENT.into_response();
    renew_cookies(&web, &context.realm, &secrets, &mut response);
    Ok(response)
}

/// What may be a password.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({ "min_length": 15, "min_length_with_second_factor": 12, "max_length": 256, "max_bytes": 1024, "normalisation": "NFC",
    "composition": null, "expires_after_days": null, "history": 4, "min_age_days": 0, "blocklist_entries": 1_000_000, "context_words": true,
    "refusals": ["too_short", "too_long", "blocklisted", "context_word", "reused"], "text": "At least 15 characters of any kind, …" }))]
struct PolicyBody {
    /// Code points, where the password can be the only factor.
    min_length: usize,
    /// Code points, for whoever always signs in with a second factor.
    min_length_with_second_factor: usize,
    /// Code points. Longer ones are refused, never cut.
    max_length: usize,
    /// Bytes after normalisation.
    max_bytes: usize,
    /// Characters are counted after it.
    normalisation: &'static str,
    /// In words. Null: no rule about classes of characters (NIST SP 800-63B-4, section 3.1.1.2).
    composition: Option<&'static str>,
    /// Null: never by itself. By a preset it concerns only whoever signs in with the password alone.
    expires_after_days: Option<u32>,
    /// So many of the latest passwords may not be chosen again.
    history: u32,
    /// Days before which its owner may not change it.
    min_age_days: u32,
    /// So many common and leaked passwords are refused; compared whole, whatever their case.
    blocklist_entries: u64,
    /// Names of the person, the organisation and the product are refused, also several of them and with digits or signs around.
    context_words: bool,
    /// Every code that a refusal can have.
    refusals: [&'static str; 7],
    /// For people.
    text: String,
}

/// What the realm asks of everybody's password, in words and numbers: what a form needs to say, without a copy of the rules. Whoever holds a role
/// whose policy is stricter is told so where they choose one.
#[utoipa::path(get, path = "/api/v1/password-policy", tag = "password", security(()),
    responses((status = 200, description = "The policy", body = PolicyBody)))]
async fn policy(State(web): State<Web>, context: Context) -> Result<Out<PolicyBody>, Problem> {
    let policy = service::password::policy(&web.app, context.realm.key, context.request).await?;
    Ok(Out(PolicyBody {
        min_length: policy.least,
        min_length_with_second_factor: policy.least_with_second_factor,
        max_length: policy.most,
        max_bytes: policy.most_bytes,
        normalisation: "NFC",
        composition: policy.composition,
        expires_after_days: policy.expires_after_days,
        history: policy.history,
        min_age_days: policy.min_age_days,
        blocklist_entries: policy.blocklist,
        context_words: true,
        refusals: PasswordError::CODES,
        text: policy.text(),
    }))
}
