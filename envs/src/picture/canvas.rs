//! Turns shapes into pixels.
//!
//! Each form has a function that says how far a point is outside of it; a pixel is covered as much
//! as its centre lies inside, in pixels, which gives smooth edges.

use super::{Colour, Drawing, Form, Frame, View};

/// A picture of `drawing`, `width` by `height` pixels.
pub(super) fn draw(drawing: &Drawing, width: usize, height: usize) -> Frame {
    let mut frame = Frame::filled(width, height, Colour::PAPER);
    let lens = Lens::new(drawing.view, width, height);
    for shape in &drawing.shapes {
        lay(&mut frame, &lens.project(&shape.form), shape.colour);
    }
    frame
}

/// From the plane to pixels.
#[derive(Debug, Clone, Copy)]
struct Lens {
    /// Pixels per unit of length.
    scale: f64,
    /// What is seen in the middle of the picture.
    look_at: [f64; 2],
    /// The middle of the picture, in pixels.
    middle: [f64; 2],
}

impl Lens {
    fn new(view: View, width: usize, height: usize) -> Self {
        let View { x: [left, right], y: [low, high] } = view;
        let (columns, rows) = (pixels(width), pixels(height));
        Self {
            scale: (columns / (right - left)).min(rows / (high - low)),
            look_at: [f64::midpoint(left, right), f64::midpoint(low, high)],
            middle: [columns / 2.0, rows / 2.0],
        }
    }

    /// Rows count from the top, y from the bottom.
    fn point(&self, [x, y]: [f64; 2]) -> [f64; 2] {
        [
            self.middle[0] + (x - self.look_at[0]) * self.scale,
            self.middle[1] - (y - self.look_at[1]) * self.scale,
        ]
    }

    /// The form in pixels.
    fn project(&self, form: &Form) -> Form {
        match form {
            Form::Disc { centre, radius } => {
                Form::Disc { centre: self.point(*centre), radius: radius * self.scale }
            }
            Form::Line { from, to, width } => Form::Line {
                from: self.point(*from),
                to: self.point(*to),
                width: (width * self.scale).max(1.0),
            },
            Form::Polygon(corners) => {
                Form::Polygon(corners.iter().map(|corner| self.point(*corner)).collect())
            }
        }
    }
}

/// Colours the pixels that a form, given in pixels, covers.
fn lay(frame: &mut Frame, form: &Form, colour: Colour) {
    let [columns, rows] = extent(form);
    for y in inside(rows, frame.height) {
        for x in inside(columns, frame.width) {
            let cover = 0.5 - outside(form, [pixels(x) + 0.5, pixels(y) + 0.5]);
            if cover > 0.0 {
                frame.lay(x, y, colour, cover);
            }
        }
    }
}

/// From where to where a form reaches, along x and along y.
fn extent(form: &Form) -> [[f64; 2]; 2] {
    let (points, margin): (&[[f64; 2]], f64) = match form {
        Form::Disc { centre, radius } => (&[*centre], *radius),
        Form::Line { from, to, width } => (&[*from, *to], width / 2.0),
        Form::Polygon(corners) => (corners, 0.0),
    };
    [0, 1].map(|axis| {
        let along = points.iter().map(|point| point[axis]);
        let low = along.clone().fold(f64::INFINITY, f64::min);
        [low - margin, along.fold(f64::NEG_INFINITY, f64::max) + margin]
    })
}

/// The pixels of a row or a column of `count` that lie between two places or touch them.
#[allow(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "`as` saturates: what lies outside of the picture becomes its edge"
)]
fn inside([low, high]: [f64; 2], count: usize) -> std::ops::Range<usize> {
    let end = (high + 1.0).max(0.0).ceil() as usize;
    let start = (low - 1.0).max(0.0).floor() as usize;
    start.min(count)..end.min(count)
}

/// How far `point` lies outside of `form`; negative inside.
fn outside(form: &Form, point: [f64; 2]) -> f64 {
    match form {
        Form::Disc { centre, radius } => distance(*centre, point) - radius,
        Form::Line { from, to, width } => to_segment(*from, *to, point) - width / 2.0,
        Form::Polygon(corners) => to_polygon(corners, point),
    }
}

fn distance(a: [f64; 2], b: [f64; 2]) -> f64 {
    (a[0] - b[0]).hypot(a[1] - b[1])
}

