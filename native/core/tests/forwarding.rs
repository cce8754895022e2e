//! Asking upstreams: spoofing (RFC 5452), loss, failure (RFC 9520), truncation, EDNS fallback (RFC 6891).
#![allow(missing_docs)]

mod support;
use std::collections::HashSet;

use support::*;

const SERVFAIL: u8 = 2;

fn address(last: u8) -> Vec<u8> {
    record(QNAME, A, 300, &[192, 0, 2, last])
}

/// Ask for a name and return the query that left.
fn asked(home: &mut Home, name: &str) -> Sent {
    assert!(home.ask(name, A).is_none());
    let mut sent = home.sent();
    assert_eq!(sent.len(), 1);
    sent.remove(0)
}

#[test]
fn a_query_upstream_carries_our_own_edns_and_only_the_flags_that_were_asked_for() {
    let rows = [(0x00_u8, 0x0000, [1, 0]), (0x10, 0x8000, [1, 0x10]), (0x20, 0, [1, 0x20]), (0x60, 0, [1, 0x20])];
    for (header, edns, expected) in rows {
        let mut home = Home::new();
        let mut packet = with_opt(query(7, "example.com", A), 4096, edns, &[0, 10, 0, 8, 1, 2, 3, 4, 5, 6, 7, 8]);
        packet[3] = header;
        home.send(&packet);
        let sent = home.sent().remove(0).packet;
        assert_eq!(sent[2..4], expected, "RD always, AD and CD if asked");
        let dnssec_ok = (edns >> 8) as u8;
        assert_eq!(
            sent[question_end(&sent)..],
            [0, 0, 41, 4, 208, 0, 0, dnssec_ok, 0, 0, 0],
            "no client's option leaves"
        );
    }
}

#[test]
fn the_reply_repeats_the_clients_own_question_and_id() {
    let mut home = Home::new();
    assert!(home.send(&query(0x1234, "WwW.ExAmPlE.cOm", A)).is_none());
    let sent = home.sent().remove(0);
    home.respond(&sent, &answer(&sent.packet, 0, &[address(1)], &[]));
    let reply = home.replies().remove(0).1;
    assert_eq!(reply[..2], [0x12, 0x34]);
    assert_eq!(reply[12..29], wire("WwW.ExAmPlE.cOm"));
    assert_eq!(counts(&reply), [1, 1, 0, 0], "no OPT without one in the query");
}

#[test]
fn a_hundred_identical_questions_are_one_query() {
    let mut home = Home::new();
    for client in 0..100 {
        let name = if client % 2 == 0 { "slow.example" } else { "SLOW.example" };
        assert!(home
            .send_from(&Home::peer(client), &with_opt(query(u16::from(client), name, A), 1232, 0, &[]))
            .is_none());
    }
    let sent = home.sent();
    assert_eq!(sent.len(), 1);
    home.respond(&sent[0], &answer(&sent[0].packet, 0, &[address(1)], &[]));
    let replies = home.replies();
    let clients: HashSet<_> = replies.iter().map(|(peer, _)| peer.address).collect();
    assert_eq!((replies.len(), clients.len()), (100, 100));
    assert!(replies.iter().enumerate().all(|(index, (_, reply))| reply[..2] == [0, index as u8]));
}

/// Makes a packet that is no answer to what was sent.
type Junk = Box<dyn Fn(&Sent) -> Vec<u8>>;

