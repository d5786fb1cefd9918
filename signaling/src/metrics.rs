//! Counters of signaling, and those of the relay, as Prometheus reads them.

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;
use ringfence::control::request::RelayStats;

use crate::meetings::Keeping;
use crate::process::Process;
use crate::relay_metrics::RelayMetrics;
use crate::rpc::METHODS;

/// Labels of what is no method: frames that are no request, or one too many; and made-up names.
const OTHERS: [&str; 2] = ["none", "other"];

#[derive(Clone, PartialEq, Eq, Hash, Debug, EncodeLabelSet)]
struct Request {
    method: &'static str,
    code: i32,
}

#[derive(Clone, PartialEq, Eq, Hash, Debug, EncodeLabelSet)]
struct Http {
    protocol: &'static str,
    status: u16,
}

#[derive(Clone, PartialEq, Eq, Hash, Debug, EncodeLabelSet)]
struct Rest {
    method: &'static str,
    route: String,
    status: u16,
}

#[derive(Clone, PartialEq, Eq, Hash, Debug, EncodeLabelSet)]
struct Ended {
    reason: &'static str,
}

#[derive(Clone, PartialEq, Eq, Hash, Debug, EncodeLabelSet)]
struct What {
    what: &'static str,
}

/// All counters.
#[derive(Debug)]
pub struct Metrics {
    registry: Registry,
    requests: Family<Request, Counter>,
    http: Family<Http, Counter>,
    rest: Family<Rest, Counter>,
    connections: Gauge,
    ended: Family<Ended, Counter>,
    relay: Family<What, Gauge>,
    of_relay: RelayMetrics,
    process: Process,
}

impl Metrics {
    /// All counters, those of what is kept among them.
    pub fn new(keeping: &Keeping) -> Metrics {
        let mut metrics = Metrics {
            registry: Registry::default(),
            requests: Family::default(),
            http: Family::default(),
            rest: Family::default(),
            connections: Gauge::default(),
            ended: Family::default(),
            relay: Family::default(),
            of_relay: RelayMetrics::default(),
            process: Process::new(),
        };
        // Names that every process has bear no prefix.
        metrics.registry.register_collector(Box::new(metrics.process));
        if let Some(store) = &keeping.store {
            store.metrics().register(metrics.registry.sub_registry_with_prefix("ringfence"));
        }
        let registry = metrics.registry.sub_registry_with_prefix("ringfence");
        if let Some(webhooks) = &keeping.webhooks {
            webhooks.metrics().register(registry);
        }
        let help = "JSON-RPC requests by method and error code, 0 for success";
        registry.register("rpc_requests", help, metrics.requests.clone());
        let help = "WHIP and WHEP requests by status";
        registry.register("guest_requests", help, metrics.http.clone());
        let help = "REST requests by method, route and status";
        registry.register("rest_requests", help, metrics.rest.clone());
        registry.register("websockets", "Open WebSockets", metrics.connections.clone());
        let help = "WebSockets that ended, by the reason that we gave; none: the client closed";
        registry.register("websockets_ended", help, metrics.ended.clone());
        registry.register("relay", "How much there is of what", metrics.relay.clone());
        registry.register_collector(Box::new(metrics.of_relay.clone()));
        metrics
    }

    /// A JSON-RPC request was answered.
    pub fn rpc(&self, method: &str, outcome: Result<(), i32>) {
        let mut labels = METHODS.iter().chain(&OTHERS);
        let method = labels.find(|known| **known == method).copied().unwrap_or("other");
        let code = outcome.err().unwrap_or(0);
        self.requests.get_or_create(&Request { method, code }).inc();
    }

    /// A WebSocket is at its end, for this reason of ours.
    pub fn websocket_ended(&self, reason: &'static str) {
        let reason = if reason.is_empty() { "none" } else { reason };
        self.ended.get_or_create(&Ended { reason }).inc();
    }

    /// A WHIP or WHEP request was answered.
    pub fn guest(&self, protocol: &'static str, status: u16) {
        self.http.get_or_create(&Http { protocol, status }).inc();
    }

    /// A REST request was answered; `route` is one of ours, with names of its parts.
    pub fn rest(&self, method: &str, route: &str, status: u16) {
        let known = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"];
        let method = known.iter().find(|known| **known == method).copied().unwrap_or("other");
        self.rest.get_or_create(&Rest { method, route: route.to_owned(), status }).inc();
    }

    /// All counters as text; `relay`: as the relay counts now.
    pub fn scrape(&self, connections: usize, relay: Option<&RelayStats>) -> String {
        self.connections.set(to_i64(connections));
        if let Some(stats) = relay {
            for (what, amount) in [
                ("meetings", stats.meetings),
                ("rooms", stats.rooms),
                ("participants", stats.participants),
                ("peers", stats.peers),
                ("tracks", stats.tracks),
            ] {
                self.relay.get_or_create(&What { what }).set(to_i64(amount));
            }
            self.of_relay.take(stats);
        }
        let mut text = String::new();
        encode(&mut text, &self.registry).unwrap_or_default(); // a String takes everything
        text
    }
}

fn to_i64(amount: usize) -> i64 {
    i64::try_from(amount).unwrap_or(i64::MAX)
}
