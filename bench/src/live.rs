//! Refreshing among ten thousand and among a million live sessions, and while thousands of others expire; the use case without HTTP.
#![expect(clippy::disallowed_methods, reason = "the bench sets a policy as the command line would")]

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use domain::allowed::{Allowed, Request};
use domain::key::Algorithm;
use domain::policy::Policy;
use domain::policy::limits::LONGEST_SESSION;
use domain::refresh::RefreshToken;
use domain::time::{days, minutes};
use service::policy::SetPolicy;
use service::refresh::{Refresh, exchange};
use service::session::FIRST_PARTY;

use crate::Failure;
use crate::end_to_end::Home;
use crate::families::Family;
use crate::house::{House, Plan};
use crate::measure::{percentile, since, wall};
use crate::report::{Report, Target};

const FEW: usize = 10_000;
/// Live sessions, unless ten million are asked for.
pub(crate) const MANY: usize = 1_000_000;
const PEOPLE: usize = 1000;
/// Refreshes that are measured at each size, spread over all sessions.
const ASKED: usize = 4000;
const AT_ONCE: usize = 16;
/// Seeded and thinned out in such portions: the bench does not keep ten million secrets.
const PORTION: usize = 50_000;
const EXPIRING: usize = 20_000;
/// Refreshes a second while others expire.
const PACE: u32 = 200;

async fn one(house: &House, token: RefreshToken) -> Result<f64, Failure> {
    let start = wall();
    let asked = Refresh { token, client_id: FIRST_PARTY.to_owned(), active: false, audience: None };
    exchange(&house.app, &house.realm, asked, Request::default()).await?;
    Ok(since(start) * 1e3)
}

/// Latencies of refreshing these families, a few at once.
async fn refreshed(house: &Arc<House>, families: &[Family]) -> Result<Vec<f64>, Failure> {
    let tasks: Vec<_> = (0..AT_ONCE)
        .map(|number| {
            let house = house.clone();
            let own: Vec<RefreshToken> = families.iter().skip(number).step_by(AT_ONCE).map(Family::token).collect();
            tokio::spawn(async move {
                let mut times = Vec::with_capacity(own.len());
                for token in own {
                    times.push(one(&house, token).await?);
                }
                Ok::<_, Failure>(times)
            })
        })
        .collect();
    let mut times = Vec::new();
    for task in tasks {
        times.extend(task.await??);
    }
    Ok(times)
}

/// Adds sessions up to a number; returns some of the new ones, evenly spread.
async fn grown(house: &House, from: usize, to: usize) -> Result<Vec<Family>, Failure> {
    let every = ((to - from) / ASKED).max(1);
    let mut kept = Vec::with_capacity(ASKED);
    let mut at = from;
    while at < to {
        let portion = PORTION.min(to - at);
        kept.extend(house.sessions(portion, minutes(10)).await?.into_iter().step_by(every));
        at += portion;
    }
    Ok(kept)
}

/// Sessions may idle for longer than it takes to seed ten million: to touch those that are measured would put them into memory.
async fn patience(house: &House) -> Result<(), Failure> {
    for role in [None, Some("nurse"), Some("clinical-staff")] {
        let role = role.map(str::to_owned);
        let policy = Policy {
            idle_seconds: Some(LONGEST_SESSION),
            absolute_seconds: Some(LONGEST_SESSION),
            ..Policy::default()
        };
        let operator = Allowed::cli("bench", house.realm.key);
        service::policy::set_as_operator(&house.app, operator, SetPolicy { role, version: None, policy }).await?;
    }
    Ok(())
}

/// On both databases: p99 at many over p99 at few.
pub(crate) async fn among_many(report: &Report, many: usize) -> Result<(), Failure> {
    let name = "live-sessions";
    for home in [Home::sqlite(), Home::postgres().await?] {
        // A cheap signature: with a dear one nobody would see the database.
        let plan = Plan { people: PEOPLE, algorithm: Some(Algorithm::Es256), ..Plan::default() };
        let house = Arc::new(House::build_on(home.location(), "http://localhost:8080", plan).await?);
        patience(&house).await?;
        let mut few = refreshed(&house, &grown(&house, 0, FEW).await?).await?;
        let mut at_many = refreshed(&house, &grown(&house, FEW, many).await?).await?;
        let (small, large) = (percentile(&mut few, 0.99), percentile(&mut at_many, 0.99));
        let what = format!("refresh p99 at {many} live sessions / at {FEW}, {}", home.name());
        report.judged(name, &what, large / small, "ratio", Target::AtMost(1.5));
        for (sessions, times) in [(FEW, &mut few), (many, &mut at_many)] {
            report.beside(name, &format!("  p50 at {sessions}"), percentile(times, 0.5), "ms");
            report.beside(name, &format!("  p99 at {sessions}"), percentile(times, 0.99), "ms");
        }
    }
    Ok(())
}

/// On both databases: how long anybody waits while sessions that reached their end are put away.
pub(crate) async fn while_others_expire(report: &Report) -> Result<(), Failure> {
    let name = "expiry";
    for home in [Home::sqlite(), Home::postgres().await?] {
        let plan = Plan { people: PEOPLE, sessions: ASKED, ..Plan::default() };
        let house = Arc::new(House::build_on(home.location(), "http://localhost:8080", plan).await?);
        // Sessions of the bench live for 300 days.
        house.sessions(EXPIRING, days(301)).await?;
        let over = Arc::new(AtomicBool::new(false));
        let asking = tokio::spawn(paced(house.clone(), over.clone()));
        let (mut chunks, start) = (Vec::new(), wall());
        loop {
            let begun = wall();
            let more = service::upkeep::expire(&house.app, house.realm.key).await?;
            chunks.push(since(begun) * 1e3);
            if !more {
                break;
            }
        }
        let took = since(start);
        over.store(true, Ordering::Relaxed);
        let mut waited = asking.await??;
        let what = format!("longest wait of a refresh while {EXPIRING} sessions expire, {}", home.name());
        report.judged(name, &what, percentile(&mut waited, 1.0), "ms", Target::AtMost(50.0));
        report.beside(name, "  p50 of a refresh", percentile(&mut waited, 0.5), "ms");
        report.beside(name, "  p99 of a refresh", percentile(&mut waited, 0.99), "ms");
        report.beside(name, "  longest chunk", percentile(&mut chunks, 1.0), "ms");
        report.beside(name, "  median chunk", percentile(&mut chunks, 0.5), "ms");
        report.beside(name, "  all of it", took, "s");
    }
    Ok(())
}

/// Begins a refresh every so often until it is over, whether or not those before have ended; their latencies.
async fn paced(house: Arc<House>, over: Arc<AtomicBool>) -> Result<Vec<f64>, Failure> {
    let mut tick = tokio::time::interval(Duration::from_secs(1) / PACE);
    let mut tasks = Vec::new();
    for at in 0..ASKED {
        tick.tick().await;
        if over.load(Ordering::Relaxed) {
            break;
        }
        let Some(token) = house.guests.token(at) else { break };
        let house = house.clone();
        tasks.push(tokio::spawn(async move { one(&house, token).await }));
    }
    let mut times = Vec::with_capacity(tasks.len());
    for task in tasks {
        times.push(task.await??);
    }
    Ok(times)
}
