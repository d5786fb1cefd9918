//! `signaling/FEATURES.md`: id → test → passes, as every item was just run.

use std::fmt::Write as _;
use std::panic::AssertUnwindSafe;

use futures_util::FutureExt;
use futures_util::stream::{self, StreamExt};

use crate::items::{ITEMS, OPEN};

const PATH: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/FEATURES.md");

/// At so many items is worked at once: most wait for something most of the time.
const AT_ONCE: usize = 8;

#[tokio::test]
async fn the_table_says_what_the_tests_say() {
    let runs = stream::iter(ITEMS).map(|item| async move {
        (item, AssertUnwindSafe((item.run)()).catch_unwind().await.is_ok())
    });
    let results: Vec<_> = runs.buffered(AT_ONCE).collect().await;
    let mut text = String::from(
        "# Features and their tests\n\n\
         Ids are those of the project's list of features. Written by\n\
         `RINGFENCE_WRITE=1 cargo test -p ringfence-signaling --test features the_table`, which runs\n\
         every test; the same test fails when this file says something else than the run.\n\n\
         | id | test (`signaling/tests/features/`) | passes |\n| --- | --- | --- |\n",
    );
    for (item, passes) in &results {
        let passes = if *passes { "yes" } else { "no" };
        writeln!(text, "| {} | `{}` | {passes} |", item.id, item.test).expect("a String");
    }
    text.push_str("\nWithout a test so far:\n\n| id | waits for |\n| --- | --- |\n");
    for (id, what) in OPEN {
        writeln!(text, "| {id} | {what} |").expect("a String");
    }
    let failed: Vec<&str> =
        results.iter().filter(|(_, passes)| !passes).map(|(item, _)| item.test).collect();
    if std::env::var_os("RINGFENCE_WRITE").is_some() {
        std::fs::write(PATH, &text).expect("written");
    }
    assert!(failed.is_empty(), "{failed:?}");
    let written = std::fs::read_to_string(PATH).unwrap_or_default();
    assert_eq!(written, text, "write it anew");
}

#[test]
fn every_id_has_one_place() {
    let mut ids: Vec<&str> =
        ITEMS.iter().map(|item| item.id).chain(OPEN.iter().map(|o| o.0)).collect();
    let count = ids.len();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), count, "no id is there twice");
    for (letter, last) in [
        ('L', 9),
        ('E', 6),
        ('C', 9),
        ('A', 14),
        ('I', 5),
        ('J', 10),
        ('P', 4),
        ('M', 3),
        ('D', 5),
        ('R', 10),
        ('B', 3),
        ('X', 5),
        ('T', 4),
        ('K', 3),
        ('V', 7),
        ('Q', 21),
        ('N', 16),
    ] {
        for number in 1..=last {
            let id = format!("{letter}{number}");
            assert!(ids.contains(&id.as_str()), "{id} is missing");
        }
    }
    for item in ITEMS {
        let id = item.id.to_lowercase();
        let tagged = item.test.starts_with(&format!("{id}_")) || item.test.ends_with(&id);
        let by_section = item.id.contains(['.', ' ']);
        assert!(tagged || by_section, "{} does not bear its id {}", item.test, item.id);
    }
}
