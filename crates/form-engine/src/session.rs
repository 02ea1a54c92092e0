//! A form being filled in as ODK's engines do it: events, defaults, triggers, instances that come and go. Only what an
//! answer changes is computed again.

use std::collections::{BTreeSet, HashMap};
use std::fmt;
use std::sync::Arc;

use record_model::{Visit, hash_parts};

use crate::arena::{Arena, Datum, MAX_INSTANCES};
use crate::evaluate::{relevant_around, render, wanted_count};
use crate::evaluation::ViolationKind;
use crate::form::{
    Action, ActionValue, CompiledForm, Flag, Form, Question, QuestionIndex, QuestionType, ScopeIndex, Seed,
    Source,
};
use crate::interview::Preload;
use crate::messages;
use crate::template::Translations;
use crate::xpath::eval::{Budget, Clock, Context, Evaluator, NodeRef, datum_text};
use crate::xpath::program::ExprId;

/// How often one value may change in the course of one answer.
const MAX_ROUNDS: u32 = 64;

/// How deep one answer may set off another: a trigger that sets a question that is a trigger itself.
const MAX_TRIGGERED: u32 = 100;

/// What one answer may set off altogether.
const MAX_ACTIONS: u32 = 100_000;

/// A form being filled in. References are absolute, positions from 1: `/data/member[2]/age`; a position that is left out
/// is 1. It has no `Debug`: it holds a person's answers.
pub struct Interview {
    form: Arc<Form>,
    arena: Arena,
    clock: Clock,
    language: usize,
    preload: Preload,
    /// What was chosen, by cell, of selects whose options leave some of it out now.
    given: HashMap<usize, Datum>,
    /// Instances that a count has just made.
    grown: Vec<u32>,
    /// What a person has just answered: it is not calculated over.
    changed_by_hand: Option<(QuestionIndex, u32)>,
    /// What is to be looked at again, in an order in which each comes after all it reads.
    dirty: BTreeSet<(u32, QuestionIndex, u32)>,
    /// How many values were computed so far.
    computed: u64,
    /// How deep in what one answer sets off.
    depth: u32,
    /// How much one answer has set off so far.
    actions: u32,
    /// New instances are being welcomed.
    welcoming: bool,
}

/// What a record is opened again for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Resume {
    /// To go on where it was left.
    Draft,
    /// To correct what was sent.
    Correction,
}

/// Why something cannot be done.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum InterviewError {
    /// No such node, or not of the kind that is needed.
    NotThere {
        /// The reference.
        reference: String,
    },
    /// A value that follows from itself, which never comes to rest.
    Restless {
        /// The question's name.
        question: String,
    },
    /// The XML of a record is none, or another form's.
    Unreadable {
        /// What is wrong with it.
        reason: String,
    },
    /// More instances than a record can have.
    TooMany {
        /// The repeat's name.
        repeat: String,
    },
    /// What happens on this answer names a question of several instances, and none of them.
    Ambiguous {
        /// The question's name.
        question: String,
    },
}

impl fmt::Display for InterviewError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotThere { reference } => write!(f, "no such place in the form: {reference}"),
            Self::Restless { question } => write!(f, "the value of {question} never comes to rest"),
            Self::Unreadable { reason } => write!(f, "no record of this form: {reason}"),
            Self::TooMany { repeat } => {
                write!(f, "more instances of {repeat} than a record can have (all repeats: {MAX_INSTANCES})")
            }
            Self::Ambiguous { question } => write!(f, "{question} stands in several instances"),
        }
    }
}

impl std::error::Error for InterviewError {}

/// One node of a form being filled in. Its Debug leaves value and texts out: they are answers.
#[derive(Clone, PartialEq, Eq)]
pub struct InterviewNode {
    /// Where it is.
    pub reference: String,
    /// `root`, `group`, `repeat-range`, `repeat-instance`, or how it is asked: `input`, `select`, `rank`, `note`, `range`,
    /// `trigger`, `upload`; `model-value` for what nobody is asked.
    pub kind: &'static str,
    /// It is asked.
    pub relevant: bool,
    /// It must be answered.
    pub required: bool,
    /// It may be seen, not changed.
    pub read_only: bool,
    /// The answer; empty for none.
    pub value: String,
    /// What a person reads.
    pub label: Option<String>,
    /// What does not hold, and what to say about it.
    pub violation: Option<(ViolationKind, String)>,
}

impl fmt::Debug for InterviewNode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "InterviewNode({}, {})", self.reference, self.kind)
    }
}

