//! An authenticator application: another implementation than ours, fed with what the page shows.
#![expect(clippy::disallowed_methods, reason = "an application has a clock of its own")]

use std::cell::Cell;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

const STEP_SECONDS: u64 = 30;

/// Knows one seed, and hands out each code once.
pub(crate) struct Authenticator {
    seed: Vec<u8>,
    last: Cell<u64>,
}

impl Authenticator {
    /// Typed in by hand: base32, with spaces.
    pub(crate) fn typed(secret: &str) -> Self {
        let (mut seed, mut bits, mut held) = (Vec::new(), 0u32, 0u32);
        for letter in secret.bytes().filter(|letter| !letter.is_ascii_whitespace()) {
            let value = match letter {
                b'A'..=b'Z' => letter - b'A',
                b'2'..=b'7' => letter - b'2' + 26,
                other => panic!("{:?} in {secret:?}", char::from(other)),
            };
            (bits, held) = ((bits & 0xff) << 5 | u32::from(value), held + 5);
            if held >= 8 {
                held -= 8;
                seed.push(u8::try_from(bits >> held & 0xff).unwrap());
            }
        }
        Self { seed, last: Cell::new(0) }
    }

    /// A code that was not handed out before: that of the step before, of this one, or of the next one once it has come.
    pub(crate) async fn code(&self) -> String {
        loop {
            let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
            let current = now / STEP_SECONDS;
            // The step before would not be worth typing just before it is over.
            let first = if now % STEP_SECONDS < 20 { current - 1 } else { current };
            if let Some(step) = (first..=current).find(|step| *step > self.last.get()) {
                self.last.set(step);
                let builder =
                    totp_rs::Builder::new().with_secret(self.seed.clone()).with_algorithm(totp_rs::Algorithm::SHA1);
                let totp = builder.with_digits(6).with_step_duration(STEP_SECONDS).build_noncompliant();
                return totp.generate(step * STEP_SECONDS).to_string();
            }
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    }
}
