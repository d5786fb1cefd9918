//! Templates of roles, and the roles of a meeting.

use serde_json::{Value, json};

use crate::support::{Api, Server};

fn role(name: &str, permissions: &[&str]) -> Value {
    let media = json!({"audio": true, "video": true, "share": false, "canvas": false});
    json!({"name": name, "permissions": permissions, "publish": {"media": media}, "subscribe": {}})
}

#[tokio::test]
async fn templates() {
    let server = Server::start().await;
    let api = Api::of(&server);
    let usher = json!({"name": "theatre", "roles": [role("usher", &["breakout.manage"])]});
    let made = api.post("/v1/roles", usher.clone()).await;
    assert_eq!(made.header("location"), "/v1/roles/theatre");
    assert_eq!(made.is(201)["roles"][0]["publish"]["caps"]["video_height"], json!(720));
    api.post("/v1/roles", usher).await.refused(409, Some(-32_009), Some("name"));
    let listed = api.get("/v1/roles").await.is(200);
    let names: Vec<&Value> =
        listed["templates"].as_array().unwrap().iter().map(|template| &template["name"]).collect();
    assert_eq!(names, ["native", "stage", "theatre"]);
    assert_eq!(listed["templates"][0]["shipped"], json!(true));

    let two = json!({"roles": [role("usher", &[]), role("guest", &["chat"])]});
    let changed = api.json("PUT", "/v1/roles/theatre", two.clone()).await.is(200);
    assert_eq!(changed, api.get("/v1/roles/theatre").await.is(200));
    api.json("PUT", "/v1/roles/new", two.clone()).await.is(201);
    api.json("PUT", "/v1/roles/native", two).await.refused(409, Some(-32_009), Some("name"));
    api.send("DELETE", "/v1/roles/stage", &[], "").await.refused(409, Some(-32_009), Some("name"));
    api.send("DELETE", "/v1/roles/new", &[], "").await.is(204);
    api.get("/v1/roles/new").await.refused(404, Some(-32_004), Some("template"));
    let long = "x".repeat(129);
    for (roles, field) in [
        (json!([]), "roles"),
        (json!([role("a", &[]), role("a", &[])]), "roles"),
        (json!([role("a b", &[])]), "roles[0].name"),
        (json!([role(&long, &[])]), "roles[0].name"),
        (json!([role("a", &["fly"])]), "roles[0].permissions"),
    ] {
        let body = json!({"name": "odd", "roles": roles});
        api.post("/v1/roles", body).await.refused(422, Some(-32_602), Some(field));
    }
}

#[tokio::test]
async fn of_a_meeting() {
    let server = Server::start().await;
    let api = Api::of(&server);
    let roles = json!([role("host", &["breakout.manage", "voice.announce"]), role("guest", &[])]);
    api.post("/v1/meetings", json!({"id": "demo", "roles": roles})).await.is(201);
    let path = "/v1/meetings/demo/roles";
    assert_eq!(api.get(path).await.is(200)["roles"].as_array().unwrap().len(), 2);
    let mut hana = api.join(&server, "demo", json!({"id": "hana", "role": "host"})).await;
    hana.call("announce", json!({"on": true, "sources": ["audio"]})).await.expect("may");

    // What the role no longer permits ends at once.
    let less = role("host", &["breakout.manage"]);
    api.json("PUT", &format!("{path}/host"), less).await.is(200);
    assert_eq!(hana.notice("voice").await["on"], json!(true));
    assert_eq!(hana.notice("voice").await["on"], json!(false));
    assert!(hana.call("announce", json!({"on": true, "sources": ["audio"]})).await.is_err());

    api.json("PUT", &format!("{path}/usher"), role("usher", &[])).await.is(200);
    let other = api.json("PUT", &format!("{path}/usher"), role("x", &[])).await;
    other.refused(422, Some(-32_602), Some("name"));
    api.send("DELETE", &format!("{path}/usher"), &[], "").await.is(204);
    api.send("DELETE", &format!("{path}/guest"), &[], "").await.is(204);
    let last = api.send("DELETE", &format!("{path}/host"), &[], "").await;
    last.refused(409, Some(-32_009), Some("role"));
    let stage = api.json("PUT", path, json!({"template": "stage"})).await.is(200);
    assert_eq!(stage["roles"].as_array().unwrap().len(), 5);
    api.json("PUT", path, json!({})).await.refused(422, Some(1_734), Some("roles"));
}
