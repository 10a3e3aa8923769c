//! Stepping of MuJoCo models; nothing else in the project touches MuJoCo.
//!
//! A model is loaded once per process and shared by all simulations of it. A simulation whose
//! physics a task changes has a copy of its own, see [`Simulation::tune`].

use crate::Error;
use crate::env::check_len;
use crate::height_field::HeightField;
use mujoco_rs::mujoco_c::{mj_copyModel, mj_setConst};
use mujoco_rs::prelude::{MjData, MjLogMessage, MjModel, MjtLogLevel, MjtObjBase, set_log_handler};
use std::ffi::OsString;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, Once, PoisonError, Weak};

/// MuJoCo's warnings in the order it numbers them. After any of them the numbers are not to be
/// trusted; after the `huge or NaN` ones MuJoCo has reset the state on its own.
const WARNINGS: [&str; 7] = [
    "a singular inertia matrix at degree of freedom",
    "a full contact buffer at size",
    "a full constraint buffer at size",
    "a huge or NaN position at index",
    "a huge or NaN velocity at index",
    "a huge or NaN acceleration at index",
    "a huge or NaN control at index",
];

/// Models that come with this crate, by the names to [load](Simulation::load) them under.
const OWN: [(&str, &str); 1] = [("proteus/striker.xml", include_str!("bodies/striker.xml"))];

/// A world made from a model file, with its state.
#[derive(Debug)]
pub struct Simulation {
    data: MjData<Arc<MjModel>>,
    /// As loaded; never changed.
    original: Arc<MjModel>,
    path: PathBuf,
    frame_skip: u32,
    /// Where the positions are while MuJoCo looks at other poses, see [`Simulation::tune`].
    positions: Vec<f64>,
}

impl Simulation {
    /// Makes a simulation of the file `model`, for example `gymnasium/half_cheetah.xml`, in its
    /// default pose. The file is looked for in the folder `PROTEUS_MODELS`, or if that is not set
    /// in the one named by `PROTEUS_MODELS_BUILD_DIR` when the crate was built. Those that come with
    /// the crate, `proteus/striker.xml`, need no folder.
    ///
    /// # Errors
    /// [`Error::NoModels`] if neither folder is known, [`Error::Model`] if the file is not there
    /// or MuJoCo does not take it.
    pub fn load(model: &str, frame_skip: u32) -> Result<Self, Error> {
        let path = model_path(model)?;
        let original = shared(&path, || load(&path))?;
        Self::of(original, path, frame_skip)
    }

    /// As [`Simulation::load`], with `ground` in place of the model's floor.
    ///
    /// # Errors
    /// As [`Simulation::load`]; also [`Error::Model`] if the model has no geometry called `floor`.
    pub fn load_on(ground: &HeightField, model: &str, frame_skip: u32) -> Result<Self, Error> {
        let path = model_path(model)?;
        let key = path.join(format!("{ground:?}"));
        let original = shared(&key, || load_on(ground, &path))?;
        Self::of(original, path, frame_skip)
    }

    fn of(original: Arc<MjModel>, path: PathBuf, frame_skip: u32) -> Result<Self, Error> {
        let data = MjData::try_new(original.clone())
            .map_err(|error| unusable(&path, "a model that fits into memory", error.to_string()))?;
        let positions = data.qpos().to_vec();
        Ok(Self { data, original, path, frame_skip, positions })
    }

