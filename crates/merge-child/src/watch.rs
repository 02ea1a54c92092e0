//! One thread that ends children who are overdue: a pipe cannot be read with a deadline.

use std::process::Child;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::platform::Moment;

/// How often deadlines are looked at while anybody works; they are whole seconds.
const TICK: Duration = Duration::from_millis(100);

/// A child process that the watch may end.
pub(crate) type Shared = Arc<Mutex<Child>>;

pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[derive(Default)]
struct State {
    next: u64,
    watched: Vec<(u64, Moment, Shared)>,
    asleep: bool,
    closed: bool,
}

/// Watches until it is dropped.
pub(crate) struct Watch(Arc<(Mutex<State>, Condvar)>);

/// Takes the child off the list.
pub(crate) struct Watched<'a> {
    watch: &'a Watch,
    number: u64,
}

impl Watch {
    pub(crate) fn start() -> std::io::Result<Self> {
        let shared = Arc::new((Mutex::new(State::default()), Condvar::new()));
        let mine = Arc::clone(&shared);
        std::thread::Builder::new().name("merge-watch".to_owned()).spawn(move || keep(&mine))?;
        Ok(Self(shared))
    }

    /// Ends the child unless the answer is dropped within `deadline`.
    pub(crate) fn over(&self, child: &Shared, deadline: Duration) -> Watched<'_> {
        let due = Moment::now().after(deadline);
        let mut state = lock(&self.0.0);
        state.next += 1;
        let number = state.next;
        state.watched.push((number, due, Arc::clone(child)));
        if state.asleep {
            state.asleep = false;
            self.0.1.notify_one();
        }
        Watched { watch: self, number }
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        lock(&self.0.0).closed = true;
        self.0.1.notify_one();
    }
}

impl Drop for Watched<'_> {
    fn drop(&mut self) {
        lock(&self.watch.0.0).watched.retain(|(number, ..)| *number != self.number);
    }
}

fn keep((state, bell): &(Mutex<State>, Condvar)) {
    let mut state = lock(state);
    while !state.closed {
        let now = Moment::now();
        for (_, due, child) in &state.watched {
            if now >= *due {
                // It may have ended already; whoever waits for its answer finds out.
                let _ = lock(child).kill();
            }
        }
        state.asleep = state.watched.is_empty();
        let wait = if state.asleep { Duration::MAX } else { TICK };
        state = bell.wait_timeout(state, wait).unwrap_or_else(PoisonError::into_inner).0;
    }
}
