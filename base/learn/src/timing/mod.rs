//! Regularity and crowding in time.
//!
//! | file | holds |
//! |---|---|
//! | [`beacon`] | does something come at a period, with jitter and missing beats? |
//! | [`excess`] | are there more events in some stretch than chance puts there? |
//! | [`chance`] | tails of the Poisson and chi-squared distributions |
//!
//! Times are seconds (of event time, as `f64`: a microsecond is still told apart in this century); they need not be sorted.
//! p-values here are against chance: events that come independently at a constant rate. Much that is harmless is not chance
//! either (updates, polling, backups): what is usual for whom is a matter of `baseline`.

mod beacon;
mod chance;
mod excess;

pub use beacon::{Beacon, beacon};
pub use chance::{chi_squared_tail, poisson_tail};
pub use excess::{Excess, excess};

/// Times that are looked at, the latest: an hour of one beacon a second, and a bound on the work.
pub const TIMES_MAX: usize = 4096;

/// Finite times, ascending, the latest [`TIMES_MAX`].
fn sorted(times: &[f64]) -> Vec<f64> {
    let mut sorted: Vec<f64> = times.iter().copied().filter(|time| time.is_finite()).collect();
    sorted.sort_by(f64::total_cmp);
    let first = sorted.len().saturating_sub(TIMES_MAX);
    sorted.drain(..first);
    sorted
}
