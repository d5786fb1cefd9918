//! AV1 Dependency Descriptor header extension: frame boundaries, frame number, layer, and which
//! decode targets need the frame. AV1 RTP payload specification 1.0, appendix A.
//!
//! A keyframe's descriptor brings the structure; those after it name one of its templates. So the
//! caller keeps a [`Structure`] per stream. Works for any codec, and for payloads encrypted end to
//! end. Never panics, whatever the bytes (`fuzz_targets/payload.rs`).

use super::bits::Bits;
use crate::wire::ParseError;

/// MAX_TEMPLATE_ID + 1.
const TEMPLATES_MAX: usize = 64;
/// MAX_SPATIAL_ID + 1.
const SPATIAL_MAX: usize = 4;
/// MAX_TEMPORAL_ID + 1.
const TEMPORAL_MAX: u8 = 8;
/// dtis_cnt_minus_one has 5 bits.
const TARGETS_MAX: usize = 32;

/// What a frame is to one decode target, AV1 RTP 1.0 appendix A, table of DTI values.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
pub enum Indication {
    /// Not part of it.
    NotPresent = 0,
    /// Part of it, and no frame of it refers to this one.
    Discardable = 1,
    /// Part of it, and all after it can be decoded if this one can.
    Switch = 2,
    /// Part of it, and none of the above.
    Required = 3,
}

/// Indications of all decode targets: two bits each, target 0 lowest. AV1 RTP 1.0 appendix A.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Indications(u64);

impl Indications {
    /// Of one decode target; those that do not exist are not present.
    #[inline]
    pub fn of(self, target: u8) -> Indication {
        let bits = self.0.checked_shr(2 * u32::from(target)).unwrap_or(0);
        match bits & 3 {
            0 => Indication::NotPresent,
            1 => Indication::Discardable,
            2 => Indication::Switch,
            _ => Indication::Required,
        }
    }

    fn read(bits: &mut Bits<'_>, targets: usize) -> Option<Self> {
        let mut all = 0;
        for target in 0..targets.min(TARGETS_MAX) {
            all |= u64::from(bits.take(2)?) << (2 * target);
        }
        Some(Self(all))
    }
}

/// What a group of frames has in common, AV1 RTP 1.0 appendix A (`template_layers`,
/// `template_dtis`).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
struct Template {
    temporal: u8,
    spatial: u8,
    indications: Indications,
}

/// The frame dependency structure of a stream since its last keyframe, AV1 RTP 1.0 appendix A
/// (`template_dependency_structure`). Kept by the caller, one per SSRC; the default knows nothing.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Structure {
    /// Template 0 has this id.
    id_offset: u8,
    /// How many there are; 0: no structure seen yet.
    template_count: usize,
    templates: [Template; TEMPLATES_MAX],
    /// How many decode targets there are.
    target_count: usize,
    /// Width and height in pixels by spatial layer; zeros: not told.
    resolutions: [(u32, u32); SPATIAL_MAX],
    spatial_count: usize,
}

impl Default for Structure {
    fn default() -> Self {
        Self {
            id_offset: 0,
            template_count: 0,
            templates: [Template::default(); TEMPLATES_MAX],
            target_count: 0,
            resolutions: [(0, 0); SPATIAL_MAX],
            spatial_count: 0,
        }
    }
}

/// One packet's descriptor, AV1 RTP 1.0 appendix A.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Descriptor {
    /// First packet of a frame.
    pub start_of_frame: bool,
    /// Last packet of a frame.
    pub end_of_frame: bool,
    /// Number of the frame, in decoding order: 16 bits, wraps.
    pub frame_number: u16,
    /// The packet brings a structure: it is the first of a keyframe.
    pub keyframe: bool,
    /// Layer and indications; `None` while the structure that the packet refers to is not known.
    pub layer: Option<Layer>,
    /// Which decode targets there are from this frame on, bit n for target n, if the packet says
    /// so.
    pub active_targets: Option<u32>,
}

/// Where a frame belongs, AV1 RTP 1.0 appendix A (`frame_dependency_definition`).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Layer {
    /// FrameTemporalId, 0..=7.
    pub temporal: u8,
    /// FrameSpatialId, 0..=3.
    pub spatial: u8,
    /// What the frame is to each decode target.
    pub indications: Indications,
}

/// Reads one descriptor. A structure it brings replaces `structure`, but only if all of it is
/// sound.
///
/// # Errors
/// `Truncated` if the bytes end early; `Value` for a structure with more layers or templates than
/// there may be. `structure` is then unchanged.
#[inline]
pub fn parse(bytes: &[u8], structure: &mut Structure) -> Result<Descriptor, ParseError> {
    let [first, high, low, extended @ ..] = bytes else {
        return Err(ParseError::Truncated);
    };
    let template_id = first & 0x3F;
    let mut descriptor = Descriptor {
        start_of_frame: first & 0x80 != 0,
        end_of_frame: first & 0x40 != 0,
        frame_number: u16::from_be_bytes([*high, *low]),
        keyframe: false,
        layer: None,
        active_targets: None,
    };
    if extended.is_empty() {
        descriptor.layer = structure.layer(template_id);
    } else {
        read_extended(Bits::new(extended), template_id, structure, &mut descriptor)?;
    }
    Ok(descriptor)
}

