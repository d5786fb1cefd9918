//! Instructions that one unit of work takes, counted by valgrind and held against bounds.
//!
//! `cargo bench --bench instructions` counts and compares; `… -- --write` writes the bounds file,
//! `benches/instructions.txt`, anew. Each work is run twice, once for n units and once for 2n, with
//! the same preparation (for 2n) in both; the difference is what n units take, wherever the
//! compiler put their code. Counts do not depend on how busy the machine is.

mod fan;
mod relay;
mod thread_time;

use std::fmt::Write as _;
use std::hint::black_box;
use std::process::{Command, ExitCode};

use ringfence::control::api::Change;
use ringfence::crypto::Profile;
use ringfence::route::id::Source;
use ringfence::wire::demux::{Class, classify};
use ringfence::wire::media::Codec;
use ringfence::wire::payload::inspect;
use ringfence::wire::rtp::Rtp;

use fan::{Fan, Media, Raw};
use relay::Relay;

/// Where the bounds are, from the root of the package.
const BOUNDS: &str = "benches/instructions.txt";
/// New bounds are this much above what was counted.
const HEAD_ROOM: f64 = 1.05;
/// A bound this much above what is counted could be lowered.
const LOOSE: f64 = 1.15;
const REFRESH: &str = "cargo bench --bench instructions -- --write";

/// One figure.
struct Work {
    /// Its name in the bounds file.
    name: &'static str,
    /// What one unit is.
    unit: &'static str,
    /// Steps of the shorter run; the longer one makes twice as many.
    steps: usize,
    /// Units of one step.
    units: usize,
    /// Prepares for so many steps, and makes the first of them.
    run: fn(prepared: usize, made: usize),
}

const WORKS: [Work; 8] = [
    Work {
        name: "forward_1200B_to_100",
        unit: "packet sent by a shard, AEAD_AES_128_GCM, 1,200 B, frames of six, 1 → 100",
        steps: 40,
        units: 6 * 100,
        run: |prepared, made| forward(Media::VIDEO, 100, prepared, made),
    },
    Work {
        name: "forward_120B_to_100",
        unit: "packet sent by a shard, AEAD_AES_128_GCM, 120 B, one at a time, 1 → 100",
        steps: 100,
        units: 100,
        run: |prepared, made| forward(Media::AUDIO, 100, prepared, made),
    },
    Work {
        name: "seal_1200B",
        unit: "bare seal in place over 100 keys, AEAD_AES_128_GCM, 1,200 B",
        steps: 20,
        units: 6 * 100,
        run: |_, made| {
            Raw::new(Profile::AeadAes128Gcm, Media::VIDEO, 100).seal(made, false);
        },
    },
    Work {
        name: "ingress_1200B",
        unit: "packet taken by a shard, AEAD_AES_128_GCM, 1,200 B, nobody listens",
        steps: 500,
        units: 6,
        run: |prepared, made| forward(Media::VIDEO, 0, prepared, made),
    },
    Work {
        name: "wire_parse",
        unit: "packet classified, parsed, its elements and VP8 facts read",
        steps: 50_000,
        units: 1,
        run: |_, made| parse(made),
    },
    Work {
        name: "flip_among_10",
        unit: "mute or unmute among 10 people, control and shard",
        steps: 50,
        units: 1,
        run: |_, made| flip(made),
    },
    Work {
        name: "move_among_20",
        unit: "move between two rooms of 10, control and shard",
        steps: 50,
        units: 1,
        run: |_, made| moves(made),
    },
    Work {
        name: "flip_among_200",
        unit: "mute or unmute among 200 people in rooms of 10, control and shard",
        steps: 4,
        units: 1,
        run: |_, made| flip_among(20, made),
    },
];

fn forward(media: Media, subscribers: usize, prepared: usize, made: usize) {
    let mut fan = Fan::new(Profile::AeadAes128Gcm, media, subscribers);
    let mut packets = Vec::new();
    fan.write(prepared, &mut packets);
    fan.forward(&mut packets[..made * media.burst]);
    fan.check();
}

fn parse(made: usize) {
    let mut packet = vec![0x5A; 1_200];
    packet[..12].copy_from_slice(&[0x90, 96, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3]);
    // Two elements of one byte, id 1 and 2 (RFC 8285 §4.2), then VP8 (RFC 7741 §4.2).
    packet[12..20].copy_from_slice(&[0xBE, 0xDE, 0, 1, 0x10, 30, 0x20, 1]);
    packet[20..27].copy_from_slice(&[0x90, 0xE0, 0x81, 2, 3, 0x60, 0x51]);
    for _ in 0..made {
        let bytes = black_box(&packet[..]);
        assert_eq!(classify(bytes), Class::Rtp);
        let rtp = Rtp::parse(bytes).expect("well-formed");
        let level = rtp.extensions().find(|(id, _)| *id == 2);
        let facts = inspect(Codec::Vp8, rtp.payload().expect("well-formed"));
        black_box((rtp.ssrc(), rtp.seq(), level, facts));
    }
}

fn flip(made: usize) {
    flip_among(1, made);
}

fn flip_among(rooms: usize, made: usize) {
    let mut relay = Relay::new(rooms, 10);
    relay.speak(0, rooms * 10);
    for time in 0..made {
        let (participant, source) = (relay.people[0].who, Source::Microphone);
        relay.change(vec![Change::Mute { participant, source, muted: time % 2 == 0 }]);
    }
}

fn moves(made: usize) {
    let mut relay = Relay::new(2, 10);
    relay.speak(0, 20);
    for time in 1..=made {
        let (participant, room) = (relay.people[0].who, relay.rooms[time % 2]);
        relay.change(vec![Change::Move { participant, room }]);
    }
}

