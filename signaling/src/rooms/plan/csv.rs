//! `breakout.import_csv`: rooms and who belongs there, from a list (A11).
//!
//! The whole list is read and checked before anything changes; every error names its line.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::json;

use super::Reserved;
use super::create::check_name;
use crate::rooms::error::{RoomError, code};
use crate::rooms::turn::Turn;
use crate::rooms::{Media, Name, Permission};

/// What is to be filled in.
pub const TEMPLATE: &str = "room_name,first_name,last_name,email\r\n";
const COLUMNS: [&str; 4] = ["room_name", "first_name", "last_name", "email"];
/// Longest list, in bytes.
const BYTES_MAX: usize = 2 * 1024 * 1024;
/// Most errors that are told at once.
const ERRORS_MAX: usize = 20;

/// One row that says something.
#[derive(Clone, PartialEq, Eq, Debug)]
struct Row {
    line: u64,
    room: String,
    first_name: String,
    last_name: String,
    email: String,
}

/// What is wrong, by line.
#[derive(Default)]
struct Faults(Vec<(u64, String)>);

impl Faults {
    fn add(&mut self, line: u64, message: impl Into<String>) {
        self.0.push((line, message.into()));
    }

    fn one(line: u64, message: &str) -> RoomError {
        let data = json!({"field": "text", "errors": [{"line": line, "message": message}]});
        let message = format!("line {line}: {message}");
        RoomError { code: code::INVALID_PARAMS, message, data: Some(data) }
    }

    fn check(mut self) -> Result<(), RoomError> {
        self.0.sort();
        let Some((line, first)) = self.0.first() else { return Ok(()) };
        let errors = self.0.iter().take(ERRORS_MAX);
        let errors: Vec<_> =
            errors.map(|(line, message)| json!({"line": line, "message": message})).collect();
        Err(RoomError {
            code: code::INVALID_PARAMS,
            message: format!("line {line}: {first}"),
            data: Some(json!({"field": "text", "errors": errors})),
        })
    }
}

fn read(text: &str) -> Result<Vec<Row>, RoomError> {
    if text.len() > BYTES_MAX {
        return Err(Faults::one(1, "the list is over 2 MiB"));
    }
    let text = text.strip_prefix('\u{feff}').unwrap_or(text); // what spreadsheets put first
    let mut reader = csv::ReaderBuilder::new();
    let reader = reader.has_headers(false).flexible(true).trim(csv::Trim::All);
    let mut records = reader.from_reader(text.as_bytes()).into_records();
    let header = match records.next() {
        Some(Ok(header)) => header,
        Some(Err(_)) | None => {
            let message = format!("the first line is not {}", COLUMNS.join(","));
            return Err(Faults::one(1, &message));
        }
    };
    let places = read_header(&header)?;
    let mut faults = Faults::default();
    let mut rows = Vec::new();
    let mut lines = Lines { text: text.as_bytes(), at: 0, breaks: 0 };
    for record in records {
        let record = match record {
            Ok(record) => record,
            Err(error) => {
                let line = lines.of(error.position());
                faults.add(line, format!("can not be read: {error}"));
                continue;
            }
        };
        let line = lines.of(record.position());
        if record.iter().all(str::is_empty) {
            continue;
        }
        if record.len() != header.len() {
            let (got, wanted) = (record.len(), header.len());
            faults.add(line, format!("{got} columns instead of {wanted}"));
            continue;
        }
        let cell = |column| {
            let cell = places.get(column).and_then(|at| record.get(*at));
            cell.unwrap_or_default().to_owned()
        };
        rows.push(Row {
            line,
            room: cell("room_name"),
            first_name: cell("first_name"),
            last_name: cell("last_name"),
            email: cell("email"),
        });
    }
    check_rows(&rows, &mut faults);
    faults.check().map(|()| rows)
}

/// Lines, counted along the text. The reader's own count is behind by one after CRLF and by each
/// empty line.
struct Lines<'a> {
    text: &'a [u8],
    at: usize,
    breaks: u64,
}

impl Lines<'_> {
    /// The line on which a record begins. Positions never go back.
    fn of(&mut self, position: Option<&csv::Position>) -> u64 {
        let start = position.map_or(0, |at| usize::try_from(at.byte()).unwrap_or(usize::MAX));
        while let Some(byte) = self.text.get(self.at) {
            if self.at >= start && !matches!(byte, b'\r' | b'\n') {
                break;
            }
            let pair = *byte == b'\r' && self.text.get(self.at + 1) == Some(&b'\n');
            self.breaks += u64::from(matches!(byte, b'\r' | b'\n') && !pair);
            self.at += 1;
        }
        self.breaks + 1
    }
}

