//! The page, health, metrics, the way to the end, and the binary itself.

mod support;

use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};
use std::time::Duration;

use reqwest::Client;
use ringfence_signaling::serve::Signal;
use ringfence_signaling::tokens::Keys;
use serde_json::json;
use support::{Server, offer};

#[tokio::test]
async fn the_page_and_its_headers() {
    let server = Server::start().await;
    for (path, status, kind) in [
        ("/", 200, "text/html; charset=utf-8"),
        ("/index.html", 200, "text/html; charset=utf-8"),
        ("/client.js", 200, "text/javascript; charset=utf-8"),
        ("/page/tokens.css", 200, "text/css; charset=utf-8"),
        ("/admin", 200, "text/html; charset=utf-8"),
        ("/admin/", 200, "text/html; charset=utf-8"),
        ("/admin/admin.js", 200, "text/javascript; charset=utf-8"),
        ("/nothing.js", 404, "application/problem+json"),
        ("/a/b/c", 404, "application/problem+json"),
        ("/..%2Fsrc%2Fmain.rs", 404, "application/problem+json"),
        ("/v1/rpc", 400, "application/problem+json"), // no WebSocket
    ] {
        let answer = Client::new().get(server.url(path)).send().await.expect("answered");
        let header =
            |name: &str| answer.headers().get(name).and_then(|v| v.to_str().ok()).unwrap_or("");
        assert_eq!((answer.status().as_u16(), header("content-type")), (status, kind), "{path}");
        let policy = header("content-security-policy");
        assert!(policy.starts_with("default-src 'self';") && !policy.contains("unsafe"), "{path}");
        assert_eq!(header("x-content-type-options"), "nosniff", "{path}");
    }
    let html = Client::new().get(server.url("/")).send().await.expect("answered");
    let html = html.text().await.expect("HTML");
    assert!(
        !html.contains(" onclick=") && !html.contains("<script>"),
        "the policy forbids inline scripts"
    );
    let post = Client::new().post(server.url("/healthz")).send().await.expect("answered");
    assert_eq!(post.status(), 405);
}

#[tokio::test]
async fn a_folder_of_the_operators_comes_before_the_embedded_page() {
    let folder = std::env::temp_dir().join(format!("ringfence-web-{}", std::process::id()));
    std::fs::create_dir_all(folder.join("help")).expect("a folder");
    std::fs::write(folder.join("index.html"), "ours").expect("a file");
    std::fs::write(folder.join("help/index.html"), "help").expect("a file");
    std::fs::write(folder.with_extension("secret"), "no").expect("a file beside the folder");
    let server = Server::start_with_page(&folder).await;
    let get = async |path: &str| {
        let answer = Client::new().get(server.url(path)).send().await.expect("answered");
        let shared = answer.headers().contains_key("access-control-allow-origin");
        (answer.status().as_u16(), answer.text().await.expect("text"), shared)
    };
    assert_eq!(get("/").await, (200, "ours".to_owned(), false));
    assert_eq!(get("/help/").await, (200, "help".to_owned(), false));
    for (path, has) in [
        ("/client.js", "./client/client.js"),
        ("/client/client.js", "Ringfence"),
        ("/client/ringfence.js", "class Ringfence"),
    ] {
        let (status, library, shared) = get(path).await;
        assert!(status == 200 && library.contains(has) && shared, "the library is there: {path}");
    }
    let secret =
        format!("/..%2f{}", folder.with_extension("secret").file_name().expect("named").display());
    assert_eq!(get(&secret).await.0, 404);
    let post = Client::new().post(server.url("/")).send().await.expect("answered");
    assert_eq!(post.status(), 404);
    std::fs::remove_dir_all(&folder).expect("removed");
    std::fs::remove_file(folder.with_extension("secret")).expect("removed");
}

#[tokio::test]
async fn health_and_metrics() {
    let server = Server::start().await;
    let get = async |path: &str| {
        let answer = Client::new().get(server.url(path)).send().await.expect("answered");
        (answer.status().as_u16(), answer.text().await.expect("text"))
    };
    assert_eq!(get("/healthz").await, (200, "ok\n".to_owned()));
    assert_eq!(get("/readyz").await, (200, "ready\n".to_owned()));
    let mut hana = server.join("hana").await;
    hana.call("breakout.leave", json!({})).await.expect_err("in the main room");
    hana.call("no.such.method", json!({})).await.expect_err("unknown");
    let refused = Client::new().post(server.url("/whip/main")).send().await.expect("answered");
    assert_eq!(refused.status(), 415);
    let (status, text) = get("/metrics").await;
    assert_eq!(status, 200);
    for line in [
        r#"ringfence_rpc_requests_total{method="join",code="0"} 1"#,
        r#"ringfence_rpc_requests_total{method="breakout.leave",code="-32009"} 1"#,
        r#"ringfence_rpc_requests_total{method="other",code="-32601"} 1"#,
        r#"ringfence_guest_requests_total{protocol="whip",status="415"} 1"#,
        "ringfence_websockets 1",
        r#"ringfence_relay{what="participants"} 1"#,
    ] {
        assert!(text.lines().any(|told| told == line), "{line} in\n{text}");
    }
    for name in
        ["process_cpu_seconds_total", "process_resident_memory_bytes", "process_start_time_seconds"]
    {
        let line = text.lines().find_map(|told| told.strip_prefix(name));
        let value = line.and_then(|value| value.trim().parse::<f64>().ok());
        assert!(value.is_some_and(|value| value > 0.0), "{name} in\n{text}");
    }
}

