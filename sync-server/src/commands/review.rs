//! `review`: what a person must look at, and the decisions that settle it.

use form_engine::{CompiledForm, Question, answer_writes, evaluate};
use record_model::{
    AnswerPath, Answers, AreaCode, FindingKind, ItemId, Marker, OutcomeCode, RecordId, Value, Visit,
};
use registry_core::{AlternativeDetail, DecideRequest, ItemDetail, Registry, Resolution};
use registry_store::{ItemFilter, ItemRow, Projection, RegistryStoreExt, Settlement};

use super::App;
use super::deltas::{self, Faces};
use super::forks;
use crate::failure::{Failure, FailureKind};
use crate::terms;
use crate::ui::Ui;
use crate::views::{
    AlternativeView, DecidedView, ItemView, ReviewListView, ReviewShowView, SetAsideView, date_time,
    for_people, visit_time,
};
use crate::words::{Language, msg};

/// Items read at a time when one is looked for by the beginning of its id.
const SEARCH_PAGE: usize = 1_000;

/// See what a person must look at, and decide it.
#[derive(Debug, clap::Subcommand)]
pub(crate) enum Command {
    /// List open items, and deltas that are set aside.
    List(ListArgs),
    /// Show an item's values side by side: who, on which laptop, when.
    Show(ShowArgs),
    /// Settle an item. The decision is signed, logged, and travels back to the devices.
    Decide(DecideArgs),
    /// Say which branch of a copied or restored computer stands. It is merged; the rest is written anew by its computer.
    Fork(forks::ForkArgs),
}

#[derive(Debug, clap::Args)]
pub(crate) struct ListArgs {
    /// conflict, removed_and_edited, rule_break; or of what is set aside: held, quarantined, forked.
    #[arg(long, value_parser = parse_kind)]
    kind: Option<Kind>,

    /// Only in these areas and what lies in them.
    #[arg(long, value_delimiter = ',', value_name = "CODE,…")]
    area: Option<Vec<AreaCode>>,

    /// Settled items too.
    #[arg(long)]
    all: bool,

    /// At most so many of each list.
    #[arg(long, default_value_t = 100)]
    limit: usize,
}

#[derive(Debug, clap::Args)]
pub(crate) struct ShowArgs {
    /// Which item, or the beginning of its id (8 characters or more).
    item: String,
}

#[derive(Debug, clap::Args)]
pub(crate) struct DecideArgs {
    /// Which item, or the beginning of its id (8 characters or more).
    item: String,

    #[command(flatten)]
    resolution: ResolutionArgs,

    /// Why. Kept in the log.
    #[arg(long)]
    reason: String,

    /// Who decides. Kept in the log.
    #[arg(long)]
    account: String,
}

#[derive(Debug, clap::Args)]
#[group(required = true, multiple = false)]
pub(crate) struct ResolutionArgs {
    /// A conflict: the value with this number stands.
    #[arg(long, value_name = "N")]
    choose: Option<usize>,

    /// A removed member stays removed; an inconsistency is true to life.
    #[arg(long)]
    keep: bool,

    /// A removed member belongs to the household after all.
    #[arg(long)]
    restore: bool,

    /// These answers are right; an empty value clears. May be given several times.
    #[arg(long, value_name = "PATH=VALUE", value_parser = parse_write)]
    write: Vec<(AnswerPath, String)>,
}

/// A kind of item, or of what is set aside.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Kind {
    Item(FindingKind),
    SetAside(OutcomeCode),
}

fn parse_kind(word: &str) -> Result<Kind, String> {
    Ok(match word {
        "conflict" => Kind::Item(FindingKind::Conflict),
        "removed_and_edited" => Kind::Item(FindingKind::RemovedAndEdited),
        "rule_break" => Kind::Item(FindingKind::RuleBreak),
        "held" => Kind::SetAside(OutcomeCode::Held),
        "quarantined" => Kind::SetAside(OutcomeCode::Quarantined),
        "forked" => Kind::SetAside(OutcomeCode::Forked),
        _ => {
            return Err("conflict, removed_and_edited, rule_break, held, quarantined or forked".to_owned());
        }
    })
}

