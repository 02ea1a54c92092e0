//! XForms in and out, and interviews held on them.

#![allow(clippy::unwrap_used, reason = "a test fails where it stands")]

use std::collections::HashSet;

use form_engine::{CompiledForm, Interview, Preload, Resume, ViolationKind, Workbook};
use record_model::{Instant, Visit};

/// 2026-11-21T23:10 in Port-au-Prince.
fn visit() -> Visit {
    Visit { at: Instant::from_unix_ms(1_795_320_600_000), utc_offset_minutes: -300 }
}

fn preload() -> Preload {
    Preload { device_id: "laptop-7".into(), uuid_seed: "seed".into(), ..Preload::default() }
}

/// One row a line, cells between bars, blank ones too.
fn compile(sheets: &[(&str, &str)]) -> CompiledForm {
    let rows = |text: &str| -> Vec<Vec<String>> {
        text.lines().map(|line| line.split('|').map(|cell| cell.trim().to_owned()).collect()).collect()
    };
    let workbook = Workbook::from_sheets(sheets.iter().map(|(name, text)| ((*name).to_owned(), rows(text))));
    match CompiledForm::compile(&workbook) {
        Ok((form, _)) => form,
        Err(found) => panic!("{found}"),
    }
}

fn household() -> CompiledForm {
    compile(&[
        (
            "survey",
            "type | name | label::Français (fr) | label::English (en) | relevant | constraint | calculation | required \
             | choice_filter | default | trigger | repeat_count
             select_one dept | dept | Département | Department | | | | yes | | | |
             select_one commune | commune | Commune | Commune | | | | | dept = ${dept} | | |
             integer | size | Personnes | People | | . >= 0 | | | | | |
             begin repeat | member | Membre | Member | | | | | | | | ${size}
             text | who | Nom | Name | | | | | | | |
             integer | age | Âge de ${who} | Age of ${who} | ${who} != '' | . <= 120 | | | | | |
             end repeat | | | | | | | | | | |
             calculate | adults | | | | | sum(${age}) | | | | |
             date | asked | Date | Date | | | | | | today() | |
             text | note_to_self | Note | Note | | | concat(${dept}, '!') | | | | ${dept} |",
        ),
        (
            "choices",
            "list_name | name | label::Français (fr) | label::English (en) | dept
             dept | ouest | Ouest | West |
             dept | nord | Nord | North |
             commune | pap | Port-au-Prince | Port-au-Prince | ouest
             commune | cap | Cap-Haïtien | Cape Haitian | nord",
        ),
        (
            "rules",
            "id | level | expression | message::Français (fr)
             R1 | warn | ${adults} < 500 | Trop d'années ensemble.",
        ),
    ])
}

fn begun(form: &CompiledForm) -> Interview {
    Interview::start(form, visit(), &preload())
}

#[test]
fn a_form_written_as_an_xform_is_the_same_form_when_it_is_read() {
    let form = household();
    let (again, warnings) = CompiledForm::from_xform(form.to_xform().as_bytes()).unwrap();
    assert_eq!(again.said(), form.said());
    assert_eq!(again.revision(), form.revision());
    assert_eq!(again.to_xform(), CompiledForm::from_xform(again.to_xform().as_bytes()).unwrap().0.to_xform());
    assert!(!warnings.has_errors());
}

#[test]
fn an_interview_goes_the_same_way_on_the_sheet_and_on_its_xform() {
    let sheet = household();
    let (xform, _) = CompiledForm::from_xform(sheet.to_xform().as_bytes()).unwrap();
    for form in [&sheet, &xform] {
        let mut interview = begun(form);
        assert_eq!(interview.value("/data/asked").as_deref(), Some("2026-11-21"));
        interview.set("/data/dept", "ouest").unwrap();
        assert_eq!(interview.value("/data/note_to_self").as_deref(), Some("ouest!"), "the trigger wrote it");
        let offered = interview.choices("/data/commune").unwrap();
        assert_eq!(offered, [("pap".to_owned(), "Port-au-Prince".to_owned())]);
        assert_eq!(interview.count("/data/member"), Some(0));
        interview.set("/data/size", "2").unwrap();
        assert_eq!(interview.count("/data/member"), Some(2));
        interview.set("/data/member[1]/who", "Marie").unwrap();
        interview.set("/data/member[1]/age", "40").unwrap();
        assert_eq!(interview.value("/data/adults").as_deref(), Some("40"));
        assert_eq!(interview.state("/data/member[1]/age").unwrap().label.as_deref(), Some("Âge de Marie"));
        assert!(interview.set_language("English (en)"));
        assert_eq!(interview.state("/data/member[1]/age").unwrap().label.as_deref(), Some("Age of Marie"));
        assert!(!interview.state("/data/member[2]/age").unwrap().relevant);
    }
}

