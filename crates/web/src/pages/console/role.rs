//! Roles as a matrix, one of them in detail, inheritance as a drawing; and what a person may do through them.

use std::collections::{BTreeMap, HashMap};

use axum::http::StatusCode;
use axum::response::Response;
use domain::access::{Explained, Path as Held};
use domain::id::{GrantId, RoleId, UserId};
use domain::permission::{OWN_API, Permission};
use domain::role::{Flat, RoleGraph};
use domain::time::Timestamp;
use domain::unit::UnitPath;
use serde::Deserialize;
use service::role::Descriptions;
use service::stored::{Grant, Member};
use uuid::Uuid;
use wire::problem::Code;

use super::desk::Desk;
use super::people::ROWS;
use crate::http::page;
use crate::http::path::Path;
use crate::http::problem::Problem;
use crate::http::query::{Query, with_query};
use crate::view::Moment;
use crate::view::console::{
    By, Carries, Choice, MatrixRow, MemberRow, Members, OneRole, PermissionRow, RoleColumn, Roles, RolesTold, Section,
    Through, Tree, TreeRole, Way,
};

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Asked {
    api: Option<String>,
    told: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct From {
    cursor: Option<String>,
}

pub(super) async fn matrix(desk: Desk, Query(asked): Query<Asked>) -> Result<Response, Problem> {
    shown(&desk, &asked, None).await
}

pub(super) async fn one(desk: Desk, name: Path<String>, Query(asked): Query<Asked>) -> Result<Response, Problem> {
    shown(&desk, &asked, Some(&name.0)).await
}

async fn shown(desk: &Desk, asked: &Asked, name: Option<&str>) -> Result<Response, Problem> {
    let directory = service::role::all(&desk.web.app, &desk.caller).await?;
    let described = service::role::descriptions(&desk.web.app, &desk.caller).await?;
    let graph = &directory.graph;
    let chosen = name.map(|name| graph.named(name).ok_or(Code::NotFound)).transpose()?;
    // An application says more about a hospital than our own API does.
    let usual = described.keys().find(|audience| *audience != OWN_API).map_or(OWN_API, String::as_str);
    let audience = asked.api.as_deref().unwrap_or(usual);
    let (api, permissions) = described.get(audience).ok_or(Code::NotFound)?;
    let href = |flat: &Flat| {
        let path = format!("{}/console/roles/{}", desk.base(), flat.role.name.as_str());
        with_query(&path, &[("api", asked.api.as_deref())])
    };
    let is_chosen = |flat: &Flat| chosen.is_some_and(|one| one.role.id == flat.role.id);
    let order = seniority(graph);
    let column =
        |flat: &&Flat| RoleColumn { href: href(flat), name: flat.role.display_name.clone(), on: is_chosen(flat) };
    let page = Roles {
        console: desk.console(Some(Section::Roles)).await?,
        apis: described.iter().map(|(name, (text, _))| Choice::new(name, text, Some(audience))).collect(),
        api: api.clone(),
        columns: order.iter().map(column).collect(),
        rows: rows(&order, audience, permissions),
        one: chosen.map(|flat| detail(desk, graph, flat, &described)),
        tree: tree(&order, chosen),
        new: makes_roles(desk).then(|| format!("{}/console/roles/new", desk.base())),
        told: asked.told.as_deref().and_then(RolesTold::parse),
    };
    Ok(desk.page(StatusCode::OK, page.render()))
}

/// Juniors before those that inherit from them, families together.
fn seniority(graph: &RoleGraph) -> Vec<&Flat> {
    fn with_heirs<'g>(graph: &'g RoleGraph, flat: &'g Flat, order: &mut Vec<&'g Flat>) {
        // A role that inherits from several stands behind the last of them.
        let ready = flat.role.inherits.iter().all(|junior| order.iter().any(|known| known.role.id == *junior));
        if !ready || order.iter().any(|known| known.role.id == flat.role.id) {
            return;
        }
        order.push(flat);
        for heir in graph.all().filter(|heir| heir.role.inherits.contains(&flat.role.id)) {
            with_heirs(graph, heir, order);
        }
    }
    let mut order = Vec::new();
    for flat in graph.all().filter(|flat| flat.role.inherits.is_empty()) {
        with_heirs(graph, flat, &mut order);
    }
    order
}

