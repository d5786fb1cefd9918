//! FEATURES.md 1.7, 1.8, 1.9, 1.13: the main room while inside, media inside, state on return.

use ringfence::control::api::Change;
use ringfence::route::id::Source;
use ringfence::route::table::Kinds;
use ringfence::wire::media::Kind;
use ringfence_signaling::rooms::{
    Caps, OnEnter, OnReturn, Permission, Role, RoleName, Roles, Rules,
};
use serde_json::{Value, json};

use crate::scene::Scene;

fn keep() -> Rules {
    Rules { on_enter: OnEnter::Keep, ..Rules::default() }
}

/// The last word to the relay on what is heard of the main room from inside a breakout.
fn heard(changes: &[Change]) -> Option<Kinds> {
    changes.iter().rev().find_map(|change| match change {
        Change::Hear { kinds, .. } => Some(*kinds),
        _ => None,
    })
}

/// What the relay mutes and unmutes, of whose sources it may be.
pub fn mutes(changes: Vec<Change>) -> Vec<(Source, bool)> {
    let mutes = changes.into_iter().filter_map(|change| match change {
        Change::Mute { source, muted, .. } => Some((source, muted)),
        _ => None,
    });
    mutes.collect()
}

async fn inside(rules: Rules) -> Scene {
    let mut scene = Scene::with(rules).await;
    scene.rooms(1).await;
    scene.go(&["ada", "bob"], "b1").await;
    scene.changes();
    scene.forget().await;
    scene
}

pub async fn p1_pause() {
    for method in ["parent.pause", "pauseRoom", "pause"] {
        let mut scene = inside(keep()).await;
        let answer = scene.ok("ada", method, json!({})).await;
        assert_eq!(answer, json!({"result": 0, "msg": "Room paused"}), "{method}");
        assert_eq!(heard(&scene.changes()), Some(Kinds::NONE), "{method}");
        assert_eq!(scene.listed("hana", "ada").await["paused"], json!(true));
    }
}

pub async fn p2_resume() {
    for method in ["parent.resume", "resumeRoom", "resume"] {
        let mut scene = inside(keep()).await;
        scene.ok("ada", "parent.pause", json!({})).await;
        let answer = scene.ok("ada", method, json!({})).await;
        assert_eq!(answer, json!({"result": 0, "msg": "Room resumed"}), "{method}");
        assert_eq!(heard(&scene.changes()), Some(Kinds::ALL), "{method}");
    }
}

pub async fn p3_pausing_is_about_the_main_room_only() {
    let mut scene = inside(keep()).await;
    scene.ok("ada", "parent.pause", json!({})).await;
    let changes = scene.changes();
    assert_eq!(changes.len(), 1, "nothing but what is heard of the main room: {changes:?}");
    assert_eq!(scene.room_of("ada").await, "b1");
}

pub async fn p4_clear_resumes_and_destroy_unmutes_too() {
    for (method, unmutes) in [("breakout.clear_all", false), ("breakout.destroy_all", true)] {
        let rules = Rules { on_return: OnReturn::Manual, ..keep() };
        let mut scene = inside(rules).await;
        scene.ok("ada", "parent.pause", json!({})).await;
        scene.ok("ada", "parent.mute", json!({"audio": true})).await;
        scene.forget().await;
        scene.ok("hana", method, json!({})).await;
        let parent = scene.said("ada", "meeting_changed").await["parent"].clone();
        let got = (&parent["paused"], &parent["audio_muted"]);
        assert_eq!(got, (&json!(false), &json!(!unmutes)), "{method}");
    }
}

pub async fn m1_audio_and_video_are_muted_independently() {
    let (audio, video) = (Kinds::only(Kind::Audio), Kinds::only(Kind::Video));
    for (muted, left) in [
        (json!({"audio": true, "video": false}), video),
        (json!({"audio": false, "video": true}), audio),
        (json!({"audio": true, "video": true}), Kinds::NONE),
    ] {
        let mut scene = inside(keep()).await;
        let answer = scene.ok("ada", "muteRoom", muted.clone()).await;
        assert_eq!(answer, json!({"result": 0, "msg": "Room muted"}));
        assert_eq!(heard(&scene.changes()), Some(left), "{muted}");
        for method in ["unMuteRoom", "unmuteRoom", "parent.unmute"] {
            let answer = scene.ok("ada", method, muted.clone()).await;
            assert_eq!(answer, json!({"result": 0, "msg": "Room unmuted"}), "{method}");
        }
        assert_eq!(heard(&scene.changes()), Some(Kinds::ALL), "{muted}");
    }
    let mut scene = inside(keep()).await;
    assert_eq!(scene.no("ada", "parent.mute", json!({})).await, (1734, "audio".into()));
}

