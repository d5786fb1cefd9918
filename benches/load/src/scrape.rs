//! What the server says of itself over time: its `/metrics`, and its `/proc` where its id is known.
//!
//! One thread reads; it is never a media thread. It runs on the cores that its creator may run on, so
//! whoever pins itself first keeps it off the server's core. A server without `/metrics` is no error:
//! what it does not tell stays `None`, and the report says so.

pub mod process;
pub mod prometheus;

use std::sync::mpsc::{self, RecvTimeoutError};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::Context;

use prometheus::Buckets;

/// Longest wait for one answer of `/metrics`.
const ANSWER_MAX: Duration = Duration::from_secs(2);

/// One reading of the server, all counters since it started. `None`, or empty: the server does not tell.
#[derive(Clone, Debug)]
pub struct Scrape {
    /// When it was read.
    pub at: Instant,
    /// CPU time of the process.
    pub cpu_seconds: Option<f64>,
    /// CPU time of each shard's thread.
    pub shard_cpu_seconds: Vec<f64>,
    /// Resident memory.
    pub resident_bytes: Option<u64>,
    /// Packets forwarded.
    pub forwarded: Option<u64>,
    /// Packets received.
    pub received: Option<u64>,
    /// Packets dropped, for any reason.
    pub dropped: Option<u64>,
    /// System calls or submissions that sent.
    pub submissions: Option<u64>,
    /// Trains sent.
    pub trains: Option<u64>,
    /// From receiving a packet to submitting it, in seconds.
    pub added_latency: Option<Buckets>,
    /// Datagrams of each train.
    pub train_datagrams: Option<Buckets>,
    /// From a change of rooms to its tables being in force on every shard, in seconds.
    pub changes: Option<Buckets>,
    /// Busy time of each shard.
    pub busy_seconds: Vec<f64>,
}

impl Scrape {
    /// A reading that tells nothing yet.
    pub fn empty(at: Instant) -> Scrape {
        Scrape {
            at,
            cpu_seconds: None,
            shard_cpu_seconds: Vec::new(),
            resident_bytes: None,
            forwarded: None,
            received: None,
            dropped: None,
            submissions: None,
            trains: None,
            added_latency: None,
            train_datagrams: None,
            changes: None,
            busy_seconds: Vec::new(),
        }
    }
}

/// Where to read.
#[derive(Clone, Debug, Default)]
pub struct Source {
    /// Address of the metrics page, for example `http://127.0.0.1:8080/metrics`.
    pub metrics: Option<String>,
    /// Process id of the server; CPU and memory are then read from `/proc`, which is finer.
    pub server_pid: Option<i32>,
}

impl Source {
    async fn read(&self, http: &reqwest::Client) -> anyhow::Result<Scrape> {
        let mut scrape = match &self.metrics {
            Some(url) => {
                let told = fetch(http, url).await.with_context(|| {
                    format!("{url} can not be read; --server-pid reads CPU and memory without it")
                });
                match (told, self.server_pid) {
                    (Ok(text), _) => prometheus::scrape(&text, Instant::now()),
                    (Err(_), Some(_)) => Scrape::empty(Instant::now()),
                    (Err(error), None) => return Err(error),
                }
            }
            None => Scrape::empty(Instant::now()),
        };
        if let Some(pid) = self.server_pid {
            process::read_server(pid, &mut scrape).with_context(|| {
                format!("--server-pid {pid}: /proc/{pid} can not be read; give a running process")
            })?;
        }
        Ok(scrape)
    }
}

async fn fetch(http: &reqwest::Client, url: &str) -> reqwest::Result<String> {
    http.get(url).send().await?.error_for_status()?.text().await
}

/// What the thread last saw.
#[derive(Default)]
struct Seen {
    latest: Option<Scrape>,
    failure: Option<String>,
}

/// The thread that reads.
pub struct Scraper {
    seen: Arc<Mutex<Seen>>,
    asks: mpsc::Sender<mpsc::Sender<Option<Scrape>>>,
}

