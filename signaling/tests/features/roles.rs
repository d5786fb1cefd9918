//! FEATURES.md 1.10, 1.15: roles, presets, permissions; what the server manages.

use ringfence::control::api::Change;
use ringfence_signaling::rooms::{PERMISSIONS, Permission, Permissions, Role, Roles, Rules, code};
use serde_json::json;

use crate::scene::Scene;

const FORBIDDEN: i64 = code::FORBIDDEN as i64;

fn role<'a>(roles: &'a Roles, name: &str) -> &'a Role {
    roles.all().iter().find(|role| role.name.as_str() == name).expect("in the template")
}

pub async fn r1_a_role_is_permissions_publish_and_subscribe() {
    let cast = &[("hana", "host"), ("gus", "guest")];
    let mut scene = Scene::as_of(Rules::default(), Roles::stage(), cast).await;
    let silent = scene.changes().into_iter().filter(|change| {
        matches!(change, Change::Audience { audience: Some(to), .. } if to.rooms.is_empty())
    });
    assert_eq!(silent.count(), 5, "a guest publishes nothing: no source of theirs is spoken");
    let admitted = scene.server.books(|books| books.admissions.clone());
    assert_eq!(admitted[1].1, 0b11, "a guest receives host and co-host");
    assert_eq!(scene.no("gus", "breakout.create", json!({})).await.0, FORBIDDEN);
}

pub async fn r2_the_named_roles_are_there() {
    let stage = Roles::stage();
    for name in ["host", "co-host", "guest", "moderator", "breakout"] {
        role(&stage, name);
    }
    let native = Roles::native();
    for name in ["host", "co-host", "moderator", "participant", "speaker", "audience", "guest"] {
        let mut scene = Scene::as_of(Rules::default(), native.clone(), &[("x", name)]).await;
        assert_eq!(scene.listed("x", "x").await["role"], json!(name));
    }
}

pub async fn r3_the_host_of_the_example() {
    let stage = Roles::stage();
    let host = role(&stage, "host");
    assert_eq!(host.permissions, Permissions::all());
    assert!(host.publish.media.audio && host.publish.media.video && host.publish.media.share);
    let received: Vec<&str> =
        host.subscribe.roles.iter().flatten().map(|role| role.as_str()).collect();
    assert_eq!(received, ["host", "co-host", "moderator"]);
    // The same on the wire: what she is answered, what the relay is told, and what she may do.
    let cast = &[("gil", "guest"), ("mo", "moderator")];
    let mut scene = Scene::as_of(Rules::default(), stage, cast).await;
    let joined = scene.join("hana", json!({"role": "host"})).await;
    let words: Vec<&str> = PERMISSIONS.iter().map(|permission| permission.1).collect();
    assert_eq!(joined["permissions"], json!(words));
    let media = json!({"audio": true, "video": true, "share": true, "canvas": true});
    assert_eq!(joined["publish"]["media"], media);
    let admissions = scene.server.books(|books| books.admissions.clone());
    let numbers = [0u64, 1, 2].iter().fold(0, |bits, number| bits | 1 << number);
    assert_eq!(admissions.last(), Some(&(0, numbers)), "host, co-host and moderator, no guest");
    scene.rooms(1).await;
    scene.ok("hana", "announce", json!({"on": true, "sources": ["audio"]})).await;
    // And the moderator, who goes into a room, comes back.
    scene.ok("mo", "breakout.join", json!({"room_id": "b1"})).await;
    scene.ok("mo", "breakout.leave", json!({})).await;
    assert_eq!(scene.room_of("mo").await, "main");
}

