//! Tokens for people, and what is done with those who are there.

use ringfence_signaling::rooms::Rules;
use ringfence_signaling::tokens::{Claims, Grants, Keys, unix_now};
use serde_json::{Value, json};

use crate::support::{Api, Server, offer, token};

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
    let pictures = json!({"audio": false, "video": true, "screen": true, "canvas": true});
    assert_eq!(muted["muted"], pictures);
    ada.call("unmute", json!({"kind": "video"})).await.expect("by oneself");
    for kind in ["screen", "share"] {
        let muted = api.post(&format!("{path}/mute"), json!({"kind": kind})).await.is(200);
        let screen = json!({"audio": false, "video": false, "screen": true, "screen_audio": true});
        assert_eq!(muted["muted"], screen, "{kind}: the camera goes on");
    }
    let wrong = api.post(&format!("{path}/mute"), json!({"kind": "smell"})).await;
    wrong.refused(422, Some(-32_602), Some("kind"));

    api.send("DELETE", path, &[], "").await.is(204);
    assert_eq!(ada.notice("user_left").await["reason"], "kicked");
    api.get(path).await.refused(404, Some(-32_004), Some("participant"));
    let odd = api.send("DELETE", "/v1/meetings/demo/participants/a%20b", &[], "").await;
    odd.refused(404, Some(-32_004), Some("client"));
    let gone = api.send("DELETE", path, &[], "").await;
    gone.refused(404, Some(-32_004), Some("client"));
    let mut again = server.connect().await;
    let token = ringfence_token();
    let join = json!({"protocol": 1, "token": token});
    assert!(again.call("join", join).await.is_err(), "kicked is kicked");
    api.join(&server, "demo", json!({"id": "ada"})).await; // until the server adds them again
}

/// Who is added again comes by the new token; what was revoked stays so.
#[tokio::test]
async fn adding_somebody_again_revives_no_token_of_theirs() {
    let server = Server::start().await;
    let api = Api::of(&server);
    api.post("/v1/meetings", json!({"id": "demo"})).await.is(201);
    let (path, ada) = ("/v1/meetings/demo/participants", json!({"id": "ada"}));
    let own = "/v1/meetings/demo/participants/ada";
    let added = api.post(path, ada.clone()).await.is(201);
    let of_api = added["token"].as_str().expect("a token").to_owned();
    let now = unix_now();
    let made = |at: Option<u64>, since: Option<u64>| {
        token(|claims| {
            claims.sub = "ada".to_owned();
            claims.video.room = "demo".to_owned();
            (claims.iat, claims.nbf) = (at, since);
        })
    };
    let join = async |token: &str| {
        let mut page = server.connect().await;
        let joined = page.call("join", json!({"protocol": 1, "token": token})).await;
        joined.map_err(|(code, _)| code).map(|_| page)
    };
    let whip = async |token: &str| {
        let sent = reqwest::Client::new().post(server.url("/whep/demo?id=ada"));
        let sent = sent.bearer_auth(token).header("content-type", "application/sdp");
        sent.body(offer("aiortc_whep")).send().await.expect("answered").status().as_u16()
    };
    join(&of_api).await.expect("the first token");
    api.send("DELETE", own, &[], "").await.is(204);
    assert_eq!(join(&of_api).await.err(), Some(-32_003), "taken out");

    let added = api.post(path, ada.clone()).await.is(201);
    let again = added["token"].as_str().expect("a token").to_owned();
    let _here = join(&again).await.expect("added again, in the same second");
    let old =
        [of_api.clone(), made(Some(now - 5), None), made(None, Some(now - 5)), made(None, None)];
    for (old, why) in old.iter().zip(["of the API", "iat", "nbf", "says no time"]) {
        assert_eq!(join(old).await.err(), Some(-32_003), "{why}: revoked before");
        assert_eq!(whip(old).await, 403, "{why}: though she is here by another");
    }
    join(&made(Some(now + 60), None)).await.expect("made later, by whom ever");
    // A second time: the token that let her in again is void, too.
    api.send("DELETE", own, &[], "").await.is(204);
    let third = api.post(path, ada).await.is(201);
    assert_eq!(join(&again).await.err(), Some(-32_003));
    join(third["token"].as_str().expect("a token")).await.expect("the newest");
}

fn ringfence_token() -> String {
    crate::support::token(|claims| claims.video.room = "demo".into())
}

/// Else others would take what they say for the server's, and what is said to them for a room's.
#[tokio::test]
async fn nobody_is_called_like_the_server_or_a_room() {
    let server = Server::start().await;
    let api = Api::of(&server);
    api.post("/v1/meetings", json!({"id": "demo"})).await.is(201);
    for id in ["server", "Server", "main", "MAIN", "b1", "b300"] {
        let path = "/v1/meetings/demo/participants";
        let problem = api.post(path, json!({"id": id})).await;
        let problem = problem.refused(422, Some(-32_602), Some("id"));
        let detail = problem["detail"].as_str().expect("text");
        assert!(detail.contains("reserved") && detail.contains("choose another"), "{detail}");
        let claimed = token(|claims| claims.sub = id.to_owned());
        for (params, field) in [
            (json!({"protocol": 1, "id": id}), "id"),
            (json!({"protocol": 1, "token": claimed}), "token"),
        ] {
            let mut page = server.connect().await;
            let (code, error) = page.call("join", params).await.expect_err("reserved");
            assert_eq!((code, &error["data"]["field"]), (-32_602, &json!(field)), "{id}");
        }
        for (way, sdp) in [("whip", "aiortc_whip"), ("whep", "aiortc_whep")] {
            let media = [("content-type", "application/sdp")];
            let path = format!("/{way}/main?id={id}");
            let answer = api.send("POST", &path, &media, offer(sdp)).await;
            answer.refused(400, None, Some("id"));
            let named = Api { token: Some(claimed.clone()), ..Api::of(&server) };
            let answer = named.send("POST", &format!("/{way}/main"), &media, offer(sdp)).await;
            answer.refused(400, None, Some("sub"));
        }
    }
    for id in ["servers", "maine", "b", "bob", "b1x", "B1"] {
        api.join(&server, "demo", json!({"id": id})).await;
    }
}

/// A token can be taken back before it was used.
#[tokio::test]
async fn who_is_taken_out_before_they_come_does_not_come() {
    let server = Server::start_with(false, Rules::default()).await;
    let admin =
        Grants { room: "demo".into(), room_admin: true, room_create: true, ..Grants::default() };
    let api = Api::with(&server, admin);
    api.post("/v1/meetings", json!({"id": "demo"})).await.is(201);
    let people = "/v1/meetings/demo/participants";
    let added = api.post(people, json!({"id": "ada"})).await.is(201);
    let bob = api.post(people, json!({"id": "bob"})).await.is(201);
    api.send("DELETE", &format!("{people}/ada"), &[], "").await.is(204);
    let join = async |token: &Value| {
        let params = json!({"protocol": 1, "token": token});
        server.connect().await.call("join", params).await.map_err(|(code, _)| code)
    };
    assert_eq!(join(&added["token"]).await, Err(-32_003), "the token was good a moment ago");
    let whip = Api { token: added["token"].as_str().map(str::to_owned), ..Api::of(&server) };
    let media = [("content-type", "application/sdp")];
    let refused = whip.send("POST", "/whip/demo", &media, offer("aiortc_whip")).await;
    assert_eq!(refused.status, 403, "{}", refused.body);
    join(&bob["token"]).await.expect("nobody else is concerned");
    let again = api.post(people, json!({"id": "ada"})).await.is(201);
    join(&again["token"]).await.expect("added again");
}
