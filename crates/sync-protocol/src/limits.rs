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
