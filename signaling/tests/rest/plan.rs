//! The whole plan: read, edited, put back, under `If-Match`; lists of people.

use serde_json::{Value, json};

use crate::support::{Answered, Api, Server};

const PLAN: &str = "/v1/meetings/demo/breakouts";

async fn put(api: &Api, tag: &str, plan: &Value) -> Answered {
    let headers = [("content-type", "application/json"), ("if-match", tag)];
    api.send("PUT", PLAN, &headers, plan.to_string()).await
}

async fn scene() -> (Server, Api) {
    let server = Server::start().await;
    let api = Api::of(&server);
    api.post("/v1/meetings", json!({"id": "demo"})).await.is(201);
    (server, api)
}

#[tokio::test]
async fn what_was_read_can_be_put_back() {
    let (server, api) = scene().await;
    let plan = json!({"rooms": [
        {"name": "Red", "capacity": 3, "canvas": true, "assigned": ["ada"],
         "expected": [{"first_name": "Bob", "last_name": "Hope"}, {"email": "c@x.org"}]},
        {"video": false},
    ]});
    let made = put(&api, "*", &plan).await;
    let tag = made.header("etag").to_owned();
    let read = made.is(200);
    assert_eq!(read["rooms"][0]["id"], "b1");
    assert_eq!(read["rooms"][0]["expected"][1]["email"], "c@x.org");
    assert_eq!(read["rooms"][1]["name"], "Room 2");
    assert_eq!(read["rooms"][1]["video"], json!(false));
    let same = put(&api, &tag, &read).await;
    assert_eq!(same.header("etag"), tag, "nothing is other than before");
    assert_eq!(same.is(200), read);

    // Bob joins and is matched; what was read then says so too.
    let mut bob = api.join(&server, "demo", json!({"id": "bob", "name": "bob hope"})).await;
    let matched = api.get(PLAN).await.is(200);
    assert_eq!(matched["rooms"][0]["assigned"], json!(["ada", "bob"]));
    assert_eq!(matched["rooms"][0]["expected"][0]["person"], "bob");
    put(&api, &tag, &read).await.refused(412, Some(-32_012), Some("revision"));
    let tag = api.get(PLAN).await.header("etag").to_owned();
    let same = put(&api, &tag, &matched).await;
    assert_eq!(same.is(200), matched);

    // A room that is not named is deleted, one without an id is new; media alone count as a change.
    let mut edited = matched.clone();
    edited["rooms"] = json!([{"id": "b1", "name": "Rosso", "audio": false}, {"name": "Green"}]);
    let made = put(&api, &tag, &edited).await;
    assert_ne!(made.header("etag"), tag);
    let read = made.is(200);
    let ids: Vec<&Value> = read["rooms"].as_array().unwrap().iter().map(|r| &r["id"]).collect();
    assert_eq!(ids, ["b1", "b3"]);
    assert_eq!(read["rooms"][0]["name"], "Rosso");
    let tag = api.get(PLAN).await.header("etag").to_owned();
    edited["rooms"][0]["audio"] = json!(true);
    edited["rooms"][1] = json!({"id": "b3"});
    assert_ne!(put(&api, &tag, &edited).await.header("etag"), tag);

    api.post(&format!("{PLAN}/assign"), json!({"participants": ["bob"], "room": "b1"})).await;
    api.post(&format!("{PLAN}/start"), json!({})).await.is(200);
    assert_eq!(bob.notice("breakout_connected").await["name"], "Rosso");
    put(&api, "*", &edited).await.refused(409, Some(-32_009), None);
}

