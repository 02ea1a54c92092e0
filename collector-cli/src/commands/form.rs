//! `form`

use std::io::Read;
use std::path::{Path, PathBuf};

use clap::Subcommand;
use collector_core::PublicationState;
use form_engine::{
    CompiledForm, Diagnostic, Diagnostics, MAX_XFORM_BYTES, Question, QuestionKind, Severity, Workbook,
};
use record_model::Lineage;

use crate::app::App;
use crate::failure::{Failure, Kind};
use crate::messages::Text;
use crate::shapes::{CheckShape, DiagnosticRow, FormRow, FormShape, FormsShape, QuestionRow};

/// The forms on this computer, and the check of a new one.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    List(ListArgs),
    Show(ShowArgs),
    Check(CheckArgs),
}

/// Lists the forms on this computer.
#[derive(Debug, clap::Args)]
pub(crate) struct ListArgs {}

/// Shows the questions of a form.
#[derive(Debug, clap::Args)]
pub(crate) struct ShowArgs {
    /// The form, by its short name such as household.
    #[arg(value_name = "FORM")]
    form: Lineage,
}

/// Checks a form's workbook or XForm, and names sheet, row and column of what is wrong with it. Needs no store.
#[derive(Debug, clap::Args)]
pub(crate) struct CheckArgs {
    /// The workbook (.xlsx, .xls), or an XForm (.xml).
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// A list in CSV that the form reads; may be given several times.
    #[arg(long = "csv", value_name = "FILE.csv")]
    lists: Vec<PathBuf>,
    /// Refuse what ODK's own converter, pyxform, refuses.
    #[arg(long)]
    strict: bool,
}

pub(crate) fn run(command: Command, app: &mut App) -> Result<(), Failure> {
    match command {
        Command::List(ListArgs {}) => list(app),
        Command::Show(args) => show(&args, app),
        Command::Check(args) => check(&args, app),
    }
}

fn list(app: &mut App) -> Result<(), Failure> {
    let mut collector = app.unlock()?;
    let state = |state| match state {
        PublicationState::Fetching => "fetching",
        PublicationState::Ready => "ready",
        PublicationState::Broken => "broken",
    };
    let forms: Vec<FormRow> = collector
        .forms()?
        .into_iter()
        .map(|form| FormRow {
            form: form.lineage.to_string(),
            title: form.title,
            revision: form.revision.to_string(),
            state: state(form.state),
            newest: form.newest,
        })
        .collect();
    let shape = FormsShape { forms };
    if app.ui.json(&shape) {
        return Ok(());
    }
    if shape.forms.is_empty() {
        app.ui.result_text(&Text::new("form-none"));
    }
    let rows: Vec<Vec<String>> = shape
        .forms
        .into_iter()
        .map(|form| {
            let state = if form.newest { "form-newest".to_owned() } else { format!("form-{}", form.state) };
            let revision = form.revision.chars().take(8).collect();
            vec![form.form, form.title, revision, app.ui.text(&Text::new(state))]
        })
        .collect();
    app.ui.table(&rows);
    Ok(())
}

fn show(args: &ShowArgs, app: &mut App) -> Result<(), Failure> {
    let mut collector = app.unlock()?;
    let published = collector.form(&args.form)?;
    let form = &published.form;
    let lang = app.ui.lang();
    let shape = FormShape {
        form: published.lineage.to_string(),
        title: form.title().to_owned(),
        version: form.version().to_owned(),
        revision: published.revision.to_string(),
        languages: form.languages().to_vec(),
        questions: form.questions().iter().map(|question| row(form, question, lang)).collect(),
    };
    if app.ui.json(&shape) {
        return Ok(());
    }
    app.ui.result(&format!("{} ({}, {})", shape.title, shape.form, shape.version));
    for (question, row) in form.questions().iter().zip(&shape.questions) {
        let depth =
            std::iter::successors(question.parent(), |parent| form.question(*parent).parent()).count();
        let star = if row.required { " *" } else { "" };
        let label = if row.label.is_empty() { String::new() } else { format!("  {}", row.label) };
        app.ui.result(&format!("{}{} [{}]{star}{label}", "  ".repeat(depth), row.path, row.question_type));
    }
    Ok(())
}

