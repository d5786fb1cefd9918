//! `ringfence meeting`: meetings of a running relay.

use anyhow::Context;
use clap::{Args, Subcommand};
use serde_json::{Map, Value, json};

use super::remote::{Ask, Body, RemoteOptions, segment};
use super::table::{facts, table};
use super::{Show, carry_out, list, number, state, text};

/// `ringfence meeting`.
#[derive(Args, Clone, Debug)]
pub struct MeetingCommand {
    #[command(flatten)]
    remote: RemoteOptions,
    #[command(subcommand)]
    what: What,
}

#[derive(Subcommand, Clone, Debug)]
enum What {
    /// List the meetings there are.
    List {
        /// At most so many.
        #[arg(long, default_value_t = 500, value_name = "N",
            value_parser = clap::value_parser!(u16).range(1..=500))]
        limit: u16,
        /// Those behind this id.
        #[arg(long, value_name = "ID")]
        after: Option<String>,
    },
    /// Make a meeting before anybody comes; it stays until it is deleted.
    Create {
        /// Its id; without one the relay gives one.
        id: Option<String>,
        /// Limits and policies to begin with: native or enablex.
        #[arg(long, value_name = "NAME")]
        profile: Option<String>,
        /// Roles to begin with: native, stage, or a template of your own.
        #[arg(long, value_name = "NAME")]
        template: Option<String>,
        /// An option that is other than in the profile, e.g. breakout_rooms_max=20; repeatable.
        #[arg(long = "set", value_name = "NAME=VALUE")]
        options: Vec<String>,
    },
    /// Show a meeting and its options.
    Show {
        /// Which meeting.
        meeting: String,
    },
    /// List who is in a meeting, and in which room.
    People {
        /// Which meeting.
        meeting: String,
    },
    /// Change options of a meeting.
    Set {
        /// Which meeting.
        meeting: String,
        /// An option, e.g. breakout_rooms_max=20; or several.
        #[arg(required = true, value_name = "NAME=VALUE")]
        options: Vec<String>,
    },
    /// Give somebody another role.
    Role {
        /// Which meeting.
        meeting: String,
        /// Whom.
        person: String,
        /// Which role.
        role: String,
        /// Only if they agree.
        #[arg(long)]
        ask: bool,
    },
    /// Take somebody out, not to come back until they are given a new token.
    Kick {
        /// Which meeting.
        meeting: String,
        /// Whom.
        person: String,
    },
    /// End a meeting: everybody in it is disconnected.
    Delete {
        /// Which meeting.
        meeting: String,
    },
}

/// Does it.
///
/// # Errors
/// The relay can not be reached, or refuses.
pub fn run(command: &MeetingCommand) -> anyhow::Result<()> {
    let (ask, show) = command.what.ask()?;
    carry_out(&command.remote, &ask, show)
}

impl What {
    fn ask(&self) -> anyhow::Result<(Ask, Show)> {
        let path = |meeting: &str| format!("/v1/meetings/{}", segment(meeting));
        let of_person = |meeting: &str, person: &str| {
            format!("{}/participants/{}", path(meeting), segment(person))
        };
        let patch = |path, body| Ask { method: "PATCH", path, body: Body::Json(body) };
        Ok(match self {
            What::List { limit, after } => {
                let after = after.as_deref().map(|id| format!("&after={}", query(id)));
                let after = after.unwrap_or_default();
                (Ask::get(format!("/v1/meetings?limit={limit}{after}")), show_list as Show)
            }
            What::Create { id, profile, template, options } => {
                let mut ask = Map::new();
                let texts = [("id", id), ("profile", profile), ("template", template)];
                for (name, value) in texts {
                    ask.extend(value.as_ref().map(|value| (name.to_owned(), json!(value))));
                }
                let options = set(options)?;
                if !options.is_empty() {
                    ask.insert("options".to_owned(), options.into());
                }
                (Ask::post("/v1/meetings".to_owned(), ask.into()), show_one)
            }
            What::Show { meeting } => (Ask::get(path(meeting)), show_one),
            What::People { meeting } => (Ask::get(path(meeting) + "/participants"), show_people),
            What::Set { meeting, options } => {
                (patch(path(meeting), json!({ "options": set(options)? })), show_one)
            }
            What::Role { meeting, person, role, ask } => {
                let body = json!({"role": role, "force": !ask});
                (patch(of_person(meeting, person), body), show_person)
            }
            What::Kick { meeting, person } => {
                let path = of_person(meeting, person);
                (Ask { method: "DELETE", path, body: Body::None }, |_, _| "They are out.".into())
            }
            What::Delete { meeting } => {
                let path = path(meeting);
                (Ask { method: "DELETE", path, body: Body::None }, |_, _| {
                    "The meeting is over.".into()
                })
            }
        })
    }
}

/// In a query `+` is a space.
fn query(text: &str) -> String {
    segment(text).replace('+', "%2B")
}

/// Options, each `NAME=VALUE`: a number, true, false, null, or text.
fn set(options: &[String]) -> anyhow::Result<Map<String, Value>> {
    let read = |option: &String| {
        let (name, value) = option.split_once('=').context("options: write NAME=VALUE")?;
        let value = serde_json::from_str(value).unwrap_or_else(|_| json!(value));
        Ok((name.to_owned(), value))
    };
    options.iter().map(read).collect()
}

