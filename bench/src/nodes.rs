//! What a refresh costs on one node and on two, over one PostgreSQL: scaling out must not make each refresh dearer.

use std::sync::Arc;

use domain::refresh::RefreshToken;
use testkit::postgres::connect;

use crate::Failure;
use crate::end_to_end::{Home, all, lines, number};
use crate::house::{House, Plan};
use crate::http::{Line, Server, free_port};
use crate::measure::{cpu_of, percentile, since, wall};
use crate::report::Report;

const NAME: &str = "two-nodes";
const REFRESHES: usize = 4096;
const CONNECTIONS: usize = 64;

/// What one refresh cost, CPU milliseconds.
struct Cost {
    nodes: f64,
    postgres: f64,
}

/// One node, then two.
pub(crate) async fn one_and_two(report: &Report) -> Result<(), Failure> {
    let home = Home::postgres().await?;
    let named = free_port()?;
    let plan = Plan { people: 200, sessions: REFRESHES * 3, ..Plan::default() };
    let guests = House::build_on(home.location(), &format!("http://localhost:{named}"), plan).await?.leave();
    let tokens = |round: usize| -> Vec<RefreshToken> {
        (round * REFRESHES..(round + 1) * REFRESHES).filter_map(|at| guests.token(at)).collect()
    };
    let first = Server::start_on(&home.text(), named, named)?;
    first.first_response()?;
    // The first requests of a node read what stays in memory.
    all(&lines(&first, CONNECTIONS)?, &tokens(0)[..REFRESHES / 2]).await?;
    let one = measured(report, &home, &[&first], &tokens(1)).await?;
    let second = Server::start_on(&home.text(), named, free_port()?)?;
    second.first_response()?;
    all(&lines(&second, CONNECTIONS)?, &tokens(0)[REFRESHES / 2..]).await?;
    let two = measured(report, &home, &[&first, &second], &tokens(2)).await?;
    report.beside(NAME, "CPU of a refresh at two nodes / at one, the nodes alone", two.nodes / one.nodes, "ratio");
    let (all_one, all_two) = (one.nodes + one.postgres, two.nodes + two.postgres);
    report.beside(NAME, "CPU of a refresh at two nodes / at one, with PostgreSQL", all_two / all_one, "ratio");
    Ok(())
}

async fn measured(report: &Report, home: &Home, nodes: &[&Server], tokens: &[RefreshToken]) -> Result<Cost, Failure> {
    let mut all_lines: Vec<Arc<Line>> = Vec::new();
    for node in nodes {
        all_lines.extend(lines(node, CONNECTIONS / nodes.len())?);
    }
    // In turns: the first two connections go to different nodes.
    let half = all_lines.len() / nodes.len();
    let mixed: Vec<Arc<Line>> =
        (0..all_lines.len()).map(|at| all_lines[(at % nodes.len()) * half + at / nodes.len()].clone()).collect();
    let cpu = || nodes.iter().map(|node| cpu_of(node.id())).sum::<f64>();
    let (spent, worked, start) = (cpu(), backends(home).await?, wall());
    let mut times = all(&mixed, tokens).await?;
    let (took, count) = (since(start), number(tokens.len()));
    let nodes_cost = (cpu() - spent) / count * 1e3;
    let postgres = (backends(home).await? - worked) / count * 1e3;
    report.beside(
        NAME,
        &format!("refreshes, {} node(s), {CONNECTIONS} connections", nodes.len()),
        count / took,
        "a second",
    );
    report.beside(NAME, "  p99", percentile(&mut times, 0.99), "ms");
    report.beside(NAME, "  CPU of one: the nodes", nodes_cost, "ms");
    report.beside(NAME, "  CPU of one: PostgreSQL's backends", postgres, "ms");
    Ok(Cost { nodes: nodes_cost, postgres })
}

/// CPU seconds of PostgreSQL's processes for this database; connections of a pool stay.
async fn backends(home: &Home) -> Result<f64, Failure> {
    let sql = "SELECT pid FROM pg_stat_activity WHERE datname = 'bench'";
    let rows = connect(&home.text()).await.query(sql, &[]).await?;
    Ok(rows.iter().map(|row| cpu_of(u32::try_from(row.get::<_, i32>(0)).unwrap_or(0))).sum())
}
