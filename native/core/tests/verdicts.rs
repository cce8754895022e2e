//! What is blocked, and how that is answered.
#![allow(missing_docs)]

mod support;
use std::sync::Arc;

use safedns_core::policy::Mode;
use support::*;

fn home_with(mode: Mode) -> Home {
    let mut home = Home::new();
    home.engine.set_policy(Arc::new(policy(vec![rule(GAMBLING, mode, 17)])));
    home
}

/// The address in the reply's only answer, which follows the question.
fn address(reply: &[u8]) -> Vec<u8> {
    let at = question_end(reply);
    let length = usize::from(reply[at + 11]);
    reply[at + 12..at + 12 + length].to_vec()
}

#[test]
fn answer_modes() {
    let rows: [(Mode, u16, u8, u16, u16); 12] = [
        (Mode::Sinkhole, A, 0, 1, 0),
        (Mode::Sinkhole, AAAA, 0, 0, 1),
        (Mode::Sinkhole, HTTPS, 0, 0, 1),
        (Mode::NxDomain, A, 3, 0, 1),
        (Mode::NxDomain, AAAA, 3, 0, 1),
        (Mode::NxDomain, HTTPS, 3, 0, 1),
        (Mode::Null, A, 0, 1, 0),
        (Mode::Null, AAAA, 0, 1, 0),
        (Mode::Null, HTTPS, 0, 0, 1),
        (Mode::Refused, A, 5, 0, 0),
        (Mode::Refused, AAAA, 5, 0, 0),
        (Mode::Refused, HTTPS, 5, 0, 0),
    ];
    for (mode, qtype, code, answers, authority) in rows {
        let reply = home_with(mode).ask("www.Casino.example", qtype).unwrap();
        assert_eq!(rcode(&reply), code, "{mode:?} {qtype}");
        assert_eq!(counts(&reply), [1, answers, authority, 1], "{mode:?} {qtype}");
        assert_eq!(error(&reply), Some((17, "category 5".into())), "{mode:?} {qtype}");
    }
}

#[test]
fn the_sinkhole_is_where_the_query_came_in_unless_set() {
    assert_eq!(address(&home_with(Mode::Sinkhole).ask("casino.example", A).unwrap()), [192, 168, 1, 1]);
    let mut home = home_with(Mode::Sinkhole);
    let mut set = policy(vec![rule(GAMBLING, Mode::Sinkhole, 17)]);
    set.sinkhole_v4 = Some([203, 0, 113, 9].into());
    set.sinkhole_v6 = Some("2001:db8::9".parse().unwrap());
    home.engine.set_policy(Arc::new(set));
    assert_eq!(address(&home.ask("casino.example", A).unwrap()), [203, 0, 113, 9]);
    assert_eq!(address(&home.ask("casino.example", AAAA).unwrap()).len(), 16);
    assert_eq!(address(&home_with(Mode::Null).ask("casino.example", A).unwrap()), [0, 0, 0, 0]);
}

#[test]
fn blocked_names_and_those_below_are_never_forwarded_whatever_the_type() {
    let mut home = Home::new();
    for qtype in (1..=300).filter(|qtype| ![41, 249, 251, 252].contains(qtype)) {
        assert!(home.ask("a.b.casino.example", qtype).is_some(), "type {qtype}");
    }
    assert!(home.sent().is_empty());
    assert!(home.ask("notcasino.example", A).is_none(), "label boundaries");
    assert_eq!(home.counter("safedns_blocked_total", "category=\"5\""), 296);
}

#[test]
fn the_strongest_category_decides() {
    let mut home = Home::new();
    home.engine.set_lists(Some(table(&[("x.example", 1 << GAMBLING | 1 << MALWARE)])));
    assert_eq!(error(&home.ask("x.example", A).unwrap()).unwrap().0, 15, "malware is the first rule");
}

#[test]
fn protected_names_are_never_blocked() {
    let mut home = Home::new();
    assert!(home.ask("time.casino.example", A).is_none());
    assert_eq!(home.sent().len(), 1);
}

#[test]
fn errors_are_structured_for_clients_that_ask_and_absent_without_edns() {
    let mut home = Home::new();
    let structured = home.send(&with_opt(query(7, "casino.example", A), 1232, 0, &[0, 26, 0, 0])).unwrap();
    assert_eq!(error(&structured), Some((17, "{\"j\":\"x\"}".into())));
    let plain = home.send(&query(7, "casino.example", A)).unwrap();
    assert_eq!(counts(&plain), [1, 1, 0, 0]);
}

#[test]
fn an_alias_to_a_blocked_name_is_blocked_fresh_and_cached() {
    let mut home = Home::new();
    for round in 0..2 {
        let reply = home.ask("innocent.example", A).unwrap_or_else(|| {
            assert_eq!(round, 0, "the second time it is known");
            let sent = home.sent().pop().unwrap();
            let alias = record(QNAME, CNAME, 60, &wire("tables.Casino.example"));
            let target = record(&wire("tables.casino.example"), A, 60, &[192, 0, 2, 9]);
            home.respond(&sent, &answer(&sent.packet, 0, &[alias, target], &[]));
            home.replies().pop().unwrap().1
        });
        assert_eq!(address(&reply), [192, 168, 1, 1], "round {round}");
        assert_eq!(error(&reply).unwrap().0, 17, "round {round}");
    }
}

#[test]
fn a_new_list_applies_to_cached_names_at_once_both_ways() {
    let mut home = Home::new();
    home.resolve("later.example", 600);
    assert_eq!(address(&home.ask("later.example", A).unwrap()), [192, 0, 2, 1]);
    home.engine.set_lists(Some(table(&[("later.example", 1 << GAMBLING)])));
    assert_eq!(address(&home.ask("later.example", A).unwrap()), [192, 168, 1, 1]);
    home.engine.set_lists(None);
    assert_eq!(address(&home.ask("later.example", A).unwrap()), [192, 0, 2, 1]);
    assert!(home.sent().is_empty(), "the cache stayed");
}

#[test]
fn an_answer_that_arrives_after_its_name_was_blocked_is_blocked() {
    let mut home = Home::new();
    assert!(home.ask("soon.example", A).is_none());
    let sent = home.sent().pop().unwrap();
    home.engine.set_lists(Some(table(&[("soon.example", 1 << GAMBLING)])));
    home.respond(&sent, &answer(&sent.packet, 0, &[record(QNAME, A, 60, &[192, 0, 2, 1])], &[]));
    assert_eq!(address(&home.replies().pop().unwrap().1), [192, 168, 1, 1]);
}