#[test]
fn what_a_filter_takes_away_comes_back_when_it_is_offered_again() {
    let mut interview = begun(&household());
    interview.set("/data/dept", "ouest").unwrap();
    interview.set("/data/commune", "pap").unwrap();
    interview.set("/data/dept", "nord").unwrap();
    assert_eq!(interview.value("/data/commune").as_deref(), Some(""));
    interview.set("/data/dept", "ouest").unwrap();
    assert_eq!(interview.value("/data/commune").as_deref(), Some("pap"));
    // But not once somebody left it blank.
    interview.set("/data/dept", "nord").unwrap();
    interview.set("/data/commune", "").unwrap();
    interview.set("/data/dept", "ouest").unwrap();
    assert_eq!(interview.value("/data/commune").as_deref(), Some(""));
}

#[test]
fn an_answer_computes_again_only_what_reads_it() {
    let mut interview = begun(&household());
    interview.set("/data/size", "200").unwrap();
    let before = interview.computed();
    interview.set("/data/member[7]/who", "Jean").unwrap();
    let computed = interview.computed() - before;
    assert!(computed < 10, "{computed} values computed for one answer of 200 members");
}

#[test]
fn violations_are_told_by_reference_and_kind() {
    let mut interview = begun(&household());
    interview.set("/data/size", "1").unwrap();
    interview.set("/data/member[1]/who", "Ti-Jo").unwrap();
    interview.set("/data/member[1]/age", "130").unwrap();
    let found: Vec<(String, ViolationKind)> =
        interview.violations().into_iter().map(|(reference, kind, _)| (reference, kind)).collect();
    assert_eq!(
        found,
        [
            ("/data/dept".to_owned(), ViolationKind::Required),
            ("/data/member[1]/age".to_owned(), ViolationKind::Constraint)
        ]
    );
}

#[test]
fn a_record_is_opened_again_to_go_on_or_to_be_corrected() {
    let (form, _) = CompiledForm::from_xform(household().to_xform().as_bytes()).unwrap();
    let mut interview = begun(&form);
    interview.set("/data/dept", "nord").unwrap();
    interview.set("/data/size", "1").unwrap();
    interview.set("/data/member[1]/who", "Marie & <Jean>").unwrap();
    let xml = interview.xml();
    let draft = Interview::resume(&form, &xml, Resume::Draft, visit(), &preload()).unwrap();
    assert_eq!(draft.xml(), xml);
    let corrected = Interview::resume(&form, &xml, Resume::Correction, visit(), &preload()).unwrap();
    let id = draft.value("/data/meta/instanceID").unwrap();
    assert_eq!(corrected.value("/data/meta/deprecatedID"), Some(id.clone()));
    assert_ne!(corrected.value("/data/meta/instanceID"), Some(id));
    assert!(Interview::resume(&form, "<other/>", Resume::Draft, visit(), &preload()).is_err());
}

#[test]
fn a_reference_that_leads_nowhere_is_an_error_and_never_a_panic() {
    let mut interview = begun(&household());
    for reference in
        ["", "/", "/data", "data/dept", "/data/member[9]/who", "/data/member[0]/who", "/data/x[", "//"]
    {
        assert!(interview.set(reference, "1").is_err(), "{reference}");
        assert!(interview.remove(reference).is_err(), "{reference}");
    }
    assert!(interview.add("/data/dept").is_err());
}

