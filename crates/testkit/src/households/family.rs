//! Who lives together: relationships, ages, names and births that fit each other.

use record_model::InstanceId;

use super::date::Date;
use crate::names::{Names, haiti};
use crate::seeded::Seeded;

/// One member, as the roster's first questions have it.
#[derive(Debug, Clone)]
pub(super) struct Member {
    pub(super) instance: InstanceId,
    pub(super) person: String,
    pub(super) given: String,
    pub(super) family: &'static str,
    pub(super) relation: Relation,
    pub(super) is_female: bool,
    pub(super) age: i64,
    pub(super) born: Date,
    pub(super) marital: &'static str,
    pub(super) mother_name: Option<String>,
    /// Not the head, and lives elsewhere now.
    pub(super) is_away: bool,
    /// A woman with a listed child under two.
    pub(super) has_baby: bool,
}

impl Member {
    pub(super) fn full_name(&self) -> String {
        format!("{} {}", self.given, self.family)
    }
}

/// To the head.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Relation {
    Head,
    Spouse,
    Child,
    Grandchild,
    Parent,
    Sibling,
    Nephew,
    Grandparent,
    OtherRelative,
    Foster,
}

impl Relation {
    /// Its code in the form.
    pub(super) const fn code(self) -> &'static str {
        match self {
            Self::Head => "01",
            Self::Spouse => "02",
            Self::Child => "03",
            Self::Grandchild => "05",
            Self::Parent => "06",
            Self::Sibling => "07",
            Self::Nephew => "08",
            Self::Grandparent => "09",
            Self::OtherRelative => "12",
            Self::Foster => "13",
        }
    }
}

/// How many members households have: 4.75 on average.
const SIZES: [(usize, u64); 9] =
    [(1, 6), (2, 9), (3, 14), (4, 18), (5, 18), (6, 14), (7, 10), (8, 6), (9, 5)];

pub(super) fn size(rng: &mut Seeded) -> usize {
    rng.weighted(&SIZES)
}

/// A family of that many, the head first.
pub(super) fn family(rng: &mut Seeded, today: Date, size: usize) -> Vec<Member> {
    let mut making = Making { rng, today, names: haiti(), members: Vec::new() };
    making.head();
    if size > 1 {
        making.spouse();
    }
    while making.members.len() < size {
        making.another();
    }
    making.members.sort_by_key(|member| (member.relation, -member.age));
    making.finish()
}

struct Making<'r> {
    rng: &'r mut Seeded,
    today: Date,
    names: &'static Names,
    members: Vec<Member>,
}

