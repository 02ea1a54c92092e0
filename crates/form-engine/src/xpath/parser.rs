//! Tokens to a tree: precedence climbing (Pratt) over XPath 1.0's operators.

use crate::diagnostics::{Said, Trouble};
use crate::xpath::ast::{Axis, Expr, Operator, Path, Start, Step, Test};
use crate::xpath::lexer::{Kind, Token, describe, fault, tokens};

/// How deep an expression may nest, parentheses and operators alike.
pub const MAX_EXPRESSION_DEPTH: usize = 200;
/// How many tokens an expression may have.
pub const MAX_EXPRESSION_TOKENS: usize = 8_192;

pub(crate) fn parse(text: &str) -> Result<Expr, Trouble> {
    let tokens = tokens(text)?;
    if tokens.len() > MAX_EXPRESSION_TOKENS {
        return Err(fault(
            text,
            0,
            (format!("{} mots et signes", tokens.len()), format!("{} words and signs", tokens.len())),
            (format!("au plus {MAX_EXPRESSION_TOKENS}"), format!("at most {MAX_EXPRESSION_TOKENS}")),
        ));
    }
    let mut parser = Parser { text, tokens: &tokens, next: 0, nesting: 0 };
    let parsed = parser.expression(0)?;
    match parser.peek() {
        None => Ok(parsed.expr),
        Some(_) => Err(parser.unexpected((
            "un opérateur ou la fin de l'expression",
            "an operator or the end of the expression",
        ))),
    }
}

/// An expression and how deep it is, so that nothing that walks it can run out of stack.
struct Parsed {
    expr: Expr,
    depth: usize,
}

struct Parser<'t> {
    text: &'t str,
    tokens: &'t [Token],
    next: usize,
    /// Of the calls of this parser itself.
    nesting: usize,
}

/// What stands between two operands, with its binding power.
#[derive(Clone, Copy)]
enum Infix {
    Or,
    And,
    Operator(Operator),
    Union,
}

