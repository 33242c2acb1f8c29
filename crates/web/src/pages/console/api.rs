//! APIs with their permissions: listed with the clients, made and changed.

use std::collections::BTreeMap;

use axum::http::StatusCode;
use axum::response::Response;
use domain::caller::Scope;
use domain::key::Algorithm;
use domain::permission::{OWN_API, Permission, PermissionName};
use domain::unit::UnitPath;
use domain::user::printable;
use serde::Deserialize;
use service::api::{AddPermission, CreateApi, UpdateApi};
use service::directory::Directory;
use service::stored::{Api, Client};

use super::desk::{Desk, Kept};
use super::people::ROWS;
use super::sheet::{Sent, blank, code, field, hinted, name, name_field, refused, required, seen, slug, text, version};
use crate::http::form::Form as Posted;
use crate::http::page;
use crate::http::path::Path;
use crate::http::problem::Problem;
use crate::http::query::{Query, with_query};
use crate::view::console::{ApiRow, Apis, Choice, ClientRow, Control, Deed, Field, Form, Section, Sheet, Told};

const NEW_API: &str = "/console/apis/new";
pub(super) const LIST: &str = "/console/apis";

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Asked {
    cursor: Option<String>,
    told: Option<String>,
}

fn manages_clients(desk: &Desk) -> bool {
    desk.covers(Permission::ClientsManage, &UnitPath::root())
}

pub(super) async fn list(desk: Desk, Query(asked): Query<Asked>) -> Result<Response, Problem> {
    let directory: std::sync::Arc<Directory> = service::role::all(&desk.web.app, &desk.caller).await?;
    let described = service::role::descriptions(&desk.web.app, &desk.caller).await?;
    let row = |(audience, (name, texts)): (String, (String, BTreeMap<String, String>))| {
        let api = directory.apis.get(&audience)?;
        Some(ApiRow {
            matrix: with_query(&format!("{}/console/roles", desk.base()), &[("api", Some(&audience))]),
            name,
            algorithm: api.algorithm.as_str().to_owned(),
            minutes: api.access_lifetime_seconds / 60,
            permissions: texts.into_iter().collect(),
            own: audience == OWN_API,
            audience,
        })
    };
    let mut clients = (None, None);
    if manages_clients(&desk) {
        let after = page::cursor(asked.cursor.as_deref(), |text| (!text.contains('\0')).then(|| text.to_owned()))?
            .unwrap_or_default();
        let found = service::client::list(&desk.web.app, &desk.caller, after, ROWS + 1).await?;
        let cut = page::cut(found, ROWS, |last| last.client_id.clone(), client_row);
        clients = (Some(cut.items), cut.next_cursor);
    }
    let path = format!("{}{LIST}", desk.base());
    let page = Apis {
        console: desk.console(Some(Section::Apis)).await?,
        apis: described.into_iter().filter_map(row).collect(),
        clients: clients.0,
        first: asked.cursor.is_some().then(|| path.clone()),
        next: clients.1.map(|cursor| with_query(&path, &[("cursor", Some(&cursor))])),
        may_change: desk.covers(Permission::RolesManage, &UnitPath::root()),
        told: asked.told.as_deref().and_then(Told::parse),
    };
    Ok(desk.page(StatusCode::OK, page.render()))
}

fn client_row(client: Client) -> ClientRow {
    ClientRow {
        id: client.client_id,
        name: client.name,
        kind: client.kind,
        apis: client.apis.iter().map(|audience| audience.as_str().to_owned()).collect(),
        enabled: client.enabled,
    }
}