pub async fn r4_templates_hold_roles_and_are_saved_as_text() {
    for name in ["native", "stage"] {
        let roles = Roles::shipped(name).expect("shipped");
        let text = serde_json::to_string(&roles).expect("JSON");
        assert_eq!(serde_json::from_str::<Roles>(&text).expect("read"), roles, "{name}");
    }
    let double = vec![Role::new("a", []), Role::new("a", [])];
    assert!(Roles::new(double).is_err() && Roles::new(Vec::new()).is_err());
    // A role made up by the operator counts like any other.
    let odd = Role::new("usher", [Permission::Manage, Permission::Parent]);
    let roles = Roles::new(vec![odd, Role::new("participant", [])]).expect("two roles");
    let mut scene = Scene::as_of(Rules::default(), roles, &[("u", "usher"), ("p", "any")]).await;
    scene.ok("u", "breakout.create", json!({})).await;
    assert_eq!(scene.no("p", "breakout.create", json!({})).await.0, FORBIDDEN);
}

pub async fn r5_the_permissions_of_connected_meetings() {
    let roles = Roles::new(vec![
        Role::new("full", [Permission::Manage, Permission::Parent]),
        Role::new("switch", [Permission::Switch]),
        Role::new("parent", [Permission::Parent]),
        Role::new("participant", []),
    ]);
    let cast = &[("f", "full"), ("s", "switch"), ("p", "parent"), ("n", "participant")];
    let mut scene = Scene::as_of(Rules::default(), roles.expect("roles"), cast).await;
    scene.ok("f", "breakout.create", json!({})).await;
    for (id, goes, returns) in
        [("f", true, true), ("s", true, false), ("p", false, true), ("n", false, false)]
    {
        let went = scene.page(id).call("breakout.join", json!({"room_id": "b1"})).await;
        assert_eq!(went.is_ok(), goes, "{id}");
        scene.ok("f", "breakout.move", json!({"clients": [id], "room_id": "b1"})).await;
        let returned = scene.page(id).call("breakout.leave", json!({})).await;
        assert_eq!(returned.is_ok(), returns, "{id}");
        scene.ok("f", "breakout.clear_all", json!({})).await;
    }
}

pub async fn r6_changing_roles_is_a_permission_and_gives_no_more_than_one_has() {
    let roles = Roles::new(vec![
        Role::new("host", ringfence_signaling::rooms::PERMISSIONS.iter().map(|entry| entry.0)),
        Role::new("usher", [Permission::ChangeRole, Permission::Chat]),
        Role::new("participant", [Permission::Chat]),
        Role::new("guest", []),
    ]);
    let cast = &[("h", "host"), ("u", "usher"), ("p", "participant")];
    let mut scene = Scene::as_of(Rules::default(), roles.expect("roles"), cast).await;
    let all = json!(["host", "usher", "participant", "guest"]);
    for (id, expected) in [("h", Some(&all)), ("u", Some(&all)), ("p", None)] {
        let joined = scene.join(id, json!({})).await;
        assert_eq!(joined.get("roles"), expected, "{id}: which roles there are to give");
    }
    let change = |client: &str, role: &str| json!({"client": client, "role": role, "force": true});
    assert_eq!(scene.no("p", "role.change", change("p", "usher")).await.0, FORBIDDEN);
    assert_eq!(scene.no("u", "role.change", change("p", "host")).await, (FORBIDDEN, "role".into()));
    assert_eq!(scene.no("u", "role.change", change("h", "guest")).await.0, FORBIDDEN);
    scene.ok("u", "role.change", change("p", "guest")).await;
    scene.ok("h", "role.change", change("p", "host")).await;
    assert_eq!(
        scene.no("h", "role.change", change("p", "king")).await,
        (code::INVALID_PARAMS.into(), "role".into())
    );
}

