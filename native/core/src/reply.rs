//! Replies that are made here: to blocked names, special names, and what can't be served.

use std::net::IpAddr;

use crate::message::{self, opcode, rcode, rtype, Edns, Query, AD, CD, HEADER, OPTION_EDE, QR, RA, RD, TC};

/// What a reply repeats of its query, kept while an upstream is asked.
#[derive(Clone, Copy, Debug)]
pub struct Asker {
    /// Id of the query.
    pub id: u16,
    /// Header flags of the query.
    pub flags: u16,
    /// OPT record of the query.
    pub edns: Option<Edns>,
    /// Largest reply in octets that its transport and OPT record allow.
    pub limit: u16,
    /// Largest UDP message in octets that we send, which our OPT record says.
    pub payload: u16,
}

impl Asker {
    /// The asker of a query. `payload` is our own limit over UDP, which a stream doesn't have.
    pub fn new(query: &Query, payload: u16, stream: bool) -> Self {
        let limit = if stream { u16::MAX } else { query.edns.map_or(512, |edns| edns.payload.min(payload)) };
        Self { id: query.id, flags: query.flags, edns: query.edns, limit, payload }
    }
}

/// Our EDNS payload size: "1232" of the DNS flag day 2020, below which IPv6 never fragments.
pub const PAYLOAD: u16 = 1232;

/// A message under construction in a buffer that is large enough: the caller's is at least [`BUFFER`] octets.
pub struct Writer<'b> {
    buffer: &'b mut [u8],
    length: usize,
}

/// Octets that the largest reply made here needs: header, question, SOA, EDE.
pub const BUFFER: usize = 1232;

/// Longest EXTRA-TEXT that is sent; longer ones are cut when the policy is built.
pub const MAX_EXTRA_TEXT: usize = 512;

impl<'b> Writer<'b> {
    /// Begin a reply: header with zero counts and the question as the client wrote it.
    pub fn begin(buffer: &'b mut [u8], asker: &Asker, question: &[u8], code: u16) -> Self {
        let mut writer = Self { buffer, length: HEADER };
        // Z is not copied (RFC 8906 section 3.1.3), nor AD: nothing here is validated.
        let flags = QR | RA | (asker.flags & (0x7800 | RD | CD)) | (code & 0xf);
        writer.buffer[0..2].copy_from_slice(&asker.id.to_be_bytes());
        writer.buffer[2..4].copy_from_slice(&flags.to_be_bytes());
        writer.buffer[4..HEADER].fill(0);
        if !question.is_empty() {
            writer.buffer[5] = 1;
            writer.put(question);
        }
        writer
    }

    /// Append octets.
    pub fn put(&mut self, bytes: &[u8]) {
        self.buffer[self.length..self.length + bytes.len()].copy_from_slice(bytes);
        self.length += bytes.len();
    }

    /// Append 16 bits.
    pub fn put_u16(&mut self, value: u16) {
        self.put(&value.to_be_bytes());
    }

    /// Set header flags.
    pub fn set(&mut self, flags: u16) {
        let old = message::u16_at(self.buffer, 2);
        self.buffer[2..4].copy_from_slice(&(old | flags).to_be_bytes());
    }

    /// Count a record in a section: 1 answer, 2 authority, 3 additional.
    pub fn count(&mut self, section: usize, records: u16) {
        let offset = 4 + 2 * section;
        let old = message::u16_at(self.buffer, offset);
        self.buffer[offset..offset + 2].copy_from_slice(&(old + records).to_be_bytes());
    }

    /// The message so far, to be changed in place.
    pub fn bytes(&mut self) -> &mut [u8] {
        &mut self.buffer[..self.length]
    }

    /// Append a record that is owned by the question's name.
    fn record(&mut self, section: usize, rtype: u16, ttl: u32, data: &[u8]) {
        self.put_u16(0xc000 | HEADER as u16);
        self.put_u16(rtype);
        self.put_u16(message::CLASS_IN);
        self.put(&ttl.to_be_bytes());
        self.put_u16(data.len() as u16);
        self.put(data);
        self.count(section, 1);
    }

