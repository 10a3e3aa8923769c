//! The file of an evaluation's beliefs: safetensors, for NumPy and PyTorch as for `coordinator latents`.
//!
//! With n moments, all of shape `[n]` but for the first three:
//!
//! | tensor | type | |
//! |---|---|---|
//! | `mean`, `variance` | f32 `[n, latent]` | of q(z\|context) |
//! | `parameters` | f64 `[n, parameters]` | of the task in force |
//! | `split` | i64 | 1 = train, 2 = test |
//! | `task`, `task_in_force` | i64 | positions in the list of the split |
//! | `base_task` | i64 | of the task in force; -1 where the family has none |
//! | `episode`, `step` | i64 | adaptation episode from 0, steps of it before the moment |
//! | `scored` | i64 | 1 after the first quarter of the last episode, else 0 |
//! | `component`, `cluster` | i64 | as the posterior says, and what scores look at |
//!
//! The metadata say which evaluation it was (`number`, `env_steps`, `updates`, `version`, `family`), the
//! names of the `parameters`, where clusters come from (`origin`) and the `components` of the mixture, these
//! three as JSON.

use super::{About, Clusters, Error, Latents, Moment};
use safetensors::tensor::TensorView;
use safetensors::{Dtype, SafeTensors};
use std::collections::HashMap;
use std::path::Path;
use types::{Split, TaskRef};

/// The content of the file.
///
/// # Errors
/// None that are known; what the format refuses.
pub fn to_bytes(latents: &Latents) -> Result<Vec<u8>, Error> {
    let columns = columns(latents);
    let views = columns.iter().map(|(name, column)| {
        let view = TensorView::new(column.dtype, column.shape.clone(), &column.bytes);
        Ok((*name, view?))
    });
    let views: Vec<(&str, TensorView<'_>)> = views.collect::<Result<_, Error>>()?;
    Ok(safetensors::serialize(views, Some(metadata(latents)?))?)
}

struct Column {
    dtype: Dtype,
    shape: Vec<usize>,
    bytes: Vec<u8>,
}

fn columns(latents: &Latents) -> Vec<(&'static str, Column)> {
    let moments = &latents.moments;
    let floats = |of: fn(&Moment) -> &Vec<f32>| Column {
        dtype: Dtype::F32,
        shape: vec![moments.len(), latents.about.latent],
        bytes: moments.iter().flat_map(of).flat_map(|x| x.to_le_bytes()).collect(),
    };
    let parameters = moments.iter().flat_map(|moment| &moment.parameters);
    let parameters = Column {
        dtype: Dtype::F64,
        shape: vec![moments.len(), latents.about.parameters.len()],
        bytes: parameters.flat_map(|x| x.to_le_bytes()).collect(),
    };
    let whole = |of: fn(&Moment) -> i64| Column {
        dtype: Dtype::I64,
        shape: vec![moments.len()],
        bytes: moments.iter().flat_map(|moment| of(moment).to_le_bytes()).collect(),
    };
    vec![
        ("mean", floats(|m| &m.mean)),
        ("variance", floats(|m| &m.variance)),
        ("parameters", parameters),
        ("split", whole(|m| if m.task.split == Split::Train { 1 } else { 2 })),
        ("task", whole(|m| m.task.index.into())),
        ("task_in_force", whole(|m| m.in_force.index.into())),
        ("base_task", whole(|m| m.base_task.map_or(-1, i64::from))),
        ("episode", whole(|m| m.episode.into())),
        ("step", whole(|m| m.step.into())),
        ("scored", whole(|m| m.scored.into())),
        ("component", whole(|m| m.component.into())),
        ("cluster", whole(|m| m.cluster.into())),
    ]
}

fn metadata(latents: &Latents) -> Result<HashMap<String, String>, Error> {
    let Latents { about, clusters, .. } = latents;
    let pairs = [
        ("number", about.number.to_string()),
        ("env_steps", about.env_steps.to_string()),
        ("updates", about.updates.to_string()),
        ("version", about.version.to_string()),
        ("family", about.family.clone()),
        ("parameters", serde_json::to_string(&about.parameters)?),
        ("origin", serde_json::to_string(&clusters.origin)?),
        ("components", serde_json::to_string(&clusters.components)?),
    ];
    Ok(pairs.into_iter().map(|(name, value)| (name.to_owned(), value)).collect())
}

/// Reads what [`to_bytes`] makes.
///
/// # Errors
/// A file that cannot be read, or holds something else.
pub fn read(path: &Path) -> Result<Latents, Error> {
    let bytes =
        std::fs::read(path).map_err(|source| Error::Read { path: path.to_owned(), source })?;
    let latents = parse(&bytes).and_then(|latents| {
        let any = latents.scored().next().is_some();
        if any { Ok(latents) } else { Err("no moment that is scored".to_owned()) }
    });
    latents.map_err(|got| Error::Content {
        path: path.to_owned(),
        expected: "the beliefs of an evaluation, as a run with evaluation.latents writes them"
            .to_owned(),
        got,
    })
}

fn parse(bytes: &[u8]) -> Result<Latents, String> {
    let tensors = SafeTensors::deserialize(bytes).map_err(|error| error.to_string())?;
    let (_, header) = SafeTensors::read_metadata(bytes).map_err(|error| error.to_string())?;
    let metadata = header.metadata().clone().unwrap_or_default();
    let text = |name: &str| metadata.get(name).ok_or_else(|| format!("no metadata {name}"));
    let number = |name: &str| {
        text(name)?.parse::<u64>().map_err(|error| format!("metadata {name}: {error}"))
    };
    let latent = tensors.tensor("mean").map_err(|error| error.to_string())?.shape().last().copied();
    let about = About {
        number: number("number")?,
        env_steps: number("env_steps")?,
        updates: number("updates")?,
        version: number("version")?,
        family: text("family")?.clone(),
        parameters: json(text("parameters")?)?,
        latent: latent.unwrap_or(0),
    };
    let clusters =
        Clusters { origin: json(text("origin")?)?, components: json(text("components")?)? };
    if about.latent == 0 || clusters.components.iter().any(|c| !c.has_dimension(about.latent)) {
        return Err("means and components of different dimension".to_owned());
    }
    let moments = Tensors { tensors, about: &about }.moments()?;
    Ok(Latents { about, moments, clusters })
}

fn json<T: serde::de::DeserializeOwned>(text: &str) -> Result<T, String> {
    serde_json::from_str(text).map_err(|error| format!("metadata {text}: {error}"))
}

/// The tensors of a file.
struct Tensors<'a> {
    tensors: SafeTensors<'a>,
    about: &'a About,
}

