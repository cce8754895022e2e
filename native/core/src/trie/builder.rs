//! Collects names, merges what is said of the same name, and drops what an ancestor says already.

use std::collections::BTreeMap;
use std::io::{self, Write};

use super::filter::{fill, WORD};
use super::format::{checksum, Header, Tables};
use super::writer::lay_out;
use super::{Class, Kind};
use crate::name::Name;

/// Most classes, so that a class number is a varint of four octets.
const MAX_CLASSES: usize = 1 << 28;

/// What was compiled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Summary {
    /// Distinct names given.
    pub names: u64,
    /// Entries left.
    pub entries: u64,
    /// Size in bytes.
    pub bytes: u64,
}

/// Collects names and compiles them. The same names in any order give the same bytes.
///
/// Names stand one behind the other in one buffer; 5 M of them take about 200 MB.
#[derive(Default)]
pub struct Builder {
    /// Keys, each behind its length: labels from the top level down, each behind its own.
    keys: Vec<u8>,
    records: Vec<Record>,
}

/// What was said of a name; after merging, an entry.
#[derive(Clone, Copy)]
struct Record {
    /// First octets of the key, big-endian: most comparisons end here and do not touch the keys.
    prefix: u64,
    /// Offset of the key.
    start: u64,
    /// Category and kind; after merging, the class number.
    what: u32,
}

impl Builder {
    /// An empty builder.
    pub fn new() -> Self {
        Self::default()
    }

    /// Add a name of a category below 64. The root is no name that a list can hold and is left out.
    pub fn add(&mut self, name: &Name, category: u8, kind: Kind) {
        assert!(category < 64, "expected a category from 0 to 63, found {category}");
        if name.labels() == 0 {
            return;
        }
        let start = self.keys.len();
        self.keys.push((name.wire().len() - 1) as u8);
        for index in (0..name.labels()).rev() {
            let label = name.label(index);
            self.keys.push(label.len() as u8);
            self.keys.extend_from_slice(label);
        }
        let mut prefix = [0; 8];
        for (to, from) in prefix.iter_mut().zip(&self.keys[start + 1..]) {
            *to = *from;
        }
        let what = u32::from(category) << 2 | kind as u32;
        self.records.push(Record { prefix: u64::from_be_bytes(prefix), start: start as u64, what });
    }

    /// Compile what was added and write it.
    pub fn finish(mut self, serial: u64, out: &mut impl Write) -> io::Result<Summary> {
        self.sort();
        let merged = self.merge()?;
        let entries = self.records.iter().map(|record| (key(&self.keys, record), record.what));
        let layout = lay_out(&entries)?;
        let header = Header {
            seed: layout.seed,
            serial,
            names: merged.names,
            entries: self.records.len() as u64,
            root: layout.root,
            tops: layout.tops,
            counts: merged.counts,
        };
        let filter = fill(&layout.filtered);
        let tables = Tables {
            header,
            filter: filter.len() * WORD,
            symbols: layout.symbols,
            heads: layout.heads,
            classes: merged.classes,
        };
        let mut bytes = tables.write(&filter, layout.nodes.len());
        bytes.extend_from_slice(&layout.nodes);
        drop(layout.nodes);
        bytes.extend(checksum(&bytes).to_le_bytes());
        out.write_all(&bytes)?;
        Ok(Summary { names: merged.names, entries: tables.header.entries, bytes: bytes.len() as u64 })
    }

    fn sort(&mut self) {
        let keys = &self.keys;
        self.records.sort_unstable_by(|a, b| a.prefix.cmp(&b.prefix).then_with(|| key(keys, a).cmp(key(keys, b))));
    }

    /// Turn the sorted records into entries, in place.
    fn merge(&mut self) -> io::Result<Merged> {
        let mut merge = Merge::default();
        let mut kept = 0;
        let mut at = 0;
        while at < self.records.len() {
            let first = self.records[at];
            let name = key(&self.keys, &first);
            let mut said = Class::default();
            while at < self.records.len() && key(&self.keys, &self.records[at]) == name {
                said.add(self.records[at].what);
                at += 1;
            }
            let class = merge.take(name, said);
            if class != Class::default() {
                self.records[kept] = Record { what: merge.number(class), ..first };
                kept += 1;
            }
        }
        self.records.truncate(kept);
        let (merged, numbers) = merge.finish()?;
        for record in &mut self.records {
            record.what = numbers[record.what as usize];
        }
        Ok(merged)
    }
}

fn key<'a>(keys: &'a [u8], record: &Record) -> &'a [u8] {
    let start = record.start as usize;
    &keys[start + 1..start + 1 + usize::from(keys[start])]
}

impl Class {
    fn add(&mut self, what: u32) {
        let set = 1 << (what >> 2);
        match what & 3 {
            0 => self.suffix |= set,
            1 => self.exact |= set,
            _ => self.exception |= set,
        }
    }
}

/// What is known when all names were merged.
struct Merged {
    names: u64,
    counts: [u64; 64],
    classes: Vec<Class>,
}

/// Reduces what is said of names, in the order of their keys, to what differs from their ancestors.
struct Merge<'a> {
    names: u64,
    counts: [u64; 64],
    classes: BTreeMap<Class, u32>,
    /// Ancestors of the present name that were given: key, and the categories that hold below.
    ancestors: Vec<(&'a [u8], u64)>,
}

impl Default for Merge<'_> {
    fn default() -> Self {
        Self { names: 0, counts: [0; 64], classes: BTreeMap::new(), ancestors: Vec::new() }
    }
}

impl<'a> Merge<'a> {
    /// The class of a name after what was said of it; an exception beats the rest that is said of the same name.
    fn take(&mut self, name: &'a [u8], said: Class) -> Class {
        self.names += 1;
        for (category, count) in self.counts.iter_mut().enumerate() {
            *count += (said.suffix | said.exact) >> category & 1;
        }
        // Every label is behind its length, so a prefix of a key is an ancestor.
        while self.ancestors.last().is_some_and(|(ancestor, _)| !name.starts_with(ancestor)) {
            self.ancestors.pop();
        }
        let inherited = self.ancestors.last().map_or(0, |(_, categories)| *categories);
        let suffix = said.suffix & !said.exception;
        self.ancestors.push((name, (inherited & !said.exception) | suffix));
        Class {
            suffix: suffix & !inherited,
            exact: said.exact & !said.exception & !suffix & !inherited,
            exception: said.exception & inherited,
        }
    }

    /// A number for a class, in order of appearance.
    fn number(&mut self, class: Class) -> u32 {
        let next = self.classes.len() as u32;
        *self.classes.entry(class).or_insert(next)
    }

    /// The classes in order with that of no entry in front, and their final numbers by number of appearance.
    fn finish(self) -> io::Result<(Merged, Vec<u32>)> {
        if self.classes.len() >= MAX_CLASSES {
            let found = self.classes.len();
            let text = format!("expected fewer than {MAX_CLASSES} distinct sets of categories, found {found}");
            return Err(io::Error::new(io::ErrorKind::InvalidInput, text));
        }
        let mut classes = vec![Class::default()];
        let mut numbers = vec![0; self.classes.len()];
        for (class, number) in self.classes {
            numbers[number as usize] = classes.len() as u32;
            classes.push(class);
        }
        Ok((Merged { names: self.names, counts: self.counts, classes }, numbers))
    }
}
