//! Randomness as an argument. `service::entropy` has the operating system's.

/// A source of random bytes fit for keys.
pub trait Entropy: Send + Sync {
    /// Fills `bytes` with random values.
    fn fill(&self, bytes: &mut [u8]);
}

/// `N` random bytes.
#[must_use]
pub fn bytes<const N: usize>(entropy: &dyn Entropy) -> [u8; N] {
    let mut made = [0; N];
    entropy.fill(&mut made);
    made
}
