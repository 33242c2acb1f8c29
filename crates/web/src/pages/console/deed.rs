//! Weighty deeds: each asks on a page of its own for the reason, and goes through the use case that the API calls.

use axum::http::StatusCode;
use axum::response::Response;
use domain::id::{GrantId, UserId};
use domain::permission::Permission;
use domain::time::Timestamp;
use domain::user::printable;
use serde::{Deserialize, Serialize};
use service::grant::{EndGrant, GrantError};
use service::user::{Delete, Disable, Enable, IssueCode, LockDown, RequireChange, ResetPassword, Unlock, UserError};
use uuid::Uuid;
use wire::problem::Code;

use super::desk::{Desk, Kept};
use super::people::role_name;
use crate::http::form::Form;
use crate::http::path::Path;
use crate::http::problem::Problem;
use crate::http::query::Query;
use crate::view::Moment;
use crate::view::console::{Deed, Made, Once, Question, QuestionProblem, Refusal, Section};

/// Where each deed of an account is asked.
pub(super) const OF_ACCOUNTS: [(&str, Deed); 8] = [
    ("/console/people/{id}/disable", Deed::Disable),
    ("/console/people/{id}/enable", Deed::Enable),
    ("/console/people/{id}/require-password", Deed::RequirePassword),
    ("/console/people/{id}/reset-password", Deed::ResetPassword),
    ("/console/people/{id}/lockdown", Deed::LockDown),
    ("/console/people/{id}/unlock", Deed::Unlock),
    ("/console/people/{id}/print-code", Deed::PrintCode),
    ("/console/people/{id}/delete", Deed::Delete),
];

/// Why; it comes back after a confirmation.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(default)]
pub(super) struct Why {
    reason: String,
    version: String,
}

/// What is asked of whom, and where.
struct About {
    deed: Deed,
    user: UserId,
    path: String,
}

impl About {
    fn account(deed: Deed, id: Uuid) -> Self {
        Self { deed, user: UserId::from_uuid(id), path: format!("/console/people/{id}/{}", deed.as_str()) }
    }

    fn grant(id: Uuid, grant: Uuid) -> Self {
        let path = format!("/console/people/{id}/grants/{grant}/end");
        Self { deed: Deed::EndGrant, user: UserId::from_uuid(id), path }
    }

    /// What it takes, somewhere; the use case looks where.
    const fn needs(&self) -> Permission {
        match self.deed {
            Deed::PrintCode => Permission::UsersCreate,
            Deed::Delete => Permission::UsersDelete,
            _ => Permission::UsersManage,
        }
    }
}

/// Whether the API asks for a fresh sign-in too; a test holds it to the routes.
pub(super) const fn is_stepped_up(deed: Deed) -> bool {
    !matches!(deed, Deed::Enable | Deed::RequirePassword | Deed::Unlock | Deed::EndUnit)
}

async fn shown(
    desk: &Desk,
    about: &About,
    grant: Option<GrantId>,
    why: Why,
    (status, problem): (StatusCode, Option<QuestionProblem>),
) -> Result<Response, Problem> {
    let person = service::user::get(&desk.web.app, &desk.caller, about.user).await?;
    let held = match grant {
        None => None,
        Some(id) => {
            let all = service::grant::list(&desk.web.app, &desk.caller, about.user, None, 200).await?;
            let grant = all.into_iter().find(|one| one.id == id).ok_or(Code::NotFound)?;
            Some((role_name(desk, grant.role), desk.places().await?.name(&grant.unit)))
        }
    };
    let page = Question {
        console: desk.console(Some(Section::People)).await?,
        deed: about.deed,
        // Whoever deletes says which state they looked at.
        version: (about.deed == Deed::Delete).then(|| looked_at(&why, &problem).unwrap_or(person.user.version)),
        name: person.user.name().to_owned(),
        held,
        action: format!("{}{}", desk.base(), about.path),
        back: format!("{}/console/people/{}", desk.base(), about.user),
        reason: why.reason,
        problem,
    };
    Ok(desk.page(status, page.render()))
}

