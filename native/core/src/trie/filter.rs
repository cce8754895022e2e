//! A filter in front of the trie that tells most names that are not listed by one cache line.
//!
//! A blocked Bloom filter (Putze, Sanders, Singler 2007): a name sets and tests a few bits of one 64-bit word. It holds
//! what stands two labels deep, and the children of deeper nodes that have many. So it is small enough to stay in the
//! processor's cache, while the trie of a long list does not.

use xxhash_rust::xxh3::xxh3_64;

/// Bits of the filter for each name in it.
const BITS: usize = 8;

/// Bits that a name sets.
const TESTS: u32 = 4;

/// Size of a word of the filter in bytes.
pub const WORD: usize = 8;

/// Hash of a name in wire form, the root label included.
pub fn hash(wire: &[u8]) -> u64 {
    xxh3_64(wire)
}

/// A filter on its way.
pub enum Filling {
    /// Its size is not known yet: hashes of the names that it will hold.
    Hashes(Vec<u64>),
    /// Its words.
    Words(Vec<u64>),
}

impl Filling {
    /// An empty filter of so many words, or as many as the names need.
    pub fn new(words: Option<usize>) -> Self {
        words.map_or_else(|| Self::Hashes(Vec::new()), |words| Self::Words(vec![0; words]))
    }

    /// Add a name by its hash.
    pub fn add(&mut self, hash: u64) {
        match self {
            Self::Hashes(hashes) => hashes.push(hash),
            Self::Words(words) => set(words, hash),
        }
    }

    /// The words.
    pub fn finish(self) -> Vec<u64> {
        match self {
            Self::Words(words) => words,
            Self::Hashes(hashes) => {
                let mut words = vec![0; (hashes.len() * BITS).div_ceil(8 * WORD)];
                for hash in hashes {
                    set(&mut words, hash);
                }
                words
            }
        }
    }
}

fn set(words: &mut [u64], hash: u64) {
    let index = index(hash, words.len());
    if let Some(word) = words.get_mut(index) {
        *word |= bits(hash);
    }
}

/// Whether a name with this hash may be in the filter. A filter without words holds nothing.
pub fn may_hold(words: &[u8], hash: u64) -> bool {
    let at = place(words.len(), hash);
    let word = words.get(at..).and_then(|rest| rest.first_chunk()).map_or(0, |word| u64::from_le_bytes(*word));
    !word & bits(hash) == 0
}

/// Offset of the word of a hash in a filter of so many octets.
pub fn place(size: usize, hash: u64) -> usize {
    index(hash, size / WORD) * WORD
}

fn index(hash: u64, words: usize) -> usize {
    (((hash >> 32) * words as u64) >> 32) as usize
}

fn bits(hash: u64) -> u64 {
    (0..TESTS).fold(0, |bits, test| bits | 1 << (hash >> (6 * test) & 63))
}
