//! Looking at tasks, through the program and through the library.

#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

mod fixtures;

use actor::Agent;
use actor::look::{Detail, Event, Policy, Reporter, Stage, Trained};
use actor::rollout::{Local, Rollout};
use nets::AgentSpec;
use std::path::Path;
use std::process::{Command, Output, Stdio};
use types::{Behaviour, LatentSource, Phase, Purpose, Split, TaskRef, Trial, TrialId, Version};

const USAGE: Option<i32> = Some(64);

fn actor(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_actor"));
    command.args(arguments).stdin(Stdio::null());
    command
}

fn error(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

fn lines(output: &Output) -> Vec<Event<'static>> {
    assert!(output.status.success(), "{}", error(output));
    let text = std::str::from_utf8(&output.stdout).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn events(arguments: &[&str]) -> Vec<Event<'static>> {
    lines(&actor(arguments).output().unwrap())
}

/// Return and length of each episode.
fn episodes(events: &[Event<'_>]) -> Vec<(f64, usize)> {
    let outcome = |event: &Event<'_>| match *event {
        Event::Episode { total, length, .. } => Some((total, length)),
        _ => None,
    };
    events.iter().filter_map(outcome).collect()
}

#[test]
fn every_step_is_told_and_rewards_add_up_to_the_return() {
    let told = events(&[
        "rollout",
        "point-robot",
        "--task",
        "test-3",
        "--episodes",
        "2",
        "--seed",
        "4",
        "--steps",
    ]);
    let mut rewards = [0.0; 2];
    let mut starts = 0;
    for event in &told {
        match event {
            Event::Start { .. } => starts += 1,
            Event::Step { episode, task, reward, action, observation, .. } => {
                assert_eq!(*task, TaskRef { split: Split::Test, index: 3 });
                assert_eq!((action.len(), observation.len()), (2, 2));
                rewards[*episode as usize] += reward;
            }
            _ => {}
        }
    }
    let returns = episodes(&told);
    assert_eq!((starts, returns.len(), told.len()), (2, 2, 2 * 22));
    for (sum, (total, length)) in rewards.into_iter().zip(&returns) {
        assert!((sum - total).abs() < 1e-12 && *length == 20, "{sum} {total} {length}");
    }
    assert_ne!(returns[0], returns[1], "an episode has its own randomness");
}

#[test]
fn a_seed_fixes_what_happens_and_the_oracle_does_best() {
    let play = |policy: &str, seed: &str| {
        let arguments = ["rollout", "point-robot", "--policy", policy, "--seed", seed];
        episodes(&events(&arguments))[0].0
    };
    assert_eq!(play("random", "1").to_bits(), play("random", "1").to_bits());
    assert_ne!(play("random", "1"), play("random", "2"));
    assert!(play("oracle", "1") > play("zero", "1"));
    assert!(play("oracle", "1") > play("random", "1"));
}

/// Weights act as in an evaluation trial with the same seed. With a set: first with z from the
/// prior, then from the posterior; with a window: from the posterior throughout.
#[test]
fn weights_adapt_as_in_an_evaluation() {
    plays_as_in(&fixtures::experiment(), &[(LatentSource::Prior, 1), (LatentSource::Posterior, 2)]);
    plays_as_in(&fixtures::windowed(), &[(LatentSource::Posterior, 3)]);
}

fn plays_as_in(experiment: &types::Experiment, phases: &[(LatentSource, u32)]) {
    let weights = fixtures::weights_for(experiment, 1).bytes;
    let family = envs::build(&experiment.environment).unwrap();
    let (id, seed) = (TaskRef { split: Split::Test, index: 5 }, 77);

    let mut told = Vec::new();
    let trained = |_: &_| {
        let trained = Trained::load(&family, experiment, &weights)?;
        Ok(Policy::Trained(Box::new(trained)))
    };
    let mut stage = Stage::new(&family, id, trained, seed).unwrap();
    let mut reporter = Reporter::new(&mut told, Detail::Episodes);
    for episode in 0..3 {
        stage.play(episode, &mut reporter).unwrap();
    }
    let told = std::str::from_utf8(&told).unwrap();
    let told: Vec<Event<'_>> = told.lines().map(|l| serde_json::from_str(l).unwrap()).collect();
    let returns: Vec<f64> = episodes(&told).into_iter().map(|(total, _)| total).collect();

    let spec = AgentSpec::of(experiment, &family.spec());
    let phase = |&(latent, episodes): &_| Phase {
        latent,
        episodes,
        context: true,
        behaviour: Behaviour::Policy,
    };
    let trial = Trial {
        id: TrialId(0),
        task: id,
        purpose: Purpose::Evaluate,
        phases: phases.iter().map(phase).collect(),
        seed,
        min_version: Version::default(),
        beliefs: 0,
    };
    let agent = Agent::load(&spec, &weights, Version::default()).unwrap();
    let mut link = Local::new(agent, std::iter::once(trial), drop);
    Rollout::new(family, &spec, 1, 1).unwrap().run(&mut link).unwrap();
    let expected: Vec<f64> = link.outcomes[0].episodes.iter().map(|e| e.task_return).collect();
    assert_eq!(returns, expected);
}