impl Interview {
    /// A fresh record: what the form says it begins with, calculations, and what happens at its first load.
    pub fn start(form: &CompiledForm, visit: Visit, preload: &Preload) -> Self {
        let mut interview = Self::planted(form, &form.0.seed, visit, preload);
        interview.leave_to_their_counts();
        interview.preload_instance(0);
        interview.mark_all();
        // A form that never comes to rest is shown as far as it got.
        let _ = interview.settle();
        let _ = interview.welcome();
        let _ = interview.act_all(|action| action.events.first_load || action.events.load);
        interview.rest();
        interview
    }

    /// What a counted repeat begins with is its count's to say.
    fn leave_to_their_counts(&mut self) {
        let form = Arc::clone(&self.form);
        for (scope, shape) in form.scopes.iter().enumerate() {
            if shape.repeat.is_some_and(|repeat| form.question(repeat).repeat_count.is_some()) {
                let mut there = HashMap::<u32, Vec<u32>>::new();
                for instance in &self.arena.by_scope[scope] {
                    there.entry(self.arena.instance(*instance).parent).or_default().push(*instance);
                }
                there.into_values().for_each(|instances| self.arena.cut(&form, &instances));
            }
        }
    }

    /// A record that was filled in before, from its XML ([`Interview::xml`] or a submission). What happens at a first
    /// load does not happen again. To correct a submission is to make another one: it gets an id of its own and names
    /// the one it stands for.
    pub fn resume(
        form: &CompiledForm,
        xml: &str,
        purpose: Resume,
        visit: Visit,
        preload: &Preload,
    ) -> Result<Self, InterviewError> {
        let seed =
            crate::xform::seed_of(&form.0, xml).map_err(|reason| InterviewError::Unreadable { reason })?;
        let mut interview = Self::planted(form, &seed, visit, preload);
        if purpose == Resume::Correction {
            interview.supersede();
        }
        interview.mark_all();
        let _ = interview.settle();
        interview.grown.clear();
        let _ = interview.act_all(|action| action.events.load);
        interview.rest();
        Ok(interview)
    }

    /// The id goes to `deprecatedID`, and where the form makes ids it makes another.
    fn supersede(&mut self) {
        let form = Arc::clone(&self.form);
        let meta = |name: &str| {
            form.questions
                .iter()
                .find(|question| question.meta && is_called(question, name))
                .map(Question::index)
        };
        let (Some(id), Some(former)) = (meta("instanceID"), meta("deprecatedID")) else { return };
        let (id_at, former_at) = (self.arena.cell_at(&form, 0, id), self.arena.cell_at(&form, 0, former));
        let known = self.arena.cells[id_at].datum.clone();
        if known.is_blank() {
            return;
        }
        self.arena.cells[former_at].datum = known;
        if form.question(id).parameters.get("preload").is_some_and(|preload| preload == "uid") {
            self.arena.cells[id_at].datum =
                Datum::typed(QuestionType::Text, &format!("uuid:{}", self.uuid(former, 0)));
        }
    }

    fn planted(form: &CompiledForm, seed: &Seed, visit: Visit, preload: &Preload) -> Self {
        let form = Arc::clone(&form.0);
        Self {
            arena: Arena::of_seed(&form, seed),
            clock: Clock::at(visit),
            language: 0,
            preload: preload.clone(),
            given: HashMap::new(),
            grown: Vec::new(),
            changed_by_hand: None,
            dirty: BTreeSet::new(),
            computed: 0,
            depth: 0,
            actions: 0,
            welcoming: false,
            form,
        }
    }

    /// Answers a question, and does what follows from it. The text is as ODK writes it: select_multiple as codes
    /// separated by blanks.
    pub fn set(&mut self, reference: &str, value: &str) -> Result<(), InterviewError> {
        let (instance, question) = self.question_at(reference)?;
        let done = self.assign(instance, question, value);
        self.rest();
        done
    }

    fn assign(&mut self, instance: u32, question: QuestionIndex, value: &str) -> Result<(), InterviewError> {
        let at = self.arena.cell_at(&self.form, instance, question);
        let datum = self.datum_for(instance, question, value);
        // Whoever answers, if only with what is seen, no longer means what a filter has taken away.
        self.given.remove(&at);
        if self.arena.cells[at].datum == datum {
            return Ok(());
        }
        self.arena.cells[at].datum = datum;
        self.mark(question, instance);
        self.changed_by_hand = Some((question, instance));
        self.mark_readers(instance, question);
        self.depth += 1;
        let done = self.follow(instance, question);
        self.depth -= 1;
        done
    }

