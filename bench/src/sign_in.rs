//! Sign-ins at full load, with a password alone and with a second factor after it, beside the rate of the hash alone in the same pool.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use domain::allowed::Request;
use domain::password::Password;
use domain::user::Identifier;
use service::hashing::Against;
use service::sign_in::{Answer, Code, Medium, SignIn, SignInError, Visit, second_factor, start};

use crate::Failure;
use crate::house::{self, House, PASSWORD, Plan};
use crate::measure::{median, process_cpu, since, wall};
use crate::report::{Report, Target};

const AT_ONCE: usize = 8;
const OF_ONE_ROUND: usize = 16;
const ROUNDS: usize = 9;
const PEOPLE: usize = 64;

fn request() -> Request {
    let address = Some(std::net::IpAddr::from([127, 0, 0, 1]));
    Request { id: "bench".to_owned(), address, user_agent: None }
}

/// The password of one sign-in, which is right.
async fn password(house: &House, person: &str) -> Result<Answer, SignInError> {
    let attempt = SignIn {
        identifier: Identifier::new(person),
        password: Password::typed(PASSWORD).ok(),
        audience: Some("clinic".to_owned()),
        device_label: None,
        return_to: None,
        medium: Medium::Json,
        visit: Visit::default(),
    };
    start(&house.app, &house.realm, attempt, request()).await
}

/// One sign-in to its end: the password, and the second factor where there is one.
pub(crate) async fn one(house: &House, person: usize) -> Result<(), Failure> {
    let people = &house.guests.people;
    let person = &people[person % people.len()];
    let held = match password(house, person).await? {
        Answer::SignedIn(_) => return Ok(()),
        Answer::Owed(owed) => owed.held,
    };
    let code = Code::Totp(Some(house::code(person, house.app.now())));
    match second_factor(&house.app, &house.realm, held, code, Visit::default(), request()).await? {
        Answer::SignedIn(_) => Ok(()),
        Answer::Owed(owed) => Err(format!("{} is owed", owed.step.name).into()),
    }
}

async fn only_hash(house: &House) -> Result<(), Failure> {
    let right = house.app.hashing.verify(Password::typed(PASSWORD)?, Against::Stored(house.hash.clone())).await?;
    if right { Ok(()) } else { Err("the known password is wrong".into()) }
}

/// What is wanted.
#[derive(Clone)]
enum Wanted {
    SignIn(Arc<House>),
    Hash(Arc<House>),
}

/// Wall and CPU seconds of one, when several are always wanted.
async fn round(wanted: &Wanted, next: &Arc<AtomicUsize>) -> Result<(f64, f64), Failure> {
    let end = next.load(Ordering::Relaxed) + OF_ONE_ROUND;
    let (start, spent) = (wall(), process_cpu());
    let mut tasks = Vec::new();
    for _ in 0..AT_ONCE {
        let (wanted, next) = (wanted.clone(), next.clone());
        tasks.push(tokio::spawn(async move {
            loop {
                let person = next.fetch_add(1, Ordering::Relaxed);
                if person >= end {
                    return Ok::<_, Failure>(());
                }
                match &wanted {
                    Wanted::SignIn(house) => one(house, person).await?,
                    Wanted::Hash(house) => only_hash(house).await?,
                }
            }
        }));
    }
    for task in tasks {
        task.await??;
    }
    next.store(end, Ordering::Relaxed);
    #[expect(clippy::cast_precision_loss, reason = "a small number")]
    let count = OF_ONE_ROUND as f64;
    Ok((since(start) / count, (process_cpu() - spent) / count))
}

/// Rates and CPU times of one kind of work.
#[derive(Default)]
struct Seen {
    rates: Vec<f64>,
    cpu: Vec<f64>,
    wall_ratios: Vec<f64>,
    cpu_ratios: Vec<f64>,
}

impl Seen {
    fn add(&mut self, (wall, cpu): (f64, f64), (bound, bound_cpu): (f64, f64)) {
        self.rates.push(1.0 / wall);
        self.cpu.push(cpu * 1e3);
        self.wall_ratios.push(bound / wall);
        self.cpu_ratios.push(bound_cpu / cpu);
    }
}

/// Always more sign-ins wanted than can be hashed.
pub(crate) async fn at_full_load(report: &Report) -> Result<(), Failure> {
    let (plain, factor) = (testkit::Folder::new(), testkit::Folder::new());
    let plan = Plan { people: PEOPLE, ..Plan::default() };
    let plain = Arc::new(House::build(plain.path(), "http://localhost:8080", plan).await?);
    // More people than sign-ins: a code works once.
    let plan = Plan { people: (ROUNDS + 1) * OF_ONE_ROUND, codes: true, ..plan };
    let factor = Arc::new(House::build(factor.path(), "http://localhost:8080", plan).await?);
    let next = Arc::new(AtomicUsize::new(0));
    let hash = Wanted::Hash(plain.clone());
    let wanted = [Wanted::SignIn(plain), Wanted::SignIn(factor)];
    for one in &wanted {
        next.store(0, Ordering::Relaxed);
        round(one, &next).await?;
    }
    let (mut seen, mut hash_rates, mut hash_cpu) = ([Seen::default(), Seen::default()], vec![], vec![]);
    for at in 1..=ROUNDS {
        let bound = round(&hash, &next).await?;
        for (one, seen) in wanted.iter().zip(&mut seen) {
            next.store(at * OF_ONE_ROUND, Ordering::Relaxed);
            seen.add(round(one, &next).await?, bound);
        }
        hash_rates.push(1.0 / bound.0);
        hash_cpu.push(bound.1 * 1e3);
    }
    let name = "sign-in";
    for (what, seen) in ["with a password", "with a password and a code (TOTP)"].into_iter().zip(seen) {
        let ratio = format!("{what} / hashes alone (Argon2id 64 MiB, 3 passes)");
        report.judged(name, &ratio, median(seen.wall_ratios), "ratio", Target::AtLeast(0.9));
        report.judged(name, "  the same as CPU time", median(seen.cpu_ratios), "ratio", Target::AtLeast(0.9));
        report.beside(name, &format!("  sign-ins {what}"), median(seen.rates), "a second");
        report.beside(name, &format!("  CPU of one {what}"), median(seen.cpu), "ms");
    }
    report.beside(name, "  hashes alone, same pool", median(hash_rates), "a second");
    report.beside(name, "  CPU of one hash", median(hash_cpu), "ms");
    Ok(())
}
