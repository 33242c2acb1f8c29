//! Pages as routes: sign-in, account, invitation, sign-out, demo. A page's handler fills a struct of `view` and renders it.

mod account;
mod activity;
mod confirm_email;
mod console;
mod demo;
mod factor;
mod invitation;
mod password;
mod sign_in;
mod sign_out;
mod step;
mod step_up;
mod unlock;

use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, Uri, header};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::{get, post};
use domain::caller::Caller;
use domain::secret::Secret;
use domain::throttle::Throttled;
use wire::problem::Code;

use crate::config::Web;
use crate::http::cookie;
use crate::http::form;
use crate::http::header::IsPage;
use crate::http::path::Path;
use crate::http::problem::{Problem, RetryAfter};
use crate::http::request::Context;
use crate::table::Table;
use crate::view::{self, ErrorKind, ErrorPage, Frame, Language, ProblemIndex, ProblemPage, ProblemRow};
use crate::well_known::tagged;

/// Mounts the pages.
#[must_use]
pub fn mount(table: Table, demo: bool) -> Table {
    let table = console::mount(own_account(signing_in(table)))
        .page(&Method::GET, "/sign-out", get(sign_out::ask))
        .page(&Method::POST, "/sign-out", post(sign_out::submit))
        .page(&Method::GET, "/sign-out/cache", get(sign_out::clear))
        .page(&Method::GET, "/invitation", get(invitation::show))
        .page(&Method::POST, "/invitation", post(invitation::submit))
        .page(&Method::GET, "/reset-password", get(invitation::show))
        .page(&Method::GET, "/confirm-email", get(confirm_email::show))
        .page(&Method::POST, "/confirm-email", post(confirm_email::submit))
        .page(
            &Method::GET,
            "/.well-known/change-password",
            get(async |context: Context| see(&context, "/account/password")),
        )
        .page(&Method::GET, "/problems", get(problems))
        .page(&Method::GET, "/problems/{code}", get(problem))
        .page(&Method::GET, "/assets/{file}", get(asset));
    if !demo {
        return table.page(&Method::GET, "/", get(async |context: Context| see(&context, "/account")));
    }
    table.page(&Method::GET, "/", get(demo::show)).page(&Method::GET, "/mail", get(demo::mail)).page(
        &Method::GET,
        "/demo/code",
        get(demo::code),
    )
}

/// From a name to a session, step by step.
fn signing_in(table: Table) -> Table {
    table
        .page(&Method::GET, "/sign-in", get(sign_in::show))
        .page(&Method::POST, "/sign-in", post(sign_in::submit))
        .page(&Method::GET, "/unlock", get(unlock::show))
        .page(&Method::POST, "/unlock", post(unlock::submit))
        .page(&Method::GET, "/sign-in/continue", get(step::go_on))
        .page(&Method::GET, "/sign-in/second-factor", get(step::second_factor))
        .page(&Method::POST, "/sign-in/second-factor", post(step::submit_second_factor))
        .page(&Method::GET, "/sign-in/enrol", get(step::enrol))
        .page(&Method::POST, "/sign-in/enrol", post(step::submit_enrol))
        .page(&Method::GET, "/sign-in/change-password", get(step::change))
        .page(&Method::POST, "/sign-in/change-password", post(step::submit_change))
}

/// What somebody signed in sees and changes of their own.
fn own_account(table: Table) -> Table {
    let begin_again = async |context: Context| see(&context, "/account/second-factor/new");
    table
        .page(&Method::GET, "/account", get(account::show))
        .page(&Method::GET, "/account/activity", get(activity::show))
        .page(&Method::POST, "/account/activity", post(activity::submit))
        .page(&Method::POST, "/account/sessions/{id}/end", post(account::end_session))
        .page(&Method::POST, "/account/sessions/end", post(account::end_others))
        .page(&Method::GET, "/account/confirm", get(step_up::ask))
        .page(&Method::POST, "/account/confirm", post(step_up::submit))
        .page(&Method::GET, "/account/password", get(password::ask))
        .page(&Method::POST, "/account/password", post(password::submit))
        .page(&Method::GET, "/account/recovery-codes", get(factor::ask_codes))
        .page(&Method::POST, "/account/recovery-codes", post(factor::new_codes))
        .page(&Method::GET, "/account/second-factor/new", get(factor::new))
        .page(&Method::POST, "/account/second-factor/new", post(factor::begin))
        .page(&Method::GET, "/account/second-factor/confirm", get(begin_again))
        .page(&Method::POST, "/account/second-factor/confirm", post(factor::confirm))
        .page(&Method::GET, "/account/second-factor/{id}", get(factor::manage))
        .page(&Method::POST, "/account/second-factor/{id}", post(factor::rename))
        .page(&Method::POST, "/account/second-factor/{id}/remove", post(factor::remove))
}

