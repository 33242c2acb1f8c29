//! Refreshing and introspecting over HTTP: server processes of the release build, many connections, both databases.
#![expect(clippy::disallowed_methods, reason = "the bench makes a secret as the command line would")]

use std::sync::Arc;

use domain::allowed::Allowed;
use domain::key::Algorithm;
use domain::refresh::RefreshToken;
use store::Location;
use testkit::Folder;
use testkit::postgres::{Cluster, connect};

use crate::Failure;
use crate::house::{House, Plan};
use crate::http::{Line, Server, free_port};
use crate::measure::{cpu_of, median, percentile, since, wall};
use crate::report::Report;

const CONNECTIONS: [usize; 3] = [16, 64, 256];
/// For each number of connections. Each of them advances a family that waited for it.
const REFRESHES: usize = 4096;
const PEOPLE: usize = 200;
const ASKED: usize = 2000;
const ROUNDS: usize = 5;

/// An empty database, and what holds it.
pub(crate) enum Home {
    Sqlite(Folder),
    Postgres(Cluster),
}

impl Home {
    pub(crate) fn sqlite() -> Self {
        Self::Sqlite(Folder::new())
    }

    /// A durable cluster of its own.
    pub(crate) async fn postgres() -> Result<Self, Failure> {
        let cluster = Cluster::durable();
        connect(&cluster.admin_url()).await.batch_execute("CREATE DATABASE bench").await?;
        Ok(Self::Postgres(cluster))
    }

    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::Sqlite(_) => "SQLite",
            Self::Postgres(_) => "PostgreSQL",
        }
    }

    /// As the configuration says it.
    pub(crate) fn text(&self) -> String {
        match self {
            Self::Sqlite(folder) => folder.path().display().to_string(),
            Self::Postgres(cluster) => cluster.url("bench"),
        }
    }

    pub(crate) fn location(&self) -> Location {
        match self {
            Self::Sqlite(folder) => Location::Folder(folder.path().to_owned()),
            Self::Postgres(cluster) => Location::Postgres(cluster.url("bench")),
        }
    }
}

/// Each connection refreshes its share, one after the other; how many milliseconds each took.
pub(crate) async fn all(lines: &[Arc<Line>], tokens: &[RefreshToken]) -> Result<Vec<f64>, Failure> {
    let tasks: Vec<_> = lines
        .iter()
        .enumerate()
        .map(|(number, line)| {
            let own: Vec<RefreshToken> = tokens.iter().skip(number).step_by(lines.len()).cloned().collect();
            let line = line.clone();
            tokio::spawn(async move {
                let mut times = Vec::with_capacity(own.len());
                for token in &own {
                    let start = wall();
                    line.refresh(token).await?;
                    times.push(since(start) * 1e3);
                }
                Ok::<_, Failure>(times)
            })
        })
        .collect();
    let mut times = Vec::with_capacity(tokens.len());
    for task in tasks {
        times.extend(task.await??);
    }
    Ok(times)
}

pub(crate) fn lines(server: &Server, count: usize) -> Result<Vec<Arc<Line>>, Failure> {
    (0..count).map(|_| Ok(Arc::new(server.line()?))).collect()
}

/// On both databases, with both kinds of key.
pub(crate) async fn refreshes(report: &Report) -> Result<(), Failure> {
    for (key, algorithm) in [("RS256-3072", Algorithm::Rs256), ("ES256", Algorithm::Es256)] {
        for home in [Home::sqlite(), Home::postgres().await?] {
            one(report, key, algorithm, &home).await?;
        }
    }
    Ok(())
}

