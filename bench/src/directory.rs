//! Roles and grants at size: effective access, changing a role that everybody holds, a token for fifty offices, a thousand realms.
#![expect(
    clippy::disallowed_methods,
    reason = "the bench seeds a realm as the command line would, and measures durations"
)]

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Instant;

use domain::access::{Access, Held};
use domain::allowed::Allowed;
use domain::id::{GrantId, RoleId, UserId};
use domain::realm::{RealmKey, RealmSlug};
use domain::role::{Role, RoleGraph, RoleName};
use domain::unit::UnitPath;
use service::role::ChangeRole;
use store::{Outcome, StoreError, Upkeep};
use uuid::Uuid;

use crate::Failure;
use crate::house::{House, Plan};
use crate::http::{Server, free_port};
use crate::measure::median;
use crate::report::{Report, Target};

const LEVELS: u128 = 12;
const OF_EACH: u128 = 10;
const GRANTS: u128 = 50;
const HOLDERS: usize = 100_000;
const REALMS: usize = 1_000;

fn millis(since: Instant) -> f64 {
    since.elapsed().as_secs_f64() * 1e3
}

/// Twelve roles that each inherit from the one below, with ten permissions of their own.
fn deep() -> Result<RoleGraph, Failure> {
    let id = |level: u128| RoleId::from_uuid(Uuid::from_u128(level + 1));
    let role = |level: u128| -> Result<Role, Failure> {
        let names = (0..OF_EACH)
            .map(|number| format!("things-{level}:do-{}", char::from(b'a' + u8::try_from(number).unwrap_or(0))));
        Ok(Role {
            id: id(level),
            name: RoleName::parse(&format!("level-{level}"))?,
            display_name: "Level".to_owned(),
            description: String::new(),
            sensitive: false,
            built_in: false,
            version: 1,
            permissions: BTreeMap::from([("clinic".to_owned(), names.collect())]),
            inherits: (level > 0).then(|| id(level - 1)).into_iter().collect(),
            assignable_by: BTreeSet::new(),
        })
    };
    Ok(RoleGraph::new((0..LEVELS).map(role).collect::<Result<_, _>>()?, 1)?)
}

/// Everything that somebody with fifty grants of the highest role, each in a unit of its own, may do; explained.
pub(crate) fn access(report: &Report) -> Result<(), Failure> {
    let graph = Arc::new(deep()?);
    let held = |number: u128| -> Result<Held, Failure> {
        Ok(Held {
            grant: GrantId::from_uuid(Uuid::from_u128(number)),
            role: RoleId::from_uuid(Uuid::from_u128(LEVELS - number % 4)),
            unit: UnitPath::parse(&format!("/office-{number}"))?,
            valid_until: None,
        })
    };
    let held: Vec<Held> = (0..GRANTS).map(held).collect::<Result<_, _>>()?;
    let (mut times, mut rows) = (Vec::new(), 0);
    for _ in 0..201 {
        let begun = Instant::now();
        let all = std::hint::black_box(Access::new(graph.clone(), held.clone()).explain());
        times.push(millis(begun));
        rows = all.len();
    }
    let what = format!("effective access: {GRANTS} grants, {LEVELS} levels, {rows} rows explained");
    report.judged("access", &what, median(times), "ms", Target::AtMost(1.0));
    Ok(())
}

/// Puts a permission into a role that a hundred thousand people hold, and takes it out again.
pub(crate) async fn change_of_a_role(report: &Report) -> Result<(), Failure> {
    let folder = testkit::Folder::new();
    let house = House::build(folder.path(), "http://localhost", Plan { people: 1, ..Plan::default() }).await?;
    let (app, realm) = (&house.app, house.realm.key);
    let operator = || Allowed::cli("bench", realm);
    hold(&house, "billing", HOLDERS).await?;
    let directory = service::role::all_as_operator(app, operator()).await?;
    let before = directory.graph.named("billing").ok_or("no role")?.role.permissions.clone();
    let mut more = before.clone();
    more.entry("clinic".to_owned()).or_default().insert("charts:read".to_owned());
    let mut times = Vec::new();
    for round in 0..41 {
        let permissions = if round % 2 == 0 { more.clone() } else { before.clone() };
        let command =
            ChangeRole { name: "billing".to_owned(), permissions: Some(permissions), ..ChangeRole::default() };
        let begun = Instant::now();
        service::role::change_as_operator(app, operator(), command).await?;
        times.push(millis(begun));
    }
    let what = format!("changing a role that {HOLDERS} people hold (SQLite, durable)");
    report.judged("role-change", &what, median(times), "ms", Target::AtMost(50.0));
    Ok(())
}

