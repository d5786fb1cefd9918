//! JSON-RPC 2.0 over one WebSocket, as the relay's pages speak it. Notifications are not read.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::{Context, bail};
use futures_util::stream::{SplitSink, SplitStream};
use futures_util::{SinkExt, StreamExt};
use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio::sync::oneshot;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::http::HeaderValue;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream};

type Stream = WebSocketStream<MaybeTlsStream<TcpStream>>;
type Waiting = Arc<Mutex<HashMap<u64, oneshot::Sender<anyhow::Result<Value>>>>>;

/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(20);

/// One participant's connection.
pub struct Rpc {
    sink: tokio::sync::Mutex<SplitSink<Stream, Message>>,
    waiting: Waiting,
    next: AtomicU64,
    reader: tokio::task::JoinHandle<()>,
}

/// A frame, as far as it is read.
#[derive(Deserialize)]
struct Frame<'a> {
    id: Option<u64>,
    #[serde(borrow)]
    result: Option<&'a RawValue>,
    #[serde(borrow)]
    error: Option<&'a RawValue>,
}

impl Rpc {
    /// Opens `/v1/rpc` of the server at `url` (http:// or https://).
    ///
    /// # Errors
    /// It can not be reached, or does not speak the protocol.
    pub async fn open(url: &str) -> anyhow::Result<Rpc> {
        let address = url.trim_end_matches('/').replacen("http", "ws", 1) + "/v1/rpc";
        let mut request = address.as_str().into_client_request().context("--url")?;
        let protocol = HeaderValue::from_static("ringfence.v1");
        request.headers_mut().insert("sec-websocket-protocol", protocol);
        // The library's own buffers are 128 KiB for each connection.
        let config = WebSocketConfig::default().read_buffer_size(4_096).write_buffer_size(4_096);
        let opened =
            tokio_tungstenite::connect_async_with_config(request, Some(config), true).await;
        let (stream, _) = opened.with_context(|| format!("--url: no WebSocket at {address}"))?;
        let (sink, stream) = stream.split();
        let waiting = Waiting::default();
        let reader = tokio::spawn(read(stream, waiting.clone()));
        Ok(Rpc { sink: sink.into(), waiting, next: AtomicU64::new(1), reader })
    }

    /// Calls a method.
    ///
    /// # Errors
    /// What the server says against it, or that it says nothing.
    pub async fn call(&self, method: &str, params: Value) -> anyhow::Result<Value> {
        let id = self.next.fetch_add(1, Ordering::Relaxed);
        let (sender, receiver) = oneshot::channel();
        lock(&self.waiting).insert(id, sender);
        let frame = json!({"jsonrpc": "2.0", "id": id, "method": method, "params": params});
        let sent = self.sink.lock().await.send(Message::text(frame.to_string())).await;
        sent.with_context(|| format!("{method}: the connection is lost"))?;
        let answer = tokio::time::timeout(PATIENCE, receiver).await;
        lock(&self.waiting).remove(&id);
        match answer {
            Ok(Ok(answer)) => answer.with_context(|| method.to_owned()),
            Ok(Err(_)) => bail!("{method}: the connection was closed"),
            Err(_) => bail!("{method}: no answer within {} s", PATIENCE.as_secs()),
        }
    }
}

impl Drop for Rpc {
    fn drop(&mut self) {
        self.reader.abort();
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

async fn read(mut stream: SplitStream<Stream>, waiting: Waiting) {
    while let Some(Ok(message)) = stream.next().await {
        let Message::Text(text) = message else { continue };
        let Ok(frame) = serde_json::from_str::<Frame<'_>>(&text) else { continue };
        let Some(sender) = frame.id.and_then(|id| lock(&waiting).remove(&id)) else { continue };
        let parse = |raw: &RawValue| serde_json::from_str::<Value>(raw.get()).unwrap_or_default();
        let answer = match (frame.result, frame.error) {
            (_, Some(error)) => Err(anyhow::anyhow!("the server answers {}", error.get())),
            (result, None) => Ok(result.map(parse).unwrap_or_default()),
        };
        let _ = sender.send(answer); // nobody waits any more
    }
    lock(&waiting).clear(); // those who wait learn that the connection is closed
}
