//! Random bytes from a seed: a cryptographic generator that replays.
//!
//! AES-256 in counter mode; each block of output begins with the next key, which replaces the old
//! one, so that what was given out can not be computed back. The seed comes from `io`; in
//! simulation it is a constant.

use std::fmt;

use aws_lc_rs::cipher::EncryptingKey;

use super::kdf::{apply_counter_mode, counter_key};

const KEY_LEN: usize = 32;

/// Key stream made at a time, in bytes, the next key included.
const BLOCK_LEN: usize = 512;

/// A deterministic random generator, fit for secrets if its seed is one.
pub struct Random {
    key: EncryptingKey,
    block: [u8; BLOCK_LEN],
    /// Where in `block` the unused bytes begin.
    used: usize,
}

impl Random {
    /// A generator whose output `seed` alone decides.
    pub fn from_seed(seed: [u8; 32]) -> Self {
        Self { key: key_of(&seed), block: [0; BLOCK_LEN], used: BLOCK_LEN }
    }

    /// Fills `out` with random bytes.
    pub fn fill(&mut self, out: &mut [u8]) {
        let mut rest = out;
        while !rest.is_empty() {
            if self.used == BLOCK_LEN {
                self.refill();
            }
            let len = rest.len().min(BLOCK_LEN - self.used);
            let (now, later) = rest.split_at_mut(len);
            let source = &mut self.block[self.used..self.used + len];
            now.copy_from_slice(source);
            source.fill(0);
            self.used += len;
            rest = later;
        }
    }

    /// 32 random bits.
    pub fn next_u32(&mut self) -> u32 {
        let mut bytes = [0; 4];
        self.fill(&mut bytes);
        u32::from_be_bytes(bytes)
    }

    /// 64 random bits.
    pub fn next_u64(&mut self) -> u64 {
        let mut bytes = [0; 8];
        self.fill(&mut bytes);
        u64::from_be_bytes(bytes)
    }

    fn refill(&mut self) {
        self.block.fill(0);
        apply_counter_mode(&self.key, 0, &mut self.block)
            .expect("a counter-mode key takes any length and a 16-byte block");
        let (next_key, _) = self.block.split_at_mut(KEY_LEN);
        self.key = key_of(next_key);
        next_key.fill(0);
        self.used = KEY_LEN;
    }
}

fn key_of(bytes: &[u8]) -> EncryptingKey {
    counter_key(bytes).expect("32 bytes are a key of AES-256")
}

impl fmt::Debug for Random {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Random").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn a_seed_decides_the_bytes_however_they_are_drawn() {
        let mut whole = [0; 3_000];
        Random::from_seed([7; 32]).fill(&mut whole);
        for step in [1, 7, 479, 480, 481, 1_500] {
            let mut random = Random::from_seed([7; 32]);
            let mut pieces = [0; 3_000];
            pieces.chunks_mut(step).for_each(|piece| random.fill(piece));
            assert_eq!(pieces, whole, "step {step}");
        }
        let mut other = [0; 3_000];
        Random::from_seed([8; 32]).fill(&mut other);
        assert_ne!(other, whole);
    }

    /// The construction spelled out, block by block.
    #[test]
    fn output_is_the_key_stream_behind_the_next_key() {
        use aws_lc_rs::cipher::{AES_256, EncryptionContext, UnboundCipherKey};
        let mut key = [7u8; 32].to_vec();
        let mut expected = Vec::new();
        for _ in 0..3 {
            let cipher =
                UnboundCipherKey::new(&AES_256, &key).and_then(EncryptingKey::ctr).unwrap();
            let mut stream = [0u8; BLOCK_LEN];
            let zero = EncryptionContext::Iv128([0u8; 16].into());
            cipher.less_safe_encrypt(&mut stream, zero).unwrap();
            key = stream[..KEY_LEN].to_vec();
            expected.extend_from_slice(&stream[KEY_LEN..]);
        }
        let mut got = vec![0; expected.len()];
        Random::from_seed([7; 32]).fill(&mut got);
        assert_eq!(got, expected);
    }

    #[test]
    fn nothing_given_out_stays_in_memory() {
        let mut random = Random::from_seed([9; 32]);
        random.fill(&mut [0; 100]);
        assert!(random.block[..KEY_LEN + 100].iter().all(|byte| *byte == 0));
        assert!(random.block[KEY_LEN + 100..].iter().any(|byte| *byte != 0));
    }

    #[test]
    fn numbers_do_not_repeat() {
        let mut random = Random::from_seed([1; 32]);
        let numbers: HashSet<u64> = (0..10_000).map(|_| random.next_u64()).collect();
        assert_eq!(numbers.len(), 10_000);
        let ones: u32 = (0..10_000).map(|_| random.next_u32().count_ones()).sum();
        assert!((158_000..162_000).contains(&ones), "{ones} of 320,000 bits");
    }
}
