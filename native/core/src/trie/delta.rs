//! What turns one compiled blocklist into another, byte for byte.
//!
//! A delta carries the tables of the new file and the entries that differ. The nodes are laid out again from the entries
//! of the old file, so a delta is as long as what changed although most bytes of the file may differ. A delta from a
//! blocklist without entries is a whole one.
//!
//! # Content
//!
//! Sections in this order; they are cut so that each compresses well by itself, and what the old file's
//! [tables] say is worth having as a dictionary. *Number* is LEB128; *difference* is the number of new − old, zigzag.
//!
//! | section | what |
//! | --- | --- |
//! | tables | [tables] of the new file |
//! | facts | differences of serial, names, entries, words of the filter, and of each of the 64 counts |
//! | removed | count, then for each entry of the old file that is gone, in order: how many entries stand before it since the last one named |
//! | changed | count, then the same for each entry that has another class, and the number of that |
//! | shared | count, then for each new entry, in order of their keys: octets of its key that the one before has, one octet each |
//! | lengths | for each new entry: other octets of its key, one octet each |
//! | text | these |
//! | classes | for each new entry: number of its class |

use std::cell::Cell;
use std::collections::HashMap;
use std::fmt;
use std::io::{self, Write};

use super::format::{self, Facts, Head};
use super::storage::{push_varint, take_varint};
use super::symbols::{Symbol, Symbols};
use super::walk::{labels, Difference, Differences, Walk};
use super::writer::{place, Expected, Take};
use super::{Class, Trie};
use crate::name::{MAX_LABEL, MAX_NAME};

/// Why a delta can't be applied.
#[derive(Debug)]
pub enum DeltaError {
    /// The result can't be written.
    Unwritable(io::Error),
    /// It is something else, or belongs to another blocklist; the text says what was expected and found.
    Damaged(String),
}

impl fmt::Display for DeltaError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unwritable(error) => write!(f, "can't be written: {error}"),
            Self::Damaged(text) => f.write_str(text),
        }
    }
}

impl std::error::Error for DeltaError {}

/// Symbols, heads and classes of a blocklist, in a form that stays alike when the blocklist changes little.
pub fn tables<B: AsRef<[u8]>>(trie: &Trie<B>) -> Vec<u8> {
    let mut out = Vec::new();
    let symbols = trie.symbols();
    push_varint(&mut out, symbols.list().len() as u64);
    for number in 1..=symbols.list().len() {
        let text = symbols.text(number as u8);
        push_varint(&mut out, text.len() as u64);
        out.extend_from_slice(text);
    }
    push_varint(&mut out, trie.heads().len() as u64);
    for head in trie.heads() {
        push_varint(&mut out, head.class.into());
        out.push(head.length | u8::from(head.children) << 7);
    }
    push_varint(&mut out, trie.classes().len() as u64);
    for class in trie.classes() {
        out.extend([class.suffix, class.exact, class.exception].iter().flat_map(|set| set.to_le_bytes()));
    }
    out
}

/// A delta that was made.
pub struct Made {
    /// Entries that are gone.
    pub removed: u64,
    /// Entries that have another class.
    pub changed: u64,
    /// New entries.
    pub added: u64,
    /// What the delta consists of, one behind the other.
    pub sections: [Vec<u8>; 8],
}

/// Compare two blocklists.
pub fn make<A: AsRef<[u8]>, B: AsRef<[u8]>>(old: &Trie<A>, new: &Trie<B>) -> Made {
    let (mut removed, mut changed, mut added) = (Gaps::default(), Gaps::default(), Added::default());
    let mut differences = Differences::new(old, new);
    while let Some(difference) = differences.step(old, new, |first, second| first.class == second.class) {
        match difference {
            Difference::Old(entry) => removed.push(entry.index),
            Difference::New(entry) => added.push(entry.key, entry.number),
            Difference::Both(first, second) => {
                changed.push(first.index);
                push_varint(&mut changed.out, second.number.into());
            }
        }
    }
    let mut facts = Vec::new();
    for (before, after) in numbers(old).into_iter().zip(numbers(new)) {
        let difference = after.wrapping_sub(before).cast_signed();
        push_varint(&mut facts, (difference << 1 ^ difference >> 63).cast_unsigned());
    }
    let Added { count, shared, lengths, text, classes, .. } = added;
    let shared = [varint(count), shared].concat();
    Made {
        removed: removed.count,
        changed: changed.count,
        added: count,
        sections: [tables(new), facts, removed.finish(), changed.finish(), shared, lengths, text, classes],
    }
}

/// What the facts of a delta are about.
fn numbers<B: AsRef<[u8]>>(trie: &Trie<B>) -> Vec<u64> {
    let mut numbers = vec![trie.serial(), trie.names(), trie.entries(), trie.filter_words() as u64];
    numbers.extend(trie.counts());
    numbers
}

