//! The planted faults (`*.patch` in `FOLDERS`) still fit the code: `tests/run faults`, which runs
//! them, takes long and so runs seldom.

use std::fs;
use std::path::Path;

/// Each with faults that other tests must find: `tests/run` says which.
const FOLDERS: [&str; 3] =
    ["signaling/tests/faults", "tests/faults/simulation", "tests/faults/units"];

/// What a patch finds: of each part of it, the file and the lines as they are before.
fn found(patch: &str) -> Vec<(String, String)> {
    let mut parts: Vec<(String, String)> = Vec::new();
    let mut file = String::new();
    for line in patch.lines() {
        if let Some(path) = line.strip_prefix("--- a/") {
            file = path.to_owned();
        } else if line.starts_with("@@") {
            parts.push((file.clone(), String::new()));
        } else if let (Some((_, lines)), false) = (parts.last_mut(), line.starts_with("+++"))
            && let Some(rest) = line.strip_prefix([' ', '-'])
        {
            lines.push_str(rest);
            lines.push('\n');
        }
    }
    parts
}

#[test]
fn every_fault_still_fits() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    for folder in FOLDERS {
        let mut count = 0;
        for entry in fs::read_dir(root.join(folder)).expect("faults") {
            let path = entry.expect("a file").path();
            let patch = fs::read_to_string(&path).expect("a patch");
            for (file, lines) in found(&patch) {
                let source = fs::read_to_string(root.join(&file)).expect("its file");
                assert_eq!(
                    source.matches(&lines).count(),
                    1,
                    "{}: {file}:\n{lines}",
                    path.display()
                );
            }
            count += 1;
        }
        assert!(count >= 8, "{folder}: {count} faults");
    }
}
