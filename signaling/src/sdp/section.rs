//! An SDP cut into its session part and its m-lines, each with the attributes that we read.
//!
//! Lines are parsed one by one with `webrtc_sdp::parse_sdp_line`, so time is linear in the text
//! (the crate's own `parse_sdp` shifts the rest of the text for each line) and a line that means
//! nothing to us can not spoil the offer. Addresses of candidates are counted and never kept.

use std::borrow::Cow;

use webrtc_sdp::SdpType;
use webrtc_sdp::attribute_type::SdpAttribute;
use webrtc_sdp::error::SdpParserError;
use webrtc_sdp::parse_sdp_line;

use super::problem::Problem;
use super::{BYTES_MAX, CANDIDATES_MAX, M_LINES_MAX};

/// Attributes that are parsed; all others are passed over.
const READ: [&str; 24] = [
    "bundle-only",
    "end-of-candidates",
    "extmap",
    "extmap-allow-mixed",
    "fingerprint",
    "fmtp",
    "group",
    "ice-lite",
    "ice-pwd",
    "ice-ufrag",
    "inactive",
    "mid",
    "recvonly",
    "rtcp-fb",
    "rtcp-mux",
    "rtcp-mux-only",
    "rtcp-rsize",
    "rtpmap",
    "sendonly",
    "sendrecv",
    "setup",
    "ssrc",
    "ssrc-group",
    "candidate",
];

/// Attributes whose content may be odd in codecs that we do not take: a line that does not parse
/// is passed over, and with it the codec.
const LENIENT: [&str; 5] = ["fmtp", "rtcp-fb", "extmap", "ssrc-group", "ssrc"];

/// The session part, or one m-line with what follows it.
pub(super) struct Section {
    /// Number of the m-line, from 0; `None`: session part.
    pub number: Option<usize>,
    /// `audio`, `video`, `application` or whatever else stands there.
    pub media: String,
    /// The port.
    pub port: u32,
    /// The protocol, as written.
    pub protocol: String,
    /// The formats, as written.
    pub formats: Vec<String>,
    /// What was read.
    pub attributes: Vec<SdpAttribute>,
}

impl Section {
    fn session() -> Section {
        Section {
            number: None,
            media: String::new(),
            port: 0,
            protocol: String::new(),
            formats: Vec::new(),
            attributes: Vec::new(),
        }
    }

    /// The first attribute for which `pick` has a value.
    pub fn find<'a, T>(&'a self, pick: impl Fn(&'a SdpAttribute) -> Option<T>) -> Option<T> {
        self.attributes.iter().find_map(pick)
    }

    /// Whether some attribute satisfies `test`.
    pub fn has(&self, test: impl Fn(&SdpAttribute) -> bool) -> bool {
        self.attributes.iter().any(test)
    }

    /// A problem, placed in this section.
    pub fn problem(
        &self,
        attribute: impl Into<Cow<'static, str>>,
        what: impl Into<String>,
        mend: impl Into<String>,
    ) -> Problem {
        let problem = Problem::new(attribute, what, mend);
        match self.number {
            Some(number) => problem.in_line(number, &self.media),
            None => problem,
        }
    }
}

/// Cuts `text` into the session part and its m-lines.
pub(super) fn cut(text: &str) -> Result<(Section, Vec<Section>), Problem> {
    check_text(text)?;
    let mut session = Section::session();
    let mut sections: Vec<Section> = Vec::new();
    let mut candidates = 0;
    for (number, line) in text.lines().enumerate() {
        let line = line.trim_end();
        if line.is_empty() {
            continue;
        }
        if number == 0 && line != "v=0" {
            return Err(Problem::new("v=", "the first line is not \"v=0\"", "send an SDP offer"));
        }
        if let Some(value) = line.strip_prefix("m=") {
            if sections.len() == M_LINES_MAX {
                let what = format!("more than {M_LINES_MAX} m-lines");
                return Err(Problem::new("m=", what, "offer fewer sources and slots"));
            }
            sections.push(m_line(sections.len(), value)?);
            continue;
        }
        let section = sections.last_mut().unwrap_or(&mut session);
        attribute(section, number, line, &mut candidates)?;
    }
    if sections.is_empty() {
        return Err(Problem::new("m=", "there is no m-line", "offer at least one audio or video"));
    }
    Ok((session, sections))
}

