//! `ringfence breakout`: breakout rooms of a meeting on a running relay.

use std::io::Read;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Context;
use clap::{Args, Subcommand, ValueEnum};
use serde_json::{Map, Value, json};

use super::remote::{Ask, Body, RemoteOptions, segment};
use super::table::table;
use super::{Show, carry_out, joined, list, number, state, text};
use crate::options::duration;

/// `ringfence breakout`.
#[derive(Args, Clone, Debug)]
pub struct BreakoutCommand {
    #[command(flatten)]
    remote: RemoteOptions,
    #[command(subcommand)]
    what: What,
}

/// How people are dealt out.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
#[value(rename_all = "snake_case")]
enum Strategy {
    /// Rooms differ by one person at most.
    Even,
    /// Each into any room.
    Random,
    /// Each room in proportion to what it takes.
    ByCapacity,
    /// Who has the same value of --attribute together.
    ByAttribute,
}

/// The meeting, which every command names first.
#[derive(Args, Clone, Debug)]
struct Of {
    /// Which meeting.
    meeting: String,
}

#[derive(Subcommand, Clone, Debug)]
enum What {
    /// Show the plan: which rooms there are, and who belongs where.
    Plan {
        #[command(flatten)]
        of: Of,
    },
    /// Make rooms.
    Create {
        #[command(flatten)]
        of: Of,
        /// How many [default: as many as names, or one].
        #[arg(long, value_name = "N")]
        rooms: Option<u64>,
        /// Name of a room; those without one are numbered; repeatable.
        #[arg(long = "name", value_name = "NAME")]
        names: Vec<String>,
        /// Most people in each.
        #[arg(long, value_name = "N")]
        capacity: Option<u64>,
    },
    /// Make rooms by a list, and note who belongs there: room_name,first_name,last_name,email.
    Csv {
        #[command(flatten)]
        of: Of,
        /// The list; `-` is standard input.
        file: PathBuf,
    },
    /// Open the breakouts: everybody who is assigned goes to their room, at once.
    Start {
        #[command(flatten)]
        of: Of,
        /// Close them after so long: 90s, 15m, 1h.
        #[arg(long, value_name = "TIME", value_parser = duration)]
        timer: Option<Duration>,
        /// Ask people instead of moving them.
        #[arg(long)]
        ask: bool,
    },
    /// Close them: everybody comes back; rooms and groups stay.
    Stop {
        #[command(flatten)]
        of: Of,
        /// Not now, but after so long: 30s, 2m.
        #[arg(long, value_name = "TIME", value_parser = duration)]
        grace: Option<Duration>,
    },
    /// Deal people out anew; while breakouts are open, they move, in one step.
    Shuffle {
        #[command(flatten)]
        of: Of,
        /// How.
        #[arg(long, default_value = "even")]
        strategy: Strategy,
        /// With by_attribute: which one of those that people's tokens name.
        #[arg(long, value_name = "NAME", required_if_eq("strategy", "by_attribute"))]
        attribute: Option<String>,
        /// The same seed deals the same people the same way.
        #[arg(long, value_name = "N")]
        seed: Option<u64>,
    },
    /// Give the breakouts, or one room, more time.
    Extend {
        #[command(flatten)]
        of: Of,
        /// How much more: 90s, 5m.
        #[arg(value_parser = duration)]
        time: Duration,
        /// Of this room only.
        #[arg(long, value_name = "ROOM")]
        room: Option<String>,
    },
    /// Write to everybody in the breakouts, or in some rooms.
    Broadcast {
        #[command(flatten)]
        of: Of,
        /// What.
        text: String,
        /// Only to this room; repeatable.
        #[arg(long = "room", value_name = "ROOM")]
        rooms: Vec<String>,
    },
    /// Move people into a room, at once; `main` is the main room.
    Move {
        #[command(flatten)]
        of: Of,
        /// Into which room.
        room: String,
        /// Whom.
        #[arg(required = true)]
        people: Vec<String>,
    },
    /// Note that people belong to a room; while breakouts are open, they go there.
    Assign {
        #[command(flatten)]
        of: Of,
        /// To which room.
        room: String,
        /// Who.
        #[arg(required = true)]
        people: Vec<String>,
    },
    /// Note that people belong nowhere; who is inside comes back.
    Unassign {
        #[command(flatten)]
        of: Of,
        /// Who.
        #[arg(required = true)]
        people: Vec<String>,
    },
    /// Put two people into each other's room.
    Exchange {
        #[command(flatten)]
        of: Of,
        /// One.
        a: String,
        /// The other.
        b: String,
    },
    /// Ask people to come into a room, or with --force move them there.
    Invite {
        #[command(flatten)]
        of: Of,
        /// Into which room.
        room: String,
        /// Whom.
        #[arg(required = true)]
        people: Vec<String>,
        /// Without asking.
        #[arg(long)]
        force: bool,
        /// How long they may think about it: 30s, 2m.
        #[arg(long, value_name = "TIME", value_parser = duration, conflicts_with = "force")]
        timeout: Option<Duration>,
    },
    /// Give a room another name.
    Rename {
        #[command(flatten)]
        of: Of,
        /// Which room.
        room: String,
        /// Its new name.
        name: String,
    },
    /// Delete a room; who is inside comes back first.
    Delete {
        #[command(flatten)]
        of: Of,
        /// Which room.
        room: String,
    },
    /// Bring everybody back and forget who belongs where; rooms stay.
    Reset {
        #[command(flatten)]
        of: Of,
    },
    /// Bring everybody back, with the main room resumed; rooms and groups stay.
    Clear {
        #[command(flatten)]
        of: Of,
    },
    /// Bring everybody back, with the main room resumed and unmuted, and delete all rooms.
    Destroy {
        #[command(flatten)]
        of: Of,
    },
}

