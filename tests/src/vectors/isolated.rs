//! Runs jobs so that one that panics or never ends is a failure of its own units and of nothing else.

use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Mutex;
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::thread;

use super::job::{Done, Job, Outcome, Unit};

/// Jobs that run at the same time.
const LANES: usize = 2;
/// Room for deep expressions and forms; only what is touched is used.
const STACK_BYTES: usize = 64 * 1024 * 1024;

/// Runs all jobs and returns their outcomes in the order of the jobs.
pub(super) fn run_all(jobs: Vec<Job>) -> Vec<Done> {
    let queue: Mutex<VecDeque<(usize, Job)>> = Mutex::new(jobs.into_iter().enumerate().collect());
    let done = Mutex::new(Vec::new());
    thread::scope(|scope| {
        for _ in 0..LANES {
            scope.spawn(|| {
                while let Some((index, job)) = next(&queue) {
                    let outcome = run_one(job);
                    done.lock().expect("no lane panics").push((index, outcome));
                }
            });
        }
    });
    let mut done = done.into_inner().expect("no lane panics");
    done.sort_by_key(|(index, _)| *index);
    done.into_iter().map(|(_, outcome)| outcome).collect()
}

fn next(queue: &Mutex<VecDeque<(usize, Job)>>) -> Option<(usize, Job)> {
    queue.lock().expect("no lane panics").pop_front()
}

/// A thread that does not end in time is left behind: it cannot be stopped, and it dies with the process.
fn run_one(job: Job) -> Done {
    let Job { file, kind, ids, limit, run } = job;
    let (send, receive) = channel();
    let started = thread::Builder::new().stack_size(STACK_BYTES).spawn(move || {
        let outcome = catch_unwind(AssertUnwindSafe(run)).map_err(|panic| said(&*panic));
        // Nobody listens any more when the time was over.
        let _ = send.send(outcome);
    });
    let outcome = match started {
        Err(error) => Err(format!("no thread for it: {error}")),
        Ok(_) => match receive.recv_timeout(limit) {
            Ok(outcome) => outcome,
            Err(RecvTimeoutError::Timeout) => Err(format!("no result after {} s", limit.as_secs())),
            Err(RecvTimeoutError::Disconnected) => Err("its thread ended without a result".to_owned()),
        },
    };
    let units = outcome.unwrap_or_else(|why| fail_all(ids, &why));
    Done { file, kind, units }
}

fn fail_all(ids: Vec<String>, why: &str) -> Vec<Unit> {
    ids.into_iter().map(|id| Unit::new(id, Outcome::Failed(why.to_owned()))).collect()
}

/// The text of a panic.
fn said(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic
        .downcast_ref::<String>()
        .map(String::as_str)
        .or_else(|| panic.downcast_ref::<&str>().copied())
        .unwrap_or("without a text");
    format!("panicked: {text}")
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::super::job::Kind;
    use super::*;

    fn job(id: &str, run: impl FnOnce() -> Outcome + Send + 'static) -> Job {
        Job { limit: Duration::from_millis(200), ..Job::single("file", Kind::Xpath, id.to_owned(), run) }
    }

    #[test]
    fn a_panic_and_a_hang_fail_their_own_unit_only() {
        let jobs = vec![
            job("hangs", || {
                loop {
                    thread::sleep(Duration::from_secs(1));
                }
            }),
            job("panics", || panic!("of {}", "itself")),
            job("passes", || Outcome::Passed),
        ];
        let outcomes: Vec<Outcome> =
            run_all(jobs).into_iter().flat_map(|done| done.units).map(|unit| unit.outcome).collect();
        assert_eq!(outcomes[0], Outcome::Failed("no result after 0 s".to_owned()));
        assert_eq!(outcomes[1], Outcome::Failed("panicked: of itself".to_owned()));
        assert_eq!(outcomes[2], Outcome::Passed);
    }
}
