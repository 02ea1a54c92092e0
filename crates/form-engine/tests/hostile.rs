//! Bytes, sheets, expressions and answers that nobody meant: each ends in a verdict, none in a panic.

#![allow(clippy::unwrap_used, reason = "a test fails where it stands")]

mod common;

use std::io::Write;

use common::{A, compile, path, row, visit};
use form_engine::{
    CompiledForm, MAX_WORKBOOK_BYTES, Preload, Workbook, answer_writes, evaluate, initial_answers,
};
use proptest::prelude::*;
use record_model::{AnswerPath, Answers, Value};
use rust_xlsxwriter::Workbook as Written;

fn xlsx(fill: impl FnOnce(&mut rust_xlsxwriter::Worksheet)) -> Vec<u8> {
    let mut workbook = Written::new();
    let sheet = workbook.add_worksheet();
    sheet.set_name("survey").unwrap();
    for (column, heading) in ["type", "name", "label", "relevant", "required"].iter().enumerate() {
        sheet.write(0, column as u16, *heading).unwrap();
    }
    fill(sheet);
    workbook.save_to_buffer().unwrap()
}

/// An archive with these parts, deflated.
fn archive(parts: &[(&str, &[u8])]) -> Vec<u8> {
    let mut writer = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    let options =
        zip::write::SimpleFileOptions::default().compression_method(zip::CompressionMethod::Deflated);
    for (name, bytes) in parts {
        writer.start_file(*name, options).unwrap();
        writer.write_all(bytes).unwrap();
    }
    writer.finish().unwrap().into_inner()
}

#[test]
fn a_workbook_reads_the_same_from_its_file_as_from_its_cells() {
    let bytes = xlsx(|sheet| {
        for (column, text) in ["text", "a", "  Nom\u{a0}"].iter().enumerate() {
            sheet.write(1, column as u16, *text).unwrap();
        }
        sheet.write(1, 4, true).unwrap();
        for (column, text) in ["integer", "b"].iter().enumerate() {
            sheet.write(3, column as u16, *text).unwrap();
        }
        sheet.write(3, 2, 2026.0).unwrap();
        sheet.write(3, 3, "${a} = ‘x’").unwrap();
    });
    let read = CompiledForm::compile(&Workbook::read_xlsx(&bytes).unwrap()).unwrap().0;
    let cells = Workbook::from_sheets([(
        "survey".to_owned(),
        vec![
            row(&["type", "name", "label", "relevant", "required"]),
            row(&["text", "a", "Nom", "", "TRUE"]),
            row(&[]),
            row(&["integer", "b", "2026", "${a} = ‘x’"]),
        ],
    )]);
    let written = CompiledForm::compile(&cells).unwrap().0;
    assert_eq!(read.revision(), written.revision());
    assert_eq!(read.find("b").unwrap().row(), 4, "rows are the spreadsheet's");
}

#[test]
fn what_is_no_workbook_is_refused_with_a_way_out() {
    let old = [b"\xD0\xCF\x11\xE0".as_slice(), &[0; 600]].concat();
    for bytes in [b"".as_slice(), b"PK", b"not a workbook at all", &old, &vec![0; MAX_WORKBOOK_BYTES + 1]] {
        let found = Workbook::read_xlsx(bytes).unwrap_err();
        assert!(found.has_errors());
        assert!(found.render("fr").contains("Enregistrez le formulaire au format .xlsx."), "{found}");
    }
}

