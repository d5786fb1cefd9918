//! Options of the binary: command line, environment `RINGFENCE_…`, TOML file, defaults; the first
//! that says something counts. The file has the same names as the command line.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, bail, ensure};
use clap::{Args, Parser, Subcommand, ValueEnum};
use ringfence::io::{EGRESS_HOLD, VOICE_HOLD};
use ringfence::shard::plan::Padding;
use serde::{Deserialize, Deserializer};

use crate::cli::breakout::BreakoutCommand;
use crate::cli::check::CheckOptions;
use crate::cli::meeting::MeetingCommand;
use crate::meeting_options::MeetingOptions;
use crate::meetings::MEETINGS_MAX;
use crate::tokens::{Keys, SECRET_BYTES_MIN};
use crate::webhooks::{Endpoint, WebhookOptions};

/// The longest `--egress-hold` or `--voice-hold`: more would be heard.
const HOLD_MAX: Duration = Duration::from_millis(20);

/// A relay for meetings that split into breakout rooms.
#[derive(Parser, Debug)]
#[command(name = "ringfence", version, about)]
pub struct Cli {
    /// What to do; nothing said: `serve --dev`.
    #[command(subcommand)]
    pub command: Option<Command>,
}

/// What to do.
#[derive(Subcommand, Debug)]
pub enum Command {
    /// Start the relay.
    Serve(Box<ServeOptions>),
    /// Print an access token.
    Token(TokenOptions),
    /// Check a configuration file: what is wrong in it, or what the relay would do with it.
    Check(CheckOptions),
    /// Meetings of a running relay.
    Meeting(MeetingCommand),
    /// Breakout rooms of a meeting on a running relay.
    Breakout(BreakoutCommand),
}

/// Which I/O driver.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, ValueEnum, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Io {
    /// io_uring where the kernel grants it, else plain sockets.
    #[default]
    Auto,
    /// io_uring, or refuse to start.
    Uring,
    /// Plain sockets.
    Mmsg,
}

/// Where new peers live.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, ValueEnum, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Place {
    /// With the others of their meeting, until that shard is busy.
    #[default]
    Together,
    /// Where the fewest of their meeting are.
    Apart,
    /// The first of a meeting on the last shard, everybody else on the first.
    FirstApart,
}

/// On or off.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Switch {
    /// On.
    On,
    /// Off.
    Off,
}

