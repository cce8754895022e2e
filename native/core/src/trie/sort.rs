//! Sorts what was said of names: in memory as long as there is room, else as sorted runs in a temporary file that are
//! merged at the end. What comes out is the same either way.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::io;

use super::storage::{push_key, push_varint, take_key, take_varint, Storage};

/// What makes a temporary file when one is needed.
pub type MakeStorage = Box<dyn FnMut() -> io::Result<Box<dyn Storage + Send + Sync>> + Send + Sync>;

/// Octets of a run that are read or written at a time.
const CHUNK: usize = 64 << 10;

/// Most octets that one record takes in a run.
const RECORD: usize = 2 + 255 + 10 + 10;

/// Something said of a name: `said` is the source times 8, plus scope times 2, plus 1 for an exception.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Said {
    /// Source, scope and whether it is an exception.
    pub said: u32,
    /// Line of the source's file.
    pub line: u32,
}

/// Where the key of a record stands, and what it says.
#[derive(Clone, Copy)]
struct Record {
    /// First octets of the key, big-endian: most comparisons end here and do not touch the keys.
    prefix: u64,
    /// Offset of the key behind its length.
    start: u64,
    said: Said,
}

/// Collects records and gives them back in the order of their keys.
pub struct Sorter {
    /// Keys, each behind its length: labels from the top level down, each behind its own.
    keys: Vec<u8>,
    records: Vec<Record>,
    memory: usize,
    make: Option<MakeStorage>,
    storage: Option<Box<dyn Storage + Send + Sync>>,
    /// Begin and end of each run in the storage.
    runs: Vec<(u64, u64)>,
}

impl Sorter {
    /// A sorter that keeps everything in memory, or what exceeds `memory` octets in a storage.
    pub fn new(memory: usize, make: Option<MakeStorage>) -> Self {
        Self { keys: Vec::new(), records: Vec::new(), memory, make, storage: None, runs: Vec::new() }
    }

    /// Add a record.
    pub fn push(&mut self, key: &[u8], said: Said) -> io::Result<()> {
        let start = self.keys.len() as u64;
        self.keys.push(key.len() as u8);
        self.keys.extend_from_slice(key);
        let mut prefix = [0; 8];
        for (to, from) in prefix.iter_mut().zip(key) {
            *to = *from;
        }
        self.records.push(Record { prefix: u64::from_be_bytes(prefix), start, said });
        if self.make.is_some() && self.keys.len() + self.records.len() * size_of::<Record>() > self.memory {
            self.spill()?;
        }
        Ok(())
    }

    /// Call with each name and what was said of it, in order; of what was said twice, the first line is given.
    pub fn for_each(mut self, mut take: impl FnMut(&[u8], &[Said]) -> io::Result<()>) -> io::Result<()> {
        let mut group = Group::default();
        if self.runs.is_empty() {
            self.sort();
            for record in &self.records {
                group.push(key(&self.keys, record), record.said, &mut take)?;
            }
        } else {
            self.spill()?;
            (self.keys, self.records) = (Vec::new(), Vec::new());
            if let Some(storage) = &self.storage {
                merge(storage.as_ref(), &self.runs, |key, said| group.push(key, said, &mut take))?;
            }
        }
        group.finish(&mut take)
    }

    fn sort(&mut self) {
        let keys = &self.keys;
        self.records.sort_unstable_by(|a, b| {
            a.prefix.cmp(&b.prefix).then_with(|| key(keys, a).cmp(key(keys, b))).then(a.said.cmp(&b.said))
        });
    }

    /// Write what is in memory as a sorted run.
    fn spill(&mut self) -> io::Result<()> {
        self.sort();
        if self.storage.is_none() {
            self.storage = self.make.as_mut().map(|make| make()).transpose()?;
        }
        let Some(storage) = &mut self.storage else { return Ok(()) };
        let begin = self.runs.last().map_or(0, |(_, end)| *end);
        let mut end = begin;
        let (mut chunk, mut last) = (Vec::with_capacity(CHUNK + RECORD), Vec::new());
        for record in &self.records {
            push_key(&mut chunk, &mut last, key(&self.keys, record));
            push_varint(&mut chunk, record.said.said.into());
            push_varint(&mut chunk, record.said.line.into());
            if chunk.len() >= CHUNK {
                storage.append(&chunk)?;
                end += chunk.len() as u64;
                chunk.clear();
            }
        }
        storage.append(&chunk)?;
        self.runs.push((begin, end + chunk.len() as u64));
        self.keys.clear();
        self.records.clear();
        Ok(())
    }
}

