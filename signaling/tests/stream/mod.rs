//! str0m as a client that publishes by WHIP or plays by WHEP, against the running binary.
//!
//! Frames are numbered and made from their number, so that each one that arrives is compared byte by
//! byte with what was sent.
#![allow(dead_code, reason = "each test file uses a part")]

use std::net::UdpSocket;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, Sender, TryRecvError, channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use str0m::change::SdpAnswer;
use str0m::format::Codec;
use str0m::media::{Direction, MediaKind, MediaTime, Mid};
use str0m::net::{Protocol, Receive};
use str0m::{Candidate, Event, Input, Output, Rtc, RtcConfig};

pub type Failure = Box<dyn std::error::Error + Send + Sync>;

const START: Duration = Duration::from_secs(20);
pub const SETTLE: Duration = Duration::from_secs(15);
/// In which a deleted publisher must be silent.
pub const STOP: Duration = Duration::from_secs(2);
const VIDEO_FRAME: Duration = Duration::from_millis(33);
const AUDIO_FRAME: Duration = Duration::from_millis(20);
/// Three packets a frame, so that frames are cut and put together again.
const VIDEO_BYTES: usize = 3_000;

/// The process under test, killed when dropped.
pub struct Server {
    process: Child,
    pub url: String,
}

impl Server {
    /// One shard, by the driver that the environment names.
    pub async fn start() -> Result<Server, Failure> {
        let io = std::env::var("RINGFENCE_IO").unwrap_or_else(|_| "auto".into());
        Self::start_with(&["--shards", "1", "--io", &io]).await
    }