impl<'t> Parser<'t> {
    fn peek(&self) -> Option<&'t Kind> {
        self.tokens.get(self.next).map(|token| &token.kind)
    }

    fn at(&self) -> usize {
        self.tokens.get(self.next).map_or(self.text.len(), |token| token.at)
    }

    fn take(&mut self, kind: &Kind) -> bool {
        let taken = self.peek() == Some(kind);
        self.next += usize::from(taken);
        taken
    }

    fn expect(&mut self, kind: &Kind) -> Result<(), Trouble> {
        if self.take(kind) { Ok(()) } else { Err(self.unexpected(describe(Some(kind)))) }
    }

    fn unexpected(&self, expected: impl Into<Said>) -> Trouble {
        fault(self.text, self.at(), describe(self.peek()), expected)
    }

    fn bounded(&self, expr: Expr, depth: usize) -> Result<Parsed, Trouble> {
        if depth > MAX_EXPRESSION_DEPTH { Err(self.too_deep()) } else { Ok(Parsed { expr, depth }) }
    }

    fn too_deep(&self) -> Trouble {
        fault(
            self.text,
            self.at(),
            ("une expression aux niveaux trop nombreux", "an expression nested too deep"),
            (
                format!("au plus {MAX_EXPRESSION_DEPTH} niveaux"),
                format!("at most {MAX_EXPRESSION_DEPTH} levels"),
            ),
        )
        .fix(
            "Répartissez l'expression sur plusieurs calculs.",
            "Spread the expression over several calculations.",
        )
    }

    fn infix(&self) -> Option<(Infix, u8)> {
        use Operator as O;
        let operator = |operator, power| Some((Infix::Operator(operator), power));
        match self.peek()? {
            Kind::Name(name) => match name.as_str() {
                "or" => Some((Infix::Or, 1)),
                "and" => Some((Infix::And, 2)),
                "div" => operator(O::Divide, 6),
                "mod" => operator(O::Modulo, 6),
                _ => None,
            },
            Kind::Equal => operator(O::Equal, 3),
            Kind::NotEqual => operator(O::NotEqual, 3),
            Kind::Less => operator(O::Less, 4),
            Kind::LessOrEqual => operator(O::LessOrEqual, 4),
            Kind::Greater => operator(O::Greater, 4),
            Kind::GreaterOrEqual => operator(O::GreaterOrEqual, 4),
            Kind::Plus => operator(O::Add, 5),
            Kind::Minus => operator(O::Subtract, 5),
            Kind::Star => operator(O::Multiply, 6),
            Kind::Pipe => Some((Infix::Union, 8)),
            _ => None,
        }
    }

    /// Everything that binds tighter than `power`.
    fn expression(&mut self, power: u8) -> Result<Parsed, Trouble> {
        self.nesting += 1;
        if self.nesting > MAX_EXPRESSION_DEPTH {
            return Err(self.too_deep());
        }
        let mut left = self.unary()?;
        while let Some((infix, binds)) = self.infix() {
            if binds <= power {
                break;
            }
            self.next += 1;
            let right = self.expression(binds)?;
            left = self.combine(infix, left, right)?;
        }
        self.nesting -= 1;
        Ok(left)
    }

    /// Chains of `or` and `and` stay flat: they are long in real forms, and never deep.
    fn combine(&self, infix: Infix, left: Parsed, right: Parsed) -> Result<Parsed, Trouble> {
        let depth = left.depth.max(right.depth) + 1;
        let (expr, depth) = match (infix, left.expr) {
            (Infix::Or, Expr::Or(mut terms)) => {
                terms.push(right.expr);
                (Expr::Or(terms), left.depth.max(right.depth + 1))
            }
            (Infix::Or, first) => (Expr::Or(vec![first, right.expr]), depth),
            (Infix::And, Expr::And(mut terms)) => {
                terms.push(right.expr);
                (Expr::And(terms), left.depth.max(right.depth + 1))
            }
            (Infix::And, first) => (Expr::And(vec![first, right.expr]), depth),
            (Infix::Operator(operator), first) => {
                (Expr::Binary(operator, Box::new(first), Box::new(right.expr)), depth)
            }
            (Infix::Union, first) => (Expr::Union(Box::new(first), Box::new(right.expr)), depth),
        };
        self.bounded(expr, depth)
    }

    fn unary(&mut self) -> Result<Parsed, Trouble> {
        if self.take(&Kind::Minus) {
            let inner = self.expression(7)?;
            let depth = inner.depth + 1;
            return self.bounded(Expr::Negate(Box::new(inner.expr)), depth);
        }
        self.primary()
    }

    fn primary(&mut self) -> Result<Parsed, Trouble> {
        let at = self.at();
        let leaf = |expr| Parsed { expr, depth: 1 };
        let parsed = match self.peek() {
            Some(Kind::Number(number)) => {
                self.next += 1;
                return Ok(leaf(Expr::Number(*number)));
            }
            Some(Kind::Text(text)) => {
                self.next += 1;
                return Ok(leaf(Expr::Text(text.clone())));
            }
            Some(Kind::Reference(name)) => {
                self.next += 1;
                return self.path(Start::Reference(name.clone()), at, 1);
            }
            Some(Kind::Open) => {
                self.next += 1;
                let inner = self.expression(0)?;
                self.expect(&Kind::Close)?;
                inner
            }
            Some(Kind::Name(name)) if self.follows(&Kind::Open) && !is_node_type(name) => {
                self.next += 2;
                self.call(name.clone(), at)?
            }
            Some(Kind::Slash | Kind::DoubleSlash) => return self.absolute(at),
            Some(Kind::Name(_) | Kind::Dot | Kind::DotDot | Kind::Star | Kind::At) => {
                return self.relative(at);
            }
            _ => {
                return Err(self.unexpected((
                    "une valeur, une référence ou une fonction",
                    "a value, a reference or a function",
                )));
            }
        };
        // Only a call or parentheses with a path behind them make a path.
        if matches!(self.peek(), Some(Kind::OpenBracket | Kind::Slash | Kind::DoubleSlash)) {
            let depth = parsed.depth + 1;
            return self.path(Start::Expr(Box::new(parsed.expr)), at, depth);
        }
        Ok(parsed)
    }

    /// True if this kind of token comes after the one at hand.
    fn follows(&self, kind: &Kind) -> bool {
        self.tokens.get(self.next + 1).is_some_and(|token| token.kind == *kind)
    }

    fn call(&mut self, name: String, at: usize) -> Result<Parsed, Trouble> {
        let mut args = Vec::new();
        let mut depth = 1;
        if !self.take(&Kind::Close) {
            loop {
                let arg = self.expression(0)?;
                depth = depth.max(arg.depth + 1);
                args.push(arg.expr);
                if self.take(&Kind::Close) {
                    break;
                }
                if !self.take(&Kind::Comma) {
                    return Err(self.unexpected(("\",\" ou \")\"", "\",\" or \")\"")));
                }
            }
        }
        self.bounded(Expr::Call { name, args, at }, depth)
    }

    fn absolute(&mut self, at: usize) -> Result<Parsed, Trouble> {
        let starts_step = matches!(
            self.tokens.get(self.next + 1).map(|token| &token.kind),
            Some(Kind::Name(_) | Kind::Dot | Kind::DotDot | Kind::Star | Kind::At)
        );
        if !starts_step && self.take(&Kind::Slash) {
            let path = Path { start: Start::Root, predicates: vec![], steps: vec![], at };
            return Ok(Parsed { expr: Expr::Path(path), depth: 1 });
        }
        self.path(Start::Root, at, 1)
    }

    fn relative(&mut self, at: usize) -> Result<Parsed, Trouble> {
        let mut depth = 1;
        let first = self.step(&mut depth)?;
        let parsed = self.path(Start::Context, at, depth)?;
        let Expr::Path(mut path) = parsed.expr else { return Err(self.unexpected(("un chemin", "a path"))) };
        path.steps.insert(0, first);
        Ok(Parsed { expr: Expr::Path(path), depth: parsed.depth })
    }

    /// Predicates and steps behind a start.
    fn path(&mut self, start: Start, at: usize, mut depth: usize) -> Result<Parsed, Trouble> {
        let predicates = match start {
            Start::Context | Start::Root => vec![],
            _ => self.predicates(&mut depth)?,
        };
        let mut steps = Vec::new();
        loop {
            let at = self.at();
            if self.take(&Kind::DoubleSlash) {
                // `//` is short for this step.
                steps.push(Step { axis: Axis::DescendantOrSelf, test: Test::Node, predicates: vec![], at });
            } else if !self.take(&Kind::Slash) {
                break;
            }
            steps.push(self.step(&mut depth)?);
        }
        self.bounded(Expr::Path(Path { start, predicates, steps, at }), depth)
    }

    fn step(&mut self, depth: &mut usize) -> Result<Step, Trouble> {
        let at = self.at();
        let (axis, test) = match self.peek() {
            Some(Kind::Dot) => {
                self.next += 1;
                (Axis::Own, Test::Node)
            }
            Some(Kind::DotDot) => {
                self.next += 1;
                (Axis::Parent, Test::Node)
            }
            Some(Kind::At) => {
                self.next += 1;
                (Axis::Attribute, self.test()?)
            }
            Some(Kind::Name(name)) if self.follows(&Kind::Axis) => {
                let Some(axis) = Axis::named(name) else {
                    return Err(self.unexpected(("un axe de XPath", "an axis of XPath")));
                };
                self.next += 2;
                (axis, self.test()?)
            }
            _ => (Axis::Child, self.test()?),
        };
        Ok(Step { axis, test, predicates: self.predicates(depth)?, at })
    }

    fn test(&mut self) -> Result<Test, Trouble> {
        let test = match self.peek() {
            Some(Kind::Star) => Test::Any,
            Some(Kind::Name(name)) if self.follows(&Kind::Open) && is_node_type(name) => {
                return self.node_type(name);
            }
            Some(Kind::Name(name)) => match name.split_once(':') {
                Some((prefix, "*")) => Test::AnyOf(prefix.into()),
                Some((prefix, local)) => Test::Name { prefix: Some(prefix.into()), local: local.into() },
                None => Test::Name { prefix: None, local: name.as_str().into() },
            },
            _ => return Err(self.unexpected(("un pas de chemin", "a step of a path"))),
        };
        self.next += 1;
        Ok(test)
    }

    fn node_type(&mut self, name: &str) -> Result<Test, Trouble> {
        self.next += 2;
        let test = match name {
            "node" => Test::Node,
            "text" => Test::Text,
            "comment" => Test::Comment,
            _ => Test::Instruction(match self.peek() {
                Some(Kind::Text(target)) => {
                    self.next += 1;
                    Some(target.as_str().into())
                }
                _ => None,
            }),
        };
        self.expect(&Kind::Close)?;
        Ok(test)
    }

    fn predicates(&mut self, depth: &mut usize) -> Result<Vec<Expr>, Trouble> {
        let mut predicates = Vec::new();
        while self.take(&Kind::OpenBracket) {
            let predicate = self.expression(0)?;
            *depth = (*depth).max(predicate.depth + 1);
            predicates.push(predicate.expr);
            self.expect(&Kind::CloseBracket)?;
        }
        Ok(predicates)
    }
}

