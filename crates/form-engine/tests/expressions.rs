//! What expressions mean, one table per topic.

mod common;

use common::{A, B, C, calculate};

fn table(values: &[(&str, &str)], rows: &[(&str, &str)]) {
    for (expression, expected) in rows {
        assert_eq!(calculate(expression, values), *expected, "{expression}");
    }
}

#[test]
fn a_blank_is_an_empty_text_and_no_number() {
    table(
        &[],
        &[
            ("${n} < 5", "false"),
            ("${n} > 5", "false"),
            ("${n} != 5", "true"),
            ("${n} = ''", "true"),
            ("${n} + 1", ""),
            ("coalesce(${n}, 3) + 1", "4"),
            ("string-length(${t})", "0"),
            ("count-selected(${goods})", "0"),
            ("selected(${goods}, 'radio')", "false"),
            ("if(${t}, 'yes', 'no')", "no"),
        ],
    );
}

#[test]
fn numbers_compare_with_the_tolerance_of_the_phones() {
    table(
        &[("n", "i:12"), ("d", "0.5"), ("t", "12")],
        &[
            ("6.1 - 7.8 = -1.7", "true"),
            ("${n} = 12", "true"),
            ("${n} = '12'", "true"),
            ("${n} = ${t}", "true"),
            ("${d} * 2 = 1", "true"),
            ("${n} div 5", "2.4"),
            ("${n} mod 5", "2"),
            ("-${n} mod 5", "-2"),
            ("10 div 0", "Infinity"),
            ("int(2.9)", "2"),
            ("int(-2.9)", "-2"),
            ("floor(-1.1)", "-2"),
            ("ceiling(1.1)", "2"),
            ("round(2.5)", "3"),
            ("round(2.345, 2)", "2.35"),
            ("abs(-3.5)", "3.5"),
            ("pow(2, 10)", "1024"),
            ("sqrt(9)", "3"),
            ("max(1, 3, 2)", "3"),
            ("min(1, -3, 2)", "-3"),
            ("max('')", ""),
            ("number('1.5') + 1", "2.5"),
            ("number('14,6')", ""),
        ],
    );
}

#[test]
fn texts_are_cut_joined_and_searched() {
    table(
        &[("t", "Marie-Ange")],
        &[
            ("concat(${t}, ' ', 5)", "Marie-Ange 5"),
            ("substr(${t}, 0, 5)", "Marie"),
            ("substr('hello', 0, -1)", "hell"),
            ("substr('hello', 1)", "ello"),
            ("substring('12345', 1.5, 2.6)", "234"),
            ("substring-before(${t}, '-')", "Marie"),
            ("substring-after(${t}, '-')", "Ange"),
            ("starts-with(${t}, 'Mar')", "true"),
            ("ends-with(${t}, 'nge')", "true"),
            ("contains(${t}, '-')", "true"),
            ("normalize-space('  a   b ')", "a b"),
            ("translate('bar', 'abc', 'AB')", "BAr"),
            ("string-length('été')", "3"),
            ("join(', ', 'a', 'b')", "a, b"),
            ("regex('3612-3456', '^[0-9]{4}-[0-9]{4}$')", "true"),
            ("regex('abc', 'b')", "true"),
            ("boolean-from-string('1')", "true"),
            ("boolean-from-string('yes')", "false"),
            ("string(1 div 3)", "0.3333333333333333"),
        ],
    );
}

#[test]
fn a_select_multiple_reads_as_its_codes_in_list_order() {
    let ticked =
        [("goods#", "true"), ("goods#car", "true"), ("goods#radio", "true"), ("goods#phone", "false")];
    table(
        &ticked,
        &[
            ("${goods}", "radio car"),
            ("selected(${goods}, 'car')", "true"),
            ("selected(${goods}, 'phone')", "false"),
            ("count-selected(${goods})", "2"),
            ("selected-at(${goods}, 1)", "car"),
            ("selected-at(${goods}, 5)", ""),
            ("jr:choice-name(selected-at(${goods}, 0), '${goods}')", "Radio"),
            ("jr:choice-name('02', '${relationship}')", "Spouse"),
            ("not(selected(${goods}, 'car'))", "false"),
        ],
    );
}

