//! Keys of rows as bytes: first what they belong to, so that a meeting is one range.

use crate::rooms::{Name, RowKey};

/// Between a meeting's name and the rest; no name has it (`access::check_names`).
const END: u8 = 0;

/// What a row belongs to.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Key {
    /// A part of a meeting.
    Meeting(Name, Part),
    /// A template of roles.
    Template(Name),
    /// A webhook that is not delivered, in the order in which they came.
    Hook(u64),
}

/// A part of a meeting.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Part {
    /// What the engine keeps.
    Row(RowKey),
    /// Numbers of events.
    Numbers,
    /// After which event somebody came.
    Since(Name),
    /// An event that people were told, by number.
    Event(u64),
}

impl Key {
    /// Its bytes. Numbers are big-endian: the order of bytes is theirs.
    pub fn bytes(&self) -> Vec<u8> {
        match self {
            Key::Meeting(name, part) => {
                let mut bytes = meeting(name);
                let (kind, number, id) = part.fields();
                bytes.push(kind);
                bytes.extend(number.map(u64::to_be_bytes).into_iter().flatten());
                bytes.extend(id.map(|id| id.as_bytes()).into_iter().flatten());
                bytes
            }
            Key::Template(name) => [b"t", name.as_bytes()].concat(),
            Key::Hook(number) => [&b"h"[..], &number.to_be_bytes()].concat(),
        }
    }

    /// The key with these bytes.
    pub fn read(bytes: &[u8]) -> Option<Key> {
        let (first, rest) = bytes.split_first()?;
        match first {
            b'm' => {
                let end = rest.iter().position(|byte| *byte == END)?;
                let (name, rest) = (rest.get(..end)?, rest.get(end + 1..)?);
                Some(Key::Meeting(text(name)?, Part::read(rest)?))
            }
            b't' => Some(Key::Template(text(rest)?)),
            b'h' => Some(Key::Hook(u64::from_be_bytes(rest.try_into().ok()?))),
            _ => None,
        }
    }
}

/// Where the rows of a meeting begin, and where they have ended.
pub(super) fn range(name: &str) -> (Vec<u8>, Vec<u8>) {
    let mut end = meeting(name);
    if let Some(last) = end.last_mut() {
        *last = END + 1;
    }
    (meeting(name), end)
}

fn meeting(name: &str) -> Vec<u8> {
    [b"m", name.as_bytes(), &[END]].concat()
}

fn text(bytes: &[u8]) -> Option<Name> {
    std::str::from_utf8(bytes).ok().map(Name::from)
}

impl Part {
    fn fields(&self) -> (u8, Option<u64>, Option<&Name>) {
        match self {
            Part::Numbers => (b'n', None, None),
            Part::Since(id) => (b's', None, Some(id)),
            Part::Event(seq) => (b'e', Some(*seq), None),
            Part::Row(row) => match row {
                RowKey::Head => (b'H', None, None),
                RowKey::Roles => (b'L', None, None),
                RowKey::Room(number) => (b'R', Some(*number), None),
                RowKey::Person(id) => (b'P', None, Some(id)),
                RowKey::Assigned(id) => (b'A', None, Some(id)),
                RowKey::Reserved(at) => (b'E', Some(u64::from(*at)), None),
                RowKey::Invited(id) => (b'I', None, Some(id)),
                RowKey::Poll(number) => (b'Q', Some(*number), None),
                RowKey::Vote(number, id) => (b'V', Some(*number), Some(id)),
                RowKey::Banned(id) => (b'B', None, Some(id)),
            },
        }
    }

    fn read(bytes: &[u8]) -> Option<Part> {
        let (kind, rest) = bytes.split_first()?;
        let number = || rest.first_chunk().map(|bytes| u64::from_be_bytes(*bytes));
        Some(match kind {
            b'n' => Part::Numbers,
            b's' => Part::Since(text(rest)?),
            b'e' => Part::Event(number()?),
            b'H' => Part::Row(RowKey::Head),
            b'L' => Part::Row(RowKey::Roles),
            b'R' => Part::Row(RowKey::Room(number()?)),
            b'P' => Part::Row(RowKey::Person(text(rest)?)),
            b'A' => Part::Row(RowKey::Assigned(text(rest)?)),
            b'E' => Part::Row(RowKey::Reserved(u32::try_from(number()?).ok()?)),
            b'I' => Part::Row(RowKey::Invited(text(rest)?)),
            b'Q' => Part::Row(RowKey::Poll(number()?)),
            b'V' => Part::Row(RowKey::Vote(number()?, text(rest.get(8..)?)?)),
            b'B' => Part::Row(RowKey::Banned(text(rest)?)),
            _ => return None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_read_as_written_and_a_meeting_is_one_range() {
        let id = || Name::from("ada@x");
        let parts = [
            Part::Numbers,
            Part::Since(id()),
            Part::Event(u64::MAX),
            Part::Row(RowKey::Head),
            Part::Row(RowKey::Roles),
            Part::Row(RowKey::Room(0)),
            Part::Row(RowKey::Person(id())),
            Part::Row(RowKey::Assigned(id())),
            Part::Row(RowKey::Reserved(7)),
            Part::Row(RowKey::Invited(id())),
            Part::Row(RowKey::Poll(256)),
            Part::Row(RowKey::Vote(1, id())),
            Part::Row(RowKey::Banned(id())),
        ];
        let others = ["", "a", "ab", "a~", "b"].map(range);
        for part in parts {
            let key = Key::Meeting("a".into(), part);
            let bytes = key.bytes();
            assert_eq!(Key::read(&bytes), Some(key));
            let within: Vec<usize> = (0..others.len())
                .filter(|at| others[*at].0 <= bytes && bytes < others[*at].1)
                .collect();
            assert_eq!(within, [1], "{bytes:?}");
        }
        for key in [Key::Template("stage".into()), Key::Hook(3)] {
            assert_eq!(Key::read(&key.bytes()), Some(key));
        }
        for bytes in [&b""[..], b"x", b"mname", b"mname\0", b"mname\0R12", b"h123", b"m\xff\0H"] {
            assert_eq!(Key::read(bytes), None, "{bytes:?}");
        }
    }
}
