//! The machine's clock in the pack's time zone, and what to do when it cannot be right. Nothing is ever blocked by it.

use std::sync::{Arc, Mutex};

use collector_core::{Clock, ClockDoubt, Collector};
use jiff::civil::Date;
use jiff::tz::TimeZone;
use record_model::{Instant, Visit};

use crate::app::App;
use crate::failure::Failure;
use crate::messages::Text;
use crate::when;
use crate::world::MachineClock;

/// The zone in which "today" is meant: the pack's, and until a pack is known the machine's.
#[derive(Clone)]
pub(crate) struct Zone(Arc<Mutex<TimeZone>>);

impl Zone {
    pub(crate) fn of_the_machine() -> Self {
        Self(Arc::new(Mutex::new(TimeZone::system())))
    }

    /// Takes the zone of this name; an unknown one changes nothing.
    pub(crate) fn set(&self, name: &str) {
        if let (Ok(zone), Ok(mut held)) = (TimeZone::get(name), self.0.lock()) {
            *held = zone;
        }
    }

    pub(crate) fn get(&self) -> TimeZone {
        self.0.lock().map_or_else(|poisoned| poisoned.into_inner().clone(), |zone| zone.clone())
    }
}

/// The core's clock.
pub(crate) struct ZonedClock {
    pub(crate) machine: Arc<dyn MachineClock>,
    pub(crate) zone: Zone,
}

impl Clock for ZonedClock {
    fn now(&self) -> Instant {
        self.machine.now()
    }

    fn utc_offset_minutes(&self) -> i16 {
        when::offset_minutes(&self.zone.get(), self.now())
    }
}

/// The visit that is meant: the date given, else now. When the clock cannot be right the person is asked, or warned
/// when nobody can answer.
pub(crate) fn visit(app: &mut App, collector: &mut Collector, given: Option<Date>) -> Result<Visit, Failure> {
    let zone = app.zone.get();
    let now = collector.visit_now();
    if let Some(date) = given {
        return Ok(when::visit_on(date, now.at, &zone));
    }
    let date = confirm(app, collector)?;
    Ok(date.map_or(now, |date| when::visit_on(date, now.at, &zone)))
}

/// Compares the clock with what is known. Gives another date when the person names one.
pub(crate) fn confirm(app: &mut App, collector: &mut Collector) -> Result<Option<Date>, Failure> {
    let Some(doubt) = collector.clock_check()? else { return Ok(None) };
    let zone = app.zone.get();
    let (key, known, now) = match doubt {
        ClockDoubt::WentBack { known, now } => ("clock-went-back", known, now),
        ClockDoubt::FarAhead { known, now } => ("clock-far-ahead", known, now),
    };
    let lang = app.ui.catalogue.language;
    let shown = |instant| when::date_time(instant, &zone, lang);
    app.ui.say(&Text::new(key).with("known", shown(known)).with("now", shown(now)));
    if !app.ui.is_interactive() {
        app.ui.say(&Text::new("clock-unconfirmed"));
        return Ok(None);
    }
    let areas = &collector.who_am_i().certificate.fields.areas;
    let place = areas.iter().map(|area| area.as_str().to_owned()).collect::<Vec<_>>().join(", ");
    let zone_name = zone.iana_name().unwrap_or_default().to_owned();
    app.ui.say(&Text::new("clock-place").with("place", place).with("zone", zone_name));
    loop {
        let prompt = format!("{} ", app.ui.text(&Text::new("clock-ask").with("now", shown(now))));
        let Some(line) = app.ui.ask(&prompt)? else { return Ok(None) };
        match line.trim().to_lowercase().as_str() {
            "o" | "oui" | "w" | "wi" | "y" | "yes" => {
                collector.confirm_clock()?;
                return Ok(None);
            }
            typed => match when::parse_date(typed) {
                Some(date) => return Ok(Some(date)),
                None => app.ui.say(&Text::new("clock-ask-again")),
            },
        }
    }
}
