//! Deeds about what is kept beside people: units, roles, APIs, permissions, clients end, and secrets are made. Each is asked on a page of its own, as
//! those about accounts are (`deed`).

use axum::http::StatusCode;
use axum::response::Response;
use domain::caller::Scope;
use domain::id::UnitId;
use domain::permission::{OWN_API, Permission};
use domain::user::printable;
use serde::{Deserialize, Serialize};
use service::api::{DeleteApi, DeletePermission, NewSecret};
use service::client::DeleteClient;
use service::role::DeleteRole;
use service::unit::DeleteUnit;
use uuid::Uuid;
use wire::problem::Code;

use super::deed::is_stepped_up;
use super::desk::{Desk, Kept};
use super::sheet::refusal;
use crate::http::form::Form;
use crate::http::path::Path;
use crate::http::problem::Problem;
use crate::http::query::Query;
use crate::view::Moment;
use crate::view::console::{Deed, Made, Once, Question, QuestionProblem, Section};

/// Where each deed is asked; what stands in the path says about what.
pub(super) const DEEDS: [(&str, Deed); 7] = [
    ("/console/units/{of}/end", Deed::EndUnit),
    ("/console/roles/{of}/end", Deed::EndRole),
    ("/console/apis/{of}/end", Deed::EndApi),
    ("/console/apis/{of}/secret", Deed::ApiSecret),
    ("/console/apis/{of}/permissions/{name}/end", Deed::EndPermission),
    ("/console/clients/{of}/end", Deed::EndClient),
    ("/console/clients/{of}/secret", Deed::ClientSecret),
];

/// What stands in the path.
#[derive(Debug, Deserialize)]
pub(super) struct Named {
    of: String,
    #[serde(default)]
    name: String,
}

impl Named {
    fn unit(&self) -> Result<UnitId, Problem> {
        let id: Result<Uuid, _> = self.of.parse();
        id.map(UnitId::from_uuid).map_err(|_| Code::NotFound.into())
    }
}

/// What is entered; it comes back after a confirmation.
#[derive(Debug, Default, Deserialize, Serialize)]
#[serde(default)]
pub(super) struct Entered {
    reason: String,
    version: String,
}

/// What a deed is about.
struct About {
    deed: Deed,
    named: Named,
    /// What people call it.
    name: String,
    version: Option<i64>,
    path: String,
    back: String,
}

const fn needs(deed: Deed) -> Permission {
    match deed {
        Deed::EndClient | Deed::ClientSecret => Permission::ClientsManage,
        _ => Permission::RolesManage,
    }
}

const fn section(deed: Deed) -> Section {
    match deed {
        Deed::EndUnit => Section::Units,
        Deed::EndRole => Section::Roles,
        _ => Section::Apis,
    }
}

async fn about(desk: &Desk, deed: Deed, named: Named) -> Result<About, Problem> {
    let (app, caller) = (&desk.web.app, &desk.caller);
    // Whole realms are concerned by all but units, which lie somewhere.
    let scope = if deed == Deed::EndUnit { Scope::Anywhere } else { Scope::Realm };
    caller.allow(needs(deed), scope)?;
    let of = named.of.clone();
    let changed = |kind: &str| format!("/console/{kind}/{of}/change");
    let (name, version, path, back) = match deed {
        Deed::EndUnit => {
            let unit = service::unit::get(app, caller, named.unit()?).await?;
            (unit.name, Some(unit.version), format!("/console/units/{of}/end"), changed("units"))
        }
        Deed::EndRole => {
            let directory = service::role::all(app, caller).await?;
            let role = &directory.graph.named(&of).ok_or(Code::NotFound)?.role;
            let path = format!("/console/roles/{of}");
            (role.display_name.clone(), Some(role.version), format!("{path}/end"), path)
        }
        Deed::EndApi | Deed::ApiSecret => {
            let api = service::api::get(app, caller, of.clone()).await?;
            let end = if deed == Deed::EndApi { "end" } else { "secret" };
            (api.name, Some(api.version), format!("/console/apis/{of}/{end}"), changed("apis"))
        }
        Deed::EndClient | Deed::ClientSecret => {
            let client = service::client::get(app, caller, of.clone()).await?;
            let end = if deed == Deed::EndClient { "end" } else { "secret" };
            (client.name, Some(client.version), format!("/console/clients/{of}/{end}"), changed("clients"))
        }
        Deed::EndPermission => {
            let all = service::api::permissions(app, caller, of.clone()).await?;
            let row = all.into_iter().find(|row| row.name == named.name && of != OWN_API).ok_or(Code::NotFound)?;
            let path = format!("/console/apis/{of}/permissions/{}/end", row.name);
            (row.name, None, path, "/console/apis".to_owned())
        }
        // Those of people have addresses of their own.
        _ => return Err(Code::NotFound.into()),
    };
    Ok(About { deed, named, name, version, path, back })
}