/// Who is signed in, with the cookie that says so. A page that a person asked for is activity; what a script asks for is none.
async fn signed_in(web: &Web, context: &Context, headers: &HeaderMap) -> Result<Option<(Secret, Caller)>, Problem> {
    let Some(secret) = cookie::session(headers, &context.realm) else { return Ok(None) };
    let found = service::caller::by_cookie(&web.app, context.realm.key, &secret, context.request.clone()).await?;
    if let Some(caller) = found.as_ref().filter(|_| activity::is_a_persons(web, headers)) {
        service::session::acted_by_page(&web.app, caller).await?;
    }
    Ok(found.map(|caller| (secret, caller)))
}

/// Sign in first, and come back.
fn to_sign_in(context: &Context, return_to: &str) -> Response {
    see(context, &format!("/sign-in?return_to={return_to}"))
}

/// What the forms of somebody signed in are signed with.
fn account_token(web: &Web, context: &Context, secret: &Secret) -> String {
    form::token(web, context, form::Purpose::Account, secret)
}

/// When to try again.
#[derive(Clone, Copy, Debug)]
enum After {
    Nothing,
    Seconds(u64),
}

impl After {
    /// Says it.
    fn on(self, mut response: Response) -> Response {
        if let Self::Seconds(seconds) = self {
            response.headers_mut().insert(header::RETRY_AFTER, seconds.into());
        }
        response
    }
}

/// A wait, for the header and for people.
fn wait(web: &Web, throttled: &Throttled) -> (After, view::Wait) {
    let (now, until) = (web.app.now(), throttled.until);
    (After::Seconds(until.since(now).as_secs() + 1), view::Wait::until(now.seconds(), until.seconds()))
}

/// No capacity: soon again.
const fn busy() -> After {
    After::Seconds(2)
}

/// A page as an answer, in the language that was asked for.
fn page(context: &Context, status: StatusCode, html: String) -> Response {
    let mut response = english(status, html);
    response.extensions_mut().insert(IsPage(Some(context.language)));
    response
}

/// A page for those who build and run: in English, whatever is asked for.
fn english(status: StatusCode, html: String) -> Response {
    let mut response = (status, [(header::CONTENT_TYPE, "text/html; charset=utf-8")], html).into_response();
    response.extensions_mut().insert(IsPage(None));
    response
}

/// What every page has.
fn frame(context: &Context) -> Frame {
    Frame {
        base: context.base(),
        organisation: context.realm.name.clone(),
        language: context.language,
        nonce: context.nonce.to_string(),
    }
}

/// The same, where there may be no realm.
pub(crate) fn frame_of(context: Option<&Context>, language: Language) -> Frame {
    let nobodys = || Frame { organisation: "Bailiwick".to_owned(), language, ..Frame::default() };
    context.map_or_else(nobodys, frame)
}

/// 303, never 307 or 308: a form with a password is not sent again (WEB-17).
fn see(context: &Context, path: &str) -> Response {
    Redirect::to(&format!("{}{path}", context.base())).into_response()
}

fn cookie_line(response: &mut Response, line: Option<HeaderValue>) {
    if let Some(line) = line {
        response.headers_mut().append(header::SET_COOKIE, line);
    }
}

