//! The load client against the real relay: short runs, and what must be true of them.

use std::net::{TcpListener, TcpStream, UdpSocket};
use std::path::PathBuf;
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

/// The relay, ended when dropped.
struct Relay {
    process: Child,
    url: String,
}

impl Relay {
    fn start() -> Relay {
        Relay::at("127.0.0.1", &["--dev", "--shards", "1"])
    }

    /// One that is reached by `address`.
    fn at(address: &str, options: &[&str]) -> Relay {
        let http = TcpListener::bind((address, 0)).unwrap().local_addr().unwrap();
        let media = UdpSocket::bind("0.0.0.0:0").unwrap().local_addr().unwrap().port();
        let process = Command::new(binary())
            .args(["serve", "--announce", address])
            .args(options)
            .args(["--http", &http.to_string(), "--media-port", &media.to_string()])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("the relay starts");
        let until = Instant::now() + Duration::from_secs(20);
        while TcpStream::connect(http).is_err() {
            assert!(Instant::now() < until, "the relay was not ready within 20 s");
            std::thread::sleep(Duration::from_millis(50));
        }
        Relay { process, url: format!("http://{http}") }
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// The relay's binary: of `RINGFENCE_BIN`, else what was built beside the client.
fn binary() -> PathBuf {
    if let Some(path) = std::env::var_os("RINGFENCE_BIN") {
        return path.into();
    }
    let path = PathBuf::from(env!("CARGO_BIN_EXE_ringfence-load")).with_file_name("ringfence");
    let mend = "build it by `cargo build --workspace`, or set RINGFENCE_BIN";
    assert!(path.exists(), "{} is not there: {mend}", path.display());
    path
}

fn load(arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_ringfence-load"));
    command.args(arguments).output().expect("the client starts")
}

/// Runs the client and returns its report.
fn report(name: &str, arguments: &[&str]) -> Value {
    let file = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("{name}.json"));
    let _ = std::fs::remove_file(&file); // of an earlier run
    let path = file.to_str().expect("a path of text");
    let output = load(&[arguments, &["--json", path]].concat());
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    let text = std::fs::read_to_string(&file).unwrap_or_else(|_| panic!("no report: {said}"));
    serde_json::from_str(&text).expect("JSON")
}

/// What must be true of each run. Not whether the machine was quick enough: `valid` is not looked at.
fn assert_clean(report: &Value) {
    for (key, expected) in [("/wrong_room", 0), ("/corrupt", 0), ("/join_failures", 0)] {
        let got = report.pointer(key).and_then(Value::as_u64);
        assert_eq!(got, Some(expected), "{key}: {report}");
    }
    let number = |key: &str| report.pointer(key).and_then(Value::as_f64).expect(key);
    assert!(number("/forwarded") > 1_000.0, "{report}");
    assert!(number("/checked_packets") > 100.0, "{report}");
    assert_eq!(number("/loss_pct"), 0.0, "{report}");
}

#[test]
fn rooms_and_moves() {
    let relay = Relay::start();
    let report = report(
        "rooms",
        &[
            "--url",
            &relay.url,
            "--meetings",
            "2",
            "--rooms",
            "2",
            "--participants",
            "8",
            "--duration",
            "5",
            "--ramp",
            "1",
            "--moves-per-second",
            "3",
            "--shuffle-at",
            "3",
            "--video-bitrate",
            "300000",
            "--check",
            "4",
        ],
    );
    assert_clean(&report);
    let switches = report.pointer("/switches_seen").and_then(Value::as_u64);
    assert!(switches.is_some_and(|seen| seen >= 16), "{report}");
}

/// 100 people of one meeting start, are shuffled twice and come back, each by one command: everybody arrives, and no
/// packet of a wrong room. On one shard, and with every room's people on two.
#[test]
fn breakouts_of_the_relays_own() {
    for (name, shards) in [
        ("breakouts-1", &["--shards", "1"][..]),
        ("breakouts-2", &["--shards", "2", "--place", "apart"]),
    ] {
        let relay = Relay::at("127.0.0.1", &[&["--dev"], shards].concat());
        let report = report(
            name,
            &[
                ["--url", &relay.url, "--rooms", "20", "--participants", "100"].as_slice(),
                &["--publishers", "2", "--video-bitrate", "0", "--join-rate", "50"],
                &["--shuffles", "2", "--duration", "10", "--ramp", "1", "--check", "10"],
            ]
            .concat(),
        );
        // A shard that gets no time reads what was said before a move after it, as said after it. Where packets
        // waited longer than the judge allows for, nothing can be said of rooms.
        let number = |key: &str| report.pointer(key).and_then(Value::as_f64).expect(key);
        let stalled = number("/latency_us/max") > 50_000.0;
        if stalled {
            eprintln!("{name}: the machine stalled, so packets of a wrong room are not looked at");
            assert_eq!((number("/corrupt"), number("/join_failures")), (0.0, 0.0), "{report}");
        } else {
            assert_clean(&report);
        }
        let stages = report.pointer("/stages").and_then(Value::as_array).expect("stages");
        let names: Vec<&str> = stages.iter().filter_map(|it| it["name"].as_str()).collect();
        assert_eq!(names, ["start", "shuffle 1", "shuffle 2", "stop"], "{report}");
        for stage in stages {
            let number = |key: &str| stage.pointer(key).and_then(Value::as_f64).unwrap_or(-1.0);
            assert!(number("/moved") > 80.0, "{name}: {stage}");
            assert!(number("/switches_asked") > 50.0, "{name}: {stage}");
            assert_eq!(number("/switches_seen"), number("/switches_asked"), "{name}: {stage}");
            assert!(stalled || number("/wrong_room") == 0.0, "{name}: {stage}");
            assert!(number("/flipped_ms") > 0.0, "{name}: {stage}");
            assert!(number("/flipped_ms") <= number("/answered_ms"), "{name}: {stage}");
            assert!(number("/switch_ms/max") > 0.0, "{name}: {stage}");
        }
    }
}

#[test]
fn whip_and_whep() {
    let relay = Relay::start();
    let (whip, whep) = (
        format!("{}/whip/{{meeting}}?id={{id}}", relay.url),
        format!("{}/whep/{{meeting}}?id={{id}}", relay.url),
    );
    let report = report(
        "whip",
        &[
            "--whip",
            &whip,
            "--whep",
            &whep,
            "--participants",
            "6",
            "--duration",
            "4",
            "--ramp",
            "1",
            "--sockets",
            "each",
            "--check",
            "2",
        ],
    );
    assert_clean(&report);
}

#[test]
fn every_profile_and_codec() {
    let relay = Relay::start();
    for (profile, codec) in [("gcm256", "vp9"), ("cm", "h264")] {
        let report = report(
            profile,
            &[
                "--url",
                &relay.url,
                "--participants",
                "3",
                "--duration",
                "2",
                "--ramp",
                "1",
                "--profile",
                profile,
                "--codec",
                codec,
                "--check",
                "1",
                "--join-during",
                "5",
            ],
        );
        assert_clean(&report);
    }
}

#[test]
fn layers_are_offered_and_one_is_sent_where_they_are_not_taken() {
    let relay = Relay::start();
    let run = "--participants 3 --duration 2 --ramp 1 --check 1 --simulcast";
    let arguments: Vec<&str> = ["--url", &relay.url].into_iter().chain(run.split(' ')).collect();
    assert_clean(&report("layers", &arguments));
    let said = String::from_utf8_lossy(&load(&arguments).stderr).into_owned();
    assert_eq!(said.matches("takes no simulcast").count(), 1, "{said}");
}

/// A network namespace that a veth pair joins to ours; gone when dropped.
struct Namespace {
    name: String,
}

impl Namespace {
    const OURS: &str = "10.213.77.1";

