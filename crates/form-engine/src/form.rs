//! The compiled form: an arena of questions in document order, expressions with resolved names, choice lists.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use record_model::FormRevision;

use crate::list::ChoiceList;
use crate::template::Translations;
use crate::xml::XmlDoc;
use crate::xpath::program::{ExprId, Program};

/// Names a question, group or repeat of one compiled form: its place in document order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct QuestionIndex(pub(crate) u32);

impl QuestionIndex {
    /// As an index into [`CompiledForm::questions`].
    pub const fn as_usize(self) -> usize {
        self.0 as usize
    }
}

/// The record (0), or one repeat: what has instances of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct ScopeIndex(pub(crate) u16);

impl ScopeIndex {
    pub(crate) const ROOT: Self = Self(0);

    pub(crate) const fn as_usize(self) -> usize {
        self.0 as usize
    }
}

/// A choice list or attached CSV.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct ListIndex(pub(crate) u16);

impl ListIndex {
    pub(crate) const fn as_usize(self) -> usize {
        self.0 as usize
    }
}

/// A secondary instance that is no plain list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct DocIndex(pub(crate) u16);

/// What a row of the survey is to an interview.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum QuestionKind {
    /// Something a person answers.
    Question,
    /// Something a person reads.
    Note,
    /// A value nobody is asked for.
    Calculate,
    /// Filled in by the machine when the record is made or closed (`start`, `today`, `deviceid` …).
    Preload,
    /// Questions that belong together.
    Group,
    /// Questions asked once for each instance.
    Repeat,
}

/// A row's type in the spreadsheet, aliases resolved.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "each is the XLSForm type of that name")]
pub enum QuestionType {
    Text,
    Integer,
    Decimal,
    /// A whole or decimal number between bounds; `integer` unless its parameters have fractions.
    Range {
        integer: bool,
    },
    Date,
    Time,
    DateTime,
    SelectOne,
    SelectMultiple,
    /// Codes in the order a person put them; stored as one text.
    Rank,
    Geopoint,
    Geotrace,
    Geoshape,
    Acknowledge,
    Barcode,
    /// The text names the attachment.
    Attachment(AttachmentKind),
    Note,
    Calculate,
    Hidden,
    Start,
    End,
    Today,
    DeviceId,
    SubscriberId,
    SimSerial,
    Username,
    PhoneNumber,
    Email,
    /// Where the interview began.
    StartGeopoint,
    /// Where a person was when the question of its trigger was answered.
    BackgroundGeopoint,
    /// A recording of the whole interview.
    BackgroundAudio,
    /// Kept by the collector in its own way; never an answer.
    Audit,
    Group,
    Repeat,
    /// Of an element of an XForm's instance.
    Attribute,
}

/// What an attachment holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "each is the XLSForm type of that name")]
pub enum AttachmentKind {
    /// `image`; with the appearance `signature`, `draw` or `annotate`, what a person draws.
    Image,
    Audio,
    Video,
    File,
}

/// Where a `bind::`, `body::` or `instance::` column puts its attribute.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Target {
    Bind,
    Body,
    Instance,
}

/// `yes`, `no`, or it depends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Flag {
    No,
    Yes,
    When(ExprId),
}

/// Where a value comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Source {
    /// What is stored.
    Stored,
    /// The calculation, always.
    Calculated(ExprId),
    /// What is stored; as long as that is blank, the calculation.
    StoredElse(ExprId),
}

/// Options that are nodes.
#[derive(Debug)]
pub(crate) struct Itemset {
    /// A program whose value is the set of nodes.
    pub(crate) nodes: ExprId,
    /// Seen from one of them: the code.
    pub(crate) value: crate::xpath::program::Node,
    /// Seen from one of them: what a person reads.
    pub(crate) label: crate::xpath::program::Node,
    pub(crate) value_source: Box<str>,
    pub(crate) label_source: Box<str>,
}

/// A default, fixed when the record or the instance is made.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Default {
    Literal(String),
    Expr(ExprId),
}

