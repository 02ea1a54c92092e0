//! What every command is handed: the person, the words, the home, and the world.

use std::path::PathBuf;
use std::sync::Arc;

use collector_core::{Collector, Home, Merger, Ports, PublicationState, Randomness, Transport};
use record_model::Lineage;
use zeroize::Zeroizing;

use crate::cli::Globals;
use crate::clock::{Zone, ZonedClock};
use crate::failure::{Failure, Kind};
use crate::http::Server;
use crate::messages::{Catalogue, Language, Text};
use crate::platform;
use crate::settings::Settings;
use crate::ui::Ui;
use crate::when;
use crate::world::{Connect, MachineClock, MakeRandomness, Variable, World};

/// The variable that scripts give the passphrase in.
const PASSPHRASE_VARIABLE: &str = "LAKOU_PASSPHRASE";
/// The same for a person who is being added.
const NEW_PASSPHRASE_VARIABLE: &str = "LAKOU_NEW_PASSPHRASE";

const MS_PER_DAY: i64 = 24 * 60 * 60 * 1000;

pub(crate) struct App {
    pub(crate) ui: Ui,
    pub(crate) zone: Zone,
    pub(crate) kdf: collector_core::KdfParams,
    world: Surroundings,
    globals: Globals,
}

/// The world without the person, whom the ui has.
struct Surroundings {
    clock: Arc<dyn MachineClock>,
    randomness: MakeRandomness,
    connect: Connect,
    variable: Variable,
    merger: Arc<dyn Merger>,
}

impl App {
    pub(crate) fn new(world: World, language: Language) -> Self {
        Self {
            ui: Ui::new(world.terminal, Catalogue::new(language)),
            zone: Zone::of_the_machine(),
            kdf: world.kdf,
            world: Surroundings {
                clock: world.clock,
                randomness: world.randomness,
                connect: world.connect,
                variable: world.variable,
                merger: world.merger,
            },
            globals: Globals::default(),
        }
    }

    pub(crate) fn take_globals(&mut self, globals: Globals) {
        self.ui.json = globals.json;
        self.globals = globals;
    }

    fn variable(&self, name: &str) -> Option<String> {
        (self.world.variable)(name).filter(|value| !value.is_empty())
    }

    /// The folder of the store.
    pub(crate) fn home(&self) -> Result<Home, Failure> {
        let told = self.globals.home.clone().or_else(|| self.variable("LAKOU_HOME").map(PathBuf::from));
        told.or_else(|| platform::default_home(self.world.variable.as_ref()))
            .map(Home::at)
            .ok_or_else(|| Failure::new(Kind::Usage, Text::new("error-no-home")))
    }

    /// Random bytes from the operating system.
    pub(crate) fn randomness(&self) -> Box<dyn Randomness + Send> {
        (self.world.randomness)()
    }

    pub(crate) fn ports(&self) -> Ports {
        let clock = ZonedClock { machine: Arc::clone(&self.world.clock), zone: self.zone.clone() };
        let merger = Arc::clone(&self.world.merger);
        Ports { clock: Box::new(clock), randomness: self.randomness(), merger }
    }

    /// The person's store, unlocked. Says at once when it is a training one.
    pub(crate) fn unlock(&mut self) -> Result<Collector, Failure> {
        let home = self.home()?;
        if let Some(zone) = Settings::load(&home)?.time_zone {
            self.zone.set(&zone);
        }
        let person = self.person(&home)?;
        let passphrase = self.passphrase(&person)?;
        let collector = Collector::unlock(&home, &person, &passphrase, self.ports())?;
        self.banner(&collector);
        self.warn_of_unsent(&collector)?;
        Ok(collector)
    }

    /// Work that is on one laptop only is the greatest risk there is: the longer it waits, the louder this says so.
    fn warn_of_unsent(&mut self, collector: &Collector) -> Result<(), Failure> {
        let Some(age) = collector.oldest_unsent_age_ms()? else { return Ok(()) };
        let key = match age / MS_PER_DAY {
            ..1 => return Ok(()),
            1..3 => "unsent-note",
            3..7 => "unsent-warning",
            7.. => "unsent-alarm",
        };
        self.ui.say(&Text::new(key).with("age", when::age(age)));
        Ok(())
    }

    pub(crate) fn banner(&mut self, collector: &Collector) {
        if collector.who_am_i().training {
            self.ui.say(&Text::new("training-banner"));
        }
    }

