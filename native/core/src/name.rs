//! Domain names on the wire (RFC 1035 section 3.1), compared without case (RFC 4343).
//!
//! The packet path wants one thing from a name: its lower-case wire form in a fixed buffer with the offset of every
//! label, so that suffixes ("is this name at or below that one?") are slices and never copies.

use std::fmt;

use crate::message::HEADER;

/// Longest name in wire form, root label included (RFC 1035 section 2.3.4).
pub const MAX_NAME: usize = 255;

/// Longest label (RFC 1035 section 2.3.4).
pub const MAX_LABEL: usize = 63;

/// Most labels a name can have without the root: 127 of one octet each.
pub const MAX_LABELS: usize = 127;

/// A domain name in lower-case, uncompressed wire form.
#[derive(Clone)]
pub struct Name {
    bytes: [u8; MAX_NAME + 1],
    length: u8,
    labels: u8,
    offsets: [u8; MAX_LABELS],
}

/// Why bytes or text are no domain name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NameError {
    /// The message ends inside the name.
    CutShort,
    /// A label type other than 00 (length) or 11 (pointer), RFC 1035 section 4.1.4.
    LabelType,
    /// A compression pointer that does not point strictly backwards to a label (RFC 9267 section 2).
    Pointer,
    /// More than 255 octets.
    TooLong,
    /// A label of more than 63 octets.
    LabelTooLong,
    /// An empty label inside a name, or no label at all.
    EmptyLabel,
    /// A character that no host or service name has.
    Character,
}

impl NameError {
    /// One sentence for people.
    pub fn reason(self) -> &'static str {
        match self {
            Self::CutShort => "the name is cut short",
            Self::LabelType => "unknown label type",
            Self::Pointer => "a compression pointer does not point back to a label",
            Self::TooLong => "a name has at most 253 characters",
            Self::LabelTooLong => "a label has at most 63 characters",
            Self::EmptyLabel => "empty label",
            Self::Character => "only letters, digits, hyphen, underscore and dots can stand in a name",
        }
    }
}

impl fmt::Display for NameError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.reason())
    }
}

impl std::error::Error for NameError {}

impl Name {
    /// The root name.
    pub fn root() -> Self {
        Self { bytes: [0; MAX_NAME + 1], length: 1, labels: 0, offsets: [0; MAX_LABELS] }
    }

    /// Read a possibly compressed name of a message.
    ///
    /// Returns the name and the offset behind it. "pointers must point strictly backwards" (RFC 9267 section 2), so
    /// this ends after at most as many steps as the name has labels.
    pub fn read(message: &[u8], start: usize) -> Result<(Self, usize), NameError> {
        let mut name = Self::root();
        let end = name.read_into(message, start)?;
        Ok((name, end))
    }

    /// As [`Name::read`], into a name that already exists: the packet path keeps one and never clears 256 octets.
    pub fn read_into(&mut self, message: &[u8], start: usize) -> Result<usize, NameError> {
        let mut position = start;
        let mut lowest = start;
        let mut end = None;
        let mut length = 0_usize;
        let mut labels = 0_usize;
        loop {
            let octet = *message.get(position).ok_or(NameError::CutShort)?;
            match octet {
                0 => {
                    self.bytes[length] = 0;
                    self.length = (length + 1) as u8;
                    self.labels = labels as u8;
                    return Ok(end.unwrap_or(position + 1));
                }
                1..=63 => {
                    let size = usize::from(octet);
                    if length + size + 2 > MAX_NAME {
                        return Err(NameError::TooLong);
                    }
                    let label = message.get(position + 1..position + 1 + size).ok_or(NameError::CutShort)?;
                    self.offsets[labels] = length as u8;
                    labels += 1;
                    self.bytes[length] = octet;
                    for (to, from) in self.bytes[length + 1..=length + size].iter_mut().zip(label) {
                        *to = from.to_ascii_lowercase();
                    }
                    length += size + 1;
                    position += size + 1;
                }
                0xc0..=0xff => {
                    let low = *message.get(position + 1).ok_or(NameError::CutShort)?;
                    let target = usize::from(octet & 0x3f) << 8 | usize::from(low);
                    if !(HEADER..lowest).contains(&target) || !matches!(message[target], 1..=63) {
                        return Err(NameError::Pointer);
                    }
                    end.get_or_insert(position + 2);
                    lowest = target;
                    position = target;
                }
                _ => return Err(NameError::LabelType),
            }
        }
    }

