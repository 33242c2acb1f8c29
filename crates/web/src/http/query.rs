//! Query parameters, strictly: unknown, repeated or broken ones are 400.

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use serde::de::DeserializeOwned;
use wire::problem::Code;

use super::problem::Problem;

/// The parameters of a request.
#[derive(Clone, Copy, Debug)]
pub struct Query<T>(pub T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequestParts<S> for Query<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        let query = parts.uri.query().unwrap_or("");
        let refused =
            |_| Problem::from(Code::Malformed).detail("A query parameter is unknown, repeated or cannot be read.");
        if query.contains("%00") {
            return Err(Problem::from(Code::Malformed).detail("A query parameter has a U+0000."));
        }
        axum::extract::Query::<T>::try_from_uri(&parts.uri)
            .map(|axum::extract::Query(read)| Self(read))
            .map_err(refused)
    }
}
