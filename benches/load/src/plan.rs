//! Who is where and does what: decided before anybody joins, from options and seed alone.

use crate::options::Options;

/// One participant of the plan.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Person {
    /// Number over all meetings; names its address and stamps its packets.
    pub index: u32,
    /// Which meeting.
    pub meeting: u32,
    /// Id within the meeting.
    pub id: String,
    /// Which of the meeting's rooms, from 0.
    pub place: u32,
    /// Sends.
    pub publishes: bool,
    /// Is one of its room's loudest.
    pub loud: bool,
    /// Decrypts and compares what it gets.
    pub checked: bool,
}

/// Everybody who is there from the beginning.
pub fn people(options: &Options) -> Vec<Person> {
    let places = options.places();
    let mut people = Vec::new();
    for meeting in 0..options.meetings {
        for number in 0..options.participants {
            let (place, rank) = (number % places, number / places);
            people.push(Person {
                index: people.len() as u32,
                meeting,
                id: format!("p{number}"),
                place,
                publishes: options.publishers.is_none_or(|publishers| rank < publishers),
                loud: options.speakers.is_none_or(|speakers| rank < speakers),
                checked: false,
            });
        }
    }
    // From the back: there are the ones who only listen. With --whip only the first one sends.
    for (at, person) in people.iter_mut().rev().enumerate() {
        person.checked = at as u32 % options.check == 0;
    }
    people
}

/// One who joins while it is measured: receives only, in the main room.
pub fn late(options: &Options, number: u32) -> Person {
    Person {
        index: options.meetings * options.participants + number,
        meeting: number % options.meetings,
        id: format!("late{number}"),
        place: 0,
        publishes: false,
        loud: false,
        checked: false,
    }
}

/// Name of a meeting.
pub fn meeting(number: u32) -> String {
    format!("load-{number}")
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    fn plan(arguments: &str) -> Vec<Person> {
        let all = std::iter::once("ringfence-load").chain(arguments.split_whitespace());
        people(&Options::try_parse_from(all).unwrap())
    }

    #[test]
    fn rooms_are_filled_evenly() {
        let people = plan("--meetings 2 --rooms 3 --participants 9 --publishers 2 --speakers 1");
        assert_eq!(people.len(), 18);
        for meeting in 0..2 {
            for place in 0..3 {
                let here = people.iter().filter(|p| p.meeting == meeting && p.place == place);
                let counts = here.fold((0, 0, 0), |(all, publish, loud), person| {
                    let (publishes, is_loud) = (person.publishes as u32, person.loud as u32);
                    (all + 1, publish + publishes, loud + is_loud)
                });
                assert_eq!(counts, (3, 2, 1), "{meeting} {place}");
            }
        }
    }

    #[test]
    fn somebody_is_always_checked() {
        for (arguments, expected) in [
            ("--participants 2 --publishers 1", 1),
            ("--participants 100", 2),
            ("--participants 10 --check 1", 10),
        ] {
            let people = plan(arguments);
            assert_eq!(people.iter().filter(|p| p.checked).count(), expected, "{arguments}");
            assert!(people.last().is_some_and(|last| last.checked), "{arguments}");
        }
    }
}