    /// What follows from an answer.
    fn follow(&mut self, instance: u32, question: QuestionIndex) -> Result<(), InterviewError> {
        self.settle()?;
        self.welcome()?;
        let form = Arc::clone(&self.form);
        for action in form.actions.iter().filter(|action| action.events.value_changed) {
            if action.trigger == Some(question) {
                self.act_near(action, instance)?;
            }
        }
        Ok(())
    }

    /// Whatever a person did is done: nothing waits any more, even where it was given up.
    fn rest(&mut self) {
        self.dirty.clear();
        self.grown.clear();
        self.actions = 0;
        self.welcoming = false;
        self.changed_by_hand = None;
    }

    /// As the question holds it: a select_multiple's codes in the order of its list.
    fn datum_for(&self, instance: u32, question: QuestionIndex, value: &str) -> Datum {
        let asked = self.form.question(question);
        if asked.question_type == QuestionType::SelectMultiple {
            let mut codes: Vec<&str> = value.split_whitespace().collect();
            match asked.list.map(|list| self.form.list(list)) {
                Some(list) => {
                    codes.sort_by_key(|code| list.rows_of(code).first().copied().unwrap_or(u32::MAX));
                }
                None => {
                    let options = self.evaluator("").options(question, Context::cell(instance, question));
                    let place = |code: &str| options.iter().position(|(known, _)| known == code);
                    codes.sort_by_key(|code| place(code).unwrap_or(usize::MAX));
                }
            }
            codes.dedup();
            return Datum::typed(QuestionType::Text, &codes.join(" "));
        }
        Datum::typed(asked.value_type(), value)
    }

    /// Adds an instance to a repeat, the last one inside what is around it.
    pub fn add(&mut self, repeat: &str) -> Result<(), InterviewError> {
        let (parent, scope) = self.repeat_at(repeat)?;
        let done = self.grow(parent, scope);
        self.rest();
        done
    }

    /// Removes an instance of a repeat and all inside it.
    pub fn remove(&mut self, instance: &str) -> Result<(), InterviewError> {
        match self.find(instance) {
            Some(NodeRef::Instance(at)) if at != 0 => {
                self.cut(at);
                // What is left may count for more instances of another repeat.
                let done = self.settle().and_then(|()| self.welcome());
                self.rest();
                done
            }
            _ => Err(not_there(instance)),
        }
    }

    /// Switches to a language of the form, as the form calls it or by its code; false when it has none of that name.
    pub fn set_language(&mut self, name: &str) -> bool {
        let (codes, names) = (&self.form.languages, &self.form.language_names);
        let full = |at: usize| format!("{} ({})", names[at], codes[at]);
        let found = (0..codes.len()).find(|at| codes[*at] == name || names[*at] == name || full(*at) == name);
        if let Some(language) = found {
            self.language = language;
            self.mark_all();
            let _ = self.settle();
        }
        found.is_some()
    }

    /// The value of a node, empty for one that is not relevant; none when there is no such node.
    pub fn value(&self, reference: &str) -> Option<String> {
        match self.find(reference)? {
            NodeRef::Cell { instance, question } if self.is_relevant(instance, question) => {
                Some(self.text_at(instance, question))
            }
            _ => Some(String::new()),
        }
    }

    /// The value of an attribute of a node.
    pub fn attribute(&self, reference: &str, name: &str) -> Option<String> {
        let (instance, holder) = match self.find(reference)? {
            NodeRef::Cell { instance, question } => (instance, Some(question)),
            NodeRef::Instance(instance) => {
                (instance, self.form.scope(self.arena.instance(instance).scope).repeat)
            }
            _ => return None,
        };
        let is_meant = |question: &&Question| {
            question.question_type == QuestionType::Attribute && is_called(question, name)
        };
        let attribute = self.children_of(holder).find(is_meant)?;
        Some(self.text_at(instance, attribute.index))
    }

    /// How a node stands.
    pub fn state(&self, reference: &str) -> Option<InterviewNode> {
        let node = self.find(reference)?;
        let path = self.reference_of(node);
        self.node(node, path)
    }

    /// The options on offer, code and label, in order.
    pub fn choices(&self, reference: &str) -> Option<Vec<(String, String)>> {
        let NodeRef::Cell { instance, question } = self.find(reference)? else { return None };
        let evaluator = self.evaluator("");
        let options = evaluator.options(question, Context::cell(instance, question));
        Some(options.into_iter().map(|(code, label)| (code.into_owned(), label.into_owned())).collect())
    }