impl Making<'_> {
    fn head(&mut self) {
        let decade = self.rng.weighted(&[(20, 12), (30, 28), (40, 26), (50, 18), (60, 10), (70, 6)]);
        let age = decade + self.rng.between(if decade == 20 { 2..=9 } else { 0..=9 });
        let (is_female, family) = (self.rng.chance(46), self.rng.pick(&self.names.family));
        self.add(Relation::Head, is_female, age, family);
    }

    fn head_member(&self) -> &Member {
        &self.members[0]
    }

    fn spouse_member(&self) -> Option<&Member> {
        self.members.get(1).filter(|member| member.relation == Relation::Spouse)
    }

    fn spouse(&mut self) {
        let (head_is_female, head_age) = (self.head_member().is_female, self.head_member().age);
        if !self.rng.chance(if head_is_female { 38 } else { 82 }) {
            return;
        }
        // Men are the older ones, mostly.
        let older = self.rng.between(-2..=8);
        let age = (if head_is_female { head_age + older } else { head_age - older }).clamp(19, 85);
        let family = self.rng.pick(&self.names.family);
        self.add(Relation::Spouse, !head_is_female, age, family);
    }

    /// One more, of a kind that is possible; at last another relative, who always is.
    fn another(&mut self) {
        const KINDS: [(Relation, u64); 8] = [
            (Relation::Child, 64),
            (Relation::Grandchild, 14),
            (Relation::Parent, 5),
            (Relation::Sibling, 5),
            (Relation::Nephew, 5),
            (Relation::Grandparent, 1),
            (Relation::Foster, 4),
            (Relation::OtherRelative, 2),
        ];
        for _ in 0..6 {
            let relation = self.rng.weighted(&KINDS);
            if self.add_kin(relation) {
                return;
            }
        }
        self.add_kin(Relation::OtherRelative);
    }

    /// False when such a one is not possible here.
    fn add_kin(&mut self, relation: Relation) -> bool {
        let head_age = self.head_member().age;
        let of_head = self.head_member().family;
        let other = self.rng.pick(&self.names.family);
        let is_female = self.rng.chance(51);
        let (ages, is_female, family) = match relation {
            Relation::Head | Relation::Spouse => return false,
            Relation::Child => return self.add_child(is_female),
            Relation::Grandchild => {
                (0..=(head_age - 38).min(17), is_female, if self.rng.chance(50) { of_head } else { other })
            }
            Relation::Parent => match self.free_parent() {
                Some(true) => (head_age + 20..=(head_age + 38).min(92), true, other),
                Some(false) => (head_age + 22..=(head_age + 42).min(92), false, of_head),
                None => return false,
            },
            // A listed parent is theirs too.
            Relation::Sibling => (head_age - 6..=head_age + 5, is_female, of_head),
            Relation::Nephew => (2..=20, is_female, if self.rng.chance(50) { of_head } else { other }),
            Relation::Grandparent => (head_age + 42..=(head_age + 60).min(95), self.rng.chance(70), other),
            Relation::OtherRelative => (1..=70, is_female, other),
            Relation::Foster => (6..=15, is_female, other),
        };
        if ages.is_empty() {
            return false;
        }
        let age = self.rng.between(ages);
        self.add(relation, is_female, age, family);
        true
    }

    /// Which of the head's parents is not listed yet: the mother first.
    fn free_parent(&mut self) -> Option<bool> {
        let listed = |female: bool, members: &[Member]| {
            members.iter().any(|m| m.relation == Relation::Parent && m.is_female == female)
        };
        let mother = self.rng.chance(70);
        [mother, !mother].into_iter().find(|female| !listed(*female, &self.members))
    }

    /// A mother is 16 to 44 at a birth, a father 18 or more; births of one couple are two years apart, or twins.
    fn add_child(&mut self, is_female: bool) -> bool {
        let couple = || self.members.iter().filter(|m| m.relation <= Relation::Spouse);
        let mother = couple().find(|m| m.is_female);
        let father = couple().find(|m| !m.is_female);
        let oldest = mother.map_or(99, |m| m.age - 16).min(father.map_or(99, |m| m.age - 18)).min(34);
        let youngest = mother.map_or_else(|| (self.head_member().age - 50).max(0), |m| (m.age - 44).max(0));
        let family = father.unwrap_or(self.head_member()).family;
        let mother_name = mother.map(Member::full_name);
        let ages = youngest..=oldest;
        if ages.is_empty() {
            return false;
        }
        let siblings: Vec<(i64, Date)> =
            self.members.iter().filter(|m| m.relation == Relation::Child).map(|m| (m.age, m.born)).collect();
        // More are small than grown up.
        let age = self.rng.between(ages.clone()).min(self.rng.between(ages));
        let twin = siblings.iter().find(|(of_sibling, _)| *of_sibling == age).map(|(_, born)| *born);
        let too_close = siblings.iter().any(|(of_sibling, _)| (of_sibling - age).abs() < 2);
        if too_close && !(twin.is_some() && self.rng.chance(15)) {
            return false;
        }
        self.add(Relation::Child, is_female, age, family);
        if let Some(child) = self.members.last_mut() {
            child.mother_name = mother_name;
            child.born = twin.unwrap_or(child.born);
        }
        true
    }

    fn add(&mut self, relation: Relation, is_female: bool, age: i64, family: &'static str) {
        let born = self.today.years_before(age).plus_days(-self.rng.between(0..=364));
        let is_away = relation > Relation::Spouse && age >= 12 && self.rng.chance(8);
        let member = Member {
            instance: self.rng.instance_id(),
            person: self.rng.person_id(),
            given: self.given_name(is_female),
            family,
            relation,
            is_female,
            age,
            born,
            marital: "S",
            mother_name: None,
            is_away,
            has_baby: false,
        };
        self.members.push(member);
    }

    /// Nobody in a household bears another's given name.
    fn given_name(&mut self, is_female: bool) -> String {
        let list = if is_female { &self.names.female } else { &self.names.male };
        loop {
            let one = self.rng.pick(list);
            let given = match self.rng.pick(list) {
                second if second != one && self.rng.chance(18) => format!("{one}-{second}"),
                _ => one.to_owned(),
            };
            if self.members.iter().all(|member| member.given != given) {
                return given;
            }
        }
    }

    /// The listed one; else one who is not listed, where she is told at all.
    fn mother_of_head(&mut self) -> Option<String> {
        let listed = self.members.iter().find(|m| m.relation == Relation::Parent && m.is_female);
        listed.map(Member::full_name).or_else(|| self.rng.chance(65).then(|| self.someone()))
    }

    /// A woman who does not live here, so nobody here bears her given name.
    fn someone(&mut self) -> String {
        let given = self.given_name(true);
        format!("{given} {}", self.rng.pick(&self.names.family))
    }

    /// What follows from all being known.
    fn finish(mut self) -> Vec<Member> {
        let of_couple = self.rng.weighted(&[("M", 40), ("P", 60)]);
        let has_spouse = self.spouse_member().is_some();
        let babies: Vec<String> =
            self.members.iter().filter(|m| m.age < 2).filter_map(|m| m.mother_name.clone()).collect();
        let of_head = self.mother_of_head();
        for at in 0..self.members.len() {
            let Member { relation, age, is_female, .. } = self.members[at];
            let marital = match relation {
                Relation::Head | Relation::Spouse if has_spouse => of_couple,
                _ if age < 20 => "S",
                Relation::Parent | Relation::Grandparent => {
                    self.rng.weighted(&[("W", 60), ("M", 20), ("P", 15), ("D", 5)])
                }
                _ if age < 35 => self.rng.weighted(&[("S", 80), ("L", 15), ("D", 5)]),
                _ => self.rng.weighted(&[("S", 30), ("W", 30), ("L", 30), ("D", 9), ("U", 1)]),
            };
            let mother_name = match (&self.members[at].mother_name, relation) {
                (Some(known), _) => Some(known.clone()),
                (None, Relation::Head | Relation::Sibling) => of_head.clone(),
                (None, _) => (age < 18 || self.rng.chance(60)).then(|| self.someone()),
            };
            let full_name = self.members[at].full_name();
            let member = &mut self.members[at];
            member.marital = marital;
            member.mother_name = mother_name;
            member.has_baby = is_female && relation <= Relation::Spouse && babies.contains(&full_name);
        }
        self.members
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    fn families() -> Vec<Vec<Member>> {
        let mut rng = Seeded::new(1);
        let today = Date::of_civil(2026, 11, 22);
        (0..3_000)
            .map(|_| size(&mut rng))
            .collect::<Vec<_>>()
            .into_iter()
            .map(|size| family(&mut rng, today, size))
            .collect()
    }

    #[test]
    fn a_family_has_one_head_who_comes_first_and_no_two_of_one_given_name() {
        for members in families() {
            let of = |relation| members.iter().filter(|member| member.relation == relation).count();
            assert_eq!(members[0].relation, Relation::Head);
            assert!(of(Relation::Head) == 1 && of(Relation::Spouse) <= 1 && of(Relation::Parent) <= 2);
            let given: BTreeSet<&str> = members.iter().map(|member| member.given.as_str()).collect();
            assert_eq!(given.len(), members.len());
        }
    }

    #[test]
    fn a_mother_who_is_listed_was_of_an_age_to_be_one() {
        let mut pairs = 0;
        for members in families() {
            for child in &members {
                let mother = members.iter().find(|m| Some(m.full_name()) == child.mother_name);
                if let Some(mother) = mother {
                    pairs += 1;
                    let at_birth = mother.age - child.age;
                    assert!(mother.is_female && (14..=45).contains(&at_birth), "a mother of {at_birth}");
                }
            }
        }
        assert!(pairs > 3_000);
    }

    #[test]
    fn children_of_one_mother_are_twins_or_more_than_ten_months_apart() {
        let mut twins = 0;
        for members in families() {
            let children: Vec<&Member> = members.iter().filter(|m| m.relation == Relation::Child).collect();
            for (at, one) in children.iter().enumerate() {
                for other in &children[at + 1..] {
                    twins += usize::from(one.born == other.born);
                    assert!(one.born == other.born || one.born.plus_days(300) < other.born);
                }
            }
        }
        assert!(twins > 20, "twins are a case that linkage must see");
    }
}
