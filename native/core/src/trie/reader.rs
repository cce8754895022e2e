//! Look-up in a compiled blocklist.
//!
//! The bytes may be anything: every access is checked, a step down consumes a label of the name, a bucket is scanned
//! up to a fixed number of items. What makes no sense matches nothing.

use std::hint::black_box;

use super::error::TrieError;
use super::filter;
use super::format::{self, Head, Header, Tables, CHECKSUM, ESCAPE, HEADER};
use super::place::{Shape, MAX_BUCKET};
use super::symbols::{Code, Symbols};
use super::tops::Tops;
use super::{Class, Match};
use crate::name::Name;

/// A compiled blocklist in bytes of any kind, a mapped file say.
pub struct Trie<B> {
    bytes: B,
    header: Header,
    symbols: Symbols,
    heads: Box<[Head; 256]>,
    classes: Vec<Class>,
    filter: usize,
    nodes: usize,
    tops: Tops<Item>,
    checksum: u64,
}

/// Where a look-up of a name reads memory that is probably far away.
#[derive(Clone, Copy, Debug, Default)]
pub struct Place {
    /// The filter's word, in the file.
    filter: usize,
    /// Where the offset of the bucket stands, in the nodes.
    offset: usize,
    /// Where the buckets begin.
    buckets: usize,
    /// Octets of an offset.
    width: usize,
}

/// Head of a number that no head has: longer than any code, so a scan ends there.
const NO_HEAD: Head = Head { class: 0, length: u8::MAX, children: false };

/// Where the children of a node are, as offsets into the nodes.
#[derive(Clone, Copy)]
pub(super) enum Children {
    /// There are none.
    None,
    /// One bucket, which stands behind its item.
    Inline(usize, usize),
    /// A node.
    Node(u32),
}

/// What a head and what stands behind a code say of a name.
#[derive(Clone, Copy)]
pub(super) struct Item {
    pub(super) class: u32,
    pub(super) children: Children,
}

impl<B: AsRef<[u8]>> Trie<B> {
    /// Verify all of a compiled blocklist and open it.
    pub fn open(bytes: B) -> Result<Self, TrieError> {
        let trie = Self::attach(bytes)?;
        trie.verify()?;
        Ok(trie)
    }

    /// Compare the content with its checksum.
    pub fn verify(&self) -> Result<(), TrieError> {
        format::verify(self.bytes.as_ref())
    }

    /// Open a blocklist without verifying its checksum, reading no more than header and tables.
    pub fn attach(bytes: B) -> Result<Self, TrieError> {
        let tables = Tables::read(bytes.as_ref())?;
        let nodes = tables.nodes_start();
        let checksum = format::u64_at(bytes.as_ref(), bytes.as_ref().len() - CHECKSUM);
        let mut heads = Box::new([NO_HEAD; 256]);
        heads[..tables.heads.len()].copy_from_slice(&tables.heads);
        let mut trie = Self {
            bytes,
            header: tables.header,
            symbols: tables.symbols,
            heads,
            classes: tables.classes,
            filter: tables.filter,
            nodes,
            tops: Tops::new(Item { class: 0, children: Children::None }),
            checksum,
        };
        trie.tops = trie.read_tops();
        Ok(trie)
    }

    /// The nodes.
    pub(super) fn nodes(&self) -> &[u8] {
        &self.bytes.as_ref()[self.nodes..]
    }

    /// The symbols of the label code.
    pub(super) fn symbols(&self) -> &Symbols {
        &self.symbols
    }

    /// The most frequent heads.
    pub(super) fn heads(&self) -> &[Head] {
        let count = self.heads.iter().position(|head| *head == NO_HEAD).unwrap_or(self.heads.len());
        &self.heads[..count]
    }

    /// The classes, by number.
    pub(super) fn classes(&self) -> &[Class] {
        &self.classes
    }

    /// Words of the filter.
    pub(super) fn filter_words(&self) -> usize {
        self.filter / filter::WORD
    }

    /// Seed of the label hash.
    pub(super) fn seed(&self) -> u32 {
        self.header.seed
    }

