//! Sign-ins whose answers may not tell who exists (requirements.md, 2.3): every class in turns through the whole router, compared in the time
//! they take and byte for byte.
//!
//! Half of the realm's people have bcrypt hashes of another system. Each request has an identifier and an address that no other has.

use std::collections::{BTreeMap, BTreeSet};

use axum::http::Method;
use domain::password::{Kind, Stored};
use domain::user::Status;
use serde_json::json;
use service::hashing::Cost;

use crate::Failure;
use crate::house::{House, PASSWORD, Person, Plan};
use crate::measure::{median, process_cpu, since, wall};
use crate::report::{Report, Target};
use crate::surface::{Answer, Surface};

const NAME: &str = "equal-answers";
const BASE: &str = "https://id.example.org";
/// Requests of a class, after the warm-up.
const REQUESTS: usize = 300;
const WARM_UP: usize = 20;
/// Cheap, so that it takes minutes and not an hour, and far above the rest of the work.
const COST: Cost = Cost { memory_kib: 19_456, passes: 3 };
const BCRYPT: u32 = 10;
const WRONG: &str = "wrong-horse-battery-42";
/// Identifiers inside a wait.
const WAITING: usize = 10;
/// Failures that lead into a wait.
const FAILURES: usize = 5;

/// Who tries to sign in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Class {
    WrongArgon2id,
    WrongBcrypt,
    DisabledArgon2id,
    DisabledBcrypt,
    Invited,
    Unknown,
    /// A second time: there are as many unknown as there are known ones.
    UnknownToo,
}

impl Class {
    const ALL: [Self; 7] = [
        Self::WrongArgon2id,
        Self::WrongBcrypt,
        Self::DisabledArgon2id,
        Self::DisabledBcrypt,
        Self::Invited,
        Self::Unknown,
        Self::UnknownToo,
    ];

    /// The names of a class are as long as those of the others.
    fn username(self, number: usize) -> String {
        let name = match self {
            Self::WrongArgon2id => "aster",
            Self::WrongBcrypt => "briar",
            Self::DisabledArgon2id => "cedar",
            Self::DisabledBcrypt => "daisy",
            Self::Invited => "elder",
            Self::Unknown => "ficus",
            Self::UnknownToo => "grass",
        };
        format!("{name}-{number:05}")
    }

    /// The right password is sent where it must not help.
    const fn password(self) -> &'static str {
        match self {
            Self::DisabledArgon2id | Self::DisabledBcrypt => PASSWORD,
            _ => WRONG,
        }
    }

    fn person(self, number: usize, argon2id: &str, bcrypt: &str) -> Option<Person> {
        let (hash, status) = match self {
            Self::WrongArgon2id => (Some(argon2id), Status::Active),
            Self::WrongBcrypt => (Some(bcrypt), Status::Active),
            Self::DisabledArgon2id => (Some(argon2id), Status::Disabled),
            Self::DisabledBcrypt => (Some(bcrypt), Status::Disabled),
            Self::Invited => (None, Status::Invited),
            Self::Unknown | Self::UnknownToo => return None,
        };
        let (username, hash) = (self.username(number), hash.map(ToOwned::to_owned));
        Some(Person { username, hash, status, codes: false })
    }
}

/// What one request took, in milliseconds.
#[derive(Clone, Copy, Debug)]
struct Took {
    wall: f64,
    /// Of the whole process, which does nothing else.
    cpu: f64,
}

/// A plain `$2b$` hash, as another system made it.
fn bcrypt() -> Result<String, Failure> {
    let salt = *b"sixteen bytes of";
    let key = [PASSWORD.as_bytes(), b"\0"].concat();
    let hash = bcrypt::bcrypt(BCRYPT, salt, &key);
    let stored =
        Stored { kind: Kind::Bcrypt { cost: BCRYPT }, key: None, salt: salt.to_vec(), hash: hash[..23].to_vec() };
    let text = stored.to_string();
    if text.starts_with("$2b$") { Ok(text) } else { Err("that is not how others write it".into()) }
}

struct Bench {
    surface: Surface,
    next: u32,
    /// Every answer that was seen, by what asked for it.
    answers: BTreeMap<&'static str, BTreeSet<String>>,
}

impl Bench {
    fn address(&mut self) -> u32 {
        self.next += 1;
        self.next
    }

    /// A sign-in over JSON.
    async fn json(&mut self, seen: &'static str, username: &str, password: &str) -> Result<Took, Failure> {
        let body = json!({ "identifier": username, "password": password }).to_string();
        let (address, kind) = (self.address(), [("content-type", "application/json")]);
        let request = self.surface.request((Method::POST, "/api/v1/sign-in"), address, &kind, body)?;
        let (start, spent) = (wall(), process_cpu());
        let answer = self.surface.answer(request).await?;
        let took = Took { wall: since(start) * 1e3, cpu: (process_cpu() - spent) * 1e3 };
        self.answers.entry(seen).or_default().insert(masked(&answer, username));
        Ok(took)
    }

