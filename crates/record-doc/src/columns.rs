//! The two number encodings that Automerge's columns are made of: LEB128, and runs of it.

/// Reads from the front of a slice. Every method answers `None` where the bytes do not hold what was asked for.
pub(crate) struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    pub(crate) const fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }

    pub(crate) const fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    pub(crate) const fn len(&self) -> usize {
        self.rest.len()
    }

    pub(crate) fn take(&mut self, count: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.rest.split_at_checked(count)?;
        self.rest = rest;
        Some(taken)
    }

    fn byte(&mut self) -> Option<u8> {
        let (first, rest) = self.rest.split_first()?;
        self.rest = rest;
        Some(*first)
    }

    pub(crate) fn uleb(&mut self) -> Option<u64> {
        let mut value = 0u64;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            let bits = u64::from(byte & 0x7f);
            if shift == 63 && bits > 1 {
                return None;
            }
            value |= bits << shift;
            if byte & 0x80 == 0 {
                return Some(value);
            }
        }
        None
    }

    pub(crate) fn sleb(&mut self) -> Option<i64> {
        let mut value = 0i64;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            let bits = i64::from(byte & 0x7f);
            // The tenth byte holds one bit of the number and its six sign bits.
            if shift == 63 && bits != 0 && bits != 0x7f {
                return None;
            }
            value |= bits << shift;
            if byte & 0x80 == 0 {
                if byte & 0x40 != 0 && shift < 57 {
                    value |= -1 << (shift + 7);
                }
                return Some(value);
            }
        }
        None
    }

    /// A length that fits what is left, so that no allocation follows a lie.
    pub(crate) fn length(&mut self) -> Option<usize> {
        let length = usize::try_from(self.uleb()?).ok()?;
        (length <= self.rest.len()).then_some(length)
    }

    /// Bytes that their length precedes.
    pub(crate) fn prefixed(&mut self) -> Option<&'a [u8]> {
        let length = self.length()?;
        self.take(length)
    }
}

/// How the numbers of a column are written.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Sign {
    Unsigned,
    Signed,
}

/// Why a column of runs was not read.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum RunError {
    /// Its runs hold more entries than allowed. Known before one of them is expanded.
    TooMany,
    /// Not runs of numbers, or a run of nothing.
    Malformed,
}

/// Expands a column of runs of numbers, at most `limit` of them.
///
/// A run's length is added up before the run is expanded: a few bytes can promise millions.
pub(crate) fn read_runs(bytes: &[u8], sign: Sign, limit: usize) -> Result<Vec<i64>, RunError> {
    let mut reader = Reader::new(bytes);
    let mut values = Vec::new();
    while !reader.is_empty() {
        let header = reader.sleb().ok_or(RunError::Malformed)?;
        let length = usize::try_from(header.unsigned_abs()).map_err(|_| RunError::TooMany)?;
        if length > limit - values.len() {
            return Err(RunError::TooMany);
        }
        let mut number = || match sign {
            Sign::Unsigned => i64::try_from(reader.uleb()?).ok(),
            Sign::Signed => reader.sleb(),
        };
        match header {
            1.. => {
                let value = number().ok_or(RunError::Malformed)?;
                values.resize(values.len() + length, value);
            }
            // A run of nulls: none of our columns has any.
            0 => return Err(RunError::Malformed),
            _ => {
                for _ in 0..length {
                    values.push(number().ok_or(RunError::Malformed)?);
                }
            }
        }
    }
    Ok(values)
}

pub(crate) fn write_uleb(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push((value as u8) | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

pub(crate) fn write_sleb(out: &mut Vec<u8>, mut value: i64) {
    loop {
        let byte = (value as u8) & 0x7f;
        value >>= 7;
        let done = (value == 0 && byte & 0x40 == 0) || (value == -1 && byte & 0x40 != 0);
        out.push(if done { byte } else { byte | 0x80 });
        if done {
            return;
        }
    }
}

pub(crate) fn write_prefixed(out: &mut Vec<u8>, bytes: &[u8]) {
    write_uleb(out, bytes.len() as u64);
    out.extend_from_slice(bytes);
}

/// Writes numbers as Automerge does: two or more equal neighbours are a run, the others between them a literal.
pub(crate) fn write_runs(out: &mut Vec<u8>, values: &[i64], sign: Sign) {
    let write = |out: &mut Vec<u8>, value: i64| match sign {
        Sign::Unsigned => write_uleb(out, value as u64),
        Sign::Signed => write_sleb(out, value),
    };
    let mut literal = 0..0;
    let flush = |out: &mut Vec<u8>, literal: std::ops::Range<usize>| {
        if !literal.is_empty() {
            write_sleb(out, -(literal.len() as i64));
            values[literal].iter().for_each(|value| write(out, *value));
        }
    };
    let mut at = 0;
    while at < values.len() {
        let equal = values[at..].iter().take_while(|value| **value == values[at]).count();
        if equal > 1 {
            flush(out, literal);
            write_sleb(out, equal as i64);
            write(out, values[at]);
            literal = at + equal..at + equal;
        } else {
            literal.end = at + 1;
        }
        at += equal;
    }
    flush(out, literal);
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn numbers_are_read_back_as_written(unsigned: u64, signed: i64) {
            let mut out = Vec::new();
            write_uleb(&mut out, unsigned);
            write_sleb(&mut out, signed);
            let mut reader = Reader::new(&out);
            prop_assert_eq!(reader.uleb(), Some(unsigned));
            prop_assert_eq!(reader.sleb(), Some(signed));
            prop_assert!(reader.is_empty());
        }

        #[test]
        fn runs_are_read_back_as_written(values in proptest::collection::vec(-3i64..3, 0..60)) {
            let mut out = Vec::new();
            write_runs(&mut out, &values, Sign::Signed);
            prop_assert_eq!(read_runs(&out, Sign::Signed, 60), Ok(values));
        }
    }

    #[test]
    fn the_ends_of_the_range_are_read_back() {
        for value in [i64::MIN, i64::MIN + 1, -1, 0, 1, 63, 64, -64, -65, i64::MAX] {
            let mut out = Vec::new();
            write_sleb(&mut out, value);
            assert_eq!(Reader::new(&out).sleb(), Some(value));
        }
    }

    #[test]
    fn a_run_that_promises_too_much_is_refused_unexpanded() {
        let mut out = Vec::new();
        write_sleb(&mut out, i64::MAX);
        write_uleb(&mut out, 1);
        assert_eq!(read_runs(&out, Sign::Unsigned, 5_000), Err(RunError::TooMany));
    }
}
