//! FEATURES.md 1.2 E5, 1.15: what a server does, over REST.

use ringfence_signaling::rooms::code;
use ringfence_signaling::tokens::Grants;
use serde_json::{Value, json};

use crate::support::{Api, Page, Server};

const FORBIDDEN: i64 = code::FORBIDDEN as i64;

async fn scene(options: Value) -> (Server, Api) {
    let server = Server::start().await;
    let api = Api::of(&server);
    api.post("/v1/meetings", json!({"id": "demo", "options": options})).await.is(201);
    (server, api)
}

async fn room_of(api: &Api, id: &str) -> Value {
    api.get(&format!("/v1/meetings/demo/participants/{id}")).await.is(200)["room"].clone()
}

pub async fn e5_create_a_meeting_and_add_a_participant() {
    let server = Server::start().await;
    let api = Api::of(&server);
    let one = api.post("/v1/meetings", json!({})).await.is(201);
    let two = api.post("/v1/meetings", json!({})).await.is(201);
    assert_ne!(one["id"], two["id"], "a unique id");
    let path = format!("/v1/meetings/{}/participants", one["id"].as_str().expect("an id"));
    let body = json!({"name": "Ada", "presetName": "speaker"});
    let added = api.post(&path, body).await.is(201);
    let mut page = server.connect().await;
    let joined = page.call("join", json!({"protocol": 1, "token": added["token"]})).await;
    let joined = joined.expect("the token is one to join with");
    assert_eq!((&joined["meeting"], &joined["participant"]), (&one["id"], &added["id"]));
    assert_eq!(joined["role"], "speaker");
}

pub async fn v1_everything_from_the_server_only() {
    let (server, api) = scene(json!({})).await;
    let breakouts = "/v1/meetings/demo/breakouts";
    let mut people: Vec<Page> = Vec::new();
    for id in ["ada", "bob", "carl"] {
        people.push(api.join(&server, "demo", json!({"id": id})).await);
    }
    // Nobody who is there may do what is done here: no host is needed.
    let made = people[0].call("breakout.create", json!({})).await;
    assert_eq!(made.expect_err("no host").0, FORBIDDEN);
    api.post(&format!("{breakouts}/rooms"), json!({"names": ["Red", "Blue"]})).await.is(201);
    let ada = json!({"participants": ["ada"], "room": "b1"});
    api.post(&format!("{breakouts}/assign"), ada).await.is(200);
    api.post(&format!("{breakouts}/start"), json!({})).await.is(200);
    assert_eq!(people[0].notice("breakout_connected").await["name"], "Red");
    let carl = json!({"participants": ["carl"], "room": "b2"});
    api.post("/v1/meetings/demo/move", carl).await.is(200);
    api.post("/v1/meetings/demo/broadcast", json!({"text": "soon"})).await.is(200);
    assert_eq!(people[2].notice("broadcast").await["from"], "server");
    api.post(&format!("{breakouts}/exchange"), json!({"a": "ada", "b": "carl"})).await.is(200);
    assert_eq!(
        (room_of(&api, "ada").await, room_of(&api, "carl").await),
        ("b2".into(), "b1".into())
    );
    api.post(&format!("{breakouts}/shuffle"), json!({"strategy": "even", "seed": 1})).await.is(200);
    let mute = json!({"kind": "audio"});
    api.post("/v1/meetings/demo/participants/bob/mute", mute).await.is(200);
    api.post(&format!("{breakouts}/stop"), json!({})).await.is(200);
    assert_eq!(room_of(&api, "ada").await, "main");
    api.send("DELETE", "/v1/meetings/demo/participants/bob", &[], "").await.is(204);
    api.post(&format!("{breakouts}/destroy"), json!({})).await.is(200);
    assert_eq!(api.get(breakouts).await.is(200)["rooms"], json!([]));
    api.send("DELETE", "/v1/meetings/demo", &[], "").await.is(204);

    // And only from the server: a participant's own token opens nothing here.
    api.post("/v1/meetings", json!({"id": "demo"})).await.is(201);
    let added = api.post("/v1/meetings/demo/participants", json!({"role": "host"})).await.is(201);
    let token = added["token"].as_str().map(str::to_owned);
    let host = Api { token, ..Api::of(&server) };
    host.get("/v1/meetings/demo").await.is(403);
    let admin = Grants { room: "demo".into(), room_admin: true, ..Grants::default() };
    Api::with(&server, admin).get("/v1/meetings/demo").await.is(200);
}