fn to_segment(from: [f64; 2], to: [f64; 2], point: [f64; 2]) -> f64 {
    let along = [to[0] - from[0], to[1] - from[1]];
    let length_squared = along[0] * along[0] + along[1] * along[1];
    let dot = (point[0] - from[0]) * along[0] + (point[1] - from[1]) * along[1];
    // A segment without length is its end.
    let part = if length_squared > 0.0 { (dot / length_squared).clamp(0.0, 1.0) } else { 0.0 };
    distance([from[0] + part * along[0], from[1] + part * along[1]], point)
}

/// To the nearest edge; inside if a ray to the right crosses the edges an odd number of times.
fn to_polygon(corners: &[[f64; 2]], point: [f64; 2]) -> f64 {
    let mut nearest = f64::INFINITY;
    let mut is_inside = false;
    let mut from = corners.last().copied().unwrap_or_default();
    for &to in corners {
        nearest = nearest.min(to_segment(from, to, point));
        if (from[1] > point[1]) != (to[1] > point[1]) {
            let part = (point[1] - from[1]) / (to[1] - from[1]);
            is_inside ^= point[0] < from[0] + part * (to[0] - from[0]);
        }
        from = to;
    }
    if is_inside { -nearest } else { nearest }
}

#[allow(clippy::cast_precision_loss, reason = "pictures have less than 2^52 pixels")]
fn pixels(count: usize) -> f64 {
    count as f64
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::f64::consts::PI;

    const VIEW: View = View { x: [0.0, 20.0], y: [0.0, 10.0] };

    /// The pixels of a colour in a picture of 20 by 10 pixels, one for each unit.
    fn covered(drawing: &Drawing, colour: Colour) -> Vec<(usize, usize)> {
        let frame = draw(drawing, 20, 10);
        let has = |&(x, y): &(usize, usize)| {
            let start = 3 * (y * frame.width + x);
            frame.pixels[start..start + 3] == colour.0[..3]
        };
        (0..10).flat_map(|y| (0..20).map(move |x| (x, y))).filter(has).collect()
    }

    #[test]
    fn y_points_up_and_later_shapes_lie_on_top() {
        let low_left = [[0.0, 0.0], [4.0, 0.0], [4.0, 3.0], [0.0, 3.0]];
        let drawing = Drawing::new(VIEW)
            .polygon(&low_left, Colour::RED)
            .polygon(&[[2.0, 0.0], [4.0, 0.0], [4.0, 3.0], [2.0, 3.0]], Colour::BLUE);
        let expected = |columns: std::ops::Range<usize>| -> Vec<(usize, usize)> {
            (7..10).flat_map(|y| columns.clone().map(move |x| (x, y))).collect()
        };
        assert_eq!(covered(&drawing, Colour::RED), expected(0..2));
        assert_eq!(covered(&drawing, Colour::BLUE), expected(2..4));
    }

    #[test]
    fn forms_cover_their_area() {
        // How much of the paper's red is gone, in pixels that have none left of what it had.
        let area = |drawing: Drawing| -> f64 {
            let [paper, ink] = [Colour::PAPER, Colour::DARK].map(|colour| f64::from(colour.0[0]));
            let frame = draw(&drawing, 20, 10);
            frame
                .pixels
                .iter()
                .step_by(3)
                .map(|&red| (paper - f64::from(red)) / (paper - ink))
                .sum()
        };
        let sheet = || Drawing::new(VIEW);
        let arrow = [[5.0, 0.0], [15.0, 0.0], [15.0, 10.0], [10.0, 2.0], [5.0, 10.0]];
        for (drawing, expected) in [
            (sheet().disc([10.0, 5.0], 4.0, Colour::DARK), 16.0 * PI),
            (sheet().line([4.0, 5.0], [16.0, 5.0], 4.0, Colour::DARK), 48.0 + 4.0 * PI),
            (sheet().polygon(&arrow, Colour::DARK), 100.0 - 40.0),
            (sheet().disc([-50.0, 5.0], 4.0, Colour::DARK), 0.0),
        ] {
            let found = area(drawing.clone());
            assert!((found - expected).abs() < 1.5, "{found}, expected {expected}: {drawing:?}");
        }
    }

    #[test]
    fn the_whole_view_is_seen_undistorted_in_a_picture_of_another_shape() {
        let lens = Lens::new(View::square(1.0), 300, 100);
        assert_eq!(lens.point([1.0, 1.0]), [200.0, 0.0]);
        assert_eq!(lens.point([-1.0, -1.0]), [100.0, 100.0]);
    }
}
