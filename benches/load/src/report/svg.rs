//! Charts over time (`--svg DIR`): latency, loss, CPU; one file each.
//!
//! Drawn by hand, since three line charts need no library. There is no background and every colour is a
//! middle tone, so that they read on white and on black alike; lines differ in dashes too.

use std::fmt::Write;
use std::fs;
use std::path::Path;

use anyhow::Context;

use super::figures::{CLIENT_BUSY_PCT_MAX, loss_pct, server_cpu_pct};
use super::{Outcome, table};

const WIDTH: f64 = 800.0;
const HEIGHT: f64 = 360.0;
const LEFT: f64 = 84.0;
const RIGHT: f64 = 20.0;
const TOP: f64 = 64.0;
const BOTTOM: f64 = 52.0;
/// Colour and dashes of each line of a chart.
const STROKES: [(&str, &str); 3] = [("#2f81d6", "none"), ("#d9730d", "7 3"), ("#8a63d2", "2 3")];
const TEXT: &str = "#7d8590";
/// About so many lines across.
const TICKS: f64 = 5.0;

/// One line: its name, and a point for each sample; `None` is a gap.
struct Line {
    name: &'static str,
    points: Vec<(f64, Option<f64>)>,
}

/// One chart.
struct Chart {
    title: String,
    /// What is up the side, with its unit.
    side: &'static str,
    /// How a value on the side is written.
    label: fn(f64) -> String,
    /// The side reaches at least so far up.
    least: f64,
    /// A bound to show, and its name.
    bound: Option<(f64, &'static str)>,
    lines: Vec<Line>,
}

pub(super) fn write(outcome: &Outcome, directory: &Path) -> anyhow::Result<()> {
    let failed = || format!("--svg {}: can not be written", directory.display());
    fs::create_dir_all(directory).with_context(failed)?;
    for (name, chart) in
        [("latency.svg", latency(outcome)), ("loss.svg", loss(outcome)), ("cpu.svg", cpu(outcome))]
    {
        fs::write(directory.join(name), chart.draw()).with_context(failed)?;
    }
    Ok(())
}

/// A line of what `value` makes of each sample and the one before it.
fn line(
    name: &'static str,
    outcome: &Outcome,
    value: impl Fn(Option<&super::Sample>, &super::Sample) -> Option<f64>,
) -> Line {
    let points = outcome.seconds();
    let points = points.map(|(before, sample)| (sample.at.as_secs_f64(), value(before, sample)));
    Line { name, points: points.collect() }
}

fn latency(outcome: &Outcome) -> Chart {
    let quantile = |name, quantile| {
        line(name, outcome, move |_, sample| {
            let any = !sample.latency.is_empty();
            any.then(|| sample.latency.value_at_quantile(quantile) as f64)
        })
    };
    Chart {
        title: "Latency, sender to receiver".into(),
        side: "latency",
        label: table::time,
        least: 100.0,
        bound: None,
        lines: vec![quantile("p50", 0.5), quantile("p99", 0.99)],
    }
}

fn loss(outcome: &Outcome) -> Chart {
    let lost = line("loss", outcome, |before, sample| {
        let since = sample.since(before);
        (since.forwarded + since.lost > 0).then(|| loss_pct(since.forwarded, since.lost))
    });
    let both = outcome.both();
    let (lost_packets, due) =
        (table::thousands(both.lost), table::thousands(both.packets + both.lost));
    Chart {
        title: format!("Loss: {lost_packets} of {due} packets"),
        side: "lost, % of packets",
        label: percent,
        least: 0.1,
        bound: None,
        lines: vec![lost],
    }
}

fn cpu(outcome: &Outcome) -> Chart {
    let server = line("server", outcome, |before, sample| {
        server_cpu_pct(before.and_then(|before| before.server.as_ref()), sample.server.as_ref())
    });
    let client = line("client", outcome, |_, sample| Some(100.0 * sample.client_busy));
    Chart {
        title: "CPU time".into(),
        side: "% of one core",
        label: percent,
        least: 100.0,
        bound: Some((CLIENT_BUSY_PCT_MAX, "most for the client")),
        lines: vec![server, client],
    }
}

fn percent(value: f64) -> String {
    if value == 0.0 || value >= 10.0 {
        format!("{value:.0} %")
    } else {
        let digits = if value >= 0.1 { 1 } else { 3 };
        format!("{value:.digits$} %")
    }
}

/// The step of an axis that reaches `most`: 1, 2 or 5 times a power of ten.
fn step(most: f64) -> f64 {
    let rough = most / TICKS;
    let power = 10f64.powf(rough.log10().floor());
    let step = [1.0, 2.0, 5.0].into_iter().find(|times| times * power >= rough * 0.999);
    step.unwrap_or(10.0) * power
}

impl Chart {
    fn draw(&self) -> String {
        let points = || self.lines.iter().flat_map(|line| &line.points);
        let highest = points().filter_map(|point| point.1).fold(self.least, f64::max);
        let up = step(highest);
        let top = (highest / up).ceil() * up;
        let end = points().map(|point| point.0).fold(1.0, f64::max);
        let x = |seconds: f64| LEFT + (WIDTH - LEFT - RIGHT) * seconds / end;
        let y = |value: f64| HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * value / top;
        let mut svg = format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" \
             font-family=\"system-ui, 'DejaVu Sans', sans-serif\" font-size=\"13\" fill=\"{TEXT}\">\n\
             <title>{title}</title>\n\
             <text x=\"{LEFT}\" y=\"24\" font-size=\"17\" font-weight=\"600\">{title}</text>\n",
            title = self.title
        );
        self.grid(&mut svg, (top, up), end, &x, &y);
        if let Some((bound, name)) = self.bound {
            let (at, right) = (y(bound), WIDTH - RIGHT);
            put(
                &mut svg,
                format_args!(
                    "<line x1=\"{LEFT}\" x2=\"{right}\" y1=\"{at:.1}\" y2=\"{at:.1}\" stroke=\"#cf4a4a\" \
                 stroke-dasharray=\"1 4\" stroke-width=\"1.5\"/>\n\
                 <text x=\"{right}\" y=\"{:.1}\" text-anchor=\"end\" fill=\"#cf4a4a\">{name}: {}</text>\n",
                    at - 5.0,
                    (self.label)(bound)
                ),
            );
        }
        for (at, (line, (colour, dashes))) in self.lines.iter().zip(STROKES).enumerate() {
            let left = LEFT + 150.0 * at as f64;
            let last = line.points.iter().rev().find_map(|point| point.1);
            let told = last.map_or("not told".into(), self.label);
            put(
                &mut svg,
                format_args!(
                    "<line x1=\"{left}\" x2=\"{}\" y1=\"43\" y2=\"43\" stroke=\"{colour}\" \
                 stroke-width=\"2.5\" stroke-dasharray=\"{dashes}\"/>\n\
                 <text x=\"{}\" y=\"47.5\">{} (last {told})</text>\n",
                    left + 26.0,
                    left + 33.0,
                    line.name
                ),
            );
            line.draw(&mut svg, colour, dashes, &x, &y);
        }
        svg.push_str("</svg>\n");
        svg
    }

