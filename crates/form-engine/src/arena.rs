//! A record's answers laid out for evaluation: repeat instances in order, one cell per question and instance.

use std::collections::{HashMap, HashSet};

use record_model::{AnswerPath, Answers, InstanceId, Marker, Value};

use crate::form::{Form, QuestionIndex, QuestionType, ScopeIndex, Seed, Source};

/// Instances of all repeats that one record may have had: as many as ten full rosters of a large village.
pub(crate) const MAX_INSTANCES: usize = 100_000;

/// Questions that may stand in them together.
pub(crate) const MAX_RECORD_CELLS: usize = 2_000_000;

/// Instances and cells that a new record begins with.
pub(crate) fn begun_with(form: &Form) -> (usize, usize) {
    let (mut instances, mut cells) = (0, 0);
    let mut open = vec![(ScopeIndex::ROOT, &form.seed)];
    while let Some((scope, seed)) = open.pop() {
        instances += 1;
        cells += form.scope(scope).slots.len();
        open.extend(seed.repeats.iter().map(|(inner, seed)| (*inner, seed)));
    }
    (instances, cells)
}

/// A value as expressions read it.
#[derive(Clone, Default, PartialEq)]
pub(crate) enum Datum {
    #[default]
    Blank,
    Bool(bool),
    Int(i64),
    Number(f64),
    /// Not empty, but for a select_multiple that was answered with nothing ticked.
    Text(Box<str>),
}

impl Datum {
    /// True when expressions read it as "".
    pub(crate) fn is_blank(&self) -> bool {
        match self {
            Self::Blank => true,
            Self::Text(text) => text.is_empty(),
            _ => false,
        }
    }

    fn of(value: &Value) -> Self {
        match value {
            Value::Null => Self::Blank,
            Value::Bool(flag) => Self::Bool(*flag),
            Value::Int(number) => Self::Int(*number),
            Value::Text(text) if text.is_empty() => Self::Blank,
            Value::Text(text) => Self::Text(text.as_str().into()),
        }
    }
}

/// One question in one instance.
#[derive(Clone, Default)]
pub(crate) struct Cell {
    pub(crate) datum: Datum,
    /// Its own condition and all those around it hold.
    pub(crate) relevant: bool,
}

/// The record (index 0), or one instance of a repeat.
pub(crate) struct Instance {
    pub(crate) scope: ScopeIndex,
    pub(crate) parent: u32,
    /// Where its cells begin.
    pub(crate) base: u32,
    /// Among the instances of its parent, from 1.
    pub(crate) position: u32,
    pub(crate) id: Option<InstanceId>,
    /// `roster/7K3QF…`; empty for the record.
    pub(crate) prefix: Box<str>,
    /// Where its ranges begin, one for each repeat directly inside.
    ranges: u32,
    /// It has not been taken away.
    pub(crate) alive: bool,
}

/// A record laid out.
#[derive(Default)]
pub(crate) struct Arena {
    pub(crate) instances: Vec<Instance>,
    pub(crate) cells: Vec<Cell>,
    /// Instances of each scope, those of one parent together and in order.
    pub(crate) by_scope: Vec<Vec<u32>>,
    /// From and to in `by_scope`.
    ranges: Vec<(u32, u32)>,
    /// The same as lists, for a record whose instances come and go.
    members: Vec<Vec<u32>>,
    /// Where each cell's answer is stored, by cell: making a path anew costs more than all the rest of an evaluation.
    paths: Vec<Option<AnswerPath>>,
    /// The ticked options of select_multiples, sorted by cell.
    ticks: Vec<(u32, AnswerPath)>,
    /// The `@removed` markers that are set.
    pub(crate) removed: Vec<(ScopeIndex, AnswerPath)>,
    /// Answers this form revision has no question for. They stay in the record.
    pub(crate) unknown: Vec<AnswerPath>,
}

impl Arena {
    pub(crate) fn instance(&self, at: u32) -> &Instance {
        &self.instances[at as usize]
    }

    pub(crate) fn cell(&self, form: &Form, instance: u32, question: QuestionIndex) -> &Cell {
        &self.cells[self.cell_at(form, instance, question)]
    }

