//! The file: made, opened, checked, committed to.
//!
//! Every commit is on the disk when it returns (`fsync`): what was acknowledged is there after
//! `kill -9` and after a loss of power. A new file is made beside and linked to its name when it is
//! whole, so that no half one is ever found.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, OpenOptions};
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::time::Instant;

use redb::{
    Builder, Database, DatabaseError, ReadableDatabase, ReadableTable, StorageError,
    TableDefinition, TableError,
};

use super::key::range;
use crate::rooms::Name;

/// Its name in the directory.
pub const FILE: &str = "ringfence.redb";
/// What this version writes and reads.
const FORMAT: u32 = 1;
/// A smaller file is not worth the look.
const SHRINK_FROM: u64 = 16 * 1024 * 1024;
/// It is made smaller where its rows are less than one part in so many.
const MOSTLY_FREE: u64 = 4;
/// Pages in memory: the writer's own working set is small, and all is read once at the start.
const CACHE_BYTES: usize = 16 * 1024 * 1024;

const ROWS: TableDefinition<'_, &[u8], &[u8]> = TableDefinition::new("rows");
const ABOUT: TableDefinition<'_, &str, u32> = TableDefinition::new("about");

/// Why the store is not open. Names the file and the mend.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Another process has it.
    #[error("{0} is in use by another process: stop that one, or name another --data directory")]
    InUse(PathBuf),
    /// It is no store, or a broken one.
    #[error(
        "{file} is damaged ({what}): put a copy of it back, or move it away to start without \
         the meetings in it"
    )]
    Damaged {
        /// Which.
        file: PathBuf,
        /// What was found.
        what: String,
    },
    /// It is of another version.
    #[error(
        "{file} is of format {found}, and this version reads {FORMAT}: start the version that \
         wrote it, or move it away"
    )]
    Format {
        /// Which.
        file: PathBuf,
        /// The format found.
        found: u32,
    },
    /// The system refused.
    #[error("can not open {file}: {error}; --data must name a directory that may be written")]
    Refused {
        /// Which.
        file: PathBuf,
        /// Why.
        error: io::Error,
    },
    /// There is no thread for it.
    #[error("no thread for the store: {0}")]
    Thread(io::Error),
}

/// Rows to be written in one commit.
#[derive(Clone, Debug, Default)]
pub struct Batch {
    /// Meetings of which every row goes, before anything is put.
    pub forget: BTreeSet<Name>,
    /// By key; `None`: the row goes.
    pub rows: BTreeMap<Vec<u8>, Option<Vec<u8>>>,
}

impl Batch {
    /// Whether there is nothing to write.
    pub fn is_empty(&self) -> bool {
        self.forget.is_empty() && self.rows.is_empty()
    }
}

/// Where batches go: the file, and in tests one that fails.
pub trait Disk: Send {
    /// Writes all of it or nothing. After an error the next call begins anew.
    ///
    /// # Errors
    /// In words.
    fn commit(&mut self, batch: &Batch) -> Result<(), String>;
}

/// The open file.
pub(super) struct File {
    path: PathBuf,
    /// `None` after an error: redb wants to be opened anew.
    database: Option<Database>,
}

/// A key and what stands there, as bytes.
pub type Row = (Vec<u8>, Vec<u8>);

impl File {
    pub fn open(directory: &Path) -> Result<File, OpenError> {
        let path = directory.join(FILE);
        let refused = |error| OpenError::Refused { file: path.clone(), error };
        fs::create_dir_all(directory).map_err(refused)?;
        if !path.try_exists().map_err(refused)? {
            make(directory, &path)?;
        }
        let mut database = database(&path)?;
        check_format(&database, &path)?;
        // Nobody waits yet, and one who reads it all anyway.
        shrink(&mut database, &path);
        Ok(File { path, database: Some(database) })
    }

    pub fn damaged(&self, what: impl ToString) -> OpenError {
        OpenError::Damaged { file: self.path.clone(), what: what.to_string() }
    }

    /// Every row.
    pub fn rows(&self) -> Result<Vec<Row>, OpenError> {
        let Some(database) = &self.database else { return Ok(Vec::new()) };
        let read = || -> Result<_, redb::Error> {
            let transaction = database.begin_read()?;
            let table = transaction.open_table(ROWS)?;
            let rows = table
                .iter()?
                .map(|row| row.map(|(key, value)| (key.value().to_vec(), value.value().to_vec())));
            Ok(rows.collect::<Result<Vec<_>, StorageError>>()?)
        };
        read().map_err(|error| self.damaged(error))
    }

    fn write(&mut self, batch: &Batch) -> Result<(), redb::Error> {
        let database = match self.database.take() {
            Some(database) => database,
            None => builder().open(&self.path)?,
        };
        write(&database, batch)?;
        self.database = Some(database);
        Ok(())
    }
}

