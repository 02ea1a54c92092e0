//! Enrolment codes.

use data_encoding::BASE32_NOPAD;
use record_model::{AreaCode, DeploymentId, Instant, Lineage, Role};
use signed_delta::PublicKey;

/// Secret bytes in a code: 128 bits, nothing to guess.
pub const ENROLMENT_CODE_BYTES: usize = 16;

/// What an administrator says when inviting.
#[derive(Debug, Clone)]
pub struct InvitationDraft {
    /// The name suggested for the person.
    pub person: String,
    /// What the seat may do.
    pub role: Role,
    /// Where.
    pub areas: Vec<AreaCode>,
    /// Which forms; empty for all.
    pub lineages: Vec<Lineage>,
    /// For how long the code can be used.
    pub valid_ms: i64,
}

impl InvitationDraft {
    pub(crate) fn expires_at(&self, now: Instant) -> Instant {
        now.plus_ms(self.valid_ms)
    }
}

/// The text handed to the person: it names the deployment and its registry key, so that the laptop knows whom to believe
/// before it speaks to anybody.
///
/// `LAKOU1.` then base32 of deployment id (16) ‖ registry public key (32) ‖ secret (16).
pub fn enrolment_code(
    deployment: DeploymentId,
    registry: &PublicKey,
    secret: &[u8; ENROLMENT_CODE_BYTES],
) -> String {
    let bytes = [deployment.as_bytes().as_slice(), registry.as_bytes(), secret].concat();
    format!("LAKOU1.{}", BASE32_NOPAD.encode(&bytes))
}

/// The longest name of a person or a device, in characters.
const MAX_NAME_CHARS: usize = 80;

/// Names are shown to colleagues and in terminals: nothing invisible, nothing that turns the line around.
pub(crate) fn plain_name(name: &str) -> Result<(), String> {
    let turns =
        |c: char| matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    if name.chars().any(|c| c.is_control() || turns(c)) {
        return Err("a name holds control characters".to_owned());
    }
    match name.chars().count() {
        0..=MAX_NAME_CHARS => Ok(()),
        found => Err(format!("a name has {found} characters, at most {MAX_NAME_CHARS} are taken")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_repaint_a_terminal_are_refused() {
        assert_eq!(plain_name("Marie-Ange Toussaint"), Ok(()));
        assert_eq!(plain_name("محمد"), Ok(()));
        for bad in ["Rose \u{1b}[2J", "Rose\nDesk", "\u{202e}esoR", &"x".repeat(81)] {
            assert!(plain_name(bad).is_err());
        }
    }
}
