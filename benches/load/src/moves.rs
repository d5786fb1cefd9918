//! Moves while it is measured: single ones at a rate, and everybody at once.

use std::sync::Arc;
use std::time::Duration;

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::crowd::Crowd;
use crate::plan::Person;
use crate::run::rest;

/// How long one who was moved is left in peace: longer than a move takes.
const PEACE: Duration = Duration::from_secs(1);

/// What was refused.
#[derive(Clone, Debug, Default)]
pub struct Moved {
    /// People in move commands that were refused.
    pub failures: u64,
    /// Why the first one was refused.
    pub first_failure: Option<String>,
}

impl Moved {
    fn note(&mut self, people: usize, answer: anyhow::Result<()>) {
        if let Err(error) = answer {
            self.failures += people as u64;
            self.first_failure.get_or_insert(format!("{error:#}"));
        }
    }
}

/// Moves people until `ending`.
pub async fn run(crowd: Arc<Crowd>, ending: watch::Receiver<bool>) -> Moved {
    let options = &crowd.lobby.options;
    if crowd.halls.is_empty() || (options.moves_per_second <= 0.0 && options.shuffle_at.is_none()) {
        return Moved::default();
    }
    let mut places: Vec<u32> = crowd.people.iter().map(|person| person.place).collect();
    let mut moved = Moved::default();
    let mut tasks = Tasks::new();
    let mut random = StdRng::seed_from_u64(options.seed);
    let mut resting = vec![tokio::time::Instant::now(); places.len()];
    let rate = options.moves_per_second.max(1e-6);
    let mut clock = tokio::time::interval(Duration::from_secs_f64(1.0 / rate));
    clock.reset(); // the first one not at once
    let shuffle =
        rest(Duration::from_secs_f64(options.shuffle_at.unwrap_or(f64::from(u32::MAX))), &ending);
    tokio::pin!(shuffle);
    let mut shuffled = false;
    let mut over = ending.clone();
    loop {
        let mut due = false;
        tokio::select! {
            _ = over.wait_for(|ended| *ended) => break,
            () = &mut shuffle, if !shuffled => {
                shuffled = true;
                due = true;
            }
            _ = clock.tick() => {
                let at = random.random_range(0..places.len());
                let now = tokio::time::Instant::now();
                if resting[at] > now {
                    continue;
                }
                resting[at] = now + PEACE;
                let person = crowd.people[at].clone();
                let step = random.random_range(1..options.rooms);
                places[at] = (places[at] + step) % options.rooms;
                one(&crowd, &mut tasks, person, places[at], at);
            }
            Some(done) = tasks.join_next() => {
                if let Ok((people, answer)) = done {
                    moved.note(people, answer);
                }
            }
        }
        if due {
            // Two commands that are under way for one person arrive in any order.
            settle(&mut tasks, &mut moved).await;
            shift(&crowd, &mut places, &mut tasks);
            resting.fill(tokio::time::Instant::now() + PEACE);
        }
    }
    settle(&mut tasks, &mut moved).await;
    moved
}

type Tasks = JoinSet<(usize, anyhow::Result<()>)>;

/// Waits for all answers.
async fn settle(tasks: &mut Tasks, moved: &mut Moved) {
    while let Some(done) = tasks.join_next().await {
        if let Ok((people, answer)) = done {
            moved.note(people, answer);
        }
    }
}

fn one(crowd: &Arc<Crowd>, tasks: &mut Tasks, person: Person, place: u32, host: usize) {
    let crowd = crowd.clone();
    tasks
        .spawn(async move { (1, crowd.send(person.meeting, host, &[&person], place, true).await) });
}

/// Everybody goes one room on: one command for each room, all at once.
fn shift(crowd: &Arc<Crowd>, places: &mut [u32], tasks: &mut Tasks) {
    let rooms = crowd.lobby.options.rooms;
    for meeting in 0..crowd.halls.len() as u32 {
        for place in 0..rooms {
            let here = crowd.people.iter().zip(places.iter());
            let here = here.filter(|(it, at)| it.meeting == meeting && **at == place);
            let here: Vec<Person> = here.map(|(person, _)| person.clone()).collect();
            if here.is_empty() {
                continue;
            }
            let crowd = crowd.clone();
            tasks.spawn(async move {
                let people: Vec<&Person> = here.iter().collect();
                let to = (place + 1) % rooms;
                (here.len(), crowd.send(meeting, place as usize, &people, to, true).await)
            });
        }
    }
    for place in places {
        *place = (*place + 1) % rooms;
    }
}
