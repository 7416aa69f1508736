//! Which known word somebody may have meant.

/// The known word that is closest to the given one, if it is close enough to be a slip.
pub(super) fn suggest<'k>(word: &str, known: impl IntoIterator<Item = &'k str>) -> Option<&'k str> {
    if word.len() > 40 {
        return None;
    }
    let folded = word.to_lowercase().replace([' ', '_'], "-");
    let allowed = 1 + folded.chars().count() / 4;
    let distances = known.into_iter().map(|one| (distance(&folded, &one.replace('_', "-")), one));
    distances.filter(|(distance, _)| *distance <= allowed).min_by_key(|(distance, _)| *distance).map(|(_, one)| one)
}

/// How many letters must be added, dropped, changed or swapped with their neighbor.
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut before: Vec<usize> = Vec::new();
    let mut above: Vec<usize> = (0..=b.len()).collect();
    let mut previous = None;
    for (row, x) in a.chars().enumerate() {
        let mut current = vec![row + 1];
        for (column, y) in b.iter().enumerate() {
            let at = |line: &[usize], index: usize| line.get(index).copied().unwrap_or(usize::MAX / 2);
            let changed = at(&above, column) + usize::from(x != *y);
            let mut best = changed.min(at(&above, column + 1) + 1).min(at(&current, column) + 1);
            let left = column.checked_sub(1).and_then(|left| b.get(left));
            if previous == Some(*y) && left == Some(&x) {
                best = best.min(at(&before, column - 1) + 1);
            }
            current.push(best);
        }
        previous = Some(x);
        before = std::mem::replace(&mut above, current);
    }
    above.last().copied().unwrap_or(usize::MAX)
}
