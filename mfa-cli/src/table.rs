//! The one table: columns that line up and never pass the edge. Large tables are printed as they come.

use crate::{Failure, Screen, WIDTH, printable};

/// Rows looked at before the widths are settled; what comes later must fit them.
const LOOKED_AT: usize = 200;
/// Between two columns.
const GAP: usize = 2;
/// No column is made narrower than this.
const NARROWEST: usize = 8;

/// A table being written. Cells are made printable here; the first column names the row and is never cut.
pub struct Table<'a> {
    screen: &'a Screen,
    titles: Vec<&'static str>,
    waiting: Vec<Vec<String>>,
    widths: Option<Vec<usize>>,
}

impl<'a> Table<'a> {
    /// A table with these columns.
    #[must_use]
    pub fn new(screen: &'a Screen, titles: &[&'static str]) -> Self {
        Self { screen, titles: titles.to_vec(), waiting: Vec::new(), widths: None }
    }

    /// Adds a row.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn row(&mut self, cells: &[&str]) -> Result<(), Failure> {
        let cells: Vec<String> = cells.iter().map(|cell| printable::line(cell)).collect();
        if let Some(widths) = &self.widths {
            return self.screen.write(&laid_out(&cells, widths));
        }
        self.waiting.push(cells);
        if self.waiting.len() >= LOOKED_AT { self.settle() } else { Ok(()) }
    }

    /// Writes what is still waiting.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn finish(mut self) -> Result<(), Failure> {
        if self.widths.is_none() { self.settle() } else { Ok(()) }
    }

    fn settle(&mut self) -> Result<(), Failure> {
        let widths = widths(&self.titles, &self.waiting);
        let titles: Vec<String> = self.titles.iter().map(|title| (*title).to_owned()).collect();
        self.screen.write(&self.screen.strong(&laid_out(&titles, &widths)))?;
        for cells in std::mem::take(&mut self.waiting) {
            self.screen.write(&laid_out(&cells, &widths))?;
        }
        self.widths = Some(widths);
        Ok(())
    }
}

/// As wide as the widest cell; while all together are too wide, the widest of them gives way.
fn widths(titles: &[&str], rows: &[Vec<String>]) -> Vec<usize> {
    let mut widths: Vec<usize> = titles.iter().map(|title| printable::width(title)).collect();
    for row in rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(printable::width(cell));
        }
    }
    let gaps = GAP * widths.len().saturating_sub(1);
    while widths.iter().sum::<usize>() + gaps > WIDTH {
        match widths.iter_mut().max_by_key(|width| **width) {
            Some(widest) if *widest > NARROWEST => *widest -= 1,
            _ => break,
        }
    }
    widths
}

fn laid_out(cells: &[String], widths: &[usize]) -> String {
    let mut line = String::new();
    for (at, (cell, width)) in cells.iter().zip(widths).enumerate() {
        let last = at + 1 == cells.len();
        if at == 0 && printable::width(cell) > *width {
            // A name is what the next command is given: it stands whole, on a line of its own.
            line.push_str(&printable::wrap(cell));
            line.push('\n');
            line.push_str(&" ".repeat(*width + GAP));
            continue;
        }
        let cell = printable::cut(cell, *width);
        line.push_str(&cell);
        if !last {
            line.push_str(&" ".repeat(width.saturating_sub(printable::width(&cell)) + GAP));
        }
    }
    line.truncate(line.trim_end().len());
    line.push('\n');
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(cells: &[&[&str]]) -> Vec<Vec<String>> {
        cells.iter().map(|row| row.iter().map(|cell| (*cell).to_owned()).collect()).collect()
    }

    #[test]
    fn columns_line_up_for_every_script() {
        let rows = rows(&[&["alice", "Alice Ng", "7"], &["yamada", "山田 太郎", "10"]]);
        let widths = widths(&["User", "Name", "Codes"], &rows);
        assert_eq!(laid_out(&rows[0], &widths), "alice   Alice Ng   7\n");
        assert_eq!(laid_out(&rows[1], &widths), "yamada  山田 太郎  10\n");
    }

    #[test]
    fn no_row_is_wider_than_the_page() {
        let long = "x".repeat(300);
        let rows = rows(&[&[&long, &long, &long, "1"], &["bob", "Bob", "phone", "2"]]);
        let widths = widths(&["User", "Name", "Factors", "Codes"], &rows);
        for row in &rows {
            let text = laid_out(row, &widths);
            assert!(text.lines().all(|line| printable::width(line) <= WIDTH), "{text}");
        }
    }

    #[test]
    fn a_name_too_long_for_its_column_is_still_whole() {
        let widths = [8, 4];
        let text = laid_out(&["a-very-long-login".into(), "1".into()], &widths);
        assert_eq!(text, "a-very-long-login\n          1\n");
    }
}
