//! Columns of text, without frames.

use super::clean;

/// The alignment of a column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// Text.
    Left,
    /// Numbers.
    Right,
}

/// Rows with padded cells. Gaps are wide before text columns, and narrow before number columns.
pub struct Table {
    sides: Vec<Side>,
    rows: Vec<Vec<String>>,
}

impl Table {
    /// A table whose columns are aligned so.
    pub fn new(sides: &[Side]) -> Self {
        Table {
            sides: sides.to_vec(),
            rows: Vec::new(),
        }
    }

    /// A row. Missing cells on the right are empty.
    pub fn row<T: Into<String>>(&mut self, cells: impl IntoIterator<Item = T>) {
        let cells = cells.into_iter().map(Into::into);
        let mut cells: Vec<String> = cells.map(|cell| clean(&cell).into_owned()).collect();
        cells.resize(self.sides.len(), String::new());
        self.rows.push(cells);
    }

    /// One line per row, without trailing spaces.
    pub fn lines(&self) -> Vec<String> {
        let width = |place: usize| self.rows.iter().map(|row| row[place].chars().count()).max();
        let widths: Vec<usize> = (0..self.sides.len())
            .map(|place| width(place).unwrap_or(0))
            .collect();
        self.rows.iter().map(|row| self.line(row, &widths)).collect()
    }

    fn line(&self, row: &[String], widths: &[usize]) -> String {
        let mut line = String::new();
        for (place, ((cell, side), width)) in row.iter().zip(&self.sides).zip(widths).enumerate() {
            if *width == 0 {
                continue;
            }
            let cell = match side {
                Side::Left => format!("{cell:<width$}"),
                Side::Right => format!("{cell:>width$}"),
            };
            line.push_str(match (place, side) {
                (0, _) => "",
                (_, Side::Left) => "   ",
                (_, Side::Right) => "  ",
            });
            line.push_str(&cell);
        }
        line.truncate(line.trim_end().len());
        line
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_as_wide_as_their_widest_cell() {
        let mut table = Table::new(&[Side::Left, Side::Right, Side::Left]);
        table.row(["name", "calls", ""]);
        table.row(["a", "12345678", "note"]);
        table.row(["bücher"]);
        assert_eq!(
            table.lines(),
            ["name       calls", "a       12345678   note", "bücher"]
        );
    }

    #[test]
    fn an_empty_column_takes_no_room() {
        let mut table = Table::new(&[Side::Left, Side::Left, Side::Left]);
        table.row(["a", "", "b"]);
        assert_eq!(table.lines(), ["a   b"]);
    }
}
