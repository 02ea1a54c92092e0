//! Published forms, compiled here from the files the registry signed for.

use std::collections::HashMap;
use std::sync::Arc;

use device_store::{Publication, PublicationState, Tx};
use form_engine::{CompiledForm, Workbook};
use record_model::{Answers, AreaCode, AreaTree, FormRevision, Lineage};
use serde::Deserialize;

use crate::error::CollectorError;

/// A form as it is asked here.
#[derive(Debug)]
pub struct PublishedForm {
    /// Its lineage.
    pub lineage: Lineage,
    /// Its revision.
    pub revision: FormRevision,
    /// The form.
    pub form: CompiledForm,
    /// What the pack says about it.
    pub settings: PackSettings,
    /// The areas of the pack.
    pub areas: AreaList,
}

/// What the collector needs of a pack's `pack.json`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PackSettings {
    /// Questions whose answers are area codes, the smallest area first.
    pub area_questions: Vec<String>,
    /// The repeat whose instances are people; none when the pack does not say.
    pub person_repeat: Option<String>,
    /// The question that holds the date of the visit.
    pub visit_date_question: Option<String>,
    /// The question that holds the result of the visit.
    pub result_question: Option<String>,
    /// The results that mean that the household would not be interviewed.
    pub refused_results: Vec<String>,
    /// The default language.
    pub default_language: Option<String>,
    /// The file as it is, for what the program around needs of it.
    pub raw: serde_json::Value,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct PackJson {
    area_path: Vec<String>,
    default_language: Option<String>,
    lineages: HashMap<String, LineageJson>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct LineageJson {
    area_questions: Vec<String>,
    person_repeat: Option<String>,
    visit_date_question: Option<String>,
    result_question: Option<String>,
    refused_results: Vec<String>,
}

impl PackSettings {
    /// True when the answers say that the household would not be interviewed.
    pub fn is_refusal(&self, answers: &Answers) -> bool {
        let result = self.result_question.as_deref().and_then(|question| answers.get(question)?.as_text());
        result.is_some_and(|result| self.refused_results.iter().any(|refused| refused == result))
    }

    /// Reads `pack.json` for one lineage. What is not there is left at its default.
    pub fn parse(bytes: &[u8], lineage: &Lineage) -> Option<Self> {
        let raw: serde_json::Value = serde_json::from_slice(bytes).ok()?;
        let mut pack: PackJson = serde_json::from_value(raw.clone()).ok()?;
        let of_lineage = pack.lineages.remove(lineage.as_str()).unwrap_or_default();
        // `area_questions` goes from the country down, `area_path` from the smallest up.
        let mut area_questions = of_lineage.area_questions;
        area_questions.reverse();
        if area_questions.is_empty() {
            area_questions = pack.area_path;
        }
        Some(Self {
            area_questions,
            person_repeat: of_lineage.person_repeat,
            visit_date_question: of_lineage.visit_date_question,
            result_question: of_lineage.result_question,
            refused_results: of_lineage.refused_results,
            default_language: pack.default_language,
            raw,
        })
    }
}

/// One area of a pack's list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AreaEntry {
    /// Its code.
    pub code: AreaCode,
    /// The area it lies in.
    pub parent: Option<AreaCode>,
    /// Its name.
    pub name: String,
}

/// The areas of a pack.
#[derive(Debug, Default)]
pub struct AreaList {
    /// In the order of the file.
    pub entries: Vec<AreaEntry>,
    /// Which lies in which.
    pub tree: AreaTree,
}

impl AreaList {
    /// Reads `areas.csv` (columns `code`, `parent_code`, `name`); rows without a good code are passed over.
    pub fn parse(bytes: &[u8]) -> Self {
        let mut reader = csv::ReaderBuilder::new().flexible(true).from_reader(bytes);
        let headers = reader.headers().cloned().unwrap_or_default();
        let column = |name: &str| headers.iter().position(|header| header == name);
        let (code, parent, name) = (column("code"), column("parent_code"), column("name"));
        let cell = |row: &csv::StringRecord, at: Option<usize>| {
            at.and_then(|at| row.get(at)).unwrap_or_default().to_owned()
        };
        let entries: Vec<AreaEntry> = reader
            .records()
            .filter_map(Result::ok)
            .filter_map(|row| {
                Some(AreaEntry {
                    code: cell(&row, code).parse().ok()?,
                    parent: cell(&row, parent).parse().ok(),
                    name: cell(&row, name),
                })
            })
            .collect();
        let tree = AreaTree::new(entries.iter().map(|entry| (entry.code.clone(), entry.parent.clone())));
        Self { entries, tree }
    }
}

/// The areas' file in a publication.
const AREAS_FILE: &str = "areas.csv";

