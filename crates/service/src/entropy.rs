//! The one source of randomness.

use domain::entropy::Entropy;

/// The operating system's, through aws-lc.
#[derive(Debug, Default)]
pub struct SystemEntropy;

impl Entropy for SystemEntropy {
    #[expect(clippy::disallowed_methods, reason = "the one source of randomness")]
    fn fill(&self, bytes: &mut [u8]) {
        // Fails only without a working generator; going on with zeroes would be worse than stopping.
        if aws_lc_rs::rand::fill(bytes).is_err() {
            std::process::abort();
        }
    }
}