pub async fn v3_a_participants_role_is_changed() {
    let (server, api) = scene(json!({})).await;
    let mut ada = api.join(&server, "demo", json!({"id": "ada"})).await;
    let path = "/v1/meetings/demo/participants/ada";
    assert_eq!(api.json("PATCH", path, json!({"role": "host"})).await.is(200)["role"], "host");
    ada.call("breakout.create", json!({})).await.expect("by the new role");
    let asked = json!({"role": "audience", "force": false});
    assert_eq!(api.json("PATCH", path, asked).await.is(200)["role"], "host", "not yet");
    ada.call("role.accept", json!({})).await.expect("agreed");
    assert_eq!(api.get(path).await.is(200)["role"], "audience");
}

pub async fn v4_templates_and_roles_by_api() {
    let server = Server::start().await;
    let api = Api::of(&server);
    let media = json!({"audio": true, "video": false, "share": false, "canvas": false});
    let usher = json!({"name": "usher", "permissions": ["breakout.manage", "breakout.parent"],
        "publish": {"media": media}, "subscribe": {"roles": ["usher"]}});
    let template = json!({"name": "theatre", "roles": [usher]});
    api.post("/v1/roles", template).await.is(201);
    api.post("/v1/meetings", json!({"id": "demo", "template": "theatre"})).await.is(201);
    let mut ada = api.join(&server, "demo", json!({"id": "ada", "role": "usher"})).await;
    ada.call("breakout.create", json!({})).await.expect("ushers manage");
    let admitted = server.books(|books| books.admissions.clone());
    assert_eq!(admitted, [(0, 0b1)], "an usher receives ushers: so says the relay's mask");
    // A role made on the fly is that of the next to come (C7).
    let guest = json!({"name": "guest", "permissions": [], "publish": {"media": media},
        "subscribe": {}});
    api.json("PUT", "/v1/meetings/demo/roles/guest", guest).await.is(200);
    let mut bob = api.join(&server, "demo", json!({"id": "bob", "role": "guest"})).await;
    assert_eq!(bob.call("breakout.create", json!({})).await.expect_err("no usher").0, FORBIDDEN);
}

pub async fn v5_create_a_meeting_and_add_a_participant_with_a_preset() {
    let (server, api) = scene(json!({})).await;
    for (key, role) in [("presetName", "host"), ("role", "audience")] {
        let id = format!("p-{role}");
        let mut page = api.join(&server, "demo", json!({"id": id, key: role})).await;
        let created = page.call("breakout.create", json!({})).await;
        assert_eq!(created.is_ok(), role == "host", "{role}");
    }
    let unknown = json!({"presetName": "king"});
    let refused = api.post("/v1/meetings/demo/participants", unknown).await;
    refused.refused(422, Some(code::INVALID_PARAMS), Some("role"));
}

pub async fn v6_options_by_api() {
    let options = json!({"free_move": true, "everyone_can_broadcast": true});
    let (server, api) = scene(options).await;
    let mut ada = api.join(&server, "demo", json!({"id": "ada"})).await;
    api.post("/v1/meetings/demo/breakouts/rooms", json!({})).await.is(201);
    ada.call("breakout.join", json!({"room_id": "b1"})).await.expect("free to move");
    ada.call("broadcast", json!({"text": "hello"})).await.expect("everybody may");
    let off = json!({"options": {"free_move": false, "everyone_can_broadcast": false}});
    let changed = api.json("PATCH", "/v1/meetings/demo", off).await.is(200);
    assert_eq!(changed["options"]["free_move"], json!(false));
    assert_eq!(
        ada.call("broadcast", json!({"text": "x"})).await.expect_err("no more").0,
        FORBIDDEN
    );
    ada.call("breakout.leave", json!({})).await.expect("back");
    assert_eq!(
        ada.call("breakout.join", json!({"room_id": "b1"})).await.expect_err("no more").0,
        FORBIDDEN
    );
    let profile = json!({"id": "strict", "profile": "enablex", "options": {"warn_s": 5}});
    let strict = api.post("/v1/meetings", profile).await.is(201);
    assert_eq!(
        (&strict["options"]["breakout_rooms_max"], &strict["options"]["warn_s"]),
        (&json!(10), &json!(5))
    );
}
