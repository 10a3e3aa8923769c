//! What TensorBoard's projector reads: `projector_config.pbtxt` beside the event files, and the two
//! tables it names.

use super::{Latents, Moment};

/// Where the tables go, from the run directory.
pub(super) const FOLDER: &str = "projector";

/// A file of the run directory, with its content.
pub(super) type File = (String, String);

/// The projector shows the moments of one evaluation.
pub(super) fn files(latents: &Latents) -> [File; 3] {
    let path = |name: &str| format!("{FOLDER}/{name}");
    [
        (path("tensors.tsv"), tensors(latents)),
        (path("metadata.tsv"), metadata(latents)),
        ("projector_config.pbtxt".to_owned(), config()),
    ]
}

/// Text format of the message `ProjectorConfig`; paths are relative to the file.
fn config() -> String {
    format!(
        "embeddings {{\n  tensor_name: \"latents\"\n  tensor_path: \"{FOLDER}/tensors.tsv\"\n  \
         metadata_path: \"{FOLDER}/metadata.tsv\"\n}}\n"
    )
}

/// A line for each moment, its mean.
fn tensors(latents: &Latents) -> String {
    let line = |moment: &Moment| {
        let numbers: Vec<String> = moment.mean.iter().map(f32::to_string).collect();
        numbers.join("\t") + "\n"
    };
    latents.moments.iter().map(line).collect()
}

/// A line of names, and one for each moment. Parameters are those of the task in force; a base task is
/// one of them.
fn metadata(latents: &Latents) -> String {
    let names = ["task", "task_in_force", "episode", "step", "cluster", "scored"];
    let parameters = latents.about.parameters.iter().map(String::as_str);
    let head: Vec<String> = names.into_iter().chain(parameters).map(cell).collect();
    let line = |moment: &Moment| {
        let mut cells = vec![
            moment.task.to_string(),
            moment.in_force.to_string(),
            moment.episode.to_string(),
            moment.step.to_string(),
            moment.cluster.to_string(),
            if moment.scored { "yes" } else { "no" }.to_owned(),
        ];
        cells.extend(moment.parameters.iter().map(f64::to_string));
        cells.join("\t")
    };
    let lines = latents.moments.iter().map(line);
    std::iter::once(head.join("\t")).chain(lines).map(|line| line + "\n").collect()
}

/// Tabs and line ends separate.
fn cell(text: &str) -> String {
    text.replace(['\t', '\n', '\r'], " ")
}