    /// A sign-in on the page.
    async fn page(&mut self, seen: &'static str, username: &str, password: &str) -> Result<(), Failure> {
        let address = self.address();
        let html = [("accept", "text/html")];
        let shown = self.surface.request((Method::GET, "/sign-in"), address, &html, String::new())?;
        let shown = self.surface.answer(shown).await?;
        let text = shown.text();
        let csrf = text.split_once("name=\"csrf\" value=\"").and_then(|(_, rest)| rest.split('"').next());
        let csrf = csrf.ok_or("the sign-in page has no token")?;
        let cookies = shown.cookies();
        let headers = [
            ("accept", "text/html"),
            ("content-type", "application/x-www-form-urlencoded"),
            ("cookie", &cookies),
            ("origin", BASE),
            ("sec-fetch-site", "same-origin"),
        ];
        let body = format!("csrf={csrf}&identifier={username}&password={password}");
        let request = self.surface.request((Method::POST, "/sign-in"), address, &headers, body)?;
        let answer = self.surface.answer(request).await?;
        let text = masked(&answer, username).replace(csrf, "(csrf)");
        self.answers.entry(seen).or_default().insert(text);
        Ok(())
    }
}

/// Status, headers and body without what is another one each time: request id, nonce, what was typed, seconds to wait.
fn masked(answer: &Answer, username: &str) -> String {
    let mut lines: Vec<String> = answer
        .headers
        .iter()
        .map(|(name, value)| format!("{name}: {}", String::from_utf8_lossy(value.as_bytes())))
        .collect();
    lines.sort();
    let text = format!("{}\n{}\n\n{}", answer.status, lines.join("\n"), answer.text());
    let nonce =
        answer.header("content-security-policy").split_once("'nonce-").and_then(|(_, rest)| rest.split('\'').next());
    let mut text = text.replace(answer.header("x-request-id"), "(request)").replace(username, "(identifier)");
    if let Some(nonce) = nonce {
        text = text.replace(nonce, "(nonce)");
    }
    // In the header alone: the same digits may stand elsewhere.
    text.replace(&format!("retry-after: {}\n", answer.header("retry-after")), "retry-after: (seconds)\n")
}

/// All classes against each other.
pub(crate) async fn compare(report: &Report) -> Result<(), Failure> {
    let folder = testkit::Folder::new();
    let house = House::build(folder.path(), BASE, Plan { cost: COST, ..Plan::default() }).await?;
    let imported = bcrypt()?;
    let numbers = 0..WARM_UP + REQUESTS;
    let people =
        |class: Class| numbers.clone().filter_map(|at| class.person(at, &house.hash, &imported)).collect::<Vec<_>>();
    house.add(Class::ALL.into_iter().flat_map(people).collect()).await?;
    house.add(waiting(&house.hash, &imported)).await?;
    let mut bench = Bench { surface: Surface::new(&house, BASE), next: 0, answers: BTreeMap::new() };
    let mut seen: BTreeMap<Class, Vec<Took>> = BTreeMap::new();
    for at in numbers.clone() {
        // Another one is first each time: whoever always follows the same one might inherit its caches.
        for turn in 0..Class::ALL.len() {
            let class = Class::ALL[(turn + at) % Class::ALL.len()];
            let took = bench.json("JSON, 401", &class.username(at), class.password()).await?;
            if at >= WARM_UP {
                seen.entry(class).or_default().push(took);
            }
        }
    }
    for class in Class::ALL {
        // Their first failures are over: these are the second.
        bench.page("the page, 401", &class.username(0), class.password()).await?;
    }
    judge_hashed(report, &seen);
    let waits = wait(&mut bench).await?;
    report.beside(NAME, "inside a wait, known: median", median(walls(&waits[0])), "ms");
    pair(report, "inside a wait: known / unknown", &waits[0], &waits[1]);
    for (what, answers) in &bench.answers {
        let count = f64::from(u32::try_from(answers.len()).unwrap_or(u32::MAX));
        report.judged(NAME, &format!("different answers, {what}"), count, "", Target::AtMost(1.0));
        if answers.len() > 1 {
            for answer in answers {
                crate::report::complain(answer);
            }
        }
    }
    Ok(())
}

