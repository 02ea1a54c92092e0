//! Whole interviews of made-up households, as the flat map that a record holds.

mod date;
mod family;
mod fill;
mod home;
mod member;
mod place;
mod sheet;

use form_engine::{CompiledForm, Preload, closing_answers, initial_answers};
use record_model::{AnswerPath, Answers, AreaCode, FormRevision, Visit};

use crate::seeded::Seeded;
use date::Date;
use family::{Member, Relation};
use home::Standing;
use place::Commune;
use sheet::Sheet;

/// The repeat that lists the members.
pub const ROSTER: &str = "roster";

/// Makes households of one commune, one after the other. The n-th household of a seed and commune is the same whatever
/// was asked for before, but for the form and the visit it is made for.
#[derive(Debug)]
pub struct Generator {
    root: Seeded,
    commune: Commune,
    first_phone: u64,
    made: u64,
    beginning: Option<(FormRevision, Visit, Answers)>,
}

/// What a visit ends in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum VisitResult {
    Complete,
    Partial,
    Refused,
    Absent,
    Moved,
    Destroyed,
}

impl VisitResult {
    /// In a hundred visits 92 are complete, as the field notes have it.
    fn draw(rng: &mut Seeded) -> Self {
        rng.weighted(&[
            (Self::Complete, 920),
            (Self::Partial, 20),
            (Self::Refused, 20),
            (Self::Absent, 20),
            (Self::Moved, 14),
            (Self::Destroyed, 6),
        ])
    }

    const fn code(self) -> &'static str {
        match self {
            Self::Complete => "complete",
            Self::Partial => "partial",
            Self::Refused => "refused",
            Self::Absent => "absent",
            Self::Moved => "moved",
            Self::Destroyed => "destroyed",
        }
    }
}

impl Generator {
    /// For a commune of the Haiti pack, by its P-code such as `HT0111`.
    ///
    /// # Panics
    /// When the pack has no such commune, or no section in it.
    pub fn new(seed: u64, commune: &str) -> Self {
        let mut root = Seeded::new(seed).child(commune, 0);
        let first_phone = root.below(PHONES);
        Self { root, commune: Commune::find(commune), first_phone, made: 0, beginning: None }
    }

    /// The next household: 1 to 9 members, 92 of a hundred visits complete.
    ///
    /// # Panics
    /// When the form has a blocking rule that the generator cannot satisfy; the message names it.
    pub fn next_household(&mut self, form: &CompiledForm, visit: Visit) -> Answers {
        let (number, mut rng) = self.next_stream();
        let result = VisitResult::draw(&mut rng);
        let members = family::size(&mut rng);
        let mut answers = self.draft(form, visit, number, &mut rng, result, members);
        fill::satisfy(form, &mut answers, visit, &mut rng);
        answers
    }

    /// The next household: a complete interview with so many members.
    ///
    /// # Panics
    /// As [`Self::next_household`]; and without members.
    pub fn next_complete(&mut self, form: &CompiledForm, visit: Visit, members: usize) -> Answers {
        assert!(members > 0, "a household has at least its head");
        let (number, mut rng) = self.next_stream();
        let mut answers = self.draft(form, visit, number, &mut rng, VisitResult::Complete, members);
        fill::satisfy(form, &mut answers, visit, &mut rng);
        answers
    }

    fn next_stream(&mut self) -> (u64, Seeded) {
        let number = self.made;
        self.made += 1;
        (number, self.root.child("household", number))
    }

    /// All that is set by name.
    fn draft(
        &mut self,
        form: &CompiledForm,
        visit: Visit,
        number: u64,
        rng: &mut Seeded,
        result: VisitResult,
        size: usize,
    ) -> Answers {
        let mut sheet = Sheet::new(form, self.begin(form, visit));
        let milieu = self.visit(&mut sheet, rng, visit, result);
        if matches!(result, VisitResult::Complete | VisitResult::Partial) {
            self.consent(&mut sheet, rng, number);
            let standing = Standing::of(rng, milieu, size);
            let members = family::family(rng, Date::of(visit), size);
            roster(&mut sheet, rng, &members, result, standing.wealth);
            if result == VisitResult::Complete {
                home::answer(&mut sheet, rng, standing);
            }
        }
        let mut answers = sheet.answers;
        let closed = Visit { at: visit.at.plus_ms(rng.between(18..=75) * 60_000), ..visit };
        answers.extend(closing_answers(form, closed));
        answers
    }

    /// What a collector stores when a record is made.
    fn begin(&mut self, form: &CompiledForm, visit: Visit) -> Answers {
        match &self.beginning {
            Some((revision, of, answers)) if (*revision, *of) == (form.revision(), visit) => answers.clone(),
            _ => {
                let preload = Preload {
                    device_id: "laptop-synthetic-1".to_owned(),
                    username: "enqueteur-1".to_owned(),
                    ..Preload::default()
                };
                let answers = initial_answers(form, visit, &preload);
                self.beginning = Some((form.revision(), visit, answers.clone()));
                answers
            }
        }
    }

