//! Nodes of every size, labels of every kind, and lists made to collide.

use super::{build_names, named, open};
use crate::trie::place::{Shape, MAX_BUCKET};
use crate::trie::symbols::{Symbol, Symbols, Trainer};
use crate::trie::writer::{place, Expected, Take};

/// Every name is found with all below it, and its neighbours are not.
fn check(names: &[String]) {
    let trie = open(build_names(names.iter().map(String::as_str)));
    assert_eq!(trie.entries(), names.len() as u64);
    super::walk::check(&trie, names);
    for text in names {
        let name = named(text);
        assert_eq!(usize::from(trie.lookup(&name).labels), name.labels(), "{text}");
        assert_eq!(usize::from(trie.lookup(&named(&format!("www.{text}"))).labels), name.labels(), "www.{text}");
        assert_eq!(trie.lookup(&named(&format!("x{text}"))).labels, 0, "x{text}");
    }
}

#[test]
fn nodes_of_every_size() {
    for count in (0..40).chain([1023, 1024, 1025, 5000]) {
        check(&(0..count).map(|number| format!("{number:x}.com")).collect::<Vec<_>>());
        check(&(0..count).map(|number| format!("{number:x}.example.co.uk")).collect::<Vec<_>>());
    }
}

#[test]
fn a_node_whose_places_imply_two_octets() {
    let count = 4 << 16;
    assert_eq!(Shape::for_children(count).digits, 2);
    check(&(0..count).map(|number| format!("{:x}.com", number * 0x9e37)).collect::<Vec<_>>());
}

#[test]
fn labels_of_every_length() {
    check(&(1..63).map(|length| format!("{}.com", "a".repeat(length))).collect::<Vec<_>>());
    check(&(1..63).map(|length| format!("q.{}.com", &"a0-".repeat(21)[..length])).collect::<Vec<_>>());
}

#[test]
fn the_longest_names() {
    let long = ["a", "b", "c"].map(|letter| letter.repeat(63)).join(".") + "." + &"d".repeat(61);
    let deep = "a.".repeat(126) + "b";
    let trie = open(build_names([long.as_str(), deep.as_str()]));
    assert_eq!((trie.lookup(&named(&long)).labels, trie.lookup(&named(&deep)).labels), (4, 127));
    assert_eq!(trie.lookup(&named(&deep[2..])).labels, 0);
}

#[test]
fn labels_of_any_octets() {
    let mut message = vec![3, 0, b'.', 0xff, 2, 0xc0, 0, 3, b'c', b'o', b'm', 0];
    message.splice(0..0, [0; 12]);
    let (name, _) = crate::name::Name::read(&message, 12).expect("a name");
    let mut builder = super::builder();
    super::add(&mut builder, &name, 3);
    super::add(&mut builder, &named("example.com"), 3);
    let trie = open(super::finish(builder));
    assert_eq!(trie.lookup(&name).labels, 3);
    message[15] = 0xfe;
    let (other, _) = crate::name::Name::read(&message, 12).expect("a name");
    assert_eq!(trie.lookup(&other).labels, 0);
}

#[test]
fn a_code_is_decoded_to_its_label() {
    let mut trainer = Trainer::default();
    for label in ["example", "sample", "ample", "xn--p1ai"] {
        trainer.add(label.as_bytes());
    }
    let symbols = trainer.train();
    for label in ["example", "ample", "x", "zzz", "a-b_c", "exexample\0"] {
        let mut decoded = Vec::new();
        symbols.decode(symbols.encode(label.as_bytes()).bytes(), &mut decoded);
        assert_eq!(decoded, label.as_bytes());
    }
    assert!(symbols.encode(b"example").len() < 3);
}

/// Names whose labels all belong into one bucket under the first seed are placed with another.
#[test]
fn colliding_names_get_another_seed() {
    let symbols = || Symbols::new((b'a'..=b'z').map(|octet| Symbol { previous: 0, octet }).collect()).expect("symbols");
    let label = |number: u32| (0..5).map(|digit| b'a' + (number / 16_u32.pow(digit) % 16) as u8).collect::<Vec<u8>>();
    let shape = Shape::for_children(MAX_BUCKET + 1);
    let collides = |label: &Vec<u8>| shape.bucket(&symbols().encode(label), 0) == 0;
    let labels: Vec<_> = (0..16_u32.pow(5)).map(label).filter(collides).take(MAX_BUCKET + 1).collect();
    let mut keys: Vec<_> = labels.iter().map(|label| [&b"\x03com\x05"[..], label].concat()).collect();
    keys.sort();
    let entries = |take: &mut Take| keys.iter().for_each(|key| take(key, 1));
    let layout = place(&entries, symbols(), Vec::new(), Expected::default()).expect("a seed that spreads them");
    assert_eq!((labels.len(), layout.seed), (MAX_BUCKET + 1, 1));
}
