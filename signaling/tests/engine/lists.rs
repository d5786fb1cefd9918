//! Lists: imported whole or not at all, against a slow reading of what they say.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;
use ringfence_signaling::rooms::{By, Enter, Meeting, Millis, Name, Request, RoleName, Rules};

#[derive(Clone, Debug)]
struct Row {
    room: u8,
    person: u8,
    fault: u8,
}

fn rows() -> impl Strategy<Value = Vec<Row>> {
    // One row in ten has a fault of its own; names come twice now and then.
    let row = (0u8..4, 0u8..40, 0u8..60);
    prop::collection::vec(row.prop_map(|(room, person, fault)| Row { room, person, fault }), 0..12)
}

fn text(row: &Row) -> String {
    let Row { room, person, fault } = row;
    match fault {
        0 => format!(",First{person},Last,"),
        1 => format!("Room {room},First{person},Last"),
        2 => format!("Room {room},First{person},Last,nowhere"),
        _ => format!("Room {room},First{person},Last,"),
    }
}

fn is_good(rows: &[Row]) -> bool {
    let people: BTreeSet<u8> = rows.iter().map(|row| row.person).collect();
    let rooms: BTreeSet<u8> = rows.iter().map(|row| row.room).collect();
    people.len() == rows.len() && rooms.len() <= 3 && rows.iter().all(|row| row.fault > 2)
}

fn enter(meeting: Meeting, number: u8, role: &str) -> Meeting {
    let enter = Enter {
        id: format!("p{number}").as_str().into(),
        name: Some(format!("first{number} LAST").as_str().into()),
        email: None,
        attributes: Default::default(),
        role: RoleName::new(role),
        publishes: true,
        subscribes: true,
        issued: None,
        room: None,
    };
    meeting.handle(&By::Server, Request::Enter(enter), Millis(0), 0).expect("joined").0
}

proptest! {
    #[test]
    fn whole_or_not_at_all(rows in rows(), newline in 0usize..3) {
        let rules = Rules { breakout_rooms_max: 3, ..Rules::default() };
        let mut meeting = Meeting::new(rules);
        for number in 0..20 {
            meeting = enter(meeting, number, if number == 0 { "host" } else { "participant" });
        }
        let newline = ["\n", "\r\n", "\n\n"][newline];
        let mut list = format!("room_name,first_name,last_name,email{newline}");
        rows.iter().for_each(|row| list.push_str(&format!("{}{newline}", text(row))));

        let by = By::Person("p0".into());
        let request = Request::ImportCsv { text: list };
        let tried = meeting.handle(&by, request, Millis(0), 0);
        prop_assert_eq!(tried.is_ok(), is_good(&rows), "{:?}", tried.err());
        let Ok((after, _)) = tried else { return Ok(()) };
        let mut expected: BTreeMap<String, usize> = BTreeMap::new();
        for row in &rows {
            let room = after.breakouts().find(|room| *room.name == *format!("Room {}", row.room));
            let room: Name = room.expect("made").id.clone();
            let id = format!("p{}", row.person);
            if row.person < 20 {
                prop_assert_eq!(after.plan().assigned_to(&id), Some(&room));
            } else {
                *expected.entry(room.to_string()).or_default() += 1;
                let later = enter(after.clone(), row.person, "participant");
                prop_assert_eq!(later.plan().assigned_to(&id), Some(&room), "matched on joining");
            }
        }
        for room in after.breakouts() {
            let count = expected.get(&*room.id).copied().unwrap_or(0);
            prop_assert_eq!(after.plan().expected_in(&room.id), count);
        }
    }
}
