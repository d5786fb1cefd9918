//! The house rules that can be read off the text: floors, file length, `unsafe`, clocks, opening lines.
//! (Function length, indexing in `wire` and clock calls are lints besides: see `clippy.toml`.)
//!
//! Each rule is a function from a file to its faults, tried on broken samples before the real tree.

use std::fs;
use std::path::{Path, PathBuf};

/// Floors by folder, low to high (DESIGN.md §2). `transport` and `route` share one: neither sees the other.
const FLOORS: &[(&str, u8)] = &[
    ("wire", 0),
    ("crypto", 1),
    ("transport", 2),
    ("route", 2),
    ("shard", 3),
    ("io", 4),
    ("control", 5),
];

const LINES_MAX: usize = 500;
const COLUMNS_MAX: usize = 100;
const FUNCTION_LINES_MAX: usize = 70;

/// One source file: its path from the root, and its text.
struct File {
    path: String,
    text: String,
}

impl File {
    /// What counts as product: everything before the tests at the end of the file, and nothing of a
    /// file that is tests only (in a folder `tests`, or named `tests.rs`).
    fn product(&self) -> &str {
        if self.path.contains("/tests/") || self.path.ends_with("/tests.rs") {
            return "";
        }
        let tests = self.text.match_indices("\n#[cfg(test)]\n").find(|(at, mark)| {
            let after = self.text[at + mark.len()..].lines();
            let mut after = after.skip_while(|line| line.starts_with("#["));
            after.next().is_some_and(|line| line.starts_with("mod ") && !line.ends_with(';'))
        });
        tests.map_or(&self.text, |(at, _)| &self.text[..at])
    }

    /// The floor it is on, for files of the library.
    fn floor(&self) -> Option<(&'static str, u8)> {
        let rest = self.path.strip_prefix("src/")?;
        let folder = rest.split(['/', '.']).next()?;
        FLOORS.iter().find(|floor| floor.0 == folder).copied()
    }

    /// Its lines without comments, with their numbers.
    fn code(&self) -> impl Iterator<Item = (usize, &str)> {
        let lines = self.product().lines().enumerate();
        lines
            .map(|(at, line)| (at + 1, line.split("//").next().unwrap_or_default()))
            .filter(|(_, code)| !code.trim().is_empty())
    }
}

fn wrong_imports(file: &File) -> Vec<String> {
    let Some((own, floor)) = file.floor() else { return Vec::new() };
    let mut faults = Vec::new();
    for (line, code) in file.code() {
        for (name, other) in FLOORS {
            let seen = code.contains(&format!("crate::{name}::"))
                || code.contains(&format!("crate::{name};"))
                || code.contains(&format!("super::super::{name}"));
            if seen && *name != own && *other >= floor {
                faults.push(format!("{}:{line}: {own} must not know {name}", file.path));
            }
        }
    }
    faults
}

fn too_long(file: &File) -> Vec<String> {
    let lines = file.product().lines().count();
    let mut faults = Vec::new();
    if lines > LINES_MAX {
        faults.push(format!("{}: {lines} lines, {LINES_MAX} are allowed", file.path));
    }
    for (at, line) in file.text.lines().enumerate() {
        if line.chars().count() > COLUMNS_MAX && !line.contains("https://") {
            faults.push(format!("{}:{}: over {COLUMNS_MAX} columns", file.path, at + 1));
        }
    }
    faults
}

/// Lines of code between a function's first line and the brace that closes it, by indentation
/// (`cargo fmt` keeps it).
fn long_functions(file: &File) -> Vec<String> {
    let mut faults = Vec::new();
    let lines: Vec<(usize, &str)> = file.code().collect();
    for (at, (number, line)) in lines.iter().enumerate() {
        let is_fn = line.trim_start().starts_with("fn ") || line.contains(" fn ");
        if !is_fn || line.trim_end().ends_with(';') {
            continue;
        }
        let indent = line.len() - line.trim_start().len();
        let end = format!("{}}}", " ".repeat(indent));
        let body = lines.iter().skip(at).position(|(_, line)| line.trim_end() == end).unwrap_or(0);
        if body > FUNCTION_LINES_MAX {
            faults.push(format!("{}:{number}: a function of {body} lines", file.path));
        }
    }
    faults
}

fn unsafe_outside_io(file: &File) -> Vec<String> {
    if file.path.starts_with("src/io/") {
        return Vec::new();
    }
    let is_unsafe = |code: &str| {
        ["unsafe {", "unsafe fn", "unsafe impl", "unsafe extern"]
            .iter()
            .any(|form| code.contains(form))
    };
    let lines = file.code().filter(|(_, code)| is_unsafe(code));
    lines.map(|(line, _)| format!("{}:{line}: unsafe outside src/io/", file.path)).collect()
}

