//! Origins are found again, keep their serial, and damage to them is found out.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::{name, named};
use crate::trie::origins::{Origins, Previous, Row, Writer};
use crate::trie::{Builder, Scope, Source, LISTS};

/// One thing said: labels, source, line.
type Fact = (Vec<String>, u32, u32);

fn facts() -> impl Strategy<Value = Vec<Fact>> {
    let labels = prop::collection::vec("[a-c]{1,2}", 1..5);
    prop::collection::vec((labels, 0..3_u32, 1..1000_u32), 0..60)
}

fn write(facts: &[Fact], serial: u64, previous: Option<Previous<Vec<u8>>>) -> Vec<u8> {
    let mut builder = Builder::new(vec![Source { categories: 1, layer: LISTS, allow: false }; 3]);
    for (labels, source, line) in facts {
        builder.add(&name(labels), *source, Scope::Suffix, false, *line).expect("memory takes everything");
    }
    let mut bytes = Vec::new();
    let mut writer = Writer::new(&mut bytes, serial, b"header".to_vec(), previous).expect("memory takes everything");
    let each = |key: &[u8], said: &[_]| writer.push(key, said).map_err(std::io::Error::other);
    builder.finish(serial, &mut Vec::new(), each).expect("memory takes everything");
    let size = writer.finish().expect("memory takes everything");
    assert_eq!(size, bytes.len() as u64);
    bytes
}

fn open(bytes: Vec<u8>) -> Origins<Vec<u8>> {
    let size = bytes.len() as u64;
    Origins::open(bytes, size).expect("what was written")
}

/// Lowest lines by name and source.
fn lines(facts: &[Fact]) -> BTreeMap<(Vec<String>, u32), u32> {
    let mut lines = BTreeMap::new();
    for (labels, source, line) in facts {
        let lowest = lines.entry((labels.clone(), *source)).or_insert(*line);
        *lowest = (*lowest).min(*line);
    }
    lines
}

fn many() -> Vec<u8> {
    let facts: Vec<_> = (0..2000).map(|n| (vec![format!("n{n}"), "com".into()], n % 3, n)).collect();
    write(&facts, 1, None)
}

proptest! {
    #[test]
    fn what_was_said_is_found_with_its_serial(old in facts(), new in facts()) {
        // Source 0 is gone, 1 became 0, 2 stays.
        let mapping = vec![None, Some(0), Some(2)];
        let origins = open(write(&new, 2, Some(Previous::new(open(write(&old, 1, None)), mapping))));
        prop_assert_eq!((origins.serial(), origins.header()), (2, &b"header"[..]));
        let (old, new) = (lines(&old), lines(&new));
        prop_assert_eq!(origins.rows(), new.len() as u64);
        for (labels, _) in new.keys() {
            let query = [vec!["below".to_string()], labels.clone()].concat();
            let expected: Vec<_> = (1..=query.len()).flat_map(|depth| {
                let entry = &query[query.len() - depth..];
                let of_it = new.range((entry.to_vec(), 0)..(entry.to_vec(), 3));
                of_it.map(|((entry, source), line)| {
                    let before = [Some(1), None, Some(2)][*source as usize];
                    let known = before.is_some_and(|before| old.contains_key(&(entry.clone(), before)));
                    (entry.len(), Row { said: source << 3, line: *line, since: if known { 1 } else { 2 } })
                }).collect::<Vec<_>>()
            }).collect();
            prop_assert_eq!(origins.find(&name(&query)).expect("undamaged"), expected);
        }
    }

    #[test]
    fn nonsense_is_an_error_or_harmless(
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..20),
    ) {
        let mut bytes = many();
        for (at, octet) in changes {
            let at = at.index(bytes.len());
            bytes[at] = octet;
        }
        let size = bytes.len() as u64;
        if let Ok(origins) = Origins::open(bytes, size) {
            let _ = origins.find(&named("www.n77.com"));
        }
    }
}

#[test]
fn every_truncation_is_refused() {
    let bytes = write(&[(vec!["a".into()], 0, 1), (vec!["b".into()], 1, 1)], 1, None);
    for end in 0..bytes.len() {
        assert!(Origins::open(bytes[..end].to_vec(), end as u64).is_err(), "{end} bytes");
    }
}

#[test]
fn every_flipped_bit_is_found_out() {
    let bytes = write(&[(vec!["a".into()], 0, 1), (vec!["b".into(), "a".into()], 1, 1)], 1, None);
    for bit in 0..8 * bytes.len() {
        let mut bytes = bytes.clone();
        bytes[bit / 8] ^= 1 << (bit % 8);
        let size = bytes.len() as u64;
        let found = Origins::open(bytes, size).and_then(|origins| origins.find(&named("b.a")));
        assert!(found.is_err(), "bit {bit}");
    }
}
