//! Breakouts by the relay's own engine: start, shuffles, stop, each of everybody by one command.
//!
//! The judge of wrong rooms has to know where everybody goes when the command leaves. So it is rehearsed before
//! anything is measured: in a draft a shuffle moves nobody, its seed repeats it, and the list of people tells who
//! belongs where. While it is measured the same seeds are given in the same order, and before each step the list has to
//! say that everybody is where they were rehearsed to be.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, ensure};
use serde_json::{Value, json};
use tokio::sync::watch;

use crate::clock;
use crate::crowd::Crowd;
use crate::media::{Command, StageTotals, room};
use crate::report::Stage;
use crate::rpc::Rpc;
use crate::run::rest;
use crate::scrape::Scraper;
use crate::scrape::prometheus::Buckets;

/// In which breakout room everybody is, in the order of the crowd; `None`: the main room.
type Places = Vec<Option<u32>>;

/// One command, and where everybody is after it.
#[derive(Clone, PartialEq, Debug)]
struct Step {
    name: String,
    method: &'static str,
    params: Value,
    places: Places,
}

/// Everything that is to happen.
pub struct Breakouts {
    steps: Vec<Step>,
}

/// What happened.
#[derive(Default)]
pub struct Performed {
    done: Vec<Done>,
    /// Why the run does not count.
    pub failure: Option<String>,
}

/// One step, as its host saw it.
struct Done {
    name: String,
    moved: u64,
    answered: Duration,
    flipped: Option<Duration>,
}

impl Breakouts {
    /// Finds out where everybody will be, and leaves the draft as it is before the start.
    ///
    /// # Errors
    /// The server refuses, or does not tell.
    pub async fn rehearse(crowd: &Crowd, shuffles: u32) -> anyhow::Result<Breakouts> {
        let host = crowd.host(0)?;
        let seed = crowd.lobby.options.seed;
        let seeded = |number: u32| json!({"strategy": "even", "seed": seed + u64::from(number)});
        let mut arrangements = Vec::new();
        for number in 0..=shuffles {
            host.tell("breakout.shuffle", seeded(number)).await?;
            arrangements.push(places(crowd, host, "assigned").await?);
        }
        host.tell("breakout.shuffle", seeded(0)).await?;
        let steps = arrangements.into_iter().enumerate().map(|(number, places)| match number {
            0 => Step {
                name: "start".into(),
                method: "breakout.start",
                params: json!({"consent": "force"}),
                places,
            },
            _ => Step {
                name: format!("shuffle {number}"),
                method: "breakout.shuffle",
                params: seeded(number as u32),
                places,
            },
        });
        let stop = Step {
            name: "stop".into(),
            method: "breakout.stop",
            params: json!({}),
            places: vec![None; crowd.people.len()],
        };
        Ok(Breakouts { steps: steps.chain([stop]).collect() })
    }

    /// Gives the commands, evenly spread over the measurement, until `ending`.
    pub async fn perform(
        self,
        crowd: Arc<Crowd>,
        scraper: Arc<Scraper>,
        ending: watch::Receiver<bool>,
    ) -> Performed {
        let mut performed = Performed::default();
        let every = crowd.lobby.options.duration / (self.steps.len() as f64 + 1.0);
        let began = tokio::time::Instant::now();
        let mut before = vec![None; crowd.people.len()];
        for (number, step) in (1..).zip(self.steps) {
            let at = began + Duration::from_secs_f64(every * f64::from(number));
            rest(at - tokio::time::Instant::now(), &ending).await;
            if *ending.borrow() {
                performed.failure = Some(format!("it was stopped before \"{}\"", step.name));
                break;
            }
            match one(&crowd, &scraper, &before, &step).await {
                Ok(done) => performed.done.push(done),
                Err(error) => {
                    performed.failure = Some(format!("{}: {error:#}", step.name));
                    break;
                }
            }
            before = step.places;
        }
        performed
    }
}

