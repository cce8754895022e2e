//! Reads origins. The bytes may be anything: what makes no sense is an error.

use std::cmp::Ordering;

use super::{OriginsError, Row, END, FRONT, INDEX, MAGIC, VERSION};
use crate::name::{Name, MAX_NAME};
use crate::trie::builder::write_key;
use crate::trie::format::{checksum, u64_at};
use crate::trie::storage::{take_key, take_varint, ReadAt};

/// A row of a name: labels of the entry, and what is said.
pub type Found = (usize, Row);

/// A file of origins.
pub struct Origins<R> {
    file: R,
    serial: u64,
    rows: u64,
    /// Offset, end and checksum of each block.
    blocks: Vec<(u64, u64, u64)>,
    header: Vec<u8>,
}

fn damaged<T>(text: String) -> Result<T, OriginsError> {
    Err(OriginsError::Damaged(text))
}

impl<R: ReadAt> Origins<R> {
    /// Check both ends of a file of `size` bytes. Blocks are checked when they are read.
    pub fn open(file: R, size: u64) -> Result<Self, OriginsError> {
        check_front(&file, size)?;
        let end = read(&file, size - END as u64, END)?;
        let [serial, rows, blocks, header, expected, sum] = [0, 8, 16, 24, 32, 40].map(|at| u64_at(&end, at));
        if expected != size {
            return damaged(format!(
                "expected origins of {expected} bytes, found {size}: the file was cut short or grew"
            ));
        }
        let room = size - (FRONT + END) as u64;
        let tables = blocks.checked_mul(INDEX as u64).and_then(|index| index.checked_add(header));
        let Some(tables) = tables.filter(|tables| *tables <= room) else {
            return damaged(format!(
                "expected an index within {room} bytes, found {blocks} blocks: the file is damaged"
            ));
        };
        let mut bytes = read(&file, size - END as u64 - tables, tables as usize)?;
        bytes.extend_from_slice(&end[..END - 8]);
        let found = checksum(&bytes);
        if found != sum {
            return damaged(format!(
                "expected an end with checksum {sum:016x}, found {found:016x}: the file is damaged"
            ));
        }
        let (index, rest) = bytes.split_at(blocks as usize * INDEX);
        let blocks = read_index(index, size - END as u64 - tables)?;
        Ok(Self { file, serial, rows, blocks, header: rest[..header as usize].to_vec() })
    }

    /// Serial of the blocklist that it belongs to.
    pub fn serial(&self) -> u64 {
        self.serial
    }

    /// Number of rows.
    pub fn rows(&self) -> u64 {
        self.rows
    }

    /// The header.
    pub fn header(&self) -> &[u8] {
        &self.header
    }

    /// What is said of a name and of its ancestors, from the top level down.
    pub fn find(&self, name: &Name) -> Result<Vec<Found>, OriginsError> {
        let mut key = [0; MAX_NAME];
        let whole = write_key(name, &mut key);
        let mut found = Vec::new();
        let mut length = 0;
        let mut labels = 0;
        while length < whole {
            length += 1 + usize::from(key[length]);
            labels += 1;
            self.find_key(&key[..length], |row| found.push((labels, row)))?;
        }
        Ok(found)
    }

