//! What the engine itself says to people, in the languages of the field.

use crate::form::QuestionType;

/// French, Haitian Creole, Arabic, English.
type Words = [&'static str; 4];

fn pick(words: Words, lang: &str) -> &'static str {
    match lang {
        "fr" => words[0],
        "ht" => words[1],
        "ar" => words[2],
        _ => words[3],
    }
}

pub(crate) fn required(lang: &str) -> &'static str {
    pick(
        ["Une réponse est nécessaire.", "Fòk gen yon repons.", "الإجابة مطلوبة.", "An answer is needed."],
        lang,
    )
}

pub(crate) fn constraint(lang: &str) -> &'static str {
    pick(
        [
            "Cette réponse n'est pas possible.",
            "Repons sa a pa posib.",
            "هذه الإجابة غير ممكنة.",
            "This answer is not possible.",
        ],
        lang,
    )
}

pub(crate) fn rule(lang: &str) -> &'static str {
    pick(
        [
            "Les réponses ne vont pas ensemble.",
            "Repons yo pa mache ansanm.",
            "الإجابات غير متوافقة.",
            "The answers do not fit together.",
        ],
        lang,
    )
}

pub(crate) fn choice(lang: &str) -> &'static str {
    pick(
        ["Choisissez dans la liste.", "Chwazi nan lis la.", "اختر من القائمة.", "Choose from the list."],
        lang,
    )
}

pub(crate) fn repeat_count(lang: &str, expected: u32, found: usize) -> String {
    match lang {
        "fr" => format!("{expected} attendus, {found} trouvés."),
        "ht" => format!("Nou t ap tann {expected}, nou jwenn {found}."),
        "ar" => format!("المتوقع {expected}، الموجود {found}."),
        _ => format!("Expected {expected}, found {found}."),
    }
}

pub(crate) fn other(lang: &str) -> &'static str {
    pick(["Autre", "Lòt", "أخرى", "Other"], lang)
}

pub(crate) fn specify_other(lang: &str) -> &'static str {
    pick(["Précisez.", "Presize.", "حدّد.", "Specify other."], lang)
}

/// What an answer of this type looks like.
pub(crate) fn expected(question_type: QuestionType, lang: &str) -> &'static str {
    use QuestionType as T;
    let words = match question_type {
        T::Integer | T::Range { integer: true } => [
            "Donnez un nombre entier, par exemple 12.",
            "Bay yon nonb antye, pa egzanp 12.",
            "أدخل عددا صحيحا، مثلا 12.",
            "Give a whole number, such as 12.",
        ],
        T::Decimal | T::Range { .. } => [
            "Donnez un nombre, par exemple 12,5.",
            "Bay yon nonb, pa egzanp 12,5.",
            "أدخل عددا، مثلا 12.5.",
            "Give a number, such as 12.5.",
        ],
        T::Date | T::Today => [
            "Donnez une date : année-mois-jour ou jour/mois/année.",
            "Bay yon dat : ane-mwa-jou oswa jou/mwa/ane.",
            "أدخل تاريخا: سنة-شهر-يوم أو يوم/شهر/سنة.",
            "Give a date: year-month-day or day/month/year.",
        ],
        T::Time => [
            "Donnez une heure, par exemple 14:30.",
            "Bay yon lè, pa egzanp 14:30.",
            "أدخل وقتا، مثلا 14:30.",
            "Give a time, such as 14:30.",
        ],
        T::DateTime | T::Start | T::End => [
            "Donnez une date et une heure, par exemple 2026-11-21 14:30.",
            "Bay yon dat ak yon lè, pa egzanp 2026-11-21 14:30.",
            "أدخل تاريخا ووقتا، مثلا 2026-11-21 14:30.",
            "Give a date and a time, such as 2026-11-21 14:30.",
        ],
        T::Geopoint | T::Geotrace | T::Geoshape => [
            "Donnez la latitude et la longitude, par exemple 18.53 -72.33.",
            "Bay latitid ak lonjitid, pa egzanp 18.53 -72.33.",
            "أدخل خط العرض وخط الطول، مثلا 18.53 -72.33.",
            "Give latitude and longitude, such as 18.53 -72.33.",
        ],
        T::SelectOne | T::SelectMultiple | T::Rank => return choice(lang),
        T::Acknowledge => {
            ["Confirmez en écrivant OK.", "Konfime : ekri OK.", "للتأكيد اكتب OK.", "Confirm by writing OK."]
        }
        _ => ["Donnez un texte.", "Bay yon tèks.", "أدخل نصا.", "Give a text."],
    };
    pick(words, lang)
}