    /// Append an SOA record, with which a negative answer may be cached (RFC 2308 section 5): `ttl` is that time.
    fn soa(&mut self, ttl: u32) {
        // MNAME is the question's name, RNAME "nobody.invalid." as in RFC 6303 section 3.
        let mut data = *b"\xc0\x0c\x06nobody\x07invalid\0\0\0\0\x01\0\0\x0e\x10\0\0\x04\xb0\0\x09\x3a\x80\0\0\0\0";
        let end = data.len();
        data[end - 4..].copy_from_slice(&ttl.to_be_bytes());
        self.record(2, rtype::SOA, ttl, &data);
    }

    /// Append our OPT record if the query had one, with an Extended DNS Error if given.
    pub fn opt(&mut self, asker: &Asker, code: u16, error: Option<(u16, &[u8])>) {
        let Some(edns) = asker.edns else { return };
        let error = error.filter(|(_, text)| self.length + 11 + 6 + text.len() <= usize::from(asker.limit));
        self.put(&[0, 0, rtype::OPT as u8]);
        self.put_u16(asker.payload);
        self.put(&[(code >> 4) as u8, 0, if edns.dnssec_ok { 0x80 } else { 0 }, 0]);
        match error {
            Some((info, text)) => {
                self.put_u16(text.len() as u16 + 6);
                self.put_u16(OPTION_EDE);
                self.put_u16(text.len() as u16 + 2);
                self.put_u16(info);
                self.put(text);
            }
            None => self.put_u16(0),
        }
        self.count(3, 1);
    }

    /// Octets written.
    pub fn finish(self) -> usize {
        self.length
    }
}

/// What a reply made here says.
#[derive(Clone, Copy, Debug)]
pub enum Content {
    /// An RCODE alone.
    Code(u16),
    /// One address record.
    Address(IpAddr),
    /// NOERROR without records of this type.
    NoData,
    /// NXDOMAIN.
    NxDomain,
    /// Answer to ANY (RFC 8482 section 4.2).
    HostInfo,
}

/// Write a reply that is made here; returns its length.
pub fn write(
    buffer: &mut [u8],
    asker: &Asker,
    question: &[u8],
    content: Content,
    ttl: u32,
    error: Option<(u16, &[u8])>,
) -> usize {
    let code = match content {
        Content::Code(code) => code,
        Content::NxDomain => rcode::NXDOMAIN,
        _ => rcode::NOERROR,
    };
    let mut writer = Writer::begin(buffer, asker, question, code);
    match content {
        Content::Code(_) => {}
        Content::Address(IpAddr::V4(address)) => writer.record(1, rtype::A, ttl, &address.octets()),
        Content::Address(IpAddr::V6(address)) => writer.record(1, rtype::AAAA, ttl, &address.octets()),
        Content::NoData | Content::NxDomain => writer.soa(ttl),
        Content::HostInfo => writer.record(1, rtype::HINFO, ttl, b"\x07RFC8482\0"),
    }
    writer.opt(asker, code, error);
    writer.finish()
}

/// Write the reply to a packet that can't be parsed, with an OPT record that says `payload` if given; returns its length.
pub fn write_fault(
    buffer: &mut [u8],
    packet: &[u8],
    code: u16,
    question_end: Option<usize>,
    payload: Option<u16>,
) -> usize {
    let flags = message::u16_at(packet, 2);
    let edns = payload.map(|_| Edns { payload: 512, dnssec_ok: false, structured: false });
    let payload = payload.unwrap_or(PAYLOAD);
    let asker = Asker { id: message::u16_at(packet, 0), flags, edns, limit: 512, payload };
    let question = question_end.map_or(&[][..], |end| &packet[HEADER..end]);
    let mut writer = Writer::begin(buffer, &asker, question, code);
    if opcode(flags) != 0 {
        // RD, CD and RA mean nothing outside QUERY.
        writer.buffer[2] &= !1;
        writer.buffer[3] &= 0x0f;
    }
    writer.opt(&asker, code, None);
    writer.finish()
}

/// Write a truncated reply: the client comes back over TCP; returns its length.
pub fn write_truncated(buffer: &mut [u8], asker: &Asker, question: &[u8]) -> usize {
    let mut writer = Writer::begin(buffer, asker, question, rcode::NOERROR);
    writer.set(TC);
    writer.opt(asker, rcode::NOERROR, None);
    writer.finish()
}

/// Whether the asker is told about authentic data: "if DO or AD was in the query" (RFC 6840 section 5.8).
pub fn wants_authentic(asker: &Asker) -> bool {
    asker.flags & AD != 0 || asker.edns.is_some_and(|edns| edns.dnssec_ok)
}
