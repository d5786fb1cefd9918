//! Parameters: what is missing or wrong is named.

use serde_json::json;

use super::*;
use crate::rooms::{Create, Media, Mutable, Request};

#[test]
fn errors_name_the_field() {
    for (method, params, code, field) in [
        ("offer", json!({}), 1734, "sdp"),
        ("offer", json!({"sdp": 1}), code::INVALID_PARAMS, "sdp"),
        ("offer", json!({"sdp": "v=0\r\n"}), code::INVALID_PARAMS, "sdp"),
        ("ice_restart", json!({}), 1734, "sdp"),
        ("view", json!({}), 1734, "videos"),
        ("view", json!({"videos": 1}), code::INVALID_PARAMS, "videos"),
        ("view", json!({"videos": [{"participant": "a"}]}), code::INVALID_PARAMS, "videos"),
        ("view", json!({"videos": vec![1; 65]}), code::INVALID_PARAMS, "videos"),
        (
            "view",
            json!({"videos": [{"participant": "a", "source": "microphone"}]}),
            code::INVALID_PARAMS,
            "videos",
        ),
        ("mute", json!({}), 1734, "kind"),
        ("mute", json!({"kind": "smell"}), code::INVALID_PARAMS, "kind"),
        ("unmute", json!({"kind": 1}), code::INVALID_PARAMS, "kind"),
        ("breakout.create", json!({"participants": "many"}), 1724, "participants"),
        ("breakout.create", json!({"participants": -1}), 1724, "participants"),
        ("breakout.create", json!({"max_rooms": 1.5}), code::INVALID_PARAMS, "max_rooms"),
        ("breakout.create", json!({"names": "a"}), code::INVALID_PARAMS, "names"),
        ("breakout.create", json!({"share": 1}), code::INVALID_PARAMS, "share"),
        ("breakout.create", json!({"screen": 1}), code::INVALID_PARAMS, "screen"),
        ("breakout.move", json!({"room_id": "b1"}), 1734, "clients"),
        ("breakout.move", json!({"clients": ["a"]}), 1734, "room_id"),
        (
            "breakout.move",
            json!({"clients": [1], "room_id": "b1"}),
            code::INVALID_PARAMS,
            "clients",
        ),
        ("breakout.move", json!({"clients": ["a"], "room_id": 1}), code::INVALID_PARAMS, "room_id"),
        ("breakout.stop", json!({"grace": 60}), code::INVALID_PARAMS, "grace"),
        ("breakout.stop", json!({"grace_s": 60, "soon": null}), code::INVALID_PARAMS, "soon"),
        ("peers.list", json!({"revision": 1}), code::INVALID_PARAMS, "revision"), // of the plan's
        ("announce", json!({"on": false, "kinds": []}), code::INVALID_PARAMS, "kinds"),
        ("whisper", json!({"to": {"room_id": "b1", "client": "a"}}), code::INVALID_PARAMS, "to"),
        (
            "view",
            json!({"videos": [{"participant": "a", "source": "camera", "width": 1}]}),
            code::INVALID_PARAMS,
            "videos",
        ),
    ] {
        let params = params.as_object().unwrap();
        let error = call(method, params).err().unwrap_or_else(|| panic!("{method} {params:?}"));
        let named = error.data.as_ref().and_then(|data| data.get("field")?.as_str());
        assert_eq!((error.code, named), (code, Some(field)), "{method} {params:?}");
    }
    let unknown = call("breakout.fly", &Params::new()).expect_err("no such method");
    assert_eq!(unknown.code, code::UNKNOWN_METHOD);
    assert_eq!(unknown.data.expect("a field")["field"], "method");
    let odd = call("breakout.stop", json!({"grace": 60}).as_object().unwrap());
    let says = "breakout.stop has no parameter \"grace\"; it takes grace_s, revision";
    assert_eq!(odd.expect_err("refused").message, says);
}

/// What is read only in one case is taken in the other, too; spellings of the seeds are.
#[test]
fn what_is_taken_is_not_refused() {
    for (method, params) in [
        ("announce", json!({"on": false, "sources": ["audio"]})),
        ("whisper", json!({"on": false, "to": "ada"})),
        ("breakout.shuffle", json!({"strategy": "even", "attribute": "team", "seed": 1})),
        ("joinBreakOutRoom", json!({"role": "moderator", "roomId": "b1", "share": true})),
        ("breakout.import_csv", json!({"csv": "", "if_revision": 3})),
        ("monitor", json!({"rooms": [], "listen": null})),
    ] {
        let refused = call(method, params.as_object().unwrap()).err();
        assert_eq!(refused, None, "{method} {params}");
    }
}

#[test]
fn aliases_and_defaults() {
    let params = json!({"clientIds": ["a"], "roomId": "b1"});
    let read = |method, params: &Params| match call(method, params) {
        Ok(Call::Engine { request, .. }) => *request,
        other => panic!("{other:?}"),
    };
    let Request::Move { clients, room_id } = read("breakout.move", params.as_object().unwrap())
    else {
        panic!("aliases are taken")
    };
    assert_eq!((clients, room_id), (vec!["a".to_owned()], "b1".to_owned()));
    let media = Media { audio: true, video: true, share: true, canvas: false };
    let expected =
        Create { max_rooms: None, names: vec![], participants: None, media, empty_ttl: None };
    for method in ["breakout.create", "createBreakoutRoom", "createBreakOutRoom"] {
        assert_eq!(read(method, &Params::new()), Request::Create(expected.clone()), "{method}");
    }
}

/// Kinds as ever, sources beside them; the seeds' word for the screen.
#[test]
fn what_can_be_muted() {
    for (word, expected) in [
        ("audio", Mutable::Audio),
        ("video", Mutable::Video),
        ("microphone", Mutable::Microphone),
        ("camera", Mutable::Camera),
        ("screen", Mutable::Screen),
        ("share", Mutable::Screen),
        ("screen_audio", Mutable::ScreenAudio),
        ("canvas", Mutable::Canvas),
    ] {
        for (method, params) in [
            ("mute", json!({"kind": word})),
            ("people.mute", json!({"kind": word, "client": "ada"})),
        ] {
            let read = call(method, params.as_object().unwrap());
            let Ok(Call::Engine { request, .. }) = read else { panic!("{method} {word}") };
            let kind = match *request {
                Request::Mute { kind, muted: true } | Request::MutePerson { kind, .. } => kind,
                other => panic!("{other:?}"),
            };
            assert_eq!(kind, expected, "{method} {word}");
        }
    }
}

#[test]
fn every_method_is_read() {
    for method in METHODS.iter().filter(|method| **method != "join") {
        let refused = call(method, &Params::new()).err().map(|error| error.code);
        assert_ne!(refused, Some(code::UNKNOWN_METHOD), "{method}");
    }
}

#[test]
fn joins() {
    for (params, expected) in [
        (json!({"protocol": 1}), None),
        (json!({"protocol": 1, "id": "a", "name": "A"}), None),
        (json!({}), Some((1734, "protocol"))),
        (json!({"protocol": 2}), Some((code::INVALID_PARAMS, "protocol"))),
        (json!({"protocol": 1, "id": 5}), Some((code::INVALID_PARAMS, "id"))),
        (json!({"protocol": 1, "room": "b1"}), Some((code::INVALID_PARAMS, "room"))),
    ] {
        let error = join(params.as_object().unwrap()).err();
        let got = error.map(|e| (e.code, e.data.unwrap()["field"].as_str().unwrap().to_owned()));
        assert_eq!(got, expected.map(|(code, field)| (code, field.to_owned())), "{params}");
    }
}
