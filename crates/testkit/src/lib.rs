#![doc = include_str!("../README.md")]

pub mod changes;
pub mod clock;
pub mod edits;
pub mod households;
pub mod names;
pub mod pack;
pub mod seeded;
pub mod short_form;