#[test]
fn dates_count_days_from_their_local_midnight() {
    table(
        &[("day", "1984-05-17")],
        &[
            ("today()", "2026-11-21"),
            ("now()", "2026-11-21T23:10:00.000-05:00"),
            ("today() - date('2026-11-20')", "1"),
            ("round(date('1970-01-02') + 0, 4)", "1.2083"),
            ("date(today() + 10)", "2026-12-01"),
            ("round('2018-01-01' + 1, 4)", "17533.2083"),
            ("${day} < today()", "true"),
            ("${day} = date('1984-05-17')", "true"),
            ("'2015-07-15' < today()", "true"),
            ("int((decimal-date-time(today()) - decimal-date-time(${day})) div 365.25)", "42"),
            ("decimal-date-time('1970-01-02T00:00:00Z')", "1"),
            ("date-time('2026-01-02T03:04:05Z')", "2026-01-01T22:04:05.000-05:00"),
            ("format-date(${day}, '%d/%m/%Y')", "17/05/1984"),
            ("format-date-time(now(), '%H:%M')", "23:10"),
            ("format-date('', '%Y')", ""),
            ("date('2023-02-29')", ""),
            ("decimal-time('06:00:00.000-05:00')", "0.25"),
            ("if(date('nonsense') = '', 'blank', 'no date')", "blank"),
            ("if(date('') = '', 'blank', 'no date')", "blank"),
        ],
    );
}

fn roster() -> Vec<(String, &'static str)> {
    let member = |id: &str, leaf: &str| format!("roster/{id}/{leaf}");
    vec![
        (member(A, "@order"), "a1"),
        (member(A, "name"), "Jean"),
        (member(A, "age"), "i:40"),
        (member(A, "relationship"), "02"),
        (member(B, "@order"), "a0"),
        (member(B, "name"), "Marie"),
        (member(B, "age"), "i:38"),
        (member(B, "relationship"), "01"),
        (member(C, "@order"), "a2"),
        (member(C, "name"), "Ti-Jo"),
    ]
}

#[test]
fn a_reference_from_outside_a_repeat_is_every_instance_and_blanks_do_not_poison_a_sum() {
    let members = roster();
    let values: Vec<(&str, &str)> = members.iter().map(|(path, value)| (path.as_str(), *value)).collect();
    table(
        &values,
        &[
            ("count(${roster})", "3"),
            ("sum(${age})", "78"),
            ("count-non-empty(${age})", "2"),
            ("count(${age})", "3"),
            ("${relationship} = '01'", "true"),
            ("${relationship} = '07'", "false"),
            ("count(${relationship}[. = '01'])", "1"),
            ("count(${roster}[relationship = '01'])", "1"),
            ("count(${roster}[age > 39 or name = 'Ti-Jo'])", "2"),
            ("${roster}[relationship = '01']/name", "Marie"),
            ("${roster}[2]/name", "Jean"),
            ("${roster}[position() = last()]/name", "Ti-Jo"),
            ("sum(${roster}[age > 39]/age)", "40"),
            ("indexed-repeat(${name}, ${roster}, 1)", "Marie"),
            ("indexed-repeat(${name}, ${roster}, 9)", ""),
            ("join(', ', ${name})", "Marie, Jean, Ti-Jo"),
            ("max(${age})", ""),
            ("${name}", "Marie"),
            ("concat(${name})", "MarieJeanTi-Jo"),
            ("count(${name} | ${age})", "6"),
            ("/data/roster/name", "Marie"),
        ],
    );
}

#[test]
fn lists_are_read_as_secondary_instances() {
    table(
        &[("t", "y")],
        &[
            ("instance('goods')/root/item[name = 'car']/label", "Car"),
            ("count(instance('goods')/root/item[kind = ${t}])", "2"),
            ("instance('goods')/root/item[kind = 'y'][2]/name", "car"),
            ("count(instance('goods')/root/item)", "3"),
            ("sum(instance('goods')/root/item/kind)", ""),
        ],
    );
}

#[test]
fn what_the_engine_does_not_know_is_refused_by_name() {
    for (expression, said) in [
        ("foo(1)", "found the function \"foo\""),
        ("slected(${t}, 'x')", "found the function \"slected\""),
        ("property('x')", "another system's"),
        ("if(1, 2)", "found 2 arguments for if()"),
        ("${nobody}", "found \"${nobody}\""),
        ("count('x')", "found a value"),
        ("concat('a', uuid())", "uuid() outside a default"),
        ("1 + once(2)", "once() inside another expression"),
        ("position()", "position() without an argument"),
        ("regex(${t}, '(?=a)')", "look-around"),
        ("instance('nowhere')/root/item", "the list \"nowhere\""),
        ("instance('goods')/root/item[colour = 'x']/label", "\"colour\""),
        ("jr:choice-name('x', '${t}')", "which has no choices"),
        ("indexed-repeat(${t}, ${roster}, 1)", "a repeat that \"${t}\" is not in"),
        ("${result} + 1", "a circle: result (row 13) -> result (row 13)"),
    ] {
        let result = calculate(expression, &[]);
        assert!(result.starts_with("refused: ") && result.contains(said), "{expression}: {result}");
        assert!(result.contains("sheet \"survey\" row 13 column \"calculation\""), "{expression}: {result}");
    }
}
