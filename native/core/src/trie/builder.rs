//! Collects what sources say of names and compiles it.

use std::io::{self, Write};

use super::format::{self, Facts};
use super::merge::{Merge, Merged};
use super::run::Run;
use super::sort::{MakeStorage, Said, Sorter};
use super::writer::{lay_out, Take};
use crate::name::{Name, MAX_NAME};

/// Layer of lists.
pub const LISTS: u8 = 0;

/// Layer of the operator's own entries, which are stronger than lists.
pub const OPERATOR: u8 = 1;

/// Most sources.
pub const MAX_SOURCES: usize = 1 << 16;

/// A list, or entries of the operator.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Source {
    /// Categories of its names, bit `n` for category number `n`.
    pub categories: u64,
    /// [`LISTS`] or [`OPERATOR`].
    pub layer: u8,
    /// Whether it takes names out of the categories, in its layer.
    pub allow: bool,
}

/// What of the tree an entry is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Scope {
    /// The name and everything below it.
    Suffix,
    /// The name only.
    Exact,
    /// Only what is below the name.
    Below,
}

/// What was compiled.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Built {
    /// Distinct names given.
    pub names: u64,
    /// Entries left.
    pub entries: u64,
    /// Size in bytes.
    pub bytes: u64,
    /// What each source gave.
    pub sources: Vec<SourceCounts>,
    /// First source, second source, distinct names that both gave.
    pub overlaps: Vec<(u32, u32, u64)>,
}

/// What a source gave.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SourceCounts {
    /// Distinct names.
    pub names: u64,
    /// Names that no other source gave.
    pub alone: u64,
    /// Names that are no entry, as their ancestors say the same.
    pub dropped: u64,
}

/// Collects names and compiles them. The same names in any order give the same bytes.
pub struct Builder {
    sources: Vec<Source>,
    sorter: Sorter,
}

impl Builder {
    /// A builder for what these sources say, all of which it keeps in memory.
    pub fn new(sources: Vec<Source>) -> Self {
        Self::with_sorter(sources, Sorter::new(usize::MAX, None))
    }

    /// A builder that keeps up to `memory` octets of names in memory, and the others in a storage.
    pub fn with_storage(sources: Vec<Source>, memory: usize, make: MakeStorage) -> Self {
        Self::with_sorter(sources, Sorter::new(memory, Some(make)))
    }

    fn with_sorter(sources: Vec<Source>, sorter: Sorter) -> Self {
        assert!(sources.len() <= MAX_SOURCES, "expected at most {MAX_SOURCES} sources, found {}", sources.len());
        Self { sources, sorter }
    }

    /// Add what a source says of a name in a line of its file; an exception takes the name out.
    ///
    /// The root is no name that a list can hold and is left out.
    pub fn add(&mut self, name: &Name, source: u32, scope: Scope, exception: bool, line: u32) -> io::Result<()> {
        assert!(
            (source as usize) < self.sources.len(),
            "expected one of {} sources, found {source}",
            self.sources.len()
        );
        if name.labels() == 0 {
            return Ok(());
        }
        let mut key = [0; MAX_NAME];
        let said = source << 3 | (scope as u32) << 1 | u32::from(exception);
        let length = write_key(name, &mut key);
        self.sorter.push(&key[..length], Said { said, line })
    }

    /// Compile what was added and write it; `each` is called with every name and what was said of it, in order.
    pub fn finish(
        self,
        serial: u64,
        out: &mut impl Write,
        mut each: impl FnMut(&[u8], &[Said]) -> io::Result<()>,
    ) -> io::Result<Built> {
        let mut merge = Merge::new(self.sources);
        let mut run = Run::default();
        self.sorter.for_each(|key, said| {
            if let Some(class) = merge.take(key, said) {
                run.push(key, class);
            }
            each(key, said)
        })?;
        let merged = merge.finish()?;
        let bytes = write(serial, &run, &merged, out)?;
        let Merged { names, sources, overlaps, .. } = merged;
        Ok(Built { names, entries: run.len(), bytes, sources, overlaps })
    }
}

/// Write a name as a key: labels from the top level down, each behind its length. Returns its length.
pub fn write_key(name: &Name, key: &mut [u8; MAX_NAME]) -> usize {
    let mut length = 0;
    for index in (0..name.labels()).rev() {
        let label = name.label(index);
        key[length] = label.len() as u8;
        key[length + 1..=length + label.len()].copy_from_slice(label);
        length += label.len() + 1;
    }
    length
}

/// Lay out merged entries and write the file. Returns its size.
fn write(serial: u64, run: &Run, merged: &Merged, out: &mut impl Write) -> io::Result<u64> {
    let layout = lay_out(&|take: &mut Take| {
        run.iter().for_each(|(key, class)| take(key, merged.numbers[class as usize]));
    })?;
    let facts = Facts { serial, names: merged.names, entries: run.len(), counts: merged.counts };
    format::write(layout, &facts, merged.classes.clone(), out)
}
