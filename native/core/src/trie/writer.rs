//! Lays out a sorted run of entries as nodes.
//!
//! Entries come in the order of their keys: labels from the top level down, each behind its length. Every name then
//! follows its parent and all names below a parent stand together, so one pass with a stack of open nodes is enough;
//! what is held in memory are the children of the open nodes. Wherever the entries come from, the pass is the same.

use std::collections::BTreeMap;
use std::io;

use super::filter;
use super::format::{Head, ESCAPE};
use super::place::{Shape, MAX_BUCKET, SINGLE};
use super::symbols::{Code, Symbols, Trainer};
use crate::name::MAX_NAME;

/// Largest bucket in bytes that stands behind its item instead of in a node of its own.
const INLINE: usize = 128;

/// An entry: key and class number.
pub type Entry<'a> = (&'a [u8], u32);

/// Seeds to try until no bucket is too full. More than one is needed only by lists made for it.
const SEEDS: u32 = 16;

/// The nodes of a blocklist and what is needed to read them.
pub struct Layout {
    /// Symbols of the label code.
    pub symbols: Symbols,
    /// The most frequent heads.
    pub heads: Vec<Head>,
    /// Seed of the label hash.
    pub seed: u32,
    /// The nodes.
    pub nodes: Vec<u8>,
    /// The root as an offset into the nodes.
    pub root: u32,
    /// Whether a top-level domain is an entry.
    pub tops: bool,
    /// Hashes of the names that the filter holds.
    pub filtered: Vec<u64>,
}

/// Lay out entries, which are passed over several times.
pub fn lay_out<'a>(entries: &(impl Iterator<Item = Entry<'a>> + Clone)) -> io::Result<Layout> {
    let symbols = train(entries);
    let heads = frequent_heads(entries, &symbols);
    place(entries, symbols, heads)
}

/// Write the nodes with the first seed that fills no bucket too much.
pub(super) fn place<'a>(
    entries: &(impl Iterator<Item = Entry<'a>> + Clone),
    symbols: Symbols,
    heads: Vec<Head>,
) -> io::Result<Layout> {
    for seed in 0..SEEDS {
        let mut writer = Writer::new(&symbols, &heads, seed);
        for_each_label(entries.clone(), |path, class, children| writer.close(path, class, children));
        let root = writer.finish();
        if writer.too_large {
            let text = "expected a blocklist below 4 GiB, found a larger one";
            return Err(io::Error::new(io::ErrorKind::InvalidInput, text));
        }
        if !writer.crowded {
            let Writer { nodes, filtered, tops, .. } = writer;
            return Ok(Layout { symbols, heads, seed, nodes, root, tops, filtered });
        }
    }
    Err(io::Error::new(
        io::ErrorKind::InvalidInput,
        format!("expected names that spread evenly, found more than {MAX_BUCKET} that collide whatever the seed"),
    ))
}

/// Labels that the symbols are chosen by; more make training slower and no list smaller.
const SAMPLE: usize = 250_000;

fn train<'a>(entries: &(impl Iterator<Item = Entry<'a>> + Clone)) -> Symbols {
    let mut count = 0_usize;
    for_each_label(entries.clone(), |_, _, _| count += 1);
    let step = count.div_ceil(SAMPLE).max(1);
    let mut trainer = Trainer::default();
    let mut index = 0_usize;
    for_each_label(entries.clone(), |path, _, _| {
        if index.is_multiple_of(step) {
            trainer.add(path[path.len() - 1].label);
        }
        index += 1;
    });
    trainer.train()
}

/// The heads that occur most often, most frequent first.
fn frequent_heads<'a>(entries: &(impl Iterator<Item = Entry<'a>> + Clone), symbols: &Symbols) -> Vec<Head> {
    let mut counts: BTreeMap<Head, u64> = BTreeMap::new();
    for_each_label(entries.clone(), |path, class, children| {
        let label = path[path.len() - 1].label;
        let head = Head { class, length: symbols.encode(label).len() as u8, children };
        *counts.entry(head).or_default() += 1;
    });
    let mut heads: Vec<_> = counts.into_iter().collect();
    heads.sort_by_key(|(head, count)| (std::cmp::Reverse(*count), *head));
    heads.truncate(usize::from(ESCAPE));
    heads.into_iter().map(|(head, _)| head).collect()
}

