//! Lays out entries as nodes.
//!
//! Entries come in the order of their keys: labels from the top level down, each behind its length. Every name then
//! follows its parent and all names below a parent stand together, so one pass with a stack of open nodes is enough;
//! what is held in memory are the children of the open nodes. Wherever the entries come from, the pass is the same.

use std::collections::HashMap;
use std::io;

use super::filter::{self, Filling};
use super::format::{Head, ESCAPE};
use super::place::{Shape, MAX_BUCKET, SINGLE};
use super::symbols::{Code, Symbols, Trainer};
use crate::name::MAX_NAME;

/// Largest bucket in bytes that stands behind its item instead of in a node of its own.
const INLINE: usize = 128;

/// Seeds to try until no bucket is too full. More than one is needed only by lists made for it.
const SEEDS: u32 = 16;

/// Takes keys and their class numbers.
pub type Take<'a> = dyn FnMut(&[u8], u32) + 'a;

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
    /// The words of the filter.
    pub filter: Vec<u64>,
}

/// Lay out entries, which are passed over several times.
pub fn lay_out(entries: &impl Fn(&mut Take)) -> io::Result<Layout> {
    let symbols = train(entries);
    let heads = frequent_heads(entries, &symbols);
    place(entries, symbols, heads, Expected::default())
}

/// What is known of the result beforehand: then less memory is needed.
#[derive(Clone, Copy, Default)]
pub struct Expected {
    /// Words of the filter.
    pub words: Option<usize>,
    /// About how many octets of nodes.
    pub nodes: usize,
}

/// Write the nodes with the first seed that fills no bucket too much.
pub fn place(
    entries: &impl Fn(&mut Take),
    symbols: Symbols,
    heads: Vec<Head>,
    expected: Expected,
) -> io::Result<Layout> {
    for seed in 0..SEEDS {
        let mut writer = Writer::new(&symbols, &heads, seed, expected);
        for_each_label(entries, |path| writer.close(path));
        let root = writer.finish();
        if writer.too_large {
            let text = "expected a blocklist below 4 GiB, found a larger one";
            return Err(io::Error::new(io::ErrorKind::InvalidInput, text));
        }
        if !writer.crowded {
            let Writer { nodes, filter, tops, .. } = writer;
            return Ok(Layout { symbols, heads, seed, nodes, root, tops, filter: filter.finish() });
        }
    }
    Err(io::Error::new(
        io::ErrorKind::InvalidInput,
        format!("expected names that spread evenly, found more than {MAX_BUCKET} that collide whatever the seed"),
    ))
}

/// Labels that the symbols are chosen by; more make training slower and no list smaller.
const SAMPLE: usize = 250_000;

fn train(entries: &impl Fn(&mut Take)) -> Symbols {
    let mut count = 0_usize;
    for_each_label(entries, |_| count += 1);
    let step = count.div_ceil(SAMPLE).max(1);
    let mut trainer = Trainer::default();
    let mut index = 0_usize;
    for_each_label(entries, |path| {
        if index.is_multiple_of(step) {
            trainer.add(path.label());
        }
        index += 1;
    });
    trainer.train()
}

/// The heads that occur most often, most frequent first.
fn frequent_heads(entries: &impl Fn(&mut Take), symbols: &Symbols) -> Vec<Head> {
    let mut counts: HashMap<Head, u64> = HashMap::new();
    let mut code = Code::default();
    for_each_label(entries, |path| {
        symbols.encode_into(path.label(), &mut code);
        *counts.entry(path.head(code.len())).or_default() += 1;
    });
    let mut heads: Vec<_> = counts.into_iter().collect();
    heads.sort_by_key(|(head, count)| (std::cmp::Reverse(*count), *head));
    heads.truncate(usize::from(ESCAPE));
    heads.into_iter().map(|(head, _)| head).collect()
}

/// The label nodes from the top level down to the present one.
#[derive(Default)]
struct Path {
    key: Vec<u8>,
    open: Vec<Open>,
}

/// A label node on the path.
struct Open {
    /// Where its label ends in the key.
    end: usize,
    class: u32,
    children: bool,
}

impl Path {
    /// Number of labels.
    fn depth(&self) -> usize {
        self.open.len()
    }

    /// Where the last label begins in the key, its length included.
    fn start(&self, depth: usize) -> usize {
        depth.checked_sub(1).map_or(0, |parent| self.open[parent].end)
    }

    /// The last label.
    fn label(&self) -> &[u8] {
        &self.key[self.start(self.depth() - 1) + 1..]
    }

    /// The head of the last label, whose code has a length.
    fn head(&self, length: usize) -> Head {
        let last = &self.open[self.depth() - 1];
        Head { class: last.class, length: length as u8, children: last.children }
    }

