//! Clients that stop reading, over real sockets: they are cut off with a reason, what waits for
//! them is bounded, and others notice nothing.
//!
//! Seen red: a write without an end (`WRITE_WITHIN`), a queue without a bound.

mod support;

use std::time::{Duration, Instant};

use futures_util::StreamExt;
use ringfence::control::api::RelayEvent;
use ringfence::route::id::PeerId;
use serde_json::json;
use support::{Page, Server, offer};
use tokio::net::TcpSocket;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::CloseFrame;

/// Until somebody is cut off who does not read: 10 s by the server, and what a busy machine adds.
const CUT_WITHIN: Duration = Duration::from_secs(60);
/// In which others are told what happens: sooner than a stalled write ends.
const TOLD_WITHIN: Duration = Duration::from_secs(5);
/// Most frames that wait for one client (`meetings/connection.rs`).
const QUEUE: usize = 4_096;
/// A frame of the state `slots`, with 20 of them, is longer than this.
const SLOTS_BYTES: usize = 1_000;

/// Two who talk, and one with a small window who will read no more.
struct Scene {
    server: Server,
    hana: Page,
    ada: Page,
    slow: Page,
    peer: PeerId,
    said: usize,
}

impl Scene {
    async fn new() -> Scene {
        let server = Server::start().await;
        let (hana, ada) = (server.join("hana").await, server.join("ada").await);
        let socket = TcpSocket::new_v4().expect("a socket");
        socket.set_recv_buffer_size(4_096).expect("a small window");
        let stream = socket.connect(server.address).await.expect("connected");
        let protocol = [("sec-websocket-protocol", "ringfence.v1")];
        let mut slow = Page::over(stream, &protocol).await.expect("a WebSocket");
        slow.call("join", json!({"protocol": 1, "id": "slow"})).await.expect("joined");
        slow.call("offer", json!({"sdp": offer("chromium_page")})).await.expect("answered");
        let peer = server.books(|books| books.peers[0].0);
        Scene { server, hana, ada, slow, peer, said: 0 }
    }

    /// So many frames for the slow one.
    async fn flood(&self, frames: usize) {
        for _ in 0..frames {
            let event = RelayEvent::Slots { peer: self.peer, slots: vec![None; 20] };
            self.server.events.send(event).await.expect("told");
        }
    }

    /// Hana says something, and Ada hears it in time.
    async fn talk(&mut self) {
        self.said += 1;
        let (text, said) = (self.said.to_string(), Instant::now());
        self.hana.call("chat", json!({"text": text})).await.expect("said");
        assert_eq!(self.ada.notice("chat").await["text"], json!(text), "in order, none missing");
        assert!(said.elapsed() < TOLD_WITHIN, "{:?}", said.elapsed());
    }

    /// Both talk until the slow one is out, with a few frames for it each time.
    async fn talk_until_cut(&mut self, frames: usize) {
        let began = Instant::now();
        while self.server.meetings.look("main").await.expect("there").person("slow").is_some() {
            assert!(began.elapsed() < CUT_WITHIN, "nobody is cut off");
            self.flood(frames).await;
            self.talk().await;
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }

    /// What the slow one finds when it reads again: bytes of frames, and the end.
    async fn read_to_the_end(&mut self) -> (usize, Option<CloseFrame>) {
        let (mut bytes, until) = (0, tokio::time::Instant::now() + CUT_WITHIN);
        loop {
            let message = tokio::time::timeout_at(until, self.slow.socket.next()).await;
            match message.expect("an end") {
                Some(Ok(Message::Close(frame))) => return (bytes, frame),
                Some(Ok(message)) => bytes += message.len(),
                None | Some(Err(_)) => return (bytes, None),
            }
        }
    }

    async fn ended(&self) -> String {
        let text = reqwest::get(self.server.url("/metrics")).await.expect("answered").text().await;
        let text = text.expect("text");
        let mut lines = text.lines().filter(|line| line.contains("websockets_ended_total{"));
        lines.next().unwrap_or_default().to_owned()
    }
}

fn too_slow(end: Option<CloseFrame>) {
    let end = end.expect("a reason");
    assert_eq!((u16::from(end.code), end.reason.as_str()), (1_008, "too slow"));
}

#[tokio::test(flavor = "multi_thread")]
async fn who_stops_reading_is_cut_off_and_others_notice_nothing() {
    let mut scene = Scene::new().await;
    // More than the sockets hold, and fewer frames than may wait: here only time cuts off.
    scene.flood(3_000).await;
    let stalled = Instant::now();
    scene.talk_until_cut(5).await;
    assert!(stalled.elapsed() > Duration::from_secs(9), "by time: {:?}", stalled.elapsed());
    let left = scene.hana.notice("user_left").await;
    assert_eq!((&left["participant"], &left["reason"]), (&json!("slow"), &json!("lost")));
    scene.talk().await;
    let counted = r#"ringfence_websockets_ended_total{reason="too slow"} 1"#;
    assert_eq!(scene.ended().await, counted);
    too_slow(scene.read_to_the_end().await.1);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_waits_for_a_slow_one_is_bounded() {
    let mut scene = Scene::new().await;
    scene.flood(6 * QUEUE).await;
    scene.talk().await;
    // It reads again before a write takes too long: had all of it waited, all would come.
    let (bytes, end) = scene.read_to_the_end().await;
    too_slow(end);
    // What the sockets held, and one write.
    assert!(bytes < 2 * QUEUE * SLOTS_BYTES, "{bytes} of {}", 6 * QUEUE * SLOTS_BYTES);
}
