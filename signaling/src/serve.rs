//! The HTTP server's life: from listening, over SIGTERM, to the end.

use std::time::{Duration, Instant};

use axum::Router;
use axum::extract::ConnectInfo;
use axum::http::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::{Service, service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use ringfence::control::api::RelayEvent;
use tokio::net::TcpListener;
use tokio::sync::mpsc;

use crate::app::App;

/// How often it is looked whether the last session has ended.
const LOOK_EVERY: Duration = Duration::from_millis(100);
/// How long webhooks may take after the last session has ended. With a store, what is not delivered
/// by then is posted by the next process.
const POSTED_WITHIN: Duration = Duration::from_secs(5);

/// How long a client may take to send the head of a request, the first one and each after it.
const HEAD_WITHIN: Duration = Duration::from_secs(15);
/// When it is tried again to accept a connection.
const AGAIN: Duration = Duration::from_millis(100);

/// A wish to end.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Signal {
    /// SIGTERM: let nobody in, and end when the last session has ended.
    Drain,
    /// SIGINT: end now.
    End,
}

/// Serves until a signal, and after [`Signal::Drain`] until the last session ended, `drain` passed,
/// or another signal came.
///
/// # Errors
/// None now: a connection that can not be accepted is no end.
pub async fn serve(
    listener: TcpListener,
    app: App,
    events: mpsc::Receiver<RelayEvent>,
    mut signals: mpsc::Receiver<Signal>,
    drain: Duration,
) -> std::io::Result<()> {
    tokio::spawn(app.meetings.clone().route(events));
    tokio::select! {
        () = listen(listener, app.clone().router(), HEAD_WITHIN) => {}
        () = end(&app, &mut signals, drain) => {}
    }
    Ok(())
}

/// Answers connections for ever. `axum::serve` would let a client hold one by never ending its
/// request (THREATS.md P3.15).
async fn listen(listener: TcpListener, router: Router, head_within: Duration) {
    loop {
        let (stream, from) = match listener.accept().await {
            Ok(accepted) => accepted,
            Err(error) => {
                // Out of file descriptors, or the client is gone already.
                tracing::debug!(%error, "no connection accepted");
                tokio::time::sleep(AGAIN).await;
                continue;
            }
        };
        let _ = stream.set_nodelay(true); // answers are small; without it they only come later
        let router = TowerToHyperService::new(router.clone());
        let service = service_fn(move |mut request: Request<Incoming>| {
            request.extensions_mut().insert(ConnectInfo(from));
            router.call(request)
        });
        let mut builder = http1::Builder::new();
        builder.timer(TokioTimer::new()).header_read_timeout(head_within);
        let connection = builder.serve_connection(TokioIo::new(stream), service).with_upgrades();
        tokio::spawn(async move {
            let _ = connection.await; // how it ended is the client's business
        });
    }
}

async fn end(app: &App, signals: &mut mpsc::Receiver<Signal>, drain: Duration) {
    if signals.recv().await != Some(Signal::Drain) {
        return;
    }
    app.meetings.stop();
    tracing::info!(live = app.meetings.live(), "stopping: nobody is let in any more");
    let ended = over(signals, drain, || app.meetings.live() == 0).await;
    if ended && app.meetings.has_webhooks() {
        tokio::time::sleep(LOOK_EVERY).await; // until it is written down that the last one left
        over(signals, POSTED_WITHIN, || app.meetings.undelivered() == 0).await;
    }
}

/// Waits until something is over, for so long at most: whether it is. A signal ends the waiting.
async fn over(
    signals: &mut mpsc::Receiver<Signal>,
    within: Duration,
    is_over: impl Fn() -> bool,
) -> bool {
    let until = Instant::now() + within;
    while !is_over() {
        let signalled = tokio::time::timeout(LOOK_EVERY, signals.recv()).await.is_ok();
        if signalled || Instant::now() >= until {
            return false;
        }
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpStream;

    #[tokio::test]
    async fn who_does_not_end_a_request_is_cut_off() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let router = Router::new().route("/", axum::routing::get(|| async { "here" }));
        tokio::spawn(listen(listener, router, Duration::from_millis(200)));
        for (why, sent) in [
            ("nothing", &b""[..]),
            ("half a head", b"GET / HTTP/1.1\r\nHost: x\r\nX"),
            ("idle after a request", b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"),
        ] {
            let mut stream = TcpStream::connect(address).await.unwrap();
            stream.write_all(sent).await.unwrap();
            let mut told = Vec::new();
            let ended = stream.read_to_end(&mut told);
            let ended = tokio::time::timeout(Duration::from_secs(5), ended).await;
            assert!(ended.is_ok(), "{why}: still open");
        }
    }
}