    /// How many instances a repeat has.
    pub fn count(&self, repeat: &str) -> Option<usize> {
        let (parent, scope) = self.repeat_at(repeat).ok()?;
        Some(self.arena.inside(&self.form, parent, scope).len())
    }

    /// Every question whose answer is missing or does not hold, in document order: reference, what, and the message.
    pub fn violations(&self) -> Vec<(String, ViolationKind, String)> {
        let with_violation =
            |node: InterviewNode| node.violation.map(|(kind, message)| (node.reference, kind, message));
        self.nodes().into_iter().filter_map(with_violation).collect()
    }

    /// Every node but attributes, in document order.
    pub fn nodes(&self) -> Vec<InterviewNode> {
        let mut nodes = Vec::new();
        self.walk(&mut |node, path| nodes.extend(self.node(node, path)));
        nodes.retain(|node| !(node.value.is_empty() && node.reference.ends_with("deprecatedID")));
        nodes
    }

    /// How many values have been computed since the start: what an answer costs.
    pub fn computed(&self) -> u64 {
        self.computed
    }

    // Change

    fn grow(&mut self, parent: u32, scope: ScopeIndex) -> Result<(), InterviewError> {
        let Some(instance) = self.arena.grow(&self.form, parent, scope, 1).pop() else {
            let name =
                self.form.scope(scope).repeat.map(|repeat| self.form.question(repeat).name.to_string());
            return Err(InterviewError::TooMany { repeat: name.unwrap_or_default() });
        };
        self.preload_instance(instance);
        self.mark_range(parent, scope);
        self.grown.push(instance);
        self.settle()?;
        self.welcome()
    }

    /// Runs what waits for new instances.
    fn welcome(&mut self) -> Result<(), InterviewError> {
        // What an action makes grow is welcomed by those who are at it.
        if self.welcoming {
            return Ok(());
        }
        self.welcoming = true;
        let done = self.welcome_all();
        self.welcoming = false;
        done
    }

    fn welcome_all(&mut self) -> Result<(), InterviewError> {
        let form = Arc::clone(&self.form);
        while let Some(instance) = self.grown.pop() {
            let scope = self.arena.instance(instance).scope;
            for action in form.actions.iter().filter(|action| action.events.new_repeat) {
                if action.repeat == Some(scope) && self.arena.instance(instance).alive {
                    // A new instance's own defaults are as many as its questions. What they set off counts.
                    self.actions = self.actions.saturating_sub(1);
                    self.act_near(action, instance)?;
                }
            }
        }
        Ok(())
    }

    fn cut(&mut self, instance: u32) {
        let here = self.arena.instance(instance);
        let (parent, scope) = (here.parent, here.scope);
        self.arena.cut(&self.form, &[instance]);
        self.mark_range(parent, scope);
    }

    /// Runs actions in form order wherever their target stands.
    fn act_all(&mut self, wanted: impl Fn(&Action) -> bool) -> Result<(), InterviewError> {
        let form = Arc::clone(&self.form);
        for action in form.actions.iter().filter(|action| wanted(action)) {
            let scope = form.question(action.target).scope;
            for instance in self.arena.by_scope[scope.as_usize()].clone() {
                self.act(action, instance)?;
            }
        }
        Ok(())
    }

    /// Runs an action for what happened in one instance: on the target there, around it, or the only one elsewhere.
    fn act_near(&mut self, action: &Action, instance: u32) -> Result<(), InterviewError> {
        let target = self.form.question(action.target);
        if let Some(nodes) = action.nodes {
            let evaluator = self.evaluator("");
            let named = evaluator.nodes(&self.form.program(nodes).root, Context::instance(instance));
            for node in named {
                if let NodeRef::Cell { instance, .. } = node {
                    self.act(action, instance)?;
                }
            }
            return Ok(());
        }
        let shared = self.form.common_scope(self.arena.instance(instance).scope, target.scope);
        let around = self.up_to(instance, shared);
        let inside: Vec<u32> = self.arena.by_scope[target.scope.as_usize()]
            .iter()
            .copied()
            .filter(|at| self.up_to(*at, shared) == around)
            .collect();
        match inside.as_slice() {
            [] => Ok(()),
            [one] => self.act(action, *one),
            _ => Err(InterviewError::Ambiguous { question: target.name.to_string() }),
        }
    }

