//! The code of a label: a table of up to 255 symbols, each one character longer than another symbol.
//!
//! Because every prefix of a symbol is a symbol, the longest match is found by a table of transitions with one step per
//! character and without going back, and the state of that machine is the number of the symbol itself.

use super::error::TrieError;
use crate::name::MAX_LABEL;

/// Most symbols; number 0 stands for a character that is none.
pub const MAX_SYMBOLS: usize = 255;

/// Most characters that have a symbol of their own.
const MAX_CHARACTERS: usize = 63;

/// Longest code: every character escaped.
const MAX_CODE: usize = 2 * MAX_LABEL;

/// Zeros behind a code, which the hash reads in steps of 16 octets.
const PADDING: usize = 18;

/// A code and its padding.
const ROOM: usize = MAX_CODE + PADDING;

/// The code of one label.
#[derive(Clone)]
pub struct Code {
    bytes: [u8; ROOM],
    length: usize,
}

impl Default for Code {
    fn default() -> Self {
        Self { bytes: [0; ROOM], length: 0 }
    }
}

impl Code {
    /// A code from its octets, at most 126.
    pub(super) fn new(octets: &[u8]) -> Self {
        let mut bytes = [0; ROOM];
        bytes[..octets.len()].copy_from_slice(octets);
        Self { bytes, length: octets.len() }
    }

    /// A code in two parts, which may be too long for one.
    pub(super) fn checked(first: &[u8], rest: &[u8]) -> Option<Self> {
        let mut code = Self { length: first.len() + rest.len(), ..Self::default() };
        if code.length > MAX_CODE {
            return None;
        }
        code.bytes[..first.len()].copy_from_slice(first);
        code.bytes[first.len()..code.length].copy_from_slice(rest);
        Some(code)
    }

    /// Replace the first `count` octets, which are at most two.
    pub(super) fn set_first(&mut self, octets: [u8; 2], count: usize) {
        self.bytes[..count].copy_from_slice(&octets[..count]);
    }

    /// The code's octets.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes[..self.length]
    }

    /// Number of octets.
    #[allow(clippy::len_without_is_empty)] // a label is never empty
    pub fn len(&self) -> usize {
        self.length
    }

    /// The octets from `skip` on.
    pub fn rest(&self, skip: usize) -> &[u8] {
        &self.bytes[skip.min(self.length)..self.length]
    }

    /// Eight octets as an integer, zeros behind the code.
    pub(super) fn word(&self, at: usize) -> u64 {
        let mut word = [0; 8];
        word.copy_from_slice(&self.bytes[at..at + 8]);
        u64::from_le_bytes(word)
    }

    /// The first two octets as an integer.
    pub(super) fn first_two(&self) -> u16 {
        u16::from_le_bytes([self.bytes[0], self.bytes[1]])
    }
}

/// A symbol: another one and the octet that follows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Symbol {
    /// Number of the symbol that this one prolongs, or 0.
    pub previous: u8,
    /// The last octet.
    pub octet: u8,
}

/// The table of symbols, ready to encode with.
pub struct Symbols {
    list: Vec<Symbol>,
    /// What the symbols stand for, one text behind the other, and where each ends; number 0 stands for nothing.
    texts: Vec<u8>,
    ends: Vec<usize>,
    /// Character class of an octet, 0 for those without a symbol.
    class: Box<[u8; 256]>,
    /// The symbol after a symbol and a character class: the longer one, else the character's own.
    next: Box<[[u8; MAX_CHARACTERS + 1]; 256]>,
    /// Symbols up to this number are single characters.
    singles: u8,
}