#[test]
fn junk_before_the_good_answer_is_ignored() {
    let good = |sent: &Sent| answer(&sent.packet, 0, &[address(1)], &[]);
    let junk: Vec<(&str, Junk)> = vec![
        ("empty", Box::new(|_| vec![])),
        ("cut short", Box::new(move |sent| good(sent)[..9].to_vec())),
        ("cut in a record", Box::new(move |sent| good(sent)[..good(sent).len() - 3].to_vec())),
        (
            "another id",
            Box::new(move |sent| {
                let mut packet = good(sent);
                packet[0] ^= 1;
                packet
            }),
        ),
        (
            "a query",
            Box::new(move |sent| {
                let mut packet = good(sent);
                packet[2] &= 0x7f;
                packet
            }),
        ),
        (
            "another opcode",
            Box::new(move |sent| {
                let mut packet = good(sent);
                packet[2] |= 0x28;
                packet
            }),
        ),
        (
            "another name",
            Box::new(move |sent| {
                let mut packet = good(sent);
                packet[13] = b'!';
                packet
            }),
        ),
        (
            "another type",
            Box::new(move |sent| {
                let mut packet = good(sent);
                let end = question_end(&packet);
                packet[end - 3] = 28;
                packet
            }),
        ),
        (
            "another class",
            Box::new(move |sent| {
                let mut packet = good(sent);
                let end = question_end(&packet);
                packet[end - 1] = 3;
                packet
            }),
        ),
        (
            "two questions",
            Box::new(move |sent| {
                let mut packet = good(sent);
                packet[5] = 2;
                packet
            }),
        ),
        (
            "counts that lie",
            Box::new(move |sent| {
                let mut packet = good(sent);
                packet[7] = 200;
                packet
            }),
        ),
        ("an address of 3 octets", Box::new(|sent| answer(&sent.packet, 0, &[record(QNAME, A, 9, &[1, 2, 3])], &[]))),
        (
            "a pointer loop",
            Box::new(|sent| {
                let end = question_end(&sent.packet) as u8;
                answer(&sent.packet, 0, &[record(&[0xc0, end], A, 9, &[1, 2, 3, 4])], &[])
            }),
        ),
        (
            "no question, SERVFAIL",
            Box::new(|sent| vec![sent.packet[0], sent.packet[1], 0x81, 0x82, 0, 0, 0, 0, 0, 0, 0, 0]),
        ),
    ];
    for (what, make) in junk {
        let mut home = Home::new();
        let sent = asked(&mut home, "victim.example");
        for _ in 0..3 {
            home.respond(&sent, &make(&sent));
        }
        assert!(home.replies().is_empty(), "{what} is no answer");
        assert!(home.sent().is_empty() && home.streams().is_empty(), "{what} causes no query");
        home.now += 50 * MILLI;
        home.respond(&sent, &good(&sent));
        assert_eq!(counts(&home.replies().remove(0).1)[1], 1, "after {what} the good answer counts");
        assert_eq!(home.counter("safedns_upstream_mismatches_total", ""), 3, "{what}");
    }
}

#[test]
fn a_reply_to_another_socket_is_ignored() {
    let mut home = Home::new();
    let first = asked(&mut home, "one.example");
    let second = asked(&mut home, "two.example");
    assert_ne!(first.slot, second.slot);
    home.engine.response(second.slot, &answer(&first.packet, 0, &[address(1)], &[]), home.now);
    assert!(home.replies().is_empty());
}

#[test]
fn many_mismatches_move_the_question_to_tcp() {
    let mut home = Home::new();
    let sent = asked(&mut home, "victim.example");
    for guess in 0..10_u16 {
        let mut packet = answer(&sent.packet, 0, &[address(66)], &[]);
        let id = u16::from_be_bytes([packet[0], packet[1]]).wrapping_add(guess + 1);
        packet[..2].copy_from_slice(&id.to_be_bytes());
        home.respond(&sent, &packet);
    }
    let streams = home.streams();
    assert_eq!(streams.len(), 1);
    home.respond(&sent, &answer(&sent.packet, 0, &[address(66)], &[]));
    assert!(home.replies().is_empty(), "UDP counts no more");
    let reply = answer(&streams[0].1, 0, &[address(1)], &[]);
    home.engine.stream_response(streams[0].0, Some(&reply), home.now);
    assert!(home.replies().remove(0).1.ends_with(&[0, 0, 41, 4, 208, 0, 0, 0, 0, 0, 0]));
}

#[test]
fn ports_ids_and_case_are_unpredictable() {
    let mut home = Home::new();
    let (mut ports, mut ids, mut upper) = (HashSet::new(), HashSet::new(), 0);
    for number in 0..300 {
        let sent = asked(&mut home, &format!("host{number}.some-long-name.example"));
        ports.insert(sent.port.expect("a fresh socket for each query at this rate"));
        ids.insert([sent.packet[0], sent.packet[1]]);
        upper += sent.packet.iter().filter(|octet| octet.is_ascii_uppercase()).count();
        home.respond(&sent, &answer(&sent.packet, 0, &[address(1)], &[]));
        home.now += 5 * MILLI;
    }
    assert_eq!(ports.len(), 300);
    assert!(ports.iter().all(|port| *port >= 1024));
    assert!(ids.len() >= 295, "{} distinct ids", ids.len());
    // 23 letters in each name, each upper case with probability 1/2: six standard deviations.
    assert!((3_450 - 250..3_450 + 250).contains(&upper), "{upper} upper-case letters");
}

