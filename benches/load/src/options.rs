//! Options of the command line, and what can not be.

use std::net::Ipv4Addr;
use std::path::PathBuf;

use anyhow::{Context, bail, ensure};
use clap::{Parser, ValueEnum};
use serde::Serialize;

/// Most breakout rooms a meeting may have.
const ROOMS_MAX: u32 = 300;

/// On or off.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Switch {
    /// On.
    On,
    /// Off.
    Off,
}

/// Which video codec.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum VideoCodec {
    /// RFC 7741.
    Vp8,
    /// RFC 6184, packetization mode 1.
    H264,
    /// RFC 9628, profile 0.
    Vp9,
}

/// Which SRTP profile is offered.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Profile {
    /// AEAD_AES_128_GCM.
    Gcm128,
    /// AEAD_AES_256_GCM.
    Gcm256,
    /// AES128_CM_HMAC_SHA1_80.
    Cm,
}

/// Load-test client: joins meetings, publishes, receives, moves people between rooms, and tells what
/// arrived, how late, and what it cost the server.
#[derive(Parser, Clone, Debug, Serialize)]
#[command(name = "ringfence-load", version)]
#[serde(rename_all = "kebab-case")]
pub struct Options {
    /// The relay's HTTP address.
    #[arg(long, default_value = "http://127.0.0.1:8080", value_name = "URL")]
    pub url: String,
    /// Any WHIP server instead: where publishers post their offers; {meeting} and {id} are filled in.
    #[arg(long, value_name = "URL", requires = "whep")]
    pub whip: Option<String>,
    /// Where players post their offers; {meeting} and {id} are filled in.
    #[arg(long, value_name = "URL", requires = "whip")]
    pub whep: Option<String>,
    /// Key to sign tokens with; without one the server must be in development mode.
    #[arg(long, env = "RINGFENCE_TOKEN_KEY", value_name = "ISSUER=SECRET", hide_env_values = true)]
    #[serde(skip)]
    pub token_key: Option<String>,
    /// How many meetings.
    #[arg(long, default_value_t = 1, value_name = "N")]
    pub meetings: u32,
    /// Breakout rooms of a meeting; 0 or 1: everybody is in the main room.
    #[arg(long, default_value_t = 0, value_name = "N")]
    pub rooms: u32,
    /// Participants of a meeting, spread evenly over its rooms.
    #[arg(long, default_value_t = 10, value_name = "N")]
    pub participants: u32,
    /// How many of a room publish [default: all].
    #[arg(long, value_name = "N")]
    pub publishers: Option<u32>,
    /// Whether publishers send audio.
    #[arg(long, default_value = "on")]
    pub audio: Switch,
    /// Milliseconds of sound in a packet: 10, 20, 40 or 60 (RFC 7587 §4.2).
    #[arg(long, default_value_t = 20, value_name = "MS")]
    pub audio_frame: u32,
    /// How many of a room's publishers speak loudly; the others send silence [default: all].
    #[arg(long, value_name = "N")]
    pub speakers: Option<u32>,
    /// Bits a second of each publisher's video; 0: none.
    #[arg(long, default_value_t = 1_500_000, value_name = "BITS")]
    pub video_bitrate: u64,
    /// Codec of the video.
    #[arg(long, default_value = "vp8")]
    pub codec: VideoCodec,
    /// Frames a second.
    #[arg(long, default_value_t = 30, value_name = "N")]
    pub frame_rate: u32,
    /// Seconds between keyframes that nobody asked for.
    #[arg(long, default_value_t = 10.0, value_name = "SECONDS")]
    pub keyframe_interval: f64,
    /// Offer three layers of video, and send them to a server that takes them: the bitrate, a
    /// quarter and a sixteenth of it.
    #[arg(long)]
    pub simulcast: bool,
    /// Receive-only audio lines of each participant.
    #[arg(long, default_value_t = 3, value_name = "N")]
    pub audio_slots: u32,
    /// Receive-only video lines [default: publishers a participant can see, 16 at most].
    #[arg(long, value_name = "N")]
    pub video_slots: Option<u32>,
    /// How long to measure, in seconds.
    #[arg(long, default_value_t = 30.0, value_name = "SECONDS")]
    pub duration: f64,
    /// How long media flows before it is measured, in seconds.
    #[arg(long, default_value_t = 3.0, value_name = "SECONDS")]
    pub ramp: f64,
    /// Moves of one person a second, over all meetings, while measuring.
    #[arg(long, default_value_t = 0.0, value_name = "RATE")]
    pub moves_per_second: f64,
    /// When, after the start of the measurement, everybody moves to another room.
    #[arg(long, value_name = "SECONDS")]
    pub shuffle_at: Option<f64>,
    /// Breakouts by the relay's own engine, one command a step: start, so many shuffles, stop, evenly over
    /// --duration. People begin in the main room.
    #[arg(long, value_name = "N")]
    pub shuffles: Option<u32>,
    /// Joins a second before the measurement.
    #[arg(long, default_value_t = 100.0, value_name = "RATE")]
    pub join_rate: f64,
    /// Joins a second while measuring; who joins so receives only, and leaves after 2 s.
    #[arg(long, default_value_t = 0.0, value_name = "RATE")]
    pub join_during: f64,
    /// Seed of phases, sizes and choices: the same seed is the same run.
    #[arg(long, default_value_t = 1, value_name = "N")]
    pub seed: u64,
    /// One receiver in N decrypts and compares every byte; at least one does.
    #[arg(long, default_value_t = 50, value_name = "N")]
    pub check: u32,
    /// Publishers send in phase, instead of each at a time of its own.
    #[arg(long)]
    pub sync: bool,
    /// Send the equal packets of a frame as one train (UDP_SEGMENT); publishers out there do not.
    #[arg(long, default_value = "off")]
    pub publish_trains: Switch,
    /// SRTP profile that is offered.
    #[arg(long, default_value = "gcm128")]
    pub profile: Profile,
    /// Threads for signaling and handshakes.
    #[arg(long, default_value_t = 1, value_name = "N")]
    pub threads: usize,
    /// Core to pin all threads to.
    #[arg(long, value_name = "CORE")]
    pub pin: Option<usize>,
    /// Media sockets: a number that all share, each participant with an address of its own, or `each`
    /// for one a participant [default: 1, or `each` where --addresses is not known].
    #[arg(long, value_name = "N|each")]
    pub sockets: Option<String>,
    /// First of the local addresses that participants send from; all behind it must be local too
    /// [default: 127.64.0.0 if the server is on loopback].
    #[arg(long, value_name = "ADDR")]
    pub addresses: Option<Ipv4Addr>,
    /// Network namespace to enter (`ip netns add NAME`).
    #[arg(long, value_name = "NAME")]
    pub netns: Option<String>,
    /// Process of the server on this machine, for its CPU time and memory.
    #[arg(long, value_name = "PID")]
    pub server_pid: Option<u32>,
    /// Where to write the report.
    #[arg(long, value_name = "FILE")]
    pub json: Option<PathBuf>,
    /// Where to draw charts.
    #[arg(long, value_name = "DIR")]
    pub svg: Option<PathBuf>,
}

