//! One refresh after the other, durable, storage alone: `store.write(… refresh::advance …)` at 32 at once, beside what the bare driver does.

use std::path::Path;
use std::time::Instant;

use domain::allowed::Allowed;
use domain::id::FamilyId;
use domain::session::GRACE_SECONDS;
use domain::time::{Timestamp, seconds};
use store::{Outcome, Store, StoreError, Upkeep};
use testkit::Db;
use testkit::postgres::Cluster;

use crate::Failure;
use crate::families::{self, Family, Walker};
use crate::measure::{cpu_of, median, process_cpu, since, wall};
use crate::report::{Report, Target};

const FAMILIES: usize = 10_000;
const AT_ONCE: usize = 32;
const ROUNDS: usize = 7;
const ROUND_SECONDS: f64 = 2.0;

const UPDATE: &str = "UPDATE refresh_family SET generation = generation + 1, rotated_at = $1
      WHERE realm_id = $2 AND id = $3 AND generation = $4 AND rotated_at <= $5 AND idle_at > $1 AND absolute_at > $1 AND ended_at IS NULL";

async fn seeded(db: &Db) -> Result<Vec<Family>, Failure> {
    let people = families::people(&db.store, &db.allowed(), db.now(), 200).await?;
    let sealing = std::sync::Arc::new(|_: FamilyId, _: &domain::secret::Secret| Ok(vec![7; 61]));
    Ok(families::seed(&db.store, &db.allowed(), db.now(), &people, FAMILIES, sealing).await?)
}

/// All walkers go on until the time is over; returns how many refreshes a second were acknowledged.
async fn walk(store: &Store, allowed: &Allowed, walkers: &mut Vec<Walker>) -> Result<f64, Failure> {
    let start = wall();
    let tasks: Vec<_> =
        walkers.drain(..).map(|walker| tokio::spawn(walk_one(store.clone(), allowed.clone(), walker, start))).collect();
    let mut done = 0;
    for task in tasks {
        let (walker, count) = task.await??;
        walkers.push(walker);
        done += count;
    }
    Ok(f64::from(done) / since(start))
}

async fn walk_one(
    store: Store,
    allowed: Allowed,
    mut walker: Walker,
    start: Instant,
) -> Result<(Walker, u32), StoreError> {
    let mut count = 0;
    while since(start) < ROUND_SECONDS {
        let (family, generation, now) = walker.step();
        let moved = store
            .write(allowed.clone(), now, (family, generation), |tx, (family, generation)| {
                Box::pin(async move {
                    let moved = store::refresh::advance(tx, *family, *generation).await?;
                    Ok::<_, StoreError>(Outcome::upkeep(moved, Upkeep::SessionRenewal))
                })
            })
            .await?;
        if !moved {
            return Err(StoreError::Busy); // the bench itself is wrong then
        }
        count += 1;
    }
    Ok((walker, count))
}

/// The embedded database, beside one connection that does nothing but this update in batches.
pub(crate) async fn sqlite(report: &Report) -> Result<(), Failure> {
    let (db, bare) = (Db::sqlite().await, Db::sqlite().await);
    let (families, bare_families) = (seeded(&db).await?, seeded(&bare).await?);
    let mut walkers = Walker::share(&families, AT_ONCE, db.now());
    let mut alone = Walker::share(&bare_families, 1, bare.now()).pop().ok_or("no walker")?;
    let connection = bare_connection(bare.folder().ok_or("no folder")?)?;
    let (mut ours, mut cpu, mut small, mut large, mut ratios) = (vec![], vec![], vec![], vec![], vec![]);
    let before = db.store.load();
    for _ in 0..ROUNDS {
        let spent = process_cpu();
        let rate = walk(&db.store, &db.allowed(), &mut walkers).await?;
        cpu.push((process_cpu() - spent) / (rate * ROUND_SECONDS) * 1e6);
        let at_32 = bare_batches(&connection, &mut alone, AT_ONCE)?;
        large.push(bare_batches(&connection, &mut alone, 256)?);
        ours.push(rate);
        small.push(at_32);
        ratios.push(rate / at_32);
    }
    let after = db.store.load();
    let batch = (after.jobs - before.jobs) / (after.batches - before.batches).max(1);
    let name = "refresh-sqlite";
    report.judged(name, "SQLite, durable, 32 at once", median(ours), "a second", Target::AtLeast(24_000.0));
    report.beside(name, "  CPU of one (server and bench together)", median(cpu), "us");
    report.beside(name, "  jobs of one commit", f64::from(u32::try_from(batch).unwrap_or(0)), "jobs");
    report.beside(name, "  limit: bare rusqlite, 32 updates a commit", median(small), "a second");
    report.beside(name, "  limit: bare rusqlite, 256 updates a commit", median(large), "a second");
    report.beside(name, "  ours / bare rusqlite with 32 a commit", median(ratios), "ratio");
    Ok(())
}

