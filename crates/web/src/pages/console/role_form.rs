//! Making and changing roles. What may not be put in is not offered; what was refused says why.

use std::collections::{BTreeMap, BTreeSet};

use axum::http::StatusCode;
use axum::response::Response;
use domain::caller::Scope;
use domain::permission::{OWN_API, Permission};
use domain::role::{Flat, GraphError, RoleGraph, RoleName};
use domain::unit::UnitPath;
use domain::user::printable;
use service::role::{ChangeRole, CreateRole, Descriptions, RoleError};
use wire::problem::Code;

use super::desk::Desk;
use super::sheet::{Sent, text, version};
use crate::http::form::Form;
use crate::http::path::Path;
use crate::http::problem::Problem;
use crate::view::console::{Check, Refusal, RoleForm, RoleProblem, Section};

/// What is entered, or stored. Which boxes there are depends on the roles and permissions of this moment.
struct Entered {
    slug: String,
    display_name: String,
    description: String,
    sensitive: bool,
    version: i64,
    permissions: BTreeMap<String, BTreeSet<String>>,
    inherits: BTreeSet<String>,
    given_by: BTreeSet<String>,
}

impl Entered {
    fn new() -> Self {
        Self::sent(&Sent::new())
    }

    fn sent(fields: &Sent) -> Self {
        let boxes = |kind: &str| {
            let names = fields.keys().filter_map(|name| name.strip_prefix(kind));
            names.map(ToOwned::to_owned).collect::<BTreeSet<String>>()
        };
        let mut permissions: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        for (api, name) in boxes("in ").iter().filter_map(|name| name.split_once(' ')) {
            permissions.entry(api.to_owned()).or_default().insert(name.to_owned());
        }
        Self {
            slug: text(fields, "name").to_owned(),
            display_name: text(fields, "display_name").to_owned(),
            description: text(fields, "description").to_owned(),
            sensitive: fields.contains_key("sensitive"),
            version: version(fields).unwrap_or(0),
            permissions,
            inherits: boxes("inherits "),
            given_by: boxes("by "),
        }
    }

    fn stored(graph: &RoleGraph, flat: &Flat) -> Self {
        let names = |ids: &BTreeSet<domain::id::RoleId>| ids.iter().map(|id| graph.name(*id).to_owned()).collect();
        let role = &flat.role;
        Self {
            slug: role.name.as_str().to_owned(),
            display_name: role.display_name.clone(),
            description: role.description.clone(),
            sensitive: role.sensitive,
            version: role.version,
            permissions: role.permissions.clone(),
            inherits: names(&role.inherits),
            given_by: names(&role.assignable_by),
        }
    }

    fn texts(&self) -> Result<(String, String), RoleProblem> {
        let display_name = printable(&self.display_name, 1, 100).map_err(|_| RoleProblem::DisplayName)?;
        Ok((display_name, printable(&self.description, 0, 500).map_err(|_| RoleProblem::Description)?))
    }
}

