//! Reading DNS messages (RFC 1035 section 4): all of a query, and of an upstream's answer the offsets that matter.
//!
//! Every walk over records is bounded by the message: a record has at least eleven octets, so counts that lie run out of
//! message long before they cost anything ("record counts must be validated", RFC 9267 section 6).

use crate::name::{Name, NameError};

/// Octets of the header (RFC 1035 section 4.1.1).
pub const HEADER: usize = 12;

/// QR, the first flag of a response.
pub const QR: u16 = 0x8000;
/// TC, truncated.
pub const TC: u16 = 0x0200;
/// RD, recursion desired.
pub const RD: u16 = 0x0100;
/// RA, recursion available.
pub const RA: u16 = 0x0080;
/// AD, authentic data (RFC 4035 section 3.2.3).
pub const AD: u16 = 0x0020;
/// CD, checking disabled (RFC 4035 section 3.2.2).
pub const CD: u16 = 0x0010;

/// DNSSEC OK among the EDNS flags (RFC 3225).
pub const DO: u16 = 0x8000;

/// RCODEs used here (RFC 6895 section 2.3).
#[allow(missing_docs)]
pub mod rcode {
    pub const NOERROR: u16 = 0;
    pub const FORMERR: u16 = 1;
    pub const SERVFAIL: u16 = 2;
    pub const NXDOMAIN: u16 = 3;
    pub const NOTIMP: u16 = 4;
    pub const REFUSED: u16 = 5;
    pub const YXDOMAIN: u16 = 6;
    pub const BADVERS: u16 = 16;
}

/// RR types that are handled by name (RFC 6895 section 3.1).
#[allow(missing_docs)]
pub mod rtype {
    pub const A: u16 = 1;
    pub const NS: u16 = 2;
    pub const CNAME: u16 = 5;
    pub const SOA: u16 = 6;
    pub const HINFO: u16 = 13;
    pub const SIG: u16 = 24;
    pub const AAAA: u16 = 28;
    pub const DNAME: u16 = 39;
    pub const OPT: u16 = 41;
    pub const DS: u16 = 43;
    pub const RRSIG: u16 = 46;
    pub const NSEC: u16 = 47;
    pub const NSEC3: u16 = 50;
    pub const TKEY: u16 = 249;
    pub const TSIG: u16 = 250;
    pub const IXFR: u16 = 251;
    pub const AXFR: u16 = 252;
    pub const ANY: u16 = 255;
}

/// Class IN.
pub const CLASS_IN: u16 = 1;
/// Any class, in questions (RFC 1035 section 3.2.5).
pub const CLASS_ANY: u16 = 255;

/// EDNS option codes (RFC 6891 section 9 registry).
const OPTION_COOKIE: u16 = 10;
/// Extended DNS Error (RFC 8914 section 2).
pub const OPTION_EDE: u16 = 15;
/// Structured DNS Error: an empty option asks for the structured form (draft-ietf-dnsop-structured-dns-error).
const OPTION_STRUCTURED_ERROR: u16 = 26;

/// Read two octets, big-endian; the caller has checked the length.
pub fn u16_at(bytes: &[u8], offset: usize) -> u16 {
    u16::from_be_bytes([bytes[offset], bytes[offset + 1]])
}

/// Read four octets, big-endian; the caller has checked the length.
pub fn u32_at(bytes: &[u8], offset: usize) -> u32 {
    u32::from_be_bytes([bytes[offset], bytes[offset + 1], bytes[offset + 2], bytes[offset + 3]])
}

/// What a client said in its OPT record (RFC 6891 section 6.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Edns {
    /// Largest UDP message it takes, at least 512 (RFC 6891 section 6.2.3).
    pub payload: u16,
    /// DNSSEC OK.
    pub dnssec_ok: bool,
    /// It understands structured errors.
    pub structured: bool,
}

/// A query, parsed whole.
#[derive(Clone, Debug)]
pub struct Query {
    /// Its id.
    pub id: u16,
    /// Header flags as they came.
    pub flags: u16,
    /// QNAME in lower case.
    pub name: Name,
    /// QTYPE.
    pub qtype: u16,
    /// QCLASS.
    pub class: u16,
    /// Offset behind the question.
    pub question_end: usize,
    /// OPT record, if any.
    pub edns: Option<Edns>,
    /// Carries TSIG (RFC 8945) or SIG(0) (RFC 2931) and must pass unaltered.
    pub signed: bool,
}

/// Why a packet is no query that can be served.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// No reply: too short to have an id, or itself a response.
    Silence,
    /// Reply with this RCODE.
    Reply {
        /// The RCODE, 12 bits.
        rcode: u16,
        /// Offset behind a question that could be read, to be echoed.
        question_end: Option<usize>,
        /// The query had an OPT record, so the reply gets one.
        edns: bool,
    },
}

impl Query {
    /// An empty query to parse into: the packet path keeps one.
    pub fn new() -> Self {
        Self {
            id: 0,
            flags: 0,
            name: Name::root(),
            qtype: 0,
            class: 0,
            question_end: HEADER,
            edns: None,
            signed: false,
        }
    }