    /// Changes the physics: `change` gets the model as it was loaded and the copy that this
    /// simulation will run, which starts out equal to it, so that nothing adds up over calls. What
    /// MuJoCo derives from masses and geometry is worked out anew (`mj_setConst`). Positions and
    /// velocities stay; call [reset](Self::reset) or [forward](Self::forward) next. Allocates in
    /// the first call only.
    ///
    /// # Errors
    /// What `change` returns, or [`Error::Model`] if it put another model in place; the physics are
    /// then those of the file.
    pub fn tune(
        &mut self,
        change: impl FnOnce(&MjModel, &mut MjModel) -> Result<(), Error>,
    ) -> Result<(), Error> {
        let mut own = self.data.swap_model(self.original.clone());
        if Arc::ptr_eq(&own, &self.original) {
            own = Arc::new(self.original.as_ref().clone());
        }
        let model = Arc::get_mut(&mut own).ok_or_else(|| {
            unusable(&self.path, "a model of this simulation's own", "a shared one".to_owned())
        })?;
        // SAFETY: `model` is a copy of `original`, so all sizes and addresses agree, as they do
        // with those of `data`; nobody else holds either of them.
        #[allow(unsafe_code, reason = "mujoco-rs has neither call for a model beside its data")]
        unsafe {
            mj_copyModel(model.ffi_mut(), self.original.ffi());
        }
        change(&self.original, model)?;
        if !self.original.is_compatible_with_model(model) {
            let got = "one of other sizes in its place".to_owned();
            return Err(unusable(&self.path, "changes within the model", got));
        }
        self.positions.copy_from_slice(self.data.qpos());
        // SAFETY: as above; whatever `change` did, the sizes still agree.
        #[allow(unsafe_code, reason = "mujoco-rs has neither call for a model beside its data")]
        unsafe {
            mj_setConst(model.ffi_mut(), self.data.ffi_mut());
        }
        self.data.qpos_mut().copy_from_slice(&self.positions);
        self.data.swap_model(own);
        Ok(())
    }

    /// The model that is being run.
    #[must_use]
    pub fn model(&self) -> &MjModel {
        self.data.model()
    }

    /// The state and all that MuJoCo derives from it.
    #[must_use]
    pub fn data(&self) -> &MjData<Arc<MjModel>> {
        &self.data
    }

    /// As [`Simulation::data`], for MuJoCo's renderer, which wants scratch memory in it.
    pub(crate) fn data_mut(&mut self) -> &mut MjData<Arc<MjModel>> {
        &mut self.data
    }

    /// Works out the forces on bodies (`cfrc_ext` and others), which a step does not.
    pub fn contact_forces(&mut self) {
        self.data.rne_post_constraint();
    }

    /// Checks how many positions, velocities and controls there are.
    ///
    /// # Errors
    /// [`Error::Model`] if the numbers differ.
    pub fn expect_sizes(&self, qpos: usize, qvel: usize, ctrl: usize) -> Result<(), Error> {
        let lens = (self.data.qpos().len(), self.data.qvel().len(), self.data.ctrl().len());
        if lens == (qpos, qvel, ctrl) {
            return Ok(());
        }
        let got =
            format!("{lens:?} positions, velocities and controls, not {:?}", (qpos, qvel, ctrl));
        Err(unusable(&self.path, "the model this version was written for", got))
    }

    /// The id of the body called `name`.
    ///
    /// # Errors
    /// [`Error::Model`] if there is none.
    pub fn body(&self, name: &str) -> Result<usize, Error> {
        let id = self.data.model().name_to_id(MjtObjBase::mjOBJ_BODY, name);
        id.ok_or_else(|| {
            let got = format!("no body \"{name}\"");
            unusable(&self.path, "the model this version was written for", got)
        })
    }

    /// Checks that the body called `name` has this `id`.
    ///
    /// # Errors
    /// [`Error::Model`] if not.
    pub fn expect_body(&self, name: &str, id: usize) -> Result<(), Error> {
        let found = self.body(name)?;
        if found == id {
            return Ok(());
        }
        let got = format!("body \"{name}\" as number {found}, not {id}");
        Err(unusable(&self.path, "the model this version was written for", got))
    }

    /// Puts everything back to the model's default pose at rest, with nothing remembered.
    pub fn reset(&mut self) {
        self.data.reset();
    }

    /// Works out what follows from positions and velocities after they were written to.
    pub fn forward(&mut self) {
        self.data.forward();
    }

