//! The WebSocket of one page, from upgrade to close.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use axum::extract::ws::rejection::WebSocketUpgradeRejection;
use axum::extract::ws::{CloseFrame, Message, Utf8Bytes, WebSocket, WebSocketUpgrade};
use axum::extract::{ConnectInfo, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use futures_util::{SinkExt, stream};
use serde_json::{Map, Value};

use super::limits::{Allowance, Place};
use super::{SUBPROTOCOL, frame, params};
use crate::access::{self, Denied, Wish};
use crate::app::App;
use crate::meetings::{Answer, Call, Connection, Frames, LivePage, Seat};
use crate::problem::HttpProblem;
use crate::rooms::{RoomError, code};

/// Longest frame of all: an SDP of 256 KiB with its line ends escaped, or a list of some 6,000
/// people; a longer list goes by REST.
const FRAME_BYTES_MAX: usize = 320 * 1024;
/// Methods that may be as long as that.
const LONG: &[&str] = &["offer", "ice_restart", "breakout.import_csv"];
/// Longest frame of any other method.
const PLAIN_BYTES_MAX: usize = 64 * 1024;
/// What is read of the connection at once. Each has this much for as long as it lasts, and there
/// are thousands.
const READ_BYTES: usize = 4 * 1024;
/// So much is gathered for one write, where more than one frame waits.
const WRITE_BYTES: usize = 4 * 1024;
/// Frames of one write; then the client is listened to again.
const FRAMES_AT_ONCE: usize = 64;
/// Longest frame before `join`.
const STRANGER_BYTES_MAX: usize = 4 * 1024;
/// How long a connection may stay without having joined.
const JOIN_WITHIN: Duration = Duration::from_secs(10);
/// How often we ping.
const PING_EVERY: Duration = Duration::from_secs(15);
/// How long a client may be silent, its pongs included.
const SILENT_MAX: Duration = Duration::from_secs(45);
/// How long one write may take.
const WRITE_WITHIN: Duration = Duration::from_secs(10);
/// RFC 6455 §7.4.1: the message is too big to process.
const TOO_LONG: u16 = 1_009;
/// Why a client is cut off that does not read: a write took too long, or too many frames wait.
const TOO_SLOW: End = End(1_008, "too slow");
/// How long a client whose frame was not read to its end has time to read why.
const LINGER: Duration = Duration::from_secs(2);

/// `GET /v1/rpc`.
pub async fn upgrade(
    State(app): State<App>,
    ConnectInfo(from): ConnectInfo<SocketAddr>,
    headers: HeaderMap,
    socket: Result<WebSocketUpgrade, WebSocketUpgradeRejection>,
) -> Response {
    let problem =
        |status, kind: &str, detail: &str| HttpProblem::new(status, kind, detail).into_response();
    let socket = match socket {
        Ok(socket) => socket,
        Err(rejection) => {
            return problem(rejection.status(), "no-websocket", &rejection.body_text());
        }
    };
    // While draining it is for `join` to say: who is here may come back.
    if app.meetings.is_stopping() {
        return problem(StatusCode::SERVICE_UNAVAILABLE, "stopping", "the server is stopping");
    }
    if !access::origin_allowed(&headers, &app.origins) {
        return problem(StatusCode::FORBIDDEN, "origin", "pages of this origin may not connect");
    }
    let offered = headers.get_all(header::SEC_WEBSOCKET_PROTOCOL).iter();
    let offered = offered.filter_map(|value| value.to_str().ok()).flat_map(|list| list.split(','));
    if !offered.into_iter().any(|protocol| protocol.trim() == SUBPROTOCOL) {
        let detail = format!("offer the subprotocol {SUBPROTOCOL}");
        return problem(StatusCode::BAD_REQUEST, "subprotocol", &detail);
    }
    let Some(place) = app.connections.take(from.ip()) else {
        let detail = "too many connections from this address";
        return problem(StatusCode::TOO_MANY_REQUESTS, "too-many", detail);
    };
    let unvouched = app.development && access::is_local(from, &headers);
    let socket = socket.protocols([SUBPROTOCOL]);
    let socket = socket.max_message_size(FRAME_BYTES_MAX).max_frame_size(FRAME_BYTES_MAX);
    let socket = socket.read_buffer_size(READ_BYTES).write_buffer_size(WRITE_BYTES);
    socket
        .on_upgrade(move |socket| async move { Page::new(app, unvouched, place).run(socket).await })
}

/// One page's connection.
struct Page {
    app: App,
    /// May join without a token.
    unvouched: bool,
    /// Meeting and seat, once joined.
    seat: Option<(String, Seat)>,
    /// Counts this page as live, once joined.
    live: Option<LivePage>,
    /// What others have for this client, once joined.
    frames: Option<Frames>,
    allowance: Allowance,
    heard: Instant,
    /// When a connection without a seat ends.
    join_until: Instant,
    _place: Place,
}

/// Why the connection ends: RFC 6455 §7.4.1.
struct End(u16, &'static str);

impl Page {
    fn new(app: App, unvouched: bool, place: Place) -> Page {
        let now = Instant::now();
        Page {
            app,
            unvouched,
            seat: None,
            live: None,
            frames: None,
            allowance: Allowance::new(now),
            heard: now,
            join_until: now + JOIN_WITHIN,
            _place: place,
        }
    }

    async fn run(mut self, mut socket: WebSocket) {
        let mut clock = tokio::time::interval(PING_EVERY.min(JOIN_WITHIN / 2));
        let end = loop {
            let step = tokio::select! {
                frame = next(&mut self.frames) => match frame {
                    Some(frame) => self.write_all(&mut socket, frame).await,
                    None if self.frames.as_ref().is_some_and(Frames::overflowed) => Err(TOO_SLOW),
                    None => Err(End(4_000, "the meeting let go of this connection")),
                },
                message = socket.recv() => match message {
                    Some(Ok(message)) => self.hear(&mut socket, message).await,
                    Some(Err(error)) => Err(unreadable(&error)),
                    None => Err(End(1_000, "")),
                },
                _ = clock.tick() => self.tick(&mut socket).await,
            };
            if let Err(end) = step {
                break end;
            }
        };
        if let Some((meeting, seat)) = self.seat {
            self.app.meetings.lost(&meeting, seat).await;
        }
        self.app.metrics.websocket_ended(end.1);
        let unread = end.0 == TOO_LONG;
        let close = CloseFrame { code: end.0, reason: end.1.into() };
        // Often it is closed already.
        let told = write(&mut socket, Message::Close(Some(close))).await;
        if unread && told.is_ok() {
            // To close over bytes that were never read resets the connection, and a client that is
            // reset does not learn why.
            tokio::time::sleep(LINGER).await;
        }
    }

    /// A frame, and with it all that wait behind it: one write for many, where many come at once.
    async fn write_all(&mut self, socket: &mut WebSocket, first: Utf8Bytes) -> Result<(), End> {
        let waiting = std::iter::from_fn(|| self.frames.as_mut()?.try_next());
        let frames = std::iter::once(first).chain(waiting).take(FRAMES_AT_ONCE);
        let mut frames = stream::iter(frames.map(|frame| Ok(Message::Text(frame))));
        within(socket.send_all(&mut frames)).await
    }

    async fn tick(&mut self, socket: &mut WebSocket) -> Result<(), End> {
        let now = Instant::now();
        if self.seat.is_none() && now >= self.join_until {
            return Err(End(1_008, "join within 10 s"));
        }
        if now.duration_since(self.heard) > SILENT_MAX {
            return Err(End(1_001, "no pong"));
        }
        write(socket, Message::Ping(Default::default())).await
    }

    async fn hear(&mut self, socket: &mut WebSocket, message: Message) -> Result<(), End> {
        self.heard = Instant::now();
        let text = match message {
            Message::Text(text) => text,
            Message::Ping(_) | Message::Pong(_) => return Ok(()),
            Message::Binary(_) => return Err(End(1_003, "text frames only")),
            Message::Close(_) => return Err(End(1_000, "")),
        };
        if self.seat.is_none() && text.len() > STRANGER_BYTES_MAX {
            let error = RoomError::field(code::TOO_LARGE, frame::FRAME, "over 4 KiB before join");
            write(socket, Message::Text(frame::answer(&Value::Null, Err(error)).into())).await?;
            return Err(End(1_009, "over 4 KiB before join"));
        }
        match self.handle(&text).await {
            Some(answer) => write(socket, Message::Text(answer.into())).await,
            None => Ok(()),
        }
    }

    /// The answer to a frame; `None` for a notification.
    async fn handle(&mut self, text: &str) -> Option<String> {
        if !self.allowance.take(Instant::now()) {
            self.app.metrics.rpc("none", Err(code::TOO_MANY));
            let error = RoomError::new(code::TOO_MANY, "too many requests; slow down");
            let id = frame::read(text).ok().and_then(|request| request.id).unwrap_or_default();
            return Some(frame::answer(&id, Err(error)));
        }
        let request = match frame::read(text) {
            Ok(request) => request,
            Err((id, error)) => {
                self.app.metrics.rpc("none", Err(error.code));
                return Some(frame::answer(&id, Err(error)));
            }
        };
        let long = LONG.contains(&params::canonical(&request.method));
        let result = if text.len() > PLAIN_BYTES_MAX && !long {
            Err(RoomError::field(code::TOO_LARGE, longest(&request.params), "over 64 KiB"))
        } else {
            self.answer(&request).await
        };
        let outcome = result.as_ref().map(|_| ()).map_err(|error| error.code);
        self.app.metrics.rpc(params::canonical(&request.method), outcome);
        request.id.map(|id| frame::answer(&id, result))
    }

    async fn answer(&mut self, request: &frame::Request) -> Result<Answer, RoomError> {
        let Some((meeting, seat)) = self.seat.clone() else {
            if request.method == "join" {
                return self.join(params::join(&request.params)?).await;
            }
            params::call(&request.method, &request.params)?; // an unknown method is unknown to all
            return Err(RoomError::new(code::NOT_JOINED, "join first"));
        };
        let call = params::call(&request.method, &request.params)?;
        let leaves = matches!(call, Call::Leave);
        let result = self.app.meetings.call(&meeting, &seat, call).await;
        if leaves && result.is_ok() {
            (self.seat, self.live, self.frames) = (None, None, None);
            self.join_until = Instant::now() + JOIN_WITHIN;
        }
        result
    }

    async fn join(&mut self, join: params::Join) -> Result<Answer, RoomError> {
        let token = join.token.as_deref();
        let of_token = token.and_then(|token| access::meeting_of(&self.app.keys, token));
        let meeting = join.meeting.or(of_token).unwrap_or_else(|| "main".to_owned());
        let wish = Wish {
            meeting: &meeting,
            id: join.id.as_deref(),
            name: join.name.as_deref(),
            role: join.role.as_deref(),
        };
        let identity = access::identify(&self.app.keys, token, self.unvouched, wish);
        let mut identity = identity.map_err(|denied: Denied| {
            let (code, field) = match denied {
                Denied::BadName { field: "sub", .. } => (code::INVALID_PARAMS, "token"),
                Denied::BadName { field, .. } => (code::INVALID_PARAMS, field),
                Denied::Missing | Denied::Token(_) => (code::UNAUTHORIZED, "token"),
                _ => (code::FORBIDDEN, "token"),
            };
            RoomError::field(code, field, denied.to_string())
        })?;
        if identity.development {
            identity.email = join.email; // else only a token vouches for it
        }
        let (connection, frames) = Connection::new();
        let (seat, result) =
            self.app.meetings.join(&meeting, &identity, &connection, join.resume).await?;
        self.seat = Some((meeting, seat));
        self.live = Some(self.app.meetings.page_is_live());
        self.frames = Some(frames);
        Ok(result)
    }
}

/// Which parameter it is that makes a frame too long.
fn longest(params: &Map<String, Value>) -> &str {
    let longest = params.iter().max_by_key(|(_, value)| value.to_string().len());
    longest.map_or(frame::FRAME, |(name, _)| name)
}

/// Why a frame could not be read: too long, or the client is gone.
fn unreadable(error: &axum::Error) -> End {
    // axum hides the library whose error it is: its words are all there is.
    match error.to_string().starts_with("Space limit exceeded") {
        true => End(TOO_LONG, "over 320 KiB"),
        false => End(1_000, ""),
    }
}

/// The next frame for the client; waits for ever while there is nobody to get one from.
async fn next(frames: &mut Option<Frames>) -> Option<Utf8Bytes> {
    match frames {
        Some(frames) => frames.next().await,
        None => std::future::pending().await,
    }
}

async fn write(socket: &mut WebSocket, message: Message) -> Result<(), End> {
    within(socket.send(message)).await
}

/// A write, within a time: who does not read is cut off.
async fn within(write: impl Future<Output = Result<(), axum::Error>>) -> Result<(), End> {
    match tokio::time::timeout(WRITE_WITHIN, write).await {
        Ok(Ok(())) => Ok(()),
        Ok(Err(_)) => Err(End(1_000, "")),
        Err(_) => Err(TOO_SLOW),
    }
}
