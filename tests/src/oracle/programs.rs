//! The programs, typed.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use record_model::Visit;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::OracleError;
use super::process::{Process, output_within};
use crate::workbook::NamedSheet;

/// The largest shared workbook takes 10 s on a busy machine.
const CONVERT_LIMIT: Duration = Duration::from_secs(120);

/// The same for loading its form. A select over 100,000 rows takes as long.
const LOAD_LIMIT: Duration = Duration::from_secs(180);

/// For all the forms of one run.
const VALIDATE_LIMIT: Duration = Duration::from_secs(300);

const STEP_LIMIT: Duration = Duration::from_secs(120);

/// Workbooks to XForms, by pyxform's own code. ODK Validate is not run.
pub struct Pyxform {
    process: Process,
}

/// What pyxform made of a workbook.
#[derive(Debug, Clone, Deserialize)]
pub struct Conversion {
    /// The XForm; none when the workbook is refused.
    pub xform: Option<String>,
    /// Why it is refused.
    pub error: Option<String>,
    /// What a person should look at.
    pub warnings: Vec<String>,
    /// How long it took, the process already warm.
    pub seconds: f64,
}

impl Conversion {
    /// Whether the workbook is accepted.
    pub fn is_accepted(&self) -> bool {
        self.xform.is_some()
    }
}

#[derive(Deserialize)]
struct Sheets {
    sheets: Vec<NamedSheet>,
}

impl Pyxform {
    pub(super) fn start(folder: &Path) -> Result<Self, OracleError> {
        let mut command = Command::new(folder.join("venv/bin/python"));
        command.args(["-X", "utf8", "-c", include_str!("../../oracle/pyxform_convert.py")]);
        Process::start("pyxform", command.current_dir(folder)).map(|process| Self { process })
    }

    /// Converts a workbook. A refusal is an answer, not an error.
    ///
    /// # Errors
    ///
    /// When pyxform's process ends or does not answer.
    pub fn convert(&mut self, file: &Path) -> Result<Conversion, OracleError> {
        typed(&mut self.process, &json!({"op": "convert", "file": file}), CONVERT_LIMIT)
    }

    /// The sheets of a workbook in the old binary format.
    ///
    /// # Errors
    ///
    /// When it is no such workbook.
    pub fn sheets(&mut self, file: &Path) -> Result<Vec<NamedSheet>, OracleError> {
        let found: Sheets = typed(&mut self.process, &json!({"op": "sheets", "file": file}), CONVERT_LIMIT)?;
        Ok(found.sheets)
    }
}

/// ODK Web Forms' engine, one interview at a time. Every call gives the milliseconds the engine itself took.
pub struct WebEngine {
    process: Process,
}

/// A node as the web engine shows it.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct WebNode {
    /// `/data/roster[2]/age`
    #[serde(rename = "ref")]
    pub reference: String,
    /// As `InterviewNode::kind`; and `subtree`, a group of values nobody is asked.
    pub kind: String,
    /// Whether it takes part.
    pub relevant: bool,
    /// Whether it may not be changed, itself or by a group around it.
    pub readonly: bool,
    /// Whether it must be answered.
    pub required: bool,
    /// Of a repeat: whether an expression says how many instances there are.
    #[serde(default)]
    pub controlled: bool,
    /// `int`, `date`, …; none for what holds no value.
    #[serde(rename = "type")]
    pub value_type: Option<String>,
    /// Its text; none for what holds no value.
    pub value: Option<String>,
    /// `required` or `constraint`.
    pub violation: Option<String>,
    /// The codes on offer, in order.
    pub options: Option<Vec<String>>,
    /// Whether it decides how many instances a repeat has.
    #[serde(default)]
    pub counting: bool,
    /// Whether several may be chosen.
    #[serde(default)]
    pub many: bool,
}

#[derive(Deserialize)]
struct Loaded {
    volatile: Vec<String>,
    ms: f64,
}

#[derive(Deserialize)]
struct Timed {
    ms: f64,
}

#[derive(Deserialize)]
struct State {
    nodes: Vec<WebNode>,
}

impl WebEngine {
    pub(super) fn start(folder: &Path, visit: Visit, zone: &str) -> Result<Self, OracleError> {
        let mut command = Command::new("node");
        // By default Node would stop at a fraction of what 100,000 rows take.
        command.args(["--max-old-space-size=6144", "--input-type=module"]);
        command.args(["--eval", include_str!("../../oracle/web-engine.mjs")]);
        command.arg(visit.at.unix_ms().to_string()).env("TZ", zone);
        // Packages are looked for from where it stands.
        Process::start("the web engine", command.current_dir(folder)).map(|process| Self { process })
    }

    /// Loads a form under a name, with the folder of its attached files. Gives the milliseconds and the references,
    /// without positions, of what rests on `uuid()` or `random()`.
    ///
    /// # Errors
    ///
    /// When the engine refuses the form.
    pub fn load(
        &mut self,
        id: &str,
        xform: &str,
        media: Option<&Path>,
    ) -> Result<(f64, Vec<String>), OracleError> {
        let request = json!({"op": "load", "id": id, "xform": xform, "media": media});
        let loaded: Loaded = typed(&mut self.process, &request, LOAD_LIMIT)?;
        Ok((loaded.ms, loaded.volatile))
    }

    /// Starts a fresh interview of a form that is loaded.
    ///
    /// # Errors
    ///
    /// When no such form is loaded, or the engine fails at its calculations.
    pub fn begin(&mut self, id: &str) -> Result<f64, OracleError> {
        self.timed(&json!({"op": "start", "id": id}))
    }

