//! Everybody who is in: joining at a rate, being put into rooms, leaving.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use hdrhistogram::Histogram;
use serde_json::{Value, json};
use tokio::sync::{Mutex, Semaphore, watch};
use tokio::task::JoinSet;

use crate::clock::{self, record};
use crate::join::{Lobby, Member};
use crate::media::{Command, room};
use crate::plan::{self, Person};
use crate::report::histogram;
use crate::report::progress::Progress;
use crate::rpc::Rpc;
use crate::run::ensure_joined;

/// Joins under way at once: more only wait for each other.
const AT_ONCE: usize = 64;
/// How long one who joins while it is measured stays.
const STAY: Duration = Duration::from_secs(2);
/// How long joins may still take when the measurement is over.
const GRACE: Duration = Duration::from_secs(5);
/// Commands a second that one host gives: servers limit a connection.
const OF_HOST: f64 = 40.0;
/// Rooms that one host fills at once.
const ROOMS_OF_HOST: u32 = 100;
/// People in one command: it must stay below 64 KiB.
const OF_COMMAND: usize = 2_000;

/// How joins went.
pub struct Joins {
    /// From opening the connection to keys, in milliseconds.
    pub took_ms: Histogram<u64>,
    /// How many failed.
    pub failures: u64,
    /// Why the first one failed.
    pub first_failure: Option<String>,
}

impl Joins {
    fn new() -> Joins {
        Joins { took_ms: histogram(), failures: 0, first_failure: None }
    }

    fn note(&mut self, joined: anyhow::Result<(Member, Duration)>) -> Option<Member> {
        match joined {
            Ok((member, took)) => {
                record(&mut self.took_ms, took.as_millis() as u64);
                Some(member)
            }
            Err(error) => {
                self.failures += 1;
                self.first_failure.get_or_insert(format!("{error:#}"));
                None
            }
        }
    }

    /// Adds others.
    pub fn add(&mut self, other: &Joins) {
        let _ = self.took_ms.add(&other.took_ms); // both grow as needed
        self.failures += other.failures;
        if self.first_failure.is_none() {
            self.first_failure.clone_from(&other.first_failure);
        }
    }

    /// Joins that go on while it is measured, until `ending`.
    pub async fn late(lobby: Arc<Lobby>, ending: watch::Receiver<bool>) -> Joins {
        let joins = Arc::new(Mutex::new(Joins::new()));
        let rate = lobby.options.join_during;
        if rate > 0.0 {
            let mut clock = tokio::time::interval(Duration::from_secs_f64(1.0 / rate));
            let mut tasks = JoinSet::new();
            let mut over = ending.clone();
            for number in 0.. {
                tokio::select! {
                    _ = clock.tick() => {}
                    _ = over.wait_for(|ended| *ended) => break,
                }
                let (lobby, joins, ending) = (lobby.clone(), joins.clone(), ending.clone());
                tasks.spawn(async move {
                    let person = plan::late(&lobby.options, number);
                    let joined = lobby.join(&person).await;
                    let member = joins.lock().await.note(joined);
                    if let Some(member) = member {
                        crate::run::rest(STAY, &ending).await;
                        lobby.media.send(Command::Detach(person.index));
                        member.leave(&lobby).await;
                    }
                });
            }
            let all = async { while tasks.join_next().await.is_some() {} };
            let _ = tokio::time::timeout(GRACE, all).await;
            let open = tasks.len() as u64; // dropped, and with them aborted
            if open > 0 {
                let mut joins = joins.lock().await;
                joins.failures += open;
                let why = format!("{open} were not done {GRACE:?} after the measurement");
                joins.first_failure.get_or_insert(why);
            }
        }
        let mut joins = joins.lock().await;
        std::mem::replace(&mut *joins, Joins::new())
    }
}

/// Somebody, and how their join went.
type Joined = (Person, anyhow::Result<(Member, Duration)>);

/// A meeting's rooms and those who manage it.
pub struct Hall {
    /// Ids of the breakout rooms.
    pub rooms: Vec<String>,
    /// Connections of its hosts.
    pub hosts: Vec<Rpc>,
}

/// Everybody.
pub struct Crowd {
    /// What joins share.
    pub lobby: Arc<Lobby>,
    /// Who is in.
    pub people: Vec<Person>,
    members: Mutex<Vec<Member>>,
    /// One for each meeting with breakout rooms.
    pub halls: Vec<Hall>,
    /// How joins went.
    pub joins: Mutex<Joins>,
}

