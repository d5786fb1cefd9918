//! Every error is a problem document with the right status, the field and the mend.

use ringfence_signaling::rooms::Rules;
use serde_json::json;

use crate::support::{Api, Server};

#[tokio::test]
async fn paths_methods_and_bodies() {
    let server = Server::start().await;
    let api = Api::of(&server);
    api.post("/v1/meetings", json!({"id": "demo"})).await.is(201);
    for path in ["/v1/nothing", "/v1/meetings/demo/nothing", "/v1/meetings/"] {
        api.get(path).await.refused(404, None, None);
    }
    for (method, path, allow) in [
        ("DELETE", "/v1/meetings", "POST,GET,HEAD"),
        ("GET", "/v1/meetings/demo/move", "POST"),
        ("POST", "/v1/meetings/demo/breakouts", "GET,HEAD,PUT"),
    ] {
        let refused = api.send(method, path, &[], "").await;
        let mut allowed: Vec<&str> = refused.header("allow").split(',').map(str::trim).collect();
        let mut wanted: Vec<&str> = allow.split(',').collect();
        allowed.sort_unstable();
        wanted.sort_unstable();
        assert_eq!(allowed, wanted, "{method} {path}");
        refused.refused(405, None, None);
    }
    let start = "/v1/meetings/demo/breakouts/start";
    for kind in ["text/plain", "application/x-www-form-urlencoded", "application/jsonx"] {
        let refused = api.send("POST", start, &[("content-type", kind)], "{}").await;
        refused.refused(415, None, Some("Content-Type"));
    }
    let json = [("content-type", "application/json; charset=utf-8")];
    let long = format!("{{\"consent\": \"{}\"}}", "x".repeat(64 * 1024));
    api.send("POST", start, &json, long).await.refused(413, Some(-32_013), None);
    let deep = "[".repeat(10_000);
    api.send("POST", start, &json, deep).await.refused(400, Some(-32_013), None);
    api.send("POST", start, &json, "{").await.refused(400, Some(-32_700), None);
    api.send("POST", start, &json, vec![0xff, 0xfe]).await.refused(400, None, None);
    api.post(start, json!({"timer": 3})).await.refused(422, Some(-32_602), Some("timer"));
    api.post(start, json!({"timer_s": -1})).await.refused(422, Some(-32_602), Some("timer_s"));
    api.post(start, json!({"timer_s": 0})).await.refused(409, Some(-32_009), None); // no rooms yet
    let told = api.post("/v1/meetings/demo/broadcast", json!({})).await;
    told.refused(422, Some(1_734), Some("text"));
    let told =
        api.post("/v1/meetings/demo/move", json!({"participants": ["x"], "room": "b7"})).await;
    told.refused(422, Some(-32_602), Some("room"));
    api.get("/v1/meetings?limit=0").await.refused(400, None, Some("limit"));
    api.get("/v1/meetings?colour=red").await.refused(400, None, None);
    let gone = "/v1/meetings/demo/breakouts/rooms/b7";
    api.send("DELETE", gone, &[], "").await.refused(404, Some(-32_004), Some("room"));
}

#[tokio::test]
async fn the_seeds_numbers() {
    let server = Server::start_with(true, Rules::enablex()).await;
    let api = Api::of(&server);
    api.post("/v1/meetings", json!({"id": "demo"})).await.is(201);
    let rooms = "/v1/meetings/demo/breakouts/rooms";
    api.post(rooms, json!({})).await.refused(422, Some(1_724), Some("participants"));
    let text = json!({"participants": "two"});
    api.post(rooms, text).await.refused(422, Some(1_724), Some("participants"));
    api.post(rooms, json!({"participants": 1})).await.refused(
        422,
        Some(1_725),
        Some("participants"),
    );
    let eleven = json!({"participants": 2, "max_rooms": 11});
    api.post(rooms, eleven).await.refused(422, Some(1_726), Some("max_rooms"));
    let lecture = json!({"options": {"lecture": true}});
    api.json("PATCH", "/v1/meetings/demo", lecture).await.is(200);
    api.post(rooms, json!({"participants": 2})).await.refused(409, Some(5_067), None);
    let off = json!({"options": {"lecture": false, "breakouts": false}});
    api.json("PATCH", "/v1/meetings/demo", off).await.is(200);
    api.post(rooms, json!({"participants": 2})).await.refused(403, Some(-32_003), None);
    server.books(|books| books.refuse_rooms = true);
    let on = json!({"options": {"breakouts": true}});
    api.json("PATCH", "/v1/meetings/demo", on).await.is(200);
    let _ada = api.join(&server, "demo", json!({"id": "ada"})).await;
    api.post(rooms, json!({"participants": 2})).await.refused(503, Some(1_731), None);
}

#[tokio::test]
async fn meetings_are_made_once_and_listed_by_pages() {
    let server = Server::start().await;
    let api = Api::of(&server);
    for id in ["c", "a", "b"] {
        api.post("/v1/meetings", json!({"id": id})).await.is(201);
    }
    api.post("/v1/meetings", json!({"id": "a"})).await.refused(409, Some(-32_009), Some("meeting"));
    let made = api.post("/v1/meetings", json!({})).await.is(201);
    let made = made["id"].as_str().expect("an id").to_owned();
    let page = api.get("/v1/meetings?limit=2").await.is(200);
    assert_eq!((&page["meetings"][1]["id"], &page["next"]), (&json!("b"), &json!("b")));
    let page = api.get("/v1/meetings?limit=2&after=b").await.is(200);
    assert_eq!((&page["meetings"][1]["id"], page.get("next")), (&json!(made), None));
    for (body, field) in [
        (json!({"id": "a b"}), "id"),
        (json!({"template": "none"}), "template"),
        (json!({"template": "native", "roles": []}), "roles"),
        (json!({"profile": "zoom"}), "profile"),
        (json!({"options": {"colour": 1}}), "options.colour"),
        (json!({"options": {"on_enter": "fly"}}), "options.on_enter"),
        (json!({"options": {"breakout_rooms_max": 301}}), "options.breakout_rooms_max"),
        (json!({"options": {"grace_s": 4_000_000_000_u32}}), "options.grace_s"),
    ] {
        api.post("/v1/meetings", body).await.refused(422, Some(-32_602), Some(field));
    }
    server.signals.send(ringfence_signaling::serve::Signal::Drain).await.expect("told");
    let mut stopping = api.post("/v1/meetings", json!({})).await;
    while stopping.status == 201 {
        stopping = api.post("/v1/meetings", json!({})).await;
    }
}

#[tokio::test]
async fn so_many_meetings_and_no_more() {
    let server = Server::start().await;
    server.meetings.at_most(2);
    let api = Api::of(&server);
    for id in ["one", "two"] {
        api.post("/v1/meetings", json!({"id": id})).await.is(201);
    }
    let problem = api.post("/v1/meetings", json!({"id": "three"})).await;
    let problem = problem.refused(429, Some(-32_029), Some("meeting"));
    assert!(
        problem["detail"].as_str().is_some_and(|text| text.contains("--meetings")),
        "{problem}"
    );
    let (code, error) =
        server.connect().await.call("join", json!({"protocol": 1})).await.expect_err("full");
    assert_eq!((code, &error["data"]["field"]), (-32_029, &json!("meeting")));
    api.post("/v1/meetings", json!({"id": "one"})).await.refused(
        409,
        Some(-32_009),
        Some("meeting"),
    );
    api.send("DELETE", "/v1/meetings/one", &[], "").await.is(204);
    server.join("ada").await;
}
