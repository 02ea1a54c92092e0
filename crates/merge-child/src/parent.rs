//! The parent's side: children, started when needed, replaced when they die.

use std::ffi::OsString;
use std::io::{self, BufReader, Read, Write};
use std::path::PathBuf;
use std::process::{ChildStdin, ChildStdout, Command, Stdio};
use std::sync::{Arc, Mutex};

use record_doc::{ForeignChange, MergeOutcome, Merger, MergerUnavailable};

use crate::limits::Limits;
use crate::platform;
use crate::watch::{Shared, Watch, lock};
use crate::wire::{self, Onto};

/// How often a change is tried whose child was ended by something other than the change.
const TRIES: usize = 2;

/// Merges in children of this program, as many at a time as there are callers.
pub struct MergeChildren {
    program: PathBuf,
    arguments: Vec<OsString>,
    limits: Limits,
    idle: Mutex<Vec<Worker>>,
    watch: Mutex<Option<Arc<Watch>>>,
}

impl std::fmt::Debug for MergeChildren {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("MergeChildren").field("program", &self.program).field("limits", &self.limits).finish()
    }
}

/// A running child that waits for work.
struct Worker {
    process: Shared,
    requests: ChildStdin,
    outcomes: BufReader<ChildStdout>,
    /// The record it merged last, and has open still.
    last: Vec<u8>,
}

/// Why a child gave no outcome.
enum Lost {
    /// The change ended it.
    Died,
    /// Something else did.
    Ended,
}

impl MergeChildren {
    /// Children of the running program, which must call [`serve`](crate::serve) when started with
    /// [`ARGUMENT`](crate::ARGUMENT). None is started before there is something to merge.
    pub fn of_this_program() -> Self {
        Self::of(platform::this_program(), [OsString::from(crate::ARGUMENT)], Limits::default())
    }

    /// Children of any program that serves when started so.
    pub fn of(
        program: impl Into<PathBuf>,
        arguments: impl IntoIterator<Item = OsString>,
        limits: Limits,
    ) -> Self {
        Self {
            program: program.into(),
            arguments: arguments.into_iter().collect(),
            limits,
            idle: Mutex::default(),
            watch: Mutex::default(),
        }
    }

    fn watch(&self) -> io::Result<Arc<Watch>> {
        let mut watch = lock(&self.watch);
        if let Some(watch) = &*watch {
            return Ok(Arc::clone(watch));
        }
        let started = Arc::new(Watch::start()?);
        *watch = Some(Arc::clone(&started));
        Ok(started)
    }

    /// A child that has the record open, else any, else a new one.
    fn take_worker(&self, state: Option<&[u8]>) -> io::Result<Worker> {
        let mut idle = lock(&self.idle);
        let knows = |worker: &Worker| state.is_some_and(|state| worker.last == state);
        let at = idle.iter().position(knows).or_else(|| idle.len().checked_sub(1));
        match at {
            Some(at) => Ok(idle.swap_remove(at)),
            None => {
                drop(idle);
                self.start_worker()
            }
        }
    }

    fn start_worker(&self) -> io::Result<Worker> {
        let mut process = Command::new(&self.program)
            .args(&self.arguments)
            // Neither a passphrase nor a path is its business.
            .env_clear()
            .env(platform::MEMORY_VARIABLE, self.limits.memory_bytes.to_string())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()?;
        let pipes = process.stdin.take().zip(process.stdout.take());
        let (requests, outcomes) = pipes.ok_or(io::ErrorKind::BrokenPipe)?;
        let process = Arc::new(Mutex::new(process));
        let mut worker = Worker { process, requests, outcomes: BufReader::new(outcomes), last: Vec::new() };
        let watch = self.watch()?;
        let watched = watch.over(&worker.process, self.limits.deadline(0));
        let mut said = [0; wire::READY.len()];
        let ready = worker.outcomes.read_exact(&mut said).is_ok() && said == wire::READY;
        drop(watched);
        if ready { Ok(worker) } else { Err(io::Error::other("it ended before it had merged anything")) }
    }

    fn ask(
        &self,
        worker: &mut Worker,
        state: Option<&[u8]>,
        change: &ForeignChange<'_>,
    ) -> io::Result<Result<MergeOutcome, Lost>> {
        let bytes = state.map_or(0, <[u8]>::len) + change.bytes.len();
        let watch = self.watch()?;
        let watched = watch.over(&worker.process, self.limits.deadline(bytes));
        let answered = worker.ask(state, self.limits.cpu_seconds(bytes), change);
        drop(watched);
        Ok(match answered {
            Ok(outcome) => Ok(outcome),
            Err(_) => Err(worker.how_it_ended()?),
        })
    }
}

impl Worker {
    fn ask(
        &mut self,
        state: Option<&[u8]>,
        cpu_seconds: u64,
        change: &ForeignChange<'_>,
    ) -> io::Result<MergeOutcome> {
        let onto = match state {
            None => Onto::Nothing,
            Some(state) if state == self.last => Onto::TheLast,
            Some(state) => Onto::Saved(state),
        };
        // Whatever comes of it, the child may have let go of that record.
        self.last.clear();
        let mut request = Vec::new();
        wire::write_request(&mut request, &onto, cpu_seconds, change)?;
        self.requests.write_all(&request)?;
        let outcome = wire::read_outcome(&mut self.outcomes)?;
        if let MergeOutcome::Merged { state, .. } = &outcome {
            self.last.extend_from_slice(state);
        }
        Ok(outcome)
    }

    /// Makes sure that it has ended, and says of what.
    fn how_it_ended(&mut self) -> io::Result<Lost> {
        let mut process = lock(&self.process);
        // A child that answers nonsense has not ended; one that has ended cannot be killed any more.
        let _ = process.kill();
        Ok(if platform::died_of_itself(process.wait()?) { Lost::Died } else { Lost::Ended })
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        let mut process = lock(&self.process);
        let _ = process.kill();
        let _ = process.wait();
    }
}

impl Merger for MergeChildren {
    fn merge(
        &self,
        state: Option<&[u8]>,
        change: &ForeignChange<'_>,
    ) -> Result<MergeOutcome, MergerUnavailable> {
        let unavailable = |source: io::Error| MergerUnavailable { source };
        for _ in 0..TRIES {
            let mut worker = self.take_worker(state).map_err(unavailable)?;
            match self.ask(&mut worker, state, change).map_err(unavailable)? {
                Ok(outcome) => {
                    lock(&self.idle).push(worker);
                    return Ok(outcome);
                }
                Err(Lost::Died) => return Ok(MergeOutcome::Killed),
                Err(Lost::Ended) => {}
            }
        }
        Ok(MergeOutcome::Killed)
    }
}