/// `extended_descriptor_fields` and what of `frame_dependency_definition` is looked at: custom
/// indications. Custom frame and chain differences come last and are not read.
fn read_extended(
    mut bits: Bits<'_>,
    template_id: u8,
    structure: &mut Structure,
    descriptor: &mut Descriptor,
) -> Result<(), ParseError> {
    let flags = bits.take(5).ok_or(ParseError::Truncated)?;
    let (brings, active, custom_indications) = (flags & 16 != 0, flags & 8 != 0, flags & 4 != 0);
    let fresh = if brings { Some(Structure::read(&mut bits)?) } else { None };
    let current = fresh.as_ref().unwrap_or(structure);
    if current.template_count == 0 {
        return Ok(()); // nothing that follows has a known length
    }
    if active {
        let targets = bits.take(current.target_count).ok_or(ParseError::Truncated)?;
        descriptor.active_targets = Some(targets);
    } else if brings {
        descriptor.active_targets = Some(u32::MAX >> (TARGETS_MAX - current.target_count));
    }
    descriptor.layer = current.layer(template_id);
    if let Some(layer) = descriptor.layer.as_mut().filter(|_| custom_indications) {
        layer.indications =
            Indications::read(&mut bits, current.target_count).ok_or(ParseError::Truncated)?;
    }
    descriptor.keyframe = brings;
    if let Some(fresh) = fresh {
        *structure = fresh;
    }
    Ok(())
}

impl Structure {
    /// Whether a structure has been seen.
    pub fn is_known(&self) -> bool {
        self.template_count != 0
    }

    /// How many decode targets there are, 0..=32.
    pub fn target_count(&self) -> usize {
        self.target_count
    }

    /// How many spatial layers there are, 0..=4.
    pub fn spatial_count(&self) -> usize {
        self.spatial_count
    }

    /// Largest width and height of a spatial layer in pixels, if the structure tells.
    pub fn resolution(&self, spatial: u8) -> Option<(u32, u32)> {
        self.resolutions.get(usize::from(spatial)).copied().filter(|size| *size != (0, 0))
    }

    /// What template `id` says; `None` if there is none of that id.
    #[inline]
    fn layer(&self, id: u8) -> Option<Layer> {
        let place = usize::from(id.wrapping_sub(self.id_offset) & 63);
        let template = self.templates.get(place).filter(|_| place < self.template_count)?;
        Some(Layer {
            temporal: template.temporal,
            spatial: template.spatial,
            indications: template.indications,
        })
    }

    /// `template_dependency_structure`. Read whole, also what is not kept: what follows begins
    /// where it ends.
    fn read(bits: &mut Bits<'_>) -> Result<Self, ParseError> {
        let id_offset = bits.take(6).ok_or(ParseError::Truncated)? as u8; // 6 bits
        let target_count = bits.take(5).ok_or(ParseError::Truncated)? as usize + 1;
        let mut structure = Self { id_offset, target_count, ..Self::default() };
        structure.read_layers(bits)?;
        structure.read_rest(bits).ok_or(ParseError::Truncated)?;
        Ok(structure)
    }

    /// `template_layers`: each template's layer, told as a step from the one before.
    fn read_layers(&mut self, bits: &mut Bits<'_>) -> Result<(), ParseError> {
        let (mut temporal, mut spatial) = (0, 0);
        for template in &mut self.templates {
            *template = Template { temporal, spatial, ..Template::default() };
            self.template_count += 1;
            match bits.take(2).ok_or(ParseError::Truncated)? {
                0 => {}
                1 => temporal += 1,
                2 => (temporal, spatial) = (0, spatial + 1),
                _ => {
                    self.spatial_count = usize::from(spatial) + 1;
                    return Ok(());
                }
            }
            if temporal >= TEMPORAL_MAX || usize::from(spatial) >= SPATIAL_MAX {
                return Err(ParseError::Value);
            }
        }
        Err(ParseError::Value) // a 65th template
    }

    /// `template_dtis`, `template_fdiffs`, `template_chains`, `render_resolutions`.
    fn read_rest(&mut self, bits: &mut Bits<'_>) -> Option<()> {
        for template in self.templates.iter_mut().take(self.template_count) {
            template.indications = Indications::read(bits, self.target_count)?;
        }
        for _ in 0..self.template_count {
            while bits.flag()? {
                bits.take(4)?; // fdiff_minus_one
            }
        }
        let chains = bits.below(self.target_count as u32 + 1)?; // at most 32 targets
        if chains != 0 {
            for _ in 0..self.target_count {
                bits.below(chains)?; // decode_target_protected_by
            }
            for _ in 0..self.template_count * chains as usize {
                bits.take(4)?; // template_chain_fdiff
            }
        }
        if bits.flag()? {
            for resolution in self.resolutions.iter_mut().take(self.spatial_count) {
                *resolution = (bits.take(16)? + 1, bits.take(16)? + 1);
            }
        }
        Some(())
    }
}

#[cfg(test)]
#[path = "descriptor_tests.rs"]
mod tests;
