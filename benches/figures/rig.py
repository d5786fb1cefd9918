"""What a measurement is made of: a relay on core 0, the load client on core 1, and medians of runs.

Only processes started here are ended, each by its own handle.
"""

import json
import os
import re
import shlex
import statistics
import subprocess
import time
import urllib.request
from dataclasses import dataclass, field
from pathlib import Path

READY_SECONDS_MAX = 10
STOP_SECONDS_MAX = 10
# What a run may take beyond joins, ramp and duration: thousands who come to one meeting are each told
# of all the others.
LOAD_SECONDS_GRACE = 200


@dataclass(frozen=True)
class Arm:
    """One way to start the relay."""

    name: str
    options: tuple = ()
    shards: int = 1
    # The client has core 1: a shard there shares it, so that only CPU time says something of it.
    cores: str = "0"


@dataclass
class Settings:
    """Where things are, and how much is run."""

    relay: Path
    load: Path
    folder: Path
    rounds: int
    duration: float
    ramp: float
    http_port: int
    media_port: int
    size: int | None
    commands: dict = field(default_factory=dict)


class Relay:
    """A relay of an arm, from its start to its end."""

    def __init__(self, settings, arm, name):
        self.settings = settings
        self.url = f"http://127.0.0.1:{settings.http_port}"
        self.command = [
            "taskset", "-c", arm.cores, str(settings.relay), "serve", "--dev", "--shards", str(arm.shards),
            "--http", f"127.0.0.1:{settings.http_port}", "--media-port", str(settings.media_port),
            "--media-ip", "127.0.0.1",
            *arm.options,
        ]  # fmt: skip
        self.log = open(settings.folder / f"{name}.relay.log", "wb")

    def __enter__(self):
        self.process = subprocess.Popen(self.command, stdout=self.log, stderr=self.log)
        until = time.monotonic() + READY_SECONDS_MAX
        while True:
            if self.process.poll() is not None:
                self.log.close()
                raise SystemExit(
                    f"the relay ended by itself: {shlex.join(self.command)}; see {self.log.name}"
                )
            try:
                self.get("/readyz")
                return self
            except OSError:
                if time.monotonic() > until:
                    self.__exit__()
                    raise SystemExit(f"the relay is not ready; see {self.log.name}") from None
                time.sleep(0.05)

    def get(self, path):
        with urllib.request.urlopen(self.url + path, timeout=5) as answer:
            return answer.read().decode()

    def __exit__(self, *_):
        # No SIGTERM first: that lets sessions go on for as long as `--drain` says.
        self.process.kill()
        self.process.wait(STOP_SECONDS_MAX)
        self.log.close()


def run(settings, arm, load, name, ramp=None, duration=None):
    """One run: a fresh relay and the load client; its report, with `histograms` of the relay."""
    ramp = settings.ramp if ramp is None else ramp
    duration = settings.duration if duration is None else duration
    report = settings.folder / f"{name}.json"
    report.unlink(missing_ok=True)
    with Relay(settings, arm, name) as relay:
        options = [option.replace("{url}", relay.url) for option in load]
        command = [
            "taskset", "-c", "1", str(settings.load), "--pin", "1", "--url", relay.url,
            "--server-pid", str(relay.process.pid), "--ramp", str(ramp),
            "--duration", str(duration), *options, "--json", str(report),
        ]  # fmt: skip
        settings.commands.setdefault(f"{name.rsplit('-', 1)[0]}", (relay.command, command))
        people = number_of(options, "--meetings", 1) * number_of(options, "--participants", 10)
        seconds = people / number_of(options, "--join-rate", 100) + ramp + duration
        try:
            done = subprocess.run(
                command, capture_output=True, text=True, timeout=seconds + LOAD_SECONDS_GRACE
            )
            told, code = done.stdout + done.stderr, done.returncode
        except subprocess.TimeoutExpired as error:
            told, code = f"{error}", None
        (settings.folder / f"{name}.load.log").write_text(told)
        metrics = relay.get("/metrics") if relay.process.poll() is None else ""
    (settings.folder / f"{name}.metrics").write_text(metrics)
    if code not in (0, 2) or not report.exists():
        return {"valid": False, "invalid_because": [f"the load client failed: {told[-300:].strip()}"]}
    result = json.loads(report.read_text())
    result["metrics"] = metrics
    busiest = max(result.get("shard_cpu_pct") or [0])
    result["capacity"] = 100 * result["packets_per_second"] / busiest if busiest else None
    return result


