//! Bounded waits. No I/O of its own.

use std::time::{Duration, Instant};

/// Long enough for everything that the cluster does on a busy machine of two cores.
pub const LONG: Duration = Duration::from_secs(180);
/// Between two looks.
const PACE: Duration = Duration::from_millis(400);

/// Looks until `look` gives what is waited for.
///
/// # Errors
/// After `limit`: what was seen last.
pub fn eventually<T>(
    limit: Duration,
    mut look: impl FnMut() -> Result<T, String>,
) -> Result<T, String> {
    let began = Instant::now();
    loop {
        match look() {
            Ok(found) => return Ok(found),
            Err(seen) if began.elapsed() >= limit => return Err(seen),
            Err(_) => std::thread::sleep(PACE),
        }
    }
}