#[test]
fn what_cannot_be_played_is_one_clear_error_of_usage() {
    let cases: [(&[&str], &str); 6] = [
        (&["rollout", "point-robto"], "did you mean \"point-robot\"?"),
        (&["show", "point-robto"], "did you mean \"point-robot\"?"),
        (&["rollout", "point-robot", "--task", "test-20"], "from test-0 to test-19; got test-20"),
        (&["rollout", "cheetah-vel", "--policy", "oracle"], "cheetah-vel, which has none"),
        (&["render", "point-robot", "-o", "x.mp4"], "ends in .gif"),
        (&["rollout", "point-robot", "--task", "tests-2"], "such as train-3 or test-0"),
    ];
    for (arguments, expected) in cases {
        let output = actor(arguments).output().unwrap();
        let error = error(&output);
        assert!(error.contains(expected), "{arguments:?}: {error}");
        // The last one is refused by the parser of the command line.
        let code = if arguments.contains(&"tests-2") { Some(2) } else { USAGE };
        assert_eq!(output.status.code(), code, "{arguments:?}: {error}");
        assert!(output.stdout.is_empty());
    }
}

#[test]
fn weights_of_another_family_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, bytes: &[u8]| {
        let path = folder.path().join(name);
        std::fs::write(&path, bytes).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let experiment = serde_json::to_vec(&fixtures::experiment()).unwrap();
    let experiment = write("experiment.json", &experiment);
    let weights = write("weights.safetensors", &fixtures::weights(1).bytes);
    let play = |family| {
        let with = ["--checkpoint", &weights, "--experiment", &experiment];
        actor(&["rollout", family]).args(with).output().unwrap()
    };
    assert_eq!(episodes(&lines(&play("point-robot"))).len(), 1);
    let refused = play("cheetah-vel");
    assert_eq!(refused.status.code(), USAGE);
    assert!(error(&refused).contains("family of the experiment, point-robot; got cheetah-vel"));
}

/// An experiment shows what it puts around a family, before there are any weights.
#[test]
fn an_experiment_can_be_looked_at_without_weights() {
    let mut experiment = fixtures::experiment();
    experiment.environment.visible = vec!["goal_x".to_owned()];
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("experiment.json");
    std::fs::write(&path, serde_json::to_vec(&experiment).unwrap()).unwrap();
    let with = ["--experiment", path.to_str().unwrap()];

    let output = actor(&["show", "point-robot"]).args(with).output().unwrap();
    let shown: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(shown["env"]["observation_dim"], 3);
    let told = actor(&["rollout", "point-robot", "--steps"]).args(with).output().unwrap();
    let widths = lines(&told).into_iter().filter_map(|event| match event {
        Event::Step { observation, .. } => Some(observation.len()),
        _ => None,
    });
    assert!(widths.into_iter().all(|width| width == 3));
}

#[test]
fn no_episodes_are_an_error_of_usage() {
    let arguments = ["rollout", "point-robot", "--episodes", "0"];
    let output = actor(&arguments).output().unwrap();
    assert_eq!(output.status.code(), Some(2), "{}", error(&output));
}

#[test]
fn a_family_is_shown_with_its_card_tasks_and_traits() {
    let output = actor(&["show", "cheetah-vel"]).output().unwrap();
    let shown: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(shown["suite"], "pearl");
    assert_eq!(shown["env"]["observation_dim"], 20);
    assert_eq!(shown["train"].as_array().unwrap().len(), 100);
    assert!(shown["card"]["tasks"].as_str().unwrap().contains("U(0, 3)"));
    let traits = serde_json::json!({"oracle": false, "place": true, "picture": "physics"});
    assert_eq!(shown["traits"], traits);
}

/// What is in a GIF: width, height, and how many pictures.
fn gif(path: &Path) -> (u16, u16, usize) {
    let mut options = gif::DecodeOptions::new();
    options.set_color_output(gif::ColorOutput::RGBA);
    let mut decoder = options.read_info(std::fs::File::open(path).unwrap()).unwrap();
    let mut count = 0;
    while decoder.read_next_frame().unwrap().is_some() {
        count += 1;
    }
    (decoder.width(), decoder.height(), count)
}

/// Width, height and RGB of a PNG.
fn png(path: &Path) -> (u32, u32, Vec<u8>) {
    let file = std::io::BufReader::new(std::fs::File::open(path).unwrap());
    let mut reader = png::Decoder::new(file).read_info().unwrap();
    let mut pixels = vec![0; reader.output_buffer_size().unwrap()];
    reader.next_frame(&mut pixels).unwrap();
    (reader.info().width, reader.info().height, pixels)
}