fn parse_write(text: &str) -> Result<(AnswerPath, String), String> {
    let (path, value) = text.split_once('=').ok_or("PATH=VALUE")?;
    Ok((path.parse().map_err(|error: record_model::AnswerPathError| error.to_string())?, value.to_owned()))
}

pub(crate) fn run(app: &App, command: Command) -> Result<(), Failure> {
    match command {
        Command::List(args) => list(app, &args),
        Command::Show(args) => show(app, &args),
        Command::Decide(args) => decide(app, &args),
        Command::Fork(args) => forks::decide(app, &args),
    }
}

// --- list ----------------------------------------------------------------------------------------------------------------

fn list(app: &App, args: &ListArgs) -> Result<(), Failure> {
    let open = app.open()?;
    let registry = &open.registry;
    let areas = args.area.as_deref().map(|areas| registry.areas_within(areas));
    let (open_count, mut items) = match args.kind {
        Some(Kind::SetAside(_)) => (0, Vec::new()),
        kind => read_items(registry, args, kind, areas.as_deref(), app.ui.language())?,
    };
    let mut set_aside = match args.kind {
        Some(Kind::Item(_)) => Vec::new(),
        kind => read_set_aside(registry, args, kind, areas.as_deref())?,
    };
    let mut forks = match args.kind {
        None | Some(Kind::SetAside(OutcomeCode::Forked)) => forks::read(registry, args.all)?,
        Some(_) => Vec::new(),
    };
    let more = items.len() > args.limit || forks.len() > args.limit || set_aside.len() > args.limit;
    items.truncate(args.limit);
    forks.truncate(args.limit);
    set_aside.truncate(args.limit);
    let view = ReviewListView { open: open_count, items, forks, set_aside, more };
    let items_asked = !matches!(args.kind, Some(Kind::SetAside(_)));
    app.ui.result(&view, |ui| show_list(ui, &view, items_asked));
    Ok(())
}

fn read_items(
    registry: &Registry,
    args: &ListArgs,
    kind: Option<Kind>,
    areas: Option<&[AreaCode]>,
    language: Language,
) -> Result<(u64, Vec<ItemView>), Failure> {
    let kind = match kind {
        Some(Kind::Item(kind)) => Some(kind),
        _ => None,
    };
    let filter = ItemFilter { kind, areas: areas.map(<[AreaCode]>::to_vec), ..ItemFilter::default() };
    let open = registry.count_items(&ItemFilter { open_only: true, ..filter.clone() })?;
    let filter = ItemFilter { open_only: !args.all, ..filter };
    let rows = registry.items(&filter, args.limit.saturating_add(1))?;
    let items = rows.iter().map(|row| item_view(registry, row, language)).collect::<Result<_, _>>()?;
    Ok((open, items))
}

fn read_set_aside(
    registry: &Registry,
    args: &ListArgs,
    kind: Option<Kind>,
    areas: Option<&[AreaCode]>,
) -> Result<Vec<SetAsideView>, Failure> {
    let mut faces = Faces::new(registry);
    let mut views = Vec::new();
    for row in registry.set_aside(usize::MAX)? {
        if matches!(kind, Some(Kind::SetAside(code)) if code != row.code) {
            continue;
        }
        let Some(entry) = registry.store().read(|tx| tx.log_entry(row.log_index))? else { continue };
        let area = entry.delta.header().area.as_ref();
        let is_inside = areas.is_none_or(|areas| area.is_some_and(|area| areas.contains(area)));
        if is_inside {
            let delta = deltas::view(&mut faces, &entry)?;
            views.push(SetAsideView {
                log_index: row.log_index,
                outcome: row.code,
                reason: row.reason,
                delta,
            });
        }
        if views.len() > args.limit {
            break;
        }
    }
    Ok(views)
}

