#!/usr/bin/env python3
"""The figures of the relay against its controls: `benches/figures/run.py a c --out FOLDER`.

Each letter is a work of the table "what it must reach" (`RESULTS.md`): rounds of interleaved runs, relay
alone on core 0, load client alone on core 1, medians, ratios to the control of the same rounds, and whether
the bound holds. Reports of all runs, logs and `results-LETTER.md` stay in FOLDER. Python alone, no packages.
`--list` tells what the letters are.
"""

import argparse
import json
import os
import subprocess
import sys
from pathlib import Path

from rig import Arm, Rounds, Settings, grow, markdown, written

ROOT = Path(__file__).resolve().parents[2]

URING = Arm("uring", ("--io", "uring"))
MMSG = Arm("mmsg", ("--io", "mmsg"))
CONTROL = Arm("control", ("--io", "mmsg", "--trains", "off"))

CPU = "cpu_ns_per_packet"
RATE = "packets_per_second"
P50 = "latency_us.p50"
P99 = "latency_us.p99"

# Load at which a relay is neither idle nor full.
PARTLY, MOSTLY, LIGHTLY = 0.5, 0.7, 0.1


def hold(arm, microseconds):
    """The arm with another `--egress-hold`, and voices that wait no longer than that."""
    name = f"{arm.name}-hold-{microseconds // 1000}ms"
    time = str(microseconds)
    return Arm(name, (*arm.options, "--egress-hold", time, "--voice-hold", time))


def fan_out(subscribers):
    """One publisher of video at 1.5 Mbit/s to so many."""
    return [
        "--meetings", "1", "--participants", str(subscribers + 1), "--publishers", "1",
        "--audio", "off", "--video-bitrate", "1500000", "--join-rate", "400",
    ]  # fmt: skip


def audio_rooms(rooms):
    """Rooms of 10, of whom 3 speak."""
    return ["--meetings", str(rooms), "--participants", "10", "--speakers", "3", "--video-bitrate", "0",
            "--join-rate", "200", "--check", "400"]


def mixed_rooms(rooms):
    """Rooms of 8 with audio (3 loudest) and video."""
    return [
        "--meetings", str(rooms), "--participants", "8", "--speakers", "3", "--audio-slots", "3",
        "--video-bitrate", "1500000", "--check", "400",
    ]  # fmt: skip


def full(rounds, arms, load, start, most):
    """Each arm at the size that fills its core, interleaved; the sizes."""
    sizes = {}
    for arm in arms:
        sizes[arm.name], why = grow(rounds.settings, arm, load, start, most)
        rounds.notes.append(f"{arm.name}: {sizes[arm.name]} (what came next: {why})")
        if not sizes[arm.name]:
            sys.exit(f"{rounds.work}: {arm.name} does not keep up with the smallest size: {why}")
    rounds.interleave([(arm.name, arm, load(sizes[arm.name])) for arm in arms])
    return sizes


def work_a(rounds):
    """video alone, 1 → n, each arm's core full; capacity (d), submissions (h), uring and mmsg (g)"""
    sizes = full(rounds, [URING, MMSG, CONTROL], fan_out, 800, 4000)
    with_trains(rounds, 0.4)
    bare = limit(rounds, sizes["uring"])
    ours = rounds.median("uring", CPU)
    rounds.judge("uring / bare loop, CPU per packet", ours / bare if ours and bare else None, 1.35)
    for name in ("uring", "control"):
        rounds.judge(f"(d) loss of {name}", rounds.median(name, "loss_pct"), 0.1, unit="%")
    ratio = rounds.ratio("uring", "control", RATE)
    rounds.judge("(d) uring / control, packets a second", ratio, 2.5, at_least=True)


def with_trains(rounds, bound):
    """What trains save, what the drivers differ by, and how often the kernel is called."""
    for name in ("uring", "mmsg"):
        rounds.judge(f"{name} / control, CPU per packet", rounds.ratio(name, "control", CPU), bound)
    rounds.judge("(g) uring / mmsg, CPU per packet", rounds.ratio("uring", "mmsg", CPU), 1.0)
    submissions = rounds.median("uring", "submissions_per_packet")
    rounds.judge("(h) submissions per packet", submissions, 0.05)


