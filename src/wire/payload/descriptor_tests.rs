//! The Dependency Descriptor against descriptors written bit by bit from the syntax of the
//! appendix.

use proptest::prelude::*;

use super::*;

/// Writes bit fields, highest bit first; ns(n) by the definition of AV1 §4.10.7.
#[derive(Default)]
struct Writer(Vec<bool>);

impl Writer {
    fn put(&mut self, count: u32, value: u32) -> &mut Self {
        self.0.extend((0..count).rev().map(|bit| value >> bit & 1 == 1));
        self
    }

    fn below(&mut self, limit: u32, value: u32) -> &mut Self {
        let width = u32::BITS - limit.leading_zeros();
        let short = (1 << width) - limit;
        if value < short {
            return self.put(width - 1, value);
        }
        self.put(width - 1, (value + short) >> 1).put(1, (value + short) & 1)
    }

    fn bytes(&self) -> Vec<u8> {
        let byte = |bits: &[bool]| {
            bits.iter()
                .enumerate()
                .fold(0, |byte, (place, bit)| byte | u8::from(*bit) << (7 - place))
        };
        self.0.chunks(8).map(byte).collect()
    }
}

/// A structure to write: templates in order of layers, each with its frame differences.
#[derive(Clone, Debug)]
struct Plan {
    id_offset: u32,
    targets: u32,
    /// temporal, spatial, frame differences
    templates: Vec<(u8, u8, Vec<u32>)>,
    chains: u32,
    resolutions: Option<Vec<(u32, u32)>>,
}

impl Plan {
    /// Indication of a template for a target: any pattern that differs from place to place.
    fn indication(template: usize, target: u32) -> u32 {
        (template as u32 + 3 * target) % 4
    }

    fn write(&self, out: &mut Writer) {
        out.put(6, self.id_offset).put(5, self.targets - 1);
        for pair in self.templates.windows(2) {
            let (before, after) = (&pair[0], &pair[1]);
            let step = match (after.1 - before.1, after.0.wrapping_sub(before.0)) {
                (0, 0) => 0,
                (0, 1) => 1,
                (1, _) if after.0 == 0 => 2,
                other => panic!("no such step: {other:?}"),
            };
            out.put(2, step);
        }
        out.put(2, 3);
        for template in 0..self.templates.len() {
            for target in 0..self.targets {
                out.put(2, Self::indication(template, target));
            }
        }
        for (_, _, differences) in &self.templates {
            for difference in differences {
                out.put(1, 1).put(4, difference - 1);
            }
            out.put(1, 0);
        }
        out.below(self.targets + 1, self.chains);
        if self.chains > 0 {
            for target in 0..self.targets {
                out.below(self.chains, target % self.chains);
            }
            for place in 0..self.templates.len() as u32 * self.chains {
                out.put(4, place % 16);
            }
        }
        out.put(1, u32::from(self.resolutions.is_some()));
        for (width, height) in self.resolutions.iter().flatten() {
            out.put(16, width - 1).put(16, height - 1);
        }
    }
}

/// First three bytes: start, end, template id, frame number.
fn mandatory(start: bool, end: bool, template: u32, frame: u32) -> Writer {
    let mut out = Writer::default();
    out.put(1, u32::from(start)).put(1, u32::from(end)).put(6, template).put(16, frame);
    out
}

fn l2t2() -> Plan {
    Plan {
        id_offset: 62, // ids 62, 63, 0, 1
        targets: 4,
        templates: vec![(0, 0, vec![]), (1, 0, vec![1, 3]), (0, 1, vec![16]), (1, 1, vec![])],
        chains: 3,
        resolutions: Some(vec![(320, 180), (65_536, 1)]),
    }
}

fn keyframe(plan: &Plan) -> Vec<u8> {
    let mut out = mandatory(true, false, plan.id_offset, 7);
    out.put(5, 0b10000);
    plan.write(&mut out);
    out.bytes()
}