/// One row of the survey sheet: a question, note, calculation, group or repeat.
#[derive(Debug)]
pub struct Question {
    pub(crate) index: QuestionIndex,
    /// Its key in answer paths: the name, or the path through its groups where the name is used before it.
    pub(crate) key: Box<str>,
    /// As expressions know it.
    pub(crate) name: Box<str>,
    /// Of the name, where it has a prefix.
    pub(crate) namespace: Box<str>,
    pub(crate) question_type: QuestionType,
    /// What its value is written as, where the type does not say it: a calculation may be a whole number.
    pub(crate) data_type: Option<QuestionType>,
    pub(crate) row: u32,
    pub(crate) parent: Option<QuestionIndex>,
    /// The instances it lives in: a repeat's own row lives in the scope around it.
    pub(crate) scope: ScopeIndex,
    /// Its place among the cells of one instance of that scope.
    pub(crate) slot: u32,
    /// The scope a repeat opens.
    pub(crate) opens: Option<ScopeIndex>,
    /// One past the last question inside (for groups and repeats).
    pub(crate) end: QuestionIndex,
    pub(crate) labels: Translations,
    pub(crate) hints: Translations,
    /// For the trainer, not the person asked.
    pub(crate) guidance: Translations,
    /// `image`, `audio`, `video`, `big-image` beside the label.
    pub(crate) media: BTreeMap<&'static str, Translations>,
    pub(crate) constraint_messages: Translations,
    pub(crate) required_messages: Translations,
    pub(crate) relevant: Option<ExprId>,
    pub(crate) required: Flag,
    pub(crate) read_only: Flag,
    pub(crate) constraint: Option<ExprId>,
    pub(crate) source: Source,
    pub(crate) once: bool,
    pub(crate) trigger: Option<(QuestionIndex, ExprId)>,
    /// Where the `trigger` cell names several: those after the first.
    pub(crate) further_triggers: Vec<QuestionIndex>,
    pub(crate) default: Option<Default>,
    pub(crate) list: Option<ListIndex>,
    /// Of `select_one ${name}`: the question whose answers are the choices. Such a select has no list.
    pub(crate) itemset_reference: Option<Box<str>>,
    /// What the `choice_filter` of such a select says.
    pub(crate) itemset_filter: Option<Box<str>>,
    pub(crate) choice_filter: Option<crate::list::ListFilter>,
    /// Options that are nodes of the record or of a document, not rows of a list.
    pub(crate) itemset: Option<Box<Itemset>>,
    pub(crate) repeat_count: Option<ExprId>,
    /// The number of instances is not the interviewer's to change.
    pub(crate) fixed_count: bool,
    /// In `meta`: about the submission, not the people.
    pub(crate) meta: bool,
    /// Stands between a repeat and its count in an XForm.
    pub(crate) generated: bool,
    pub(crate) appearance: Box<str>,
    pub(crate) parameters: BTreeMap<String, String>,
    pub(crate) save_to: Option<(usize, Box<str>)>,
    /// Of the form before this one: the name under which the answers of then are found.
    pub(crate) renamed_from: Option<Box<str>>,
    /// `ask`, `latest` or `frozen`; empty where the form does not say.
    pub(crate) conflict_policy: Box<str>,
    /// `public`, `internal`, `personal` or `sensitive`; empty where the form does not say.
    pub(crate) data_class: Box<str>,
    /// Further attributes, as `bind::`, `body::` and `instance::` columns name them.
    pub(crate) attributes: BTreeMap<(Target, Box<str>), Box<str>>,
}

impl Question {
    /// One that says nothing but its name and type.
    pub(crate) fn new(index: QuestionIndex, name: &str, question_type: QuestionType, row: u32) -> Self {
        Self {
            index,
            key: name.into(),
            name: name.into(),
            namespace: "".into(),
            question_type,
            data_type: None,
            row,
            parent: None,
            scope: ScopeIndex::ROOT,
            slot: 0,
            opens: None,
            end: QuestionIndex(index.0 + 1),
            labels: Translations::default(),
            hints: Translations::default(),
            guidance: Translations::default(),
            media: BTreeMap::new(),
            constraint_messages: Translations::default(),
            required_messages: Translations::default(),
            relevant: None,
            required: Flag::No,
            read_only: Flag::No,
            constraint: None,
            source: Source::Stored,
            once: false,
            trigger: None,
            further_triggers: Vec::new(),
            default: None,
            list: None,
            itemset_reference: None,
            itemset_filter: None,
            choice_filter: None,
            itemset: None,
            repeat_count: None,
            fixed_count: false,
            meta: false,
            generated: false,
            appearance: "".into(),
            parameters: BTreeMap::new(),
            save_to: None,
            renamed_from: None,
            conflict_policy: "".into(),
            data_class: "".into(),
            attributes: BTreeMap::new(),
        }
    }

