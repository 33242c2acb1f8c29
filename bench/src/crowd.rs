//! Many sign-ins at once: memory stays bounded, health is answered, and whoever finds no place hears when to come again (PW-15).

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use crate::Failure;
use crate::house::{House, Plan};
use crate::http::{Server, free_port};
use crate::measure::percentile;
use crate::report::{Report, Target};

const NAME: &str = "crowd";
const AT_ONCE: usize = 500;
/// Of one hash, MiB.
const ARENA: f64 = 64.0;
/// What 500 connections with their buffers and tasks may hold, MiB.
const CONNECTIONS: f64 = 32.0;

/// What was seen while the crowd was there.
#[derive(Default)]
struct Watched {
    peak: f64,
    health: Vec<f64>,
    unanswered: u32,
}

/// 500 sign-ins at the same moment.
pub(crate) async fn all_at_once(report: &Report) -> Result<(), Failure> {
    let folder = testkit::Folder::new();
    let port = free_port()?;
    let plan = Plan { people: AT_ONCE + 1, codes: true, ..Plan::default() };
    let house = House::build(folder.path(), &format!("http://localhost:{port}"), plan).await?;
    let guests = house.leave();
    let server = Arc::new(Server::start(folder.path(), port)?);
    server.first_response()?;
    // The first request of each kind reads what stays in memory.
    server.health().await?;
    let (base, _) = server.memory()?;
    let over = Arc::new(AtomicBool::new(false));
    let watcher = tokio::spawn(watch(server.clone(), over.clone()));
    let tasks: Vec<_> = guests.people[..AT_ONCE]
        .iter()
        .map(|person| {
            let (server, person) = (server.clone(), person.clone());
            tokio::spawn(async move { server.sign_in(&person).await })
        })
        .collect();
    let (mut let_in, mut refused, mut told, mut others) = (0, 0, 0, 0);
    for task in tasks {
        match task.await? {
            Ok(answer) if answer.status == 200 => let_in += 1,
            Ok(answer) if answer.status == 503 => {
                refused += 1;
                told += u32::from(answer.retry_after.is_some_and(|seconds| seconds > 0));
            }
            Ok(_) | Err(_) => others += 1,
        }
    }
    over.store(true, Ordering::Relaxed);
    let mut watched = watcher.await?;
    let again = server.sign_in(&guests.people[AT_ONCE]).await?.status;
    let threads = f64::from(u32::try_from(service::hashing::threads()).unwrap_or(1));
    let bound = threads.mul_add(ARENA, base) + CONNECTIONS;
    let what = format!("peak resident memory, {AT_ONCE} sign-ins at once, {threads} thread(s) of 64 MiB");
    report.judged(NAME, &what, watched.peak, "MiB", Target::AtMost(bound));
    report.beside(NAME, "  before", base, "MiB");
    report.judged(NAME, "neither let in nor refused with 503", f64::from(others), "", Target::AtMost(0.0));
    report.beside(NAME, "  let in", f64::from(let_in), "");
    report.judged(NAME, "  refused without Retry-After", f64::from(refused - told), "", Target::AtMost(0.0));
    report.beside(NAME, "  refused with 503", f64::from(refused), "");
    report.judged(NAME, "health not answered meanwhile", f64::from(watched.unanswered), "", Target::AtMost(0.0));
    report.beside(NAME, "  answered, times", f64::from(u32::try_from(watched.health.len()).unwrap_or(0)), "");
    report.beside(NAME, "  p50 of an answer", percentile(&mut watched.health, 0.5), "ms");
    report.beside(NAME, "  the slowest", percentile(&mut watched.health, 1.0), "ms");
    report.judged(NAME, "a sign-in afterwards", f64::from(again), "status", Target::AtMost(200.0));
    Ok(())
}

/// Looks at memory and health until the crowd is gone.
async fn watch(server: Arc<Server>, over: Arc<AtomicBool>) -> Watched {
    let mut seen = Watched::default();
    while !over.load(Ordering::Relaxed) {
        match tokio::time::timeout(Duration::from_secs(2), server.health()).await {
            Ok(Ok(took)) => seen.health.push(took),
            _ => seen.unanswered += 1,
        }
        if let Ok((resident, _)) = server.memory() {
            seen.peak = seen.peak.max(resident);
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    seen
}
