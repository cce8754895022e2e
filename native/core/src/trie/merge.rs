//! Turns what sources say of names, in the order of their keys, into what differs from what their ancestors say.
//!
//! What holds below each listed ancestor is carried down a stack: for each source of the lists the categories that it
//! gives, and beside it what the operator decided. Ancestors are prefixes of each other, so the stack is of lengths.

use std::collections::BTreeMap;
use std::io;

use super::builder::{Scope, Source, SourceCounts, OPERATOR};
use super::sort::Said;
use super::Class;

/// Most classes, so that a class number is a varint of four octets.
const MAX_CLASSES: usize = 1 << 28;

/// What the operator said: categories decided, and those of them that are blocked.
#[derive(Clone, Copy, Default)]
struct Operator {
    decided: u64,
    blocked: u64,
}

/// A listed ancestor.
struct Frame {
    /// Length of its key.
    length: usize,
    /// Where its row of list sources begins in the states.
    start: usize,
    operator: Operator,
    /// Categories of what is below it.
    below: u64,
}

/// What is known when all names were merged.
pub struct Merged {
    /// Distinct names.
    pub names: u64,
    /// Distinct names by category.
    pub counts: [u64; 64],
    /// What each source gave.
    pub sources: Vec<SourceCounts>,
    /// Names that two sources both gave.
    pub overlaps: Vec<(u32, u32, u64)>,
    /// The classes in order, that of no entry in front.
    pub classes: Vec<Class>,
    /// Number of a class in `classes` by order of appearance.
    pub numbers: Vec<u32>,
}

/// The merge on its way.
pub struct Merge {
    sources: Vec<Source>,
    names: u64,
    counts: [u64; 64],
    given: Vec<SourceCounts>,
    overlaps: BTreeMap<(u32, u32), u64>,
    classes: BTreeMap<Class, u32>,
    /// Key of the last name.
    key: Vec<u8>,
    frames: Vec<Frame>,
    /// Categories that list sources give below the frames, one row behind the other.
    states: Vec<(u32, u64)>,
}

impl Merge {
    /// A merge of what these sources say.
    pub fn new(sources: Vec<Source>) -> Self {
        Self {
            names: 0,
            counts: [0; 64],
            given: vec![SourceCounts::default(); sources.len()],
            overlaps: BTreeMap::new(),
            classes: BTreeMap::new(),
            key: Vec::new(),
            frames: Vec::new(),
            states: Vec::new(),
            sources,
        }
    }

    /// The class of the next name by order of appearance; none if its ancestors say the same.
    pub fn take(&mut self, key: &[u8], said: &[Said]) -> Option<u32> {
        self.close(key);
        let inherited = self.frames.last().map_or(0, |frame| frame.below);
        let below = self.push_frame(key.len(), said);
        let here = if said.iter().all(|said| scope(*said) == Scope::Suffix) { below } else { self.here(said) };
        let class = Class { suffix: below & !inherited, exact: here ^ below, exception: inherited & !below };
        let dropped = class == Class::default();
        self.count(said, dropped);
        (!dropped).then(|| {
            let next = self.classes.len() as u32;
            *self.classes.entry(class).or_insert(next)
        })
    }

    /// Leave what is no ancestor of a key. Every label is behind its length, so a prefix of a key is an ancestor.
    fn close(&mut self, key: &[u8]) {
        let shared = self.key.iter().zip(key).take_while(|(a, b)| a == b).count();
        while self.frames.last().is_some_and(|frame| frame.length > shared) {
            self.states.truncate(self.frames.pop().map_or(0, |frame| frame.start));
        }
        self.key.truncate(shared);
        self.key.extend_from_slice(&key[shared..]);
    }

    /// Work out what holds below a name.
    fn push_frame(&mut self, length: usize, said: &[Said]) -> u64 {
        let (from, mut operator) =
            self.frames.last().map_or((self.states.len(), Operator::default()), |frame| (frame.start, frame.operator));
        let start = self.states.len();
        self.states.extend_from_within(from..start);
        let below = apply(&self.sources, said, Scope::Exact, start, &mut self.states, &mut operator);
        self.frames.push(Frame { length, start, operator, below });
        below
    }