fn show_list(ui: &Ui, view: &ReviewListView, items_asked: bool) {
    if items_asked || view.set_aside.is_empty() {
        ui.say(&msg("review-open").count("open", view.open));
    }
    if !view.items.is_empty() {
        let headings = [
            msg("heading-item"),
            msg("heading-kind"),
            msg("heading-subject"),
            msg("heading-record"),
            msg("heading-area"),
            msg("heading-status"),
        ];
        let rows: Vec<Vec<String>> = view.items.iter().map(|item| item_row(ui, item)).collect();
        ui.table(&headings, &rows);
    }
    forks::show(ui, &view.forks);
    if !view.set_aside.is_empty() {
        ui.say(&msg("status-set-aside").count("count", view.set_aside.len() as u64));
        let headings = [
            msg("heading-index"),
            msg("heading-kind"),
            msg("heading-reason"),
            msg("heading-enumerator"),
            msg("heading-device"),
            msg("heading-received"),
        ];
        let rows: Vec<Vec<String>> = view.set_aside.iter().map(|row| set_aside_row(ui, row)).collect();
        ui.table(&headings, &rows);
    }
    if view.more {
        ui.say(&msg("list-more"));
    }
}

fn item_row(ui: &Ui, item: &ItemView) -> Vec<String> {
    let record = item.registration_number.clone().unwrap_or_else(|| item.record.to_string());
    let area = item.area.as_ref().map(ToString::to_string).unwrap_or_default();
    let id = item.item.to_string();
    vec![
        id[..12].to_owned(),
        ui.text(&terms::finding(item.kind)),
        item.label.clone().unwrap_or_else(|| item.subject.clone()),
        record,
        area,
        ui.text(&match item.status {
            "open" => msg("item-open"),
            "decided" => msg("item-decided"),
            _ => msg("item-superseded"),
        }),
    ]
}

fn set_aside_row(ui: &Ui, row: &SetAsideView) -> Vec<String> {
    vec![
        row.log_index.to_string(),
        ui.text(&terms::outcome(row.outcome)),
        row.reason.map(|reason| ui.text(&terms::reason(reason))).unwrap_or_default(),
        row.delta.enumerator.clone().unwrap_or_default(),
        row.delta.device.clone().unwrap_or_default(),
        for_people(&row.delta.received_at),
    ]
}

/// An item with its record's names for things.
pub(crate) fn item_view(registry: &Registry, row: &ItemRow, language: Language) -> Result<ItemView, Failure> {
    let record = registry.store().read(|tx| tx.record(row.record))?;
    let catalog = registry.catalog();
    let form = record.as_ref().and_then(|record| catalog.form(record.revision));
    let visit = record.as_ref().map(|record| record.visit);
    let label = form.zip(visit).and_then(|(form, visit)| subject_label(&form.form, row, visit, language));
    let (status, settled_index) = match row.settled {
        None => ("open", None),
        Some(Settlement::Decided(index)) => ("decided", Some(index)),
        Some(Settlement::Superseded(index)) => ("superseded", Some(index)),
    };
    Ok(ItemView {
        item: row.id,
        kind: row.kind,
        status,
        subject: row.subject.clone(),
        label,
        record: row.record,
        registration_number: record.as_ref().and_then(|record| record.registration_number.clone()),
        area: record.map(|record| record.area),
        opened_index: row.opened_index,
        settled_index,
    })
}

/// The question a conflict is about, the repeat whose member was removed, or what the broken rule tells people.
fn subject_label(form: &CompiledForm, row: &ItemRow, visit: Visit, language: Language) -> Option<String> {
    match row.kind {
        FindingKind::Conflict => question_label(form, &row.subject.parse().ok()?, language),
        FindingKind::RemovedAndEdited => {
            let repeat = row.subject.rsplit('/').nth(1)?;
            text_of(form, form.find(repeat)?, language)
        }
        FindingKind::RuleBreak => rule_message(form, row, visit, language),
    }
}

