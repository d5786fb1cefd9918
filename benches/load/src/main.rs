//! `ringfence-load`: the load-test client. It joins meetings like people do, publishes and receives,
//! and tells what arrived, how late, and what it cost the server. See README.md.

mod breakouts;
mod clock;
mod crowd;
mod join;
mod media;
mod moves;
mod network;
mod options;
mod pin;
mod plan;
mod report;
mod rpc;
mod run;
mod scrape;
mod sdp;
mod secure;
mod stun;
mod token;
mod whip;

use std::process::ExitCode;

use anyhow::Context;
use clap::Parser;
use nix::sys::resource::{Resource, getrlimit, setrlimit};
use tokio::sync::watch;

use crate::options::Options;

fn main() -> ExitCode {
    let _ = rustls::crypto::ring::default_provider().install_default(); // the first one counts
    let mut arguments = std::env::args().skip(1);
    let done = match arguments.next().as_deref() {
        Some("compare") => compare(&arguments.collect::<Vec<_>>()),
        _ => start(Options::parse()),
    };
    match done {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::from(2),
        Err(error) => {
            eprintln!("ringfence-load: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// Puts reports side by side.
fn compare(arms: &[String]) -> anyhow::Result<bool> {
    print!("{}", report::compare::text(arms)?);
    Ok(true)
}

/// Runs, and reports. `false`: the run does not count.
fn start(options: Options) -> anyhow::Result<bool> {
    options.check()?;
    let options = options.settled();
    if let Some(name) = &options.netns {
        pin::enter_namespace(name)?;
    }
    pin::this_thread(options.pin);
    if let Ok((_, hard)) = getrlimit(Resource::RLIMIT_NOFILE) {
        let _ = setrlimit(Resource::RLIMIT_NOFILE, hard, hard); // the hard limit is what there is
    }
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(options.threads)
        .thread_name("signaling")
        .enable_all()
        .build()
        .context("--threads")?;
    let (stop, stopped) = watch::channel(false);
    runtime.spawn(async move {
        if tokio::signal::ctrl_c().await.is_ok() {
            stop.send_replace(true);
            std::future::pending::<()>().await; // the sender is held: its end would not be a stop
        }
    });
    let outcome = runtime.block_on(async {
        tokio::spawn(run::run(options.clone(), stopped)).await.context("the run")?
    })?;
    outcome.print_table();
    if let Some(path) = &options.json {
        outcome.write_json(path).with_context(|| format!("--json {}", path.display()))?;
    }
    if let Some(directory) = &options.svg {
        outcome.write_svgs(directory).with_context(|| format!("--svg {}", directory.display()))?;
    }
    let valid = outcome.is_valid();
    runtime.shutdown_background();
    Ok(valid)
}
