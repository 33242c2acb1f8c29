//! Clocks, and two things measured beside each other.
#![expect(clippy::disallowed_methods, reason = "the bench measures durations")]

use std::time::{Duration, Instant};

use rustix::time::{ClockId, clock_gettime};

/// The wall clock.
pub(crate) fn wall() -> Instant {
    Instant::now()
}

/// Seconds since.
pub(crate) fn since(start: Instant) -> f64 {
    start.elapsed().as_secs_f64()
}

fn seconds(id: ClockId) -> f64 {
    let time = clock_gettime(id);
    Duration::new(u64::try_from(time.tv_sec).unwrap_or(0), u32::try_from(time.tv_nsec).unwrap_or(0)).as_secs_f64()
}

/// CPU seconds of this thread: what others run meanwhile hardly shows.
pub(crate) fn thread_cpu() -> f64 {
    seconds(ClockId::ThreadCPUTime)
}

/// CPU seconds of this process with all its threads.
pub(crate) fn process_cpu() -> f64 {
    seconds(ClockId::ProcessCPUTime)
}

/// CPU seconds of another process: user and system time of `/proc/PID/stat`, in hundredths.
pub(crate) fn cpu_of(process: u32) -> f64 {
    let stat = std::fs::read_to_string(format!("/proc/{process}/stat")).unwrap_or_default();
    let fields: Vec<&str> = stat.rsplit_once(')').map_or("", |(_, rest)| rest).split_ascii_whitespace().collect();
    let ticks = |at: usize| fields.get(at).and_then(|text| text.parse::<f64>().ok()).unwrap_or(0.0);
    (ticks(11) + ticks(12)) / 100.0
}

/// The middle one.
pub(crate) fn median(mut values: Vec<f64>) -> f64 {
    percentile(&mut values, 0.5)
}

/// The value that a share of all is not above.
pub(crate) fn percentile(values: &mut [f64], share: f64) -> f64 {
    values.sort_by(f64::total_cmp);
    let last = values.len().saturating_sub(1);
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        clippy::cast_precision_loss,
        reason = "an index"
    )]
    let at = (last as f64 * share).round() as usize;
    values.get(at).copied().unwrap_or(f64::NAN)
}

/// What two things cost that were run in turns.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Beside {
    /// CPU seconds of one of ours.
    pub(crate) ours: f64,
    /// CPU seconds of one of the limit's.
    pub(crate) limit: f64,
    /// Rate of ours ÷ rate of the limit, the median of all rounds.
    pub(crate) ratio: f64,
}

const ROUNDS: u32 = 41;
const ROUND_SECONDS: f64 = 0.04;

/// Runs both in short alternating rounds on this thread, and counts its CPU time.
pub(crate) fn beside(mut ours: impl FnMut(), mut limit: impl FnMut()) -> Beside {
    let (own_count, limit_count) = (count(&mut ours), count(&mut limit));
    let (mut own, mut bound, mut ratios) = (Vec::new(), Vec::new(), Vec::new());
    for round in 0..ROUNDS {
        let (a, b) = if round % 2 == 0 {
            let a = timed(own_count, &mut ours);
            (a, timed(limit_count, &mut limit))
        } else {
            let b = timed(limit_count, &mut limit);
            (timed(own_count, &mut ours), b)
        };
        own.push(a);
        bound.push(b);
        ratios.push(b / a);
    }
    Beside { ours: median(own), limit: median(bound), ratio: median(ratios) }
}

/// CPU seconds of one, the median of several rounds.
pub(crate) fn alone(mut ours: impl FnMut()) -> f64 {
    let number = count(&mut ours);
    median((0..ROUNDS).map(|_| timed(number, &mut ours)).collect())
}

/// How many fill a round. Warms up on the way.
fn count(run: &mut impl FnMut()) -> u32 {
    let mut number = 1;
    loop {
        let one = timed(number, run);
        if one * f64::from(number) > ROUND_SECONDS / 4.0 || number > 1 << 28 {
            #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a small number of runs")]
            return ((ROUND_SECONDS / one) as u32).max(1);
        }
        number *= 2;
    }
}

fn timed(number: u32, run: &mut impl FnMut()) -> f64 {
    let start = thread_cpu();
    for _ in 0..number {
        run();
    }
    (thread_cpu() - start) / f64::from(number)
}