/// Why a publication's files make no form.
#[derive(Debug)]
pub(crate) enum Broken {
    /// The store's fault.
    Error(CollectorError),
    /// The files' fault.
    Files,
}

/// Compiles a publication from its files.
pub(crate) fn compile(tx: &Tx<'_>, publication: &Publication) -> Result<PublishedForm, Broken> {
    let fail = |error: device_store::DeviceStoreError| Broken::Error(error.into());
    let mut workbook = None;
    let mut lists = Vec::new();
    let mut settings = PackSettings::default();
    let mut areas = None;
    for file in tx.publication_files(publication.delta).map_err(fail)? {
        let content = tx.blob(&file.sha256).map_err(fail)?.ok_or(Broken::Files)?;
        match file.name.as_str() {
            "form.xlsx" => workbook = Some(Workbook::read_xlsx(&content).map_err(|_| Broken::Files)?),
            "pack.json" => {
                settings = PackSettings::parse(&content, &publication.lineage).ok_or(Broken::Files)?;
            }
            AREAS_FILE => areas = Some(AreaList::parse(&content)),
            name if name.ends_with(".csv") => lists.push((file.name, content)),
            _ => {}
        }
    }
    let workbook = workbook.ok_or(Broken::Files)?;
    let form = compile_as(workbook, &lists, publication.revision).ok_or(Broken::Files)?;
    let areas = match areas {
        Some(areas) => areas,
        None => latest_areas(tx).map_err(Broken::Error)?,
    };
    let (lineage, revision) = (publication.lineage.clone(), publication.revision);
    Ok(PublishedForm { lineage, revision, form, settings, areas })
}

/// The areas published last, for a publication that brings none of its own.
fn latest_areas(tx: &Tx<'_>) -> Result<AreaList, CollectorError> {
    for publication in tx.publications()?.iter().rev() {
        let files = tx.publication_files(publication.delta)?;
        let Some(file) = files.iter().find(|file| file.name == AREAS_FILE) else { continue };
        if let Some(content) = tx.blob(&file.sha256)? {
            return Ok(AreaList::parse(&content));
        }
    }
    Ok(AreaList::default())
}

/// The form of exactly this revision: of the workbook alone, or with the lists beside it, which a revision also names.
fn compile_as(
    mut workbook: Workbook,
    lists: &[(String, Vec<u8>)],
    revision: FormRevision,
) -> Option<CompiledForm> {
    let compile = |workbook: &Workbook| CompiledForm::compile_published(workbook, revision).ok().flatten();
    compile(&workbook).or_else(|| {
        for (name, content) in lists {
            workbook.attach_csv(name, content).ok()?;
        }
        compile(&workbook)
    })
}

/// Forms compiled so far.
#[derive(Debug, Default)]
pub(crate) struct FormLibrary {
    compiled: HashMap<FormRevision, Arc<PublishedForm>>,
}

impl FormLibrary {
    /// The form of a revision, compiled at most once.
    pub(crate) fn get(
        &mut self,
        tx: &Tx<'_>,
        revision: FormRevision,
    ) -> Result<Arc<PublishedForm>, CollectorError> {
        if let Some(known) = self.compiled.get(&revision) {
            return Ok(Arc::clone(known));
        }
        let unknown = || CollectorError::UnknownRevision { revision };
        let publication = tx
            .publications()?
            .into_iter()
            .rfind(|publication| {
                publication.revision == revision && publication.state == PublicationState::Ready
            })
            .ok_or_else(unknown)?;
        let form = match compile(tx, &publication) {
            Ok(form) => Arc::new(form),
            Err(Broken::Error(error)) => return Err(error),
            Err(Broken::Files) => return Err(unknown()),
        };
        self.compiled.insert(revision, Arc::clone(&form));
        Ok(form)
    }

    /// The same, or none: for what is nice to have.
    pub(crate) fn find(
        &mut self,
        tx: &Tx<'_>,
        revision: FormRevision,
    ) -> Result<Option<Arc<PublishedForm>>, CollectorError> {
        match self.get(tx, revision) {
            Ok(form) => Ok(Some(form)),
            Err(CollectorError::UnknownRevision { .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// The newest usable form of a lineage.
    pub(crate) fn newest(
        &mut self,
        tx: &Tx<'_>,
        lineage: &Lineage,
    ) -> Result<Arc<PublishedForm>, CollectorError> {
        let newest = tx
            .publications()?
            .into_iter()
            .rfind(|p| p.lineage == *lineage && p.state == PublicationState::Ready)
            .ok_or_else(|| CollectorError::NoForm { lineage: lineage.clone() })?;
        self.get(tx, newest.revision)
    }
}