#[test]
fn a_flood_shares_a_bounded_number_of_sockets() {
    let mut home = Home::new();
    let mut slots = HashSet::new();
    for number in 0..200 {
        slots.insert(asked(&mut home, &format!("n{number}.example")).slot);
    }
    assert!(slots.len() <= 64);
    let reply = (200..300).find_map(|number| home.ask(&format!("n{number}.example"), A)).expect("there is a limit");
    assert_eq!((rcode(&reply), error(&reply).unwrap().0), (SERVFAIL, 23));
}

#[test]
fn an_upstream_that_folds_case_is_asked_over_tcp_and_then_spared() {
    let mut home = Home::new();
    for number in 0..3 {
        let sent = asked(&mut home, &format!("lower-case-{number}.example"));
        let folded = answer(&sent.packet.to_ascii_lowercase(), 0, &[address(1)], &[]);
        let mut reply = folded;
        reply[..12].copy_from_slice(&answer(&sent.packet, 0, &[address(1)], &[])[..12]);
        home.respond(&sent, &reply);
        assert!(home.replies().is_empty());
        let (exchange, message) = home.streams().remove(0);
        home.engine.stream_response(exchange, Some(&answer(&message, 0, &[address(1)], &[])), home.now);
        assert_eq!(home.replies().len(), 1);
    }
    let sent = asked(&mut home, "spared.example");
    assert!(!sent.packet.iter().any(u8::is_ascii_uppercase));
}

#[test]
fn a_lost_query_is_sent_again_and_either_answer_counts() {
    for answered in 0..3 {
        let mut home = Home::new();
        let mut sent = vec![asked(&mut home, "lossy.example")];
        while sent.len() < 3 {
            home.wait(20 * MILLI);
            sent.extend(home.sent());
        }
        let ids: HashSet<_> = sent.iter().map(|sent| sent.packet[..2].to_vec()).collect();
        assert_eq!(ids.len(), 3, "each try has its own id");
        home.respond(&sent[answered], &answer(&sent[answered].packet, 0, &[address(1)], &[]));
        assert_eq!(home.replies().len(), 1);
        home.wait(3 * SECOND);
        assert!(home.sent().is_empty() && home.replies().is_empty());
    }
}

#[test]
fn dead_upstreams_mean_servfail_in_time_and_rest_afterwards() {
    for upstreams in 1..=3 {
        let mut home = Home::with_upstreams(upstreams);
        assert!(home.ask("dead.example", A).is_none());
        home.wait(1_820 * MILLI);
        let replies = home.replies();
        assert_eq!((rcode(&replies[0].1), error(&replies[0].1).unwrap().0), (SERVFAIL, 22), "{upstreams} upstreams");
        assert_eq!(home.sent().len(), 3, "at most three queries, whatever the number of upstreams");
        for _ in 0..20 {
            let reply = home.ask("dead.example", A).expect("the failure is remembered");
            assert_eq!((rcode(&reply), error(&reply).unwrap().0), (SERVFAIL, 13));
            home.now += 45 * MILLI;
        }
        assert!(home.sent().is_empty(), "no upstream was asked for a second");
        assert!(home.ask("healthy.example", A).is_none(), "another name is asked at once");
        assert_eq!(home.sent().len().min(1), 1);
    }
}

#[test]
fn failures_are_remembered_longer_each_time() {
    let mut home = Home::new();
    let mut rests = Vec::new();
    for _ in 0..5 {
        while home.ask("dead.example", A).is_some() {
            home.now += 100 * MILLI;
        }
        home.wait(1_820 * MILLI);
        let start = home.now;
        while home.ask("dead.example", A).is_some() {
            home.now += 100 * MILLI;
        }
        rests.push((home.now - start) / SECOND);
        home.wait(4 * SECOND);
        home.replies();
    }
    assert!(rests[0] >= 1, "{rests:?}");
    assert!(rests.windows(2).all(|pair| pair[0] <= pair[1]) && rests[4] > 4 * rests[0], "{rests:?}");
    assert!(*rests.last().unwrap() <= 300, "{rests:?}");
}

