//! How fast it is, and how close to the limit: each measurement runs beside what bounds it, in alternating short rounds, and prints the
//! ratio with its target. Nothing fails by time. `docs/performance.md` says how to read it.
//!
//! ```text
//! cargo run --release -p bench -- [name…] [--json] [--rest SECONDS] [--ten-million]
//! ```

mod measure; // clocks, and two things beside each other
mod report; // lines with their targets

mod blocklist; // is this one that everybody tries?
mod bound; // how long a revoked token is still taken somewhere
mod catch_up; // a guard that starts beside many revocations
mod crowd; // many sign-ins at once
mod directory; // roles and grants at size
mod end_to_end; // refreshing and introspecting over HTTP
mod equal_answers; // do answers tell who exists?
mod families; // refresh families, and moving them on
mod flood; // latency of a refresh while passwords are checked
mod house; // a realm with people and sessions
mod http; // a server process and requests to it
mod live; // refreshing among many live sessions, and while others expire
mod nodes; // one node, two nodes
mod pages; // what a page transfers
mod permission; // may this caller do that?
mod refresh; // one refresh after the other, durable
mod revocation; // what the guard pays for revocations
mod search; // finding people
mod sign_in; // passwords at full load
mod start; // start, memory, size
mod surface; // the router in process
mod token; // issuing and validating

use std::process::ExitCode;

use crate::report::Report;

/// Whatever went wrong, for the person at the terminal.
type Failure = Box<dyn std::error::Error + Send + Sync>;

/// Everything that can be measured, in this order.
const NAMES: &[&str] = &[
    "issue",
    "validate",
    "revocation",
    "permission",
    "access",
    "role-change",
    "realms",
    "search",
    "blocklist",
    "refresh-sqlite",
    "refresh-postgres",
    "refresh-http",
    "live-sessions",
    "expiry",
    "two-nodes",
    "bound",
    "catch-up",
    "introspection",
    "sign-in",
    "equal-answers",
    "flood",
    "flood-http",
    "start",
    "memory",
    "crowd",
    "pages",
    "size",
];

fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1);
    let (mut names, mut json, mut rest, mut sessions) = (Vec::new(), false, 120, live::MANY);
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            "--json" => json = true,
            "--rest" => rest = arguments.next().and_then(|text| text.parse().ok()).unwrap_or(rest),
            "--ten-million" => sessions = 10_000_000,
            name if NAMES.contains(&name) => names.push(name.to_owned()),
            other => {
                report::complain(&format!("there is no measurement {other}: {}", NAMES.join(", ")));
                return ExitCode::from(2);
            }
        }
    }
    let chosen = |name: &&&str| names.is_empty() || names.iter().any(|one| one == *name);
    let mut report = Report::new(json);
    let mut failed = false;
    for name in NAMES.iter().filter(chosen) {
        if let Err(error) = run(name, (rest, sessions), &mut report) {
            report::complain(&format!("{name}: {error}"));
            failed = true;
        }
    }
    if failed { ExitCode::FAILURE } else { ExitCode::SUCCESS }
}

fn run(name: &str, (rest, sessions): (u64, usize), report: &mut Report) -> Result<(), Failure> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    match name {
        "issue" => token::issue(report),
        "validate" => token::validate(report),
        "revocation" => revocation::guard(report),
        "permission" => permission::check(report),
        "access" => directory::access(report),
        "role-change" => runtime.block_on(directory::change_of_a_role(report)),
        "search" => runtime.block_on(search::people(report)),
        "realms" => runtime.block_on(directory::start_with_realms(report)),
        "blocklist" => blocklist::look_up(report),
        "refresh-sqlite" => runtime.block_on(refresh::sqlite(report)),
        "refresh-postgres" => runtime.block_on(refresh::postgres(report)),
        "refresh-http" => runtime.block_on(end_to_end::refreshes(report)),
        "live-sessions" => runtime.block_on(live::among_many(report, sessions)),
        "expiry" => runtime.block_on(live::while_others_expire(report)),
        "two-nodes" => runtime.block_on(nodes::one_and_two(report)),
        "bound" => runtime.block_on(bound::revocations(report)),
        "catch-up" => runtime.block_on(catch_up::from_nothing(report)),
        "introspection" => runtime.block_on(end_to_end::introspection(report)),
        "sign-in" => runtime.block_on(sign_in::at_full_load(report)),
        "equal-answers" => runtime.block_on(equal_answers::compare(report)),
        "flood" => runtime.block_on(flood::in_process(report)),
        "flood-http" => runtime.block_on(flood::over_http(report)),
        "start" => runtime.block_on(start::second(report)),
        "pages" => runtime.block_on(pages::transferred(report)),
        "crowd" => runtime.block_on(crowd::all_at_once(report)),
        "memory" => runtime.block_on(start::memory(report, rest)),
        _ => start::size(report),
    }
}
