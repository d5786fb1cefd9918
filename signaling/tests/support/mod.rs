//! A server on an ephemeral port before a relay that only keeps books, and clients for it.
#![allow(dead_code, reason = "each test file uses a part")]

pub mod kept;
pub mod receiver;

use std::net::SocketAddr;
use std::path::Path;
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use ringfence::control::api::{AnsweredSlot, Change, PeerAnswer, PeerOffer, Refusal, RelayEvent};
use ringfence::control::handle::RelayHandle;
use ringfence::control::request::{RelayStats, Request};
use ringfence::route::id::{MeetingId, ParticipantId, PeerId, RoomId, TrackId};
use ringfence::transport::{Fingerprint, IceCredentials};
use ringfence::wire::number::Ssrc;
use ringfence_signaling::app::{App, Settings};
use ringfence_signaling::meeting_options::MeetingOptions;
use ringfence_signaling::meetings::{Keeping, MEETINGS_MAX, Meetings, Timing};
use ringfence_signaling::rooms::{Roles, Rules};
use ringfence_signaling::serve::{Signal, serve};
use ringfence_signaling::store::Loaded;
use ringfence_signaling::tokens::{Claims, DEVELOPMENT_ISSUER, Grants, Keys, unix_now};
use serde_json::{Value, json};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream};

/// Looks at every message of a page, if it is set: which frame of the schema, and the message.
pub static WATCH: OnceLock<fn(&str, &Value)> = OnceLock::new();

fn watch(frame: &str, message: &Value) {
    if let Some(look) = WATCH.get() {
        look(frame, message);
    }
}

/// What the relay was asked.
#[derive(Default)]
pub struct Books {
    pub changes: Vec<Vec<Change>>,
    pub peers: Vec<(PeerId, ParticipantId)>,
    pub removed: Vec<PeerId>,
    pub froms: Vec<Option<ParticipantId>>,
    pub admitted: Vec<ParticipantId>,
    /// Role and roles received, by who was admitted.
    pub admissions: Vec<(u8, u64)>,
    pub dismissed: Vec<ParticipantId>,
    pub meetings: Vec<MeetingId>,
    pub closed: Vec<MeetingId>,
    pub views: Vec<usize>,
    pub refuse_rooms: bool,
    pub refuse_changes: bool,
    next: u64,
}

impl Books {
    fn next(&mut self) -> u64 {
        self.next += 1;
        self.next
    }

    fn take(&mut self, request: Request) {
        match request {
            Request::OpenMeeting(reply) => {
                let meeting = MeetingId(self.next());
                self.meetings.push(meeting);
                let room = RoomId(self.next());
                let _ = reply.send(Ok((meeting, room)));
            }
            Request::CloseMeeting(meeting, reply) => {
                self.closed.push(meeting);
                let _ = reply.send(Ok(()));
            }
            Request::OpenRoom(_, reply) => {
                let answer =
                    if self.refuse_rooms { Err(Refusal::Stopped) } else { Ok(RoomId(self.next())) };
                let _ = reply.send(answer);
            }
            Request::CloseRoom(_, _, reply) => drop(reply.send(Ok(()))),
            Request::Admit { reply, role, receives, .. } => {
                let participant = ParticipantId(self.next());
                self.admissions.push((role.0, receives.0));
                self.admitted.push(participant);
                let _ = reply.send(Ok(participant));
            }
            Request::Dismiss(_, participant, reply) => {
                self.dismissed.push(participant);
                let _ = reply.send(Ok(()));
            }
            Request::AddPeer(_, participant, offer, reply) => {
                let _ = reply.send(Ok(self.add_peer(participant, &offer)));
            }
            Request::RemovePeer(peer, reply) => {
                self.removed.push(peer);
                let _ = reply.send(Ok(()));
            }
            Request::RestartIce(_, _, reply) => {
                let fresh = ice("anew", self.next());
                let _ = reply.send(Ok(fresh));
            }
            Request::View(_, wanted, reply) => {
                self.views.push(wanted.len());
                let _ = reply.send(Ok(()));
            }
            Request::Change(_, changes, reply) => {
                self.changes.push(changes);
                let refused = Err(Refusal::UnknownRoom);
                let _ = reply.send(if self.refuse_changes { refused } else { Ok(()) });
            }
            Request::Stats(reply) => {
                let (meetings, participants) = (self.meetings.len(), self.admitted.len());
                let peers = self.peers.len();
                let (rooms, tracks) = (0, 0);
                let (control, shards) = (Vec::new(), Vec::new());
                let _ = reply.send(Ok(RelayStats {
                    meetings,
                    rooms,
                    participants,
                    peers,
                    tracks,
                    control,
                    shards,
                }));
            }
        }
    }
}

