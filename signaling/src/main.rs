//! The binary `ringfence`: reads options, starts the relay, serves.

use std::io::{IsTerminal, Write};

use anyhow::Context;
use clap::Parser;
use ringfence_signaling::app::{App, Settings};
use ringfence_signaling::meetings::{Keeping, Timing};
use ringfence_signaling::options::{self, Cli, Command, Settled, TokenOptions};
use ringfence_signaling::serve::{Signal, serve};
use ringfence_signaling::store::{Loaded, Store};
use ringfence_signaling::tokens::{Claims, Grants, Keys, unix_now};
use ringfence_signaling::webhooks::{self, Webhooks};
use ringfence_signaling::{access, cli, relay};
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::mpsc;
use tracing_subscriber::EnvFilter;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> anyhow::Result<()> {
    let cli = match Cli::parse() {
        // Nothing said is `serve --dev`; the environment still counts.
        Cli { command: None } => Cli::parse_from(["ringfence", "serve", "--dev"]),
        cli => cli,
    };
    match cli.command {
        Some(Command::Token(options)) => token(&options),
        Some(Command::Check(options)) => cli::check::run(&options),
        Some(Command::Meeting(command)) => cli::meeting::run(&command),
        Some(Command::Breakout(command)) => cli::breakout::run(&command),
        Some(Command::Serve(options)) => run(options.settle()?),
        None => Ok(()),
    }
}

fn run(options: Settled) -> anyhow::Result<()> {
    let filter =
        EnvFilter::try_from_env("RINGFENCE_LOG").unwrap_or_else(|_| EnvFilter::new("info"));
    let colours = std::io::stderr().is_terminal();
    let log = tracing_subscriber::fmt().with_env_filter(filter).with_ansi(colours);
    log.with_writer(std::io::stderr).init();
    let mut runtime = tokio::runtime::Builder::new_multi_thread();
    // A wave of joins is no reason for media to wait.
    let runtime = runtime.enable_all().on_thread_start(ringfence::io::yield_to_shards).build()?;
    runtime.block_on(start(options))
}

async fn start(options: Settled) -> anyhow::Result<()> {
    let signals = signals()?;
    let (store, loaded) = match &options.data {
        Some(directory) => {
            let (store, loaded) = Store::open(directory)?;
            (Some(store), loaded)
        }
        None => (None, Loaded::default()),
    };
    let listener = TcpListener::bind(options.http).await;
    let listener = listener.with_context(|| format!("can not listen on {}", options.http))?;
    let address = listener.local_addr()?;
    let running = relay::start(&options).context("the relay did not start")?;
    let webhooks = webhooks(&options, store.clone(), loaded.hooks)?;
    let settings = Settings {
        keys: options.keys,
        development: options.dev,
        origins: options.origins,
        meeting: options.meeting,
        timing: Timing::default(),
        meetings_max: options.meetings,
        keeping: Keeping { store, webhooks },
        web: options.web,
    };
    say(&format!("Ringfence: http://{address}/"));
    for line in relay::describe(&running) {
        say(&line);
    }
    if options.dev {
        say("Development mode: the key is known to all; no token is needed on this machine.");
        if !address.ip().is_loopback() {
            tracing::warn!("development mode on {address}: anybody who reaches it can make tokens");
        }
    }
    let app = App::new(running.handle, settings);
    app.rest.templates.restore(loaded.templates);
    app.meetings.restore(loaded.meetings);
    serve(listener, app, running.events, signals, options.drain).await?;
    Ok(())
}

/// Who is told what happens, beginning with what an earlier process did not deliver.
fn webhooks(
    options: &Settled,
    store: Option<Store>,
    left: Vec<(u64, Vec<u8>)>,
) -> anyhow::Result<Option<Webhooks>> {
    if options.webhooks.is_empty() && left.is_empty() {
        return Ok(None);
    }
    let (endpoints, limits) = (options.webhooks.clone(), webhooks::Limits::default());
    let webhooks = Webhooks::new(endpoints, options.keys.clone(), store, limits);
    let webhooks = webhooks.context("no HTTP client for webhooks")?;
    webhooks.resume(left);
    Ok(Some(webhooks).filter(|_| !options.webhooks.is_empty()))
}

/// A line for whoever started us. Nobody need be there to read it.
fn say(line: &str) {
    let _ = writeln!(std::io::stdout(), "{line}");
}

/// SIGTERM drains, SIGINT ends.
fn signals() -> anyhow::Result<mpsc::Receiver<Signal>> {
    let (told, signals) = mpsc::channel(4);
    for (kind, wish) in
        [(SignalKind::terminate(), Signal::Drain), (SignalKind::interrupt(), Signal::End)]
    {
        let (mut arrivals, told) = (signal(kind)?, told.clone());
        tokio::spawn(async move {
            while arrivals.recv().await.is_some() {
                if told.send(wish).await.is_err() {
                    break;
                }
            }
        });
    }
    Ok(signals)
}

fn token(options: &TokenOptions) -> anyhow::Result<()> {
    let keys = match options.keys.as_slice() {
        [] => Keys::development(),
        given => options::keys(given)?,
    };
    // An operator's names no meeting: "any" only stands in where a name is checked.
    let meeting = options.meeting.as_deref();
    let id = options.id.as_deref().unwrap_or_default();
    let wish = access::Wish {
        meeting: meeting.unwrap_or("any"),
        id: Some(id),
        name: options.name.as_deref(),
        role: Some(&options.role),
    };
    access::check_names(wish).map_err(|denied| anyhow::anyhow!("{denied}"))?;
    let email = options.email.as_deref().map_or(Ok(()), access::check_email);
    email.map_err(anyhow::Error::msg)?;
    let manages = options.admin || options.role == "host";
    let video = Grants {
        room: meeting.unwrap_or_default().to_owned(),
        room_join: !options.admin,
        room_create: manages,
        room_list: options.admin,
        room_admin: manages,
        ..Grants::default()
    };
    let claims = Claims {
        sub: id.to_owned(),
        name: options.name.clone(),
        email: options.email.clone(),
        attributes: Default::default(),
        iss: keys.first_issuer().context("no key")?.to_owned(),
        exp: unix_now() + options.ttl.as_secs(),
        nbf: None,
        iat: Some(unix_now()),
        video,
        role: (!options.admin).then(|| options.role.clone()),
    };
    println!("{}", keys.sign(&claims).map_err(|error| anyhow::anyhow!("{error}"))?);
    Ok(())
}