impl Disk for File {
    fn commit(&mut self, batch: &Batch) -> Result<(), String> {
        self.write(batch).map_err(|error| format!("{}: {error}", self.path.display()))
    }
}

fn write(database: &Database, batch: &Batch) -> Result<(), redb::Error> {
    let transaction = database.begin_write()?;
    {
        let mut table = transaction.open_table(ROWS)?;
        for name in &batch.forget {
            let (from, to) = range(name);
            table.retain_in(from.as_slice()..to.as_slice(), |_, _| false)?;
        }
        for (key, value) in &batch.rows {
            match value {
                Some(value) => table.insert(key.as_slice(), value.as_slice())?,
                None => table.remove(key.as_slice())?,
            };
        }
    }
    transaction.commit()?;
    Ok(())
}

fn builder() -> Builder {
    let mut builder = Database::builder();
    // A file that something else has altered is refused, not trusted.
    builder.set_cache_size(CACHE_BYTES).set_check_integrity_on_open(true);
    builder
}

fn database(path: &Path) -> Result<Database, OpenError> {
    let file = path.to_owned();
    builder().open(path).map_err(|error| match error {
        DatabaseError::DatabaseAlreadyOpen => OpenError::InUse(file),
        DatabaseError::Storage(StorageError::Io(error))
            if error.kind() != io::ErrorKind::InvalidData =>
        {
            OpenError::Refused { file, error }
        }
        other => OpenError::Damaged { file, what: other.to_string() },
    })
}

/// Makes an empty store: whole, or not there.
fn make(directory: &Path, path: &Path) -> Result<(), OpenError> {
    let beside = directory.join(format!("{FILE}.{}.new", std::process::id()));
    let refused = |error| OpenError::Refused { file: beside.clone(), error };
    // Names and addresses of people are in it.
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(true).mode(0o600);
    let empty = options.open(&beside).map_err(refused)?;
    let fill = || -> Result<(), redb::Error> {
        let database = builder().create(&beside)?;
        let transaction = database.begin_write()?;
        transaction.open_table(ABOUT)?.insert("format", FORMAT)?;
        transaction.open_table(ROWS)?;
        transaction.commit()?;
        Ok(())
    };
    drop(empty);
    let made = fill().map_err(|error| refused(io::Error::other(error)));
    let linked = made.and_then(|()| match fs::hard_link(&beside, path) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(refused(error)),
        _ => Ok(()), // another process was faster: it is found in use
    });
    let _ = fs::remove_file(&beside); // only a name too many
    if let Ok(directory) = fs::File::open(directory) {
        let _ = directory.sync_all(); // not every file system can
    }
    linked
}

/// Gives back what is mostly free space: redb reuses the pages of rows that are gone, and keeps the
/// file as long as it ever was. A file that can not be made smaller is as good as it was.
fn shrink(database: &mut Database, path: &Path) {
    let bytes = || fs::metadata(path).map_or(0, |file| file.len());
    let before = bytes();
    if before < SHRINK_FROM {
        return;
    }
    let used = |database: &Database| -> Result<u64, redb::Error> {
        let transaction = database.begin_write()?;
        let used = transaction.stats()?.stored_bytes();
        transaction.abort()?;
        Ok(used)
    };
    let began = Instant::now();
    let shrunk = match used(database) {
        Ok(used) if used.saturating_mul(MOSTLY_FREE) > before => return,
        Ok(_) => database.compact().map(|_| ()).map_err(|error| error.to_string()),
        Err(error) => Err(error.to_string()),
    };
    let (file, took) = (path.display(), began.elapsed());
    match shrunk {
        Ok(()) => tracing::info!(%file, before, after = bytes(), ?took, "the store is smaller now"),
        Err(error) => tracing::warn!(%file, error, "the store could not be made smaller"),
    }
}

