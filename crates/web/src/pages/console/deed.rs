//! Weighty deeds: each asks on a page of its own for the reason, and goes through the use case that the API calls.

use axum::http::StatusCode;
use axum::response::Response;
use domain::id::{GrantId, UserId};
use domain::permission::Permission;
use domain::user::printable;
use serde::{Deserialize, Serialize};
use service::grant::{EndGrant, GrantError};
use service::user::{Disable, Enable, LockDown, RequireChange, ResetPassword, UserError};
use uuid::Uuid;
use wire::problem::Code;

use super::desk::{Desk, Kept};
use super::people::role_name;
use crate::http::form::Form;
use crate::http::path::Path;
use crate::http::problem::Problem;
use crate::http::query::Query;
use crate::view::console::{Deed, Question, QuestionProblem, Section};

/// Where each deed of an account is asked.
pub(super) const OF_ACCOUNTS: [(&str, Deed); 5] = [
    ("/console/people/{id}/disable", Deed::Disable),
    ("/console/people/{id}/enable", Deed::Enable),
    ("/console/people/{id}/require-password", Deed::RequirePassword),
    ("/console/people/{id}/reset-password", Deed::ResetPassword),
    ("/console/people/{id}/lockdown", Deed::LockDown),
];

/// Why; it comes back after a confirmation.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(default)]
pub(super) struct Why {
    reason: String,
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

    /// Whether the API asks for a fresh sign-in too.
    const fn is_stepped_up(&self) -> bool {
        matches!(self.deed, Deed::Disable | Deed::EndGrant | Deed::ResetPassword | Deed::LockDown)
    }
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
    desk.caller.allow(Permission::UsersManage, domain::caller::Scope::Anywhere)?;
    shown(&desk, &about, None, desk.kept(&about.path, &kept), (StatusCode::OK, None)).await
}

pub(super) async fn submit(deed: Deed, desk: Desk, id: Path<Uuid>, form: Form<Why>) -> Result<Response, Problem> {
    let (why, about) = (desk.proved(form).await?, About::account(deed, id.0));
    desk.caller.allow(Permission::UsersManage, domain::caller::Scope::Anywhere)?;
    if about.is_stepped_up()
        && let Some(first) = desk.confirm_keeping(&about.path, &why).await?
    {
        return Ok(first);
    }
    let Ok(reason) = printable(&why.reason, 3, 500) else {
        let refused = (StatusCode::UNPROCESSABLE_ENTITY, Some(QuestionProblem::Reason));
        return shown(&desk, &about, None, why, refused).await;
    };
    let (app, caller, user) = (&desk.web.app, &desk.caller, about.user);
    let done = match deed {
        Deed::Disable => service::user::disable(app, caller, Disable { user, reason }).await,
        Deed::Enable => service::user::enable(app, caller, Enable { user, reason }).await,
        Deed::RequirePassword => service::user::require_change(app, caller, RequireChange { user, reason }).await,
        Deed::ResetPassword => service::user::reset_password(app, caller, ResetPassword { user, reason }).await,
        Deed::LockDown => service::user::lock_down(app, caller, LockDown { user, reason }).await,
        // A grant has an address of its own.
        Deed::EndGrant => Err(UserError::NotFound),
    };
    match done {
        Ok(_) => Ok(desk.see(&format!("/console/people/{user}?told={}", deed.as_str()))),
        Err(UserError::Conflict(text)) => {
            shown(&desk, &about, None, why, (StatusCode::CONFLICT, Some(conflict(text)))).await
        }
        Err(UserError::Forbidden(forbidden)) if forbidden.missing == Permission::RolesAssign => {
            service::caller::refused(app, caller, &forbidden).await?;
            shown(&desk, &about, None, why, (StatusCode::FORBIDDEN, Some(QuestionProblem::Climbing))).await
        }
        Err(other) => Err(other.into()),
    }
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
    if let Some(first) = desk.confirm_keeping(&about.path, &why).await? {
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

/// The use cases say which conflict it is in words; a test of each page holds these to them.
fn conflict(text: &str) -> QuestionProblem {
    if text.contains("last administrator") { QuestionProblem::LastAdministrator } else { QuestionProblem::Already }
}
