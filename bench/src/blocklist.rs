//! Is this password one that everybody tries?

use std::hint::black_box;

use domain::entropy::bytes;
use service::entropy::SystemEntropy;

use crate::Failure;
use crate::measure::alone;
use crate::report::{Report, Target};

const MOST_NANOSECONDS: f64 = 1000.0;
const MOST_BYTES: f64 = 4.0 * 1024.0 * 1024.0;
const RANDOM: u32 = 2_000_000;

/// Hits and misses of the list that the server carries, its size, and how often it is wrong about what is random.
pub(crate) fn look_up(report: &Report) -> Result<(), Failure> {
    let list = service::password::blocklist().ok_or("the list cannot be read")?;
    let name = "blocklist";
    for (what, text) in [
        ("on the list", "Password12345678"),
        ("not on it", "quietly the heron lands at noon"),
        ("not on it, not ASCII", "Grüße aus dem Käsekeller"),
    ] {
        let one = alone(|| {
            black_box(list.contains(black_box(text)));
        });
        report.judged(
            name,
            &format!("lookup, folding included: {what}"),
            one * 1e9,
            "ns",
            Target::AtMost(MOST_NANOSECONDS),
        );
    }
    #[expect(clippy::cast_precision_loss, reason = "far below 2^52")]
    let (size, entries) = (list.bytes() as f64, list.entries() as f64);
    report.judged(name, "size", size, "bytes", Target::AtMost(MOST_BYTES));
    report.judged(name, "entries", entries, "", Target::AtLeast(100_000.0));
    let random = || -> String { bytes::<12>(&SystemEntropy).iter().map(|byte| format!("{byte:02x}")).collect() };
    let wrong = (0..RANDOM).filter(|_| list.contains(&random())).count();
    #[expect(clippy::cast_precision_loss, reason = "a small number")]
    let rate = wrong as f64 / f64::from(RANDOM) * 65_536.0;
    report.beside(name, "random ones refused, of 65,536 (2 million tried)", rate, "");
    Ok(())
}
