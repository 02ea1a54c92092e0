//! Small workbooks, each with one thing that people get wrong, or with what looks wrong and is not.
//!
//! A line with words in its first cell opens a sheet; the others are its rows.

/// What it is about, and its sheets.
pub(crate) const WORKBOOKS: &[(&str, &str)] = &[
    (
        "unknown type",
        "
        | survey |
        | | type | name | label |
        | | texty | q | Q |
        ",
    ),
    (
        "type in capitals",
        "
        | survey |
        | | type | name | label |
        | | Text | q | Q |
        ",
    ),
    (
        "type with blanks around it",
        "
        | survey |
        | | type | name | label |
        | | text | q | Q |
        ",
    ),
    (
        "alias int",
        "
        | survey |
        | | type | name | label |
        | | int | q | Q |
        ",
    ),
    (
        "alias string",
        "
        | survey |
        | | type | name | label |
        | | string | q | Q |
        ",
    ),
    (
        "alias gps",
        "
        | survey |
        | | type | name | label |
        | | gps | q | Q |
        ",
    ),
    (
        "alias phone number",
        "
        | survey |
        | | type | name | label |
        | | phone number | q | Q |
        ",
    ),
    (
        "tel is no type",
        "
        | survey |
        | | type | name | label |
        | | tel | q | Q |
        ",
    ),
    (
        "missing type",
        "
        | survey |
        | | type | name | label |
        | | | q | Q |
        ",
    ),
    (
        "a row with only a label",
        "
        | survey |
        | | type | name | label |
        | | text | q | Q |
        | | | | Only words |
        ",
    ),
    (
        "two words that are no type",
        "
        | survey |
        | | type | name | label |
        | | select one | q | Q |
        ",
    ),
    (
        "type in another language",
        "
        | survey |
        | | type | name | label |
        | | texte | q | Q |
        ",
    ),
    (
        "a comment column is no type",
        "
        | survey |
        | | type | name | label | remark |
        | | text | q | Q |
        ",
    ),
    (
        "decimal, date, time, dateTime",
        "
        | survey |
        | | type | name | label |
        | | decimal | a | A |
        | | date | b | B |
        | | time | c | C |
        | | dateTime | d | D |
        ",
    ),
    (
        "acknowledge, trigger, barcode",
        "
        | survey |
        | | type | name | label |
        | | acknowledge | a | A |
        | | trigger | b | B |
        | | barcode | c | C |
        ",
    ),
    (
        "metadata",
        "
        | survey |
        | | type | name | label |
        | | start | start | |
        | | end | end | |
        | | today | today | |
        | | deviceid | deviceid | |
        | | username | username | |
        | | phonenumber | phonenumber | |
        | | email | email | |
        ",
    ),
    (
        "old metadata",
        "
        | survey |
        | | type | name | label |
        | | subscriberid | s | |
        | | simserial | t | |
        ",
    ),
    (
        "missing name",
        "
        | survey |
        | | type | name | label |
        | | text | | Q |
        ",
    ),
    (
        "name with a blank",
        "
        | survey |
        | | type | name | label |
        | | text | first name | Q |
        ",
    ),
    (
        "name begins with a digit",
        "
        | survey |
        | | type | name | label |
        | | text | 1q | Q |
        ",
    ),
    (
        "name with an accent",
        "
        | survey |
        | | type | name | label |
        | | text | prénom | Q |
        ",
    ),
    (
        "name with a dot and a dash",
        "
        | survey |
        | | type | name | label |
        | | text | a.b-c | Q |
        ",
    ),
    (
        "name with a colon",
        "
        | survey |
        | | type | name | label |
        | | text | a:b | Q |
        ",
    ),
    (
        "name with a slash",
        "
        | survey |
        | | type | name | label |
        | | text | a/b | Q |
        ",
    ),
    (
        "name with an apostrophe",
        "
        | survey |
        | | type | name | label |
        | | text | l'âge | Q |
        ",
    ),
    (
        "duplicate name",
        "
        | survey |
        | | type | name | label |
        | | text | q | Q |
        | | text | q | Q |
        ",
    ),
    (
        "duplicate name but for case",
        "
        | survey |
        | | type | name | label |
        | | text | q | Q |
        | | text | Q | Q |
        ",
    ),
    (
        "duplicate name in two groups",
        "
        | survey |
        | | type | name | label |
        | | begin group | a | A |
        | | text | q | Q |
        | | end group | | |
        | | begin group | b | B |
        | | text | q | Q |
        | | end group | | |
        ",
    ),
    (
        "duplicate group",
        "
        | survey |
        | | type | name | label |
        | | begin group | a | A |
        | | text | p | P |
        | | end group | | |
        | | begin group | a | A |
        | | text | q | Q |
        | | end group | | |
        ",
    ),
    (
        "duplicate repeat",
        "
        | survey |
        | | type | name | label |
        | | begin repeat | a | A |
        | | text | p | P |
        | | end repeat | | |
        | | begin repeat | a | A |
        | | text | q | Q |
        | | end repeat | | |
        ",
    ),
    (
        "duplicate repeat at two depths",
        "
        | survey |
        | | type | name | label |
        | | begin repeat | a | A |
        | | text | p | P |
        | | begin repeat | a | B |
        | | text | q | Q |
        | | end repeat | | |
        | | end repeat | | |
        ",
    ),
    (
        "group with the name of a question beside it",
        "
        | survey |
        | | type | name | label |
        | | text | a | A |
        | | begin group | a | A |
        | | text | q | Q |
        | | end group | | |
        ",
    ),
    (
        "question with the name of its group",
        "
        | survey |
        | | type | name | label |
        | | begin group | a | A |
        | | text | a | Q |
        | | end group | | |
        ",
    ),
    (
        "reserved name meta",
        "
        | survey |
        | | type | name | label |
        | | text | meta | M |
        ",
    ),
    (
        "reserved name meta, a group",
        "
        | survey |
        | | type | name | label |
        | | begin group | meta | M |
        | | text | q | Q |
        | | end group | | |
        ",
    ),
    (
        "meta below a group",
        "
        | survey |
        | | type | name | label |
        | | begin group | g | G |
        | | text | meta | M |
        | | end group | | |
        ",
    ),
    (
        "repeat named as the form",
        "
        | survey |
        | | type | name | label |
        | | begin repeat | data | D |
        | | text | q | Q |
        | | end repeat | | |
        ",
    ),
    (
        "question named as the form",
        "
        | survey |
        | | type | name | label |
        | | text | data | D |
        ",
    ),
    (
        "name instanceID",
        "
        | survey |
        | | type | name | label |
        | | text | instanceID | I |
        ",
    ),
    (
        "missing label",
        "
        | survey |
        | | type | name | label |
        | | text | q | |
        ",
    ),
    (
        "no label column",
        "
        | survey |
        | | type | name |
        | | text | q |
        ",
    ),
    (
        "calculate with a label and no calculation",
        "
        | survey |
        | | type | name | label |
        | | calculate | c | C |
        ",
    ),
    (
        "calculate without calculation",
        "
        | survey |
        | | type | name | label | calculation |
        | | calculate | c | | |
        ",
    ),
    (
        "calculate with a default and no calculation",
        "
        | survey |
        | | type | name | label | default |
        | | calculate | c | | 1 |
        ",
    ),
    (
        "calculate",
        "
        | survey |
        | | type | name | label | calculation |
        | | calculate | c | | 1 + 1 |
        ",
    ),
    (
        "name beginning with an underscore",
        "
        | survey |
        | | type | name | label |
        | | text | _q | Q |
        ",
    ),
    (
        "unmatched begin",
        "
        | survey |
        | | type | name | label |
        | | begin group | a | A |
        | | text | q | Q |
        ",
    ),
    (
        "unmatched end",
        "
        | survey |
        | | type | name | label |
        | | text | q | Q |
        | | end group | | |
        ",
    ),
    (
        "crossed ends",
        "
        | survey |
        | | type | name | label |
        | | begin group | a | A |
        | | begin repeat | b | B |
        | | text | q | Q |
        | | end group | | |
        | | end repeat | | |
        ",
    ),
    (
        "repeat ended as group",
        "
        | survey |
        | | type | name | label |
        | | begin repeat | a | A |
        | | text | q | Q |
        | | end group | | |
        ",
    ),
    (
        "begin_group and end_group",
        "
        | survey |
        | | type | name | label |
        | | begin_group | a | A |
        | | text | q | Q |
        | | end_group | | |
        ",
    ),
    (
        "end with another name",
        "
        | survey |
        | | type | name | label |
        | | begin group | a | A |
        | | text | q | Q |
        | | end group | b | |
        ",
    ),
    (
        "empty group",
        "
        | survey |
        | | type | name | label |
        | | begin group | a | A |
        | | end group | | |
        ",
    ),
    (
        "empty repeat",
        "
        | survey |
        | | type | name | label |
        | | begin repeat | a | A |
        | | end repeat | | |
        ",
    ),
    (
        "group without name",
        "
        | survey |
        | | type | name | label |
        | | begin group | | A |
        | | text | q | Q |
        | | end group | | |
        ",
    ),
    (
        "group without label",
        "
        | survey |
        | | type | name | label |
        | | begin group | a | |
        | | text | q | Q |
        | | end group | | |
        ",
    ),
    (
        "repeat without label",
        "
        | survey |
        | | type | name | label |
        | | begin repeat | a | |
        | | text | q | Q |
        | | end repeat | | |
        ",
    ),
    (
        "group inside repeat inside group",
        "
        | survey |
        | | type | name | label |
        | | begin group | a | A |
        | | begin repeat | b | B |
        | | begin group | c | C |
        | | text | q | Q |
        | | end group | | |
        | | end repeat | | |
        | | end group | | |
        ",
    ),
    (
        "begin loop without list",
        "
        | survey |
        | | type | name | label |
        | | begin loop | a | A |
        | | text | q | Q |
        | | end loop | | |
        ",
    ),
    (
        "begin alone",
        "
        | survey |
        | | type | name | label |
        | | begin | a | A |
        | | text | q | Q |
        | | end | | |
        ",
    ),
    (
        "an empty survey",
        "
        | survey |
        | | type | name | label |
        ",
    ),
    (
        "only a note",
        "
        | survey |
        | | type | name | label |
        | | note | n | Words |
        ",
    ),
    (
        "select",
        "
        | survey |
        | | type | name | label |
        | | select_one yn | q | Q |
        | choices |
        | | list_name | name | label |
        | | yn | yes | Yes |
        | | yn | no | No |
        ",
    ),
    (
        "select one with blanks",
        "
        | survey |
        | | type | name | label |
        | | select one yn | q | Q |
        | choices |
        | | list_name | name | label |
        | | yn | yes | Yes |
        | | yn | no | No |
        ",
    ),
    (
        "add select one prompt using",
        "
        | survey |
        | | type | name | label |
        | | add select one prompt using yn | q | Q |
        | choices |
        | | list_name | name | label |
        | | yn | yes | Yes |
        | | yn | no | No |
        ",
    ),
    (
        "missing list",
        "
        | survey |
        | | type | name | label |
        | | select_one ny | q | Q |
        | choices |
        | | list_name | name | label |
        | | yn | yes | Yes |
        | | yn | no | No |
        ",
    ),
    (
        "no choices sheet",
        "
        | survey |
        | | type | name | label |
        | | select_one yn | q | Q |
        ",
    ),
    (
        "select without list name",
        "
        | survey |
        | | type | name | label |
        | | select_one | q | Q |
        | choices |
        | | list_name | name | label |
        | | yn | yes | Yes |
        | | yn | no | No |
        ",
    ),
    (
        "duplicate choices",
        "
        | survey |
        | | type | name | label |
        | | select_one yn | q | Q |
        | choices |
        | | list_name | name | label |
        | | yn | yes | Yes |
        | | yn | no | No |
        | | yn | yes | Again |
        ",
    ),
    (
        "duplicate choices but for case",
        "
        | survey |
        | | type | name | label |
        | | select_one yn | q | Q |
        | choices |
        | | list_name | name | label |
        | | yn | yes | Yes |
        | | yn | no | No |
        | | yn | Yes | Again |
        ",
    ),
    (
        "duplicate choices, allowed",
        "
        | survey |
        | | type | name | label |
        | | select_one yn | q | Q |
        | choices |
        | | list_name | name | label |
        | | yn | yes | Yes |
        | | yn | no | No |
        | | yn | yes | Again |
        | settings |
        | | allow_choice_duplicates |
        | | yes |
        ",
    ),
    (
        "duplicate choices in a list nobody uses",
        "
        | survey |
        | | type | name | label |
        | | select_one yn | q | Q |
        | choices |
        | | list_name | name | label |
        | | yn | yes | Yes |
        | | yn | no | No |
        | | zz | a | A |
        | | zz | a | B |
        ",
    ),
    (
        "choice without name",
        "
        | survey |
        | | type | name | label |
        | | select_one yn | q | Q |
        | choices |
        | | list_name | name | label |
        | | yn | yes | Yes |
        | | yn | no | No |
        | | yn | | Perhaps |
        ",
    ),
    (
        "choice without label",
        "
        | survey |
        | | type | name | label |
        | | select_one yn | q | Q |
        | choices |
        | | list_name | name | label |
        | | yn | yes | Yes |
        | | yn | no | No |
        | | yn | perhaps | |
        ",
    ),
    (
        "choice name with a blank, one",
        "
        | survey |
        | | type | name | label |
        | | select_one yn | q | Q |
        | choices |
        | | list_name | name | label |
        | | yn | yes | Yes |
        | | yn | no | No |
        | | yn | may be | Perhaps |
        ",
    ),
    (
        "choice name with a blank, several",
        "
        | survey |
        | | type | name | label |
        | | select_multiple yn | q | Q |
        | choices |
        | | list_name | name | label |
        | | yn | yes | Yes |
        | | yn | no | No |
        | | yn | may be | Perhaps |
        ",
    ),
    (
        "choice without list",
        "
        | survey |
        | | type | name | label |
        | | select_one yn | q | Q |
        | choices |
        | | list_name | name | label |
        | | yn | yes | Yes |
        | | yn | no | No |
        | | | perhaps | Perhaps |
        ",
    ),
    (
        "choices without name column",
        "
        | survey |
        | | type | name | label |
        | | select_one yn | q | Q |
        | choices |
        | | list_name | label |
        | | yn | Yes |
        ",
    ),
    (
        "choices without list column",
        "
        | survey |
        | | type | name | label |
        | | select_one yn | q | Q |
        | choices |
        | | name | label |
        | | yes | Yes |
        ",
    ),
    (
        "choices with value column",
        "
        | survey |
        | | type | name | label |
        | | select_one yn | q | Q |
        | choices |
        | | list name | value | label |
        | | yn | yes | Yes |
        ",
    ),
    (
        "choices column with a blank in its head",
        "
        | survey |
        | | type | name | label |
        | | select_one yn | q | Q |
        | choices |
        | | list_name | name | label | my area |
        | | yn | yes | Yes | 1 |
        ",
    ),
    (
        "choices column that is no XML name",
        "
        | survey |
        | | type | name | label |
        | | select_one yn | q | Q |
        | choices |
        | | list_name | name | label | 1area |
        | | yn | yes | Yes | 1 |
        ",
    ),
    (
        "list name in another case",
        "
        | survey |
        | | type | name | label |
        | | select_one YN | q | Q |
        | choices |
        | | list_name | name | label |
        | | yn | yes | Yes |
        | | yn | no | No |
        ",
    ),
    (
        "or_other",
        "
        | survey |
        | | type | name | label |
        | | select_one yn or_other | q | Q |
        | choices |
        | | list_name | name | label |
        | | yn | yes | Yes |
        | | yn | no | No |
        ",
    ),
    (
        "or_other, several",
        "
        | survey |
        | | type | name | label |
        | | select_multiple yn or_other | q | Q |
        | choices |
        | | list_name | name | label |
        | | yn | yes | Yes |
        | | yn | no | No |
        ",
    ),
    (
        "or_other with a filter",
        "
        | survey |
        | | type | name | label | choice_filter |
        | | select_one yn or_other | q | Q | name = 'yes' |
        | choices |
        | | list_name | name | label |
        | | yn | yes | Yes |
        | | yn | no | No |
        ",
    ),
    (
        "or_other in two languages",
        "
        | survey |
        | | type | name | label::English (en) | label::French (fr) |
        | | select_one yn or_other | q | Q | K |
        | choices |
        | | list_name | name | label::English (en) | label::French (fr) |
        | | yn | yes | Yes | Oui |
        ",
    ),
    (
        "or_other and a question with the name it makes",
        "
        | survey |
        | | type | name | label |
        | | select_one yn or_other | q | Q |
        | | text | q_other | O |
        | choices |
        | | list_name | name | label |
        | | yn | yes | Yes |
        | | yn | no | No |
        ",
    ),
    (
        "rank",
        "
        | survey |
        | | type | name | label |
        | | rank yn | q | Q |
        | choices |
        | | list_name | name | label |
        | | yn | yes | Yes |
        | | yn | no | No |
        ",
    ),
    (
        "rank or_other",
        "
        | survey |
        | | type | name | label |
        | | rank yn or_other | q | Q |
        | choices |
        | | list_name | name | label |
        | | yn | yes | Yes |
        | | yn | no | No |
        ",
    ),
    (
        "select_one_from_file",
        "
        | survey |
        | | type | name | label |
        | | select_one_from_file areas.csv | q | Q |
        ",
    ),
    (
        "select_one_from_file of another kind",
        "
        | survey |
        | | type | name | label |
        | | select_one_from_file areas.txt | q | Q |
        ",
    ),
    (
        "select_one_from_file without file",
        "
        | survey |
        | | type | name | label |
        | | select_one_from_file | q | Q |
        ",
    ),
    (
        "select from a repeat",
        "
        | survey |
        | | type | name | label |
        | | begin repeat | r | R |
        | | text | n | N |
        | | end repeat | | |
        | | select_one ${r} | q | Q |
        ",
    ),
    (
        "select from a repeat's question",
        "
        | survey |
        | | type | name | label |
        | | begin repeat | r | R |
        | | text | n | N |
        | | end repeat | | |
        | | select_one ${n} | q | Q |
        ",
    ),
    (
        "select from what is not there",
        "
        | survey |
        | | type | name | label |
        | | select_one ${nn} | q | Q |
        ",
    ),
    (
        "choice_filter on another answer",
        "
        | survey |
        | | type | name | label | choice_filter |
        | | select_one yn | a | A | |
        | | select_one yn | q | Q | name != ${a} |
        | choices |
        | | list_name | name | label |
        | | yn | yes | Yes |
        | | yn | no | No |
        ",
    ),
    (
        "choice_filter on what is not there",
        "
        | survey |
        | | type | name | label | choice_filter |
        | | select_one yn | q | Q | name != ${a} |
        | choices |
        | | list_name | name | label |
        | | yn | yes | Yes |
        | | yn | no | No |
        ",
    ),
    (
        "select_one_external",
        "
        | survey |
        | | type | name | label | choice_filter |
        | | select_one_external yn | q | Q | a=${b} |
        | | text | b | B | |
        | external_choices |
        | | list_name | name | label | a |
        | | yn | yes | Yes | 1 |
        ",
    ),
    (
        "select_one_external without its sheet",
        "
        | survey |
        | | type | name | label | choice_filter |
        | | select_one_external yn | q | Q | a=${b} |
        | | text | b | B | |
        ",
    ),
    (
        "choices with a reference in a label",
        "
        | survey |
        | | type | name | label |
        | | text | a | A |
        | | select_one yn | q | Q |
        | choices |
        | | list_name | name | label |
        | | yn | yes | Yes |
        | | yn | no | No |
        | | yn | maybe | As ${a} |
        ",
    ),
    (
        "choices with a broken reference in a label",
        "
        | survey |
        | | type | name | label |
        | | text | a | A |
        | | select_one yn | q | Q |
        | choices |
        | | list_name | name | label |
        | | yn | yes | Yes |
        | | yn | no | No |
        | | yn | maybe | As ${b} |
        ",
    ),
    (
        "randomize with a seed",
        "
        | survey |
        | | type | name | label | parameters |
        | | select_one yn | q | Q | randomize=true, seed=42 |
        | choices |
        | | list_name | name | label |
        | | yn | yes | Yes |
        | | yn | no | No |
        ",
    ),
    (
        "randomize with a word",
        "
        | survey |
        | | type | name | label | parameters |
        | | select_one yn | q | Q | randomize=perhaps |
        | choices |
        | | list_name | name | label |
        | | yn | yes | Yes |
        | | yn | no | No |
        ",
    ),
    (
        "seed without randomize",
        "
        | survey |
        | | type | name | label | parameters |
        | | select_one yn | q | Q | seed=42 |
        | choices |
        | | list_name | name | label |
        | | yn | yes | Yes |
        | | yn | no | No |
        ",
    ),
    (
        "reference to nothing in a label",
        "
        | survey |
        | | type | name | label |
        | | text | q | Q ${nobody} |
        ",
    ),
    (
        "reference to nothing in relevant",
        "
        | survey |
        | | type | name | label | relevant |
        | | text | q | Q | ${nobody} = 1 |
        ",
    ),
    (
        "reference to nothing in a constraint",
        "
        | survey |
        | | type | name | label | constraint |
        | | text | q | Q | . = ${nobody} |
        ",
    ),
    (
        "reference to nothing in a calculation",
        "
        | survey |
        | | type | name | label | calculation |
        | | calculate | q | | ${nobody} |
        ",
    ),
    (
        "reference to nothing in a hint",
        "
        | survey |
        | | type | name | label | hint |
        | | text | q | Q | ${nobody} |
        ",
    ),
    (
        "reference to nothing in a message",
        "
        | survey |
        | | type | name | label | constraint | constraint_message |
        | | text | q | Q | . = 1 | ${nobody} |
        ",
    ),
    (
        "reference with blanks inside",
        "
        | survey |
        | | type | name | label |
        | | text | a | A |
        | | text | q | Q ${ a } |
        ",
    ),
    (
        "reference without an end",
        "
        | survey |
        | | type | name | label |
        | | text | a | A |
        | | text | q | Q ${a |
        ",
    ),
    (
        "reference turned round",
        "
        | survey |
        | | type | name | label |
        | | text | a | A |
        | | text | q | Q {a}$ |
        ",
    ),
    (
        "reference with two braces",
        "
        | survey |
        | | type | name | label |
        | | text | a | A |
        | | text | q | Q ${{a} |
        ",
    ),
    (
        "reference to itself in a label",
        "
        | survey |
        | | type | name | label |
        | | text | q | Q ${q} |
        ",
    ),
    (
        "reference to itself in a constraint",
        "
        | survey |
        | | type | name | label | constraint |
        | | integer | q | Q | ${q} > 1 |
        ",
    ),
    (
        "reference to a name that two groups have",
        "
        | survey |
        | | type | name | label |
        | | begin group | a | A |
        | | text | q | Q |
        | | end group | | |
        | | begin group | b | B |
        | | text | q | Q |
        | | end group | | |
        | | note | n | ${q} |
        ",
    ),
    (
        "reference to a repeat's question from outside",
        "
        | survey |
        | | type | name | label |
        | | begin repeat | r | R |
        | | text | q | Q |
        | | end repeat | | |
        | | note | n | ${q} |
        ",
    ),
    (
        "reference to a group",
        "
        | survey |
        | | type | name | label | relevant |
        | | begin group | a | A |
        | | text | q | Q |
        | | end group | | |
        | | note | n | N | ${a} = '' |
        ",
    ),
    (
        "last-saved",
        "
        | survey |
        | | type | name | label | default |
        | | text | q | Q | ${last-saved#q} |
        ",
    ),
    (
        "last-saved of nothing",
        "
        | survey |
        | | type | name | label | default |
        | | text | q | Q | ${last-saved#zz} |
        ",
    ),
    (
        "two calculations in a circle",
        "
        | survey |
        | | type | name | label | calculation |
        | | calculate | a | | ${b} + 1 |
        | | calculate | b | | ${a} + 1 |
        ",
    ),
    (
        "a call without its end",
        "
        | survey |
        | | type | name | label | relevant |
        | | text | q | Q | concat(${q} |
        ",
    ),
    (
        "an unknown function",
        "
        | survey |
        | | type | name | label | relevant |
        | | text | q | Q | foo(1) |
        ",
    ),
    (
        "an operator without its right side",
        "
        | survey |
        | | type | name | label | constraint |
        | | integer | q | Q | . > |
        ",
    ),
    (
        "a dynamic default",
        "
        | survey |
        | | type | name | label | default |
        | | date | q | Q | today() |
        ",
    ),
    (
        "trigger",
        "
        | survey |
        | | type | name | label | calculation | trigger |
        | | text | a | A | | |
        | | calculate | c | | now() | ${a} |
        ",
    ),
    (
        "trigger on nothing",
        "
        | survey |
        | | type | name | label | calculation | trigger |
        | | text | a | A | | |
        | | calculate | c | | now() | ${zz} |
        ",
    ),
    (
        "trigger that is no reference",
        "
        | survey |
        | | type | name | label | calculation | trigger |
        | | text | a | A | | |
        | | calculate | c | | now() | a |
        ",
    ),
    (
        "required by a word",
        "
        | survey |
        | | type | name | label | required |
        | | text | q | Q | maybe |
        ",
    ),
    (
        "required yes",
        "
        | survey |
        | | type | name | label | required |
        | | text | q | Q | yes |
        ",
    ),
    (
        "indexed-repeat",
        "
        | survey |
        | | type | name | label | calculation |
        | | begin repeat | r | R | |
        | | text | q | Q | |
        | | end repeat | | | |
        | | calculate | c | | indexed-repeat(${q}, ${r}, 1) |
        ",
    ),
    (
        "repeat_count number",
        "
        | survey |
        | | type | name | label | repeat_count |
        | | begin repeat | r | R | 3 |
        | | text | q | Q | |
        | | end repeat | | | |
        ",
    ),
    (
        "repeat_count reference",
        "
        | survey |
        | | type | name | label | repeat_count |
        | | integer | n | N | |
        | | begin repeat | r | R | ${n} |
        | | text | q | Q | |
        | | end repeat | | | |
        ",
    ),
    (
        "repeat_count expression",
        "
        | survey |
        | | type | name | label | repeat_count |
        | | integer | n | N | |
        | | begin repeat | r | R | ${n} + 1 |
        | | text | q | Q | |
        | | end repeat | | | |
        ",
    ),
    (
        "repeat_count of nothing",
        "
        | survey |
        | | type | name | label | repeat_count |
        | | begin repeat | r | R | ${n} |
        | | text | q | Q | |
        | | end repeat | | | |
        ",
    ),
    (
        "repeat_count expression, its helper's name taken",
        "
        | survey |
        | | type | name | label | repeat_count |
        | | integer | n | N | |
        | | integer | r_count | N | |
        | | begin repeat | r | R | ${n} + 1 |
        | | text | q | Q | |
        | | end repeat | | | |
        ",
    ),
    (
        "jr:count",
        "
        | survey |
        | | type | name | label | jr:count |
        | | begin repeat | r | R | 2 |
        | | text | q | Q | |
        | | end repeat | | | |
        ",
    ),
    (
        "settings",
        "
        | survey |
        | | type | name | label |
        | | text | q | Q |
        | settings |
        | | form_id | form_title | version |
        | | f | F | 1 |
        ",
    ),
    (
        "form_id with blanks",
        "
        | survey |
        | | type | name | label |
        | | text | q | Q |
        | settings |
        | | form_id |
        | | my form |
        ",
    ),
    (
        "form_id that begins with a digit",
        "
        | survey |
        | | type | name | label |
        | | text | q | Q |
        | settings |
        | | form_id |
        | | 1form |
        ",
    ),
    (
        "form name with a blank",
        "
        | survey |
        | | type | name | label |
        | | text | q | Q |
        | settings |
        | | name |
        | | my form |
        ",
    ),
    (
        "form name",
        "
        | survey |
        | | type | name | label |
        | | text | q | Q |
        | settings |
        | | name |
        | | household |
        ",
    ),
    (
        "form name that begins with a digit",
        "
        | survey |
        | | type | name | label |
        | | text | q | Q |
        | settings |
        | | name |
        | | 1form |
        ",
    ),
    (
        "unknown setting",
        "
        | survey |
        | | type | name | label |
        | | text | q | Q |
        | settings |
        | | colour |
        | | blue |
        ",
    ),
    (
        "default language that no label has",
        "
        | survey |
        | | type | name | label |
        | | text | q | Q |
        | settings |
        | | default_language |
        | | Klingon (tlh) |
        ",
    ),
    (
        "instance_name",
        "
        | survey |
        | | type | name | label |
        | | text | q | Q |
        | settings |
        | | instance_name |
        | | concat('a', ${q}) |
        ",
    ),
    (
        "instance_name of nothing",
        "
        | survey |
        | | type | name | label |
        | | text | q | Q |
        | settings |
        | | instance_name |
        | | ${nobody} |
        ",
    ),
    (
        "public key without address",
        "
        | survey |
        | | type | name | label |
        | | text | q | Q |
        | settings |
        | | public_key |
        | | abc |
        ",
    ),
    (
        "submission address",
        "
        | survey |
        | | type | name | label |
        | | text | q | Q |
        | settings |
        | | submission_url |
        | | https://example.org/submit |
        ",
    ),
    (
        "style",
        "
        | survey |
        | | type | name | label |
        | | text | q | Q |
        | settings |
        | | style |
        | | theme-grid no-text-transform |
        ",
    ),
    (
        "id_string",
        "
        | survey |
        | | type | name | label |
        | | text | q | Q |
        | settings |
        | | id_string |
        | | f |
        ",
    ),
    (
        "id_string and form_id",
        "
        | survey |
        | | type | name | label |
        | | text | q | Q |
        | settings |
        | | id_string | form_id |
        | | f | g |
        ",
    ),
    (
        "client editable",
        "
        | survey |
        | | type | name | label |
        | | text | q | Q |
        | settings |
        | | client_editable |
        | | yes |
        ",
    ),
    (
        "compact tag",
        "
        | survey |
        | | type | name | label |
        | | text | q | Q |
        | settings |
        | | sms_keyword | sms_separator |
        | | k | + |
        ",
    ),
    (
        "a column twice",
        "
        | survey |
        | | type | name | label | label |
        | | text | q | Q | R |
        ",
    ),
    (
        "a column twice under two names",
        "
        | survey |
        | | type | name | label | relevant | relevance |
        | | text | q | Q | 1 | 2 |
        ",
    ),
    (
        "a language column and a plain one",
        "
        | survey |
        | | type | name | label | label::French (fr) |
        | | text | q | Q | K |
        ",
    ),
    (
        "languages",
        "
        | survey |
        | | type | name | label::English (en) | label::French (fr) |
        | | text | q | Q | K |
        ",
    ),
    (
        "a language with one colon",
        "
        | survey |
        | | type | name | label:French (fr) |
        | | text | q | Q |
        ",
    ),
    (
        "a label missing in one language",
        "
        | survey |
        | | type | name | label::English (en) | label::French (fr) |
        | | text | q | Q | |
        ",
    ),
    (
        "heads in capitals",
        "
        | survey |
        | | Type | NAME | Label |
        | | text | q | Q |
        ",
    ),
    (
        "caption and command",
        "
        | survey |
        | | command | name | caption |
        | | text | q | Q |
        ",
    ),
    (
        "bind columns",
        "
        | survey |
        | | type | name | label | bind::required | bind::relevant |
        | | text | q | Q | true() | 1 |
        ",
    ),
    (
        "a namespace nobody declared",
        "
        | survey |
        | | type | name | label | bind::zz:mark |
        | | text | q | Q | 1 |
        ",
    ),
    (
        "a namespace that is declared",
        r#"
        | survey |
        | | type | name | label | bind::zz:mark |
        | | text | q | Q | 1 |
        | settings |
        | | namespaces |
        | | zz="http://example.org/zz" |
        "#,
    ),
    (
        "body and instance columns",
        "
        | survey |
        | | type | name | label | body::accuracyThreshold | instance::zz |
        | | text | q | Q | numbers | 1 |
        ",
    ),
    (
        "media",
        "
        | survey |
        | | type | name | label | media::image | media::audio |
        | | text | q | Q | a.jpg | b.mp3 |
        ",
    ),
    (
        "big image without image",
        "
        | survey |
        | | type | name | label | media::big-image |
        | | text | q | Q | a.jpg |
        ",
    ),
    (
        "a question that is only media",
        "
        | survey |
        | | type | name | label | media::image |
        | | text | q | | a.jpg |
        ",
    ),
    (
        "a sheet named surveys",
        "
        | survey |
        | | type | name | label |
        | surveys |
        | | type | name | label |
        | | text | q | Q |
        ",
    ),
    (
        "a sheet named choice",
        "
        | survey |
        | | type | name | label |
        | | select_one yn | q | Q |
        | choice |
        | | list_name | name | label |
        | | yn | yes | Yes |
        | | yn | no | No |
        ",
    ),
    (
        "constraint message without constraint",
        "
        | survey |
        | | type | name | label | constraint_message |
        | | text | q | Q | No |
        ",
    ),
    (
        "guidance hint alone",
        "
        | survey |
        | | type | name | label | guidance_hint |
        | | text | q | | G |
        ",
    ),
    (
        "hint alone",
        "
        | survey |
        | | type | name | label | hint |
        | | text | q | | H |
        ",
    ),
    (
        "disabled rows",
        "
        | survey |
        | | type | name | label | disabled |
        | | text | q | Q | yes |
        | | texty | r | R | yes |
        ",
    ),
    (
        "range",
        "
        | survey |
        | | type | name | label | parameters |
        | | range | q | Q | start=1 end=10 step=1 |
        ",
    ),
    (
        "range without parameters",
        "
        | survey |
        | | type | name | label | parameters |
        | | range | q | Q | |
        ",
    ),
    (
        "range by a word",
        "
        | survey |
        | | type | name | label | parameters |
        | | range | q | Q | start=one end=10 |
        ",
    ),
    (
        "range with an unknown parameter",
        "
        | survey |
        | | type | name | label | parameters |
        | | range | q | Q | from=1 end=10 |
        ",
    ),
    (
        "range with a step of nothing",
        "
        | survey |
        | | type | name | label | parameters |
        | | range | q | Q | start=1 end=10 step=0 |
        ",
    ),
    (
        "range with a step too long",
        "
        | survey |
        | | type | name | label | parameters |
        | | range | q | Q | start=1 end=3 step=5 |
        ",
    ),
    (
        "range the wrong way round",
        "
        | survey |
        | | type | name | label | parameters |
        | | range | q | Q | start=10 end=1 step=1 |
        ",
    ),
    (
        "image with max-pixels",
        "
        | survey |
        | | type | name | label | parameters |
        | | image | q | Q | max-pixels=640 |
        ",
    ),
    (
        "image with max-pixels by a word",
        "
        | survey |
        | | type | name | label | parameters |
        | | image | q | Q | max-pixels=big |
        ",
    ),
    (
        "image with an unknown parameter",
        "
        | survey |
        | | type | name | label | parameters |
        | | image | q | Q | colour=1 |
        ",
    ),
    (
        "audio quality",
        "
        | survey |
        | | type | name | label | parameters |
        | | audio | q | Q | quality=low |
        ",
    ),
    (
        "audio quality unknown",
        "
        | survey |
        | | type | name | label | parameters |
        | | audio | q | Q | quality=bad |
        ",
    ),
    (
        "geopoint accuracy",
        "
        | survey |
        | | type | name | label | parameters |
        | | geopoint | q | Q | capture-accuracy=5 warning-accuracy=10 |
        ",
    ),
    (
        "geopoint accuracy by a word",
        "
        | survey |
        | | type | name | label | parameters |
        | | geopoint | q | Q | capture-accuracy=near |
        ",
    ),
    (
        "geoshape with allow-mock-accuracy",
        "
        | survey |
        | | type | name | label | parameters |
        | | geoshape | q | Q | allow-mock-accuracy=true |
        ",
    ),
    (
        "text with rows",
        "
        | survey |
        | | type | name | label | parameters |
        | | text | q | Q | rows=3 |
        ",
    ),
    (
        "text with rows by a word",
        "
        | survey |
        | | type | name | label | parameters |
        | | text | q | Q | rows=many |
        ",
    ),
    (
        "text with an unknown parameter",
        "
        | survey |
        | | type | name | label | parameters |
        | | text | q | Q | lines=3 |
        ",
    ),
    (
        "parameters without equals",
        "
        | survey |
        | | type | name | label | parameters |
        | | range | q | Q | start 1 end 10 |
        ",
    ),
    (
        "select value and label of a file",
        "
        | survey |
        | | type | name | label | parameters |
        | | select_one_from_file a.csv | q | Q | value=code label=words |
        ",
    ),
    (
        "select value that is no name",
        "
        | survey |
        | | type | name | label | parameters |
        | | select_one_from_file a.csv | q | Q | value=1code label=words |
        ",
    ),
    (
        "select value of a list",
        "
        | survey |
        | | type | name | label | parameters |
        | | select_one yn | q | Q | value=code |
        | choices |
        | | list_name | name | label |
        | | yn | yes | Yes |
        | | yn | no | No |
        ",
    ),
    (
        "audit",
        "
        | survey |
        | | type | name | label |
        | | audit | audit | |
        ",
    ),
    (
        "audit under another name",
        "
        | survey |
        | | type | name | label |
        | | audit | log | |
        ",
    ),
    (
        "audit twice",
        "
        | survey |
        | | type | name | label |
        | | audit | audit | |
        | | audit | audit | |
        ",
    ),
    (
        "audit with half of a place",
        "
        | survey |
        | | type | name | label | parameters |
        | | audit | audit | | location-priority=balanced |
        ",
    ),
    (
        "audit with a place",
        "
        | survey |
        | | type | name | label | parameters |
        | | audit | audit | | location-priority=balanced location-min-interval=60 location-max-age=120 |
        ",
    ),
    (
        "background-audio",
        "
        | survey |
        | | type | name | label |
        | | background-audio | b | |
        ",
    ),
    (
        "start-geopoint",
        "
        | survey |
        | | type | name | label |
        | | start-geopoint | b | |
        ",
    ),
    (
        "csv-external",
        "
        | survey |
        | | type | name | label |
        | | csv-external | areas | |
        | | text | q | Q |
        ",
    ),
    (
        "csv-external twice",
        "
        | survey |
        | | type | name | label |
        | | csv-external | areas | |
        | | xml-external | areas | |
        | | text | q | Q |
        ",
    ),
    (
        "csv-external and a select of that file",
        "
        | survey |
        | | type | name | label |
        | | csv-external | areas | |
        | | select_one_from_file areas.csv | q | Q |
        ",
    ),
    (
        "csv-external and a list of that name",
        "
        | survey |
        | | type | name | label |
        | | csv-external | yn | |
        | | select_one yn | q | Q |
        | choices |
        | | list_name | name | label |
        | | yn | yes | Yes |
        | | yn | no | No |
        ",
    ),
    (
        "pulldata",
        "
        | survey |
        | | type | name | label | calculation |
        | | calculate | c | | pulldata('areas', 'a', 'b', '1') |
        ",
    ),
    (
        "osm",
        "
        | survey |
        | | type | name | label |
        | | osm | q | Q |
        ",
    ),
    (
        "table-list",
        "
        | survey |
        | | type | name | label | appearance |
        | | begin group | g | G | table-list |
        | | select_one yn | a | A | |
        | | select_one yn | b | B | |
        | | end group | | | |
        | choices |
        | | list_name | name | label |
        | | yn | yes | Yes |
        | | yn | no | No |
        ",
    ),
    (
        "table-list of two lists",
        "
        | survey |
        | | type | name | label | appearance |
        | | begin group | g | G | table-list |
        | | select_one yn | a | A | |
        | | select_one zz | b | B | |
        | | end group | | | |
        | choices |
        | | list_name | name | label |
        | | yn | yes | Yes |
        | | yn | no | No |
        | | zz | z | Z |
        ",
    ),
    (
        "loop",
        "
        | survey |
        | | type | name | label |
        | | begin loop over yn | l | L |
        | | integer | n | How many %(label)s |
        | | end loop | | |
        | choices |
        | | list_name | name | label |
        | | yn | yes | Yes |
        | | yn | no | No |
        ",
    ),
    (
        "loop over a list that is not there",
        "
        | survey |
        | | type | name | label |
        | | begin loop over zz | l | L |
        | | integer | n | N |
        | | end loop | | |
        | choices |
        | | list_name | name | label |
        | | yn | yes | Yes |
        | | yn | no | No |
        ",
    ),
    (
        "entities",
        "
        | survey |
        | | type | name | label | save_to |
        | | text | q | Q | full_name |
        | entities |
        | | list_name | label |
        | | people | ${q} |
        ",
    ),
    (
        "entities by dataset",
        "
        | survey |
        | | type | name | label | save_to |
        | | text | q | Q | full_name |
        | entities |
        | | dataset | label |
        | | people | ${q} |
        ",
    ),
    (
        "entities without label",
        "
        | survey |
        | | type | name | label | save_to |
        | | text | q | Q | full_name |
        | entities |
        | | list_name | label |
        | | people | |
        ",
    ),
    (
        "entities without list",
        "
        | survey |
        | | type | name | label | save_to |
        | | text | q | Q | full_name |
        | entities |
        | | list_name | label |
        | | | ${q} |
        ",
    ),
    (
        "entities with a dot in the list",
        "
        | survey |
        | | type | name | label | save_to |
        | | text | q | Q | full_name |
        | entities |
        | | list_name | label |
        | | my.people | ${q} |
        ",
    ),
    (
        "entities with two underscores",
        "
        | survey |
        | | type | name | label | save_to |
        | | text | q | Q | full_name |
        | entities |
        | | list_name | label |
        | | __people | ${q} |
        ",
    ),
    (
        "entities with a blank in the list",
        "
        | survey |
        | | type | name | label | save_to |
        | | text | q | Q | full_name |
        | entities |
        | | list_name | label |
        | | my people | ${q} |
        ",
    ),
    (
        "entities with an unknown column",
        "
        | survey |
        | | type | name | label | save_to |
        | | text | q | Q | full_name |
        | entities |
        | | list_name | label | colour |
        | | people | ${q} | blue |
        ",
    ),
    (
        "update without id",
        "
        | survey |
        | | type | name | label | save_to |
        | | text | q | Q | full_name |
        | entities |
        | | list_name | label | update_if |
        | | people | ${q} | true() |
        ",
    ),
    (
        "update with id",
        "
        | survey |
        | | type | name | label | save_to |
        | | text | q | Q | full_name |
        | entities |
        | | list_name | entity_id |
        | | people | ${q} |
        ",
    ),
    (
        "create and update without update_if",
        "
        | survey |
        | | type | name | label | save_to |
        | | text | q | Q | full_name |
        | entities |
        | | list_name | label | create_if | entity_id |
        | | people | ${q} | true() | ${q} |
        ",
    ),
    (
        "create and update",
        "
        | survey |
        | | type | name | label | save_to |
        | | text | q | Q | full_name |
        | entities |
        | | list_name | label | create_if | update_if | entity_id |
        | | people | ${q} | true() | true() | ${q} |
        ",
    ),
    (
        "two entity lists",
        "
        | survey |
        | | type | name | label | save_to |
        | | text | q | Q | full_name |
        | entities |
        | | list_name | label |
        | | people | ${q} |
        | | houses | ${q} |
        ",
    ),
    (
        "two entity lists, saved by prefix",
        "
        | survey |
        | | type | name | label | save_to |
        | | text | q | Q | people#full_name |
        | entities |
        | | list_name | label |
        | | people | ${q} |
        | | houses | ${q} |
        ",
    ),
    (
        "one entity list twice",
        "
        | survey |
        | | type | name | label | save_to |
        | | text | q | Q | people#full_name |
        | entities |
        | | list_name | label |
        | | people | ${q} |
        | | people | ${q} |
        ",
    ),
    (
        "save_to a list that is not there",
        "
        | survey |
        | | type | name | label | save_to |
        | | text | q | Q | houses#full_name |
        | entities |
        | | list_name | label |
        | | people | ${q} |
        ",
    ),
    (
        "save_to with two marks",
        "
        | survey |
        | | type | name | label | save_to |
        | | text | q | Q | people#a#b |
        | entities |
        | | list_name | label |
        | | people | ${q} |
        ",
    ),
    (
        "save_to reserved name",
        "
        | survey |
        | | type | name | label | save_to |
        | | text | q | Q | name |
        | | text | r | R | label |
        | entities |
        | | list_name | label |
        | | people | ${q} |
        ",
    ),
    (
        "save_to with underscores",
        "
        | survey |
        | | type | name | label | save_to |
        | | text | q | Q | __name |
        | entities |
        | | list_name | label |
        | | people | ${q} |
        ",
    ),
    (
        "save_to with a blank",
        "
        | survey |
        | | type | name | label | save_to |
        | | text | q | Q | my name |
        | entities |
        | | list_name | label |
        | | people | ${q} |
        ",
    ),
    (
        "save_to twice to one property",
        "
        | survey |
        | | type | name | label | save_to |
        | | text | q | Q | full_name |
        | | text | r | R | full_name |
        | entities |
        | | list_name | label |
        | | people | ${q} |
        ",
    ),
    (
        "save_to on a group",
        "
        | survey |
        | | type | name | label | save_to |
        | | begin group | g | G | full_name |
        | | text | q | Q | |
        | | end group | | | |
        | entities |
        | | list_name | label |
        | | people | ${q} |
        ",
    ),
    (
        "save_to within a repeat",
        "
        | survey |
        | | type | name | label | save_to |
        | | begin repeat | g | G | |
        | | text | q | Q | full_name |
        | | end repeat | | | |
        | entities |
        | | list_name | label |
        | | people | ${q} |
        ",
    ),
    (
        "save_to within a repeat and outside",
        "
        | survey |
        | | type | name | label | save_to |
        | | text | p | P | place |
        | | begin repeat | g | G | |
        | | text | q | Q | full_name |
        | | end repeat | | | |
        | entities |
        | | list_name | label |
        | | people | ${q} |
        ",
    ),
    (
        "entity label of nothing",
        "
        | survey |
        | | type | name | label | save_to |
        | | text | q | Q | full_name |
        | entities |
        | | list_name | label |
        | | people | ${nobody} |
        ",
    ),
    (
        "save_to without entities",
        "
        | survey |
        | | type | name | label | save_to |
        | | text | q | Q | full_name |
        ",
    ),
];