/// One step: looks where everybody is, gives the command, and tells the media thread of it.
async fn one(
    crowd: &Crowd,
    scraper: &Scraper,
    before: &Places,
    step: &Step,
) -> anyhow::Result<Done> {
    let host = crowd.host(0)?;
    let are = places(crowd, host, "participants").await?;
    let strayed = are.iter().zip(before).filter(|(is, should)| is != should).count();
    ensure!(strayed == 0, "{strayed} people are not where they were rehearsed to be");
    let changes = || tokio::task::block_in_place(|| scraper.fresh()).and_then(|it| it.changes);
    let changes_before = changes();
    let moves = moves(crowd, before, &step.places);
    let people: Vec<u32> = moves.iter().map(|(person, _)| *person).collect();
    let media = &crowd.lobby.media;
    let issued = clock::now();
    media.send(Command::Stage { moves, issued });
    let answer = host.tell(step.method, step.params.clone()).await;
    let at = clock::now();
    let moved = people.len() as u64;
    media.send(Command::Moved { people, accepted: answer.is_ok(), at });
    answer?;
    Ok(Done {
        name: step.name.clone(),
        moved,
        answered: Duration::from_nanos(at.saturating_sub(issued)),
        flipped: flipped(changes_before, changes()),
    })
}

/// Who changes rooms, and into which.
fn moves(crowd: &Crowd, before: &Places, after: &Places) -> Vec<(u32, u32)> {
    let places = before.iter().zip(after);
    let people = crowd.people.iter().zip(places);
    let people = people.filter(|(_, (before, after))| before != after);
    people.map(|(person, (_, after))| (person.index, room(person.meeting, *after))).collect()
}

/// How long the server says that its changes took since.
fn flipped(before: Option<Buckets>, after: Option<Buckets>) -> Option<Duration> {
    let since = after?.since(&before?);
    (since.count > 0.0).then(|| Duration::from_secs_f64(since.sum.max(0.0)))
}

/// Where everybody is (`participants`), or belongs (`assigned`).
async fn places(crowd: &Crowd, host: &Rpc, key: &str) -> anyhow::Result<Places> {
    let list = host.call("peers.list", json!({})).await?;
    let hall = crowd.halls.first().context("a meeting without rooms")?;
    let numbers: HashMap<&str, u32> = hall.rooms.iter().map(String::as_str).zip(0..).collect();
    let mut found: HashMap<&str, u32> = HashMap::new();
    let rooms = list.get("rooms").and_then(Value::as_array).context("peers.list: no rooms")?;
    for room in rooms {
        let id = room.get("id").and_then(Value::as_str).context("peers.list: a room without id")?;
        let Some(number) = numbers.get(id) else { continue };
        let inside = room.get(key).and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
        found.extend(inside.iter().filter_map(Value::as_str).map(|person| (person, *number)));
    }
    Ok(crowd.people.iter().map(|person| found.get(person.id.as_str()).copied()).collect())
}

impl Performed {
    /// The steps with what people received.
    pub fn with(&self, totals: &[StageTotals]) -> Vec<Stage> {
        let steps = self.done.iter().zip(totals);
        let stage = |(done, totals): (&Done, &StageTotals)| Stage {
            name: done.name.clone(),
            moved: done.moved,
            answered: done.answered,
            flipped: done.flipped,
            asked: totals.asked,
            switch_us: totals.switch_us.clone(),
            wrong_room: totals.wrong_room,
        };
        steps.map(stage).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_servers_own_figure_is_of_the_changes_since() {
        let told = |sum, count| Some(Buckets { at_most: Vec::new(), sum, count });
        for (before, after, expected) in [
            (told(0.5, 3.0), told(0.75, 4.0), Some(250)),
            (told(0.5, 3.0), told(0.5, 3.0), None), // nothing was changed
            (None, told(0.5, 3.0), None),           // not told
            (told(0.5, 3.0), None, None),
        ] {
            assert_eq!(flipped(before, after), expected.map(Duration::from_millis));
        }
    }
}
