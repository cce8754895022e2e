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
//! | shared | count, then for each new entry, in order of their texts: octets of its text that the one before has, one octet each |
//! | text | for each new entry: the other octets of its text, and a line feed |
//! | classes | for each new entry: number of its class |
//!
//! The *text* of an entry is its labels from the top level down with dots between. Sorted like this, more names begin as
//! the one before does than in the order of the file, where shorter labels come first.

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
    pub sections: [Vec<u8>; 7],
}

/// Compare two blocklists.
pub fn make<A: AsRef<[u8]>, B: AsRef<[u8]>>(old: &Trie<A>, new: &Trie<B>) -> Made {
    let (mut removed, mut changed, mut added) = (Gaps::default(), Gaps::default(), Vec::new());
    let mut differences = Differences::new(old, new);
    while let Some(difference) = differences.step(old, new, |first, second| first.class == second.class) {
        match difference {
            Difference::Old(entry) => removed.push(entry.index),
            Difference::New(entry) => added.push((text(entry.key), entry.number)),
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
    let count = added.len() as u64;
    let [shared, text, classes] = front_coded(added);
    let shared = [varint(count), shared].concat();
    Made {
        removed: removed.count,
        changed: changed.count,
        added: count,
        sections: [tables(new), facts, removed.finish(), changed.finish(), shared, text, classes],
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

/// Labels of a key with dots between. Names on blocklists have neither dots nor line feeds in their labels.
fn text(key: &[u8]) -> Vec<u8> {
    let mut text = Vec::with_capacity(key.len());
    for label in labels(key) {
        text.extend_from_slice(label);
        text.push(b'.');
    }
    text.pop();
    text
}

/// New entries as sections: shared octets, text, classes.
fn front_coded(mut added: Vec<(Vec<u8>, u32)>) -> [Vec<u8>; 3] {
    added.sort_unstable();
    let [mut shared, mut out, mut classes] = [const { Vec::new() }; 3];
    let mut last: &[u8] = &[];
    for (text, class) in &added {
        let same = last.iter().zip(text).take_while(|(a, b)| a == b).count();
        shared.push(same as u8);
        out.extend_from_slice(&text[same..]);
        out.push(b'\n');
        push_varint(&mut classes, (*class).into());
        last = text;
    }
    [shared, out, classes]
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
struct Delta {
    symbols: Symbols,
    heads: Vec<Head>,
    classes: Vec<Class>,
    facts: Facts,
    words: usize,
    changes: Changes,
}

/// What differs.
struct Changes {
    removed: Vec<u64>,
    changed: Vec<(u64, u32)>,
    new: New,
}

impl Delta {
    fn read<B: AsRef<[u8]>>(old: &Trie<B>, mut bytes: &[u8]) -> Option<Self> {
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
        let new = New::read(shared, rest, number)?;
        let facts = Facts { serial, names, entries, counts: counts.try_into().ok()? };
        (rest.is_empty() && words <= most_words).then_some(Self {
            symbols,
            heads,
            classes,
            facts,
            words: words as usize,
            changes: Changes { removed, changed, new },
        })
    }
}

impl Changes {
    /// Call with the entries of the new file. None if they make no sense.
    fn for_each<B: AsRef<[u8]>>(&self, old: &Trie<B>, numbers: &[Option<u32>], take: &mut Take) -> Option<()> {
        let mut walk = Walk::new(old, None);
        let (mut removed, mut changed) = (self.removed.iter().peekable(), self.changed.iter().peekable());
        let mut new = self.new.iter().peekable();
        while let Some(entry) = walk.step(old) {
            while let Some((key, class)) = new.next_if(|(key, _)| *key < entry.key) {
                take(key, class);
            }
            if new.peek().is_some_and(|(key, _)| *key == entry.key) {
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
        for (key, class) in new {
            take(key, class);
        }
        (removed.next().is_none() && changed.next().is_none()).then_some(())
    }
}

/// New entries in the order of their keys.
struct New {
    /// Keys, each behind its length.
    keys: Vec<u8>,
    /// Where the key of each begins, and the number of its class.
    order: Vec<(u32, u32)>,
}

impl New {
    /// Read new entries in the order of their texts. None if one is no name above the last one.
    fn read(shared: &[u8], bytes: &mut &[u8], class: impl Fn(&mut &[u8]) -> Option<u32>) -> Option<Self> {
        let mut new = Self { keys: Vec::new(), order: Vec::with_capacity(shared.len()) };
        let (mut text, mut key) = (Vec::new(), Vec::new());
        for &same in shared {
            let end = bytes.iter().take(MAX_NAME).position(|octet| *octet == b'\n')?;
            let rest = take(bytes, end)?;
            take(bytes, 1)?;
            let last = text.get(usize::from(same)..)?;
            if rest <= last {
                return None;
            }
            text.truncate(same.into());
            text.extend_from_slice(rest);
            key.clear();
            for label in text.split(|octet| *octet == b'.') {
                key.push(label.len() as u8);
                key.extend_from_slice(label);
            }
            if !is_name(&key) {
                return None;
            }
            new.order.push((u32::try_from(new.keys.len()).ok()?, 0));
            new.keys.push(key.len() as u8);
            new.keys.extend_from_slice(&key);
        }
        for (_, number) in &mut new.order {
            *number = class(bytes)?;
        }
        let keys = &new.keys;
        new.order.sort_unstable_by_key(|(at, _)| key_at(keys, *at));
        Some(new)
    }

    fn iter(&self) -> impl Iterator<Item = (&[u8], u32)> {
        self.order.iter().map(|(at, class)| (key_at(&self.keys, *at), *class))
    }
}

/// The key that begins behind its length.
fn key_at(keys: &[u8], at: u32) -> &[u8] {
    let at = at as usize;
    &keys[at + 1..][..keys[at].into()]
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
