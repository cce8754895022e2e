//! Writes origins, and carries over since when something is said.

use std::io::{self, Write};

use super::read::{Names, Origins};
use super::{OriginsError, Row, BLOCK, FRONT, MAGIC, VERSION};
use crate::trie::format::checksum;
use crate::trie::storage::{push_key, push_varint, ReadAt};
use crate::trie::Said;

/// The origins of the blocklist before, name by name.
pub struct Previous<R> {
    names: Names<R>,
    /// New number of each old source.
    sources: Vec<Option<u32>>,
    rows: Vec<Row>,
    done: bool,
}

impl<R: ReadAt> Previous<R> {
    /// Origins in which sources had other numbers: `sources` has the new number of each, if it still is a source.
    pub fn new(origins: Origins<R>, sources: Vec<Option<u32>>) -> Self {
        Self { names: origins.into_names(), sources, rows: Vec::new(), done: false }
    }

    /// What was said of a name; names must be asked for in order.
    fn rows(&mut self, key: &[u8]) -> Result<&[Row], OriginsError> {
        while !self.done && self.names.key() < key {
            self.done = !self.names.advance()?;
        }
        self.rows.clear();
        if !self.done && self.names.key() == key {
            let sources = &self.sources;
            self.rows.extend(self.names.rows().iter().filter_map(|row| {
                let source = sources.get((row.said >> 3) as usize).copied().flatten()?;
                Some(Row { said: source << 3 | row.said & 7, ..*row })
            }));
        }
        Ok(&self.rows)
    }
}

/// Writes a file of origins, name by name.
pub struct Writer<W, R> {
    out: W,
    serial: u64,
    header: Vec<u8>,
    previous: Option<Previous<R>>,
    block: Vec<u8>,
    last: Vec<u8>,
    index: Vec<u8>,
    offset: u64,
    rows: u64,
}

impl<W: Write, R: ReadAt> Writer<W, R> {
    /// Begin a file.
    pub fn new(mut out: W, serial: u64, header: Vec<u8>, previous: Option<Previous<R>>) -> io::Result<Self> {
        out.write_all(&MAGIC)?;
        out.write_all(&VERSION.to_le_bytes())?;
        let (block, last, index) = (Vec::new(), Vec::new(), Vec::new());
        Ok(Self { out, serial, header, previous, block, last, index, offset: FRONT as u64, rows: 0 })
    }

    /// Write what is said of the next name.
    pub fn push(&mut self, key: &[u8], said: &[Said]) -> Result<(), OriginsError> {
        let old = match &mut self.previous {
            Some(previous) => previous.rows(key)?,
            None => &[],
        };
        push_key(&mut self.block, &mut self.last, key);
        push_varint(&mut self.block, said.len() as u64);
        for each in said {
            let since = old.iter().filter(|row| row.said == each.said).map(|row| row.since).min();
            push_varint(&mut self.block, each.said.into());
            push_varint(&mut self.block, each.line.into());
            push_varint(&mut self.block, since.unwrap_or(self.serial));
        }
        self.rows += said.len() as u64;
        if self.block.len() >= BLOCK {
            self.end_block()?;
        }
        Ok(())
    }

    fn end_block(&mut self) -> io::Result<()> {
        self.out.write_all(&self.block)?;
        self.index.extend(self.offset.to_le_bytes());
        self.index.extend(checksum(&self.block).to_le_bytes());
        self.offset += self.block.len() as u64;
        self.block.clear();
        self.last.clear();
        Ok(())
    }

    /// Write the end. Returns the size of the file.
    pub fn finish(mut self) -> io::Result<u64> {
        if !self.block.is_empty() {
            self.end_block()?;
        }
        let blocks = (self.index.len() / super::INDEX) as u64;
        let size = self.offset + (self.index.len() + self.header.len() + super::END) as u64;
        let mut end = self.index;
        end.extend_from_slice(&self.header);
        for number in [self.serial, self.rows, blocks, self.header.len() as u64, size] {
            end.extend(number.to_le_bytes());
        }
        end.extend(checksum(&end).to_le_bytes());
        self.out.write_all(&end)?;
        self.out.flush()?;
        Ok(size)
    }
}
