//! A locked session on pages: its person goes on with the password alone, or somebody else does.

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use domain::id::SessionId;
use domain::password::Password;
use domain::secret::Secret;
use serde::Deserialize;
use service::session::{Key, Switchable, Unlock, UnlockError};

use super::sign_in::own_path;
use super::{busy, frame, page, see, wait};
use crate::api::{renew_cookies, visit};
use crate::config::Web;
use crate::http::cookie;
use crate::http::form::{self, Form, Purpose};
use crate::http::problem::Problem;
use crate::http::query::{Query, in_query};
use crate::http::request::Context;
use crate::view::{self, Moment, SwitchView, UnlockProblem};

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Asked {
    session: Option<String>,
    return_to: Option<String>,
}

#[derive(Deserialize)]
pub(super) struct Fields {
    #[serde(default)]
    password: String,
    session: Option<String>,
    return_to: Option<String>,
}

/// The session of the page's cookie, if it is locked.
pub(super) async fn own(web: &Web, context: &Context, headers: &HeaderMap) -> Result<Option<Switchable>, Problem> {
    let Some(secret) = cookie::session(headers, &context.realm) else { return Ok(None) };
    Ok(service::session::locked(&web.app, context.realm.key, &secret, context.request.clone()).await?)
}

/// The page of a locked session, instead of the one for signing in.
pub(super) fn instead(context: &Context, return_to: Option<&str>) -> Response {
    match own_path(return_to) {
        Some(path) => see(context, &format!("/unlock?return_to={}", in_query(path))),
        None => see(context, "/unlock"),
    }
}

async fn of_device(web: &Web, context: &Context, headers: &HeaderMap) -> Result<Vec<Switchable>, Problem> {
    let Some(device) = cookie::device(headers, &context.realm) else { return Ok(Vec::new()) };
    Ok(service::session::switchable(&web.app, context.realm.key, &device, context.request.clone()).await?)
}

/// Who else can go on at this device.
pub(super) async fn others(
    web: &Web,
    context: &Context,
    headers: &HeaderMap,
    but: Option<SessionId>,
) -> Result<Vec<SwitchView>, Problem> {
    let now = web.app.now().seconds();
    let shown = |one: Switchable| SwitchView {
        session: one.session.to_string(),
        name: one.name,
        locked: Moment::ago(now, one.locked_at.seconds()),
    };
    let all = of_device(web, context, headers).await?.into_iter();
    Ok(all.filter(|one| Some(one.session) != but).map(shown).collect())
}

/// Whose session is to be resumed, and the cookie that its form belongs to.
struct Here {
    session: Switchable,
    by_device: bool,
    cookie: Secret,
}

impl Here {
    const fn purpose(&self) -> Purpose {
        if self.by_device { Purpose::Unlock } else { Purpose::Account }
    }
}

/// The one that was asked for, if it is one of this device; else the browser's own.
async fn here(web: &Web, context: &Context, headers: &HeaderMap, asked: Option<&str>) -> Result<Option<Here>, Problem> {
    let Some(id) = asked else {
        let (Some(session), Some(cookie)) =
            (own(web, context, headers).await?, cookie::session(headers, &context.realm))
        else {
            return Ok(None);
        };
        return Ok(Some(Here { session, by_device: false, cookie }));
    };
    let found = of_device(web, context, headers).await?.into_iter().find(|one| one.session.to_string() == id);
    let both = found.zip(cookie::device(headers, &context.realm));
    Ok(both.map(|(session, cookie)| Here { session, by_device: true, cookie }))
}

async fn shown(
    (web, context, headers): (&Web, &Context, &HeaderMap),
    here: &Here,
    return_to: Option<&str>,
    (status, problem): (StatusCode, Option<UnlockProblem>),
) -> Result<Response, Problem> {
    let shown = view::Unlock {
        frame: frame(context),
        csrf: form::token(web, context, here.purpose(), &here.cookie),
        name: here.session.name.clone(),
        session: here.by_device.then(|| here.session.session.to_string()),
        return_to: own_path(return_to).map(ToOwned::to_owned),
        others: others(web, context, headers, Some(here.session.session)).await?,
        problem,
    };
    Ok(page(context, status, shown.render()))
}