    pub async fn start_with(options: &[&str]) -> Result<Server, Failure> {
        let http = std::net::TcpListener::bind("127.0.0.1:0")?.local_addr()?;
        let media = two_free_ports()?;
        let process = Command::new(env!("CARGO_BIN_EXE_ringfence"))
            .args(["serve", "--dev"])
            .args(options)
            .args(["--http", &http.to_string(), "--media-port", &media.to_string()])
            .stdout(Stdio::null())
            .spawn()?;
        let server = Server { process, url: format!("http://{http}") };
        let until = Instant::now() + START;
        while reqwest::get(format!("{}/readyz", server.url)).await.is_err() {
            if Instant::now() > until {
                return Err("the server was not ready in time".into());
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        Ok(server)
    }
}

/// The first of two UDP ports in a row that nobody has: one for each shard.
fn two_free_ports() -> Result<u16, Failure> {
    for _ in 0..1_000 {
        let first = UdpSocket::bind("0.0.0.0:0")?;
        let port = first.local_addr()?.port();
        if port.checked_add(1).is_some_and(|next| UdpSocket::bind(("0.0.0.0", next)).is_ok()) {
            return Ok(port);
        }
    }
    Err("no two free ports in a row".into())
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// A frame that arrived, of its kind.
pub type Arrived = (MediaKind, Vec<u8>);

/// A str0m client in a thread of its own.
pub struct Client {
    location: String,
    pub arrived: Receiver<Arrived>,
    stop: Option<Sender<()>>,
    thread: Option<JoinHandle<Result<(), String>>>,
}

impl Client {
    /// Posts an offer with one audio and one video line, and runs what comes of it.
    pub async fn start(
        server: &Server,
        path: &str,
        direction: Direction,
    ) -> Result<Client, Failure> {
        let mut rtc = RtcConfig::new().clear_codecs().enable_opus(true, false).enable_vp8(true);
        rtc.set_initial_stun_rto(Duration::from_millis(100));
        let mut rtc = rtc.build(Instant::now());
        let socket = UdpSocket::bind("127.0.0.1:0")?;
        rtc.add_local_candidate(Candidate::host(socket.local_addr()?, "udp")?);
        let mut changes = rtc.sdp_api();
        let audio = changes.add_media(MediaKind::Audio, direction, None, None, None);
        let video = changes.add_media(MediaKind::Video, direction, None, None, None);
        let (offer, pending) = changes.apply().ok_or("nothing to offer")?;
        let url = format!("{}{path}", server.url);
        let request = reqwest::Client::new().post(url).header("content-type", "application/sdp");
        let response = request.body(offer.to_sdp_string()).send().await?;
        let status = response.status();
        let location = response.headers().get("location").cloned();
        let body = response.text().await?;
        if status != 201 {
            return Err(format!("POST {path}: {status} {body}").into());
        }
        let location = location.ok_or("no Location")?.to_str()?.to_owned();
        let location =
            if location.starts_with('/') { format!("{}{location}", server.url) } else { location };
        rtc.sdp_api().accept_answer(pending, SdpAnswer::from_sdp_string(&body)?)?;
        let (arriving, arrived) = channel();
        let (stop, stopped) = channel();
        let media = Media::new(audio, video, direction == Direction::SendOnly);
        let thread = std::thread::spawn(move || {
            run(rtc, &socket, media, &arriving, &stopped).map_err(|error| error.to_string())
        });
        Ok(Client { location, arrived, stop: Some(stop), thread: Some(thread) })
    }

    /// DELETEs the session.
    pub async fn delete(&self) -> Result<u16, Failure> {
        Ok(reqwest::Client::new().delete(&self.location).send().await?.status().as_u16())
    }

    /// Ends the thread, and fails if it failed.
    pub fn end(mut self) -> Result<(), Failure> {
        self.stop.take();
        match self.thread.take().map(JoinHandle::join) {
            Some(Ok(result)) => result.map_err(Into::into),
            _ => Err("the client's thread panicked".into()),
        }
    }
}

/// What a publisher sends, and when next.
struct Media {
    audio: Mid,
    video: Mid,
    publishes: bool,
    audio_frames: u32,
    video_frames: u32,
    audio_due: Instant,
    video_due: Instant,
    keyframe_wanted: bool,
}

impl Media {
    fn new(audio: Mid, video: Mid, publishes: bool) -> Media {
        let now = Instant::now();
        Media {
            audio,
            video,
            publishes,
            audio_frames: 0,
            video_frames: 0,
            audio_due: now,
            video_due: now,
            keyframe_wanted: true,
        }
    }

    /// Writes the one frame that is due for longest: on a busy machine there is always one of either kind
    /// due, and neither may starve the other.
    fn write(&mut self, rtc: &mut Rtc, now: Instant) -> Result<(), Failure> {
        if !self.publishes || !rtc.is_alive() || !rtc.is_connected() {
            return Ok(());
        }
        if now < self.audio_due.min(self.video_due) {
            return Ok(());
        }
        if self.audio_due <= self.video_due {
            let time = MediaTime::new(
                u64::from(self.audio_frames) * 960,
                str0m::media::Frequency::FORTY_EIGHT_KHZ,
            );
            // None once the server said goodbye, after DELETE.
            let Some(writer) = rtc.writer(self.audio) else { return Ok(()) };
            let payload_type = payload_type(&writer, Codec::Opus)?;
            let writer = writer.audio_level(-20, true);
            writer.write(payload_type, now, time, audio_frame(self.audio_frames))?;
            self.audio_frames += 1;
            self.audio_due += AUDIO_FRAME;
        } else {
            let time = MediaTime::new(
                u64::from(self.video_frames) * 2_970,
                str0m::media::Frequency::NINETY_KHZ,
            );
            let Some(writer) = rtc.writer(self.video) else { return Ok(()) };
            let payload_type = payload_type(&writer, Codec::Vp8)?;
            let keyframe = std::mem::take(&mut self.keyframe_wanted);
            writer.write(payload_type, now, time, video_frame(self.video_frames, keyframe))?;
            self.video_frames += 1;
            self.video_due += VIDEO_FRAME;
        }
        Ok(())
    }

    fn due(&self, otherwise: Instant) -> Instant {
        if self.publishes { otherwise.min(self.audio_due).min(self.video_due) } else { otherwise }
    }
}

fn payload_type(
    writer: &str0m::media::Writer<'_>,
    codec: Codec,
) -> Result<str0m::media::Pt, Failure> {
    let mut params = writer.payload_params();
    let found = params.find(|params| params.spec().codec == codec);
    Ok(found.ok_or_else(|| format!("{codec:?} was not accepted"))?.pt())
}

/// Frame `number` of the video: a VP8 frame header, its number, and bytes that follow from the number.
fn video_frame(number: u32, keyframe: bool) -> Vec<u8> {
    let mut frame = vec![0; VIDEO_BYTES];
    // RFC 6386 §9.1: bit 0 is 0 in a keyframe, which goes on with a start code, width and height.
    frame[0] = if keyframe { 0x10 } else { 0x11 };
    frame[3..10].copy_from_slice(&[0x9d, 0x01, 0x2a, 0x40, 0x01, 0xb4, 0x00]);
    frame[10..14].copy_from_slice(&number.to_be_bytes());
    for (at, byte) in frame.iter_mut().enumerate().skip(14) {
        *byte = (number as usize).wrapping_mul(31).wrapping_add(at) as u8;
    }
    frame
}

/// Frame `number` of the audio: a configuration byte, its number, and bytes that follow from it.
fn audio_frame(number: u32) -> Vec<u8> {
    let mut frame = vec![0x78; 80];
    frame[1..5].copy_from_slice(&number.to_be_bytes());
    frame[5..].fill(number as u8);
    frame
}

/// The number of a frame, if it is just as it was sent.
pub fn number_of((kind, data): &Arrived) -> Option<u32> {
    let at = if *kind == MediaKind::Video { 10 } else { 1 };
    let number = u32::from_be_bytes(data.get(at..at + 4)?.try_into().ok()?);
    let sent = match kind {
        MediaKind::Audio => *data == audio_frame(number),
        MediaKind::Video => {
            [true, false].iter().any(|keyframe| *data == video_frame(number, *keyframe))
        }
    };
    sent.then_some(number)
}

/// Whether it is the beginning of a picture that was sent. A cut may fall into the middle of a picture; what
/// comes after it follows without a gap in the numbers, and then str0m takes the next timestamp for the
/// end of the picture, though no packet of it said so (RFC 7741 §4.1, marker bit).
fn is_cut_short((kind, data): &Arrived) -> bool {
    let number =
        data.get(10..14).and_then(|bytes| Some(u32::from_be_bytes(bytes.try_into().ok()?)));
    let begins =
        |number| [true, false].iter().any(|key| video_frame(number, *key).starts_with(data));
    *kind == MediaKind::Video && data.len() < VIDEO_BYTES && number.is_some_and(begins)
}

/// Drives one client until it is told to stop.
fn run(
    mut rtc: Rtc,
    socket: &UdpSocket,
    mut media: Media,
    arriving: &Sender<Arrived>,
    stopped: &Receiver<()>,
) -> Result<(), Failure> {
    let mut buffer = vec![0; 2_000];
    while rtc.is_alive() {
        if stopped.try_recv() == Err(TryRecvError::Disconnected) {
            return Ok(());
        }
        let timeout = match rtc.poll_output()? {
            Output::Timeout(timeout) => timeout,
            Output::Transmit(transmit) => {
                socket.send_to(&transmit.contents, transmit.destination)?;
                continue;
            }
            Output::Event(Event::MediaData(data)) => {
                let kind =
                    if data.mid == media.audio { MediaKind::Audio } else { MediaKind::Video };
                let _ = arriving.send((kind, data.data.to_vec()));
                continue;
            }
            Output::Event(Event::KeyframeRequest(_)) => {
                media.keyframe_wanted = true;
                continue;
            }
            Output::Event(_) => continue,
        };
        let now = Instant::now();
        let wait =
            media.due(timeout.min(now + Duration::from_millis(50))).saturating_duration_since(now);
        socket.set_read_timeout(Some(wait.max(Duration::from_millis(1))))?;
        let read = socket.recv_from(&mut buffer);
        let now = Instant::now();
        if let Ok((length, source)) = read {
            let destination = socket.local_addr()?;
            let contents = buffer[..length].try_into()?;
            rtc.handle_input(Input::Receive(
                now,
                Receive { proto: Protocol::Udp, source, destination, contents },
            ))?;
        } else {
            rtc.handle_input(Input::Timeout(now))?;
        }
        media.write(&mut rtc, now)?;
    }
    Ok(())
}

/// Waits for `count` frames of each kind in an unbroken row, each just as it was sent; but for one picture
/// that was cut short by the move before, if there was one.
pub async fn receives(player: &Client, count: u32, within: Duration) -> Result<(), Failure> {
    let until = Instant::now() + within;
    let mut rows = [0; 2];
    let mut last: [Option<u32>; 2] = [None; 2];
    let mut may_be_cut = true;
    while rows.iter().any(|row| *row < count) {
        let Ok(arrived) = player.arrived.try_recv() else {
            if Instant::now() > until {
                return Err(format!("audio and video frames in a row: {rows:?} of {count}").into());
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
            continue;
        };
        if may_be_cut && is_cut_short(&arrived) {
            (may_be_cut, rows[1], last[1]) = (false, 0, None);
            continue;
        }
        let number =
            number_of(&arrived).ok_or_else(|| format!("not what was sent: {arrived:02x?}"))?;
        let at = usize::from(arrived.0 == MediaKind::Video);
        rows[at] = if last[at].is_some_and(|last| last + 1 == number) { rows[at] + 1 } else { 1 };
        last[at] = Some(number);
    }
    Ok(())
}

/// Waits until nothing came for half a second.
pub async fn falls_silent(player: &Client, within: Duration) -> Result<(), Failure> {
    let until = Instant::now() + within;
    let mut last = Instant::now();
    while last.elapsed() < Duration::from_millis(500) {
        if player.arrived.try_recv().is_ok() {
            last = Instant::now();
            if last > until {
                return Err("frames still arrive".into());
            }
        } else {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }
    Ok(())
}