    fn act(&mut self, action: &Action, instance: u32) -> Result<(), InterviewError> {
        self.actions += 1;
        if self.depth > MAX_TRIGGERED || self.actions > MAX_ACTIONS {
            let question = self.form.question(action.target).name.to_string();
            return Err(InterviewError::Restless { question });
        }
        let value = match &action.value {
            ActionValue::Literal(text) => text.to_string(),
            ActionValue::Expr(id) => {
                let uuid = self.uuid(action.target, instance);
                let evaluator = self.evaluator(&uuid);
                let context = Context::cell(instance, action.target);
                datum_text(&evaluator.datum_of(evaluator.run(*id, context))).into_owned()
            }
        };
        self.assign(instance, action.target, &value)
    }

    fn up_to(&self, mut instance: u32, scope: ScopeIndex) -> u32 {
        while self.arena.instance(instance).scope != scope && instance != 0 {
            instance = self.arena.instance(instance).parent;
        }
        instance
    }

    /// What the machine knows: `start`, `deviceid` and their kin.
    fn preload_instance(&mut self, instance: u32) {
        let form = Arc::clone(&self.form);
        for index in &form.scope(self.arena.instance(instance).scope).slots {
            let question = form.question(*index);
            let text = match question.parameters.get("preload").map(String::as_str) {
                Some("uid") => Some(format!("uuid:{}", self.uuid(*index, instance))),
                _ => self.preload.value(question.question_type, self.clock),
            };
            if let Some(text) = text {
                let at = self.arena.cell_at(&form, instance, *index);
                self.arena.cells[at].datum = Datum::typed(question.value_type(), &text);
            }
        }
    }

    // Computing again

    fn mark(&mut self, question: QuestionIndex, instance: u32) {
        self.dirty.insert((self.form.ranks[question.as_usize()], question, instance));
    }

    fn mark_all(&mut self) {
        let form = Arc::clone(&self.form);
        for index in &form.order {
            let scope = form.question(*index).scope;
            for instance in self.arena.by_scope[scope.as_usize()].clone() {
                self.mark(*index, instance);
            }
        }
    }

    fn mark_readers(&mut self, instance: u32, question: QuestionIndex) {
        let form = Arc::clone(&self.form);
        let from = form.question(question).scope;
        for reader in &form.readers[question.as_usize()] {
            let to = form.question(reader.question).scope;
            let shared = form.common_scope(from, to);
            if reader.wide || to != shared {
                let around = self.up_to(instance, shared);
                for at in self.arena.by_scope[to.as_usize()].clone() {
                    if reader.wide || self.up_to(at, shared) == around {
                        self.mark(reader.question, at);
                    }
                }
            } else {
                self.mark(reader.question, self.up_to(instance, shared));
            }
        }
    }

    /// After instances of a repeat came or went: all that is in them, and all that counts them or reads what is in them.
    fn mark_range(&mut self, parent: u32, scope: ScopeIndex) {
        let form = Arc::clone(&self.form);
        let Some(repeat) = form.scope(scope).repeat else { return };
        self.mark_readers(parent, repeat);
        for index in repeat.as_usize() + 1..form.question(repeat).end.as_usize() {
            let question = &form.questions[index];
            for at in self.arena.by_scope[question.scope.as_usize()].clone() {
                self.mark(question.index, at);
            }
            for reader in form.readers[index].iter().filter(|reader| reader.wide) {
                let to = form.question(reader.question).scope;
                for at in self.arena.by_scope[to.as_usize()].clone() {
                    self.mark(reader.question, at);
                }
            }
        }
    }

    fn settle(&mut self) -> Result<(), InterviewError> {
        let mut rounds = HashMap::new();
        let form = Arc::clone(&self.form);
        while let Some((_, question, instance)) = self.dirty.pop_first() {
            if !self.arena.instance(instance).alive {
                continue;
            }
            if !self.compute(&form, form.question(question), instance) {
                continue;
            }
            let times = rounds.entry((question, instance)).or_insert(0_u32);
            *times += 1;
            if *times > MAX_ROUNDS {
                self.dirty.clear();
                return Err(InterviewError::Restless { question: form.question(question).name.to_string() });
            }
            self.mark_readers(instance, question);
        }
        self.changed_by_hand = None;
        Ok(())
    }

