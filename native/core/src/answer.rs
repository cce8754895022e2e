//! Upstream answers: what is kept of them, and the replies made from that.
//!
//! An answer is kept as the octets behind its question, so that a reply is three copies and a few TTLs. Compression
//! pointers stay right because the question of every reply is as long as the one in the answer. Only what the question
//! asked for is kept: the chain of aliases from QNAME, its records, and for negative answers what proves them. Records
//! of other names never reach the cache, whoever sent them ("data ... not requested", RFC 5452 section 6).

use crate::message::{rcode, rtype, u16_at, u32_at, Record, AD, CLASS_IN, HEADER, TC};
use crate::name::{Name, NameError, MAX_NAME};
use crate::reply::{self, Asker, Writer};

/// Longest TTL that is believed, in seconds: one day. RFC 8767 section 4 suggests a cap "of the order of days".
const MAX_TTL: u32 = 86_400;

/// Longest time in seconds that a negative answer is kept (RFC 2308 section 5: "one to three hours").
const MAX_NEGATIVE_TTL: u32 = 10_800;

/// TTL in seconds of stale records (RFC 8767 section 4 recommends 30).
const STALE_TTL: u32 = 30;

/// Longest chain of aliases that is followed.
const MAX_CHAIN: usize = 16;

/// Extended DNS Error 3, Stale Answer, and 19, Stale NXDOMAIN Answer (RFC 8914 section 4).
const STALE_ANSWER: u16 = 3;
const STALE_NXDOMAIN: u16 = 19;

/// What is kept of an upstream's answer.
#[derive(Clone, Debug)]
pub struct Answer {
    /// RCODE, 4 bits.
    pub code: u16,
    /// The upstream said that the data is authentic.
    authentic: bool,
    /// Records in the answer and authority sections.
    counts: [u16; 2],
    /// Octets behind the question.
    body: Box<[u8]>,
    /// Offsets of the TTL fields in `body`.
    ttls: Box<[u16]>,
    /// Seconds that it may be cached; 0 is not at all.
    pub lifetime: u32,
    /// Aliases on the way from QNAME, in lower-case wire form, one behind the other.
    pub targets: Box<[u8]>,
    /// NXDOMAIN for QNAME itself, so for every type (RFC 2308 section 5).
    pub any_type: bool,
}

/// Age of a cached answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Age {
    /// Seconds since it was received.
    Fresh(u32),
    /// Past its time.
    Stale,
}

/// What is read of a message on the way to an [`Answer`].
struct Reader<'m> {
    message: &'m [u8],
    kept: Vec<Record>,
    answers: usize,
    lifetime: u32,
    targets: Vec<u8>,
    /// The end of the chain of aliases.
    current: Name,
    aliases: usize,
}

impl Answer {
    /// Read an answer whose id and question were checked. `qname` is the question's name, `dnssec_ok` whether signatures
    /// were asked for.
    ///
    /// Fails if the message is malformed.
    pub fn read(message: &[u8], qname: &Name, qtype: u16, dnssec_ok: bool) -> Result<Self, NameError> {
        let flags = u16_at(message, 2);
        let start = HEADER + qname.wire().len() + 4;
        let mut reader = Reader {
            message,
            kept: Vec::with_capacity(8),
            answers: 0,
            lifetime: MAX_TTL,
            targets: Vec::new(),
            current: qname.clone(),
            aliases: 0,
        };
        let mut offset = start;
        let mut skipped = Vec::new();
        for _ in 0..u16_at(message, 6) {
            let record = Record::read(message, offset)?;
            offset = record.end;
            reader.check_data(&record)?;
            if !reader.keep(record, qname, qtype)? {
                skipped.push(record);
            }
        }
        reader.keep_later(skipped, qname, qtype)?;
        reader.answers = reader.kept.len();
        let positive = reader.answers > reader.aliases;
        let mut negative = 0;
        for _ in 0..u16_at(message, 8) {
            let record = Record::read(message, offset)?;
            offset = record.end;
            negative = negative.max(reader.authority(record, positive, dnssec_ok)?);
        }
        for _ in 0..u16_at(message, 10) {
            offset = Record::read(message, offset)?.end;
        }
        let code = flags & 0xf;
        if !positive {
            reader.lifetime = reader.lifetime.min(negative);
        }
        reader.finish(flags, start, code == rcode::NXDOMAIN && reader_is_plain(code, flags))
    }

