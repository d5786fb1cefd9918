//! The same key with the same request is done once.

use ringfence_signaling::rooms::Rules;
use ringfence_signaling::tokens::Grants;
use serde_json::{Value, json};

use crate::support::{Answered, Api, Server};

async fn post(api: &Api, path: &str, key: &str, body: &Value) -> Answered {
    let headers = [("content-type", "application/json"), ("idempotency-key", key)];
    api.send("POST", path, &headers, body.to_string()).await
}

#[tokio::test]
async fn done_once() {
    let server = Server::start().await;
    let api = Api::of(&server);
    let first = post(&api, "/v1/meetings", "k1", &json!({})).await;
    let again = post(&api, "/v1/meetings", "k1", &json!({})).await;
    assert_eq!(again.header("idempotent-replayed"), "true");
    assert_eq!((first.header("location"), first.status), (again.header("location"), again.status));
    let id = first.is(201)["id"].as_str().expect("an id").to_owned();
    assert_eq!(again.is(201)["id"], json!(id));
    assert_eq!(api.get("/v1/meetings").await.body["meetings"].as_array().unwrap().len(), 1);

    let other = post(&api, "/v1/meetings", "k1", &json!({"id": "x"})).await;
    other.refused(422, None, Some("Idempotency-Key"));
    let path = format!("/v1/meetings/{id}/participants");
    let elsewhere = post(&api, &path, "k1", &json!({})).await;
    assert_eq!(elsewhere.header("idempotent-replayed"), "", "another path");
    let added = elsewhere.is(201);
    assert_eq!(post(&api, &path, "k1", &json!({})).await.is(201), added, "the same token, too");

    // A refusal is an answer; that the state is another by now does not matter.
    let start = format!("/v1/meetings/{id}/breakouts/start");
    post(&api, &start, "k2", &json!({})).await.refused(409, Some(-32_009), None);
    api.post(&format!("/v1/meetings/{id}/breakouts/rooms"), json!({})).await.is(201);
    post(&api, &start, "k2", &json!({})).await.refused(409, Some(-32_009), None);
    post(&api, &start, "k3", &json!({})).await.is(200);

    let long = "x".repeat(256);
    for key in ["", "a b", "\"a\u{e9}\"", &long] {
        let refused = post(&api, "/v1/meetings", key, &json!({})).await;
        refused.refused(400, None, Some("Idempotency-Key"));
    }
}

#[tokio::test]
async fn at_once_and_by_others() {
    let server = Server::start_with(false, Rules::default()).await;
    let grants = Grants { room_create: true, room_admin: true, ..Grants::default() };
    let api = Api::with(&server, grants.clone());
    let body = json!({});
    let many = (0..50).map(|_| post(&api, "/v1/meetings", "same", &body));
    let answers = futures_util::future::join_all(many).await;
    let made: Vec<&Answered> = answers.iter().filter(|answer| answer.status == 201).collect();
    assert!(!made.is_empty() && made.iter().all(|answer| answer.body == made[0].body));
    let rest = answers.iter().filter(|answer| answer.status != 201);
    assert!(rest.clone().all(|answer| answer.status == 409), "or it is still running");
    let listed = api.get("/v1/meetings").await.is(200);
    assert_eq!(listed["meetings"].as_array().unwrap().len(), 1, "done once");

    // A key is no way to what others were answered.
    let bound = Grants { room: "a".into(), ..grants };
    let other = Api::with(&server, bound);
    let own = post(&other, "/v1/meetings", "same", &body).await;
    assert_eq!((own.header("idempotent-replayed"), &own.body["id"]), ("", &json!("a")));
    let guest = Api::with(&server, Grants { room: "a".into(), ..Grants::default() });
    post(&guest, "/v1/meetings", "same", &body).await.refused(403, None, None);
}

#[tokio::test]
async fn what_fails_for_now_may_be_tried_again() {
    let server = Server::start().await;
    let api = Api::of(&server);
    api.post("/v1/meetings", json!({"id": "demo"})).await.is(201);
    let _ada = api.join(&server, "demo", json!({"id": "ada"})).await;
    let rooms = "/v1/meetings/demo/breakouts/rooms";
    server.books(|books| books.refuse_rooms = true);
    post(&api, rooms, "k", &json!({})).await.refused(503, Some(1_731), None);
    server.books(|books| books.refuse_rooms = false);
    post(&api, rooms, "k", &json!({})).await.is(201);
}
