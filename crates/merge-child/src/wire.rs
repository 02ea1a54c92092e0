//! The frames between parent and child: lengths in front, nothing else. Both ends are the same program.

use std::io::{self, Read, Write};

use record_doc::{ActorBytes, ForeignChange, GuardRule, MAX_CHANGE_BYTES, MAX_STATE_BYTES, MergeOutcome};
use record_model::ChangeHash;

/// A change builds on at most so many that are missing: each is named in its bytes.
const MAX_MISSING: usize = MAX_CHANGE_BYTES / 32;
/// A delta's body is larger than the change in it, and is bounded where it is read; this bounds what a child is handed.
const MAX_CHANGE_FRAME: usize = 1024 * 1024;

/// What a child says when it has limited itself and can merge.
pub(crate) const READY: [u8; 4] = *b"LKM1";

const NO_RECORD: u8 = 0;
const RECORD: u8 = 1;
const SAME_RECORD: u8 = 2;

/// The record that a change is for.
pub(crate) enum Onto<'a> {
    /// A new one.
    Nothing,
    /// This one.
    Saved(&'a [u8]),
    /// The one the child merged last.
    TheLast,
}

pub(crate) fn write_request(
    out: &mut impl Write,
    onto: &Onto<'_>,
    cpu_seconds: u64,
    change: &ForeignChange<'_>,
) -> io::Result<()> {
    match onto {
        Onto::Nothing => out.write_all(&[NO_RECORD])?,
        Onto::TheLast => out.write_all(&[SAME_RECORD])?,
        Onto::Saved(state) => {
            out.write_all(&[RECORD])?;
            write_bytes(out, state)?;
        }
    }
    out.write_all(&cpu_seconds.to_be_bytes())?;
    out.write_all(change.actor.as_bytes())?;
    write_bytes(out, change.bytes)?;
    out.flush()
}

/// What a child is asked.
pub(crate) struct Request {
    /// None: the one merged last.
    pub(crate) state: Option<Option<Vec<u8>>>,
    pub(crate) cpu_seconds: u64,
    pub(crate) actor: ActorBytes,
    pub(crate) change: Vec<u8>,
}

/// The next request; none when the parent has closed the pipe.
pub(crate) fn read_request(input: &mut impl Read) -> io::Result<Option<Request>> {
    let mut first = [0];
    if input.read(&mut first)? == 0 {
        return Ok(None);
    }
    let state = match first[0] {
        NO_RECORD => Some(None),
        SAME_RECORD => None,
        RECORD => Some(Some(read_bytes(input, MAX_STATE_BYTES)?)),
        _ => return Err(malformed()),
    };
    let cpu_seconds = u64::from_be_bytes(read_array(input)?);
    let actor = ActorBytes::from_bytes(read_array(input)?);
    let change = read_bytes(input, MAX_CHANGE_FRAME)?;
    Ok(Some(Request { state, cpu_seconds, actor, change }))
}

pub(crate) fn write_outcome(out: &mut impl Write, outcome: &MergeOutcome) -> io::Result<()> {
    match outcome {
        MergeOutcome::Merged { state, change } => {
            out.write_all(&[0])?;
            out.write_all(change.as_bytes())?;
            write_bytes(out, state)?;
        }
        MergeOutcome::AlreadyHave { change } => {
            out.write_all(&[1])?;
            out.write_all(change.as_bytes())?;
        }
        MergeOutcome::MissingDeps { missing } => {
            out.write_all(&[2])?;
            let bytes: Vec<u8> = missing.iter().flat_map(|hash| *hash.as_bytes()).collect();
            write_bytes(out, &bytes)?;
        }
        MergeOutcome::Refused { rule } => {
            out.write_all(&[3])?;
            out.write_all(&rule.code().to_be_bytes())?;
        }
        MergeOutcome::Unloadable => out.write_all(&[4])?,
        MergeOutcome::StateDamaged => out.write_all(&[5])?,
        // Nobody lives to say it of himself.
        MergeOutcome::Killed => return Err(malformed()),
    }
    out.flush()
}

