//! What webhooks count. Labels are outcomes only: addresses are the operator's business.

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

#[derive(Clone, PartialEq, Eq, Hash, Debug, EncodeLabelSet)]
struct Outcome {
    outcome: &'static str,
}

/// See the help of each.
#[derive(Clone, Debug, Default)]
pub struct HookMetrics {
    outcomes: Family<Outcome, Counter>,
    pub(super) pending: Gauge,
}

impl HookMetrics {
    /// Tells them to those who ask.
    pub fn register(&self, registry: &mut Registry) {
        let help = "Webhooks by what became of them: delivered; failed, to be posted again; \
                    dropped, because too many waited; expired";
        registry.register("webhooks", help, self.outcomes.clone());
        registry.register("webhooks_pending", "Webhooks that wait", self.pending.clone());
    }

    pub(super) fn count(&self, outcome: &'static str) {
        self.outcomes.get_or_create(&Outcome { outcome }).inc();
    }
}