    /// What holds at the last name itself.
    fn here(&mut self, said: &[Said]) -> u64 {
        let end = self.states.len();
        let own = self.frames.last().map_or(end, |frame| frame.start);
        let parent = self.frames.len().checked_sub(2).and_then(|index| self.frames.get(index));
        let (from, mut operator) = parent.map_or((own, Operator::default()), |frame| (frame.start, frame.operator));
        self.states.extend_from_within(from..own);
        let here = apply(&self.sources, said, Scope::Below, end, &mut self.states, &mut operator);
        self.states.truncate(end);
        here
    }

    fn count(&mut self, said: &[Said], dropped: bool) {
        self.names += 1;
        let mut blocked = 0;
        let mut last = None;
        let alone = said.iter().all(|other| source(*other) == source(said[0]));
        for each in said {
            let (number, rules) = (source(*each), self.sources[source(*each) as usize]);
            if !is_exception(*each, rules) {
                blocked |= rules.categories;
            }
            if last.replace(number) != Some(number) {
                let counts = &mut self.given[number as usize];
                counts.names += 1;
                counts.alone += u64::from(alone);
                counts.dropped += u64::from(dropped);
            }
        }
        for (category, count) in self.counts.iter_mut().enumerate() {
            *count += blocked >> category & 1;
        }
        if !alone {
            self.count_overlaps(said);
        }
    }

    fn count_overlaps(&mut self, said: &[Said]) {
        let mut numbers: Vec<_> = said.iter().map(|said| source(*said)).collect();
        numbers.dedup();
        for (index, first) in numbers.iter().enumerate() {
            for second in &numbers[index + 1..] {
                *self.overlaps.entry((*first, *second)).or_default() += 1;
            }
        }
    }

    /// The classes in order with that of no entry in front, and what was counted.
    pub fn finish(self) -> io::Result<Merged> {
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
        let overlaps = self.overlaps.into_iter().map(|((first, second), names)| (first, second, names)).collect();
        Ok(Merged { names: self.names, counts: self.counts, sources: self.given, overlaps, classes, numbers })
    }
}

/// Number of the source.
pub fn source(said: Said) -> u32 {
    said.said >> 3
}

/// What of the tree it is about.
pub fn scope(said: Said) -> Scope {
    match said.said >> 1 & 3 {
        0 => Scope::Suffix,
        1 => Scope::Exact,
        _ => Scope::Below,
    }
}

/// Whether it takes a name out: what an allowing source says always does.
fn is_exception(said: Said, source: Source) -> bool {
    source.allow || said.said & 1 == 1
}

/// Change what is inherited by what is said of a name, but for what has scope `other`. Returns the categories.
fn apply(
    sources: &[Source],
    said: &[Said],
    other: Scope,
    start: usize,
    states: &mut Vec<(u32, u64)>,
    operator: &mut Operator,
) -> u64 {
    let rows =
        || said.iter().filter(|said| scope(**said) != other).map(|said| (*said, sources[source(*said) as usize]));
    // Exceptions are stronger than what is said of the same name, so they come last.
    for (said, from) in rows().filter(|(said, from)| !is_exception(*said, *from)) {
        if from.layer == OPERATOR {
            operator.decided |= from.categories;
            operator.blocked |= from.categories;
            continue;
        }
        match states[start..].iter_mut().find(|(number, _)| *number == source(said)) {
            Some(state) => state.1 = from.categories,
            None => states.push((source(said), from.categories)),
        }
    }
    for (said, from) in rows().filter(|(said, from)| is_exception(*said, *from)) {
        if from.layer == OPERATOR {
            operator.decided |= from.categories;
            operator.blocked &= !from.categories;
            continue;
        }
        for state in states[start..].iter_mut().filter(|(number, _)| from.allow || *number == source(said)) {
            state.1 &= !from.categories;
        }
    }
    let listed = states[start..].iter().fold(0, |set, (_, categories)| set | categories);
    (listed & !operator.decided) | operator.blocked
}
