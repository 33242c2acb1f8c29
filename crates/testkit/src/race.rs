//! Many at once.

use std::sync::Arc;

use tokio::sync::Barrier;

/// Starts `count` tasks, lets them go together, and returns their answers in the order of their numbers.
pub async fn race<T, F>(count: usize, start: impl Fn(usize) -> F) -> Vec<T>
where
    T: Send + 'static,
    F: Future<Output = T> + Send + 'static,
{
    let barrier = Arc::new(Barrier::new(count));
    let racers: Vec<_> = (0..count)
        .map(|number| {
            let (barrier, run) = (barrier.clone(), start(number));
            tokio::spawn(async move {
                barrier.wait().await;
                run.await
            })
        })
        .collect();
    let mut answers = Vec::with_capacity(count);
    for racer in racers {
        answers.push(racer.await.expect("a racer that did not panic"));
    }
    answers
}
