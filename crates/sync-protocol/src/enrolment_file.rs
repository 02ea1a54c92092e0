//! Enrolment without a network: the request in one file, the answer in another, both on the stick that carries bundles.

use record_model::{SeatId, hash_parts};
use signed_delta::seal::{self, SealError, SealingIdentity};

use crate::bundle::{BundleError, PART_EXTENSION};

const REQUEST_MAGIC: &[u8] = b"LAKOU ENROLMENT REQUEST 1\n";
const ANSWER_MAGIC: &[u8] = b"LAKOU ENROLMENT ANSWER 1\n";

/// Bytes of an enrolment request, and of an answer, in a file.
pub const MAX_ENROLMENT_FILE_BYTES: usize = 64 * 1024;

/// What a file of ours is, by how it begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FileKind {
    /// Perhaps a part of a bundle.
    Part,
    /// An enrolment request.
    Request,
    /// The answer to one.
    Answer,
}

impl FileKind {
    /// Of these bytes. What is nothing of ours is found out as a part.
    pub fn of(file: &[u8]) -> Self {
        if file.starts_with(REQUEST_MAGIC) {
            Self::Request
        } else if file.starts_with(ANSWER_MAGIC) {
            Self::Answer
        } else {
            Self::Part
        }
    }
}

/// The file of a request, and its name. It is not sealed: it holds the enumerator's name and the computer's, and nothing that
/// lets anybody use the code.
pub fn write_request_file(request: &[u8], seat: SeatId) -> (String, Vec<u8>) {
    let name = format!("lakou-request-{:.8}.{PART_EXTENSION}", seat.to_string());
    (name, [REQUEST_MAGIC, request].concat())
}

/// The request in a file.
pub fn read_request_file(file: &[u8]) -> Result<&[u8], BundleError> {
    bounded(file)?.strip_prefix(REQUEST_MAGIC).ok_or(BundleError::NotABundle)
}

/// The file of an answer ([`crate::EnrolAnswer`]), sealed to who asked, and its name.
pub fn seal_answer_file(
    answer: &[u8],
    request: &[u8],
    seat: SeatId,
    recipient: &str,
) -> Result<(String, Vec<u8>), SealError> {
    let name = format!("lakou-answer-{:.8}.{PART_EXTENSION}", seat.to_string());
    let sealed = seal::seal(answer, &[recipient])?;
    Ok((name, [ANSWER_MAGIC, &digest(request), &sealed].concat()))
}

/// The answer in a file, if it answers this request.
pub fn open_answer_file(
    file: &[u8],
    request: &[u8],
    identity: &SealingIdentity,
) -> Result<Vec<u8>, BundleError> {
    let rest = bounded(file)?.strip_prefix(ANSWER_MAGIC).ok_or(BundleError::NotABundle)?;
    let (answers, sealed) = rest.split_at_checked(32).ok_or(BundleError::Damaged)?;
    if answers != digest(request) {
        return Err(BundleError::SealedToAnother);
    }
    let answer = seal::open(sealed, identity, MAX_ENROLMENT_FILE_BYTES).map_err(|_| BundleError::Damaged)?;
    Ok(answer.to_vec())
}

fn digest(request: &[u8]) -> [u8; 32] {
    hash_parts("lakou/enrolment-request/v1", [request])
}

fn bounded(file: &[u8]) -> Result<&[u8], BundleError> {
    let limit = MAX_ENROLMENT_FILE_BYTES;
    if file.len() > limit { Err(BundleError::TooLarge { limit }) } else { Ok(file) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use signed_delta::SeatKey;

    #[test]
    fn an_answer_is_found_by_who_asked_and_by_nobody_else() {
        let (seat, mine) =
            (SeatId::from_bytes([7; 16]), SealingIdentity::of(&SeatKey::from_secret(&[1; 32])));
        let (name, request) = write_request_file(b"request", seat);
        assert_eq!(name, "lakou-request-A4DQOBYH.lakou");
        assert_eq!(
            (FileKind::of(&request), read_request_file(&request)),
            (FileKind::Request, Ok(&b"request"[..]))
        );
        let (_, answer) = seal_answer_file(b"answer", b"request", seat, &mine.recipient()).unwrap();
        assert_eq!(FileKind::of(&answer), FileKind::Answer);
        assert_eq!(open_answer_file(&answer, b"request", &mine), Ok(b"answer".to_vec()));
        assert_eq!(open_answer_file(&answer, b"other", &mine), Err(BundleError::SealedToAnother));
        assert_eq!(open_answer_file(&answer[..40], b"request", &mine), Err(BundleError::Damaged));
        assert_eq!(open_answer_file(&request, b"request", &mine), Err(BundleError::NotABundle));
        assert_eq!(FileKind::of(b"MZ"), FileKind::Part);
    }
}