impl Options {
    /// Refuses what can not be.
    ///
    /// # Errors
    /// The option and its mend.
    pub fn check(&self) -> anyhow::Result<()> {
        let positive = |name: &str, value: f64| {
            ensure!(value > 0.0 && value.is_finite(), "--{name} {value}: give more than 0");
            Ok(())
        };
        ensure!(
            !self.simulcast || self.video_bitrate > 0,
            "--simulcast: there is no video to send; give --video-bitrate"
        );
        ensure!(self.meetings > 0, "--meetings 0: give at least 1");
        ensure!(self.participants > 0, "--participants 0: give at least 1");
        ensure!(self.rooms <= ROOMS_MAX, "--rooms {}: give at most {ROOMS_MAX}", self.rooms);
        ensure!(self.publishers != Some(0), "--publishers 0: nothing would be forwarded; give 1");
        ensure!(self.check > 0, "--check 0: give 1 to check every receiver, or more");
        ensure!(self.threads > 0, "--threads 0: give at least 1");
        ensure!(
            [10, 20, 40, 60].contains(&self.audio_frame),
            "--audio-frame {}: give 10, 20, 40 or 60 (milliseconds)",
            self.audio_frame
        );
        ensure!((1..=240).contains(&self.frame_rate), "--frame-rate: give 1 to 240");
        ensure!(
            self.sends_audio() || self.video_bitrate > 0,
            "--audio off --video-bitrate 0: nothing \
             would be sent; give one of them"
        );
        let slots = self.audio_slots + self.video_lines();
        ensure!(
            (1..=64).contains(&slots),
            "--audio-slots and --video-slots make {slots} lines; \
             give 1 to 64"
        );
        positive("duration", self.duration)?;
        positive("join-rate", self.join_rate)?;
        positive("keyframe-interval", self.keyframe_interval)?;
        ensure!(self.ramp >= 0.0, "--ramp {}: give 0 or more", self.ramp);
        ensure!(
            self.moves_per_second >= 0.0 && self.join_during >= 0.0,
            "--moves-per-second and \
             --join-during: give 0 or more"
        );
        let moves = self.moves_per_second > 0.0 || self.shuffle_at.is_some();
        ensure!(
            !moves || self.rooms > 1,
            "--moves-per-second and --shuffle-at need --rooms 2 or more"
        );
        if let Some(at) = self.shuffle_at {
            ensure!(
                (0.0..self.duration).contains(&at),
                "--shuffle-at {at}: give less than --duration"
            );
        }
        self.check_shuffles()?;
        if self.whip.is_some() {
            ensure!(self.rooms < 2, "--rooms: WHIP and WHEP know no rooms; leave it out");
            ensure!(
                self.participants > 1,
                "--participants 1: with --whip one publishes, the others play"
            );
        }
        self.key()?;
        self.shared_sockets()?;
        Ok(())
    }

