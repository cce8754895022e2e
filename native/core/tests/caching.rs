//! What is kept, for how long, and what goes out of it: RFC 1035, 2181, 2308, 3597, 4343, 8767.
#![allow(missing_docs)]

mod support;
use safedns_core::message::Record;
use support::*;

/// TTL of a record behind the question.
fn ttl(reply: &[u8], index: usize) -> u32 {
    let mut record = Record::read(reply, question_end(reply)).unwrap();
    for _ in 0..index {
        record = Record::read(reply, record.end).unwrap();
    }
    record.ttl
}

/// Resolve `name` with these records; the reply that the client gets.
fn resolved(home: &mut Home, name: &str, qtype: u16, code: u8, records: &[Vec<u8>], authority: &[Vec<u8>]) -> Vec<u8> {
    assert!(home.ask(name, qtype).is_none(), "{name} is not known yet");
    let sent = home.sent().remove(0);
    home.respond(&sent, &answer(&sent.packet, code, records, authority));
    home.replies().remove(0).1
}

fn asks_upstream(home: &mut Home, name: &str, qtype: u16) -> bool {
    let waits = home.ask(name, qtype).is_none();
    assert_eq!(waits, !home.sent().is_empty());
    waits
}

#[test]
fn ttls_run_down_and_end() {
    let mut home = Home::new();
    home.resolve("example.com", 100);
    home.now += 40 * SECOND;
    assert_eq!(ttl(&home.ask("EXAMPLE.com", A).unwrap(), 0), 60);
    home.now += 59 * SECOND;
    assert_eq!(ttl(&home.ask("example.com", A).unwrap(), 0), 1);
    home.now += SECOND;
    assert!(asks_upstream(&mut home, "example.com", A));
}

#[test]
fn records_of_a_set_share_the_smallest_ttl_and_large_ones_are_capped() {
    let mut home = Home::new();
    let records: Vec<_> = [300, 20, 0xffff_ffff].iter().map(|ttl| record(QNAME, A, *ttl, &[1, 2, 3, 4])).collect();
    let reply = resolved(&mut home, "set.example", A, 0, &records, &[]);
    assert_eq!([0, 1, 2].map(|index| ttl(&reply, index)), [20; 3]);
    let reply = resolved(&mut home, "long.example", A, 0, &[record(QNAME, A, 0x8000_0000, &[1, 2, 3, 4])], &[]);
    assert_eq!(ttl(&reply, 0), 86_400);
}

#[test]
fn zero_ttl_is_answered_once_and_not_kept() {
    let mut home = Home::new();
    let reply = resolved(&mut home, "zero.example", A, 0, &[record(QNAME, A, 0, &[1, 2, 3, 4])], &[]);
    assert_eq!(counts(&reply)[1], 1);
    assert!(asks_upstream(&mut home, "zero.example", A));
}

#[test]
fn negative_answers_are_kept_as_their_soa_says() {
    // TTL and MINIMUM of the SOA record, and the time that the answer is kept.
    for (soa_ttl, minimum, kept) in [(300, 60, 60_u32), (30, 600, 30), (1_000_000, 1_000_000, 10_800)] {
        for (code, other_type_is_known) in [(3, true), (0, false)] {
            let mut home = Home::new();
            let proof = [soa(&wire("example"), soa_ttl, minimum)];
            let reply = resolved(&mut home, "no.example", A, code, &[], &proof);
            assert_eq!((rcode(&reply), counts(&reply)[2]), (code, 1));
            home.now += u64::from(kept - 1) * SECOND;
            let again = home.ask("no.example", A).expect("known");
            assert_eq!((rcode(&again), counts(&again)[2]), (code, 1));
            assert_eq!(ttl(&again, 0), 1, "the SOA ages too");
            assert_eq!(!asks_upstream(&mut home, "no.example", AAAA), other_type_is_known, "RCODE {code}");
            home.now += SECOND;
            assert!(asks_upstream(&mut home, "no.example", A));
        }
    }
}

#[test]
fn negative_answers_without_a_soa_are_not_kept() {
    let mut home = Home::new();
    resolved(&mut home, "no.example", A, 3, &[], &[]);
    assert!(asks_upstream(&mut home, "no.example", A));
}

#[test]
fn answers_with_and_without_dnssec_or_checking_are_kept_apart() {
    let mut home = Home::new();
    home.resolve("example.com", 60);
    let mut checking_disabled = query(7, "example.com", A);
    checking_disabled[3] = 0x10;
    for packet in [with_opt(query(7, "example.com", A), 1232, 0x8000, &[]), checking_disabled] {
        assert!(home.send(&packet).is_none());
        assert_eq!(home.sent().len(), 1);
    }
}

#[test]
fn authentic_data_is_told_to_those_who_ask_for_it() {
    let mut home = Home::new();
    let packet = with_opt(query(7, "example.com", A), 1232, 0x8000, &[]);
    assert!(home.send(&packet).is_none());
    let sent = home.sent().remove(0);
    let mut reply = answer(&sent.packet, 0, &[record(QNAME, A, 60, &[1, 2, 3, 4])], &[]);
    reply[3] |= 0x20;
    home.respond(&sent, &reply);
    assert_eq!(home.replies().remove(0).1[3] & 0x20, 0x20);
    assert_eq!(home.send(&packet).unwrap()[3] & 0x20, 0x20);
}