#[test]
fn a_dead_upstream_costs_the_first_clients_half_a_second_and_later_ones_nothing() {
    let mut home = Home::with_upstreams(2);
    let mut waits = Vec::new();
    for number in 0..20 {
        assert!(home.ask(&format!("n{number}.example"), A).is_none());
        let start = home.now;
        let mut sent = home.sent();
        while home.replies().is_empty() {
            for sent in sent.iter().filter(|sent| sent.address.ip().to_string() == "9.9.9.2") {
                home.respond(sent, &answer(&sent.packet, 0, &[address(1)], &[]));
            }
            home.wait(20 * MILLI);
            sent = home.sent();
            assert!(home.now - start < 2 * SECOND);
        }
        waits.push((home.now - start) / MILLI);
    }
    assert!(waits.iter().all(|wait| *wait <= 560), "{waits:?}");
    assert!(waits[4..].iter().all(|wait| *wait <= 40), "{waits:?}");
}

#[test]
fn a_dead_upstream_is_noticed_when_it_is_back() {
    let mut home = Home::with_upstreams(1);
    for number in 0..3 {
        home.ask(&format!("n{number}.example"), A);
        home.wait(2 * SECOND);
    }
    home.sent();
    home.replies();
    home.now += SECOND;
    let sent = asked(&mut home, "back.example");
    home.respond(&sent, &answer(&sent.packet, 0, &[address(1)], &[]));
    assert_eq!(home.replies().len(), 1);
}

#[test]
fn servfail_goes_to_the_next_upstream_and_is_passed_on_if_all_say_so() {
    let mut home = Home::with_upstreams(3);
    assert!(home.ask("broken.example", A).is_none());
    let mut asked = HashSet::new();
    for _ in 0..3 {
        let sent = home.sent().remove(0);
        asked.insert(sent.address);
        home.respond(&sent, &answer(&sent.packet, SERVFAIL, &[], &[]));
    }
    assert_eq!(asked.len(), 3);
    assert_eq!(rcode(&home.replies().remove(0).1), SERVFAIL);
    assert_eq!(rcode(&home.ask("broken.example", A).unwrap()), SERVFAIL, "and remembered");
    assert!(home.sent().is_empty());
}

#[test]
fn refused_is_passed_on() {
    let mut home = Home::new();
    let sent = asked(&mut home, "refused.example");
    home.respond(&sent, &answer(&sent.packet, 5, &[], &[]));
    assert_eq!(rcode(&home.replies().remove(0).1), 5);
}

#[test]
fn an_upstream_without_edns_is_asked_without() {
    let formerr = |sent: &Sent| answer(&sent.packet, 1, &[], &[]);
    let bare = |sent: &Sent| vec![sent.packet[0], sent.packet[1], 0x81, 0x81, 0, 0, 0, 0, 0, 0, 0, 0];
    for (what, make) in [("FORMERR", &formerr as &dyn Fn(&Sent) -> Vec<u8>), ("FORMERR without question", &bare)] {
        let mut home = Home::new();
        let first = asked(&mut home, "old.example");
        home.respond(&first, &make(&first));
        home.wait(20 * MILLI);
        let second = home.sent().remove(0);
        assert_eq!(counts(&second.packet), [1, 0, 0, 0], "{what}: no OPT in the second try");
        home.respond(&second, &answer(&second.packet, 0, &[address(1)], &[]));
        assert_eq!(home.replies().len(), 1, "{what}");
        let other = asked(&mut home, "other.example");
        assert_eq!(counts(&other.packet)[3], 1, "{what}: the next question has EDNS again");
    }
}

#[test]
fn unreachable_upstreams_fail_over_at_once() {
    let mut home = Home::with_upstreams(2);
    let first = asked(&mut home, "icmp.example");
    home.engine.unreachable(first.slot, home.now);
    let second = home.sent().remove(0);
    assert_ne!(first.address, second.address);
    home.engine.unreachable(second.slot, home.now);
    assert_eq!(rcode(&home.replies().remove(0).1), SERVFAIL, "without waiting");
}