    fn find_key(&self, key: &[u8], take: impl FnMut(Row)) -> Result<(), OriginsError> {
        // The last block that does not begin behind the key.
        let (mut low, mut high) = (0, self.blocks.len());
        while low < high {
            let middle = low.midpoint(high);
            let mut block = Block::new(self.block(middle)?);
            if block.next()? && block.key.as_slice() <= key {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        let Some(index) = low.checked_sub(1) else { return Ok(()) };
        let mut block = Block::new(self.block(index)?);
        while block.next()? {
            match block.key.as_slice().cmp(key) {
                Ordering::Less => (),
                Ordering::Equal => {
                    block.rows.iter().copied().for_each(take);
                    return Ok(());
                }
                Ordering::Greater => return Ok(()),
            }
        }
        Ok(())
    }

    fn block(&self, index: usize) -> Result<Vec<u8>, OriginsError> {
        let (start, end, expected) = self.blocks[index];
        let bytes = read(&self.file, start, (end - start) as usize)?;
        let found = checksum(&bytes);
        if found != expected {
            let text = "expected origins with checksum";
            return damaged(format!("{text} {expected:016x} at byte {start}, found {found:016x}: the file is damaged"));
        }
        Ok(bytes)
    }

    /// All names in order; none is read yet.
    pub fn into_names(self) -> Names<R> {
        Names { origins: self, next: 0, block: Block::new(Vec::new()) }
    }
}

/// All names of a file of origins, in order.
pub struct Names<R> {
    origins: Origins<R>,
    next: usize,
    block: Block,
}

impl<R: ReadAt> Names<R> {
    /// Go to the next name; false at the end.
    pub fn advance(&mut self) -> Result<bool, OriginsError> {
        while !self.block.next()? {
            if self.next == self.origins.blocks.len() {
                return Ok(false);
            }
            self.block = Block::new(self.origins.block(self.next)?);
            self.next += 1;
        }
        Ok(true)
    }

    /// Key of the present name; empty before the first.
    pub fn key(&self) -> &[u8] {
        &self.block.key
    }

    /// What is said of the present name.
    pub fn rows(&self) -> &[Row] {
        &self.block.rows
    }
}

/// A block and the present name in it.
struct Block {
    bytes: Vec<u8>,
    at: usize,
    key: Vec<u8>,
    rows: Vec<Row>,
}

impl Block {
    fn new(bytes: Vec<u8>) -> Self {
        Self { bytes, at: 0, key: Vec::new(), rows: Vec::new() }
    }

    /// Go to the next name; false at the end.
    fn next(&mut self) -> Result<bool, OriginsError> {
        if self.at == self.bytes.len() {
            return Ok(false);
        }
        self.rows.clear();
        if self.parse().is_none() {
            return damaged(format!("expected a name at byte {} of a block of origins, found something else", self.at));
        }
        Ok(true)
    }

    fn parse(&mut self) -> Option<()> {
        let mut rest = &self.bytes[self.at..];
        take_key(&mut rest, &mut self.key)?;
        for _ in 0..take_varint(&mut rest)? {
            let said = u32::try_from(take_varint(&mut rest)?).ok()?;
            let line = u32::try_from(take_varint(&mut rest)?).ok()?;
            self.rows.push(Row { said, line, since: take_varint(&mut rest)? });
        }
        self.at = self.bytes.len() - rest.len();
        Some(())
    }
}

/// Read exactly so many bytes.
fn read(file: &impl ReadAt, offset: u64, size: usize) -> Result<Vec<u8>, OriginsError> {
    let mut bytes = vec![0; size];
    let found = file.fill_at(&mut bytes, offset)?;
    if found < size {
        return damaged(format!("expected {size} bytes at byte {offset}, found {found}: the file was cut short"));
    }
    Ok(bytes)
}

/// Size, magic and version.
fn check_front(file: &impl ReadAt, size: u64) -> Result<(), OriginsError> {
    if size < (FRONT + END) as u64 {
        return damaged(format!("expected origins of at least {} bytes, found {size} bytes", FRONT + END));
    }
    let front = read(file, 0, FRONT)?;
    if front[..8] != MAGIC {
        let (expected, found) = (MAGIC.escape_ascii(), front[..8].escape_ascii());
        return damaged(format!("expected origins that begin with \"{expected}\", found \"{found}\""));
    }
    let version = (u64_at(&front, 4) >> 32) as u32;
    if version != VERSION {
        return damaged(format!("expected origins of version {VERSION}, found version {version}: build again"));
    }
    Ok(())
}

/// Offsets that rise, and the checksums of the blocks between them.
fn read_index(index: &[u8], end: u64) -> Result<Vec<(u64, u64, u64)>, OriginsError> {
    let starts = index.chunks_exact(INDEX).map(|entry| u64_at(entry, 0));
    let ends = starts.clone().skip(1).chain([end]);
    let sums = index.chunks_exact(INDEX).map(|entry| u64_at(entry, 8));
    let blocks: Vec<_> = starts.zip(ends).zip(sums).map(|((start, end), sum)| (start, end, sum)).collect();
    match blocks.iter().find(|(start, end, _)| *start < FRONT as u64 || start > end) {
        Some((start, ..)) => {
            damaged(format!("expected blocks in order, found one at byte {start}: the file is damaged"))
        }
        None => Ok(blocks),
    }
}
