//! `[[webhook]]` of the TOML file: `url`, `key` (the issuer whose secret signs; without it the
//! first), `events` (without it all).

use reqwest::Url;
use serde::Deserialize;

use super::event::EVENTS;
use crate::tokens::Keys;

/// As written.
#[derive(Clone, PartialEq, Eq, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WebhookOptions {
    /// Where to post.
    pub url: String,
    /// Issuer of the key that signs.
    pub key: Option<String>,
    /// Which events; none said: all.
    pub events: Option<Vec<String>>,
}

/// One address, checked.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Endpoint {
    /// Where to post.
    pub url: Url,
    /// Issuer of the key that signs.
    pub issuer: String,
    /// Which events; none: all.
    pub events: Option<Vec<String>>,
}

impl Endpoint {
    /// Whether it wants events of this kind.
    pub fn wants(&self, event: &str) -> bool {
        self.events.as_ref().is_none_or(|events| events.iter().any(|one| one == event))
    }
}

impl WebhookOptions {
    /// Checks it.
    ///
    /// # Errors
    /// What is wrong, with the field's name and the mend.
    pub fn check(&self, keys: &Keys) -> Result<Endpoint, String> {
        let said = &self.url;
        let url = Url::parse(said).map_err(|error| format!("webhook url \"{said}\": {error}"))?;
        if !matches!(url.scheme(), "http" | "https") || !url.has_host() {
            return Err(format!("webhook url \"{said}\" must begin with https:// or http://"));
        }
        let issuer = self.key.as_deref().or(keys.first_issuer());
        let issuer = issuer.filter(|issuer| keys.has(issuer)).ok_or_else(|| {
            let key = self.key.as_deref().unwrap_or_default();
            format!("webhook key \"{key}\" is not the issuer of any of the keys")
        })?;
        for event in self.events.iter().flatten() {
            if !EVENTS.contains(&event.as_str()) {
                let known = EVENTS.join(", ");
                return Err(format!("webhook events has \"{event}\"; there are {known}"));
            }
        }
        Ok(Endpoint { url, issuer: issuer.to_owned(), events: self.events.clone() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_wrong_is_named() {
        let keys = Keys::development();
        let read = |text: &str| -> Result<Endpoint, String> {
            let options: WebhookOptions =
                toml::from_str(text).map_err(|error| error.to_string())?;
            options.check(&keys)
        };
        let good = read("url = 'https://example.org/h'\nevents = ['room_opened']").expect("good");
        assert!(good.wants("room_opened") && !good.wants("room_closed"));
        assert!(read("url = 'http://[::1]:1/h'").expect("good").wants("meeting_ended"));
        for (text, says) in [
            ("key = 'x'", "missing field `url`"),
            ("url = 'https://x.org'\nuri = 1", "unknown field `uri`"),
            ("url = 'example.org'", "webhook url \"example.org\""),
            ("url = 'file:///etc'", "must begin with https://"),
            ("url = 'https://x.org'\nkey = 'other'", "webhook key \"other\" is not the issuer"),
            ("url = 'https://x.org'\nevents = ['joined']", "has \"joined\"; there are meeting_st"),
        ] {
            let error = read(text).expect_err(text);
            assert!(error.contains(says), "{text}: {error}");
        }
    }
}