    /// What is below the root.
    pub(super) fn root(&self) -> Children {
        Children::Node(self.header.root)
    }

    /// A class by its number; one that there is not changes nothing.
    pub(super) fn class(&self, number: u32) -> Class {
        self.classes.get(number as usize).copied().unwrap_or_default()
    }

    /// The child of that label.
    pub(super) fn child_named(&self, children: Children, label: &[u8]) -> Option<Item> {
        self.child(self.nodes(), children, &self.symbols.encode(label))
    }

    /// What it reads from.
    pub fn bytes(&self) -> &B {
        &self.bytes
    }

    /// Version of the content, given when it was compiled.
    pub fn serial(&self) -> u64 {
        self.header.serial
    }

    /// Distinct names that were given to the builder.
    pub fn names(&self) -> u64 {
        self.header.names
    }

    /// Entries left after names were dropped whose parents say the same.
    pub fn entries(&self) -> u64 {
        self.header.entries
    }

    /// Whether a top-level domain is an entry.
    pub fn tops(&self) -> bool {
        self.header.tops
    }

    /// Distinct names by category number, exceptions not counted.
    pub fn counts(&self) -> &[u64; 64] {
        &self.header.counts
    }

    /// Hash of the content.
    pub fn checksum(&self) -> u64 {
        self.checksum
    }

    /// Size in bytes.
    pub fn size(&self) -> usize {
        self.bytes.as_ref().len()
    }

    /// The categories of a name.
    pub fn lookup(&self, name: &Name) -> Match {
        // Most names are not listed, and mostly no top-level domain is: then one cache line has said so.
        if !self.header.tops && name.labels() > 1 && !self.may_hold(name, 2) {
            return Match::default();
        }
        let (found, removed) = self.walk(name, u64::MAX);
        if removed & !found.categories != 0 && found.categories != 0 {
            // An entry took something away, so the last entry that gave a category may not count any more.
            return Match { labels: self.walk(name, found.categories).0.labels, ..found };
        }
        found
    }

    /// Where a look-up of a name will wait for memory. Reads none of that itself.
    pub fn place(&self, name: &Name) -> Place {
        let labels = name.labels();
        if labels < 2 {
            return Place::default();
        }
        let filter = HEADER + filter::place(self.filter, filter::hash(name.suffix(2)));
        let Some(Item { children: Children::Node(at), .. }) = self.tops.get(name.label(labels - 1)) else {
            return Place { filter, ..Place::default() };
        };
        let mut code = Code::default();
        self.symbols.encode_into(name.label(labels - 2), &mut code);
        let nodes = &self.bytes.as_ref()[self.nodes..];
        self.place_in(nodes, at as usize, &code).map_or_else(Place::default, |(place, _)| Place { filter, ..place })
    }

    /// Read at many places, so that look-ups find it near. The reads of a loop don't depend on each other, so the processor
    /// waits for all of them at one time.
    pub fn warm(&self, places: &mut [Place]) {
        let bytes = self.bytes.as_ref();
        let nodes = &bytes[self.nodes..];
        for place in &mut *places {
            black_box(bytes.get(place.filter).copied());
            place.offset = read_offset(nodes, place.offset, place.width).unwrap_or(0);
        }
        for place in places {
            black_box(nodes.get(place.buckets + place.offset).copied());
        }
    }

    /// The place of a code's bucket in a node with offsets, and how many octets of the code it implies.
    fn place_in(&self, nodes: &[u8], at: usize, code: &Code) -> Option<(Place, usize)> {
        let kind = *nodes.get(at)?;
        let (digits, width) = (usize::from(kind & 3), usize::from(kind >> 2 & 7));
        if digits > 2 || width == 0 {
            return None;
        }
        let rows = u32::from_le_bytes(*nodes.get(at + 1..)?.first_chunk()?);
        let shape = Shape { digits, rows };
        let offset = at + 5 + shape.bucket(code, self.header.seed) * width;
        let buckets = at + 5 + (shape.buckets() + 1) * width;
        Some((Place { filter: 0, offset, buckets, width }, digits))
    }

