//! Merged entries in the order of their keys, one behind the other in one buffer.

/// Entries in order: each key behind its length, its class behind it.
#[derive(Default)]
pub struct Run {
    bytes: Vec<u8>,
    entries: u64,
}

impl Run {
    /// Append an entry, whose key is above all before it.
    pub fn push(&mut self, key: &[u8], class: u32) {
        self.bytes.push(key.len() as u8);
        self.bytes.extend_from_slice(key);
        self.bytes.extend(class.to_le_bytes());
        self.entries += 1;
    }

    /// Number of entries.
    pub fn len(&self) -> u64 {
        self.entries
    }

    /// The entries in order.
    pub fn iter(&self) -> Iter<'_> {
        Iter(&self.bytes)
    }
}

/// Passes over a run.
#[derive(Clone)]
pub struct Iter<'a>(&'a [u8]);

impl<'a> Iterator for Iter<'a> {
    type Item = (&'a [u8], u32);

    fn next(&mut self) -> Option<Self::Item> {
        let (length, rest) = self.0.split_first()?;
        let (key, rest) = rest.split_at_checked(usize::from(*length))?;
        let (class, rest) = rest.split_first_chunk()?;
        self.0 = rest;
        Some((key, u32::from_le_bytes(*class)))
    }
}
