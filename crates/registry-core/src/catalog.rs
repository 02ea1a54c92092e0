//! Published forms, compiled, and the areas their pack brings.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use form_engine::{CompiledForm, Diagnostics, Workbook};
use record_model::{AreaCode, AreaTree, FormRevision, Lineage};
use registry_store::{PublicationRow, ReadTx, StoreError};
use sha2::{Digest, Sha256};
use signed_delta::PublishedFile;

use crate::error::RegistryError;

/// The form's own file in a publication.
pub(crate) const FORM_FILE: &str = "form.xlsx";
/// The areas' file.
pub(crate) const AREAS_FILE: &str = "areas.csv";
/// The largest file of a publication.
pub(crate) const MAX_FILE_BYTES: usize = 16 * 1024 * 1024;

/// A published form revision, ready to evaluate.
#[derive(Debug, Clone)]
pub struct PublishedForm {
    /// Log index of its first publication: the order of publication. Published again it is no newer, so that what was
    /// judged by it stays judged.
    pub log_index: u64,
    /// Its lineage.
    pub lineage: Lineage,
    /// The compiled form.
    pub form: Arc<CompiledForm>,
}

/// Everything published so far.
#[derive(Debug, Clone, Default)]
pub struct Catalog {
    forms: HashMap<FormRevision, PublishedForm>,
    /// Which area lies in which since which log index, in that order.
    areas: Vec<(u64, Arc<AreaTree>)>,
    area_names: Arc<BTreeMap<AreaCode, String>>,
}

impl Catalog {
    /// Compiles what is published; keeps what `known` compiled already.
    pub(crate) fn load(tx: &dyn ReadTx, known: &Self) -> Result<Self, StoreError> {
        let mut catalog = Self::default();
        for publication in tx.publications()? {
            let form = match known.forms.get(&publication.revision) {
                Some(known) => Arc::clone(&known.form),
                None => Arc::new(compile_published(tx, &publication)?),
            };
            if let Some(file) = publication.files.iter().find(|file| file.name == AREAS_FILE) {
                let (tree, names) = read_areas(&blob(tx, file)?)?;
                catalog.areas.push((publication.log_index, Arc::new(tree)));
                catalog.area_names = Arc::new(names);
            }
            catalog.forms.entry(publication.revision).or_insert(PublishedForm {
                log_index: publication.log_index,
                lineage: publication.lineage,
                form,
            });
        }
        Ok(catalog)
    }

    /// A published revision.
    pub fn form(&self, revision: FormRevision) -> Option<&PublishedForm> {
        self.forms.get(&revision)
    }

    /// The newest revision of a lineage.
    pub fn newest(&self, lineage: &Lineage) -> Option<&PublishedForm> {
        self.forms.values().filter(|form| form.lineage == *lineage).max_by_key(|form| form.log_index)
    }

    /// Of two revisions the one published later; an unpublished one is earlier than any.
    pub(crate) fn newer(&self, one: FormRevision, other: FormRevision) -> FormRevision {
        let order = |revision: &FormRevision| self.forms.get(revision).map(|form| form.log_index);
        if order(&other) > order(&one) { other } else { one }
    }

    /// Which area lies in which, now.
    pub fn areas(&self) -> &AreaTree {
        self.areas_before(u64::MAX)
    }

    /// Which area lay in which when the log stood before this entry: a replay must judge as was judged then.
    pub(crate) fn areas_before(&self, log_index: u64) -> &AreaTree {
        static NONE: std::sync::LazyLock<AreaTree> = std::sync::LazyLock::new(AreaTree::default);
        let known = self.areas.partition_point(|(since, _)| *since < log_index);
        known.checked_sub(1).map_or(&NONE, |at| &self.areas[at].1)
    }

    /// An area's name, in the pack's first language.
    pub fn area_name(&self, area: &AreaCode) -> Option<&str> {
        self.area_names.get(area).map(String::as_str)
    }
}

fn blob(tx: &dyn ReadTx, file: &PublishedFile) -> Result<Vec<u8>, StoreError> {
    tx.blob(file.sha256)?
        .filter(|content| content_hash(content) == file.sha256)
        .ok_or_else(|| RegistryError::damaged(format!("published file {} is missing", file.name)).into())
}

fn compile_published(tx: &dyn ReadTx, publication: &PublicationRow) -> Result<CompiledForm, StoreError> {
    let file = publication.files.iter().find(|file| file.name == FORM_FILE);
    let file = file.ok_or_else(|| RegistryError::damaged("a publication has no form"))?;
    let workbook = Workbook::read_xlsx(&blob(tx, file)?).map_err(RegistryError::Form)?;
    CompiledForm::compile_published(&workbook, publication.revision).map_err(RegistryError::Form)?.ok_or_else(
        || RegistryError::damaged("a published form is not the revision it was published as").into(),
    )
}

pub(crate) fn compile_workbook(bytes: &[u8]) -> Result<(CompiledForm, Diagnostics), RegistryError> {
    let workbook = Workbook::read_xlsx(bytes).map_err(RegistryError::Form)?;
    CompiledForm::compile(&workbook).map_err(RegistryError::Form)
}

pub(crate) fn content_hash(content: &[u8]) -> [u8; 32] {
    Sha256::digest(content).into()
}

/// Reads `areas.csv`: columns `code`, `parent_code` and `name` by their header; others are for people.
pub(crate) fn read_areas(bytes: &[u8]) -> Result<(AreaTree, BTreeMap<AreaCode, String>), RegistryError> {
    let refuse = |reason: String| RegistryError::Pack { file: AREAS_FILE.to_owned(), reason };
    let mut reader = csv::Reader::from_reader(bytes);
    let headers = reader.headers().map_err(|error| refuse(error.to_string()))?.clone();
    let column = |name: &str| {
        headers
            .iter()
            .position(|header| header.trim_start_matches('\u{feff}') == name)
            .ok_or_else(|| refuse(format!("expected a column {name}")))
    };
    let (code, parent, name) = (column("code")?, column("parent_code")?, column("name")?);
    let mut pairs = Vec::new();
    let mut names = BTreeMap::new();
    for (line, row) in reader.records().enumerate() {
        let row = row.map_err(|error| refuse(error.to_string()))?;
        let read = |index: usize| -> Result<AreaCode, RegistryError> {
            row.get(index)
                .unwrap_or_default()
                .parse()
                .map_err(|error| refuse(format!("line {}: {error}", line + 2)))
        };
        let area = read(code)?;
        let lies_in = if row.get(parent).unwrap_or_default().is_empty() { None } else { Some(read(parent)?) };
        names.insert(area.clone(), row.get(name).unwrap_or_default().to_owned());
        pairs.push((area, lies_in));
    }
    Ok((AreaTree::new(pairs), names))
}