impl Symbols {
    /// Make the table of a list of symbols: first the single characters, and each behind the one that it prolongs.
    pub fn new(list: Vec<Symbol>) -> Result<Self, TrieError> {
        let wrong = |expected, found: usize| TrieError::Table { name: "symbols", expected, found: found as u64 };
        if list.len() > MAX_SYMBOLS {
            return Err(wrong("at most 255 symbols", list.len()));
        }
        let singles = list.iter().take_while(|symbol| symbol.previous == 0).count();
        if singles > MAX_CHARACTERS {
            return Err(wrong("at most 63 single characters", singles));
        }
        let mut class = Box::new([0_u8; 256]);
        let mut next = Box::new([[0_u8; MAX_CHARACTERS + 1]; 256]);
        for (index, symbol) in list.iter().enumerate().take(singles) {
            class[usize::from(symbol.octet)] = (index + 1) as u8;
        }
        for row in next.iter_mut() {
            for (column, to) in row.iter_mut().enumerate().take(singles + 1) {
                *to = column as u8;
            }
        }
        for (index, symbol) in list.iter().enumerate().skip(singles) {
            let column = class[usize::from(symbol.octet)];
            if usize::from(symbol.previous) > index || symbol.previous == 0 || column == 0 {
                return Err(wrong("symbols that prolong an earlier one by a known character", index));
            }
            next[usize::from(symbol.previous)][usize::from(column)] = (index + 1) as u8;
        }
        let (mut texts, mut ends) = (Vec::new(), vec![0, 0]);
        for symbol in &list {
            let previous = usize::from(symbol.previous);
            texts.extend_from_within(ends[previous]..ends[previous + 1]);
            texts.push(symbol.octet);
            ends.push(texts.len());
        }
        Ok(Self { list, texts, ends, class, next, singles: singles as u8 })
    }

    /// The symbols, number 1 first.
    pub fn list(&self) -> &[Symbol] {
        &self.list
    }

    /// Encode a label of 1 to 63 octets.
    pub fn encode(&self, label: &[u8]) -> Code {
        let mut code = Code::default();
        self.encode_into(label, &mut code);
        code
    }

    /// Encode a label of 1 to 63 octets, over an older code.
    pub fn encode_into(&self, label: &[u8], code: &mut Code) {
        let mut state = 0_u8;
        let mut length = 0_usize;
        for octet in &label[..label.len().min(MAX_LABEL)] {
            let class = self.class[usize::from(*octet)];
            let next = self.next[usize::from(state)][usize::from(class & 63)];
            if next == 0 {
                *code = self.encode_escaped(label);
                return;
            }
            // Written on every character and kept when the symbol ends: a branch here would be guessed wrong too often.
            code.bytes[length] = state;
            length += usize::from(next <= self.singles && state != 0);
            state = next;
        }
        code.bytes[length] = state;
        code.length = length + 1;
        code.bytes[length + 1..length + 1 + PADDING].fill(0);
    }

    /// What a symbol stands for; nothing if there is none of that number.
    pub fn text(&self, number: u8) -> &[u8] {
        match self.ends.get(usize::from(number)..usize::from(number) + 2) {
            Some([start, end]) => &self.texts[*start..*end],
            _ => &[],
        }
    }

    /// Append the label of a code; shorter than it should be if the code is none.
    pub fn decode(&self, code: &[u8], label: &mut Vec<u8>) {
        let mut octets = code.iter();
        while let Some(octet) = octets.next() {
            match *octet {
                0 => label.extend(octets.next()),
                number => label.extend_from_slice(self.text(number)),
            }
        }
    }

    /// Encode a label with characters that have no symbol: 0 and the character.
    #[cold]
    fn encode_escaped(&self, label: &[u8]) -> Code {
        let mut code = Code::default();
        let mut push = |octet| {
            code.bytes[code.length] = octet;
            code.length += 1;
        };
        let mut state = 0_u8;
        for octet in &label[..label.len().min(MAX_LABEL)] {
            let next = self.next[usize::from(state)][usize::from(self.class[usize::from(*octet)] & 63)];
            if state != 0 && next <= self.singles {
                push(state);
            }
            if next == 0 {
                push(0);
                push(*octet);
            }
            state = next;
        }
        if state != 0 {
            push(state);
        }
        code
    }
}

/// Collects labels and chooses the symbols that shorten them most. The same labels in any order give the same table.
pub struct Trainer {
    labels: Vec<u8>,
    characters: [u64; 256],
}

/// Rounds of parsing the sample with the symbols so far and choosing anew.
const ROUNDS: usize = 12;

impl Default for Trainer {
    fn default() -> Self {
        Self { labels: Vec::new(), characters: [0; 256] }
    }
}

impl Trainer {
    /// Add a label to the sample.
    pub fn add(&mut self, label: &[u8]) {
        self.labels.push(label.len() as u8);
        self.labels.extend_from_slice(label);
        for octet in label {
            self.characters[usize::from(*octet)] += 1;
        }
    }

