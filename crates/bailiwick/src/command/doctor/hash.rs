//! What a password hash costs on this machine, and what would cost a quarter of a second.
#![expect(clippy::disallowed_methods, reason = "measures durations")]

use std::time::{Duration, Instant};

use domain::password::Kind;
use domain::password::kind::{BCRYPT_COST, Digest, MOST_MEMORY_KIB, MOST_ROUNDS};
use rustix::time::{ClockId, clock_gettime};
use serde_json::{Value, json};
use service::entropy::SystemEntropy;
use service::hashing::{Cost, Scheme, Trial, threads};

/// A sign-in may cost this much (requirements.md, 2.2).
pub(super) const MOST_MS: f64 = 250.0;
/// The shortest of so many counts: what else the machine does only makes it longer.
const RUNS: usize = 3;

/// One kind, measured on one thread.
#[derive(Clone, Copy, Debug)]
pub(super) struct Measured {
    pub(super) kind: Kind,
    pub(super) wall_ms: f64,
    pub(super) cpu_ms: f64,
    /// The costliest within [`MOST_MS`], or the floor.
    pub(super) suggested: Kind,
}

/// The configured scheme first, then the other two with their defaults.
pub(super) fn measure(configured: Scheme) -> Vec<Measured> {
    let others = [Scheme::default(), Scheme::Bcrypt { cost: 12 }, Scheme::Pbkdf2 { rounds: 600_000 }];
    let others =
        others.into_iter().filter(|other| std::mem::discriminant(other) != std::mem::discriminant(&configured));
    std::iter::once(configured).chain(others).map(|scheme| one(scheme.kind())).collect()
}

fn one(kind: Kind) -> Measured {
    let mut trial = Trial::new(kind, &SystemEntropy);
    // The first one pays for the memory.
    trial.run();
    let (mut wall_ms, mut cpu_ms) = (f64::MAX, f64::MAX);
    for _ in 0..RUNS {
        let (start, spent) = (Instant::now(), thread_cpu());
        trial.run();
        wall_ms = wall_ms.min(start.elapsed().as_secs_f64() * 1e3);
        cpu_ms = cpu_ms.min((thread_cpu() - spent) * 1e3);
    }
    Measured { kind, wall_ms, cpu_ms, suggested: suggest(kind, wall_ms) }
}

fn thread_cpu() -> f64 {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    Duration::new(u64::try_from(time.tv_sec).unwrap_or(0), u32::try_from(time.tv_nsec).unwrap_or(0)).as_secs_f64()
}

/// What of the same algorithm takes at most [`MOST_MS`], if `kind` takes `wall_ms`; never below the floor.
pub(super) fn suggest(kind: Kind, wall_ms: f64) -> Kind {
    let times = MOST_MS / wall_ms.max(0.001);
    match kind {
        Kind::Argon2 { memory_kib, passes, .. } => {
            // Memory first: it is what costs attackers. A whole MiB, three passes, at most four times the default.
            let fits = f64::from(memory_kib) * f64::from(passes) * times / 3.0;
            let most = f64::from(Cost::default().memory_kib * 4).min(f64::from(MOST_MEMORY_KIB));
            #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "between 0 and the most")]
            let memory_kib = fits.clamp(0.0, most) as u32 / 1024 * 1024;
            let fitting = Kind::argon2id(memory_kib, 3);
            if fitting.is_enough() { fitting } else { Kind::argon2id(12_288, 3) }
        }
        Kind::Bcrypt { cost } => {
            #[expect(clippy::cast_possible_truncation, reason = "a handful of doublings")]
            let steps = times.log2().floor() as i64;
            let most = i64::from(*BCRYPT_COST.end());
            Kind::Bcrypt { cost: u32::try_from((i64::from(cost) + steps).clamp(10, most)).unwrap_or(cost) }
        }
        Kind::Pbkdf2 { rounds, .. } => {
            let fits = (f64::from(rounds) * times).clamp(600_000.0, f64::from(MOST_ROUNDS));
            #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped")]
            let rounds = fits as u32 / 10_000 * 10_000;
            Kind::Pbkdf2 { digest: Digest::Sha256, rounds }
        }
        Kind::Scrypt { .. } => kind,
    }
}