    pub(crate) fn cell_at(&self, form: &Form, instance: u32, question: QuestionIndex) -> usize {
        (self.instances[instance as usize].base + form.question(question).slot) as usize
    }

    /// The instances of a repeat directly inside an instance.
    pub(crate) fn inside(&self, form: &Form, instance: u32, scope: ScopeIndex) -> &[u32] {
        let at = self.instances[instance as usize].ranges as usize + form.scope(scope).ordinal as usize;
        let (from, to) = self.ranges[at];
        &self.by_scope[scope.as_usize()][from as usize..to as usize]
    }

    pub(crate) fn up(&self, mut instance: u32, levels: u8) -> u32 {
        for _ in 0..levels {
            instance = self.instances[instance as usize].parent;
        }
        instance
    }

    /// The path of the answer in a cell, if it is stored there.
    pub(crate) fn stored_path(&self, cell: usize) -> Option<&AnswerPath> {
        self.paths.get(cell)?.as_ref()
    }

    /// The paths of the options ticked in a cell, "answered" first.
    pub(crate) fn ticked_paths(&self, cell: usize) -> impl Iterator<Item = &AnswerPath> {
        let from = self.ticks.partition_point(|(at, _)| (*at as usize) < cell);
        self.ticks[from..].iter().take_while(move |(at, _)| *at as usize == cell).map(|(_, path)| path)
    }

    /// By its prefix; the record for the empty one.
    pub(crate) fn find(&self, prefix: &str) -> Option<u32> {
        self.instances.iter().position(|instance| &*instance.prefix == prefix).map(|at| at as u32)
    }

    // A record that is being filled in

    /// The record and the instances that it begins with. Cells hold what the seed says and are not relevant yet.
    pub(crate) fn of_seed(form: &Form, seed: &Seed) -> Self {
        let mut arena = Self { by_scope: vec![Vec::new(); form.scopes.len()], ..Self::default() };
        arena.plant(form, ScopeIndex::ROOT, 0, seed);
        arena.arrange(form);
        arena
    }

    /// True if another instance of a repeat fits.
    fn has_room(&self, form: &Form, scope: ScopeIndex) -> bool {
        self.instances.len() < MAX_INSTANCES
            && self.cells.len() + form.scope(scope).slots.len() <= MAX_RECORD_CELLS
    }

    /// New instances of a repeat, the last ones inside their parent, as its template has them; fewer when there is no more
    /// room.
    pub(crate) fn grow(&mut self, form: &Form, parent: u32, scope: ScopeIndex, wanted: usize) -> Vec<u32> {
        let slot = self.member_slot(form, parent, scope);
        let is_counted = form.scope(scope).repeat.is_some_and(|at| form.question(at).repeat_count.is_some());
        // The form may say what the first instances begin with.
        let told: Vec<&Seed> = if is_counted && parent == 0 {
            form.seed.repeats.iter().filter(|(of, _)| *of == scope).map(|(_, seed)| seed).collect()
        } else {
            Vec::new()
        };
        let mut grown = Vec::new();
        while grown.len() < wanted {
            let seed = told.get(self.members[slot].len()).copied();
            let Some(at) = self.plant(form, scope, parent, seed.unwrap_or(&form.templates[scope.as_usize()]))
            else {
                break;
            };
            self.members[slot].push(at);
            grown.push(at);
        }
        if !grown.is_empty() {
            self.arrange(form);
        }
        grown
    }

    /// Takes instances of one parent and all inside them away.
    pub(crate) fn cut(&mut self, form: &Form, instances: &[u32]) {
        let Some(first) = instances.first() else { return };
        let Instance { parent, scope, .. } = self.instances[*first as usize];
        let slot = self.member_slot(form, parent, scope);
        let gone: HashSet<u32> = instances.iter().copied().collect();
        self.members[slot].retain(|at| !gone.contains(at));
        self.arrange(form);
    }

    fn member_slot(&self, form: &Form, instance: u32, scope: ScopeIndex) -> usize {
        self.instances[instance as usize].ranges as usize + form.scope(scope).ordinal as usize
    }