/// The form with what is entered, and with every box that this caller may tick or that is ticked already.
async fn shown(
    desk: &Desk,
    (of, entered): (Option<&Flat>, Entered),
    (status, problem): (StatusCode, Option<RoleProblem>),
) -> Result<Response, Problem> {
    let directory = service::role::all(&desk.web.app, &desk.caller).await?;
    let described = service::role::descriptions(&desk.web.app, &desk.caller).await?;
    let (graph, root) = (&directory.graph, UnitPath::root());
    let own = of.map(|flat| flat.role.name.as_str());
    let roles = |kind: &str, chosen: &BTreeSet<String>, may: &dyn Fn(&Flat) -> bool| -> Vec<Check> {
        let offered = graph.all().filter(|flat| {
            let name = flat.role.name.as_str();
            Some(name) != own && (may(flat) || chosen.contains(name))
        });
        let check = |flat: &Flat| Check {
            field: format!("{kind} {}", flat.role.name.as_str()),
            name: flat.role.display_name.clone(),
            text: None,
            on: chosen.contains(flat.role.name.as_str()),
        };
        let mut checks: Vec<Check> = offered.map(check).collect();
        checks.sort_by(|one, other| one.name.cmp(&other.name));
        checks
    };
    let home = format!("{}/console/roles", desk.base());
    let back = of.map_or_else(|| home.clone(), |flat| format!("{home}/{}", flat.role.name.as_str()));
    let page = RoleForm {
        console: desk.console(Some(Section::Roles)).await?,
        of: of.map(|flat| flat.role.display_name.clone()),
        inherits: roles("inherits", &entered.inherits, &|flat| {
            // What would close a circle is not offered.
            let circle = of.is_some_and(|of| flat.closure.contains(&of.role.id));
            !circle && desk.caller.access().may_assign(flat.role.id, &root)
        }),
        given_by: roles("by", &entered.given_by, &|flat| flat.own.has(Permission::RolesAssign)),
        apis: permissions(desk, described, &entered.permissions),
        action: format!("{back}/{}", if of.is_some() { "change" } else { "new" }),
        back,
        version: entered.version,
        slug: entered.slug,
        display_name: entered.display_name,
        description: entered.description,
        sensitive: entered.sensitive,
        problem,
    };
    Ok(desk.page(status, page.render()))
}

fn permissions(
    desk: &Desk,
    described: Descriptions,
    chosen: &BTreeMap<String, BTreeSet<String>>,
) -> Vec<(String, Vec<Check>)> {
    let access = desk.caller.access();
    let api = |(audience, (name, texts)): (String, (String, BTreeMap<String, String>))| {
        let on = |permission: &str| chosen.get(&audience).is_some_and(|names| names.contains(permission));
        let may = |name: &str| audience != OWN_API || Permission::parse(name).is_some_and(|one| access.may_put(one));
        let offered = texts.into_iter().filter(|(permission, _)| may(permission) || on(permission));
        let check = |(permission, text): (String, String)| Check {
            field: format!("in {audience} {permission}"),
            on: on(&permission),
            name: permission,
            text: Some(text),
        };
        (audience != OWN_API, name, offered.map(check).collect::<Vec<_>>())
    };
    let mut apis: Vec<_> = described.into_iter().map(api).filter(|(.., checks)| !checks.is_empty()).collect();
    // Applications first: they are what most roles are for.
    apis.sort_by_key(|(application, ..)| !application);
    apis.into_iter().map(|(_, name, checks)| (name, checks)).collect()
}

pub(super) async fn ask_new(desk: Desk) -> Result<Response, Problem> {
    desk.caller.allow(Permission::RolesManage, Scope::Realm)?;
    // Before sixty boxes are ticked, not after.
    if let Some(first) = desk.confirm_first("/console/roles/new").await? {
        return Ok(first);
    }
    shown(&desk, (None, Entered::new()), (StatusCode::OK, None)).await
}

pub(super) async fn make(desk: Desk, form: Form<Sent>) -> Result<Response, Problem> {
    let entered = Entered::sent(&desk.proved(form).await?);
    desk.caller.allow(Permission::RolesManage, Scope::Realm)?;
    if let Some(first) = desk.confirm_first("/console/roles/new").await? {
        return Ok(first);
    }
    let parsed = RoleName::parse(&entered.slug).map_err(|_| RoleProblem::Slug);
    let (name, (display_name, description)) = match parsed.and_then(|name| Ok((name, entered.texts()?))) {
        Ok(parsed) => parsed,
        Err(problem) => {
            return shown(&desk, (None, entered), (StatusCode::UNPROCESSABLE_ENTITY, Some(problem))).await;
        }
    };
    let command = CreateRole {
        name: name.clone(),
        display_name,
        description,
        permissions: entered.permissions.clone(),
        inherits: entered.inherits.clone(),
        assignable_by: entered.given_by.clone(),
        sensitive: entered.sensitive,
    };
    match service::role::create(&desk.web.app, &desk.caller, command).await {
        Ok(_) => Ok(desk.see(&format!("/console/roles/{}?told=done", name.as_str()))),
        Err(error) => {
            let (status, problem) = refusal(&desk, error).await?;
            shown(&desk, (None, entered), (status, Some(problem))).await
        }
    }
}