/// Those of an API: what is entered, or what it is, or what a new one usually is.
fn api_fields(api: Option<&Api>, sent: Option<&Sent>) -> Vec<Field> {
    let of = |name: &str, stored: &dyn Fn(&Api) -> String, usual: &str| match (sent, api) {
        (Some(sent), _) => text(sent, name).to_owned(),
        (None, Some(api)) => stored(api),
        (None, None) => usual.to_owned(),
    };
    let algorithm = of("algorithm", &|api| api.algorithm.as_str().to_owned(), "RS256");
    let kinds = ["RS256", "ES256", "EdDSA"].map(|kind| Choice::new(kind, kind, Some(&algorithm))).to_vec();
    let seconds = of("access_lifetime_seconds", &|api| api.access_lifetime_seconds.to_string(), "600");
    let lifetime = Control::Code(seconds, 4);
    let mut fields = vec![name_field(&of("name", &|api| api.name.clone(), ""))];
    if api.is_none() {
        let audience = code("audience", "audience", &of("audience", &|_| String::new(), ""), "slug-refused");
        fields.push(required(hinted(audience, "role-name-hint")));
    }
    fields.push(hinted(
        required(field("access_lifetime_seconds", "api-lifetime", lifetime, "api-lifetime-hint")),
        "api-lifetime-hint",
    ));
    fields.push(field("algorithm", "api-algorithm", Control::Choice(kinds), "api-lifetime-hint"));
    fields
}

fn lifetime(sent: &Sent) -> Result<i64, Problem> {
    let seconds =
        text(sent, "access_lifetime_seconds").trim().parse().ok().filter(|seconds| (60..=3600).contains(seconds));
    seconds.ok_or_else(|| Problem::invalid("/access_lifetime_seconds", "range", "60 to 3600 seconds."))
}

fn algorithm(sent: &Sent) -> Result<Algorithm, Problem> {
    let unknown = || Problem::invalid("/algorithm", "unknown", "One of RS256, ES256, EdDSA.");
    Algorithm::parse(text(sent, "algorithm")).ok_or_else(unknown)
}

async fn new_api_sheet(desk: &Desk, sent: Option<&Sent>) -> Result<Sheet, Problem> {
    blank(desk, Form::NewApi, "", NEW_API, api_fields(None, sent)).await
}

pub(super) async fn ask_new_api(desk: Desk, Query(kept): Query<Kept>) -> Result<Response, Problem> {
    desk.caller.allow(Permission::RolesManage, Scope::Realm)?;
    let kept: Option<Sent> = desk.kept(NEW_API, &kept);
    let sheet = new_api_sheet(&desk, kept.as_ref()).await?;
    Ok(desk.page(StatusCode::OK, sheet.render()))
}

pub(super) async fn make_api(desk: Desk, form: Posted<Sent>) -> Result<Response, Problem> {
    let sent = desk.proved(form).await?;
    desk.caller.allow(Permission::RolesManage, Scope::Realm)?;
    if let Some(first) = desk.confirm_keeping(NEW_API, &Some(&sent)).await? {
        return Ok(first);
    }
    let made = async {
        let command = CreateApi {
            audience: slug(&sent, "audience")?,
            name: name(&sent)?,
            algorithm: algorithm(&sent)?,
            access_lifetime_seconds: lifetime(&sent)?,
        };
        Ok::<_, Problem>(service::api::create(&desk.web.app, &desk.caller, command).await?)
    };
    match made.await {
        Ok(_) => Ok(desk.see("/console/apis?told=made")),
        Err(problem) => {
            let sheet = new_api_sheet(&desk, seen(&problem, &sent)).await?;
            refused(&desk, sheet, ("audience", "name-taken"), problem).await
        }
    }
}

async fn api_sheet(desk: &Desk, audience: &str, sent: Option<&Sent>) -> Result<Sheet, Problem> {
    let api = service::api::get(&desk.web.app, &desk.caller, audience.to_owned()).await?;
    let path = format!("{LIST}/{}", api.audience.as_str());
    let seen = sent.and_then(version).unwrap_or(api.version);
    let href = |deed: Deed, last: &str| (deed, format!("{}{path}/{last}", desk.base()));
    let mut deeds = vec![href(Deed::ApiSecret, "secret")];
    if api.audience.as_str() != OWN_API {
        deeds.push(href(Deed::EndApi, "end"));
    }
    let blank = blank(desk, Form::Api, &api.name, &format!("{path}/change"), api_fields(Some(&api), sent)).await?;
    Ok(Sheet { version: Some(seen), deeds, ..blank })
}