fn row(form: &CompiledForm, question: &Question, lang: &str) -> QuestionRow {
    let around = form.repeats_around(question.index());
    let mut path: Vec<String> =
        around.iter().map(|repeat| format!("{}[n]", form.question(*repeat).name())).collect();
    path.push(question.name().to_owned());
    let asked = question.kind() == QuestionKind::Question && !question.is_calculated();
    QuestionRow {
        name: question.name().to_owned(),
        path: path.join("/"),
        question_type: type_word(question),
        label: form.raw_label(question.index(), lang).to_owned(),
        required: question.is_always_required(),
        asked,
        options: form.options(question.index()).into_iter().map(|choice| choice.name.into_owned()).collect(),
    }
}

/// `SelectOne` as `select_one`.
fn type_word(question: &Question) -> String {
    let name = format!("{:?}", question.question_type());
    let name = name.split([' ', '{']).next().unwrap_or_default();
    let mut word = String::new();
    for c in name.chars() {
        if c.is_uppercase() && !word.is_empty() {
            word.push('_');
        }
        word.extend(c.to_lowercase());
    }
    word
}

fn check(args: &CheckArgs, app: &mut App) -> Result<(), Failure> {
    let (form, diagnostics) = compile(args)?;
    let usable = form.is_some() && !diagnostics.has_errors();
    let shape = CheckShape {
        file: args.file.display().to_string(),
        usable,
        revision: form.as_ref().map(|form| form.revision().to_string()),
        questions: form.as_ref().map_or(0, asked),
        diagnostics: diagnostics.iter().map(diagnostic_row).collect(),
    };
    if !app.ui.json(&shape) {
        for diagnostic in diagnostics.iter() {
            app.ui.result(&diagnostic.render(if app.ui.lang() == "en" { "en" } else { "fr" }));
        }
        if usable {
            app.ui.result_text(&Text::new("form-usable").with("questions", shape.questions));
        }
    }
    if usable {
        return Ok(());
    }
    let errors = diagnostics.iter().filter(|diagnostic| diagnostic.severity == Severity::Error).count();
    Err(Failure::new(Kind::InvalidAnswers, Text::new("form-refused").with("count", errors)))
}

fn compile(args: &CheckArgs) -> Result<(Option<CompiledForm>, Diagnostics), Failure> {
    let bytes = read(&args.file)?;
    let mut lists = Vec::new();
    for list in &args.lists {
        let name = list.file_name().unwrap_or_default().to_string_lossy().into_owned();
        lists.push((name, read(list)?));
    }
    let compiled = if is_xml(&bytes) {
        CompiledForm::from_xform_with(&bytes, &lists)
    } else {
        workbook(&bytes, &lists).and_then(|workbook| match args.strict {
            true => CompiledForm::compile_strict(&workbook),
            false => CompiledForm::compile(&workbook),
        })
    };
    Ok(match compiled {
        Ok((form, warnings)) => (Some(form), warnings),
        Err(diagnostics) => (None, diagnostics),
    })
}

fn workbook(bytes: &[u8], lists: &[(String, Vec<u8>)]) -> Result<Workbook, Diagnostics> {
    let mut workbook = Workbook::read_xlsx(bytes)?;
    for (name, content) in lists {
        workbook.attach_csv(name, content)?;
    }
    Ok(workbook)
}

/// No more than the engine would take: what is larger is refused by its size all the same.
fn read(path: &Path) -> Result<Vec<u8>, Failure> {
    let file = std::fs::File::open(path).map_err(|error| Failure::file(path, error))?;
    let mut bytes = Vec::new();
    file.take(MAX_XFORM_BYTES as u64 + 1)
        .read_to_end(&mut bytes)
        .map_err(|error| Failure::file(path, error))?;
    Ok(bytes)
}

fn is_xml(bytes: &[u8]) -> bool {
    let text = bytes.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(bytes);
    text.trim_ascii_start().starts_with(b"<")
}

fn asked(form: &CompiledForm) -> usize {
    form.questions().iter().filter(|question| question.kind() == QuestionKind::Question).count()
}

fn diagnostic_row(diagnostic: &Diagnostic) -> DiagnosticRow {
    DiagnosticRow {
        severity: diagnostic.severity.as_str(),
        sheet: diagnostic.sheet.clone(),
        row: diagnostic.row,
        column: diagnostic.column.clone(),
        code: diagnostic.code,
        found: diagnostic.found.clone(),
        expected: diagnostic.expected.clone(),
        found_fr: diagnostic.found_fr.clone(),
        expected_fr: diagnostic.expected_fr.clone(),
        fix_fr: diagnostic.fix_fr.clone(),
        fix_en: diagnostic.fix_en.clone(),
    }
}
