//! What each fuzz target does with its input. The test `crashers` of the engine does the same with every input that
//! once went wrong.

use std::collections::BTreeSet;
use std::io::{Cursor, Write};

use form_engine::{CompiledForm, Functions, Interview, Preload, Resume, Workbook, XmlExpression};
use form_engine::{evaluate, initial_answers};
use record_model::{Instant, Visit};

const MAX_SHEETS: usize = 8;
/// What is answered, in turn.
const ANSWERS: [&str; 5] = ["1", "b a", "2026-11-23", "<é & '\u{7}\">", ""];

fn visit() -> Visit {
    Visit { at: Instant::from_unix_ms(1_795_320_600_000), utc_offset_minutes: -300 }
}

fn preload() -> Preload {
    Preload { uuid_seed: "seed".to_owned(), ..Preload::default() }
}

/// A file, or what one is made of, by the first byte: `=` begins the parts of an .xlsx, `!` the records of an .xls, `#` the
/// cells of its sheets. Damaged archives are refused at their checksum; these three get behind it.
pub fn workbook(input: &[u8]) {
    let read = match input.split_first() {
        Some((b'=', _)) => Workbook::read_xlsx(&archive(input)),
        Some((b'!', records)) => Workbook::read_xlsx(&compound_file(records)),
        Some((b'#', _)) => Ok(Workbook::from_sheets(sheets(&String::from_utf8_lossy(input)))),
        _ => Workbook::read_xlsx(input),
    };
    let Ok(workbook) = read else { return };
    let strict = CompiledForm::compile_strict(&workbook);
    match CompiledForm::compile(&workbook) {
        Ok((form, _)) => {
            let answers = initial_answers(&form, visit(), &preload());
            evaluate(&form, &answers, visit());
            fill_in(&form);
        }
        Err(_) => assert!(strict.is_err(), "refused, but not by the strict reader"),
    }
}

/// `=xl/workbook.xml`, a line break and the part; then the next.
fn archive(text: &[u8]) -> Vec<u8> {
    let mut writer = zip::ZipWriter::new(Cursor::new(Vec::new()));
    let options = zip::write::SimpleFileOptions::default().compression_method(zip::CompressionMethod::Stored);
    let starts = (0..text.len()).filter(|at| text[*at] == b'=' && (*at == 0 || text[at - 1] == b'\n'));
    let starts: Vec<usize> = starts.chain([text.len()]).collect();
    for pair in starts.windows(2) {
        let part = &text[pair[0] + 1..pair[1]];
        let (name, content) = match part.iter().position(|byte| *byte == b'\n') {
            Some(end) => (&part[..end], &part[end + 1..]),
            None => (part, &[][..]),
        };
        if writer.start_file(String::from_utf8_lossy(name), options).is_ok() {
            writer.write_all(content).expect("memory takes what is written");
        }
    }
    writer.finish().expect("memory takes what is written").into_inner()
}

fn compound_file(records: &[u8]) -> Vec<u8> {
    let mut file = cfb::CompoundFile::create(Cursor::new(Vec::new())).expect("memory takes what is written");
    let mut stream = file.create_stream("/Workbook").expect("a new file has no stream yet");
    stream.write_all(records).expect("memory takes what is written");
    drop(stream);
    file.into_inner().into_inner()
}

/// `#survey`, then rows; a tab between cells.
fn sheets(text: &str) -> Vec<(String, Vec<Vec<String>>)> {
    let mut sheets: Vec<(String, Vec<Vec<String>>)> = Vec::new();
    for line in text.lines() {
        if let Some(name) = line.strip_prefix('#') {
            sheets.push((name.to_owned(), Vec::new()));
        } else if let Some((_, rows)) = sheets.last_mut() {
            rows.push(line.split('\t').map(str::to_owned).collect());
        }
    }
    sheets.truncate(MAX_SHEETS);
    sheets
}

