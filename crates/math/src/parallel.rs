//! Threads; no other module makes any.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

/// Number of turns of waiting for other threads before going to sleep: some ten microseconds.
const SPINS: u32 = 2000;

/// A fixed number of threads that share the items of a job.
pub struct Pool {
    helpers: Option<rayon::ThreadPool>,
}

impl Pool {
    /// A pool of `threads` threads (at least 1), the caller's own among them.
    ///
    /// # Panics
    /// If the operating system refuses a thread.
    pub fn new(threads: usize) -> Pool {
        if threads <= 1 {
            return Pool { helpers: None };
        }
        match rayon::ThreadPoolBuilder::new().num_threads(threads - 1).build() {
            Ok(pool) => Pool { helpers: Some(pool) },
            Err(error) => panic!("cannot start {threads} threads: {error}"),
        }
    }

    /// Number of threads.
    pub fn threads(&self) -> usize {
        self.helpers.as_ref().map_or(1, |pool| pool.current_num_threads() + 1)
    }

    /// Runs `work(worker, k, item k)` once for every item; a worker that is done takes the next.
    ///
    /// Any worker may take any item, so the result for an item must not depend on what its worker
    /// did before.
    pub fn for_each<W: Send, I: Send>(
        &self,
        workers: &mut [W],
        items: &mut [I],
        work: impl Fn(&mut W, usize, &mut I) + Sync,
    ) {
        let Some((own, others)) = workers.split_first_mut() else { return };
        let queue = Mutex::new(items.iter_mut().enumerate());
        let take = || queue.lock().unwrap_or_else(PoisonError::into_inner).next();
        let busy = AtomicUsize::new(others.len() + 1);
        let run = |worker: &mut W| {
            while let Some((k, item)) = take() {
                work(worker, k, item);
            }
            // A step lasts microseconds, as long as it takes to wake a thread. So all stay awake
            // until the last is done: the caller to go on at once, the other threads for the next
            // step.
            busy.fetch_sub(1, Ordering::Relaxed);
            for _ in 0..SPINS {
                if busy.load(Ordering::Relaxed) == 0 {
                    break;
                }
                std::hint::spin_loop();
            }
        };
        match &self.helpers {
            Some(pool) => pool.in_place_scope(|scope| {
                for worker in others {
                    scope.spawn(|_| run(worker));
                }
                run(own);
            }),
            None => run(own),
        }
    }
}

/// Calls `work(index, item)` once for every item, `jobs` at a time, in order of their start.
pub fn queue<I: Sync>(jobs: usize, items: &[I], work: impl Fn(usize, &I) + Sync) {
    let next = AtomicUsize::new(0);
    let worker = || {
        while let Some((index, item)) = {
            let index = next.fetch_add(1, Ordering::Relaxed);
            items.get(index).map(|item| (index, item))
        } {
            work(index, item);
        }
    };
    std::thread::scope(|scope| {
        for _ in 1..jobs.clamp(1, items.len().max(1)) {
            scope.spawn(worker);
        }
        worker();
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_queue_serves_every_item_once() {
        for jobs in [1, 2, 5, 100] {
            let visits: Vec<AtomicUsize> = (0..37).map(|_| AtomicUsize::new(0)).collect();
            queue(jobs, &visits, |index, item| {
                item.fetch_add(index + 1, Ordering::Relaxed);
            });
            assert!(visits.iter().enumerate().all(|(k, v)| v.load(Ordering::Relaxed) == k + 1));
        }
    }

    #[test]
    fn every_item_is_visited_once_with_its_index() {
        for threads in [1, 2, 3, 7] {
            let pool = Pool::new(threads);
            assert_eq!(pool.threads(), threads);
            for len in [0, 1, 2, 8, 100] {
                let mut items = vec![usize::MAX; len];
                let mut visits = vec![0; threads];
                pool.for_each(&mut visits, &mut items, |visits, k, item| {
                    assert_eq!(*item, usize::MAX);
                    *item = k;
                    *visits += 1;
                });
                assert!(items.iter().enumerate().all(|(k, &item)| item == k));
                assert_eq!(visits.iter().sum::<usize>(), len);
            }
        }
    }
}