    /// Lines across with their values, ticks of time, and what the axes are.
    fn grid(
        &self,
        svg: &mut String,
        (top, up): (f64, f64),
        end: f64,
        x: &dyn Fn(f64) -> f64,
        y: &dyn Fn(f64) -> f64,
    ) {
        for number in 0..=(top / up).round() as u32 {
            let value = up * f64::from(number);
            let (at, right) = (y(value), WIDTH - RIGHT);
            put(
                svg,
                format_args!(
                    "<line x1=\"{LEFT}\" x2=\"{right}\" y1=\"{at:.1}\" y2=\"{at:.1}\" stroke=\"{TEXT}\" \
                 stroke-opacity=\"{}\"/>\n<text x=\"{}\" y=\"{:.1}\" text-anchor=\"end\">{}</text>\n",
                    if number == 0 { 0.9 } else { 0.25 },
                    LEFT - 8.0,
                    at + 4.5,
                    (self.label)(value)
                ),
            );
        }
        let along = step(end);
        for number in 0..=(end / along) as u32 {
            let seconds = along * f64::from(number);
            put(
                svg,
                format_args!(
                    "<text x=\"{:.1}\" y=\"{}\" text-anchor=\"middle\">{}</text>\n",
                    x(seconds),
                    HEIGHT - BOTTOM + 20.0,
                    (seconds * 10.0).round() / 10.0
                ),
            );
        }
        let middle = (TOP + HEIGHT - BOTTOM) / 2.0;
        put(
            svg,
            format_args!(
                "<text x=\"{}\" y=\"{}\" text-anchor=\"middle\">seconds measured</text>\n\
             <text transform=\"translate(16 {middle}) rotate(-90)\" text-anchor=\"middle\">{}</text>\n",
                (LEFT + WIDTH - RIGHT) / 2.0,
                HEIGHT - 10.0,
                self.side
            ),
        );
    }
}

