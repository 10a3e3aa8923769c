//! How a mass on one axis moves in a step: exactly, or by Euler's method.

/// Duration of a step, s.
const STEP_SECONDS: f64 = 0.1;

/// The law that a mass obeys between two steps, under a force that stays the same.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Law {
    /// x'' = u, by Euler's explicit method: the position moves with the velocity before the step.
    Acceleration,
    /// m x'' = u - d x' - k x, exactly.
    Spring {
        /// m, kg; above 0.
        mass: f64,
        /// k, N/m.
        stiffness: f64,
        /// d, N·s/m.
        damping: f64,
    },
}

/// A step as a linear map: (x, v) becomes A (x, v) + B u.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Motion {
    state: [[f64; 2]; 2],
    force: [f64; 2],
}

impl Motion {
    /// Works a law out for steps of 0.1 s.
    pub(crate) fn new(law: Law) -> Self {
        match law {
            Law::Acceleration => {
                Self { state: [[1.0, STEP_SECONDS], [0.0, 1.0]], force: [0.0, STEP_SECONDS] }
            }
            Law::Spring { mass, stiffness, damping } => {
                // (x, v, u)' is a matrix times (x, v, u), so the step is that matrix' exponential.
                // This holds for any k and d, where A⁻¹ (exp(A Δt) - 1) B asks for k ≠ 0.
                let spring = [-stiffness / mass, -damping / mass, 1.0 / mass];
                let rates = [[0.0, 1.0, 0.0], spring, [0.0; 3]];
                let [[a, b, c], [d, e, f], _] =
                    exponential(rates.map(|row| row.map(|rate| rate * STEP_SECONDS)));
                Self { state: [[a, b], [d, e]], force: [c, f] }
            }
        }
    }

    /// Position and velocity after a step under the force `u`.
    pub(crate) fn step(&self, [x, v]: [f64; 2], u: f64) -> [f64; 2] {
        let row = |axis: usize| {
            let [to_x, to_v] = self.state[axis];
            to_x * x + to_v * v + self.force[axis] * u
        };
        [row(0), row(1)]
    }
}

type Matrix = [[f64; 3]; 3];

/// exp(M) by scaling and squaring: the Taylor series of exp(M/2ˢ), which is exact to the last digits
/// for entries below 1/2, squared s times.
fn exponential(matrix: Matrix) -> Matrix {
    let norm = matrix.iter().map(|row| row.iter().map(|x| x.abs()).sum()).fold(0.0, f64::max);
    let mut halvings = 0;
    let mut scale = 1.0;
    while norm * scale > 0.5 && halvings < 1000 {
        halvings += 1;
        scale /= 2.0;
    }
    let small = matrix.map(|row| row.map(|x| x * scale));
    let mut term = IDENTITY;
    let mut sum = IDENTITY;
    for order in 1..=16_u32 {
        term = product(term, small).map(|row| row.map(|x| x / f64::from(order)));
        for (to, from) in sum.as_flattened_mut().iter_mut().zip(term.as_flattened()) {
            *to += from;
        }
    }
    for _ in 0..halvings {
        sum = product(sum, sum);
    }
    sum
}

const IDENTITY: Matrix = [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]];

fn product(a: Matrix, b: Matrix) -> Matrix {
    let entry = |i: usize, j: usize| (0..3).map(|k| a[i][k] * b[k][j]).sum();
    std::array::from_fn(|i| std::array::from_fn(|j| entry(i, j)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::RngExt as _;
    use types::{Role, stream};

    /// The same step by many small ones of Runge and Kutta's method.
    fn integrated([mut x, mut v]: [f64; 2], u: f64, [m, k, d]: [f64; 3]) -> [f64; 2] {
        let steps = 2000;
        let h = STEP_SECONDS / f64::from(steps);
        let pull = |x: f64, v: f64| (u - d * v - k * x) / m;
        for _ in 0..steps {
            let (x1, v1) = (v, pull(x, v));
            let (x2, v2) = (v + h / 2.0 * v1, pull(x + h / 2.0 * x1, v + h / 2.0 * v1));
            let (x3, v3) = (v + h / 2.0 * v2, pull(x + h / 2.0 * x2, v + h / 2.0 * v2));
            let (x4, v4) = (v + h * v3, pull(x + h * x3, v + h * v3));
            x += h / 6.0 * (x1 + 2.0 * x2 + 2.0 * x3 + x4);
            v += h / 6.0 * (v1 + 2.0 * v2 + 2.0 * v3 + v4);
        }
        [x, v]
    }

    #[test]
    fn a_step_of_a_spring_equals_many_small_steps() {
        let mut dice = stream(1, Role::Environment, 0, 0);
        for case in 0..200 {
            // Free, critically damped and swinging masses.
            let mass = dice.random_range(0.1..5.0);
            let stiffness = if case % 3 == 0 { 0.0 } else { dice.random_range(0.0..50.0) };
            let damping = if case % 4 == 0 { 0.0 } else { dice.random_range(0.0..20.0) };
            let state = [dice.random_range(-1.0..1.0), dice.random_range(-1.0..1.0)];
            let u = dice.random_range(-1.0..1.0);
            let step = Motion::new(Law::Spring { mass, stiffness, damping }).step(state, u);
            let expected = integrated(state, u, [mass, stiffness, damping]);
            let off = (step[0] - expected[0]).abs().max((step[1] - expected[1]).abs());
            assert!(off < 1e-10, "{step:?}, expected {expected:?}: {mass} {stiffness} {damping}");
        }
    }
}