    /// Read a name from text: `example.com`, case and one trailing dot don't matter, `\.` and `\DDD` are not taken.
    ///
    /// Accepts what occurs in host and service names: letters, digits, hyphen and underscore.
    pub fn parse(text: &[u8]) -> Result<Self, NameError> {
        let text = text.strip_suffix(b".").unwrap_or(text);
        let mut name = Self::root();
        let mut length = 0_usize;
        let mut labels = 0_usize;
        for label in text.split(|octet| *octet == b'.') {
            if label.is_empty() {
                return Err(NameError::EmptyLabel);
            }
            if label.len() > MAX_LABEL {
                return Err(NameError::LabelTooLong);
            }
            if length + label.len() + 2 > MAX_NAME {
                return Err(NameError::TooLong);
            }
            name.offsets[labels] = length as u8;
            labels += 1;
            name.bytes[length] = label.len() as u8;
            for (to, from) in name.bytes[length + 1..=length + label.len()].iter_mut().zip(label) {
                if !from.is_ascii_alphanumeric() && *from != b'-' && *from != b'_' {
                    return Err(NameError::Character);
                }
                *to = from.to_ascii_lowercase();
            }
            length += label.len() + 1;
        }
        name.bytes[length] = 0;
        name.length = (length + 1) as u8;
        name.labels = labels as u8;
        Ok(name)
    }

    /// The whole name in wire form, root label included.
    pub fn wire(&self) -> &[u8] {
        &self.bytes[..usize::from(self.length)]
    }

    /// Number of labels, the root not counted.
    pub fn labels(&self) -> usize {
        usize::from(self.labels)
    }

    /// Label `index`, the leftmost being 0, without its length octet.
    pub fn label(&self, index: usize) -> &[u8] {
        let start = usize::from(self.offsets[index]);
        let size = usize::from(self.bytes[start]);
        &self.bytes[start + 1..=start + size]
    }

    /// The last `labels` labels in wire form: `suffix(1)` of `www.example.com` is `com`, `suffix(0)` the root.
    pub fn suffix(&self, labels: usize) -> &[u8] {
        let skip = self.labels() - labels;
        let start = if skip == self.labels() { usize::from(self.length) - 1 } else { usize::from(self.offsets[skip]) };
        &self.bytes[start..usize::from(self.length)]
    }
}

impl Name {
    /// The name of the last `labels` labels.
    #[must_use]
    pub fn ancestor(&self, labels: usize) -> Self {
        // A suffix of a valid name is one.
        Self::read(self.suffix(labels), 0).map_or_else(|_| Self::root(), |(name, _)| name)
    }
}

impl fmt::Display for Name {
    /// Presentation form with RFC 1035 section 5.1 escapes and no trailing dot, except for the root.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.labels == 0 {
            return f.write_str(".");
        }
        for index in 0..self.labels() {
            if index > 0 {
                f.write_str(".")?;
            }
            for octet in self.label(index) {
                match octet {
                    b'.' | b'\\' => write!(f, "\\{}", char::from(*octet))?,
                    0x21..=0x7e => write!(f, "{}", char::from(*octet))?,
                    _ => write!(f, "\\{octet:03}")?,
                }
            }
        }
        Ok(())
    }
}

impl fmt::Debug for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Name({self})")
    }
}

impl PartialEq for Name {
    fn eq(&self, other: &Self) -> bool {
        self.wire() == other.wire()
    }
}

impl Eq for Name {}
