//! Reader of bit fields, highest bit first. AV1 RTP payload specification 1.0 §A.8.1 (f(n), ns(n)).

/// Bits of `bytes` from `at` on. Reading past the end is `None`, and stays so.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bits<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Bits<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, at: 0 }
    }

    /// f(n): the next `count` bits, at most 32.
    pub(super) fn take(&mut self, count: usize) -> Option<u32> {
        let (first, shift) = (self.at / 8, self.at % 8);
        let end = self.at.checked_add(count)?;
        if count > 32 || end > self.bytes.len() * 8 {
            return None;
        }
        let mut window = [0; 8];
        let source = self.bytes.get(first..end.div_ceil(8))?; // at most 5 bytes
        for (place, byte) in window.iter_mut().zip(source) {
            *place = *byte;
        }
        self.at = end;
        let aligned = u64::from_be_bytes(window) << shift;
        Some(aligned.checked_shr(64 - u32::try_from(count).ok()?).unwrap_or(0) as u32)
    }

    /// f(1) as a flag.
    pub(super) fn flag(&mut self) -> Option<bool> {
        self.take(1).map(|bit| bit == 1)
    }

    /// ns(n): a number below `limit` (1..=33 here), the smaller ones in one bit less.
    pub(super) fn below(&mut self, limit: u32) -> Option<u32> {
        let width = limit.checked_ilog2()? + 1;
        let short = (1 << width) - limit;
        let value = self.take(width as usize - 1)?;
        if value < short {
            return Some(value);
        }
        let extra = self.take(1)?;
        Some((value << 1) - short + extra)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_across_bytes() {
        let mut bits = Bits::new(&[0b1010_0000, 0xFF, 0x00, 0x12, 0x34, 0x56]);
        assert_eq!(bits.take(0), Some(0));
        assert_eq!(bits.take(3), Some(0b101));
        assert_eq!(bits.take(32), Some(0x07F8_0091));
        assert_eq!(bits.flag(), Some(true));
        assert_eq!(bits.take(13), None, "12 are left");
        assert_eq!(bits.take(12), Some(0x456));
        assert_eq!(bits.take(1), None);
        assert_eq!(Bits::new(&[0; 9]).take(33), None);
    }

    /// AV1 specification §4.10.7, the table for n = 5.
    #[test]
    fn non_symmetric() {
        for (bits, expected) in [
            (0b0000_0000, 0),
            (0b0100_0000, 1),
            (0b1000_0000, 2),
            (0b1100_0000, 3),
            (0b1110_0000, 4),
        ] {
            assert_eq!(Bits::new(&[bits]).below(5), Some(expected));
        }
        assert_eq!(Bits::new(&[]).below(1), Some(0), "one value takes no bits");
        assert_eq!(Bits::new(&[0]).below(0), None);
    }
}
