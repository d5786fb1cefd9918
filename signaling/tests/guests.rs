//! WHIP and WHEP over real HTTP: every status, by the rules of RFC 9725.

mod support;

use reqwest::{Client, Method, RequestBuilder, Response};
use ringfence::control::api::RelayEvent;
use ringfence::shard::command::Gone;
use ringfence_signaling::rooms::Rules;
use serde_json::{Value, json};
use support::{Server, offer, token};

const SDP: &str = "application/sdp";
const FRAGMENT: &str = "application/trickle-ice-sdpfrag";

fn post(server: &Server, path: &str, sdp: &str) -> RequestBuilder {
    Client::new().post(server.url(path)).header("content-type", SDP).body(sdp.to_owned())
}

fn header(response: &Response, name: &str) -> String {
    response.headers().get(name).and_then(|v| v.to_str().ok()).unwrap_or_default().to_owned()
}

/// The problem document of an answer, whose shape is checked.
async fn problem(response: Response) -> Value {
    let status = response.status().as_u16();
    assert_eq!(header(&response, "content-type"), "application/problem+json");
    let problem: Value = response.json().await.expect("JSON");
    assert_eq!(problem["status"], json!(status));
    for field in ["type", "title", "detail"] {
        assert!(problem[field].as_str().is_some_and(|text| !text.is_empty()), "{field}: {problem}");
    }
    problem
}

#[tokio::test]
async fn publish_and_end() {
    let server = Server::start().await;
    let mut hana = server.join("hana").await;
    let sdp = offer("aiortc_whip");
    let created =
        post(&server, "/whip/main?id=cam&name=Camera", &sdp).send().await.expect("answered");
    assert_eq!(created.status(), 201);
    assert_eq!(header(&created, "content-type"), SDP);
    assert_eq!(header(&created, "access-control-allow-origin"), "*");
    assert!(header(&created, "access-control-expose-headers").contains("Location"));
    let (location, etag) = (header(&created, "location"), header(&created, "etag"));
    assert!(location.starts_with("/whip/main/") && location.len() > 40, "{location}");
    assert!(etag.starts_with('"'), "{etag}");
    let answer = created.text().await.expect("an answer");
    assert!(answer.contains("a=recvonly\r\n") && answer.contains("a=setup:passive\r\n"));
    let joined = hana.notice("user_joined").await;
    assert_eq!(joined["participant"]["id"], json!("cam"));
    assert_eq!(joined["participant"]["name"], json!("Camera"));
    assert_eq!(joined["participant"]["role"], json!("participant"), "no host by WHIP");

    let other = server.url(&location.replace("/whip/", "/whep/"));
    let wrong = Client::new().delete(other).send().await.expect("answered");
    assert_eq!(wrong.status(), 404, "a WHIP session is no WHEP session");
    let ended = Client::new().delete(server.url(&location)).send().await.expect("answered");
    assert_eq!(ended.status(), 200);
    assert_eq!(hana.notice("user_left").await["reason"], json!("left"));
    let again = Client::new().delete(server.url(&location)).send().await.expect("answered");
    assert_eq!(again.status(), 404);
    problem(again).await;
}

#[tokio::test]
async fn what_is_refused_and_how() {
    let server = Server::start().await;
    let _hana = server.join("hana").await;
    let good = offer("aiortc_whip");
    let play = offer("aiortc_whep");
    let long = "x".repeat(256 * 1024 + 1);
    let no_bundle = good.replace("a=group:BUNDLE 0 1\r\n", "");
    for (why, path, body, status, says) in [
        ("no BUNDLE", "/whip/main?id=a", no_bundle.as_str(), 400, "a=group"),
        ("empty", "/whip/main?id=a", "", 400, "empty"),
        ("a player's offer", "/whip/main?id=a", &play, 400, "WHIP only publishes"),
        ("a publisher's offer", "/whep/main?id=a", &good, 400, "WHEP only plays"),
        ("over 256 KiB", "/whip/main?id=a", &long, 413, "262144"),
        ("unknown meeting", "/whep/nowhere?id=a", &play, 404, "nowhere"),
        ("unknown room", "/whip/main?id=a&room=b7", &good, 404, "b7"),
        ("unknown publisher", "/whep/main?id=a&from=eve", &play, 404, "eve"),
        ("from by WHIP", "/whip/main?id=a&from=hana", &good, 400, "from is for WHEP"),
        ("a misspelt parameter", "/whip/main?idd=a", &good, 400, "idd"),
        ("another room than now", "/whip/main?id=hana&room=b1", &good, 404, "b1"),
        ("odd name", "/whip/ma%20in?id=a", &good, 400, "meeting's name"),
    ] {
        let refused = post(&server, path, body).send().await.expect("answered");
        assert_eq!(refused.status(), status, "{why}");
        assert_eq!(
            header(&refused, "access-control-allow-origin"),
            "*",
            "{why}: pages can read why"
        );
        let problem = problem(refused).await;
        let detail = problem["detail"].as_str().unwrap_or_default();
        assert!(detail.contains(says), "{why}: {detail}");
    }
    let wrong = post(&server, "/whip/main?id=a", &no_bundle).send().await.expect("answered");
    let sdp = problem(wrong).await["sdp"].clone();
    assert_eq!(sdp["attribute"], json!("a=group"));
    assert!(sdp["mend"].as_str().is_some_and(|mend| mend.contains("BUNDLE")), "{sdp}");
    assert_eq!(server.books(|books| books.peers.len()), 0, "the relay heard of none of them");
}

