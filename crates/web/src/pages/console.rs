//! The console as routes. Each page asks the use cases that the JSON API asks, with the caller of the session cookie: what one may see and do is
//! decided there, and a page offers nothing that would be refused.

mod api;
mod audit;
mod client;
mod deed;
mod desk;
mod invite;
mod people;
mod person;
mod place;
mod profile;
mod role;
mod role_form;
mod search;
mod sheet;
mod thing;

use axum::extract::Request;
use axum::http::Method;
use axum::middleware::{Next, from_fn};
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodRouter, get, post};
use wire::problem::Code;

use super::{see, signed_in};
use crate::config::Web;
use crate::http::cross_site::{self, Cause};
use crate::http::problem::Problem;
use crate::http::request::Context;
use crate::table::{Table, missing, record_refusal};
use desk::Desk;
pub(super) use desk::sections;

fn at(table: Table, method: &Method, path: &str, handler: MethodRouter<Web>) -> Table {
    table.page(method, path, handler.route_layer(from_fn(settle)))
}

/// Mounts the console.
pub(super) fn mount(table: Table) -> Table {
    let (show, post_to) = (Method::GET, Method::POST);
    let table = at(table, &show, "/console", get(start));
    let table = at(table, &show, "/console/search", get(search::show));
    let table = at(table, &show, "/console/people", get(people::list));
    let table = at(table, &show, "/console/people/new", get(invite::ask));
    let table = at(table, &post_to, "/console/people/new", post(invite::submit));
    let table = at(table, &show, "/console/people/{id}", get(person::show));
    let table = at(table, &show, "/console/people/{id}/access", get(person::access));
    let table = at(table, &show, "/console/people/{id}/give", get(person::ask_give));
    let table = at(table, &post_to, "/console/people/{id}/give", post(person::give));
    let table = at(table, &post_to, "/console/people/{id}/sessions/{session}/end", post(person::end_session));
    let table = at(table, &post_to, "/console/people/{id}/sessions/end", post(person::end_sessions));
    let table = at(table, &show, "/console/people/{id}/grants/{grant}/end", get(deed::ask_end));
    let table = at(table, &post_to, "/console/people/{id}/grants/{grant}/end", post(deed::end));
    let table = deed::OF_ACCOUNTS.iter().fold(table, |table, (path, deed)| {
        let deed = *deed;
        let ask = get(move |desk: Desk, id, query| deed::ask(deed, desk, id, query));
        let table = at(table, &show, path, ask);
        at(table, &post_to, path, post(move |desk: Desk, id, form| deed::submit(deed, desk, id, form)))
    });
    let table = at(table, &show, "/console/people/{id}/change", get(profile::ask));
    let table = at(table, &post_to, "/console/people/{id}/change", post(profile::change));
    registered(table)
}

/// Mounts what is kept beside people, and the log.
fn registered(table: Table) -> Table {
    let (show, post_to) = (Method::GET, Method::POST);
    let table = thing::DEEDS.iter().fold(table, |table, (path, deed)| {
        let deed = *deed;
        let ask = get(move |desk: Desk, of, query| thing::ask(deed, desk, of, query));
        let table = at(table, &show, path, ask);
        at(table, &post_to, path, post(move |desk: Desk, of, form| thing::submit(deed, desk, of, form)))
    });
    let table = at(table, &show, "/console/units/{id}/change", get(place::ask_change));
    let table = at(table, &post_to, "/console/units/{id}/change", post(place::change));
    let table = at(table, &show, "/console/apis/new", get(api::ask_new_api));
    let table = at(table, &post_to, "/console/apis/new", post(api::make_api));
    let table = at(table, &show, "/console/apis/{audience}/change", get(api::ask_api));
    let table = at(table, &post_to, "/console/apis/{audience}/change", post(api::change_api));
    let table = at(table, &show, "/console/apis/{audience}/permissions/new", get(api::ask_permission));
    let table = at(table, &post_to, "/console/apis/{audience}/permissions/new", post(api::add_permission));
    let table = at(table, &show, "/console/clients/new", get(client::ask_new_client));
    let table = at(table, &post_to, "/console/clients/new", post(client::make_client));
    let table = at(table, &show, "/console/clients/{client}/change", get(client::ask_client));
    let table = at(table, &post_to, "/console/clients/{client}/change", post(client::change_client));
    let table = at(table, &show, "/console/units", get(place::units));
    let table = at(table, &show, "/console/units/new", get(place::ask));
    let table = at(table, &post_to, "/console/units/new", post(place::make));
    let table = at(table, &show, "/console/roles", get(role::matrix));
    let table = at(table, &show, "/console/roles/new", get(role_form::ask_new));
    let table = at(table, &post_to, "/console/roles/new", post(role_form::make));
    let table = at(table, &show, "/console/roles/{name}/change", get(role_form::ask_change));
    let table = at(table, &post_to, "/console/roles/{name}/change", post(role_form::change));
    let table = at(table, &show, "/console/roles/{name}/members", get(role::members));
    let table = at(table, &show, "/console/roles/{name}", get(role::one));
    let table = at(table, &show, "/console/apis", get(api::list));
    let table = at(table, &show, "/console/audit", get(audit::list));
    at(table, &show, "/console/audit/{id}", get(audit::one))
}

/// The first part that one may see.
async fn start(desk: Desk) -> Response {
    match desk.sections().first() {
        Some(first) => desk.see(first.path()),
        None => desk.nothing(),
    }
}

/// What a use case refused is recorded as the API records it; whoever is signed out meanwhile signs in again.
async fn settle(request: Request, next: Next) -> Response {
    let parts = request.extensions();
    let (web, context) = (parts.get::<Web>().cloned(), parts.get::<Context>().cloned());
    let headers = request.headers().clone();
    let response = next.run(request).await;
    let (Some(web), Some(context)) = (web, context) else { return response };
    let refused = missing(&response);
    // Another site that leads somebody here does not fill the log with their name.
    if let Some(permission) = refused.filter(|_| cross_site::judge(&headers, &web.own_origins(), &[]) == Cause::Ours) {
        match signed_in(&web, &context, &headers).await {
            Ok(Some((_, caller))) => record_refusal(&web, &caller, permission).await,
            Ok(None) => {}
            Err(problem) => return problem.into_response(),
        }
    }
    if response.extensions().get::<Problem>().is_some_and(|problem| problem.code == Code::NotSignedIn) {
        return see(&context, "/sign-in?return_to=/console");
    }
    response
}