/// `ringfence serve`, as given; see [`ServeOptions::settle`].
#[derive(Args, Clone, PartialEq, Eq, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct ServeOptions {
    /// Address and port of HTTP [default: 127.0.0.1:8080].
    #[arg(long, env = "RINGFENCE_HTTP", value_name = "ADDR:PORT")]
    pub http: Option<SocketAddr>,
    /// UDP port of the first shard, the others follow [default: 40000].
    #[arg(long, env = "RINGFENCE_MEDIA_PORT", value_name = "N")]
    pub media_port: Option<u16>,
    /// Address to bind for media [default: all].
    #[arg(long, env = "RINGFENCE_MEDIA_IP", value_name = "ADDR")]
    pub media_ip: Option<IpAddr>,
    /// Address to put into candidates, instead of the machine's own; repeatable.
    #[arg(long, env = "RINGFENCE_ANNOUNCE", value_name = "ADDR", value_delimiter = ',')]
    pub announce: Vec<IpAddr>,
    /// Number of shards [default: cores].
    #[arg(long, env = "RINGFENCE_SHARDS", value_name = "N")]
    pub shards: Option<usize>,
    /// I/O driver [default: auto].
    #[arg(long, env = "RINGFENCE_IO")]
    pub io: Option<Io>,
    /// Send trains of datagrams by UDP_SEGMENT [default: on].
    #[arg(long, env = "RINGFENCE_TRAINS")]
    pub trains: Option<Switch>,
    /// How long a busy shard may let datagrams gather, from turn to turn, in microseconds; 0: never
    /// [default: 1000].
    #[arg(long, env = "RINGFENCE_EGRESS_HOLD", value_name = "US")]
    pub egress_hold: Option<u64>,
    /// How long a voice may wait on a full shard for something else to the same subscriber, in
    /// microseconds; 0: never [default: 5000].
    #[arg(long, env = "RINGFENCE_VOICE_HOLD", value_name = "US")]
    pub voice_hold: Option<u64>,
    /// How much padding a packet may get to leave in one train with others: at most so many bytes,
    /// and so many percent of its length; 0,0: none [default: 32,25].
    #[arg(long, env = "RINGFENCE_PADDING", value_name = "BYTES,PERCENT", value_parser = padding)]
    #[serde(deserialize_with = "padding_text")]
    pub padding: Option<Padding>,
    /// Where new peers live: together until their shard is busy, or apart, for tests of meetings
    /// over several shards [default: together].
    #[arg(long, env = "RINGFENCE_PLACE", hide = true)]
    pub place: Option<Place>,
    /// Key of tokens, `issuer=secret`; repeatable. Better in the environment or the file than here.
    #[arg(
        long = "key",
        env = "RINGFENCE_KEYS",
        value_name = "ISSUER=SECRET",
        value_delimiter = ',',
        hide_env_values = true
    )]
    pub keys: Vec<String>,
    /// Origin of pages, besides our own, that may open the WebSocket; repeatable.
    #[arg(long, env = "RINGFENCE_ORIGINS", value_name = "URL", value_delimiter = ',')]
    pub origins: Vec<String>,
    /// After SIGTERM, how long sessions may go on, in seconds [default: 3600].
    #[arg(long, env = "RINGFENCE_DRAIN", value_name = "SECONDS")]
    pub drain: Option<u64>,
    /// Most meetings at a time, those made ahead among them [default: 10000].
    #[arg(long, env = "RINGFENCE_MEETINGS", value_name = "COUNT")]
    pub meetings: Option<usize>,
    /// Directory in which meetings are kept over restarts [default: they live in memory only].
    #[arg(long, env = "RINGFENCE_DATA", value_name = "DIR")]
    pub data: Option<PathBuf>,
    /// Folder with a page of your own; what it lacks comes from the page in the binary.
    #[arg(long, env = "RINGFENCE_WEB", value_name = "DIR")]
    pub web: Option<PathBuf>,
    /// Development: a fixed key, and no token is needed on loopback.
    #[arg(long, env = "RINGFENCE_DEV")]
    pub dev: bool,
    /// Rules and roles of meetings: in the file only, as `[meeting]`.
    #[arg(skip)]
    pub meeting: MeetingOptions,
    /// Where to post what happens in meetings: in the file only, as `[[webhook]]`.
    #[arg(skip)]
    pub webhook: Vec<WebhookOptions>,
    /// TOML file with these options.
    #[arg(long, env = "RINGFENCE_CONFIG", value_name = "FILE")]
    #[serde(skip)]
    pub config: Option<PathBuf>,
}

/// `ringfence token`.
#[derive(Args, Clone, Debug)]
pub struct TokenOptions {
    /// The meeting it is for.
    #[arg(long, required_unless_present = "admin")]
    pub meeting: Option<String>,
    /// The participant's id.
    #[arg(long, required_unless_present = "admin", default_value_if("admin", "true", "operator"))]
    pub id: Option<String>,
    /// For an operator: every meeting and the server itself, over REST and at /admin.
    #[arg(long, conflicts_with_all = ["meeting", "role"])]
    pub admin: bool,
    /// The name to show.
    #[arg(long)]
    pub name: Option<String>,
    /// Their e-mail address: by it, or else the name, they are found in lists of who belongs where.
    #[arg(long, conflicts_with = "admin")]
    pub email: Option<String>,
    /// host, participant, …
    #[arg(long, default_value = "participant")]
    pub role: String,
    /// How long it is valid: 90s, 30m, 1h, 7d.
    #[arg(long, default_value = "1h", value_parser = duration)]
    pub ttl: Duration,
    /// Key to sign with, `issuer=secret`; without one, the development key.
    #[arg(
        long = "key",
        env = "RINGFENCE_KEYS",
        value_name = "ISSUER=SECRET",
        value_delimiter = ',',
        hide_env_values = true
    )]
    pub keys: Vec<String>,
}

