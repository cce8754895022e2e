//! The bytes of the format do not change unnoticed: other machines must come to the same ones.

use super::{builder, finish, named, open};
use crate::trie::{Match, Scope};

/// What is in `golden.txt`: lines of kind, category and name.
const LISTED: &str = include_str!("golden.txt");

/// Names `host0.net`, `host1.net` and so on that are listed too, for a node of many buckets.
const HOSTS: usize = 2000;

/// What it compiles to.
const COMPILED: &[u8] = include_bytes!("golden.bin");

fn compile() -> Vec<u8> {
    let mut builder = builder();
    for line in LISTED.lines() {
        let mut words = line.split(' ');
        let mut word = || words.next().expect("three words");
        let (scope, exception) = match word() {
            "suffix" => (Scope::Suffix, false),
            "exact" => (Scope::Exact, false),
            "below" => (Scope::Below, false),
            "exception" => (Scope::Suffix, true),
            other => panic!("{other} is no kind"),
        };
        let category = word().parse::<u32>().expect("a number");
        builder.add(&named(word()), category, scope, exception, 1).expect("memory takes everything");
    }
    for number in 0..HOSTS {
        super::add(&mut builder, &named(&format!("host{number}.net")), 1);
    }
    finish(builder)
}

/// If this fails because the format was changed on purpose: raise its version and store the new bytes with
/// `SAFEDNS_GOLDEN=write cargo test`.
#[test]
fn golden_file() {
    let compiled = compile();
    if std::env::var_os("SAFEDNS_GOLDEN").is_some_and(|value| value == "write") {
        std::fs::write(concat!(env!("CARGO_MANIFEST_DIR"), "/src/trie/tests/golden.bin"), &compiled).expect("written");
        return;
    }
    assert!(compiled == COMPILED, "the same list compiles to other bytes than before");
}

#[test]
fn golden_file_is_read() {
    let trie = open(COMPILED.to_vec());
    assert_eq!((trie.serial(), trie.names(), trie.entries()), (7, 2013, 2011));
    assert_eq!((trie.counts()[1], trie.counts()[63]), (2003, 7));
    let found = |name, categories: &[u8], labels| {
        let categories = categories.iter().fold(0, |set, category| set | 1_u64 << category);
        assert_eq!(trie.lookup(&named(name)), Match { categories, labels }, "{name}");
    };
    found("www.example.com", &[1, 63], 2);
    found("cdn.example.com", &[63], 2);
    found("a.cdn.example.com", &[1, 63], 4);
    found("exact.vn", &[2], 2);
    found("www.exact.vn", &[], 0);
    found("below.vn", &[], 0);
    found("www.below.vn", &[2], 2);
    found("host77.net", &[1], 2);
    found("host2077.net", &[], 0);
    found("x.yonder.very.deep.name.in.the.list.org", &[63], 8);
}