    fn new() -> Namespace {
        let name = format!("rf{}", std::process::id());
        let namespace = Namespace { name: name.clone() };
        let (near, far) = (format!("{name}a"), format!("{name}b"));
        for command in [
            format!("netns add {name}"),
            format!("link add {near} type veth peer name {far} netns {name}"),
            format!("addr add {}/24 dev {near}", Namespace::OURS),
            format!("link set {near} up"),
            format!("-n {name} addr add 10.213.77.2/24 dev {far}"),
            format!("-n {name} link set {far} up"),
        ] {
            let done = Command::new("ip").args(command.split(' ')).output().expect("iproute2");
            let said = String::from_utf8_lossy(&done.stderr);
            assert!(done.status.success(), "this test needs root: ip {command}: {said}");
        }
        namespace
    }
}

impl Drop for Namespace {
    fn drop(&mut self) {
        // The pair goes with its far end.
        let _ = Command::new("ip").args(["netns", "del", &self.name]).output();
    }
}

#[test]
fn from_a_namespace_of_its_own() {
    let namespace = Namespace::new();
    let key = "load=a-secret-of-the-load-tests-thirty-two-bytes";
    let relay = Relay::at(Namespace::OURS, &["--key", key, "--shards", "1"]);
    let url = relay.url.as_str();
    let report = report(
        "netns",
        &[
            ["--url", url, "--token-key", key, "--netns", &namespace.name].as_slice(),
            &["--participants", "4", "--duration", "3", "--ramp", "1", "--check", "1"],
        ]
        .concat(),
    );
    assert_clean(&report);
}

#[test]
fn errors_name_the_option() {
    for (arguments, named) in [
        (&["--url", "nowhere"][..], "--url nowhere"),
        (&["--url", "http://127.0.0.1:1"], "nobody could join"),
        (&["--netns", "not-there"], "--netns not-there"),
        (&["--sockets", "many"], "--sockets many"),
    ] {
        let output = load(&[arguments, &["--duration", "1", "--participants", "2"]].concat());
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(!output.status.success() && said.contains(named), "{arguments:?}: {said}");
    }
}
