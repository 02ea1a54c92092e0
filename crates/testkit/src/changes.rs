//! Chunks of Automerge's binary format, taken apart and put together again with a checksum that fits.
//!
//! The format: <https://automerge.org/automerge-binary-format-spec/>, section 4, "Chunks".

use sha2::{Digest, Sha256};

const MAGIC: [u8; 4] = [0x85, 0x6f, 0x4a, 0x83];
/// Before the data: magic, checksum, kind.
const FRAME: usize = 4 + 4 + 1;

/// A chunk of this kind with this data. Kind 1 is a change, 2 a compressed one, 0 a document.
pub fn chunk(kind: u8, data: &[u8]) -> Vec<u8> {
    let mut content = vec![kind];
    let mut length = data.len();
    while length >= 0x80 {
        content.push((length as u8 & 0x7f) | 0x80);
        length >>= 7;
    }
    content.push(length as u8);
    content.extend(data);
    let sum = Sha256::digest(&content);
    [&MAGIC, &sum[..4], &content].concat()
}

/// What is inside a chunk that [`chunk`] or Automerge made.
pub fn chunk_data(chunk: &[u8]) -> &[u8] {
    let length = chunk[FRAME..].iter().take_while(|byte| **byte >= 0x80).count() + 1;
    &chunk[FRAME + length..]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_chunk_is_taken_apart_into_what_it_was_made_of() {
        for size in [0, 1, 127, 128, 20_000] {
            let data = vec![7; size];
            assert_eq!(chunk_data(&chunk(1, &data)), data);
        }
    }
}