def number_of(options, name, default):
    """The number that follows an option."""
    return float(options[options.index(name) + 1]) if name in options else float(default)


def figure(result, path):
    """A figure of a report by its dotted path, or None."""
    for key in path.split("."):
        result = result.get(key) if isinstance(result, dict) else None
    return result


def counts(result):
    """Whether a run counts."""
    return bool(result.get("valid"))


def median(results, path):
    """Median over the runs that count; None if none does."""
    found = [figure(result, path) for result in results if counts(result)]
    found = [value for value in found if value is not None]
    return statistics.median(found) if found else None


def quantile(metrics, name, share):
    """A quantile of a histogram on the metrics page, in its unit: the bound of its bucket."""
    buckets = {}
    for line in metrics.splitlines():
        match = re.match(rf'{name}_bucket{{.*?le="([^"]+)".*?}} (\S+)', line)
        if match:
            bound = float(match[1].replace("+Inf", "inf"))
            buckets[bound] = buckets.get(bound, 0) + float(match[2])
    ordered = sorted(buckets.items())
    if not ordered or not ordered[-1][1]:
        return None
    return next(bound for bound, count in ordered if count >= share * ordered[-1][1])


class Rounds:
    """Runs of several cases, interleaved, and what they came to."""

    def __init__(self, settings, work):
        self.settings = settings
        self.work = work
        self.rows = []
        self.results = {}
        self.verdicts = []
        self.notes = []

    def interleave(self, cases):
        """Runs each case `(name, arm, load options)` once a round; a fourth item: more for `run`."""
        for number in range(self.settings.rounds):
            for name, arm, load, *more in cases:
                extra = dict(more[0]) if more else {}
                label = f"{self.work}-{name}-{number + 1}"
                result = run(self.settings, arm, load, label, **extra)
                self.results.setdefault(name, []).append(result)
                print(f"  {label}: {brief(result)}", flush=True)
        for name, *_ in cases:
            self.rows.append(name)

    def median(self, name, path):
        return median(self.results.get(name, []), path)

    def ratio(self, name, control, path):
        """Median of the rounds' ratios: what one round's arms share is the machine's mood."""
        pairs = zip(self.results.get(name, []), self.results.get(control, []))
        found = [
            figure(one, path) / figure(other, path)
            for one, other in pairs
            if counts(one) and counts(other) and figure(one, path) and figure(other, path)
        ]
        return statistics.median(found) if found else None

    def quantile(self, name, histogram, share):
        found = [
            quantile(result.get("metrics", ""), histogram, share)
            for result in self.results.get(name, [])
            if counts(result)
        ]
        found = [value for value in found if value is not None]
        return statistics.median(found) if found else None

    def crossed(self, name):
        """Packets that went between shards in the first run, by sender and receiver."""
        metrics = self.results[name][0].get("metrics", "")
        found = re.findall(r'ringfence_mesh_packets_total{from="(\d+)",to="(\d+)"} (\S+)', metrics)
        return {(sender, receiver): float(count) for sender, receiver, count in found}

    def most(self, name, path):
        """The worst of all runs, also of those that do not count: for what must be 0."""
        found = [figure(result, path) for result in self.results.get(name, [])]
        found = [value for value in found if value is not None]
        return max(found) if found else None

    def judge(self, what, value, bound, at_least=False, unit=""):
        """Holds a figure against the bound of the issue."""
        if value is None:
            verdict = "not measured"
        else:
            verdict = "pass" if (value >= bound if at_least else value <= bound) else "FAIL"
        self.verdicts.append((what, value, ("≥ " if at_least else "≤ ") + written(bound), unit, verdict))


def brief(result):
    """A run in one line."""
    if not result.get("forwarded"):
        return "; ".join(result["invalid_because"])
    why = "" if counts(result) else "  NOT VALID: " + "; ".join(result["invalid_because"])
    parts = [
        f"{written(figure(result, path))} {unit}"
        for path, unit in [
            ("packets_per_second", "packets/s"),
            ("cpu_ns_per_packet", "ns/packet"),
            ("cpu_pct", "% relay"),
            ("client_busy_pct", "% client"),
            ("loss_pct", "% loss"),
            ("latency_us.p99", "µs p99"),
        ]
    ]
    return ", ".join(parts) + why


