//! In which bucket of a node a label stands, for the writer and the reader.
//!
//! The first *digits* octets of a code are not hashed but added to the hash of the rest. So the bucket and the rest
//! together determine them, and they need not be stored: quotienting, as in Knuth's exercise 6.4-13.

use super::symbols::Code;

/// Most items in a bucket, so that a look-up is bounded whatever the list holds.
pub const MAX_BUCKET: usize = 255;

/// Up to this many children a node is one bucket without offsets.
pub const SINGLE: usize = 16;

/// Items that a bucket has on average.
const TARGET: usize = 8;

/// Least average, below which an implied octet costs more in offsets than it saves.
const LEAST: usize = 4;

const SEEDS: [u64; 3] = [0x9e37_79b9_7f4a_7c15, 0xd1b5_4a32_d192_ed03, 0x8cb9_2ba7_2f3d_8dd7];

/// How the children of a node are spread: `rows × 256^digits` buckets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shape {
    /// Octets of a code that the place implies, 0 to 2.
    pub digits: usize,
    /// Buckets per value of the digits.
    pub rows: u32,
}

impl Shape {
    /// The shape for a number of children.
    pub fn for_children(children: usize) -> Self {
        let digits = (1..=2).rev().find(|digits| children >= LEAST << (8 * digits)).unwrap_or(0);
        let unit = TARGET << (8 * digits);
        Self { digits, rows: ((children + unit / 2) / unit).max(1) as u32 }
    }

    /// The shape of the root, whose codes are stored whole so that they can be read back.
    pub fn for_root(children: usize) -> Self {
        Self { digits: 0, rows: children.div_ceil(TARGET).max(1) as u32 }
    }

    /// Number of buckets.
    pub fn buckets(self) -> usize {
        (self.rows as usize) << (8 * self.digits)
    }

    /// The bucket of a code, below [`Shape::buckets`].
    pub fn bucket(self, code: &Code, seed: u32) -> usize {
        let hash = hash(code, self.digits, seed);
        let row = ((hash >> 32) * u64::from(self.rows)) >> 32;
        let first = u64::from(code.first_two());
        let column = (first + (hash & 0xffff)) & ((1 << (8 * self.digits)) - 1);
        ((row << (8 * self.digits)) | column) as usize
    }

    /// The first two octets of a code that stands in a bucket, from the octets behind them; the inverse of `bucket`.
    pub fn implied(self, bucket: usize, code: &Code, seed: u32) -> [u8; 2] {
        let first = (bucket as u64).wrapping_sub(hash(code, self.digits, seed) & 0xffff);
        (first as u16).to_le_bytes()
    }
}

/// Hash of a code from octet `skip` on. The octets behind a code are zero, so the first 16 take no branch.
fn hash(code: &Code, skip: usize, seed: u32) -> u64 {
    let length = code.len();
    let mut hash = fold(code.word(skip) ^ SEEDS[0] ^ u64::from(seed), code.word(skip + 8) ^ SEEDS[1] ^ length as u64);
    let mut at = skip + 16;
    while at < length {
        hash = fold(hash ^ code.word(at), code.word(at + 8) ^ SEEDS[2]);
        at += 16;
    }
    hash
}

/// The two halves of a 128-bit product, mixed.
fn fold(a: u64, b: u64) -> u64 {
    let product = u128::from(a) * u128::from(b);
    (product as u64) ^ ((product >> 64) as u64)
}