    /// Holds the controls `ctrl`, `[nu]`, in the model's units, for `frame_skip` simulation steps.
    ///
    /// # Errors
    /// [`Error::Length`], or [`Error::Diverged`] from the step in which MuJoCo warns until the
    /// next [reset](Self::reset).
    pub fn step(&mut self, ctrl: &[f64]) -> Result<(), Error> {
        let slots = self.data.ctrl_mut();
        check_len("ctrl", slots.len(), ctrl.len())?;
        slots.copy_from_slice(ctrl);
        for _ in 0..self.frame_skip {
            self.data.step();
        }
        self.check()
    }

    fn check(&self) -> Result<(), Error> {
        let mut noted = self.data.warning().iter().zip(WARNINGS);
        match noted.find(|(warning, _)| warning.number > 0) {
            None => Ok(()),
            Some((warning, text)) => {
                Err(Error::Diverged { what: format!("{text} {}", warning.lastinfo) })
            }
        }
    }

    /// Simulated time of one [step](Self::step), s.
    #[must_use]
    pub fn step_seconds(&self) -> f64 {
        self.data.model_opt().timestep * f64::from(self.frame_skip)
    }

    /// Generalised positions, `[nq]`, m or rad.
    #[must_use]
    pub fn qpos(&self) -> &[f64] {
        self.data.qpos()
    }

    /// Generalised positions to write to, `[nq]`; [forward](Self::forward) makes the rest follow.
    pub fn qpos_mut(&mut self) -> &mut [f64] {
        self.data.qpos_mut()
    }

    /// Generalised velocities, `[nv]`, m/s or rad/s.
    #[must_use]
    pub fn qvel(&self) -> &[f64] {
        self.data.qvel()
    }

    /// Generalised velocities to write to, `[nv]`; [forward](Self::forward) makes the rest follow.
    pub fn qvel_mut(&mut self) -> &mut [f64] {
        self.data.qvel_mut()
    }

    /// Accelerations from which the constraint solver starts, `[nv]`: with positions and
    /// velocities all of the state that a step depends on (in models without actuator states).
    pub fn warm_start_mut(&mut self) -> &mut [f64] {
        self.data.qacc_warmstart_mut()
    }

    /// Position of a body's frame in space as of the last computation of kinematics, m. After a
    /// [step](Self::step) that is one simulation step behind [`Simulation::qpos`].
    ///
    /// # Panics
    /// If `body` is not an id that [`Simulation::body`] gave.
    #[must_use]
    pub fn body_position(&self, body: usize) -> &[f64; 3] {
        &self.data.xpos()[body]
    }
}

/// The text of a model that comes with the crate.
fn own(model: &Path) -> Option<&'static str> {
    OWN.iter().find(|(name, _)| Path::new(name) == model).map(|(_, text)| *text)
}

fn model_path(model: &str) -> Result<PathBuf, Error> {
    if own(Path::new(model)).is_some() {
        return Ok(model.into());
    }
    let runtime = std::env::var_os("PROTEUS_MODELS");
    let folder = models_folder(runtime, option_env!("PROTEUS_MODELS_BUILD_DIR"))?;
    Ok(folder.join(model))
}

fn models_folder(runtime: Option<OsString>, built: Option<&str>) -> Result<PathBuf, Error> {
    let runtime = runtime.filter(|folder| !folder.is_empty());
    let folder = runtime.or_else(|| built.map(OsString::from));
    folder.map(PathBuf::from).ok_or(Error::NoModels)
}

/// The model known as `key`, made by `load` unless some simulation still holds it.
fn shared(
    key: &Path,
    load: impl FnOnce() -> Result<MjModel, Error>,
) -> Result<Arc<MjModel>, Error> {
    static MODELS: Mutex<Vec<(PathBuf, Weak<MjModel>)>> = Mutex::new(Vec::new());
    let mut models = MODELS.lock().unwrap_or_else(PoisonError::into_inner);
    models.retain(|(_, model)| model.strong_count() > 0);
    let known = models.iter().find(|(known, _)| known == key);
    if let Some(model) = known.and_then(|(_, model)| model.upgrade()) {
        return Ok(model);
    }
    let model = Arc::new(load()?);
    models.push((key.to_owned(), Arc::downgrade(&model)));
    Ok(model)
}