fn judge_hashed(report: &Report, seen: &BTreeMap<Class, Vec<Took>>) {
    let of =
        |classes: &[Class]| classes.iter().filter_map(|class| seen.get(class)).flatten().copied().collect::<Vec<_>>();
    let (argon2id, bcrypt) = (of(&[Class::WrongArgon2id]), of(&[Class::WrongBcrypt]));
    let (middle_a, middle_b) = (median(cpus(&argon2id)), median(cpus(&bcrypt)));
    report.beside(NAME, "CPU of a wrong password, Argon2id 19 MiB, 3 passes", middle_a, "ms");
    report.beside(NAME, &format!("CPU of a wrong password, imported bcrypt, cost {BCRYPT}"), middle_b, "ms");
    pair(report, "Argon2id: wrong / disabled with the right one", &argon2id, &of(&[Class::DisabledArgon2id]));
    pair(report, "bcrypt: wrong / disabled with the right one", &bcrypt, &of(&[Class::DisabledBcrypt]));
    // What the machine's noise alone comes to: nothing tells these two apart.
    let slow = |class: Class| of(&[class]).into_iter().filter(|took| took.cpu >= f64::midpoint(middle_a, middle_b));
    let (one, other) = (slow(Class::Unknown).collect::<Vec<_>>(), slow(Class::UnknownToo).collect::<Vec<_>>());
    pair(report, "control, unknown / unknown: bcrypt", &one, &other);
    // Half of each are fast and half are slow, so that the median is anywhere in the gap between them: each half has its own.
    let threshold = f64::midpoint(middle_a, middle_b);
    let existing = of(&[Class::WrongArgon2id, Class::WrongBcrypt]);
    let others = [("unknown", of(&[Class::Unknown, Class::UnknownToo])), ("invited", of(&[Class::Invited]))];
    for (name, others) in others {
        let both = format!("all existing, wrong / {name}");
        areas(report, &format!("{both}: together"), &existing, &others);
        let fast = |all: &[Took], fast: bool| {
            all.iter().filter(|took| (took.cpu < threshold) == fast).copied().collect::<Vec<_>>()
        };
        for (kind, is_fast) in [("Argon2id", true), ("bcrypt", false)] {
            pair(report, &format!("{both}: {kind}"), &fast(&existing, is_fast), &fast(&others, is_fast));
        }
        let share = 100.0 * length(&fast(&others, false)) / length(&others);
        report.beside(NAME, &format!("  of the {name} ones with bcrypt's work (half of all hashes)"), share, "%");
    }
}

fn length(all: &[Took]) -> f64 {
    f64::from(u32::try_from(all.len()).unwrap_or(u32::MAX))
}

fn walls(all: &[Took]) -> Vec<f64> {
    all.iter().map(|took| took.wall).collect()
}

fn cpus(all: &[Took]) -> Vec<f64> {
    all.iter().map(|took| took.cpu).collect()
}

/// People who will be inside a wait.
fn waiting(argon2id: &str, bcrypt: &str) -> Vec<Person> {
    let hash = |at: usize| if at.is_multiple_of(2) { argon2id } else { bcrypt };
    let person = |at: usize| Person {
        username: format!("heath-{at:05}"),
        hash: Some(hash(at).to_owned()),
        status: Status::Active,
        codes: false,
    };
    (0..WAITING).map(person).collect()
}

/// Attempts inside a wait, which are not looked at: of known and of unknown ones.
async fn wait(bench: &mut Bench) -> Result<[Vec<Took>; 2], Failure> {
    let names = ["heath", "ivies"];
    for _ in 0..FAILURES {
        for name in names {
            for at in 0..WAITING {
                bench.json("JSON, 401", &format!("{name}-{at:05}"), WRONG).await?;
            }
        }
    }
    let mut waits = [Vec::new(), Vec::new()];
    for at in 0..WARM_UP + REQUESTS {
        for turn in 0..2 {
            let who = (turn + at) % 2;
            let took = bench.json("JSON, 429", &format!("{}-{:05}", names[who], at % WAITING), WRONG).await?;
            if at >= WARM_UP {
                waits[who].push(took);
            }
        }
    }
    Ok(waits)
}

/// The rule of 2.3, point 6: medians at most 5 ms or 3 % apart, and an area under the curve of at most 0.60.
fn pair(report: &Report, what: &str, one: &[Took], other: &[Took]) {
    for (clock, of) in [("", walls as fn(&[Took]) -> Vec<f64>), (", CPU", cpus)] {
        let (a, b) = (median(of(one)), median(of(other)));
        let apart = (a - b).abs();
        let bound = f64::max(5.0, 0.03 * a.max(b));
        report.judged(NAME, &format!("{what}: medians apart{clock}"), apart, "ms", Target::AtMost(bound));
        report.beside(NAME, "  of the larger one", 100.0 * apart / a.max(b), "%");
    }
    areas(report, what, one, other);
}

fn areas(report: &Report, what: &str, one: &[Took], other: &[Took]) {
    for (clock, of) in [("", walls as fn(&[Took]) -> Vec<f64>), (", CPU", cpus)] {
        let area = area(&of(one), &of(other));
        report.judged(NAME, &format!("{what}: AUC{clock}"), area, "", Target::AtMost(0.60));
    }
}

/// How often one of the first is above one of the second, ties by half (Mann-Whitney); the larger of it and its complement.
fn area(first: &[f64], second: &[f64]) -> f64 {
    let wins: f64 = first
        .iter()
        .map(|a| {
            second
                .iter()
                .map(|b| {
                    if a > b {
                        1.0
                    } else if a < b {
                        0.0
                    } else {
                        0.5
                    }
                })
                .sum::<f64>()
        })
        .sum();
    #[expect(clippy::cast_precision_loss, reason = "some hundreds")]
    let share = wins / (first.len() * second.len()) as f64;
    share.max(1.0 - share)
}