    /// Write a reply to `asker`; returns its length. Truncates if it is larger than the asker takes.
    pub fn write(&self, buffer: &mut [u8], asker: &Asker, question: &[u8], age: Age) -> usize {
        let opt = if asker.edns.is_some() { 11 } else { 0 };
        if HEADER + question.len() + self.body.len() + opt > usize::from(asker.limit) {
            return reply::write_truncated(buffer, asker, question);
        }
        let mut writer = Writer::begin(buffer, asker, question, self.code);
        let body = HEADER + question.len();
        writer.put(&self.body);
        let bytes = writer.bytes();
        for offset in &self.ttls {
            let field = body + usize::from(*offset);
            let ttl = match age {
                Age::Fresh(seconds) => u32_at(bytes, field).saturating_sub(seconds),
                Age::Stale => STALE_TTL,
            };
            bytes[field..field + 4].copy_from_slice(&ttl.to_be_bytes());
        }
        writer.count(1, self.counts[0]);
        writer.count(2, self.counts[1]);
        if self.authentic && reply::wants_authentic(asker) {
            writer.set(AD);
        }
        let error = match age {
            Age::Fresh(_) => None,
            Age::Stale if self.code == rcode::NXDOMAIN => Some((STALE_NXDOMAIN, &b""[..])),
            Age::Stale => Some((STALE_ANSWER, &b""[..])),
        };
        writer.opt(asker, self.code, error);
        writer.finish()
    }

    /// Octets of memory that it takes beside its own size.
    pub fn heap(&self) -> usize {
        self.body.len() + self.ttls.len() * 2 + self.targets.len()
    }
}

/// Whether a code may be cached at all: "only NOERROR/NXDOMAIN" (RFC 8767 section 4), and never a truncated message.
fn reader_is_plain(code: u16, flags: u16) -> bool {
    matches!(code, rcode::NOERROR | rcode::NXDOMAIN) && flags & TC == 0
}

/// TTL as it is believed: "a value with the most significant bit set" is large (RFC 8767 section 4), then capped.
fn believed(ttl: u32) -> u32 {
    ttl.min(MAX_TTL)
}