#[test]
fn keyframe_brings_the_structure() {
    let mut structure = Structure::default();
    let descriptor = parse(&keyframe(&l2t2()), &mut structure).unwrap();
    assert!(descriptor.start_of_frame && !descriptor.end_of_frame && descriptor.keyframe);
    assert_eq!((descriptor.frame_number, descriptor.active_targets), (7, Some(0b1111)));
    let layer = descriptor.layer.unwrap();
    assert_eq!((layer.temporal, layer.spatial), (0, 0));
    assert!(structure.is_known());
    assert_eq!((structure.target_count(), structure.spatial_count()), (4, 2));
    assert_eq!(structure.resolution(0), Some((320, 180)));
    assert_eq!(structure.resolution(1), Some((65_536, 1)));
    assert_eq!(structure.resolution(2), None);
}

#[test]
fn later_packets_name_a_template() {
    let mut structure = Structure::default();
    parse(&keyframe(&l2t2()), &mut structure).unwrap();
    for (id, expected) in [
        (62, Some((0, 0))),
        (63, Some((1, 0))),
        (0, Some((0, 1))), // ids wrap at 64
        (1, Some((1, 1))),
        (2, None), // no such template: a packet of another structure
        (61, None),
    ] {
        let bytes = mandatory(false, true, id, 8).bytes();
        let descriptor = parse(&bytes, &mut structure).unwrap();
        assert!(!descriptor.start_of_frame && descriptor.end_of_frame && !descriptor.keyframe);
        assert_eq!(descriptor.layer.map(|layer| (layer.temporal, layer.spatial)), expected, "{id}");
        assert_eq!(descriptor.active_targets, None);
    }
}

#[test]
fn without_a_structure_only_the_fixed_part_is_known() {
    let mut structure = Structure::default();
    let mut custom = mandatory(true, true, 3, 9);
    custom.put(5, 0b01111).put(3, 0);
    for bytes in [mandatory(true, true, 3, 9).bytes(), custom.bytes()] {
        let descriptor = parse(&bytes, &mut structure).unwrap();
        assert!(descriptor.start_of_frame && descriptor.end_of_frame && !descriptor.keyframe);
        assert_eq!((descriptor.frame_number, descriptor.layer), (9, None));
    }
    assert!(!structure.is_known());
}

#[test]
fn custom_indications_and_active_targets() {
    let mut structure = Structure::default();
    parse(&keyframe(&l2t2()), &mut structure).unwrap();
    let mut out = mandatory(true, true, 63, 10);
    out.put(5, 0b01100).put(4, 0b0011); // targets 0 and 1
    for indication in [3, 2, 1, 0] {
        out.put(2, indication);
    }
    let bytes = out.bytes();
    let descriptor = parse(&bytes, &mut structure).unwrap();
    assert_eq!(descriptor.active_targets, Some(0b0011));
    let layer = descriptor.layer.unwrap();
    assert_eq!((layer.temporal, layer.spatial), (1, 0));
    use Indication::{Discardable, NotPresent, Required, Switch};
    let read: Vec<_> = (0..5).map(|target| layer.indications.of(target)).collect();
    assert_eq!(read, [Required, Switch, Discardable, NotPresent, NotPresent]);
    assert_eq!(layer.indications.of(255), NotPresent);
    for len in 4..bytes.len() {
        assert_eq!(parse(&bytes[..len], &mut structure), Err(ParseError::Truncated), "{len}");
    }
}

#[test]
fn a_broken_structure_changes_nothing() {
    let mut structure = Structure::default();
    parse(&keyframe(&l2t2()), &mut structure).unwrap();
    let before = structure;
    let mut other = l2t2();
    other.id_offset = 5;
    let bytes = keyframe(&other);
    for len in 4..bytes.len() {
        assert_eq!(parse(&bytes[..len], &mut structure), Err(ParseError::Truncated), "{len}");
        assert_eq!(structure, before);
    }
    parse(&bytes, &mut structure).unwrap();
    assert_ne!(structure, before);
    for len in 0..3 {
        assert_eq!(parse(&bytes[..len], &mut structure), Err(ParseError::Truncated), "{len}");
    }
}

