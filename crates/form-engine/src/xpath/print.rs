//! A tree as text again, `${references}` as paths: one way of writing for every way it was typed.

use crate::xpath::ast::{Axis, Expr, Operator, Path, Start, Step, Test};
use crate::xpath::number_text;

/// What `${name}` is written as; true inside a predicate.
type Reference<'r> = &'r dyn Fn(&str, bool) -> String;

/// The expression as XPath 1.0; `within` when all of it stands in a predicate.
pub(crate) fn expression(tree: &Expr, within: bool, reference: Reference<'_>) -> String {
    let mut printer = Printer { reference, within, out: String::new() };
    printer.expr(tree, 0);
    printer.out
}

struct Printer<'r> {
    reference: Reference<'r>,
    /// In a predicate.
    within: bool,
    out: String,
}

impl Printer<'_> {
    /// Parenthesised where it binds looser than `power`.
    fn expr(&mut self, tree: &Expr, power: u8) {
        let binds = binding(tree);
        if binds < power {
            self.out.push('(');
        }
        match tree {
            // XPath has no word for it.
            Expr::Number(number) if number.is_infinite() => self.out.push_str("1 div 0"),
            Expr::Number(number) => self.out.push_str(&number_text(*number)),
            Expr::Text(text) => self.text(text),
            Expr::Or(terms) => self.joined(terms, " or ", 2),
            Expr::And(terms) => self.joined(terms, " and ", 3),
            Expr::Binary(operator, left, right) => {
                self.expr(left, binds);
                self.out.push_str(sign(*operator));
                self.expr(right, binds + 1);
            }
            Expr::Negate(inner) => {
                self.out.push('-');
                self.expr(inner, 7);
            }
            Expr::Union(left, right) => {
                self.expr(left, 8);
                self.out.push_str(" | ");
                self.expr(right, 9);
            }
            Expr::Call { name, args, .. } => self.call(name, args),
            Expr::Path(path) => self.path(path),
        }
        if binds < power {
            self.out.push(')');
        }
    }

    fn joined(&mut self, terms: &[Expr], between: &str, power: u8) {
        for (at, term) in terms.iter().enumerate() {
            if at > 0 {
                self.out.push_str(between);
            }
            self.expr(term, power);
        }
    }

    /// References inside quotes, as `jr:choice-name` has them, are paths too.
    fn text(&mut self, text: &str) {
        let mut written = String::with_capacity(text.len() + 2);
        for piece in crate::template::pieces(text) {
            match piece {
                crate::template::Piece::Reference(name) => {
                    written.push_str(&(self.reference)(name, self.within));
                }
                crate::template::Piece::Text(text) | crate::template::Piece::Malformed(text) => {
                    written.push_str(text);
                }
            }
        }
        if written.contains('\'') && written.contains('"') {
            // No literal holds both.
            let parts: Vec<String> = written.split('\'').map(|part| format!("'{part}'")).collect();
            self.out.push_str(&format!("concat({})", parts.join(", \"'\", ")));
            return;
        }
        let quote = if written.contains('\'') { '"' } else { '\'' };
        self.out.push(quote);
        self.out.push_str(&written);
        self.out.push(quote);
    }

    fn call(&mut self, name: &str, args: &[Expr]) {
        self.out.push_str(name);
        self.out.push('(');
        for (at, arg) in args.iter().enumerate() {
            if at > 0 {
                self.out.push_str(", ");
            }
            self.expr(arg, 0);
        }
        self.out.push(')');
    }

    fn path(&mut self, path: &Path) {
        let mut steps = path.steps.as_slice();
        match &path.start {
            // Written by its first step.
            Start::Root if steps.is_empty() => self.out.push('/'),
            Start::Root => {}
            Start::Context => {
                if let Some((first, others)) = steps.split_first() {
                    self.step(first);
                    steps = others;
                }
            }
            Start::Reference(name) => {
                let written = (self.reference)(name, self.within);
                self.out.push_str(&written);
            }
            Start::Expr(inner) => match &**inner {
                Expr::Call { name, args, .. } => self.call(name, args),
                other => {
                    self.out.push('(');
                    self.expr(other, 0);
                    self.out.push(')');
                }
            },
        }
        self.predicates(&path.predicates);
        for step in steps {
            self.out.push('/');
            self.step(step);
        }
    }

    fn step(&mut self, step: &Step) {
        match (step.axis, &step.test) {
            (Axis::Own, Test::Node) => self.out.push('.'),
            (Axis::Parent, Test::Node) => self.out.push_str(".."),
            (axis, test) => {
                match axis {
                    Axis::Child => {}
                    Axis::Attribute => self.out.push('@'),
                    other => {
                        self.out.push_str(other.name());
                        self.out.push_str("::");
                    }
                }
                self.test(test);
            }
        }
        self.predicates(&step.predicates);
    }

    fn test(&mut self, test: &Test) {
        match test {
            Test::Name { prefix: Some(prefix), local } => {
                self.out.push_str(prefix);
                self.out.push(':');
                self.out.push_str(local);
            }
            Test::Name { prefix: None, local } => self.out.push_str(local),
            Test::Any => self.out.push('*'),
            Test::AnyOf(prefix) => {
                self.out.push_str(prefix);
                self.out.push_str(":*");
            }
            Test::Node => self.out.push_str("node()"),
            Test::Text => self.out.push_str("text()"),
            Test::Comment => self.out.push_str("comment()"),
            Test::Instruction(target) => {
                self.out.push_str("processing-instruction(");
                if let Some(target) = target {
                    self.text(target);
                }
                self.out.push(')');
            }
        }
    }

    fn predicates(&mut self, predicates: &[Expr]) {
        for predicate in predicates {
            self.out.push('[');
            let within = std::mem::replace(&mut self.within, true);
            self.expr(predicate, 0);
            self.within = within;
            self.out.push(']');
        }
    }
}

