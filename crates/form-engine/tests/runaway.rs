//! Forms that would never end, or fill the memory, when they are read or filled in.

#![allow(clippy::unwrap_used, reason = "a test fails where it stands")]

use std::fmt::Write as _;

use form_engine::{CompiledForm, Interview, InterviewError, Preload, Resume};
use record_model::{Instant, Visit};

/// 2026-11-21T23:10 in Port-au-Prince.
fn visit() -> Visit {
    Visit { at: Instant::from_unix_ms(1_795_320_600_000), utc_offset_minutes: -300 }
}

fn load(xml: &str) -> CompiledForm {
    match CompiledForm::from_xform(xml.as_bytes()) {
        Ok((form, _)) => form,
        Err(found) => panic!("{found}"),
    }
}

fn start(xml: &str) -> Interview {
    Interview::start(&load(xml), visit(), &Preload::default())
}

/// A form: what the primary instance holds, what else the model holds, and the body.
fn form(data: &str, model: &str, body: &str) -> String {
    format!(
        "<h:html xmlns:h=\"http://www.w3.org/1999/xhtml\" xmlns=\"http://www.w3.org/2002/xforms\" \
         xmlns:jr=\"http://openrosa.org/javarosa\" xmlns:odk=\"http://www.opendatakit.org/xforms\">\
         <h:head><h:title>t</h:title><model><instance><data id=\"t\">{data}</data></instance>{model}</model></h:head>\
         <h:body>{body}</h:body></h:html>"
    )
}

#[test]
fn indexed_repeats_in_the_predicates_of_each_other_are_read_once_each() {
    let mut nested = "/data/*".to_owned();
    for _ in 0..40 {
        nested = format!("indexed-repeat(/data/*[{nested}], /data/r, 1)");
    }
    load(&form("<a/><b/>", &format!("<bind nodeset=\"/data/a\" calculate=\"{nested}\"/>"), ""));
    let mut inner = "1".to_owned();
    for _ in 0..40 {
        inner = format!("indexed-repeat(/data/r/s/q, /data/r, {inner})");
    }
    load(&form(
        "<a/><r><s><q/></s></r>",
        &format!("<bind nodeset=\"/data/a\" calculate=\"{inner}\"/>"),
        "<group ref=\"/data/r\"><repeat nodeset=\"/data/r\"><group ref=\"/data/r/s\">\
         <repeat nodeset=\"/data/r/s\"><input ref=\"/data/r/s/q\"/></repeat></group></repeat></group>",
    ));
}

#[test]
fn a_text_that_shows_itself_ends() {
    let mut texts = "<text id=\"a\"><value>x <output value=\"jr:itext('a')\"/></value></text>".to_owned();
    // Each shows the next one twice.
    for at in 0..40 {
        let next = at + 1;
        let _ = write!(
            texts,
            "<text id=\"t{at}\"><value><output value=\"jr:itext('t{next}')\"/>\
             <output value=\"jr:itext('t{next}')\"/></value></text>"
        );
    }
    let model = format!(
        "<itext><translation lang=\"fr\">{texts}</translation></itext>\
         <bind nodeset=\"/data/q\" calculate=\"jr:itext('a')\"/>\
         <bind nodeset=\"/data/p\" calculate=\"jr:itext('t0')\"/>"
    );
    let interview = start(&form("<q/><p/>", &model, ""));
    assert!(interview.value("/data/q").unwrap().starts_with("x x "));
    assert_eq!(interview.value("/data/p").unwrap(), "");
}

#[test]
fn an_option_that_is_labelled_by_its_own_question_ends() {
    let body = "<select1 ref=\"/data/q\"><itemset nodeset=\"/data/r\"><value ref=\"name\"/>\
                <label ref=\"jr:choice-name(name, '/data/q')\"/></itemset></select1>\
                <group ref=\"/data/r\"><repeat nodeset=\"/data/r\"><input ref=\"/data/r/name\"/></repeat></group>";
    let interview = start(&form("<q/><r><name>a</name></r>", "", body));
    assert_eq!(interview.choices("/data/q").unwrap(), [("a".to_owned(), String::new())]);
}