    /// Relevance, value and, of a repeat, the number of its instances. True when something is not what it was.
    fn compute(&mut self, form: &Form, question: &Question, instance: u32) -> bool {
        self.computed += 1;
        let at = self.arena.cell_at(form, instance, question.index);
        let uuid = if question.relevant.is_some() || question.source != Source::Stored {
            self.uuid(question.index, instance)
        } else {
            String::new()
        };
        let evaluator = self.evaluator(&uuid);
        let context = Context::cell(instance, question.index);
        let relevant = relevant_around(form, &self.arena, question, instance)
            && question.relevant.is_none_or(|id| evaluator.run_bool(id, context));
        let was_relevant = self.arena.cells[at].relevant;
        // What reads its own value must find it.
        self.arena.cells[at].relevant = relevant;
        let evaluator = self.evaluator(&uuid);
        let calculated = match question.source {
            _ if self.changed_by_hand == Some((question.index, instance)) => None,
            Source::Calculated(id) | Source::StoredElse(id) if relevant => {
                let datum = evaluator.datum_of(evaluator.run(id, context));
                Some(Datum::typed(question.value_type(), &datum_text(&datum)))
            }
            _ => None,
        };
        let on_offer = if relevant { self.on_offer(question, instance) } else { None };
        // Counted even where it is not asked: what it counts reads blank there.
        let count = question.repeat_count.map(|id| evaluator.run_number(id, context));
        let mut changed = relevant != was_relevant;
        if let Some(datum) = calculated
            && self.arena.cells[at].datum != datum
        {
            self.arena.cells[at].datum = datum;
            changed = true;
        }
        if let Some(datum) = on_offer {
            let whole = self.given.get(&at).unwrap_or(&self.arena.cells[at].datum).clone();
            changed |= self.arena.cells[at].datum != datum;
            if whole == datum {
                self.given.remove(&at);
            } else {
                self.given.insert(at, whole);
            }
            self.arena.cells[at].datum = datum;
        }
        // A blank count asks for nothing to be made or taken away.
        if let (Some(count), Some(scope)) = (count.filter(|count| !count.is_nan()), question.opens) {
            changed |= self.resize(instance, scope, wanted_count(count));
        }
        changed
    }

    /// What was chosen, without what is not on offer.
    fn on_offer(&self, question: &Question, instance: u32) -> Option<Datum> {
        let filtered = question.choice_filter.is_some() || question.itemset.is_some();
        if !filtered || question.source != Source::Stored {
            return None;
        }
        let at = self.arena.cell_at(&self.form, instance, question.index);
        let given = self.given.get(&at).unwrap_or(&self.arena.cells[at].datum);
        if given.is_blank() {
            return None;
        }
        let evaluator = self.evaluator("");
        let context = Context::cell(instance, question.index);
        let text = datum_text(given);
        let mut codes: Vec<&str> = match question.question_type {
            QuestionType::SelectOne => vec![&*text],
            _ => text.split_whitespace().collect(),
        };
        match (&question.choice_filter, question.list) {
            (Some(filter), Some(list)) => codes.retain(|code| {
                let rows = self.form.list(list).rows_of(code).iter();
                rows.into_iter().any(|row| evaluator.row_passes(list, *row, &filter.0, context))
            }),
            _ => {
                let options = evaluator.options(question.index, context);
                codes.retain(|code| options.iter().any(|(known, _)| known == code));
            }
        }
        Some(Datum::typed(QuestionType::Text, &codes.join(" ")))
    }

    fn resize(&mut self, parent: u32, scope: ScopeIndex, wanted: u32) -> bool {
        let there = self.arena.inside(&self.form, parent, scope).to_vec();
        let wanted = wanted as usize;
        if wanted < there.len() {
            self.arena.cut(&self.form, &there[wanted..]);
        }
        let grown = match wanted.checked_sub(there.len()) {
            Some(more) if more > 0 => self.arena.grow(&self.form, parent, scope, more),
            _ => Vec::new(),
        };
        let changed = wanted < there.len() || !grown.is_empty();
        for instance in grown {
            self.preload_instance(instance);
            self.grown.push(instance);
        }
        if changed {
            self.mark_range(parent, scope);
        }
        changed
    }

    // Looking

    pub(crate) fn form(&self) -> &Form {
        &self.form
    }

    pub(crate) fn is_relevant(&self, instance: u32, question: QuestionIndex) -> bool {
        self.arena.cell(&self.form, instance, question).relevant
    }

    pub(crate) fn instances_of(&self, instance: u32, repeat: QuestionIndex) -> Vec<u32> {
        let scope = self.form.question(repeat).opens;
        scope.map_or_else(Vec::new, |scope| self.arena.inside(&self.form, instance, scope).to_vec())
    }

    fn evaluator<'e>(&'e self, uuid: &'e str) -> Evaluator<'e> {
        Evaluator {
            form: &self.form,
            arena: &self.arena,
            clock: self.clock,
            language: self.language,
            reads: None,
            uuid,
            fault: None,
            budget: Budget::default(),
        }
    }