/// How tight an expression binds, as the parser counts.
fn binding(tree: &Expr) -> u8 {
    match tree {
        Expr::Or(_) => 1,
        Expr::And(_) => 2,
        Expr::Binary(operator, ..) => match operator {
            Operator::Equal | Operator::NotEqual => 3,
            Operator::Less | Operator::LessOrEqual | Operator::Greater | Operator::GreaterOrEqual => 4,
            Operator::Add | Operator::Subtract => 5,
            Operator::Multiply | Operator::Divide | Operator::Modulo => 6,
        },
        Expr::Number(number) if number.is_infinite() => 6,
        Expr::Negate(_) => 7,
        Expr::Union(..) => 8,
        _ => 10,
    }
}

fn sign(operator: Operator) -> &'static str {
    match operator {
        Operator::Equal => " = ",
        Operator::NotEqual => " != ",
        Operator::Less => " < ",
        Operator::LessOrEqual => " <= ",
        Operator::Greater => " > ",
        Operator::GreaterOrEqual => " >= ",
        Operator::Add => " + ",
        Operator::Subtract => " - ",
        Operator::Multiply => " * ",
        Operator::Divide => " div ",
        Operator::Modulo => " mod ",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::xpath::parser::parse;

    #[test]
    fn what_is_printed_reads_as_the_same_tree_and_prints_the_same() {
        for text in [
            "1 + 2 * 3 - (4 - 5)",
            "-(1 + 2) div 3 mod 2",
            "selected(${a}, 'x') and not(. = \"it's\") or ../b[position() = last()]/@c",
            "//h:a[1]/ancestor-or-self::node()/text()",
            "(a | b)[2]/c",
            "instance('l')/root/item[name = current()/../x]/label",
            "1 < 2 = (3 < 4)",
            "/",
            "processing-instruction('x')",
            "«l'a \"b\"» = .",
            &format!("-{} + 2 * {0}", "9".repeat(400)),
        ] {
            let print = |tree: &Expr| expression(tree, false, &|name, _| format!("/data/{name}"));
            let once = print(&parse(text).unwrap());
            assert_eq!(print(&parse(&once).unwrap()), once, "{text}");
        }
    }
}