fn render(arguments: &[&str], output: &Path) -> Output {
    actor(&["render"]).args(arguments).arg("-o").arg(output).output().unwrap()
}

#[test]
fn a_drawn_family_becomes_a_gif_with_all_moments() {
    let folder = tempfile::tempdir().unwrap();
    let film = folder.path().join("film.gif");
    let arguments = ["point-robot", "--episodes", "2", "--size", "200x160", "--every", "3"];
    let told = lines(&render(&arguments, &film));
    // Steps 0, 3 … 18 and the last one, 20.
    assert_eq!(gif(&film), (200, 160, 2 * 8));
    assert_eq!(told.last(), Some(&Event::Pictures { path: film.as_path().into(), count: 16 }));
    let left: Vec<_> = folder.path().read_dir().unwrap().collect();
    assert_eq!(left.len(), 1, "nothing but the film: {left:?}");
}

/// The middle of all pixels of a colour, as parts of the picture's sides.
fn middle((width, height, pixels): &(u32, u32, Vec<u8>), colour: [u8; 3]) -> Option<[f64; 2]> {
    let has = pixels.chunks_exact(3).zip(0..).filter(|(pixel, _)| *pixel == colour);
    let (mut sum, mut count) = ([0.0; 2], 0.0);
    for (_, position) in has {
        sum[0] += f64::from(position % width) + 0.5;
        sum[1] += f64::from(position / width) + 0.5;
        count += 1.0;
    }
    let sides = [f64::from(*width), f64::from(*height)];
    (count > 0.0).then(|| [sum[0] / count / sides[0], sum[1] / count / sides[1]])
}

#[test]
fn pictures_show_the_goal_where_it_is_and_words_above() {
    let folder = tempfile::tempdir().unwrap();
    // In test-0 and test-1 goals are on different sides of the plane.
    for index in 0..4 {
        let task = format!("test-{index}");
        let arguments = ["point-robot", "--task", &task, "--policy", "oracle", "--size", "400x400"];
        let pictures = folder.path().join(&task);
        lines(&render(&arguments, &pictures));
        assert_eq!(pictures.read_dir().unwrap().count(), 21);
        let start = png(&pictures.join("episode-0-step-0000.png"));
        let end = png(&pictures.join("episode-0-step-0020.png"));
        assert_eq!((start.0, start.1), (400, 400));
        let goal = |axis: usize| {
            envs::find("point-robot").unwrap().tasks(Split::Test)[index].parameters[axis].value
        };
        // The picture shows -2 to 2 along both axes, y upwards.
        let expected = [(goal(0) + 2.0) / 4.0, (2.0 - goal(1)) / 4.0];
        let green = middle(&start, [44, 160, 44]).unwrap();
        let blue = middle(&end, [31, 119, 180]).unwrap();
        for found in [green, blue] {
            let away = (found[0] - expected[0]).hypot(found[1] - expected[1]);
            assert!(away < 0.02, "{task}: {found:?}, expected {expected:?}");
        }
        let white = |picture: &(u32, u32, Vec<u8>)| {
            let band = &picture.2[..3 * 400 * 43];
            band.chunks_exact(3).filter(|pixel| **pixel == [255; 3]).count()
        };
        assert!(white(&start) > 300, "no words");
        assert_ne!(start.2[..3 * 400 * 43], end.2[..3 * 400 * 43], "the same words");
    }
}

#[test]
fn physics_become_pictures_where_there_is_a_renderer() {
    let folder = tempfile::tempdir().unwrap();
    let film = folder.path().join("film.gif");
    let output = render(&["cheetah-dir", "--every", "40", "--size", "160x120"], &film);
    if !output.status.success() && error(&output).contains("expected EGL or OSMesa") {
        eprintln!("SKIPPED: no pictures of physics were tested. {}", error(&output));
        return;
    }
    lines(&output);
    assert_eq!(gif(&film), (160, 120, 6));
}

#[test]
fn without_a_graphics_library_the_error_says_what_to_install() {
    let folder = tempfile::tempdir().unwrap();
    let libraries = folder.path().join("lib");
    std::fs::create_dir(&libraries).unwrap();
    // Found before those of the system, and of no use.
    for name in ["libEGL.so.1", "libOSMesa.so.8", "libOSMesa.so.6", "libOSMesa.so"] {
        std::fs::write(libraries.join(name), "no library").unwrap();
    }
    let film = folder.path().join("film.gif");
    let mut command = actor(&["render", "cheetah-vel", "-o", film.to_str().unwrap()]);
    let output = command.env("LD_LIBRARY_PATH", &libraries).output().unwrap();
    let error = error(&output);
    assert_eq!(output.status.code(), Some(1), "{error}");
    for part in ["EGL: ", "OSMesa: ", "apt-get install libegl1", "libosmesa6"] {
        assert!(error.contains(part), "{error}");
    }
    assert_eq!(folder.path().read_dir().unwrap().count(), 1, "half a film was left behind");
}
