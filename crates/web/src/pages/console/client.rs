//! Clients: made and changed. They are listed with the APIs.

use axum::http::StatusCode;
use axum::response::Response;
use domain::caller::Scope;
use domain::client::{ClientKind, RedirectUri};
use domain::permission::{Audience, Permission};
use service::client::{CreateClient, Created, UpdateClient};
use service::stored::{Api, Client};

use super::api::LIST;
use super::desk::{Desk, Kept};
use super::sheet::{Sent, blank, code, field, hinted, name, name_field, refused, seen, slug, text, version};
use crate::http::form::Form as Posted;
use crate::http::path::Path;
use crate::http::problem::Problem;
use crate::http::query::Query;
use crate::view::console::{Check, ClientRow, Control, Deed, Field, Form, Made, Once, Section, Sheet};

const NEW_CLIENT: &str = "/console/clients/new";

/// Those of a client, as those of an API.
async fn client_fields(desk: &Desk, client: Option<&Client>, sent: Option<&Sent>) -> Result<Vec<Field>, Problem> {
    let of = |name: &str, stored: &dyn Fn(&Client) -> String| match (sent, client) {
        (Some(sent), _) => text(sent, name).to_owned(),
        (None, stored_one) => stored_one.map_or_else(String::new, stored),
    };
    let ticked = |name: &str, stored: &dyn Fn(&Client) -> bool| match (sent, client) {
        (Some(sent), _) => sent.contains_key(name),
        (None, stored_one) => stored_one.is_none_or(stored),
    };
    let mut fields = vec![name_field(&of("name", &|client| client.name.clone()))];
    if client.is_none() {
        let kind = of("kind", &|_| String::new());
        let kinds = ClientRow::kinds(&desk.frame(), Some(&kind));
        let id = code("client_id", "client-id", &of("client_id", &|_| String::new()), "slug-refused");
        fields.push(hinted(id, "client-id-hint"));
        fields.push(field("kind", "client-kind", Control::Choice(kinds), "client-kind"));
    }
    let uris = of("redirect_uris", &|client| {
        client.redirect_uris.iter().map(RedirectUri::as_str).collect::<Vec<_>>().join("\n")
    });
    fields.push(hinted(
        field("redirect_uris", "client-uris", Control::Lines(uris), "client-uris-refused"),
        "client-uris-hint",
    ));
    let apis = service::api::list(&desk.web.app, &desk.caller).await?;
    let named = |audience: &Audience| client.is_some_and(|client| client.apis.contains(audience));
    let check = |api: Api| {
        let name = format!("apis {}", api.audience.as_str());
        let on = sent.map_or_else(|| named(&api.audience), |sent| sent.contains_key(&name));
        Check { field: name, name: api.name, text: None, on }
    };
    fields.push(field("apis", "apis-of", Control::Checks(apis.into_iter().map(check).collect()), "api-gone"));
    fields.push(field(
        "require_pkce",
        "client-pkce",
        Control::Check(ticked("require_pkce", &|c| c.require_pkce)),
        "api-gone",
    ));
    if client.is_some() {
        fields.push(field("enabled", "client-enabled", Control::Check(ticked("enabled", &|c| c.enabled)), "api-gone"));
    }
    Ok(fields)
}

fn redirect_uris(sent: &Sent) -> Result<Vec<RedirectUri>, Problem> {
    let lines: Vec<&str> = text(sent, "redirect_uris").lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    if lines.len() > 50 {
        return Err(Problem::invalid("/redirect_uris", "length", "At most 50."));
    }
    let parsed = lines.into_iter().map(RedirectUri::parse).collect::<Result<_, _>>();
    parsed.map_err(|error| Problem::invalid("/redirect_uris", "form", error.to_string()))
}

fn apis(sent: &Sent) -> Result<Vec<Audience>, Problem> {
    let named = sent.keys().filter_map(|name| name.strip_prefix("apis ")).take(51);
    let all: Result<Vec<Audience>, _> = named.map(Audience::parse).collect();
    let all = all.map_err(|error| Problem::invalid("/apis", "form", error.to_string()))?;
    if all.len() > 50 { Err(Problem::invalid("/apis", "length", "At most 50.")) } else { Ok(all) }
}

async fn new_client_sheet(desk: &Desk, sent: Option<&Sent>) -> Result<Sheet, Problem> {
    blank(desk, Form::NewClient, "", NEW_CLIENT, client_fields(desk, None, sent).await?).await
}

