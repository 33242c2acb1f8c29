//! Changing one's own password on pages.

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use domain::caller::Caller;
use domain::password::{Password, PasswordError};
use domain::secret::Secret;
use serde::Deserialize;
use service::password::ChangeError;

use super::{account_token, busy, frame, page, see, signed_in, to_sign_in, wait};
use crate::api::renew_cookies;
use crate::config::Web;
use crate::http::form::{self, Form};
use crate::http::problem::Problem;
use crate::http::request::Context;
use crate::view::{ChangePassword, PasswordProblem, PasswordRefusal, PasswordWhy};

const PATH: &str = "/account/password";

/// What a page says about a password that is not acceptable.
pub(super) const fn refusal(error: PasswordError) -> PasswordRefusal {
    match error {
        PasswordError::TooShort(least) => PasswordRefusal::TooShort(least),
        PasswordError::TooLong => PasswordRefusal::TooLong,
        PasswordError::Blocklisted => PasswordRefusal::Blocklisted,
        PasswordError::ContextWord => PasswordRefusal::ContextWord,
        PasswordError::Reused | PasswordError::UsedBefore => PasswordRefusal::Reused,
        PasswordError::TooYoung => PasswordRefusal::TooNew,
        PasswordError::Composition => PasswordRefusal::Composition,
    }
}

#[derive(Deserialize)]
pub(super) struct Fields {
    #[serde(default)]
    current_password: String,
    #[serde(default)]
    new_password: String,
}

async fn shown(
    (web, context): (&Web, &Context),
    (secret, caller): (&Secret, &Caller),
    status: StatusCode,
    problem: Option<PasswordProblem>,
) -> Result<Response, Problem> {
    let shown = ChangePassword {
        frame: frame(context),
        csrf: account_token(web, context, secret),
        why: PasswordWhy::Wanted,
        identifier: service::user::me(&web.app, caller).await?.user.username,
        least: service::password::own_least(&web.app, caller).await?,
        problem,
    };
    Ok(page(context, status, shown.render()))
}

pub(super) async fn ask(State(web): State<Web>, context: Context, headers: HeaderMap) -> Result<Response, Problem> {
    let Some((secret, caller)) = signed_in(&web, &context, &headers).await? else {
        return Ok(to_sign_in(&context, PATH));
    };
    shown((&web, &context), (&secret, &caller), StatusCode::OK, None).await
}

pub(super) async fn submit(
    State(web): State<Web>,
    context: Context,
    headers: HeaderMap,
    form: Form<Fields>,
) -> Result<Response, Problem> {
    let Some((secret, caller)) = signed_in(&web, &context, &headers).await? else {
        return Ok(to_sign_in(&context, PATH));
    };
    let again = async |status, problem| shown((&web, &context), (&secret, &caller), status, Some(problem)).await;
    let proof = (form::Purpose::Account, Some(&secret));
    let Some(fields) = form.proved(&web, &context, &headers, proof).await? else {
        return again(StatusCode::FORBIDDEN, PasswordProblem::Expired).await;
    };
    let passwords = (Password::typed(&fields.current_password).ok(), fields.new_password.as_str());
    match service::password::change(&web.app, &context.realm, &caller, passwords).await {
        Ok(secrets) => {
            let mut response = see(&context, "/account?told=password");
            renew_cookies(&web, &context.realm, &secrets, &mut response);
            Ok(response)
        }
        Err(ChangeError::SignedOut) => Ok(to_sign_in(&context, PATH)),
        Err(ChangeError::Wrong) => again(StatusCode::UNPROCESSABLE_ENTITY, PasswordProblem::WrongCurrent).await,
        Err(ChangeError::Password(error)) => {
            again(StatusCode::UNPROCESSABLE_ENTITY, PasswordProblem::Refused(refusal(error))).await
        }
        Err(ChangeError::Throttled(throttled)) => {
            let (after, wait) = wait(&web, &throttled);
            Ok(after.on(again(StatusCode::TOO_MANY_REQUESTS, PasswordProblem::Wait(wait)).await?))
        }
        Err(ChangeError::Overloaded(_)) => {
            Ok(busy().on(again(StatusCode::SERVICE_UNAVAILABLE, PasswordProblem::Busy).await?))
        }
        Err(ChangeError::Store(error)) => Err(error.into()),
    }
}