fn check_text(text: &str) -> Result<(), Problem> {
    if text.len() > BYTES_MAX {
        let what = format!("{} bytes, the limit is {BYTES_MAX}", text.len());
        let mend = "offer fewer m-lines, or trim codecs with setCodecPreferences";
        return Err(Problem { too_large: true, ..Problem::new("v=", what, mend) });
    }
    if text.trim().is_empty() {
        return Err(Problem::new("v=", "the SDP is empty", "send the offer as the body"));
    }
    // A lone carriage return would be a line end to some parsers and not to others.
    let mut characters = text.chars().peekable();
    while let Some(character) = characters.next() {
        let lone = character == '\r' && !matches!(characters.peek(), None | Some('\n'));
        if lone || (character.is_control() && !matches!(character, '\r' | '\n' | '\t')) {
            let what = format!("control character {:#04x}", u32::from(character));
            return Err(Problem::new("v=", what, "end lines with CR LF, and only lines"));
        }
    }
    Ok(())
}

/// Reads `audio 9 UDP/TLS/RTP/SAVPF 111 63`. Not by the library: an m-line of a kind that nobody
/// knows must be answered with port 0, not refused.
fn m_line(number: usize, value: &str) -> Result<Section, Problem> {
    let mut words = value.split_ascii_whitespace().map(str::to_owned);
    let media = words.next().unwrap_or_default();
    let port = words.next().and_then(|port| port.split('/').next()?.parse::<u32>().ok());
    let (Some(port @ 0..=65_535), Some(protocol)) = (port, words.next()) else {
        let mend = "write m=<media> <port> <protocol> <formats>";
        return Err(Problem::new("m=", "the m-line is malformed", mend).in_line(number, &media));
    };
    let formats: Vec<String> = words.take(128).collect();
    if formats.is_empty() {
        let mend = "write m=<media> <port> <protocol> <formats>";
        return Err(Problem::new("m=", "no format", mend).in_line(number, &media));
    }
    Ok(Section { number: Some(number), media, port, protocol, formats, attributes: Vec::new() })
}

fn attribute(
    section: &mut Section,
    line_number: usize,
    line: &str,
    candidates: &mut usize,
) -> Result<(), Problem> {
    let Some(attribute) = line.strip_prefix("a=") else {
        return Ok(()); // o=, s=, t=, c=, b= say nothing that we need
    };
    let name = attribute.split(':').next().unwrap_or_default();
    let Some(name) = READ.into_iter().find(|read| read.eq_ignore_ascii_case(name)) else {
        return Ok(());
    };
    if name == "candidate" {
        *candidates += 1; // ICE-lite: the client's checks tell its address, its candidates do not
        if *candidates > CANDIDATES_MAX {
            let what = format!("more than {CANDIDATES_MAX} candidates");
            return Err(section.problem(
                "a=candidate",
                what,
                "none is needed: the relay is ICE-lite",
            ));
        }
        return Ok(());
    }
    match parse_sdp_line(line, line_number) {
        Ok(parsed) => {
            if let SdpType::Attribute(attribute) = parsed.sdp_type {
                section.attributes.push(attribute);
            }
            Ok(())
        }
        Err(SdpParserError::Unsupported { .. }) => Ok(()),
        Err(_) if LENIENT.contains(&name) => Ok(()),
        Err(SdpParserError::Line { error, .. }) => {
            let what = format!("line {} does not parse: {error}", line_number + 1);
            Err(section.problem(format!("a={name}"), what, "correct the line"))
        }
        Err(SdpParserError::Sequence { message, .. }) => {
            Err(section.problem(format!("a={name}"), message, "correct the line"))
        }
    }
}
