//! Where the builder puts what does not fit into memory, and small encodings of it. The core opens no files: who uses it
//! gives it something to append to and to read from.

use std::io;

/// Bytes that can be read at any place, as `pread(2)` does.
pub trait ReadAt {
    /// Read some bytes at an offset; 0 at the end.
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize>;

    /// Read up to a whole buffer at an offset; less only at the end.
    fn fill_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        let mut filled = 0;
        while filled < buffer.len() {
            match self.read_at(&mut buffer[filled..], offset + filled as u64)? {
                0 => break,
                count => filled += count,
            }
        }
        Ok(filled)
    }
}

/// A temporary file.
pub trait Storage: ReadAt {
    /// Write all of this at the end.
    fn append(&mut self, bytes: &[u8]) -> io::Result<()>;
}

impl ReadAt for Vec<u8> {
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        let rest = usize::try_from(offset).ok().and_then(|offset| self.get(offset..)).unwrap_or_default();
        let count = rest.len().min(buffer.len());
        buffer[..count].copy_from_slice(&rest[..count]);
        Ok(count)
    }
}

impl Storage for Vec<u8> {
    fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.extend_from_slice(bytes);
        Ok(())
    }
}

/// Append a number as LEB128.
pub fn push_varint(out: &mut Vec<u8>, mut number: u64) {
    while number > 127 {
        out.push(number as u8 | 128);
        number >>= 7;
    }
    out.push(number as u8);
}

/// Take a number in LEB128 from the front.
pub fn take_varint(bytes: &mut &[u8]) -> Option<u64> {
    let mut number = 0;
    for shift in (0..64).step_by(7) {
        let (octet, rest) = bytes.split_first()?;
        *bytes = rest;
        number |= u64::from(octet & 127) << shift;
        if *octet < 128 {
            return Some(number);
        }
    }
    None
}

/// Append a key as what differs from the one before.
pub fn push_key(out: &mut Vec<u8>, last: &mut Vec<u8>, key: &[u8]) {
    let shared = last.iter().zip(key).take_while(|(a, b)| a == b).count();
    out.extend([shared as u8, (key.len() - shared) as u8]);
    out.extend_from_slice(&key[shared..]);
    last.truncate(shared);
    last.extend_from_slice(&key[shared..]);
}

/// Turn the key before into the next one.
pub fn take_key(bytes: &mut &[u8], last: &mut Vec<u8>) -> Option<()> {
    let (head, rest) = bytes.split_first_chunk::<2>()?;
    let (new, rest) = rest.split_at_checked(usize::from(head[1]))?;
    if usize::from(head[0]) > last.len() {
        return None;
    }
    last.truncate(usize::from(head[0]));
    last.extend_from_slice(new);
    *bytes = rest;
    Some(())
}
