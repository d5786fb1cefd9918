//! The binary as an operator uses it: its help, and what it asks a relay and prints.

mod stream;
mod support;

use std::process::{Command, Output};
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, Method, StatusCode, Uri, header};
use axum::response::IntoResponse;
use ringfence_signaling::tokens::Keys;
use serde_json::json;
use support::Page;
use tokio::net::TcpListener;

const KEY: &str = "app=0123456789012345678901234567890123";

fn ringfence(arguments: &[&str]) -> Output {
    in_environment(arguments, &[("RINGFENCE_KEYS", KEY)])
}

fn in_environment(arguments: &[&str], environment: &[(&str, &str)]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_ringfence"));
    for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("RINGFENCE_")) {
        command.env_remove(name);
    }
    command.args(arguments).envs(environment.iter().copied());
    command.output().expect("the binary starts")
}

fn said(output: &Output) -> String {
    let all = [output.stdout.as_slice(), output.stderr.as_slice()].concat();
    String::from_utf8(all).expect("text")
}

#[test]
fn help_reads_well() {
    for (name, arguments) in [
        ("help", &["--help"][..]),
        ("help_token", &["token", "--help"]),
        ("help_check", &["check", "--help"]),
        ("help_meeting", &["meeting", "--help"]),
        ("help_meeting_create", &["meeting", "create", "--help"]),
        ("help_meeting_set", &["meeting", "set", "--help"]),
        ("help_meeting_role", &["meeting", "role", "--help"]),
        ("help_breakout", &["breakout", "--help"]),
        ("help_breakout_start", &["breakout", "start", "--help"]),
        ("help_breakout_move", &["breakout", "move", "--help"]),
        ("help_breakout_shuffle", &["breakout", "shuffle", "--help"]),
        ("help_breakout_invite", &["breakout", "invite", "--help"]),
    ] {
        let output = ringfence(arguments);
        assert!(output.status.success(), "{name}");
        let text = said(&output);
        assert!(text.lines().all(|line| line.chars().count() <= 120), "{name}: {text}");
        insta::assert_snapshot!(name, text);
    }
}

/// What a relay was asked: method, path, kind of the body, body.
type Asked = (String, String, String, String);

/// Notes what it is asked, checks the token, and answers.
#[derive(Clone, Default)]
struct Relay(Arc<Mutex<Vec<Asked>>>);

