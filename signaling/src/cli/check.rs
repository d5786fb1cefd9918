//! `ringfence check`: whether the relay would start with a file, told before it does.
//!
//! What is wrong is named with line, column and mend; what is right is told as what will be done.

use std::fmt::Write;
use std::ops::Range;
use std::path::PathBuf;

use anyhow::{Context, bail};
use clap::Args;

use super::place::{key_in, key_of_webhook, place, quoted};
use super::table::facts;
use crate::options::{ServeOptions, Settled};
use crate::rooms::Role;

/// `ringfence check`.
#[derive(Args, Clone, Debug)]
pub struct CheckOptions {
    /// The TOML file that `ringfence serve --config` would be given.
    pub config: PathBuf,
    /// Key of tokens, `issuer=secret`, where the file has none; repeatable.
    #[arg(
        long = "key",
        env = "RINGFENCE_KEYS",
        value_name = "ISSUER=SECRET",
        value_delimiter = ',',
        hide_env_values = true
    )]
    pub keys: Vec<String>,
}

/// Checks, and prints what would be done.
///
/// # Errors
/// The file can not be read, or what is wrong in it.
pub fn run(options: &CheckOptions) -> anyhow::Result<()> {
    let name = options.config.display().to_string();
    let text = std::fs::read_to_string(&options.config);
    let text = text.with_context(|| format!("can not read {name}"))?;
    match check(&name, &text, &options.keys) {
        Ok(told) => print!("{told}"),
        Err(fault) => bail!("{}", fault.trim_end()),
    }
    Ok(())
}

/// What would be done, or what is wrong.
fn check(name: &str, text: &str, keys: &[String]) -> Result<String, String> {
    let file: ServeOptions = toml::from_str(text).map_err(|error| {
        let place = place(text, error.span(), error.message());
        fault(name, text, place, error.message(), &mend(error.message()))
    })?;
    let mut options = file;
    if options.keys.is_empty() {
        options.keys = keys.to_vec();
    }
    let settled = options.settle().map_err(|error| {
        let message = format!("{error:#}");
        let of_webhook = key_of_webhook(text, &message);
        let place = of_webhook.or_else(|| key_in(text, named(&message)?));
        fault(name, text, place, &message.replace("--", ""), "")
    })?;
    Ok(format!("{name} is good. With it the relay does this:\n{}", told(&settled)))
}

/// Which option a refusal of [`ServeOptions::settle`] is about.
fn named(message: &str) -> Option<&str> {
    if let Some(option) = message.strip_prefix("--") {
        return option.split_whitespace().next();
    }
    let known =
        [("last shard's port", "media-port"), ("secret of", "keys"), ("issuer=secret", "keys")];
    let found =
        known.iter().find(|(words, _)| message.contains(words) && !message.contains("no key"));
    found.map(|(_, key)| *key)
}

/// What to write instead.
fn mend(message: &str) -> String {
    // Of a rule or role, which is named first.
    let message = message.split_once("`: ").map_or(message, |(_, message)| message);
    let mut words = quoted(message);
    if let Some(wrong) = words.next()
        && message.starts_with("unknown")
    {
        let near = words.map(|known| (distance(wrong, known), known)).min();
        return match near {
            Some((far, known)) if far <= wrong.len() / 2 => format!("write `{known}`"),
            _ => "leave it out, or write one of those".to_owned(),
        };
    }
    let known = [
        ("socket address", "write ADDRESS:PORT in quotes, for example \"0.0.0.0:8080\""),
        ("IP address", "write an address in quotes, for example \"192.0.2.1\""),
        ("expected a sequence", "write a list: [\"…\", \"…\"]"),
        ("expected a boolean", "write true or false, without quotes"),
        ("expected a string", "write it in quotes"),
        ("expected usize", "write a number, without quotes"),
        ("expected u", "write a number that is not too large, without quotes"),
        ("duplicate key", "leave one of them out"),
    ];
    let found = known.iter().find(|(words, _)| message.contains(words));
    found.map_or_else(String::new, |(_, mend)| (*mend).to_owned())
}

/// How many letters to change, leave out or add, to come from one word to the other (Levenshtein).
fn distance(one: &str, other: &str) -> usize {
    let other: Vec<char> = other.chars().collect();
    let mut row: Vec<usize> = (0..=other.len()).collect();
    for (line, a) in (1..).zip(one.chars()) {
        let mut before = line - 1;
        let mut left = line;
        row[0] = line;
        for (cell, b) in row.iter_mut().skip(1).zip(&other) {
            let change = before + usize::from(a != *b);
            before = *cell;
            left = change.min(before + 1).min(left + 1);
            *cell = left;
        }
    }
    row.last().copied().unwrap_or(0)
}

