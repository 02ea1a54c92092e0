//! `form`: publishes form revisions and lists them.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use form_engine::MAX_WORKBOOK_BYTES;
use record_model::Lineage;
use registry_core::RegistryError;

use super::App;
use crate::failure::{Failure, FailureKind};
use crate::views::{FormListView, FormPublishView, FormView};
use crate::words::msg;

/// The form's own file in a publication.
const FORM_FILE: &str = "form.xlsx";
/// What a pack adds to a form, where it has it.
const PACK_FILES: &[&str] = &["pack.json", "areas.csv"];
/// Nothing larger is read into memory; the registry has its own, smaller limits.
const MAX_PACK_FILE_BYTES: u64 = 64 * 1024 * 1024;

/// Publish forms and list them.
#[derive(Debug, clap::Subcommand)]
pub(crate) enum Command {
    /// Publish a form revision to every device whose certificate covers its lineage.
    Publish(PublishArgs),
    /// List what is published, in order of publication.
    List,
}

#[derive(Debug, clap::Args)]
pub(crate) struct PublishArgs {
    /// The form, an XLSForm workbook.
    #[arg(value_name = "FILE.xlsx")]
    file: PathBuf,

    /// All revisions of one form: household, ration-distribution, …
    #[arg(long)]
    lineage: Lineage,

    /// A pack's folder; its pack.json and areas.csv go with the form.
    #[arg(long, value_name = "DIR")]
    pack: Option<PathBuf>,
}

pub(crate) fn run(app: &App, command: Command) -> Result<(), Failure> {
    match command {
        Command::Publish(args) => publish(app, &args),
        Command::List => list(app),
    }
}

fn publish(app: &App, args: &PublishArgs) -> Result<(), Failure> {
    let files = gather(args)?;
    let open = app.open()?;
    let sizes: BTreeMap<String, u64> =
        files.iter().map(|(name, content)| (name.clone(), content.len() as u64)).collect();
    let (revision, warnings) =
        open.registry.publish(args.lineage.clone(), files).map_err(|error| in_words(app, error))?;
    let lang = app.ui.language().code();
    let view = FormPublishView {
        lineage: args.lineage.clone(),
        revision,
        files: sizes,
        warnings: warnings.iter().map(|warning| warning.render(lang)).collect(),
    };
    app.ui.result(&view, |ui| {
        ui.say(&msg("form-published").with("lineage", &view.lineage).with("revision", view.revision));
        view.warnings.iter().for_each(|warning| ui.line(warning));
    });
    Ok(())
}

/// The form's faults in the person's language, one a line.
fn in_words(app: &App, error: RegistryError) -> Failure {
    match error {
        RegistryError::Form(diagnostics) => {
            let faults = diagnostics.render(app.ui.language().code());
            Failure::new(FailureKind::Usage, msg("form-refused")).because(faults).hint(msg("hint-form"))
        }
        other => other.into(),
    }
}

fn gather(args: &PublishArgs) -> Result<BTreeMap<String, Vec<u8>>, Failure> {
    let mut files = BTreeMap::from([(FORM_FILE.to_owned(), read(&args.file, MAX_WORKBOOK_BYTES as u64)?)]);
    let Some(pack) = &args.pack else { return Ok(files) };
    if !pack.is_dir() {
        return Err(Failure::new(FailureKind::NotFound, msg("pack-missing").with("path", pack.display())));
    }
    for name in PACK_FILES {
        let path = pack.join(name);
        if path.exists() {
            files.insert((*name).to_owned(), read(&path, MAX_PACK_FILE_BYTES)?);
        }
    }
    if let Some(manifest) = files.get("pack.json") {
        serde_json::from_slice::<serde_json::Value>(manifest)
            .map_err(|error| Failure::content(&pack.join("pack.json"), error))?;
    }
    Ok(files)
}

fn read(path: &Path, limit_bytes: u64) -> Result<Vec<u8>, Failure> {
    let found = std::fs::metadata(path).map_err(|error| Failure::file(path, error))?.len();
    if found > limit_bytes {
        return Err(Failure::content(path, format!("{found} bytes, at most {limit_bytes} are read")));
    }
    std::fs::read(path).map_err(|error| Failure::file(path, error))
}

fn list(app: &App) -> Result<(), Failure> {
    let open = app.open()?;
    let catalog = open.registry.catalog();
    let forms = open.registry.publications()?.into_iter().map(|publication| {
        let form = catalog.form(publication.revision).map(|published| &published.form);
        FormView {
            log_index: publication.log_index,
            lineage: publication.lineage,
            revision: publication.revision,
            form_id: form.map(|form| form.form_id().to_owned()),
            title: form.map(|form| form.title().to_owned()),
            version: form.map(|form| form.version().to_owned()),
            files: publication.files.into_iter().map(|file| (file.name, file.size_bytes)).collect(),
        }
    });
    let view = FormListView { forms: forms.collect() };
    app.ui.result(&view, |ui| {
        let rows: Vec<Vec<String>> = view.forms.iter().map(row).collect();
        let headings =
            [msg("heading-lineage"), msg("heading-title"), msg("heading-version"), msg("heading-revision")];
        ui.table(&headings, &rows);
    });
    Ok(())
}

fn row(form: &FormView) -> Vec<String> {
    let text = |value: &Option<String>| value.clone().unwrap_or_default();
    let revision = form.revision.to_string();
    vec![form.lineage.to_string(), text(&form.title), text(&form.version), revision[..12].to_owned()]
}
