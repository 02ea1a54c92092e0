//! `cargo xtask pack`: the sheets of a pack, kept as CSV so that a change can be read in review, become the workbook
//! that collectors and other XLSForm tools load.

mod areas;
mod check;
mod description;
mod form;
mod sheet;
#[cfg(test)]
mod tests;
mod workbook;

use std::error::Error;
use std::fmt;
use std::path::{Path, PathBuf};

use clap::Subcommand;

use crate::workspace;
use areas::Areas;
use description::PackDescription;
use form::FormSheets;

/// What can be done with packs.
#[derive(Subcommand)]
pub(crate) enum Command {
    /// Write `target/packs/PACK/LINEAGE.xlsx` from the sheets, after checking them.
    Build {
        /// One pack; all of them when left out.
        name: Option<String>,
        /// Another folder than target/packs.
        #[arg(long)]
        out: Option<PathBuf>,
    },
    /// Name everything that is wrong with the packs, and count their questions.
    Check {
        /// One pack; all of them when left out.
        name: Option<String>,
    },
    /// Rewrite the area lists of each form's choices.csv from areas.csv.
    Areas {
        /// One pack; all of them when left out.
        name: Option<String>,
    },
}

/// Something wrong in a pack, and the file and row to look at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Problem {
    place: String,
    what: String,
}

impl Problem {
    fn new(place: impl Into<String>, what: impl Into<String>) -> Self {
        Self { place: place.into(), what: what.into() }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.place, self.what)
    }
}

impl Error for Problem {}

/// A pack as it lies in its folder.
pub(crate) struct Pack {
    folder: PathBuf,
    description: PackDescription,
    areas: Areas,
    /// Lineage and the sheets of its form, in the order of pack.json.
    forms: Vec<(String, FormSheets)>,
}

impl Pack {
    fn load(folder: &Path) -> Result<Self, Problem> {
        let description = PackDescription::load(&folder.join("pack.json"))?;
        let areas = Areas::load(&folder.join(&description.areas))?;
        let forms = description
            .lineages
            .iter()
            .map(|(lineage, entry)| Ok((lineage.clone(), FormSheets::load(&folder.join(&entry.form))?)))
            .collect::<Result<_, Problem>>()?;
        Ok(Self { folder: folder.to_owned(), description, areas, forms })
    }
}

/// Runs one command over the packs it names.
pub(crate) fn run(command: &Command) -> Result<(), Box<dyn Error>> {
    let (Command::Build { name, .. } | Command::Check { name } | Command::Areas { name }) = command;
    for folder in pack_folders(name.as_deref())? {
        let pack = Pack::load(&folder)?;
        match command {
            Command::Build { out, .. } => {
                refuse_problems(&pack)?;
                let out = out.clone().unwrap_or_else(|| workspace::root().join("target").join("packs"));
                build(&pack, &out.join(&pack.description.name))?;
            }
            Command::Check { .. } => {
                refuse_problems(&pack)?;
                print_counts(&pack);
            }
            Command::Areas { .. } => rewrite_area_lists(&pack)?,
        }
    }
    Ok(())
}

fn pack_folders(name: Option<&str>) -> Result<Vec<PathBuf>, Box<dyn Error>> {
    let packs = workspace::root().join("schemas").join("packs");
    if let Some(name) = name {
        return Ok(vec![packs.join(name)]);
    }
    let mut folders: Vec<PathBuf> = std::fs::read_dir(&packs)
        .map_err(|error| Problem::new(packs.display().to_string(), error.to_string()))?
        .filter_map(|entry| entry.ok().map(|entry| entry.path()))
        .filter(|path| path.join("pack.json").is_file())
        .collect();
    folders.sort();
    Ok(folders)
}

fn refuse_problems(pack: &Pack) -> Result<(), Box<dyn Error>> {
    let problems = check::problems(pack);
    for problem in &problems {
        eprintln!("{problem}");
    }
    if problems.is_empty() {
        Ok(())
    } else {
        Err(format!("{}: problems: {}", pack.description.name, problems.len()).into())
    }
}

fn build(pack: &Pack, out: &Path) -> Result<(), Box<dyn Error>> {
    std::fs::create_dir_all(out)?;
    for (lineage, form) in &pack.forms {
        let path = out.join(format!("{lineage}.xlsx"));
        let bytes = workbook::render(form)?;
        // A collector may be reading the old workbook: it sees the old one or the new one, never half of one.
        let mut unfinished = tempfile::NamedTempFile::new_in(out)?;
        std::io::Write::write_all(&mut unfinished, &bytes)?;
        unfinished.persist(&path)?;
        println!("{} ({} bytes)", path.display(), bytes.len());
    }
    Ok(())
}

fn print_counts(pack: &Pack) {
    println!("{}: areas {}", pack.description.name, pack.areas.rows.len());
    for (lineage, form) in &pack.forms {
        println!(
            "  {lineage}: questions {}, calculations {}, rules {}, choices {}",
            form.questions().count(),
            form.calculations().count(),
            form.rules.rows.len(),
            form.choices.rows.len(),
        );
    }
}

fn rewrite_area_lists(pack: &Pack) -> Result<(), Box<dyn Error>> {
    for (lineage, form) in &pack.forms {
        let entry = &pack.description.lineages[lineage];
        let mut choices = form.choices.clone();
        let lists = areas::choice_rows(&pack.areas, &entry.area_questions, &choices);
        choices.rows.retain(|row| !entry.area_questions.contains(&row.cell("list_name").to_owned()));
        choices.append(lists);
        choices.save()?;
        println!("{}", choices.path.display());
    }
    Ok(())
}