/// Below `io`: no clock, no randomness of one's own, no files, no sockets, no threads.
fn outside_world(file: &File) -> Vec<String> {
    if file.floor().is_none_or(|(_, floor)| floor >= 4) {
        return Vec::new();
    }
    let calls = [
        "Instant::now",
        "SystemTime",
        "std::fs",
        "UdpSocket",
        "std::thread",
        "SystemRandom",
        "println!",
    ];
    let mut faults = Vec::new();
    for (line, code) in file.code() {
        for call in calls.iter().filter(|call| code.contains(**call)) {
            faults.push(format!("{}:{line}: {call} below io", file.path));
        }
    }
    faults
}

fn silent_opening(file: &File) -> Vec<String> {
    if file.text.starts_with("//!") {
        return Vec::new();
    }
    vec![format!("{}: does not open with `//!`", file.path)]
}

/// Every public type of `wire` names where it is written: an RFC, a draft or another specification.
fn types_without_source(file: &File) -> Vec<String> {
    if file.floor().is_none_or(|(name, _)| name != "wire") {
        return Vec::new();
    }
    let mut faults = Vec::new();
    let mut doc = String::new();
    for line in file.product().lines() {
        let line = line.trim_start();
        if line.starts_with("///") {
            doc.push_str(line);
        } else if line.starts_with("pub struct ") || line.starts_with("pub enum ") {
            if !["RFC ", "draft-", "3GPP", "AV1 RTP", "WebRTC"]
                .iter()
                .any(|source| doc.contains(source))
            {
                faults.push(format!("{}: {line} names no RFC section", file.path));
            }
            doc.clear();
        } else if !line.starts_with("#[") {
            doc.clear();
        }
    }
    faults
}

const RULES: &[fn(&File) -> Vec<String>] = &[
    wrong_imports,
    too_long,
    long_functions,
    unsafe_outside_io,
    outside_world,
    silent_opening,
    types_without_source,
];

fn rust_files(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).expect("folder of the house") {
        let path = entry.expect("entry").path();
        if path.is_dir() {
            rust_files(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
}

#[test]
fn the_house_is_tidy() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut paths = Vec::new();
    for folder in ["src", "signaling/src"] {
        rust_files(&root.join(folder), &mut paths);
    }
    assert!(paths.len() > 30, "the tree was found");
    let mut faults = Vec::new();
    for path in paths {
        let text = fs::read_to_string(&path).expect("source is UTF-8");
        let path = path.strip_prefix(root).expect("under the root").display().to_string();
        let file = File { path, text };
        faults.extend(RULES.iter().flat_map(|rule| rule(&file)));
    }
    assert!(faults.is_empty(), "{} faults:\n{}", faults.len(), faults.join("\n"));
}

#[test]
fn every_rule_sees_its_fault() {
    let long = "    x();\n".repeat(LINES_MAX + 1);
    let function =
        format!("//! F.\nfn f() {{\n{}}}\n", "    x();\n".repeat(FUNCTION_LINES_MAX + 1));
    for (path, text, faults) in [
        ("src/wire/a.rs", "//! A.\nuse crate::crypto::X;\n", 1), // upwards
        ("src/route/a.rs", "//! A.\nuse crate::transport::X;\n", 1), // sideways
        ("src/transport/a.rs", "//! A.\nuse crate::route::X;\n", 1),
        ("src/shard/a.rs", "//! A.\nuse crate::io::X;\n", 1),
        ("src/shard/a.rs", "//! A.\nuse crate::wire::X; // not crate::io::\n", 0),
        ("src/io/a.rs", "//! A.\nfn f() { Instant::now(); unsafe { x() } }\n", 0),
        ("src/shard/a.rs", "//! A.\nfn f() { Instant::now(); }\n", 1),
        ("src/crypto/a.rs", "//! A.\nfn f() { unsafe { x() } }\n", 1),
        ("signaling/src/a.rs", "//! A.\nunsafe impl Send for X {}\n", 1),
        ("src/route/a.rs", "use std::fmt;\n", 1), // opens without a word
        ("src/route/a.rs", &format!("//! A.\n{long}"), 1),
        ("src/route/a.rs", &format!("//! A.\n\n#[cfg(test)]\nmod tests {{\n{long}}}\n"), 0),
        ("src/route/a.rs", &function, 1),
        ("src/route/a/tests/b.rs", &format!("//! A.\n{long}"), 0),
        ("src/route/a/tests.rs", "//! A.\nfn f() { Instant::now(); }\n", 0),
        ("src/wire/a.rs", "//! A.\n/// A thing.\npub struct A;\n", 1),
        (
            "src/wire/a.rs",
            "//! A.\n/// A thing, RFC 3550 §5.1.\n#[derive(Debug)]\npub struct A;\n",
            0,
        ),
    ] {
        let file = File { path: path.into(), text: text.into() };
        let found: Vec<String> = RULES.iter().flat_map(|rule| rule(&file)).collect();
        assert_eq!(found.len(), faults, "{path}: {text:.60} → {found:?}");
    }
}
