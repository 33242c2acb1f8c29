//! `user permissions`: what somebody may do, and why.

use domain::access::Explained;
use domain::time::Timestamp;
use serde_json::{Value, json};

use super::desk::{Desk, moment};
use crate::output::{self, Failure};

/// Everything that is granted to somebody now, or was at an instant.
pub(super) async fn show(desk: &Desk, username: &str, at: Option<Timestamp>, api: Option<&str>) -> Result<(), Failure> {
    if at.is_some_and(|at| at > desk.app.now()) {
        return Err(Failure("--at lies ahead: what will be held then nobody knows yet".to_owned()));
    }
    let user = desk.user(username).await?.id;
    let access = service::user::access_as_operator(&desk.app, desk.operator(), user, at).await?;
    let found: Vec<Explained> =
        access.explain().into_iter().filter(|one| api.is_none_or(|api| &*one.api == api)).collect();
    let (rows, lines): (Vec<Value>, Vec<String>) = found.iter().map(|one| (shape(one), line(one))).unzip();
    let nothing = || {
        if at.is_some() { format!("{username} could do nothing then") } else { format!("{username} may do nothing") }
    };
    let people = if lines.is_empty() { nothing() } else { lines.join("\n") };
    output::show(desk.json, &json!(rows), &people);
    Ok(())
}

fn shape(one: &Explained) -> Value {
    let paths: Vec<Value> = one
        .paths
        .iter()
        .map(|path| {
            json!({ "role": &*path.role, "via": path.via.iter().map(|name| &**name).collect::<Vec<_>>(), "grant": path.grant.to_string(),
                "unit": path.unit.as_str(), "valid_until": path.valid_until.map(Timestamp::rfc3339) })
        })
        .collect();
    json!({ "api": &*one.api, "permission": &*one.permission, "unit": one.unit.as_str(), "paths": paths })
}

/// `clinic/charts:read  /ward-3  nurse > clinical-staff, until …`
fn line(one: &Explained) -> String {
    let ways: Vec<String> = one
        .paths
        .iter()
        .map(|path| {
            let via = path.via.join(" > ");
            path.valid_until.map_or_else(|| via.clone(), |until| format!("{via}, until {}", moment(until)))
        })
        .collect();
    let name = format!("{}/{}", one.api, one.permission);
    format!("{name:<40} {:<24} {}", one.unit.as_str(), ways.join("; "))
}