    /// The expressions that its relevance, its value, its options and the number of its instances follow from.
    pub(crate) fn settled_by(&self) -> Vec<ExprId> {
        let calculated = match self.source {
            Source::Calculated(id) | Source::StoredElse(id) => Some(id),
            Source::Stored => None,
        };
        let filter = self.choice_filter.as_ref().map(|filter| filter.1);
        let nodes = self.itemset.as_ref().map(|itemset| itemset.nodes);
        self.relevant
            .into_iter()
            .chain(calculated)
            .chain(self.repeat_count)
            .chain(filter)
            .chain(nodes)
            .collect()
    }

    /// Its place in the form.
    pub fn index(&self) -> QuestionIndex {
        self.index
    }

    /// As expressions know it. Two questions of different groups may share one.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What names it in answer paths: no other question of the form has it.
    pub fn key(&self) -> &str {
        &self.key
    }

    /// What it is to an interview.
    pub fn kind(&self) -> QuestionKind {
        use QuestionType as T;
        match self.question_type {
            T::Group => QuestionKind::Group,
            T::Repeat => QuestionKind::Repeat,
            T::Note => QuestionKind::Note,
            T::Calculate | T::Hidden | T::Attribute => QuestionKind::Calculate,
            T::Start
            | T::End
            | T::Today
            | T::DeviceId
            | T::SubscriberId
            | T::SimSerial
            | T::StartGeopoint
            | T::BackgroundGeopoint
            | T::BackgroundAudio
            | T::Username
            | T::PhoneNumber
            | T::Email
            | T::Audit => QuestionKind::Preload,
            _ => QuestionKind::Question,
        }
    }

    /// What its value is written as.
    pub(crate) fn value_type(&self) -> QuestionType {
        self.data_type.unwrap_or(self.question_type)
    }

    /// How an XForm's body asks for it: `input`, `select` and so on; `model-value` when it does not.
    pub(crate) fn control_kind(&self) -> &'static str {
        use QuestionType as T;
        match self.question_type {
            T::Group => "group",
            T::Repeat => "repeat-range",
            T::Note => "note",
            T::SelectOne | T::SelectMultiple => "select",
            T::Rank => "rank",
            T::Range { .. } => "range",
            T::Acknowledge => "trigger",
            T::Attachment(_) => "upload",
            // What may be seen and not changed is read.
            _ if self.kind() == QuestionKind::Question && self.read_only == Flag::Yes => "note",
            _ if self.kind() == QuestionKind::Question => "input",
            _ => "model-value",
        }
    }

    /// Its type in the spreadsheet.
    pub fn question_type(&self) -> QuestionType {
        self.question_type
    }

    /// The row of the survey sheet, counted from 1.
    pub fn row(&self) -> u32 {
        self.row
    }

    /// The group or repeat around it.
    pub fn parent(&self) -> Option<QuestionIndex> {
        self.parent
    }

    /// True if a person must answer it whatever else was answered.
    pub fn is_always_required(&self) -> bool {
        self.required == Flag::Yes
    }

    /// True if the value is the engine's to compute, so that it is never stored.
    pub fn is_calculated(&self) -> bool {
        matches!(self.source, Source::Calculated(_))
    }

    /// True for a select whose options depend on other answers.
    pub fn has_choice_filter(&self) -> bool {
        self.choice_filter.is_some()
    }

    /// The `appearance` cell.
    pub fn appearance(&self) -> &str {
        &self.appearance
    }

    /// The `parameters` cell, `key=value` by key.
    pub fn parameters(&self) -> &BTreeMap<String, String> {
        &self.parameters
    }
}