#[tokio::test]
async fn media_types_and_methods() {
    let server = Server::start().await;
    let good = offer("aiortc_whip");
    for (why, kind, accept, status) in [
        ("none", None, None, 415),
        ("JSON", Some("application/json"), None, 415),
        ("with a parameter", Some("application/sdp; charset=utf-8"), None, 201),
        ("upper case", Some("Application/SDP"), None, 201),
        ("accepts JSON only", Some(SDP), Some("application/json"), 406),
        ("accepts SDP", Some(SDP), Some("text/html, application/sdp;q=0.5"), 201),
        ("accepts all", Some(SDP), Some("*/*"), 201),
        ("refuses SDP", Some(SDP), Some("application/sdp;q=0"), 406),
    ] {
        let mut request = Client::new().post(server.url("/whip/main?id=a")).body(good.clone());
        request =
            kind.into_iter().fold(request, |request, kind| request.header("content-type", kind));
        request =
            accept.into_iter().fold(request, |request, accept| request.header("accept", accept));
        assert_eq!(request.send().await.expect("answered").status(), status, "{why}");
    }
    let created = post(&server, "/whip/main?id=a", &good).send().await.expect("answered");
    let session = header(&created, "location");
    for (path, method, status, allow) in [
        ("/whip/main", Method::GET, 405, "POST, OPTIONS"),
        ("/whip/main", Method::PUT, 405, "POST, OPTIONS"),
        ("/whep/main", Method::HEAD, 405, "POST, OPTIONS"),
        ("/whip/main", Method::OPTIONS, 204, "POST, OPTIONS"),
        (session.as_str(), Method::OPTIONS, 204, "PATCH, DELETE, OPTIONS"),
        (&session, Method::GET, 405, "PATCH, DELETE, OPTIONS"),
        (&session, Method::POST, 405, "PATCH, DELETE, OPTIONS"),
    ] {
        let answer = Client::new().request(method.clone(), server.url(path)).send().await;
        let answer = answer.expect("answered");
        assert_eq!(
            (answer.status().as_u16(), header(&answer, "allow")),
            (status, allow.to_owned()),
            "{method} {path}"
        );
        if status == 204 {
            assert_eq!(header(&answer, "access-control-allow-methods"), allow);
            assert!(header(&answer, "access-control-allow-headers").contains("Authorization"));
        }
    }
    let options = Client::new().request(Method::OPTIONS, server.url("/whip/main"));
    assert_eq!(header(&options.send().await.expect("answered"), "accept-post"), SDP);
}