fn check_format(database: &Database, path: &Path) -> Result<(), OpenError> {
    let damaged = |what: String| OpenError::Damaged { file: path.to_owned(), what };
    let read = || -> Result<Option<u32>, redb::Error> {
        let transaction = database.begin_read()?;
        match transaction.open_table(ABOUT) {
            Ok(table) => Ok(table.get("format")?.map(|format| format.value())),
            Err(TableError::TableDoesNotExist(_)) => Ok(None),
            Err(error) => Err(error.into()),
        }
    };
    match read().map_err(|error| damaged(error.to_string()))? {
        Some(FORMAT) => Ok(()),
        Some(found) => Err(OpenError::Format { file: path.to_owned(), found }),
        None => Err(damaged("it says no format".to_owned())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scratch(name: &str) -> PathBuf {
        let directory =
            std::env::temp_dir().join(format!("ringfence-{name}-{}", std::process::id()));
        let _ = fs::remove_dir_all(&directory);
        directory
    }

    fn opened(directory: &Path) -> Result<Vec<Row>, OpenError> {
        File::open(directory)?.rows()
    }

    fn filled(directory: &Path) {
        let mut file = File::open(directory).expect("opened");
        let rows = (0..400u32).map(|n| {
            (
                super::super::key::range(&format!("m{}", n % 4))
                    .0
                    .into_iter()
                    .chain(n.to_be_bytes())
                    .collect(),
                Some(vec![7; 300]),
            )
        });
        file.commit(&Batch { rows: rows.collect(), ..Batch::default() }).expect("written");
    }

    #[test]
    fn what_is_committed_is_there_and_a_forgotten_meeting_is_not() {
        let directory = scratch("file");
        filled(&directory);
        assert_eq!(opened(&directory).expect("read").len(), 400);
        let mut file = File::open(&directory).expect("opened");
        let again: Vec<u8> = range("m1").0.into_iter().chain(*b"again").collect();
        let rows = [(again, Some(vec![1]))].into();
        file.commit(&Batch { forget: [Name::from("m1")].into(), rows }).expect("written");
        drop(file);
        assert_eq!(opened(&directory).expect("read").len(), 301);
        fs::remove_dir_all(&directory).expect("removed");
    }

    /// A server that ran for long and has few meetings left.
    #[test]
    fn a_file_that_is_mostly_free_is_made_smaller_at_the_start() {
        let directory = scratch("shrink");
        let path = directory.join(FILE);
        let length = || fs::metadata(&path).expect("there").len();
        let key = |n: u32| -> Vec<u8> { n.to_be_bytes().to_vec() };
        let (all, kept) = (60_000u32, 0..60_000u32);
        let mut file = File::open(&directory).expect("opened");
        for part in 0..6 {
            let rows = (part * all / 6..(part + 1) * all / 6).map(|n| (key(n), Some(vec![7; 400])));
            file.commit(&Batch { rows: rows.collect(), ..Batch::default() }).expect("written");
        }
        drop(file);
        let full = length();
        assert!(full > SHRINK_FROM, "{full} bytes are worth it");
        assert_eq!(opened(&directory).expect("read").len(), all as usize);
        assert_eq!(length(), full, "full: left as it is");

        let gone = kept.filter(|n| n % 100 != 0).map(|n| (key(n), None));
        let mut file = File::open(&directory).expect("opened");
        file.commit(&Batch { rows: gone.collect(), ..Batch::default() }).expect("written");
        drop(file);
        let free = length();
        let began = std::time::Instant::now();
        let rows = opened(&directory).expect("read");
        println!("{full} bytes full, {free} mostly free, {} after {:?}", length(), began.elapsed());
        assert_eq!(rows.len(), 600);
        assert!(rows.iter().all(|(_, value)| *value == [7; 400]), "nothing is lost");
        assert!(length() < free / 4, "{free} before, {} now", length());
        assert!(length() < SHRINK_FROM, "the next start has nothing to look at");
        assert_eq!(opened(&directory).expect("read").len(), 600);
        fs::remove_dir_all(&directory).expect("removed");
    }

    #[test]
    fn a_file_that_can_not_be_used_is_named_with_the_mend() {
        let directory = scratch("refused");
        filled(&directory);
        let path = directory.join(FILE);
        let held = File::open(&directory).expect("opened");
        let says = |expected: &str| {
            let error = opened(&directory).expect_err(expected).to_string();
            assert!(error.contains(expected) && error.contains(FILE), "{error}");
        };
        says("is in use by another process: stop that one");
        {
            let database = held.database.as_ref().expect("open");
            let transaction = database.begin_write().expect("begun");
            transaction.open_table(ABOUT).expect("there").insert("format", 7).expect("put");
            transaction.commit().expect("written");
        }
        drop(held);
        says("is of format 7, and this version reads 1: start the version that");
        fs::write(&path, b"something else altogether").expect("written");
        says("is damaged (");
        fs::remove_dir_all(&directory).expect("removed");
        fs::write(&directory, b"a file").expect("written");
        says("--data must name a directory");
        fs::remove_file(&directory).expect("removed");
    }

    /// Whichever byte is another: an error or the same rows, and no panic.
    #[test]
    fn no_flipped_byte_is_trusted() {
        let directory = scratch("flipped");
        filled(&directory);
        let rows = opened(&directory).expect("read");
        let path = directory.join(FILE);
        let whole = fs::read(&path).expect("read");
        let used = whole.len().min(400_000);
        let mut refused = 0;
        for at in (0..used).step_by(used / 150) {
            let mut bytes = whole.clone();
            bytes[at] ^= 0x40;
            fs::write(&path, &bytes).expect("written");
            match opened(&directory) {
                Ok(read) => assert_eq!(read, rows, "byte {at}"),
                Err(error) => {
                    assert!(error.to_string().contains("is damaged"), "byte {at}: {error}");
                    refused += 1;
                }
            }
        }
        assert!(refused > 10, "only {refused}");
        fs::remove_dir_all(&directory).expect("removed");
    }
}
