//! Pages as routes: sign-in, account, invitation, sign-out, demo. A page's handler fills a struct of `view` and renders it.

mod account;
mod demo;
mod invitation;
mod password;
mod sign_in;
mod sign_out;

use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::{get, post};
use wire::problem::Code;

use crate::config::Web;
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
    let table = table
        .page(&Method::GET, "/sign-in", get(sign_in::show))
        .page(&Method::POST, "/sign-in", post(sign_in::submit))
        .page(&Method::GET, "/sign-out", get(sign_out::ask))
        .page(&Method::POST, "/sign-out", post(sign_out::submit))
        .page(&Method::GET, "/sign-out/cache", get(sign_out::clear))
        .page(&Method::GET, "/account", get(account::show))
        .page(&Method::POST, "/account/sessions/{id}/end", post(account::end_session))
        .page(&Method::GET, "/invitation", get(invitation::show))
        .page(&Method::POST, "/invitation", post(invitation::submit))
        .page(&Method::GET, "/.well-known/change-password", get(async |context: Context| see(&context, "/account")))
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
        Code::Forbidden => ErrorKind::Forbidden,
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

async fn asset(State(_): State<Web>, headers: HeaderMap, file: Path<String>) -> Result<Response, Problem> {
    let name = format!("/assets/{}", file.0);
    let asset = view::assets::ALL.iter().find(|asset| asset.path == name).ok_or(Code::NotFound)?;
    Ok(tagged(&headers, asset.content_type, "public, max-age=3600", asset.bytes.to_vec()))
}
