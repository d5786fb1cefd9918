//! A run from the first join to the last figure.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};
use tokio::sync::watch;

use crate::breakouts::{Breakouts, Performed};
use crate::crowd::{Crowd, Joins};
use crate::join::Lobby;
use crate::media::{self, Command, Settings, Tick};
use crate::moves;
use crate::network::Network;
use crate::options::Options;
use crate::report::progress::Progress;
use crate::report::{Outcome, Sample};
use crate::scrape::process::OwnCpu;
use crate::scrape::{Scraper, Source};
use crate::secure::Identity;

/// How long the last totals and the goodbyes may take.
const GRACE: Duration = Duration::from_secs(5);

/// Runs it all.
///
/// # Errors
/// The server can not be reached, or nobody could join.
pub async fn run(options: Options, stop: watch::Receiver<bool>) -> anyhow::Result<Outcome> {
    let (lobby, mut ticks) = open(&options).await?;
    let mut progress = Progress::default();
    let scraper = Arc::new(scraper(&options)?);
    let server_empty = tokio::task::block_in_place(|| scraper.fresh());
    let crowd = Crowd::gather(lobby.clone(), stop.clone(), &mut progress).await?;
    let rehearsed = match options.shuffles {
        Some(shuffles) => Some(Breakouts::rehearse(&crowd, shuffles).await?),
        None => {
            crowd.place().await?;
            None
        }
    };
    lobby.media.send(Command::Publish);
    warm_up(Duration::from_secs_f64(options.ramp), &stop, &mut progress).await;
    let server_before = tokio::task::block_in_place(|| scraper.fresh());
    let own = OwnCpu::now();
    lobby.media.send(Command::Measure);
    let began = Instant::now();

    let crowd = Arc::new(crowd);
    let (ended, ending) = watch::channel(false);
    let moving = tokio::spawn(moves::run(crowd.clone(), ending.clone()));
    let performing = rehearsed
        .map(|it| tokio::spawn(it.perform(crowd.clone(), scraper.clone(), ending.clone())));
    let joining = tokio::spawn(Joins::late(lobby.clone(), ending));
    let measured = Duration::from_secs_f64(options.duration);
    let samples = watch_seconds(&mut ticks, &scraper, measured, stop, &mut progress).await;
    progress.finish();
    let duration = began.elapsed();
    let own_after = OwnCpu::now();
    let server_after = tokio::task::block_in_place(|| scraper.fresh());
    if let Some(failure) = scraper.failure() {
        eprintln!("The server's cost is not known: {failure}");
    }
    lobby.media.send(Command::Stop);
    ended.send_replace(true);
    let last = last_tick(&mut ticks).await?;
    let performed = match performing {
        Some(task) => task.await.context("breakouts")?,
        None => Performed::default(),
    };
    let moved = moving.await.context("moves")?;
    let late = joining.await.context("joins")?;
    crowd.joins.lock().await.add(&late);

    let stages = performed.with(&last.totals.stages);
    let mut outcome = outcome(&options, last, samples);
    outcome.stages = stages;
    outcome.invalid.extend(performed.failure);
    outcome.duration = duration;
    outcome.server_empty = server_empty;
    (outcome.server_before, outcome.server_after) = (server_before, server_after);
    outcome.client_busy_pct = own_after.busy_pct(&own);
    outcome.client_threads = own_after.threads_pct(&own);
    outcome.tell_joins(&*crowd.joins.lock().await);
    if let Some(failure) = moved.first_failure {
        outcome.invalid.push(format!("{} moves failed, the first: {failure}", moved.failures));
    }
    let dropped = lobby.network.dropped();
    if dropped > 0 {
        let why = format!("{dropped} datagrams were lost in the client's own receive buffer");
        outcome.invalid.push(why);
    }
    let _ = tokio::time::timeout(GRACE, Crowd::leave(crowd)).await; // the server forgets us anyhow
    Ok(outcome)
}

impl Outcome {
    fn tell_joins(&mut self, joins: &Joins) {
        self.join_ms = joins.took_ms.clone();
        self.join_failures = joins.failures;
        if let Some(failure) = &joins.first_failure {
            self.invalid.push(format!("the first join that failed: {failure}"));
        }
    }
}

async fn open(options: &Options) -> anyhow::Result<(Arc<Lobby>, UnboundedReceiver<Tick>)> {
    let url = options.whep.as_deref().unwrap_or(&options.url);
    let (option, url) = (if options.whep.is_some() { "--whep" } else { "--url" }, url);
    let parsed = reqwest::Url::parse(&url.replace(['{', '}'], ""))
        .with_context(|| format!("{option} {url}: write it as http://host:port"))?;
    let host = parsed.host_str().with_context(|| format!("{option} {url}: no host"))?;
    let bare = host.trim_start_matches('[').trim_end_matches(']').to_owned();
    let port = parsed.port_or_known_default().unwrap_or(80);
    let mut found = tokio::net::lookup_host((bare, port))
        .await
        .with_context(|| format!("{option} {url}: the host is not known"))?;
    let server = found.next().with_context(|| format!("{option} {url}: no address"))?.ip();
    let network = Network::open(options, server)?;
    let settings = Settings::of(options, !network.shared.is_empty());
    let (sender, ticks) = unbounded_channel();
    let finder = network.finder();
    let media = media::start(settings, network.shared.clone(), finder, sender)?;
    let http = reqwest::Client::builder().no_proxy().build().context("HTTP")?;
    let identity = Identity::generate()?;
    let options = options.clone();
    Ok((Arc::new(Lobby { options, network, identity, media, http, server }), ticks))
}