#[test]
fn xml_that_is_no_form_is_refused_with_a_reason() {
    let bomb = "<!DOCTYPE l [<!ENTITY a \"aaaaaaaaaa\"><!ENTITY b \"&a;&a;&a;&a;\">]><l>&b;</l>";
    let foreign = "<!DOCTYPE l [<!ENTITY x SYSTEM \"file:///etc/passwd\">]><l>&x;</l>";
    let deep = "<a>".repeat(200_000) + &"</a>".repeat(200_000);
    for (xml, said) in [
        (bomb.as_bytes(), "says"),
        (foreign.as_bytes(), "says"),
        (deep.as_bytes(), "inside each other"),
        (b"<h:html/>".as_slice(), "says"),
        (b"<html><head/></html>".as_slice(), "no <model>"),
        (b"<html><head><model/></head></html>".as_slice(), "no primary instance"),
        (b"\xFF\xFE".as_slice(), "UTF-8"),
        (b"".as_slice(), "says"),
    ] {
        let found = CompiledForm::from_xform(xml).unwrap_err();
        assert!(found.to_string().contains(said), "{found}");
    }
}

/// A planted bug: were the circle not cut, this would never end.
#[test]
fn a_circle_in_an_xform_is_told_and_comes_to_an_end() {
    let xform = r#"<h:html xmlns="http://www.w3.org/2002/xforms" xmlns:h="http://www.w3.org/1999/xhtml"><h:head>
        <h:title>t</h:title><model><instance><data id="c"><a>1</a><b/></data></instance>
        <bind nodeset="/data/a" calculate="/data/b + 1"/><bind nodeset="/data/b" calculate="/data/a + 1"/>
        </model></h:head><h:body/></h:html>"#;
    let (form, warnings) = CompiledForm::from_xform(xform.as_bytes()).unwrap();
    assert!(warnings.to_string().contains("a circle: "), "{warnings}");
    let interview = begun(&form);
    assert!(interview.computed() < 1_000, "{}", interview.computed());
}

/// A form of this model and body, in the namespaces that every form declares and these.
fn xform(namespaces: &str, model: &str, body: &str) -> String {
    format!(
        r#"<h:html xmlns="http://www.w3.org/2002/xforms" xmlns:h="http://www.w3.org/1999/xhtml"
        xmlns:jr="http://openrosa.org/javarosa" {namespaces}><h:head><h:title>t</h:title><model>{model}</model></h:head>
        <h:body>{body}</h:body></h:html>"#
    )
}

/// Loads a form, writes it, and loads what was written: it must be the same form.
fn round_trip(text: &str) -> (CompiledForm, String) {
    let load = |text: &str| match CompiledForm::from_xform(text.as_bytes()) {
        Ok((form, _)) => form,
        Err(found) => panic!("{found}\n{text}"),
    };
    let form = load(text);
    let written = form.to_xform();
    let again = load(&written);
    assert_eq!(again.said(), form.said());
    assert_eq!(load(&again.to_xform()).to_xform(), again.to_xform());
    (form, written)
}

#[test]
fn what_a_form_names_cannot_break_out_of_what_is_written() {
    let text = xform(
        r#"xmlns:entities="http://www.opendatakit.org/xforms/entities""#,
        r#"<instance><data id="d"><a/><meta><entity dataset="e" id="" create="1"/></meta></data></instance>
        <instance id="l'x"><root><item><name>1</name><label>Un</label></item></root></instance>
        <bind nodeset="/data/a" type="string" entities:saveto="p&quot; x=&quot;&lt;"/>"#,
        r#"<select1 ref="/data/a"><itemset nodeset="instance(&quot;l'x&quot;)/root/item"><value ref="name"/>
        <label ref="label"/></itemset></select1>"#,
    );
    let (form, written) = round_trip(&text);
    assert!(written.contains("entities:saveto=\"p&quot; x=&quot;&lt;\""), "{written}");
    assert_eq!(begun(&form).choices("/data/a").unwrap(), [("1".to_owned(), "Un".to_owned())]);
}

#[test]
fn an_attribute_is_written_once_and_with_a_prefix_that_is_declared() {
    let said = |tag: &str, name: &str| format!("<{tag}><pair name=\"{name}\">v</pair></{tag}>");
    let own: String = [
        ("bind", "jr:constraintMsg"),
        ("bind", "jr:preloadParams"),
        ("bind", "entities:saveto"),
        ("bind", "q:constraintMsg"),
        ("bind", "zz:a"),
        ("bind", "xmlns"),
        ("bind", "a b"),
        ("bind", "p:kept"),
        ("instance", "p:b"),
        ("instance", "q:template"),
        ("body", "q:count"),
    ]
    .iter()
    .map(|(tag, name)| said(tag, name))
    .collect();
    let text = xform(
        r#"xmlns:p="urn:p""#,
        &format!(
            r#"<instance><data id="d"><r p:b="1"><a/></r></data></instance><instance id="lakou">
            <form namespaces="q=http://openrosa.org/javarosa xmlns=urn:x xml=urn:y w="><question ref="/data/r">{own}
            </question></form></instance><bind nodeset="/data/r" jr:constraintMsg="m"/>"#
        ),
        r#"<repeat nodeset="/data/r" jr:count="2"><input ref="/data/r/a"/></repeat>"#,
    );
    let (_, written) = round_trip(&text);
    assert!(written.contains("p:kept=\"v\""), "{written}");
    assert!(!written.contains("zz:a="), "{written}");
}