    fn check_shuffles(&self) -> anyhow::Result<()> {
        let Some(shuffles) = self.shuffles else { return Ok(()) };
        ensure!(self.rooms > 1, "--shuffles needs --rooms 2 or more");
        ensure!(
            self.meetings == 1,
            "--shuffles {shuffles}: is of one meeting; leave --meetings out"
        );
        let others = self.moves_per_second > 0.0 || self.shuffle_at.is_some();
        ensure!(
            !others && self.join_during <= 0.0,
            "--shuffles {shuffles}: everybody's place is known before; leave --moves-per-second, \
             --shuffle-at and --join-during out"
        );
        let least = self.stages() as f64 + 1.0;
        ensure!(
            self.duration >= least,
            "--duration {}: --shuffles {shuffles} takes {least} s or more, one a step",
            self.duration
        );
        Ok(())
    }

    /// Steps of the breakouts: start, shuffles, stop.
    pub fn stages(&self) -> u32 {
        self.shuffles.map_or(0, |shuffles| shuffles.saturating_add(2))
    }

    /// Whether anybody changes rooms while it is measured.
    pub fn moves(&self) -> bool {
        self.moves_per_second > 0.0 || self.shuffle_at.is_some() || self.shuffles.is_some()
    }

    /// With what follows from other options filled in: a meeting over WHIP has one publisher.
    #[must_use]
    pub fn settled(mut self) -> Options {
        if self.whip.is_some() {
            self.publishers = Some(self.publishers.unwrap_or(1));
        }
        self
    }