fn rows(order: &[&Flat], audience: &str, permissions: &BTreeMap<String, String>) -> Vec<MatrixRow> {
    let mut last = "";
    let mut rows = Vec::new();
    for (name, text) in permissions {
        let (resource, action) = name.split_once(':').unwrap_or(("", name));
        let has = |names: Option<&std::collections::BTreeSet<String>>| names.is_some_and(|names| names.contains(name));
        let cell = |flat: &&Flat| {
            if has(flat.role.permissions.get(audience)) {
                Carries::Itself
            } else if has(flat.effective.get(audience)) {
                Carries::Inherited
            } else {
                Carries::No
            }
        };
        rows.push(MatrixRow {
            resource: format!("{resource}:"),
            action: action.to_owned(),
            begins: resource != last,
            description: text.clone(),
            cells: order.iter().map(cell).collect(),
        });
        last = resource;
    }
    rows
}

fn detail(desk: &Desk, graph: &RoleGraph, flat: &Flat, described: &Descriptions) -> OneRole {
    let names = |ids: &std::collections::BTreeSet<RoleId>| {
        let mut names: Vec<String> =
            ids.iter().filter_map(|id| graph.get(*id)).map(|flat| flat.role.display_name.clone()).collect();
        names.sort_unstable();
        names
    };
    let api = |audience: &String| described.get(audience).map_or_else(|| audience.clone(), |(name, _)| name.clone());
    let role = &flat.role;
    let path = format!("{}/console/roles/{}", desk.base(), role.name.as_str());
    OneRole {
        slug: role.name.as_str().to_owned(),
        name: role.display_name.clone(),
        description: role.description.clone(),
        inherits: names(&role.inherits),
        given_by: names(&role.assignable_by),
        sensitive: role.sensitive,
        built_in: role.built_in,
        carries: flat.effective.iter().map(|(audience, names)| (api(audience), names.len())).collect(),
        members: format!("{path}/members"),
        change: may_change(desk, graph, role.id).then(|| format!("{path}/change")),
        end: may_change(desk, graph, role.id).then(|| format!("{path}/end")),
    }
}

/// Whether roles may be made: that concerns the whole realm.
pub(super) fn makes_roles(desk: &Desk) -> bool {
    desk.covers(Permission::RolesManage, &UnitPath::root())
}

/// Whether a role may be changed: by whoever may give it and all that inherit from it, everywhere.
pub(super) fn may_change(desk: &Desk, graph: &RoleGraph, id: RoleId) -> bool {
    let root = UnitPath::root();
    makes_roles(desk) && graph.seniors(id).all(|senior| desk.caller.access().may_assign(senior.role.id, &root))
}

/// Who holds a role, of those within reach.
pub(super) async fn members(desk: Desk, name: Path<String>, Query(from): Query<From>) -> Result<Response, Problem> {
    let after = page::cursor(from.cursor.as_deref(), |text| {
        let (user, grant) = text.split_once(' ')?;
        Some((user.parse().ok()?, grant.parse().ok()?))
    })?;
    let found = service::role::members(&desk.web.app, &desk.caller, name.0.clone(), after, ROWS + 1).await?;
    let cut = page::cut(found, ROWS, |last| format!("{} {}", last.user, last.grant), |member| member);
    let (places, now, base) = (desk.places().await?, desk.now(), desk.base());
    let sees_people = desk.holds(Permission::UsersRead);
    let row = |member: Member| MemberRow {
        href: sees_people.then(|| format!("{base}/console/people/{}", member.user)),
        name: member.display_name.or_else(|| member.username.clone()).unwrap_or_default(),
        username: member.username,
        unit: places.name(&member.unit),
        since: Moment::date(now, member.valid_from.seconds()),
        until: member.valid_until.map(|until| Moment::date(now, until.seconds())),
    };
    let back = format!("{base}/console/roles/{}", name.0);
    let path = format!("{back}/members");
    let page = Members {
        console: desk.console(Some(Section::Roles)).await?,
        role: called(desk.caller.access().graph(), &name.0),
        back,
        members: cut.items.into_iter().map(row).collect(),
        first: from.cursor.is_some().then(|| path.clone()),
        next: cut.next_cursor.map(|cursor| with_query(&path, &[("cursor", Some(&cursor))])),
    };
    Ok(desk.page(StatusCode::OK, page.render()))
}

