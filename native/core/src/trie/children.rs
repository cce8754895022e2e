//! The children of a node read back, for walks over everything.

use super::place::{Shape, MAX_BUCKET};
use super::reader::{behind_children, below, read_offset, Children, Item, Trie};
use super::symbols::Code;

/// A bucket whose place tells the first octets of its codes.
type Place = (Shape, usize);

impl<B: AsRef<[u8]>> Trie<B> {
    /// Call with the label of every child until the call says no.
    ///
    /// Every bucket and every item takes one from the budget. None if that is spent, if the call said no, or if the bytes
    /// make no sense.
    pub(super) fn for_each_child(
        &self,
        children: Children,
        budget: &mut usize,
        take: &mut impl FnMut(&[u8], Item) -> bool,
    ) -> Option<()> {
        let at = match children {
            Children::None => return Some(()),
            Children::Inline(start, end) => return self.for_each_in_bucket((start, end), None, budget, take),
            Children::Node(at) => at as usize,
        };
        let nodes = self.nodes();
        let kind = *nodes.get(at)?;
        let (digits, width) = (usize::from(kind & 3), usize::from(kind >> 2 & 7));
        if width == 0 {
            let size = usize::from(u16::from_le_bytes(*nodes.get(at + 1..)?.first_chunk()?));
            return self.for_each_in_bucket((at + 3, at + 3 + size), None, budget, take);
        }
        if digits > 2 {
            return None;
        }
        let shape = Shape { digits, rows: u32::from_le_bytes(*nodes.get(at + 1..)?.first_chunk()?) };
        let offsets = at + 5;
        let buckets = offsets + (shape.buckets() + 1) * width;
        for bucket in 0..shape.buckets() {
            let start = buckets + read_offset(nodes, offsets + bucket * width, width)?;
            let end = buckets + read_offset(nodes, offsets + (bucket + 1) * width, width)?;
            *budget = budget.checked_sub(1)?;
            self.for_each_in_bucket((start, end), Some((shape, bucket)), budget, take)?;
        }
        Some(())
    }

    fn for_each_in_bucket(
        &self,
        (start, end): (usize, usize),
        place: Option<Place>,
        budget: &mut usize,
        take: &mut impl FnMut(&[u8], Item) -> bool,
    ) -> Option<()> {
        let nodes = self.nodes();
        let digits = place.map_or(0, |(shape, _)| shape.digits);
        let mut at = start;
        for _ in 0..MAX_BUCKET {
            if at >= end {
                return Some(());
            }
            *budget = budget.checked_sub(1)?;
            let (head, text) = self.head(nodes, at)?;
            let length = usize::from(head.length);
            let behind = text + length.saturating_sub(digits);
            let code = self.whole_code(nodes.get(text..behind)?, length, place)?;
            let children = below(nodes, behind, head.children)?;
            if !take(&self.symbols().decode(code.bytes()), Item { class: head.class, children }) {
                return None;
            }
            at = behind_children(behind, children);
        }
        (at >= end).then_some(())
    }

    /// A code with the octets that its place implies.
    fn whole_code(&self, stored: &[u8], length: usize, place: Option<Place>) -> Option<Code> {
        let Some((shape, bucket)) = place else { return Code::checked(stored) };
        let mut octets = vec![0; length];
        octets.get_mut(shape.digits.min(length)..)?.copy_from_slice(stored);
        let implied = shape.implied(bucket, &Code::checked(&octets)?, self.seed());
        let count = shape.digits.min(length);
        octets[..count].copy_from_slice(&implied[..count]);
        Code::checked(&octets)
    }
}