    /// Puts an instance and those that come with it at the end of the vectors; none when there is no more room.
    fn plant(&mut self, form: &Form, scope: ScopeIndex, parent: u32, seed: &Seed) -> Option<u32> {
        if !self.has_room(form, scope) {
            return None;
        }
        let shape = form.scope(scope);
        let at = self.instances.len() as u32;
        let (base, ranges) = (self.cells.len() as u32, self.ranges.len() as u32);
        self.instances.push(Instance {
            scope,
            parent,
            base,
            position: 1,
            id: None,
            prefix: "".into(),
            ranges,
            alive: true,
        });
        self.cells.resize_with(self.cells.len() + shape.slots.len(), Cell::default);
        self.ranges.resize(self.ranges.len() + shape.children.len(), (0, 0));
        self.members.resize_with(self.ranges.len(), Vec::new);
        for (question, text) in &seed.values {
            let cell = self.cell_at(form, at, *question);
            self.cells[cell].datum = Datum::typed(form.question(*question).value_type(), text);
        }
        for (inner_scope, inner_seed) in &seed.repeats {
            let Some(inner) = self.plant(form, *inner_scope, at, inner_seed) else { break };
            let slot = self.member_slot(form, at, *inner_scope);
            self.members[slot].push(inner);
        }
        Some(at)
    }

    /// Writes order, positions and ranges anew after instances came or went.
    fn arrange(&mut self, form: &Form) {
        self.by_scope.iter_mut().for_each(Vec::clear);
        self.instances.iter_mut().for_each(|instance| instance.alive = false);
        let mut open = vec![0_u32];
        while let Some(at) = open.pop() {
            self.instances[at as usize].alive = true;
            let Instance { scope, ranges, .. } = self.instances[at as usize];
            self.by_scope[scope.as_usize()].push(at);
            for ordinal in (0..form.scope(scope).children.len()).rev() {
                let members = &self.members[ranges as usize + ordinal];
                open.extend(members.iter().rev());
            }
        }
        for scope in 0..form.scopes.len() {
            for index in 0..self.by_scope[scope].len() {
                let at = self.by_scope[scope][index];
                let ranges = self.instances[at as usize].ranges as usize;
                for ordinal in 0..form.scopes[scope].children.len() {
                    let members = std::mem::take(&mut self.members[ranges + ordinal]);
                    for (position, inner) in members.iter().enumerate() {
                        self.instances[*inner as usize].position = position as u32 + 1;
                    }
                    self.members[ranges + ordinal] = members;
                }
            }
        }
        // Those of one parent stand together and parents come in order.
        for scope in 1..form.scopes.len() {
            let mut from = 0;
            let ordinal = form.scopes[scope].ordinal as usize;
            for index in 0..self.by_scope[form.scopes[scope].parent.as_usize()].len() {
                let parent = self.by_scope[form.scopes[scope].parent.as_usize()][index];
                let slot = self.instances[parent as usize].ranges as usize + ordinal;
                let to = from + self.members[slot].len() as u32;
                self.ranges[slot] = (from, to);
                from = to;
            }
        }
    }

    /// Lays out the answers. Cells are not relevant until they are evaluated.
    pub(crate) fn lay_out(form: &Form, answers: &Answers) -> Self {
        let mut reading = Reading::new(form);
        for (path, value) in answers {
            if !value.is_null() {
                reading.answer(path, value);
            }
        }
        reading.finish()
    }
}

/// An instance met while walking the answers.
struct Met<'a> {
    scope: ScopeIndex,
    id: Option<InstanceId>,
    prefix: &'a str,
    order: &'a str,
    removed: bool,
    inside: Vec<usize>,
}

/// One answer and where it belongs.
struct Entry<'a> {
    instance: usize,
    question: QuestionIndex,
    option: Option<&'a str>,
    path: &'a AnswerPath,
    value: &'a Value,
}

