//! Pictures of environments, for people.
//!
//! An environment says what it looks like as a [`Scene`]; a [`Painter`] turns that into pixels:
//! MuJoCo's renderer draws physics, a few lines of code here draw shapes on a plane. Nothing of
//! this is used, and no graphics library loaded, before the first picture of a physics scene.

mod camera;
mod canvas;
mod drawing;
mod gl;

pub use drawing::{Colour, Drawing, Form, Shape, View};

use crate::Error;
use crate::mujoco::Simulation;
use camera::Camera;

/// What an environment looks like now.
#[derive(Debug)]
pub enum Scene<'a> {
    /// A MuJoCo world. Drawing it uses scratch memory of the simulation, but not its state.
    Physics(&'a mut Simulation),
    /// Shapes on a plane.
    Drawing(Drawing),
    /// Nobody has said what it looks like.
    None,
}

/// A picture.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Frame {
    /// Pixels in a row.
    pub width: usize,
    /// Rows.
    pub height: usize,
    /// Red, green and blue of each pixel, row by row from the top left, `[height, width, 3]`.
    pub pixels: Vec<u8>,
}

impl Frame {
    /// A picture in one colour.
    #[must_use]
    pub fn filled(width: usize, height: usize, colour: Colour) -> Self {
        let Colour([red, green, blue, _]) = colour;
        Self { width, height, pixels: [red, green, blue].repeat(width * height) }
    }

    /// Lays `colour` over the pixel at column `x` of row `y`, as opaque as the colour is, times
    /// `cover` from 0 to 1. What is outside of the picture is ignored.
    pub fn lay(&mut self, x: usize, y: usize, colour: Colour, cover: f64) {
        if x >= self.width || y >= self.height {
            return;
        }
        let start = 3 * (y * self.width + x);
        let opacity = f64::from(colour.0[3]) / 255.0 * cover.clamp(0.0, 1.0);
        for (below, above) in self.pixels[start..start + 3].iter_mut().zip(colour.0) {
            *below = mix(*below, above, opacity);
        }
    }
}

/// From `below` at an opacity of 0 to `above` at 1.
#[allow(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "lies between two bytes; `as` saturates"
)]
fn mix(below: u8, above: u8, opacity: f64) -> u8 {
    let (below, above) = (f64::from(below), f64::from(above));
    (below + (above - below) * opacity).round() as u8
}

/// Makes pictures of one size. It stays in the thread that made its first picture.
#[derive(Debug)]
pub struct Painter {
    width: usize,
    height: usize,
    camera: Option<Camera>,
}

impl Painter {
    /// For pictures of `width` by `height` pixels.
    #[must_use]
    pub fn new(width: usize, height: usize) -> Self {
        Self { width, height, camera: None }
    }

    /// A picture of `scene`.
    ///
    /// # Errors
    /// [`Error::NoPicture`] for [`Scene::None`]; [`Error::NoRenderer`] if this machine has no
    /// library that can draw physics off screen.
    pub fn paint(&mut self, scene: Scene<'_>) -> Result<Frame, Error> {
        match scene {
            Scene::None => Err(Error::NoPicture),
            Scene::Drawing(drawing) => Ok(canvas::draw(&drawing, self.width, self.height)),
            Scene::Physics(simulation) => self.camera(simulation)?.take(simulation),
        }
    }

    /// The camera in use, or a new one where there is none for such a world.
    fn camera(&mut self, simulation: &Simulation) -> Result<&mut Camera, Error> {
        let camera = match self.camera.take() {
            Some(camera) if camera.fits(simulation) => camera,
            _ => Camera::new(simulation, self.width, self.height)?,
        };
        Ok(self.camera.insert(camera))
    }
}