fn bare_connection(folder: &Path) -> Result<rusqlite::Connection, Failure> {
    let connection = rusqlite::Connection::open(folder.join("bailiwick.db"))?;
    connection.execute_batch("PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA foreign_keys=ON;")?;
    Ok(connection)
}

fn bare_batches(connection: &rusqlite::Connection, walker: &mut Walker, batch: usize) -> Result<f64, Failure> {
    let mut update = connection.prepare_cached(&UPDATE.replace('$', "?"))?;
    let (start, mut count) = (wall(), 0);
    while since(start) < ROUND_SECONDS {
        connection.execute_batch("BEGIN IMMEDIATE")?;
        for _ in 0..batch {
            let (family, generation, now) = walker.step();
            let window = now.minus(seconds(GRACE_SECONDS)).micros();
            let moved = update.execute((now.micros(), 1, family.uuid().as_bytes(), generation, window))?;
            count += u32::from(moved == 1);
        }
        connection.execute_batch("COMMIT")?;
    }
    Ok(f64::from(count) / since(start))
}

/// PostgreSQL, beside 32 connections that do nothing but this update, each in a transaction of its own.
pub(crate) async fn postgres(report: &Report) -> Result<(), Failure> {
    let cluster = Cluster::durable();
    let (db, bare) = (Db::on_cluster(&cluster).await, Db::on_cluster(&cluster).await);
    let (families, bare_families) = (seeded(&db).await?, seeded(&bare).await?);
    let wide = db.reopened_with(|options| options.connections = AT_ONCE).await?;
    let mut walkers = Walker::share(&families, AT_ONCE, db.now());
    let mut clients = Vec::new();
    for walker in Walker::share(&bare_families, AT_ONCE, bare.now()) {
        clients.push((bare.raw().await, walker));
    }
    let (mut ours, mut cpu, mut server, mut limit, mut ratios) = (vec![], vec![], vec![], vec![], vec![]);
    for _ in 0..ROUNDS {
        let (spent, worked) = (process_cpu(), server_cpu(&db).await?);
        let rate = walk(&wide.store, &db.allowed(), &mut walkers).await?;
        cpu.push((process_cpu() - spent) / (rate * ROUND_SECONDS) * 1e6);
        server.push((server_cpu(&db).await? - worked) / (rate * ROUND_SECONDS) * 1e6);
        let bound = bare_updates(&mut clients).await?;
        ours.push(rate);
        limit.push(bound);
        ratios.push(rate / bound);
    }
    let name = "refresh-postgres";
    report.judged(name, "PostgreSQL, durable, 32 connections", median(ours), "a second", Target::AtLeast(10_000.0));
    report.beside(name, "  CPU of one: ours and the bench", median(cpu), "us");
    report.beside(name, "  CPU of one: PostgreSQL's backends", median(server), "us");
    report.beside(name, "  limit: bare tokio-postgres, one prepared UPDATE", median(limit), "a second");
    report.beside(name, "  ours / bare tokio-postgres", median(ratios), "ratio");
    Ok(())
}

async fn server_cpu(db: &Db) -> Result<f64, Failure> {
    let sql = "SELECT pid FROM pg_stat_activity WHERE datname = current_database()";
    let rows = db.raw().await.query(sql, &[]).await?;
    Ok(rows.iter().map(|row| cpu_of(u32::try_from(row.get::<_, i32>(0)).unwrap_or(0))).sum())
}

async fn bare_updates(clients: &mut Vec<(tokio_postgres::Client, Walker)>) -> Result<f64, Failure> {
    let start = wall();
    let tasks: Vec<_> = clients
        .drain(..)
        .map(|(client, mut walker)| {
            tokio::spawn(async move {
                let update = client.prepare(UPDATE).await?;
                let mut count = 0;
                while since(start) < ROUND_SECONDS {
                    let (family, generation, now) = walker.step();
                    let window: Timestamp = now.minus(seconds(GRACE_SECONDS));
                    let values = (now.micros(), 1i64, family.uuid(), generation, window.micros());
                    let moved =
                        client.execute(&update, &[&values.0, &values.1, &values.2, &values.3, &values.4]).await?;
                    count += u32::from(moved == 1);
                }
                Ok::<_, tokio_postgres::Error>((client, walker, count))
            })
        })
        .collect();
    let mut done = 0;
    for task in tasks {
        let (client, walker, count) = task.await??;
        clients.push((client, walker));
        done += count;
    }
    Ok(f64::from(done) / since(start))
}
