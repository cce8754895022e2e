//! All entries of a blocklist in the order of their keys, and what two blocklists differ in.
//!
//! The children of a node are decoded and sorted when the walk comes to it, so memory is bounded by the nodes on one path.
//! The bytes may be anything: every access is checked, depth and number of items are bounded, and what makes no sense ends
//! the walk early.

use std::cmp::Ordering;

use super::reader::{Children, Item, Trie};
use super::Class;
use crate::name::{Name, MAX_LABEL, MAX_NAME};

/// An entry: what it says of its name and of what is below.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Entry<'a> {
    /// Labels from the top level down, each behind its length.
    pub key: &'a [u8],
    /// Entries of the walk before this one.
    pub index: u64,
    /// Number of its class.
    pub number: u32,
    /// What it changes.
    pub class: Class,
    /// Categories that the nearest entry above gives.
    pub inherited: u64,
    /// Categories of the name.
    pub here: u64,
    /// Categories of what is below, before more specific entries.
    pub below: u64,
}

impl Entry<'_> {
    /// The name as text.
    pub fn text(&self) -> String {
        let mut labels: Vec<&[u8]> = labels(self.key).collect();
        labels.reverse();
        String::from_utf8_lossy(&labels.join(&b'.')).into_owned()
    }
}

/// The labels of a key, from the top level down.
pub(super) fn labels(key: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut rest = key;
    std::iter::from_fn(move || {
        let (size, after) = rest.split_first()?;
        let (label, after) = after.split_at_checked((*size).into())?;
        rest = after;
        Some(label)
    })
}

/// Most children of a level that is kept for its memory; larger ones are rare.
const SPARE: usize = 4096;

/// A walk over a blocklist that is given with every step.
#[derive(Default)]
pub struct Walk {
    levels: Vec<Level>,
    /// Levels that are done, for their memory.
    spare: Vec<Level>,
    key: Vec<u8>,
    /// Buckets and items that may still be read: more than the file has room for means that it points in circles.
    budget: usize,
    /// The entry that `key` is of.
    present: Option<Said>,
    /// Whether the walk has come to an entry before its first step.
    ahead: bool,
    entries: u64,
}

/// What the present entry says.
struct Said {
    number: u32,
    class: Class,
    inherited: u64,
    below: u64,
}

/// The children of one node.
#[derive(Default)]
struct Level {
    labels: Vec<u8>,
    nodes: Vec<Node>,
    /// The next one to visit.
    next: usize,
    /// Length of the key of their parent.
    key: usize,
    /// Octets that the places of the items imply.
    implied: usize,
    inherited: u64,
}

/// A child, kept small: half a million below one node are common.
struct Node {
    /// Length and beginning of its label.
    order: u64,
    /// Where its label begins.
    start: u32,
    /// Where its item is.
    at: u32,
}

impl Node {
    fn label<'a>(&self, labels: &'a [u8]) -> &'a [u8] {
        let start = self.start as usize;
        &labels[start..start + usize::from(self.order.to_be_bytes()[0])]
    }
}

impl Walk {
    /// Start a walk over everything, or over a name and what is below it.
    pub fn new<B: AsRef<[u8]>>(trie: &Trie<B>, under: Option<&Name>) -> Self {
        let mut walk = Self { budget: trie.size(), ..Self::default() };
        match under {
            None => walk.descend(trie, trie.root(), 0),
            Some(name) => walk.start_at(trie, name),
        }
        walk
    }