/// What an expression is seen against: attributes, texts, repeats, dates, places, and a list beside them.
const DOCUMENT: &str = r#"<h:html xmlns="http://www.w3.org/2002/xforms" xmlns:h="http://www.w3.org/1999/xhtml" xmlns:jr="http://openrosa.org/javarosa"><h:head><model>
<itext><translation lang="en"><text id="t"><value>Hello</value></text></translation></itext>
<instance><data id="d" version="1"><a>1</a><b>two words</b><d>2026-11-23</d><t>2026-11-23T10:00:00.000-05:00</t><g>18.5 -72.3 10 5;18.6 -72.3 0 0;18.6 -72.4 0 0;18.5 -72.3 10 5</g><r x="1"><n>4</n><m/></r><r x="2"><n>-0.5</n><m>é</m></r><e/></data></instance>
<instance id="l"><root><item><name>a</name><label>A</label></item><item><name>b</name><label>B</label></item></root></instance>
</model></h:head></h:html>"#;
const CONTEXT: &str = "/h:html[1]/h:head[1]/model[1]/instance[1]/data[1]/r[2]/n[1]";

/// Parses, evaluates, and writes the expression in a form and reads it again.
pub fn expression(input: &[u8]) {
    let Ok(text) = std::str::from_utf8(input) else { return };
    for (node, functions) in [(CONTEXT, Functions::Odk), ("/", Functions::Plain)] {
        let _ = XmlExpression::evaluate(DOCUMENT, node, text, visit(), functions);
    }
    let cells = |row: &[&str]| row.iter().map(|cell| (*cell).to_owned()).collect::<Vec<_>>();
    let survey = vec![
        cells(&["type", "name", "label", "calculation", "relevant"]),
        cells(&["text", "a", "A"]),
        cells(&["integer", "b", "B"]),
        cells(&["geoshape", "g", "G"]),
        cells(&["select_multiple l", "s", "S"]),
        cells(&["begin repeat", "r", "R"]),
        cells(&["integer", "n", "N"]),
        cells(&["calculate", "in_r", "", text]),
        cells(&["end repeat"]),
        cells(&["calculate", "c", "", text]),
        cells(&["note", "z", "Z", "", text]),
    ];
    let choices =
        vec![cells(&["list_name", "name", "label"]), cells(&["l", "a", "A"]), cells(&["l", "b", "B"])];
    let workbook = Workbook::from_sheets([("survey".to_owned(), survey), ("choices".to_owned(), choices)]);
    if let Ok((form, _)) = CompiledForm::compile(&workbook) {
        let answers = initial_answers(&form, visit(), &preload());
        evaluate(&form, &answers, visit());
        written_and_read_again(&form);
    }
}

/// Loads; what loads is written and read again, and filled in.
pub fn xform(input: &[u8]) {
    let Ok((form, _)) = CompiledForm::from_xform(input) else { return };
    written_and_read_again(&form);
    let answers = initial_answers(&form, visit(), &preload());
    evaluate(&form, &answers, visit());
    fill_in(&form);
}

fn written_and_read_again(form: &CompiledForm) {
    // A path written twice, where nothing says that it repeats: no bind can tell the two apart.
    let said = form.said();
    let mut paths = BTreeSet::new();
    let is_again = |pair: &[String]| pair[0] == "question" && !paths.insert(pair[1].clone());
    if said.windows(2).any(is_again) {
        return;
    }
    let written = form.to_xform();
    match CompiledForm::from_xform(written.as_bytes()) {
        // What the revision is a hash of tells more than two hashes would.
        Ok((again, _)) => assert_eq!(again.said(), said, "another form, written as {written}"),
        Err(found) => panic!("what was written is refused: {found}\n{written}"),
    }
}

/// Some answers, an instance of each repeat, and the record out and in again.
fn fill_in(form: &CompiledForm) {
    let mut interview = Interview::start(form, visit(), &preload());
    let nodes = interview.nodes();
    for (at, node) in nodes.iter().take(40).enumerate() {
        // Err: a form that never comes to rest, or nothing that is answered.
        let _ = match node.kind {
            "repeat-range" => interview.add(&node.reference),
            "root" | "group" | "repeat-instance" => Ok(()),
            _ => interview.set(&node.reference, ANSWERS[at % ANSWERS.len()]),
        };
    }
    interview.violations();
    for node in interview.nodes().iter().filter(|node| node.kind == "select").take(10) {
        interview.choices(&node.reference);
    }
    let xml = interview.xml();
    for purpose in [Resume::Draft, Resume::Correction] {
        if let Err(reason) = Interview::resume(form, &xml, purpose, visit(), &preload()) {
            panic!("a record that cannot be opened again: {reason}\n{xml}");
        }
    }
}