/// A refusal for people.
pub(crate) fn refusal(problem: &Problem, frame: Frame, id: &str, now: i64) -> String {
    let kind = match problem.code {
        Code::NotFound => ErrorKind::NotFound,
        Code::Forbidden if problem.missing.is_empty() => ErrorKind::FormRefused,
        Code::Forbidden => ErrorKind::Forbidden { missing: problem.missing.join(", ") },
        Code::TooManyAttempts => {
            let until = match problem.retry_after {
                Some(RetryAfter::At(at)) => at.seconds(),
                Some(RetryAfter::Seconds(seconds)) => now.saturating_add_unsigned(seconds),
                None => now + 60,
            };
            ErrorKind::TooMany(view::Wait::until(now, until))
        }
        Code::Internal => ErrorKind::Internal,
        Code::Overloaded => ErrorKind::Busy,
        code => ErrorKind::Other { status: code.status() },
    };
    ErrorPage { frame, kind, request_id: id.to_owned() }.render()
}

async fn problems(context: Context) -> Response {
    let row =
        |code: &Code| ProblemRow { code: code.to_string(), status: code.status(), title: code.title().to_owned() };
    let index = ProblemIndex { base: context.base(), problems: Code::ALL.iter().map(row).collect() };
    english(StatusCode::OK, index.render())
}

async fn problem(context: Context, name: Path<String>) -> Result<Response, Problem> {
    let code = Code::ALL.into_iter().find(|code| code.as_str() == name.0).ok_or(Code::NotFound)?;
    let shown = ProblemPage {
        base: context.base(),
        code: code.to_string(),
        status: code.status(),
        title: code.title().to_owned(),
        explanation: view::piece::with_code(code.explanation()),
    };
    Ok(english(StatusCode::OK, shown.render()))
}

async fn asset(State(_): State<Web>, headers: HeaderMap, uri: Uri, file: Path<String>) -> Result<Response, Problem> {
    let name = format!("/assets/{}", file.0);
    let asset = view::assets::ALL.iter().find(|asset| asset.path == name).ok_or(Code::NotFound)?;
    // An address with the version of this content never means another content.
    let this = uri.query().and_then(|query| query.strip_prefix("v=")) == Some(asset.version);
    let cache = if this { "public, max-age=31536000, immutable" } else { "public, max-age=3600" };
    let for_applications = name == view::assets::FOR_APPLICATIONS;
    let packed = takes_gzip(&headers);
    let bytes = if packed { asset.gzip } else { asset.bytes };
    let mut response = tagged(&headers, asset.content_type, cache, bytes.to_vec());
    response.headers_mut().insert(header::VARY, HeaderValue::from_static("accept-encoding"));
    if for_applications {
        // A module is fetched as a script of its own origin would be; there is nothing in it but its text.
        response.headers_mut().insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
    }
    if packed {
        response.headers_mut().insert(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
    }
    Ok(response)
}

/// Whether `Accept-Encoding` names gzip and does not refuse it.
fn takes_gzip(headers: &HeaderMap) -> bool {
    let lines = headers.get_all(header::ACCEPT_ENCODING).iter().filter_map(|line| line.to_str().ok());
    lines.flat_map(|line| line.split(',')).any(|coding| {
        let mut parts = coding.split(';').map(str::trim);
        let named = parts.next().is_some_and(|name| name.eq_ignore_ascii_case("gzip"));
        let zero = |part: &str| part.strip_prefix("q=").is_some_and(|weight| weight.parse() == Ok(0.0_f32));
        named && !parts.any(zero)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gzip_is_sent_to_those_who_name_it() {
        let takes = |sent: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(header::ACCEPT_ENCODING, sent.parse().expect("a value"));
            takes_gzip(&headers)
        };
        for sent in ["gzip", "gzip, deflate, br, zstd", "br;q=1.0, GZIP;q=0.5", "deflate,gzip;q=1"] {
            assert!(takes(sent), "{sent}");
        }
        for sent in ["", "identity", "br", "gzip;q=0", "gzip; q=0.000", "x-gzip-like"] {
            assert!(!takes(sent), "{sent}");
        }
        assert!(!takes_gzip(&HeaderMap::new()));
    }
}