/// Nothing to unlock: on to where one wanted to go, which knows whether somebody is signed in.
fn elsewhere(context: &Context, return_to: Option<&str>) -> Response {
    see(context, own_path(return_to).unwrap_or("/account"))
}

pub(super) async fn show(
    State(web): State<Web>,
    context: Context,
    headers: HeaderMap,
    Query(asked): Query<Asked>,
) -> Result<Response, Problem> {
    let return_to = asked.return_to.as_deref();
    match here(&web, &context, &headers, asked.session.as_deref()).await? {
        Some(here) => shown((&web, &context, &headers), &here, return_to, (StatusCode::OK, None)).await,
        None if asked.session.is_some() => Ok(see(&context, "/sign-in?told=over")),
        None => Ok(elsewhere(&context, return_to)),
    }
}

pub(super) async fn submit(
    State(web): State<Web>,
    context: Context,
    headers: HeaderMap,
    form: Form<Fields>,
) -> Result<Response, Problem> {
    let realm = &context.realm;
    // Which cookie proves the form depends on what it is for; what it says is looked at once it is proved.
    let by_device = form.peek(|fields| fields.session.is_some());
    let (purpose, cookie) = match by_device {
        true => (Purpose::Unlock, cookie::device(&headers, realm)),
        false => (Purpose::Account, cookie::session(&headers, realm)),
    };
    let proved = form.proved(&web, &context, &headers, (purpose, cookie.as_ref())).await?;
    // The device cookie changes when somebody signs in: to whom may go on there, and not to the form of somebody else.
    if proved.is_none() && by_device {
        return Ok(see(&context, "/sign-in?other=1"));
    }
    let asked = proved.as_ref().and_then(|fields| fields.session.as_deref());
    let here = here(&web, &context, &headers, asked).await?;
    let parts = (&web, &context, &headers);
    let (fields, here) = match (proved, here) {
        (Some(fields), Some(here)) => (fields, here),
        (Some(fields), None) if fields.session.is_none() => {
            return Ok(elsewhere(&context, fields.return_to.as_deref()));
        }
        (Some(_), None) => return Ok(see(&context, "/sign-in?other=1&told=over")),
        (None, Some(here)) => {
            return shown(parts, &here, None, (StatusCode::FORBIDDEN, Some(UnlockProblem::Expired))).await;
        }
        (None, None) => return Err(wire::problem::Code::Forbidden.into()),
    };
    let return_to = fields.return_to.as_deref();
    let again = async |status, problem| shown(parts, &here, return_to, (status, Some(problem))).await;
    match service::session::unlock(&web.app, realm, unlock(&here, &fields, &headers, &context), context.request.clone())
        .await
    {
        Ok(done) => {
            let mut response = elsewhere(&context, return_to);
            if let Some(secrets) = &done.secrets {
                renew_cookies(&web, realm, secrets, &mut response);
            }
            Ok(response)
        }
        Err(UnlockError::Ended) => Ok(see(&context, "/sign-in?other=1&told=over")),
        Err(UnlockError::InvalidCredentials) => again(StatusCode::UNAUTHORIZED, UnlockProblem::Wrong).await,
        Err(UnlockError::Throttled(throttled)) => {
            let (after, wait) = wait(&web, &throttled);
            Ok(after.on(again(StatusCode::TOO_MANY_REQUESTS, UnlockProblem::Wait(wait)).await?))
        }
        Err(UnlockError::Overloaded(_)) => {
            Ok(busy().on(again(StatusCode::SERVICE_UNAVAILABLE, UnlockProblem::Busy).await?))
        }
        Err(error) => Err(error.into()),
    }
}

fn unlock(here: &Here, fields: &Fields, headers: &HeaderMap, context: &Context) -> Unlock {
    let key = match here.by_device {
        true => Key::Device(here.session.session),
        false => Key::Page(here.cookie.clone()),
    };
    Unlock {
        key,
        password: Password::typed(&fields.password).ok(),
        audience: None,
        refresh: cookie::refresh(headers, &context.realm),
        visit: visit(headers, &context.realm),
    }
}