pub async fn r7_forced_or_by_consent() {
    let mut scene = Scene::new().await;
    scene.ok("hana", "role.change", json!({"client": "ada", "role": "speaker"})).await;
    let asked = scene.said("ada", "role_change_asked").await;
    assert_eq!((&asked["role"], &asked["requestor"]), (&json!("speaker"), &json!("hana")));
    assert_eq!(scene.listed("ada", "ada").await["role"], json!("participant"), "not yet");
    scene.ok("ada", "role.reject", json!({})).await;
    assert_eq!(scene.said("hana", "role_changed").await["accepted"], json!(false));
    scene.ok("hana", "role.change", json!({"client": "ada", "role": "speaker"})).await;
    scene.ok("ada", "role.accept", json!({})).await;
    assert_eq!(scene.said("hana", "role_changed").await["accepted"], json!(true));
    assert_eq!(scene.said("bob", "peer_updated").await["participant"]["role"], json!("speaker"));
    assert_eq!(scene.no("ada", "role.accept", json!({})).await.0, i64::from(code::CONFLICT));
    scene.changes();
    scene
        .ok("hana", "role.change", json!({"client": "ada", "role": "audience", "force": true}))
        .await;
    let silenced = scene.changes().into_iter().filter(|c| matches!(c, Change::Audience { .. }));
    assert_eq!(silenced.count(), 5, "and the relay stops what the new role may not send");
    // The same token again does not undo it.
    let joined = scene.join("ada", json!({"role": "participant"})).await;
    assert_eq!(joined["role"], json!("audience"));
}

pub async fn r8_self_movement_is_a_permission() {
    let cast = &[("hana", "host"), ("sam", "speaker"), ("ada", "participant")];
    let mut scene = Scene::cast(Rules::default(), cast).await;
    scene.rooms(1).await;
    for (id, may) in [("sam", true), ("ada", false)] {
        let params = json!({"clients": [id], "room_id": "b1"});
        assert_eq!(scene.page(id).call("breakout.move", params).await.is_ok(), may, "{id}");
    }
}

pub async fn r9_broadcast_is_a_permission() {
    let cast = &[("hana", "host"), ("sam", "speaker"), ("ada", "participant")];
    for (everyone_can_broadcast, ada) in [(false, false), (true, true)] {
        let rules = Rules { everyone_can_broadcast, ..Rules::default() };
        let mut scene = Scene::cast(rules, cast).await;
        for (id, may) in [("hana", true), ("sam", true), ("ada", ada)] {
            let written = scene.page(id).call("broadcast", json!({"text": "x"})).await;
            assert_eq!(written.is_ok(), may, "{id}");
        }
    }
}

pub async fn r10_the_role_is_part_of_the_join() {
    let mut scene = Scene::new().await;
    scene.rooms(1).await;
    scene.ok("hana", "breakout.join", json!({"role": "moderator", "room_id": "b1"})).await;
    scene.ok("hana", "breakout.leave", json!({})).await;
    scene.ok("hana", "breakout.invite", json!({"clients": ["ada"], "room_id": "b1"})).await;
    let moderator = json!({"role": "moderator", "room_id": "b1"});
    assert_eq!(scene.no("ada", "breakout.join", moderator).await, (FORBIDDEN, "role".into()));
    scene.ok("ada", "breakout.join", json!({"role": "participant", "room_id": "b1"})).await;
}

pub async fn v2_peers_are_listed_with_their_roles() {
    let mut scene = Scene::new().await;
    let list = scene.ok("bob", "peers.list", json!({})).await;
    let people = list["participants"].as_array().expect("people").iter();
    let roles: Vec<_> = people.map(|one| (one["id"].clone(), one["role"].clone())).collect();
    let expected = [("ada", "participant"), ("bob", "participant"), ("hana", "host")];
    assert_eq!(roles, expected.map(|(id, role)| (json!(id), json!(role))));
    // And by the server, with where they are.
    scene.rooms(1).await;
    scene.go(&["ada"], "b1").await;
    let api = crate::support::Api::of(&scene.server);
    let list = api.get("/v1/meetings/main/participants").await.is(200);
    let people = list["participants"].as_array().expect("people").iter();
    let listed: Vec<_> = people.map(|one| json!([one["id"], one["role"], one["room"]])).collect();
    let (ada, bob) = (json!(["ada", "participant", "b1"]), json!(["bob", "participant", "main"]));
    assert_eq!(listed, [ada, bob, json!(["hana", "host", "main"])]);
}