    /// Collect what is below the root. A root that makes no sense gives an empty table.
    fn read_tops(&self) -> Tops<Item> {
        let mut tops = Tops::new(Item { class: 0, children: Children::None });
        let nodes = &self.bytes.as_ref()[self.nodes..];
        let Some((mut at, end)) = whole_root(nodes, self.header.root as usize) else { return tops };
        let mut label = Vec::new();
        while at < end && tops.has_room() {
            let Some((head, text)) = self.head(nodes, at) else { break };
            let behind = text + usize::from(head.length);
            let (Some(code), Some(children)) = (nodes.get(text..behind), below(nodes, behind, head.children)) else {
                break;
            };
            label.clear();
            self.symbols.decode(code, &mut label);
            tops.insert(&label, Item { class: head.class, children });
            at = behind_children(behind, children);
        }
        tops
    }

    /// Whether the last `labels` labels of a name may be something that the filter holds.
    fn may_hold(&self, name: &Name, labels: usize) -> bool {
        let filter = &self.bytes.as_ref()[HEADER..HEADER + self.filter];
        filter::may_hold(filter, filter::hash(name.suffix(labels)))
    }

    /// Walk down from the top level; `labels` of the match is the last entry that gave a category in `wanted`.
    ///
    /// Also returns what was taken away on the way.
    fn walk(&self, name: &Name, wanted: u64) -> (Match, u64) {
        let nodes = &self.bytes.as_ref()[self.nodes..];
        let mut found = Match::default();
        let mut removed = 0;
        let mut children = Children::Node(self.header.root);
        let mut code = Code::default();
        let labels = name.labels();
        for depth in 1..=labels {
            let label = name.label(labels - depth);
            let known = if depth == 1 { self.tops.get(label) } else { None };
            let Some(item) = known.or_else(|| {
                self.symbols.encode_into(label, &mut code);
                self.child(nodes, children, &code)
            }) else {
                break;
            };
            if let Some(class) = self.classes.get(item.class as usize) {
                let before = found.categories;
                let toggled = if depth == labels { class.exact } else { 0 };
                found.categories = ((before & !class.exception) | class.suffix) ^ toggled;
                removed |= before & !found.categories;
                if found.categories & !before & wanted != 0 {
                    found.labels = depth as u8;
                }
            }
            children = item.children;
            let done = match children {
                Children::None => true,
                Children::Inline(..) => false,
                Children::Node(at) => {
                    depth > 1 && depth < labels && is_large(nodes, at) && !self.may_hold(name, depth + 1)
                }
            };
            if done {
                break;
            }
        }
        if found.categories == 0 {
            found.labels = 0;
        }
        (found, removed)
    }

    fn child(&self, nodes: &[u8], children: Children, code: &Code) -> Option<Item> {
        match children {
            Children::None => None,
            Children::Inline(start, end) => self.scan(nodes, start, end, code, 0),
            Children::Node(at) => self.child_of_node(nodes, at as usize, code),
        }
    }

    /// Find the bucket of a code in a node, and the code in it.
    fn child_of_node(&self, nodes: &[u8], at: usize, code: &Code) -> Option<Item> {
        let (start, end, digits) = self.bucket(nodes, at, code)?;
        self.scan(nodes, start, end, code, digits)
    }

    /// Where the bucket of a code in a node begins and ends, and how many octets of the code its place implies.
    fn bucket(&self, nodes: &[u8], at: usize, code: &Code) -> Option<(usize, usize, usize)> {
        let kind = *nodes.get(at)?;
        if (kind >> 2).trailing_zeros() >= 3 {
            let size = usize::from(u16::from_le_bytes(*nodes.get(at + 1..)?.first_chunk()?));
            return Some((at + 3, at + 3 + size, 0));
        }
        let (Place { offset, buckets, width, .. }, digits) = self.place_in(nodes, at, code)?;
        let start = buckets + read_offset(nodes, offset, width)?;
        let end = buckets + read_offset(nodes, offset + width, width)?;
        // A bucket is often on two cache lines; ask for the second while waiting for the first.
        black_box(*nodes.get(end)?);
        Some((start, end, digits))
    }