#[tokio::test]
async fn draining_lets_nobody_in_and_ends_with_the_last_session() {
    let server = Server::start().await;
    let mut hana = server.join("hana").await;
    let mut waiting = server.connect().await;
    let whip = Client::new().post(server.url("/whip/main?id=early"));
    let whip = whip.header("content-type", "application/sdp").body(offer("aiortc_whip"));
    let session = whip.send().await.expect("answered").headers()["location"].clone();
    let session = session.to_str().expect("text").to_owned();
    server.signals.send(Signal::Drain).await.expect("told");
    tokio::time::sleep(Duration::from_millis(90)).await;
    let ready = Client::new().get(server.url("/readyz")).send().await.expect("answered");
    assert_eq!(ready.status(), 503, "within 100 ms");
    let alive = Client::new().get(server.url("/healthz")).send().await.expect("answered");
    assert_eq!(alive.status(), 200);
    assert!(waiting.call("join", json!({"protocol": 1})).await.is_err(), "joins are refused");
    let protocol = [("sec-websocket-protocol", "ringfence.v1")];
    assert!(server.connect_as(&protocol).await.is_err(), "new connections are refused");
    let whip = Client::new()
        .post(server.url("/whip/main?id=cam"))
        .header("content-type", "application/sdp");
    let whip = whip.body(offer("aiortc_whip")).send().await.expect("answered");
    assert_eq!(whip.status(), 503);
    assert!(hana.call("peers.list", json!({})).await.is_ok(), "who is here stays");
    assert!(!server.task.is_finished());
    let gone = Client::new().delete(server.url(&session)).send().await.expect("answered");
    assert_eq!(gone.status(), 200);
    tokio::time::sleep(Duration::from_millis(250)).await;
    assert!(!server.task.is_finished(), "a page is here");
    drop(hana); // without leaving: nobody could come back
    let ended = tokio::time::timeout(Duration::from_millis(250), server.task).await;
    assert!(ended.expect("ends with the last session").expect("no panic").is_ok());
}

#[tokio::test]
async fn a_second_signal_ends_at_once() {
    let server = Server::start().await;
    let _hana = server.join("hana").await;
    server.signals.send(Signal::Drain).await.expect("told");
    server.signals.send(Signal::Drain).await.expect("told");
    let ended = tokio::time::timeout(Duration::from_secs(2), server.task).await;
    assert!(ended.expect("ends").expect("no panic").is_ok());
}

fn binary() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_ringfence"));
    for name in ["RINGFENCE_KEYS", "RINGFENCE_DEV", "RINGFENCE_HTTP", "RINGFENCE_CONFIG"] {
        command.env_remove(name);
    }
    command
}

#[test]
fn token_prints_a_token() {
    let token = |arguments: &[&str]| {
        let output = binary().arg("token").args(arguments).output().expect("it runs");
        (output.status.success(), String::from_utf8_lossy(&output.stdout).trim().to_owned())
    };
    let (good, text) = token(&["--meeting", "m", "--id", "ada", "--role", "host", "--ttl", "1h"]);
    assert!(good);
    let claims = Keys::development().verify(&text).expect("it verifies");
    assert_eq!((claims.sub.as_str(), claims.video.room.as_str()), ("ada", "m"));
    assert!(claims.video.room_admin && claims.video.room_create);
    let (good, text) = token(&["--admin", "--ttl", "1h"]);
    assert!(good);
    let claims = Keys::development().verify(&text).expect("it verifies");
    assert_eq!((claims.sub.as_str(), claims.video.room.as_str()), ("operator", ""));
    assert!(claims.video.room_admin && claims.video.room_list && !claims.video.room_join);
    for wrong in [
        &["--meeting", "m"][..],
        &["--meeting", "a b", "--id", "x"],
        &["--meeting", "m", "--id", "x", "--ttl", "0"],
        &["--meeting", "m", "--id", "x", "--admin"],
        &["--id", "x"],
    ] {
        assert!(!token(wrong).0, "{wrong:?}");
    }
}

#[test]
fn serve_prints_the_address_and_ends_on_sigterm() {
    let mut child = binary()
        .args(["serve", "--dev", "--http", "127.0.0.1:0", "--media-port", "0", "--shards", "1"])
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("it starts");
    let mut lines = BufReader::new(child.stdout.take().expect("piped")).lines();
    let first = lines.next().expect("a line").expect("text");
    assert!(first.starts_with("Ringfence: http://127.0.0.1:") && first.ends_with('/'), "{first}");
    let id = child.id().to_string();
    assert!(Command::new("kill").args(["-TERM", &id]).status().expect("kill runs").success());
    assert!(child.wait().expect("it ends").success());
}

#[test]
fn serve_refuses_what_can_not_be() {
    for (arguments, expected) in [
        (&["serve"][..], "no key for tokens"),
        (&["serve", "--dev", "--http", "256.0.0.1:1"], "256.0.0.1:1"),
        (&["serve", "--dev", "--config", "/nowhere.toml"], "can not read /nowhere.toml"),
        (&["serve", "--key", "app=short"], "shorter than 32"),
    ] {
        let output = binary().args(arguments).output().expect("it runs");
        let told = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(!output.status.success() && told.contains(expected), "{arguments:?}: {told}");
    }
}