struct Reading<'f, 'a> {
    form: &'f Form,
    met: Vec<Met<'a>>,
    by_prefix: HashMap<&'a str, usize>,
    entries: Vec<Entry<'a>>,
    /// The answers are sorted, so those of one instance come together.
    last: usize,
    removed: Vec<(ScopeIndex, AnswerPath)>,
    unknown: Vec<AnswerPath>,
}

impl<'f, 'a> Reading<'f, 'a> {
    fn new(form: &'f Form) -> Self {
        let root = Met {
            scope: ScopeIndex::ROOT,
            id: None,
            prefix: "",
            order: "",
            removed: false,
            inside: Vec::new(),
        };
        Self {
            form,
            met: vec![root],
            by_prefix: HashMap::new(),
            entries: Vec::new(),
            last: 0,
            removed: Vec::new(),
            unknown: Vec::new(),
        }
    }

    fn answer(&mut self, path: &'a AnswerPath, value: &'a Value) {
        let text = path.as_str();
        let (prefix, leaf) = text.rsplit_once('/').unwrap_or(("", text));
        let Some(instance) = self.instance(prefix) else {
            self.unknown.push(path.clone());
            return;
        };
        if let Some(marker) = leaf.strip_prefix('@').and_then(|_| path.marker()) {
            self.marker(instance, marker, path, value);
            return;
        }
        let (name, option) = match leaf.split_once('#') {
            Some((name, option)) => (name, Some(option)),
            None => (leaf, None),
        };
        let scope = self.met[instance].scope;
        match self.form.by_key.get(name) {
            Some(index) if self.takes(*index, scope, option) => {
                self.entries.push(Entry { instance, question: *index, option, path, value });
            }
            _ => self.unknown.push(path.clone()),
        }
    }

    /// True if the question lives here and an answer of this shape (plain, or an option) can be its own.
    fn takes(&self, index: QuestionIndex, scope: ScopeIndex, option: Option<&str>) -> bool {
        let question = self.form.question(index);
        let multiple = question.question_type == QuestionType::SelectMultiple;
        let holds = !matches!(
            question.question_type,
            QuestionType::Group | QuestionType::Repeat | QuestionType::Note
        );
        // Where several may be chosen, an answer of the time when one was is that one.
        question.scope == scope && holds && (multiple || option.is_none())
    }

    fn marker(&mut self, instance: usize, marker: Marker, path: &AnswerPath, value: &'a Value) {
        let met = &mut self.met[instance];
        match marker {
            Marker::Order => met.order = value.as_text().unwrap_or_default(),
            Marker::Removed if instance > 0 => {
                met.removed = true;
                self.removed.push((met.scope, path.clone()));
            }
            _ => {}
        }
    }

    /// The instance of a prefix, met now or before; none when the form has no such repeat there.
    fn instance(&mut self, prefix: &'a str) -> Option<usize> {
        if prefix == self.met[self.last].prefix {
            return Some(self.last);
        }
        let found = self.find_or_meet(prefix)?;
        self.last = found;
        Some(found)
    }

    fn find_or_meet(&mut self, prefix: &'a str) -> Option<usize> {
        if prefix.is_empty() {
            return Some(0);
        }
        if let Some(found) = self.by_prefix.get(prefix) {
            return Some(*found);
        }
        // A path has at most 128 bytes, so this nests at most eight deep.
        let (around, id) = prefix.rsplit_once('/')?;
        let (outer, name) = around.rsplit_once('/').unwrap_or(("", around));
        let parent = self.find_or_meet(outer)?;
        let repeat = self.form.by_key.get(name)?;
        let scope = self.form.question(*repeat).opens?;
        if self.form.scope(scope).parent != self.met[parent].scope {
            return None;
        }
        let id = id.parse().ok()?;
        let at = self.met.len();
        self.met.push(Met { scope, id: Some(id), prefix, order: "", removed: false, inside: Vec::new() });
        self.met[parent].inside.push(at);
        self.by_prefix.insert(prefix, at);
        Some(at)
    }