    /// The entry that the walk has come to.
    pub fn entry(&self) -> Option<Entry<'_>> {
        let Said { number, class, inherited, below } = *self.present.as_ref()?;
        Some(Entry {
            key: &self.key,
            index: self.entries - 1,
            number,
            class,
            inherited,
            here: below ^ class.exact,
            below,
        })
    }

    /// Go to the next entry.
    pub fn step<B: AsRef<[u8]>>(&mut self, trie: &Trie<B>) -> Option<Entry<'_>> {
        if std::mem::take(&mut self.ahead) {
            return self.entry();
        }
        self.present = None;
        while self.present.is_none() {
            let level = self.levels.last_mut()?;
            self.key.truncate(level.key);
            let Some(node) = level.nodes.get(level.next) else {
                let done = self.levels.pop();
                self.spare.extend(done.filter(|level| level.nodes.capacity() <= SPARE));
                continue;
            };
            level.next += 1;
            let label = node.label(&level.labels);
            self.key.push(label.len() as u8);
            self.key.extend_from_slice(label);
            let (item, inherited) = (trie.item_at(node.at, level.implied), level.inherited);
            if let Some(Item { class, children }) = item {
                self.visit(trie, class, children, inherited);
            }
        }
        self.entry()
    }

    /// Take a node: its entry, if it is one, and its children.
    fn visit<B: AsRef<[u8]>>(&mut self, trie: &Trie<B>, number: u32, children: Children, inherited: u64) {
        let class = trie.class(number);
        let below = (inherited & !class.exception) | class.suffix;
        if class != Class::default() {
            self.entries += 1;
            self.present = Some(Said { number, class, inherited, below });
        }
        self.descend(trie, children, below);
    }

    fn start_at<B: AsRef<[u8]>>(&mut self, trie: &Trie<B>, name: &Name) {
        let (mut number, mut children) = (0, trie.root());
        let mut inherited = 0;
        for index in (0..name.labels()).rev() {
            let class = trie.class(number);
            inherited = (inherited & !class.exception) | class.suffix;
            let Some(child) = trie.child_named(children, name.label(index)) else { return };
            self.key.push(name.label(index).len() as u8);
            self.key.extend_from_slice(name.label(index));
            (number, children) = (child.class, child.children);
        }
        self.visit(trie, number, children, inherited);
        self.ahead = self.present.is_some();
    }

    /// An empty level below the present key.
    fn level(&mut self, implied: usize, inherited: u64) -> Level {
        let mut level = self.spare.pop().unwrap_or_default();
        level.labels.clear();
        level.nodes.clear();
        Level { next: 0, key: self.key.len(), implied, inherited, ..level }
    }

    /// Put the children of a node on the stack.
    fn descend<B: AsRef<[u8]>>(&mut self, trie: &Trie<B>, children: Children, inherited: u64) {
        if matches!(children, Children::None) {
            return;
        }
        let mut level = self.level(trie.implied_octets(children), inherited);
        let room = (MAX_NAME - 1).saturating_sub(self.key.len());
        let complete = trie.for_each_child(children, &mut self.budget, &mut level.labels, &mut |labels, child| {
            let label = &labels[child.start..];
            if label.is_empty() || label.len() > MAX_LABEL || label.len() >= room {
                return false;
            }
            level.nodes.push(Node { order: order(label), start: child.start as u32, at: child.at });
            true
        });
        if complete.is_none() {
            self.budget = 0;
        }
        let Level { labels, nodes, .. } = &mut level;
        nodes.sort_unstable_by(|a, b| a.order.cmp(&b.order).then_with(|| a.label(labels).cmp(b.label(labels))));
        self.levels.push(level);
    }
}

/// Length and first seven octets of a label, as an integer in the order of keys.
fn order(label: &[u8]) -> u64 {
    let mut octets = [0; 8];
    octets[0] = label.len() as u8;
    let count = label.len().min(7);
    octets[1..=count].copy_from_slice(&label[..count]);
    u64::from_be_bytes(octets)
}

/// A name of which two blocklists don't say the same.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Difference<'a> {
    /// Only the first has an entry.
    Old(Entry<'a>),
    /// Only the second has one.
    New(Entry<'a>),
    /// Both have one, and they differ.
    Both(Entry<'a>, Entry<'a>),
}

/// A walk over two blocklists that stops where they differ.
pub struct Differences {
    old: Walk,
    new: Walk,
    /// The order of the entries that the walks have come to; those that come first or are equal have been seen.
    seen: Ordering,
}

impl Differences {
    /// Start.
    pub fn new<A: AsRef<[u8]>, B: AsRef<[u8]>>(old: &Trie<A>, new: &Trie<B>) -> Self {
        Self { old: Walk::new(old, None), new: Walk::new(new, None), seen: Ordering::Equal }
    }

    /// Go to the next difference: to an entry that only one has, or to two of one name that are not the same.
    pub fn step<A: AsRef<[u8]>, B: AsRef<[u8]>>(
        &mut self,
        old: &Trie<A>,
        new: &Trie<B>,
        same: impl Fn(&Entry, &Entry) -> bool,
    ) -> Option<Difference<'_>> {
        loop {
            if self.seen.is_le() {
                self.old.step(old);
            }
            if self.seen.is_ge() {
                self.new.step(new);
            }
            let (first, second) = (self.old.entry(), self.new.entry());
            self.seen = match (&first, &second) {
                (None, None) => return None,
                (Some(_), None) => Ordering::Less,
                (None, Some(_)) => Ordering::Greater,
                (Some(first), Some(second)) => first.key.cmp(second.key),
            };
            let equal = first.zip(second).is_some_and(|(first, second)| same(&first, &second));
            if self.seen.is_ne() || !equal {
                break;
            }
        }
        match (self.old.entry(), self.new.entry()) {
            (Some(first), _) if self.seen.is_lt() => Some(Difference::Old(first)),
            (_, Some(second)) if self.seen.is_gt() => Some(Difference::New(second)),
            (first, second) => Some(Difference::Both(first?, second?)),
        }
    }
}
