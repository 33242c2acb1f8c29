//! Units.

use axum::http::StatusCode;
use axum::response::Response;
use domain::caller::Scope;
use domain::permission::Permission;
use domain::unit::{UnitPath, is_slug};
use domain::user::printable;
use serde::Deserialize;
use service::unit::{CreateUnit, UnitError};

use super::desk::{Desk, with_query};
use super::people::ROWS;
use crate::http::form::Form;
use crate::http::page;
use crate::http::problem::Problem;
use crate::http::query::Query;
use crate::view::console::{Section, UnitForm, UnitProblem, UnitRow, Units};

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Asked {
    cursor: Option<String>,
    told: Option<String>,
}

/// What is typed.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Fields {
    parent: String,
    slug: String,
    name: String,
}

impl Fields {
    fn parse(&self) -> Result<CreateUnit, UnitProblem> {
        let parent = if self.parent.is_empty() { "/" } else { &self.parent };
        let parent = UnitPath::parse(parent).map_err(|_| UnitProblem::Parent)?;
        let name = printable(&self.name, 1, 100).map_err(|_| UnitProblem::Name)?;
        if !is_slug(&self.slug, 63) {
            return Err(UnitProblem::Slug);
        }
        Ok(CreateUnit { path: parent.child(&self.slug).map_err(|_| UnitProblem::Slug)?, name })
    }
}

pub(super) async fn units(desk: Desk, Query(asked): Query<Asked>) -> Result<Response, Problem> {
    let read = |text: &str| UnitPath::parse(text).ok().map(|path| path.as_str().to_owned());
    let after = page::cursor(asked.cursor.as_deref(), read)?.unwrap_or_default();
    let found = service::unit::list(&desk.web.app, &desk.caller, after, ROWS + 1).await?;
    let cut = page::cut(found, ROWS, |last| last.path.as_str().to_owned(), |unit| unit);
    let row = |unit: service::stored::Unit| UnitRow {
        depth: if unit.path.is_root() { 0 } else { unit.path.as_str().matches('/').count() },
        path: unit.path.as_str().to_owned(),
        name: if unit.path.is_root() { desk.context.realm.name.clone() } else { unit.name },
    };
    let path = format!("{}/console/units", desk.base());
    let shown = Units {
        console: desk.console(Some(Section::Units)).await?,
        units: cut.items.into_iter().map(row).collect(),
        may_make: desk.holds(Permission::RolesManage),
        made: asked.told.as_deref() == Some("made"),
        lists_people: desk.holds(Permission::UsersRead),
        first: asked.cursor.is_some().then(|| path.clone()),
        next: cut.next_cursor.map(|cursor| with_query(&path, &[("cursor", Some(&cursor))])),
    };
    Ok(desk.page(StatusCode::OK, shown.render()))
}

async fn form(
    desk: &Desk,
    fields: Fields,
    (status, problem): (StatusCode, Option<UnitProblem>),
) -> Result<Response, Problem> {
    let may = |unit: &UnitPath| desk.covers(Permission::RolesManage, unit);
    let page = UnitForm {
        console: desk.console(Some(Section::Units)).await?,
        units: desk.places().await?.choices(Some(&fields.parent), may),
        parent: fields.parent,
        slug: fields.slug,
        name: fields.name,
        problem,
    };
    Ok(desk.page(status, page.render()))
}

pub(super) async fn ask(desk: Desk) -> Result<Response, Problem> {
    desk.caller.allow(Permission::RolesManage, Scope::Anywhere)?;
    form(&desk, Fields::default(), (StatusCode::OK, None)).await
}

pub(super) async fn make(desk: Desk, sent: Form<Fields>) -> Result<Response, Problem> {
    let fields = desk.proved(sent).await?;
    desk.caller.allow(Permission::RolesManage, Scope::Anywhere)?;
    let (status, problem) = match fields.parse() {
        Err(problem) => (StatusCode::UNPROCESSABLE_ENTITY, problem),
        Ok(command) => match service::unit::create(&desk.web.app, &desk.caller, command).await {
            Ok(_) => return Ok(desk.see("/console/units?told=made")),
            Err(UnitError::Forbidden(forbidden)) => {
                service::caller::refused(&desk.web.app, &desk.caller, &forbidden).await?;
                (StatusCode::FORBIDDEN, UnitProblem::Forbidden)
            }
            Err(UnitError::NoParent) => (StatusCode::UNPROCESSABLE_ENTITY, UnitProblem::Parent),
            Err(UnitError::PathTaken) => (StatusCode::CONFLICT, UnitProblem::Taken),
            Err(other) => return Err(other.into()),
        },
    };
    form(&desk, fields, (status, Some(problem))).await
}