fn load(path: &Path) -> Result<MjModel, Error> {
    let model = match own(path) {
        Some(text) => {
            take_messages();
            MjModel::from_xml_string(text)
        }
        None => {
            prepare(path)?;
            MjModel::from_xml(path)
        }
    };
    model.map_err(|error| unusable(path, "a model that MuJoCo can compile", error.to_string()))
}

fn load_on(ground: &HeightField, path: &Path) -> Result<MjModel, Error> {
    prepare(path)?;
    ground.put_into(path).map_err(|error| {
        unusable(path, "a model with a geometry \"floor\" to replace", error.to_string())
    })
}

fn prepare(path: &Path) -> Result<(), Error> {
    take_messages();
    match std::fs::metadata(path) {
        Ok(_) => Ok(()),
        Err(error) => Err(unusable(path, "a MuJoCo model file", error.to_string())),
    }
}

fn unusable(path: &Path, expected: &'static str, got: String) -> Error {
    Error::Model { path: path.to_owned(), expected, got }
}

/// Takes over what MuJoCo has to say, which it would otherwise print and write to a file
/// MUJOCO_LOG.TXT in whatever folder the process runs in.
fn take_messages() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        // SAFETY: no other thread may use MuJoCo meanwhile. All use of MuJoCo in the process
        // starts with a model from this module, and no model is loaded before this call returns.
        #[allow(unsafe_code, reason = "the only way to set MuJoCo's message handler")]
        unsafe {
            set_log_handler(hear);
        }
    });
}

/// Passes on only what MuJoCo ends the process for. Its warnings in a step become
/// [`Error::Diverged`]; those on loading are about how other people write their models.
fn hear(message: &MjLogMessage) {
    if message.level() == MjtLogLevel::mjLOG_ERROR {
        // The process is about to end: nobody is left to handle a failure to say so.
        writeln!(std::io::stderr(), "MuJoCo: {}", message.subject()).ok();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CHEETAH: &str = "gymnasium/half_cheetah.xml";

    #[test]
    fn the_folder_of_models_comes_from_run_time_then_from_build_time() {
        let folder = |runtime: Option<&str>, built| models_folder(runtime.map(Into::into), built);
        assert_eq!(folder(Some("/a"), Some("/b")), Ok("/a".into()));
        assert_eq!(folder(None, Some("/b")), Ok("/b".into()));
        assert_eq!(folder(Some(""), None), Err(Error::NoModels));
    }

    #[test]
    fn a_missing_model_is_named_with_what_to_do() {
        let error = Simulation::load("gymnasium/no_such.xml", 1).unwrap_err();
        let text = error.to_string();
        assert!(text.contains("no_such.xml") && text.contains("cargo xtask setup"), "{text}");
    }

    #[test]
    fn simulations_share_the_model() -> Result<(), Error> {
        let (a, b) = (Simulation::load(CHEETAH, 1)?, Simulation::load(CHEETAH, 5)?);
        assert!(std::ptr::eq(a.data.model(), b.data.model()));
        Ok(())
    }

    #[test]
    fn divergence_is_an_error_until_the_reset() -> Result<(), Error> {
        for bad in [f64::NAN, 1e11] {
            let mut simulation = Simulation::load(CHEETAH, 5)?;
            simulation.qvel_mut()[3] = bad;
            for _ in 0..2 {
                let error = simulation.step(&[0.0; 6]).unwrap_err();
                assert!(matches!(error, Error::Diverged { .. }), "{error}");
            }
            simulation.reset();
            simulation.step(&[0.0; 6])?;
        }
        Ok(())
    }
}