/// Instructions of a whole run of this program, as valgrind counts them.
fn count(name: &str, prepared: usize, made: usize) -> Result<u64, String> {
    let own = std::env::current_exe().map_err(|error| format!("this program's path: {error}"))?;
    let run = Command::new("valgrind")
        .args(["--tool=callgrind", "--callgrind-out-file=/dev/null"])
        .arg(own)
        .args(["--work", name, &prepared.to_string(), &made.to_string()])
        .output()
        .map_err(|error| format!("valgrind does not start ({error}): apt-get install valgrind"))?;
    let said = String::from_utf8_lossy(&run.stderr);
    if !run.status.success() {
        return Err(format!("{name}: {}\n{said}", run.status));
    }
    let line = said.lines().find_map(|line| line.split_once("Collected :"));
    let number = line.and_then(|(_, number)| number.trim().parse().ok());
    number.ok_or_else(|| format!("{name}: valgrind printed no `Collected :` line:\n{said}"))
}

/// Instructions of one unit. Both runs at the same time.
fn measure(work: &Work) -> Result<f64, String> {
    let (n, twice) = (work.steps, 2 * work.steps);
    let (short, long) = std::thread::scope(|scope| {
        let short = scope.spawn(|| count(work.name, twice, n));
        let long = count(work.name, twice, twice);
        (short.join().expect("it does not panic"), long)
    });
    let difference = long?.saturating_sub(short?);
    Ok(difference as f64 / (n * work.units) as f64)
}

/// The bounds, by name.
fn read_bounds() -> Result<Vec<(String, f64)>, String> {
    let text = std::fs::read_to_string(BOUNDS)
        .map_err(|error| format!("{BOUNDS}: {error}. To write it: {REFRESH}"))?;
    let lines = text.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
    let bound = |line: &str| {
        let (name, number) = line.split_once(' ')?;
        Some((name.to_owned(), number.trim().parse().ok()?))
    };
    let wrong = |line| format!("{BOUNDS}: `{line}` is not `name bound`");
    lines.map(|line| bound(line).ok_or_else(|| wrong(line))).collect()
}

fn write_bounds(counted: &[f64]) -> Result<(), String> {
    let mut text = String::from(
        "# Instructions that one unit may take, at most: what was counted, and 5 % on top.\n\
         # x86-64 as valgrind emulates it on a machine with AES-NI and AVX2.\n\
         # Checked by `tests/run instructions`; written by:\n",
    );
    let _ = writeln!(text, "#   {REFRESH}");
    for (work, counted) in WORKS.iter().zip(counted) {
        let _ = writeln!(text, "\n# {}\n{} {:.0}", work.unit, work.name, counted * HEAD_ROOM);
    }
    std::fs::write(BOUNDS, text).map_err(|error| format!("{BOUNDS}: {error}"))
}

/// What is wrong with a count, if anything.
fn judge(work: &Work, counted: f64, bounds: &[(String, f64)]) -> Result<f64, String> {
    let bound = bounds.iter().find(|bound| bound.0 == work.name);
    let Some(&(_, bound)) = bound else {
        return Err(format!("{} has no bound in {BOUNDS}. To write it: {REFRESH}", work.name));
    };
    if counted > bound {
        return Err(format!(
            "{} takes {counted:.0} instructions; {BOUNDS} allows {bound:.0}. One unit: {}. \
             If the change is worth it, say so in the commit, with: {REFRESH}",
            work.name, work.unit,
        ));
    }
    Ok(bound)
}

fn count_all(write: bool) -> Result<bool, String> {
    let bounds = if write { Vec::new() } else { read_bounds()? };
    let mut counted = Vec::new();
    let mut faults = Vec::new();
    println!("instructions per unit          counted      bound");
    for work in &WORKS {
        let instructions = measure(work)?;
        counted.push(instructions);
        let judged =
            if write { Ok(instructions * HEAD_ROOM) } else { judge(work, instructions, &bounds) };
        match judged {
            Ok(bound) if bound > instructions * LOOSE => {
                println!("{:<27} {instructions:>10.0} {bound:>10.0}  could be lower", work.name);
            }
            Ok(bound) => println!("{:<27} {instructions:>10.0} {bound:>10.0}", work.name),
            Err(fault) => {
                println!("{:<27} {instructions:>10.0}     beyond", work.name);
                faults.push(fault);
            }
        }
    }
    if write {
        write_bounds(&counted)?;
    }
    let known = |name: &String| WORKS.iter().any(|work| work.name == name);
    let stray = bounds.iter().filter(|bound| !known(&bound.0));
    faults.extend(stray.map(|(name, _)| format!("{BOUNDS}: `{name}` is nothing that is counted")));
    faults.iter().for_each(|fault| eprintln!("instructions: {fault}"));
    Ok(faults.is_empty())
}

/// `--work NAME PREPARED MADE`: what runs under valgrind.
fn run_work(arguments: &[String]) -> Option<()> {
    let at = arguments.iter().position(|argument| argument == "--work")?;
    let [name, prepared, made] = arguments.get(at + 1..at + 4)? else { return None };
    let work = WORKS.iter().find(|work| work.name == name)?;
    (work.run)(prepared.parse().ok()?, made.parse().ok()?);
    Some(())
}

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().collect();
    if run_work(&arguments).is_some() {
        return ExitCode::SUCCESS;
    }
    if !cfg!(target_arch = "x86_64") {
        println!("instructions: the bounds are for x86-64; nothing is counted here");
        return ExitCode::SUCCESS;
    }
    match count_all(arguments.iter().any(|argument| argument == "--write")) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(fault) => {
            eprintln!("instructions: {fault}");
            ExitCode::FAILURE
        }
    }
}
