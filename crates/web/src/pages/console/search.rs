//! Search or jump.

use axum::http::StatusCode;
use axum::response::Response;
use domain::permission::Permission;
use domain::user::fold;
use serde::Deserialize;

use super::desk::Desk;
use crate::http::problem::Problem;
use crate::http::query::Query;
use crate::view::console::{Found, Search};

/// So many of a kind are shown.
const MOST: usize = 6;

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Asked {
    q: Option<String>,
}

pub(super) async fn show(desk: Desk, Query(asked): Query<Asked>) -> Result<Response, Problem> {
    let q = asked.q.as_deref().map(str::trim).filter(|text| !text.is_empty());
    let q: Option<String> = q.map(|text| text.chars().take(200).collect());
    let page = Search {
        console: desk.console(None).await?,
        people: people(&desk, q.as_deref()).await?,
        roles: roles(&desk, q.as_deref()),
        may_invite: desk.holds(Permission::UsersCreate),
        may_audit: desk.reads_audit(),
        q,
    };
    Ok(desk.page(StatusCode::OK, page.render()))
}

/// People whose name begins like this.
async fn people(desk: &Desk, q: Option<&str>) -> Result<Vec<Found>, Problem> {
    let Some(prefix) = q.filter(|_| desk.holds(Permission::UsersRead)) else { return Ok(Vec::new()) };
    let search = service::user::Search { prefix: prefix.to_owned(), ..service::user::Search::default() };
    let limit = i64::try_from(MOST).unwrap_or(i64::MAX);
    let found = service::user::list(&desk.web.app, &desk.caller, search, limit).await?;
    let one = |found: service::user::Found| Found {
        href: format!("{}/console/people/{}", desk.base(), found.person.user.id),
        name: found.person.user.name().to_owned(),
        more: found.person.user.username,
    };
    Ok(found.into_iter().map(one).collect())
}

/// Roles whose name begins like this, in either form.
fn roles(desk: &Desk, q: Option<&str>) -> Vec<Found> {
    let Some(wanted) = q.map(fold).filter(|_| desk.holds(Permission::RolesRead)) else { return Vec::new() };
    let graph = desk.caller.access().graph();
    let fits =
        |text: &str| fold(text).split(' ').any(|word| word.starts_with(&wanted)) || fold(text).starts_with(&wanted);
    let found = graph.all().filter(|flat| fits(&flat.role.display_name) || fits(flat.role.name.as_str()));
    let found = found.take(MOST).map(|flat| Found {
        href: format!("{}/console/roles/{}", desk.base(), flat.role.name.as_str()),
        name: flat.role.display_name.clone(),
        more: Some(flat.role.name.as_str().to_owned()),
    });
    found.collect()
}
