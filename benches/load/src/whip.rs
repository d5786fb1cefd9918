//! WHIP and WHEP (RFC 9725): one POST, one answer, one DELETE at the end.

use anyhow::{Context, ensure};
use reqwest::header::{CONTENT_TYPE, LOCATION};
use reqwest::{Client, StatusCode, Url};

/// A session on the server.
#[derive(Clone, Debug)]
pub struct Session {
    url: Option<Url>,
    token: Option<String>,
}

/// Fills a template in.
pub fn endpoint(template: &str, meeting: &str, id: &str) -> String {
    template.replace("{meeting}", meeting).replace("{id}", id)
}

/// Posts an offer; returns the answer.
///
/// # Errors
/// The server does not answer 201 with SDP.
pub async fn post(
    client: &Client,
    url: &str,
    token: Option<String>,
    offer: String,
) -> anyhow::Result<(String, Session)> {
    let mut request = client.post(url).header(CONTENT_TYPE, "application/sdp").body(offer);
    if let Some(token) = &token {
        request = request.bearer_auth(token);
    }
    let response = request.send().await.with_context(|| format!("POST {url}"))?;
    let status = response.status();
    let base = response.url().clone();
    let location = response.headers().get(LOCATION).and_then(|value| value.to_str().ok());
    let location = location.and_then(|location| base.join(location).ok());
    let body = response.text().await.with_context(|| format!("POST {url}"))?;
    let fine = matches!(status, StatusCode::CREATED | StatusCode::OK);
    ensure!(fine, "POST {url}: {status} {body}");
    Ok((body, Session { url: location, token }))
}

impl Session {
    /// Ends the session; a server without `Location` ends it by itself.
    pub async fn end(&self, client: &Client) {
        let Some(url) = &self.url else { return };
        let mut request = client.delete(url.clone());
        if let Some(token) = &self.token {
            request = request.bearer_auth(token);
        }
        let _ = request.send().await; // best effort: the run is over
    }
}
