//! The store's side: rows by key, as bytes, that follow the differences alone. The meeting of them is
//! the meeting.

use std::collections::BTreeMap;

use ringfence_signaling::rooms::{Meeting, Row, RowKey};

pub struct Kept(BTreeMap<RowKey, Vec<u8>>);

impl Kept {
    pub fn new(meeting: &Meeting) -> Kept {
        let mut kept = Kept(BTreeMap::new());
        kept.take(meeting.rows_since(None));
        kept
    }

    pub fn follow(&mut self, before: &Meeting, after: &Meeting) {
        self.take(after.rows_since(Some(before)));
    }

    fn take(&mut self, rows: Vec<(RowKey, Option<Row>)>) {
        for (key, row) in rows {
            match row {
                Some(row) => {
                    let bytes = rmp_serde::to_vec_named(&row).expect("written");
                    self.0.insert(key, bytes);
                }
                None => drop(self.0.remove(&key).unwrap_or_else(|| panic!("{key:?} is not kept"))),
            }
        }
    }

    pub fn agrees(&self, meeting: &Meeting) {
        let read = |bytes: &Vec<u8>| rmp_serde::from_slice(bytes).expect("read");
        let rows = self.0.iter().map(|(key, bytes)| (key.clone(), read(bytes)));
        assert_eq!(&Meeting::from_rows(rows).expect("whole"), meeting);
    }
}