#[test]
fn files_of_another_kind_are_named() {
    let spreadsheet = archive(&[
        ("mimetype", b"application/vnd.oasis.opendocument.spreadsheet"),
        ("content.xml", b"<office:document-content/>"),
    ]);
    let binary = archive(&[("xl/workbook.bin", b"\x83\x01")]);
    let other = archive(&[("readme.txt", b"x")]);
    for (bytes, fr, en) in [
        (b"".as_slice(), "un fichier vide", "an empty file"),
        (b"type,name,label\ntext,a,A\n", "sans doute du CSV", "probably CSV"),
        (b"\xEF\xBB\xBFtype;name\n", "sans doute du CSV", "probably CSV"),
        (b"<html><table><tr><td>type", "une page HTML", "an HTML page"),
        (b"<?xml version=\"1.0\"?><h:html>", "un fichier XML", "an XML file"),
        (b"{\"survey\": []}", "un fichier JSON", "a JSON file"),
        (b"%PDF-1.7", "un fichier PDF", "a PDF file"),
        (b"\xD0\xCF\x11\xE0\xA1\xB1\x1A\xE1", "un ancien classeur .xls abîmé", "a damaged old .xls workbook"),
        (b"PK\x03\x04cut", "une archive abîmée ou coupée", "damaged or cut short"),
        (&spreadsheet, "OpenDocument (.ods)", "OpenDocument file (.ods)"),
        (&binary, "un classeur binaire .xlsb", "a binary workbook, .xlsb"),
        (&other, "une archive qui n'est pas un classeur", "an archive that is no workbook"),
    ] {
        let found = Workbook::read_xlsx(bytes).unwrap_err();
        assert!(found.render("fr").contains(fr), "{}", found.render("fr"));
        assert!(found.render("en").contains(en), "{found}");
        assert!(found.render("fr").contains("Enregistrez le formulaire au format .xlsx."), "{found}");
    }
}

/// A workbook whose one sheet and shared strings are these bytes.
fn parts(sheet: &[u8], strings: &[u8]) -> Vec<u8> {
    const MAIN: &str = "http://schemas.openxmlformats.org/spreadsheetml/2006/main";
    const OFFICE: &str = "http://schemas.openxmlformats.org/officeDocument/2006/relationships";
    let workbook = format!(
        "<?xml version=\"1.0\"?><workbook xmlns=\"{MAIN}\" xmlns:r=\"{OFFICE}\"><sheets><sheet name=\"survey\" \
         sheetId=\"1\" r:id=\"rId1\"/></sheets></workbook>"
    );
    let relations = format!(
        "<?xml version=\"1.0\"?><Relationships xmlns=\"http://schemas.openxmlformats.org/package/2006/relationships\">\
         <Relationship Id=\"rId1\" Type=\"{OFFICE}/worksheet\" Target=\"worksheets/sheet1.xml\"/>\
         <Relationship Id=\"rId2\" Type=\"{OFFICE}/sharedStrings\" Target=\"sharedStrings.xml\"/></Relationships>"
    );
    let root = format!(
        "<?xml version=\"1.0\"?><Relationships xmlns=\"http://schemas.openxmlformats.org/package/2006/relationships\">\
         <Relationship Id=\"rId1\" Type=\"{OFFICE}/officeDocument\" Target=\"xl/workbook.xml\"/></Relationships>"
    );
    archive(&[
        ("_rels/.rels", root.as_bytes()),
        ("xl/workbook.xml", workbook.as_bytes()),
        ("xl/_rels/workbook.xml.rels", relations.as_bytes()),
        ("xl/worksheets/sheet1.xml", sheet),
        ("xl/sharedStrings.xml", strings),
    ])
}

fn worksheet(rows: &str) -> Vec<u8> {
    format!("<?xml version=\"1.0\"?><worksheet><sheetData>{rows}</sheetData></worksheet>").into_bytes()
}

fn strings(items: &str) -> Vec<u8> {
    format!("<?xml version=\"1.0\"?><sst>{items}</sst>").into_bytes()
}

#[test]
fn the_smallest_workbook_is_read() {
    let sheet = worksheet(
        "<row r=\"1\"><c r=\"A1\" t=\"s\"><v>0</v></c></row><row r=\"2\"><c r=\"A2\" t=\"e\"><v>#REF!</v></c></row>",
    );
    let workbook = Workbook::read_xlsx(&parts(&sheet, &strings("<si><t>type</t></si>"))).unwrap();
    assert_eq!(workbook.rows("survey").unwrap(), [row(&["type"]), row(&["#REF!"])]);
}

#[test]
fn entities_of_xml_are_refused_unread() {
    let bomb = "<?xml version=\"1.0\"?><!DOCTYPE a [<!ENTITY x \"ha\"><!ENTITY y \"&x;&x;&x;\">]>\
                <sst><si><t>&y;</t></si></sst>";
    let outside = "<?xml version=\"1.0\"?><!DOCTYPE a SYSTEM \"file:///etc/passwd\"><sst/>";
    // The word lies across two of the pieces in which a part is read.
    let late = format!("<sst><si><t>{}</t></si><!ENTITY x \"y\"></sst>", "a".repeat(64 * 1024 - 20));
    for part in [bomb, outside, &late] {
        let found = Workbook::read_xlsx(&parts(&worksheet(""), part.as_bytes())).unwrap_err();
        assert!(found.to_string().contains("XML that declares entities"), "{found}");
    }
}

