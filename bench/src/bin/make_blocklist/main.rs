//! Builds `crates/service/assets/blocklist.bin` from lists of passwords: called by `scripts/blocklist`, described in docs/blocklist.md.
//!
//! `make_blocklist OUT LIST…`: one password a line; the first list begins with the most common ones.
#![expect(clippy::print_stdout, reason = "a program that says what it made")]

mod generate; // what follows from common passwords by rules

use std::collections::BTreeSet;

use domain::password::blocklist::{Blocklist, MAGIC, key};
use domain::password::rules::{FLOOR, LEAST_SINGLE_FACTOR, LEAST_WITH_SECOND_FACTOR};
use domain::user::fold;
use xorf::BinaryFuse16;

type Failure = Box<dyn std::error::Error>;

fn main() -> Result<(), Failure> {
    let mut arguments = std::env::args().skip(1);
    let out = arguments.next().ok_or("make_blocklist OUT LIST…")?;
    let (mut all, mut base) = (BTreeSet::new(), Vec::new());
    for path in arguments {
        let text = std::fs::read_to_string(&path)?;
        if base.is_empty() {
            base = text.lines().map(fold).filter(|word| word.chars().count() >= 4).collect();
        }
        let name = path.rsplit('/').next().unwrap_or(&path).to_owned();
        count(&name, &mut all, text.lines().map(str::to_owned));
    }
    let found = all.len();
    count("generated", &mut all, generate::all(&base));
    let file = build(&all)?;
    let list = Blocklist::parse(&file).ok_or("what was built cannot be read")?;
    if let Some(missing) = all.iter().find(|one| !list.contains(one)) {
        return Err(format!("{missing} is not found again").into());
    }
    std::fs::write(&out, &file)?;
    println!("{} passwords ({found} found, {} generated), {} bytes", all.len(), all.len() - found, file.len());
    Ok(())
}

/// Adds those that the rules about length let through, and says how many were new.
fn count(name: &str, all: &mut BTreeSet<String>, passwords: impl Iterator<Item = String>) {
    let before = all.len();
    let (mut twelve, mut fifteen) = (0, 0);
    for password in passwords {
        let folded = fold(&password);
        let length = folded.chars().count();
        if length >= FLOOR && !folded.contains('\u{fffd}') && all.insert(folded) {
            twelve += usize::from(length >= LEAST_WITH_SECOND_FACTOR);
            fifteen += usize::from(length >= LEAST_SINGLE_FACTOR);
        }
    }
    let new = all.len() - before;
    println!("{name}: {new} new, {twelve} of at least 12 characters, {fifteen} of at least 15");
}

/// The file that `domain::password::blocklist` reads.
fn build(all: &BTreeSet<String>) -> Result<Vec<u8>, Failure> {
    let keys: BTreeSet<u64> = all.iter().map(|folded| key(folded)).collect();
    let keys: Vec<u64> = keys.into_iter().collect();
    let filter = BinaryFuse16::try_from(&keys)?;
    let about = &filter.descriptor;
    let mut file = MAGIC.to_vec();
    file.extend((keys.len() as u64).to_le_bytes());
    file.extend(about.seed.to_le_bytes());
    file.extend(about.segment_length.to_le_bytes());
    file.extend(about.segment_count_length.to_le_bytes());
    file.extend(filter.fingerprints.iter().flat_map(|cell| cell.to_le_bytes()));
    Ok(file)
}
