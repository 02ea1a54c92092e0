//! Every limit has a name, and both sides use the same one.

/// Deltas in one push or one page of a pull.
pub const MAX_BATCH_DELTAS: usize = 500;

/// Compressed bytes of one push or page: what a bad line must carry in one piece.
pub const MAX_BATCH_COMPRESSED_BYTES: usize = 512 * 1024;

/// Decompressed bytes of one push or page, enforced while streaming.
pub const MAX_BATCH_DECOMPRESSED_BYTES: usize = 4 * 1024 * 1024;

/// Chains a device may name in one pull.
pub const MAX_HAVE_ENTRIES: usize = 1_000;

/// How long a device waits before it tries again after a broken connection.
pub const RETRY_DELAY_MS: i64 = 15_000;

/// Bytes of one part of a bundle, sealed or open.
pub const MAX_PART_BYTES: usize = 64 * 1024 * 1024;

/// Bytes of one part unless a person asks for another size: what mail and messengers carry.
pub const DEFAULT_PART_BYTES: usize = 15_000_000;

/// Messages and files in one part.
pub const MAX_PART_ITEMS: usize = 10_000;

/// Bytes of one part that another laptop carries: a form's workbook fits, a film does not.
pub const MAX_CARRIED_PART_BYTES: usize = 8 * 1024 * 1024;

/// Bytes of a part that a laptop packs for a relay, whose way on to the server is one request a part: a full batch and
/// what wraps it. Small enough for a bad line.
pub const RELAY_PART_BYTES: usize = MAX_BATCH_COMPRESSED_BYTES + 16 * 1024;

/// Bytes of parts after which the server puts no further one into its answer to a carried part. What is left out is asked
/// for again with the next bundle.
pub const ENOUGH_REPLY_BYTES: usize = 1024 * 1024;

/// Parts that one meeting of two laptops may offer, in each direction.
pub const MAX_RELAY_PARTS: usize = 1_000;

/// Bytes of one frame between two laptops, sealed.
pub const MAX_RELAY_FRAME_BYTES: usize = 64 * 1024;

/// Bytes of a part in one frame.
pub const RELAY_CHUNK_BYTES: usize = 60 * 1024;

/// Wrong words that a relay hears before it stops. With 2^24 choices, whoever guesses has one chance in three million.
pub const MAX_WRONG_WORDS: u32 = 5;

/// A part's content is padded to a multiple of this.
pub const PART_PADDING_BYTES: usize = 4 * 1024;
