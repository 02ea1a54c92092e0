//! Text to tokens.

use crate::diagnostics::{Said, Trouble, quoted};

/// One token and where it begins.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Token {
    pub(crate) kind: Kind,
    pub(crate) at: usize,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Kind {
    Number(f64),
    Text(String),
    /// A name; `and`, `or`, `div` and `mod` are names until their place says otherwise.
    Name(String),
    /// `${name}`
    Reference(String),
    Open,
    Close,
    OpenBracket,
    CloseBracket,
    Comma,
    Slash,
    DoubleSlash,
    Dot,
    DotDot,
    At,
    Axis,
    Pipe,
    Star,
    Plus,
    Minus,
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

/// How a token reads in a message.
pub(crate) fn describe(kind: Option<&Kind>) -> Said {
    let text = match kind {
        None => return ("la fin de l'expression", "the end of the expression").into(),
        Some(Kind::Number(number)) => {
            return (format!("le nombre {number}"), format!("the number {number}")).into();
        }
        Some(Kind::Text(text)) => {
            return (format!("le texte {}", quoted(text)), format!("the text {}", quoted(text))).into();
        }
        Some(Kind::Name(name)) => {
            return (format!("le nom {}", quoted(name)), format!("the name {}", quoted(name))).into();
        }
        Some(Kind::Reference(name)) => format!("\"${{{name}}}\""),
        Some(other) => quoted(match other {
            Kind::Open => "(",
            Kind::Close => ")",
            Kind::OpenBracket => "[",
            Kind::CloseBracket => "]",
            Kind::Comma => ",",
            Kind::Slash => "/",
            Kind::DoubleSlash => "//",
            Kind::Dot => ".",
            Kind::DotDot => "..",
            Kind::At => "@",
            Kind::Axis => "::",
            Kind::Pipe => "|",
            Kind::Star => "*",
            Kind::Plus => "+",
            Kind::Minus => "-",
            Kind::Equal => "=",
            Kind::NotEqual => "!=",
            Kind::Less => "<",
            Kind::LessOrEqual => "<=",
            Kind::Greater => ">",
            _ => ">=",
        }),
    };
    text.into()
}

/// A fault in the text of an expression.
pub(crate) fn fault(text: &str, at: usize, found: impl Into<Said>, expected: impl Into<Said>) -> Trouble {
    let character = text.get(..at).map_or(0, |before| before.chars().count()) + 1;
    let Said { fr, en } = found.into();
    let found = (format!("{fr} au caractère {character}"), format!("{en} at character {character}"));
    Trouble::told("bad-expression", found, expected).fix("Corrigez l'expression.", "Correct the expression.")
}

pub(crate) fn tokens(text: &str) -> Result<Vec<Token>, Trouble> {
    let mut lexer = Lexer { text, at: 0, tokens: Vec::new() };
    while lexer.skip_blanks() {
        lexer.token()?;
    }
    Ok(lexer.tokens)
}

struct Lexer<'t> {
    text: &'t str,
    at: usize,
    tokens: Vec<Token>,
}