impl Tensors<'_> {
    fn moments(&self) -> Result<Vec<Moment>, String> {
        let (latent, parameters) = (self.about.latent, self.about.parameters.len());
        let steps = self.whole("step")?;
        let n = steps.len();
        let means = self.numbers("mean", &[n, latent], Dtype::F32, f32::from_le_bytes)?;
        let variances = self.numbers("variance", &[n, latent], Dtype::F32, f32::from_le_bytes)?;
        let values =
            self.numbers("parameters", &[n, parameters], Dtype::F64, f64::from_le_bytes)?;
        let whole = |name| {
            let column = self.whole(name)?;
            if column.len() == n { Ok(column) } else { Err(format!("{name} of another length")) }
        };
        let [split, task, in_force] = [whole("split")?, whole("task")?, whole("task_in_force")?];
        let [episode, scored, base_task] =
            [whole("episode")?, whole("scored")?, whole("base_task")?];
        let [component, cluster] = [whole("component")?, whole("cluster")?];
        let moment = |i: usize| {
            let split = if split[i] == 1 { Split::Train } else { Split::Test };
            Ok(Moment {
                task: TaskRef { split, index: small(task[i])? },
                in_force: TaskRef { split, index: small(in_force[i])? },
                parameters: values[i * parameters..(i + 1) * parameters].to_vec(),
                base_task: u32::try_from(base_task[i]).ok(),
                episode: small(episode[i])?,
                step: small(steps[i])?,
                scored: scored[i] == 1,
                mean: means[i * latent..(i + 1) * latent].to_vec(),
                variance: variances[i * latent..(i + 1) * latent].to_vec(),
                component: small(component[i])?,
                cluster: small(cluster[i])?,
            })
        };
        (0..n).map(moment).collect()
    }

    fn whole(&self, name: &str) -> Result<Vec<i64>, String> {
        let tensor = self.tensors.tensor(name).map_err(|error| error.to_string())?;
        self.numbers(name, &[tensor.shape().iter().product()], Dtype::I64, i64::from_le_bytes)
    }

    fn numbers<T, const N: usize>(
        &self,
        name: &str,
        shape: &[usize],
        dtype: Dtype,
        from_bytes: fn([u8; N]) -> T,
    ) -> Result<Vec<T>, String> {
        let tensor = self.tensors.tensor(name).map_err(|error| error.to_string())?;
        if tensor.dtype() != dtype || tensor.shape() != shape {
            let (dtype, shape) = (tensor.dtype(), tensor.shape());
            return Err(format!("{name} as {dtype:?} {shape:?}"));
        }
        let (pieces, _) = tensor.data().as_chunks::<N>();
        Ok(pieces.iter().map(|piece| from_bytes(*piece)).collect())
    }
}

fn small(number: i64) -> Result<u32, String> {
    u32::try_from(number).map_err(|error| format!("{number}: {error}"))
}
