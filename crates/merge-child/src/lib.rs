#![doc = include_str!("../README.md")]

mod child;
mod limits;
mod parent;
mod platform;
mod watch;
mod wire;

pub use child::{serve, serve_with};
pub use limits::Limits;
pub use parent::MergeChildren;

/// The first argument of a program that is started as a child: not for people, so no command line lists it.
pub const ARGUMENT: &str = "merge-child";