/// People who hold a role at the root, as an import would write them.
async fn hold(house: &House, role: &str, count: usize) -> Result<(), Failure> {
    const AT_ONCE: usize = 500;
    let (app, realm) = (&house.app, house.realm.key);
    let directory = service::role::all_as_operator(app, Allowed::cli("bench", realm)).await?;
    let role = directory.graph.named(role).ok_or("no role")?.role.id;
    for chunk in 0..count / AT_ONCE {
        app.store
            .write(Allowed::cli("bench", realm).into(), app.now(), (chunk, role), |tx, (chunk, role)| {
                Box::pin(async move {
                    use store::Read;
                    let root = store::unit::by_path(tx, &UnitPath::root()).await?;
                    let Some(root) = root else { return Err(StoreError::Unavailable("no root".to_owned())) };
                    for number in 0..AT_ONCE {
                        let id = UserId::new(&*tx.entropy(), tx.now());
                        let name = format!("holder-{}", chunk * AT_ONCE + number);
                        let (Ok(username), Ok(display_name)) =
                            (domain::user::Username::parse(&name), domain::user::DisplayName::parse("Noor Castellan"))
                        else {
                            continue;
                        };
                        let new = store::user::NewUser {
                            id,
                            username,
                            display_name,
                            given_name: None,
                            family_name: None,
                            email: None,
                            email_verified: false,
                            phone: None,
                            locale: None,
                            unit: root.id,
                            external_id: None,
                            attributes: "{}".to_owned(),
                        };
                        store::user::create(tx, &new).await?;
                        let grant = store::access::grant::NewGrant {
                            id: GrantId::new(&*tx.entropy(), tx.now()),
                            principal: id.into(),
                            role: *role,
                            unit: root.id,
                            valid_from: tx.now(),
                            valid_until: None,
                            reason: "bench".to_owned(),
                        };
                        store::access::grant::create(tx, &grant).await?;
                    }
                    Ok::<_, StoreError>(Outcome::upkeep((), Upkeep::Pending))
                })
            })
            .await?;
    }
    Ok(())
}

/// From the start of a process that has a thousand realms to its first answer.
pub(crate) async fn start_with_realms(report: &Report) -> Result<(), Failure> {
    let folder = testkit::Folder::new();
    let port = free_port()?;
    let base = format!("http://localhost:{port}");
    let house = House::build(folder.path(), &base, Plan { people: 1, ..Plan::default() }).await?;
    let key = testkit::app::pkcs8();
    for number in 1..REALMS {
        let slug = RealmSlug::parse(&format!("r{number}")).ok_or("not a slug")?;
        let issuer = format!("{base}/realms/r{number}");
        let new =
            store::realm::NewRealm { slug, name: "One of many".to_owned(), issuer, rp_id: "localhost".to_owned() };
        let made = service::realm::create(&house.app, Allowed::cli("bench", RealmKey::MAIN), new).await?;
        service::key::ensure(&house.app, made.key, service::signing::KeyKind::Rsa(2048), Some(&key)).await?;
    }
    house.leave();
    let mut times = Vec::new();
    for _ in 0..5 {
        let server = Server::start(folder.path(), port)?;
        times.push(server.first_response()? * 1e3);
    }
    let what = format!("start to first response with {REALMS} realms");
    report.judged("realms", &what, median(times), "ms", Target::AtMost(1_000.0));
    Ok(())
}
