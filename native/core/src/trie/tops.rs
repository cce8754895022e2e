//! The top-level domains of a list in a table of their own, so that the first step of a look-up costs next to nothing.
//!
//! It is made from the root node when a blocklist is opened. What does not fit is looked up like every other label.

/// Longest label in the table; longer top-level domains are rare.
const LONGEST: usize = 8;

/// Slots of the table; four times the top-level domains that lists have.
const SLOTS: usize = 4096;

/// Top-level domains and what is known of them.
pub struct Tops<T> {
    /// Open addressing with linear probing, at most half full. The label as an integer, 0 for a free slot.
    slots: Vec<(u64, T)>,
    used: usize,
}

impl<T: Copy> Tops<T> {
    /// An empty table.
    pub fn new(nothing: T) -> Self {
        Self { slots: vec![(0, nothing); SLOTS], used: 0 }
    }

    /// Whether another one fits.
    pub fn has_room(&self) -> bool {
        self.used < SLOTS / 2
    }

    /// Add a label; left out if it is too long or no room is left.
    pub fn insert(&mut self, label: &[u8], value: T) {
        if let (Some(key), true) = (key(label), self.has_room()) {
            let mut slot = slot(key);
            while self.slots[slot].0 != 0 && self.slots[slot].0 != key {
                slot = (slot + 1) % SLOTS;
            }
            self.used += usize::from(self.slots[slot].0 == 0);
            self.slots[slot] = (key, value);
        }
    }

    /// What is known of a label; None also if it was left out.
    pub fn get(&self, label: &[u8]) -> Option<T> {
        let key = key(label)?;
        let mut slot = slot(key);
        loop {
            let (found, value) = self.slots[slot];
            if found == key {
                return Some(value);
            }
            if found == 0 {
                return None;
            }
            slot = (slot + 1) % SLOTS;
        }
    }
}

/// A label as an integer: its octets, zeros behind them. None for a label that is too long or contains a zero.
fn key(label: &[u8]) -> Option<u64> {
    if label.len() > LONGEST || label.contains(&0) {
        return None;
    }
    Some(label.iter().rev().fold(0, |key, octet| key << 8 | u64::from(*octet)))
}

fn slot(key: u64) -> usize {
    (key.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 52) as usize % SLOTS
}