pub(crate) fn read_outcome(input: &mut impl Read) -> io::Result<MergeOutcome> {
    let [kind] = read_array(input)?;
    Ok(match kind {
        0 => {
            let change = ChangeHash::from_bytes(read_array(input)?);
            MergeOutcome::Merged { state: read_bytes(input, MAX_STATE_BYTES)?, change }
        }
        1 => MergeOutcome::AlreadyHave { change: ChangeHash::from_bytes(read_array(input)?) },
        2 => {
            let bytes = read_bytes(input, MAX_MISSING * 32)?;
            let (hashes, rest) = bytes.as_chunks();
            if !rest.is_empty() {
                return Err(malformed());
            }
            MergeOutcome::MissingDeps {
                missing: hashes.iter().copied().map(ChangeHash::from_bytes).collect(),
            }
        }
        3 => {
            let code = u16::from_be_bytes(read_array(input)?);
            MergeOutcome::Refused { rule: GuardRule::from_code(code).ok_or_else(malformed)? }
        }
        4 => MergeOutcome::Unloadable,
        5 => MergeOutcome::StateDamaged,
        _ => return Err(malformed()),
    })
}

fn malformed() -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, "not a frame between parent and merge child")
}

fn write_bytes(out: &mut impl Write, bytes: &[u8]) -> io::Result<()> {
    let length = u32::try_from(bytes.len()).map_err(|_| malformed())?;
    out.write_all(&length.to_be_bytes())?;
    out.write_all(bytes)
}

fn read_array<const N: usize>(input: &mut impl Read) -> io::Result<[u8; N]> {
    let mut bytes = [0; N];
    input.read_exact(&mut bytes)?;
    Ok(bytes)
}

fn read_bytes(input: &mut impl Read, limit: usize) -> io::Result<Vec<u8>> {
    let length = u32::from_be_bytes(read_array(input)?) as usize;
    if length > limit {
        return Err(malformed());
    }
    let mut bytes = vec![0; length];
    input.read_exact(&mut bytes)?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hash(byte: u8) -> ChangeHash {
        ChangeHash::from_bytes([byte; 32])
    }

    #[test]
    fn every_outcome_is_read_as_written_and_a_cut_one_is_an_error() {
        for outcome in [
            MergeOutcome::Merged { state: vec![1, 2, 3], change: hash(7) },
            MergeOutcome::AlreadyHave { change: hash(8) },
            MergeOutcome::MissingDeps { missing: vec![hash(1), hash(2)] },
            MergeOutcome::Refused { rule: GuardRule::StartOp },
            MergeOutcome::Unloadable,
            MergeOutcome::StateDamaged,
        ] {
            let mut bytes = Vec::new();
            write_outcome(&mut bytes, &outcome).unwrap();
            assert_eq!(read_outcome(&mut bytes.as_slice()).unwrap(), outcome);
            assert!(read_outcome(&mut &bytes[..bytes.len() - 1]).is_err(), "{outcome:?}");
        }
    }

    #[test]
    fn a_request_is_read_as_written() {
        let actor = ActorBytes::from_bytes([4; 16]);
        let change = ForeignChange { bytes: b"change", actor };
        let (nothing, saved, last) = (Some(None), Some(Some(b"saved".to_vec())), None);
        for (onto, state) in [(Onto::Nothing, nothing), (Onto::Saved(b"saved"), saved), (Onto::TheLast, last)]
        {
            let mut bytes = Vec::new();
            write_request(&mut bytes, &onto, 3, &change).unwrap();
            let read = read_request(&mut bytes.as_slice()).unwrap().unwrap();
            assert_eq!((read.state, read.cpu_seconds, read.actor), (state, 3, actor));
            assert_eq!(read.change, b"change");
        }
        assert!(read_request(&mut [].as_slice()).unwrap().is_none());
    }

    #[test]
    fn a_length_beyond_the_limit_allocates_nothing() {
        let mut request = vec![RECORD];
        request.extend(u32::MAX.to_be_bytes());
        assert!(read_request(&mut request.as_slice()).is_err());
    }
}
