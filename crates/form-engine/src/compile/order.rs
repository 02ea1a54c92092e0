//! The order of evaluation: each question after the group around it and after all it reads.

use crate::compile::expressions::Compiled;
use crate::compile::table::Table;
use crate::diagnostics::{Report, Trouble};
use crate::form::{QuestionIndex, Source};

pub(crate) fn of(compiled: &Compiled, survey: &Table<'_>, report: &mut Report) -> Vec<QuestionIndex> {
    let mut visit = Visit {
        compiled,
        state: vec![State::New; compiled.questions.len()],
        order: Vec::with_capacity(compiled.questions.len()),
    };
    for question in &compiled.questions {
        if let Err(cycle) = visit.visit(question.index) {
            tell(&cycle, compiled, survey, report);
        }
    }
    visit.order
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    New,
    Open,
    Done,
}

struct Visit<'c> {
    compiled: &'c Compiled,
    state: Vec<State>,
    order: Vec<QuestionIndex>,
}

impl Visit<'_> {
    /// What must be known before a question's relevance and value are.
    fn before(&self, index: QuestionIndex) -> Vec<QuestionIndex> {
        let question = &self.compiled.questions[index.as_usize()];
        let reads = |id: crate::xpath::program::ExprId| &self.compiled.programs[id.0 as usize].dependencies;
        let mut before: Vec<QuestionIndex> = question.parent.into_iter().collect();
        before.extend(question.relevant.iter().flat_map(|id| reads(*id)));
        if let Source::Calculated(id) | Source::StoredElse(id) = question.source {
            // One that keeps its first value reads only what is stored of itself.
            before.extend(reads(id).iter().filter(|read| !(question.once && **read == index)));
        }
        before
    }

    /// Depth first without recursion: a form may chain thousands of calculations. A cycle is returned once, its first
    /// question repeated at its end.
    fn visit(&mut self, start: QuestionIndex) -> Result<(), Vec<QuestionIndex>> {
        if self.state[start.as_usize()] != State::New {
            return Ok(());
        }
        let mut cycle = None;
        self.state[start.as_usize()] = State::Open;
        let mut stack = vec![(start, self.before(start), 0)];
        while let Some((index, before, next)) = stack.last_mut() {
            let index = *index;
            let Some(read) = before.get(*next).copied() else {
                self.state[index.as_usize()] = State::Done;
                self.order.push(index);
                stack.pop();
                continue;
            };
            *next += 1;
            match self.state[read.as_usize()] {
                State::Done => {}
                State::New => {
                    self.state[read.as_usize()] = State::Open;
                    let before = self.before(read);
                    stack.push((read, before, 0));
                }
                State::Open => {
                    let from = stack.iter().position(|(open, ..)| *open == read).unwrap_or(0);
                    let mut path: Vec<QuestionIndex> = stack[from..].iter().map(|(open, ..)| *open).collect();
                    path.push(read);
                    cycle.get_or_insert(path);
                }
            }
        }
        cycle.map_or(Ok(()), Err)
    }
}

fn tell(cycle: &[QuestionIndex], compiled: &Compiled, survey: &Table<'_>, report: &mut Report) {
    let question = |index: &QuestionIndex| &compiled.questions[index.as_usize()];
    let path = |row: &str| {
        let steps =
            cycle.iter().map(|index| format!("{} ({row} {})", question(index).name, question(index).row));
        steps.collect::<Vec<_>>().join(" -> ")
    };
    let first = question(&cycle[0]);
    let read = cycle.get(1).copied().unwrap_or(first.index);
    let in_relevant =
        first.relevant.is_some_and(|id| compiled.programs[id.0 as usize].dependencies.contains(&read));
    let column = if in_relevant { "relevant" } else { "calculation" };
    report.error(
        survey.place(first.row, column),
        Trouble::told(
            "cycle",
            (format!("un cercle : {}", path("ligne")), format!("a circle: {}", path("row"))),
            ("aucune valeur qui dépend d'elle-même", "no value that depends on itself"),
        )
        .fix("Coupez le cercle en un point.", "Break the circle at one point."),
    );
}