/// Does it.
///
/// # Errors
/// The list can not be read; the relay can not be reached, or refuses.
pub fn run(command: &BreakoutCommand) -> anyhow::Result<()> {
    let ask = command.what.ask(read)?;
    let show: Show = match command.what {
        What::Plan { .. } => show_plan,
        _ => show_done,
    };
    carry_out(&command.remote, &ask, show)
}

fn read(file: &Path) -> anyhow::Result<String> {
    if file == Path::new("-") {
        let mut text = String::new();
        std::io::stdin().read_to_string(&mut text).context("standard input can not be read")?;
        return Ok(text);
    }
    std::fs::read_to_string(file).with_context(|| format!("can not read {}", file.display()))
}

impl What {
    fn ask(&self, read: impl Fn(&Path) -> anyhow::Result<String>) -> anyhow::Result<Ask> {
        let path = |of: &Of, rest: &str| format!("/v1/meetings/{}{rest}", segment(&of.meeting));
        let act = |of: &Of, action: &str, body| {
            Ask::post(path(of, &format!("/breakouts/{action}")), body)
        };
        Ok(match self {
            What::Plan { of } => Ask::get(path(of, "/breakouts")),
            What::Create { of, rooms, names, capacity } => {
                let (rooms, names) = (("max_rooms", json!(rooms)), ("names", json!(names)));
                act(of, "rooms", given([rooms, names, ("participants", json!(capacity))]))
            }
            What::Csv { of, file } => {
                let body = Body::Csv(read(file)?);
                Ask { method: "POST", path: path(of, "/breakouts/csv"), body }
            }
            What::Start { of, timer, ask } => {
                let consent = json!(ask.then_some("ask"));
                act(of, "start", given([("timer_s", seconds(*timer)), ("consent", consent)]))
            }
            What::Stop { of, grace } => act(of, "stop", given([("grace_s", seconds(*grace))])),
            What::Shuffle { of, strategy, attribute, seed } => {
                let strategy = strategy.to_possible_value().map(|it| it.get_name().to_owned());
                let how = ("strategy", json!(strategy));
                let by = ("attribute", json!(attribute));
                act(of, "shuffle", given([how, by, ("seed", json!(seed))]))
            }
            What::Extend { of, time, room } => {
                let seconds = json!(time.as_secs());
                act(of, "extend", given([("seconds", seconds), ("room", json!(room))]))
            }
            What::Broadcast { of, text, rooms } => Ask::post(
                path(of, "/broadcast"),
                given([("text", json!(text)), ("rooms", json!(rooms))]),
            ),
            What::Move { of, room, people } => {
                Ask::post(path(of, "/move"), json!({"participants": people, "room": room}))
            }
            What::Assign { of, room, people } => {
                act(of, "assign", json!({"participants": people, "room": room}))
            }
            What::Unassign { of, people } => act(of, "unassign", json!({"participants": people})),
            What::Exchange { of, a, b } => act(of, "exchange", json!({"a": a, "b": b})),
            What::Invite { of, room, people, force, timeout } => {
                let (people, room) = (("participants", json!(people)), ("room", json!(room)));
                let how = ("force_join", json!(force.then_some(true)));
                act(of, "invite", given([people, room, how, ("timeout_s", seconds(*timeout))]))
            }
            What::Rename { of, room, name } => {
                let body = Body::Json(json!({ "name": name }));
                Ask { method: "PATCH", path: path(of, &of_room(room)), body }
            }
            What::Delete { of, room } => {
                Ask { method: "DELETE", path: path(of, &of_room(room)), body: Body::None }
            }
            What::Reset { of } => act(of, "reset", json!({})),
            What::Clear { of } => act(of, "clear", json!({})),
            What::Destroy { of } => act(of, "destroy", json!({})),
        })
    }
}

