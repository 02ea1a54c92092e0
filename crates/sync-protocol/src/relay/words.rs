//! The short words that two people read to each other.

use std::fmt;
use std::str::FromStr;

use zeroize::Zeroize;

/// How many words are read aloud: 64 to the fourth are 2^24 choices.
pub const RELAY_WORD_COUNT: usize = 4;

/// Things everybody knows, without accents. No two begin with the same three letters or sound alike.
const WORDS: [&str; 64] = [
    "arbre", "avocat", "balai", "banane", "barque", "bougie", "bracelet", "cactus", "canard", "carotte",
    "cerise", "cheval", "chocolat", "citron", "cloche", "crabe", "domino", "dragon", "escalier", "ficelle",
    "flacon", "fleur", "fourmi", "fromage", "girafe", "guitare", "herbe", "hibou", "iguane", "jardin",
    "jumelle", "kiwi", "lampe", "lune", "maison", "mangue", "marteau", "miel", "montre", "mouton", "navire",
    "nuage", "olive", "orange", "panier", "papaye", "peigne", "piment", "poisson", "radio", "requin",
    "rideau", "savon", "serpent", "soleil", "tambour", "tigre", "tomate", "tortue", "tracteur", "usine",
    "valise", "violon", "zigzag",
];

/// The words of one opening of a relay. Worth something only until it closes.
#[derive(Clone, PartialEq, Eq)]
pub struct RelayWords([u8; RELAY_WORD_COUNT]);

/// What was typed is not words of the list: nothing is tried with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("these are not {RELAY_WORD_COUNT} words of the list")]
pub struct NotTheWords;

impl RelayWords {
    /// From random bytes that nobody can guess.
    pub fn from_random(random: [u8; RELAY_WORD_COUNT]) -> Self {
        // 64 divides 256: each word is as likely as any other.
        Self(random.map(|byte| byte % 64))
    }

    /// What both sides prove that they know.
    pub(super) fn secret(&self) -> &[u8] {
        &self.0
    }
}

impl Drop for RelayWords {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

impl fmt::Display for RelayWords {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, word) in self.0.iter().enumerate() {
            if at > 0 {
                f.write_str(" ")?;
            }
            f.write_str(WORDS[usize::from(*word) % WORDS.len()])?;
        }
        Ok(())
    }
}

impl fmt::Debug for RelayWords {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RelayWords(..)")
    }
}

impl FromStr for RelayWords {
    type Err = NotTheWords;

    /// As people type them: capitals, hyphens and commas do not matter.
    fn from_str(text: &str) -> Result<Self, NotTheWords> {
        let mut typed = text.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty());
        let mut words = [0; RELAY_WORD_COUNT];
        for place in &mut words {
            let word = typed.next().ok_or(NotTheWords)?.to_lowercase();
            let at = WORDS.iter().position(|known| *known == word).ok_or(NotTheWords)?;
            *place = u8::try_from(at).map_err(|_| NotTheWords)?;
        }
        if typed.next().is_some() { Err(NotTheWords) } else { Ok(Self(words)) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_come_back_however_they_are_typed() {
        let words = RelayWords::from_random([0, 64, 255, 17]);
        assert_eq!(words.to_string(), "arbre arbre zigzag dragon");
        for typed in ["arbre arbre zigzag dragon", " Arbre-ARBRE, zigzag  dragon\n"] {
            assert_eq!(typed.parse(), Ok(words.clone()));
        }
        for wrong in ["", "arbre arbre zigzag", "arbre arbre zigzag dragon dragon", "arbre arbre zigzag x"] {
            assert_eq!(wrong.parse::<RelayWords>(), Err(NotTheWords), "{wrong}");
        }
        assert_eq!(format!("{words:?}"), "RelayWords(..)");
    }

    #[test]
    fn words_are_easy_to_tell_apart() {
        for (at, word) in WORDS.iter().enumerate() {
            assert!(word.bytes().all(|b| b.is_ascii_lowercase()) && (4..=8).contains(&word.len()), "{word}");
            for other in &WORDS[at + 1..] {
                assert_ne!(word[..3], other[..3], "{word} {other}");
                assert!(distance(word, other) >= 3, "{word} {other}");
            }
        }
    }

    /// Letters to change, add or drop to make one of the other.
    fn distance(one: &str, other: &str) -> usize {
        let mut row: Vec<usize> = (0..=other.len()).collect();
        for (i, a) in one.bytes().enumerate() {
            let mut diagonal = std::mem::replace(&mut row[0], i + 1);
            for (j, b) in other.bytes().enumerate() {
                let best = (diagonal + usize::from(a != b)).min(row[j] + 1).min(row[j + 1] + 1);
                diagonal = std::mem::replace(&mut row[j + 1], best);
            }
        }
        row[other.len()]
    }
}
