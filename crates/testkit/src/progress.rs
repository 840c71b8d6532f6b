//! What a person sees while a long step runs: one line a step, on standard error.

use std::time::{Duration, Instant};

/// Runs `work` between a line that says it has begun and a line that says how long it took.
pub fn step<T, E>(what: &str, work: impl FnOnce() -> Result<T, E>) -> Result<T, E> {
    eprintln!("==> {what}");
    let began = Instant::now();
    let result = work();
    match &result {
        Ok(_) => eprintln!("    done in {}", seconds(began.elapsed())),
        Err(_) => eprintln!("    FAILED after {}", seconds(began.elapsed())),
    }
    result
}

/// A line that informs, between steps.
pub fn note(text: &str) {
    eprintln!("    {text}");
}

fn seconds(elapsed: Duration) -> String {
    format!("{:.1} s", elapsed.as_secs_f64())
}