#[test]
fn a_column_that_xml_has_no_name_for_is_left_out() {
    let form = compile(&[
        ("survey", "type | name | label\n select_one l | a | A"),
        ("choices", "list_name | name | label | m² | nº | ok\n l | 1 | Un | 2 | 3 | 4"),
    ]);
    let (_, written) = round_trip(&form.to_xform());
    assert!(written.contains("<ok>4</ok>"), "{written}");
}

#[test]
fn an_answer_with_what_xml_cannot_hold_does_not_lose_the_draft() {
    let form = compile(&[("survey", "type | name | label\n text | a | A")]);
    let mut interview = begun(&form);
    interview.set("/data/a", "x\u{FFFF}\u{FFFE}\u{1}\ty").unwrap();
    let draft = Interview::resume(&form, &interview.xml(), Resume::Draft, visit(), &preload()).unwrap();
    assert_eq!(draft.value("/data/a").as_deref(), Some("x\ty"));
}

#[test]
fn a_choice_that_shows_an_answer_shows_it_after_a_round_trip() {
    let text = xform(
        "",
        r#"<itext><translation lang="default"><text id="l-0"><value>As <output value="/data/r/a"/></value></text>
        <text id="l-1"><value>No</value></text></translation></itext>
        <instance><data id="d"><r jr:template=""><a/><q/></r></data></instance>
        <instance id="l"><root><item><itextId>l-0</itextId><name>x</name></item>
        <item><itextId>l-1</itextId><name>y</name></item></root></instance>
        <bind nodeset="/data/r/a" type="string"/><bind nodeset="/data/r/q" type="string"/>"#,
        r#"<group ref="/data/r"><repeat nodeset="/data/r"><input ref="/data/r/a"/><select1 ref="/data/r/q">
        <itemset nodeset="instance('l')/root/item"><value ref="name"/><label ref="jr:itext(itextId)"/></itemset></select1>
        </repeat></group>"#,
    );
    let (form, written) = round_trip(&text);
    for form in [form, CompiledForm::from_xform(written.as_bytes()).unwrap().0] {
        let mut interview = begun(&form);
        interview.add("/data/r").unwrap();
        interview.add("/data/r").unwrap();
        interview.set("/data/r[1]/a", "Rose").unwrap();
        interview.set("/data/r[2]/a", "Marie").unwrap();
        for (at, name) in [(1, "Rose"), (2, "Marie")] {
            let offered = interview.choices(&format!("/data/r[{at}]/q")).unwrap();
            assert_eq!(
                offered,
                [("x".to_owned(), format!("As {name}")), ("y".to_owned(), "No".to_owned())],
                "{at}"
            );
        }
    }
}

/// It would take minutes if the form were read again for every question.
#[test]
fn a_form_of_many_questions_on_one_line_is_loaded_and_written_at_once() {
    const MANY: usize = 3_000;
    let each = |text: &dyn Fn(usize) -> String| (0..MANY).map(text).collect::<String>();
    let elements = each(&|at| format!("<g{at}><a>1</a></g{at}><same/>"));
    let binds = each(&|at| format!("<bind nodeset=\"/data/g{at}/a\" type=\"string\" required=\"true()\"/>"));
    let lists = "<instance id=\"\"><root/></instance>".repeat(MANY);
    let controls = each(&|at| {
        format!("<group ref=\"/data/g{at}\"><input ref=\"/data/g{at}/a\"><label>x</label></input></group>")
    });
    let long = format!("<!--{}-->", "x".repeat(16_000_000));
    let record = format!("<instance><data id=\"d\">{elements}</data></instance>");
    let text = xform("", &format!("{long}{record}{binds}{lists}"), &controls).replace('\n', " ");
    let (form, _) = CompiledForm::from_xform(text.as_bytes()).unwrap();
    let keys: HashSet<&str> = form.questions().iter().map(|question| question.key()).collect();
    assert!(keys.contains("same") && keys.contains(&*format!("same.{MANY}")));
    assert!(form.to_xform().contains("options_2"));
}

