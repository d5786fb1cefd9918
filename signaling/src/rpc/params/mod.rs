//! Parameters of methods, read one by one so that an error names its field.
//!
//! Spellings of the seeds are taken beside ours (FEATURES.md 1.19 Q7, Q21).

mod engine;
mod fields;
mod methods;
mod session;
#[cfg(test)]
mod tests;

use serde_json::{Map, Value};

use crate::meetings::Call;
use crate::rooms::{RoomError, code};

pub use methods::METHODS;
pub(super) use methods::canonical;
pub(super) use session::{Join, join};

type Params = Map<String, Value>;

/// Reads every method but `join`.
pub(super) fn call(method: &str, params: &Params) -> Result<Call, RoomError> {
    let method = canonical(method);
    if method == "join" {
        return Err(RoomError::new(code::CONFLICT, "you have joined already"));
    }
    let fields = fields::Fields::new(params);
    if let Some(call) = session::call(method, &fields)? {
        fields.nothing_else(method)?;
        return Ok(call);
    }
    if let Some(request) = engine::request(method, &fields)? {
        let revision = fields.number(&["revision", "if_revision"])?;
        fields.nothing_else(method)?;
        return Ok(Call::Engine { request: Box::new(request), revision });
    }
    let message = format!("there is no method \"{method}\"");
    Err(RoomError::field(code::UNKNOWN_METHOD, "method", message))
}
