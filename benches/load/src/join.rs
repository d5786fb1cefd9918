//! One participant's way in: signaling, ICE, DTLS, and its keys to the media thread.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::sync::Once;
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use serde_json::json;
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

use crate::media::{Command, Commands, Peer};
use crate::network::{Network, Place};
use crate::options::Options;
use crate::plan::{self, Person};
use crate::report::Kind;
use crate::rpc::Rpc;
use crate::sdp::{Answer, Offer, Source};
use crate::secure::{self, Channel, Identity};
use crate::stun::{Credentials, Pair, Said, transaction};
use crate::token;
use crate::whip::{self, Session};

/// How long ICE and DTLS may take together.
const PATIENCE: Duration = Duration::from_secs(20);
/// First and longest pause before a check is sent again.
const CHECK_AGAIN: (Duration, Duration) = (Duration::from_millis(100), Duration::from_millis(800));

/// How long a check of the server's own may come behind its answer to ours.
const THEIR_CHECK: Duration = Duration::from_millis(20);

/// What all joins share.
pub struct Lobby {
    /// The options.
    pub options: Options,
    /// Sockets.
    pub network: Network,
    /// Our certificate.
    pub identity: Identity,
    /// The way to the media thread.
    pub media: Commands,
    /// Of WHIP and WHEP.
    pub http: reqwest::Client,
    /// The server's address.
    pub server: IpAddr,
}

/// How a participant is in, and can leave.
pub enum Member {
    /// Over JSON-RPC.
    Page(Rpc),
    /// Over WHIP or WHEP.
    Guest(Session),
}

impl Lobby {
    /// Opens a connection and joins a meeting, without media.
    ///
    /// # Errors
    /// The server refuses.
    pub async fn enter(&self, meeting: u32, id: &str, host: bool) -> anyhow::Result<Rpc> {
        let rpc = Rpc::open(&self.options.url).await?;
        let meeting = plan::meeting(meeting);
        let who = match self.token(&meeting, id, host)? {
            Some(token) => json!({"protocol": 1, "token": token}),
            None => {
                let role = if host { "host" } else { "participant" };
                json!({"protocol": 1, "meeting": meeting, "id": id, "name": id, "role": role})
            }
        };
        rpc.tell("join", who).await?;
        Ok(rpc)
    }

    /// Brings one participant in. Returns how long it took too.
    ///
    /// # Errors
    /// Any step fails.
    pub async fn join(&self, person: &Person) -> anyhow::Result<(Member, Duration)> {
        let began = Instant::now();
        let ice = Credentials::generate();
        let sources = self.sources(person);
        let (member, text) = self.offer(person, &ice, &sources).await?;
        let answer = Answer::read(&text)?;
        let server = answer.candidate(self.server)?;
        let pair = Pair { local: ice, remote: answer.ice.clone(), tie: rand::random() };
        let place = self.network.place(person.index)?;
        let (sender, mut incoming) = unbounded_channel();
        self.media.send(Command::Attach {
            person: person.index,
            place: place.clone(),
            handshake: sender,
        });
        let connecting = async {
            connect(&place, server, &pair, &mut incoming).await?;
            let dtls = forward(place.clone(), server, pair.clone(), incoming);
            let channel = Channel::new(place.clone(), server, dtls);
            let profile = self.options.profile;
            secure::handshake(channel, &self.identity, &answer.fingerprint, profile).await
        };
        let keys = tokio::time::timeout(PATIENCE, connecting).await;
        let keys = keys.with_context(|| format!("no ICE and DTLS within {PATIENCE:?}"))??;
        let took = began.elapsed();
        let peer = Peer {
            person: person.clone(),
            sealer: keys.sealer()?,
            opener: keys.opener()?,
            pair,
            server,
            place,
            sources: self.layered(sources, answer.simulcast),
            streams: answer.streams,
        };
        self.media.send(Command::Connect(Box::new(peer)));
        Ok((member, took))
    }

    fn sources(&self, person: &Person) -> Vec<Source> {
        if !person.publishes {
            return Vec::new();
        }
        let base = 0x0100_0000 | person.index << 3;
        let source = |kind, ssrc| Source { kind, ssrc, layer: None };
        let audio = self.options.sends_audio().then_some(source(Kind::Audio, base));
        let video = self.options.video_bitrate > 0;
        let video = video.then_some(source(Kind::Video, base + 2));
        audio.into_iter().chain(video).collect()
    }

