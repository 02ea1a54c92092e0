//! Forms made for random interviews: together they use what the shared workbooks use too little.

/// A name, and the sheets as `tests::workbook` reads them.
pub(crate) const FORMS: &[(&str, &str)] = &[
    (
        "roster",
        "
        | survey |
        | | type | name | label | relevant | constraint | required | calculation | read_only | default |
        | | text | head | Head | | string-length(.) < 6 | yes | | | |
        | | integer | size | Size | | . > 0 and . <= 20 | yes | | | |
        | | begin repeat | member | Member | | | | | | |
        | | text | who | Who | | | yes | | | |
        | | integer | age | Age | ${who} != '' | . >= 0 and . < 120 | yes | | | |
        | | select_one yn | school | School | ${age} >= 6 and ${age} < 18 | | | | | |
        | | calculate | adult | | | | | if(${age} >= 18, 1, 0) | | |
        | | calculate | at | | | | | position(..) | | |
        | | note | told | ${who} is number ${at} | ${adult} = 1 | | | | | |
        | | end repeat | | | | | | | | |
        | | calculate | count | | | | | count(${member}) | | |
        | | calculate | adults | | | | | sum(${adult}) | | |
        | | calculate | oldest | | | | | max(${age}) | | |
        | | calculate | first | | | | | indexed-repeat(${who}, ${member}, 1) | | |
        | | calculate | names | | | | | join(', ', ${who}) | | |
        | | integer | again | Again | ${adults} > 1 | . = ${count} | true() | | | 2 |
        | | text | shown | Shown | | | | ${count} * 2 | yes | |
        | | begin group | end_of_it | End | ${count} > 2 | | | | | |
        | | select_one yn | done | Done | | | ${adults} > 0 | | | |
        | | end group | | | | | | | | |
        | choices |
        | | list_name | name | label |
        | | yn | yes | Yes |
        | | yn | no | No |
        ",
    ),
    (
        "cascade",
        "
        | survey |
        | | type | name | label | choice_filter | relevant | constraint |
        | | select_one department | department | Department | | | |
        | | select_one commune | commune | Commune | department = ${department} | | |
        | | select_multiple goods | goods | Goods | | | not(selected(., 'none') and count-selected(.) > 1) |
        | | select_one goods | best | Best | selected(${goods}, name) | count-selected(${goods}) > 1 | |
        | | rank goods | order | Order | | | |
        | | text | which | Which | | selected(${goods}, 'car') or ${best} = 'phone' | |
        | choices |
        | | list_name | name | label | department |
        | | department | west | West | |
        | | department | south | South | |
        | | commune | w1 | Port | west |
        | | commune | w2 | Hill | west |
        | | commune | s1 | Bay | south |
        | | commune | s2 | Cape | south |
        | | goods | radio | Radio | |
        | | goods | phone | Phone | |
        | | goods | car | Car | |
        | | goods | none | None | |
        ",
    ),
    (
        "counted",
        "
        | survey |
        | | type | name | label | repeat_count | calculation | relevant | constraint |
        | | integer | plots | Plots | | | | . >= 0 and . <= 5 |
        | | begin repeat | plot | Plot | ${plots} | | | |
        | | decimal | area | Area | | | | . > 0 |
        | | begin repeat | crop | Crop | 2 | | | |
        | | text | name | Name | | | | |
        | | calculate | mark | | | concat(position(../..), '.', position(..)) | | |
        | | end repeat | | | | | | |
        | | calculate | crops | | | count-non-empty(${name}) | | |
        | | end repeat | | | | | | |
        | | calculate | total | | | sum(${area}) | | |
        | | note | many | Many | | | ${total} > 100 | |
        ",
    ),
    (
        "days",
        "
        | survey |
        | | type | name | label | calculation | constraint | relevant | default | trigger |
        | | date | born | Born | | . <= today() | | | |
        | | calculate | age | | int((today() - ${born}) div 365.25) | | | | |
        | | calculate | told | | format-date(${born}, '%d/%m/%Y') | | | | |
        | | date | visit | Visit | | . >= ${born} | ${age} > 10 | today() | |
        | | calculate | between | | int(decimal-date-time(${visit}) - decimal-date-time(${born})) | | | | |
        | | text | name | Name | | regex(., '^[A-Z].*$') | | | |
        | | calculate | kept | | once(concat(${name}, '!')) | | | | |
        | | calculate | changed | | concat('was ', ${name}) | | | | ${name} |
        | | text | copy | Copy | concat(${name}, '-', ${born}) | | | | ${born} |
        ",
    ),
    (
        "arithmetic",
        "
        | survey |
        | | type | name | label | calculation | constraint | relevant | required |
        | | integer | a | A | | | | |
        | | decimal | b | B | | . != ${a} | | ${a} > 5 |
        | | calculate | plus | | ${a} + ${b} | | | |
        | | calculate | div_0 | | ${a} div 0 | | | |
        | | calculate | modulo | | ${a} mod 7 | | | |
        | | calculate | rounded | | round(${b}, 1) | | | |
        | | calculate | whole | | int(${b}) | | | |
        | | calculate | filled | | coalesce(${a}, ${b}) | | | |
        | | calculate | least | | min(${a}, ${b}, 50) | | | |
        | | calculate | power | | pow(${a}, 2) | | | |
        | | calculate | text | | substr(concat('n', ${a}, ':', ${b}), 0, 4) | | | |
        | | calculate | length | | string-length(${b}) | | | |
        | | calculate | either | | ${a} > 10 or ${b} > 10 | | | |
        | | calculate | chosen | | if(${a} = '', 'blank', if(${a} < ${b}, 'less', 'not less')) | | | |
        | | note | shown | Shown | | | ${a} > ${b} | |
        | | acknowledge | ok | OK | | | not(${a} > ${b}) | |
        ",
    ),
    (
        "nested groups",
        "
        | survey |
        | | type | name | label | relevant | required | readonly | constraint |
        | | select_one yn | go | Go | | yes | | |
        | | begin group | outer | Outer | ${go} = 'yes' | | | |
        | | integer | n | N | | yes | | . < 50 |
        | | begin group | inner | Inner | ${n} > 5 | | | |
        | | text | t | T | | ${n} > 10 | | |
        | | begin repeat | r | R | ${t} != '' | | | |
        | | select_one yn | x | X | | | | |
        | | integer | y | Y | ${x} = 'yes' and ${n} > 6 | | | . > ${n} |
        | | begin group | deep | Deep | ${y} > 0 | | | |
        | | text | z | Z | | | ${n} > 20 | |
        | | end group | | | | | | |
        | | end repeat | | | | | | |
        | | end group | | | | | | |
        | | end group | | | | | | |
        | | note | after | After | count(${r}) > 1 | | | |
        | choices |
        | | list_name | name | label |
        | | yn | yes | Yes |
        | | yn | no | No |
        ",
    ),
];
