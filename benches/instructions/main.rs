//! Instructions that one unit of work takes, counted by valgrind and held against bounds.
//!
//! `cargo bench --bench instructions` counts and compares; `… -- --write` writes the bounds file,
//! `bounds.txt` beside this one, anew. Each work runs under callgrind in a process of its own, which
//! says where counting begins and ends (a valgrind client request), so that neither preparation nor
//! what the compiler put where matters. Counts do not depend on how busy the machine is.

#[path = "../fan/mod.rs"]
mod fan;
#[path = "../relay/mod.rs"]
mod relay;
#[path = "../thread_time/mod.rs"]
mod thread_time;

use std::any::Any;
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

/// Where the bounds are.
const BOUNDS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/bounds.txt");
/// New bounds are this much above what was counted.
const HEAD_ROOM: f64 = 1.05;
/// A bound this much above what is counted could be lowered.
const LOOSE: f64 = 1.15;
const REFRESH: &str = "cargo bench --bench instructions -- --write";

/// What is counted. It gives back what it worked on, so that putting it away is not counted.
type Prepared = Box<dyn FnOnce() -> Box<dyn Any>>;

/// One figure.
struct Work {
    /// Its name in the bounds file.
    name: &'static str,
    /// What one unit is.
    unit: &'static str,
    /// How often the step is made.
    steps: usize,
    /// Units of one step.
    units: usize,
    /// Prepares for so many steps.
    prepare: fn(steps: usize) -> Prepared,
}

const WORKS: [Work; 8] = [
    Work {
        name: "forward_1200B_to_100",
        unit: "packet sent by a shard, AEAD_AES_128_GCM, 1,200 B, frames of six, 1 → 100",
        steps: 40,
        units: 6 * 100,
        prepare: |steps| forward(Media::VIDEO, 100, steps),
    },
    Work {
        name: "forward_120B_to_100",
        unit: "packet sent by a shard, AEAD_AES_128_GCM, 120 B, one at a time, 1 → 100",
        steps: 100,
        units: 100,
        prepare: |steps| forward(Media::AUDIO, 100, steps),
    },
    Work {
        name: "seal_1200B",
        unit: "bare seal in place over 100 keys, AEAD_AES_128_GCM, 1,200 B",
        steps: 20,
        units: 6 * 100,
        prepare: seal,
    },
    Work {
        name: "ingress_1200B",
        unit: "packet taken by a shard, AEAD_AES_128_GCM, 1,200 B, nobody listens",
        steps: 500,
        units: 6,
        prepare: |steps| forward(Media::VIDEO, 0, steps),
    },
    Work {
        name: "wire_parse",
        unit: "packet classified, parsed, its elements and VP8 facts read",
        steps: 50_000,
        units: 1,
        prepare: parse,
    },
    Work {
        name: "flip_among_10",
        unit: "mute or unmute among 10 people, control and shard",
        steps: 50,
        units: 1,
        prepare: |steps| flip(1, steps),
    },
    Work {
        name: "move_among_20",
        unit: "move between two rooms of 10, control and shard",
        steps: 50,
        units: 1,
        prepare: moves,
    },
    Work {
        name: "flip_among_200",
        unit: "mute or unmute among 200 people in rooms of 10, control and shard",
        steps: 4,
        units: 1,
        prepare: |steps| flip(20, steps),
    },
];

fn forward(media: Media, subscribers: usize, steps: usize) -> Prepared {
    let mut fan = Fan::new(Profile::AeadAes128Gcm, media, subscribers);
    let mut packets = Vec::new();
    fan.write(steps, &mut packets);
    Box::new(move || {
        fan.forward(&mut packets);
        fan.check();
        Box::new((fan, packets))
    })
}

fn seal(steps: usize) -> Prepared {
    let mut raw = Raw::new(Profile::AeadAes128Gcm, Media::VIDEO, 100);
    raw.seal(1, true);
    Box::new(move || {
        raw.seal(steps, false);
        Box::new(raw)
    })
}

