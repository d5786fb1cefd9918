//! The README's console examples, run as they stand: each `$` line by a shell, what follows it compared
//! with what was printed. `…` at the end of an expected line stands for anything.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

/// Where the examples think the server is.
const PRINTED: &str = "http://127.0.0.1:8080";

struct Server {
    process: Child,
    address: String,
}

impl Server {
    fn start() -> Server {
        let mut command = Command::new(env!("CARGO_BIN_EXE_ringfence"));
        command.args(["serve", "--dev", "--http", "127.0.0.1:0", "--media-port", "0"]);
        command.args(["--shards", "1"]).stdout(Stdio::piped());
        let mut process = command.spawn().expect("the binary starts");
        let mut line = String::new();
        let out = process.stdout.take().expect("piped");
        BufReader::new(out).read_line(&mut line).expect("its first line");
        let address = line.trim().trim_start_matches("Ringfence: ").trim_end_matches('/');
        Server { process, address: address.to_owned() }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// A command and what it must print.
struct Example {
    command: String,
    expected: Vec<String>,
}

fn examples(readme: &str) -> Vec<Example> {
    let mut examples: Vec<Example> = Vec::new();
    for block in readme.split("```console\n").skip(1) {
        for line in block.split("```").next().unwrap_or_default().lines() {
            if let Some(command) = line.strip_prefix("$ ") {
                examples.push(Example { command: command.to_owned(), expected: Vec::new() });
            } else {
                let example = examples.last_mut().expect("a command before its output");
                example.expected.push(line.to_owned());
            }
        }
    }
    examples
}

fn is_as_printed(expected: &str, printed: &str) -> bool {
    match expected.strip_suffix('…') {
        Some(beginning) => printed.starts_with(beginning.trim_end()),
        None => expected == printed,
    }
}

/// The script is shown as it is run (`tests/interop/test_session.py`).
#[test]
fn the_session_is_shown_as_it_is() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let readme = std::fs::read_to_string(root.join("../README.md")).expect("README.md");
    let script = std::fs::read_to_string(root.join("examples/session.py")).expect("the script");
    assert!(readme.contains(&format!("```python\n{script}```")), "copy the script into README.md");
    assert!(script.lines().count() <= 60, "a script that one reads at a glance");
}

#[test]
fn the_readme_tells_the_truth() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let readme = std::fs::read_to_string(root.join("README.md")).expect("README.md");
    let server = Server::start();
    let scratch = PathBuf::from(env!("CARGO_TARGET_TMPDIR"));
    let binaries = Path::new(env!("CARGO_BIN_EXE_ringfence")).parent().expect("a folder");
    let path = format!("{}:{}", binaries.display(), std::env::var("PATH").unwrap_or_default());
    let mut folder = root.clone();
    let mut tried = 0;
    for example in examples(&readme) {
        if let Some(into) = example.command.strip_prefix("cd ") {
            folder = root.join(into);
            continue;
        }
        let answer = scratch.join("answer.sdp").display().to_string();
        let command = example.command.replace(PRINTED, &server.address);
        let command = command.replace("answer.sdp", &answer);
        let mut shell = Command::new("bash");
        let shell = shell.args(["-c", &command]).current_dir(&folder).env("PATH", &path);
        let out = shell.env("no_proxy", "127.0.0.1").output().expect("a shell");
        let printed = String::from_utf8_lossy(&out.stdout).into_owned();
        let printed: Vec<&str> = printed.lines().collect();
        let fits = printed.len() == example.expected.len()
            && example.expected.iter().zip(&printed).all(|(e, p)| is_as_printed(e, p));
        assert!(fits, "{command}\nprinted {printed:#?}\nexpected {:#?}", example.expected);
        tried += 1;
    }
    assert!(tried >= 8, "{tried} examples");
}
