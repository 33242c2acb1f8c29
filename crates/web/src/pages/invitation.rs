//! The invitation page: from a link to a password. Looking at the link never uses it; the token leaves the address at once (2.5 rule 4).

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::Response;
use domain::activation::link_or_code;
use domain::password::LEAST_SINGLE_FACTOR;
use domain::secret::Secret;
use serde::Deserialize;
use service::invitation::LinkError;

use super::{busy, cookie_line, frame, page, see, wait};
use crate::config::Web;
use crate::http::cookie::Cookie;
use crate::http::form::{self, Form};
use crate::http::header::HadToken;
use crate::http::problem::Problem;
use crate::http::query::Query;
use crate::http::request::Context;
use crate::view::{self, InvitationProblem};

/// What the flow cookie begins with while it holds a link's token.
const MARK: &str = "link-";
/// A link on a page lives so long.
const LINK_SECONDS: u64 = 1800;

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Asked {
    token: Option<String>,
}

#[derive(Deserialize)]
pub(super) struct Fields {
    #[serde(default)]
    new_password: String,
}

async fn shown(
    (web, context): (&Web, &Context),
    token: Option<&Secret>,
    problem: Option<InvitationProblem>,
    status: StatusCode,
) -> Result<Response, Problem> {
    let least = match token {
        Some(token) => service::invitation::least(&web.app, context.realm.key, token, context.request.clone()).await?,
        None => LEAST_SINGLE_FACTOR,
    };
    let html = view::Invitation {
        frame: frame(context),
        name: None,
        csrf: token.map(|token| form::token(web, context, form::Purpose::Link, token)).unwrap_or_default(),
        problem,
        least,
    };
    let mut response = page(context, status, html.render());
    response.extensions_mut().insert(HadToken);
    // Under `no-referrer` browsers send `Origin: null` with the form.
    response.headers_mut().insert(header::REFERRER_POLICY, axum::http::HeaderValue::from_static("same-origin"));
    Ok(response)
}

fn held(headers: &HeaderMap, context: &Context) -> Option<Secret> {
    Cookie::Flow.read(headers, &context.realm)?.strip_prefix(MARK).and_then(Secret::parse)
}

pub(super) async fn show(
    State(web): State<Web>,
    context: Context,
    headers: HeaderMap,
    Query(asked): Query<Asked>,
) -> Result<Response, Problem> {
    if let Some(token) = asked.token {
        let mut response = see(&context, "/invitation");
        response.extensions_mut().insert(HadToken);
        // Marked, so that a link plants no sign-in: what is held for one is of no use for the other.
        let value = link_or_code(&token).map(|token| format!("{MARK}{}", token.expose())).unwrap_or_default();
        cookie_line(&mut response, Cookie::Flow.set(&context.realm, &value, LINK_SECONDS));
        return Ok(response);
    }
    match held(&headers, &context) {
        Some(token) => shown((&web, &context), Some(&token), None, StatusCode::OK).await,
        // Whoever has a printed code types it here.
        None => shown((&web, &context), None, None, StatusCode::OK).await,
    }
}

pub(super) async fn submit(
    State(web): State<Web>,
    context: Context,
    headers: HeaderMap,
    form: Form<Fields>,
) -> Result<Response, Problem> {
    let token = held(&headers, &context);
    let again = async |problem, status| shown((&web, &context), token.as_ref(), Some(problem), status).await;
    let proof = (form::Purpose::Link, token.as_ref());
    let Some(fields) = form.proved(&web, &context, &headers, proof).await? else {
        return again(InvitationProblem::Expired, StatusCode::FORBIDDEN).await;
    };
    let realm = context.realm.key;
    let done = service::invitation::choose_password(
        &web.app,
        realm,
        token.clone(),
        &fields.new_password,
        context.request.clone(),
    );
    match done.await {
        Ok(username) => {
            let html = view::InvitationDone { frame: frame(&context), username };
            let mut response = page(&context, StatusCode::OK, html.render());
            cookie_line(&mut response, Cookie::Flow.expire(&context.realm));
            Ok(response)
        }
        Err(LinkError::Refused) => again(InvitationProblem::Refused, StatusCode::BAD_REQUEST).await,
        Err(LinkError::Overloaded(_)) => {
            Ok(busy().on(again(InvitationProblem::Busy, StatusCode::SERVICE_UNAVAILABLE).await?))
        }
        Err(LinkError::Throttled(throttled)) => {
            let (after, wait) = wait(&web, &throttled);
            Ok(after.on(again(InvitationProblem::Wait(wait), StatusCode::TOO_MANY_REQUESTS).await?))
        }
        Err(LinkError::Password(error)) => {
            let problem = InvitationProblem::Password(super::password::refusal(error));
            again(problem, StatusCode::UNPROCESSABLE_ENTITY).await
        }
        Err(LinkError::Store(error)) => Err(error.into()),
    }
}
