//! What several sources say of names comes out as the documentation says, whether it fits into memory or not.

use proptest::prelude::*;

use super::{finish, name, open};
use crate::trie::{Builder, Built, Scope, Source, LISTS, OPERATOR};

/// One thing said: labels, source, scope, whether it is an exception.
type Fact = (Vec<String>, u32, Scope, bool);

/// Whether a name has a category, by the documentation: the most specific entry that has a say decides.
fn holds(sources: &[Source], facts: &[Fact], query: &[String], category: u8) -> bool {
    let concerns = |fact: &&Fact| {
        let in_scope = if fact.0.len() == query.len() { fact.2 != Scope::Below } else { fact.2 != Scope::Exact };
        in_scope && query.ends_with(&fact.0) && sources[fact.1 as usize].categories >> category & 1 == 1
    };
    let facts: Vec<_> = facts.iter().filter(concerns).collect();
    let exception = |fact: &Fact| fact.3 || sources[fact.1 as usize].allow;
    let decide = |has_a_say: &dyn Fn(&Fact) -> bool| {
        let of_it = facts.iter().filter(|fact| has_a_say(fact));
        of_it.max_by_key(|fact| (fact.0.len(), exception(fact))).map(|fact| !exception(fact))
    };
    let layer = |fact: &Fact| sources[fact.1 as usize].layer;
    decide(&|fact| layer(fact) == OPERATOR).unwrap_or_else(|| {
        (0..sources.len() as u32).any(|number| {
            let allowing = |fact: &Fact| sources[fact.1 as usize].allow;
            decide(&|fact| layer(fact) == LISTS && (fact.1 == number || allowing(fact))) == Some(true)
        })
    })
}

fn sources() -> impl Strategy<Value = Vec<Source>> {
    let source = (1..8_u64, prop::bool::weighted(0.3), prop::bool::weighted(0.3));
    let source = source.prop_map(|(categories, operator, allow)| Source {
        categories,
        layer: if operator { OPERATOR } else { LISTS },
        allow,
    });
    prop::collection::vec(source, 5)
}

fn labels() -> impl Strategy<Value = Vec<String>> {
    prop::collection::vec("[ab]", 1..5)
}

fn facts() -> impl Strategy<Value = Vec<Fact>> {
    let scope = prop_oneof![3 => Just(Scope::Suffix), 1 => Just(Scope::Exact), 1 => Just(Scope::Below)];
    prop::collection::vec((labels(), 0..5_u32, scope, prop::bool::weighted(0.2)), 0..40)
}

fn fill(mut builder: Builder, facts: &[Fact]) -> Builder {
    for (line, (labels, source, scope, exception)) in facts.iter().enumerate() {
        builder.add(&name(labels), *source, *scope, *exception, line as u32 + 1).expect("memory takes everything");
    }
    builder
}

/// Bytes, what was counted, and key, source and line of all that was said.
type Written = (Vec<u8>, Built, Vec<(Vec<u8>, u32, u32)>);

fn written(builder: Builder) -> Written {
    let (mut bytes, mut said) = (Vec::new(), Vec::new());
    let built = builder.finish(7, &mut bytes, |key, all| {
        said.extend(all.iter().map(|each| (key.to_vec(), each.said, each.line)));
        Ok(())
    });
    (bytes, built.expect("memory takes everything"), said)
}

proptest! {
    #[test]
    fn names_have_the_categories_that_the_documentation_says(
        sources in sources(), facts in facts(), queries in prop::collection::vec(labels(), 0..20),
    ) {
        let trie = open(finish(fill(Builder::new(sources.clone()), &facts)));
        let below = |labels: &[String]| [vec!["c".to_string()], labels.to_vec()].concat();
        let near = facts.iter().flat_map(|fact| [fact.0.clone(), below(&fact.0)]);
        for query in queries.into_iter().chain(near) {
            let expected = (0..3).filter(|category| holds(&sources, &facts, &query, *category));
            let expected = expected.fold(0, |set, category| set | 1 << category);
            prop_assert_eq!(trie.lookup(&name(&query)).categories, expected, "{:?}", query);
        }
    }

    #[test]
    fn what_does_not_fit_into_memory_gives_the_same(sources in sources(), facts in facts(), memory in 0..2000_usize) {
        let whole = written(fill(Builder::new(sources.clone()), &facts));
        let spilled = Builder::with_storage(sources, memory, Box::new(|| Ok(Box::<Vec<u8>>::default())));
        prop_assert!(whole == written(fill(spilled, &facts)));
    }

    #[test]
    fn counts_what_sources_gave(sources in sources(), facts in facts()) {
        let (_, built, _) = written(fill(Builder::new(sources), &facts));
        let given = |number: u32| -> std::collections::BTreeSet<_> {
            facts.iter().filter(|fact| fact.1 == number).map(|fact| fact.0.clone()).collect()
        };
        for number in 0..5 {
            let (mine, counts) = (given(number), built.sources[number as usize]);
            let alone = mine.iter().filter(|name| (0..5).all(|other| other == number || !given(other).contains(*name)));
            prop_assert_eq!((counts.names, counts.alone), (mine.len() as u64, alone.count() as u64));
            prop_assert!(counts.dropped <= counts.names);
        }
        for (first, second, names) in built.overlaps {
            prop_assert!(first < second);
            prop_assert_eq!(names, given(first).intersection(&given(second)).count() as u64);
        }
    }
}

#[test]
fn a_full_disk_is_an_error() {
    let full = || Err(std::io::Error::from(std::io::ErrorKind::StorageFull));
    let mut builder =
        Builder::with_storage(vec![Source { categories: 1, layer: LISTS, allow: false }], 0, Box::new(full));
    let error = builder.add(&super::named("example.com"), 0, Scope::Suffix, false, 1).expect_err("no room");
    assert_eq!(error.kind(), std::io::ErrorKind::StorageFull);
}