/// Where each column is.
fn read_header(header: &csv::StringRecord) -> Result<BTreeMap<&'static str, usize>, RoomError> {
    let mut faults = Faults::default();
    let mut places = BTreeMap::new();
    for (at, column) in header.iter().enumerate() {
        match COLUMNS.iter().find(|known| column.eq_ignore_ascii_case(known)) {
            None => faults.add(1, format!("there is no column \"{column}\"")),
            Some(known) if places.insert(*known, at).is_some() => {
                faults.add(1, format!("column \"{column}\" is there twice"));
            }
            Some(_) => {}
        }
    }
    for column in COLUMNS.iter().filter(|column| !places.contains_key(*column)) {
        faults.add(1, format!("column \"{column}\" is missing"));
    }
    faults.check().map(|()| places)
}

fn check_rows(rows: &[Row], faults: &mut Faults) {
    let mut seen: BTreeMap<String, u64> = BTreeMap::new();
    for row in rows {
        if row.room.is_empty() {
            faults.add(row.line, "room_name is empty");
        } else if let Err(error) = check_name(&row.room, "text") {
            faults.add(row.line, error.message);
        }
        let name = format!("{} {}", row.first_name, row.last_name).trim().to_lowercase();
        let who = if row.email.is_empty() { name } else { row.email.to_lowercase() };
        if who.chars().any(char::is_control) || who.len() > 256 {
            faults.add(row.line, "a name is over 256 bytes or has control characters");
        }
        if !row.email.is_empty() && !row.email.contains('@') {
            faults.add(row.line, format!("\"{}\" is no e-mail address", row.email));
        }
        // A room alone is well: it is made, and nobody is expected in it.
        if who.is_empty() {
            continue;
        }
        if let Some(first) = seen.insert(who.clone(), row.line) {
            faults.add(row.line, format!("\"{who}\" is on line {first} already"));
            seen.insert(who, first);
        }
    }
}