    /// The same for one place as long as the interview lasts.
    fn uuid(&self, question: QuestionIndex, instance: u32) -> String {
        let place = format!("{} {instance}", question.0);
        let seed = self.preload.uuid_seed.as_bytes();
        crate::interview::uuid_of(&hash_parts("lakou/uuid/v1", [seed, place.as_bytes()]))
    }

    pub(crate) fn text_at(&self, instance: u32, question: QuestionIndex) -> String {
        let at = self.arena.cell_at(&self.form, instance, question);
        datum_text(&self.arena.cells[at].datum).into_owned()
    }

    pub(crate) fn children_of(&self, holder: Option<QuestionIndex>) -> impl Iterator<Item = &Question> {
        let (from, to) = match holder {
            None => (0, self.form.questions.len()),
            Some(holder) => (holder.as_usize() + 1, self.form.question(holder).end.as_usize()),
        };
        self.form.questions[from..to].iter().filter(move |question| question.parent == holder)
    }

    fn question_at(&self, reference: &str) -> Result<(u32, QuestionIndex), InterviewError> {
        match self.find(reference) {
            Some(NodeRef::Cell { instance, question })
                if self.form.question(question).question_type != QuestionType::Group =>
            {
                Ok((instance, question))
            }
            _ => Err(not_there(reference)),
        }
    }

    /// The instance around a repeat, and the repeat's scope.
    fn repeat_at(&self, reference: &str) -> Result<(u32, ScopeIndex), InterviewError> {
        let (around, name) = reference.rsplit_once('/').ok_or_else(|| not_there(reference))?;
        let (instance, holder) = match self.find(around) {
            Some(NodeRef::Instance(at)) => (at, self.form.scope(self.arena.instance(at).scope).repeat),
            Some(NodeRef::Cell { instance, question }) => (instance, Some(question)),
            _ => return Err(not_there(reference)),
        };
        let name = name.split('[').next().unwrap_or(name);
        self.children_of(holder)
            .filter(|question| is_called(question, name))
            .find_map(|question| question.opens)
            .map(|scope| (instance, scope))
            .ok_or_else(|| not_there(reference))
    }

    /// The node that a reference names.
    fn find(&self, reference: &str) -> Option<NodeRef> {
        let mut steps = reference.trim().strip_prefix('/')?.split('/');
        let root = steps.next()?;
        if root.split('[').next()? != self.form.root_name {
            return None;
        }
        let (mut node, mut instance, mut holder) = (NodeRef::Instance(0), 0, None);
        for step in steps {
            let (name, position) = match step.strip_suffix(']').and_then(|step| step.split_once('[')) {
                Some((name, position)) => (name, position.trim().parse::<usize>().ok()?),
                None => (step, 1),
            };
            let is_meant = |question: &&Question| {
                question.question_type != QuestionType::Attribute && is_called(question, name)
            };
            let mut named = self.children_of(holder).filter(is_meant);
            let first = named.next()?;
            match first.opens {
                Some(scope) => {
                    instance =
                        *self.arena.inside(&self.form, instance, scope).get(position.checked_sub(1)?)?;
                    node = NodeRef::Instance(instance);
                    holder = Some(first.index);
                }
                None => {
                    let question = if position > 1 { named.nth(position - 2)? } else { first };
                    node = NodeRef::Cell { instance, question: question.index };
                    holder = Some(question.index);
                }
            }
        }
        Some(node)
    }

    fn reference_of(&self, node: NodeRef) -> String {
        let mut found = String::new();
        self.walk(&mut |at, path| {
            if at == node && found.is_empty() {
                found = path;
            }
        });
        found
    }

    /// Every node in document order, with its reference; a repeat as a whole before its instances, as the cell of its
    /// question.
    fn walk(&self, visit: &mut dyn FnMut(NodeRef, String)) {
        let root = format!("/{}", self.form.root_name);
        visit(NodeRef::Instance(0), root.clone());
        self.walk_inside(0, None, &root, visit);
    }

