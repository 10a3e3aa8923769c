//! Eigenvalues of small symmetric matrices.

/// Sweeps at most; a matrix of some dozen rows needs fewer than ten.
const SWEEPS: usize = 64;

/// Of a symmetric matrix, the largest eigenvalue first.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Eigen {
    /// `[n]`
    pub(super) values: Vec<f64>,
    /// Orthonormal, one for each value, `[n][n]`.
    pub(super) vectors: Vec<Vec<f64>>,
}

/// The cyclic Jacobi method: rotations that make one pair of off-diagonal entries zero after the other
/// (Golub and Van Loan, Matrix Computations, section 8.5). `matrix` is symmetric, `[n][n]`, finite.
pub(super) fn symmetric(mut matrix: Vec<Vec<f64>>) -> Eigen {
    let n = matrix.len();
    let unit = |i: usize| (0..n).map(|j| f64::from(u8::from(i == j))).collect();
    let mut vectors: Vec<Vec<f64>> = (0..n).map(unit).collect();
    let size: f64 = matrix.iter().flatten().map(|x| x * x).sum();
    for _ in 0..SWEEPS {
        if off_diagonal(&matrix) <= size * 1e-28 {
            break;
        }
        for p in 0..n {
            for q in p + 1..n {
                rotate(&mut matrix, &mut vectors, p, q);
            }
        }
    }
    let mut pairs: Vec<(f64, Vec<f64>)> =
        vectors.into_iter().enumerate().map(|(i, vector)| (matrix[i][i], vector)).collect();
    pairs.sort_by(|a, b| b.0.total_cmp(&a.0));
    let (values, vectors) = pairs.into_iter().unzip();
    Eigen { values, vectors }
}

fn off_diagonal(matrix: &[Vec<f64>]) -> f64 {
    let upper = matrix.iter().enumerate().flat_map(|(i, row)| &row[i + 1..]);
    upper.map(|x| x * x).sum()
}

/// Makes the entry (p, q) zero. Rows of `vectors` are the eigenvectors so far.
fn rotate(matrix: &mut [Vec<f64>], vectors: &mut [Vec<f64>], p: usize, q: usize) {
    let entry = matrix[p][q];
    if entry == 0.0 {
        return;
    }
    let ratio = (matrix[q][q] - matrix[p][p]) / (2.0 * entry);
    let tangent = ratio.signum() / (ratio.abs() + ratio.hypot(1.0));
    let cosine = tangent.hypot(1.0).recip();
    let sine = tangent * cosine;
    for row in matrix.iter_mut() {
        (row[p], row[q]) = (cosine * row[p] - sine * row[q], sine * row[p] + cosine * row[q]);
    }
    turn_rows(matrix, p, q, cosine, sine);
    turn_rows(vectors, p, q, cosine, sine);
}

fn turn_rows(rows: &mut [Vec<f64>], p: usize, q: usize, cosine: f64, sine: f64) {
    for column in 0..rows[p].len() {
        let (x, y) = (rows[p][column], rows[q][column]);
        rows[p][column] = cosine * x - sine * y;
        rows[q][column] = sine * x + cosine * y;
    }
}