    /// Who unlocks: as told, else the only person there is.
    fn person(&mut self, home: &Home) -> Result<String, Failure> {
        if let Some(told) = self.globals.user.clone().or_else(|| self.variable("LAKOU_USER")) {
            return Ok(told);
        }
        let mut people = Collector::people(home)?;
        if people.len() == 1 {
            return Ok(people.remove(0));
        }
        let names = people.join(", ");
        Err(Failure::new(Kind::Usage, Text::new("error-which-person").with("people", names))
            .hint(Text::new("hint-which-person")))
    }

    pub(crate) fn passphrase(&mut self, person: &str) -> Result<Zeroizing<String>, Failure> {
        match self.passphrase_told()? {
            Some(told) => Ok(told),
            None => self.ask_passphrase(Text::new("ask-passphrase").with("person", person)),
        }
    }

    fn passphrase_told(&self) -> Result<Option<Zeroizing<String>>, Failure> {
        if let Some(path) = &self.globals.passphrase_file {
            return read_passphrase(path).map(Some);
        }
        Ok(self.variable(PASSPHRASE_VARIABLE).map(Zeroizing::new))
    }

    fn ask_passphrase(&mut self, prompt: Text) -> Result<Zeroizing<String>, Failure> {
        if !self.ui.is_interactive() {
            return Err(Failure::new(Kind::Usage, Text::new("error-no-passphrase"))
                .hint(Text::new("hint-no-passphrase")));
        }
        self.ui.ask_secret(&prompt)
    }

    /// The passphrase of the person who is enrolled with `init`.
    pub(crate) fn first_passphrase(&mut self, person: &str) -> Result<Zeroizing<String>, Failure> {
        match self.passphrase_told()? {
            Some(told) => Ok(told),
            None => self.choose_passphrase(person),
        }
    }

    /// The passphrase of a person who is added beside the one who unlocked.
    pub(crate) fn added_passphrase(
        &mut self,
        person: &str,
        file: Option<&PathBuf>,
    ) -> Result<Zeroizing<String>, Failure> {
        if let Some(path) = file {
            return read_passphrase(path);
        }
        match self.variable(NEW_PASSPHRASE_VARIABLE) {
            Some(told) => Ok(Zeroizing::new(told)),
            None => self.choose_passphrase(person),
        }
    }

    /// Asked twice: what is typed unseen may be mistyped.
    fn choose_passphrase(&mut self, person: &str) -> Result<Zeroizing<String>, Failure> {
        loop {
            let first = self.ask_passphrase(Text::new("ask-new-passphrase").with("person", person))?;
            let second = self.ask_passphrase(Text::new("ask-passphrase-again"))?;
            if first == second {
                return Ok(first);
            }
            self.ui.say(&Text::new("passphrases-differ"));
        }
    }

    pub(crate) fn connect(&self, server: &Server) -> Result<Box<dyn Transport>, Failure> {
        (self.world.connect)(server)
    }

    /// The road to the server that this home was enrolled with.
    pub(crate) fn connect_home(&self, home: &Home) -> Result<Box<dyn Transport>, Failure> {
        let settings = Settings::load(home)?;
        let address = settings.server.ok_or_else(|| {
            Failure::new(Kind::NotFound, Text::new("error-no-server-address"))
                .hint(Text::new("hint-no-store"))
        })?;
        self.connect(&Server::parse(&address)?.with_authority(settings.certificate_authority))
    }

    /// Takes the time zone of the newest form's pack, and keeps it for the next start.
    pub(crate) fn learn_zone(&self, collector: &mut Collector) -> Result<(), Failure> {
        let ready =
            |form: &&collector_core::FormSummary| form.newest && form.state == PublicationState::Ready;
        let lineages: Vec<Lineage> =
            collector.forms()?.iter().filter(ready).map(|form| form.lineage.clone()).collect();
        for lineage in lineages {
            let form = collector.form(&lineage)?;
            let Some(zone) = form.settings.raw.get("time_zone").and_then(|zone| zone.as_str()) else {
                continue;
            };
            self.zone.set(zone);
            let home = collector.home().clone();
            let mut settings = Settings::load(&home)?;
            if settings.time_zone.as_deref() != Some(zone) {
                settings.time_zone = Some(zone.to_owned());
                settings.save(&home)?;
            }
        }
        Ok(())
    }
}

/// The first line of a file.
fn read_passphrase(path: &PathBuf) -> Result<Zeroizing<String>, Failure> {
    let text = Zeroizing::new(std::fs::read_to_string(path).map_err(|error| Failure::file(path, error))?);
    Ok(Zeroizing::new(text.lines().next().unwrap_or_default().to_owned()))
}