impl Turn<'_> {
    /// Rooms that are not there yet are made; everybody on the list belongs to theirs from now on.
    ///
    /// # Errors
    /// `FORBIDDEN`, 1726, 5067, `INVALID_PARAMS` with `errors: [{line, message}]`.
    pub(in crate::rooms) fn import_csv(&mut self, text: &str) -> Result<(), RoomError> {
        self.require(Permission::Manage)?;
        self.check_breakouts_allowed()?;
        if self.next.plan.is_started() {
            return Err(RoomError::conflict("the breakouts are started; stop them first"));
        }
        let rows = read(text)?;
        let mut rooms: BTreeMap<String, Name> = BTreeMap::new();
        for room in self.next.breakouts() {
            rooms.entry(room.name.to_string()).or_insert_with(|| room.id.clone());
        }
        let mut fresh = BTreeSet::new();
        let fresh = rows
            .iter()
            .filter(|row| !rooms.contains_key(&row.room) && fresh.insert(row.room.clone()));
        let fresh: Vec<String> = fresh.map(|row| row.room.clone()).collect();
        self.check_count(fresh.len() as u64, "text")?;
        let video = self.next.rules.video_in_breakouts;
        let media = Media { video, canvas: false, ..Media::ALL };
        let mut made = Vec::new();
        for name in fresh {
            let room = self.new_room(Some(name.clone()), None, media, None);
            rooms.insert(name, room.id.clone());
            made.push(room);
        }
        let rows: Vec<Row> = rows
            .into_iter()
            .filter(|row| {
                !(row.first_name.is_empty() && row.last_name.is_empty() && row.email.is_empty())
            })
            .collect();
        self.reply.people = Some(rows.len());
        self.announce_rooms(made);
        self.expect(rows, &rooms)
    }

    /// Notes who is expected where; who is here already belongs there at once.
    fn expect(&mut self, rows: Vec<Row>, rooms: &BTreeMap<String, Name>) -> Result<(), RoomError> {
        self.next.plan.reserved.clear();
        self.next.plan.assigned.clear();
        for row in rows {
            let Some(room) = rooms.get(&row.room).cloned() else { continue };
            let Row { first_name, last_name, email, .. } = row;
            let reserved = Reserved { room, first_name, last_name, email, person: None };
            self.next.plan.reserved.push(reserved);
        }
        let people: Vec<Name> = self.next.people.keys().cloned().collect();
        for id in people {
            self.match_reserved(&id);
        }
        let sizes = self.next.plan.reserved.iter().fold(BTreeMap::new(), |mut sizes, one| {
            *sizes.entry(one.room.clone()).or_insert(0_u64) += 1;
            sizes
        });
        for (room, size) in sizes {
            let capacity = self.next.breakout(&room).and_then(|room| room.capacity);
            if let Some(capacity) = capacity.filter(|capacity| size > *capacity) {
                let message = format!("room \"{room}\" takes {capacity} people, not {size}");
                return Err(RoomError::field(code::ROOM_FULL, "text", message));
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(text: &str) -> Vec<(u64, String)> {
        let rows = read(text).expect("a good list");
        let line =
            |row: Row| format!("{}|{}|{}|{}", row.room, row.first_name, row.last_name, row.email);
        rows.into_iter().map(|row| (row.line, line(row))).collect()
    }

    #[test]
    fn lists_that_are_good() {
        let ada = || vec![(2, "Red|Ada|Lovelace|ada@x.org".to_owned())];
        for (why, text, expected) in [
            ("plain", "room_name,first_name,last_name,email\nRed,Ada,Lovelace,ada@x.org\n", ada()),
            ("CRLF", "room_name,first_name,last_name,email\r\nRed,Ada,Lovelace,ada@x.org", ada()),
            (
                "BOM",
                "\u{feff}room_name,first_name,last_name,email\nRed,Ada,Lovelace,ada@x.org",
                ada(),
            ),
            (
                "spaces",
                "room_name , first_name,last_name,email\n Red, Ada ,Lovelace,ada@x.org",
                ada(),
            ),
            ("order", "email,room_name,first_name,last_name\nada@x.org,Red,Ada,Lovelace", ada()),
            ("the template", TEMPLATE, vec![]),
            (
                "quotes and empty lines",
                "room_name,first_name,last_name,email\n\n\"Red, or \"\"rot\"\"\",Ada,,\n,,,\n",
                vec![(3, "Red, or \"rot\"|Ada||".to_owned())],
            ),
            (
                "a room alone",
                "room_name,first_name,last_name,email\nRed,,,",
                vec![(2, "Red|||".into())],
            ),
        ] {
            assert_eq!(rows(text), expected, "{why}");
        }
    }

    #[test]
    fn lists_that_are_not() {
        const HEAD: &str = "room_name,first_name,last_name,email\n";
        for (text, line, says) in [
            (String::new(), 1, "the first line is not"),
            ("room_name,first_name,last_name\n".to_owned(), 1, "\"email\" is missing"),
            ("room_name,first_name,last_name,email,age\n".to_owned(), 1, "no column \"age\""),
            ("room_name,email,last_name,first_name,email".to_owned(), 1, "is there twice"),
            (format!("{HEAD}Red,Ada,Lovelace"), 2, "3 columns instead of 4"),
            (format!("{HEAD}Red,a,b,c@d\n,Ada,Lovelace,x@y"), 3, "room_name is empty"),
            (format!("{HEAD}Red,a,b,c@d\nBlue,x,y,C@D"), 3, "\"c@d\" is on line 2 already"),
            (format!("{HEAD}Red,Ada,L,\nBlue,ada,l,"), 3, "\"ada l\" is on line 2 already"),
            (format!("{HEAD}Red,Ada,L,nobody"), 2, "is no e-mail address"),
            (format!("{HEAD}{},Ada,L,", "x".repeat(257)), 2, "over 256 bytes"),
        ] {
            let error = read(&text).expect_err(&text);
            let data = error.data.expect("lines");
            assert_eq!(data["errors"][0]["line"], json!(line), "{text}: {data}");
            assert!(error.message.contains(says), "{text}: {}", error.message);
        }
        let many: String = (0..50).map(|n| format!(",a{n},b,\n")).collect();
        let error = read(&format!("{HEAD}{many}")).expect_err("fifty faults");
        assert_eq!(error.data.unwrap()["errors"].as_array().unwrap().len(), ERRORS_MAX);
    }
}