/// The item names every answer the rule read, so the rule breaks over them alone as it did over the record.
fn rule_message(form: &CompiledForm, row: &ItemRow, visit: Visit, language: Language) -> Option<String> {
    let read: Answers =
        row.alternatives.iter().map(|known| (known.path.clone(), known.value.clone())).collect();
    let evaluation = evaluate(form, &read, visit);
    let broken = evaluation.violations().iter().find(|violation| violation.id == row.subject)?;
    Some(broken.message(language.code()).to_owned()).filter(|message| !message.is_empty())
}

// --- show ----------------------------------------------------------------------------------------------------------------

fn show(app: &App, args: &ShowArgs) -> Result<(), Failure> {
    let open = app.open()?;
    let registry = &open.registry;
    let detail = registry.item(find_item(registry, &args.item)?)?;
    let view = show_view(registry, &detail, &app.ui)?;
    app.ui.result(&view, |ui| show_item(ui, &view));
    Ok(())
}

fn show_view(registry: &Registry, detail: &ItemDetail, ui: &Ui) -> Result<ReviewShowView, Failure> {
    let catalog = registry.catalog();
    let form = catalog.form(detail.record.revision).map(|published| published.form.as_ref());
    let projection = registry.projection(detail.record.record)?;
    Ok(ReviewShowView {
        item: item_view(registry, &detail.item, ui.language())?,
        lineage: detail.record.lineage.clone(),
        area_name: catalog.area_name(&detail.record.area).map(str::to_owned),
        household: projection.household.as_ref().map(|household| household.label.clone()),
        alternatives: detail
            .alternatives
            .iter()
            .map(|alternative| alternative_view(form, &projection, alternative, ui))
            .collect(),
    })
}

fn alternative_view(
    form: Option<&CompiledForm>,
    projection: &Projection,
    detail: &AlternativeDetail,
    ui: &Ui,
) -> AlternativeView {
    let language = ui.language();
    AlternativeView {
        number: detail.number,
        path: detail.path.clone(),
        label: marker_label(&detail.path, ui)
            .or_else(|| form.and_then(|form| question_label(form, &detail.path, language))),
        member: member_name(projection, &detail.path),
        value: detail.value.clone(),
        value_label: value_label(form, &detail.path, &detail.value, ui),
        enumerator: detail.enumerator.clone(),
        device: detail.device.clone(),
        visit: detail.visit.map(visit_time),
        received_at: detail.received_at.map(date_time),
        change: detail.change,
    }
}

fn marker_label(path: &AnswerPath, ui: &Ui) -> Option<String> {
    let message = match path.marker()? {
        Marker::Order => msg("marker-order"),
        Marker::Person => msg("marker-person"),
        Marker::Removed => msg("marker-removed"),
        Marker::Number => msg("marker-number"),
    };
    Some(ui.text(&message))
}

fn text_of(form: &CompiledForm, question: &Question, language: Language) -> Option<String> {
    let label = form.raw_label(question.index(), language.code());
    (!label.is_empty()).then(|| label.to_owned())
}

/// The question's label; of a ticked option, the question's and the option's.
fn question_label(form: &CompiledForm, path: &AnswerPath, language: Language) -> Option<String> {
    let question = form.find(path.leaf())?;
    let label = text_of(form, question, language)?;
    match path.option().filter(|option| !option.is_empty()) {
        None => Some(label),
        Some(option) => Some(format!("{label} · {}", choice_label(form, question, option, language)?)),
    }
}

fn choice_label(form: &CompiledForm, question: &Question, code: &str, language: Language) -> Option<String> {
    let options = form.options(question.index());
    options.iter().find(|choice| choice.name == code).map(|choice| choice.label(language.code()).to_owned())
}