#[test]
fn a_diagnostic_names_the_line_of_the_xform() {
    let text = xform(
        "",
        "<instance><data id=\"d\"><a/></data></instance>\n\n<bind nodeset=\"/data/a\" relevant=\"1 +\"/>",
        "",
    );
    let line = text.lines().position(|line| line.contains("relevant")).unwrap() as u32 + 1;
    let found = CompiledForm::from_xform(text.as_bytes()).unwrap_err();
    assert_eq!(found.iter().next().unwrap().row, line, "{found}");
}

fn refusal(text: &str) -> String {
    CompiledForm::from_xform(text.as_bytes()).map(|_| ()).unwrap_err().to_string()
}

/// A form of one question `a`, with this beside its record and in its body.
fn with_model(model: &str, body: &str) -> String {
    xform("", &format!("<instance><data id=\"d\"><a/></data></instance>{model}"), body)
}

/// A form whose record holds this.
fn with_record(inside: &str, body: &str) -> String {
    xform("", &format!("<instance><data id=\"d\">{inside}</data></instance>"), body)
}

#[test]
fn what_is_too_large_is_refused_with_its_size_and_the_limit() {
    let each = |many: usize, text: &dyn Fn(usize) -> String| (0..many).map(text).collect::<String>();
    let list = |items: &str| with_model(&format!("<instance id=\"l\"><root>{items}</root></instance>"), "");
    let languages = |many: usize, texts: &str| {
        let each = each(many, &|at| format!("<translation lang=\"l{at}\">{texts}</translation>"));
        format!("<itext>{each}</itext>")
    };
    let label = |text: &str| format!("<input ref=\"/data/a\"><label>{text}</label></input>");
    let nested = |depth: usize, name: &dyn Fn(usize) -> String| {
        let open = each(depth, &|at| format!("<{}>", name(at)));
        open + "<a/>" + &each(depth, &|at| format!("</{}>", name(depth - 1 - at)))
    };
    let repeats = each(8, &|at| {
        format!("<repeat nodeset=\"/data{}\"/>", (0..=at).map(|step| format!("/r{step}")).collect::<String>())
    });
    let long = "x".repeat(40_000);
    for (text, found, limit) in [
        (with_model(&languages(101, ""), ""), "101 languages", "at most 100"),
        (
            with_model(
                &languages(100, "").replacen(
                    "></tr",
                    &format!(">{}</tr", each(20_001, &|at| format!("<text id=\"{at}\"/>"))),
                    1,
                ),
                "",
            ),
            "2000100 texts in itext",
            "at most 2000000",
        ),
        (
            list(&format!("<item>{}</item>", each(1_025, &|at| format!("<c{at}/>")))),
            "the list \"l\" with 1025 columns",
            "at most 1024",
        ),
        (
            list(&each(3_000, &|at| format!("<item><c{}>1</c{}></item>", at % 1_000, at % 1_000))),
            "the list \"l\" with 3003000 cells",
            "at most 2000000",
        ),
        (list(&format!("<item><name>{long}</name></item>")), "a text of 40000 bytes", "at most 32768"),
        (with_model("", &label(&long)), "a text of 40000 bytes", "at most 32768"),
        (with_record(&format!("<{long}/>"), ""), "a namespace of 40000 bytes", "more than 255"),
        (with_record(&format!("<b xmlns=\"{long}\"/>"), ""), "a namespace of 40000 bytes", "more than 255"),
        (
            with_record(&nested(20, &|at| format!("{}{at}", "y".repeat(240))), ""),
            "a path of 4",
            "at most 4096",
        ),
        (
            with_record(&nested(8, &|at| format!("r{at}")), &repeats),
            "8 repeats inside each other",
            "at most 7",
        ),
        (with_record(&"<b/>".repeat(10_001), ""), "more than 10000 places", "at most 10000"),
        (with_model("", &"<input/>".repeat(30_001)), "more than 30000 controls", "at most 30000"),
        (
            with_record(&"<r/>".repeat(100_001), "<repeat nodeset=\"/data/r\"/>"),
            "100002 instances of repeats",
            "at most 100000",
        ),
    ] {
        let said = refusal(&text);
        assert!(said.contains(found) && said.contains(limit), "{found}: {said}");
    }
}

