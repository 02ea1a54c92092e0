//! What a child may use up.

use std::time::Duration;

/// One second of processor time more for so many bytes of record and change: several times what the largest honest
/// record takes.
const BYTES_PER_CPU_SECOND: usize = 256 * 1024;

/// What a child may use up on one change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Address space beyond what the child has when it starts.
    pub memory_bytes: u64,
    /// Processor time for a change and a record of a few kilobytes, in whole seconds; larger ones are granted more.
    pub base_cpu_seconds: u64,
    /// How much longer than its processor time a child may take by the parent's clock.
    pub patience: u32,
}

impl Default for Limits {
    /// The largest record and change that the guard lets through (2 MiB and 256 KiB) take a second or two and some tens of
    /// megabytes.
    fn default() -> Self {
        Self { memory_bytes: 512 * 1024 * 1024, base_cpu_seconds: 1, patience: 10 }
    }
}

impl Limits {
    /// Processor time for record and change of together so many bytes.
    pub const fn cpu_seconds(&self, bytes: usize) -> u64 {
        self.base_cpu_seconds + (bytes / BYTES_PER_CPU_SECOND) as u64
    }

    /// When the parent ends a child that works on record and change of together so many bytes.
    pub const fn deadline(&self, bytes: usize) -> Duration {
        Duration::from_secs(self.cpu_seconds(bytes) * self.patience as u64)
    }
}