/// Options with every default filled in.
#[derive(Clone, Debug)]
pub struct Settled {
    /// Address and port of HTTP.
    pub http: SocketAddr,
    /// UDP port of the first shard.
    pub media_port: u16,
    /// Address to bind for media.
    pub media_ip: Option<IpAddr>,
    /// Addresses to put into candidates.
    pub announce: Vec<IpAddr>,
    /// Number of shards.
    pub shards: usize,
    /// I/O driver.
    pub io: Io,
    /// Send trains.
    pub trains: bool,
    /// How long a busy shard may gather datagrams before a turn.
    pub egress_hold: Duration,
    /// How long a voice may wait for company on a full shard.
    pub voice_hold: Duration,
    /// How much padding a packet may get to fit a train.
    pub padding: Padding,
    /// Where new peers live.
    pub place: Place,
    /// Keys of tokens.
    pub keys: Keys,
    /// Origins besides our own.
    pub origins: Vec<String>,
    /// After SIGTERM, how long sessions may go on.
    pub drain: Duration,
    /// Most meetings at a time.
    pub meetings: usize,
    /// Directory in which meetings are kept.
    pub data: Option<PathBuf>,
    /// Folder with a page of one's own.
    pub web: Option<PathBuf>,
    /// Development mode.
    pub dev: bool,
    /// Rules and roles of meetings.
    pub meeting: MeetingOptions,
    /// Where to post what happens in meetings.
    pub webhooks: Vec<Endpoint>,
}

impl ServeOptions {
    /// Adds what the file says, and the defaults.
    ///
    /// # Errors
    /// A file that can not be read or has a name that no option has; keys that are too short; no
    /// keys.
    pub fn settle(self) -> anyhow::Result<Settled> {
        let options = match &self.config {
            Some(path) => self.clone().over(Self::read(path)?),
            None => self,
        };
        let shards = match options.shards {
            Some(shards) => shards,
            None => std::thread::available_parallelism().map_or(1, usize::from),
        };
        ensure!((1..=256).contains(&shards), "--shards {shards} is not within 1 to 256");
        let media_port = options.media_port.unwrap_or(40_000);
        let last = usize::from(media_port) + shards - 1;
        ensure!(media_port == 0 || last <= 65_535, "the last shard's port would be {last}");
        let keys = if options.dev && options.keys.is_empty() {
            Keys::development()
        } else {
            keys(&options.keys)?
        };
        if keys.first_issuer().is_none() {
            bail!("no key for tokens: set RINGFENCE_KEYS=issuer=secret, or use --dev");
        }
        let meetings = options.meetings.unwrap_or(MEETINGS_MAX);
        ensure!(meetings > 0, "--meetings 0 lets nobody in: name at least 1");
        let webhooks = options.webhook.iter().map(|webhook| webhook.check(&keys));
        let webhooks = webhooks.collect::<Result<_, _>>().map_err(anyhow::Error::msg)?;
        Ok(Settled {
            webhooks,
            http: options.http.unwrap_or(SocketAddr::from((Ipv4Addr::LOCALHOST, 8_080))),
            media_port,
            media_ip: options.media_ip,
            announce: options.announce,
            shards,
            io: options.io.unwrap_or_default(),
            trains: options.trains.is_none_or(|switch| switch == Switch::On),
            egress_hold: hold("--egress-hold", options.egress_hold, EGRESS_HOLD)?,
            voice_hold: hold("--voice-hold", options.voice_hold, VOICE_HOLD)?,
            padding: options.padding.unwrap_or_default(),
            place: options.place.unwrap_or_default(),
            keys,
            origins: options.origins,
            drain: Duration::from_secs(options.drain.unwrap_or(3_600)),
            meetings,
            data: options.data,
            web: options.web,
            dev: options.dev,
            meeting: options.meeting,
        })
    }