fn key<'a>(keys: &'a [u8], record: &Record) -> &'a [u8] {
    let start = record.start as usize;
    &keys[start + 1..start + 1 + usize::from(keys[start])]
}

/// Gathers what is said of one name.
#[derive(Default)]
struct Group {
    key: Vec<u8>,
    said: Vec<Said>,
}

impl Group {
    fn push(
        &mut self,
        key: &[u8],
        said: Said,
        take: &mut impl FnMut(&[u8], &[Said]) -> io::Result<()>,
    ) -> io::Result<()> {
        if self.key != key {
            self.finish(take)?;
            self.key.clear();
            self.key.extend_from_slice(key);
        }
        if self.said.last().is_none_or(|last| last.said != said.said) {
            self.said.push(said);
        }
        Ok(())
    }

    fn finish(&mut self, take: &mut impl FnMut(&[u8], &[Said]) -> io::Result<()>) -> io::Result<()> {
        if !self.said.is_empty() {
            take(&self.key, &self.said)?;
            self.said.clear();
        }
        Ok(())
    }
}

/// Merge sorted runs.
fn merge(
    storage: &dyn Storage,
    runs: &[(u64, u64)],
    mut take: impl FnMut(&[u8], Said) -> io::Result<()>,
) -> io::Result<()> {
    let mut cursors: Vec<_> = runs.iter().map(|(begin, end)| Cursor::new(*begin, *end)).collect();
    let mut heap = BinaryHeap::new();
    for (index, cursor) in cursors.iter_mut().enumerate() {
        heap.extend(cursor.next(storage, Vec::new())?.map(|(key, said)| Reverse((key, said, index))));
    }
    while let Some(Reverse((key, said, index))) = heap.pop() {
        take(&key, said)?;
        heap.extend(cursors[index].next(storage, key)?.map(|(key, said)| Reverse((key, said, index))));
    }
    Ok(())
}

/// Reads a run.
struct Cursor {
    next: u64,
    end: u64,
    chunk: Vec<u8>,
    at: usize,
}

impl Cursor {
    fn new(next: u64, end: u64) -> Self {
        Self { next, end, chunk: Vec::new(), at: 0 }
    }

    /// The next record, given the key of the one before.
    fn next(&mut self, storage: &dyn Storage, mut key: Vec<u8>) -> io::Result<Option<(Vec<u8>, Said)>> {
        if self.chunk.len() - self.at < RECORD && self.next < self.end {
            self.refill(storage)?;
        }
        let mut rest = &self.chunk[self.at..];
        if rest.is_empty() {
            return Ok(None);
        }
        let number = |rest: &mut &[u8]| take_varint(rest).and_then(|number| u32::try_from(number).ok());
        let said = take_key(&mut rest, &mut key)
            .and_then(|()| number(&mut rest))
            .and_then(|said| Some(Said { said, line: number(&mut rest)? }))
            .ok_or_else(|| {
                io::Error::other("expected the names that were written to the temporary file, found others")
            })?;
        self.at = self.chunk.len() - rest.len();
        Ok(Some((key, said)))
    }

    fn refill(&mut self, storage: &dyn Storage) -> io::Result<()> {
        self.chunk.drain(..self.at);
        self.at = 0;
        let old = self.chunk.len();
        let wanted = CHUNK.min((self.end - self.next) as usize);
        self.chunk.resize(old + wanted, 0);
        if storage.fill_at(&mut self.chunk[old..], self.next)? < wanted {
            return Err(io::Error::other("expected the names that were written to the temporary file, found its end"));
        }
        self.next += wanted as u64;
        Ok(())
    }
}
