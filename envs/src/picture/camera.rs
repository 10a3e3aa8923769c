//! Pictures of a MuJoCo world by MuJoCo's own renderer, off screen.

use super::{Frame, gl};
use crate::Error;
use crate::mujoco::Simulation;
use mujoco_rs::prelude::{
    MjModel, MjrContext, MjrRectangle, MjtObjBase, MjvCamera, MjvOption, MjvPerturb, MjvScene,
};

/// Geoms that a picture can hold; the largest worlds here have some dozens.
const MAX_GEOMS: usize = 2000;

/// How far from the middle of the bodies other cameras are, in units of their reach.
const DISTANCE: f64 = 3.0;

/// How other cameras are tilted, degrees.
const ELEVATION: f64 = -30.0;

/// What Gymnasium's models call the camera that follows the body.
const FOLLOWING: &str = "track";

/// A renderer for one kind of world.
#[derive(Debug)]
pub(super) struct Camera {
    // Dropped before the OpenGL context, which it needs for that.
    context: MjrContext,
    scene: MjvScene,
    view: MjvCamera,
    option: MjvOption,
    viewport: MjrRectangle,
    width: usize,
    height: usize,
    gl: gl::Context,
}

impl Camera {
    /// For pictures of `width` by `height` pixels of worlds like `simulation`.
    pub(super) fn new(simulation: &Simulation, width: usize, height: usize) -> Result<Self, Error> {
        let (columns, rows) = (side(width)?, side(height)?);
        let model = simulation.model();
        let gl = gl::Context::open(columns, rows)?;
        // SAFETY: the OpenGL context was just made current in this thread; it outlives `context`
        // by the order of the fields, and is made current again before each use. Neither can leave
        // the thread.
        #[allow(unsafe_code, reason = "MuJoCo uses whatever OpenGL context is current")]
        let mut context = unsafe { MjrContext::new(model) };
        context.offscreen().resize_offscreen(columns, rows);
        Ok(Self {
            context,
            scene: MjvScene::new(model, MAX_GEOMS),
            view: view(simulation),
            option: MjvOption::default(),
            viewport: MjrRectangle::new(0, 0, columns.cast_signed(), rows.cast_signed()),
            width,
            height,
            gl,
        })
    }

    /// Whether it can show this world.
    pub(super) fn fits(&self, simulation: &Simulation) -> bool {
        self.scene.is_compatible_with_model(simulation.model())
    }

    /// A picture of the world as it is.
    pub(super) fn take(&mut self, simulation: &mut Simulation) -> Result<Frame, Error> {
        self.gl.make_current()?;
        self.take_over_terrain(simulation.model())?;
        let data = simulation.data_mut();
        self.scene.update(data, &self.option, &MjvPerturb::default(), &mut self.view);
        self.scene.render(&self.viewport, &self.context);
        let mut pixels = vec![0; 3 * self.width * self.height];
        let read = self.context.read_pixels(Some(&mut pixels), None, &self.viewport);
        read.map_err(|error| broken(error.to_string()))?;
        Ok(upright(self.width, self.height, &pixels))
    }

    /// Tasks may change height fields, which the renderer holds a copy of.
    fn take_over_terrain(&mut self, model: &MjModel) -> Result<(), Error> {
        for field in 0..usize::try_from(model.nhfield()).unwrap_or_default() {
            let taken = self.context.upload_hfield(model, field);
            taken.map_err(|error| broken(error.to_string()))?;
        }
        Ok(())
    }
}

impl Drop for Camera {
    fn drop(&mut self) {
        // Otherwise the objects of another context would be deleted. A context that cannot be made
        // current has lost its objects already.
        self.gl.make_current().ok();
    }
}

/// The camera of the model that follows the body; else one that sees all that can move.
fn view(simulation: &Simulation) -> MjvCamera {
    let model = simulation.model();
    if let Some(camera) = model.name_to_id(MjtObjBase::mjOBJ_CAMERA, FOLLOWING) {
        return MjvCamera::new_fixed(camera);
    }
    let (centre, radius) = moving(simulation);
    MjvCamera {
        lookat: centre,
        distance: DISTANCE * radius,
        elevation: ELEVATION,
        ..MjvCamera::new_free(model)
    }
}

/// The middle of the geometries that do not belong to the world, m, and how far from it they reach,
/// m.
fn moving(simulation: &Simulation) -> ([f64; 3], f64) {
    let model = simulation.model();
    let places = simulation.data().geom_xpos().iter().zip(model.geom_rbound());
    let of_bodies = places.zip(model.geom_bodyid()).filter(|(_, body)| **body != 0);
    let geometries: Vec<(&[f64; 3], f64)> =
        of_bodies.map(|((place, radius), _)| (place, *radius)).collect();
    let share = 1.0 / geometries.len().max(1) as f64;
    let centre =
        [0, 1, 2].map(|axis| geometries.iter().map(|(place, _)| share * place[axis]).sum());
    let away = |place: &[f64; 3]| {
        place.iter().zip(centre).map(|(a, b): (&f64, f64)| (a - b).powi(2)).sum::<f64>().sqrt()
    };
    let reach = geometries.iter().map(|(place, radius)| away(place) + radius);
    (centre, reach.fold(0.0, f64::max))
}

/// OpenGL counts rows from the bottom, pictures from the top.
fn upright(width: usize, height: usize, pixels: &[u8]) -> Frame {
    let rows = pixels.chunks_exact(3 * width).rev();
    Frame { width, height, pixels: rows.flatten().copied().collect() }
}

/// The side of a picture, in pixels, as OpenGL wants it.
fn side(pixels: usize) -> Result<u32, Error> {
    const LARGEST: usize = 4096;
    match u32::try_from(pixels) {
        Ok(side) if (1..=LARGEST).contains(&pixels) => Ok(side),
        _ => {
            Err(broken(format!("expected pictures of 1 to {LARGEST} pixels a side, got {pixels}")))
        }
    }
}

fn broken(what: String) -> Error {
    Error::Renderer { what }
}
