//! What is answered about the dwelling and how the household lives.

use super::sheet::Sheet;
use crate::seeded::Seeded;

/// What the answers about a home have in common.
#[derive(Debug, Clone, Copy)]
pub(super) struct Standing {
    /// 0 very poor to 4 well off.
    pub(super) wealth: i64,
    pub(super) is_rural: bool,
    pub(super) members: i64,
}

/// Codes and how often they are met.
type Codes = [(&'static str, u64)];

impl Standing {
    pub(super) fn of(rng: &mut Seeded, milieu: &str, members: usize) -> Self {
        let is_rural = milieu == "rural";
        let shares = if is_rural { [38, 32, 18, 9, 3] } else { [15, 28, 28, 19, 10] };
        let wealth = rng.weighted(&[0, 1, 2, 3, 4].map(|wealth: usize| (wealth as i64, shares[wealth])));
        Self { wealth, is_rural, members: members as i64 }
    }

    /// A code of one list or the other, the second the more often the better off.
    fn code(self, rng: &mut Seeded, poor: &Codes, rich: &Codes) -> &'static str {
        let is_rich = rng.chance(10 + 20 * self.wealth.cast_unsigned());
        rng.weighted(if is_rich { rich } else { poor })
    }

    fn yes(self, rng: &mut Seeded, poorest: u64, each_step: u64) -> bool {
        rng.chance(poorest + each_step * self.wealth.cast_unsigned())
    }
}

pub(super) fn answer(sheet: &mut Sheet<'_>, rng: &mut Seeded, standing: Standing) {
    dwelling(sheet, rng, standing);
    water(sheet, rng, standing);
    goods(sheet, rng, standing);
    food(sheet, rng, standing);
    hunger(sheet, rng, standing);
    sheet.set_yes("back_check_agreed", rng.chance(93));
    sheet.set("slip_given", "OK");
}

fn dwelling(sheet: &mut Sheet<'_>, rng: &mut Seeded, standing: Standing) {
    let mut code = |question: &str, poor: &Codes, rich: &Codes| {
        let code = standing.code(rng, poor, rich);
        sheet.set(question, code);
        code
    };
    code(
        "dwelling_type",
        &[("single", 70), ("ajoupa", 20), ("shelter", 10)],
        &[("single", 80), ("storeys", 12), ("apartment", 8)],
    );
    code(
        "tenure",
        &[("owner", 55), ("land_rented", 20), ("free", 15), ("occupied", 10)],
        &[("owner", 70), ("tenant", 30)],
    );
    code("roof", &[("2", 66), ("4", 18), ("3", 9), ("1", 3), ("8", 4)], &[("2", 45), ("5", 50), ("6", 5)]);
    code("wall", &[("2", 25), ("3", 20), ("4", 32), ("7", 10), ("1", 5), ("8", 2)], &[("5", 82), ("6", 18)]);
    code("floor", &[("1", 62), ("3", 34), ("5", 3), ("6", 1)], &[("3", 72), ("4", 28)]);
    code("toilet", &[("1", 30), ("2", 30), ("3", 30), ("4", 10)], &[("4", 75), ("5", 25)]);
    code(
        "lighting",
        &[("2", 10), ("3", 35), ("4", 35), ("6", 10), ("1", 10)],
        &[("5", 60), ("6", 30), ("7", 10)],
    );
    code("cooking_fuel", &[("1", 55), ("3", 45)], &[("3", 60), ("5", 35), ("4", 5)]);
    code(
        "kitchen",
        &[("outside", 50), ("separate", 35), ("shared", 15)],
        &[("inside", 55), ("separate", 45)],
    );
    code("waste", &[("3", 30), ("7", 25), ("5", 30), ("2", 15)], &[("5", 45), ("1", 30), ("2", 25)]);
    let other = ["Bâche et tôle récupérées", "Terre et paille", "Matériaux mélangés"];
    for (question, other_code, text) in
        [("roof", "8", "roof_other"), ("wall", "8", "wall_other"), ("floor", "6", "floor_other")]
    {
        if sheet.is(question, other_code) {
            sheet.set(text, rng.pick(&other));
        }
    }
    sheet.set("rooms", rng.between(1..=2 + standing.wealth).max(standing.members / 6 + 1));
    sheet.set_yes("mosquito_net", standing.yes(rng, 35, 5));
}

fn water(sheet: &mut Sheet<'_>, rng: &mut Seeded, standing: Standing) {
    let poor: &Codes = if standing.is_rural {
        &[("2", 25), ("4", 20), ("10", 25), ("5", 15), ("3", 15)]
    } else {
        &[("3", 40), ("11", 25), ("6", 15), ("9", 10), ("12", 10)]
    };
    let drinking = standing.code(rng, poor, &[("8", 60), ("1", 20), ("11", 20)]);
    sheet.set("drinking_water", drinking);
    sheet.set("other_water", standing.code(rng, poor, &[("1", 40), ("7", 20), ("6", 20), ("9", 20)]));
    let minutes = match drinking {
        "1" => 0,
        _ if standing.is_rural => rng.between(1..=18) * 5,
        _ => rng.between(1..=8) * 5,
    };
    sheet.set("water_minutes", minutes);
    sheet.set("water_gallons", rng.weighted(&[("1", 8), ("2", 30), ("3", 36), ("4", 20), ("5", 6)]));
}

fn goods(sheet: &mut Sheet<'_>, rng: &mut Seeded, standing: Standing) {
    let land = rng.chance(if standing.is_rural { 78 } else { 15 });
    sheet.set_yes("land_access", land);
    sheet.set_yes("land_owned", land && rng.chance(62));
    let assets = [
        ("radio", 25, 10),
        ("television", 0, 16),
        ("phone", 50, 5),
        ("smartphone", 8, 18),
        ("computer", 0, 6),
        ("refrigerator", 0, 8),
        ("gas_stove", 0, 9),
        ("fan", 0, 12),
        ("iron", 8, 12),
        ("sewing_machine", 2, 3),
        ("bed", 40, 14),
        ("table", 30, 14),
        ("generator", 0, 2),
        ("solar_panel", 3, 7),
        ("bicycle", 3, 2),
        ("motorcycle", 1, 7),
        ("car", 0, 2),
        ("boat", 1, 1),
    ];
    let owned: Vec<&str> = assets
        .into_iter()
        .filter_map(|(asset, poorest, step)| standing.yes(rng, poorest, step).then_some(asset))
        .collect();
    sheet.tick("assets", &owned);
    let livestock = rng.chance(if standing.is_rural { 66 } else { 14 });
    sheet.set_yes("owns_livestock", livestock);
    if livestock {
        for (animal, share, most) in [
            ("livestock_poultry", 75, 14),
            ("livestock_goats", 55, 8),
            ("livestock_pigs", 30, 3),
            ("livestock_cattle", 22, 4),
            ("livestock_sheep", 10, 5),
            ("livestock_equids", 18, 2),
            ("livestock_rabbits", 5, 8),
        ] {
            sheet.set(animal, if rng.chance(share) { rng.between(1..=most) } else { 0 });
        }
    }
}

fn food(sheet: &mut Sheet<'_>, rng: &mut Seeded, standing: Standing) {
    // About how many days a week, and whether people grow it themselves.
    for (item, usual, is_grown) in [
        ("rice", 5, false),
        ("maize", 3, true),
        ("millet", 1, true),
        ("bread_pasta", 2, false),
        ("plantain", 2, true),
        ("cassava", 1, true),
        ("roots", 2, true),
        ("beans", 3, true),
        ("groundnuts", 1, true),
        ("leafy_vegetables", 2, true),
        ("orange_vegetables", 1, true),
        ("other_vegetables", 1, true),
        ("orange_fruit", 2, true),
        ("other_fruit", 1, true),
        ("red_meat", 0, false),
        ("organ_meat", 0, false),
        ("poultry_meat", 0, true),
        ("fish", 1, false),
        ("eggs", 0, true),
        ("milk", 0, false),
        ("oil", 5, false),
        ("sugar", 5, false),
        ("condiments", 6, false),
    ] {
        // Everybody has a staple on some day.
        let least = i64::from(item == "rice");
        let days = (usual - 1 + standing.wealth / 2 + rng.between(-2..=1)).clamp(least, 7);
        sheet.set(&format!("food_{item}_days"), days);
        if days > 0 {
            let source = if is_grown && standing.is_rural && rng.chance(60) {
                "own"
            } else {
                rng.weighted(&[("market", 74), ("credit", 14), ("gift", 8), ("aid", 3), ("work", 1)])
            };
            sheet.set(&format!("food_{item}_source"), source);
        }
    }
}

/// Who went a day without food had none at home and went to sleep hungry; coping follows hunger.
fn hunger(sheet: &mut Sheet<'_>, rng: &mut Seeded, standing: Standing) {
    let at_home = (rng.between(0..=3) - standing.wealth / 2).clamp(0, 2);
    let asleep = (at_home + rng.between(-1..=0)).max(0);
    let whole_day = asleep.min(at_home) - i64::from(rng.chance(70));
    let whole_day = whole_day.max(0);
    for (question, often) in
        [("no_food_at_home", at_home), ("slept_hungry", asleep), ("whole_day_without_food", whole_day)]
    {
        sheet.set(question, often.to_string());
    }
    for question in [
        "coping_cheaper_food",
        "coping_borrow_food",
        "coping_smaller_portions",
        "coping_adults_eat_less",
        "coping_skipped_meals",
    ] {
        let least = i64::from(whole_day == 2);
        sheet.set(question, (at_home * 2 + rng.between(-2..=2)).clamp(least, 7));
    }
    let shock = rng.weighted(&[
        ("none", 22),
        ("prices", 30),
        ("drought", 18),
        ("flood", 8),
        ("illness", 12),
        ("violence", 10),
    ]);
    if shock != "none" && rng.chance(35) {
        let second = if shock == "crop_loss" { "other" } else { "crop_loss" };
        sheet.tick("shocks", &[shock, second]);
    } else {
        sheet.tick("shocks", &[shock]);
    }
}
