//! One meeting over two shards, by the running binary over real sockets, on both drivers: people whose
//! peers live on different shards hear and see each other, and nobody else; moves included.
//!
//! Placement is fixed (`--place apart`): each new peer goes where the fewest of its meeting are.

mod stream;

use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use str0m::crypto::from_feature_flags;
use str0m::media::Direction;
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream};

use stream::{Client, Failure, SETTLE, STOP, Server, falls_silent, receives};

/// The host, without media: moves people.
struct Host {
    socket: WebSocketStream<MaybeTlsStream<TcpStream>>,
    next: u64,
}

impl Host {
    async fn join(server: &Server) -> Result<Host, Failure> {
        let url = format!("{}/v1/rpc", server.url.replace("http:", "ws:"));
        let mut request = url.into_client_request()?;
        request.headers_mut().insert("sec-websocket-protocol", "ringfence.v1".parse()?);
        let (socket, _) = tokio_tungstenite::connect_async(request).await?;
        let mut host = Host { socket, next: 1 };
        host.call("join", json!({"protocol": 1, "id": "host", "name": "Host"})).await?;
        Ok(host)
    }

    async fn call(&mut self, method: &str, params: Value) -> Result<Value, Failure> {
        let id = self.next;
        self.next += 1;
        let request = json!({"jsonrpc": "2.0", "id": id, "method": method, "params": params});
        self.socket.send(Message::text(request.to_string())).await?;
        loop {
            let message = tokio::time::timeout(Duration::from_secs(5), self.socket.next()).await?;
            let Some(Ok(message)) = message else { return Err("closed".into()) };
            let Message::Text(text) = message else { continue };
            let message: Value = serde_json::from_str(&text)?;
            if message["id"] == json!(id) {
                let result = message.get("result").cloned();
                return result.ok_or_else(|| format!("{method}: {}", message["error"]).into());
            }
        }
    }

    async fn send(&mut self, clients: &[&str], room: &str) -> Result<(), Failure> {
        let params = json!({"clients": clients, "room_id": room});
        self.call("breakout.move", params).await.map(drop)
    }
}

/// A number on `/metrics`; 0 if it is not there.
async fn metric(server: &Server, name: &str) -> Result<u64, Failure> {
    let text = reqwest::get(format!("{}/metrics", server.url)).await?.text().await?;
    let line = text.lines().find_map(|line| line.strip_prefix(name));
    Ok(line.map(|number| number.trim().parse::<f64>()).transpose()?.unwrap_or(0.0) as u64)
}

async fn a_meeting_on(io: &str) -> Result<(), Failure> {
    let options = ["--shards", "2", "--place", "apart", "--io", io];
    let server = Server::start_with(&options).await?;
    let mut host = Host::join(&server).await?;
    // One peer after the other: shards 0, 1, 0, 1.
    let ada = Client::start(&server, "/whip/main?id=ada", Direction::SendOnly).await?;
    let bob = Client::start(&server, "/whip/main?id=bob", Direction::SendOnly).await?;
    let ada_ears =
        Client::start(&server, "/whep/main?id=ada&from=bob", Direction::RecvOnly).await?;
    let bob_ears =
        Client::start(&server, "/whep/main?id=bob&from=ada", Direction::RecvOnly).await?;
    receives(&ada_ears, 60, SETTLE).await?;
    receives(&bob_ears, 60, SETTLE).await?;

    let made = host.call("breakout.create", json!({"max_rooms": 2})).await?;
    assert!(made.to_string().contains("b1"), "{made}");
    for round in 0..3 {
        host.send(&["ada"], "b1").await?;
        falls_silent(&ada_ears, STOP).await?;
        falls_silent(&bob_ears, STOP).await?;
        host.send(&["bob"], "b1").await?;
        receives(&ada_ears, 30, SETTLE).await.map_err(|error| format!("{round}: {error}"))?;
        receives(&bob_ears, 30, SETTLE).await.map_err(|error| format!("{round}: {error}"))?;
        host.send(&["ada", "bob"], if round == 1 { "b2" } else { "main" }).await?;
        receives(&ada_ears, 30, SETTLE).await.map_err(|error| format!("{round}: {error}"))?;
        receives(&bob_ears, 30, SETTLE).await.map_err(|error| format!("{round}: {error}"))?;
    }
    // Both directions crossed, and every packet that was sent on came from the other shard.
    for (from, to) in [(0, 1), (1, 0)] {
        let of = |name: &str| format!("ringfence_mesh_{name}{{from=\"{from}\",to=\"{to}\"}}");
        let packets = metric(&server, &of("packets_total")).await?;
        assert!(packets > 500, "{packets} from {from} to {to}");
        assert!(metric(&server, &of("signals_total")).await? > 0);
        assert!(metric(&server, &of("wakes_total")).await? > 0);
        assert!(metric(&server, &of("delay_seconds_count")).await? >= packets);
    }
    for client in [&ada, &bob, &ada_ears, &bob_ears] {
        assert_eq!(client.delete().await?, 200);
    }
    for client in [ada, bob, ada_ears, bob_ears] {
        client.end()?;
    }
    Ok(())
}

#[tokio::test]
async fn people_on_two_shards_hear_each_other_on_plain_sockets() -> Result<(), Failure> {
    from_feature_flags().install_process_default();
    a_meeting_on("mmsg").await
}

/// On io_uring where the system grants it.
#[tokio::test]
async fn people_on_two_shards_hear_each_other() -> Result<(), Failure> {
    from_feature_flags().install_process_default();
    a_meeting_on("auto").await
}
