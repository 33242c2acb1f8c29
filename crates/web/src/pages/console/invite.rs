//! Inviting somebody.

use axum::http::StatusCode;
use axum::response::Response;
use domain::caller::Scope;
use domain::permission::Permission;
use domain::unit::UnitPath;
use domain::user::{DisplayName, Email, Username, printable};
use serde::{Deserialize, Serialize};
use service::user::{FirstGrant, UserError};

use super::desk::{Desk, Kept};
use super::people::assignable;
use crate::http::form::Form;
use crate::http::problem::Problem;
use crate::http::query::Query;
use crate::view::console::{Invite, InviteProblem, Section};

const PATH: &str = "/console/people/new";

/// What is typed, and comes back after a confirmation.
#[derive(Debug, Default, Deserialize, Serialize)]
#[serde(default)]
pub(super) struct Fields {
    display_name: String,
    username: String,
    email: String,
    unit: String,
    role: String,
    reason: String,
}

impl Fields {
    fn parse(&self) -> Result<service::user::Invite, InviteProblem> {
        let unit = if self.unit.is_empty() { "/" } else { &self.unit };
        let unit = UnitPath::parse(unit).map_err(|_| InviteProblem::Unit)?;
        let display_name = DisplayName::parse(&self.display_name).map_err(|_| InviteProblem::DisplayName)?;
        let grants = match self.role.as_str() {
            "" => Vec::new(),
            role => {
                let reason = printable(&self.reason, 3, 500).map_err(|_| InviteProblem::Reason)?;
                vec![FirstGrant { role: role.to_owned(), unit: unit.clone(), reason }]
            }
        };
        Ok(service::user::Invite {
            username: Username::parse(&self.username).map_err(|_| InviteProblem::Username)?,
            display_name,
            given_name: None,
            family_name: None,
            email: Some(Email::parse(&self.email).map_err(|_| InviteProblem::Email)?),
            phone: None,
            locale: None,
            external_id: None,
            attributes: serde_json::Map::new(),
            unit,
            grants,
        })
    }
}

async fn shown(
    desk: &Desk,
    fields: Fields,
    (status, problem): (StatusCode, Option<InviteProblem>),
) -> Result<Response, Problem> {
    let places = desk.places().await?;
    let may = |unit: &UnitPath| desk.covers(Permission::UsersCreate, unit);
    let page = Invite {
        console: desk.console(Some(Section::People)).await?,
        units: places.choices(Some(&fields.unit), may),
        roles: assignable(desk, Some(&fields.role)),
        display_name: fields.display_name,
        username: fields.username,
        email: fields.email,
        unit: fields.unit,
        reason: fields.reason,
        problem,
    };
    Ok(desk.page(status, page.render()))
}

pub(super) async fn ask(desk: Desk, Query(kept): Query<Kept>) -> Result<Response, Problem> {
    desk.caller.allow(Permission::UsersCreate, Scope::Anywhere)?;
    shown(&desk, desk.kept(PATH, &kept), (StatusCode::OK, None)).await
}

pub(super) async fn submit(desk: Desk, form: Form<Fields>) -> Result<Response, Problem> {
    let fields = desk.proved(form).await?;
    desk.caller.allow(Permission::UsersCreate, Scope::Anywhere)?;
    let invite = match fields.parse() {
        Ok(invite) => invite,
        Err(problem) => return shown(&desk, fields, (StatusCode::UNPROCESSABLE_ENTITY, Some(problem))).await,
    };
    // Whoever gives roles proves again who they are, however the person comes to be.
    if !invite.grants.is_empty()
        && let Some(first) = desk.confirm_keeping(PATH, &fields).await?
    {
        return Ok(first);
    }
    let allowed_here = desk.covers(Permission::UsersCreate, &invite.unit);
    let refused = match service::user::invite(&desk.web.app, &desk.caller, invite).await {
        Ok(person) => return Ok(desk.see(&format!("/console/people/{}?told=invited", person.user.id))),
        Err(UserError::Forbidden(forbidden)) => {
            service::caller::refused(&desk.web.app, &desk.caller, &forbidden).await?;
            let problem = if allowed_here { InviteProblem::RoleForbidden } else { InviteProblem::UnitForbidden };
            (StatusCode::FORBIDDEN, problem)
        }
        Err(UserError::NameTaken) => (StatusCode::CONFLICT, InviteProblem::Taken),
        Err(UserError::NoUnit) => (StatusCode::UNPROCESSABLE_ENTITY, InviteProblem::Unit),
        Err(UserError::NoRole(_)) => (StatusCode::UNPROCESSABLE_ENTITY, InviteProblem::Role),
        Err(other) => return Err(other.into()),
    };
    shown(&desk, fields, (refused.0, Some(refused.1))).await
}