impl<'t> Lexer<'t> {
    fn rest(&self) -> &'t str {
        &self.text[self.at..]
    }

    fn skip_blanks(&mut self) -> bool {
        let rest = self.rest();
        self.at += rest.len() - rest.trim_start().len();
        self.at < self.text.len()
    }

    fn push(&mut self, kind: Kind, len: usize) {
        self.tokens.push(Token { kind, at: self.at });
        self.at += len;
    }

    fn token(&mut self) -> Result<(), Trouble> {
        let rest = self.rest();
        let mut chars = rest.chars();
        let first = chars.next().unwrap_or_default();
        let second = chars.next().unwrap_or_default();
        let (kind, len) = match (first, second) {
            ('$', '{') => return self.reference(),
            ('\'' | '"' | '‘' | '’' | '“' | '”' | '«', _) => return self.literal(first),
            ('0'..='9', _) | ('.', '0'..='9') => return self.number(),
            ('.', '.') => (Kind::DotDot, 2),
            ('.', _) => (Kind::Dot, 1),
            ('/', '/') => (Kind::DoubleSlash, 2),
            ('/', _) => (Kind::Slash, 1),
            ('(', _) => (Kind::Open, 1),
            (')', _) => (Kind::Close, 1),
            ('[', _) => (Kind::OpenBracket, 1),
            (']', _) => (Kind::CloseBracket, 1),
            (',', _) => (Kind::Comma, 1),
            ('@', _) => (Kind::At, 1),
            (':', ':') => (Kind::Axis, 2),
            ('|', '|') => return Err(self.foreign("||", "or")),
            ('|', _) => (Kind::Pipe, 1),
            ('*', _) => (Kind::Star, 1),
            ('+', _) => (Kind::Plus, 1),
            ('-', _) => (Kind::Minus, 1),
            ('=', '=') => return Err(self.foreign("==", "=")),
            ('=', _) => (Kind::Equal, 1),
            ('!', '=') => (Kind::NotEqual, 2),
            ('<', '=') => (Kind::LessOrEqual, 2),
            ('<', '>') => return Err(self.foreign("<>", "!=")),
            ('<', _) => (Kind::Less, 1),
            ('>', '=') => (Kind::GreaterOrEqual, 2),
            ('>', _) => (Kind::Greater, 1),
            ('≤', _) => (Kind::LessOrEqual, '≤'.len_utf8()),
            ('≥', _) => (Kind::GreaterOrEqual, '≥'.len_utf8()),
            ('−' | '–', _) => (Kind::Minus, first.len_utf8()),
            ('&', '&') => return Err(self.foreign("&&", "and")),
            (c, _) if is_name_start(c) => return self.name(),
            (c, _) => {
                return Err(fault(
                    self.text,
                    self.at,
                    quoted(&c.to_string()),
                    ("une expression", "an expression"),
                ));
            }
        };
        self.push(kind, len);
        Ok(())
    }

    fn foreign(&self, found: &str, meant: &str) -> Trouble {
        fault(self.text, self.at, quoted(found), quoted(meant))
            .fix(format!("Écrivez {meant}."), format!("Write {meant}."))
    }

    fn reference(&mut self) -> Result<(), Trouble> {
        let inside = &self.rest()[2..];
        let name = inside.split('}').next().unwrap_or_default();
        let trimmed = name.trim();
        // `last-saved#` is ODK's own prefix; it must be told apart from a slip of the keyboard.
        if name.len() == inside.len()
            || trimmed.is_empty()
            || !trimmed.chars().all(|c| is_name_char(c) || c == '#')
        {
            return Err(fault(
                self.text,
                self.at,
                quoted(&self.rest().chars().take(24).collect::<String>()),
                ("${nom}", "${name}"),
            )
            .fix("Écrivez ${nom_de_la_question}.", "Write ${name_of_the_question}."));
        }
        self.push(Kind::Reference(trimmed.to_owned()), name.len() + 3);
        Ok(())
    }

    /// Smart quotes, as word processors make them, count as plain ones.
    fn literal(&mut self, quote: char) -> Result<(), Trouble> {
        let closes: &[char] = match quote {
            '\'' => &['\''],
            '"' => &['"'],
            '‘' | '’' => &['‘', '’', '\''],
            '«' => &['»'],
            _ => &['“', '”', '"'],
        };
        let inside = &self.rest()[quote.len_utf8()..];
        let Some(end) = inside.find(closes) else {
            return Err(fault(
                self.text,
                self.at,
                ("un texte qui ne finit pas", "a text that does not end"),
                ("un guillemet fermant", "a closing quote"),
            )
            .fix("Fermez le guillemet.", "Close the quote."));
        };
        let close = inside[end..].chars().next().map_or(1, char::len_utf8);
        self.push(Kind::Text(inside[..end].to_owned()), quote.len_utf8() + end + close);
        Ok(())
    }

    fn number(&mut self) -> Result<(), Trouble> {
        let rest = self.rest();
        let whole = rest.bytes().take_while(u8::is_ascii_digit).count();
        let fraction = match rest[whole..].strip_prefix('.') {
            // `1..` is not a number with two dots.
            Some(after) if !after.starts_with('.') => {
                1 + after.bytes().take_while(u8::is_ascii_digit).count()
            }
            _ => 0,
        };
        let mut len = whole + fraction;
        // As engines write what is very small or large: `7.9e-12`.
        if let Some(power) = rest[len..].strip_prefix(['e', 'E'])
            && let Some(digits) = power.strip_prefix(['-', '+'])
        {
            let count = digits.bytes().take_while(u8::is_ascii_digit).count();
            len += if count > 0 { count + 2 } else { 0 };
        }
        let number = rest[..len].parse().unwrap_or(f64::NAN);
        let behind = &rest[len..];
        let is_operator = ["and", "or", "div", "mod"].iter().any(|word| {
            behind.strip_prefix(word).is_some_and(|after| !after.chars().next().is_some_and(is_name_start))
        });
        if !is_operator && behind.chars().next().is_some_and(is_name_start) {
            return Err(fault(
                self.text,
                self.at,
                quoted(&rest.chars().take(len + 8).collect::<String>()),
                (
                    "un nombre, ou un nom qui commence par une lettre",
                    "a number, or a name that begins with a letter",
                ),
            ));
        }
        self.push(Kind::Number(number), len);
        Ok(())
    }

    /// True where an operator is expected: behind an operand.
    fn is_behind_operand(&self) -> bool {
        self.tokens.last().is_some_and(|token| {
            matches!(
                token.kind,
                Kind::Number(_) | Kind::Text(_) | Kind::Reference(_) | Kind::Close | Kind::CloseBracket
            )
        })
    }

    /// A name may hold one colon (`jr:choice-name`), but not the two of an axis.
    fn name(&mut self) -> Result<(), Trouble> {
        let rest = self.rest();
        // Behind an operand a name cannot begin: `1 div2` is a division.
        if self.is_behind_operand()
            && let Some(word) = ["and", "or", "div", "mod"].into_iter().find(|word| {
                rest.strip_prefix(word).is_some_and(|after| after.starts_with(|c: char| c.is_ascii_digit()))
            })
        {
            self.push(Kind::Name(word.to_owned()), word.len());
            return Ok(());
        }
        let plain = |text: &str| text.find(|c| !is_name_char(c)).unwrap_or(text.len());
        let mut len = plain(rest);
        if let Some(after) = rest[len..].strip_prefix(':')
            && after.chars().next().is_some_and(is_name_start)
        {
            len += 1 + plain(after);
        }
        // `prefix:*`
        if let Some(after) = rest[len..].strip_prefix(":*")
            && !after.starts_with(':')
        {
            len += 2;
        }
        // `a.` at the end of a name is a dot of its own only in ranges no form writes; XPath keeps it in the name.
        self.push(Kind::Name(rest[..len].to_owned()), len);
        Ok(())
    }
}

