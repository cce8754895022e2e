//! A delta makes the new bytes of the old ones, and what is no delta makes nothing.

use proptest::prelude::*;

use super::dictionary::facts;
use super::{build, build_names, builder, finish, named, open};
use crate::trie::delta::{apply, make};
use crate::trie::{Scope, Trie};

type Bytes = Trie<Vec<u8>>;

fn applied(old: &Bytes, delta: &[u8]) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    match apply(old, delta, &mut bytes) {
        Ok(size) => {
            assert_eq!(size, bytes.len() as u64);
            Some(bytes)
        }
        Err(error) => {
            assert!(bytes.is_empty(), "{error}: written before it was known");
            None
        }
    }
}

/// Names for nodes of every kind, without those whose number is a multiple of `step`.
fn many(step: usize) -> Bytes {
    let mut builder = builder();
    for number in (0..30_000).filter(|number| number % step != 0) {
        let top = ["com", "co.uk", "b.c.d.e.vn", "x"][number % 4];
        let scope = [Scope::Suffix, Scope::Exact, Scope::Below][number % 3];
        let name = named(&format!("n{}.{top}", number * 7919));
        builder.add(&name, number as u32 % 5, scope, number % 11 == 0, 1).expect("memory takes everything");
    }
    open(finish(builder))
}

proptest! {
    #[test]
    fn a_delta_makes_the_new_bytes_of_the_old(old in facts(), new in facts()) {
        let (old, new) = (open(build(&old)), open(build(&new)));
        let made = applied(&old, &make(&old, &new).sections.concat());
        prop_assert_eq!(made.as_ref(), Some(new.bytes()));
    }

    #[test]
    fn what_is_no_delta_does_no_harm(
        facts in facts(),
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..8),
        cut in any::<prop::sample::Index>(),
    ) {
        let (old, new) = (open(build_names(["a.com", "b.com", "c.d.vn"])), open(build(&facts)));
        let mut delta = make(&old, &new).sections.concat();
        for (at, octet) in changes {
            let at = at.index(delta.len());
            delta[at] = octet;
        }
        applied(&old, &delta);
        delta.truncate(cut.index(delta.len()));
        prop_assert_eq!(applied(&old, &delta), None);
    }
}

#[test]
fn large_nodes_come_out_the_same() {
    let (old, new) = (many(97), many(89));
    for (from, to) in [(&old, &new), (&new, &old), (&old, &old)] {
        let delta = make(from, to).sections.concat();
        assert_eq!(applied(from, &delta).as_ref(), Some(to.bytes()));
    }
}

/// Nothing in common: the symbols, the classes and every entry are new.
#[test]
fn a_delta_from_nothing_is_a_whole_blocklist() {
    let (nothing, all) = (open(build_names([])), many(97));
    assert_eq!(applied(&nothing, &make(&nothing, &all).sections.concat()).as_ref(), Some(all.bytes()));
    assert_eq!(applied(&all, &make(&all, &nothing).sections.concat()).as_ref(), Some(nothing.bytes()));
}

/// Order of texts and of keys differ: a label that is shorter comes first in the file, and `-` before a dot.
#[test]
fn new_entries_come_in_any_order_of_lengths() {
    let all = ["c.b.com", "b-a.com", "aa.com", "d.com-a", "vn", "xn--p1ai"];
    let (nothing, all) = (open(build_names([])), open(build_names(all)));
    let sections = make(&nothing, &all).sections;
    assert_eq!(sections[5], b"com-a.d\n.aa\nb-a\n.c\nvn\nxn--p1ai\n");
    assert_eq!(applied(&nothing, &sections.concat()).as_ref(), Some(all.bytes()));
}

#[test]
fn a_small_change_is_a_small_delta() {
    let names: Vec<_> = (0..30_000).map(|number| format!("n{}.com", number * 7919 % 1_000_003)).collect();
    let old = open(build_names(names.iter().map(String::as_str)));
    let new = open(build_names(names.iter().skip(1).map(String::as_str).chain(["new.example.com"])));
    let made = make(&old, &new);
    assert_eq!((made.removed, made.changed, made.added), (1, 0, 1));
    let sections = made.sections;
    // One removed, none changed, one added: only the tables are longer than what changed.
    assert_eq!(sections[2..].iter().map(Vec::len).sum::<usize>(), 22);
    assert!(sections[0].len() < 3000 && sections[1].len() < 100);
}

#[test]
fn a_delta_for_another_blocklist_is_refused_or_makes_other_bytes() {
    let (old, new) = (many(97), many(89));
    let delta = make(&old, &new).sections.concat();
    assert_ne!(applied(&many(83), &delta).as_ref(), Some(new.bytes()));
}