    /// Find a code in a bucket, whose items are in order of code length.
    fn scan(&self, nodes: &[u8], start: usize, end: usize, code: &Code, digits: usize) -> Option<Item> {
        let wanted = code.word(digits);
        let stored = code.len().saturating_sub(digits);
        let mask = if stored < 8 { (1 << (8 * stored)) - 1 } else { u64::MAX };
        let mut at = start;
        for _ in 0..MAX_BUCKET {
            if at >= end {
                return None;
            }
            let (head, text) = self.head(nodes, at)?;
            let length = usize::from(head.length);
            if length >= code.len() {
                if length > code.len() {
                    return None;
                }
                if (read_word(nodes, text)? ^ wanted) & mask == 0
                    && (stored <= 8 || nodes.get(text..text + stored)? == code.rest(digits))
                {
                    return Some(Item { class: head.class, children: below(nodes, text + stored, head.children)? });
                }
            }
            at = text + length.saturating_sub(digits);
            if head.children {
                at = behind_children(at, below(nodes, at, true)?);
            }
        }
        None
    }

    /// The head of the item at an offset, and the offset behind it.
    pub(super) fn head(&self, nodes: &[u8], at: usize) -> Option<(Head, usize)> {
        match *nodes.get(at)? {
            ESCAPE => spelt_out(nodes.get(at + 1..)?).map(|(head, size)| (head, at + 1 + size)),
            number => Some((self.heads[usize::from(number)], at + 1)),
        }
    }
}

/// Whether the children of a node are in the filter.
fn is_large(nodes: &[u8], at: u32) -> bool {
    nodes.get(at as usize).is_some_and(|kind| *kind != 0)
}

/// A head that is not among the frequent ones, and its size.
#[cold]
fn spelt_out(bytes: &[u8]) -> Option<(Head, usize)> {
    let first = *bytes.first()?;
    let mut class = 0_u32;
    for (index, octet) in bytes[1..].iter().take(4).enumerate() {
        class |= u32::from(octet & 127) << (7 * index);
        if *octet < 128 {
            return Some((Head { class, length: first & 127, children: first > 127 }, index + 2));
        }
    }
    None
}

/// The children that stand behind an item's code.
pub(super) fn below(nodes: &[u8], at: usize, children: bool) -> Option<Children> {
    if !children {
        return Some(Children::None);
    }
    match *nodes.get(at)? {
        0 => Some(Children::Node(u32::from_le_bytes(*nodes.get(at + 1..)?.first_chunk()?))),
        size => Some(Children::Inline(at + 1, at + 1 + usize::from(size))),
    }
}

/// The offset behind children that begin at an offset.
pub(super) fn behind_children(at: usize, children: Children) -> usize {
    match children {
        Children::None => at,
        Children::Inline(_, end) => end,
        Children::Node(_) => at + 5,
    }
}

/// Where the buckets of a root are that stores whole codes.
fn whole_root(nodes: &[u8], at: usize) -> Option<(usize, usize)> {
    let kind = *nodes.get(at)?;
    let (digits, width) = (usize::from(kind & 3), usize::from(kind >> 2));
    let rows = u32::from_le_bytes(*nodes.get(at + 1..)?.first_chunk()?) as usize;
    let last = at + 5 + rows * width;
    let end = last + width + read_offset(nodes, last, width)?;
    (digits == 0).then_some((last + width, end))
}

/// Eight octets; behind the nodes stands the checksum, so that this succeeds for every item.
fn read_word(nodes: &[u8], at: usize) -> Option<u64> {
    Some(u64::from_le_bytes(*nodes.get(at..)?.first_chunk()?))
}

/// An offset of `width` octets, 1 to 4.
pub(super) fn read_offset(nodes: &[u8], at: usize, width: usize) -> Option<usize> {
    let word = u32::from_le_bytes(*nodes.get(at..)?.first_chunk()?);
    let mask = u32::MAX.checked_shr(32_u32.saturating_sub(8 * width as u32))?;
    Some((word & mask) as usize)
}
