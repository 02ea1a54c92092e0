//! The words that people are made up from. No row is a person.

use std::sync::OnceLock;

/// The lists of one country.
#[derive(Debug, Default)]
pub struct Names {
    /// Given names of men and boys.
    pub male: Vec<&'static str>,
    /// Given names of women and girls.
    pub female: Vec<&'static str>,
    /// Family names.
    pub family: Vec<&'static str>,
}

/// Haiti's, from `fixtures/names/haiti.csv`.
pub fn haiti() -> &'static Names {
    static NAMES: OnceLock<Names> = OnceLock::new();
    NAMES.get_or_init(|| parse(include_str!("../../../fixtures/names/haiti.csv")))
}

/// The file has no quoted cells; a test holds that every row is taken.
fn parse(csv: &'static str) -> Names {
    let mut names = Names::default();
    for line in csv.lines().skip(1) {
        let cells: Vec<&str> = line.split(',').collect();
        let [_, kind, gender, latin, ..] = cells[..] else { continue };
        match (kind, gender) {
            ("family", _) => names.family.push(latin),
            (_, "m") => names.male.push(latin),
            (_, "f") => names.female.push(latin),
            _ => {
                names.male.push(latin);
                names.female.push(latin);
            }
        }
    }
    names
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_of_the_list_is_taken() {
        let names = haiti();
        assert_eq!((names.male.len(), names.female.len(), names.family.len()), (70, 70, 90));
        let all = names.male.iter().chain(&names.female).chain(&names.family);
        assert!(all.into_iter().all(|name| !name.is_empty() && !name.contains(['"', ','])));
    }
}
