//! Which header extensions an outgoing packet has: what came with it and the subscriber negotiated.
//! RFC 8285 §4.

use crate::route::cache::Stored;
use crate::wire::extension::{Extension, ExtensionIds};

/// The header extensions an outgoing packet has: what came with it and the subscriber negotiated.
pub struct Elements<'a> {
    level: Option<(u8, [u8; 1])>,
    orientation: Option<(u8, [u8; 1])>,
    descriptor: Option<(u8, &'a [u8])>,
}

impl<'a> Elements<'a> {
    /// Those of one packet on a wire with these ids.
    #[inline]
    pub fn of(stored: &Stored<'a>, ids: &ExtensionIds) -> Self {
        let byte = |extension, value: Option<u8>| Some((ids.id(extension)?, [value?]));
        let descriptor = ids.id(Extension::DependencyDescriptor);
        Self {
            level: byte(Extension::AudioLevel, stored.packet.audio_level),
            orientation: byte(Extension::VideoOrientation, stored.packet.orientation),
            descriptor: descriptor
                .map(|id| (id, stored.descriptor))
                .filter(|element| (1..=255).contains(&element.1.len())),
        }
    }

    /// In the order in which they are written.
    #[inline]
    pub fn iter(&self) -> impl Iterator<Item = (u8, &[u8])> {
        let level = self.level.iter().map(|(id, byte)| (*id, &byte[..]));
        let orientation = self.orientation.iter().map(|(id, byte)| (*id, &byte[..]));
        level.chain(orientation).chain(self.descriptor)
    }

    /// The one-byte form has ids to 14 and data to 16 bytes (RFC 8285 §4.2).
    fn two_byte(&self) -> bool {
        self.iter().any(|(id, data)| id > 14 || data.len() > 16)
    }

    /// Length of the header that carries them.
    #[inline]
    pub fn header_len(&self) -> usize {
        let per_element = if self.two_byte() { 2 } else { 1 };
        let len: usize = self.iter().map(|(_, data)| per_element + data.len()).sum();
        if len == 0 { 12 } else { 12 + 4 + len.next_multiple_of(4) }
    }
}
