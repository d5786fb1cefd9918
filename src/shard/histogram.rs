//! How often which size was seen, by fixed bounds. Recording is one short search and two additions;
//! nothing is allocated after the beginning.
//!
//! What is published are plain counters, like all others of a shard: one a bound, one for what lies
//! above all bounds, and the sum.

/// The bounds of a histogram, and the names of its counters.
#[derive(Debug)]
pub struct Scale {
    /// Upper bounds, inclusive, ascending.
    pub bounds: &'static [u64],
    /// `family/le=bound` for each bound, `family/le=inf`, `family/sum`: as many as there are cells.
    pub names: &'static [&'static str],
}

/// Makes a [`Scale`]: `scale!("turn_us", 10, 100, 1000)`.
macro_rules! scale {
    ($family:literal, $($bound:literal),+) => {
        $crate::shard::histogram::Scale {
            bounds: &[$($bound),+],
            names: &[
                $(concat!($family, "/le=", $bound),)+
                concat!($family, "/le=inf"),
                concat!($family, "/sum"),
            ],
        }
    };
}
pub(crate) use scale;

/// Counts on a scale.
#[derive(Clone, Debug)]
pub struct Histogram {
    scale: &'static Scale,
    /// One a bound (not cumulative), one above all bounds, the sum.
    cells: Box<[u64]>,
}

impl Histogram {
    /// Nothing seen yet.
    pub fn new(scale: &'static Scale) -> Self {
        Self { scale, cells: vec![0; scale.bounds.len() + 2].into() }
    }

    /// `value` was seen `times` times.
    pub fn record(&mut self, value: u64, times: u64) {
        let place = self.scale.bounds.partition_point(|bound| *bound < value);
        let sum = self.cells.len() - 1;
        self.cells[place] = self.cells[place].wrapping_add(times);
        self.cells[sum] = self.cells[sum].wrapping_add(value.wrapping_mul(times));
    }

    /// The counters, in the order of [`Scale::names`].
    pub fn cells(&self) -> &[u64] {
        &self.cells
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    static SCALE: Scale = scale!("size", 1, 10, 100);

    #[test]
    fn every_value_has_its_cell() {
        let mut histogram = Histogram::new(&SCALE);
        assert_eq!(
            SCALE.names,
            ["size/le=1", "size/le=10", "size/le=100", "size/le=inf", "size/sum"]
        );
        for value in [0, 1, 2, 10, 11, 100, 101] {
            histogram.record(value, 1);
        }
        histogram.record(1_000, 2);
        assert_eq!(histogram.cells(), [2, 2, 2, 3, 2_225]);
    }
}
