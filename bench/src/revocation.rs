//! What the guard pays for revocations: a check at each request, memory, and catching up.

use std::hint::black_box;
use std::sync::Arc;

use guard::denylist::DENYLIST_BYTES;
use guard::{Denylist, KeySet, Revocation, RevocationPage, SharedKeys, Verifier};
use service::signing::{KeyKind, SigningKey};
use uuid::Uuid;
use wire::claims::AccessClaims;
use wire::jwk::JwkSet;

use crate::Failure;
use crate::measure::{alone, since, wall};
use crate::report::{Report, Target};
use crate::token::{NOW, claims};

/// How many revocations are loaded.
const LOADED: u64 = 100_000;
/// How many the feed tells at once.
const PAGE: usize = 1_000;
const MEBIBYTE: f64 = 1024.0 * 1024.0;

/// An id whose last bytes differ, as those that the server makes.
fn id(number: u64) -> Uuid {
    let mixed = number.wrapping_add(1).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    uuid::Builder::from_u128(u128::from(mixed) << 64 | u128::from(mixed.rotate_left(29)))
        .with_version(uuid::Version::Random)
        .into_uuid()
}

fn facts() -> Vec<Revocation> {
    let expires_at = NOW + 3_660;
    let fact = |number| match number % 4 {
        0 => Revocation::User { sub: id(number), not_before: NOW + 1, expires_at },
        1 => Revocation::Token { jti: id(number), expires_at },
        _ => Revocation::Session { sid: id(number), not_before: None, expires_at },
    };
    let changed = ["auditor", "billing", "pharmacist", "receptionist"].map(str::to_owned).to_vec();
    let roles = Revocation::Roles { roles_version: 9, roles: changed, expires_at };
    (0..LOADED - 1).map(fact).chain([roles]).collect()
}

/// The check with a hundred thousand revocations loaded, what they take, and how long it takes to catch up with them.
pub(crate) fn guard(report: &Report) -> Result<(), Failure> {
    let facts = facts();
    catch_up(report, &facts)?;
    let before = resident();
    let list = Arc::new(Denylist::new(DENYLIST_BYTES));
    list.apply(&facts, NOW)?;
    let grown = resident().saturating_sub(before);
    if list.entries().total() < facts.len() {
        return Err(format!("{} entries of {}", list.entries().total(), facts.len()).into());
    }
    #[expect(clippy::cast_precision_loss, reason = "some megabytes")]
    let (counted, resident) = (list.bytes() as f64 / MEBIBYTE, grown as f64 / MEBIBYTE);
    report.judged("revocation", "100,000 revocations, counted by the guard", counted, "MiB", Target::AtMost(16.0));
    report.judged("revocation", "  as resident memory", resident, "MiB", Target::AtMost(16.0));
    check(report, &list)
}

fn check(report: &Report, list: &Arc<Denylist>) -> Result<(), Failure> {
    let token_claims = claims();
    if list.refuses(&token_claims) {
        return Err("a token is refused that nobody revoked".into());
    }
    let older = alone(|| _ = black_box(list.refuses(&token_claims))) * 1e6;
    let what = "check with 100,000 loaded, token older than a role change";
    report.judged("revocation", what, older, "us", Target::AtMost(1.0));
    let current = AccessClaims { roles_version: 9, ..token_claims.clone() };
    let newer = alone(|| _ = black_box(list.refuses(&current))) * 1e6;
    report.judged("revocation", "  token of the present roles", newer, "us", Target::AtMost(1.0));
    // One token after the other, so that no line of memory is warm by chance.
    let crowd: Vec<AccessClaims> = (0..4_096)
        .map(|number| AccessClaims {
            sid: Some(id(1 << 40 | number)),
            sub: id(1 << 41 | number),
            jti: id(1 << 42 | number),
            ..current.clone()
        })
        .collect();
    let mut turn = crowd.iter().cycle();
    let cold = alone(|| _ = black_box(turn.next().is_some_and(|claims| list.refuses(claims)))) * 1e6;
    report.judged("revocation", "  4,096 tokens in turn", cold, "us", Target::AtMost(1.0));

    let key = SigningKey::parse(KeyKind::P256.algorithm(), &KeyKind::P256.generate()?)?;
    let keys = Arc::new(SharedKeys::new(KeySet::from_jwks(&JwkSet { keys: vec![key.jwk().clone()] })?));
    let verifier = Verifier::with_keys("https://id.clinic.example", "clinic", keys).denylist(Arc::clone(list));
    let token = key.issue(&token_claims)?;
    verifier.verify(&token, NOW)?;
    let whole = alone(|| drop(black_box(verifier.verify(&token, NOW)))) * 1e6;
    report.judged("revocation", "validation of a token seen before, check included", whole, "us", Target::AtMost(1.0));
    Ok(())
}

/// From the pages' text to a loaded list, as after a start.
fn catch_up(report: &Report, facts: &[Revocation]) -> Result<(), Failure> {
    let pages: Vec<String> = facts
        .chunks(PAGE)
        .map(|items| RevocationPage { items: items.to_vec(), next_cursor: "1".into(), more: true })
        .map(|page| serde_json::to_string(&page))
        .collect::<Result<_, _>>()?;
    let list = Denylist::new(DENYLIST_BYTES);
    let start = wall();
    for page in &pages {
        let page: RevocationPage = serde_json::from_str(page)?;
        list.apply(&page.items, NOW)?;
    }
    let seconds = since(start);
    if list.entries().total() < facts.len() {
        return Err("not all revocations were applied".into());
    }
    report.judged("revocation", "catching up with 100,000, parsing included", seconds, "s", Target::AtMost(1.0));
    Ok(())
}

/// Resident memory of this process, in bytes.
fn resident() -> usize {
    let pages = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
    pages.split(' ').nth(1).and_then(|text| text.parse::<usize>().ok()).unwrap_or(0) * 4096
}