fn value_label(form: Option<&CompiledForm>, path: &AnswerPath, value: &Value, ui: &Ui) -> Option<String> {
    match value {
        Value::Null if path.marker() == Some(Marker::Removed) => Some(ui.text(&msg("value-not-removed"))),
        Value::Null => Some(ui.text(&msg("value-cleared"))),
        Value::Bool(true) => Some(ui.text(&msg("value-yes"))),
        Value::Bool(false) => Some(ui.text(&msg("value-no"))),
        Value::Int(_) => None,
        Value::Text(code) => {
            let form = form?;
            choice_label(form, form.find(path.leaf())?, code, ui.language())
        }
    }
}

/// The name of the person whose repeat instance this answer stands in.
fn member_name(projection: &Projection, path: &AnswerPath) -> Option<String> {
    let instance = path.instance_prefix().rsplit('/').next().filter(|instance| !instance.is_empty())?;
    let member = projection.memberships.iter().find(|member| member.instance == instance)?;
    projection.persons.iter().find(|person| person.person == member.person).map(|person| person.label.clone())
}

fn show_item(ui: &Ui, view: &ReviewShowView) {
    let item = &view.item;
    ui.pair(0, ui.text(&terms::finding(item.kind)), item.label.as_ref().unwrap_or(&item.subject));
    let record = item.registration_number.clone().unwrap_or_else(|| item.record.to_string());
    let area = view.area_name.clone().or_else(|| item.area.as_ref().map(ToString::to_string));
    ui.say(
        &msg("item-about")
            .with("record", record)
            .with("household", view.household.as_deref().unwrap_or("–"))
            .with("area", area.as_deref().unwrap_or("–")),
    );
    for alternative in &view.alternatives {
        show_alternative(ui, alternative);
    }
    ui.say(&match (item.status, item.kind) {
        ("open", FindingKind::Conflict) => msg("item-how-conflict"),
        ("open", FindingKind::RemovedAndEdited) => msg("item-how-removed"),
        ("open", FindingKind::RuleBreak) => msg("item-how-rule"),
        ("decided", _) => msg("item-decided"),
        _ => msg("item-superseded"),
    });
}

fn show_alternative(ui: &Ui, alternative: &AlternativeView) {
    let label = alternative.label.clone().unwrap_or_else(|| alternative.path.to_string());
    let whose = alternative.member.as_ref().map(|member| format!(" ({member})")).unwrap_or_default();
    let value = alternative.value_label.clone().unwrap_or_else(|| alternative.value.to_string());
    ui.pair(2, format!("[{}] {label}{whose}", alternative.number), value);
    let or_dash = |text: &Option<String>| text.clone().unwrap_or_else(|| "–".to_owned());
    let at = |text: &Option<String>| text.as_deref().map_or_else(|| "–".to_owned(), for_people);
    let origin = msg("alternative-origin")
        .with("enumerator", or_dash(&alternative.enumerator))
        .with("device", or_dash(&alternative.device))
        .with("visit", at(&alternative.visit))
        .with("received", at(&alternative.received_at));
    ui.line(&format!("      {}", ui.text(&origin)));
}

/// An item by its id or the beginning of it.
fn find_item(registry: &Registry, text: &str) -> Result<ItemId, Failure> {
    if let Ok(item) = text.to_ascii_lowercase().parse() {
        return Ok(item);
    }
    let mut ids: Vec<ItemId> = Vec::new();
    let mut filter = ItemFilter::default();
    loop {
        let page = registry.items(&filter, SEARCH_PAGE)?;
        filter.after = page.last().map(|last| (last.opened_index, last.id));
        let is_last = page.len() < SEARCH_PAGE;
        ids.extend(page.into_iter().map(|row| row.id));
        if is_last {
            break;
        }
    }
    let names: Vec<String> = ids.iter().map(ToString::to_string).collect();
    let found = super::unique_prefix(&names, text)?;
    found.map(|index| ids[index]).ok_or_else(|| {
        Failure::new(FailureKind::NotFound, msg("item-unknown").with("item", text))
            .hint(msg("hint-review-list"))
    })
}

// --- decide --------------------------------------------------------------------------------------------------------------