/// Were each of these copied, a form of some hundred kilobytes would fill the memory.
#[test]
fn a_text_that_is_named_a_thousand_times_does_not_fill_the_memory() {
    const MANY: usize = 9_000;
    let each = |text: &dyn Fn(usize) -> String| (0..MANY).map(text).collect::<String>();
    let places = each(&|at| format!("<a{at}/>"));
    let record = format!("<instance><data id=\"d\">{places}</data></instance>");
    let long = "x".repeat(30_000);
    let text = format!("<text id=\"t\"><value>{long}</value></text>");
    let itext = format!("<itext><translation lang=\"fr\">{text}</translation></itext>");
    let labels = each(&|at| format!("<input ref=\"/data/a{at}\"><label ref=\"jr:itext('t')\"/></input>"));
    let options = each(&|_| "<item><value>1</value><label ref=\"jr:itext('t')\"/></item>".to_owned());
    let items = each(&|_| "<item><name>1</name><itextId>t</itextId></item>".to_owned());
    let list = format!("<instance id=\"l\"><root>{items}</root></instance>");
    let bound = format!("<bind nodeset=\"/data/a\" constraint=\". != '{long}'\"/>");
    for (model, body) in [
        (format!("{record}{itext}"), labels),
        (format!("{record}{itext}"), format!("<select1 ref=\"/data/a1\">{options}</select1>")),
        (format!("{record}{itext}{list}"), String::new()),
        (format!("<instance><data id=\"d\">{}</data></instance>{bound}", "<a/>".repeat(MANY)), String::new()),
    ] {
        let said = refusal(&xform("", &model, &body));
        assert!(said.contains("more than 67108864 bytes of texts"), "{said}");
    }
}

#[test]
fn a_prefix_that_is_declared_inside_the_record_is_kept() {
    let text = with_record("<x:a xmlns:x=\"urn:x\" x:b=\"1\">2</x:a><y:c xmlns:y=\"urn:y\"/>", "");
    let (form, written) = round_trip(&text);
    assert!(written.contains("xmlns:x=\"urn:x\"") && written.contains("xmlns:y=\"urn:y\""), "{written}");
    let xml = begun(&form).xml();
    let draft = Interview::resume(&form, &xml, Resume::Draft, visit(), &preload()).unwrap();
    assert_eq!(draft.value("/data/x:a").as_deref(), Some("2"));
}

#[test]
fn a_prefix_of_two_namespaces_is_refused() {
    let said = refusal(&with_record("<x:a xmlns:x=\"urn:x\"/><x:b xmlns:x=\"urn:y\"/>", ""));
    assert!(said.contains("the prefix \"x\" for \"urn:x\" and for \"urn:y\""), "{said}");
}

#[test]
fn a_slip_in_an_xform_takes_no_question_or_rule_away_without_a_word() {
    let said = |model: &str, body: &str| -> Vec<String> {
        let model = format!("<instance><data id=\"d\"><nom/><age/></data></instance>{model}");
        let text = xform("", &model, &format!("<input ref=\"/data/nom\"/>\n{body}"));
        let (_, found) = CompiledForm::from_xform(text.as_bytes()).unwrap();
        found
            .iter()
            .map(|d| format!("{} {} {} | {} | {}", d.code, d.row, d.column, d.found_fr, d.fix_fr))
            .collect()
    };
    let age = "<input ref=\"/data/age\"/>";
    let bind = "<bind nodeset=\"/data/age\" type=\"int\"/>";
    assert!(said(bind, age).is_empty(), "{:?}", said(bind, age));
    // Nobody's slip: too far from all we know.
    let theirs = "<bind nodeset=\"/data/age\" type=\"int\" kind=\"x\" min=\"1\"/>";
    assert!(said(theirs, age).is_empty(), "{:?}", said(theirs, age));
    for (model, body, expected) in [
        (
            bind,
            "<input ref=\"/data/agee\"/>",
            "unknown-reference 4 input | <input> de \"/data/agee\" | Vouliez-vous écrire /data/age ?",
        ),
        (bind, "<input/>", "unknown-reference 4 input | <input> sans ref | Corrigez le chemin"),
        (
            "<bind nodeset=\"/data/agee\" type=\"int\"/>",
            age,
            "unknown-reference 2 bind | <bind> de \"/data/agee\" | Vouliez-vous",
        ),
        (
            bind,
            "<imput ref=\"/data/age\"/>",
            "unknown-element 4 imput | <imput> | Vouliez-vous écrire <input> ?",
        ),
        (
            bind,
            "<selct1 ref=\"/data/age\"/>",
            "unknown-element 4 selct1 | <selct1> | Vouliez-vous écrire <select1> ?",
        ),
        (
            "<bind nodeset=\"/data/age\" type=\"imt\"/>",
            age,
            "unknown-type 2 type | \"imt\" | Corrigez le type",
        ),
        (
            "<bind nodeset=\"/data/age\" relevnt=\"1\"/>",
            age,
            "unknown-column 2 relevnt | \"relevnt\" | Vouliez-vous écrire relevant ?",
        ),
    ] {
        let found = said(model, body);
        assert!(found.len() == 1 && found[0].starts_with(expected), "{expected}: {found:#?}");
    }
}

