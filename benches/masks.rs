//! What it costs to change who hears whom: one flip, one move, 300 rooms × 10 people at once, and
//! the tables alone.
//!
//! `cargo bench --bench masks`. From the request to the tables in force and acknowledged, both
//! epochs, control and shard, in memory. At the end a table says who of them spent how much:
//! `cargo bench --bench masks -- none` prints that table only.

mod fan;
mod relay;
mod thread_time;

use std::time::Duration;

use criterion::{BenchmarkGroup, Criterion};
use ringfence::control::api::Change;
use ringfence::control::model::Meeting;
use ringfence::control::port::ShardIndex;
use ringfence::control::tables::Picture;
use ringfence::route::id::{Epoch, MeetingId, ParticipantId, PeerId, RoomId, Source, TrackId};
use ringfence::route::table::{Role, Roles};

use relay::{Relay, Spent};
use thread_time::{ThreadTime, elements, median};

const MAIN: RoomId = RoomId(1);
const PEOPLE_EACH: usize = 10;
/// Of whom so many are heard and seen, where all of them meet in the main room.
const SPEAK_EACH: usize = 3;
/// Meetings by their breakout rooms, with how often each change is made for the table at the end.
const MEETINGS: [(usize, usize); 2] = [(2, 41), (300, 9)];

/// One change, made again and again; each time it is another one than the last.
struct Changing {
    relay: Relay,
    times: usize,
}

impl Changing {
    /// Everybody is in their room; all of them, or `live` of them, are heard and seen.
    fn new(rooms: usize, live: usize) -> Self {
        let mut relay = Relay::new(rooms, PEOPLE_EACH);
        relay.speak(0, live);
        Self { relay, times: 0 }
    }

    fn all(rooms: usize) -> Self {
        Self::new(rooms, rooms * PEOPLE_EACH)
    }

    fn change(&mut self, changes: Vec<Change>) -> Spent {
        self.relay.measure(|relay| relay.change(changes)).1
    }

    /// Somebody is muted, or no longer.
    fn flip(&mut self) -> Spent {
        self.times += 1;
        let muted = self.times % 2 == 1;
        let participant = self.relay.people[0].who;
        self.change(vec![Change::Mute { participant, source: Source::Microphone, muted }])
    }

    /// Somebody goes from the first room to the second, or back.
    fn one_move(&mut self) -> Spent {
        self.times += 1;
        let room = self.relay.rooms[self.times % 2];
        self.change(vec![Change::Move { participant: self.relay.people[0].who, room }])
    }

    /// Nine of ten in every room go to another room each, so that all rooms are mixed anew.
    fn shuffle(&mut self) -> Spent {
        self.times += 1;
        let rooms = &self.relay.rooms;
        let moves = self.relay.people.iter().enumerate().map(|(at, person)| {
            let (room, seat) = (at / PEOPLE_EACH, at % PEOPLE_EACH);
            let room = rooms[(room + seat * self.times) % rooms.len()];
            Change::Move { participant: person.who, room }
        });
        let moves = moves.collect();
        self.change(moves)
    }

    /// Everybody goes from the main room to the breakout rooms. The way back is not counted.
    fn start(&mut self) -> Spent {
        self.gather();
        self.part()
    }

    /// Everybody goes from the breakout rooms to the main room. The way there is not counted.
    fn stop(&mut self) -> Spent {
        self.part();
        self.gather()
    }

    fn gather(&mut self) -> Spent {
        let main = self.relay.main;
        let people = self.relay.people.iter();
        let back = people.map(|person| Change::Move { participant: person.who, room: main });
        let back = back.collect();
        self.change(back)
    }

    fn part(&mut self) -> Spent {
        let rooms = &self.relay.rooms;
        let out = self.relay.people.iter().enumerate().map(|(at, person)| Change::Move {
            participant: person.who,
            room: rooms[at / PEOPLE_EACH],
        });
        let out = out.collect();
        self.change(out)
    }
}

type Step = fn(&mut Changing) -> Spent;

fn bench(
    group: &mut BenchmarkGroup<'_, ThreadTime>,
    name: String,
    changing: &mut Option<Changing>,
    make: impl Fn() -> Changing,
    step: Step,
) {
    group.bench_function(name, |bencher| {
        let changing = changing.get_or_insert_with(&make);
        bencher.iter_custom(|times| (0..times).map(|_| step(changing).whole()).sum::<Duration>());
    });
}