#[test]
fn elements_inside_each_other_without_end_need_no_deep_stack() {
    let deep = format!("{}{}", "<a>".repeat(200_000), "</a>".repeat(200_000));
    for bytes in [
        parts(&worksheet(&deep), &strings("")),
        parts(&worksheet(""), &strings(&deep)),
        parts(&worksheet(""), &strings(&format!("<si><t>{deep}</t></si>"))),
        parts(&worksheet(&"<row>".repeat(200_000)), &strings("")),
    ] {
        let _ = Workbook::read_xlsx(&bytes).map(|workbook| CompiledForm::compile(&workbook));
    }
}

#[test]
fn rows_and_columns_beyond_any_sheet_are_refused() {
    let read = |at: &str| {
        let sheet = worksheet(&format!("<row><c r=\"{at}\"><v>1</v></c></row>"));
        Workbook::read_xlsx(&parts(&sheet, &strings("")))
    };
    for at in ["A4294967295", "A1048577", "XFD1", "1A", "A", ""] {
        assert!(read(at).is_err(), "{at}");
    }
    // Beyond what the reader counts: whatever it makes of them, it comes back.
    for at in ["A4294967296", "A99999999999999999999", "ZZZZZZZZ1"] {
        let _ = read(at);
    }
}

#[test]
fn one_text_in_every_cell_does_not_fill_the_memory() {
    let cells: String =
        (1..=40_000).map(|at| format!("<row r=\"{at}\"><c r=\"A{at}\" t=\"s\"><v>0</v></c></row>")).collect();
    let text = format!("<si><t>{}</t></si>", "a".repeat(30_000));
    let found = Workbook::read_xlsx(&parts(&worksheet(&cells), &strings(&text))).unwrap_err();
    assert!(found.to_string().contains("a cell at row 2"), "{found}");
}

#[test]
fn groups_inside_each_other_without_end_are_refused() {
    let mut survey = vec![row(&["type", "name", "label"])];
    survey.extend((0..100_000).map(|at| row(&["begin group", &format!("g{at}"), "G"])));
    survey.extend((0..100_000).map(|_| row(&["end group", "", ""])));
    let found = CompiledForm::compile(&Workbook::from_sheets([("survey".to_owned(), survey)])).unwrap_err();
    assert!(found.to_string().contains("201 groups inside each other"), "{found}");
}

#[test]
fn a_loop_over_a_long_list_does_not_write_out_a_form_without_end() {
    let mut survey = vec![row(&["type", "name", "label"]), row(&["begin loop over l", "a", "A"])];
    survey.extend((0..1_000).map(|at| row(&["text", &format!("q{at}"), "%(label)s"])));
    survey.push(row(&["end loop", "", ""]));
    let mut choices = vec![row(&["list_name", "name", "label"])];
    choices.extend((0..50_000).map(|at| row(&["l", &format!("c{at}"), "C"])));
    let sheets = [("survey".to_owned(), survey), ("choices".to_owned(), choices)];
    let found = CompiledForm::compile(&Workbook::from_sheets(sheets)).unwrap_err();
    assert!(found.to_string().contains("one more question"), "{found}");
}

#[test]
fn a_workbook_cut_or_changed_anywhere_never_panics() {
    let whole = xlsx(|sheet| {
        sheet.write(1, 0, "text").unwrap();
        sheet.write(1, 1, "a").unwrap();
    });
    for end in (0..whole.len()).step_by(37) {
        let _ = Workbook::read_xlsx(&whole[..end]);
        let mut changed = whole.clone();
        changed[end] ^= 0x55;
        let _ = Workbook::read_xlsx(&changed).map(|workbook| CompiledForm::compile(&workbook));
    }
}