async fn answer(
    State(relay): State<Relay>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> impl IntoResponse {
    let text = |name| headers.get(name).and_then(|it| it.to_str().ok()).unwrap_or_default();
    let keys = Keys::new([KEY.split_once('=').map(|(a, b)| (a.into(), b.into())).unwrap()].into());
    let token = text(header::AUTHORIZATION).trim_start_matches("Bearer ").to_owned();
    let claims = keys.unwrap().verify(&token).expect("a token of the key");
    assert!(claims.video.room_admin && claims.video.room_create && claims.video.room.is_empty());
    let body = String::from_utf8(body.to_vec()).expect("text");
    let asked = (method.to_string(), uri.to_string(), text(header::CONTENT_TYPE).to_owned(), body);
    relay.0.lock().unwrap().push(asked);
    let json = |status, value: serde_json::Value| (status, value.to_string());
    match uri.path() {
        "/v1/meetings/main/breakouts/start" => json(StatusCode::OK, json!({"revision": 5})),
        "/v1/meetings/main/breakouts/csv" => json(
            StatusCode::UNPROCESSABLE_ENTITY,
            json!({"detail": "line 3: room_name is empty",
                "errors": [{"line": 3, "message": "room_name is empty"}]}),
        ),
        "/v1/meetings/main" => (StatusCode::NO_CONTENT, String::new()),
        "/v1/meetings" => json(
            StatusCode::OK,
            json!({"meetings": [{"id": "main", "participants": 2, "rooms": 1, "state": "draft"}]}),
        ),
        _ => json(StatusCode::NOT_FOUND, json!({"detail": "there is no meeting \"x\""})),
    }
}

#[tokio::test]
async fn what_a_relay_is_asked_and_what_is_printed() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let url = format!("http://{}", listener.local_addr().expect("bound"));
    let relay = Relay::default();
    let routes = Router::new().fallback(answer).with_state(relay.clone());
    tokio::spawn(async move { axum::serve(listener, routes).await });
    let list = std::env::temp_dir().join(format!("ringfence-cli-{}.csv", std::process::id()));
    std::fs::write(&list, "room_name,first_name,last_name,email\nRed,Ada,L,\n,Bob,M,\n")
        .expect("written");
    let csv = list.to_str().expect("a path of text");
    for (arguments, asked, printed, good) in [
        (
            &["meeting", "list"][..],
            ("GET", "/v1/meetings?limit=500", "", ""),
            "MEETING  PEOPLE  BREAKOUTS  STATE\nmain     2       1          draft\n",
            true,
        ),
        (
            &["meeting", "list", "--json"],
            ("GET", "/v1/meetings?limit=500", "", ""),
            "{\n  \"meetings\": [\n    {\n      \"id\": \"main\",\n",
            true,
        ),
        (
            &["breakout", "start", "main", "--timer", "10m"],
            ("POST", "/v1/meetings/main/breakouts/start", "application/json", "{\"timer_s\":600}"),
            "Done, revision 5.\n",
            true,
        ),
        (
            &["breakout", "csv", "main", csv],
            (
                "POST",
                "/v1/meetings/main/breakouts/csv",
                "text/csv",
                "room_name,first_name,last_name,email\nRed,Ada,L,\n,Bob,M,\n",
            ),
            "Error: line 3: room_name is empty\n  line 3: room_name is empty\n",
            false,
        ),
        (
            &["meeting", "delete", "main"],
            ("DELETE", "/v1/meetings/main", "", ""),
            "The meeting is over.\n",
            true,
        ),
        (
            &["breakout", "plan", "x"],
            ("GET", "/v1/meetings/x/breakouts", "", ""),
            "Error: there is no meeting \"x\"\n",
            false,
        ),
    ] {
        let all: Vec<String> =
            arguments.iter().copied().chain(["--url", &url]).map(str::to_owned).collect();
        let run = move || ringfence(&all.iter().map(String::as_str).collect::<Vec<_>>());
        let output = tokio::task::spawn_blocking(run).await.expect("it ran");
        let text = said(&output);
        assert_eq!(output.status.success(), good, "{arguments:?}: {text}");
        assert!(text.starts_with(printed), "{arguments:?}: {text}");
        let last = relay.0.lock().unwrap().pop().expect("it was asked");
        let last = (&*last.0, &*last.1, &*last.2, &*last.3);
        assert_eq!(last, asked, "{arguments:?}");
    }
    std::fs::remove_file(list).expect("it was there");
}