async fn one(report: &Report, key: &str, algorithm: Algorithm, home: &Home) -> Result<(), Failure> {
    let port = free_port()?;
    let sessions = REFRESHES * CONNECTIONS.len();
    let plan = Plan { people: PEOPLE, sessions, algorithm: Some(algorithm), ..Plan::default() };
    let guests = House::build_on(home.location(), &format!("http://localhost:{port}"), plan).await?.leave();
    let server = Server::start_on(&home.text(), port, port)?;
    server.first_response()?;
    for (round, connections) in CONNECTIONS.into_iter().enumerate() {
        let first = round * REFRESHES;
        let tokens: Vec<RefreshToken> = (first..first + REFRESHES).filter_map(|at| guests.token(at)).collect();
        let lines = lines(&server, connections)?;
        let (start, spent) = (wall(), cpu_of(server.id()));
        let mut times = all(&lines, &tokens).await?;
        let (took, cpu) = (since(start), cpu_of(server.id()) - spent);
        let count = number(tokens.len());
        let what = |label: &str| format!("  {label}, {connections} connections");
        let title = format!("refresh over HTTP, {}, {key}, {connections} connections", home.name());
        report.beside("refresh-http", &title, count / took, "a second");
        report.beside("refresh-http", &what("p50"), percentile(&mut times, 0.5), "ms");
        report.beside("refresh-http", &what("p99"), percentile(&mut times, 0.99), "ms");
        report.beside("refresh-http", &what("CPU of one, the server"), cpu / count * 1e3, "ms");
    }
    Ok(())
}

/// Asking about a token, beside a request that reads nothing, in alternating rounds.
pub(crate) async fn introspection(report: &Report) -> Result<(), Failure> {
    for home in [Home::sqlite(), Home::postgres().await?] {
        let port = free_port()?;
        let plan = Plan { people: PEOPLE, sessions: 1, ..Plan::default() };
        let house = House::build_on(home.location(), &format!("http://localhost:{port}"), plan).await?;
        let (operator, api) = (Allowed::cli("bench", house.realm.key), "clinic".to_owned());
        let secret = service::api::new_secret_as_operator(&house.app, operator, api).await?.secret.expose();
        let guests = house.leave();
        let server = Server::start_on(&home.text(), port, port)?;
        server.first_response()?;
        let lines = lines(&server, CONNECTIONS[0])?;
        let token = lines[0].refresh(&guests.token(0).ok_or("no family")?).await?;
        let (mut asked, mut bare, mut share, mut cpu) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        for _ in 0..ROUNDS {
            let spent = cpu_of(server.id());
            let ours = rate(&lines, Some((&secret, &token))).await?;
            cpu.push((cpu_of(server.id()) - spent) / number(ASKED) * 1e6);
            let limit = rate(&lines, None).await?;
            asked.push(ours);
            bare.push(limit);
            share.push(ours / limit);
        }
        let name = home.name();
        let what = format!("introspection / bare request (published keys), {name}");
        report.beside("introspection", &what, median(share), "ratio");
        report.beside("introspection", &format!("  introspections, {name}"), median(asked), "a second");
        report.beside("introspection", "  CPU of one, the server", median(cpu), "us");
        report.beside("introspection", "  bare requests", median(bare), "a second");
    }
    Ok(())
}

/// Requests a second over all connections: introspections with a secret and a token, bare ones without.
async fn rate(lines: &[Arc<Line>], about: Option<(&str, &str)>) -> Result<f64, Failure> {
    let about = about.map(|(secret, token)| (secret.to_owned(), token.to_owned()));
    let start = wall();
    let tasks: Vec<_> = lines
        .iter()
        .map(|line| {
            let (line, about, count) = (line.clone(), about.clone(), ASKED / lines.len());
            tokio::spawn(async move {
                for _ in 0..count {
                    match &about {
                        Some((secret, token)) => line.introspect(("clinic", secret), token).await?,
                        None => line.bare().await?,
                    }
                }
                Ok::<_, Failure>(())
            })
        })
        .collect();
    for task in tasks {
        task.await??;
    }
    Ok(number(ASKED) / since(start))
}

/// A count as a figure.
pub(crate) fn number(count: usize) -> f64 {
    f64::from(u32::try_from(count).unwrap_or(u32::MAX))
}