#[tokio::test]
async fn a_plan_that_can_not_be_changes_nothing() {
    let (_server, api) = scene().await;
    put(&api, "*", &json!({"rooms": [{"name": "Red", "assigned": ["ada"]}]})).await.is(200);
    let before = api.get(PLAN).await.is(200);
    let many: Vec<Value> = (0..301).map(|_| json!({})).collect();
    for (rooms, status, code, field) in [
        (json!([{"id": "b9"}]), 422, -32_602, "rooms[0].id"),
        (json!([{"id": "b1"}, {"id": "b1"}]), 422, -32_602, "rooms[1].id"),
        (json!([{"assigned": ["x"]}, {"assigned": ["x"]}]), 422, -32_602, "rooms[1].assigned"),
        (json!([{"assigned": [""]}]), 422, -32_602, "rooms[0].assigned"),
        (json!([{"expected": [{}]}]), 422, -32_602, "rooms[0].expected"),
        (json!([{"expected": [{"email": "nobody"}]}]), 422, -32_602, "rooms[0].expected"),
        (json!([{"name": "a\nb"}]), 422, -32_602, "rooms[0].name"),
        (json!([{"capacity": 1}]), 422, 1_725, "rooms[0].capacity"),
        (json!([{"capacity": 2, "assigned": ["a", "b", "c"]}]), 409, -32_010, "rooms[0].assigned"),
        (json!([{"colour": "red"}]), 422, -32_602, "rooms[0].colour"),
        (json!(many), 422, 1_726, "rooms"),
        (json!("none"), 422, -32_602, "rooms"),
        (json!([["b1", "Red"]]), 422, -32_602, "rooms[0]"),
    ] {
        let plan = json!({ "rooms": rooms });
        put(&api, "*", &plan).await.refused(status, Some(code), Some(field));
    }
    put(&api, "*", &json!({})).await.refused(422, Some(1_734), Some("rooms"));
    let bare = api.json("PUT", PLAN, json!({"rooms": []})).await;
    bare.refused(428, None, Some("If-Match"));
    for (tag, status) in
        [("\"x\"", 412), ("W/\"0\"", 412), ("0", 400), ("", 400), ("\"1\", \"2\"", 400)]
    {
        put(&api, tag, &before).await.refused(status, None, Some("If-Match"));
    }
    assert_eq!(api.get(PLAN).await.is(200), before);
    let stale = [("content-type", "application/json"), ("if-match", "\"999\"")];
    let stale = api.send("POST", &format!("{PLAN}/start"), &stale, "{}").await;
    assert_eq!(stale.refused(412, Some(-32_012), Some("revision"))["revision"], before["revision"]);
}

#[tokio::test]
async fn lists_of_people() {
    let (_server, api) = scene().await;
    let path = format!("{PLAN}/csv");
    let template = api.get(&path).await;
    assert!(template.header("content-type").starts_with("text/csv"));
    assert_eq!(template.body, "room_name,first_name,last_name,email\r\n");
    let csv = [("content-type", "text/csv")];
    let faults =
        "room_name,first_name,last_name,email\nRed,Ada,L,a@x.org\nRed,Ada,L,a@x.org\n,B,,\n";
    let refused = api.send("POST", &path, &csv, faults).await;
    let refused = refused.refused(422, Some(-32_602), Some("body"));
    assert_eq!(
        (&refused["errors"][0]["line"], &refused["errors"][1]["line"]),
        (&json!(3), &json!(4))
    );
    assert_eq!(api.get(PLAN).await.is(200)["rooms"], json!([]), "nothing is half done");
    api.post(&path, json!({})).await.refused(415, None, Some("Content-Type"));
    // What a spreadsheet writes; 300 rooms and no more.
    let list = |rooms: usize| {
        let rows = (0..rooms).map(|n| format!("Room {n},P,{n},\r\n")).collect::<String>();
        format!("\u{feff}room_name,first_name,last_name,email\r\n{rows}")
    };
    api.send("POST", &path, &csv, list(301)).await.refused(422, Some(1_726), Some("body"));
    api.send("POST", &path, &csv, list(300)).await.is(200);
    assert_eq!(api.get("/v1/meetings/demo").await.is(200)["rooms"], json!(300));
}