/// The record, or a repeat.
#[derive(Debug)]
pub(crate) struct Scope {
    /// The repeat's row; none for the record.
    pub(crate) repeat: Option<QuestionIndex>,
    pub(crate) parent: ScopeIndex,
    pub(crate) depth: u8,
    /// The questions that live in it; a question's slot is its place here.
    pub(crate) slots: Vec<QuestionIndex>,
    /// Repeats directly inside.
    pub(crate) children: Vec<ScopeIndex>,
    /// Its place among its parent's children.
    pub(crate) ordinal: u16,
}

/// What happens once, when something else does: ODK's `setvalue`.
#[derive(Debug)]
pub(crate) struct Action {
    pub(crate) events: Events,
    pub(crate) target: QuestionIndex,
    /// Which instances of it, where the form says so.
    pub(crate) nodes: Option<ExprId>,
    pub(crate) value: ActionValue,
    /// The question whose change it waits for.
    pub(crate) trigger: Option<QuestionIndex>,
    /// The repeat whose new instances it waits for.
    pub(crate) repeat: Option<ScopeIndex>,
}

/// Which events an action waits for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Events {
    /// `odk-instance-first-load`
    pub(crate) first_load: bool,
    /// `odk-instance-load`
    pub(crate) load: bool,
    /// `odk-new-repeat`
    pub(crate) new_repeat: bool,
    /// `xforms-value-changed`
    pub(crate) value_changed: bool,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) enum ActionValue {
    Literal(Box<str>),
    Expr(ExprId),
}

/// What a record, or an instance of a repeat, begins with. These may be a record's answers.
#[derive(Clone, Default, PartialEq)]
pub(crate) struct Seed {
    pub(crate) values: Vec<(QuestionIndex, Box<str>)>,
    pub(crate) repeats: Vec<(ScopeIndex, Seed)>,
}

impl std::fmt::Debug for Seed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Seed")
            .field("values", &self.values.len())
            .field("repeats", &self.repeats.len())
            .finish()
    }
}

/// A question that reads another one for its value or relevance.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Reader {
    pub(crate) question: QuestionIndex,
    /// In any instance, not only in one that both share.
    pub(crate) wide: bool,
}

/// The innermost scope around both.
pub(crate) fn common_scope(scopes: &[Scope], a: ScopeIndex, b: ScopeIndex) -> ScopeIndex {
    let (mut a, mut b) = (a, b);
    while a != b {
        if scopes[a.as_usize()].depth >= scopes[b.as_usize()].depth {
            a = scopes[a.as_usize()].parent;
        } else {
            b = scopes[b.as_usize()].parent;
        }
    }
    a
}

/// The innermost scope around every select that offers a list; the record where none does.
pub(crate) fn offered_in(questions: &[Question], scopes: &[Scope], list: ListIndex) -> ScopeIndex {
    let around =
        questions.iter().filter(|question| question.list == Some(list)).map(|question| question.scope);
    around.reduce(|a, b| common_scope(scopes, a, b)).unwrap_or(ScopeIndex::ROOT)
}

/// A row of the `rules` sheet.
#[derive(Debug)]
pub(crate) struct Rule {
    pub(crate) id: Box<str>,
    pub(crate) level: crate::evaluation::Level,
    pub(crate) expression: ExprId,
    pub(crate) relevant: Option<ExprId>,
    /// The scope it is checked in: once for the record, or for each instance of a repeat.
    pub(crate) scope: ScopeIndex,
    pub(crate) messages: Translations,
}

/// A row of the `entities` sheet.
#[derive(Debug)]
pub(crate) struct Entity {
    pub(crate) list: Box<str>,
    pub(crate) scope: ScopeIndex,
    pub(crate) label: Option<ExprId>,
    pub(crate) entity_id: Option<ExprId>,
    pub(crate) create_if: Option<ExprId>,
    pub(crate) update_if: Option<ExprId>,
}