    /// Choose the symbols.
    pub fn train(&self) -> Symbols {
        let mut texts = self.single_characters();
        let singles = texts.len();
        for round in 1..=ROUNDS {
            let symbols = table(&texts, singles);
            let (uses, follows) = self.count(&symbols);
            let room = singles + (MAX_SYMBOLS - singles) * round.min(ROUNDS - 2) / (ROUNDS - 2);
            texts = choose(&symbols, &texts, singles, room, &uses, &follows);
        }
        table(&texts, singles)
    }

    fn single_characters(&self) -> Vec<Vec<u8>> {
        let mut octets: Vec<u8> = (0..=255).filter(|octet| self.characters[usize::from(*octet)] > 0).collect();
        octets.sort_by_key(|octet| (std::cmp::Reverse(self.characters[usize::from(*octet)]), *octet));
        octets.truncate(MAX_CHARACTERS);
        octets.into_iter().map(|octet| vec![octet]).collect()
    }

    /// How often each symbol is used, and how often it is followed by a symbol that begins with a character.
    fn count(&self, symbols: &Symbols) -> (Vec<u64>, Vec<[u64; 64]>) {
        let mut uses = vec![0_u64; 256];
        let mut follows = vec![[0_u64; 64]; 256];
        let mut at = 0;
        while at < self.labels.len() {
            let end = at + 1 + usize::from(self.labels[at]);
            let mut state = 0_u8;
            for octet in &self.labels[at + 1..end] {
                let class = symbols.class[usize::from(*octet)];
                let next = symbols.next[usize::from(state)][usize::from(class)];
                if next <= symbols.singles {
                    uses[usize::from(state)] += 1;
                    follows[usize::from(state)][usize::from(class)] += 1;
                }
                state = next;
            }
            uses[usize::from(state)] += 1;
            at = end;
        }
        (uses, follows)
    }
}

/// The table of texts, whose first `singles` are single characters; all prefixes are among them.
fn table(texts: &[Vec<u8>], singles: usize) -> Symbols {
    let number = |text: &[u8]| texts.iter().position(|other| other == text).map_or(0, |index| (index + 1) as u8);
    let list = texts
        .iter()
        .map(|text| Symbol { previous: number(&text[..text.len() - 1]), octet: text[text.len() - 1] })
        .collect();
    debug_assert!(singles <= MAX_CHARACTERS);
    Symbols::new(list).expect("symbols are chosen with all their prefixes")
}

/// Keep the best of the present symbols and of those that prolong one of them by a character.
fn choose(
    symbols: &Symbols,
    texts: &[Vec<u8>],
    singles: usize,
    room: usize,
    uses: &[u64],
    follows: &[[u64; 64]],
) -> Vec<Vec<u8>> {
    let mut candidates: Vec<(u64, Vec<u8>)> = Vec::new();
    for (index, text) in texts.iter().enumerate() {
        let state = index + 1;
        if text.len() > 1 {
            candidates.push((uses[state], text.clone()));
        }
        for (class, count) in follows[state].iter().enumerate().skip(1) {
            if *count > 0 && usize::from(symbols.next[state][class]) <= singles {
                let mut longer = text.clone();
                longer.push(texts[class - 1][0]);
                candidates.push((*count, longer));
            }
        }
    }
    keep_best(candidates, &texts[..singles], room)
}

/// The candidates of most use with their prefixes, up to `room` symbols.
fn keep_best(mut candidates: Vec<(u64, Vec<u8>)>, singles: &[Vec<u8>], room: usize) -> Vec<Vec<u8>> {
    candidates.sort_by(|a, b| b.0.cmp(&a.0).then_with(|| a.1.cmp(&b.1)));
    let mut kept: std::collections::BTreeSet<Vec<u8>> = singles.iter().cloned().collect();
    for (_, text) in candidates {
        let missing: Vec<_> = (2..=text.len()).map(|end| text[..end].to_vec()).filter(|t| !kept.contains(t)).collect();
        if kept.len() + missing.len() <= room {
            kept.extend(missing);
        }
    }
    let mut longer: Vec<Vec<u8>> = kept.into_iter().filter(|text| text.len() > 1).collect();
    longer.sort_by(|a, b| a.len().cmp(&b.len()).then_with(|| a.cmp(b)));
    singles.iter().cloned().chain(longer).collect()
}