impl Measured {
    /// Sign-ins a second that the pool can hash.
    #[expect(clippy::cast_precision_loss, reason = "a number of cores")]
    pub(super) fn sign_ins_a_second(&self) -> f64 {
        threads() as f64 * 1e3 / self.wall_ms
    }

    /// The most memory that the pool takes, in MiB: recovery codes are hashed in it too, by Argon2id at the floor. (A hash of another system takes
    /// what it was made with, up to the bounds of `domain::password::kind`.)
    pub(super) fn memory_mib(&self) -> u64 {
        let codes = if matches!(self.kind, Kind::Argon2 { .. }) { 0 } else { u64::from(Cost::FLOOR.memory_kib) };
        self.kind.memory_kib().max(codes) * threads() as u64 / 1024
    }

    pub(super) fn settings(kind: Kind) -> String {
        match kind {
            Kind::Argon2 { memory_kib, passes, .. } => {
                format!("passwords.memory_kib = {memory_kib}, passwords.passes = {passes}")
            }
            Kind::Bcrypt { cost } => format!("passwords.bcrypt_cost = {cost}"),
            Kind::Pbkdf2 { rounds, .. } => format!("passwords.pbkdf2_rounds = {rounds}"),
            Kind::Scrypt { .. } => String::new(),
        }
    }

    pub(super) fn json(&self) -> Value {
        json!({ "kind": self.kind.to_string(), "wall_ms": tenths(self.wall_ms), "cpu_ms": tenths(self.cpu_ms),
            "reaches_floor": self.kind.is_enough(), "sign_ins_a_second": tenths(self.sign_ins_a_second()),
            "pool_memory_mib": self.memory_mib(), "suggested": self.suggested.to_string() })
    }

    pub(super) fn line(&self) -> String {
        format!(
            "  {:<24} {:>8.1} ms wall {:>8.1} ms CPU {:>7.1} sign-ins a second {:>6} MiB   within {MOST_MS} ms: {}",
            self.kind.to_string(),
            self.wall_ms,
            self.cpu_ms,
            self.sign_ins_a_second(),
            self.memory_mib(),
            Self::settings(self.suggested)
        )
    }
}

fn tenths(value: f64) -> f64 {
    (value * 10.0).round() / 10.0
}

#[cfg(test)]
mod tests {
    use super::*;

    fn suggested(label: &str, wall_ms: f64) -> String {
        suggest(Kind::parse(label).expect(label), wall_ms).to_string()
    }

    #[test]
    fn what_is_suggested_takes_a_quarter_of_a_second_and_is_never_below_the_floor() {
        assert_eq!(suggested("argon2id m=65536,t=3", 250.0), "argon2id m=65536,t=3");
        assert_eq!(suggested("argon2id m=65536,t=3", 125.0), "argon2id m=131072,t=3");
        assert_eq!(suggested("argon2id m=65536,t=3", 500.0), "argon2id m=32768,t=3");
        assert_eq!(suggested("argon2id m=65536,t=3", 1.0), "argon2id m=262144,t=3");
        assert_eq!(suggested("argon2id m=65536,t=3", 60_000.0), "argon2id m=12288,t=3");
        assert_eq!(suggested("bcrypt 12", 200.0), "bcrypt 12");
        assert_eq!(suggested("bcrypt 12", 100.0), "bcrypt 13");
        assert_eq!(suggested("bcrypt 12", 300.0), "bcrypt 11");
        assert_eq!(suggested("bcrypt 12", 90_000.0), "bcrypt 10");
        assert_eq!(suggested("bcrypt 12", 0.0), "bcrypt 16");
        assert_eq!(suggested("pbkdf2-sha256 600000", 125.0), "pbkdf2-sha256 1200000");
        assert_eq!(suggested("pbkdf2-sha256 600000", 900.0), "pbkdf2-sha256 600000");
    }
}
