//! The operator's switch: nobody new while it is on, everybody again once it is off.

use reqwest::Client;
use ringfence_signaling::rooms::Rules;
use ringfence_signaling::serve::Signal;
use ringfence_signaling::tokens::Grants;
use serde_json::{Value, json};

use crate::support::{Api, Server, offer};

const STOPPING: i32 = -32_002;

async fn ready(server: &Server) -> (u16, String) {
    let answer = Client::new().get(server.url("/readyz")).send().await.expect("answered");
    (answer.status().as_u16(), answer.text().await.expect("text"))
}

async fn publish(server: &Server, id: &str) -> u16 {
    let whip = Client::new().post(server.url(&format!("/whip/main?id={id}")));
    let whip = whip.header("content-type", "application/sdp").body(offer("aiortc_whip"));
    whip.send().await.expect("answered").status().as_u16()
}

async fn switch(api: &Api, draining: bool) -> Value {
    api.json("PUT", "/v1/drain", json!({"draining": draining})).await.is(200)
}

#[tokio::test]
async fn nobody_new_while_draining_and_everybody_again_after_it() {
    let server = Server::start().await;
    let api = Api::of(&server);
    let off = json!({"draining": false, "stopping": false, "live": 0});
    assert_eq!(api.get("/v1/drain").await.is(200), off);
    let mut hana = server.join("hana").await;
    let mut waiting = server.connect().await;

    let on = json!({"draining": true, "stopping": false, "live": 1});
    assert_eq!(switch(&api, true).await, on);
    assert_eq!(switch(&api, true).await, on, "twice is once");
    assert_eq!(api.get("/v1/drain").await.is(200), on);
    assert_eq!(ready(&server).await, (503, "draining\n".into()));
    let told = api.post("/v1/meetings", json!({"id": "new"})).await;
    let told = told.refused(503, Some(STOPPING), None);
    assert!(told["detail"].as_str().is_some_and(|detail| detail.contains("draining")), "{told}");
    let (code, _) = waiting.call("join", json!({"protocol": 1})).await.expect_err("refused");
    assert_eq!(code, i64::from(STOPPING));
    assert_eq!(publish(&server, "cam").await, 503);

    // Who is here goes on, and so do the server's own requests.
    hana.call("peers.list", json!({})).await.expect("answered");
    api.post("/v1/meetings/main/broadcast", json!({"text": "hello"})).await.is(200);
    assert_eq!(hana.notice("broadcast").await["text"], "hello");
    // Somebody whose connection is lost may come back: nobody else, and not elsewhere.
    drop(hana);
    let mut back = server.connect().await;
    for (id, meeting) in [("mallory", "main"), ("hana", "other")] {
        let params = json!({"protocol": 1, "meeting": meeting, "id": id});
        let (code, _) = back.call("join", params).await.expect_err("nobody new");
        assert_eq!(code, i64::from(STOPPING));
    }
    let params = json!({"protocol": 1, "meeting": "main", "id": "hana"});
    back.call("join", params).await.expect("let back in");
    assert!(!server.task.is_finished(), "it does not end");

    assert_eq!(switch(&api, false).await["draining"], false);
    assert_eq!(ready(&server).await, (200, "ready\n".into()));
    waiting.call("join", json!({"protocol": 1, "meeting": "main"})).await.expect("let in");
    assert_eq!(publish(&server, "cam").await, 201);
    api.post("/v1/meetings", json!({"id": "new"})).await.is(201);
}

#[tokio::test]
async fn what_sigterm_began_the_switch_does_not_end() {
    let server = Server::start().await;
    let api = Api::of(&server);
    let _hana = server.join("hana").await;
    switch(&api, true).await;
    server.signals.send(Signal::Drain).await.expect("told");
    while !api.get("/v1/drain").await.is(200)["stopping"].as_bool().expect("a boolean") {}
    let off = api.json("PUT", "/v1/drain", json!({"draining": false})).await;
    off.refused(409, None, Some("draining"));
    assert_eq!(switch(&api, true).await["stopping"], true);
    assert_eq!(ready(&server).await, (503, "stopping\n".into()));
}

#[tokio::test]
async fn for_admins_of_the_whole_server() {
    let server = Server::start_with(false, Rules::default()).await;
    let admin = |room: &str| Grants { room: room.into(), room_admin: true, ..Grants::default() };
    let (whole, bound) = (Api::with(&server, admin("")), Api::with(&server, admin("main")));
    let maker = Api::with(&server, Grants { room_create: true, ..Grants::default() });
    for api in [&bound, &maker] {
        api.get("/v1/drain").await.refused(403, None, None);
        let put = api.json("PUT", "/v1/drain", json!({"draining": true})).await;
        put.refused(403, None, None);
    }
    Api::of(&server).get("/v1/drain").await.refused(401, None, None);
    whole.json("PUT", "/v1/drain", json!({})).await.refused(422, Some(1_734), Some("draining"));
    let text = json!({"draining": "yes"});
    let refused = whole.json("PUT", "/v1/drain", text).await;
    refused.refused(422, Some(-32_602), Some("draining"));
    whole.json("PUT", "/v1/drain", json!({"draining": false})).await.is(200);
}