pub(super) async fn ask_api(desk: Desk, of: Path<String>, Query(kept): Query<Kept>) -> Result<Response, Problem> {
    desk.caller.allow(Permission::RolesManage, Scope::Realm)?;
    let kept: Option<Sent> = desk.kept(&format!("{LIST}/{}/change", of.0), &kept);
    let sheet = api_sheet(&desk, &of.0, kept.as_ref()).await?;
    Ok(desk.page(StatusCode::OK, sheet.render()))
}

pub(super) async fn change_api(desk: Desk, of: Path<String>, form: Posted<Sent>) -> Result<Response, Problem> {
    let sent = desk.proved(form).await?;
    desk.caller.allow(Permission::RolesManage, Scope::Realm)?;
    let api = service::api::get(&desk.web.app, &desk.caller, of.0).await?;
    let audience = api.audience.as_str();
    if let Some(first) = desk.confirm_keeping(&format!("{LIST}/{audience}/change"), &Some(&sent)).await? {
        return Ok(first);
    }
    let changed = async {
        let command = UpdateApi {
            audience: audience.to_owned(),
            version: version(&sent),
            name: Some(name(&sent)?),
            algorithm: Some(algorithm(&sent)?),
            access_lifetime_seconds: Some(lifetime(&sent)?),
        };
        Ok::<_, Problem>(service::api::update(&desk.web.app, &desk.caller, command).await?)
    };
    match changed.await {
        Ok(_) => Ok(desk.see("/console/apis?told=saved")),
        Err(problem) => {
            let sheet = api_sheet(&desk, audience, seen(&problem, &sent)).await?;
            refused(&desk, sheet, ("name", "name-taken"), problem).await
        }
    }
}

async fn permission_sheet(desk: &Desk, audience: &str, sent: Option<&Sent>) -> Result<Sheet, Problem> {
    let api = service::api::get(&desk.web.app, &desk.caller, audience.to_owned()).await?;
    let of = |name: &str| sent.map_or_else(String::new, |sent| text(sent, name).to_owned());
    let permission = code("name", "permission", &of("name"), "permission-refused");
    let description = field("description", "allows", Control::Line(of("description"), 200), "permission-text-refused");
    let fields = vec![required(hinted(permission, "permission-hint")), required(description)];
    let action = format!("{LIST}/{}/permissions/new", api.audience.as_str());
    blank(desk, Form::NewPermission, &api.name, &action, fields).await
}

pub(super) async fn ask_permission(
    desk: Desk,
    of: Path<String>,
    Query(kept): Query<Kept>,
) -> Result<Response, Problem> {
    desk.caller.allow(Permission::RolesManage, Scope::Realm)?;
    let kept: Option<Sent> = desk.kept(&format!("{LIST}/{}/permissions/new", of.0), &kept);
    let sheet = permission_sheet(&desk, &of.0, kept.as_ref()).await?;
    Ok(desk.page(StatusCode::OK, sheet.render()))
}

pub(super) async fn add_permission(desk: Desk, of: Path<String>, form: Posted<Sent>) -> Result<Response, Problem> {
    let sent = desk.proved(form).await?;
    desk.caller.allow(Permission::RolesManage, Scope::Realm)?;
    let audience = service::api::get(&desk.web.app, &desk.caller, of.0).await?.audience.as_str().to_owned();
    let path = format!("{LIST}/{audience}/permissions/new");
    if let Some(first) = desk.confirm_keeping(&path, &Some(&sent)).await? {
        return Ok(first);
    }
    let added = async {
        let name = PermissionName::parse(text(&sent, "name"));
        let description = printable(text(&sent, "description"), 1, 200);
        let command = AddPermission {
            audience: audience.clone(),
            name: name.map_err(|error| Problem::invalid("/name", "permission", error.to_string()))?,
            description: description.map_err(|error| Problem::invalid("/description", "length", error.to_string()))?,
        };
        Ok::<_, Problem>(service::api::add_permission(&desk.web.app, &desk.caller, command).await?)
    };
    match added.await {
        Ok(_) => Ok(desk.see("/console/apis?told=made")),
        Err(problem) => {
            let sheet = permission_sheet(&desk, &audience, seen(&problem, &sent)).await?;
            refused(&desk, sheet, ("name", "name-taken"), problem).await
        }
    }
}
