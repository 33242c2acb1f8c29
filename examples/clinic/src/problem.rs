//! Refusals that are not about rights, in the form of those that are (RFC 9457).

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::extract::rejection::JsonRejection;
use axum::http::{HeaderMap, StatusCode};
use guard::{Caller, Code, Guard, Refusal};
use serde_json::{Map, Value};

/// The longest body, in bytes.
const LONGEST_BODY: usize = 64 * 1024;

/// What a body is read into: any JSON object will do.
pub(crate) type AnyObject = Result<axum::Json<Map<String, Value>>, JsonRejection>;

/// The object that was sent, or the refusal that says what is wrong with it.
pub(crate) fn object(caller: &Caller, body: AnyObject) -> Result<Map<String, Value>, Refusal> {
    match body {
        Ok(axum::Json(object)) => Ok(object),
        Err(rejection) => {
            let code = match rejection.status() {
                StatusCode::UNSUPPORTED_MEDIA_TYPE => Code::UnsupportedMediaType,
                StatusCode::PAYLOAD_TOO_LARGE => Code::PayloadTooLarge,
                StatusCode::UNPROCESSABLE_ENTITY => Code::Validation,
                _ => Code::Malformed,
            };
            Err(caller.refuse(code).detail("The body must be a JSON object."))
        }
    }
}

/// Answers unknown addresses and methods with problems too.
pub(crate) fn instead_of_empty_answers(routes: Router, guard: &Guard) -> Router {
    let (absent, other_method) = (guard.clone(), guard.clone());
    routes
        .fallback(move |headers: HeaderMap| async move { absent.refuse(&headers, Code::NotFound) })
        .method_not_allowed_fallback(move |headers: HeaderMap| async move {
            other_method.refuse(&headers, Code::MethodNotAllowed)
        })
        .layer(DefaultBodyLimit::max(LONGEST_BODY))
}
