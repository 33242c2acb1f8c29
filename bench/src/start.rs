//! How long a start takes, how much memory an idle server holds, how big the program is.

use std::time::Duration;

use crate::Failure;
use crate::house::{House, Plan};
use crate::http::{Server, free_port, program};
use crate::measure::{cpu_of, median};
use crate::report::{Report, Target};

const STARTS: usize = 9;
const SIGN_INS: usize = 100;

/// From the start of the process to the first byte of its first answer; the keys are there already.
pub(crate) async fn second(report: &Report) -> Result<(), Failure> {
    let folder = testkit::Folder::new();
    let port = free_port()?;
    House::build(
        folder.path(),
        &format!("http://localhost:{port}"),
        Plan { people: 10, sessions: 10, ..Plan::default() },
    )
    .await?
    .leave();
    let (mut times, mut cpu) = (Vec::new(), Vec::new());
    for _ in 0..STARTS {
        let server = Server::start(folder.path(), port)?;
        times.push(server.first_response()? * 1e3);
        cpu.push(cpu_of(server.id()) * 1e3);
    }
    report.judged("start", "second start to first response", median(times), "ms", Target::AtMost(100.0));
    report.beside("start", "  CPU until then, in hundredths of a second", median(cpu), "ms");
    Ok(())
}

/// Memory after 100 sign-ins and a rest.
pub(crate) async fn memory(report: &Report, rest: u64) -> Result<(), Failure> {
    let folder = testkit::Folder::new();
    let port = free_port()?;
    let house = House::build(
        folder.path(),
        &format!("http://localhost:{port}"),
        Plan { people: SIGN_INS, sessions: 10, ..Plan::default() },
    )
    .await?;
    let guests = house.leave();
    let server = Server::start(folder.path(), port)?;
    server.first_response()?;
    let (begin, _) = server.memory()?;
    let mut let_in = 0;
    for person in guests.people.iter() {
        let_in += usize::from(server.sign_in(person).await?.status == 200);
    }
    let (busy, _) = server.memory()?;
    tokio::time::sleep(Duration::from_secs(rest)).await;
    let (idle, anonymous) = server.memory()?;
    let what = format!("resident {rest} s after {let_in} sign-ins");
    report.judged("memory", &what, idle, "MiB", Target::AtMost(25.0));
    report.beside("memory", "  of it no file stands behind", anonymous, "MiB");
    report.beside("memory", "  at the start", begin, "MiB");
    report.beside("memory", "  right after the sign-ins (one Argon2 arena: 64 MiB)", busy, "MiB");
    Ok(())
}

/// The program's file.
pub(crate) fn size(report: &Report) -> Result<(), Failure> {
    let bytes = std::fs::metadata(program()?)?.len();
    #[expect(clippy::cast_precision_loss, reason = "some millions")]
    report.judged("size", "the program bailiwick, stripped", bytes as f64 / 1e6, "MB", Target::AtMost(30.0));
    Ok(())
}
