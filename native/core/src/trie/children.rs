//! The children of a node read back, for walks over everything.

use super::place::{Shape, MAX_BUCKET};
use super::reader::{behind_children, below, read_offset, Children, Item, Trie};
use super::symbols::Code;

/// A bucket whose place tells the first octets of its codes.
type Place = (Shape, usize);

/// A child of a node, as it is found.
pub(super) struct Child {
    /// Where its label begins in the labels found so far; it ends with them.
    pub start: usize,
    /// Where its item begins in the nodes.
    pub at: u32,
}

impl<B: AsRef<[u8]>> Trie<B> {
    /// Append the label of every child to the labels and call with them, until the call says no.
    ///
    /// Every bucket and every item takes one from the budget. None if that is spent, if the call said no, or if the bytes
    /// make no sense.
    pub(super) fn for_each_child(
        &self,
        children: Children,
        budget: &mut usize,
        labels: &mut Vec<u8>,
        take: &mut impl FnMut(&[u8], Child) -> bool,
    ) -> Option<()> {
        let at = match children {
            Children::None => return Some(()),
            Children::Inline(start, end) => return self.for_each_in_bucket((start, end), None, budget, labels, take),
            Children::Node(at) => at as usize,
        };
        let nodes = self.nodes();
        let kind = *nodes.get(at)?;
        let (digits, width) = (usize::from(kind & 3), usize::from(kind >> 2 & 7));
        if width == 0 {
            let size = usize::from(u16::from_le_bytes(*nodes.get(at + 1..)?.first_chunk()?));
            return self.for_each_in_bucket((at + 3, at + 3 + size), None, budget, labels, take);
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
            self.for_each_in_bucket((start, end), Some((shape, bucket)), budget, labels, take)?;
        }
        Some(())
    }

    fn for_each_in_bucket(
        &self,
        (start, end): (usize, usize),
        place: Option<Place>,
        budget: &mut usize,
        labels: &mut Vec<u8>,
        take: &mut impl FnMut(&[u8], Child) -> bool,
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
            let start = labels.len();
            self.symbols().decode(code.bytes(), labels);
            if !take(labels, Child { start, at: at as u32 }) {
                return None;
            }
            at = behind_children(behind, below(nodes, behind, head.children)?);
        }
        (at >= end).then_some(())
    }

    /// Octets of their codes that the places of children imply.
    pub(super) fn implied_octets(&self, children: Children) -> usize {
        match children {
            Children::Node(at) => self.nodes().get(at as usize).map_or(0, |kind| usize::from(kind & 3)),
            _ => 0,
        }
    }

    /// What the item of a child says that `for_each_child` found where places imply so many octets.
    pub(super) fn item_at(&self, at: u32, implied: usize) -> Option<Item> {
        let nodes = self.nodes();
        let (head, text) = self.head(nodes, at as usize)?;
        let behind = text + usize::from(head.length).saturating_sub(implied);
        Some(Item { class: head.class, children: below(nodes, behind, head.children)? })
    }

    /// A code with the octets that its place implies.
    fn whole_code(&self, stored: &[u8], length: usize, place: Option<Place>) -> Option<Code> {
        let Some((shape, bucket)) = place else { return Code::checked(&[], stored) };
        let missing = [0; 2];
        let missing = &missing[..shape.digits.min(length)];
        let mut code = Code::checked(missing, stored)?;
        code.set_first(shape.implied(bucket, &code, self.seed()), missing.len());
        Some(code)
    }
}