fn of_room(room: &str) -> String {
    format!("/breakouts/rooms/{}", segment(room))
}

fn seconds(time: Option<Duration>) -> Value {
    json!(time.map(|time| time.as_secs()))
}

/// What was said of these; what was not is left to the relay.
fn given<const N: usize>(fields: [(&str, Value); N]) -> Value {
    let said = |value: &Value| !value.is_null() && value.as_array().is_none_or(|it| !it.is_empty());
    let fields = fields.into_iter().filter(|(_, value)| said(value));
    Value::Object(fields.map(|(name, value)| (name.to_owned(), value)).collect::<Map<_, _>>())
}

fn show_plan(answer: &Value, now_ms: u64) -> String {
    let row = |room: &Value| {
        let expected = list(room, "expected").iter().filter(|one| one.get("person").is_none());
        let expected = expected.map(|one| {
            let name = format!("{} {}", text(one, "first_name"), text(one, "last_name"));
            match (name.trim(), text(one, "email")) {
                (name, "") => name.to_owned(),
                ("", email) => email.to_owned(),
                (name, email) => format!("{name} <{email}>"),
            }
        });
        let takes = room.get("capacity").and_then(Value::as_u64);
        [
            text(room, "id").to_owned(),
            text(room, "name").to_owned(),
            takes.map_or_else(|| "any".to_owned(), |takes| takes.to_string()),
            joined(room, "assigned"),
            expected.collect::<Vec<_>>().join(", "),
        ]
    };
    let rooms = list(answer, "rooms").iter().map(row);
    let head = format!("{}, revision {}\n", state(answer, now_ms), number(answer, "revision"));
    head + &table(["ROOM", "NAME", "TAKES", "BELONG THERE", "EXPECTED"], rooms)
}