    /// Place, date and result. Gives the milieu.
    fn visit(
        &self,
        sheet: &mut Sheet<'_>,
        rng: &mut Seeded,
        visit: Visit,
        result: VisitResult,
    ) -> &'static str {
        let place = self.commune.place(rng);
        sheet.set("visit_date", Date::of(visit).text());
        sheet.set("visit_number", 1 + i64::from(rng.chance(12)));
        sheet.set("department", self.commune.department.as_str());
        sheet.set("commune", self.commune.code.as_str());
        sheet.set("section", place.section);
        sheet.set("milieu", place.milieu);
        sheet.set("visit_result", result.code());
        match result {
            VisitResult::Complete | VisitResult::Refused => {}
            VisitResult::Partial => {
                sheet.set("partial_reason", rng.pick(&["interrupted", "stopped", "informant"]))
            }
            VisitResult::Absent => {
                let back = Date::of(visit).plus_days(rng.between(1..=30));
                sheet.set("callback_date", back.text());
            }
            VisitResult::Moved => {
                sheet.set("moved_where", rng.pick(&["same_commune", "other_department", "unknown"]))
            }
            VisitResult::Destroyed => {
                sheet.set("destroyed_cause", rng.pick(&["storm", "fire", "earthquake"]))
            }
        }
        // A refusal keeps place, date and result only.
        if result != VisitResult::Refused {
            sheet.set("locality", place.locality);
            sheet.set("directions", place.directions);
            if let Some(gps) = place.gps {
                sheet.set("gps", gps);
            }
        }
        place.milieu
    }

    fn consent(&self, sheet: &mut Sheet<'_>, rng: &mut Seeded, number: u64) {
        sheet.set("consent", "yes");
        sheet.set("consent_method", rng.weighted(&[("oral", 60), ("signature", 20), ("thumb", 20)]));
        sheet.set_yes("consent_sharing", rng.chance(90));
        sheet.set("interview_language", rng.weighted(&[("ht", 92), ("fr", 8)]));
        let has_phone = rng.chance(80);
        sheet.set_yes("has_phone", has_phone);
        if has_phone {
            sheet.set("phone1", phone(self.first_phone + 2 * number));
            sheet.set("phone1_owner", rng.weighted(&[("member", 85), ("relative", 8), ("neighbour", 7)]));
            if rng.chance(15) {
                sheet.set("phone2", phone(self.first_phone + 2 * number + 1));
            }
        } else {
            sheet.set("relay_contact", rng.pick(&["Au marché", "À l'école", "Chez le voisin d'en face"]));
        }
    }
}

/// How many telephone numbers there are to give out.
const PHONES: u64 = 100_000;

/// Of the Haitian form, in the block `+509 300x xxxx`. A generator gives none twice before it has given all: the step has
/// no divisor in common with [`PHONES`].
pub(crate) fn phone(number: u64) -> String {
    let digits = number * 7_919 % PHONES;
    format!("+509 300{} {:04}", digits / 10_000, digits % 10_000)
}

fn roster(sheet: &mut Sheet<'_>, rng: &mut Seeded, members: &[Member], result: VisitResult, wealth: i64) {
    sheet.set("household_size", members.len() as i64);
    // The head answers, or the spouse who comes next in the list.
    let has_spouse = members.iter().any(|member| member.relation == Relation::Spouse);
    let answering = usize::from(has_spouse && rng.chance(30));
    for (order, member) in members.iter().enumerate() {
        sheet.enter(format!("{ROSTER}/{}/", member.instance));
        member::identity(sheet, rng, member, order, order == answering);
        if result == VisitResult::Complete {
            member::life(sheet, rng, member, wealth, order == answering);
        }
    }
    sheet.enter(String::new());
}

/// The narrowest area that a household's answers name: where its record is placed.
pub fn area(answers: &Answers) -> Option<AreaCode> {
    ["section", "commune", "department"]
        .into_iter()
        .find_map(|question| answers.get(question)?.as_text()?.parse().ok())
}

/// The members' prefixes (`roster/7K3QF…`) in their order; removed ones are left out.
pub fn members(answers: &Answers) -> Vec<String> {
    let of = |path: &AnswerPath, marker: &str| {
        let prefix = path.as_str().strip_suffix(marker)?.strip_suffix('/')?;
        prefix.starts_with(ROSTER).then(|| prefix.to_owned())
    };
    let is_removed = |prefix: &str| {
        answers.get(format!("{prefix}/@removed").as_str()).is_some_and(|value| !value.is_null())
    };
    let mut members: Vec<(String, String)> = answers
        .iter()
        .filter_map(|(path, order)| Some((order.as_text()?.to_owned(), of(path, "@order")?)))
        .filter(|(_, prefix)| !is_removed(prefix))
        .collect();
    members.sort();
    members.into_iter().map(|(_, prefix)| prefix).collect()
}

#[cfg(test)]
mod tests {
    use record_model::Instant;

    use super::*;
    use crate::pack::haiti_form;

    #[test]
    fn of_the_haiti_form_everything_is_set_by_name_so_one_evaluation_is_enough() {
        let form = haiti_form();
        let visit = Visit { at: Instant::from_unix_ms(1_795_359_600_000), utc_offset_minutes: -300 };
        let mut generator = Generator::new(1, "HT0111");
        for _ in 0..300 {
            let (number, mut rng) = generator.next_stream();
            let result = VisitResult::draw(&mut rng);
            let members = family::size(&mut rng);
            let draft = generator.draft(&form, visit, number, &mut rng, result, members);
            let mut answers = draft.clone();
            assert_eq!(fill::satisfy(&form, &mut answers, visit, &mut rng), 1);
            assert!(answers == draft, "something was set that the form does not ask");
        }
    }
}