    /// Parse a packet.
    pub fn parse(&mut self, packet: &[u8]) -> Result<(), Fault> {
        if packet.len() < HEADER {
            return Err(Fault::Silence);
        }
        self.id = u16_at(packet, 0);
        self.flags = u16_at(packet, 2);
        self.edns = None;
        self.signed = false;
        if self.flags & QR != 0 {
            return Err(Fault::Silence);
        }
        let fault = |rcode, question_end| Fault::Reply { rcode, question_end, edns: false };
        if opcode(self.flags) != 0 {
            return Err(fault(rcode::NOTIMP, None));
        }
        // "a DNS message with OPCODE = 0 and QDCOUNT > 1 MUST be treated as an incorrectly formatted message" (RFC 9619
        // section 4); without a question there is nothing to answer either, cookies not being served.
        if u16_at(packet, 4) != 1 {
            return Err(fault(rcode::FORMERR, None));
        }
        let end = self.name.read_into(packet, HEADER).map_err(|_| fault(rcode::FORMERR, None))?;
        if packet.len() < end + 4 {
            return Err(fault(rcode::FORMERR, None));
        }
        self.qtype = u16_at(packet, end);
        self.class = u16_at(packet, end + 2);
        self.question_end = end + 4;
        if packet.len() > self.question_end || packet[6..HEADER] != [0; 6] {
            self.records(packet)?;
        }
        if self.qtype == rtype::OPT {
            return Err(self.malformed());
        }
        Ok(())
    }

    /// FORMERR that echoes the question and has an OPT record if one was read.
    fn malformed(&self) -> Fault {
        Fault::Reply { rcode: rcode::FORMERR, question_end: Some(self.question_end), edns: self.edns.is_some() }
    }

    /// Read the records behind the question; only OPT and signatures in the additional section mean something.
    fn records(&mut self, packet: &[u8]) -> Result<(), Fault> {
        let others = usize::from(u16_at(packet, 6)) + usize::from(u16_at(packet, 8));
        let count = others + usize::from(u16_at(packet, 10));
        let mut offset = self.question_end;
        for index in 0..count {
            let record = Record::read(packet, offset).map_err(|_| self.malformed())?;
            offset = record.end;
            self.signed = false;
            match record.rtype {
                rtype::OPT if index < others || self.edns.is_some() || packet[record.owner] != 0 => {
                    self.edns.get_or_insert(Edns { payload: 512, dnssec_ok: false, structured: false });
                    return Err(self.malformed());
                }
                rtype::OPT => self.options(packet, &record)?,
                rtype::TSIG => self.signed = index >= others,
                // A SIG record that covers no type signs the transaction (RFC 2931 section 3).
                rtype::SIG => self.signed = index >= others && record.data(packet).starts_with(&[0, 0]),
                _ => {}
            }
        }
        Ok(())
    }

    /// Read an OPT record.
    fn options(&mut self, packet: &[u8], record: &Record) -> Result<(), Fault> {
        let mut edns =
            Edns { payload: record.class.max(512), dnssec_ok: record.ttl as u16 & DO != 0, structured: false };
        self.edns = Some(edns);
        // "If a responder does not implement the VERSION level of the request, then it MUST respond with
        // RCODE=BADVERS" (RFC 6891 section 6.1.3).
        if (record.ttl >> 16) & 0xff != 0 {
            return Err(Fault::Reply { rcode: rcode::BADVERS, question_end: Some(self.question_end), edns: true });
        }
        let mut data = record.data(packet);
        while !data.is_empty() {
            if data.len() < 4 || data.len() < 4 + usize::from(u16_at(data, 2)) {
                return Err(self.malformed());
            }
            let length = usize::from(u16_at(data, 2));
            match u16_at(data, 0) {
                // RFC 7873 section 5.2.2: any other length is a FORMERR.
                OPTION_COOKIE if length != 8 && !(16..=40).contains(&length) => return Err(self.malformed()),
                OPTION_STRUCTURED_ERROR => edns.structured = length == 0,
                _ => {}
            }
            data = &data[4 + length..];
        }
        self.edns = Some(edns);
        Ok(())
    }
}

impl Default for Query {
    fn default() -> Self {
        Self::new()
    }
}

/// The OPCODE in header flags.
pub fn opcode(flags: u16) -> u16 {
    flags >> 11 & 0xf
}

/// Where the parts of a resource record stand in its message (RFC 1035 section 3.2.1).
#[derive(Clone, Copy, Debug)]
pub struct Record {
    /// Offset of the owner name.
    pub owner: usize,
    /// TYPE.
    pub rtype: u16,
    /// CLASS.
    pub class: u16,
    /// TTL in seconds.
    pub ttl: u32,
    /// Offset of RDATA.
    pub start: usize,
    /// Offset behind RDATA.
    pub end: usize,
}

impl Record {
    /// Read the record at `owner`.
    pub fn read(message: &[u8], owner: usize) -> Result<Self, NameError> {
        let fixed = skip_name(message, owner)?;
        let start = fixed + 10;
        if message.len() < start {
            return Err(NameError::CutShort);
        }
        let end = start + usize::from(u16_at(message, fixed + 8));
        if message.len() < end {
            return Err(NameError::CutShort);
        }
        Ok(Self {
            owner,
            rtype: u16_at(message, fixed),
            class: u16_at(message, fixed + 2),
            ttl: u32_at(message, fixed + 4),
            start,
            end,
        })
    }

    /// RDATA.
    pub fn data<'m>(&self, message: &'m [u8]) -> &'m [u8] {
        &message[self.start..self.end]
    }

    /// Offset of the TTL field.
    pub fn ttl_offset(&self) -> usize {
        self.start - 6
    }
}

/// Offset behind the name at `start`, without following its pointer.
pub fn skip_name(message: &[u8], start: usize) -> Result<usize, NameError> {
    let mut position = start;
    loop {
        match *message.get(position).ok_or(NameError::CutShort)? {
            0 => return Ok(position + 1),
            size @ 1..=63 => position += usize::from(size) + 1,
            0xc0..=0xff if position + 2 <= message.len() => return Ok(position + 2),
            0xc0..=0xff => return Err(NameError::CutShort),
            _ => return Err(NameError::LabelType),
        }
        if position - start > crate::name::MAX_NAME {
            return Err(NameError::TooLong);
        }
    }
}