/// What the settings sheet says to the programs that show, send and keep a form.
#[derive(Debug, Clone, Default)]
pub(crate) struct Publication {
    /// The root element of a submission.
    pub(crate) root_name: String,
    /// As written: `esri="http://esri.com/xforms"`, several separated by blanks.
    pub(crate) namespaces: String,
    pub(crate) style: String,
    pub(crate) public_key: String,
    pub(crate) submission_url: String,
    pub(crate) auto_send: String,
    pub(crate) auto_delete: String,
    pub(crate) omit_instance_id: bool,
    /// False where runs of blanks in the survey's cells are meant.
    pub(crate) clean_text_values: bool,
    /// The parameters of the survey's `audit` row; none where it has no such row.
    pub(crate) audit: Option<BTreeMap<String, String>>,
    /// Further settings by name (`instance_xmlns`, `attribute::…`), as written.
    pub(crate) others: BTreeMap<String, String>,
}

/// A file that the form names beside its workbook.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ExternalFile {
    /// What `instance()` calls it.
    pub(crate) name: Box<str>,
    pub(crate) file: Box<str>,
}

/// The parts of a compiled form; [`CompiledForm`] shares them.
#[derive(Debug)]
pub(crate) struct Form {
    pub(crate) form_id: String,
    pub(crate) title: String,
    pub(crate) version: String,
    /// The name of the record's element.
    pub(crate) root_name: String,
    pub(crate) revision: FormRevision,
    /// Of a spreadsheet: the name it had when sheets were named by their cells.
    pub(crate) first_revision: Option<FormRevision>,
    pub(crate) languages: Vec<String>,
    pub(crate) language_names: Vec<String>,
    pub(crate) questions: Vec<Question>,
    pub(crate) by_key: HashMap<Box<str>, QuestionIndex>,
    pub(crate) scopes: Vec<Scope>,
    pub(crate) programs: Vec<Program>,
    pub(crate) lists: Vec<ChoiceList>,
    pub(crate) docs: Vec<XmlDoc>,
    /// Texts by id, for `jr:itext()`.
    pub(crate) itext: HashMap<Box<str>, Translations>,
    /// Questions with a `relevant` or a calculation, or inside a group or repeat: each after all it reads.
    pub(crate) order: Vec<QuestionIndex>,
    pub(crate) rules: Vec<Rule>,
    pub(crate) entities: Vec<Entity>,
    pub(crate) instance_name: Option<ExprId>,
    pub(crate) publication: Publication,
    /// Of `xml-external`, `csv-external` and selects from a file, in document order.
    pub(crate) external_files: Vec<ExternalFile>,
    pub(crate) actions: Vec<Action>,
    /// What a record begins with, first instances of its repeats included.
    pub(crate) seed: Seed,
    /// By scope: what a new instance begins with.
    pub(crate) templates: Vec<Seed>,
    /// By question: who is to be looked at again when it changes.
    pub(crate) readers: Vec<Vec<Reader>>,
    /// By question: its place in `order`.
    pub(crate) ranks: Vec<u32>,
    /// Namespaces of the record's element, by prefix.
    pub(crate) namespaces: Vec<(Box<str>, Box<str>)>,
}

impl Form {
    /// One that asks nothing.
    pub(crate) fn empty() -> Self {
        Self {
            form_id: String::new(),
            title: String::new(),
            version: String::new(),
            root_name: "data".to_owned(),
            revision: FormRevision::from_bytes([0; 32]),
            first_revision: None,
            languages: Vec::new(),
            language_names: Vec::new(),
            questions: Vec::new(),
            by_key: HashMap::new(),
            scopes: vec![Scope {
                repeat: None,
                parent: ScopeIndex::ROOT,
                depth: 0,
                slots: Vec::new(),
                children: Vec::new(),
                ordinal: 0,
            }],
            programs: Vec::new(),
            lists: Vec::new(),
            docs: Vec::new(),
            itext: HashMap::new(),
            order: Vec::new(),
            rules: Vec::new(),
            entities: Vec::new(),
            instance_name: None,
            publication: Publication::default(),
            external_files: Vec::new(),
            actions: Vec::new(),
            seed: Seed::default(),
            templates: Vec::new(),
            readers: Vec::new(),
            ranks: Vec::new(),
            namespaces: Vec::new(),
        }
    }

