//! Unpredictable numbers for what an off-path attacker would have to guess (RFC 5452 section 9.2).

use rand_chacha::ChaCha12Rng;
use rand_core::{RngCore, SeedableRng};

/// A cryptographic generator; its seed comes from outside, so a test can repeat a run.
#[derive(Debug)]
pub struct Random(ChaCha12Rng);

impl Random {
    /// Start from 32 octets of the operating system's randomness.
    pub fn new(seed: [u8; 32]) -> Self {
        Self(ChaCha12Rng::from_seed(seed))
    }

    /// 16 bits.
    pub fn u16(&mut self) -> u16 {
        self.0.next_u32() as u16
    }

    /// 64 bits.
    pub fn u64(&mut self) -> u64 {
        self.0.next_u64()
    }

    /// A number below `bound`, which is small: the bias of at most `bound` / 2^32 doesn't matter here.
    pub fn below(&mut self, bound: usize) -> usize {
        ((u64::from(self.0.next_u32()) * bound as u64) >> 32) as usize
    }
}