impl Line {
    /// One polyline for each run of points without a gap; a point alone is a dot.
    fn draw(
        &self,
        svg: &mut String,
        colour: &str,
        dashes: &str,
        x: &dyn Fn(f64) -> f64,
        y: &dyn Fn(f64) -> f64,
    ) {
        for run in self.points.split(|point| point.1.is_none()) {
            let run: Vec<(f64, f64)> =
                run.iter().filter_map(|(at, value)| Some((x(*at), y((*value)?)))).collect();
            if let [(at, value)] = run[..] {
                put(
                    svg,
                    format_args!(
                        "<circle cx=\"{at:.1}\" cy=\"{value:.1}\" r=\"3\" fill=\"{colour}\"/>\n"
                    ),
                );
            } else if !run.is_empty() {
                let points: Vec<String> =
                    run.iter().map(|(at, value)| format!("{at:.1},{value:.1}")).collect();
                put(
                    svg,
                    format_args!(
                        "<polyline points=\"{}\" fill=\"none\" stroke=\"{colour}\" stroke-width=\"2\" \
                     stroke-dasharray=\"{dashes}\" stroke-linejoin=\"round\"/>\n",
                        points.join(" ")
                    ),
                );
            }
        }
    }
}

fn put(svg: &mut String, what: std::fmt::Arguments) {
    let _ = svg.write_fmt(what); // a String takes everything
}

#[cfg(test)]
mod tests {
    use super::super::samples;
    use super::*;

    #[test]
    fn three_files_are_drawn() {
        let directory = std::env::temp_dir().join(format!("ringfence-svg-{}", std::process::id()));
        samples::outcome().write_svgs(&directory).expect("a folder to write to");
        for (name, lines, words) in [
            ("latency.svg", 2, ["p50 (last 100 µs)", "p99 (last 900 µs)"]),
            ("loss.svg", 1, ["Loss: 25 of 100,025 packets", "lost, % of packets"]),
            ("cpu.svg", 2, ["server (last 25 %)", "client (last 33 %)"]),
        ] {
            let text = fs::read_to_string(directory.join(name)).expect("written");
            assert_eq!(text.matches("<polyline").count(), lines, "{name}");
            for word in words.into_iter().chain(["seconds measured", "</svg>"]) {
                assert!(text.contains(word), "{name}: {word}");
            }
            assert!(!text.contains("NaN") && !text.contains("inf"), "{name}");
        }
        fs::remove_dir_all(&directory).expect("ours");
    }

    #[test]
    fn a_gap_stays_a_gap() {
        let points = vec![(1.0, Some(1.0)), (2.0, None), (3.0, Some(3.0)), (4.0, Some(4.0))];
        let mut svg = String::new();
        Line { name: "x", points }.draw(&mut svg, "red", "none", &|x| x, &|y| y);
        assert_eq!(svg.matches("<circle").count(), 1);
        assert!(svg.contains("points=\"3.0,3.0 4.0,4.0\""), "{svg}");
        let empty = cpu(&Outcome::default()).draw();
        assert!(empty.contains("server (last not told)") && !empty.contains("NaN"));
    }

    #[test]
    fn steps_are_round() {
        for (most, expected) in
            [(100.0, 20.0), (0.1, 0.02), (937.0, 200.0), (6.0, 2.0), (30.0, 10.0)]
        {
            assert!((step(most) - expected).abs() < 1e-9, "{most}: {}", step(most));
        }
    }
}
