//! Where a household lives.

use crate::pack::haiti_areas;
use crate::seeded::Seeded;

/// A commune with what lies in it and around it.
#[derive(Debug)]
pub(super) struct Commune {
    pub(super) code: String,
    pub(super) department: String,
    sections: Vec<String>,
}

/// What stands in the answers about the place.
#[derive(Debug)]
pub(super) struct Place {
    pub(super) section: String,
    pub(super) milieu: &'static str,
    pub(super) locality: String,
    pub(super) directions: &'static str,
    pub(super) gps: Option<String>,
}

/// The communes of the metropolitan area of Port-au-Prince.
const METRO: [&str; 8] = ["HT0111", "HT0112", "HT0113", "HT0114", "HT0115", "HT0116", "HT0117", "HT0118"];

/// About the middle of each department, in hundredths of a degree.
const MIDDLES: [(&str, i64, i64); 10] = [
    ("HT01", 1860, -7230),
    ("HT02", 1830, -7240),
    ("HT03", 1960, -7230),
    ("HT04", 1950, -7185),
    ("HT05", 1930, -7260),
    ("HT06", 1900, -7200),
    ("HT07", 1830, -7380),
    ("HT08", 1850, -7410),
    ("HT09", 1980, -7300),
    ("HT10", 1840, -7330),
];

/// Words that thousands of places are called by; together they name none that we know.
const LOCALITY: [&str; 8] =
    ["Nan Mango", "Ti Rivyè", "Wo Mòn", "Ba Ravin", "Kafou Siwèl", "Bwa Nèf", "Savann Sèch", "Fon Zoranj"];
const DIRECTIONS: [&str; 5] = [
    "Derrière l'école, près du grand manguier",
    "Troisième maison après le pont",
    "En face du marché",
    "Sentier à gauche après la citerne",
    "À côté de l'église",
];

impl Commune {
    /// By its P-code.
    ///
    /// # Panics
    /// When the Haiti pack has no such commune, or no section in it.
    pub(super) fn find(code: &str) -> Self {
        let areas = haiti_areas();
        let commune = areas
            .iter()
            .find(|area| area.level == 2 && area.code == code)
            .unwrap_or_else(|| panic!("the Haiti pack has no commune {code}"));
        let sections: Vec<String> =
            areas.iter().filter(|area| area.parent_code == code).map(|area| area.code.clone()).collect();
        assert!(!sections.is_empty(), "the commune {code} has no sections in the Haiti pack");
        Self { code: code.to_owned(), department: commune.parent_code.clone(), sections }
    }

    /// A place in it. The section is always known, so that a record's area can be the narrowest.
    pub(super) fn place(&self, rng: &mut Seeded) -> Place {
        let at = rng.below(self.sections.len() as u64) as usize;
        let town = if METRO.contains(&self.code.as_str()) { "metro" } else { "urban" };
        // A commune's first section holds its town.
        let in_town = if town == "metro" { 85 } else { 60 / (1 + at as u64) };
        Place {
            section: self.sections[at].clone(),
            milieu: if rng.chance(in_town) { town } else { "rural" },
            locality: format!("{} {}", rng.pick(&LOCALITY), rng.between(1..=9)),
            directions: rng.pick(&DIRECTIONS),
            gps: rng.chance(88).then(|| self.gps(at as i64, rng)),
        }
    }

    /// Households of one section lie within a kilometre or two of each other, sections a few kilometres apart.
    fn gps(&self, section: i64, rng: &mut Seeded) -> String {
        let (latitude, longitude) = MIDDLES
            .iter()
            .find(|(department, ..)| *department == self.department)
            .map_or((1900, -7230), |(_, latitude, longitude)| (*latitude, *longitude));
        let micro = |middle: i64, shift: i64, rng: &mut Seeded| {
            (middle * 10_000 + shift * 30_000 + rng.between(-12_000..=12_000)) as f64 / 1e6
        };
        let (latitude, longitude) =
            (micro(latitude, section % 3 - 1, rng), micro(longitude, section / 3 % 3 - 1, rng));
        format!("{latitude:.6} {longitude:.6} {}.0 {}.0", rng.between(2..=900), rng.between(3..=18))
    }
}