impl Reader<'_> {
    /// Keep a record of the answer section if it is on the chain of aliases; returns whether it is.
    fn keep(&mut self, record: Record, qname: &Name, qtype: u16) -> Result<bool, NameError> {
        if !self.on_chain(&record, qname)? {
            return Ok(false);
        }
        if record.rtype == rtype::CNAME && qtype != rtype::CNAME && qtype != rtype::ANY {
            self.follow(&record)?;
        } else if record.rtype == rtype::DNAME || (record.rtype == rtype::RRSIG && qtype != rtype::RRSIG) {
            // Says nothing about the question's type: part of the chain.
            self.aliases += 1;
        }
        self.lifetime = self.lifetime.min(believed(record.ttl));
        self.kept.push(record);
        Ok(true)
    }

    /// Look again at records that were not on the chain when they were met: a server may send an alias behind its target.
    fn keep_later(&mut self, mut skipped: Vec<Record>, qname: &Name, qtype: u16) -> Result<(), NameError> {
        for _ in 0..MAX_CHAIN {
            let before = skipped.len();
            if before == 0 || self.targets.is_empty() {
                break;
            }
            let mut left = Vec::new();
            for record in skipped {
                if !self.keep(record, qname, qtype)? {
                    left.push(record);
                }
            }
            skipped = left;
            if skipped.len() == before {
                break;
            }
        }
        Ok(())
    }

    /// Whether a record's owner is the present end of the chain; a DNAME may own it from above (RFC 6672 section 2.2).
    fn on_chain(&self, record: &Record, qname: &Name) -> Result<bool, NameError> {
        let owner = &self.message[record.owner..];
        if self.targets.is_empty() && owner.starts_with(&[0xc0, HEADER as u8]) {
            return Ok(true);
        }
        let (owner, _) = Name::read(self.message, record.owner)?;
        let below = |name: &Name| owner.labels() <= name.labels() && name.suffix(owner.labels()) == owner.wire();
        Ok(match record.rtype {
            rtype::DNAME => below(&self.current),
            // The signature of an alias comes behind the alias; that of a DNAME belongs above.
            rtype::RRSIG => below(&self.current) || below(qname) || self.is_target(&owner),
            _ => owner == self.current,
        })
    }

    /// Whether a name is one of the aliases passed so far.
    fn is_target(&self, name: &Name) -> bool {
        Targets(&self.targets).any(|target| target == name.wire())
    }

    /// Go on to an alias's target.
    fn follow(&mut self, record: &Record) -> Result<(), NameError> {
        self.aliases += 1;
        if self.aliases > MAX_CHAIN * 2 {
            return Err(NameError::TooLong);
        }
        self.current.read_into(self.message, record.start)?;
        self.targets.extend_from_slice(self.current.wire());
        Ok(())
    }

    /// Read a record of the authority section; returns the seconds for which it lets a negative answer be cached.
    fn authority(&mut self, record: Record, positive: bool, dnssec_ok: bool) -> Result<u32, NameError> {
        self.check_data(&record)?;
        let proof = matches!(record.rtype, rtype::RRSIG | rtype::NSEC | rtype::NSEC3 | rtype::DS);
        let keep = match record.rtype {
            rtype::SOA | rtype::NS => {
                let (owner, _) = Name::read(self.message, record.owner)?;
                let labels = owner.labels();
                (!positive || dnssec_ok)
                    && labels <= self.current.labels()
                    && self.current.suffix(labels) == owner.wire()
            }
            _ => proof && dnssec_ok,
        };
        if !keep {
            return Ok(0);
        }
        let negative = if record.rtype == rtype::SOA && record.class == CLASS_IN {
            let minimum = u32_at(self.message, record.end - 4);
            believed(record.ttl.min(minimum)).min(MAX_NEGATIVE_TTL)
        } else {
            0
        };
        self.kept.push(record);
        Ok(negative)
    }

    /// Check RDATA of the types that are looked into or that clients are known to trip over (RFC 9267 section 5).
    fn check_data(&self, record: &Record) -> Result<(), NameError> {
        let length = record.end - record.start;
        match record.rtype {
            rtype::A if record.class == CLASS_IN => return exactly(length == 4),
            rtype::AAAA if record.class == CLASS_IN => return exactly(length == 16),
            _ => {}
        }
        let Some(layout) = Layout::of(record.rtype, record.data(self.message))? else { return Ok(()) };
        let mut offset = record.start + layout.skip;
        for _ in 0..layout.names {
            (_, offset) = Name::read(&self.message[..record.end], offset)?;
        }
        exactly(layout.rest.map_or(offset <= record.end, |rest| offset + rest == record.end))
    }

    /// Make the answer of what was kept.
    fn finish(self, flags: u16, start: usize, nxdomain: bool) -> Result<Answer, NameError> {
        let mut body = Vec::new();
        let mut ttls = Vec::with_capacity(self.kept.len());
        let end = self.kept.last().map_or(start, |record| record.end);
        let whole = self.is_prefix(start);
        if whole {
            body.extend_from_slice(&self.message[start..end]);
        }
        for record in &self.kept {
            if whole {
                ttls.push((record.ttl_offset() - start) as u16);
            } else {
                ttls.push(self.rewrite(record, &mut body)? as u16);
            }
        }
        self.equalise(&mut body, &ttls);
        let code = flags & 0xf;
        Ok(Answer {
            code,
            authentic: flags & AD != 0,
            counts: [self.answers as u16, (self.kept.len() - self.answers) as u16],
            body: body.into_boxed_slice(),
            ttls: ttls.into_boxed_slice(),
            lifetime: if reader_is_plain(code, flags) { self.lifetime } else { 0 },
            any_type: nxdomain && self.targets.is_empty(),
            targets: self.targets.into_boxed_slice(),
        })
    }

    /// Whether the kept records stand without a gap behind the question.
    fn is_prefix(&self, start: usize) -> bool {
        self.kept.iter().try_fold(start, |offset, record| (record.owner == offset).then_some(record.end)).is_some()
    }

    /// Give all records of a set one TTL, the smallest, and cap it: they "must be the same" (RFC 2181 section 5.2). Servers
    /// send a set's records together.
    fn equalise(&self, body: &mut [u8], ttls: &[u16]) {
        let mut first = 0;
        for index in 0..self.kept.len() {
            if !self.same_set(first, index) {
                first = index;
            }
            let last = index + 1 == self.kept.len() || !self.same_set(first, index + 1);
            if last {
                let mut ttl = self.kept[first..=index].iter().map(|record| believed(record.ttl)).min().unwrap_or(0);
                if self.kept[first].rtype == rtype::SOA && first >= self.answers {
                    // "The TTL of this record is set from the minimum of the MINIMUM field of the SOA record and the TTL of
                    // the SOA itself" (RFC 2308 section 3), so that it runs down wherever it is passed on.
                    ttl = ttl.min(self.lifetime);
                }
                for offset in &ttls[first..=index] {
                    let offset = usize::from(*offset);
                    body[offset..offset + 4].copy_from_slice(&ttl.to_be_bytes());
                }
            }
        }
    }

    fn same_set(&self, first: usize, second: usize) -> bool {
        let (a, b) = (&self.kept[first], &self.kept[second]);
        a.rtype == b.rtype && self.message[a.owner..a.start - 10] == self.message[b.owner..b.start - 10]
    }

    /// Append a record without compression but for a pointer to QNAME; returns the offset of its TTL.
    fn rewrite(&self, record: &Record, body: &mut Vec<u8>) -> Result<usize, NameError> {
        if self.message[record.owner..].starts_with(&[0xc0, HEADER as u8]) {
            body.extend_from_slice(&[0xc0, HEADER as u8]);
        } else {
            expand(self.message, record.owner, body)?;
        }
        let fixed = record.start - 10;
        body.extend_from_slice(&self.message[fixed..record.start]);
        let data = body.len();
        let layout = Layout::of(record.rtype, record.data(self.message))?.unwrap_or_default();
        let mut offset = record.start + layout.skip;
        body.extend_from_slice(&self.message[record.start..offset]);
        for _ in 0..layout.names {
            offset = expand(self.message, offset, body)?;
        }
        body.extend_from_slice(&self.message[offset..record.end]);
        let length = (body.len() - data) as u16;
        body[data - 2..data].copy_from_slice(&length.to_be_bytes());
        if body.len() > usize::from(u16::MAX) - HEADER - MAX_NAME - 16 {
            return Err(NameError::TooLong);
        }
        Ok(data - 6)
    }
}