#[test]
fn questions_that_set_each_other_off_are_told_of() {
    let body = "<input ref=\"/data/q\"><setvalue event=\"xforms-value-changed\" ref=\"/data/q\" \
                value=\"concat(., 'x')\"/></input>";
    let mut interview = start(&form("<q/><p/>", "", body));
    let found = interview.set("/data/q", "a").unwrap_err();
    assert_eq!(found, InterviewError::Restless { question: "q".to_owned() });
    interview.set("/data/p", "fine").unwrap();
    assert_eq!(interview.value("/data/p").unwrap(), "fine");
}

#[test]
fn what_a_new_instance_begins_with_is_set_in_each_of_many() {
    let body = "<group ref=\"/data/r\"><repeat nodeset=\"/data/r\" jr:count=\"/data/n\"><input ref=\"/data/r/q\"/>\
                <setvalue event=\"odk-new-repeat\" ref=\"/data/r/q\" value=\"position(..) * 2\"/></repeat></group>";
    let mut interview = start(&form("<n/><r><q/></r>", "<bind nodeset=\"/data/n\" type=\"int\"/>", body));
    interview.set("/data/n", "500").unwrap();
    assert_eq!(interview.value("/data/r[500]/q").unwrap(), "1000");
    assert_eq!(interview.value("/data/r[1]/q").unwrap(), "2");
}

#[test]
fn texts_that_double_do_not_fill_the_memory() {
    let mut data = "<a0>x</a0>".to_owned();
    let mut binds = String::new();
    for at in 1..60 {
        let _ = write!(data, "<a{at}/>");
        let before = at - 1;
        let _ = write!(
            binds,
            "<bind nodeset=\"/data/a{at}\" calculate=\"concat(/data/a{before}, /data/a{before})\"/>"
        );
    }
    let interview = start(&form(&data, &binds, ""));
    assert_eq!(interview.value("/data/a10").unwrap().len(), 1024);
    assert_eq!(interview.value("/data/a59").unwrap(), "");
    let circle = "<bind nodeset=\"/data/c\" calculate=\"concat(., ., 'x')\"/>";
    assert!(start(&form("<c/>", circle, "")).value("/data/c").unwrap().len() < 100_000);
}

#[test]
fn repeats_in_repeats_stop_growing() {
    let body = "<group ref=\"/data/r\"><repeat nodeset=\"/data/r\" jr:count=\"10000\"><input ref=\"/data/r/q\"/>\
                <group ref=\"/data/r/s\"><repeat nodeset=\"/data/r/s\" jr:count=\"10000\">\
                <input ref=\"/data/r/s/p\"/></repeat></group></repeat></group>";
    let xml = form("<r><q/><s><p/></s></r>", "", body);
    let mut interview = start(&xml);
    assert_eq!(interview.count("/data/r"), Some(10_000));
    let total: usize = (1..=10_000).filter_map(|at| interview.count(&format!("/data/r[{at}]/s"))).sum();
    assert!(total < 100_000, "{total}");
    let found = interview.add("/data/r[1]/s").unwrap_err();
    assert_eq!(found, InterviewError::TooMany { repeat: "s".to_owned() });
}

#[test]
fn a_record_of_a_million_instances_is_refused() {
    let body =
        "<group ref=\"/data/r\"><repeat nodeset=\"/data/r\"><input ref=\"/data/r/q\"/></repeat></group>";
    let form = load(&form("<r><q/></r>", "", body));
    let record = format!("<data id=\"t\">{}</data>", "<r/>".repeat(900_000));
    let found = Interview::resume(&form, &record, Resume::Draft, visit(), &Preload::default());
    assert!(matches!(found, Err(InterviewError::Unreadable { .. })));
}

#[test]
fn paths_that_look_at_everything_from_everywhere_end() {
    let items = "<a/>".repeat(20_000);
    let model = format!(
        "<instance id=\"x\"><top><b>{items}</b></top></instance>\
         <bind nodeset=\"/data/q\" calculate=\"count(instance('x')//node()/following::node())\"/>\
         <bind nodeset=\"/data/p\" calculate=\"count(instance('x')//*[count(instance('x')//*[count(instance('x')//*) > 0]) > 0])\"/>"
    );
    let interview = start(&form("<q/><p/>", &model, ""));
    assert!(interview.value("/data/q").is_some());
}