    /// What an interview of a form without an instance of its own begins with: literal defaults, one instance of each
    /// repeat that is not counted, and actions for the defaults and triggers that are computed.
    pub(crate) fn begin(&mut self) {
        self.templates = (0..self.scopes.len()).map(|scope| self.seed_of(ScopeIndex(scope as u16))).collect();
        self.seed = self.templates[0].clone();
        let mut actions = Vec::new();
        for question in &self.questions {
            if let Some(Default::Expr(id)) = question.default {
                let repeat = (question.scope != ScopeIndex::ROOT).then_some(question.scope);
                actions.push(Action {
                    events: Events { first_load: true, new_repeat: repeat.is_some(), ..Events::default() },
                    target: question.index,
                    nodes: None,
                    value: ActionValue::Expr(id),
                    trigger: None,
                    repeat,
                });
            }
            if let Some((first, id)) = question.trigger {
                for trigger in std::iter::once(first).chain(question.further_triggers.iter().copied()) {
                    actions.push(Action {
                        events: Events { value_changed: true, ..Events::default() },
                        target: question.index,
                        nodes: None,
                        value: ActionValue::Expr(id),
                        trigger: Some(trigger),
                        repeat: None,
                    });
                }
            }
        }
        self.actions = actions;
    }

    /// Nests as deep as repeats do.
    fn seed_of(&self, scope: ScopeIndex) -> Seed {
        let shape = self.scope(scope);
        let literal = |index: &QuestionIndex| match &self.question(*index).default {
            Some(Default::Literal(text)) => Some((*index, text.as_str().into())),
            _ => None,
        };
        let is_counted = |scope: &ScopeIndex| {
            self.scope(*scope).repeat.is_some_and(|repeat| self.question(repeat).repeat_count.is_some())
        };
        let first = |scope: &ScopeIndex| (*scope, self.seed_of(*scope));
        Seed {
            values: shape.slots.iter().filter_map(literal).collect(),
            repeats: shape.children.iter().filter(|scope| !is_counted(scope)).map(first).collect(),
        }
    }

    /// Notes who reads what, once questions and their order are known.
    pub(crate) fn wire(&mut self) {
        self.ranks = vec![u32::MAX; self.questions.len()];
        for (rank, index) in self.order.iter().enumerate() {
            self.ranks[index.as_usize()] = rank as u32;
        }
        let mut readers: Vec<Vec<Reader>> = vec![Vec::new(); self.questions.len()];
        for question in &self.questions {
            if let Some(parent) = question.parent {
                readers[parent.as_usize()].push(Reader { question: question.index, wide: false });
            }
            for program in question.settled_by().into_iter().map(|id| &self.programs[id.0 as usize]) {
                for read in &program.dependencies {
                    let wide = program.wide.binary_search(read).is_ok();
                    readers[read.as_usize()].push(Reader { question: question.index, wide });
                }
            }
        }
        for list in &mut readers {
            list.sort_unstable();
            list.dedup();
        }
        self.readers = readers;
        self.templates.resize_with(self.scopes.len(), Seed::default);
    }

    pub(crate) fn question(&self, index: QuestionIndex) -> &Question {
        &self.questions[index.as_usize()]
    }

    pub(crate) fn program(&self, id: ExprId) -> &Program {
        &self.programs[id.0 as usize]
    }

    pub(crate) fn scope(&self, index: ScopeIndex) -> &Scope {
        &self.scopes[index.as_usize()]
    }

    /// The innermost scope around both.
    pub(crate) fn common_scope(&self, a: ScopeIndex, b: ScopeIndex) -> ScopeIndex {
        common_scope(&self.scopes, a, b)
    }

    pub(crate) fn list(&self, index: ListIndex) -> &ChoiceList {
        &self.lists[index.as_usize()]
    }

    pub(crate) fn doc(&self, index: DocIndex) -> &XmlDoc {
        &self.docs[index.0 as usize]
    }

    /// The place of a language among the form's; the default one (the first) for a language it does not have.
    pub(crate) fn language(&self, code: &str) -> usize {
        self.languages.iter().position(|language| language == code).unwrap_or(0)
    }
}