impl Crowd {
    /// Brings everybody in.
    ///
    /// # Errors
    /// Hosts can not join or create rooms, or nobody could join.
    pub async fn gather(
        lobby: Arc<Lobby>,
        stop: watch::Receiver<bool>,
        progress: &mut Progress,
    ) -> anyhow::Result<Crowd> {
        let mut halls = Vec::new();
        if lobby.options.rooms > 1 {
            for meeting in 0..lobby.options.meetings {
                halls.push(Hall::open(&lobby, meeting).await?);
            }
        }
        let places = Arc::new(Semaphore::new(AT_ONCE));
        let mut clock =
            tokio::time::interval(Duration::from_secs_f64(1.0 / lobby.options.join_rate));
        let mut tasks: JoinSet<Joined> = JoinSet::new();
        let (mut people, mut members, mut joins) = (Vec::new(), Vec::new(), Joins::new());
        let mut arrive = |(person, joined): Joined, progress: &mut Progress| {
            if let Some(member) = joins.note(joined) {
                people.push(person);
                members.push(member);
            }
            let all = lobby.options.meetings * lobby.options.participants;
            progress.joining(people.len() as u32, joins.failures as u32, all);
        };
        let mut plan = plan::people(&lobby.options);
        let mut published = false;
        let guests = lobby.options.whip.is_some();
        if guests {
            plan.sort_by_key(|person| !person.publishes);
        }
        for person in plan {
            clock.tick().await;
            if *stop.borrow() {
                break;
            }
            // WHEP plays only what is there already: no player goes before the publishers are in.
            if guests && !person.publishes && !published {
                while let Some(done) = tasks.join_next().await {
                    arrive(done.context("a join")?, progress);
                }
                published = true;
            }
            while let Some(done) = tasks.try_join_next() {
                arrive(done.context("a join")?, progress);
            }
            let place = places.clone().acquire_owned().await.context("joins")?;
            let lobby = lobby.clone();
            tasks.spawn(async move {
                let joined = lobby.join(&person).await;
                drop(place);
                (person, joined)
            });
        }
        while let Some(done) = tasks.join_next().await {
            arrive(done.context("a join")?, progress);
        }
        ensure_joined(people.len(), joins.first_failure.as_ref())?;
        people.sort_by_key(|person| person.index);
        let (members, joins) = (members.into(), joins.into());
        Ok(Crowd { lobby, people, members, halls, joins })
    }

    /// Puts everybody into their first room.
    ///
    /// # Errors
    /// The server refuses.
    pub async fn place(&self) -> anyhow::Result<()> {
        for (meeting, hall) in (0u32..).zip(&self.halls) {
            for place in 0..hall.rooms.len() as u32 {
                let here = self.people.iter();
                let here = here.filter(|it| (it.meeting, it.place) == (meeting, place));
                let here: Vec<&Person> = here.collect();
                for part in here.chunks(OF_COMMAND) {
                    self.send(meeting, place as usize, part, place, false).await?;
                }
            }
        }
        Ok(())
    }

    /// Moves people of one meeting into one of its rooms by its host `host`.
    ///
    /// # Errors
    /// The server refuses; then they are where they were.
    pub async fn send(
        &self,
        meeting: u32,
        host: usize,
        people: &[&Person],
        place: u32,
        timed: bool,
    ) -> anyhow::Result<()> {
        let hall = self.halls.get(meeting as usize).context("a meeting without rooms")?;
        let id = hall.rooms.get(place as usize).context("no such room")?;
        let host = hall.hosts.get(host % hall.hosts.len()).context("no host")?;
        let ids: Vec<&str> = people.iter().map(|person| person.id.as_str()).collect();
        let people: Vec<u32> = people.iter().map(|person| person.index).collect();
        let (media, to) = (&self.lobby.media, room(meeting, Some(place)));
        let issued = clock::now();
        media.send(Command::Moving { people: people.clone(), to, issued, timed });
        let answer = host.tell("breakout.move", json!({"clients": ids, "room_id": id})).await;
        media.send(Command::Moved { people, accepted: answer.is_ok(), at: clock::now() });
        answer.map(drop)
    }

    /// The connection of the first host of a meeting.
    ///
    /// # Errors
    /// It has none.
    pub fn host(&self, meeting: usize) -> anyhow::Result<&Rpc> {
        let hall = self.halls.get(meeting).context("a meeting without rooms")?;
        hall.hosts.first().context("no host")
    }

    /// Everybody leaves.
    pub async fn leave(crowd: Arc<Crowd>) {
        let members = std::mem::take(&mut *crowd.members.lock().await);
        let mut tasks = JoinSet::new();
        for member in members {
            let lobby = crowd.lobby.clone();
            tasks.spawn(async move { member.leave(&lobby).await });
        }
        while tasks.join_next().await.is_some() {}
        for host in crowd.halls.iter().flat_map(|hall| &hall.hosts) {
            let _ = host.tell("leave", json!({})).await; // the run is over
        }
    }
}

impl Hall {
    async fn open(lobby: &Lobby, meeting: u32) -> anyhow::Result<Hall> {
        let options = &lobby.options;
        let moves = options.moves_per_second / f64::from(options.meetings) / OF_HOST;
        let number = (moves.ceil() as u32).max(options.rooms.div_ceil(ROOMS_OF_HOST)).max(1);
        let mut hosts = Vec::new();
        for host in 0..number {
            hosts.push(lobby.enter(meeting, &format!("host{host}"), true).await?);
        }
        let first = hosts.first().context("no host")?;
        let created = first.call("breakout.create", json!({"max_rooms": options.rooms})).await?;
        let rooms = created.get("rooms").and_then(Value::as_array).context("rooms")?;
        let rooms = rooms.iter().filter_map(|id| id.as_str().map(str::to_owned)).collect();
        Ok(Hall { rooms, hosts })
    }
}
