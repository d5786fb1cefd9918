//! What every request handler shares, and the table of routes.

use std::path::PathBuf;
use std::sync::Arc;

use axum::Router;
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::Response;
use axum::routing::{any, get};
use ringfence::control::handle::RelayHandle;

use crate::meeting_options::MeetingOptions;
use crate::meetings::{Keeping, Meetings, Timing};
use crate::metrics::Metrics;
use crate::problem::HttpProblem;
use crate::rest::{self, Rest};
use crate::rpc::Connections;
use crate::tokens::Keys;
use crate::{health, page, rpc, whep, whip};

/// Shared by all handlers; a clone is a reference.
#[derive(Clone)]
pub struct App(Arc<Shared>);

/// See the fields.
pub struct Shared {
    /// The meetings.
    pub meetings: Meetings,
    /// Keys of tokens.
    pub keys: Keys,
    /// Loopback may come without a token.
    pub development: bool,
    /// Origins of pages, besides our own, that may open the WebSocket.
    pub origins: Vec<String>,
    /// A folder whose files come before the embedded page's.
    pub web: Option<PathBuf>,
    /// Open WebSockets.
    pub connections: Connections,
    /// What REST keeps.
    pub rest: Rest,
    /// Counters.
    pub metrics: Metrics,
}

impl std::ops::Deref for App {
    type Target = Shared;

    fn deref(&self) -> &Shared {
        &self.0
    }
}

/// How an [`App`] is set up.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Keys of tokens.
    pub keys: Keys,
    /// Loopback may come without a token.
    pub development: bool,
    /// Origins of pages, besides our own, that may open the WebSocket.
    pub origins: Vec<String>,
    /// Rules and roles of meetings.
    pub meeting: MeetingOptions,
    /// How long things may take.
    pub timing: Timing,
    /// Most meetings at a time.
    pub meetings_max: usize,
    /// What outlives the process.
    pub keeping: Keeping,
    /// A folder whose files come before the embedded page's.
    pub web: Option<PathBuf>,
}

impl App {
    /// An app in front of a relay.
    pub fn new(relay: RelayHandle, settings: Settings) -> App {
        let Settings { keys, development, origins, meeting, timing, meetings_max, keeping, web } =
            settings;
        let (connections, metrics) = (Connections::default(), Metrics::new(&keeping));
        let meetings = Meetings::keeping(relay, meeting.meeting(), timing, keeping);
        meetings.at_most(meetings_max);
        let rest = Rest::default();
        App(Arc::new(Shared {
            meetings,
            keys,
            development,
            origins,
            web,
            connections,
            rest,
            metrics,
        }))
    }

    /// All routes.
    pub fn router(self) -> Router {
        rest::router(&self)
            .route("/v1/rpc", get(rpc::upgrade))
            .route("/whip/{meeting}", any(whip::endpoint))
            .route("/whip/{meeting}/{session}", any(whip::session))
            .route("/whep/{meeting}", any(whep::endpoint))
            .route("/whep/{meeting}/{session}", any(whep::session))
            .route("/healthz", get(health::healthz))
            .route("/readyz", get(health::readyz))
            .route("/metrics", get(health::metrics))
            .fallback(page::serve)
            .method_not_allowed_fallback(wrong_method)
            .layer(axum::middleware::map_response(harden))
            .with_state(self)
    }
}

async fn wrong_method() -> HttpProblem {
    let detail = "this path does not take this method";
    HttpProblem::new(StatusCode::METHOD_NOT_ALLOWED, "method", detail)
}

/// Headers of every answer: no scripts but our own files, no guessing of content types.
async fn harden(mut response: Response) -> Response {
    const POLICY: &str = "default-src 'self'; base-uri 'none'; object-src 'none'; \
                          frame-ancestors 'none'; form-action 'self'";
    let headers = response.headers_mut();
    for (name, value) in [
        (header::CONTENT_SECURITY_POLICY, POLICY),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "no-referrer"),
        (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    response
}
