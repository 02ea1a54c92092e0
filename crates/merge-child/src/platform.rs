//! What differs between operating systems, and the clock.

use std::io;
use std::path::PathBuf;
use std::process::ExitStatus;
use std::time::Duration;

/// How a parent tells its child how much memory it may take.
pub(crate) const MEMORY_VARIABLE: &str = "LAKOU_MERGE_CHILD_MEMORY";

/// A moment of the clock that only goes forward.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Moment(std::time::Instant);

impl Moment {
    #[expect(clippy::disallowed_methods, reason = "a deadline for a process is the machine's time")]
    pub(crate) fn now() -> Self {
        Self(std::time::Instant::now())
    }

    pub(crate) fn after(self, duration: Duration) -> Self {
        Self(self.0 + duration)
    }
}

/// The running program. Linux: the file this process was started from, even when an update has put another in its place.
/// Elsewhere: where it was; Windows does not let a running program's file be replaced. Empty where the system does not
/// tell: then no child starts, and merging says so.
pub(crate) fn this_program() -> PathBuf {
    let told = || std::env::current_exe().unwrap_or_default();
    if cfg!(target_os = "linux") { PathBuf::from("/proc/self/exe") } else { told() }
}

/// Limits this process to so much more address space than it has.
///
/// Unix: `RLIMIT_AS`, and no core file, which would hold a record. Windows: a job object with
/// `JOB_OBJECT_LIMIT_PROCESS_MEMORY` would do it, which the parent would have to make through calls this crate forbids
/// itself; there the guard and the deadline hold alone.
pub(crate) fn limit_memory(bytes: u64) -> io::Result<()> {
    #[cfg(unix)]
    {
        use rustix::process::{Resource, Rlimit, setrlimit};
        let limit = Some(bytes.saturating_add(address_space()));
        setrlimit(Resource::As, Rlimit { current: limit, maximum: limit })?;
        setrlimit(Resource::Core, Rlimit { current: Some(0), maximum: Some(0) })?;
    }
    #[cfg(not(unix))]
    let _ = bytes;
    Ok(())
}

/// What this process has mapped already; 0 where nobody tells, which only makes the limit tighter.
#[cfg(unix)]
fn address_space() -> u64 {
    let pages = std::fs::read_to_string("/proc/self/statm")
        .ok()
        .and_then(|statm| statm.split(' ').next().and_then(|pages| pages.parse::<u64>().ok()));
    pages.unwrap_or(0) * rustix::param::page_size() as u64
}

/// Grants this process so many more seconds of processor time, and ends it then (`SIGXCPU`). The system counts in whole
/// seconds: the grant is up to one second less. Windows: the parent's deadline alone.
pub(crate) fn grant_cpu(seconds: u64) -> io::Result<()> {
    #[cfg(unix)]
    {
        use rustix::process::{Resource, Rlimit, setrlimit};
        use rustix::time::{ClockId, clock_gettime};
        let used = u64::try_from(clock_gettime(ClockId::ProcessCPUTime).tv_sec).unwrap_or(0);
        setrlimit(Resource::Cpu, Rlimit { current: Some(used + seconds + 1), maximum: None })?;
    }
    #[cfg(not(unix))]
    let _ = seconds;
    Ok(())
}

/// What a Rust program gives back that panicked.
const PANICKED: i32 = 101;

/// True when a child ended of its own doing: out of memory, of processor time or of stack, or in a panic. Another try would
/// end the same way. On Windows only the panic can be told, and otherwise there is another try.
pub(crate) fn died_of_itself(status: ExitStatus) -> bool {
    if status.code() == Some(PANICKED) {
        return true;
    }
    #[cfg(unix)]
    {
        use std::os::unix::process::ExitStatusExt;
        let own =
            [rustix::process::Signal::XCPU, rustix::process::Signal::ABORT, rustix::process::Signal::SEGV];
        status.signal().is_some_and(|signal| own.iter().any(|own| own.as_raw() == signal))
    }
    #[cfg(not(unix))]
    {
        false
    }
}
