//! Tests of the floor as a whole.

mod oracle;
mod round_trip;
mod tamper;
mod uniqueness;
mod vectors;
