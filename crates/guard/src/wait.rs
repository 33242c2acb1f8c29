//! How long to wait before trying again.

use std::time::Duration;

/// Waits that double from the least to the most, each cut by up to a half, so that many guards do not come together.
#[derive(Debug)]
pub(crate) struct Wait {
    least: Duration,
    most: Duration,
    failures: u32,
}

impl Wait {
    pub(crate) const fn between(least: Duration, most: Duration) -> Self {
        Self { least, most, failures: 0 }
    }

    pub(crate) fn succeeded(&mut self) {
        self.failures = 0;
    }

    pub(crate) fn after_failure(&mut self) -> Duration {
        let whole = (self.least * (1 << self.failures.min(8))).min(self.most);
        self.failures = self.failures.saturating_add(1);
        whole.mul_f64(1.0 - f64::from(random_byte()) / 512.0)
    }
}

fn random_byte() -> u8 {
    let mut byte = [0];
    // No chance: everybody waits the whole time.
    #[expect(clippy::disallowed_methods, reason = "the guard runs in other programs, where service::Entropy is not")]
    let _drawn = aws_lc_rs::rand::fill(&mut byte);
    byte[0]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_a_bound_and_begin_anew_after_a_success() {
        let least = Duration::from_millis(250);
        let mut wait = Wait::between(least, Duration::from_secs(5));
        for whole in [250, 500, 1_000, 2_000, 4_000, 5_000, 5_000] {
            let millis = wait.after_failure().as_millis();
            assert!((whole / 2..=whole).contains(&millis), "{millis} of {whole}");
        }
        wait.succeeded();
        assert!(wait.after_failure() <= least);
    }
}
