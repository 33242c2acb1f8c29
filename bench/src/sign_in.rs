//! Sign-ins at full load, beside the rate of the hash alone in the same pool.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use domain::allowed::Request;
use domain::password::Password;
use domain::user::Identifier;
use service::hashing::Against;
use service::sign_in::{Answer, Medium, SignIn, SignInError, Visit, start};

use crate::Failure;
use crate::house::{House, PASSWORD};
use crate::measure::{median, process_cpu, since, wall};
use crate::report::{Report, Target};

const AT_ONCE: usize = 8;
const OF_ONE_ROUND: usize = 16;
const ROUNDS: usize = 9;

/// One sign-in with the right password.
pub(crate) async fn one(house: &House, person: usize) -> Result<Answer, SignInError> {
    let people = &house.guests.people;
    let attempt = SignIn {
        identifier: Identifier::new(&people[person % people.len()]),
        password: Password::typed(PASSWORD).ok(),
        audience: Some("clinic".to_owned()),
        device_label: None,
        return_to: None,
        medium: Medium::Json,
        visit: Visit::default(),
    };
    let address = Some(std::net::IpAddr::from([127, 0, 0, 1]));
    let request = Request { id: "bench".to_owned(), address, user_agent: None };
    start(&house.app, &house.realm, attempt, request).await
}

async fn only_hash(house: &House) -> Result<(), Failure> {
    let right = house.app.hashing.verify(Password::typed(PASSWORD)?, Against::Stored(house.hash.clone())).await?;
    if right { Ok(()) } else { Err("the known password is wrong".into()) }
}

/// Wall and CPU seconds of one, when several are always wanted.
async fn round(house: &Arc<House>, sign_in: bool, next: &Arc<AtomicUsize>) -> Result<(f64, f64), Failure> {
    let end = next.load(Ordering::Relaxed) + OF_ONE_ROUND;
    let (start, spent) = (wall(), process_cpu());
    let mut tasks = Vec::new();
    for _ in 0..AT_ONCE {
        let (house, next) = (house.clone(), next.clone());
        tasks.push(tokio::spawn(async move {
            loop {
                let person = next.fetch_add(1, Ordering::Relaxed);
                if person >= end {
                    return Ok::<_, Failure>(());
                }
                if sign_in {
                    one(&house, person).await?;
                } else {
                    only_hash(&house).await?;
                }
            }
        }));
    }
    for task in tasks {
        task.await??;
    }
    #[expect(clippy::cast_precision_loss, reason = "a small number")]
    let count = OF_ONE_ROUND as f64;
    Ok((since(start) / count, (process_cpu() - spent) / count))
}

/// Always more sign-ins wanted than can be hashed.
pub(crate) async fn at_full_load(report: &Report) -> Result<(), Failure> {
    let folder = testkit::Folder::new();
    let house = Arc::new(House::build(folder.path(), "http://localhost:8080", 64, 0).await?);
    let next = Arc::new(AtomicUsize::new(0));
    round(&house, true, &next).await?;
    let (mut ours, mut hash, mut ours_cpu, mut hash_cpu, mut ratios) = (vec![], vec![], vec![], vec![], vec![]);
    for _ in 0..ROUNDS {
        let (wall, cpu) = round(&house, true, &next).await?;
        let (bound, bound_cpu) = round(&house, false, &next).await?;
        ours.push(1.0 / wall);
        hash.push(1.0 / bound);
        ours_cpu.push(cpu * 1e3);
        hash_cpu.push(bound_cpu * 1e3);
        ratios.push(bound / wall);
    }
    let name = "sign-in";
    report.judged(
        name,
        "sign-ins / hashes alone (Argon2id 64 MiB, 3 passes)",
        median(ratios),
        "ratio",
        Target::AtLeast(0.9),
    );
    report.beside(name, "  sign-ins", median(ours), "a second");
    report.beside(name, "  hashes alone, same pool", median(hash), "a second");
    report.beside(name, "  CPU of one sign-in", median(ours_cpu), "ms");
    report.beside(name, "  CPU of one hash", median(hash_cpu), "ms");
    Ok(())
}
