//! A column of a list: its texts end to end, and where each of them is found.

use std::hash::{BuildHasher, RandomState};
use std::sync::OnceLock;

use hashbrown::HashTable;

/// The texts of a column, by row. A list of 100,000 rows is a few of these, and not as many texts as it has cells.
#[derive(Debug, Default)]
pub(crate) struct Texts {
    text: String,
    /// Where each row's text ends.
    ends: Vec<u32>,
    /// Made when a filter or a lookup first needs it.
    index: OnceLock<Box<Index>>,
}

/// The rows of each text, in order.
#[derive(Debug)]
struct Index {
    hasher: RandomState,
    /// Places among `groups`.
    table: HashTable<u32>,
    /// Where each text's rows end among `rows`; they begin where the last one's end.
    groups: Vec<u32>,
    rows: Vec<u32>,
}

impl Texts {
    /// Adds a row. Beyond 4 GiB, which no form's limits allow, it is blank.
    pub(crate) fn push(&mut self, text: &str) {
        if u32::try_from(self.text.len() + text.len()).is_ok() {
            self.text.push_str(text);
        }
        self.ends.push(self.text.len() as u32);
        self.index = OnceLock::new();
    }

    /// Adds blank rows until there are so many.
    pub(crate) fn fill_to(&mut self, rows: usize) {
        let end = self.text.len() as u32;
        self.ends.resize(self.ends.len().max(rows), end);
        self.index = OnceLock::new();
    }

    pub(crate) fn len(&self) -> usize {
        self.ends.len()
    }

    pub(crate) fn get(&self, row: u32) -> Option<&str> {
        let row = row as usize;
        let end = *self.ends.get(row)? as usize;
        let start = row.checked_sub(1).map_or(0, |before| self.ends[before] as usize);
        self.text.get(start..end)
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &str> {
        (0..self.ends.len() as u32).filter_map(|row| self.get(row))
    }

    pub(crate) fn is_blank(&self) -> bool {
        self.text.is_empty()
    }

    /// The rows that hold exactly this text, in order.
    pub(crate) fn rows_of(&self, text: &str) -> &[u32] {
        let index = self.index.get_or_init(|| Box::new(self.indexed()));
        let is_it = |group: &u32| self.get(index.first_row(*group)) == Some(text);
        match index.table.find(index.hasher.hash_one(text), is_it) {
            Some(group) => index.rows_in(*group),
            None => &[],
        }
    }

    fn indexed(&self) -> Index {
        let hasher = RandomState::new();
        let mut table: HashTable<u32> = HashTable::new();
        // By group: its first row, and how many it has.
        let mut groups: Vec<(u32, u32)> = Vec::new();
        let mut group_of = Vec::with_capacity(self.len());
        for (row, text) in self.iter().enumerate() {
            let of =
                |group: u32, groups: &[(u32, u32)]| self.get(groups[group as usize].0).unwrap_or_default();
            let is_it = |group: &u32| of(*group, &groups) == text;
            let hash = |group: &u32| hasher.hash_one(of(*group, &groups));
            let group =
                *table.entry(hasher.hash_one(text), is_it, hash).or_insert_with(|| groups.len() as u32).get();
            if group as usize == groups.len() {
                groups.push((row as u32, 0));
            }
            groups[group as usize].1 += 1;
            group_of.push(group);
        }
        let mut next: Vec<u32> = Vec::with_capacity(groups.len());
        let mut ends: Vec<u32> = Vec::with_capacity(groups.len());
        let mut end = 0;
        for (_, count) in &groups {
            next.push(end);
            end += count;
            ends.push(end);
        }
        let mut rows = vec![0; group_of.len()];
        for (row, group) in group_of.into_iter().enumerate() {
            let at = &mut next[group as usize];
            rows[*at as usize] = row as u32;
            *at += 1;
        }
        Index { hasher, table, groups: ends, rows }
    }
}

impl Index {
    fn rows_in(&self, group: u32) -> &[u32] {
        let group = group as usize;
        let start = group.checked_sub(1).map_or(0, |before| self.groups[before]);
        &self.rows[start as usize..self.groups[group] as usize]
    }

    fn first_row(&self, group: u32) -> u32 {
        self.rows_in(group)[0]
    }
}

impl Clone for Texts {
    /// The index is made anew.
    fn clone(&self) -> Self {
        Self { text: self.text.clone(), ends: self.ends.clone(), index: OnceLock::new() }
    }
}

impl<T: AsRef<str>> FromIterator<T> for Texts {
    fn from_iter<I: IntoIterator<Item = T>>(texts: I) -> Self {
        let mut column = Self::default();
        texts.into_iter().for_each(|text| column.push(text.as_ref()));
        column
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_found_in_the_rows_that_hold_it() {
        let mut column: Texts = ["b", "", "a", "b", "é", "", "ab"].into_iter().collect();
        assert_eq!(column.rows_of("b"), [0, 3]);
        assert_eq!(column.rows_of(""), [1, 5]);
        assert_eq!(column.rows_of("é"), [4]);
        assert_eq!(column.rows_of("a"), [2]);
        assert!(column.rows_of("c").is_empty());
        column.push("c");
        assert_eq!(column.rows_of("c"), [7]);
        column.fill_to(9);
        assert_eq!(column.rows_of(""), [1, 5, 8]);
        assert_eq!(column.iter().collect::<Vec<_>>(), ["b", "", "a", "b", "é", "", "ab", "c", ""]);
        assert_eq!((column.get(9), Texts::default().rows_of("").len()), (None, 0));
    }
}