async fn shown(
    desk: &Desk,
    about: About,
    entered: Entered,
    (status, problem): (StatusCode, Option<QuestionProblem>),
) -> Result<Response, Problem> {
    let meanwhile = problem == Some(QuestionProblem::Refused(crate::view::console::Refusal::Meanwhile));
    let page = Question {
        console: desk.console(Some(section(about.deed))).await?,
        deed: about.deed,
        name: about.name,
        // What was looked at, until somebody was faster.
        version: entered.version.parse().ok().filter(|_| !meanwhile).or(about.version),
        held: None,
        action: format!("{}{}", desk.base(), about.path),
        back: format!("{}{}", desk.base(), about.back),
        reason: entered.reason,
        problem,
    };
    Ok(desk.page(status, page.render()))
}

pub(super) async fn ask(
    deed: Deed,
    desk: Desk,
    named: Path<Named>,
    Query(kept): Query<Kept>,
) -> Result<Response, Problem> {
    let about = about(&desk, deed, named.0).await?;
    let entered = desk.kept(&about.path, &kept);
    shown(&desk, about, entered, (StatusCode::OK, None)).await
}

pub(super) async fn submit(
    deed: Deed,
    desk: Desk,
    named: Path<Named>,
    form: Form<Entered>,
) -> Result<Response, Problem> {
    let entered = desk.proved(form).await?;
    let about = about(&desk, deed, named.0).await?;
    if is_stepped_up(deed)
        && let Some(first) = desk.confirm_keeping(&about.path, &entered).await?
    {
        return Ok(first);
    }
    let reason = match printable(&entered.reason, 3, 500) {
        Ok(reason) => Some(reason),
        Err(_) if !deed.has_reason() => None,
        Err(_) => {
            let refused = (StatusCode::UNPROCESSABLE_ENTITY, Some(QuestionProblem::Reason));
            return shown(&desk, about, entered, refused).await;
        }
    };
    match done(&desk, &about, Some(entered.version.parse().unwrap_or(0)), reason).await {
        Ok(Some(made)) => once(&desk, about, made).await,
        Ok(None) => Ok(desk.see(&format!("{}?told={}", section(deed).path(), deed.as_str()))),
        Err(problem) => {
            let (status, why) = refusal(&desk, problem).await?;
            shown(&desk, about, entered, (status, Some(QuestionProblem::Refused(why)))).await
        }
    }
}

/// The same use cases that the API calls; a new secret, where one was made.
async fn done(
    desk: &Desk,
    about: &About,
    version: Option<i64>,
    reason: Option<String>,
) -> Result<Option<NewSecret>, Problem> {
    let (app, caller, of) = (&desk.web.app, &desk.caller, about.named.of.clone());
    match about.deed {
        Deed::EndUnit => {
            let unit = about.named.unit()?;
            service::unit::delete(app, caller, DeleteUnit { unit, version, reason }).await?;
        }
        Deed::EndRole => {
            service::role::delete(app, caller, DeleteRole { name: of, version, reason }).await?;
        }
        Deed::EndApi => {
            service::api::delete(app, caller, DeleteApi { audience: of, version, reason }).await?;
        }
        Deed::EndPermission => {
            let command = DeletePermission { audience: of, name: about.named.name.clone(), reason };
            service::api::delete_permission(app, caller, command).await?;
        }
        Deed::EndClient => {
            service::client::delete(app, caller, DeleteClient { client_id: of, version, reason }).await?;
        }
        Deed::ApiSecret => return Ok(Some(service::api::new_secret(app, caller, of).await?)),
        Deed::ClientSecret => return Ok(Some(service::client::new_secret(app, caller, of).await?)),
        _ => return Err(Code::NotFound.into()),
    }
    Ok(None)
}

async fn once(desk: &Desk, about: About, made: NewSecret) -> Result<Response, Problem> {
    let page = Once {
        console: desk.console(Some(Section::Apis)).await?,
        what: Made::Secret,
        name: about.name,
        secret: made.secret.expose(),
        client_id: Some(about.named.of),
        address: None,
        until: Some(Moment::at(desk.now(), made.others_end.seconds())),
        back: format!("{}{}", desk.base(), about.back),
    };
    Ok(desk.page(StatusCode::OK, page.render()))
}
