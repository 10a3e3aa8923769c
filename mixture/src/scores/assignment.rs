//! The assignment problem.

/// The largest sum of entries of `counts`, `[rows][columns]`, with at most one in each row and column.
///
/// Hungarian method with potentials: rows are placed one after the other, each by the cheapest chain of
/// moves of those placed before. O(rows² · columns) for rows ≤ columns.
pub(super) fn best_assignment(counts: &[Vec<usize>]) -> usize {
    let columns = counts.first().map_or(0, Vec::len);
    if counts.len() > columns {
        let transposed: Vec<Vec<usize>> =
            (0..columns).map(|c| counts.iter().map(|row| row[c]).collect()).collect();
        return best_assignment(&transposed);
    }
    let mut placement = Placement::new(counts, columns);
    for row in 0..counts.len() {
        placement.place(row);
    }
    let placed = placement.row_of.iter().enumerate();
    placed.filter_map(|(column, row)| row.map(|row| counts[row][column])).sum()
}

/// Rows that have a column so far. The reduced cost of an entry, −count − potentials of its row and
/// column, is never negative, and is zero where a row is placed.
struct Placement<'a> {
    counts: &'a [Vec<usize>],
    row_of: Vec<Option<usize>>,
    row_potential: Vec<f64>,
    column_potential: Vec<f64>,
}

impl<'a> Placement<'a> {
    fn new(counts: &'a [Vec<usize>], columns: usize) -> Self {
        // The least potentials that make no reduced cost negative.
        let most = |row: &Vec<usize>| row.iter().max().map_or(0.0, |&most| -(most as f64));
        Self {
            counts,
            row_of: vec![None; columns],
            row_potential: counts.iter().map(most).collect(),
            column_potential: vec![0.0; columns],
        }
    }

    /// Dijkstra over columns from `row` to the nearest free one, then moves along the way.
    fn place(&mut self, row: usize) {
        let columns = self.row_of.len();
        let mut distance = vec![f64::INFINITY; columns];
        let mut before: Vec<Option<usize>> = vec![None; columns];
        let mut done = vec![false; columns];
        let (mut from, mut reached, mut so_far) = (row, None, 0.0);
        let end = loop {
            for column in (0..columns).filter(|&column| !done[column]) {
                let through = so_far + self.reduced_cost(from, column);
                if through < distance[column] {
                    (distance[column], before[column]) = (through, reached);
                }
            }
            let open = (0..columns).filter(|&column| !done[column]);
            let Some(nearest) = open.min_by(|&a, &b| distance[a].total_cmp(&distance[b])) else {
                return;
            };
            done[nearest] = true;
            so_far = distance[nearest];
            reached = Some(nearest);
            match self.row_of[nearest] {
                Some(next) => from = next,
                None => break nearest,
            }
        };
        self.shift_potentials(row, so_far, &distance, &done);
        self.move_along(row, end, &before);
    }

    fn reduced_cost(&self, row: usize, column: usize) -> f64 {
        -(self.counts[row][column] as f64) - self.row_potential[row] - self.column_potential[column]
    }

    fn shift_potentials(&mut self, row: usize, end: f64, distance: &[f64], done: &[bool]) {
        self.row_potential[row] += end;
        for column in (0..distance.len()).filter(|&column| done[column]) {
            let slack = end - distance[column];
            self.column_potential[column] -= slack;
            if let Some(row) = self.row_of[column] {
                self.row_potential[row] += slack;
            }
        }
    }

    fn move_along(&mut self, row: usize, end: usize, before: &[Option<usize>]) {
        let mut column = end;
        while let Some(previous) = before[column] {
            self.row_of[column] = self.row_of[previous];
            column = previous;
        }
        self.row_of[column] = Some(row);
    }
}