/// Only roles that inherit or are inherited from stand in the drawing.
fn tree(order: &[&Flat], chosen: Option<&Flat>) -> Tree {
    let is_junior = |id: RoleId| order.iter().any(|flat| flat.role.inherits.contains(&id));
    let drawn: Vec<&&Flat> =
        order.iter().filter(|flat| !flat.role.inherits.is_empty() || is_junior(flat.role.id)).collect();
    let place = |id: &RoleId| drawn.iter().position(|flat| flat.role.id == *id);
    let role = |flat: &&&Flat| TreeRole {
        name: flat.role.display_name.clone(),
        inherits: flat.role.inherits.iter().filter_map(place).collect(),
        on: chosen.is_some_and(|one| one.closure.contains(&flat.role.id)),
    };
    Tree::new(&drawn.iter().map(role).collect::<Vec<_>>())
}

/// When a grant was given, and by whom.
pub(super) type Granted = HashMap<GrantId, (Timestamp, By)>;

pub(super) fn granted(grants: &[Grant], by: &HashMap<Uuid, By>) -> Granted {
    let giver = |grant: &Grant| grant.granted_by.and_then(|id| by.get(&id.uuid()).cloned()).unwrap_or(By::Server);
    grants.iter().map(|grant| (grant.id, (grant.valid_from, giver(grant)))).collect()
}

/// What a person may do now, or could at an instant: by API, then by permission, with every way.
pub(super) async fn explained(
    desk: &Desk,
    (id, at): (UserId, Option<Timestamp>),
    granted: &Granted,
) -> Result<Vec<(String, Vec<PermissionRow>)>, Problem> {
    let access = service::user::access(&desk.web.app, &desk.caller, id, at).await?;
    let described = service::role::descriptions(&desk.web.app, &desk.caller).await?;
    let places = desk.places().await?;
    let mut apis: Vec<(String, Vec<PermissionRow>)> = Vec::new();
    for Explained { api, permission, unit, paths, .. } in access.explain() {
        let ways = paths.iter().map(|path| way(desk, access.graph(), path, places.name(&unit), granted));
        if apis.last().is_none_or(|(audience, _)| **audience != *api) {
            apis.push((api.to_string(), Vec::new()));
        }
        let Some((_, rows)) = apis.last_mut() else { continue };
        match rows.last_mut().filter(|row| *row.permission == *permission) {
            Some(row) => {
                row.units.push(places.name(&unit));
                row.ways.extend(ways);
            }
            None => {
                let text = described.get(&*api).and_then(|(_, texts)| texts.get(&*permission));
                let carrier = paths.first().and_then(|path| path.via.last());
                rows.push(PermissionRow {
                    description: text.cloned().unwrap_or_default(),
                    units: vec![places.name(&unit)],
                    through: carrier.map_or_else(String::new, |name| called(access.graph(), name)),
                    ways: ways.collect(),
                    permission: permission.to_string(),
                });
            }
        }
    }
    // Our own API last: what people came to do is the applications'.
    apis.sort_by_key(|(audience, _)| audience == OWN_API);
    let named =
        |(audience, rows): (String, _)| (described.get(&audience).map_or(audience, |(name, _)| name.clone()), rows);
    Ok(apis.into_iter().map(named).collect())
}

fn called(graph: &RoleGraph, name: &str) -> String {
    graph.named(name).map_or_else(|| name.to_owned(), |flat| flat.role.display_name.clone())
}

fn way(desk: &Desk, graph: &RoleGraph, path: &Held, unit: Option<String>, granted: &Granted) -> Way {
    let now = desk.now();
    let date = |at: Timestamp| Moment::date(now, at.seconds());
    let given = granted.get(&path.grant);
    let steps = path.via.windows(2);
    let over = steps.filter_map(|pair| match pair {
        [heir, role] => Some(Through { role: called(graph, role), heir: called(graph, heir) }),
        _ => None,
    });
    Way {
        role: called(graph, &path.role),
        unit,
        since: given.map(|(since, _)| date(*since)),
        until: path.valid_until.map(date),
        by: given.map_or(By::Server, |(_, by)| by.clone()),
        over: over.collect(),
    }
}