pub async fn m2_unmute_after_the_return() {
    let mut scene = inside(keep()).await;
    scene.ok("ada", "parent.mute", json!({"audio": true, "video": true})).await;
    scene.changes();
    scene.ok("ada", "breakout.leave", json!({})).await;
    let own = |changes: Vec<Change>| {
        changes.into_iter().find_map(|change| match change {
            Change::HearOwn { kinds, .. } => Some(kinds),
            _ => None,
        })
    };
    assert_eq!(own(scene.changes()), Some(Kinds::NONE), "back, and the main room is still muted");
    scene.ok("ada", "parent.unmute", json!({"audio": true, "video": true})).await;
    assert_eq!(own(scene.changes()), Some(Kinds::ALL));
}

pub async fn m3_pause_and_mute_are_two_things() {
    let mut scene = inside(keep()).await;
    scene.ok("ada", "parent.mute", json!({"audio": true})).await;
    scene.ok("ada", "parent.pause", json!({})).await;
    assert_eq!(heard(&scene.changes()), Some(Kinds::NONE));
    scene.ok("ada", "parent.resume", json!({})).await;
    assert_eq!(heard(&scene.changes()), Some(Kinds::only(Kind::Video)), "still muted");
}

pub async fn d1_which_media_a_room_has() {
    for (kind, silenced) in [("audio", 1), ("video", 1), ("share", 2), ("canvas", 1)] {
        let mut scene = Scene::new().await;
        let mut ask = json!({"audio": true, "video": true, "share": true, "canvas": true});
        ask[kind] = json!(false);
        scene.ok("hana", "breakout.create", ask).await;
        scene.changes();
        scene.go(&["ada"], "b1").await;
        let audiences = scene.changes();
        let audiences = audiences.iter().filter(|one| matches!(one, Change::Audience { .. }));
        assert_eq!(audiences.count(), silenced, "{kind}");
    }
}

pub async fn d2_own_microphone_and_camera_at_any_time() {
    let mut scene = inside(Rules::default()).await;
    let (microphone, camera, canvas) = (Source::Microphone, Source::Camera, Source::Canvas);
    let (screen, sound) = (Source::Screen, Source::ScreenAudio);
    for (kind, sources, shown) in [
        ("audio", vec![microphone, sound], json!(["audio", "screen_audio"])),
        ("video", vec![camera, screen, canvas], json!(["canvas", "screen", "video"])),
        ("microphone", vec![microphone], json!(["audio"])),
        ("camera", vec![camera], json!(["video"])), // a shared screen goes on
        ("screen", vec![screen, sound], json!(["screen", "screen_audio"])),
        ("screen_audio", vec![sound], json!(["screen_audio"])),
        ("canvas", vec![canvas], json!(["canvas"])),
    ] {
        for (method, muted) in [("mute", true), ("unmute", false)] {
            scene.ok("ada", method, json!({"kind": kind})).await;
            let expected: Vec<_> = sources.iter().map(|source| (*source, muted)).collect();
            assert_eq!(mutes(scene.changes()), expected, "{method} {kind}: in the relay");
            let told = scene.said("bob", "peer_updated").await["participant"]["muted"].clone();
            let named = if muted { shown.clone() } else { json!([]) };
            assert_eq!(json!(muted_of(&told)), named, "{method} {kind}: told");
        }
    }
    // One out of a kind: the others stay as they are.
    scene.ok("ada", "mute", json!({"kind": "video"})).await;
    scene.changes();
    scene.ok("ada", "unmute", json!({"kind": "screen"})).await;
    assert_eq!(mutes(scene.changes()), [(screen, false)]);
    assert_eq!(muted_of(&muted(&mut scene).await), ["canvas", "video"]);
    for wrong in [json!("smell"), json!(1)] {
        assert_eq!(scene.no("ada", "mute", json!({"kind": wrong})).await.1, "kind");
    }
}

/// Of somebody's `muted`, in the order of the words.
fn muted_of(told: &Value) -> Vec<&str> {
    let all = told.as_object().expect("an object").iter();
    let mut muted: Vec<&str> = all
        .filter(|(_, muted)| **muted == json!(true))
        .map(|(source, _)| source.as_str())
        .collect();
    muted.sort_unstable();
    muted
}