impl Books {
    fn add_peer(&mut self, participant: ParticipantId, offer: &PeerOffer) -> PeerAnswer {
        let peer = PeerId(self.next());
        self.peers.push((peer, participant));
        self.froms.push(offer.from);
        let slots = offer.slots.iter().zip(0u32..).map(|(slot, n)| AnsweredSlot {
            mid: slot.mid.clone(),
            ssrc: Ssrc(1_000 + n),
            rtx_ssrc: slot.rtx.then_some(Ssrc(2_000 + n)),
        });
        PeerAnswer {
            peer,
            ice: ice("ours", peer.0),
            fingerprint: Fingerprint::Sha256([7; 32]),
            candidates: vec!["127.0.0.1:40000".parse().expect("an address")],
            tracks: offer.tracks.iter().map(|_| TrackId(1)).collect(),
            slots: slots.collect(),
        }
    }
}

fn ice(word: &str, number: u64) -> IceCredentials {
    IceCredentials { ufrag: format!("{word}{number}").into(), pwd: "abcdefghijklmnopqrstuv".into() }
}

/// A relay that only keeps books.
pub fn relay() -> (RelayHandle, Arc<Mutex<Books>>) {
    let books: Arc<Mutex<Books>> = Arc::default();
    let (requests, mut asked) = mpsc::channel(16);
    let written = books.clone();
    tokio::spawn(async move {
        while let Some(request) = asked.recv().await {
            written.lock().expect("no test panics in here").take(request);
        }
    });
    (RelayHandle::new(requests), books)
}

/// A running server.
pub struct Server {
    pub address: SocketAddr,
    pub books: Arc<Mutex<Books>>,
    pub events: mpsc::Sender<RelayEvent>,
    pub signals: mpsc::Sender<Signal>,
    pub task: tokio::task::JoinHandle<std::io::Result<()>>,
    pub meetings: Meetings,
}

impl Server {
    /// Development mode, a grace of 300 ms.
    pub async fn start() -> Server {
        Server::start_with(true, Rules::default()).await
    }

    pub async fn start_with(development: bool, rules: Rules) -> Server {
        Server::start_as(development, rules, Roles::native()).await
    }

    pub async fn start_as(development: bool, rules: Rules, roles: Roles) -> Server {
        let (grace, keeping) = (Duration::from_millis(300), Keeping::default());
        let meeting = MeetingOptions { rules, roles };
        Server::start_on(development, meeting, grace, keeping, Default::default()).await
    }

    /// With something kept, and what was kept already.
    pub async fn start_on(
        development: bool,
        meeting: MeetingOptions,
        grace: Duration,
        keeping: Keeping,
        loaded: Loaded,
    ) -> Server {
        let settings = Settings {
            keys: Keys::development(),
            development,
            origins: vec!["https://meet.example".to_owned()],
            meeting,
            timing: Timing { grace },
            meetings_max: MEETINGS_MAX,
            keeping,
            web: None,
        };
        Server::start_by(settings, loaded).await
    }

    /// With a page of its own.
    pub async fn start_with_page(folder: &Path) -> Server {
        let settings = Settings {
            keys: Keys::development(),
            development: true,
            origins: Vec::new(),
            meeting: MeetingOptions::default(),
            timing: Timing::default(),
            meetings_max: MEETINGS_MAX,
            keeping: Keeping::default(),
            web: Some(folder.to_owned()),
        };
        Server::start_by(settings, Loaded::default()).await
    }

    async fn start_by(settings: Settings, loaded: Loaded) -> Server {
        let (handle, books) = relay();
        let (events, told) = mpsc::channel(16);
        let (signals, signalled) = mpsc::channel(4);
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("bound");
        let app = App::new(handle, settings);
        app.meetings.restore(loaded.meetings);
        app.rest.templates.restore(loaded.templates);
        let (drain, meetings) = (Duration::from_secs(60), app.meetings.clone());
        let task = tokio::spawn(serve(listener, app, told, signalled, drain));
        Server { address, books, events, signals, task, meetings }
    }

    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    pub fn books<T>(&self, look: impl FnOnce(&mut Books) -> T) -> T {
        look(&mut self.books.lock().expect("no test panics in here"))
    }

