//! Puts the files of `web/` that a browser asks for into a table of name, content type and bytes.

use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::{env, fs, io};

/// Content types by the end of a file's name; files of other kinds are not served.
const KINDS: [(&str, &str); 6] = [
    ("html", "text/html; charset=utf-8"),
    ("js", "text/javascript; charset=utf-8"),
    ("css", "text/css; charset=utf-8"),
    ("svg", "image/svg+xml"),
    ("png", "image/png"),
    ("webmanifest", "application/manifest+json"),
];

fn main() -> io::Result<()> {
    let web = Path::new(&env::var("CARGO_MANIFEST_DIR").map_err(io::Error::other)?).join("web");
    println!("cargo::rerun-if-changed={}", web.display());
    let mut files: Vec<PathBuf> =
        fs::read_dir(&web)?.map(|entry| entry.map(|e| e.path())).collect::<io::Result<_>>()?;
    files.sort();
    let mut table = String::from("static FILES: &[File] = &[\n");
    for file in files {
        let name = file.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let kind = KINDS.iter().find(|(end, _)| file.extension().is_some_and(|e| e == *end));
        if let Some((_, kind)) = kind {
            writeln!(table, "    ({name:?}, {kind:?}, include_bytes!({file:?})),")
                .map_err(io::Error::other)?;
        }
    }
    table.push_str("];\n");
    let out = env::var("OUT_DIR").map_err(io::Error::other)?;
    fs::write(Path::new(&out).join("page_files.rs"), table)
}
