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
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Labels from the top level down, each behind its length.
    pub key: Vec<u8>,
    /// What it changes.
    pub class: Class,
    /// Categories that the nearest entry above gives.
    pub inherited: u64,
    /// Categories of the name.
    pub here: u64,
    /// Categories of what is below, before more specific entries.
    pub below: u64,
}

impl Entry {
    /// The name as text.
    pub fn text(&self) -> String {
        let mut labels: Vec<&[u8]> = Vec::new();
        let mut rest = self.key.as_slice();
        while let Some((label, after)) =
            rest.split_first().and_then(|(size, rest)| rest.split_at_checked((*size).into()))
        {
            labels.push(label);
            rest = after;
        }
        labels.reverse();
        String::from_utf8_lossy(&labels.join(&b'.')).into_owned()
    }
}

/// A walk over a blocklist that is given with every step.
#[derive(Default)]
pub struct Walk {
    levels: Vec<Level>,
    key: Vec<u8>,
    /// Buckets and items that may still be read: more than the file has room for means that it points in circles.
    budget: usize,
    next: Option<Entry>,
}

/// The children of one node, those not yet visited last.
struct Level {
    labels: Vec<u8>,
    children: Vec<Child>,
    /// Length of the key of their parent.
    key: usize,
    inherited: u64,
}

struct Child {
    start: u32,
    length: u8,
    item: Item,
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

    /// The next entry.
    pub fn step<B: AsRef<[u8]>>(&mut self, trie: &Trie<B>) -> Option<Entry> {
        loop {
            if let Some(entry) = self.next.take() {
                return Some(entry);
            }
            let level = self.levels.last_mut()?;
            self.key.truncate(level.key);
            let Some(Child { start, length, item }) = level.children.pop() else {
                self.levels.pop();
                continue;
            };
            let label = &level.labels[start as usize..start as usize + usize::from(length)];
            self.key.push(length);
            self.key.extend_from_slice(label);
            let inherited = level.inherited;
            self.visit(trie, item, inherited);
        }
    }

    /// Take a node: its entry, if it is one, and its children.
    fn visit<B: AsRef<[u8]>>(&mut self, trie: &Trie<B>, item: Item, inherited: u64) {
        let class = trie.class(item.class);
        let below = (inherited & !class.exception) | class.suffix;
        if class != Class::default() {
            let here = below ^ class.exact;
            self.next = Some(Entry { key: self.key.clone(), class, inherited, here, below });
        }
        self.descend(trie, item.children, below);
    }

    fn start_at<B: AsRef<[u8]>>(&mut self, trie: &Trie<B>, name: &Name) {
        let mut item = Item { class: 0, children: trie.root() };
        let mut inherited = 0;
        for index in (0..name.labels()).rev() {
            let class = trie.class(item.class);
            inherited = (inherited & !class.exception) | class.suffix;
            let Some(child) = trie.child_named(item.children, name.label(index)) else { return };
            self.key.push(name.label(index).len() as u8);
            self.key.extend_from_slice(name.label(index));
            item = child;
        }
        self.visit(trie, item, inherited);
    }

    /// Put the children of a node on the stack, in reverse order.
    fn descend<B: AsRef<[u8]>>(&mut self, trie: &Trie<B>, children: Children, inherited: u64) {
        let mut level = Level { labels: Vec::new(), children: Vec::new(), key: self.key.len(), inherited };
        let room = (MAX_NAME - 1).saturating_sub(self.key.len());
        let complete = trie.for_each_child(children, &mut self.budget, &mut |label: &[u8], item| {
            if label.is_empty() || label.len() > MAX_LABEL || label.len() >= room {
                return false;
            }
            level.children.push(Child { start: level.labels.len() as u32, length: label.len() as u8, item });
            level.labels.extend_from_slice(label);
            true
        });
        if complete.is_none() {
            self.budget = 0;
        }
        if !level.children.is_empty() {
            let labels = &level.labels;
            let text = |child: &Child| &labels[child.start as usize..child.start as usize + usize::from(child.length)];
            level.children.sort_unstable_by(|a, b| b.length.cmp(&a.length).then_with(|| text(b).cmp(text(a))));
            self.levels.push(level);
        }
    }
}

/// A name of which two blocklists don't say the same.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Difference {
    /// Only the first has an entry.
    Old(Entry),
    /// Only the second has one.
    New(Entry),
    /// Both have one, and they differ.
    Both(Entry, Entry),
}

/// A walk over two blocklists that stops where they differ.
pub struct Differences {
    old: Walk,
    new: Walk,
    ahead: (Option<Entry>, Option<Entry>),
}

impl Differences {
    /// Start.
    pub fn new<A: AsRef<[u8]>, B: AsRef<[u8]>>(old: &Trie<A>, new: &Trie<B>) -> Self {
        let mut walks = (Walk::new(old, None), Walk::new(new, None));
        let ahead = (walks.0.step(old), walks.1.step(new));
        Self { old: walks.0, new: walks.1, ahead }
    }

    /// The next difference.
    pub fn step<A: AsRef<[u8]>, B: AsRef<[u8]>>(&mut self, old: &Trie<A>, new: &Trie<B>) -> Option<Difference> {
        loop {
            let order = match &self.ahead {
                (None, None) => return None,
                (Some(_), None) => Ordering::Less,
                (None, Some(_)) => Ordering::Greater,
                (Some(first), Some(second)) => first.key.cmp(&second.key),
            };
            let first = if order.is_le() { std::mem::replace(&mut self.ahead.0, self.old.step(old)) } else { None };
            let second = if order.is_ge() { std::mem::replace(&mut self.ahead.1, self.new.step(new)) } else { None };
            match (first, second) {
                (Some(first), Some(second)) if (first.here, first.below) == (second.here, second.below) => (),
                (Some(first), Some(second)) => return Some(Difference::Both(first, second)),
                (Some(first), None) => return Some(Difference::Old(first)),
                (_, second) => return second.map(Difference::New),
            }
        }
    }
}