pub async fn d3_chat_and_polls_inside() {
    let mut scene = Scene::new().await;
    scene.rooms(1).await;
    scene.go(&["ada", "hana"], "b1").await;
    scene.ok("ada", "chat", json!({"text": "hello"})).await;
    assert_eq!(scene.said("hana", "chat").await["text"], json!("hello"));
    let ask = json!({"question": "Tea?", "options": ["yes", "no"]});
    let poll = scene.ok("hana", "poll.create", ask.clone()).await["poll"].clone();
    assert_eq!(scene.said("ada", "poll_changed").await["question"], json!("Tea?"));
    scene.ok("ada", "poll.vote", json!({"poll": poll, "option": 0})).await;
    scene.ok("ada", "poll.vote", json!({"poll": poll, "option": 1})).await;
    scene.ok("hana", "poll.close", json!({"poll": poll})).await;
    let last = scene.page("ada").all("poll_changed").await.pop().expect("told");
    assert_eq!((&last["votes"], &last["open"]), (&json!([0, 1]), &json!(false)));
    scene.unsaid("bob", "poll_changed").await;
    scene.unsaid("bob", "chat").await;
    assert_eq!(scene.no("bob", "poll.vote", json!({"poll": poll, "option": 0})).await.1, "poll");
    assert_eq!(scene.no("ada", "poll.create", ask).await.0, -32_003);
}

pub async fn d4_guests_have_each_other_and_the_stage() {
    let mut scene = Scene::with(keep()).await;
    scene.rooms(1).await;
    scene.changes();
    scene.go(&["ada", "bob"], "b1").await;
    let changes = scene.changes();
    let moves = changes.iter().filter(|change| matches!(change, Change::Move { .. })).count();
    assert_eq!((moves, heard(&changes)), (2, Some(Kinds::ALL)));
}

pub async fn d5_quality_by_role() {
    let mut scene = Scene::new().await;
    let joined = scene.join("cyd", json!({})).await;
    let caps = &joined["publish"]["caps"];
    assert_eq!((&caps["video_height"], &caps["screen_height"]), (&json!(720), &json!(1080)));
    assert_eq!(joined["publish"]["media"]["audio"], json!(true));

    // Bits are counted by the relay, whatever the client makes of it; heights are the client's.
    let mut low = Role::new("participant", []);
    low.publish.caps = Caps { video_bps: Some(300_000), ..Caps::default() };
    let mut high = low.clone();
    (high.name, high.publish.caps.video_bps) = (RoleName::new("speaker"), Some(900_000));
    let host = Role::new("host", [Permission::ChangeRole]);
    let roles = Roles::new(vec![host, low, high]).expect("three roles");
    let cast = &[("hana", "host"), ("cyd", "participant")];
    let mut scene = Scene::as_of(Rules::default(), roles, cast).await;
    let capped = |changes: Vec<Change>| -> Vec<(Source, Option<u32>)> {
        let cap = |change: &Change| match change {
            Change::Cap { source, bps_max, .. } => Some((*source, *bps_max)),
            _ => None,
        };
        changes.iter().filter_map(cap).collect()
    };
    assert_eq!(capped(scene.changes()), [(Source::Camera, Some(300_000))]);
    let change = json!({"client": "cyd", "role": "speaker", "force": true});
    scene.ok("hana", "role.change", change).await;
    assert_eq!(capped(scene.changes()), [(Source::Camera, Some(900_000))]);
}

async fn muted(scene: &mut Scene) -> Value {
    scene.listed("ada", "ada").await["muted"].clone()
}

pub async fn t1_what_was_on_inside_stays_on() {
    let mut scene = inside(Rules::default()).await;
    scene.ok("ada", "mute", json!({"kind": "audio"})).await;
    scene.ok("ada", "mute", json!({"kind": "video"})).await;
    scene.ok("ada", "unmute", json!({"kind": "video"})).await;
    scene.changes();
    scene.ok("ada", "breakout.leave", json!({})).await;
    assert_eq!(muted_of(&muted(&mut scene).await), ["audio", "screen_audio"]);
    assert!(!scene.changes().iter().any(|change| matches!(change, Change::Mute { .. })));
}

pub async fn t2_devices_are_carried_both_ways() {
    let mut scene = Scene::new().await;
    scene.rooms(2).await;
    scene.ok("ada", "mute", json!({"kind": "video"})).await;
    for room in ["b1", "b2", "main"] {
        scene.go(&["ada"], room).await;
        let muted = muted(&mut scene).await;
        assert_eq!(muted_of(&muted), ["canvas", "screen", "video"], "{room}");
    }
}

