//! One slot's outgoing numbers: sequence, timestamp, VP8 picture id and TL0PICIDX, continuous while
//! the tracks behind the slot change (RFC 3550 §5.1, RFC 7741 §4.2).
//!
//! A *run* is a stretch of one source with constant offsets. A change of source, a pause or a jump
//! begins a new run; the receiver sees one stream without a gap. Loss inside a run stays a gap, so
//! that the receiver asks for it.

use std::time::{Duration, Instant};

use super::packet::{Packet, SourceIndex};
use crate::wire::number::{Seq, Timestamp};

/// A source that jumps further than this begins a new run: more than a receiver would wait for.
const JUMP_MAX: u64 = 2_000;

/// What a packet is called on the subscriber's wire.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Rewritten {
    /// Sequence number.
    pub seq: Seq,
    /// Media time.
    pub timestamp: Timestamp,
    /// VP8 picture id, 15 bits; to be cut to 7 where the packet has the short form.
    pub picture_id: Option<u16>,
    /// VP8 TL0PICIDX.
    pub tl0picidx: Option<u8>,
}

#[derive(Clone, Copy, Debug)]
struct Run {
    /// Nothing before it is served: it belongs to an earlier run, or to nobody.
    first: SourceIndex,
    /// The highest number served.
    highest: SourceIndex,
    seq: u16,
    timestamp: u32,
    picture_id: u16,
    tl0picidx: u8,
}

/// The last numbers sent, over all runs.
#[derive(Clone, Copy, Debug)]
struct Sent {
    seq: Seq,
    timestamp: Timestamp,
    at: Instant,
    picture_id: Option<u16>,
    tl0picidx: Option<u8>,
}

/// One slot's rewriting state.
#[derive(Clone, Copy, Debug)]
pub struct Rewriter {
    /// The first sequence number of the slot.
    start: Seq,
    clock_rate: u32,
    run: Option<Run>,
    sent: Option<Sent>,
}

impl Rewriter {
    /// A slot that has sent nothing yet and will begin with `start`. `clock_rate` in hertz.
    pub fn new(start: Seq, clock_rate: u32) -> Self {
        Self { start, clock_rate, run: None, sent: None }
    }

    /// The next packet begins a new run: the source changed, or was silent for a while.
    pub fn interrupt(&mut self) {
        self.run = None;
    }

    /// The outgoing numbers of a packet that is sent for the first time. `None`: it is older than
    /// its run.
    #[inline]
    pub fn rewrite(&mut self, packet: &Packet, now: Instant) -> Option<Rewritten> {
        let run = match &mut self.run {
            Some(run) if packet.index.0 < run.first.0 => return None,
            Some(run) if packet.index.0 <= run.highest.0.saturating_add(JUMP_MAX) => run,
            _ => return Some(self.begin(packet, now)),
        };
        let rewritten = run.apply(packet);
        if packet.index > run.highest {
            run.highest = packet.index;
            self.remember(&rewritten, now);
        }
        Some(rewritten)
    }

    /// Whether `index` is of the current run: sent, or missing among those that were.
    pub fn covers(&self, index: SourceIndex) -> bool {
        self.run.is_some_and(|run| (run.first..=run.highest).contains(&index))
    }

    /// Which packet of the current run was sent as `seq`. `None`: none of this run.
    pub fn source(&self, seq: Seq) -> Option<SourceIndex> {
        let run = self.run?;
        let newest = Seq((run.highest.0 as u16).wrapping_add(run.seq));
        let back = u64::try_from(newest.ahead_of(seq)).ok()?;
        run.highest.0.checked_sub(back).map(SourceIndex).filter(|index| *index >= run.first)
    }

    /// The numbers a packet of the current run had when it was first sent.
    pub fn again(&self, packet: &Packet) -> Option<Rewritten> {
        let run = self.run.filter(|run| packet.index >= run.first)?;
        Some(run.apply(packet))
    }

    /// What the current run adds to the publisher's timestamps, modulo 2^32: for sender reports.
    pub fn timestamp_offset(&self) -> Option<u32> {
        self.run.map(|run| run.timestamp)
    }

    #[cold]
    fn begin(&mut self, packet: &Packet, now: Instant) -> Rewritten {
        let index = packet.index.0 as u16;
        let (picture_id, tl0picidx) = vp8_numbers(packet);
        let (seq, timestamp) = match self.sent {
            None => (self.start, packet.timestamp),
            Some(sent) => {
                let elapsed = now.saturating_duration_since(sent.at);
                let ticks = ticks(elapsed, self.clock_rate).max(1);
                let timestamp = Timestamp(sent.timestamp.0.wrapping_add(ticks));
                (Seq(sent.seq.0.wrapping_add(1)), timestamp)
            }
        };
        let next_picture = self.sent.and_then(|sent| sent.picture_id).map(|id| id.wrapping_add(1));
        let next_tl0 = self.sent.and_then(|sent| sent.tl0picidx).map(|id| id.wrapping_add(1));
        let run = self.run.insert(Run {
            first: packet.index,
            highest: packet.index,
            seq: seq.0.wrapping_sub(index),
            timestamp: timestamp.0.wrapping_sub(packet.timestamp.0),
            picture_id: offset(next_picture, picture_id, u16::wrapping_sub),
            tl0picidx: offset(next_tl0, tl0picidx, u8::wrapping_sub),
        });
        let rewritten = run.apply(packet);
        self.remember(&rewritten, now);
        rewritten
    }

