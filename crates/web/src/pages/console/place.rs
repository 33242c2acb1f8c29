//! Units.

use axum::http::StatusCode;
use axum::response::Response;
use domain::caller::Scope;
use domain::id::UnitId;
use domain::permission::Permission;
use domain::unit::{UnitPath, is_slug};
use domain::user::printable;
use serde::Deserialize;
use service::unit::{CreateUnit, RenameUnit, UnitError};
use uuid::Uuid;
use wire::problem::Code;

use super::desk::Desk;
use super::people::ROWS;
use super::sheet::{Sent, blank, name, name_field, refused, seen, text, version};
use crate::http::form::Form;
use crate::http::page;
use crate::http::path::Path;
use crate::http::problem::Problem;
use crate::http::query::{Query, with_query};
use crate::view::console::{Deed, Form as SheetOf, Section, Sheet, Told, UnitForm, UnitProblem, UnitRow, Units};

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
    let change = |unit: &service::stored::Unit| {
        let may = !unit.path.is_root() && desk.covers(Permission::RolesManage, &unit.path);
        may.then(|| format!("{}/console/units/{}/change", desk.base(), unit.id))
    };
    let row = |unit: service::stored::Unit| UnitRow {
        change: change(&unit),
        depth: if unit.path.is_root() { 0 } else { unit.path.as_str().matches('/').count() },
        path: unit.path.as_str().to_owned(),
        name: if unit.path.is_root() { desk.context.realm.name.clone() } else { unit.name },
    };
    let path = format!("{}/console/units", desk.base());
    let shown = Units {
        console: desk.console(Some(Section::Units)).await?,
        units: cut.items.into_iter().map(row).collect(),
        may_make: desk.holds(Permission::RolesManage),
        told: asked.told.as_deref().and_then(Told::parse),
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

async fn change_sheet(desk: &Desk, id: UnitId, sent: Option<&Sent>) -> Result<Sheet, Problem> {
    desk.caller.allow(Permission::RolesManage, Scope::Anywhere)?;
    let unit = service::unit::get(&desk.web.app, &desk.caller, id).await?;
    // The root is the organisation, whose name is not kept here.
    let parent = unit.path.parent().ok_or(Code::NotFound)?;
    let fields = vec![name_field(sent.map_or(unit.name.as_str(), |sent| text(sent, "name")))];
    let end = format!("{}/console/units/{id}/end", desk.base());
    let blank = blank(desk, SheetOf::Unit, &unit.name, &format!("/console/units/{id}/change"), fields).await?;
    Ok(Sheet {
        version: Some(sent.and_then(version).unwrap_or(unit.version)),
        deeds: desk.covers(Permission::RolesManage, &parent).then_some((Deed::EndUnit, end)).into_iter().collect(),
        ..blank
    })
}

pub(super) async fn ask_change(desk: Desk, id: Path<Uuid>) -> Result<Response, Problem> {
    let sheet = change_sheet(&desk, UnitId::from_uuid(id.0), None).await?;
    Ok(desk.page(StatusCode::OK, sheet.render()))
}

pub(super) async fn change(desk: Desk, id: Path<Uuid>, sent: Form<Sent>) -> Result<Response, Problem> {
    let (sent, unit) = (desk.proved(sent).await?, UnitId::from_uuid(id.0));
    let renamed = async {
        let command = RenameUnit { unit, version: version(&sent), name: name(&sent)? };
        Ok::<_, Problem>(service::unit::rename(&desk.web.app, &desk.caller, command).await?)
    };
    match renamed.await {
        Ok(_) => Ok(desk.see("/console/units?told=saved")),
        Err(problem) => {
            let sheet = change_sheet(&desk, unit, seen(&problem, &sent)).await?;
            refused(&desk, sheet, ("name", "unit-name-refused"), problem).await
        }
    }
}
