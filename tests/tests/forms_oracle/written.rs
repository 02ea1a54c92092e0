//! Forms written as XForms: valid for ODK Validate, and the same form when read again.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use form_engine::CompiledForm;
use tests::oracle::{OdkValidate, Oracle, Pyxform};

/// What a sheet says and no XForm can: pyxform refuses these workbooks, we take them with a warning, and ODK Validate
/// refuses them as XForms.
const NO_XFORM_HAS_IT: &[(&str, &str)] = &[
    ("duplicate repeat at two depths", "JavaRosa loses the group inside another of its name"),
    (
        "choices with a broken reference in a label",
        "JavaRosa takes any ${ in a text for an answer that it shows",
    ),
    ("select from what is not there", "a select must have choices"),
    ("two entity lists, saved by prefix", "a record has one entity element, for one list"),
    (
        "pyxform_bug_example_calculate_without_calculation.xls",
        "a group must show something, and one of these has but calculations",
    ),
];

/// A form, and it written by both.
struct Written {
    name: String,
    ours: PathBuf,
    pyxforms: Option<PathBuf>,
}

struct Refused {
    name: String,
    /// pyxform writes it, and its XForm is valid.
    is_pyxforms: bool,
    why: String,
}

#[test]
fn a_form_written_as_an_xform_is_valid_and_reads_back_as_itself() {
    let Some(oracle) = Oracle::asked_for("a_form_written_as_an_xform_is_valid_and_reads_back_as_itself")
    else {
        return;
    };
    let _turn = super::turn();
    let folder = tempfile::tempdir().unwrap();
    let mut pyxform = oracle.pyxform().unwrap();
    let mut workbooks = super::all_workbooks(folder.path());
    workbooks.push(pack(folder.path()));
    let (mut written, mut changed) = (Vec::new(), Vec::new());
    for (number, (name, path)) in workbooks.into_iter().enumerate() {
        // An XForm's own block has that name: such a form is taken, and cannot be written.
        if name.starts_with("reserved name meta") {
            continue;
        }
        let Ok((form, _)) = super::read(&path, &mut pyxform).and_then(|book| CompiledForm::compile(&book))
        else {
            continue;
        };
        changed.extend(what_reading_back_changed(&form).map(|said| format!("{name}: {said}")));
        let ours = folder.path().join(format!("{number:03}-ours.xml"));
        fs::write(&ours, form.to_xform()).unwrap();
        let pyxforms =
            written_by_pyxform(&mut pyxform, &path, &folder.path().join(format!("{number:03}.xml")));
        written.push(Written { name, ours, pyxforms });
    }
    println!("{} forms written", written.len());
    assert!(changed.is_empty(), "{} are another form when read back:\n{}", changed.len(), changed.join("\n"));
    let invalid = refused_only_as_ours(&oracle.odk_validate(), &written);
    let (known, new): (Vec<&Refused>, Vec<&Refused>) =
        invalid.iter().partition(|refused| is_no_xforms(refused) && !refused.is_pyxforms);
    assert!(new.is_empty(), "ODK Validate refuses {}:\n{}", new.len(), told(&new));
    assert_eq!(known.len(), NO_XFORM_HAS_IT.len(), "one is refused no longer:\n{}", told(&known));
}

/// The Haitian pack's own form.
fn pack(folder: &Path) -> (String, PathBuf) {
    let path = folder.join("pack.xlsx");
    fs::write(&path, &testkit::pack::haiti_files()["form.xlsx"]).unwrap();
    ("the Haitian pack".to_owned(), path)
}

fn what_reading_back_changed(form: &CompiledForm) -> Option<String> {
    match CompiledForm::from_xform(form.to_xform().as_bytes()) {
        Ok((again, _)) if again.revision() == form.revision() => None,
        Ok((again, _)) => {
            let (said, says) = (form.said(), again.said());
            let at = said.iter().zip(&says).position(|(a, b)| a != b).unwrap_or(said.len().min(says.len()));
            let around = |parts: &[String]| parts[at.saturating_sub(3)..parts.len().min(at + 3)].join(" · ");
            Some(format!("{} became {}", around(&said), around(&says)))
        }
        Err(found) => Some(found.to_string()),
    }
}

fn written_by_pyxform(pyxform: &mut Pyxform, workbook: &Path, to: &Path) -> Option<PathBuf> {
    let xform = pyxform.convert(workbook).unwrap().xform?;
    fs::write(to, xform).unwrap();
    Some(to.to_owned())
}

/// What is refused as we write it. Where the same form as pyxform writes it is refused too, the form is to blame.
fn refused_only_as_ours(validate: &OdkValidate, written: &[Written]) -> Vec<Refused> {
    let files: Vec<PathBuf> =
        written.iter().flat_map(|form| [Some(form.ours.clone()), form.pyxforms.clone()]).flatten().collect();
    let refused: BTreeMap<PathBuf, String> = validate.refused(&files).unwrap().into_iter().collect();
    let is_pyxforms_too =
        |form: &&Written| form.pyxforms.as_ref().is_some_and(|path| refused.contains_key(path));
    let told = written.iter().filter(|form| !is_pyxforms_too(form));
    told.filter_map(|form| {
        let why = refused.get(&form.ours)?.clone();
        Some(Refused { name: form.name.clone(), is_pyxforms: form.pyxforms.is_some(), why })
    })
    .collect()
}

fn told(refused: &[&Refused]) -> String {
    refused.iter().map(|form| format!("{}: {}\n", form.name, form.why)).collect()
}

fn is_no_xforms(refused: &Refused) -> bool {
    NO_XFORM_HAS_IT.iter().any(|(name, _)| *name == refused.name)
}

#[test]
fn the_checker_tells_a_broken_form_from_a_sound_one() {
    let Some(oracle) = Oracle::asked_for("the_checker_tells_a_broken_form_from_a_sound_one") else { return };
    let _turn = super::turn();
    let folder = tempfile::tempdir().unwrap();
    let (name, workbook) = super::small_workbooks(folder.path()).swap_remove(0);
    assert_eq!(name, "unknown type");
    let mut pyxform = oracle.pyxform().unwrap();
    assert!(!pyxform.convert(&workbook).unwrap().is_accepted());
    let (_, sound) = pack(folder.path());
    let [sound_form, broken_form] = ["sound.xml", "broken.xml"].map(|name| folder.path().join(name));
    written_by_pyxform(&mut pyxform, &sound, &sound_form).unwrap();
    let text = fs::read_to_string(&sound_form).unwrap();
    fs::write(&broken_form, text.replacen("<bind ", "<bind relevant=\"nothing(1)\" ", 1)).unwrap();
    let refused = oracle.odk_validate().refused(&[broken_form.clone(), sound_form]).unwrap();
    assert_eq!(refused.len(), 1, "{refused:?}");
    assert_eq!(refused[0].0, broken_form);
    assert!(refused[0].1.contains("nothing"), "{}", refused[0].1);
}
