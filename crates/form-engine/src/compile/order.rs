//! The order of evaluation: each question after the group around it and after all it reads.

use crate::diagnostics::Trouble;
use crate::form::{Question, QuestionIndex, Source};
use crate::xpath::program::{ExprId, Program};

/// A question that depends on itself: where to tell it, and how.
pub(crate) struct Cycle {
    /// Where the circle was met first.
    pub(crate) question: QuestionIndex,
    /// Met in its condition, not in its calculation.
    pub(crate) in_relevant: bool,
    pub(crate) trouble: Trouble,
}

/// The order, and every circle that was cut to find one.
pub(crate) fn of(questions: &[Question], programs: &[Program]) -> (Vec<QuestionIndex>, Vec<Cycle>) {
    let mut visit = Visit {
        questions,
        programs,
        state: vec![State::New; questions.len()],
        order: Vec::with_capacity(questions.len()),
    };
    let mut cycles = Vec::new();
    for question in questions {
        if let Err(cycle) = visit.visit(question.index) {
            cycles.push(told(&cycle, questions, programs));
        }
    }
    (visit.order, cycles)
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    New,
    Open,
    Done,
}

struct Visit<'c> {
    questions: &'c [Question],
    programs: &'c [Program],
    state: Vec<State>,
    order: Vec<QuestionIndex>,
}

impl Visit<'_> {
    /// What must be known before a question's relevance and value are.
    fn before(&self, index: QuestionIndex) -> Vec<QuestionIndex> {
        let question = &self.questions[index.as_usize()];
        let reads = |id: ExprId| &self.programs[id.0 as usize].dependencies;
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

fn told(cycle: &[QuestionIndex], questions: &[Question], programs: &[Program]) -> Cycle {
    let question = |index: &QuestionIndex| &questions[index.as_usize()];
    let path = |row: &str| {
        let steps =
            cycle.iter().map(|index| format!("{} ({row} {})", question(index).name, question(index).row));
        steps.collect::<Vec<_>>().join(" -> ")
    };
    let first = question(&cycle[0]);
    let read = cycle.get(1).copied().unwrap_or(first.index);
    Cycle {
        question: first.index,
        in_relevant: first.relevant.is_some_and(|id| programs[id.0 as usize].dependencies.contains(&read)),
        trouble: Trouble::told(
            "cycle",
            (format!("un cercle : {}", path("ligne")), format!("a circle: {}", path("row"))),
            ("aucune valeur qui dépend d'elle-même", "no value that depends on itself"),
        )
        .fix("Coupez le cercle en un point.", "Break the circle at one point."),
    }
}
