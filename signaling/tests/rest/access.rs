//! Who may call: grants, meetings, and nobody without a token but a developer on this machine.

use ringfence_signaling::rooms::Rules;
use ringfence_signaling::tokens::Grants;
use serde_json::json;

use crate::support::{Api, Server};

fn grants(room: &str, create: bool, list: bool, admin: bool) -> Grants {
    Grants {
        room: room.into(),
        room_create: create,
        room_list: list,
        room_admin: admin,
        ..Grants::default()
    }
}

#[tokio::test]
async fn by_grant_and_meeting() {
    let server = Server::start_with(false, Rules::default()).await;
    let nobody = Api::of(&server);
    let refused = nobody.get("/v1/meetings").await;
    assert_eq!(refused.header("www-authenticate"), "Bearer");
    refused.refused(401, None, None);
    let liar = Api { token: Some("nonsense".into()), ..Api::of(&server) };
    liar.get("/v1/meetings").await.refused(401, None, None);

    let maker = Api::with(&server, grants("", true, false, false));
    let lister = Api::with(&server, grants("", false, true, false));
    let admin = Api::with(&server, grants("", false, false, true));
    let of_a = Api::with(&server, grants("a", false, false, true));
    let makes_a = Api::with(&server, grants("a", true, false, false));
    let guest = Api::with(&server, Grants { room_join: true, ..grants("a", false, false, false) });

    maker.post("/v1/meetings", json!({"id": "b"})).await.is(201);
    makes_a.post("/v1/meetings", json!({"id": "c"})).await.refused(403, None, None);
    assert_eq!(makes_a.post("/v1/meetings", json!({})).await.is(201)["id"], "a");
    lister.post("/v1/meetings", json!({})).await.refused(403, None, None);
    guest.post("/v1/meetings", json!({})).await.refused(403, None, None);

    assert_eq!(lister.get("/v1/meetings").await.is(200)["meetings"].as_array().unwrap().len(), 2);
    let own = of_a.get("/v1/meetings").await.is(200);
    assert_eq!(own["meetings"].as_array().unwrap().len(), 1);
    assert_eq!(own["meetings"][0]["id"], "a");
    for path in ["/v1/meetings/b", "/v1/meetings/b/participants", "/v1/meetings/b/breakouts"] {
        of_a.get(path).await.refused(403, None, None);
        lister.get(path).await.refused(403, None, None);
        guest.get(path).await.refused(403, None, None);
        admin.get(path).await.is(200);
    }
    of_a.get("/v1/meetings/a").await.is(200);
    // A name that is percent-encoded is the same name.
    of_a.get("/v1/meetings/%61").await.is(200);
    of_a.get("/v1/meetings/%62").await.refused(403, None, None);
    of_a.get("/v1/roles").await.refused(403, None, None);
    admin.get("/v1/roles").await.is(200);
    guest.send("DELETE", "/v1/meetings/a", &[], "").await.refused(403, None, None);
    of_a.send("DELETE", "/v1/meetings/b", &[], "").await.refused(403, None, None);
    of_a.send("DELETE", "/v1/meetings/a", &[], "").await.is(204);
    maker.send("DELETE", "/v1/meetings/b", &[], "").await.is(204);

    // What is there to read for everybody is the document.
    nobody.get("/v1/openapi.json").await.is(200);
}

#[tokio::test]
async fn a_page_from_elsewhere_is_no_developer() {
    let server = Server::start().await;
    let api = Api::of(&server);
    api.get("/v1/meetings").await.is(200);
    for header in [("origin", "https://evil.example"), ("x-forwarded-for", "1.2.3.4")] {
        api.send("GET", "/v1/meetings", &[header], "").await.refused(401, None, None);
    }
}