fn parse(steps: usize) -> Prepared {
    let mut packet = vec![0x5A; 1_200];
    packet[..12].copy_from_slice(&[0x90, 96, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3]);
    // Two elements of one byte, id 1 and 2 (RFC 8285 §4.2), then VP8 (RFC 7741 §4.2).
    packet[12..20].copy_from_slice(&[0xBE, 0xDE, 0, 1, 0x10, 30, 0x20, 1]);
    packet[20..27].copy_from_slice(&[0x90, 0xE0, 0x81, 2, 3, 0x60, 0x51]);
    Box::new(move || {
        for _ in 0..steps {
            let bytes = black_box(&packet[..]);
            assert_eq!(classify(bytes), Class::Rtp);
            let rtp = Rtp::parse(bytes).expect("well-formed");
            let level = rtp.extensions().find(|(id, _)| *id == 2);
            let facts = inspect(Codec::Vp8, rtp.payload().expect("well-formed"));
            black_box((rtp.ssrc(), rtp.seq(), level, facts));
        }
        Box::new(packet)
    })
}

fn flip(rooms: usize, steps: usize) -> Prepared {
    let mut relay = Relay::new(rooms, 10);
    relay.speak(0, rooms * 10);
    Box::new(move || {
        for step in 0..steps {
            let (participant, source) = (relay.people[0].who, Source::Microphone);
            relay.change(vec![Change::Mute { participant, source, muted: step % 2 == 0 }]);
        }
        Box::new(relay)
    })
}

fn moves(steps: usize) -> Prepared {
    let mut relay = Relay::new(2, 10);
    relay.speak(0, 20);
    Box::new(move || {
        for step in 1..=steps {
            let (participant, room) = (relay.people[0].who, relay.rooms[step % 2]);
            relay.change(vec![Change::Move { participant, room }]);
        }
        Box::new(relay)
    })
}

/// Callgrind begins to count, or stops. Nothing where no valgrind listens.
#[cfg(target_arch = "x86_64")]
fn toggle_counting() {
    /// `CALLGRIND_TOGGLE_COLLECT` of the tool `CT`, and five arguments that it does not have.
    const REQUEST: [u64; 6] = [0x4354_0002, 0, 0, 0, 0, 0];
    // SAFETY: the rotations add up to twice the width of `rdi`, and `rbx` is exchanged with itself,
    // so a processor does nothing here; valgrind takes this for a request, reads the six numbers at
    // `rax`, and writes its answer to `rdx`. Memory is assumed to be touched, so that nothing
    // counted moves to the other side.
    unsafe {
        std::arch::asm!(
            "rol rdi, 3",
            "rol rdi, 13",
            "rol rdi, 61",
            "rol rdi, 51",
            "xchg rbx, rbx",
            in("rax") REQUEST.as_ptr(),
            inout("rdx") 0_u64 => _,
            options(nostack),
        );
    }
}

#[cfg(not(target_arch = "x86_64"))]
fn toggle_counting() {}

/// `--work NAME`: what runs under valgrind. Whether it was asked for.
fn run_work(arguments: &[String]) -> bool {
    let asked = arguments.iter().skip_while(|argument| *argument != "--work").nth(1);
    let Some(work) = asked.and_then(|name| WORKS.iter().find(|work| work.name == name)) else {
        return false;
    };
    let prepared = (work.prepare)(work.steps);
    toggle_counting();
    let kept = prepared();
    toggle_counting();
    drop(kept);
    true
}

/// Instructions of one unit, as valgrind counts them in a run of this program.
fn count(work: &Work) -> Result<f64, String> {
    let own = std::env::current_exe().map_err(|error| format!("this program's path: {error}"))?;
    let run = Command::new("valgrind")
        .args(["--tool=callgrind", "--collect-atstart=no", "--callgrind-out-file=/dev/null"])
        .arg(own)
        .args(["--work", work.name])
        .output()
        .map_err(|error| format!("valgrind does not start ({error}): apt-get install valgrind"))?;
    let said = String::from_utf8_lossy(&run.stderr);
    if !run.status.success() {
        return Err(format!("{}: {}\n{said}", work.name, run.status));
    }
    let line = said.lines().find_map(|line| line.split_once("Collected :"));
    let number = line.and_then(|(_, number)| number.trim().parse::<u64>().ok());
    match number {
        Some(0) | None => Err(format!("{}: valgrind counted nothing:\n{said}", work.name)),
        Some(number) => Ok(number as f64 / (work.steps * work.units) as f64),
    }
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
        let instructions = count(work)?;
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

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().collect();
    if run_work(&arguments) {
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
