//! Units.

use axum::http::StatusCode;
use axum::response::Response;
use domain::permission::Permission;
use domain::unit::UnitPath;
use serde::Deserialize;

use super::desk::{Desk, with_query};
use super::people::ROWS;
use crate::http::page;
use crate::http::problem::Problem;
use crate::http::query::Query;
use crate::view::console::{Section, UnitRow, Units};

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Asked {
    cursor: Option<String>,
}

pub(super) async fn units(desk: Desk, Query(asked): Query<Asked>) -> Result<Response, Problem> {
    let read = |text: &str| UnitPath::parse(text).ok().map(|path| path.as_str().to_owned());
    let after = page::cursor(asked.cursor.as_deref(), read)?.unwrap_or_default();
    let found = service::unit::list(&desk.web.app, &desk.caller, after, ROWS + 1).await?;
    let cut = page::cut(found, ROWS, |last| last.path.as_str().to_owned(), |unit| unit);
    let row = |unit: service::stored::Unit| UnitRow {
        depth: if unit.path.is_root() { 0 } else { unit.path.as_str().matches('/').count() },
        path: unit.path.as_str().to_owned(),
        name: unit.name,
    };
    let path = format!("{}/console/units", desk.base());
    let shown = Units {
        console: desk.console(Some(Section::Units)).await?,
        units: cut.items.into_iter().map(row).collect(),
        lists_people: desk.holds(Permission::UsersRead),
        first: asked.cursor.is_some().then(|| path.clone()),
        next: cut.next_cursor.map(|cursor| with_query(&path, &[("cursor", Some(&cursor))])),
    };
    Ok(desk.page(StatusCode::OK, shown.render()))
}
