//! Whatever is compiled, a look-up finds what a dictionary finds.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;

use super::{build, name, open, Fact};
use crate::trie::{Match, Scope};

/// What the documentation says, word for word, with a dictionary from names to facts.
fn expected(facts: &[Fact], query: &[String]) -> Match {
    let mut said: BTreeMap<&[String], Vec<(u8, Scope, bool)>> = BTreeMap::new();
    for (labels, category, scope, exception) in facts {
        said.entry(labels).or_default().push((*category, *scope, *exception));
    }
    let mut given = [0_u8; 64];
    for depth in 1..=query.len() {
        let here = said.get(&query[query.len() - depth..]).map_or(&[][..], Vec::as_slice);
        let other = if depth == query.len() { Scope::Below } else { Scope::Exact };
        let says = |category, exception| {
            here.iter().any(|(of, scope, is)| *of == category && *scope != other && *is == exception)
        };
        for category in 0..64_u8 {
            let slot = &mut given[usize::from(category)];
            if says(category, true) {
                *slot = 0;
            } else if says(category, false) && *slot == 0 {
                *slot = depth as u8;
            }
        }
    }
    let set =
        given.iter().enumerate().filter(|(_, depth)| **depth > 0).fold(0, |set, (category, _)| set | 1 << category);
    Match { categories: set, labels: given.into_iter().max().unwrap_or(0) }
}

fn labels() -> impl Strategy<Value = Vec<String>> {
    let label = prop_oneof![6 => "[ab]{1,2}", 1 => "[a-z0-9_-]{1,12}", 1 => "[a-z]{40,63}"];
    let top = prop_oneof![4 => Just("com"), 1 => Just("a"), 1 => Just("xn--p1ai"), 1 => Just("photography")];
    (prop::collection::vec(label, 0..4), top).prop_map(|(mut labels, top)| {
        labels.push(top.to_string());
        labels
    })
}

pub(super) fn facts() -> impl Strategy<Value = Vec<Fact>> {
    let scope = prop_oneof![6 => Just(Scope::Suffix), 2 => Just(Scope::Exact), 2 => Just(Scope::Below)];
    let category = prop_oneof![4 => 0_u8..3, 1 => 0_u8..64];
    prop::collection::vec((labels(), category, scope, prop::bool::weighted(0.2)), 0..60)
}

/// The names themselves, one below each, and their parents.
fn neighbours(facts: &[Fact]) -> impl Iterator<Item = Vec<String>> + '_ {
    let below = |labels: &[String]| [vec!["a".to_string()], labels.to_vec()].concat();
    facts.iter().flat_map(move |(labels, ..)| [labels.clone(), below(labels), labels[1..].to_vec()])
}

proptest! {
    #[test]
    fn finds_what_a_dictionary_finds(facts in facts(), queries in prop::collection::vec(labels(), 0..40)) {
        let trie = open(build(&facts));
        for query in queries.into_iter().chain(neighbours(&facts)).filter(|labels| !labels.is_empty()) {
            prop_assert_eq!(trie.lookup(&name(&query)), expected(&facts, &query), "{:?}", query);
        }
    }

    #[test]
    fn counts_distinct_names(facts in facts()) {
        let trie = open(build(&facts));
        let names: BTreeSet<_> = facts.iter().map(|(labels, ..)| labels).collect();
        prop_assert_eq!(trie.names(), names.len() as u64);
        prop_assert!(trie.entries() <= trie.names());
        for category in 0..64_u8 {
            let given = |fact: &&Fact| fact.1 == category && !fact.3;
            let names: BTreeSet<_> = facts.iter().filter(given).map(|(labels, ..)| labels).collect();
            prop_assert_eq!(trie.counts()[usize::from(category)], names.len() as u64);
        }
    }

    #[test]
    fn order_and_repetition_do_not_matter(facts in facts(), seed in any::<u64>()) {
        let mut other = [facts.clone(), facts.clone()].concat();
        other.sort_by_key(|fact| xxhash_rust::xxh3::xxh3_64_with_seed(fact.0.join(".").as_bytes(), seed));
        prop_assert_eq!(build(&facts), build(&other));
    }
}