    /// How many labels a key has in common with it.
    fn shared(&self, key: &[u8]) -> usize {
        let mut start = 0;
        self.open
            .iter()
            .take_while(|open| {
                let same = key.get(start..open.end) == Some(&self.key[start..open.end]);
                start = open.end;
                same
            })
            .count()
    }

    /// Go down to a key that has all labels in common.
    fn extend(&mut self, key: &[u8], class: u32) {
        let mut end = self.start(self.depth());
        self.key.extend_from_slice(&key[end..]);
        while let Some(length) = self.key.get(end) {
            if let Some(parent) = self.open.last_mut() {
                parent.children = true;
            }
            end += 1 + usize::from(*length);
            self.open.push(Open { end, class: 0, children: false });
        }
        if let Some(last) = self.open.last_mut() {
            last.class = class;
        }
    }

    /// Go up by a label.
    fn pop(&mut self) {
        self.open.pop();
        self.key.truncate(self.start(self.depth()));
    }

    /// Hash of the name in wire form.
    fn hash(&self) -> u64 {
        let mut wire = [0; MAX_NAME];
        let mut length = 0;
        let mut end = self.key.len();
        for depth in (0..self.depth()).rev() {
            let start = self.start(depth);
            wire[length..length + end - start].copy_from_slice(&self.key[start..end]);
            length += end - start;
            end = start;
        }
        filter::hash(&wire[..=length])
    }
}

/// Call with the path to every label node, children before their parents.
fn for_each_label(entries: &impl Fn(&mut Take), mut close: impl FnMut(&Path)) {
    let mut path = Path::default();
    entries(&mut |key, class| {
        let shared = path.shared(key);
        close_to(&mut path, shared, &mut close);
        path.extend(key, class);
    });
    close_to(&mut path, 0, &mut close);
}

fn close_to(path: &mut Path, depth: usize, close: &mut impl FnMut(&Path)) {
    while path.depth() > depth {
        close(path);
        path.pop();
    }
}

/// Children of an open node, kept small: half a million below one are common.
#[derive(Default)]
struct Pending {
    /// Their records, one after the other: octets of the head, of the code and of what stands behind it, and these three.
    records: Vec<u8>,
    /// Where each record begins.
    starts: Vec<u64>,
    /// What the filter needs of them.
    hashes: Vec<u64>,
}

/// A child of an open node.
#[derive(Clone, Copy)]
struct Record<'a> {
    head: &'a [u8],
    code: &'a [u8],
    /// The block of its own children, if it has some.
    tail: &'a [u8],
}

impl Pending {
    fn push(&mut self, Record { head, code, tail }: Record) {
        self.starts.push(self.records.len() as u64);
        self.records.extend([head.len() as u8, code.len() as u8, tail.len() as u8]);
        self.records.extend([head, code, tail].into_iter().flatten());
    }

    fn record(&self, start: u64) -> Record<'_> {
        let (sizes, rest) = self.records[start as u32 as usize..].split_at(3);
        let (head, rest) = rest.split_at(sizes[0].into());
        let (code, rest) = rest.split_at(sizes[1].into());
        Record { head, code, tail: &rest[..sizes[2].into()] }
    }

    /// Put children in the order of code length and code.
    fn sort(&self, starts: &mut [u64]) {
        starts.sort_unstable_by(|a, b| {
            let (a, b) = (self.record(*a).code, self.record(*b).code);
            a.len().cmp(&b.len()).then_with(|| a.cmp(b))
        });
    }
}

impl Record<'_> {
    /// Octets as an item of a node whose places imply the first `digits` of the code.
    fn size(self, digits: usize) -> usize {
        self.head.len() + self.code.len().saturating_sub(digits) + self.tail.len()
    }

    fn write(self, out: &mut Vec<u8>, digits: usize) {
        out.extend_from_slice(self.head);
        out.extend_from_slice(&self.code[digits.min(self.code.len())..]);
        out.extend_from_slice(self.tail);
    }
}

/// A block of children: its items in one bucket, or a node.
enum Block {
    Inline(Vec<u8>),
    Node(u32),
}

struct Writer<'a> {
    symbols: &'a Symbols,
    heads: HashMap<Head, u8>,
    seed: u32,
    nodes: Vec<u8>,
    pending: Vec<Pending>,
    /// Code of the present label, and what stands behind it.
    code: Code,
    behind: Vec<u8>,
    tops: bool,
    filter: Filling,
    /// What went wrong: a bucket too full for the format.
    crowded: bool,
    /// What went wrong: more than 4 GiB.
    too_large: bool,
}

impl<'a> Writer<'a> {
    fn new(symbols: &'a Symbols, heads: &[Head], seed: u32, expected: Expected) -> Self {
        Self {
            symbols,
            heads: heads.iter().enumerate().map(|(index, head)| (*head, index as u8)).collect(),
            seed,
            nodes: Vec::with_capacity(expected.nodes),
            pending: Vec::new(),
            code: Code::default(),
            behind: Vec::new(),
            tops: false,
            filter: Filling::new(expected.words),
            crowded: false,
            too_large: false,
        }
    }

