//! Look-up in a compiled blocklist.
//!
//! The bytes may be anything: every access is checked, a step down consumes a label of the name, and a bucket is scanned
//! up to a fixed number of items. What makes no sense matches nothing.

use super::error::TrieError;
use super::format::{self, Head, Header, Tables, CHECKSUM, ESCAPE};
use super::place::{Shape, MAX_BUCKET};
use super::symbols::{Code, Symbols};
use super::{Class, Match};
use crate::name::Name;

/// A compiled blocklist in bytes of any kind, a mapped file say.
pub struct Trie<B> {
    bytes: B,
    header: Header,
    symbols: Symbols,
    heads: Box<[Head; 256]>,
    classes: Vec<Class>,
    nodes: usize,
    checksum: u64,
}

/// Head of a number that no head has: longer than any code, so a scan ends there.
const NO_HEAD: Head = Head { class: 0, length: u8::MAX, children: false };

/// Where the children of a node are.
#[derive(Clone, Copy)]
enum Children<'a> {
    /// There are none.
    None,
    /// One bucket, which stands behind its item.
    Inline(&'a [u8]),
    /// A node at an offset into the nodes.
    Node(u32),
}

/// An item that was found.
struct Item<'a> {
    class: u32,
    children: Children<'a>,
}

impl<B: AsRef<[u8]>> Trie<B> {
    /// Verify all of a compiled blocklist and open it.
    pub fn open(bytes: B) -> Result<Self, TrieError> {
        let trie = Self::attach(bytes)?;
        format::verify(trie.bytes.as_ref())?;
        Ok(trie)
    }

    /// Open a blocklist whose checksum was verified before, reading no more than header and tables.
    pub fn attach(bytes: B) -> Result<Self, TrieError> {
        let tables = Tables::read(bytes.as_ref())?;
        let nodes = tables.nodes_start();
        let checksum = format::u64_at(bytes.as_ref(), bytes.as_ref().len() - CHECKSUM);
        let mut heads = Box::new([NO_HEAD; 256]);
        heads[..tables.heads.len()].copy_from_slice(&tables.heads);
        Ok(Self { bytes, header: tables.header, symbols: tables.symbols, heads, classes: tables.classes, nodes, checksum })
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
        let (found, removed) = self.walk(name, u64::MAX);
        if removed & !found.categories != 0 && found.categories != 0 {
            // An exception took something away, so the last entry that gave a category may not be one that still counts.
            return Match { labels: self.walk(name, found.categories).0.labels, ..found };
        }
        found
    }

    /// Walk down from the top level; `labels` of the match is the last entry that gave a category in `wanted`.
    ///
    /// Also returns what exceptions took away.
    fn walk(&self, name: &Name, wanted: u64) -> (Match, u64) {
        let mut found = Match::default();
        let mut removed = 0;
        let mut children = Children::Node(self.header.root);
        let labels = name.labels();
        for depth in 1..=labels {
            let code = self.symbols.encode(name.label(labels - depth));
            let Some(item) = self.child(children, &code) else { break };
            if let Some(class) = self.classes.get(item.class as usize) {
                let given = class.suffix | if depth == labels { class.exact } else { 0 };
                removed |= found.categories & class.exception;
                found.categories = (found.categories & !class.exception) | given;
                if given & wanted != 0 {
                    found.labels = depth as u8;
                }
            }
            children = item.children;
        }
        if found.categories == 0 {
            found.labels = 0;
        }
        (found, removed)
    }

    fn nodes(&self) -> &[u8] {
        let bytes = self.bytes.as_ref();
        &bytes[self.nodes..bytes.len() - CHECKSUM]
    }

    fn child<'a>(&'a self, children: Children<'a>, code: &Code) -> Option<Item<'a>> {
        match children {
            Children::None => None,
            Children::Inline(bucket) => self.scan(bucket, code, 0),
            Children::Node(at) => self.child_of_node(self.nodes().get(at as usize..)?, code),
        }
    }

    /// Find the bucket of a code in a node, and the code in it.
    fn child_of_node<'a>(&'a self, node: &'a [u8], code: &Code) -> Option<Item<'a>> {
        let kind = *node.first()?;
        let (digits, width) = (usize::from(kind & 3), usize::from(kind >> 2 & 7));
        if width == 0 {
            let size = usize::from(u16::from_le_bytes(*node.get(1..)?.first_chunk()?));
            return self.scan(node.get(3..3 + size)?, code, 0);
        }
        if digits > 2 {
            return None;
        }
        let rows = u32::from_le_bytes(*node.get(1..)?.first_chunk()?);
        let shape = Shape { digits, rows };
        let offsets = node.get(5..)?;
        let at = shape.bucket(code, self.header.seed) * width;
        let start = read_offset(offsets, at, width)?;
        let end = read_offset(offsets, at + width, width)?;
        let buckets = offsets.get((shape.buckets() + 1) * width..)?;
        self.scan(buckets.get(start..end)?, code, digits)
    }

    /// Find a code in a bucket, whose items are in order of code length.
    fn scan<'a>(&'a self, bucket: &'a [u8], code: &Code, digits: usize) -> Option<Item<'a>> {
        let mut at = 0;
        for _ in 0..MAX_BUCKET {
            let number = *bucket.get(at)?;
            let (head, size) = if number == ESCAPE { spelt_out(&bucket[at + 1..])? } else { (self.heads[usize::from(number)], 0) };
            let length = usize::from(head.length);
            if length > code.len() {
                return None;
            }
            let text = at + 1 + size;
            let end = text + length.saturating_sub(digits);
            if length == code.len() && bucket.get(text..end)? == code.rest(digits) {
                return Some(Item { class: head.class, children: below(bucket.get(end..)?, head.children)? });
            }
            at = if head.children { skip_children(bucket, end)? } else { end };
        }
        None
    }
}

/// A head that is not among the frequent ones, and its size.
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
fn below(bytes: &[u8], children: bool) -> Option<Children<'_>> {
    if !children {
        return Some(Children::None);
    }
    match *bytes.first()? {
        0 => Some(Children::Node(u32::from_le_bytes(*bytes.get(1..)?.first_chunk()?))),
        size => Some(Children::Inline(bytes.get(1..1 + usize::from(size))?)),
    }
}

/// The offset behind an item with children.
fn skip_children(bucket: &[u8], at: usize) -> Option<usize> {
    match *bucket.get(at)? {
        0 => Some(at + 5),
        size => Some(at + 1 + usize::from(size)),
    }
}

/// An offset of `width` octets; 1 to 4 are read, more than 4 exist in no blocklist.
fn read_offset(offsets: &[u8], at: usize, width: usize) -> Option<usize> {
    let bytes = offsets.get(at..at + width)?;
    Some(bytes.iter().take(4).rev().fold(0, |sum, octet| sum << 8 | usize::from(*octet)))
}
