//! SDP offers in, SDP answers out (RFC 8866, RFC 8829, RFC 9143). Pure: text in, text out.
//!
//! Offers are parsed line by line by `webrtc-sdp`; what is not understood is passed over, what is
//! wrong is named with its m-line, its attribute and the mend. The answer has only lines that we
//! choose. An offer is read once, at the start of a peer; moving between rooms never comes back
//! here.

mod answer;
mod codec;
mod fragment;
mod offer;
mod problem;
mod section;
mod transport;

pub use codec::{Codecs, PREFERENCE};
pub use fragment::Fragment;
pub use offer::{Offer, Purpose};
pub use problem::Problem;

/// Most bytes of an SDP (THREATS.md P2.13).
pub const BYTES_MAX: usize = 256 * 1024;
/// Most m-lines.
pub const M_LINES_MAX: usize = 64;
/// Most candidates, over the whole SDP.
pub const CANDIDATES_MAX: usize = 64;
