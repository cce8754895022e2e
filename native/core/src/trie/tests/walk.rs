//! Walks find every entry, in order, and what two blocklists differ in.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;

use super::dictionary::facts;
use super::{build, build_names, named, open, Fact};
use crate::trie::{Difference, Differences, Entry, Trie, Walk};

/// Key and text of an entry, and the categories inherited, here and below.
type Row = (Vec<u8>, String, u64, u64, u64);

pub(super) fn walk<B: AsRef<[u8]>>(trie: &Trie<B>, under: Option<&str>) -> Vec<Row> {
    let mut walk = Walk::new(trie, under.map(named).as_ref());
    let mut rows = Vec::new();
    while let Some(entry) = walk.step(trie) {
        assert_eq!(entry.index, rows.len() as u64);
        rows.push((entry.key.to_vec(), entry.text(), entry.inherited, entry.here, entry.below));
    }
    rows
}

fn texts(rows: &[Row]) -> Vec<&str> {
    rows.iter().map(|row| row.1.as_str()).collect()
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
        prop_assert!(entries.windows(2).all(|pair| pair[0].0 < pair[1].0));
        for (_, text, inherited, here, below) in entries {
            prop_assert_eq!(trie.lookup(&named(&text)).categories, here);
            prop_assert_eq!(trie.lookup(&named(&format!("qqqqqqqqqqqq.{text}"))).categories, below);
            prop_assert!(here != inherited || below != inherited);
        }
    }

    #[test]
    fn differences_turn_one_into_the_other(old in facts(), new in facts()) {
        let (old, new) = (open(build(&old)), open(build(&new)));
        let said = |trie| walk(trie, None).into_iter().map(|(key, _, _, here, below)| (key, (here, below)));
        let (before, after): (BTreeMap<_, _>, BTreeMap<_, _>) = (said(&old).collect(), said(&new).collect());
        let mut steps = Differences::new(&old, &new);
        let mut changed = before.clone();
        let same = |first: &Entry, second: &Entry| (first.here, first.below) == (second.here, second.below);
        while let Some(difference) = steps.step(&old, &new, same) {
            let (first, second) = match difference {
                Difference::Old(first) => (Some(first), None),
                Difference::New(second) => (None, Some(second)),
                Difference::Both(first, second) => (Some(first), Some(second)),
            };
            if let Some(first) = first {
                prop_assert_eq!(changed.remove(first.key), Some((first.here, first.below)));
            }
            if let Some(second) = second {
                prop_assert_eq!(changed.insert(second.key.to_vec(), (second.here, second.below)), None);
            }
        }
        prop_assert_eq!(changed, after);
    }
}

#[test]
fn equal_blocklists_do_not_differ() {
    let facts: Vec<Fact> = Vec::new();
    let (old, new) = (open(build(&facts)), open(build(&facts)));
    assert_eq!(Differences::new(&old, &new).step(&old, &new, |_, _| false), None);
}

/// Nodes of every kind give back the labels that went in.
pub(super) fn check(trie: &Trie<Vec<u8>>, names: &[String]) {
    let rows = walk(trie, None);
    let found: BTreeSet<&str> = texts(&rows).into_iter().collect();
    assert!(found.into_iter().eq(names.iter().map(String::as_str).collect::<BTreeSet<_>>()));
}
