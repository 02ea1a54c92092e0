//! Interviews: asked at the terminal, or written down beforehand. Both go through the same engine and the same journal.

mod ask;
mod finish;
mod scripted;
mod stops;
mod terminal;

pub(crate) use finish::{Finished, finalise, print_finished};
pub(crate) use scripted::{Script, correct, run_script};
pub(crate) use terminal::{Ended, interview};