    fn remember(&mut self, rewritten: &Rewritten, now: Instant) {
        let before = self.sent;
        self.sent = Some(Sent {
            seq: rewritten.seq,
            timestamp: rewritten.timestamp,
            at: now,
            picture_id: rewritten.picture_id.or(before.and_then(|sent| sent.picture_id)),
            tl0picidx: rewritten.tl0picidx.or(before.and_then(|sent| sent.tl0picidx)),
        });
    }
}

impl Run {
    fn apply(&self, packet: &Packet) -> Rewritten {
        let (picture_id, tl0picidx) = vp8_numbers(packet);
        Rewritten {
            seq: Seq((packet.index.0 as u16).wrapping_add(self.seq)),
            timestamp: Timestamp(packet.timestamp.0.wrapping_add(self.timestamp)),
            picture_id: picture_id.map(|id| id.wrapping_add(self.picture_id) & 0x7FFF),
            tl0picidx: tl0picidx.map(|id| id.wrapping_add(self.tl0picidx)),
        }
    }
}

fn offset<T: Copy + Default>(next: Option<T>, first: Option<T>, minus: fn(T, T) -> T) -> T {
    match (next, first) {
        (Some(next), Some(first)) => minus(next, first),
        _ => T::default(), // nothing to continue: the publisher's own numbers
    }
}

fn vp8_numbers(packet: &Packet) -> (Option<u16>, Option<u8>) {
    (packet.vp8.picture_id(), packet.vp8.tl0picidx())
}

fn ticks(elapsed: Duration, clock_rate: u32) -> u32 {
    (elapsed.as_micros() as u64).wrapping_mul(u64::from(clock_rate)).wrapping_div(1_000_000) as u32
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::media::Codec;
    use crate::wire::payload::vp8::{PictureId, Tl0PicIdx, Vp8Fields};

    fn packet(index: u64, timestamp: u32, ids: Option<(u16, u8)>) -> Packet {
        let vp8 = ids.map(|(picture_id, tl0picidx)| Vp8Fields {
            picture_id: Some(PictureId { value: picture_id, wide: true, offset: 2 }),
            tl0picidx: Some(Tl0PicIdx { value: tl0picidx, offset: 4 }),
        });
        Packet {
            index: SourceIndex(index),
            timestamp: Timestamp(timestamp),
            arrived_us: 0,
            marker: false,
            keyframe: false,
            codec: Codec::Vp8,
            audio_level: None,
            orientation: None,
            vp8: vp8.unwrap_or_default().into(),
        }
    }

    #[test]
    fn one_stream_over_many_sources() {
        let start = Instant::now();
        let at = |ms| start + Duration::from_millis(ms);
        let mut rewriter = Rewriter::new(Seq(100), 90_000);
        // (source number, its time, its picture ids, when, new source) → number, time, picture ids
        for (index, time, ids, ms, switch, expected) in [
            (500, 9_000, (7, 3), 0, false, Some((100, 9_000, 7, 3))), // the first: its own numbers
            (502, 12_000, (8, 4), 33, false, Some((102, 12_000, 8, 4))), // a loss stays a gap
            (501, 9_000, (7, 3), 34, false, Some((101, 9_000, 7, 3))), // the late one fills it
            (499, 6_000, (6, 2), 35, false, None),                    // before the run: never
            (65_534, 77, (900, 250), 133, true, Some((103, 21_000, 9, 5))), // 100 ms: 9,000 ticks
            (65_535, 3_077, (901, 251), 166, false, Some((104, 24_000, 10, 6))),
            (65_536, 6_077, (902, 252), 200, false, Some((105, 27_000, 11, 7))), // its number wraps
            (80_000, 9_077, (903, 253), 233, false, Some((106, 29_970, 12, 8))), // a jump: no gap
        ] {
            if switch {
                rewriter.interrupt();
            }
            let got = rewriter.rewrite(&packet(index, time, Some(ids)), at(ms));
            let expected = expected.map(|(seq, time, picture_id, tl0)| Rewritten {
                seq: Seq(seq),
                timestamp: Timestamp(time),
                picture_id: Some(picture_id),
                tl0picidx: Some(tl0),
            });
            assert_eq!(got, expected, "{index}");
        }
    }

    #[test]
    fn only_the_current_run_is_repeated() {
        let now = Instant::now();
        let mut rewriter = Rewriter::new(Seq(10), 90_000);
        assert_eq!(rewriter.source(Seq(10)), None, "nothing was sent");
        for index in 0..5 {
            assert!(rewriter.rewrite(&packet(index, 0, None), now).is_some());
        }
        assert_eq!(rewriter.source(Seq(12)), Some(SourceIndex(2)));
        assert_eq!(rewriter.source(Seq(15)), None, "not sent yet");
        assert_eq!(rewriter.source(Seq(9)), None, "before the first");
        rewriter.interrupt();
        assert_eq!(rewriter.source(Seq(12)), None, "of another source");
        assert!(rewriter.rewrite(&packet(900, 0, None), now).is_some());
        assert_eq!(rewriter.source(Seq(12)), None, "of an earlier run");
        assert_eq!(rewriter.source(Seq(15)), Some(SourceIndex(900)));
    }
}