pub(super) async fn ask(deed: Deed, desk: Desk, id: Path<Uuid>, Query(kept): Query<Kept>) -> Result<Response, Problem> {
    let about = About::account(deed, id.0);
    desk.caller.allow(about.needs(), domain::caller::Scope::Anywhere)?;
    shown(&desk, &about, None, desk.kept(&about.path, &kept), (StatusCode::OK, None)).await
}

pub(super) async fn submit(deed: Deed, desk: Desk, id: Path<Uuid>, form: Form<Why>) -> Result<Response, Problem> {
    let (why, about) = (desk.proved(form).await?, About::account(deed, id.0));
    desk.caller.allow(about.needs(), domain::caller::Scope::Anywhere)?;
    if is_stepped_up(deed)
        && let Some(first) = desk.confirm_keeping(&about.path, &why).await?
    {
        return Ok(first);
    }
    let Ok(reason) = printable(&why.reason, 3, 500) else {
        let refused = (StatusCode::UNPROCESSABLE_ENTITY, Some(QuestionProblem::Reason));
        return shown(&desk, &about, None, why, refused).await;
    };
    let (app, caller, user) = (&desk.web.app, &desk.caller, about.user);
    if deed == Deed::PrintCode {
        return match service::user::issue_code(app, caller, IssueCode { user, reason }).await {
            Ok((code, until)) => printed(&desk, user, (&code.expose(), until)).await,
            Err(error) => refused(&desk, &about, why, error).await,
        };
    }
    let done = match deed {
        Deed::Disable => service::user::disable(app, caller, Disable { user, reason }).await,
        Deed::Enable => service::user::enable(app, caller, Enable { user, reason }).await,
        Deed::RequirePassword => service::user::require_change(app, caller, RequireChange { user, reason }).await,
        Deed::ResetPassword => service::user::reset_password(app, caller, ResetPassword { user, reason }).await,
        Deed::LockDown => service::user::lock_down(app, caller, LockDown { user, reason }).await,
        Deed::Unlock => service::user::unlock(app, caller, Unlock { user, reason }).await,
        Deed::Delete => {
            let command = Delete { user, version: Some(why.version.parse().unwrap_or(0)), reason: Some(reason) };
            match service::user::delete(app, caller, command).await {
                Ok(()) => return Ok(desk.see(&format!("/console/people/{user}?told={}", deed.as_str()))),
                Err(error) => Err(error),
            }
        }
        // What is no account's has an address of its own.
        _ => Err(UserError::NotFound),
    };
    match done {
        Ok(_) => Ok(desk.see(&format!("/console/people/{user}?told={}", deed.as_str()))),
        Err(error) => refused(&desk, &about, why, error).await,
    }
}

/// The version that was looked at, unless somebody was faster.
fn looked_at(why: &Why, problem: &Option<QuestionProblem>) -> Option<i64> {
    let meanwhile = *problem == Some(QuestionProblem::Refused(Refusal::Meanwhile));
    why.version.parse().ok().filter(|_| !meanwhile)
}

/// The question again, with why.
async fn refused(desk: &Desk, about: &About, why: Why, error: UserError) -> Result<Response, Problem> {
    let problem = match error {
        UserError::Conflict(text) => (StatusCode::CONFLICT, conflict(text)),
        UserError::Forbidden(forbidden) if forbidden.missing == Permission::RolesAssign => {
            service::caller::refused(&desk.web.app, &desk.caller, &forbidden).await?;
            (StatusCode::FORBIDDEN, QuestionProblem::Climbing)
        }
        UserError::ChangedMeanwhile => (StatusCode::PRECONDITION_FAILED, QuestionProblem::Refused(Refusal::Meanwhile)),
        other => return Err(other.into()),
    };
    shown(desk, about, None, why, (problem.0, Some(problem.1))).await
}

/// The code, this once.
async fn printed(desk: &Desk, user: UserId, (code, until): (&str, Timestamp)) -> Result<Response, Problem> {
    let person = service::user::get(&desk.web.app, &desk.caller, user).await?;
    let page = Once {
        console: desk.console(Some(Section::People)).await?,
        what: Made::Code,
        name: person.user.name().to_owned(),
        secret: code.to_owned(),
        client_id: None,
        address: Some(format!("{}/invitation", desk.web.app.realm_url(&desk.context.realm))),
        until: Some(Moment::at(desk.now(), until.seconds())),
        back: format!("{}/console/people/{user}", desk.base()),
    };
    Ok(desk.page(StatusCode::OK, page.render()))
}