    /// A WebSocket that has not joined.
    pub async fn connect(&self) -> Page {
        self.connect_as(&[("sec-websocket-protocol", "ringfence.v1")]).await.expect("a WebSocket")
    }

    pub async fn connect_as(&self, headers: &[(&'static str, &str)]) -> Result<Page, Error> {
        Page::to(self.address, headers).await
    }

    /// A page that joined `main` without a token.
    pub async fn join(&self, id: &str) -> Page {
        let mut page = self.connect().await;
        page.call("join", json!({"protocol": 1, "id": id, "name": id})).await.expect("joined");
        page
    }
}

/// One WebSocket.
pub struct Page {
    pub socket: WebSocketStream<MaybeTlsStream<TcpStream>>,
    next: u64,
    notices: Vec<Value>,
}

impl Page {
    /// A WebSocket to whoever listens there.
    pub async fn to(address: SocketAddr, headers: &[(&'static str, &str)]) -> Result<Page, Error> {
        Page::over(TcpStream::connect(address).await?, headers).await
    }

    /// A WebSocket over a connection that is there already.
    pub async fn over(stream: TcpStream, headers: &[(&'static str, &str)]) -> Result<Page, Error> {
        let address = stream.peer_addr()?;
        let mut request = format!("ws://{address}/v1/rpc").into_client_request()?;
        for (name, value) in headers {
            request.headers_mut().insert(*name, value.parse().expect("a header"));
        }
        let stream = MaybeTlsStream::Plain(stream);
        let (socket, _) = tokio_tungstenite::client_async(request, stream).await?;
        Ok(Page { socket, next: 1, notices: Vec::new() })
    }

    /// Calls a method; the error is `(code, error)`.
    pub async fn call(&mut self, method: &str, params: Value) -> Result<Value, (i64, Value)> {
        let id = self.next;
        self.next += 1;
        let request = json!({"jsonrpc": "2.0", "id": id, "method": method, "params": params});
        self.send(&request.to_string()).await;
        loop {
            let message = self.read().await.expect("an answer");
            if message["id"] != json!(id) {
                watch("Notification", &message);
                self.notices.push(message);
                continue;
            }
            watch("Answer", &message);
            return match message.get("result") {
                Some(result) => {
                    let named = ringfence_signaling::rpc::METHODS.contains(&method);
                    if named {
                        watch("Request", &request);
                        watch(&format!("result:{method}"), result);
                    }
                    Ok(result.clone())
                }
                None => Err((
                    message["error"]["code"].as_i64().expect("a code"),
                    message["error"].clone(),
                )),
            };
        }
    }

    pub async fn send(&mut self, text: &str) {
        self.socket.send(Message::text(text)).await.expect("sent");
    }

    /// The next message of any kind; `None` when the server closed.
    pub async fn read(&mut self) -> Option<Value> {
        loop {
            let message = tokio::time::timeout(Duration::from_secs(5), self.socket.next()).await;
            match message.expect("a message within 5 s") {
                Some(Ok(Message::Text(text))) => {
                    return Some(serde_json::from_str(&text).expect("JSON"));
                }
                Some(Ok(Message::Ping(_) | Message::Pong(_))) => {}
                _ => return None,
            }
        }
    }

    /// The next notification of this method; those before it are passed over.
    pub async fn notice(&mut self, method: &str) -> Value {
        loop {
            let message = match self.notices.is_empty() {
                true => self.read().await.unwrap_or_else(|| panic!("closed before {method}")),
                false => self.notices.remove(0),
            };
            if message["method"] == json!(method) {
                assert_eq!(message["jsonrpc"], json!("2.0"));
                return message["params"].clone();
            }
        }
    }
}

impl Page {
    /// Takes all notifications of this method that have come by now, and forgets the others.
    pub async fn all(&mut self, method: &str) -> Vec<Value> {
        self.settle().await;
        let notices = std::mem::take(&mut self.notices).into_iter();
        let named = notices.filter(|notice| notice["method"] == json!(method));
        named.map(|notice| notice["params"].clone()).collect()
    }

    /// Whether a notification of this method has come by now; none is forgotten.
    pub async fn heard(&mut self, method: &str) -> bool {
        self.settle().await;
        self.notices.iter().any(|notice| notice["method"] == json!(method))
    }

    /// Whether a notification of this method was read already.
    pub fn heard_by_now(&self, method: &str) -> bool {
        self.notices.iter().any(|notice| notice["method"] == json!(method))
    }

    /// Takes all notifications that have come by now.
    pub async fn settled(&mut self) -> Vec<Value> {
        self.settle().await;
        std::mem::take(&mut self.notices)
    }

    /// Forgets what has come by now.
    pub async fn forget(&mut self) {
        self.settle().await;
        self.notices.clear();
    }

    /// Answers and notifications come by two ways: a few answers later, all are here.
    async fn settle(&mut self) {
        for _ in 0..3 {
            self.call("peers.list", json!({})).await.expect("a list");
            tokio::time::sleep(Duration::from_millis(4)).await;
        }
    }
}

/// A token for `main`, changed.
pub fn token(change: impl FnOnce(&mut Claims)) -> String {
    let mut claims = Claims {
        sub: "ada".into(),
        name: Some("Ada".into()),
        email: None,
        attributes: Default::default(),
        iss: DEVELOPMENT_ISSUER.into(),
        exp: unix_now() + 60,
        nbf: None,
        iat: None,
        video: Grants {
            room: "main".into(),
            room_join: true,
            room_create: true,
            ..Grants::default()
        },
        role: None,
    };
    change(&mut claims);
    Keys::development().sign(&claims).expect("signed")
}

/// An offer of a real client.
pub fn offer(name: &str) -> String {
    let path = format!("{}/tests/offers/{name}.sdp", env!("CARGO_MANIFEST_DIR"));
    std::fs::read_to_string(path).expect("the offer is in the repository")
}

/// A client of REST.
pub struct Api {
    pub client: reqwest::Client,
    pub base: String,
    pub token: Option<String>,
}

/// Status, headers and JSON of an answer; text that is no JSON is a string.
pub struct Answered {
    pub status: u16,
    pub headers: reqwest::header::HeaderMap,
    pub body: Value,
}

impl Answered {
    /// A header.
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().expect("text"))
    }

    /// The body, if the status is this one.
    #[track_caller]
    pub fn is(self, status: u16) -> Value {
        assert_eq!(self.status, status, "{}", self.body);
        self.body
    }

    /// A problem document with this status, code and field.
    #[track_caller]
    pub fn refused(self, status: u16, code: Option<i32>, field: Option<&str>) -> Value {
        assert_eq!(self.header("content-type"), "application/problem+json", "{}", self.body);
        assert_eq!(self.body["status"], json!(status), "{}", self.body);
        assert_eq!(self.body["code"], json!(code), "{}", self.body);
        assert_eq!(self.body["field"], json!(field), "{}", self.body);
        self.is(status)
    }
}

impl Api {
    /// As a developer on this machine.
    pub fn of(server: &Server) -> Api {
        let client = reqwest::Client::builder().no_proxy().build().expect("a client");
        Api { client, base: server.url(""), token: None }
    }

    /// With a token of these grants.
    pub fn with(server: &Server, grants: Grants) -> Api {
        let token = token(|claims| claims.video = grants);
        Api { token: Some(token), ..Api::of(server) }
    }

    pub async fn send(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: impl Into<reqwest::Body>,
    ) -> Answered {
        let method = method.parse().expect("a method");
        let mut request = self.client.request(method, format!("{}{path}", self.base));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        if let Some(token) = &self.token {
            request = request.bearer_auth(token);
        }
        let response = request.body(body).send().await.expect("an answer");
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let text = response.text().await.expect("a body");
        let body = match text.as_str() {
            "" => Value::Null,
            text => serde_json::from_str(text).unwrap_or_else(|_| json!(text)),
        };
        Answered { status, headers, body }
    }

    pub async fn json(&self, method: &str, path: &str, body: Value) -> Answered {
        self.send(method, path, &[("content-type", "application/json")], body.to_string()).await
    }

    pub async fn get(&self, path: &str) -> Answered {
        self.send("GET", path, &[], "").await
    }

    pub async fn post(&self, path: &str, body: Value) -> Answered {
        self.json("POST", path, body).await
    }

    /// Somebody is added and joins with the token they get.
    pub async fn join(&self, server: &Server, meeting: &str, body: Value) -> Page {
        let path = format!("/v1/meetings/{meeting}/participants");
        let added = self.post(&path, body).await.is(201);
        let mut page = server.connect().await;
        let params = json!({"protocol": 1, "token": added["token"]});
        page.call("join", params).await.expect("joined");
        page
    }
}
