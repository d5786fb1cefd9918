//! RTP header extensions, one- and two-byte forms. RFC 8285 §4.2-4.3.

/// A header extension the relay understands (RFC 8285 §5: named by URI in SDP, by id on the wire).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
pub enum Extension {
    /// Media identification, RFC 9143 §15.
    Mid,
    /// RTP stream id, RFC 8852 §3.1.
    Rid,
    /// Repaired RTP stream id, RFC 8852 §3.2.
    RepairedRid,
    /// Client-to-mixer audio level, RFC 6464 §3.
    AudioLevel,
    /// abs-send-time (WebRTC project).
    AbsSendTime,
    /// Transport-wide sequence number, draft-holmer-rmcat-transport-wide-cc-extensions-01 §2.
    TransportCc,
    /// Coordination of video orientation, 3GPP TS 26.114 §7.4.5.
    VideoOrientation,
    /// Playout delay (WebRTC project).
    PlayoutDelay,
    /// AV1 Dependency Descriptor, AV1 RTP 1.0 §A.
    DependencyDescriptor,
}

impl Extension {
    /// Every extension, in discriminant order.
    pub const ALL: [Extension; 9] = [
        Extension::Mid,
        Extension::Rid,
        Extension::RepairedRid,
        Extension::AudioLevel,
        Extension::AbsSendTime,
        Extension::TransportCc,
        Extension::VideoOrientation,
        Extension::PlayoutDelay,
        Extension::DependencyDescriptor,
    ];

    /// The URI that names it in `a=extmap` (RFC 8285 §5).
    pub fn uri(self) -> &'static str {
        match self {
            Extension::Mid => "urn:ietf:params:rtp-hdrext:sdes:mid",
            Extension::Rid => "urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id",
            Extension::RepairedRid => "urn:ietf:params:rtp-hdrext:sdes:repaired-rtp-stream-id",
            Extension::AudioLevel => "urn:ietf:params:rtp-hdrext:ssrc-audio-level",
            Extension::AbsSendTime => "http://www.webrtc.org/experiments/rtp-hdrext/abs-send-time",
            Extension::TransportCc => {
                "http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01"
            }
            Extension::VideoOrientation => "urn:3gpp:video-orientation",
            Extension::PlayoutDelay => "http://www.webrtc.org/experiments/rtp-hdrext/playout-delay",
            Extension::DependencyDescriptor => {
                "https://aomediacodec.github.io/av1-rtp-spec/#dependency-descriptor-rtp-header-extension"
            }
        }
    }
}

/// Which id stands for which extension at one peer (RFC 8285 §5; ids 1..=255, one map per BUNDLE
/// group by RFC 9143 §9.3).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct ExtensionIds([u8; Extension::ALL.len()]);

impl ExtensionIds {
    /// The id of `extension` at this peer, if negotiated.
    pub fn id(&self, extension: Extension) -> Option<u8> {
        self.0.get(extension as usize).copied().filter(|id| *id != 0)
    }

    /// Records that `extension` has `id` at this peer; id 0 takes it away.
    pub fn set(&mut self, extension: Extension, id: u8) {
        if let Some(place) = self.0.get_mut(extension as usize) {
            *place = id;
        }
    }

    /// The extension that `id` stands for at this peer.
    pub fn extension(&self, id: u8) -> Option<Extension> {
        Extension::ALL.into_iter().find(|extension| id != 0 && self.id(*extension) == Some(id))
    }
}

/// Iterator over the elements of an extension block: id and data (RFC 8285 §4.2 one-byte form, §4.3
/// two-byte form). Stops at an element that runs past the block; skips padding.
#[derive(Clone, Copy, Debug, Default)]
pub struct Elements<'a> {
    rest: &'a [u8],
    two_byte: bool,
}

impl<'a> Elements<'a> {
    /// The elements in `block`, whose "defined by profile" field is `profile` (RFC 3550 §5.3.1).
    /// Empty for a profile that is neither `0xBEDE` nor `0x100X` (X: appbits, RFC 8285 §4.3).
    #[inline]
    pub fn new(profile: u16, block: &'a [u8]) -> Self {
        match profile {
            0xBEDE => Self { rest: block, two_byte: false },
            0x1000..=0x100F => Self { rest: block, two_byte: true },
            _ => Self::default(),
        }
    }

    #[inline]
    fn element(&mut self) -> Option<(u8, &'a [u8])> {
        loop {
            let (first, after) = self.rest.split_first()?;
            if *first == 0 {
                self.rest = after; // padding, one byte in both forms
                continue;
            }
            let (id, len, after) = if self.two_byte {
                let (len, after) = after.split_first()?;
                (*first, usize::from(*len), after)
            } else {
                (*first >> 4, usize::from(*first & 0x0F) + 1, after)
            };
            if !self.two_byte && (id == 0 || id == 15) {
                return None; // id 0 with a length, and id 15: "processing MUST terminate" (§4.2)
            }
            let (data, after) = after.split_at_checked(len)?;
            self.rest = after;
            return Some((id, data));
        }
    }
}

impl<'a> Iterator for Elements<'a> {
    type Item = (u8, &'a [u8]);

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        let element = self.element();
        if element.is_none() {
            self.rest = &[];
        }
        element
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn collect(profile: u16, block: &[u8]) -> Vec<(u8, Vec<u8>)> {
        Elements::new(profile, block).map(|(id, data)| (id, data.to_vec())).collect()
    }

    #[test]
    fn elements_of_both_forms() {
        let none: &[(u8, &[u8])] = &[];
        for (profile, block, expected) in [
            (0xBEDE, &[][..], none),
            (0xBEDE, &[0x10, 7], &[(1, &[7])]),       // shortest
            (0xBEDE, &[0x10, 7, 0, 0], &[(1, &[7])]), // padding behind
            (0xBEDE, &[0, 0x31, 1, 2, 0, 0x10, 9], &[(3, &[1, 2]), (1, &[9])]), // and between
            (0xBEDE, &[0x10, 7, 0xF0, 1, 0x20, 2], &[(1, &[7])]), // 15 ends it
            (0xBEDE, &[0x10, 7, 0x01, 1, 2, 0x20, 2], &[(1, &[7])]), // 0 with a length ends it
            (0xBEDE, &[0x10, 7, 0x23, 1, 2], &[(1, &[7])]), // runs past the block
            (0x1000, &[1, 0, 2, 1, 5, 0, 0], &[(1, &[]), (2, &[5])]), // empty data
            (0x100F, &[15, 1, 5, 255, 1, 6], &[(15, &[5]), (255, &[6])]), // appbits; all ids
            (0x1000, &[1, 1, 5, 2], &[(1, &[5])]),    // no length byte
            (0x1000, &[1, 1, 5, 2, 3, 0, 0], &[(1, &[5])]), // runs past the block
            (0x1010, &[1, 1, 5], none),               // another profile
            (0xBEDF, &[0x10, 7], none),
        ] {
            let expected: Vec<_> = expected.iter().map(|(id, data)| (*id, data.to_vec())).collect();
            assert_eq!(collect(profile, block), expected, "{profile:x} {block:?}");
        }
    }

    #[test]
    fn stops_for_good() {
        let mut elements = Elements::new(0xBEDE, &[0xF0, 1, 0x20, 2]);
        assert_eq!(elements.next(), None);
        assert_eq!(elements.next(), None);
    }
}