    /// Answers a question; `OK` acknowledges, blank takes the answer back.
    ///
    /// # Errors
    ///
    /// When there is no such question, or the engine does not take this for an answer.
    pub fn set(&mut self, reference: &str, value: &str) -> Result<f64, OracleError> {
        self.timed(&json!({"op": "set", "ref": reference, "value": value}))
    }

    /// Adds an instance at the end of a repeat: `/data/roster`.
    ///
    /// # Errors
    ///
    /// When there is no such repeat.
    pub fn add(&mut self, repeat: &str) -> Result<f64, OracleError> {
        self.timed(&json!({"op": "add", "ref": repeat}))
    }

    /// Removes an instance: `/data/roster[2]`.
    ///
    /// # Errors
    ///
    /// When there is no such instance.
    pub fn remove(&mut self, instance: &str) -> Result<f64, OracleError> {
        self.timed(&json!({"op": "remove", "ref": instance}))
    }

    /// Every node, in document order.
    ///
    /// # Errors
    ///
    /// When no interview was begun.
    pub fn nodes(&mut self) -> Result<Vec<WebNode>, OracleError> {
        let state: State = typed(&mut self.process, &json!({"op": "state"}), STEP_LIMIT)?;
        Ok(state.nodes)
    }

    /// The memory that its process holds.
    ///
    /// # Errors
    ///
    /// When the process has ended.
    pub fn resident_bytes(&mut self) -> Result<u64, OracleError> {
        let answer = self.process.ask(&json!({"op": "memory"}), STEP_LIMIT)?;
        Ok(answer["resident_bytes"].as_u64().unwrap_or_default())
    }

    /// Lets go of a form and of the interview.
    ///
    /// # Errors
    ///
    /// When the process has ended.
    pub fn forget(&mut self, id: &str) -> Result<(), OracleError> {
        self.timed(&json!({"op": "forget", "id": id})).map(drop)
    }

    fn timed(&mut self, request: &Value) -> Result<f64, OracleError> {
        typed::<Timed>(&mut self.process, request, STEP_LIMIT).map(|timed| timed.ms)
    }
}

fn typed<T: DeserializeOwned>(
    process: &mut Process,
    request: &Value,
    limit: Duration,
) -> Result<T, OracleError> {
    let answer = process.ask(request, limit)?;
    Ok(serde_json::from_value(answer).expect("our own scripts answer in the shape asked of them"))
}

/// ODK Validate, from the archive inside pyxform's package: JavaRosa's parser, and one evaluation of everything.
#[derive(Debug, Clone)]
pub struct OdkValidate {
    folder: PathBuf,
}

impl OdkValidate {
    pub(super) fn new(folder: &Path) -> Self {
        Self { folder: folder.to_owned() }
    }

    /// Checks many forms in one run, since starting Java takes longer than a form. Gives the refused ones, each with
    /// the first lines of what was said; nothing means that all are valid.
    ///
    /// # Errors
    ///
    /// When there is no Java, or it did not come to a verdict.
    pub fn refused(&self, files: &[PathBuf]) -> Result<Vec<(PathBuf, String)>, OracleError> {
        const PROGRAM: &str = "ODK Validate";
        let mut command = Command::new("java");
        command.args(["-Xmx1g", "-Djava.awt.headless=true", "-jar"]).arg(self.archive()?).args(files);
        let (printed, said) = output_within(PROGRAM, &mut command, VALIDATE_LIMIT)?;
        let passed = printed.matches(">> Xform is valid!").count();
        let refused = refusals(&said);
        if passed + refused.len() == files.len() {
            return Ok(refused);
        }
        let reason = format!("{passed} passed and {} failed of {}", refused.len(), files.len());
        Err(OracleError::BrokeOff { program: PROGRAM, reason, said })
    }

    /// The archive lies in a folder named after Python's version.
    fn archive(&self) -> Result<PathBuf, OracleError> {
        let lib = self.folder.join("venv/lib");
        let entries = std::fs::read_dir(&lib).map_err(OracleError::file(&lib))?;
        let within = "site-packages/pyxform/validators/odk_validate/bin/ODK_Validate.jar";
        let found = entries.flatten().map(|entry| entry.path().join(within)).find(|path| path.is_file());
        found.ok_or_else(|| OracleError::file(&lib.join(within))(std::io::ErrorKind::NotFound.into()))
    }
}

/// Its complaints, one block a form in the order of the forms, and after them the list of those forms.
fn refusals(said: &str) -> Vec<(PathBuf, String)> {
    let (blocks, list) = said.split_once("The following files failed validation:").unwrap_or((said, ""));
    let names = list.trim_start().lines().take_while(|line| !line.is_empty());
    let mut told = blocks.split("\n>> ").skip(1).map(first_lines);
    names.map(|name| (PathBuf::from(name), told.next().unwrap_or_default())).collect()
}

/// Without the Java frames.
fn first_lines(block: &str) -> String {
    let lines = block.lines().filter(|line| !line.trim().is_empty() && !line.starts_with("\tat "));
    lines.take(4).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_refused_form_has_its_own_words() {
        let said = "\n\n>> Something broke the parser.\nCannot handle function 'foo'\n\tat a.B.c(B.java:1)\n\n\n\
                    >> XML is invalid.\nStart and end\n\nThe following files failed validation:\na.xml\nb c.xml\n\n\
                    Result: Invalid\n";
        assert_eq!(
            refusals(said),
            [
                (
                    PathBuf::from("a.xml"),
                    "Something broke the parser.\nCannot handle function 'foo'".to_owned()
                ),
                (PathBuf::from("b c.xml"), "XML is invalid.\nStart and end".to_owned()),
            ]
        );
    }
}