/// An operator's evening with a real relay, from the meeting's making to its end.
#[tokio::test]
async fn a_session_by_hand() {
    let server = stream::Server::start().await.expect("the relay starts");
    let list = std::env::temp_dir().join(format!("ringfence-session-{}.csv", std::process::id()));
    std::fs::write(
        &list,
        "room_name,first_name,last_name,email\nRed,Ada,L,ada@x.org\nBlue,Bob,M,\n",
    )
    .expect("written");
    let csv = list.to_str().expect("a path of text");
    for (arguments, words) in [
        (&["meeting", "create", "class", "--set", "breakout_rooms_max=4"][..], "meeting    class"),
        (&["meeting", "list"], "class    0       0          draft"),
        (&["breakout", "csv", "class", csv], "People on the list: 2"),
        (&["breakout", "plan", "class"], "Ada L <ada@x.org>"),
        (&["breakout", "create", "class", "--name", "Green"], "Rooms that were made: b3"),
        (&["meeting", "show", "class"], "breakout_rooms_max"),
        (&["meeting", "people", "class"], "PERSON  NAME"),
        (&["breakout", "shuffle", "class", "--seed", "3"], "Done"),
        (&["breakout", "start", "class", "--timer", "10m"], "Done, revision"),
        (&["breakout", "plan", "class"], "started"),
        (&["breakout", "extend", "class", "5m"], "Done"),
        (&["breakout", "broadcast", "class", "Five minutes more"], "Done"),
        (&["breakout", "move", "class", "b1", "nobody"], "Error: "),
        (&["breakout", "delete", "class", "b3"], "Done."),
        (&["breakout", "stop", "class"], "Done"),
        (&["breakout", "reset", "class"], "Done"),
        (&["meeting", "delete", "class"], "The meeting is over."),
        (&["meeting", "show", "class"], "Error: "),
    ] {
        let all: Vec<String> =
            arguments.iter().copied().chain(["--url", &server.url]).map(str::to_owned).collect();
        let run = move || {
            let all: Vec<&str> = all.iter().map(String::as_str).collect();
            in_environment(&all, &[])
        };
        let output = tokio::task::spawn_blocking(run).await.expect("it ran");
        let text = said(&output);
        assert!(text.contains(words), "{arguments:?}: {text}");
        assert_eq!(output.status.success(), !words.starts_with("Error"), "{arguments:?}: {text}");
    }
    std::fs::remove_file(list).expect("it was there");
}

/// What the binary says when it asks a relay; that it does what it says, the relay knows.
async fn by_hand(url: &str, arguments: &[&str]) -> String {
    let all: Vec<String> =
        arguments.iter().copied().chain(["--url", url]).map(str::to_owned).collect();
    let run = move || in_environment(&all.iter().map(String::as_str).collect::<Vec<_>>(), &[]);
    let output = tokio::task::spawn_blocking(run).await.expect("it ran");
    let text = said(&output);
    assert!(output.status.success(), "{arguments:?}: {text}");
    text
}

/// A page that joined with a token.
async fn page(url: &str, token: &str) -> Page {
    let address = url.trim_start_matches("http://").parse().expect("an address");
    let protocol = [("sec-websocket-protocol", "ringfence.v1")];
    let mut page = Page::to(address, &protocol).await.expect("a WebSocket");
    page.call("join", json!({"protocol": 1, "token": token})).await.expect("joined");
    page
}