fn scraper(options: &Options) -> anyhow::Result<Scraper> {
    let metrics =
        options.whep.is_none().then(|| format!("{}/metrics", options.url.trim_end_matches('/')));
    let server_pid = options.server_pid.and_then(|pid| i32::try_from(pid).ok());
    Scraper::start(Source { metrics, server_pid }, Duration::from_secs(1))
}

/// Lets media flow before it counts.
async fn warm_up(ramp: Duration, stop: &watch::Receiver<bool>, progress: &mut Progress) {
    let began = Instant::now();
    while began.elapsed() < ramp && !*stop.borrow() {
        progress.ramp(began.elapsed(), ramp);
        let left = ramp.saturating_sub(began.elapsed());
        rest(left.min(Duration::from_millis(500)), stop).await;
    }
}

/// Waits, or less if the user stops it.
pub async fn rest(time: Duration, stop: &watch::Receiver<bool>) {
    let mut stop = stop.clone();
    let stopped = async {
        let _ = stop.wait_for(|stopped| *stopped).await;
    };
    let _ = tokio::time::timeout(time, stopped).await;
}

/// Collects a sample a second for as long as it is measured.
async fn watch_seconds(
    ticks: &mut UnboundedReceiver<Tick>,
    scraper: &Scraper,
    measured: Duration,
    stop: watch::Receiver<bool>,
    progress: &mut Progress,
) -> Vec<Sample> {
    let mut samples: Vec<Sample> = Vec::new();
    let mut before = (0u64, 0u64);
    let over = rest(measured, &stop);
    tokio::pin!(over);
    loop {
        let tick = tokio::select! {
            tick = ticks.recv() => tick,
            () = &mut over => return samples,
        };
        let Some(tick) = tick else { return samples };
        let wall = tick.at.saturating_sub(before.0).max(1);
        let busy = tick.busy.saturating_sub(before.1) as f64 / wall as f64;
        before = (tick.at, tick.busy);
        let sample = sample(tick, busy, scraper);
        progress.sample(&sample, measured);
        samples.push(sample);
    }
}

fn sample(tick: Tick, busy: f64, scraper: &Scraper) -> Sample {
    let (audio, video) = (&tick.totals.audio, &tick.totals.video);
    Sample {
        at: Duration::from_nanos(tick.at),
        forwarded: audio.packets + video.packets,
        lost: audio.lost + video.lost,
        bytes: audio.bytes + video.bytes,
        joined: tick.joined,
        client_busy: busy,
        server: scraper.latest(),
        latency: tick.latency,
    }
}

async fn last_tick(ticks: &mut UnboundedReceiver<Tick>) -> anyhow::Result<Tick> {
    let find = async {
        while let Some(tick) = ticks.recv().await {
            if tick.last {
                return Some(tick);
            }
        }
        None
    };
    let found = tokio::time::timeout(GRACE, find).await.ok().flatten();
    found.context("the media thread did not tell its totals: the client's core is overloaded")
}

fn outcome(options: &Options, last: Tick, samples: Vec<Sample>) -> Outcome {
    let totals = last.totals;
    let mut outcome = Outcome {
        options: serde_json::to_value(options).unwrap_or_default(),
        audio: totals.audio,
        video: totals.video,
        switches_asked: totals.switches_asked,
        switches_seen: totals.switch_us.len(),
        switch_ms: totals.switch_us,
        wrong_room: totals.wrong_room,
        corrupt: totals.corrupt,
        checked_packets: totals.checked_packets,
        duplicates: totals.duplicates,
        published_packets: totals.published,
        participants: u64::from(last.joined),
        samples,
        ..Outcome::default()
    };
    // Who moves is in nobody's room for some milliseconds, and silence leaves no gap in what is sent.
    let missed = if options.moves() { 0 } else { totals.missed_by_number };
    for (count, what) in [
        (totals.unsent, "packets could not be sent: the client's send buffer was full"),
        (totals.silent, "receivers got nothing at all"),
        (
            missed.saturating_sub(outcome.audio.lost + outcome.video.lost),
            "packets are missing by the publishers' numbers, though sequence numbers have no gap",
        ),
    ] {
        if count > 0 {
            outcome.invalid.push(format!("{count} {what}"));
        }
    }
    outcome
}

/// Fails unless somebody joined.
pub fn ensure_joined(joined: usize, first_failure: Option<&String>) -> anyhow::Result<()> {
    let why = first_failure.map_or("no reason was given", String::as_str);
    ensure!(joined > 0, "nobody could join; the first failure: {why}");
    Ok(())
}
