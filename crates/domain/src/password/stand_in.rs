//! What nobody's password is hashed with. An unknown identifier costs what a known one would, whichever kinds of hashes a realm holds
//! (requirements.md, 2.3, rule 1).

/// Draws a label from the realm's mix by weight. The same keyed hash of an identifier draws the same as long as the mix stays; where the mix
/// moves, few identifiers change. `None`: there are no passwords.
#[must_use]
pub fn draw<'m>(mix: &'m [(String, i64)], hmac: &[u8; 32]) -> Option<&'m str> {
    let weight = |count: i64| u64::try_from(count).unwrap_or(0);
    let total: u64 = mix.iter().map(|(_, count)| weight(*count)).fold(0, u64::saturating_add);
    let mut first = [0; 8];
    first.copy_from_slice(&hmac[..8]);
    // A fraction of the total: its error is below 2^-64 times the total.
    let scaled = (u128::from(u64::from_be_bytes(first)) * u128::from(total)) >> 64;
    let mut point = u64::try_from(scaled).unwrap_or(u64::MAX);
    for (label, count) in mix {
        match point.checked_sub(weight(*count)) {
            None => return Some(label),
            Some(rest) => point = rest,
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::secret::hmac_sha256;

    fn mix(counts: &[i64]) -> Vec<(String, i64)> {
        counts.iter().enumerate().map(|(at, count)| (format!("kind {at}"), *count)).collect()
    }

    fn drawn(mix: &[(String, i64)], identifier: u32) -> Option<&str> {
        draw(mix, &hmac_sha256(b"key", &[&identifier.to_be_bytes()]))
    }

    #[test]
    fn an_empty_mix_draws_nothing() {
        assert_eq!(drawn(&[], 1), None);
        assert_eq!(drawn(&mix(&[0, -3]), 1), None);
    }

    #[test]
    fn the_ends_of_the_range_draw_the_first_and_the_last() {
        let mix = mix(&[1, i64::MAX, 1]);

        assert_eq!(draw(&mix, &[0; 32]), Some("kind 0"));
        assert_eq!(draw(&mix, &[255; 32]), Some("kind 2"));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(32))]

        #[test]
        fn draws_follow_the_weights_and_stay(counts in prop::collection::vec(0..1000_i64, 1..5)) {
            const DRAWS: u32 = 4000;
            let mix = mix(&counts);
            let total: i64 = counts.iter().sum();
            prop_assume!(total > 0);
            let draws: Vec<_> = (0..DRAWS).map(|at| drawn(&mix, at).expect("somebody")).collect();

            for (label, count) in &mix {
                let share = *count as f64 / total as f64;
                let seen = draws.iter().filter(|one| *one == label).count() as f64 / f64::from(DRAWS);
                // Five standard deviations.
                let slack = 5.0 * (share * (1.0 - share) / f64::from(DRAWS)).sqrt();
                prop_assert!((seen - share).abs() <= slack, "{label}: {seen} of {share}");
            }
            prop_assert_eq!(drawn(&mix, 7), Some(draws[7]));
        }
    }
}