    fn finish(mut self) -> Arena {
        let mut arena = Arena {
            by_scope: vec![Vec::new(); self.form.scopes.len()],
            removed: std::mem::take(&mut self.removed),
            unknown: std::mem::take(&mut self.unknown),
            ..Arena::default()
        };
        let mut placed = vec![None; self.met.len()];
        self.place(0, 0, 1, &mut arena, &mut placed);
        self.fill(&mut arena, &placed);
        arena
    }

    /// Places an instance and, repeat by repeat and in order, those inside it.
    fn place(&self, met: usize, parent: u32, position: u32, arena: &mut Arena, placed: &mut [Option<u32>]) {
        let Met { scope, id, prefix, inside, .. } = &self.met[met];
        let shape = self.form.scope(*scope);
        let at = arena.instances.len() as u32;
        placed[met] = Some(at);
        arena.by_scope[scope.as_usize()].push(at);
        let ranges = arena.ranges.len() as u32;
        arena.instances.push(Instance {
            scope: *scope,
            parent,
            base: arena.cells.len() as u32,
            position,
            id: *id,
            prefix: (*prefix).into(),
            ranges,
            alive: true,
        });
        arena.cells.resize_with(arena.cells.len() + shape.slots.len(), Cell::default);
        arena.ranges.resize(arena.ranges.len() + shape.children.len(), (0, 0));
        for (ordinal, child) in shape.children.iter().enumerate() {
            let mut here: Vec<usize> = inside
                .iter()
                .copied()
                .filter(|at| self.met[*at].scope == *child && !self.met[*at].removed)
                .collect();
            here.sort_by_key(|at| (self.met[*at].order, self.met[*at].id));
            // Instances of one scope are pushed depth first, so one parent's stand together.
            let from = arena.by_scope[child.as_usize()].len() as u32;
            for (index, inner) in here.iter().enumerate() {
                self.place(*inner, at, index as u32 + 1, arena, placed);
            }
            let to = arena.by_scope[child.as_usize()].len() as u32;
            arena.ranges[ranges as usize + ordinal] = (from, to);
        }
    }

    fn fill(&self, arena: &mut Arena, placed: &[Option<u32>]) {
        arena.paths.resize(arena.cells.len(), None);
        let mut entries = self.entries.iter().peekable();
        while let Some(entry) = entries.next() {
            // Options of one question come together too.
            let mut ticks = Vec::new();
            if entry.option.is_some() {
                ticks.push(entry);
                while let Some(next) =
                    entries.next_if(|next| next.question == entry.question && next.instance == entry.instance)
                {
                    ticks.push(next);
                }
            }
            let Some(instance) = placed[entry.instance] else { continue };
            if matches!(self.form.question(entry.question).source, Source::Calculated(_)) {
                continue;
            }
            let at = arena.cell_at(self.form, instance, entry.question);
            if entry.option.is_some() {
                ticks.retain(|tick| *tick.value == Value::Bool(true));
                arena.cells[at].datum = self.tokens(entry.question, &ticks);
                arena.ticks.extend(ticks.into_iter().map(|tick| (at as u32, tick.path.clone())));
            } else {
                arena.cells[at].datum = Datum::of(entry.value);
                if self.form.question(entry.question).question_type != QuestionType::SelectMultiple {
                    arena.paths[at] = Some(entry.path.clone());
                }
            }
        }
        arena.ticks.sort_by_key(|(at, _)| *at);
    }

    /// Ticked options as ODK writes them: codes separated by spaces, in list order; unknown codes last.
    fn tokens(&self, question: QuestionIndex, ticks: &[&Entry<'_>]) -> Datum {
        if ticks.is_empty() {
            return Datum::Blank;
        }
        let list = self.form.question(question).list.map(|list| self.form.list(list));
        let mut codes: Vec<(u32, &str)> = ticks
            .iter()
            .filter_map(|tick| tick.option.filter(|option| !option.is_empty()))
            .map(|code| (list.and_then(|list| list.rows_of(code).first().copied()).unwrap_or(u32::MAX), code))
            .collect();
        codes.sort_unstable();
        let texts: Vec<&str> = codes.into_iter().map(|(_, code)| code).collect();
        Datum::Text(texts.join(" ").into())
    }
}
