//! Tokens for people, and what is done with those who are there.

use ringfence_signaling::rooms::Rules;
use ringfence_signaling::tokens::{Claims, Keys, unix_now};
use serde_json::{Value, json};

use crate::support::{Api, Server};

fn claims(added: &Value) -> Claims {
    Keys::development().verify(added["token"].as_str().expect("a token")).expect("ours")
}

#[tokio::test]
async fn a_token_says_who_comes_as_what_and_for_how_long() {
    let server = Server::start().await;
    let api = Api::of(&server);
    api.post("/v1/meetings", json!({"id": "demo"})).await.is(201);
    let path = "/v1/meetings/demo/participants";
    let body = json!({"id": "ada", "name": "Ada", "email": "ada@x.org", "presetName": "speaker",
        "ttl_s": 60, "can_publish": false});
    let added = api.post(path, body).await;
    assert_eq!(added.header("location"), "/v1/meetings/demo/participants/ada");
    let added = added.is(201);
    let claims = claims(&added);
    assert_eq!((claims.sub.as_str(), claims.role.as_deref()), ("ada", Some("speaker")));
    assert_eq!(claims.email.as_deref(), Some("ada@x.org"));
    assert_eq!((claims.video.room.as_str(), claims.video.can_publish), ("demo", Some(false)));
    assert!(claims.exp.abs_diff(unix_now() + 60) <= 2 && added["expires_at"] == json!(claims.exp));
    assert!(!claims.video.room_admin && !claims.video.room_create, "no more than to join");

    let one = api.post(path, json!({})).await.is(201);
    let two = api.post(path, json!({})).await.is(201);
    assert_ne!(one["id"], two["id"], "ids are given once");
    assert_eq!(one["role"], "participant");
    for (body, field) in [
        (json!({"role": "king"}), "role"),
        (json!({"id": "a b"}), "id"),
        (json!({"name": "a\u{7}"}), "name"),
        (json!({"email": ""}), "email"),
        (json!({"ttl_s": 0}), "ttl_s"),
        (json!({"nam": "x"}), "nam"),
    ] {
        api.post(path, body).await.refused(422, Some(-32_602), Some(field));
    }
}

#[tokio::test]
async fn roles_mutes_and_kicks() {
    let server = Server::start_with(true, Rules::default()).await;
    let api = Api::of(&server);
    api.post("/v1/meetings", json!({"id": "demo"})).await.is(201);
    let mut ada = api.join(&server, "demo", json!({"id": "ada"})).await;
    let path = "/v1/meetings/demo/participants/ada";

    let changed = api.json("PATCH", path, json!({"role": "host"})).await.is(200);
    assert_eq!(changed["role"], "host");
    assert_eq!(ada.notice("role_changed").await["accepted"], json!(true));
    ada.call("breakout.create", json!({})).await.expect("a host may");
    let asked = api.json("PATCH", path, json!({"presetName": "guest", "force": false})).await;
    assert_eq!(asked.is(200)["role_asked"], "guest");
    assert_eq!(ada.notice("role_change_asked").await["requestor"], "server");
    ada.call("role.accept", json!({})).await.expect("agreed");
    assert_eq!(api.get(path).await.is(200)["role"], "guest");
    let wrong = api.json("PATCH", path, json!({"role": "king"})).await;
    wrong.refused(422, Some(-32_602), Some("role"));

    let muted = api.post(&format!("{path}/mute"), json!({"kind": "video"})).await.is(200);
    assert_eq!(muted["muted"], json!({"audio": false, "video": true}));

    api.send("DELETE", path, &[], "").await.is(204);
    assert_eq!(ada.notice("user_left").await["reason"], "kicked");
    api.get(path).await.refused(404, Some(-32_004), Some("participant"));
    let gone = api.send("DELETE", path, &[], "").await;
    gone.refused(404, Some(-32_004), Some("client"));
    let mut again = server.connect().await;
    let token = ringfence_token();
    let join = json!({"protocol": 1, "token": token});
    assert!(again.call("join", join).await.is_err(), "kicked is kicked");
    api.join(&server, "demo", json!({"id": "ada"})).await; // until the server adds them again
}

fn ringfence_token() -> String {
    crate::support::token(|claims| claims.video.room = "demo".into())
}