#[test]
fn records_of_other_names_never_reach_the_client_or_the_cache() {
    let mut home = Home::new();
    let records = [
        record(&wire("www.bank.example"), A, 60, &[6, 6, 6, 6]),
        record(QNAME, CNAME, 60, &wire("real.example")),
        record(&wire("evil.example"), A, 60, &[6, 6, 6, 6]),
        record(&wire("real.example"), A, 60, &[1, 2, 3, 4]),
    ];
    let authority = [record(&wire("bank.example"), 2, 60, &wire("ns.evil.example"))];
    let reply = resolved(&mut home, "alias.example", A, 0, &records, &authority);
    assert_eq!(counts(&reply), [1, 2, 0, 1]);
    assert!(!reply.windows(4).any(|window| window == [6, 6, 6, 6]));
    assert!(!reply.windows(4).any(|window| window == b"evil"));
    assert!(reply.windows(4).any(|window| window == [1, 2, 3, 4]));
    assert!(asks_upstream(&mut home, "www.bank.example", A));
    assert!(asks_upstream(&mut home, "real.example", A), "only the question's name is kept");
}

#[test]
fn a_rewritten_answer_keeps_data_and_case() {
    let mut home = Home::new();
    // A foreign record first, so that the message can't be kept as it came; then MX with a compressed exchange.
    let end = 12 + wire("mail.example").len() + 4;
    let foreign = record(&wire("Host.Mixed.Case"), A, 60, &[6, 6, 6, 6]);
    let pointer = 0xc000 | end as u16;
    let data = [&[0, 10][..], &pointer.to_be_bytes()].concat();
    let unknown = record(QNAME, 15, 60, &data);
    let reply = resolved(&mut home, "mail.example", 15, 0, &[foreign, unknown], &[]);
    assert_eq!(counts(&reply)[1], 1);
    assert!(reply.windows(17).any(|window| window == wire("Host.Mixed.Case")), "expanded, in its own case");
}

#[test]
fn unknown_types_pass_unchanged() {
    let mut home = Home::new();
    let data: Vec<u8> = (0..=255).collect();
    let reply = resolved(&mut home, "odd.example", 65_280, 0, &[record(QNAME, 65_280, 60, &data)], &[]);
    assert!(reply.windows(256).any(|window| window == data));
}

#[test]
fn signatures_stay_with_their_records() {
    let mut home = Home::new();
    let packet = with_opt(query(7, "signed.example", A), 1232, 0x8000, &[]);
    assert!(home.send(&packet).is_none());
    let sent = home.sent().remove(0);
    let records = [
        record(QNAME, CNAME, 60, &wire("target.example")),
        record(QNAME, 46, 60, &[1; 30]),
        record(&wire("target.example"), A, 60, &[1, 2, 3, 4]),
        record(&wire("target.example"), 46, 60, &[1; 30]),
    ];
    let proof = [record(&wire("x.example"), 50, 60, &[1; 30]), record(&wire("x.example"), 46, 60, &[1; 30])];
    home.respond(&sent, &answer(&sent.packet, 0, &records, &proof));
    assert_eq!(counts(&home.replies().remove(0).1), [1, 4, 2, 1]);
}

#[test]
fn stale_answers_stand_in_when_upstreams_are_dead() {
    let mut home = Home::new();
    home.resolve("example.com", 60);
    home.now += 3_600 * SECOND;
    assert!(home.ask("example.com", A).is_none(), "an upstream is asked first");
    home.wait(1_820 * MILLI);
    let reply = home.replies().remove(0).1;
    assert_eq!((rcode(&reply), ttl(&reply, 0), error(&reply).unwrap().0), (0, 30, 3));
    home.sent();
    home.now += 20 * SECOND;
    let again = home.ask("example.com", A).expect("at once for half a minute");
    assert_eq!((ttl(&again, 0), error(&again).unwrap().0), (30, 3));
    home.now += 15 * SECOND;
    assert!(asks_upstream(&mut home, "example.com", A), "then upstreams get another chance");
    home.wait(2 * SECOND);
    home.now += 86_400 * SECOND;
    assert!(home.ask("example.com", A).is_none());
    home.replies();
    home.wait(1_820 * MILLI);
    assert_eq!(rcode(&home.replies().remove(0).1), 2, "a day is the end");
}

#[test]
fn an_answer_after_the_deadline_is_kept_for_the_next_client() {
    let mut home = Home::new();
    assert!(home.ask("late.example", A).is_none());
    let sent = home.sent().remove(0);
    home.wait(1_900 * MILLI);
    assert_eq!(rcode(&home.replies().remove(0).1), 2);
    home.respond(&sent, &answer(&sent.packet, 0, &[record(QNAME, A, 60, &[1, 2, 3, 4])], &[]));
    assert_eq!(rcode(&home.ask("late.example", A).unwrap()), 0);
}

#[test]
fn the_cache_stays_within_its_limit() {
    let mut home = Home::new();
    for number in 0..6_000 {
        home.now += MILLI;
        home.resolve(&format!("name-{number}.example"), 3_600);
        home.engine.gauge();
        assert!(home.counter("safedns_cache_size_bytes", "") <= 1 << 20);
    }
    assert!(home.counter("safedns_cache_entries", "") > 2_000, "and is used");
}