#[test]
fn more_layers_than_there_may_be() {
    for (step, times, fine) in
        [(0, 63, true), (0, 64, false), (1, 7, true), (1, 8, false), (2, 3, true), (2, 4, false)]
    {
        let mut out = mandatory(true, false, 0, 0);
        out.put(5, 0b10000).put(6, 0).put(5, 0);
        for _ in 0..times {
            out.put(2, step);
        }
        out.put(2, 3);
        for _ in 0..60 {
            out.put(32, 0); // indications, no differences, no chains, no resolutions
        }
        let mut structure = Structure::default();
        let result = parse(&out.bytes(), &mut structure);
        assert_eq!(result.is_ok(), fine, "{step} {times}");
        if !fine {
            assert_eq!(result, Err(ParseError::Value));
            assert!(!structure.is_known());
        }
    }
}

/// Seen on the wire for mode L1T2 at 320 × 240: three templates, two targets, one chain.
#[test]
fn from_the_field() {
    let keyframe =
        [0x80, 0x00, 0x01, 0x80, 0x01, 0x1E, 0xA8, 0x51, 0x41, 0x01, 0x0C, 0x04, 0xFC, 0x03, 0xBC];
    let mut structure = Structure::default();
    let descriptor = parse(&keyframe, &mut structure).unwrap();
    assert!(descriptor.keyframe && descriptor.start_of_frame);
    assert_eq!((descriptor.frame_number, descriptor.active_targets), (1, Some(0b11)));
    assert_eq!((structure.target_count(), structure.spatial_count()), (2, 1));
    assert_eq!(structure.resolution(0), Some((320, 240)));
    let layers: Vec<_> = (0..4).map(|id| structure.layer(id).map(|layer| layer.temporal)).collect();
    assert_eq!(layers, [Some(0), Some(0), Some(1), None]);
}

fn plans() -> impl Strategy<Value = Plan> {
    let steps = prop::collection::vec((0u8..3, prop::collection::vec(1u32..=16, 0..4)), 0..20);
    (0u32..64, 1u32..=32, steps, any::<bool>(), any::<u32>()).prop_map(
        |(id_offset, targets, steps, sized, seed)| {
            let mut templates = vec![(0u8, 0u8, vec![])];
            for (step, differences) in steps {
                let (temporal, spatial, _) = templates[templates.len() - 1];
                let next = match step {
                    1 if temporal < 7 => (temporal + 1, spatial),
                    2 if spatial < 3 => (0, spatial + 1),
                    _ => (temporal, spatial),
                };
                templates.push((next.0, next.1, differences));
            }
            let layers = u32::from(templates[templates.len() - 1].1) + 1;
            let size = |layer| (1 + seed.rotate_left(layer) % 65_536, 1 + layer);
            let resolutions = sized.then(|| (0..layers).map(size).collect());
            Plan { id_offset, targets, templates, chains: seed % (targets + 1), resolutions }
        },
    )
}

proptest! {
    #[test]
    fn any_structure_is_read_as_written(plan in plans(), frame: u16) {
        let mut structure = Structure::default();
        let mut bytes = keyframe(&plan);
        let descriptor = parse(&bytes, &mut structure).unwrap();
        prop_assert!(descriptor.keyframe);
        let targets = u32::MAX >> (32 - plan.targets);
        prop_assert_eq!(descriptor.active_targets, Some(targets));
        for (place, (temporal, spatial, _)) in plan.templates.iter().enumerate() {
            let id = (plan.id_offset + place as u32) % 64;
            let bytes = mandatory(true, true, id, u32::from(frame)).bytes();
            let layer = parse(&bytes, &mut structure).unwrap().layer.unwrap();
            prop_assert_eq!((layer.temporal, layer.spatial), (*temporal, *spatial));
            for target in 0..plan.targets {
                let expected = Plan::indication(place, target);
                prop_assert_eq!(layer.indications.of(target as u8) as u32, expected);
            }
        }
        for (layer, size) in plan.resolutions.iter().flatten().enumerate() {
            prop_assert_eq!(structure.resolution(layer as u8), Some(*size));
        }
        // Cut short by a byte, it is refused.
        bytes.pop();
        prop_assert_eq!(parse(&bytes, &mut structure), Err(ParseError::Truncated));
    }
}