pub(super) async fn ask_new_client(desk: Desk, Query(kept): Query<Kept>) -> Result<Response, Problem> {
    desk.caller.allow(Permission::ClientsManage, Scope::Realm)?;
    let kept: Option<Sent> = desk.kept(NEW_CLIENT, &kept);
    let sheet = new_client_sheet(&desk, kept.as_ref()).await?;
    Ok(desk.page(StatusCode::OK, sheet.render()))
}

pub(super) async fn make_client(desk: Desk, form: Posted<Sent>) -> Result<Response, Problem> {
    let sent = desk.proved(form).await?;
    desk.caller.allow(Permission::ClientsManage, Scope::Realm)?;
    if let Some(first) = desk.confirm_keeping(NEW_CLIENT, &Some(&sent)).await? {
        return Ok(first);
    }
    let made = async {
        let unknown = || Problem::invalid("/kind", "unknown", "One of public, confidential, service.");
        let command = CreateClient {
            client_id: if text(&sent, "client_id").is_empty() { None } else { Some(slug(&sent, "client_id")?) },
            name: name(&sent)?,
            kind: ClientKind::parse(text(&sent, "kind")).ok_or_else(unknown)?,
            redirect_uris: redirect_uris(&sent)?,
            apis: apis(&sent)?,
            require_pkce: sent.contains_key("require_pkce"),
        };
        Ok::<_, Problem>(service::client::create(&desk.web.app, &desk.caller, command).await?)
    };
    match made.await {
        Ok(Created { client, secret: Some(secret) }) => {
            let page = Once {
                console: desk.console(Some(Section::Apis)).await?,
                what: Made::Client,
                name: client.name,
                secret: secret.expose(),
                client_id: Some(client.client_id),
                address: None,
                until: None,
                back: format!("{}{LIST}", desk.base()),
            };
            Ok(desk.page(StatusCode::OK, page.render()))
        }
        Ok(_) => Ok(desk.see("/console/apis?told=made")),
        Err(problem) => {
            let sheet = new_client_sheet(&desk, seen(&problem, &sent)).await?;
            refused(&desk, sheet, ("client_id", "name-taken"), problem).await
        }
    }
}

async fn client_sheet(desk: &Desk, id: &str, sent: Option<&Sent>) -> Result<Sheet, Problem> {
    let client = service::client::get(&desk.web.app, &desk.caller, id.to_owned()).await?;
    let path = format!("/console/clients/{id}");
    let href = |deed: Deed, last: &str| (deed, format!("{}{path}/{last}", desk.base()));
    let secret = client.kind.has_secret().then(|| href(Deed::ClientSecret, "secret"));
    let fields = client_fields(desk, Some(&client), sent).await?;
    let blank = blank(desk, Form::Client, &client.name, &format!("{path}/change"), fields).await?;
    Ok(Sheet {
        version: Some(sent.and_then(version).unwrap_or(client.version)),
        deeds: secret.into_iter().chain([href(Deed::EndClient, "end")]).collect(),
        ..blank
    })
}

pub(super) async fn ask_client(desk: Desk, of: Path<String>, Query(kept): Query<Kept>) -> Result<Response, Problem> {
    desk.caller.allow(Permission::ClientsManage, Scope::Realm)?;
    let kept: Option<Sent> = desk.kept(&format!("/console/clients/{}/change", of.0), &kept);
    let sheet = client_sheet(&desk, &of.0, kept.as_ref()).await?;
    Ok(desk.page(StatusCode::OK, sheet.render()))
}

pub(super) async fn change_client(desk: Desk, of: Path<String>, form: Posted<Sent>) -> Result<Response, Problem> {
    let sent = desk.proved(form).await?;
    desk.caller.allow(Permission::ClientsManage, Scope::Realm)?;
    let client = service::client::get(&desk.web.app, &desk.caller, of.0).await?;
    let id = client.client_id.as_str();
    if let Some(first) = desk.confirm_keeping(&format!("/console/clients/{id}/change"), &Some(&sent)).await? {
        return Ok(first);
    }
    let changed = async {
        let command = UpdateClient {
            client_id: id.to_owned(),
            version: version(&sent),
            name: Some(name(&sent)?),
            redirect_uris: Some(redirect_uris(&sent)?),
            apis: Some(apis(&sent)?),
            require_pkce: Some(sent.contains_key("require_pkce")),
            enabled: Some(sent.contains_key("enabled")),
        };
        Ok::<_, Problem>(service::client::update(&desk.web.app, &desk.caller, command).await?)
    };
    match changed.await {
        Ok(_) => Ok(desk.see("/console/apis?told=saved")),
        Err(problem) => {
            let sheet = client_sheet(&desk, id, seen(&problem, &sent)).await?;
            refused(&desk, sheet, ("client_id", "name-taken"), problem).await
        }
    }
}
