//! Tables for people: columns as wide as they need be, two spaces between.

/// One line a row, under `head`.
pub fn table<const N: usize>(
    head: [&str; N],
    rows: impl IntoIterator<Item = [String; N]>,
) -> String {
    let rows: Vec<[String; N]> = std::iter::once(head.map(String::from)).chain(rows).collect();
    let width = |column: usize| {
        let cells = rows.iter().filter_map(|row| row.get(column));
        cells.map(|cell| cell.chars().count()).max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..N).map(width).collect();
    let line = |row: &[String; N]| {
        let cells = row.iter().zip(&widths).map(|(cell, width)| format!("{cell:<width$}"));
        cells.collect::<Vec<_>>().join("  ").trim_end().to_owned() + "\n"
    };
    rows.iter().map(line).collect()
}

/// One line a thing: its name, then what it is.
pub fn facts(rows: &[(&str, String)]) -> String {
    let width = rows.iter().map(|(name, _)| name.chars().count()).max().unwrap_or(0);
    rows.iter().map(|(name, fact)| format!("{name:<width$}  {fact}\n")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_as_wide_as_their_widest_cell() {
        let rows = [["b1".to_owned(), "Blau".to_owned()], ["b10".to_owned(), "Größe".to_owned()]];
        assert_eq!(table(["ID", "NAME"], rows), "ID   NAME\nb1   Blau\nb10  Größe\n");
        assert_eq!(table(["ID"], []), "ID\n");
        let all = facts(&[("state", "draft".into()), ("people", "3".into())]);
        assert_eq!(all, "state   draft\npeople  3\n");
    }
}