/// A form, ready to be asked and checked. Cheap to clone.
#[derive(Debug, Clone)]
pub struct CompiledForm(pub(crate) Arc<Form>);

impl CompiledForm {
    /// Names this content: the same sheets give the same revision whatever the file's bytes.
    pub fn revision(&self) -> FormRevision {
        self.0.revision
    }

    /// `form_id` of the settings sheet.
    pub fn form_id(&self) -> &str {
        &self.0.form_id
    }

    /// `form_title` of the settings sheet.
    pub fn title(&self) -> &str {
        &self.0.title
    }

    /// `version` of the settings sheet.
    pub fn version(&self) -> &str {
        &self.0.version
    }

    /// Codes, the default language first: `fr` of `label::Français (fr)`.
    pub fn languages(&self) -> &[String] {
        &self.0.languages
    }

    /// What a language calls itself: `Français` for `fr`.
    pub fn language_name(&self, code: &str) -> Option<&str> {
        let at = self.0.languages.iter().position(|language| language == code)?;
        self.0.language_names.get(at).map(String::as_str)
    }

    /// Every question, group and repeat in document order.
    pub fn questions(&self) -> &[Question] {
        &self.0.questions
    }

    /// One of them.
    ///
    /// # Panics
    ///
    /// If the index is another form's and beyond this one's questions.
    pub fn question(&self, index: QuestionIndex) -> &Question {
        self.0.question(index)
    }

    /// By key. Among groups that share a name, the first.
    pub fn find(&self, key: &str) -> Option<&Question> {
        self.0.by_key.get(key).map(|index| self.0.question(*index))
    }

    /// What is directly inside a group or repeat; with none, what is inside nothing.
    pub fn children(&self, parent: Option<QuestionIndex>) -> impl Iterator<Item = &Question> {
        let (from, to) = match parent {
            None => (0, self.0.questions.len()),
            Some(parent) => (parent.as_usize() + 1, self.0.question(parent).end.as_usize()),
        };
        self.0.questions[from..to.max(from)].iter().filter(move |question| question.parent == parent)
    }

    /// The repeats around a question, outermost first. A repeat is not around itself.
    pub fn repeats_around(&self, question: QuestionIndex) -> Vec<QuestionIndex> {
        let mut repeats = Vec::new();
        let mut scope = self.0.scope(self.0.question(question).scope);
        while let Some(repeat) = scope.repeat {
            repeats.push(repeat);
            scope = self.0.scope(scope.parent);
        }
        repeats.reverse();
        repeats
    }

    /// The name of a select's list.
    pub fn list_name(&self, question: QuestionIndex) -> Option<&str> {
        self.0.question(question).list.map(|list| self.0.list(list).name())
    }

    /// Every option of a select, unfiltered, in list order.
    pub fn options(&self, question: QuestionIndex) -> Vec<crate::interview::Choice<'_>> {
        let Some(list) = self.0.question(question).list else { return Vec::new() };
        let list_data = self.0.list(list);
        (0..list_data.len() as u32).map(|row| crate::interview::Choice::new(&self.0, list, row)).collect()
    }

    /// The label as it is written, `${}` references and all, in a language (the default one's when that has none).
    pub fn raw_label(&self, question: QuestionIndex, lang: &str) -> &str {
        self.0.question(question).labels.raw(self.0.language(lang))
    }

    /// The entity lists this form writes to, each once, in sheet order.
    pub fn entity_lists(&self) -> Vec<&str> {
        let mut lists: Vec<&str> = Vec::new();
        for entity in &self.0.entities {
            if !lists.contains(&&*entity.list) {
                lists.push(&entity.list);
            }
        }
        lists
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_record_begins_with_is_not_printed() {
        let inner = Seed { values: vec![(QuestionIndex(1), "secret".into())], repeats: Vec::new() };
        let seed = Seed { values: inner.values.clone(), repeats: vec![(ScopeIndex(1), inner)] };
        assert_eq!(format!("{seed:?}"), "Seed { values: 1, repeats: 1 }");
    }
}