#[test]
fn two_cells_at_opposite_corners_do_not_become_a_grid() {
    let bytes = xlsx(|sheet| {
        sheet.write(1_048_575, 16_383, "x").unwrap();
    });
    let found = Workbook::read_xlsx(&bytes).unwrap_err();
    assert!(found.to_string().contains("a cell at row 1048576, column 16384"), "{found}");
}

#[test]
fn an_archive_that_inflates_without_end_is_stopped() {
    let zeros = vec![b' '; 300 * 1024 * 1024];
    let bomb = archive(&[("xl/workbook.xml", b"<workbook/>"), ("xl/bomb.xml", &zeros)]);
    assert!(bomb.len() < MAX_WORKBOOK_BYTES);
    let found = Workbook::read_xlsx(&bomb).unwrap_err();
    assert!(found.to_string().contains("inflates to more than"), "{found}");
}

#[test]
fn a_claim_of_endless_strings_reserves_nothing() {
    let claim = br#"<?xml version="1.0"?><sst uniqueCount="99999999999"></sst>"#;
    let bytes = archive(&[("xl/workbook.xml", b"<workbook/>"), ("xl/sharedStrings.xml", claim)]);
    let found = Workbook::read_xlsx(&bytes).unwrap_err();
    assert!(found.to_string().contains("more shared strings"), "{found}");
}

#[test]
fn thousands_of_chained_calculations_need_no_deep_stack() {
    let mut survey = vec![row(&["type", "name", "calculation"]), row(&["integer", "c0", ""])];
    for at in 1..3_000 {
        survey.push(row(&["calculate", &format!("c{at}"), &format!("${{c{}}} + 1", at - 1)]));
    }
    survey[1..].reverse();
    let workbook = Workbook::from_sheets([("survey".to_owned(), survey)]);
    let (form, _) = CompiledForm::compile(&workbook).unwrap();
    let found = evaluate(&form, &common::answers(&[("c0", "i:1")]), visit());
    assert_eq!(found.value(&path("c2999")), Value::Int(3_000));
}

/// Words an expression is made of, in any order.
fn expression() -> impl Strategy<Value = String> {
    let word = prop::sample::select(vec![
        "${a}",
        "${n}",
        "${m}",
        "${r}",
        "${x}",
        "'x'",
        "\"",
        "1",
        "0.5",
        "-",
        "+",
        "*",
        " div ",
        " mod ",
        "=",
        "!=",
        "<",
        ">=",
        " and ",
        " or ",
        "(",
        ")",
        "[",
        "]",
        "/",
        "..",
        ".",
        ",",
        "|",
        "not(",
        "if(",
        "count(",
        "sum(",
        "selected(",
        "position(",
        "today()",
        "now()",
        "date(",
        "substr(",
        "regex(",
        "concat(",
        "coalesce(",
        "indexed-repeat(",
        "jr:choice-name(",
        "instance('l')/root/item",
        "name",
        "label",
        "once(",
        "round(",
        "pow(",
        "format-date(",
        "decimal-date-time(",
        "join(",
        "x",
        "current()",
        "last()",
        "max(",
        "é",
        "\u{0}",
        "${",
    ]);
    prop::collection::vec(word, 0..24).prop_map(|words| words.concat())
}

/// A cell made of words that mean something somewhere.
fn word_of_a_form() -> impl Strategy<Value = String> {
    let word = prop::sample::select(vec![
        "",
        "",
        "text",
        "begin group",
        "end group",
        "begin repeat",
        "end repeat",
        "begin loop over l",
        "end loop",
        "select_one l",
        "select_multiple l or_other",
        "select_one ${a}",
        "select_one_from_file f.csv",
        "rank l",
        "select_one_external l",
        "range",
        "start=1 end=5",
        "tick_labelset=l",
        "reference-geometry=l",
        "geopoint",
        "audit",
        "audit",
        "a",
        "b",
        "meta",
        "g.a",
        "${a}",
        "${b}, ${a}",
        "${",
        "{a}$",
        "%(label)s",
        "l",
        "l#p",
        "p",
        "pulldata('f', 'a', 'b', ${a})",
        "uuid()",
        "instance('l')/root/item[name = ${a}]/label",
        "name = ${a}",
        "3",
        "calculate",
        "csv-external",
        "xml-external",
        "background-geopoint",
        "osm",
        "include",
        "#REF!",
        "é",
        "note",
    ]);
    prop::collection::vec(word, 1..3).prop_map(|words| words.join(" ").trim().to_owned())
}