#[tokio::test]
async fn tokens() {
    let server = Server::start_with(false, Rules::default()).await;
    let good = offer("aiortc_whip");
    let listener = token(|claims| claims.video.can_publish = Some(false));
    let other = token(|claims| claims.video.room = "other".into());
    let expired = token(|claims| claims.exp = 1);
    let closed = token(|claims| claims.video.room_create = false);
    let ada = token(|_| {});
    for (why, path, token, status) in [
        ("none", "/whip/main?id=ada", None, 401),
        ("rubbish", "/whip/main?id=ada", Some("x.y.z"), 401),
        ("expired", "/whip/main?id=ada", Some(expired.as_str()), 401),
        ("another meeting", "/whip/main?id=ada", Some(&other), 403),
        ("another id", "/whip/main?id=bob", Some(&ada), 403),
        ("may not publish", "/whip/main?id=ada", Some(&listener), 403),
        ("may not create the meeting", "/whip/main?id=ada", Some(&closed), 404),
        ("good", "/whip/main?id=ada", Some(&ada), 201),
        ("its sub is its id", "/whip/main", Some(&ada), 201),
        ("the meeting is there now", "/whip/main", Some(&closed), 201),
    ] {
        let mut request = post(&server, path, &good);
        request = token.into_iter().fold(request, |request, token| request.bearer_auth(token));
        let answer = request.send().await.expect("answered");
        assert_eq!(answer.status(), status, "{why}");
        if status == 401 {
            assert_eq!(header(&answer, "www-authenticate"), "Bearer", "{why}");
        }
        if status != 201 {
            problem(answer).await;
        }
    }
    let created =
        post(&server, "/whip/main", &good).bearer_auth(&ada).send().await.expect("answered");
    let session = server.url(&header(&created, "location"));
    let bob = token(|claims| claims.sub = "bob".into());
    for (why, token, status) in
        [("none", None, 401), ("Bob's", Some(&bob), 403), ("Ada's", Some(&ada), 200)]
    {
        let mut request = Client::new().delete(&session);
        request = token.into_iter().fold(request, |request, token| request.bearer_auth(token));
        assert_eq!(request.send().await.expect("answered").status(), status, "{why}");
    }
}

#[tokio::test]
async fn patches() {
    let server = Server::start().await;
    let sdp = offer("chromium_whip");
    let created = post(&server, "/whip/main?id=cam", &sdp).send().await.expect("answered");
    let (session, etag) = (server.url(&header(&created, "location")), header(&created, "etag"));
    let ufrag = sdp.lines().find_map(|l| l.strip_prefix("a=ice-ufrag:")).expect("a ufrag");
    let pwd = sdp.lines().find_map(|l| l.strip_prefix("a=ice-pwd:")).expect("a password");
    let candidate = "m=audio 9 UDP/TLS/RTP/SAVPF 0\r\na=mid:0\r\na=candidate:1 1 udp 1 192.0.2.1 5 typ host\r\n";
    let trickle = format!("a=ice-ufrag:{ufrag}\r\na=ice-pwd:{pwd}\r\n{candidate}");
    let anew = format!("a=ice-ufrag:NEWu\r\na=ice-pwd:NEWpwdNEWpwdNEWpwdNEWpwd\r\n{candidate}");
    let patch = async |body: &str, kind: &str, if_match: Option<&str>| {
        let request =
            Client::new().patch(&session).header("content-type", kind).body(body.to_owned());
        let request =
            if_match.into_iter().fold(request, |request, tag| request.header("if-match", tag));
        request.send().await.expect("answered")
    };
    for (why, body, kind, if_match, status) in [
        ("another media type", trickle.as_str(), SDP, Some(etag.as_str()), 415),
        ("no If-Match", &trickle, FRAGMENT, None, 428),
        ("an old If-Match", &trickle, FRAGMENT, Some("\"old\""), 412),
        ("no credentials", candidate, FRAGMENT, Some(&etag), 400),
        ("trickle", &trickle, FRAGMENT, Some(&etag), 204),
        ("end of candidates", &trickle, FRAGMENT, Some(&etag), 204),
    ] {
        assert_eq!(patch(body, kind, if_match).await.status(), status, "{why}");
    }
    let restarted = patch(&anew, FRAGMENT, Some("*")).await;
    assert_eq!(restarted.status(), 200);
    assert_eq!(header(&restarted, "content-type"), FRAGMENT);
    let fresh = header(&restarted, "etag");
    assert_ne!(fresh, etag, "another ICE session, another tag");
    let ours = restarted.text().await.expect("a fragment");
    assert!(ours.contains("a=ice-ufrag:anew") && ours.contains("a=candidate:1 1 udp"), "{ours}");
    assert_eq!(patch(&anew, FRAGMENT, Some(&etag)).await.status(), 412, "the old tag is over");
    assert_eq!(patch(&anew, FRAGMENT, Some(&fresh)).await.status(), 204, "trickle in the new one");
    let third = anew.replace("NEWu", "THIRD");
    let quoted = patch(&third, FRAGMENT, Some("\"*\"")).await;
    assert_eq!(quoted.status(), 200, "RFC 9725's examples quote the asterisk");
    let nobody =
        Client::new().patch(server.url("/whip/main/none")).header("content-type", FRAGMENT);
    let nobody = nobody.header("if-match", "*").body(anew).send().await.expect("answered");
    assert_eq!(nobody.status(), 404);
}

