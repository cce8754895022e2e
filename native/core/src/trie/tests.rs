//! The trie against a plain dictionary.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::{Builder, Kind, Match, Trie, TrieError};
use crate::name::Name;

/// One thing said of a name.
type Fact = (Vec<String>, u8, Kind);

fn name(labels: &[String]) -> Name {
    Name::parse(labels.join(".").as_bytes()).expect("labels of letters")
}

fn build(facts: &[Fact]) -> Vec<u8> {
    let mut builder = Builder::new();
    for (labels, category, kind) in facts {
        builder.add(&name(labels), *category, *kind);
    }
    let mut bytes = Vec::new();
    let summary = builder.finish(7, &mut bytes).expect("memory takes everything");
    assert_eq!(summary.bytes, bytes.len() as u64);
    bytes
}

/// What the format says, word for word, with a dictionary from names to facts.
fn expected(facts: &[Fact], query: &[String]) -> Match {
    let mut said: BTreeMap<&[String], Vec<(u8, Kind)>> = BTreeMap::new();
    for (labels, category, kind) in facts {
        said.entry(labels).or_default().push((*category, *kind));
    }
    let mut given = [0_u8; 64];
    for depth in 1..=query.len() {
        let here = said.get(&query[query.len() - depth..]).map_or(&[][..], Vec::as_slice);
        for category in 0..64_u8 {
            let slot = &mut given[usize::from(category)];
            let exact = depth == query.len() && here.contains(&(category, Kind::Exact));
            if here.contains(&(category, Kind::Exception)) {
                *slot = 0;
            } else if (exact || here.contains(&(category, Kind::Suffix))) && *slot == 0 {
                *slot = depth as u8;
            }
        }
    }
    let categories = (0..64).filter(|category| given[*category as usize] > 0).fold(0, |set, category| set | 1 << category);
    Match { categories, labels: given.into_iter().max().unwrap_or(0) }
}

fn labels() -> impl Strategy<Value = Vec<String>> {
    let label = prop_oneof![6 => "[ab]{1,2}", 1 => "[a-z0-9_-]{1,12}", 1 => "[a-z]{40,63}"];
    let top = prop_oneof![4 => Just("com"), 1 => Just("a"), 1 => Just("xn--p1ai")];
    (prop::collection::vec(label, 1..4), top).prop_map(|(mut labels, top)| {
        labels.push(top.to_string());
        labels
    })
}

fn facts() -> impl Strategy<Value = Vec<Fact>> {
    let kind = prop_oneof![6 => Just(Kind::Suffix), 2 => Just(Kind::Exact), 2 => Just(Kind::Exception)];
    let category = prop_oneof![4 => 0_u8..3, 1 => 0_u8..64];
    prop::collection::vec((labels(), category, kind), 0..60)
}

proptest! {
    #[test]
    fn finds_what_a_dictionary_finds(facts in facts(), queries in prop::collection::vec(labels(), 0..40)) {
        let trie = Trie::open(build(&facts)).expect("what the builder wrote");
        let below = facts.iter().map(|(labels, _, _)| [vec!["a".to_string()], labels.clone()].concat());
        let above = facts.iter().map(|(labels, _, _)| labels[1..].to_vec());
        for query in queries.iter().cloned().chain(facts.iter().map(|f| f.0.clone())).chain(below).chain(above) {
            prop_assert_eq!(trie.lookup(&name(&query)), expected(&facts, &query), "{:?}", query);
        }
    }

    #[test]
    fn order_and_repetition_do_not_matter(facts in facts(), seed in any::<u64>()) {
        let mut other = [facts.clone(), facts.clone()].concat();
        other.sort_by_key(|fact| xxhash_rust::xxh3::xxh3_64_with_seed(fact.0.join(".").as_bytes(), seed));
        prop_assert_eq!(build(&facts), build(&other));
    }

    #[test]
    fn damage_is_found(facts in facts(), at in any::<prop::sample::Index>(), bit in 0..8_u8) {
        let mut bytes = build(&facts);
        let at = at.index(bytes.len());
        bytes[at] ^= 1 << bit;
        prop_assert!(Trie::open(bytes).is_err());
    }
}

#[test]
fn every_truncation_is_refused() {
    let bytes = build(&[(vec!["a".into(), "com".into()], 1, Kind::Suffix)]);
    for end in 0..bytes.len() {
        assert!(Trie::open(&bytes[..end]).is_err(), "{end} bytes");
    }
}

#[test]
fn other_version_is_named() {
    let mut bytes = build(&[]);
    bytes[8] = 9;
    assert_eq!(Trie::open(bytes).err(), Some(TrieError::Version { found: 9 }));
}
