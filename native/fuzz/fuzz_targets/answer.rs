//! Whatever an upstream sends, the client gets at most one reply, which can be read to the end and has no record of a name
//! that is not on the way from the question; the same goes for what is kept in the cache.
#![no_main]

#[path = "../../core/tests/support/mod.rs"]
mod support;

use libfuzzer_sys::fuzz_target;
use portable_atomic::AtomicU64;
use safedns_core::counters::COUNT;
use safedns_core::message::Record;
use safedns_core::name::Name;
use support::*;

static COUNTERS: [AtomicU64; COUNT] = [const { AtomicU64::new(0) }; COUNT];
const QUESTION: &str = "www.example.com";

fn check(reply: &[u8]) {
    let [questions, answers, authority, additional] = counts(reply);
    assert_eq!(questions, 1);
    let mut offset = question_end(reply);
    let mut chain = vec![Name::parse(QUESTION.as_bytes()).unwrap()];
    for index in 0..answers + authority + additional {
        let record = Record::read(reply, offset).expect("records that were counted are there");
        offset = record.end;
        let (owner, _) = Name::read(reply, record.owner).expect("an owner that can be read");
        let above = |name: &Name| owner.labels() <= name.labels() && name.suffix(owner.labels()) == owner.wire();
        if index < answers {
            assert!(chain.iter().any(above), "{owner} was not asked for");
            if record.rtype == CNAME {
                chain.push(Name::read(reply, record.start).expect("a target that can be read").0);
            }
        }
    }
    assert_eq!(offset, reply.len(), "nothing behind the last record");
}

fuzz_target!(|data: &[u8]| {
    let [qtype, flags, rest @ ..] = data else { return };
    let qtype = [A, AAAA, CNAME, SOA, HTTPS, 15, 46, 65_280][usize::from(qtype & 7)];
    let mut home = Home::counting_in(&COUNTERS, 1);
    let dnssec_ok = if flags & 1 == 0 { 0 } else { 0x8000 };
    let query = with_opt(query(7, QUESTION, qtype), 1232, dnssec_ok, &[]);
    assert!(home.send(&query).is_none());
    let sent = home.sent().remove(0);
    // Right id and question, so that what follows is looked at; flags, counts and records are the fuzzer's.
    let mut reply = sent.packet[..question_end(&sent.packet)].to_vec();
    let take = rest.len().min(8);
    reply[2..2 + take.min(2)].copy_from_slice(&rest[..take.min(2)]);
    reply[2] |= 0x80;
    if take > 2 {
        reply[6..6 + take - 2].copy_from_slice(&rest[2..take]);
    }
    reply.extend_from_slice(&rest[take..]);
    home.respond(&sent, &reply);
    for (exchange, message) in home.streams() {
        reply[..2].copy_from_slice(&message[..2]);
        let end = question_end(&message);
        reply[12..end].copy_from_slice(&message[12..end]);
        home.engine.stream_response(exchange, Some(&reply), home.now);
    }
    home.now += 2 * SECOND;
    home.engine.expire(home.now);
    let replies = home.replies();
    assert_eq!(replies.len(), 1, "one reply for one query");
    check(&replies[0].1);
    if let Some(kept) = home.send(&query) {
        check(&kept);
    }
});
