//! One question that waits for upstreams: who waits, what was sent, and its forms on the wire.

use std::net::{IpAddr, SocketAddr};

use crate::cache::key_flags;
use crate::message::{self, rtype, u16_at, HEADER, RD};
use crate::reply::{Asker, PAYLOAD};

/// How a client is reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Via {
    /// Over UDP, by the caller's number of the listening socket.
    Udp(u32),
    /// Over a stream, by the caller's number of the query.
    Stream(u64),
}

/// A client.
#[derive(Clone, Copy, Debug)]
pub struct Peer {
    /// How it is reached.
    pub via: Via,
    /// Its address.
    pub address: SocketAddr,
    /// Our address that it used.
    pub local: IpAddr,
}

/// A client that waits for an answer.
#[derive(Debug)]
pub struct Waiter {
    /// The client.
    pub peer: Peer,
    /// What its reply repeats.
    pub asker: Asker,
    /// Its question, if not in lower case.
    pub question: Option<Box<[u8]>>,
    /// When its query came, in nanoseconds.
    pub received: u64,
}

/// A query that was sent for a question. `sent` is 0 once it is over.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Attempt {
    pub upstream: u8,
    pub slot: u16,
    pub id: u16,
    pub sent: u64,
    /// Random case of the name: letter n is upper case if bit n mod 64 is set.
    pub case: u64,
    pub edns: bool,
}

/// A question that waits for upstreams.
#[derive(Debug, Default)]
pub struct Exchange {
    /// Cache key of the question; for signed queries the name, type and class as they came.
    pub key: Box<[u8]>,
    /// A signed query, passed as it came.
    pub signed: Option<Box<[u8]>>,
    /// Who waits.
    pub waiters: Vec<Waiter>,
    pub(crate) attempts: Vec<Attempt>,
    /// Upstreams that were asked: bit n is upstream n.
    pub(crate) tried: u64,
    /// When the clients are told that there is no answer, in nanoseconds.
    pub(crate) deadline: u64,
    /// When something is to be done next.
    pub(crate) next: u64,
    /// Upstream and id of the query over TCP that is under way.
    pub(crate) stream: Option<(u8, u16)>,
    /// Upstreams that were asked over TCP.
    pub(crate) streams: u8,
    /// Packets to this question's sockets that were no reply to it.
    pub(crate) mismatches: u8,
    /// Ask without EDNS.
    pub(crate) plain: bool,
    /// RCODE of an upstream that could not answer.
    pub error: Option<u16>,
    /// The clients were told that there is no answer.
    pub(crate) overdue: bool,
    pub(crate) live: bool,
    pub(crate) generation: u32,
}

/// Whether a reply's question is the one that was asked.
#[derive(PartialEq, Eq)]
pub(crate) enum Echo {
    Exact,
    Folded,
    Different,
}

/// A socket and an id as one number.
pub(crate) fn id_key(slot: u16, id: u16) -> u32 {
    u32::from(slot) << 16 | u32::from(id)
}

/// Whether a letter of a name is sent in upper case: letters in order take the bits of `case` in turn.
fn recase(octet: u8, case: u64, letter: &mut u32) -> u8 {
    if octet.is_ascii_lowercase() {
        let upper = case >> (*letter & 63) & 1 == 1;
        *letter += 1;
        if upper {
            return octet.to_ascii_uppercase();
        }
    }
    octet
}

/// Append a query: the exchange's question in random case with our own OPT record, or the signed query as it came.
pub(crate) fn write_query(out: &mut Vec<u8>, exchange: &Exchange, id: u16, case: u64, edns: bool) {
    out.extend_from_slice(&id.to_be_bytes());
    if let Some(signed) = &exchange.signed {
        out.extend_from_slice(&signed[2..]);
        return;
    }
    let key = &exchange.key;
    let (flags, dnssec_ok) = key_flags(key);
    out.extend_from_slice(&(RD | flags).to_be_bytes());
    out.extend_from_slice(&[0, 1, 0, 0, 0, 0, 0, u8::from(edns)]);
    let question = &key[..key.len() - 1];
    let mut letter = 0;
    let name = question.len() - 4;
    out.extend(question[..name].iter().map(|octet| recase(*octet, case, &mut letter)));
    out.extend_from_slice(&question[name..]);
    if edns {
        let [high, low] = PAYLOAD.to_be_bytes();
        let dnssec_ok = if dnssec_ok { (message::DO >> 8) as u8 } else { 0 };
        out.extend_from_slice(&[0, 0, rtype::OPT as u8, high, low, 0, 0, dnssec_ok, 0, 0, 0]);
    }
}

/// Compare a reply's question with the one that was sent.
pub(crate) fn echo(packet: &[u8], key: &[u8], case: u64, signed: Option<&[u8]>) -> Echo {
    if u16_at(packet, 4) != 1 {
        return Echo::Different;
    }
    let question = &key[..key.len() - 1];
    let Some(got) = packet.get(HEADER..HEADER + question.len()) else { return Echo::Different };
    if let Some(signed) = signed {
        return if signed[HEADER..].starts_with(got) { Echo::Exact } else { Echo::Different };
    }
    let name = question.len() - 4;
    let mut letter = 0;
    let exact = got[..name].iter().zip(question).all(|(got, octet)| *got == recase(*octet, case, &mut letter));
    if got[name..] != question[name..] {
        Echo::Different
    } else if exact {
        Echo::Exact
    } else if got[..name].eq_ignore_ascii_case(&question[..name]) {
        Echo::Folded
    } else {
        Echo::Different
    }
}