/// A label node on the path to the present entry.
struct Open<'a> {
    label: &'a [u8],
    class: u32,
    children: bool,
}

/// Call with the path to it, class and whether it has children for every label node, children before their parents.
fn for_each_label<'a>(entries: impl Iterator<Item = Entry<'a>>, mut close: impl FnMut(&[Open<'a>], u32, bool)) {
    let mut path: Vec<Open> = Vec::new();
    for (key, class) in entries {
        let mut rest = key;
        let mut depth = 0;
        while let Some((label, after)) = split_label(rest) {
            if path.get(depth).map(|open| open.label) != Some(label) {
                break;
            }
            rest = after;
            depth += 1;
        }
        close_to(&mut path, depth, &mut close);
        while let Some((label, after)) = split_label(rest) {
            if let Some(parent) = path.last_mut() {
                parent.children = true;
            }
            path.push(Open { label, class: 0, children: false });
            rest = after;
        }
        if let Some(last) = path.last_mut() {
            last.class = class;
        }
    }
    close_to(&mut path, 0, &mut close);
}

fn close_to<'a>(path: &mut Vec<Open<'a>>, depth: usize, close: &mut impl FnMut(&[Open<'a>], u32, bool)) {
    while path.len() > depth {
        if let Some(Open { class, children, .. }) = path.last() {
            close(path, *class, *children);
        }
        path.pop();
    }
}

/// Hash of a path as a name in wire form.
fn hash_path(path: &[Open<'_>]) -> u64 {
    let mut wire = [0; MAX_NAME];
    let mut length = 0;
    for open in path.iter().rev() {
        wire[length] = open.label.len() as u8;
        wire[length + 1..length + 1 + open.label.len()].copy_from_slice(open.label);
        length += 1 + open.label.len();
    }
    filter::hash(&wire[..=length])
}

fn split_label(key: &[u8]) -> Option<(&[u8], &[u8])> {
    let (length, rest) = key.split_first()?;
    rest.split_at_checked(usize::from(*length))
}

/// Children of an open node: their codes and what stands behind them, one after the other.
#[derive(Default)]
struct Pending {
    bytes: Vec<u8>,
    items: Vec<PendingItem>,
}

/// A child of an open node.
struct PendingItem {
    hash: u64,
    bucket: u32,
    start: u32,
    class: u32,
    length: u8,
    tail: u8,
    children: bool,
}

/// A block of children: its items in one bucket, or a node.
enum Block {
    Inline(Vec<u8>),
    Node(u32),
}

struct Writer<'a> {
    symbols: &'a Symbols,
    heads: BTreeMap<Head, u8>,
    seed: u32,
    nodes: Vec<u8>,
    pending: Vec<Pending>,
    tops: bool,
    filtered: Vec<u64>,
    /// What went wrong: a bucket too full for the format.
    crowded: bool,
    /// What went wrong: more than 4 GiB.
    too_large: bool,
}

impl<'a> Writer<'a> {
    fn new(symbols: &'a Symbols, heads: &[Head], seed: u32) -> Self {
        Self {
            symbols,
            heads: heads.iter().enumerate().map(|(index, head)| (*head, index as u8)).collect(),
            seed,
            nodes: Vec::new(),
            pending: Vec::new(),
            tops: false,
            filtered: Vec::new(),
            crowded: false,
            too_large: false,
        }
    }

    /// Take a label node whose children were all closed before.
    fn close(&mut self, path: &[Open<'_>], class: u32, children: bool) {
        let depth = path.len() - 1;
        let label = path[depth].label;
        let hash = hash_path(path);
        self.tops |= depth == 0 && class != 0;
        if depth == 1 {
            self.filtered.push(hash);
        }
        let block = children.then(|| self.block(depth + 1));
        if self.pending.len() <= depth {
            self.pending.resize_with(depth + 1, Pending::default);
        }
        let code = self.symbols.encode(label);
        let pending = &mut self.pending[depth];
        let start = u32::try_from(pending.bytes.len()).unwrap_or_else(|_| {
            self.too_large = true;
            0
        });
        pending.bytes.extend_from_slice(code.bytes());
        let tail = match block {
            None => 0,
            Some(Block::Inline(bucket)) => {
                pending.bytes.push(bucket.len() as u8);
                pending.bytes.extend_from_slice(&bucket);
                1 + bucket.len() as u8
            }
            Some(Block::Node(at)) => {
                pending.bytes.push(0);
                pending.bytes.extend_from_slice(&at.to_le_bytes());
                5
            }
        };
        pending.items.push(PendingItem { hash, bucket: 0, start, class, length: code.len() as u8, tail, children });
    }

    /// The children at a depth as a block.
    fn block(&mut self, depth: usize) -> Block {
        let mut pending = std::mem::take(&mut self.pending[depth]);
        if pending.items.len() <= SINGLE {
            let bucket = self.single_bucket(&mut pending);
            if bucket.len() <= INLINE {
                return Block::Inline(bucket);
            }
            let at = self.node_offset();
            self.nodes.push(0);
            self.nodes.extend((bucket.len() as u16).to_le_bytes());
            self.nodes.extend(bucket);
            return Block::Node(at);
        }
        if depth > 1 {
            self.filtered.extend(pending.items.iter().map(|item| item.hash));
        }
        let shape = Shape::for_children(pending.items.len());
        Block::Node(self.write_node(&mut pending, shape))
    }

    fn finish(&mut self) -> u32 {
        if self.pending.is_empty() {
            self.pending.push(Pending::default());
        }
        let mut pending = std::mem::take(&mut self.pending[0]);
        let shape = Shape::for_root(pending.items.len());
        self.write_node(&mut pending, shape)
    }

    fn node_offset(&mut self) -> u32 {
        u32::try_from(self.nodes.len()).unwrap_or_else(|_| {
            self.too_large = true;
            0
        })
    }

    fn single_bucket(&self, pending: &mut Pending) -> Vec<u8> {
        sort(pending);
        let mut bucket = Vec::new();
        for item in &pending.items {
            self.write_item(&mut bucket, &pending.bytes, item, 0);
        }
        bucket
    }

    /// Write a node of buckets and return its offset.
    fn write_node(&mut self, pending: &mut Pending, shape: Shape) -> u32 {
        for item in &mut pending.items {
            let start = item.start as usize;
            let code = Code::new(&pending.bytes[start..start + usize::from(item.length)]);
            item.bucket = shape.bucket(&code, self.seed) as u32;
        }
        sort(pending);
        let mut buckets = Vec::with_capacity(pending.bytes.len());
        let mut ends = vec![0_usize; shape.buckets() + 1];
        let mut items = pending.items.as_slice();
        for (bucket, end) in ends.iter_mut().skip(1).enumerate() {
            let count = items.iter().take_while(|item| item.bucket as usize == bucket).count();
            self.crowded |= count > MAX_BUCKET;
            for item in &items[..count] {
                self.write_item(&mut buckets, &pending.bytes, item, shape.digits);
            }
            items = &items[count..];
            *end = buckets.len();
        }
        let at = self.node_offset();
        let width = (1..4).find(|width| buckets.len() < 1 << (8 * width)).unwrap_or(4);
        self.nodes.push(shape.digits as u8 | (width as u8) << 2);
        self.nodes.extend(shape.rows.to_le_bytes());
        self.nodes.extend(ends.iter().flat_map(|end| end.to_le_bytes().into_iter().take(width)));
        self.nodes.extend(buckets);
        at
    }

    fn write_item(&self, out: &mut Vec<u8>, bytes: &[u8], item: &PendingItem, digits: usize) {
        let head = Head { class: item.class, length: item.length, children: item.children };
        match self.heads.get(&head) {
            Some(number) => out.push(*number),
            None => spell_out(out, head),
        }
        let start = item.start as usize;
        let end = start + usize::from(item.length);
        out.extend_from_slice(&bytes[(start + digits).min(end)..end + usize::from(item.tail)]);
    }
}

/// Order of items: bucket, code length, code.
fn sort(pending: &mut Pending) {
    let bytes = &pending.bytes;
    let code = |item: &PendingItem| &bytes[item.start as usize..item.start as usize + usize::from(item.length)];
    pending
        .items
        .sort_unstable_by(|a, b| (a.bucket, a.length).cmp(&(b.bucket, b.length)).then_with(|| code(a).cmp(code(b))));
}

/// A head that is not among the frequent ones.
fn spell_out(out: &mut Vec<u8>, head: Head) {
    out.push(ESCAPE);
    out.push(head.length | u8::from(head.children) << 7);
    let mut class = head.class;
    while class > 127 {
        out.push(class as u8 | 128);
        class >>= 7;
    }
    out.push(class as u8);
}