    /// Take a label node whose children were all closed before.
    fn close(&mut self, path: &Path) {
        let depth = path.depth() - 1;
        let hash = path.hash();
        let Open { class, children, .. } = path.open[depth];
        self.tops |= depth == 0 && class != 0;
        if depth == 1 {
            self.filter.add(hash);
        }
        let block = children.then(|| self.block(depth + 1));
        self.symbols.encode_into(path.label(), &mut self.code);
        self.behind.clear();
        match block {
            None => {}
            Some(Block::Inline(bucket)) => {
                self.behind.push(bucket.len() as u8);
                self.behind.extend(bucket);
            }
            Some(Block::Node(at)) => {
                self.behind.push(0);
                self.behind.extend(at.to_le_bytes());
            }
        }
        let head = Head { class, length: self.code.len() as u8, children };
        let known = self.heads.get(&head).copied();
        let spelt = match known {
            Some(_) => Vec::new(),
            None => spelt_out(head),
        };
        let head = known.as_ref().map_or(spelt.as_slice(), std::slice::from_ref);
        if self.pending.len() <= depth {
            self.pending.resize_with(depth + 1, Pending::default);
        }
        let pending = &mut self.pending[depth];
        pending.push(Record { head, code: self.code.bytes(), tail: &self.behind });
        if depth > 1 {
            pending.hashes.push(hash);
        }
        self.too_large |= pending.records.len() > u32::MAX as usize;
    }

    /// The children at a depth as a block.
    fn block(&mut self, depth: usize) -> Block {
        let pending = std::mem::take(&mut self.pending[depth]);
        let count = pending.starts.len();
        if count > SINGLE {
            pending.hashes.iter().for_each(|hash| self.filter.add(*hash));
            return Block::Node(self.write_node(pending, Shape::for_children(count)));
        }
        let bucket = single_bucket(pending);
        if bucket.len() <= INLINE {
            return Block::Inline(bucket);
        }
        let at = self.node_offset();
        self.nodes.push(0);
        self.nodes.extend((bucket.len() as u16).to_le_bytes());
        self.nodes.extend(bucket);
        Block::Node(at)
    }

    fn finish(&mut self) -> u32 {
        if self.pending.is_empty() {
            self.pending.push(Pending::default());
        }
        let pending = std::mem::take(&mut self.pending[0]);
        let shape = Shape::for_root(pending.starts.len());
        self.write_node(pending, shape)
    }

    fn node_offset(&mut self) -> u32 {
        u32::try_from(self.nodes.len()).unwrap_or_else(|_| {
            self.too_large = true;
            0
        })
    }

    /// Write a node of buckets and return its offset.
    fn write_node(&mut self, mut pending: Pending, shape: Shape) -> u32 {
        if self.too_large {
            return 0;
        }
        let mut starts = std::mem::take(&mut pending.starts);
        let mut size = 0;
        for start in &mut starts {
            let record = pending.record(*start);
            size += record.size(shape.digits);
            *start |= (shape.bucket(&Code::new(record.code), self.seed) as u64) << 32;
        }
        starts.sort_unstable();
        let at = self.node_offset();
        let width = (1..4).find(|width| size < 1 << (8 * width)).unwrap_or(4);
        self.nodes.push(shape.digits as u8 | (width as u8) << 2);
        self.nodes.extend(shape.rows.to_le_bytes());
        let mut offset = self.nodes.len();
        let buckets = offset + (shape.buckets() + 1) * width;
        self.nodes.resize(buckets, 0);
        let mut rest = starts.as_mut_slice();
        for bucket in 0..shape.buckets() {
            let count = rest.iter().take_while(|start| **start >> 32 == bucket as u64).count();
            self.crowded |= count > MAX_BUCKET;
            let (items, others) = rest.split_at_mut(count);
            pending.sort(items);
            for start in &*items {
                pending.record(*start).write(&mut self.nodes, shape.digits);
            }
            rest = others;
            offset += width;
            let end = self.nodes.len() - buckets;
            self.nodes[offset..offset + width].copy_from_slice(&end.to_le_bytes()[..width]);
        }
        at
    }
}

fn single_bucket(mut pending: Pending) -> Vec<u8> {
    let mut starts = std::mem::take(&mut pending.starts);
    pending.sort(&mut starts);
    let mut bucket = Vec::new();
    for start in starts {
        pending.record(start).write(&mut bucket, 0);
    }
    bucket
}

/// A head that is not among the frequent ones.
fn spelt_out(head: Head) -> Vec<u8> {
    let mut out = vec![ESCAPE, head.length | u8::from(head.children) << 7];
    let mut class = head.class;
    while class > 127 {
        out.push(class as u8 | 128);
        class >>= 7;
    }
    out.push(class as u8);
    out
}