fn is_node_type(name: &str) -> bool {
    matches!(name, "node" | "text" | "comment" | "processing-instruction")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shape(text: &str) -> String {
        fn write(expr: &Expr) -> String {
            let list = |terms: &[Expr]| terms.iter().map(write).collect::<Vec<_>>().join(" ");
            match expr {
                Expr::Number(number) => number.to_string(),
                Expr::Text(text) => format!("'{text}'"),
                Expr::Or(terms) => format!("(or {})", list(terms)),
                Expr::And(terms) => format!("(and {})", list(terms)),
                Expr::Binary(operator, left, right) => {
                    format!("({operator:?} {} {})", write(left), write(right))
                }
                Expr::Negate(inner) => format!("(- {})", write(inner)),
                Expr::Union(left, right) => format!("(| {} {})", write(left), write(right)),
                Expr::Call { name, args, .. } => format!("({name} {})", list(args)),
                Expr::Path(path) => {
                    format!("<{:?} {} {}>", path.start, path.predicates.len(), path.steps.len())
                }
            }
        }
        write(&parse(text).unwrap())
    }

    #[test]
    fn operators_bind_as_in_xpath() {
        assert_eq!(shape("1 + 2 * 3 = 7 and 1 or 0"), "(or (and (Equal (Add 1 (Multiply 2 3)) 7) 1) 0)");
        assert_eq!(shape("1 - 2 - 3"), "(Subtract (Subtract 1 2) 3)");
        assert_eq!(shape("- 2 + 3"), "(Add (- 2) 3)");
        assert_eq!(shape("6 div 2 mod 2"), "(Modulo (Divide 6 2) 2)");
        assert_eq!(shape("1 or 0 or 1"), "(or 1 0 1)");
    }

    #[test]
    fn paths_keep_their_predicates_and_steps() {
        assert_eq!(shape("count(${roster}[age > 5]/name)"), "(count <Reference(\"roster\") 1 1>)");
        assert_eq!(shape("../age"), "<Context 0 2>");
        assert_eq!(shape("position(..)"), "(position <Context 0 1>)");
    }

    #[test]
    fn depth_is_bounded_and_long_chains_of_or_are_not_deep() {
        let nested = format!("{}1{}", "(".repeat(5_000), ")".repeat(5_000));
        assert!(parse(&nested).is_err());
        assert!(parse(&vec!["1"; 3_000].join("+")).is_err());
        assert!(parse(&format!("{}1", "-".repeat(5_000))).is_err());
        assert!(parse(&vec!["1"; 3_000].join(" or ")).is_ok());
    }

    #[test]
    fn what_is_missing_is_named() {
        assert_eq!(parse("1 +").unwrap_err().found, "the end of the expression at character 4");
        assert_eq!(parse("selected(1, 2").unwrap_err().expected, "\",\" or \")\"");
        assert!(parse("a::b").is_err());
        assert!(parse("1 2").is_err());
    }
}
