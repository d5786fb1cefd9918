//! REST: everything a host can do, from a server (FEATURES.md 1.15, 1.20).
//!
//! A request is checked from the outside in, and each step knows nothing of the next: who calls
//! (`caller`), whether it was answered before (`idempotency`), its shape (`body`), and only then
//! what it means, which is for the engine to say. The server asks as itself: the engine asks it for
//! no permission, and spares it no limit and no state.
//!
//! Answers are views of one state of the meeting (`views`); errors are problem documents
//! (`refused`). The routes and the OpenAPI document are one list (`openapi`), so that neither can
//! be without the other.

mod body;
mod breakouts;
mod caller;
mod drain;
mod idempotency;
mod limits;
mod meetings;
mod openapi;
mod participants;
mod plan;
mod polls;
mod refused;
mod roles;
mod strict;
mod templates;
mod views;

use axum::Router;
use axum::extract::{MatchedPath, Request, State};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::Response;

use crate::app::App;

pub use breakouts::Deal;
pub use idempotency::Answers;
pub use limits::Limits;
pub use openapi::document;
pub use templates::Templates;

/// What REST keeps between requests.
#[derive(Default, Debug)]
pub struct Rest {
    /// Templates of roles.
    pub templates: Templates,
    /// What was answered to requests with a key.
    pub answers: Answers,
    /// Requests by key of tokens.
    pub limits: Limits,
}

async fn count(
    State(app): State<App>,
    route: MatchedPath,
    request: Request,
    next: Next,
) -> Response {
    let method = request.method().clone();
    let response = next.run(request).await;
    app.metrics.rest(method.as_str(), route.as_str(), response.status().as_u16());
    response
}

/// All routes of REST.
pub fn router(app: &App) -> Router<App> {
    let (routes, _) = openapi::routes().split_for_parts();
    routes
        .layer(from_fn_with_state(app.clone(), idempotency::remember))
        .layer(from_fn_with_state(app.clone(), caller::authorise))
        .layer(from_fn_with_state(app.clone(), count))
        .route("/v1/openapi.json", axum::routing::get(openapi::serve))
}
