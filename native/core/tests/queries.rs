//! What clients send and what they get for it: RFC 1035, 6891, 8482, 8906, 9267, 9619.
#![allow(missing_docs)]

mod support;
use support::*;

const FORMERR: u8 = 1;
const NOTIMP: u8 = 4;
const REFUSED: u8 = 5;

/// A packet and the RCODE and OPT count of its reply; None is silence.
type Row = (&'static str, Vec<u8>, Option<(u8, u16)>);

fn changed(mut packet: Vec<u8>, at: usize, value: u8) -> Vec<u8> {
    packet[at] = value;
    packet
}

fn cut(packet: &[u8], length: usize) -> Vec<u8> {
    packet[..length].to_vec()
}

fn malformed() -> Vec<Row> {
    let plain = || query(7, "localhost", A);
    let opt = |options: &[u8]| with_opt(plain(), 1232, 0, options);
    let end = plain().len();
    let twice = {
        let mut packet = opt(&[]);
        let second = packet[end..].to_vec();
        packet.extend(second);
        changed(packet, 11, 2)
    };
    vec![
        ("empty", vec![], None),
        ("eleven octets", cut(&plain(), 11), None),
        ("a response", changed(plain(), 2, 0x81), None),
        ("header only, one question promised", cut(&plain(), 12), Some((FORMERR, 0))),
        ("no question", changed(cut(&plain(), 12), 5, 0), Some((FORMERR, 0))),
        ("two questions", changed(plain(), 5, 2), Some((FORMERR, 0))),
        ("name without end", cut(&plain(), 15), Some((FORMERR, 0))),
        ("no type", cut(&plain(), end - 4), Some((FORMERR, 0))),
        ("half a class", cut(&plain(), end - 1), Some((FORMERR, 0))),
        ("pointer to itself", [&plain()[..12], &[0xc0, 12, 0, 1, 0, 1]].concat(), Some((FORMERR, 0))),
        ("pointer forward", [&plain()[..12], &[0xc0, 14, 0, 1, 0, 1]].concat(), Some((FORMERR, 0))),
        ("pointer into the header", [&plain()[..12], &[0xc0, 4, 0, 1, 0, 1]].concat(), Some((FORMERR, 0))),
        ("label type 01", changed(plain(), 12, 0x41), Some((FORMERR, 0))),
        ("label type 10", changed(plain(), 12, 0x81), Some((FORMERR, 0))),
        ("an answer that is not there", changed(plain(), 7, 1), Some((FORMERR, 0))),
        ("65,535 additional records", changed(changed(plain(), 10, 255), 11, 255), Some((FORMERR, 0))),
        ("type OPT", changed(plain(), end - 3, 41), Some((FORMERR, 0))),
        ("option past the end", opt(&[0, 3, 0, 9, 1]), Some((FORMERR, 1))),
        ("half an option", opt(&[0, 3, 0]), Some((FORMERR, 1))),
        ("cookie of 7 octets", opt(&[0, 10, 0, 7, 1, 2, 3, 4, 5, 6, 7]), Some((FORMERR, 1))),
        ("two OPT records", twice, Some((FORMERR, 1))),
        (
            "OPT owned by a name",
            {
                let mut packet = plain();
                packet.extend_from_slice(&[1, b'x', 0, 0, 41, 4, 208, 0, 0, 0, 0, 0, 0]);
                changed(packet, 11, 1)
            },
            Some((FORMERR, 1)),
        ),
        ("OPT as answer", changed(changed(opt(&[]), 11, 0), 7, 1), Some((FORMERR, 1))),
        ("EDNS version 1", changed(opt(&[]), end + 6, 1), Some((0, 1))),
        ("opcode 15, header only", changed(cut(&plain(), 12), 2, 0x79), Some((NOTIMP, 0))),
        ("UPDATE", changed(plain(), 2, 0x28), Some((NOTIMP, 0))),
        ("NOTIFY", changed(plain(), 2, 0x20), Some((NOTIMP, 0))),
        ("AXFR", query(7, "example.com", 252), Some((REFUSED, 0))),
        ("IXFR", query(7, "example.com", 251), Some((REFUSED, 0))),
    ]
}

#[test]
fn malformed_queries_get_their_error_or_silence() {
    for (what, packet, expected) in malformed() {
        for peer in [Home::peer(2), Home::stream(1)] {
            let mut home = Home::new();
            let reply = home.send_from(&peer, &packet);
            let got = reply.as_ref().map(|reply| (rcode(reply), counts(reply)[3]));
            assert_eq!(got, expected, "{what}");
            if let Some(reply) = reply {
                assert_eq!(reply[..2], packet[..2], "{what}: same id");
                assert_eq!(reply[2] & 0xf8, 0x80 | (packet[2] & 0x78), "{what}: a response with the same opcode");
                assert_eq!(counts(&reply)[1..3], [0, 0], "{what}: no records");
            }
            assert!(home.sent().is_empty(), "{what}: nothing is forwarded");
            assert!(home.ask("localhost", A).is_some(), "{what}: alive");
        }
    }
}

#[test]
fn badvers_has_its_upper_bits_in_opt() {
    let packet = with_opt(query(7, "localhost", A), 1232, 0, &[]);
    let reply = Home::new().send(&changed(packet.clone(), question_end(&packet) + 6, 1)).unwrap();
    let opt = question_end(&reply);
    assert_eq!(reply[opt..opt + 3], [0, 0, 41]);
    assert_eq!(reply[opt + 5..opt + 7], [1, 0], "extended RCODE 16, version 0");
}

#[test]
fn flags_are_copied_or_not_as_the_standards_say() {
    for bits in 0..=255_u8 {
        let mut home = Home::new();
        let reply = home.send(&changed(query(7, "localhost", A), 3, bits)).unwrap();
        assert_eq!(reply[3], 0x80 | (bits & 0x10), "RA set, CD copied, AD and Z not: {bits:08b}");
        assert_eq!(reply[2], 0x81, "QR and RD");
    }
}

#[test]
fn unknown_options_and_flags_are_ignored() {
    let options = [0, 100, 0, 2, 1, 2, 0, 3, 0, 0, 0, 10, 0, 8, 1, 2, 3, 4, 5, 6, 7, 8];
    let reply = Home::new().send(&with_opt(query(7, "localhost", A), 1232, 0x7fff, &options)).unwrap();
    assert_eq!(rcode(&reply), 0);
    assert_eq!(reply[reply.len() - 11..], [0, 0, 41, 4, 208, 0, 0, 0, 0, 0, 0], "our OPT: 1232, no flags, no options");
}

#[test]
fn dnssec_ok_is_echoed() {
    let reply = Home::new().send(&with_opt(query(7, "localhost", A), 1232, 0x8000, &[])).unwrap();
    assert_eq!(reply[reply.len() - 4..], [0x80, 0, 0, 0]);
}

#[test]
fn clients_that_may_not_ask_get_no_answer() {
    let mut home = Home::new();
    let mut peer = Home::peer(2);
    peer.address = ([203, 0, 113, 5], 4000).into();
    assert_eq!(home.send_from(&peer, &query(7, "localhost", A)), None);
    peer.address = ([192, 168, 1, 2], 0).into();
    assert_eq!(home.send_from(&peer, &query(7, "localhost", A)), None, "port 0 can't be replied to");
    assert_eq!(home.counter("safedns_dropped_packets_total", "reason=\"client_not_allowed\""), 2);
    peer.address = "[::ffff:192.168.1.2]:4000".parse().unwrap();
    assert!(home.send_from(&peer, &query(7, "localhost", A)).is_some(), "IPv4 over an IPv6 socket");
}

#[test]
fn special_names_are_answered_here() {
    let rows: [(&str, u16, u8, u16); 6] = [
        ("localhost", A, 0, 1),
        ("a.LocalHost", AAAA, 0, 1),
        ("localhost", 16, 0, 0),
        ("abc.onion", A, 3, 0),
        ("_dns.resolver.arpa", 64, 0, 0),
        ("notlocalhost", A, 0, 99),
    ];
    for (name, qtype, code, answers) in rows {
        let mut home = Home::new();
        let reply = home.ask(name, qtype);
        if answers == 99 {
            assert!(reply.is_none() && home.sent().len() == 1, "{name} is forwarded");
            continue;
        }
        let reply = reply.unwrap();
        assert_eq!((rcode(&reply), counts(&reply)[1]), (code, answers), "{name} {qtype}");
        assert_eq!(counts(&reply)[2], u16::from(answers == 0), "{name}: negative answers have an SOA");
        assert!(home.sent().is_empty(), "{name} is not forwarded");
    }
}

#[test]
fn any_is_answered_with_hinfo() {
    let mut home = Home::new();
    let reply = home.ask("example.com", 255).unwrap();
    assert_eq!(counts(&reply)[1], 1);
    assert!(reply.windows(8).any(|window| window == b"\x07RFC8482"));
    assert!(home.sent().is_empty());
}

#[test]
fn without_recursion_desired_only_the_cache_answers() {
    let mut home = Home::new();
    let packet = changed(with_opt(query(7, "example.com", A), 1232, 0, &[]), 2, 0);
    let reply = home.send(&packet).unwrap();
    assert_eq!(rcode(&reply), REFUSED);
    assert_eq!(error(&reply).unwrap().0, 20);
    assert!(home.sent().is_empty());
    home.resolve("example.com", 60);
    assert_eq!(counts(&home.send(&packet).unwrap())[1], 1);
}