#[test]
fn a_long_expression_is_not_taken_for_many_attributes() {
    let compared: Vec<String> = (0..300).map(|at| format!(". = 'HT{at:04}'")).collect();
    let bind =
        format!("<bind nodeset=\"/data/a\" type=\"string\" constraint=\"{}\"/>", compared.join(" or "));
    let text = xform(
        "",
        &format!("<instance><data id=\"d\"><a/></data></instance>{bind}"),
        "<input ref=\"/data/a\"/>",
    );
    round_trip(&text);
}

#[test]
fn a_choice_may_show_more_than_an_answer() {
    let text = xform(
        "",
        r#"<itext><translation lang="default"><text id="l-0"><value>On <output value="concat(/data/r[position() = 2]/a, '!')"/>
        </value></text></translation></itext><instance><data id="d"><r jr:template=""><a/></r><q/></data></instance>
        <instance id="l"><root><item><itextId>l-0</itextId><name>x</name></item></root></instance>
        <bind nodeset="/data/r/a" type="string"/><bind nodeset="/data/q" type="string"/>"#,
        r#"<group ref="/data/r"><repeat nodeset="/data/r"><input ref="/data/r/a"/></repeat></group><select1 ref="/data/q">
        <itemset nodeset="instance('l')/root/item"><value ref="name"/><label ref="jr:itext(itextId)"/></itemset></select1>"#,
    );
    let (form, _) = round_trip(&text);
    let mut interview = begun(&form);
    for (at, name) in [(1, "Rose"), (2, "Marie")] {
        interview.add("/data/r").unwrap();
        interview.set(&format!("/data/r[{at}]/a"), name).unwrap();
    }
    assert_eq!(interview.choices("/data/q").unwrap(), [("x".to_owned(), "On Marie!".to_owned())]);
}

#[test]
fn what_reads_a_choice_s_label_follows_the_answers_it_shows() {
    let text = xform(
        "",
        r#"<itext><translation lang="default"><text id="l-0"><value>As <output value="/data/later"/></value></text>
        </translation></itext><instance><data id="d"><name/><q/><said/><later/></data></instance>
        <instance id="l"><root><item><itextId>l-0</itextId><name>x</name></item></root></instance>
        <bind nodeset="/data/name" type="string"/><bind nodeset="/data/q" type="string"/>
        <bind nodeset="/data/said" type="string" calculate="jr:choice-name(/data/q, '/data/q')"/>
        <bind nodeset="/data/later" type="string" calculate="concat(/data/name, '!')"/>"#,
        r#"<input ref="/data/name"/><select1 ref="/data/q"><itemset nodeset="instance('l')/root/item"><value ref="name"/>
        <label ref="jr:itext(itextId)"/></itemset></select1>"#,
    );
    let (form, _) = round_trip(&text);
    let mut interview = begun(&form);
    interview.set("/data/name", "Rose").unwrap();
    interview.set("/data/q", "x").unwrap();
    assert_eq!(interview.value("/data/said").as_deref(), Some("As Rose!"));
    interview.set("/data/name", "Marie").unwrap();
    assert_eq!(interview.value("/data/said").as_deref(), Some("As Marie!"));
}
