//! Random bytes: the same ones in each run, or real ones.

use std::sync::atomic::{AtomicU64, Ordering};

use domain::entropy::Entropy;
use domain::secret::sha256;

/// `SHA-256(seed ‖ counter)`: never the same twice, and the same in each run as far as the order of calls is.
#[derive(Debug)]
pub struct SeededEntropy {
    seed: u64,
    drawn: AtomicU64,
}

impl SeededEntropy {
    /// Begins with a seed.
    #[must_use]
    pub const fn new(seed: u64) -> Self {
        Self { seed, drawn: AtomicU64::new(0) }
    }
}

impl Entropy for SeededEntropy {
    fn fill(&self, bytes: &mut [u8]) {
        for block in bytes.chunks_mut(32) {
            let drawn = self.drawn.fetch_add(1, Ordering::Relaxed);
            let random = sha256(&[&self.seed.to_be_bytes(), &drawn.to_be_bytes()]);
            block.copy_from_slice(&random[..block.len()]);
        }
    }
}

/// The operating system's.
#[derive(Debug)]
pub struct SystemEntropy;

impl Entropy for SystemEntropy {
    #[expect(clippy::disallowed_methods, reason = "the tests' one place for real randomness")]
    fn fill(&self, bytes: &mut [u8]) {
        aws_lc_rs::rand::fill(bytes).expect("random bytes");
    }
}

/// Something that no other process has: for names of folders and databases.
#[must_use]
pub fn unique() -> String {
    domain::event::hex(&domain::entropy::bytes::<8>(&SystemEntropy))
}