fn exactly(fits: bool) -> Result<(), NameError> {
    if fits {
        Ok(())
    } else {
        Err(NameError::CutShort)
    }
}

/// Where RDATA has names that may be compressed.
#[derive(Clone, Copy, Default)]
struct Layout {
    /// Octets before the names.
    skip: usize,
    /// Names, one behind the other.
    names: usize,
    /// Octets behind them; None is any number.
    rest: Option<usize>,
}

impl Layout {
    /// The layout of a type that a server may compress, or that RFC 3597 section 4 says to decompress none the less.
    fn of(rtype: u16, data: &[u8]) -> Result<Option<Self>, NameError> {
        let (skip, names, rest) = match rtype {
            rtype::SOA => (0, 2, Some(20)),
            // NS, MD, MF, CNAME, MB, MG, MR, PTR, DNAME
            2..=5 | 7..=9 | 12 | 39 => (0, 1, Some(0)),
            // MINFO, RP
            14 | 17 => (0, 2, Some(0)),
            // MX, AFSDB, RT, KX
            15 | 18 | 21 | 36 => (2, 1, Some(0)),
            // PX
            26 => (2, 2, Some(0)),
            // SRV
            33 => (6, 1, Some(0)),
            rtype::SIG => (18, 1, None),
            // NXT
            30 => (0, 1, None),
            // NAPTR: order, preference and three character strings come first.
            35 => (strings_end(data, 4, 3)?, 1, Some(0)),
            _ => return Ok(None),
        };
        exactly(skip <= data.len())?;
        Ok(Some(Self { skip, names, rest }))
    }
}

/// The offset behind `count` character strings (RFC 1035 section 3.3).
fn strings_end(data: &[u8], start: usize, count: usize) -> Result<usize, NameError> {
    (0..count)
        .try_fold(start, |at, _| data.get(at).map(|length| at + 1 + usize::from(*length)).ok_or(NameError::CutShort))
}

/// Append the name at `start` in its own case without compression; returns the offset behind it.
fn expand(message: &[u8], start: usize, out: &mut Vec<u8>) -> Result<usize, NameError> {
    // Reading it checks every step, so the walk below ends inside the message.
    let (name, end) = Name::read(message, start)?;
    let mut position = start;
    for index in 0..name.labels() {
        while message[position] >= 0xc0 {
            position = usize::from(u16_at(message, position) & 0x3fff);
        }
        let size = name.label(index).len() + 1;
        out.extend_from_slice(&message[position..position + size]);
        position += size;
    }
    out.push(0);
    Ok(end)
}

/// Names in wire form that stand one behind the other.
pub struct Targets<'t>(pub &'t [u8]);

impl<'t> Iterator for Targets<'t> {
    type Item = &'t [u8];

    fn next(&mut self) -> Option<&'t [u8]> {
        if self.0.is_empty() {
            return None;
        }
        let mut end = 0;
        while self.0[end] != 0 {
            end += usize::from(self.0[end]) + 1;
        }
        let (name, rest) = self.0.split_at(end + 1);
        self.0 = rest;
        Some(name)
    }
}

/// Extended RCODE bits and payload of an answer's OPT record, if it has one (RFC 6891 section 6.1.3).
pub fn extended_code(message: &[u8], question_end: usize) -> Result<u16, NameError> {
    let others = usize::from(u16_at(message, 6)) + usize::from(u16_at(message, 8));
    let mut offset = question_end;
    for index in 0..others + usize::from(u16_at(message, 10)) {
        let record = Record::read(message, offset)?;
        if record.rtype == rtype::OPT && index >= others {
            return Ok((record.ttl >> 24) as u16);
        }
        offset = record.end;
    }
    Ok(0)
}
