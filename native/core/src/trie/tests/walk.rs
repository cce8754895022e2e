//! Walks find every entry, in order, and what two blocklists differ in.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;

use super::dictionary::facts;
use super::{build, build_names, named, open, Fact};
use crate::trie::{Difference, Differences, Entry, Trie, Walk};

pub(super) fn walk<B: AsRef<[u8]>>(trie: &Trie<B>, under: Option<&str>) -> Vec<Entry> {
    let mut walk = Walk::new(trie, under.map(named).as_ref());
    std::iter::from_fn(|| walk.step(trie)).collect()
}

fn texts(entries: &[Entry]) -> Vec<String> {
    entries.iter().map(Entry::text).collect()
}

#[test]
fn parents_come_before_children_and_short_labels_before_long_ones() {
    let trie = open(build_names(["b.example.com", "a.net", "com.vn", "example.com", "x.co", "aa.net"]));
    assert_eq!(texts(&walk(&trie, None)), ["x.co", "com.vn", "example.com", "a.net", "aa.net"]);
    assert_eq!(texts(&walk(&trie, Some("net"))), ["a.net", "aa.net"]);
    assert_eq!(texts(&walk(&trie, Some("example.com"))), ["example.com"]);
    assert_eq!(texts(&walk(&trie, Some("www.example.com"))), [""; 0]);
    assert_eq!(walk(&open(build_names([])), None), []);
}

proptest! {
    #[test]
    fn every_entry_says_what_a_look_up_says(facts in facts()) {
        let trie = open(build(&facts));
        let entries = walk(&trie, None);
        prop_assert_eq!(entries.len() as u64, trie.entries());
        prop_assert!(entries.windows(2).all(|pair| pair[0].key < pair[1].key));
        for entry in entries {
            prop_assert_eq!(trie.lookup(&named(&entry.text())).categories, entry.here);
            prop_assert_eq!(trie.lookup(&named(&format!("qqqqqqqqqqqq.{}", entry.text()))).categories, entry.below);
            prop_assert!(entry.here != entry.inherited || entry.below != entry.inherited);
        }
    }

    #[test]
    fn differences_turn_one_into_the_other(old in facts(), new in facts()) {
        let (old, new) = (open(build(&old)), open(build(&new)));
        let said = |trie| walk(trie, None).into_iter().map(|entry| (entry.key.clone(), (entry.here, entry.below)));
        let (before, after): (BTreeMap<_, _>, BTreeMap<_, _>) = (said(&old).collect(), said(&new).collect());
        let mut steps = Differences::new(&old, &new);
        let mut changed = before.clone();
        while let Some(difference) = steps.step(&old, &new) {
            let (first, second) = match difference {
                Difference::Old(first) => (Some(first), None),
                Difference::New(second) => (None, Some(second)),
                Difference::Both(first, second) => (Some(first), Some(second)),
            };
            if let Some(first) = first {
                prop_assert_eq!(changed.remove(&first.key), Some((first.here, first.below)));
            }
            if let Some(second) = second {
                prop_assert_eq!(changed.insert(second.key, (second.here, second.below)), None);
            }
        }
        prop_assert_eq!(changed, after);
    }
}

#[test]
fn equal_blocklists_do_not_differ() {
    let facts: Vec<Fact> = Vec::new();
    let (old, new) = (open(build(&facts)), open(build(&facts)));
    assert_eq!(Differences::new(&old, &new).step(&old, &new), None);
}

/// Nodes of every kind give back the labels that went in.
pub(super) fn check(trie: &Trie<Vec<u8>>, names: &[String]) {
    let found: BTreeSet<String> = texts(&walk(trie, None)).into_iter().collect();
    assert!(found.iter().eq(names.iter().collect::<BTreeSet<_>>()));
}