fn decide(app: &App, args: &DecideArgs) -> Result<(), Failure> {
    let open = app.open()?;
    let registry = &open.registry;
    let item = find_item(registry, &args.item)?;
    let detail = registry.item(item)?;
    let resolution = resolution(registry, &detail, &args.resolution)?;
    let (reason, account) = (args.reason.clone(), args.account.clone());
    registry.decide(DecideRequest { item, resolution, reason, account })?;
    let view = decided_view(registry, item, detail.record.record)?;
    app.ui.result(&view, |ui| {
        ui.say(&msg("item-settled-now").with("item", item).count("open", view.open_on_record));
    });
    Ok(())
}

fn resolution(
    registry: &Registry,
    detail: &ItemDetail,
    args: &ResolutionArgs,
) -> Result<Resolution, Failure> {
    if let Some(number) = args.choose {
        return Ok(Resolution::Choose(number));
    }
    if args.keep {
        return Ok(Resolution::Keep);
    }
    if args.restore {
        return Ok(Resolution::Restore);
    }
    let catalog = registry.catalog();
    let form = catalog.form(detail.record.revision).map(|published| published.form.as_ref());
    let mut writes = Answers::new();
    for (path, raw) in &args.write {
        writes.extend(typed(form, path, raw)?);
    }
    Ok(Resolution::Write(writes.into_iter().collect()))
}

/// The answer as the form's type wants it: a supervisor's slip is caught like an enumerator's.
fn typed(form: Option<&CompiledForm>, path: &AnswerPath, raw: &str) -> Result<Answers, Failure> {
    if raw.is_empty() {
        return Ok(Answers::from([(path.clone(), Value::Null)]));
    }
    if path.marker().is_some() {
        return Ok(Answers::from([(path.clone(), Value::from(raw))]));
    }
    let refuse = |detail: String| {
        Failure::new(FailureKind::Usage, msg("answer-unfit").with("path", path)).because(detail)
    };
    if path.option().is_some() {
        let ticked: bool = raw.parse().map_err(|_| refuse("an option is true or false".to_owned()))?;
        return Ok(Answers::from([(path.clone(), Value::Bool(ticked))]));
    }
    let form = form.ok_or_else(|| refuse("the record's form is not published here".to_owned()))?;
    answer_writes(form, path, raw, &Answers::new()).map_err(|error| refuse(error.to_string()))
}

fn decided_view(registry: &Registry, item: ItemId, record: RecordId) -> Result<DecidedView, Failure> {
    let settled = registry.store().read(|tx| tx.item(item))?.and_then(|row| row.settled);
    let open = ItemFilter { open_only: true, record: Some(record), ..ItemFilter::default() };
    let (status, settled_index) = match settled {
        Some(Settlement::Decided(index)) => ("decided", Some(index)),
        Some(Settlement::Superseded(index)) => ("superseded", Some(index)),
        None => ("open", None),
    };
    Ok(DecidedView { item, status, settled_index, record, open_on_record: registry.count_items(&open)? })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_write_names_a_path_and_a_value() {
        let (path, value) = parse_write("hh_size=5").unwrap();
        assert_eq!((path.as_str(), value.as_str()), ("hh_size", "5"));
        assert_eq!(parse_write("name=a=b").unwrap().1, "a=b");
        assert!(parse_write("hh_size").is_err());
        assert!(parse_write("1a=b").is_err());
    }

    #[test]
    fn a_cleared_answer_a_marker_and_an_option_need_no_form() {
        let typed = |text: &str, raw: &str| typed(None, &text.parse().unwrap(), raw).unwrap();
        assert_eq!(typed("roof", "").into_values().next(), Some(Value::Null));
        assert_eq!(typed("assets#radio", "false").into_values().next(), Some(Value::Bool(false)));
        assert_eq!(
            typed("roster/AAAAAAAAAAAAC/@removed", "died").into_values().next(),
            Some(Value::from("died"))
        );
    }
}