fn sheets(expressions: &[String]) -> Workbook {
    let e = |at: usize| expressions[at].as_str();
    let survey = vec![
        row(&[
            "type",
            "name",
            "label",
            "relevant",
            "constraint",
            "calculation",
            "choice_filter",
            "default",
            "required",
            "repeat_count",
        ]),
        row(&["text", "a", "A ${n}", "", e(0), "", "", "", e(1)]),
        row(&["integer", "n", "N", e(2), "", "", "", e(3)]),
        row(&["select_multiple l", "m", "M", "", "", "", e(4)]),
        row(&["begin repeat", "r", "R", e(5), "", "", "", "", "", e(6)]),
        row(&["text", "x", "X", "", e(7)]),
        row(&["calculate", "y", "", "", "", e(8)]),
        row(&["end repeat", ""]),
        row(&["calculate", "z", "", "", "", e(9)]),
    ];
    let choices = vec![
        row(&["list_name", "name", "label", "x"]),
        row(&["l", "p", "P", "1"]),
        row(&["l", "q", "Q", "2"]),
    ];
    let rules = vec![row(&["id", "level", "expression"]), row(&["V1", "block", e(10)])];
    Workbook::from_sheets([
        ("survey".to_owned(), survey),
        ("choices".to_owned(), choices),
        ("rules".to_owned(), rules),
    ])
}

fn any_value() -> impl Strategy<Value = Value> {
    prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::Bool),
        any::<i64>().prop_map(Value::Int),
        ".{0,12}".prop_map(Value::Text),
        prop::sample::select(vec![
            "x",
            "2026-02-30",
            "1e999",
            "-0",
            "NaN",
            "9999-12-31",
            "0001-01-01T00:00Z",
            "p q"
        ])
        .prop_map(Value::from),
    ]
}

fn any_answers() -> impl Strategy<Value = Answers> {
    let leaf = prop::sample::select(vec![
        "a", "n", "m#", "m#p", "m#zz", "m", "x", "y", "z", "odd", "@order", "@removed", "@person",
    ]);
    let instance = prop::sample::select(vec![
        "",
        "r/AAAAAAAAAAAAA/",
        "r/BAAAAAAAAAAAA/",
        "q/AAAAAAAAAAAAA/",
        "r/AAAAAAAAAAAAA/r/BAAAAAAAAAAAA/",
    ]);
    let entry = (instance, leaf, any_value()).prop_filter_map("a path", |(around, leaf, value)| {
        Some((format!("{around}{leaf}").parse::<AnswerPath>().ok()?, value))
    });
    prop::collection::btree_map(entry.prop_map(|(path, value)| (path, value)), Just(()), 0..24)
        .prop_map(|entries| entries.into_keys().collect())
}