pub(super) async fn ask_change(desk: Desk, name: Path<String>) -> Result<Response, Problem> {
    desk.caller.allow(Permission::RolesManage, Scope::Realm)?;
    let directory = service::role::all(&desk.web.app, &desk.caller).await?;
    let flat = directory.graph.named(&name.0).ok_or(Code::NotFound)?;
    if let Some(first) = desk.confirm_first(&format!("/console/roles/{}/change", name.0)).await? {
        return Ok(first);
    }
    let entered = Entered::stored(&directory.graph, flat);
    shown(&desk, (Some(flat), entered), (StatusCode::OK, None)).await
}

pub(super) async fn change(desk: Desk, name: Path<String>, form: Form<Sent>) -> Result<Response, Problem> {
    let entered = Entered::sent(&desk.proved(form).await?);
    desk.caller.allow(Permission::RolesManage, Scope::Realm)?;
    let directory = service::role::all(&desk.web.app, &desk.caller).await?;
    let flat = directory.graph.named(&name.0).ok_or(Code::NotFound)?;
    if let Some(first) = desk.confirm_first(&format!("/console/roles/{}/change", name.0)).await? {
        return Ok(first);
    }
    let (display_name, description) = match entered.texts() {
        Ok(texts) => texts,
        Err(problem) => {
            return shown(&desk, (Some(flat), entered), (StatusCode::UNPROCESSABLE_ENTITY, Some(problem))).await;
        }
    };
    let command = ChangeRole {
        name: name.0.clone(),
        version: Some(entered.version),
        display_name: Some(display_name),
        description: Some(description),
        sensitive: Some(entered.sensitive),
        assignable_by: Some(entered.given_by.clone()),
        permissions: Some(entered.permissions.clone()),
        inherits: Some(entered.inherits.clone()),
    };
    match service::role::change(&desk.web.app, &desk.caller, command).await {
        Ok(_) => Ok(desk.see(&format!("/console/roles/{}?told=done", name.0))),
        Err(RoleError::ChangedMeanwhile) => {
            let now = Entered::stored(&directory.graph, flat);
            let refused = (StatusCode::PRECONDITION_FAILED, Some(RoleProblem::Refused(Refusal::Meanwhile)));
            shown(&desk, (Some(flat), now), refused).await
        }
        Err(error) => {
            let (status, problem) = refusal(&desk, error).await?;
            shown(&desk, (Some(flat), entered), (status, Some(problem))).await
        }
    }
}

/// Why, where people can do something about it.
async fn refusal(desk: &Desk, error: RoleError) -> Result<(StatusCode, RoleProblem), Problem> {
    let of = |refusal| RoleProblem::Refused(refusal);
    Ok(match error {
        RoleError::NameTaken => (StatusCode::CONFLICT, RoleProblem::Taken),
        RoleError::Graph(GraphError::Cycle(path)) => {
            (StatusCode::UNPROCESSABLE_ENTITY, RoleProblem::Cycle(path.join(" → ")))
        }
        RoleError::Graph(GraphError::TooDeep(path)) => {
            (StatusCode::UNPROCESSABLE_ENTITY, RoleProblem::TooDeep(path.join(" → ")))
        }
        RoleError::TooMany { what, .. } => (StatusCode::UNPROCESSABLE_ENTITY, of(Refusal::of(what))),
        other => {
            let (status, refusal) = super::sheet::refusal(desk, other.into()).await?;
            (status, of(refusal))
        }
    })
}
