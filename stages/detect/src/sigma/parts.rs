//! A list's parts, worked on side by side by threads that live as long as the call.

use std::num::NonZero;
use std::thread;

/// More threads than this cost more to start than they save: parts are a few milliseconds of work.
const THREADS_MAX: usize = 4;

/// Threads that are worth starting on this machine.
pub fn threads() -> usize {
    thread::available_parallelism().map_or(1, NonZero::get).min(THREADS_MAX)
}

/// What `work` gives for each part of a list, in the list's order. There are at most `threads` parts, and none but the last has
/// fewer than `least` items; the first is done by the calling thread. An empty list is one empty part.
pub fn each<T: Sync, R: Send>(items: &[T], threads: usize, least: usize, work: impl Fn(&[T]) -> R + Sync) -> Vec<R> {
    let part = items.len().div_ceil(threads.max(1)).max(least).max(1);
    let (first, others) = items.split_at_checked(part).unwrap_or((items, &[]));
    let work = &work;
    thread::scope(|scope| {
        let working: Vec<_> = others.chunks(part).map(|part| (part, scope.spawn(move || work(part)))).collect();
        let mut done = vec![work(first)];
        // A thread that failed is a defect in `work`; its part is done again here.
        done.extend(working.into_iter().map(|(part, thread)| thread.join().unwrap_or_else(|_| work(part))));
        done
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_whole_in_order_and_few() {
        for length in 0..40_usize {
            let items: Vec<usize> = (0..length).collect();
            for threads in 0..6 {
                for least in [0, 1, 7, 100] {
                    let parts = each(&items, threads, least, <[usize]>::to_vec);
                    assert_eq!(parts.concat(), items);
                    assert!(parts.len() <= threads.max(1), "{length} {threads} {least}");
                    let (_, before) = parts.split_last().unwrap();
                    assert!(before.iter().all(|part| part.len() >= least.max(1)));
                }
            }
        }
    }
}