fn show_list(answer: &Value, now_ms: u64) -> String {
    let row = |meeting: &Value| {
        [
            text(meeting, "id").to_owned(),
            number(meeting, "participants").to_string(),
            number(meeting, "rooms").to_string(),
            state(meeting, now_ms),
        ]
    };
    let mut told = table(
        ["MEETING", "PEOPLE", "BREAKOUTS", "STATE"],
        list(answer, "meetings").iter().map(row),
    );
    if let Some(next) = answer.get("next").and_then(Value::as_str) {
        told += &format!("There are more: --after {next}\n");
    }
    told
}

fn show_one(answer: &Value, now_ms: u64) -> String {
    let mut told = facts(&[
        ("meeting", text(answer, "id").to_owned()),
        ("people", number(answer, "participants").to_string()),
        ("breakouts", format!("{}, {}", number(answer, "rooms"), state(answer, now_ms))),
        ("revision", number(answer, "revision").to_string()),
    ]);
    let options = answer.get("options").and_then(Value::as_object);
    let options = options.into_iter().flatten().filter(|(_, value)| !value.is_null());
    let said = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    let options = options.map(|(name, value)| [name.clone(), said(value)]);
    told += "\n";
    told + &table(["OPTION", "VALUE"], options)
}

fn show_person(answer: &Value, now_ms: u64) -> String {
    show_people(&json!({ "participants": [answer] }), now_ms)
}

fn show_people(answer: &Value, _: u64) -> String {
    let row = |person: &Value| {
        let muted = person.get("muted");
        let is = |kind: &str| muted.and_then(|muted| muted.get(kind)) == Some(&Value::Bool(true));
        let muted: Vec<&str> = ["audio", "video"].into_iter().filter(|kind| is(kind)).collect();
        [
            text(person, "id").to_owned(),
            text(person, "name").to_owned(),
            text(person, "role").to_owned(),
            text(person, "room").to_owned(),
            text(person, "room_name").to_owned(),
            muted.join(", "),
        ]
    };
    let people = list(answer, "participants").iter().map(row);
    table(["PERSON", "NAME", "ROLE", "ROOM", "ROOM NAME", "MUTED"], people)
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        command: MeetingCommand,
    }

    fn ask(arguments: &[&str]) -> Ask {
        let all = ["meeting"].iter().chain(arguments);
        Line::try_parse_from(all).expect("a command").command.what.ask().expect("it can be").0
    }

    #[test]
    fn what_is_asked() {
        let get = |path: &str| Ask::get(path.to_owned());
        for (arguments, expected) in [
            (&["list"][..], get("/v1/meetings?limit=500")),
            (&["list", "--limit", "2", "--after", "a+b"], get("/v1/meetings?limit=2&after=a%2Bb")),
            (&["show", "a/b"], get("/v1/meetings/a%2Fb")),
            (&["people", "main"], get("/v1/meetings/main/participants")),
            (
                &["delete", "main"],
                Ask { method: "DELETE", path: "/v1/meetings/main".into(), body: Body::None },
            ),
            (&["create"], Ask::post("/v1/meetings".into(), json!({}))),
            (
                &[
                    "create",
                    "class",
                    "--profile",
                    "enablex",
                    "--set",
                    "breakout_rooms_max=20",
                    "--set",
                    "late=assign",
                    "--set",
                    "forget_groups=true",
                ],
                Ask::post(
                    "/v1/meetings".into(),
                    json!({"id": "class", "profile": "enablex", "options":
                        {"breakout_rooms_max": 20, "late": "assign", "forget_groups": true}}),
                ),
            ),
            (
                &["set", "a/b", "breakout_rooms_max=20", "late=assign"],
                Ask {
                    method: "PATCH",
                    path: "/v1/meetings/a%2Fb".into(),
                    body: Body::Json(
                        json!({"options": {"breakout_rooms_max": 20, "late": "assign"}}),
                    ),
                },
            ),
            (
                &["role", "main", "ada", "host"],
                Ask {
                    method: "PATCH",
                    path: "/v1/meetings/main/participants/ada".into(),
                    body: Body::Json(json!({"role": "host", "force": true})),
                },
            ),
            (
                &["role", "main", "ada", "host", "--ask"],
                Ask {
                    method: "PATCH",
                    path: "/v1/meetings/main/participants/ada".into(),
                    body: Body::Json(json!({"role": "host", "force": false})),
                },
            ),
            (
                &["kick", "main", "ada@x.org"],
                Ask {
                    method: "DELETE",
                    path: "/v1/meetings/main/participants/ada@x.org".into(),
                    body: Body::None,
                },
            ),
        ] {
            assert_eq!(ask(arguments), expected, "{arguments:?}");
        }
        assert!(
            set(&["late".to_owned()]).expect_err("no value").to_string().contains("NAME=VALUE")
        );
    }

    #[test]
    fn answers_for_people() {
        let meeting = json!({"id": "class", "revision": 7, "state": "started", "ends_at": 91_500,
            "participants": 12, "rooms": 3, "options": {"late": "main", "breakout_rooms_max": 300,
            "empty_ttl_s": null}});
        let list = json!({"meetings": [meeting, {"id": "b", "state": "draft"}], "next": "b"});
        let people = json!({"participants": [
            {"id": "ada", "name": "Ada", "role": "host", "room": "main", "room_name": "Main room",
                "muted": {"audio": false, "video": true}},
            {"id": "bob", "name": "Bob Long", "role": "participant",
                "room": "b1", "room_name": "Red",
                "muted": {"audio": true, "video": true}}]});
        insta::assert_snapshot!("cli_meeting_list", show_list(&list, 1_000));
        insta::assert_snapshot!("cli_meeting_show", show_one(&meeting, 1_000));
        insta::assert_snapshot!("cli_meeting_people", show_people(&people, 0));
    }
}
