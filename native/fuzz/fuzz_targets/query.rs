//! Whatever a client sends, a packet with a header that is no response gets at most one reply, with its id, that can be
//! read to the end; anything else gets silence.
#![no_main]

#[path = "../../core/tests/support/mod.rs"]
mod support;

use std::cell::RefCell;

use libfuzzer_sys::fuzz_target;
use safedns_core::message::Record;
use support::Home;

thread_local! {
    static HOME: RefCell<Home> = RefCell::new(Home::new());
}

fn check(packet: &[u8], reply: Option<&[u8]>) {
    let is_query = packet.len() >= 12 && packet[2] & 0x80 == 0;
    let Some(reply) = reply else { return };
    assert!(is_query, "silence for what is no query");
    assert!(reply.len() >= 12 && reply[..2] == packet[..2] && reply[2] & 0x80 != 0, "a response with the same id");
    let [questions, answers, authority, additional] = support::counts(reply);
    let mut offset = if questions == 0 { 12 } else { support::question_end(reply) };
    for _ in 0..answers + authority + additional {
        offset = Record::read(reply, offset).expect("records that were counted are there").end;
    }
    assert_eq!(offset, reply.len(), "nothing behind the last record");
}

fuzz_target!(|packet: &[u8]| {
    HOME.with_borrow_mut(|home| {
        for peer in [Home::peer(2), Home::stream(1)] {
            let reply = home.send_from(&peer, packet);
            check(packet, reply.as_deref());
        }
        home.sent();
        home.streams();
        for _ in 0..8 {
            home.now += support::SECOND / 2;
            home.engine.expire(home.now);
        }
        for (_, reply) in home.replies() {
            check(packet, Some(&reply));
        }
        home.engine.outbox().clear();
        assert_eq!(home.engine.waiting(), 0, "every client was answered");
    });
});