impl Scraper {
    /// Starts the thread; it reads `every` so often, and whenever [`Scraper::fresh`] asks.
    ///
    /// # Errors
    /// No thread can be had.
    pub fn start(source: Source, every: Duration) -> anyhow::Result<Scraper> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        // One connection, kept: a new one each time would be work for the server.
        let http = reqwest::Client::builder().timeout(ANSWER_MAX).no_proxy().build()?;
        let (asks, asked) = mpsc::channel::<mpsc::Sender<Option<Scrape>>>();
        let seen = Arc::new(Mutex::new(Seen::default()));
        let shared = Arc::clone(&seen);
        thread::Builder::new().name("scraper".into()).spawn(move || {
            loop {
                let reply = match asked.recv_timeout(every) {
                    Ok(reply) => Some(reply),
                    Err(RecvTimeoutError::Timeout) => None,
                    Err(RecvTimeoutError::Disconnected) => return,
                };
                let read = runtime.block_on(source.read(&http));
                let mut seen = shared.lock().unwrap_or_else(PoisonError::into_inner);
                seen.failure = read.as_ref().err().map(|error| format!("{error:#}"));
                seen.latest = read.ok();
                if let Some(reply) = reply {
                    let _ = reply.send(seen.latest.clone()); // whoever asked may have gone
                }
            }
        })?;
        Ok(Scraper { seen, asks })
    }

    /// The last reading. Does not wait.
    pub fn latest(&self) -> Option<Scrape> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).latest.clone()
    }

    /// A reading made now. Waits for it: not for media threads.
    pub fn fresh(&self) -> Option<Scrape> {
        let (reply, answer) = mpsc::channel();
        self.asks.send(reply).ok()?;
        answer.recv_timeout(2 * ANSWER_MAX).ok().flatten()
    }

    /// Why the last reading failed, if it did.
    pub fn failure(&self) -> Option<String> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).failure.clone()
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::net::TcpListener;

    use super::*;

    /// Answers every request with `body`; the address.
    fn server(body: &'static str) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("bound");
        thread::spawn(move || {
            for stream in listener.incoming() {
                let mut stream = stream.expect("a connection");
                let _ = stream.read(&mut [0; 4096]);
                let length = body.len();
                let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {length}\r\n");
                let _ = write!(stream, "{head}Connection: close\r\n\r\n{body}");
            }
        });
        format!("http://{address}/metrics")
    }

    #[test]
    fn reads_metrics_and_proc() {
        let own = i32::try_from(std::process::id()).expect("a process id");
        let url = server("process_cpu_seconds_total 1.5\nringfence_trains_total{shard=\"0\"} 7\n");
        for (metrics, server_pid, cpu, trains) in [
            (Some(url.clone()), None, Some(1.5), Some(7)), // as told
            (Some(url), Some(own), None, Some(7)),         // our own CPU time instead
            (None, Some(own), None, None),
        ] {
            let source = Source { metrics, server_pid };
            let scraper = Scraper::start(source, Duration::from_secs(60)).expect("a thread");
            assert!(scraper.latest().is_none(), "nobody asked yet");
            let scrape = scraper.fresh().expect("an answer");
            assert_eq!(scrape.trains, trains);
            match cpu {
                Some(_) => assert_eq!(scrape.cpu_seconds, cpu),
                None => assert!(scrape.cpu_seconds.is_some_and(|seconds| seconds != 1.5)),
            }
            assert_eq!(scrape.resident_bytes.is_some(), server_pid.is_some());
            assert!(scraper.latest().is_some());
        }
    }

    #[test]
    fn tells_why_it_can_not_read() {
        for (metrics, server_pid, names) in [
            (Some("http://127.0.0.1:1/metrics".to_string()), None, "--server-pid"),
            (None, Some(i32::MAX), "/proc/2147483647"),
        ] {
            let source = Source { metrics, server_pid };
            let scraper = Scraper::start(source, Duration::from_secs(60)).expect("a thread");
            assert!(scraper.fresh().is_none());
            let failure = scraper.failure().expect("a reason");
            assert!(failure.contains(names), "{failure}");
        }
    }
}