fn varint(number: u64) -> Vec<u8> {
    let mut out = Vec::new();
    push_varint(&mut out, number);
    out
}

/// Positions of entries, each as the distance from the one before.
#[derive(Default)]
struct Gaps {
    count: u64,
    next: u64,
    out: Vec<u8>,
}

impl Gaps {
    fn push(&mut self, index: u64) {
        push_varint(&mut self.out, index - self.next);
        self.next = index + 1;
        self.count += 1;
    }

    fn finish(self) -> Vec<u8> {
        [varint(self.count), self.out].concat()
    }
}

/// New entries in the order of their keys.
#[derive(Default)]
struct Added {
    count: u64,
    last: Vec<u8>,
    shared: Vec<u8>,
    lengths: Vec<u8>,
    text: Vec<u8>,
    classes: Vec<u8>,
}

impl Added {
    fn push(&mut self, key: &[u8], class: u32) {
        let shared = self.last.iter().zip(key).take_while(|(a, b)| a == b).count();
        self.count += 1;
        self.shared.push(shared as u8);
        self.lengths.push((key.len() - shared) as u8);
        self.text.extend_from_slice(&key[shared..]);
        push_varint(&mut self.classes, class.into());
        self.last.clear();
        self.last.extend_from_slice(key);
    }
}

/// Write what a delta makes of a blocklist. Nothing is written before all of it is known to make sense. Returns the size.
pub fn apply<B: AsRef<[u8]>>(old: &Trie<B>, delta: &[u8], out: &mut impl Write) -> Result<u64, DeltaError> {
    let unlike =
        || DeltaError::Damaged("expected a delta for this blocklist, found one that makes no sense of it".into());
    let Delta { symbols, heads, classes, facts, words, changes } = Delta::read(old, delta).ok_or_else(unlike)?;
    let numbers = renumber(old.classes(), &classes);
    let harmed = Cell::new(false);
    let entries = |take: &mut Take| {
        if changes.for_each(old, &numbers, take).is_none() {
            harmed.set(true);
        }
    };
    let layout =
        place(&entries, symbols, heads, Expected { words: Some(words), nodes: old.size() }).map_err(|_| unlike())?;
    if harmed.get() {
        return Err(unlike());
    }
    format::write(layout, &facts, classes, out).map_err(DeltaError::Unwritable)
}

/// The number that each class of the old file has in the new one.
fn renumber(old: &[Class], new: &[Class]) -> Vec<Option<u32>> {
    let numbers: HashMap<_, _> = new.iter().zip(0..).collect();
    old.iter().map(|class| numbers.get(class).copied()).collect()
}

/// A delta that was read.
struct Delta<'a> {
    symbols: Symbols,
    heads: Vec<Head>,
    classes: Vec<Class>,
    facts: Facts,
    words: usize,
    changes: Changes<'a>,
}

/// What differs.
struct Changes<'a> {
    removed: Vec<u64>,
    changed: Vec<(u64, u32)>,
    shared: &'a [u8],
    lengths: &'a [u8],
    text: &'a [u8],
    classes: Vec<u32>,
}

impl<'a> Delta<'a> {
    fn read<B: AsRef<[u8]>>(old: &Trie<B>, mut bytes: &'a [u8]) -> Option<Self> {
        // A word of the filter stands for some names, each of which takes an octet or more in the file.
        let most_words = (old.size() + 256 * bytes.len()) as u64;
        let rest = &mut bytes;
        let symbols = read_symbols(rest)?;
        let heads = read_heads(rest)?;
        let classes = read_classes(rest)?;
        let mut facts = Vec::new();
        for before in numbers(old) {
            let difference = take_varint(rest)?;
            facts.push(before.wrapping_add(difference >> 1 ^ (difference & 1).wrapping_neg()));
        }
        let (front, counts) = facts.split_first_chunk::<4>()?;
        let [serial, names, entries, words] = *front;
        let removed = read_positions(rest, old.entries(), |_| Some(()))?.into_iter().map(|(at, ())| at).collect();
        let number = |rest: &mut &[u8]| class(rest, classes.len());
        let changed = read_positions(rest, old.entries(), number)?;
        let count = usize::try_from(take_varint(rest)?).ok()?;
        let shared = take(rest, count)?;
        let lengths = take(rest, count)?;
        let text = take(rest, lengths.iter().map(|length| usize::from(*length)).sum())?;
        let new = (0..count).map(|_| number(rest)).collect::<Option<Vec<_>>>()?;
        let new = Changes { removed, changed, shared, lengths, text, classes: new };
        let facts = Facts { serial, names, entries, counts: counts.try_into().ok()? };
        (rest.is_empty() && words <= most_words).then_some(Self {
            symbols,
            heads,
            classes,
            facts,
            words: words as usize,
            changes: new,
        })
    }
}