pub async fn t3_clear_and_destroy_restore_the_main_room() {
    for (method, muted) in [
        ("clearAllBreakOutSession", json!({"audio": false, "video": true})),
        ("destroyAllBreakOutSession", json!({"audio": false, "video": false})),
    ] {
        // Each did something else to the main room, and the profile leaves it as it is on return.
        let mut scene = inside(Rules { on_return: OnReturn::Manual, ..keep() }).await;
        scene.ok("ada", "parent.pause", json!({})).await;
        scene.ok("bob", "parent.mute", json!({"audio": false, "video": true})).await;
        scene.forget().await;
        scene.ok("hana", method, json!({})).await;
        let open =
            json!({"paused": false, "audio_muted": false, "video_muted": false, "gain": 100});
        assert_eq!(scene.said("ada", "meeting_changed").await["parent"], open, "{method}");
        let parent = scene.said("bob", "meeting_changed").await["parent"].clone();
        let left = json!({"audio": parent["audio_muted"], "video": parent["video_muted"]});
        assert_eq!((left, &parent["paused"]), (muted, &json!(false)), "{method}");
        for id in ["ada", "bob"] {
            let listed = scene.listed("hana", id).await;
            assert_eq!((&listed["paused"], &listed["room"]), (&json!(null), &json!("main")));
        }
    }
}

pub async fn q11_on_return_by_policy() {
    for (on_return, paused, audio_muted) in [
        (OnReturn::AutoResume, false, true),
        (OnReturn::AutoResumeUnmute, false, false),
        (OnReturn::Manual, true, true),
    ] {
        let mut scene = inside(Rules { on_return, ..keep() }).await;
        scene.ok("ada", "parent.pause", json!({})).await;
        scene.ok("ada", "parent.mute", json!({"audio": true})).await;
        scene.forget().await;
        scene.ok("ada", "breakout.leave", json!({})).await;
        let parent = scene.said("ada", "meeting_changed").await["parent"].clone();
        let got = (&parent["paused"], &parent["audio_muted"]);
        assert_eq!(got, (&json!(paused), &json!(audio_muted)), "{on_return:?}");
    }
}

pub async fn q12_on_enter_by_policy() {
    let (audio, video) = (Kinds::only(Kind::Audio), Kinds::only(Kind::Video));
    for (on_enter, left, gain) in [
        (OnEnter::Keep, Kinds::ALL, 100),
        (OnEnter::Duck, Kinds::ALL, 20),
        (OnEnter::MuteAudio, video, 100),
        (OnEnter::MuteVideo, audio, 100),
        (OnEnter::Pause, Kinds::NONE, 100),
    ] {
        let mut scene = Scene::with(Rules { on_enter, ..Rules::default() }).await;
        scene.rooms(1).await;
        scene.changes();
        scene.go(&["ada"], "b1").await;
        assert_eq!(heard(&scene.changes()), Some(left), "{on_enter:?}");
        let parent = scene.said("ada", "meeting_changed").await["parent"].clone();
        assert_eq!(parent["gain"], json!(gain), "{on_enter:?}");
        scene.ok("ada", "breakout.leave", json!({})).await;
        let parent = scene.said("ada", "meeting_changed").await["parent"].clone();
        let open =
            json!({"paused": false, "audio_muted": false, "video_muted": false, "gain": 100});
        assert_eq!(parent, open, "{on_enter:?}: what entering did is undone");
    }
}

pub async fn n4_keep_duck_mute_or_pause() {
    // Q12 shows what entering does; here is what people make of it while they discuss.
    for on_enter in [OnEnter::Duck, OnEnter::MuteAudio, OnEnter::MuteVideo, OnEnter::Pause] {
        let mut scene = Scene::with(Rules { on_enter, ..Rules::default() }).await;
        scene.rooms(2).await;
        scene.go(&["ada"], "b1").await;
        scene.forget().await;
        scene.ok("ada", "parent.resume", json!({})).await;
        scene.ok("ada", "parent.unmute", json!({"audio": true, "video": true})).await;
        assert_eq!(heard(&scene.changes()), Some(Kinds::ALL), "{on_enter:?}: the stage is back");
        // From room to room is no entering: what was chosen stays.
        scene.go(&["ada"], "b2").await;
        assert!(
            matches!(heard(&scene.changes()), None | Some(Kinds::ALL)),
            "{on_enter:?}: moved, and heard as before"
        );
        let gain = scene.said("ada", "meeting_changed").await["parent"]["gain"].clone();
        let hint = if on_enter == OnEnter::Duck { 20 } else { 100 };
        assert_eq!(gain, json!(hint), "{on_enter:?}: the client is told how loud to play it");
    }
}