def grow(settings, arm, load, start, most):
    """The greatest size at which the relay still keeps up, and what stopped it.

    Found once for an arm and a load, and kept in `sizes.json` of the folder: whoever knows sizes puts
    them there.
    """
    if settings.size:
        return settings.size, "--size"
    file = settings.folder / "sizes.json"
    sizes = json.loads(file.read_text()) if file.exists() else {}
    key = f"{load.__name__}/{arm.name}"
    if key not in sizes:
        sizes[key] = search(settings, arm, load, start, most)
        file.write_text(json.dumps(sizes, indent=1))
    return sizes[key]


def search(settings, arm, load, start, most):
    """A size by growing and then halving the gap.

    What stops it: loss over 0.1 %, the relay's core over 95 % busy, packets that come ever later (loss
    that has not happened yet), the client, or `most`.
    """

    def limit(size):
        label = f"grow-{load.__name__}-{arm.name}-{size}"
        result = run(settings, arm, load(size), label, duration=min(settings.duration, 5))
        print(f"  {label}: {brief(result)}", flush=True)
        if result.get("forwarded") and result["loss_pct"] > 0.1:
            return "loss over 0.1 %"
        if (figure(result, "cpu_pct") or 0) > 95:
            return "relay over 95 % busy"
        seconds = result.get("samples") or [{}]
        if (figure(seconds[-1], "latency_us.p50") or 0) > 100_000:
            return "falls behind: p50 of the last second over 100 ms"
        if not result["valid"]:
            return "; ".join(result["invalid_because"])
        return None

    good, bad, why = 0, None, "the rig's own maximum"
    size = start
    while bad is None and good < most:
        stopped = limit(size)
        if stopped:
            bad, why = size, stopped
        else:
            good, size = size, min(most, max(size + 1, int(size * 1.6)))
    while bad is not None and bad - good > max(1, bad // 16):
        size = (good + bad) // 2
        stopped = limit(size)
        if stopped:
            bad, why = size, stopped
        else:
            good = size
    return good, why


def written(value):
    """A number with as many digits as say something."""
    if value is None:
        return "–"
    if isinstance(value, float) and abs(value) < 100:
        return f"{value:.3g}"
    return f"{value:,.0f}"


COLUMNS = [
    ("packets/s", "packets_per_second"),
    ("loss %", "loss_pct"),
    ("CPU ns/packet", "cpu_ns_per_packet"),
    ("shard ns/packet", "shard_cpu_ns_per_packet"),
    ("relay %", "cpu_pct"),
    ("p50 µs", "latency_us.p50"),
    ("p99 µs", "latency_us.p99"),
    ("packets/train", "datagrams_per_train"),
    ("submissions/packet", "submissions_per_packet"),
    ("B/participant", "bytes_per_participant"),
    ("client %", "client_busy_pct"),
]


def markdown(rounds, title):
    """The tables of a work as Markdown."""
    lines = [f"## {title}", ""]
    names = ["run", "valid", *(name for name, _ in COLUMNS)]
    lines += ["| " + " | ".join(names) + " |", "|" + " --- |" * len(names)]
    for name in rounds.rows:
        results = rounds.results[name]
        valid = f"{sum(map(counts, results))}/{len(results)}"
        cells = [written(rounds.median(name, path)) for _, path in COLUMNS]
        lines.append("| " + " | ".join([name, valid, *cells]) + " |")
    lines += ["", "| figure | measured | bound | verdict |", "| --- | --- | --- | --- |"]
    for what, value, bound, unit, verdict in rounds.verdicts:
        measured = f"{written(value)} {unit}".strip()
        lines.append(f"| {what} | {measured} | {bound} {unit} | {verdict} |")
    lines += ["", *(f"- {note}" for note in rounds.notes)] if rounds.notes else []
    reasons = {
        reason
        for results in rounds.results.values()
        for result in results
        if not counts(result)
        for reason in result["invalid_because"]
    }
    lines += [f"- runs left out: {reason}" for reason in sorted(reasons)]
    lines += ["", "```"]
    for name in rounds.rows:
        relay, load = rounds.settings.commands[f"{rounds.work}-{name}"]
        lines += [f"# {name}", shown(relay), shown(load)]
    return "\n".join([*lines, "```", ""])


def shown(command):
    """A command without the folders of this machine."""
    return shlex.join(os.path.basename(word) if word.startswith("/") else word for word in command)
