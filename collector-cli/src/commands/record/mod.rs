//! `record`

mod finalise;
mod history;
mod list;
mod member;
mod prove;
mod set;
mod show;
mod withdraw;

use std::convert::Infallible;
use std::str::FromStr;

use clap::Subcommand;
use collector_core::{Collector, RecordFilter};
use record_model::RecordId;

use crate::app::App;
use crate::failure::{Failure, Kind};
use crate::messages::Text;

/// The records on this computer.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    List(list::Args),
    Show(show::Args),
    Set(set::Args),
    AddMember(member::AddArgs),
    RemoveMember(member::RemoveArgs),
    Finalise(finalise::Args),
    Withdraw(withdraw::Args),
    History(history::Args),
    Prove(prove::Args),
}

pub(crate) fn run(command: Command, app: &mut App) -> Result<(), Failure> {
    match command {
        Command::List(args) => list::run(args, app),
        Command::Show(args) => show::run(&args, app),
        Command::Set(args) => set::run(&args, app),
        Command::AddMember(args) => member::add(&args, app),
        Command::RemoveMember(args) => member::remove(&args, app),
        Command::Finalise(args) => finalise::run(&args, app),
        Command::Withdraw(args) => withdraw::run(&args, app),
        Command::History(args) => history::run(&args, app),
        Command::Prove(args) => prove::run(&args, app),
    }
}

/// How a person names a record: its registration number, its id or the beginning of either, or its place in the list.
#[derive(Debug, Clone)]
pub(crate) struct RecordRef(String);

impl FromStr for RecordRef {
    type Err = Infallible;

    fn from_str(text: &str) -> Result<Self, Infallible> {
        Ok(Self(text.trim().to_owned()))
    }
}

/// A number of so many digits is a place in the list, never the beginning of an id.
const MAX_PLACE_DIGITS: usize = 6;

impl RecordRef {
    /// The record that is meant.
    pub(crate) fn find(&self, collector: &Collector) -> Result<RecordId, Failure> {
        let is_place = self.0.len() <= MAX_PLACE_DIGITS && self.0.bytes().all(|byte| byte.is_ascii_digit());
        match self.0.parse::<usize>() {
            Ok(place) if is_place => self.at_place(collector, place),
            _ => Ok(collector.find(&self.0)?),
        }
    }

    fn at_place(&self, collector: &Collector, place: usize) -> Result<RecordId, Failure> {
        let records = collector.list(&RecordFilter { limit: Some(place), ..RecordFilter::default() })?;
        let found = place.checked_sub(1).and_then(|at| records.get(at));
        found.map(|summary| summary.record).ok_or_else(|| {
            Failure::new(Kind::NotFound, Text::new("error-no-such-place").with("place", place))
                .hint(Text::new("hint-record"))
        })
    }
}
