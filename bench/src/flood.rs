//! How long a refresh takes while many more sign-ins with password and code are offered than can be checked, beside the same refreshes
//! with none.

use std::sync::Arc;
use std::time::Duration;

use domain::allowed::Request;
use service::refresh::{Refresh, exchange};
use service::session::FIRST_PARTY;

use crate::Failure;
use crate::house::{Guests, House, Plan};
use crate::http::{Server, free_port};
use crate::measure::{cpu_of, median, percentile, process_cpu, since, wall};
use crate::report::{Report, Target};

/// Refreshes a second: far from what the server can do.
const REFRESHES: u32 = 100;
/// Sign-ins offered a second.
const SIGN_INS: u32 = 300;
const SECONDS: u32 = 6;
const ROUNDS: u32 = 4;
/// Each signs in again after 36 s at the earliest: a code works once.
const PEOPLE: usize = 5400;

/// The way in.
#[derive(Clone)]
enum Door {
    Inside(Arc<House>),
    Http(Arc<Server>, Guests),
}

impl Door {
    async fn refresh(&self, at: usize) -> Result<(), Failure> {
        match self {
            Self::Inside(house) => {
                let token = house.guests.token(at).ok_or("no family is left")?;
                let asked = Refresh { token, client_id: FIRST_PARTY.to_owned(), active: false, audience: None };
                exchange(&house.app, &house.realm, asked, Request::default()).await?;
                Ok(())
            }
            Self::Http(server, guests) => server.refresh(&guests.token(at).ok_or("no family is left")?).await,
        }
    }

    /// Whether it was let in; a refusal is what a flood is for.
    async fn sign_in(&self, at: usize) -> bool {
        match self {
            Self::Inside(house) => crate::sign_in::one(house, at).await.is_ok(),
            Self::Http(server, guests) => {
                matches!(server.sign_in(&guests.people[at % guests.people.len()]).await, Ok(answer) if answer.status == 200)
            }
        }
    }

    fn cpu(&self) -> f64 {
        match self {
            Self::Inside(_) => process_cpu(),
            Self::Http(server, _) => cpu_of(server.id()),
        }
    }
}

/// Begins one every so often, whether or not the others have ended, and returns their latencies in milliseconds.
async fn refreshes(door: &Door, first: usize) -> Result<Vec<f64>, Failure> {
    let mut tick = tokio::time::interval(Duration::from_secs(1) / REFRESHES);
    let mut tasks = Vec::new();
    for at in first..first + (REFRESHES * SECONDS) as usize {
        tick.tick().await;
        let (door, start) = (door.clone(), wall());
        tasks.push(tokio::spawn(async move { door.refresh(at).await.map(|()| since(start) * 1e3) }));
    }
    let mut latencies = Vec::new();
    for task in tasks {
        latencies.push(task.await??);
    }
    Ok(latencies)
}

async fn sign_ins(door: Door, first: usize) -> usize {
    let mut tick = tokio::time::interval(Duration::from_secs(1) / SIGN_INS);
    let mut tasks = Vec::new();
    for at in first..first + (SIGN_INS * SECONDS) as usize {
        tick.tick().await;
        let door = door.clone();
        tasks.push(tokio::spawn(async move { door.sign_in(at).await }));
    }
    let mut let_in = 0;
    for task in tasks {
        let_in += usize::from(task.await.unwrap_or(false));
    }
    let_in
}

async fn measure(report: &Report, name: &str, door: &Door) -> Result<(), Failure> {
    let (mut idle, mut flooded, mut ratios, mut cpu) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    let (mut next, mut asked, mut let_in) = (0, 0, 0);
    for _ in 0..ROUNDS {
        let spent = door.cpu();
        let mut calm = refreshes(door, next).await?;
        cpu.push((door.cpu() - spent) / f64::from(REFRESHES * SECONDS) * 1e3);
        next += calm.len();
        let flood = tokio::spawn(sign_ins(door.clone(), asked));
        let mut busy = refreshes(door, next).await?;
        next += busy.len();
        asked += (SIGN_INS * SECONDS) as usize;
        let_in += flood.await?;
        ratios.push(percentile(&mut busy, 0.99) / percentile(&mut calm, 0.99));
        idle.extend(calm);
        flooded.extend(busy);
    }
    let what = format!("refresh p99 with {SIGN_INS} sign-ins a second offered / with none");
    report.judged(name, &what, median(ratios), "ratio", Target::AtMost(2.0));
    for (when, latencies) in [("idle", &mut idle), ("flooded", &mut flooded)] {
        for (share, label) in [(0.5, "p50"), (0.99, "p99")] {
            report.beside(
                name,
                &format!("  {label} of a refresh, {when}, all rounds"),
                percentile(latencies, share),
                "ms",
            );
        }
    }
    report.beside(name, "  CPU of one refresh, idle (RS256-3072 included)", median(cpu), "ms");
    report.beside(name, "  sign-ins let in, of all offered", share(let_in, asked), "%");
    Ok(())
}

fn share(part: usize, whole: usize) -> f64 {
    f64::from(u32::try_from(part).unwrap_or(0)) / f64::from(u32::try_from(whole).unwrap_or(1)) * 100.0
}

fn plan() -> Plan {
    let sessions = (REFRESHES * SECONDS * ROUNDS * 2) as usize;
    Plan { people: PEOPLE, codes: true, sessions, ..Plan::default() }
}

/// The use cases alone.
pub(crate) async fn in_process(report: &Report) -> Result<(), Failure> {
    let folder = testkit::Folder::new();
    let house = House::build(folder.path(), "http://localhost:8080", plan()).await?;
    measure(report, "flood", &Door::Inside(Arc::new(house))).await
}

/// A server process of the release build, over HTTP.
pub(crate) async fn over_http(report: &Report) -> Result<(), Failure> {
    let folder = testkit::Folder::new();
    let port = free_port()?;
    let house = House::build(folder.path(), &format!("http://localhost:{port}"), plan()).await?;
    let guests = house.leave();
    let server = Server::start(folder.path(), port)?;
    server.first_response()?;
    measure(report, "flood-http", &Door::Http(Arc::new(server), guests)).await
}