    fn read(path: &Path) -> anyhow::Result<ServeOptions> {
        let text = std::fs::read_to_string(path);
        let text = text.with_context(|| format!("can not read {}", path.display()))?;
        toml::from_str(&text).with_context(|| format!("in {}", path.display()))
    }

    /// What is said here, else what `file` says.
    fn over(self, file: ServeOptions) -> ServeOptions {
        fn first<T>(said: Vec<T>, file: Vec<T>) -> Vec<T> {
            if said.is_empty() { file } else { said }
        }
        ServeOptions {
            http: self.http.or(file.http),
            media_port: self.media_port.or(file.media_port),
            media_ip: self.media_ip.or(file.media_ip),
            announce: first(self.announce, file.announce),
            shards: self.shards.or(file.shards),
            io: self.io.or(file.io),
            trains: self.trains.or(file.trains),
            egress_hold: self.egress_hold.or(file.egress_hold),
            voice_hold: self.voice_hold.or(file.voice_hold),
            padding: self.padding.or(file.padding),
            place: self.place.or(file.place),
            keys: first(self.keys, file.keys),
            origins: first(self.origins, file.origins),
            drain: self.drain.or(file.drain),
            meetings: self.meetings.or(file.meetings),
            data: self.data.or(file.data),
            web: self.web.or(file.web),
            dev: self.dev || file.dev,
            meeting: file.meeting,
            webhook: file.webhook,
            config: self.config,
        }
    }
}

/// A hold in microseconds, within what nobody hears.
fn hold(name: &str, micros: Option<u64>, default: Duration) -> anyhow::Result<Duration> {
    let hold = micros.map_or(default, Duration::from_micros);
    let (micros, most) = (hold.as_micros(), HOLD_MAX.as_micros());
    ensure!(hold <= HOLD_MAX, "{name} {micros} is not within 0 to {most} (microseconds)");
    Ok(hold)
}

/// Reads `BYTES,PERCENT`.
fn padding(text: &str) -> Result<Padding, String> {
    let read = || {
        let (bytes, percent) = text.split_once(',')?;
        let (bytes_max, percent_max) = (bytes.parse().ok()?, percent.parse().ok()?);
        (bytes_max <= 255 && percent_max <= 100).then_some(Padding { bytes_max, percent_max })
    };
    read().ok_or_else(|| {
        format!("padding is BYTES,PERCENT, at most 255,100, for example 32,25; not \"{text}\"")
    })
}

fn padding_text<'de, D: Deserializer<'de>>(file: D) -> Result<Option<Padding>, D::Error> {
    padding(&String::deserialize(file)?).map(Some).map_err(serde::de::Error::custom)
}

/// Reads `issuer=secret` pairs.
///
/// # Errors
/// A pair without `=`, or a secret that is too short.
pub fn keys(pairs: &[String]) -> anyhow::Result<Keys> {
    let split = |pair: &String| {
        let (issuer, secret) = pair.split_once('=').context("a key is written issuer=secret")?;
        Ok((issuer.to_owned(), secret.to_owned()))
    };
    let pairs: BTreeMap<String, String> = pairs.iter().map(split).collect::<anyhow::Result<_>>()?;
    Keys::new(pairs).map_err(|issuer| {
        anyhow::anyhow!("the secret of \"{issuer}\" is shorter than {SECRET_BYTES_MIN} bytes")
    })
}