#[test]
fn truncated_and_oversized_answers_are_fetched_over_tcp() {
    for oversized in [false, true] {
        let mut home = Home::new();
        let sent = asked(&mut home, "big.example");
        let mut reply = answer(&sent.packet, 0, &[address(1)], &[]);
        if oversized {
            reply = answer(&sent.packet, 0, &[record(QNAME, 16, 60, &[1; 1_300])], &[]);
        } else {
            reply[2] |= 2;
        }
        home.respond(&sent, &reply);
        assert!(home.replies().is_empty());
        let (exchange, message) = home.streams().remove(0);
        let records: Vec<_> = (1..=3).map(address).collect();
        home.engine.stream_response(exchange, Some(&answer(&message, 0, &records, &[])), home.now);
        assert_eq!(counts(&home.replies().remove(0).1)[1], 3);
        assert_eq!(counts(&home.ask("big.example", A).unwrap())[1], 3, "and kept");
    }
}

#[test]
fn when_tcp_fails_the_client_hears_of_it() {
    let mut home = Home::new();
    let sent = asked(&mut home, "big.example");
    let mut reply = answer(&sent.packet, 0, &[], &[]);
    reply[2] |= 2;
    home.respond(&sent, &reply);
    let (exchange, _) = home.streams().remove(0);
    home.engine.stream_response(exchange, None, home.now);
    assert_eq!(rcode(&home.replies().remove(0).1), SERVFAIL);
    home.engine.stream_response(exchange, None, home.now);
    assert!(home.replies().is_empty(), "told once");
}

#[test]
fn replies_that_do_not_fit_are_truncated_with_opt() {
    let mut home = Home::new();
    let sent = asked(&mut home, "many.example");
    let records: Vec<_> = (0..60).map(address).collect();
    home.respond(&sent, &answer(&sent.packet, 0, &records, &[]));
    assert_eq!(counts(&home.replies().remove(0).1)[1], 60, "972 octets fit into 1232");
    let plain = home.send(&query(7, "many.example", A)).unwrap();
    assert_eq!((plain[2] & 2, counts(&plain)), (2, [1, 0, 0, 0]), "but not into 512");
    let small = home.send(&with_opt(query(7, "many.example", A), 100, 0, &[])).unwrap();
    assert_eq!((small[2] & 2, counts(&small)), (2, [1, 0, 0, 1]), "less than 512 counts as 512");
    let stream = home.send_from(&Home::stream(1), &query(7, "many.example", A)).unwrap();
    assert_eq!((stream[2] & 2, counts(&stream)), (0, [1, 60, 0, 0]), "a stream takes it");
}

#[test]
fn queries_over_streams_go_upstream_over_tcp_and_fall_back_to_udp() {
    let mut home = Home::new();
    assert!(home.send_from(&Home::stream(5), &query(7, "stream.example", A)).is_none());
    let (exchange, _) = home.streams().remove(0);
    assert!(home.sent().is_empty());
    home.engine.stream_response(exchange, None, home.now);
    let sent = home.sent().remove(0);
    home.respond(&sent, &answer(&sent.packet, 0, &[address(1)], &[]));
    assert_eq!(home.replies().remove(0).0.via, safedns_core::exchange::Via::Stream(5));
    assert!(home.send_from(&Home::stream(6), &query(7, "next.example", A)).is_none());
    assert_eq!((home.streams().len(), home.sent().len()), (0, 1), "TCP that failed is left alone for a while");
}

#[test]
fn signed_queries_pass_as_they_are() {
    let mut home = Home::new();
    let mut packet = query(7, "Signed.example", A);
    packet.extend(record(&wire("key"), 250, 0, &[1; 40]));
    packet[11] = 1;
    assert!(home.send(&packet).is_none());
    let sent = home.sent().remove(0);
    assert_eq!(sent.packet[2..], packet[2..], "all but the id");
    let mut reply = answer(&sent.packet, 0, &[address(1)], &[]);
    reply.extend(record(&wire("key"), 250, 0, &[2; 40]));
    reply[11] = 1;
    home.respond(&sent, &reply);
    let got = home.replies().remove(0).1;
    assert_eq!((&got[..2], &got[2..]), (&[0_u8, 7][..], &reply[2..]));
    assert!(home.send(&packet).is_none(), "and are not cached");
}