/// A fault for people: file, line and column, the line itself, the mend.
fn fault(name: &str, text: &str, place: Option<Range<usize>>, message: &str, mend: &str) -> String {
    let message = message.trim_end();
    let mut told = match &place {
        None => format!("{name}: {message}\n"),
        Some(place) => {
            let before = text.get(..place.start).unwrap_or(text);
            let start = before.rfind('\n').map_or(0, |at| at + 1);
            let (line, column) =
                (before.matches('\n').count() + 1, before[start..].chars().count());
            let written = text[start..].lines().next().unwrap_or_default();
            let rest = written.chars().count().saturating_sub(column).max(1);
            let marked = text.get(place.clone()).map_or(1, |it| it.chars().count());
            let (margin, marks) = (" ".repeat(line.to_string().len()), marked.clamp(1, rest));
            format!(
                "{name}:{line}:{}: {message}\n{margin} |\n{line} | {written}\n{margin} | {}{}\n",
                column + 1,
                " ".repeat(column),
                "^".repeat(marks)
            )
        }
    };
    if !mend.is_empty() {
        let _ = writeln!(told, "mend: {mend}"); // a String takes everything
    }
    told
}

/// What the options come to.
fn told(settled: &Settled) -> String {
    let Settled { http, media_port, shards, io, trains, .. } = settled;
    let ports = match (*media_port, *shards) {
        (0, _) => "of the system's choice".to_owned(),
        (port, 1) => port.to_string(),
        (port, shards) => format!("{port} to {}", usize::from(port) + shards - 1),
    };
    let bound = settled.media_ip.map_or_else(|| "all addresses".to_owned(), |ip| ip.to_string());
    let announced: Vec<String> = settled.announce.iter().map(ToString::to_string).collect();
    let announced = match announced.as_slice() {
        [] => "the machine's own".to_owned(),
        given => given.join(", "),
    };
    let on = |on: bool| if on { "on" } else { "off" };
    let origins = match settled.origins.as_slice() {
        [] => "the relay's own page only".to_owned(),
        given => format!("the relay's own page, {}", given.join(", ")),
    };
    let kept = settled.data.as_ref();
    let kept = kept.map_or_else(
        || "in memory only, nothing over a restart".to_owned(),
        |folder| format!("in {}", folder.display()),
    );
    let webhooks: Vec<String> = settled.webhooks.iter().map(|to| to.url.to_string()).collect();
    let webhooks = match webhooks.as_slice() {
        [] => "none".to_owned(),
        given => given.join(", "),
    };
    let issuers: Vec<&str> = settled.keys.issuers().collect();
    let rules = &settled.meeting.rules;
    let roles: Vec<Role> = settled.meeting.roles.clone().into();
    let roles: Vec<&str> = roles.iter().map(|role| role.name.as_str()).collect();
    facts(&[
        ("http", format!("{http}")),
        ("media", format!("UDP {ports}, on {bound}; clients are told {announced}")),
        (
            "shards",
            format!(
                "{shards}, io {}, trains {}, egress hold {} µs, voice hold {} µs",
                format!("{io:?}").to_lowercase(),
                on(*trains),
                settled.egress_hold.as_micros(),
                settled.voice_hold.as_micros()
            ),
        ),
        ("tokens", format!("keys of {}", issuers.join(", "))),
        ("origins", origins),
        (
            "meetings",
            format!(
                "at most {}; breakouts {}, at most {} rooms; roles {}",
                settled.meetings,
                on(rules.breakouts),
                rules.breakout_rooms_max,
                roles.join(", ")
            ),
        ),
        ("kept", kept),
        ("webhooks", webhooks),
        ("SIGTERM", format!("sessions may go on for {} s", settled.drain.as_secs())),
        ("development", on(settled.dev).to_owned()),
    ])
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROLE: &str = "[[meeting.roles]]\nname = 'a'\npermissions = []\nsubscribe = {}\n\
        publish = { media = { audio = true, video = true, share = true, canvas = true } }\n";
    const HOOK: &str = "[[webhook]]\nurl = 'https://a.org'\nevents = ['room_opened']\n";
    const KEY: &str = "keys = ['app=0123456789012345678901234567890123']\n";

    #[test]
    fn good_files_tell_what_will_be_done() {
        let rest = "http = '0.0.0.0:80'\nmedia-port = 5000\nshards = 4\nannounce = ['192.0.2.1']\n\
                    io = 'mmsg'\ntrains = 'off'\n\n[meeting]\nbreakout_rooms_max = 20\n";
        insta::assert_snapshot!(
            "cli_check_good",
            check("r.toml", &format!("{KEY}{rest}"), &[]).unwrap()
        );
        let keys = ["env=0123456789012345678901234567890123".to_owned()];
        let told = check("r.toml", "shards = 1\nmedia-port = 0\ndev = true\n", &keys).unwrap();
        insta::assert_snapshot!("cli_check_least", told);
    }

    /// A file with this behind the key is refused in these words.
    fn says(why: &str, rest: &str, expected: &[&str]) {
        let fault = check("r.toml", &format!("{KEY}{rest}\n"), &[]).expect_err(why);
        for words in expected {
            assert!(fault.contains(words), "{why}: {words}\n{fault}");
        }
    }

    #[test]
    fn faults_of_meetings_and_webhooks_name_their_line() {
        let begun = ROLE.split("publish").next().expect("what comes before");
        for (why, rest, expected) in [
            (
                "no such profile",
                "[meeting]\nlecture = true\nprofile = 'zoom'",
                &[
                    "r.toml:4:1: in `profile`: no profile is \"zoom\"",
                    "is \"zoom\"; there are native, enablex",
                ][..],
            ),
            (
                "no such template",
                "[meeting]\ntemplate = 'zoom'",
                &["r.toml:3:1: in `template`: no template is \"zoom\"; there are native, stage"],
            ),
            (
                "a rule of another type",
                "[meeting]\nlecture = true\nwarn_s = 'soon'",
                &["r.toml:4:1: in `warn_s`: invalid type", "write a number"],
            ),
            (
                "no such policy",
                "[meeting]\nlate = 'asign'",
                &["r.toml:3:1: in `late`: unknown variant `asign`", "write `assign`"],
            ),
            (
                "the second role",
                &format!("{ROLE}[[meeting.roles]]\nname = 'b'\npermissions = ['fly']\n"),
                &["r.toml:9:1: in `roles[1].permissions", "no permission \"fly\""],
            ),
            (
                "in a role, a name",
                &format!("[[meeting.roles]]\nname = 'b'\npermissons = []\n{ROLE}"),
                &["r.toml:4:1: in `roles[0]", "unknown field `permissons`", "write `permissions`"],
            ),
            (
                "in the strategy of the second role",
                &format!("{ROLE}{begun}[meeting.roles.publish]\nmedia = 3\n"),
                &["r.toml:12:1: in `roles[1].publish.media"],
            ),
            (
                "a role without",
                "[[meeting.roles]]\nname = 'b'\n",
                &["r.toml:2:1: in `roles[0]`: missing field `permissions`"],
            ),
            (
                "roles that are none",
                "[meeting]\nroles = []",
                &["r.toml:3:1: in `roles`: a template has 1 to 64"],
            ),
            (
                "no address of a webhook",
                &format!("{HOOK}[[webhook]]\nurl = 'example.org'"),
                &["r.toml:6:8: webhook url \"example.org\""],
            ),
            (
                "no key of a webhook",
                "[[webhook]]\nurl = 'https://x.org'\nkey = 'other'",
                &["r.toml:4:8: webhook key \"other\""],
            ),
            (
                "no event of a webhook",
                &format!("{HOOK}[[webhook]]\nurl = 'https://x.org'\nevents = [\n  'joined'\n]"),
                &["r.toml:8:4: webhook events has \"joined\""],
            ),
        ] {
            says(why, rest, expected);
        }
    }

    #[test]
    fn faults_name_line_column_and_mend() {
        for (why, rest, expected) in [
            (
                "an unknown name",
                "htpp = '0.0.0.0:80'",
                &["r.toml:2:1: unknown field `htpp`", "write `http`"][..],
            ),
            ("a strange name", "colour = 'red'", &["r.toml:2:1:", "leave it out"]),
            ("not a number", "shards = 'two'", &["r.toml:2:10: invalid type", "write a number"]),
            ("too large", "media-port = 70000", &["r.toml:2:14:", "not too large"]),
            (
                "an unknown word",
                "io = 'urnig'",
                &["r.toml:2:6: unknown variant `urnig`", "write `uring`"],
            ),
            (
                "no address",
                "http = 'localhost'",
                &["r.toml:2:8: invalid socket address", "0.0.0.0:8080"],
            ),
            ("no list", "announce = '192.0.2.1'", &["r.toml:2:12:", "write a list"]),
            ("out of bounds", "shards = 500", &["r.toml:2:1: shards 500 is not within 1 to 256"]),
            ("past the last port", "  media-port = 65535\nshards = 2", &["r.toml:2:3:", "65536"]),
            ("long hold", "egress-hold = 30000", &["r.toml:2:1: egress-hold 30000"]),
            ("no TOML", "shards == 2", &["r.toml:2:9:"]),
            (
                "twice",
                "shards = 2\nshards = 3",
                &["r.toml:3:1: duplicate key", "leave one of them out"],
            ),
            (
                "in the meeting",
                "[meeting]\nbreakout_rooms_mx = 3",
                &["r.toml:3:1: unknown field `breakout_rooms_mx`", "write `breakout_rooms_max`"],
            ),
        ] {
            says(why, rest, expected);
        }
        let fault = check("r.toml", "shards = 2\n", &[]).expect_err("no key");
        assert!(fault.starts_with("r.toml: no key for tokens: set RINGFENCE_KEYS"), "{fault}");
        let fault = check("r.toml", "\nkeys = ['app=short']\n", &[]).expect_err("a short key");
        assert!(fault.starts_with("r.toml:2:1: the secret of \"app\" is shorter"), "{fault}");
        insta::assert_snapshot!(
            "cli_check_fault",
            check("r.toml", &format!("{KEY}io = 'urnig'"), &[]).unwrap_err()
        );
    }

    #[test]
    fn distances() {
        for (one, other, expected) in [
            ("http", "http", 0),
            ("htpp", "http", 1),
            ("", "abc", 3),
            ("shard", "shards", 1),
            ("io", "dev", 3),
        ] {
            assert_eq!(distance(one, other), expected, "{one} {other}");
            assert_eq!(distance(other, one), expected);
        }
    }
}