/// Options, rooms and people of a meeting that goes on, with two who are in it.
#[tokio::test]
async fn people_by_hand() {
    let server = stream::Server::start().await.expect("the relay starts");
    let url = server.url.as_str();
    by_hand(url, &["meeting", "create", "class"]).await;
    let told = by_hand(url, &["meeting", "set", "class", "late=assign", "warn_s=5"]).await;
    let line = |option: &str| {
        let of = told.lines().find(|line| line.starts_with(option));
        of.and_then(|line| line.split_whitespace().last()).map(str::to_owned)
    };
    assert_eq!((line("late "), line("warn_s ")), (Some("assign".into()), Some("5".into())));
    let list = std::env::temp_dir().join(format!("ringfence-people-{}.csv", std::process::id()));
    std::fs::write(&list, "room_name,first_name,last_name,email\nRed,,,ada@x.org\nBlue,Bob,M,\n")
        .expect("written");
    by_hand(url, &["breakout", "csv", "class", list.to_str().expect("a path of text")]).await;
    std::fs::remove_file(list).expect("it was there");

    // Found in the list by the address that the token names.
    let arguments = ["token", "--meeting", "class", "--id", "ada", "--email", "ada@x.org"];
    let token = said(&in_environment(&arguments, &[]));
    let mut ada = page(url, token.trim()).await;
    let body = json!({"id": "eve", "attributes": {"team": "Crimson"}});
    let add = reqwest::Client::new().post(format!("{url}/v1/meetings/class/participants"));
    let added: serde_json::Value =
        add.json(&body).send().await.expect("answered").json().await.expect("JSON");
    let mut eve = page(url, added["token"].as_str().expect("a token")).await;
    let row = async |room: &str| {
        let plan = by_hand(url, &["breakout", "plan", "class"]).await;
        let line = plan.lines().find(|line| line.starts_with(room)).expect("a room").to_owned();
        line.split_whitespace().map(str::to_owned).collect::<Vec<_>>().join(" ")
    };
    assert_eq!(row("b1").await, "b1 Red any ada");

    by_hand(url, &["breakout", "rename", "class", "b1", "Crimson"]).await;
    assert_eq!(row("b1").await, "b1 Crimson any ada");
    let by = ["breakout", "shuffle", "class", "--strategy", "by_attribute", "--attribute", "team"];
    by_hand(url, &by).await;
    assert!(row("b1").await.contains("eve"), "the room that is called like her team");

    by_hand(url, &["breakout", "invite", "class", "b2", "ada", "--timeout", "1m"]).await;
    assert_eq!(ada.notice("breakout_invited").await["room_id"], json!("b2"));
    by_hand(url, &["breakout", "invite", "class", "b2", "ada", "--force"]).await;
    assert_eq!(ada.notice("meeting_changed").await["room_id"], json!("b2"));
    by_hand(url, &["breakout", "clear", "class"]).await;
    assert_eq!(ada.notice("meeting_changed").await["room_id"], json!("main"));
    by_hand(url, &["breakout", "destroy", "class"]).await;
    assert_eq!(by_hand(url, &["breakout", "plan", "class"]).await.lines().count(), 2, "no room");

    let told = by_hand(url, &["meeting", "role", "class", "ada", "host", "--ask"]).await;
    assert!(told.contains("ada") && told.contains("participant"), "not before she agreed: {told}");
    assert_eq!(ada.notice("role_change_asked").await["role"], json!("host"));
    let told = by_hand(url, &["meeting", "role", "class", "ada", "host"]).await;
    assert!(told.contains("host"), "{told}");
    while ada.notice("peer_updated").await["participant"]["role"] != json!("host") {}
    assert_eq!(by_hand(url, &["meeting", "kick", "class", "eve"]).await, "They are out.\n");
    while eve.read().await.is_some() {} // closed
    assert!(!by_hand(url, &["meeting", "people", "class"]).await.contains("eve"));
}

#[test]
fn faults_name_what_to_do() {
    for (arguments, words) in [
        (
            &["meeting", "list", "--url", "http://127.0.0.1:1"][..],
            "is it the relay's address (--url)?",
        ),
        (&["meeting", "list", "--key", "secret"], "--key, or RINGFENCE_KEYS"),
        (&["meeting", "create", "--set", "late"], "write NAME=VALUE"),
        (&["meeting", "set", "main", "late"], "write NAME=VALUE"),
        (&["breakout", "shuffle", "main", "--strategy", "by_attribute"], "--attribute <NAME>"),
        (&["token", "--meeting", "main", "--id", "ada", "--email", ""], "e-mail address is empty"),
        (&["breakout", "csv", "main", "/nowhere/x.csv"], "can not read /nowhere/x.csv"),
        (&["breakout", "extend", "main", "soon"], "write 90s, 30m, 1h or 7d"),
        (&["check", "/nowhere/x.toml"], "can not read /nowhere/x.toml"),
    ] {
        let output = ringfence(arguments);
        let text = said(&output);
        assert!(!output.status.success() && text.contains(words), "{arguments:?}: {text}");
    }
}

#[test]
fn a_file_is_checked() {
    let file = std::env::temp_dir().join(format!("ringfence-cli-{}.toml", std::process::id()));
    let name = file.to_str().expect("a path of text");
    for (text, words, good) in [
        ("shards = 2\nmedia-port = 5000\n", "is good. With it the relay does this:", true),
        ("shards = 2\nmedia_port = 5000\n", ":2:1: unknown field `media_port`", false),
    ] {
        std::fs::write(&file, text).expect("written");
        let output = ringfence(&["check", name]);
        let told = said(&output);
        assert!(output.status.success() == good && told.contains(words), "{told}");
    }
    std::fs::remove_file(file).expect("it was there");
}
