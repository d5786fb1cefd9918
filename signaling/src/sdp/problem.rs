//! What is wrong in an SDP, where, and what mends it: the text a client's author reads.

use std::borrow::Cow;
use std::fmt;

/// One thing wrong in an SDP. The first one found is reported.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Problem {
    /// What is wrong.
    pub what: String,
    /// In which m-line: its number from 0 and its first words; `None`: in the session part.
    pub m_line: Option<(usize, String)>,
    /// In which attribute or line, as written in SDP (`a=setup`).
    pub attribute: Cow<'static, str>,
    /// What mends it.
    pub mend: String,
    /// Whether a size limit was passed, rather than a rule of SDP.
    pub too_large: bool,
}

impl Problem {
    /// A problem of the session part.
    pub fn new(
        attribute: impl Into<Cow<'static, str>>,
        what: impl Into<String>,
        mend: impl Into<String>,
    ) -> Problem {
        let (what, attribute, mend) = (what.into(), attribute.into(), mend.into());
        Problem { what, m_line: None, attribute, mend, too_large: false }
    }

    /// The same, in the m-line with this number.
    pub fn in_line(mut self, number: usize, name: &str) -> Problem {
        self.m_line = Some((number, name.to_owned()));
        self
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.m_line {
            Some((number, name)) => write!(f, "m-line {number} ({name}), {}: ", self.attribute)?,
            None => write!(f, "session, {}: ", self.attribute)?,
        }
        write!(f, "{}; {}", self.what, self.mend)
    }
}

impl std::error::Error for Problem {}
