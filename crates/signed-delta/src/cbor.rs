//! Deterministic CBOR: definite lengths, shortest integers, arrays only.
//!
//! One rule makes a decoder strict whatever the encoding trick: decode, encode again, compare. Bytes that we would not
//! have written ourselves (long integers, indefinite lengths, trailing bytes) do not survive it.

use minicbor::{Decoder, Encoder};

/// Why bytes are not what they were taken for.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CborError {
    /// Not CBOR, or not of the expected shape.
    #[error("{what}: not the expected CBOR shape")]
    Shape {
        /// What was being decoded.
        what: &'static str,
    },
    /// Decodes, but not written the one canonical way (or bytes follow it).
    #[error("{what}: not canonical CBOR, or bytes follow it")]
    NotCanonical {
        /// What was being decoded.
        what: &'static str,
    },
    /// A version this program does not know.
    #[error("{what}: version {found}, this program knows {known}")]
    UnknownVersion {
        /// What was being decoded.
        what: &'static str,
        /// The version found.
        found: u64,
        /// The one known.
        known: u64,
    },
    /// Longer than its named limit.
    #[error("{what}: {found} bytes, at most {limit} are taken")]
    TooLarge {
        /// What was being decoded.
        what: &'static str,
        /// How many bytes.
        found: usize,
        /// The limit.
        limit: usize,
    },
    /// A field holds something its type does not allow.
    #[error("{what}: field {field} is not valid")]
    Field {
        /// What was being decoded.
        what: &'static str,
        /// Which field.
        field: &'static str,
    },
}

/// Something with one canonical byte form.
pub(crate) trait Canonical: Sized {
    /// Its name in errors.
    const WHAT: &'static str;

    /// Writes it.
    fn write(&self, e: &mut Writer<'_>);

    /// Reads it; leniency is fine here, [`decode`] compares afterwards.
    fn read(d: &mut Reader<'_>) -> Result<Self, CborError>;
}

/// The canonical bytes.
pub(crate) fn encode<T: Canonical>(value: &T) -> Vec<u8> {
    let mut bytes = Vec::new();
    value.write(&mut Writer { encoder: Encoder::new(&mut bytes) });
    bytes
}

/// Decodes exactly one value that was written canonically, and nothing behind it.
pub(crate) fn decode<T: Canonical>(bytes: &[u8]) -> Result<T, CborError> {
    let value = T::read(&mut Reader { decoder: Decoder::new(bytes), what: T::WHAT })?;
    if encode(&value) == bytes { Ok(value) } else { Err(CborError::NotCanonical { what: T::WHAT }) }
}

/// Writes into memory, which cannot fail.
pub(crate) struct Writer<'a> {
    encoder: Encoder<&'a mut Vec<u8>>,
}

const INFALLIBLE: &str = "writing CBOR into a Vec cannot fail";

impl Writer<'_> {
    pub(crate) fn array(&mut self, len: usize) -> &mut Self {
        self.encoder.array(len as u64).expect(INFALLIBLE);
        self
    }

    pub(crate) fn uint(&mut self, value: u64) -> &mut Self {
        self.encoder.u64(value).expect(INFALLIBLE);
        self
    }

    pub(crate) fn int(&mut self, value: i64) -> &mut Self {
        self.encoder.i64(value).expect(INFALLIBLE);
        self
    }

    pub(crate) fn bytes(&mut self, value: &[u8]) -> &mut Self {
        self.encoder.bytes(value).expect(INFALLIBLE);
        self
    }

    pub(crate) fn text(&mut self, value: &str) -> &mut Self {
        self.encoder.str(value).expect(INFALLIBLE);
        self
    }

    pub(crate) fn null(&mut self) -> &mut Self {
        self.encoder.null().expect(INFALLIBLE);
        self
    }

    pub(crate) fn option<T>(&mut self, value: Option<&T>, write: impl FnOnce(&mut Self, &T)) -> &mut Self {
        match value {
            Some(value) => write(self, value),
            None => {
                self.null();
            }
        }
        self
    }

    pub(crate) fn list<T>(&mut self, values: &[T], mut write: impl FnMut(&mut Self, &T)) -> &mut Self {
        self.array(values.len());
        for value in values {
            write(self, value);
        }
        self
    }
}

/// No list in any body may be longer; a count is checked before anything is allocated for it.
const MAX_LIST: u64 = 100_000;

/// Reads fields in order; every error names what was being read.
pub(crate) struct Reader<'a> {
    decoder: Decoder<'a>,
    what: &'static str,
}

impl<'a> Reader<'a> {
    fn shape<T>(&self, result: Result<T, minicbor::decode::Error>) -> Result<T, CborError> {
        result.map_err(|_| CborError::Shape { what: self.what })
    }

    pub(crate) fn array(&mut self, len: u64) -> Result<(), CborError> {
        let found = self.decoder.array();
        match self.shape(found)? {
            Some(found) if found == len => Ok(()),
            _ => Err(CborError::Shape { what: self.what }),
        }
    }

    pub(crate) fn uint(&mut self) -> Result<u64, CborError> {
        let value = self.decoder.u64();
        self.shape(value)
    }

    pub(crate) fn u32(&mut self) -> Result<u32, CborError> {
        let value = self.decoder.u32();
        self.shape(value)
    }

    pub(crate) fn int(&mut self) -> Result<i64, CborError> {
        let value = self.decoder.i64();
        self.shape(value)
    }

    pub(crate) fn bytes(&mut self) -> Result<&'a [u8], CborError> {
        let value = self.decoder.bytes();
        self.shape(value)
    }

    pub(crate) fn fixed<const N: usize>(&mut self) -> Result<[u8; N], CborError> {
        let bytes = self.bytes()?;
        bytes.try_into().map_err(|_| CborError::Shape { what: self.what })
    }

    pub(crate) fn text(&mut self) -> Result<&'a str, CborError> {
        let value = self.decoder.str();
        self.shape(value)
    }

    /// A text that parses into `T`.
    pub(crate) fn parsed<T: std::str::FromStr>(&mut self, field: &'static str) -> Result<T, CborError> {
        let what = self.what;
        self.text()?.parse().map_err(|_| CborError::Field { what, field })
    }

    pub(crate) fn option<T>(
        &mut self,
        read: impl FnOnce(&mut Self) -> Result<T, CborError>,
    ) -> Result<Option<T>, CborError> {
        let next = self.decoder.datatype();
        if self.shape(next)? == minicbor::data::Type::Null {
            let null = self.decoder.null();
            self.shape(null)?;
            Ok(None)
        } else {
            read(self).map(Some)
        }
    }

    pub(crate) fn list<T>(
        &mut self,
        mut read: impl FnMut(&mut Self) -> Result<T, CborError>,
    ) -> Result<Vec<T>, CborError> {
        let len = self.decoder.array();
        let len =
            self.shape(len)?.filter(|len| *len <= MAX_LIST).ok_or(CborError::Shape { what: self.what })?;
        (0..len).map(|_| read(self)).collect()
    }

    pub(crate) fn field<T>(&self, field: &'static str, value: Option<T>) -> Result<T, CborError> {
        value.ok_or(CborError::Field { what: self.what, field })
    }

    pub(crate) fn version(&mut self, known: u64) -> Result<(), CborError> {
        match self.uint()? {
            found if found == known => Ok(()),
            found => Err(CborError::UnknownVersion { what: self.what, found, known }),
        }
    }
}