/// Reads `90s`, `30m`, `1h`, `7d`, or seconds.
pub(crate) fn duration(text: &str) -> Result<Duration, String> {
    let (number, unit) = match text.char_indices().last() {
        Some((at, 's')) => (&text[..at], 1),
        Some((at, 'm')) => (&text[..at], 60),
        Some((at, 'h')) => (&text[..at], 3_600),
        Some((at, 'd')) => (&text[..at], 86_400),
        _ => (text, 1),
    };
    let seconds = number.parse::<u64>().ok().and_then(|number| number.checked_mul(unit));
    let seconds = seconds.filter(|seconds| (1..=366 * 86_400).contains(seconds));
    seconds
        .map(Duration::from_secs)
        .ok_or_else(|| "write 90s, 30m, 1h or 7d, a year at most".into())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn serve(arguments: &[&str]) -> ServeOptions {
        let all = ["ringfence", "serve"].iter().chain(arguments);
        match Cli::try_parse_from(all).unwrap().command {
            Some(Command::Serve(options)) => *options,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn defaults_and_the_file_under_the_command_line() {
        let settled = serve(&["--dev"]).settle().unwrap();
        assert_eq!(settled.http, "127.0.0.1:8080".parse().unwrap());
        assert_eq!((settled.media_port, settled.io, settled.trains), (40_000, Io::Auto, true));
        assert_eq!(settled.egress_hold, Duration::from_millis(1));
        assert_eq!(settled.voice_hold, Duration::from_millis(5));
        assert_eq!(settled.padding, Padding { bytes_max: 32, percent_max: 25 });
        let file: ServeOptions = toml::from_str(
            "http = '0.0.0.0:80'\nmedia-port = 5000\nannounce = ['192.0.2.1']\nio = 'mmsg'\n\
             trains = 'off'\negress-hold = 250\nvoice-hold = 0\npadding = '8,50'\n\
             keys = ['app=0123456789012345678901234567890123']\ndata = '/var/lib/x'\n\
             [[webhook]]\nurl = 'https://example.org/h'\nkey = 'app'\nevents = ['room_opened']",
        )
        .unwrap();
        let given = serve(&["--media-port", "6000", "--io", "uring"]).over(file).settle().unwrap();
        assert_eq!(given.http, "0.0.0.0:80".parse().unwrap());
        assert_eq!((given.media_port, given.io, given.trains), (6_000, Io::Uring, false));
        assert_eq!(given.egress_hold, Duration::from_micros(250));
        assert_eq!(given.voice_hold, Duration::ZERO);
        assert_eq!(given.padding, Padding { bytes_max: 8, percent_max: 50 });
        assert_eq!(given.announce, ["192.0.2.1".parse::<IpAddr>().unwrap()]);
        assert_eq!(given.keys.first_issuer(), Some("app"));
        assert_eq!(given.data, Some(PathBuf::from("/var/lib/x")));
        assert!(given.webhooks.len() == 1 && given.webhooks[0].wants("room_opened"));
    }

    #[test]
    fn refusals() {
        for text in ["", "32", "256,25", "32,101", "a,b", "32,25,1", "-1,0"] {
            assert!(padding(text).unwrap_err().contains("BYTES,PERCENT"), "{text}");
        }
        let unknown = toml::from_str::<ServeOptions>("htpp = '0.0.0.0:80'").unwrap_err();
        assert!(unknown.to_string().contains("unknown field `htpp`"), "{unknown}");
        for (why, arguments, expected) in [
            ("no key", &[][..], "no key for tokens"),
            ("short key", &["--key", "app=short"], "shorter than 32"),
            ("odd key", &["--key", "secret"], "issuer=secret"),
            ("no shards", &["--dev", "--shards", "0"], "1 to 256"),
            ("past the last port", &["--dev", "--shards", "9", "--media-port", "65530"], "65538"),
            ("long hold", &["--dev", "--egress-hold", "20001"], "0 to 20000 (microseconds)"),
            ("no file", &["--dev", "--config", "/nowhere/x.toml"], "can not read /nowhere/x.toml"),
        ] {
            let error = serve(arguments).settle().err().unwrap_or_else(|| panic!("{why}"));
            assert!(format!("{error:#}").contains(expected), "{why}: {error:#}");
        }
    }

    #[test]
    fn durations() {
        for (text, expected) in [
            ("90s", Some(90)),
            ("30m", Some(1_800)),
            ("1h", Some(3_600)),
            ("7d", Some(604_800)),
            ("45", Some(45)),
            ("", None),
            ("h", None),
            ("0s", None),
            ("-1h", None),
            ("400d", None),
            ("1ü", None),
            ("99999999999999999999d", None),
        ] {
            assert_eq!(duration(text).ok(), expected.map(Duration::from_secs), "{text}");
        }
    }
}