pub(super) async fn ask_end(
    desk: Desk,
    Path((id, grant)): Path<(Uuid, Uuid)>,
    Query(kept): Query<Kept>,
) -> Result<Response, Problem> {
    desk.caller.allow_either(Permission::RolesAssign, Permission::UsersManage)?;
    let about = About::grant(id, grant);
    let why = desk.kept(&about.path, &kept);
    shown(&desk, &about, Some(GrantId::from_uuid(grant)), why, (StatusCode::OK, None)).await
}

pub(super) async fn end(
    desk: Desk,
    Path((id, grant)): Path<(Uuid, Uuid)>,
    form: Form<Why>,
) -> Result<Response, Problem> {
    let (why, about, grant) = (desk.proved(form).await?, About::grant(id, grant), GrantId::from_uuid(grant));
    desk.caller.allow_either(Permission::RolesAssign, Permission::UsersManage)?;
    if is_stepped_up(about.deed)
        && let Some(first) = desk.confirm_keeping(&about.path, &why).await?
    {
        return Ok(first);
    }
    let Ok(reason) = printable(&why.reason, 3, 500) else {
        let refused = (StatusCode::UNPROCESSABLE_ENTITY, Some(QuestionProblem::Reason));
        return shown(&desk, &about, Some(grant), why, refused).await;
    };
    match service::grant::end(&desk.web.app, &desk.caller, EndGrant { user: about.user, grant, reason }).await {
        Ok(_) => Ok(desk.see(&format!("/console/people/{id}?told={}", Deed::EndGrant.as_str()))),
        Err(GrantError::Conflict(text)) => {
            shown(&desk, &about, Some(grant), why, (StatusCode::CONFLICT, Some(conflict(text)))).await
        }
        Err(other) => Err(other.into()),
    }
}

/// The use cases say which conflict it is in words. One that no rule has: it is so already.
fn conflict(text: &str) -> QuestionProblem {
    match Refusal::of(text) {
        Refusal::Other => QuestionProblem::Already,
        known => QuestionProblem::Refused(known),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What the API calls it.
    const fn operation(deed: Deed) -> (&'static str, &'static str) {
        match deed {
            Deed::Disable => ("POST", "/api/v1/users/{id}/disable"),
            Deed::Enable => ("POST", "/api/v1/users/{id}/enable"),
            Deed::RequirePassword => ("POST", "/api/v1/users/{id}/require-password-change"),
            Deed::ResetPassword => ("POST", "/api/v1/users/{id}/reset-password"),
            Deed::Unlock => ("POST", "/api/v1/users/{id}/unlock"),
            Deed::PrintCode => ("POST", "/api/v1/users/{id}/activation-code"),
            Deed::LockDown => ("POST", "/api/v1/users/{id}/lockdown"),
            Deed::Delete => ("DELETE", "/api/v1/users/{id}"),
            Deed::EndGrant => ("POST", "/api/v1/users/{id}/grants/{grant}/end"),
            Deed::EndUnit => ("DELETE", "/api/v1/units/{id}"),
            Deed::EndRole => ("DELETE", "/api/v1/roles/{name}"),
            Deed::EndApi => ("DELETE", "/api/v1/apis/{audience}"),
            Deed::EndPermission => ("DELETE", "/api/v1/apis/{audience}/permissions/{permission}"),
            Deed::ApiSecret => ("POST", "/api/v1/apis/{audience}/secret"),
            Deed::EndClient => ("DELETE", "/api/v1/clients/{id}"),
            Deed::ClientSecret => ("POST", "/api/v1/clients/{id}/secret"),
        }
    }

    #[test]
    fn a_page_asks_for_a_fresh_sign_in_where_the_api_does_and_nowhere_else() {
        let mounted = crate::endpoints();
        for deed in Deed::ALL {
            let (method, path) = operation(deed);
            let endpoint = mounted.iter().find(|one| one.method == method && one.path == path);
            let endpoint = endpoint.unwrap_or_else(|| panic!("{method} {path} is not mounted"));
            assert_eq!(is_stepped_up(deed), endpoint.step_up, "{deed:?}: {method} {path}");
        }
    }
}
