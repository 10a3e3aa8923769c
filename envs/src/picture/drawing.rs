//! Shapes on a plane.

/// Red, green, blue and opacity, each from 0 to 255.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Colour(pub [u8; 4]);

impl Colour {
    /// What shapes lie on.
    pub const PAPER: Self = Self([250, 249, 246, 255]);
    /// Ground, rails, axes.
    pub const GREY: Self = Self([140, 140, 140, 255]);
    /// What cannot move, or is heavy.
    pub const DARK: Self = Self([50, 54, 62, 255]);
    /// The agent.
    pub const BLUE: Self = Self([31, 119, 180, 255]);
    /// Where it should go.
    pub const GREEN: Self = Self([44, 160, 44, 255]);
    /// What pushes: motors, engines.
    pub const ORANGE: Self = Self([255, 127, 14, 255]);
    /// What must be avoided.
    pub const RED: Self = Self([214, 39, 40, 255]);

    /// The colour with another opacity.
    #[must_use]
    pub const fn opacity(self, opacity: u8) -> Self {
        let [red, green, blue, _] = self.0;
        Self([red, green, blue, opacity])
    }
}

/// Where the coordinates of a drawing lie; all of it is in the picture. y points up.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct View {
    /// Left and right edge.
    pub x: [f64; 2],
    /// Lower and upper edge.
    pub y: [f64; 2],
}

impl View {
    /// A square around the origin, from `-reach` to `reach` along both axes.
    #[must_use]
    pub const fn square(reach: f64) -> Self {
        Self { x: [-reach, reach], y: [-reach, reach] }
    }
}

/// The outline of a shape, in the units of the world.
#[derive(Debug, Clone, PartialEq)]
pub enum Form {
    /// A filled circle.
    Disc {
        /// Its centre.
        centre: [f64; 2],
        /// Its radius.
        radius: f64,
    },
    /// A line with round ends.
    Line {
        /// One end.
        from: [f64; 2],
        /// The other end.
        to: [f64; 2],
        /// Its width; it is drawn one pixel wide at least.
        width: f64,
    },
    /// A filled polygon, of any shape.
    Polygon(Vec<[f64; 2]>),
}

/// A form in a colour.
#[derive(Debug, Clone, PartialEq)]
pub struct Shape {
    /// Where.
    pub form: Form,
    /// In what.
    pub colour: Colour,
}

/// Shapes on a plane; later ones lie on top of earlier ones.
#[derive(Debug, Clone, PartialEq)]
pub struct Drawing {
    /// What part of the plane is seen.
    pub view: View,
    /// The shapes.
    pub shapes: Vec<Shape>,
}

impl Drawing {
    /// An empty sheet.
    #[must_use]
    pub const fn new(view: View) -> Self {
        Self { view, shapes: Vec::new() }
    }

    /// Adds a filled circle.
    #[must_use]
    pub fn disc(self, centre: [f64; 2], radius: f64, colour: Colour) -> Self {
        self.with(Form::Disc { centre, radius }, colour)
    }

    /// Adds a line with round ends.
    #[must_use]
    pub fn line(self, from: [f64; 2], to: [f64; 2], width: f64, colour: Colour) -> Self {
        self.with(Form::Line { from, to, width }, colour)
    }

    /// Adds a filled polygon.
    #[must_use]
    pub fn polygon(self, corners: &[[f64; 2]], colour: Colour) -> Self {
        self.with(Form::Polygon(corners.to_vec()), colour)
    }

    fn with(mut self, form: Form, colour: Colour) -> Self {
        self.shapes.push(Shape { form, colour });
        self
    }
}
