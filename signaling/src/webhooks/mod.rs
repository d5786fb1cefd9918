//! Webhooks (N14): what happened in meetings, posted to addresses of the operator's.
//!
//! At least once, and in order for each meeting: an event is written with the change that caused it
//! (`store`), posted after that is saved, posted again until the other side answers 2xx, and only
//! then removed. No meeting waits for it. What is bounded, and what happens then: `courier`.

mod courier;
mod event;
mod metrics;
mod options;
mod sign;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use serde::{Deserialize, Serialize};

use crate::rooms::Name;
use crate::store::{Key, Store, Value};
use crate::tokens::Keys;

pub use courier::Limits;
pub use event::{EVENTS, Happened, body, happened};
pub use metrics::HookMetrics;
pub use options::{Endpoint, WebhookOptions};

use courier::Courier;

/// One event for one address.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Item {
    /// Where to.
    pub url: String,
    /// Of which meeting: those of one are kept in order.
    pub meeting: Name,
    /// Milliseconds since 1970 at which it happened.
    pub at: u64,
    /// The JSON.
    pub body: String,
    /// Its number in the store.
    #[serde(skip)]
    pub number: u64,
}

/// The way of events to the addresses; a clone is a reference.
#[derive(Clone, Debug)]
pub struct Webhooks(Arc<Courier>);

/// Numbers of items where there is no store.
static NUMBERS: AtomicU64 = AtomicU64::new(1);

impl Webhooks {
    /// Posts to these; what is delivered is taken out of the store.
    ///
    /// # Errors
    /// There is no HTTP client: the system's certificates can not be read.
    pub fn new(
        endpoints: Vec<Endpoint>,
        keys: Keys,
        store: Option<Store>,
        limits: Limits,
    ) -> Result<Webhooks, reqwest::Error> {
        Courier::new(endpoints, keys, store, limits).map(|courier| Webhooks(Arc::new(courier)))
    }

    /// What it counts.
    pub fn metrics(&self) -> &HookMetrics {
        &self.0.metrics
    }

    /// How many wait, those that are under way among them.
    pub fn pending(&self) -> usize {
        usize::try_from(self.0.metrics.pending.get()).unwrap_or(0)
    }

    /// What is to be posted of something that happened: nothing where nobody wants it, or where so
    /// much waits already.
    pub fn items(&self, event: &'static str, meeting: &Name, at: u64, body: &str) -> Vec<Item> {
        let wanted = self.0.endpoints.iter().filter(|endpoint| endpoint.wants(event));
        let room = |endpoint: &&Endpoint| self.0.make_room(endpoint.url.as_str());
        let items = wanted.filter(room).map(|endpoint| Item {
            url: endpoint.url.to_string(),
            meeting: meeting.clone(),
            at,
            body: body.to_owned(),
            number: match &self.0.store {
                Some(store) => store.next_number(),
                None => NUMBERS.fetch_add(1, Ordering::Relaxed),
            },
        });
        items.collect()
    }

    /// Items as rows of the store.
    pub fn rows(items: &[Item]) -> Vec<(Key, Option<Value>)> {
        let rows = items.iter().filter_map(|item| {
            let bytes = rmp_serde::to_vec_named(item).ok()?; // texts and numbers: always
            Some((Key::Hook(item.number), Some(Value::Hook(bytes))))
        });
        rows.collect()
    }

    /// Posts items, in their order.
    pub fn post(&self, items: Vec<Item>) {
        for item in items {
            Courier::take(&self.0, item);
        }
    }

    /// Posts what an earlier process did not deliver. What is for an address that is no longer
    /// wanted is removed.
    pub fn resume(&self, rows: Vec<(u64, Vec<u8>)>) {
        for (number, bytes) in rows {
            let item: Option<Item> = rmp_serde::from_slice(&bytes).ok();
            let known = |item: &Item| self.0.endpoint(&item.url).is_some();
            match item.filter(known) {
                Some(item) => {
                    self.0.count(&item.url);
                    Courier::take(&self.0, Item { number, ..item });
                }
                None => {
                    tracing::warn!(number, "a webhook for an address that is not configured");
                    self.0.remove(number);
                }
            }
        }
    }
}