fn is_name_start(c: char) -> bool {
    c.is_alphabetic() || c == '_'
}

fn is_name_char(c: char) -> bool {
    c.is_alphanumeric() || matches!(c, '_' | '-' | '.')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kinds(text: &str) -> Vec<Kind> {
        tokens(text).unwrap().into_iter().map(|token| token.kind).collect()
    }

    #[test]
    fn names_keep_their_hyphens_and_colons() {
        assert_eq!(
            kinds("jr:choice-name(${a}, '${a}')"),
            [
                Kind::Name("jr:choice-name".into()),
                Kind::Open,
                Kind::Reference("a".into()),
                Kind::Comma,
                Kind::Text("${a}".into()),
                Kind::Close
            ]
        );
    }

    #[test]
    fn smart_quotes_and_signs_are_read_as_what_was_meant() {
        assert_eq!(
            kinds("‘oui’ ≥ “1”"),
            [Kind::Text("oui".into()), Kind::GreaterOrEqual, Kind::Text("1".into())]
        );
    }

    #[test]
    fn slips_are_named_with_what_was_meant() {
        for (text, meant) in [
            ("a == b", "\"=\""),
            ("a && b", "\"and\""),
            ("a <> b", "\"!=\""),
            ("${a b}", "${name}"),
            ("'x", "a closing quote"),
        ] {
            assert_eq!(tokens(text).unwrap_err().expected, meant, "{text}");
        }
    }
}
