//! The thread that merges what has been received. Ingest never waits for it.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use registry_core::{Registry, RegistryError};

/// How long the worker sleeps when nobody wakes it: what commands beside the server append is found by then.
pub(crate) const MERGE_POLL: Duration = Duration::from_millis(500);
/// How long it waits after a failure (a full disk, a locked file) before it tries again.
pub(crate) const MERGE_RETRY: Duration = Duration::from_secs(2);

#[derive(Default)]
struct State {
    rung: bool,
    stopping: bool,
}

/// Wakes the worker. Cheap to clone.
#[derive(Clone, Default)]
pub struct Bell(Arc<(Mutex<State>, Condvar)>);

impl Bell {
    /// Something was received.
    pub fn ring(&self) {
        self.lock().rung = true;
        self.0.1.notify_one();
    }

    fn stop(&self) {
        self.lock().stopping = true;
        self.0.1.notify_one();
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn is_stopping(&self) -> bool {
        self.lock().stopping
    }

    /// Sleeps until rung, stopped, or so long.
    fn wait(&self, at_most: Duration) {
        let state = self.lock();
        let sleeping = |state: &mut State| !state.rung && !state.stopping;
        let (mut state, _) =
            self.0.1.wait_timeout_while(state, at_most, sleeping).unwrap_or_else(PoisonError::into_inner);
        state.rung = false;
    }
}

/// The running worker.
pub struct MergeWorker {
    bell: Bell,
    thread: JoinHandle<()>,
}

impl MergeWorker {
    /// Starts with whatever an earlier server left unmerged.
    pub fn start(registry: Registry, bell: Bell) -> std::io::Result<Self> {
        let mine = bell.clone();
        let thread =
            std::thread::Builder::new().name("merge".to_owned()).spawn(move || work(&registry, &mine))?;
        Ok(Self { bell, thread })
    }

    /// Lets the step at hand finish. What is left is merged at the next start.
    pub fn stop(self) {
        self.bell.stop();
        if self.thread.join().is_err() {
            tracing::error!("the merge worker had panicked");
        }
    }
}

fn work(registry: &Registry, bell: &Bell) {
    while !bell.is_stopping() {
        match step(registry) {
            Ok(0) => bell.wait(MERGE_POLL),
            Ok(merged) => tracing::debug!(merged, "merged"),
            Err(trouble) => {
                tracing::error!(error = trouble, "merging stopped and will be tried again");
                bell.wait(MERGE_RETRY);
            }
        }
    }
}

/// A step that panics is a fault of ours; it takes neither the worker nor the server with it.
fn step(registry: &Registry) -> Result<usize, String> {
    let stepped: Result<usize, RegistryError> = catch_unwind(AssertUnwindSafe(|| registry.merge_step()))
        .map_err(|_| "a merge step panicked".to_owned())?;
    stepped.map_err(|error| error.to_string())
}
