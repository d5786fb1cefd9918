//! A server with a few people in one meeting, and short words for what tests do with them.

use std::collections::BTreeMap;
use std::time::Duration;

use ringfence::control::api::Change;
use ringfence::route::id::ParticipantId;
use ringfence_signaling::rooms::{Roles, Rules};
use serde_json::{Value, json};

use crate::support::{Page, Server};

/// See the fields.
pub struct Scene {
    pub server: Server,
    pages: BTreeMap<String, Page>,
    /// In the order of joining.
    order: Vec<String>,
    /// How many changes of the relay were looked at.
    seen: usize,
}

/// Hana is host; Ada and Bob are participants.
pub const CAST: &[(&str, &str)] =
    &[("hana", "host"), ("ada", "participant"), ("bob", "participant")];

impl Scene {
    pub async fn new() -> Scene {
        Scene::with(Rules::default()).await
    }

    pub async fn with(rules: Rules) -> Scene {
        Scene::cast(rules, CAST).await
    }

    pub async fn cast(rules: Rules, people: &[(&str, &str)]) -> Scene {
        Scene::as_of(rules, Roles::native(), people).await
    }

    pub async fn as_of(rules: Rules, roles: Roles, people: &[(&str, &str)]) -> Scene {
        crate::traffic::watch();
        let mut scene = Scene::on(Server::start_as(true, rules, roles).await);
        for (id, role) in people {
            scene.join(id, json!({"role": role})).await;
        }
        scene
    }

    /// A meeting that nobody has joined.
    pub fn on(server: Server) -> Scene {
        Scene { server, pages: BTreeMap::new(), order: Vec::new(), seen: 0 }
    }

    /// Somebody joins; `extra` is added to the parameters.
    pub async fn join(&mut self, id: &str, extra: Value) -> Value {
        let mut page = self.server.connect().await;
        let mut params = json!({"protocol": 1, "id": id, "name": id});
        for (key, value) in extra.as_object().expect("an object") {
            params[key] = value.clone();
        }
        let joined = page.call("join", params).await.expect("joined");
        self.pages.insert(id.to_owned(), page);
        if !self.order.iter().any(|other| other == id) {
            self.order.push(id.to_owned());
        }
        joined
    }

    pub fn page(&mut self, id: &str) -> &mut Page {
        self.pages.get_mut(id).expect("of the cast")
    }

    /// A method that is granted.
    pub async fn ok(&mut self, id: &str, method: &str, params: Value) -> Value {
        let answer = self.page(id).call(method, params).await;
        answer.unwrap_or_else(|error| panic!("{id} {method}: {error:?}"))
    }

    /// A method that is refused: the code, and the field if one is named.
    pub async fn no(&mut self, id: &str, method: &str, params: Value) -> (i64, String) {
        let (code, error) = self.page(id).call(method, params).await.expect_err(method);
        (code, error["data"]["field"].as_str().unwrap_or_default().to_owned())
    }

    /// The next notification of this method.
    pub async fn said(&mut self, id: &str, event: &str) -> Value {
        self.page(id).notice(event).await
    }

    /// Nothing of this has come.
    pub async fn unsaid(&mut self, id: &str, event: &str) {
        assert!(!self.page(id).heard(event).await, "{id} was told {event}");
    }

    /// Somebody's connection is lost, and the server knows it.
    pub async fn lose(&mut self, id: &str) {
        self.pages.remove(id);
        wait(50).await;
    }

    pub async fn forget(&mut self) {
        for page in self.pages.values_mut() {
            page.forget().await;
        }
    }

    /// `count` rooms by Hana; their ids.
    pub async fn rooms(&mut self, count: u64) -> Vec<String> {
        let created = self.ok("hana", "breakout.create", json!({"max_rooms": count})).await;
        let rooms = created["rooms"].as_array().expect("rooms");
        rooms.iter().map(|room| room.as_str().expect("an id").to_owned()).collect()
    }

    pub async fn go(&mut self, clients: &[&str], room: &str) {
        self.ok("hana", "breakout.move", json!({"clients": clients, "room_id": room})).await;
    }

    /// Where somebody is, as they are told themself.
    pub async fn room_of(&mut self, id: &str) -> String {
        let own = self.listed(id, id).await;
        own["room"].as_str().expect("a room").to_owned()
    }

    /// Somebody in somebody's list.
    pub async fn listed(&mut self, by: &str, id: &str) -> Value {
        let list = self.ok(by, "peers.list", json!({})).await;
        let people = list["participants"].as_array().expect("people");
        people.iter().find(|one| one["id"] == json!(id)).cloned().unwrap_or(json!(null))
    }

    /// A room in Hana's list.
    pub async fn room(&mut self, id: &str) -> Value {
        let list = self.ok("hana", "peers.list", json!({})).await;
        let rooms = list["rooms"].as_array().expect("rooms");
        rooms.iter().find(|room| room["id"] == json!(id)).cloned().unwrap_or(json!(null))
    }

    /// What the relay was asked since the last look.
    pub fn changes(&mut self) -> Vec<Change> {
        let seen = self.seen;
        let changes = self.server.books(|books| books.changes.clone());
        self.seen = changes.len();
        changes.into_iter().skip(seen).flatten().collect()
    }

    /// How many requests to the relay that were.
    pub fn epochs(&mut self) -> usize {
        let seen = self.seen;
        self.seen = self.server.books(|books| books.changes.len());
        self.seen - seen
    }

    /// The relay's number of somebody.
    pub fn number(&self, id: &str) -> ParticipantId {
        let at = self.order.iter().position(|other| other == id).expect("of the cast");
        self.server.books(|books| books.admitted[at])
    }
}

/// Waits for a timer.
pub async fn wait(ms: u64) {
    tokio::time::sleep(Duration::from_millis(ms)).await;
}
