//! A whole session, driven by the server alone.

use serde_json::{Value, json};

use crate::support::{Api, Server};

const LIST: &str = "room_name,first_name,last_name,email\r\n\
                    Red,Ada,Lovelace,ada@example.org\r\nBlue,Bob,Hope,\r\nRed,Late,Comer,late@example.org\r\n";

#[tokio::test]
async fn from_the_first_to_the_last() {
    let server = Server::start().await;
    let api = Api::of(&server);
    let made = api.post("/v1/meetings", json!({"id": "demo"})).await;
    assert_eq!(made.header("location"), "/v1/meetings/demo");
    assert_eq!(made.is(201)["state"], "draft");

    let csv = [("content-type", "text/csv; charset=utf-8")];
    let imported = api.send("POST", "/v1/meetings/demo/breakouts/csv", &csv, LIST).await.is(200);
    assert_eq!((&imported["rooms"], &imported["people"]), (&json!(["b1", "b2"]), &json!(3)));

    let ada = json!({"id": "ada", "name": "Ada L.", "email": "ada@example.org"});
    let mut ada = api.join(&server, "demo", ada).await;
    let mut bob = api.join(&server, "demo", json!({"id": "bob", "name": "Bob Hope"})).await;
    let _carl = api.join(&server, "demo", json!({"id": "carl", "name": "Carl"})).await;
    assert_eq!(rooms_of(&api).await, json!({"ada": "main", "bob": "main", "carl": "main"}));

    api.post("/v1/meetings/demo/breakouts/start", json!({"timer_s": 600})).await.is(200);
    assert_eq!(ada.notice("breakout_connected").await["room_id"], "b1");
    assert_eq!(rooms_of(&api).await, json!({"ada": "b1", "bob": "b2", "carl": "main"}));
    let shown = api.get("/v1/meetings/demo").await.is(200);
    assert_eq!((&shown["state"], &shown["participants"]), (&json!("started"), &json!(3)));
    assert!(shown["ends_at"].as_u64().is_some_and(|ends_at| ends_at > 1_700_000_000_000));

    api.post("/v1/meetings/demo/broadcast", json!({"text": "five minutes"})).await.is(200);
    assert_eq!(bob.notice("broadcast").await["text"], "five minutes");
    let moved = json!({"participants": ["carl", "bob"], "room": "b1"});
    api.post("/v1/meetings/demo/move", moved).await.is(200);
    assert_eq!(rooms_of(&api).await, json!({"ada": "b1", "bob": "b1", "carl": "b1"}));
    api.post("/v1/meetings/demo/breakouts/extend", json!({"seconds": 60})).await.is(200);
    let shuffled = api.post("/v1/meetings/demo/breakouts/shuffle", json!({"seed": 7})).await;
    assert_eq!(shuffled.header("etag"), format!("\"{}\"", shuffled.body["revision"]));

    api.post("/v1/meetings/demo/breakouts/stop", json!({})).await.is(200);
    assert_eq!(rooms_of(&api).await, json!({"ada": "main", "bob": "main", "carl": "main"}));
    assert_eq!(api.get("/v1/meetings/demo/breakouts").await.is(200)["state"], "draft");

    api.send("DELETE", "/v1/meetings/demo", &[], "").await.is(204);
    assert_eq!(ada.notice("user_left").await["reason"], "ended");
    while ada.read().await.is_some() {} // and then it closes
    api.get("/v1/meetings/demo").await.refused(404, Some(-32_004), Some("meeting"));
}

/// Who is in which room.
async fn rooms_of(api: &Api) -> Value {
    let listed = api.get("/v1/meetings/demo/participants").await.is(200);
    let people = listed["participants"].as_array().expect("people").iter();
    people.map(|p| (p["id"].as_str().expect("an id").to_owned(), p["room"].clone())).collect()
}

#[tokio::test]
async fn all_that_a_host_does_with_rooms() {
    let server = Server::start().await;
    let api = Api::of(&server);
    api.post("/v1/meetings", json!({"id": "demo"})).await.is(201);
    let mut ada = api.join(&server, "demo", json!({"id": "ada"})).await;
    let mut bob = api.join(&server, "demo", json!({"id": "bob"})).await;
    let to = |what: &str| format!("/v1/meetings/demo/breakouts/{what}");

    let made = api.post(&to("rooms"), json!({"names": ["Red"], "max_rooms": 2})).await;
    assert_eq!(made.is(201)["rooms"], json!(["b1", "b2"]));
    let made = api.post(&to("rooms"), json!({"participants": 2, "invite": false})).await;
    assert_eq!(made.is(201)["rooms"], json!(["b3"]));
    assert_eq!(ada.notice("breakout_invited").await["requestor"], "server");

    api.json("PATCH", &to("rooms/b2"), json!({"name": "Blue"})).await.is(200);
    api.send("DELETE", &to("rooms/b3"), &[], "").await.is(204);
    let both = json!({"participants": ["ada", "bob"], "room": "b1"});
    api.post(&to("assign"), both).await.is(200);
    api.post(&to("unassign"), json!({"participants": ["bob"]})).await.is(200);
    let plan = api.get(&to("")[..to("").len() - 1]).await.is(200);
    assert_eq!(plan["rooms"][0]["assigned"], json!(["ada"]));
    assert_eq!(plan["rooms"][1]["name"], "Blue");

    api.post(&to("invite"), json!({"participants": ["bob"], "room": "b2", "force_join": true}))
        .await
        .is(200);
    assert_eq!(bob.notice("breakout_connected").await["room_id"], "b2");
    api.post(&to("start"), json!({"consent": "force"})).await.is(200);
    api.post(&to("exchange"), json!({"a": "ada", "b": "bob"})).await.is(200);
    assert_eq!(rooms_of(&api).await, json!({"ada": "b2", "bob": "b1"}));
    bob.call("help.ask", json!({})).await.expect("asked");
    api.post(&to("rooms/b1/help/reset"), json!({})).await.is(200);
    assert_eq!(bob.notice("help_reset").await["room_id"], "b1");

    let polls = "/v1/meetings/demo/polls";
    let asked = json!({"question": "Tea?", "options": ["yes", "no"], "rooms": ["b1", "b2"]});
    assert_eq!(api.post(polls, asked).await.is(201)["poll"], json!(1));
    let poll = bob.notice("poll_changed").await["poll"].clone();
    bob.call("poll.vote", json!({"poll": poll, "option": 1})).await.expect("voted");
    assert_eq!(api.get(polls).await.is(200)["polls"][0]["votes"], json!([0, 1]));
    api.post(&format!("{polls}/1/close"), json!({})).await.is(200);
    api.post(&format!("{polls}/1/close"), json!({})).await.refused(409, Some(-32_009), None);
    api.post(&format!("{polls}/7/close"), json!({})).await.refused(
        404,
        Some(-32_004),
        Some("poll"),
    );
    api.post(&format!("{polls}/x/close"), json!({})).await.refused(404, None, None);

    api.post(&to("clear"), json!({})).await.is(200);
    assert_eq!(rooms_of(&api).await, json!({"ada": "main", "bob": "main"}));
    api.post(&to("reset"), json!({})).await.is(200);
    api.post(&to("start"), json!({})).await.is(200);
    api.send("POST", &to("destroy"), &[], "").await.is(200); // an empty body says nothing
    assert_eq!(rooms_of(&api).await, json!({"ada": "main", "bob": "main"}));
    let plan = api.get("/v1/meetings/demo/breakouts").await.is(200);
    assert_eq!((&plan["rooms"], &plan["state"]), (&json!([]), &json!("draft")));
}
