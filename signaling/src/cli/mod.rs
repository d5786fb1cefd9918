//! What an operator does by hand: `ringfence meeting …` and `ringfence breakout …` over REST, and
//! `ringfence check`, which talks to nobody.
//!
//! A command is an `Ask` (method, path, body) and a way to show the answer to people; both are
//! pure. Only `remote` sends.

pub mod breakout;
pub mod check;
pub mod meeting;
mod place;
mod remote;
mod table;

pub use remote::RemoteOptions;

use remote::{Ask, Remote};
use serde_json::Value;

/// Shows an answer to people, at this time in milliseconds since 1970.
type Show = fn(&Value, u64) -> String;

/// Asks, and prints the answer.
fn carry_out(options: &RemoteOptions, ask: &Ask, show: Show) -> anyhow::Result<()> {
    let answer = Remote::new(options)?.ask(ask)?;
    let text = match options.json {
        true => format!("{answer:#}"),
        false => show(&answer, crate::tokens::unix_now_ms()),
    };
    println!("{}", text.trim_end());
    Ok(())
}

/// A text of the answer; empty if it is not there.
fn text<'a>(value: &'a Value, name: &str) -> &'a str {
    value.get(name).and_then(Value::as_str).unwrap_or_default()
}

/// A number of the answer.
fn number(value: &Value, name: &str) -> u64 {
    value.get(name).and_then(Value::as_u64).unwrap_or_default()
}

/// A list of the answer; empty if it is not there.
fn list<'a>(value: &'a Value, name: &str) -> &'a [Value] {
    value.get(name).and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

/// Texts in a list of the answer, with commas between.
fn joined(value: &Value, name: &str) -> String {
    let texts: Vec<&str> = list(value, name).iter().filter_map(Value::as_str).collect();
    texts.join(", ")
}

/// How breakouts stand: `draft`, or `started, close in 90 s`.
fn state(value: &Value, now_ms: u64) -> String {
    let word = text(value, "state");
    match value.get("ends_at").and_then(Value::as_u64) {
        Some(at) => format!("{word}, close in {} s", at.saturating_sub(now_ms).div_ceil(1_000)),
        None => word.to_owned(),
    }
}