#[tokio::test]
async fn one_participant_many_peers() {
    let server = Server::start().await;
    let mut hana = server.join("hana").await;
    let (whip, whep) = (offer("aiortc_whip"), offer("aiortc_whep"));
    let first = post(&server, "/whip/main?id=hana", &whip).send().await.expect("answered");
    assert_eq!(first.status(), 201);
    let play = post(&server, "/whep/main?id=hana&from=hana", &whep).send().await.expect("answered");
    assert_eq!(play.status(), 201);
    assert!(play.text().await.expect("an answer").contains("a=sendonly\r\n"));
    hana.call("offer", json!({"sdp": offer("chromium_page")})).await.expect("answered");
    server.books(|books| {
        assert_eq!(books.admitted.len(), 1, "page, WHIP and WHEP are one participant");
        assert_eq!(books.peers.len(), 3);
        assert_eq!(books.froms, [None, Some(books.admitted[0]), None]);
        assert!(books.removed.is_empty());
    });
    // The same protocol again takes the place of that peer only.
    let second = post(&server, "/whip/main?id=hana", &whip).send().await.expect("answered");
    assert_eq!(second.status(), 201);
    server.books(|books| assert_eq!(books.removed, [books.peers[0].0]));
    let old = Client::new().delete(server.url(&header(&first, "location"))).send().await;
    assert_eq!(old.expect("answered").status(), 404, "the old session is over");
    // The page leaves, its participant with it.
    hana.call("leave", json!({})).await.expect("left");
    let gone = Client::new().delete(server.url(&header(&second, "location"))).send().await;
    assert_eq!(gone.expect("answered").status(), 404);
}

#[tokio::test]
async fn guests_move_like_everybody() {
    let server = Server::start().await;
    let mut hana = server.join("hana").await;
    hana.call("breakout.create", json!({})).await.expect("created");
    let whip = offer("aiortc_whip");
    let inside = post(&server, "/whip/main?id=cam&room=b1", &whip).send().await.expect("answered");
    assert_eq!(inside.status(), 201);
    assert_eq!(hana.notice("user_joined").await["room_id"], json!("b1"));
    let elsewhere =
        post(&server, "/whip/main?id=cam&room=main", &whip).send().await.expect("answered");
    assert_eq!(elsewhere.status(), 409, "a room is not changed by a publication");
    hana.call("breakout.move", json!({"clients": ["cam"], "room_id": "main"}))
        .await
        .expect("moved");
    let list = hana.call("peers.list", json!({})).await.expect("a list");
    assert_eq!(list["rooms"][0]["participants"], json!(["cam", "hana"]));
    // The relay loses it: the session is over, and so is the participant.
    let peer = server.books(|books| books.peers[0].0);
    server.events.send(RelayEvent::PeerGone(peer, Gone::Closed)).await.expect("told");
    while hana.notice("user_left").await["reason"] != json!("lost") {}
    let over = Client::new().delete(server.url(&header(&inside, "location"))).send().await;
    assert_eq!(over.expect("answered").status(), 404);
}

#[tokio::test]
async fn only_hosts_bring_guests_into_a_breakout() {
    let server = Server::start().await;
    let mut hana = server.join("hana").await;
    hana.call("breakout.create", json!({"participants": 2})).await.expect("created");
    let play = offer("aiortc_whep");
    let host = token(|claims| claims.role = Some("host".into()));
    let plain = token(|_| {});
    for (why, path, token, status) in [
        ("nobody lets themselves in", "/whep/main?room=b1", &plain, 403),
        ("the main room is everybody's", "/whep/main?room=main", &plain, 201),
        ("now in the main room", "/whep/main?room=b1", &host, 409),
    ] {
        let answer = post(&server, path, &play).bearer_auth(token).send().await;
        assert_eq!(answer.expect("answered").status(), status, "{why}");
    }
    hana.call("breakout.move", json!({"clients": ["ada"], "room_id": "b1"})).await.expect("moved");
    for (why, path, token, status) in [
        ("was moved into it", "/whep/main?room=b1", Some(&plain), 201),
        ("no token: the developer", "/whep/main?id=b&room=b1", None, 201),
        ("the room takes two", "/whep/main?id=c&room=b1", None, 409),
        ("who is inside may come again", "/whep/main?id=b&room=b1", None, 201),
    ] {
        let mut request = post(&server, path, &play);
        if let Some(token) = token {
            request = request.bearer_auth(token);
        }
        assert_eq!(request.send().await.expect("answered").status(), status, "{why}");
    }
    let none = post(&server, "/whep/main?id=d", &play).header("authorization", "Bearer ");
    let status = none.send().await.expect("answered").status();
    assert_eq!(status, 401, "an empty token is a wrong one, not none");
}