def limit(rounds, destinations):
    """CPU per packet of a bare loop that only seals and sends the same trains (bench `limit`)."""
    # 1.5 Mbit/s at 30 frames a second: 6,250 B, six packets of equal size.
    command = ["cargo", "bench", "--bench", "limit", "--", "--segments", "6", "--size", "1080",
               "--destinations", str(destinations), "--seconds", "3"]  # fmt: skip
    found = []
    for _ in range(rounds.settings.rounds):
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
        for line in done.stdout.splitlines():
            if line.startswith("{"):
                found.append(json.loads(line)["cpu_ns_per_packet"])
    if not found:
        rounds.notes.append("the bench `limit` told nothing: " + done.stderr[-200:].strip())
        return None
    bare = sorted(found)[len(found) // 2]
    rounds.notes.append(f"bare loop: {written(bare)} ns per packet (`{' '.join(command)}`)")
    return bare


def work_b(rounds):
    """rooms of 10, audio only, each arm's core full"""
    arms = [hold(arm, time) for time in (1000, 5000) for arm in (URING, CONTROL)]
    full(rounds, arms, audio_rooms, 10, 400)
    for time, bound in (("1ms", 0.95), ("5ms", 0.85)):
        ratio = rounds.ratio(f"uring-hold-{time}", f"control-hold-{time}", CPU)
        rounds.judge(f"uring / control, hold {time}, CPU per packet", ratio, bound)


def work_c(rounds):
    """mixed: rooms of 8, audio and video, each arm's core full; submissions (h), uring and mmsg (g)"""
    full(rounds, [URING, MMSG, CONTROL], mixed_rooms, 2, 200)
    with_trains(rounds, 0.5)


def share(size, part):
    """That part of a size, at least 1."""
    return max(1, round(size * part))


def work_f(rounds):
    """added latency at 10 % and 70 % load, mixed rooms and video 1 → n"""
    rooms, why = grow(rounds.settings, URING, mixed_rooms, 2, 200)
    people, also = grow(rounds.settings, URING, fan_out, 800, 4000)
    rounds.notes.append(f"full: {rooms} rooms ({why}); 1 → {people} ({also})")
    cases = [
        ("rooms-10%", URING, mixed_rooms(share(rooms, LIGHTLY))),
        ("rooms-70%", URING, mixed_rooms(share(rooms, MOSTLY))),
        ("people-70%", URING, fan_out(share(people, MOSTLY))),
    ]
    rounds.interleave(cases)
    for name, path, bound in (("rooms-10%", P50, 100), ("rooms-70%", P99, 2000)):
        rounds.judge(f"{name}, {path}", rounds.median(name, path), bound, unit="µs")
    interval = 1e6 / 30
    load = (rounds.median("people-70%", "cpu_pct") or 0) / 100
    rounds.judge("people-70%, p99", rounds.median("people-70%", P99), load * interval + 2000, unit="µs")
    for name, *_ in cases:
        own = [written(rounds.median(name, f"added_latency_us.{key}")) for key in ("p50", "p99")]
        rounds.notes.append(f"{name}: added latency by the relay's own count p50 {own[0]}, p99 {own[1]} µs")
    rounds.notes.append("judged is the whole way from send to receive, with the client's own share")


def work_g(rounds):
    """uring against mmsg, both with trains, at half of what fills mmsg (full: a and c)"""
    for name, load, start, most in (("people", fan_out, 800, 4000), ("rooms", mixed_rooms, 2, 200)):
        size, why = grow(rounds.settings, MMSG, load, start, most)
        half = share(size, PARTLY)
        rounds.notes.append(f"{name}: {half}, half of where mmsg is full ({why})")
        rounds.interleave([(f"{name}-{arm.name}", arm, load(half)) for arm in (URING, MMSG)])
        ratio = rounds.ratio(f"{name}-uring", f"{name}-mmsg", CPU)
        rounds.judge(f"{name}: uring / mmsg, CPU per packet", ratio, 1.0)


def legs(kind, publishers, people):
    """A meeting where everybody gets `publishers` legs of one kind, at a low rate."""
    media = ["--video-bitrate", "0"] if kind == "audio" else ["--audio", "off", "--video-bitrate", "60000"]
    slots = ["--audio-slots", "8", "--video-slots", "0" if kind == "audio" else "8"]
    return ["--participants", str(people), "--publishers", str(publishers), *media, *slots]


def work_i(rounds):
    """memory of participants and legs"""
    people = rounds.settings.size or 300
    rooms = share(people, 1 / 50)
    cases = []
    for times in (1, 2):  # what is there once, whoever comes, cancels out
        # Meetings of ten, of whom one sends what nobody can do without hearing: somebody silent.
        silent = ["--meetings", str(times * people // 10), "--participants", "10", "--publishers", "1",
                  "--speakers", "0", "--video-bitrate", "0"]  # fmt: skip
        cases.append((f"idle-{times}", URING, silent))
        cases.append((f"active-{times}", URING, mixed_rooms(times * rooms)))
    for kind in ("audio", "video"):
        for publishers in (1, 8):
            cases.append((f"{kind}-legs-{publishers}", URING, legs(kind, publishers, people)))
    rounds.interleave(cases)
    memory = "bytes_per_participant"
    for name, bound in (("idle", 48), ("active", 100)):
        once, twice = (rounds.median(f"{name}-{times}", memory) for times in (1, 2))
        each = 2 * twice - once if once is not None and twice is not None else None
        rounds.judge(f"{name} participant", above_noise(each), bound * 1024, unit="B")
    for kind, bound in (("audio", 2048), ("video", 6144)):
        many, few = (rounds.median(f"{kind}-legs-{number}", memory) for number in (8, 1))
        leg = (many - few) / 7 if many is not None and few is not None else None
        rounds.judge(f"{kind} leg", above_noise(leg), bound, unit="B")
    rounds.notes.append("a participant: memory of twice as many − memory of as many, for each of them")
    rounds.notes.append("an idle one is in a meeting of ten, where one sends silence")
    rounds.notes.append("a leg: (memory with 8 publishers − with 1) / 7; the caches of 7 tracks are in it")


def work_j(rounds):
    """joins: CPU of each, and what they do to live media"""
    rate, stay = 100, 2  # joins a second, and the seconds that the client lets each stay
    rooms, why = grow(rounds.settings, URING, mixed_rooms, 2, 200)
    # Who joins is sent what the room says: as many listeners as there are at any time, and a quarter of
    # the rooms, or what is measured is what they are sent.
    meetings = share(rooms, 1 / 4)
    half = mixed_rooms(meetings)
    listeners = [*half, "--publishers", "8"]
    listeners[listeners.index("--participants") + 1] = str(8 + share(rate * stay, 1 / meetings))
    quiet = ["--meetings", "1", "--publishers", "2", "--video-bitrate", "0", "--participants"]
    during = ["--join-during", str(rate)]
    rounds.notes.append(f"full: {rooms} rooms ({why})")
    rounds.interleave([
        # As many listen as are there at any time when people come and go.
        ("standing", URING, [*quiet, str(2 + rate * stay)]),
        ("coming", URING, [*quiet, "2", *during]),
        ("live", URING, listeners),
        ("live-joins", URING, half + during),
    ])  # fmt: skip
    for who, key, bound in (("relay's shard", "shard_cpu_ns_per_packet", 500), ("process", CPU, None)):
        spent = [cpu_share(rounds, name, key) for name in ("coming", "standing")]
        joins = rounds.median("coming", "joins")
        if None in (*spent, joins) or joins <= 2:
            cost = None
        else:
            cost = (spent[0] - spent[1]) * 1e6 / ((joins - 2) / rounds.settings.duration)
        if bound:
            rounds.judge(f"CPU of a join, {who}", above_noise(cost), bound, unit="µs")
        else:
            rounds.notes.append(f"CPU of a join, whole {who} with signaling: {written(cost)} µs")
    rounds.judge("p99 with joins / without", rounds.ratio("live-joins", "live", P99), 2.0)


def above_noise(difference):
    """A difference of two medians, unless it is negative: then the noise was greater than it."""
    return difference if difference is not None and difference > 0 else None


def cpu_share(rounds, name, key):
    """CPU seconds a second."""
    cost, rate = rounds.median(name, key), rounds.median(name, RATE)
    return cost * rate / 1e9 if cost is not None and rate is not None else None


def work_k(rounds):
    """moves: from the command to all tables flipped, and nothing wrong after"""
    rooms, why = grow(rounds.settings, URING, mixed_rooms, 2, 200)
    rounds.notes.append(f"70 % of {rooms} rooms ({why})")
    loaded = mixed_rooms(share(rooms, MOSTLY / 2))
    loaded[loaded.index("--participants") + 1] = "16"
    moves = ["--rooms", "2", "--moves-per-second", "20", "--check", "1"]
    audio = ["--video-bitrate", "0"]
    # As many commands as rooms: everybody at once is in `cargo bench --bench masks`.
    shuffle = ["--participants", "300", "--rooms", "30", "--publishers", "1", "--check", "1"]
    rounds.interleave([
        ("light", URING, ["--meetings", "1", "--participants", "8", *audio, *moves]),
        ("70%", URING, [*loaded, *moves[:-2]]),
        ("shuffle", URING, [*shuffle, *audio, "--shuffle-at", "2"]),
    ])  # fmt: skip
    for name, share_of, bound in (("light", 0.99, 1), ("70%", 0.99, 2), ("shuffle", 1.0, 50)):
        # The first change of a run is bigger: it brings everybody into the rooms.
        flipped = rounds.quantile(name, "ringfence_change_seconds", share_of)
        flipped = flipped * 1000 if flipped is not None else None
        rounds.judge(f"{name}: command to tables flipped (bucket)", flipped, bound, unit="ms")
        rounds.judge(f"{name}: packets of a wrong room", rounds.most(name, "wrong_room"), 0)
        median = written(rounds.median(name, "switch_ms.p50"))
        rounds.notes.append(f"{name}: command to first packet of the new room, p50 {median} ms")


TWO = Arm("two", ("--io", "uring"), shards=2, cores="0,1")
# The first of each meeting on the last shard, everybody else on the first one, which has core 0 to itself.
FAR = Arm("far", ("--io", "uring", "--place", "first-apart"), shards=2, cores="0,1")
# People of each room on both.
APART = Arm("apart", ("--io", "uring", "--place", "apart"), shards=2, cores="0,1")
SHARDS = "shard_cpu_ns_per_packet"


def work_n(rounds):
    """one publisher to 10 on the other shard, against one shard: CPU of shards per packet"""
    # The publisher has to be in before those who listen, so that it is the first: joins are slow.
    meetings = str(rounds.settings.size or 30)
    people = ["--meetings", meetings, "--participants", "11", "--publishers", "1", "--join-rate", "50"]
    kinds = {
        "audio": [*people, "--video-bitrate", "0", "--check", "100"],
        "video": [*people, "--audio", "off", "--video-bitrate", "500000", "--check", "100"],
    }
    rounds.interleave([
        (f"{kind}-{arm.name}", arm, load) for kind, load in kinds.items() for arm in (URING, FAR)
    ])  # fmt: skip
    for kind in kinds:
        ratio = rounds.ratio(f"{kind}-far", f"{kind}-uring", SHARDS)
        rounds.judge(f"{kind}: all on the other shard / one shard, CPU per packet", ratio, 1.15)
        crossed = rounds.crossed(f"{kind}-far")
        rounds.notes.append(
            f"{kind}: packets between shards, from 1 to 0 and back: "
            + " and ".join(written(crossed.get(way)) for way in (("1", "0"), ("0", "1")))
        )
    rounds.notes.append("CPU is of the shards' threads: a shard that shares its core with the client waits for it")


def work_o(rounds):
    """two shards against one with half the people: what they could carry, by CPU time of the busiest shard"""
    rooms = rounds.settings.size or share(grow(rounds.settings, URING, audio_rooms, 10, 400)[0], PARTLY)
    half = share(rooms, 0.5)

    def one_meeting(rooms):
        return ["--meetings", "1", "--rooms", str(rooms), "--participants", str(10 * rooms), "--publishers", "3",
                "--video-bitrate", "0", "--join-rate", "200", "--check", "400"]  # fmt: skip

    # A fuller shard makes longer trains: so each has as much to do as the one.
    rounds.interleave([
        ("meetings-one", URING, audio_rooms(half)),
        ("meetings-two", TWO, audio_rooms(rooms)),
        ("meeting-one", URING, one_meeting(half)),
        ("meeting-apart", APART, one_meeting(rooms)),
    ])  # fmt: skip
    rounds.notes.append(f"{half} and {rooms} rooms of 10, in meetings of their own, and as breakouts of one meeting")
    rounds.notes.append("capacity: packets a second for each share of CPU time of the shard that has the most")
    for one, two in (("meetings-one", "meetings-two"), ("meeting-one", "meeting-apart")):
        for name in (one, two):
            shares = rounds.results[name][0].get("shard_cpu_pct") or []
            busy = ", ".join(f"{share:.1f} %" for share in shares)
            rounds.notes.append(f"{name}: CPU of each shard in the first round {busy}")
        rounds.judge(f"{two} / {one}, capacity", rounds.ratio(two, one, "capacity"), 1.7, at_least=True)
        rounds.notes.append(
            f"{two} / {one}: CPU of shards per packet {written(rounds.ratio(two, one, SHARDS))}"
        )


def work_p(rounds):
    """breakouts of one meeting, rooms of 10 of whom 3 speak, a packet in 60 ms: start, shuffles and stop, one command each"""
    rooms = rounds.settings.size or 300
    load = [
        "--rooms", str(rooms), "--participants", str(10 * rooms), "--publishers", "3", "--video-bitrate", "0",
        "--audio-frame", "60", "--shuffles", "3", "--join-rate", "200", "--check", "400",
    ]  # fmt: skip
    time = {"duration": max(30, rounds.settings.duration)}
    rounds.interleave([("one", URING, load, time), ("apart", APART, load, time)])
    for name in ("one", "apart"):
        runs = [run.get("stages") or [] for run in rounds.results[name]]
        stages = [stage for run in runs for stage in run]
        last = [stage["switch_ms"]["max"] for stage in stages if stage["switch_ms"]]
        flipped = [stage["flipped_ms"] for stage in stages if stage["flipped_ms"] is not None]
        seen = all(stage["switches_seen"] == stage["switches_asked"] for stage in stages)
        rounds.judge(f"{name}: command to the last person's first packet, worst step",
                     max(last) if last and seen and all(runs) else None, 50, unit="ms")  # fmt: skip
        rounds.judge(f"{name}: tables flipped, worst step", max(flipped, default=None), 50, unit="ms")
        rounds.judge(f"{name}: packets of a wrong room", rounds.most(name, "wrong_room"), 0)
        for stage in runs[0] if runs else []:
            rounds.notes.append(
                f"{name}, {stage['name']}: {stage['moved']} moved, answered {written(stage['answered_ms'])} ms, "
                f"tables {written(stage['flipped_ms'])} ms, first packet p50 "
                f"{written((stage['switch_ms'] or {}).get('p50'))}, last {written((stage['switch_ms'] or {}).get('max'))} ms"
            )


def work_m(rounds):
    """beside others: 200 players over WHEP, audio and 1.5 Mbit/s of video"""
    load = [
        "--participants", "201", "--publishers", "1", "--video-bitrate", "1500000",
        "--whip", "{url}/whip/{meeting}?id={id}", "--whep", "{url}/whep/{meeting}?id={id}",
    ]  # fmt: skip
    rounds.interleave([(arm.name, arm, load) for arm in (URING, MMSG, CONTROL)])
    others = 10_500  # the best other SFU at 200 players, ns per forwarded packet, same machine and work
    rounds.judge("uring, CPU per packet", rounds.median("uring", CPU), others / 4, unit="ns")
    rounds.judge("uring, p99", rounds.median("uring", P99), 2000, unit="µs")


def work_l(rounds):
    """growth: 10 to 1,000 subscribers of a publisher, 25 to 1,000 rooms, at an equal rate of packets"""
    # 2,000 people get 30 frames a second, by few publishers or by many.
    people = [(200, 10), (20, 100), (2, 1000)]
    cases = [(f"people-{n}", URING, frames(meetings, n, 30, 6)) for meetings, n in people]
    # Rooms of 1 → 10, the more of them, the fewer frames each.
    rooms = [(25, 120), (100, 30), (1000, 3)]
    cases += [(f"rooms-{meetings}", URING, frames(meetings, 10, rate, 6)) for meetings, rate in rooms]
    rounds.interleave(cases)
    for name, sizes in (("people", [n for _, n in people]), ("rooms", [n for n, _ in rooms])):
        costs = [rounds.median(f"{name}-{size}", CPU) for size in sizes]
        spread = max(costs) / min(costs) if None not in costs else None
        rounds.judge(f"{name}: dearest / cheapest, CPU per packet", spread, 1.1 / 0.9)


def frames(meetings, subscribers, rate, packets):
    """Meetings of one publisher with `rate` frames a second of `packets` packets each."""
    bits = rate * packets * 1040 * 8
    return [
        "--meetings", str(meetings), "--participants", str(subscribers + 1), "--publishers", "1",
        "--audio", "off", "--frame-rate", str(rate), "--video-bitrate", str(bits),
        "--keyframe-interval", "1000", "--join-rate", "400",
    ]  # fmt: skip


WORKS = {name[5:]: work for name, work in list(globals().items()) if name.startswith("work_")}


def arguments():
    target = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target")) / "release"
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("works", nargs="*", choices=[*WORKS, []], metavar="WORK", help="letters, see --list")
    parser.add_argument("--list", action="store_true", help="what the letters are")
    parser.add_argument("--out", type=Path, default=Path("figures"), help="folder for reports and tables")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--duration", type=float, default=10, help="seconds measured, of each run")
    parser.add_argument("--ramp", type=float, default=3, help="seconds before that")
    parser.add_argument("--size", type=int, help="this size for all arms, instead of growing it")
    parser.add_argument("--relay", type=Path, default=os.environ.get("RINGFENCE_BIN", target / "ringfence"))
    parser.add_argument("--load", type=Path, default=target / "ringfence-load")
    parser.add_argument("--http-port", type=int, default=18080)
    parser.add_argument("--media-port", type=int, default=41000)
    return parser.parse_args()


def main():
    asked = arguments()
    if asked.list or not asked.works:
        for letter, work in sorted(WORKS.items()):
            print(f"{letter}  {work.__doc__}")
        return 0
    for name in ("relay", "load"):
        path = Path(getattr(asked, name)).resolve()
        if not path.exists():
            sys.exit(f"--{name} {path} is not there: build it with `cargo build --release --workspace`")
        setattr(asked, name, path)
    if (os.cpu_count() or 1) < 2:
        sys.exit("two cores are needed: one for the relay, one for the client")
    asked.out.mkdir(parents=True, exist_ok=True)
    failed = False
    for letter in asked.works:
        settings = Settings(
            asked.relay, asked.load, asked.out, asked.rounds, asked.duration, asked.ramp,
            asked.http_port, asked.media_port, asked.size,
        )  # fmt: skip
        work = WORKS[letter]
        print(f"{letter}: {work.__doc__}", flush=True)
        rounds = Rounds(settings, letter)
        work(rounds)
        told = markdown(rounds, f"{letter}: {work.__doc__}")
        (asked.out / f"results-{letter}.md").write_text(told)
        print("\n" + told, flush=True)
        failed |= any(verdict[-1] != "pass" for verdict in rounds.verdicts)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
