//! Why bytes are not what they claim to be: one error for every view of this floor.

/// Why no view could be made of some bytes. The RFC section is named where the error is returned.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ParseError {
    /// A fixed part is missing, or a length field points past the end.
    Truncated,
    /// The version is not 2 (RFC 3550 §5.1, §6.4.1).
    Version,
    /// Padding longer than what it pads, of length zero, or where none may be (RFC 3550 §5.1,
    /// §6.4.1).
    Padding,
    /// A number that the format gives no meaning to.
    Value,
}