    fn walk_inside(
        &self,
        instance: u32,
        holder: Option<QuestionIndex>,
        path: &str,
        visit: &mut dyn FnMut(NodeRef, String),
    ) {
        let mut seen: HashMap<&str, u32> = HashMap::new();
        for question in self.children_of(holder) {
            if question.question_type == QuestionType::Attribute {
                continue;
            }
            let same = seen.entry(&question.name).or_insert(0);
            *same += 1;
            let mut own = format!("{path}/{}", question.name);
            if *same > 1 {
                own.push_str(&format!("[{same}]"));
            }
            visit(NodeRef::Cell { instance, question: question.index }, own.clone());
            match question.opens {
                None if question.question_type == QuestionType::Group => {
                    self.walk_inside(instance, Some(question.index), &own, visit);
                }
                None => {}
                Some(scope) => {
                    let instances = self.arena.inside(&self.form, instance, scope);
                    for (index, inner) in instances.iter().enumerate() {
                        let own = format!("{own}[{}]", index + 1);
                        visit(NodeRef::Instance(*inner), own.clone());
                        self.walk_inside(*inner, Some(question.index), &own, visit);
                    }
                }
            }
        }
    }

    fn node(&self, node: NodeRef, reference: String) -> Option<InterviewNode> {
        let (instance, question, kind) = match node {
            NodeRef::Instance(0) => return Some(self.root(reference)),
            NodeRef::Instance(at) => {
                let here = self.arena.instance(at);
                (here.parent, self.form.scope(here.scope).repeat?, "repeat-instance")
            }
            NodeRef::Cell { instance, question } => {
                (instance, question, self.form.question(question).control_kind())
            }
            _ => return None,
        };
        let question = self.form.question(question);
        let evaluator = self.evaluator("");
        let context = Context::cell(instance, question.index);
        let flag = |flag: Flag| match flag {
            Flag::No => false,
            Flag::Yes => true,
            Flag::When(id) => evaluator.run_bool(id, context),
        };
        let relevant = self.arena.cell(&self.form, instance, question.index).relevant;
        let required = flag(question.required);
        let (label_context, is_container) = match node {
            // What it refers to was found from outside the repeat.
            NodeRef::Instance(_) => (Context { dot: node, current: node, ..context }, true),
            _ => (context, matches!(kind, "group" | "repeat-range")),
        };
        let label = question.labels.get(self.language);
        Some(InterviewNode {
            reference,
            kind,
            relevant,
            required,
            read_only: self.is_read_only(instance, question, &flag),
            value: if is_container { String::new() } else { self.text_at(instance, question.index) },
            label: label.map(|template| render(&evaluator, template, label_context)),
            violation: if relevant && !is_container {
                self.violation(instance, question, required)
            } else {
                None
            },
        })
    }

    fn root(&self, reference: String) -> InterviewNode {
        InterviewNode {
            reference,
            kind: "root",
            relevant: true,
            required: false,
            read_only: false,
            value: String::new(),
            label: None,
            violation: None,
        }
    }

    /// A group that may not be changed makes all inside it so.
    fn is_read_only(&self, instance: u32, question: &Question, flag: &dyn Fn(Flag) -> bool) -> bool {
        if question.question_type == QuestionType::Note || flag(question.read_only) {
            return true;
        }
        let (mut instance, mut at) = (instance, question);
        while let Some(parent) = at.parent {
            let parent = self.form.question(parent);
            if parent.opens.is_some() {
                instance = self.arena.instance(instance).parent;
            }
            let evaluator = self.evaluator("");
            let holds = match parent.read_only {
                Flag::No => false,
                Flag::Yes => true,
                Flag::When(id) => evaluator.run_bool(id, Context::cell(instance, parent.index)),
            };
            if holds {
                return true;
            }
            at = parent;
        }
        false
    }

    fn violation(
        &self,
        instance: u32,
        question: &Question,
        required: bool,
    ) -> Option<(ViolationKind, String)> {
        let cell = self.arena.cell(&self.form, instance, question.index);
        let evaluator = self.evaluator("");
        let context = Context::cell(instance, question.index);
        let said = |texts: &Translations, default: &str| match texts.get(self.language) {
            Some(template) => render(&evaluator, template, context),
            None => default.to_owned(),
        };
        let code = self.form.languages.get(self.language).map_or("", String::as_str);
        if cell.datum.is_blank() {
            return required.then(|| {
                let message = said(&question.required_messages, messages::required(code));
                (ViolationKind::Required, message)
            });
        }
        let holds = question.constraint.is_none_or(|id: ExprId| evaluator.run_bool(id, context));
        (!holds).then(|| {
            let message = said(&question.constraint_messages, messages::constraint(code));
            (ViolationKind::Constraint, message)
        })
    }
}

fn not_there(reference: &str) -> InterviewError {
    InterviewError::NotThere { reference: reference.to_owned() }
}

/// By its name with or without the prefix.
fn is_called(question: &Question, name: &str) -> bool {
    *question.name == *name || question.name.rsplit_once(':').is_some_and(|(_, local)| local == name)
}