    /// What is sent of what was offered, to a server that takes layers or does not.
    fn layered(&self, sources: Vec<Source>, taken: bool) -> Vec<Source> {
        static REFUSED: Once = Once::new();
        if !self.options.simulcast {
            return sources;
        }
        if !taken {
            REFUSED.call_once(|| {
                eprintln!("The server takes no simulcast: one layer of each picture is sent");
            });
            return sources;
        }
        let split = |(mid, source): (usize, Source)| match source.kind {
            Kind::Audio => vec![source],
            Kind::Video => source.layers(mid as u8).to_vec(), // two lines at most
        };
        sources.into_iter().enumerate().flat_map(split).collect()
    }

    async fn offer(
        &self,
        person: &Person,
        ice: &Credentials,
        sources: &[Source],
    ) -> anyhow::Result<(Member, String)> {
        let options = &self.options;
        let (fingerprint, codec) = (self.identity.fingerprint.as_str(), options.codec);
        let slots = (options.audio_slots, options.video_lines());
        let simulcast = options.simulcast;
        let offer = |slots| Offer { ice, fingerprint, sources, slots, codec, simulcast }.write();
        let Some((whip, whep)) = options.whip.as_deref().zip(options.whep.as_deref()) else {
            let rpc = self.enter(person.meeting, &person.id, false).await?;
            let answer = rpc.call("offer", json!({"sdp": offer(slots)})).await?;
            let sdp = answer.get("sdp").and_then(|sdp| sdp.as_str());
            let sdp = sdp.context("offer: the answer has no sdp")?.to_owned();
            return Ok((Member::Page(rpc), sdp));
        };
        let meeting = plan::meeting(person.meeting);
        let token = self.token(&meeting, &person.id, false)?;
        let (template, text) = match person.publishes {
            true => (whip, offer((0, 0))),
            false => {
                let lines =
                    (u32::from(options.sends_audio()), u32::from(options.video_bitrate > 0));
                (whep, offer(lines))
            }
        };
        let url = whip::endpoint(template, &meeting, &person.id);
        let (answer, session) = whip::post(&self.http, &url, token, text).await?;
        Ok((Member::Guest(session), answer))
    }

    fn token(&self, meeting: &str, id: &str, host: bool) -> anyhow::Result<Option<String>> {
        let key = self.options.key()?;
        key.map(|key| token::sign(key, meeting, id, host)).transpose()
    }
}

/// Checks until the server answered, and had its own check answered if it makes one: a server may
/// take DTLS only from an address that it has checked.
async fn connect(
    place: &Place,
    server: SocketAddr,
    pair: &Pair,
    incoming: &mut UnboundedReceiver<Vec<u8>>,
) -> anyhow::Result<()> {
    let id = transaction();
    let check = pair.check(id)?;
    let mut pause = CHECK_AGAIN.0;
    let (mut succeeded, mut checked) = (false, false);
    loop {
        if !succeeded {
            place.send(server, &check, None).context("the first check can not be sent")?;
        }
        let mut until = tokio::time::Instant::now() + pause;
        while let Ok(datagram) = tokio::time::timeout_at(until, incoming.recv()).await {
            let Some(datagram) = datagram else { bail!("the media thread is gone") };
            match pair.read(&datagram) {
                Ok(Said::Success(answered)) if answered == id => {
                    succeeded = true;
                    until = until.min(tokio::time::Instant::now() + THEIR_CHECK);
                }
                Ok(Said::Refused(answered)) if answered == id => {
                    bail!("the server refuses our ICE check")
                }
                Ok(Said::Check(theirs)) => {
                    checked = true;
                    let _ = place.send(server, &pair.answer(theirs, server)?, None);
                }
                _ => {}
            }
            if succeeded && checked {
                return Ok(());
            }
        }
        if succeeded {
            return Ok(()); // it makes no checks of its own
        }
        pause = (pause * 2).min(CHECK_AGAIN.1);
    }
}

/// Passes DTLS on, and answers the server's checks meanwhile.
fn forward(
    place: Place,
    server: SocketAddr,
    pair: Pair,
    mut incoming: UnboundedReceiver<Vec<u8>>,
) -> UnboundedReceiver<Vec<u8>> {
    let (sender, receiver) = unbounded_channel();
    tokio::spawn(async move {
        while let Some(datagram) = incoming.recv().await {
            if datagram.first().is_some_and(|first| *first > 3) {
                if sender.send(datagram).is_err() {
                    return; // the handshake is over
                }
            } else if let Ok(Said::Check(id)) = pair.read(&datagram)
                && let Ok(answer) = pair.answer(id, server)
            {
                let _ = place.send(server, &answer, None);
            }
        }
    });
    receiver
}

impl Member {
    /// Leaves.
    pub async fn leave(self, lobby: &Arc<Lobby>) {
        match self {
            Member::Page(rpc) => drop(rpc.tell("leave", json!({})).await),
            Member::Guest(session) => session.end(&lobby.http).await,
        }
    }
}