/// Whatever it is, everything that can be asked of it is asked.
fn exercise(form: &CompiledForm, answers: &Answers) {
    let found = evaluate(form, answers, visit());
    let again = evaluate(form, answers, visit());
    assert_eq!(found.export_hash(), again.export_hash());
    assert_eq!(found.violations(), again.violations());
    for violation in found.violations() {
        assert!(violation.depends_on.is_sorted());
        let _ = violation.message("fr");
    }
    for node in found.nodes() {
        let _ = form_engine::label(form, node.question, &node.path, &found, "en");
        let _ = form_engine::choices(form, node.question, &node.path, &found);
        let _ = answer_writes(form, &node.path, "p 1", answers);
    }
    let _ = (found.entities(), found.to_store(), found.instance_name("fr"), found.repeat_count("r", ""));
    let _ = initial_answers(form, visit(), &Preload::default());
    let _ = form_engine::instance_defaults(form, &format!("r/{A}"), answers, visit(), &Preload::default());
    // An export is a record too, and says the same.
    for (path, value) in found.export() {
        assert!(!value.is_null(), "{path} is exported blank");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    #[test]
    fn no_expression_makes_the_compiler_or_an_evaluation_panic(
        expressions in prop::collection::vec(expression(), 11),
        answers in any_answers(),
    ) {
        // One at a time: a form with eleven random expressions hardly ever compiles.
        for at in 0..expressions.len() {
            let mut one = vec![String::new(); 11];
            one[8] = "1".into();
            one[9] = "1".into();
            one[10] = "true()".into();
            one[at].clone_from(&expressions[at]);
            if let Ok((form, _)) = CompiledForm::compile(&sheets(&one)) {
                exercise(&form, &answers);
            }
        }
    }

    #[test]
    fn no_text_in_a_cell_makes_the_compiler_panic(cells in prop::collection::vec(".{0,40}", 12)) {
        let cell = |at: usize| cells[at].as_str();
        let survey = vec![
            row(&["type", "name", "label", cell(0), "relevant"]),
            row(&[cell(1), cell(2), cell(3), cell(4), cell(5)]),
            row(&["text", "a", cell(6), cell(7), cell(8)]),
        ];
        let choices = vec![row(&["list_name", "name", cell(9)]), row(&[cell(10), cell(11), "x"])];
        let workbook = Workbook::from_sheets([("survey".to_owned(), survey), ("choices".to_owned(), choices)]);
        if let Ok((form, _)) = CompiledForm::compile(&workbook) {
            exercise(&form, &Answers::new());
        }
    }

    #[test]
    fn no_words_of_xlsform_in_any_order_make_either_mode_panic(
        words in prop::collection::vec(word_of_a_form(), 24),
    ) {
        let line = |at: usize| words[at * 6..at * 6 + 6].to_vec();
        let heading = ["type", "name", "label", "parameters", "choice_filter", "trigger"].map(str::to_owned).to_vec();
        let other = ["type", "name", "label", "save_to", "calculation", "repeat_count"].map(str::to_owned).to_vec();
        for heading in [heading, other] {
            let mut survey = vec![heading, line(0), line(1), line(2)];
            survey.push(row(&["text", "a", "A"]));
            let entities = vec![row(&["list_name", "label", "repeat", "entity_id"]), line(3)[..4].to_vec()];
            let choices = vec![row(&["list_name", "name", "label"]), row(&["l", "1", "L"]), line(3)];
            let workbook = Workbook::from_sheets([
                ("survey".to_owned(), survey),
                ("choices".to_owned(), choices.clone()),
                ("external_choices".to_owned(), choices),
                ("entities".to_owned(), entities),
            ]);
            let strict = CompiledForm::compile_strict(&workbook);
            let lenient = CompiledForm::compile(&workbook);
            prop_assert!(strict.is_err() || lenient.is_ok(), "strict takes no more than lenient");
            if let Ok((form, _)) = lenient {
                exercise(&form, &Answers::new());
            }
        }
    }

    #[test]
    fn no_bytes_make_a_reader_panic(bytes in prop::collection::vec(any::<u8>(), 0..200), text in "[a\",;\r\n é]{0,40}") {
        let _ = Workbook::read_xlsx(&bytes);
        let mut workbook = Workbook::default();
        let _ = workbook.attach_csv("a.csv", &bytes);
        let _ = workbook.attach_csv("b.csv", text.as_bytes());
    }

    #[test]
    fn no_answers_make_an_evaluation_panic(answers in any_answers()) {
        let form = compile(&[
            ("survey", "type | name | label | relevant | constraint | calculation | repeat_count
              text | a | A | ${n} > 1 | string-length(.) < 5 |  | 
              integer | n | N |  | . > ${a} |  | 
              select_multiple l | m | M |  | count-selected(.) < 2 |  | 
              begin repeat | r | R | ${n} != 3 |  |  | ${n}
              text | x | X | position(..) = 1 |  |  | 
              calculate | y |  |  |  | concat(${x}, position(..), indexed-repeat(${x}, ${r}, ${n})) | 
              end repeat |  |  |  |  |  | 
              calculate | z |  |  |  | sum(${x}) + count(${r}[x = 'x']) + decimal-date-time(${a}) | "),
            ("choices", "list_name | name | label\nl | p | P\nl | q | Q"),
            ("rules", "id | level | expression\nV1 | block | ${z} > 0 or ${r}[2]/x = 'x'\nV2 | warn | date(${a}) < today() + ${n}"),
        ]);
        exercise(&form, &answers);
    }
}
