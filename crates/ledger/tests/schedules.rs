//! The queue between producers and the writer, under the orders in which threads can run.
//!
//! The queue's source is compiled once more here, over primitives whose scheduling a checker
//! decides. Nothing may be lost, doubled, reordered within a producer, or left waiting.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test stops at what it does not expect")]

use std::time::Duration;

mod sync {
    pub use shuttle::sync::{Condvar, Mutex, MutexGuard};
}

#[path = "../src/writer/queue.rs"]
#[expect(dead_code, reason = "the checker needs no numbers for operators")]
mod queue;

use queue::{Bounds, Put, Queue, Refused};
use shuttle::sync::Arc;

const SCHEDULES: usize = 20_000;

fn bounds(waiting: usize, ahead: usize) -> Bounds {
    Bounds { waiting, ahead, age: Duration::from_secs(1) }
}

/// Time stands still: what is accepted within the window is due at once.
fn now() -> Duration {
    Duration::from_secs(10)
}

/// Producers that wait for room, a writer, and a close at the end.
fn producers_and_writer(producers: u64, each: u64, waiting: usize, most: usize) {
    let queue = Arc::new(Queue::new(bounds(waiting, 4)));
    let writer = {
        let queue = Arc::clone(&queue);
        shuttle::thread::spawn(move || {
            let mut seen = Vec::new();
            while let Some(batch) = queue.take(most, now) {
                assert!(!batch.is_empty() && batch.len() <= most);
                seen.extend(batch);
            }
            seen
        })
    };
    let senders: Vec<_> = (0..producers)
        .map(|producer| {
            let queue = Arc::clone(&queue);
            shuttle::thread::spawn(move || {
                for n in 0..each {
                    let put = queue.put_wait((producer, n), false, now, Duration::from_secs(1), |_, _| {});
                    assert_eq!(put.ok(), Some(Put::Waits));
                }
            })
        })
        .collect();
    for sender in senders {
        sender.join().unwrap();
    }
    queue.close();
    let seen = writer.join().unwrap();
    assert_eq!(seen.len() as u64, producers * each);
    for producer in 0..producers {
        let of_one: Vec<u64> = seen.iter().filter(|(who, _)| *who == producer).map(|(_, n)| *n).collect();
        assert_eq!(of_one, (0..each).collect::<Vec<_>>());
    }
}

#[test]
fn nothing_is_lost_or_left_waiting() {
    shuttle::check_random(|| producers_and_writer(3, 3, 2, 2), SCHEDULES);
    shuttle::check_pct(|| producers_and_writer(2, 3, 1, 2), SCHEDULES, 3);
}

#[test]
fn every_schedule_of_two_producers_ends() {
    shuttle::check_dfs(|| producers_and_writer(2, 1, 1, 1), Some(200_000));
}

#[test]
fn a_close_meets_producers_and_everything_taken_in_is_handed_over() {
    let run = || {
        let queue = Arc::new(Queue::new(bounds(1, 4)));
        let closer = {
            let queue = Arc::clone(&queue);
            shuttle::thread::spawn(move || queue.close())
        };
        let senders: Vec<_> = (0..2_u64)
            .map(|n| {
                let queue = Arc::clone(&queue);
                shuttle::thread::spawn(move || {
                    match queue.put_wait(n, false, now, Duration::from_secs(1), |_, _| {}) {
                        Ok(_) => true,
                        Err(Refused::Closed(item)) => item != n,
                        Err(Refused::Full(_)) => panic!("time stands still, so patience does not end"),
                    }
                })
            })
            .collect();
        let mut taken = Vec::new();
        while let Some(batch) = queue.take(4, now) {
            taken.extend(batch);
        }
        closer.join().unwrap();
        let accepted = senders.into_iter().map(|sender| usize::from(sender.join().unwrap())).sum::<usize>();
        assert_eq!(taken.len(), accepted, "accepted and handed over");
    };
    shuttle::check_random(run, SCHEDULES);
}

#[test]
fn the_window_is_never_overdrawn() {
    let run = || {
        let queue = Arc::new(Queue::new(bounds(16, 2)));
        let writer = {
            let queue = Arc::clone(&queue);
            shuttle::thread::spawn(move || {
                let mut taken = 0;
                while let Some(batch) = queue.take(2, || now() + Duration::from_secs(1)) {
                    let ahead = batch.iter().filter(|ahead| **ahead).count();
                    assert!(queue.load().1 <= 2 && queue.load().1 >= ahead);
                    queue.settle(ahead);
                    taken += batch.len();
                }
                taken
            })
        };
        let senders: Vec<_> = (0..2)
            .map(|_| {
                let queue = Arc::clone(&queue);
                shuttle::thread::spawn(move || {
                    for _ in 0..3 {
                        let put = queue.put(false, true, now(), |item, put| *item = put == Put::Ahead);
                        assert!(put.is_ok() && queue.load().1 <= 2);
                    }
                })
            })
            .collect();
        senders.into_iter().for_each(|sender| sender.join().unwrap());
        queue.close();
        assert_eq!(writer.join().unwrap(), 6);
        assert_eq!(queue.load(), (0, 0));
    };
    shuttle::check_random(run, SCHEDULES);
}
