//! Posting: one lane a meeting and address, so that order is kept, and of each address a few lanes
//! at a time.
//!
//! A post that is not answered 2xx within [`Limits::within`] is tried again, each time after twice
//! as long (up to [`Limits::longest`], with jitter). At most [`Limits::pending`] items wait for an
//! address: what happens then is not posted there; it is counted (`dropped`), and who is posted all
//! events sees it by the gap in `number`. An item that could not be delivered for a day is given up
//! (`expired`). Addresses share nothing, so that one that is gone costs the others nothing.

use std::collections::{HashMap, VecDeque};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use reqwest::Client;
use reqwest::header::{AUTHORIZATION, CONTENT_TYPE};
use tokio::sync::Semaphore;

use super::metrics::HookMetrics;
use super::options::Endpoint;
use super::sign::sign;
use super::{Item, Name};
use crate::store::{Key, Store};
use crate::tokens::{Keys, unix_now_ms};

/// Most posts to one address at the same time.
const AT_ONCE: usize = 16;

/// How long things may take, and how much may wait.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Limits {
    /// A post, until it is answered.
    pub within: Duration,
    /// Until it is tried again for the first time.
    pub shortest: Duration,
    /// Until it is tried again, at most.
    pub longest: Duration,
    /// Until an item is given up.
    pub expires: Duration,
    /// Most items that wait for one address.
    pub pending: usize,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits {
            within: Duration::from_secs(10),
            shortest: Duration::from_millis(500),
            longest: Duration::from_secs(60),
            expires: Duration::from_secs(24 * 3_600),
            pending: 10_000,
        }
    }
}

type Lane = (String, Name);

/// What is bounded of one address.
#[derive(Debug)]
struct Way {
    pending: AtomicUsize,
    places: Semaphore,
}

impl Way {
    fn new() -> Way {
        Way { pending: AtomicUsize::new(0), places: Semaphore::new(AT_ONCE) }
    }
}

#[derive(Debug)]
pub(super) struct Courier {
    pub endpoints: Vec<Endpoint>,
    pub store: Option<Store>,
    pub metrics: HookMetrics,
    keys: Keys,
    limits: Limits,
    client: Client,
    lanes: Mutex<HashMap<Lane, VecDeque<Item>>>,
    /// By address.
    ways: HashMap<String, Way>,
}

impl Courier {
    pub fn new(
        endpoints: Vec<Endpoint>,
        keys: Keys,
        store: Option<Store>,
        limits: Limits,
    ) -> Result<Courier, reqwest::Error> {
        // Not elsewhere: what is signed is for the address that the operator named.
        let client = Client::builder().redirect(reqwest::redirect::Policy::none());
        let client = client.timeout(limits.within).user_agent("ringfence").build()?;
        let ways = endpoints.iter().map(|endpoint| (endpoint.url.to_string(), Way::new()));
        let (metrics, lanes, ways) = (HookMetrics::default(), Mutex::default(), ways.collect());
        Ok(Courier { endpoints, store, metrics, keys, limits, client, lanes, ways })
    }

    pub fn endpoint(&self, url: &str) -> Option<&Endpoint> {
        self.endpoints.iter().find(|endpoint| endpoint.url.as_str() == url)
    }

    /// Whether one more may wait for an address; then it is counted in.
    pub fn make_room(&self, url: &str) -> bool {
        let more = |pending| (pending < self.limits.pending).then_some(pending + 1);
        let (order, same) = (Ordering::Relaxed, Ordering::Relaxed);
        let way = self.ways.get(url);
        let room = way.is_some_and(|way| way.pending.fetch_update(order, same, more).is_ok());
        if room {
            self.metrics.pending.inc();
        } else {
            self.metrics.count("dropped");
        }
        room
    }

    /// Counts one in that was waiting before.
    pub fn count(&self, url: &str) {
        if let Some(way) = self.ways.get(url) {
            way.pending.fetch_add(1, Ordering::Relaxed);
            self.metrics.pending.inc();
        }
    }

    /// Counts out one that waits no more.
    fn discount(&self, url: &str) {
        if let Some(way) = self.ways.get(url) {
            way.pending.fetch_sub(1, Ordering::Relaxed);
            self.metrics.pending.dec();
        }
    }

    /// Takes an item to its lane.
    pub fn take(courier: &Arc<Courier>, item: Item) {
        let lane = (item.url.clone(), item.meeting.clone());
        let fresh = courier.lanes(|lanes| {
            let waiting = lanes.entry(lane.clone()).or_default();
            waiting.push_back(item);
            waiting.len() == 1
        });
        if fresh {
            tokio::spawn(courier.clone().run(lane));
        }
    }

    /// Delivers what is in a lane, until it is empty.
    async fn run(self: Arc<Courier>, lane: Lane) {
        while let Some(item) = self.lanes(|lanes| lanes.get(&lane)?.front().cloned()) {
            self.deliver(&item).await;
            self.remove(item.number);
            self.discount(&item.url);
            let over = self.lanes(|lanes| {
                let Some(waiting) = lanes.get_mut(&lane) else { return true };
                waiting.pop_front();
                let over = waiting.is_empty();
                if over {
                    lanes.remove(&lane);
                }
                over
            });
            if over {
                return; // the next item begins the lane anew
            }
        }
    }

    async fn deliver(&self, item: &Item) {
        let (endpoint, way) = (self.endpoint(&item.url), self.ways.get(&item.url));
        let Some((endpoint, way)) = endpoint.zip(way) else { return };
        let mut pause = self.limits.shortest;
        loop {
            match self.post(endpoint, way, item).await {
                Ok(()) => return self.metrics.count("delivered"),
                Err(why) => tracing::debug!(meeting = %item.meeting, why, "a webhook failed"),
            }
            self.metrics.count("failed");
            let age = Duration::from_millis(unix_now_ms().saturating_sub(item.at));
            if age > self.limits.expires {
                tracing::warn!(meeting = %item.meeting, "a webhook is given up");
                return self.metrics.count("expired");
            }
            // Not all lanes at the same moment.
            tokio::time::sleep(pause.mul_f64(rand::random_range(0.5..1.0))).await;
            pause = (pause * 2).min(self.limits.longest);
        }
    }

    async fn post(&self, endpoint: &Endpoint, way: &Way, item: &Item) -> Result<(), String> {
        let Ok(_place) = way.places.acquire().await else { return Err("closed".to_owned()) };
        let signed = sign(&self.keys, &endpoint.issuer, &item.body);
        let post = self
            .client
            .post(endpoint.url.clone())
            .header(CONTENT_TYPE, "application/webhook+json")
            .header(AUTHORIZATION, signed.map_err(|error| error.to_string())?)
            .body(item.body.clone());
        // Not the address: it may hold a secret.
        let answer = post.send().await.map_err(|error| error.without_url().to_string())?;
        if answer.status().is_success() { Ok(()) } else { Err(answer.status().to_string()) }
    }

    /// It is delivered or given up: the store forgets it.
    pub fn remove(&self, number: u64) {
        if let Some(store) = &self.store {
            store.put(vec![(Key::Hook(number), None)]);
        }
    }

    fn lanes<T>(&self, act: impl FnOnce(&mut HashMap<Lane, VecDeque<Item>>) -> T) -> T {
        // Nothing in here panics half-way.
        act(&mut self.lanes.lock().unwrap_or_else(PoisonError::into_inner))
    }
}
