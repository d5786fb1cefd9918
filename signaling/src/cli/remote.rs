//! A running relay, asked over its REST interface with a token made here from the key.

use std::time::Duration;

use anyhow::{Context, bail};
use clap::Args;
use reqwest::header::{AUTHORIZATION, CONTENT_TYPE};
use reqwest::{Client, Method, StatusCode};
use serde_json::Value;

use crate::options;
use crate::tokens::{Claims, Grants, Keys, unix_now};

/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(20);
/// How long the token is valid, in seconds: one request.
const TOKEN_S: u64 = 60;

/// Which relay, and as whom.
#[derive(Args, Clone, Debug)]
pub struct RemoteOptions {
    /// Address of the relay.
    #[arg(
        long,
        env = "RINGFENCE_URL",
        default_value = "http://127.0.0.1:8080",
        value_name = "URL",
        global = true
    )]
    pub url: String,
    /// Key to sign with, `issuer=secret`; without one, the development key.
    #[arg(
        long = "key",
        env = "RINGFENCE_KEYS",
        value_name = "ISSUER=SECRET",
        value_delimiter = ',',
        hide_env_values = true,
        global = true
    )]
    pub keys: Vec<String>,
    /// Print the answer as JSON, for machines.
    #[arg(long, global = true)]
    pub json: bool,
}

/// What a request brings along.
#[derive(Clone, PartialEq, Debug)]
pub enum Body {
    /// Nothing.
    None,
    /// A JSON document.
    Json(Value),
    /// A list of people.
    Csv(String),
}

/// One request.
#[derive(Clone, PartialEq, Debug)]
pub struct Ask {
    /// The method.
    pub method: &'static str,
    /// From `/v1` on, escaped.
    pub path: String,
    /// The body.
    pub body: Body,
}

impl Ask {
    /// Asks for a document.
    pub fn get(path: String) -> Ask {
        Ask { method: "GET", path, body: Body::None }
    }

    /// Has something done.
    pub fn post(path: String, body: Value) -> Ask {
        Ask { method: "POST", path, body: Body::Json(body) }
    }
}

/// One segment of a path: what is not sure to be allowed in one is escaped (RFC 3986 §3.3).
pub fn segment(text: &str) -> String {
    let escaped = text.bytes().map(|byte| match byte {
        b'A'..=b'Z'
        | b'a'..=b'z'
        | b'0'..=b'9'
        | b'-'
        | b'.'
        | b'_'
        | b'~'
        | b'@'
        | b':'
        | b'+' => char::from(byte).to_string(),
        other => format!("%{other:02X}"),
    });
    escaped.collect()
}

/// The relay.
pub struct Remote {
    http: Client,
    url: String,
    token: String,
}

impl Remote {
    /// Makes the token.
    ///
    /// # Errors
    /// The key can not be read.
    pub fn new(options: &RemoteOptions) -> anyhow::Result<Remote> {
        let keys = match options.keys.as_slice() {
            [] => Keys::development(),
            given => options::keys(given).context("--key, or RINGFENCE_KEYS")?,
        };
        let grants = Grants { room_create: true, room_list: true, ..Grants::default() };
        let claims = Claims {
            sub: "operator".into(),
            name: None,
            email: None,
            iss: keys.first_issuer().context("no key")?.to_owned(),
            exp: unix_now() + TOKEN_S,
            nbf: None,
            iat: Some(unix_now()),
            video: Grants { room_admin: true, ..grants },
            attributes: Default::default(),
            role: None,
        };
        let token = keys.sign(&claims).map_err(|error| anyhow::anyhow!("{error}"))?;
        let http = Client::builder().timeout(PATIENCE).build().context("HTTP")?;
        Ok(Remote { http, url: options.url.trim_end_matches('/').to_owned(), token })
    }

    /// Asks; the answer's document, `null` if there is none.
    ///
    /// # Errors
    /// The relay can not be reached, or refuses: what it says.
    pub fn ask(&self, ask: &Ask) -> anyhow::Result<Value> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let (status, text) = runtime.block_on(self.send(ask)).with_context(|| {
            format!("no answer from {}: is it the relay's address (--url)?", self.url)
        })?;
        if !status.is_success() {
            bail!("{}", refusal(status, &text));
        }
        if text.is_empty() {
            return Ok(Value::Null);
        }
        let mend = || format!("{} answers no JSON: is it the relay's address (--url)?", self.url);
        serde_json::from_str(&text).with_context(mend)
    }

    async fn send(&self, ask: &Ask) -> reqwest::Result<(StatusCode, String)> {
        let method = Method::from_bytes(ask.method.as_bytes()).unwrap_or_default();
        let request = self.http.request(method, format!("{}{}", self.url, ask.path));
        let request = request.header(AUTHORIZATION, format!("Bearer {}", self.token));
        let request = match &ask.body {
            Body::None => request,
            Body::Json(value) => {
                request.header(CONTENT_TYPE, "application/json").body(value.to_string())
            }
            Body::Csv(text) => request.header(CONTENT_TYPE, "text/csv").body(text.clone()),
        };
        let answer = request.send().await?;
        Ok((answer.status(), answer.text().await?))
    }
}

/// What a refusal says: the problem document's own words, by line where it names lines.
fn refusal(status: StatusCode, text: &str) -> String {
    let problem: Value = serde_json::from_str(text).unwrap_or_default();
    let detail = super::text(&problem, "detail");
    if detail.is_empty() {
        return format!("the relay answers {status}");
    }
    let mut said = detail.to_owned();
    for error in super::list(&problem, "errors") {
        said += &format!(
            "\n  line {}: {}",
            super::number(error, "line"),
            super::text(error, "message")
        );
    }
    if status == StatusCode::UNAUTHORIZED || status == StatusCode::FORBIDDEN {
        said +=
            "\n  the key is taken from --key or RINGFENCE_KEYS; it must be one that the relay has";
    }
    said
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refusals_are_told_in_the_relays_words() {
        let lines = r#"{"detail":"line 2: room_name is empty","errors":[
            {"line":2,"message":"room_name is empty"},
            {"line":5,"message":"3 columns instead of 4"}]}"#;
        for (status, text, expected) in [
            (404, r#"{"detail":"there is no meeting \"x\""}"#, "there is no meeting \"x\""),
            (502, "<html>", "the relay answers 502 Bad Gateway"),
            (
                422,
                lines,
                "line 2: room_name is empty\n  line 2: room_name is empty\n  \
                 line 5: 3 columns instead of 4",
            ),
            (
                401,
                r#"{"detail":"no token"}"#,
                "no token\n  the key is taken from --key or RINGFENCE_KEYS; it must be one \
                 that the relay has",
            ),
        ] {
            let status = StatusCode::from_u16(status).expect("a status");
            assert_eq!(refusal(status, text), expected);
        }
    }

    #[test]
    fn segments() {
        for (text, expected) in
            [("main", "main"), ("a@b.org", "a@b.org"), ("a/b?c", "a%2Fb%3Fc"), ("ü", "%C3%BC")]
        {
            assert_eq!(segment(text), expected);
        }
    }
}