fn changes(criterion: &mut Criterion<ThreadTime>) {
    let mut group = criterion.benchmark_group("masks");
    for (rooms, _) in MEETINGS {
        let people = rooms * PEOPLE_EACH;
        let (mut changing, all) = (None, || Changing::all(rooms));
        group.throughput(elements(1));
        bench(&mut group, format!("flip/{people}"), &mut changing, all, Changing::flip);
        bench(&mut group, format!("move/{people}"), &mut changing, all, Changing::one_move);
        group.throughput(elements(people));
        bench(&mut group, format!("shuffle/{people}"), &mut changing, all, Changing::shuffle);
    }
    let (rooms, _) = MEETINGS[1];
    let (mut changing, some) = (None, || Changing::new(rooms, rooms * SPEAK_EACH));
    bench(&mut group, "start/3000".into(), &mut changing, some, Changing::start);
    bench(&mut group, "stop/3000".into(), &mut changing, some, Changing::stop);
    group.finish();
}

/// The model of a meeting: everybody with a microphone and a camera.
fn model(rooms: usize) -> Meeting {
    let mut model = Meeting::new(MeetingId(1), MAIN);
    let mut id = 1;
    for room in 0..rooms as u64 {
        let room = RoomId(room + 2);
        model.open_room(room);
        for _ in 0..PEOPLE_EACH {
            let (who, peer) = (ParticipantId(id), PeerId(id));
            model.admit(who, room, Role(0), Roles::ALL).expect("the room is open");
            let tracks =
                [(TrackId(2 * id), Source::Microphone), (TrackId(2 * id + 1), Source::Camera)];
            model.add_peer(peer, who, ShardIndex(0), &tracks).expect("admitted");
            id += 1;
        }
    }
    model
}

/// The tables alone: one change among so many, and all rows of a meeting for a shard that has none.
fn tables(criterion: &mut Criterion<ThreadTime>) {
    let mut group = criterion.benchmark_group("tables");
    for (rooms, _) in MEETINGS {
        let people = rooms * PEOPLE_EACH;
        let mut model = model(rooms);
        let mut picture = Picture::default();
        let touched = model.take_touched();
        picture.follow(&model, touched, Epoch(1));
        group.throughput(elements(people));
        group.bench_function(format!("for shard/{people}"), |bencher| {
            bencher.iter(|| picture.for_shard(MeetingId(1), MAIN, Epoch(2), ShardIndex(0)));
        });
        group.throughput(elements(1));
        let mut times = 0;
        group.bench_function(format!("follow/{people}"), |bencher| {
            bencher.iter(|| {
                times += 1;
                let room = RoomId(2 + times % 2);
                let moved = Change::Move { participant: ParticipantId(1), room };
                model.change(&[moved]).expect("both exist");
                let touched = model.take_touched();
                picture.follow(&model, touched, Epoch(times))
            });
        });
    }
    group.finish();
}

fn line(name: &str, people: usize, times: usize, changing: &mut Changing, step: Step) -> f64 {
    step(changing); // the first one finds cold caches
    let spent: Vec<Spent> = (0..times).map(|_| step(changing)).collect();
    let part = |of: fn(&Spent) -> Duration| {
        let mut all: Vec<f64> = spent.iter().map(|one| of(one).as_secs_f64() * 1e6).collect();
        median(&mut all)
    };
    let (control, shard) = (part(|spent| spent.control), part(Spent::shard));
    let whole = part(Spent::whole);
    println!("{name:<8} {people:>6} {control:>10.1} {shard:>10.1} {whole:>10.1}");
    whole
}

/// Figure k of issue 3, as far as it is a matter of CPU time.
fn figure_k() {
    println!();
    println!("From request to acknowledged tables, both epochs: medians, CPU µs");
    println!("change   people    control      shard      whole");
    let mut moves = Vec::new();
    let mut bulk = Vec::new();
    for (rooms, times) in MEETINGS {
        let (people, mut changing) = (rooms * PEOPLE_EACH, Changing::all(rooms));
        line("flip", people, times, &mut changing, Changing::flip);
        moves.push(line("move", people, times, &mut changing, Changing::one_move));
        bulk.push(line("shuffle", people, times, &mut changing, Changing::shuffle));
    }
    let (rooms, times) = MEETINGS[1];
    let (people, mut some) = (rooms * PEOPLE_EACH, Changing::new(rooms, rooms * SPEAK_EACH));
    bulk.push(line("start", people, times, &mut some, Changing::start));
    bulk.push(line("stop", people, times, &mut some, Changing::stop));
    let verdict = |worst: f64, most: f64| if worst <= most { "reached" } else { "NOT reached" };
    let (small, large) = (moves[0], moves[1]);
    println!("figure k: one move, at most 1,000 µs: {small:.0}: {}", verdict(small, 1e3));
    println!("          the same among 3,000 people: {large:.0}: {}", verdict(large, 1e3));
    let worst = bulk[1..].iter().copied().fold(0.0, f64::max);
    println!("          300 rooms × 10, at most 50,000 µs: {worst:.0}: {}", verdict(worst, 5e4));
}

fn main() {
    let mut criterion = thread_time::criterion(10, 1.5);
    changes(&mut criterion);
    tables(&mut criterion);
    criterion.final_summary();
    figure_k();
}