fn show_done(answer: &Value, _: u64) -> String {
    let mut told = String::from("Done");
    if let Some(revision) = answer.get("revision").and_then(Value::as_u64) {
        told += &format!(", revision {revision}");
    }
    told += ".\n";
    if !list(answer, "rooms").is_empty() {
        told += &format!("Rooms that were made: {}\n", joined(answer, "rooms"));
    }
    if let Some(people) = answer.get("people").and_then(Value::as_u64) {
        told += &format!("People on the list: {people}\n");
    }
    told
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        command: BreakoutCommand,
    }

    fn ask(arguments: &[&str]) -> Ask {
        let all = ["breakout"].iter().chain(arguments);
        let command = Line::try_parse_from(all).unwrap_or_else(|error| panic!("{error}")).command;
        command.what.ask(|file| Ok(format!("of {}", file.display()))).expect("it can be")
    }

    #[test]
    fn what_is_asked() {
        let base = "/v1/meetings/m/breakouts";
        for (arguments, path, body) in [
            (
                &["create", "m", "--rooms", "3", "--name", "Red"][..],
                "/rooms",
                json!({"max_rooms": 3, "names": ["Red"]}),
            ),
            (&["create", "m", "--capacity", "4"], "/rooms", json!({"participants": 4})),
            (&["start", "m"], "/start", json!({})),
            (
                &["start", "m", "--timer", "15m", "--ask"],
                "/start",
                json!({"timer_s": 900, "consent": "ask"}),
            ),
            (&["stop", "m"], "/stop", json!({})),
            (&["stop", "m", "--grace", "30s"], "/stop", json!({"grace_s": 30})),
            (&["shuffle", "m"], "/shuffle", json!({"strategy": "even"})),
            (
                &["shuffle", "m", "--strategy", "by_capacity", "--seed", "7"],
                "/shuffle",
                json!({"strategy": "by_capacity", "seed": 7}),
            ),
            (&["extend", "m", "5m"], "/extend", json!({"seconds": 300})),
            (
                &["extend", "m", "90", "--room", "b1"],
                "/extend",
                json!({"seconds": 90, "room": "b1"}),
            ),
            (
                &["assign", "m", "b1", "ada", "bob"],
                "/assign",
                json!({"participants": ["ada", "bob"], "room": "b1"}),
            ),
            (&["unassign", "m", "ada"], "/unassign", json!({"participants": ["ada"]})),
            (&["exchange", "m", "ada", "bob"], "/exchange", json!({"a": "ada", "b": "bob"})),
            (&["reset", "m"], "/reset", json!({})),
            (&["clear", "m"], "/clear", json!({})),
            (&["destroy", "m"], "/destroy", json!({})),
            (
                &["shuffle", "m", "--strategy", "by_attribute", "--attribute", "team"],
                "/shuffle",
                json!({"strategy": "by_attribute", "attribute": "team"}),
            ),
            (
                &["invite", "m", "b1", "ada", "--timeout", "30s"],
                "/invite",
                json!({"participants": ["ada"], "room": "b1", "timeout_s": 30}),
            ),
            (
                &["invite", "m", "b1", "ada", "bob", "--force"],
                "/invite",
                json!({"participants": ["ada", "bob"], "room": "b1", "force_join": true}),
            ),
        ] {
            let expected = Ask::post(format!("{base}{path}"), body);
            assert_eq!(ask(arguments), expected, "{arguments:?}");
        }
    }

    #[test]
    fn what_is_asked_otherwise() {
        for (arguments, method, path, body) in [
            (&["plan", "m"][..], "GET", "/breakouts", Body::None),
            (&["csv", "m", "x.csv"], "POST", "/breakouts/csv", Body::Csv("of x.csv".into())),
            (&["delete", "m", "b 1"], "DELETE", "/breakouts/rooms/b%201", Body::None),
            (
                &["rename", "m", "b 1", "Red room"],
                "PATCH",
                "/breakouts/rooms/b%201",
                Body::Json(json!({"name": "Red room"})),
            ),
            (
                &["move", "m", "main", "ada"],
                "POST",
                "/move",
                Body::Json(json!({"participants": ["ada"], "room": "main"})),
            ),
            (
                &["broadcast", "m", "Five minutes"],
                "POST",
                "/broadcast",
                Body::Json(json!({"text": "Five minutes"})),
            ),
            (
                &["broadcast", "m", "Come", "--room", "b1", "--room", "b2"],
                "POST",
                "/broadcast",
                Body::Json(json!({"text": "Come", "rooms": ["b1", "b2"]})),
            ),
        ] {
            let expected = Ask { method, path: format!("/v1/meetings/m{path}"), body };
            assert_eq!(ask(arguments), expected, "{arguments:?}");
        }
    }

    #[test]
    fn answers_for_people() {
        let plan = json!({"revision": 12, "state": "draft", "rooms": [
            {"id": "b1", "name": "Red", "capacity": 4, "assigned": ["ada", "bob"], "expected": [
                {"first_name": "Cy", "last_name": "Long", "email": "cy@x.org"},
                {"first_name": "Ada", "last_name": "", "email": "", "person": "ada"},
                {"first_name": "", "last_name": "", "email": "dee@x.org"}]},
            {"id": "b2", "name": "Blue room"}]});
        insta::assert_snapshot!("cli_breakout_plan", show_plan(&plan, 0));
        let made = json!({"revision": 13, "rooms": ["b3", "b4"], "people": 9});
        insta::assert_snapshot!("cli_breakout_done", show_done(&made, 0));
        assert_eq!(show_done(&Value::Null, 0), "Done.\n");
    }
}