    /// Rooms people are in: at least the main room.
    pub fn places(&self) -> u32 {
        self.rooms.max(1)
    }

    /// Whether publishers send audio.
    pub fn sends_audio(&self) -> bool {
        self.audio == Switch::On
    }

    /// Receive-only video lines of a participant.
    pub fn video_lines(&self) -> u32 {
        if self.video_bitrate == 0 {
            return self.video_slots.unwrap_or(0);
        }
        let people = self.participants.div_ceil(self.places());
        let seen = self.publishers.unwrap_or(people).min(people);
        let others = if seen == people { people - 1 } else { seen };
        self.video_slots.unwrap_or(others.clamp(1, 16))
    }

    /// How many sockets all share; `None`: one a participant, `Some(0)`: as fits.
    ///
    /// # Errors
    /// It is neither a number nor `each`.
    pub fn shared_sockets(&self) -> anyhow::Result<Option<usize>> {
        match self.sockets.as_deref() {
            None => Ok(Some(0)),
            Some("each") => Ok(None),
            Some(number) => match number.parse() {
                Ok(number @ 1..=64) => Ok(Some(number)),
                _ => bail!("--sockets {number}: give 1 to 64, or each"),
            },
        }
    }

    /// Issuer and secret of tokens.
    ///
    /// # Errors
    /// There is no `=` in it.
    pub fn key(&self) -> anyhow::Result<Option<(&str, &str)>> {
        let split = |key: &'_ String| -> anyhow::Result<()> {
            key.split_once('=').map(|_| ()).context("--token-key: write ISSUER=SECRET")
        };
        self.token_key.as_ref().map(split).transpose()?;
        Ok(self.token_key.as_deref().and_then(|key| key.split_once('=')))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(arguments: &str) -> anyhow::Result<Options> {
        let all = std::iter::once("ringfence-load").chain(arguments.split_whitespace());
        let options = Options::try_parse_from(all)?;
        options.check().map(|()| options)
    }

    #[test]
    fn errors_name_the_option() {
        for (arguments, named) in [
            ("--meetings 0", "--meetings"),
            ("--audio-frame 30", "--audio-frame"),
            ("--rooms 301", "--rooms"),
            ("--publishers 0", "--publishers"),
            ("--audio off --video-bitrate 0", "--audio"),
            ("--moves-per-second 1", "--rooms"),
            ("--rooms 2 --shuffle-at 40", "--shuffle-at"),
            ("--shuffles 1", "--rooms"),
            ("--rooms 2 --shuffles 1 --meetings 2", "--meetings"),
            ("--rooms 2 --shuffles 1 --moves-per-second 1", "--moves-per-second"),
            ("--rooms 2 --shuffles 1 --join-during 1", "--join-during"),
            ("--rooms 2 --shuffles 4 --duration 6", "--duration"),
            ("--sockets many", "--sockets"),
            ("--token-key secret", "--token-key"),
            ("--simulcast --video-bitrate 0", "--simulcast"),
            ("--duration 0", "--duration"),
            ("--whip http://x/{meeting}", "--whep"),
            ("--whip http://x --whep http://y --rooms 2", "--rooms"),
            ("--video-slots 65", "--video-slots"),
        ] {
            let error = check(arguments).err().unwrap_or_else(|| panic!("{arguments}")).to_string();
            assert!(error.contains(named), "{arguments}: {error}");
        }
    }

    #[test]
    fn video_lines_follow_who_can_be_seen() {
        for (arguments, expected) in [
            ("--participants 8", 7), // all publish, oneself is not seen
            ("--participants 200 --publishers 1", 1),
            ("--participants 100", 16),
            ("--participants 80 --rooms 10", 7),
            ("--participants 8 --video-slots 3", 3),
            ("--participants 8 --video-bitrate 0", 0),
            ("--participants 1", 1),
        ] {
            assert_eq!(check(arguments).unwrap().video_lines(), expected, "{arguments}");
        }
    }
}