impl Changes<'_> {
    /// Call with the entries of the new file. None if they make no sense.
    fn for_each<B: AsRef<[u8]>>(&self, old: &Trie<B>, numbers: &[Option<u32>], take: &mut Take) -> Option<()> {
        let mut walk = Walk::new(old, None);
        let (mut removed, mut changed) = (self.removed.iter().peekable(), self.changed.iter().peekable());
        let mut new = New::default();
        new.step(self)?;
        while let Some(entry) = walk.step(old) {
            while new.ahead && new.key.as_slice() < entry.key {
                take(&new.key, new.class);
                new.step(self)?;
            }
            if new.ahead && new.key == entry.key {
                return None;
            }
            if removed.next_if_eq(&&entry.index).is_some() {
                continue;
            }
            match changed.next_if(|(index, _)| *index == entry.index) {
                Some((_, class)) => take(entry.key, *class),
                None => take(entry.key, (*numbers.get(entry.number as usize)?)?),
            }
        }
        while new.ahead {
            take(&new.key, new.class);
            new.step(self)?;
        }
        (removed.next().is_none() && changed.next().is_none()).then_some(())
    }
}

/// A new entry, one after the other.
#[derive(Default)]
struct New {
    count: usize,
    text: usize,
    key: Vec<u8>,
    class: u32,
    ahead: bool,
}

impl New {
    /// Go to the next one. None if that is no name above the last one.
    fn step(&mut self, changes: &Changes) -> Option<()> {
        let index = self.count;
        self.ahead = index < changes.shared.len();
        if !self.ahead {
            return Some(());
        }
        let (shared, length) = (usize::from(changes.shared[index]), usize::from(changes.lengths[index]));
        let last = self.key.split_off(shared.min(self.key.len()));
        let text = &changes.text[self.text..self.text + length];
        self.key.extend_from_slice(text);
        self.text += length;
        self.class = changes.classes[index];
        self.count += 1;
        (self.key.len() >= shared && text > &last[..] && is_name(&self.key)).then_some(())
    }
}

/// Whether a key is one of labels that are no longer than they may be.
fn is_name(key: &[u8]) -> bool {
    let mut size = 0;
    for label in labels(key) {
        if label.is_empty() || label.len() > MAX_LABEL {
            return false;
        }
        size += 1 + label.len();
    }
    size == key.len() && (1..MAX_NAME).contains(&size)
}

fn take<'a>(bytes: &mut &'a [u8], count: usize) -> Option<&'a [u8]> {
    let (front, rest) = bytes.split_at_checked(count)?;
    *bytes = rest;
    Some(front)
}

/// The number of a class that is one of an entry.
fn class(bytes: &mut &[u8], classes: usize) -> Option<u32> {
    let number = u32::try_from(take_varint(bytes)?).ok()?;
    (number > 0 && (number as usize) < classes).then_some(number)
}

/// Positions of entries below `entries`, with what stands behind each.
fn read_positions<T>(
    bytes: &mut &[u8],
    entries: u64,
    behind: impl Fn(&mut &[u8]) -> Option<T>,
) -> Option<Vec<(u64, T)>> {
    let count = take_varint(bytes)?;
    let mut found = Vec::new();
    let mut next = 0_u64;
    for _ in 0..count {
        let index = next.checked_add(take_varint(bytes)?).filter(|index| *index < entries)?;
        found.push((index, behind(bytes)?));
        next = index + 1;
    }
    Some(found)
}

fn read_symbols(bytes: &mut &[u8]) -> Option<Symbols> {
    let count = take_varint(bytes)?;
    let mut numbers: HashMap<&[u8], u8> = HashMap::from([(&[][..], 0)]);
    let mut list = Vec::new();
    for _ in 0..count {
        let length = usize::try_from(take_varint(bytes)?).ok()?;
        let text = take(bytes, length)?;
        let (octet, front) = text.split_last()?;
        list.push(Symbol { previous: *numbers.get(front)?, octet: *octet });
        numbers.insert(text, u8::try_from(list.len()).ok()?);
    }
    Symbols::new(list).ok()
}

fn read_heads(bytes: &mut &[u8]) -> Option<Vec<Head>> {
    let count = take_varint(bytes).filter(|count| *count <= format::ESCAPE.into())?;
    let head = |_| {
        let class = u32::try_from(take_varint(bytes)?).ok()?;
        let last = take(bytes, 1)?[0];
        Some(Head { class, length: last & 127, children: last > 127 })
    };
    (0..count).map(head).collect()
}

fn read_classes(bytes: &mut &[u8]) -> Option<Vec<Class>> {
    let count = usize::try_from(take_varint(bytes)?).ok()?;
    let rows = take(bytes, count.checked_mul(format::CLASS)?)?;
    Some(rows.chunks_exact(format::CLASS).map(format::read_class).collect())
}
