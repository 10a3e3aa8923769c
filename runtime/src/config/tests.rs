use super::*;
use serde::Deserialize;

#[derive(Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
struct Whole {
    name: String,
    budget: Budget,
    learner: Learner,
}

#[derive(Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
struct Budget {
    env_steps: u64,
}

#[derive(Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
struct Learner {
    rate: f64,
    hidden: Vec<usize>,
    device: Device,
}

#[derive(Debug, PartialEq, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Device {
    Auto,
    Cpu,
}

const FILE: &str = "name = \"a\"\n[budget]\nenv_steps = 10\n\
    [learner]\nrate = 1\nhidden = [3, 3]\ndevice = \"cpu\"\n";

fn load_text(text: &str, environment: &[(&str, &str)], set: &[&str]) -> Result<Whole, String> {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("x.toml");
    std::fs::write(&file, text).unwrap();
    let environment =
        environment.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    let set: Vec<String> = set.iter().map(|pair| (*pair).to_owned()).collect();
    load_with(&file, environment, &set).map_err(|error| error.to_string())
}

#[test]
fn later_layers_win_and_other_variables_are_left_alone() {
    let environment = [
        ("PROTEUS_BUDGET__ENV_STEPS", "20"),
        ("PROTEUS__NAME", "from-environment"),
        ("PROTEUS_MODELS", "/somewhere"),
        ("PROTEUS_LEARNER__RATE", "0.5"),
        ("HOME", "/root"),
    ];
    let set = ["budget.env_steps=30", "learner.hidden=[5]", "learner.device=auto"];
    let whole = load_text(FILE, &environment, &set).unwrap();
    let expected = Whole {
        name: "from-environment".to_owned(),
        budget: Budget { env_steps: 30 },
        learner: Learner { rate: 0.5, hidden: vec![5], device: Device::Auto },
    };
    assert_eq!(whole, expected);
}

/// Environment, one override, and what the error must say.
type Case = (&'static [(&'static str, &'static str)], &'static str, &'static [&'static str]);

#[test]
fn each_mistake_names_layer_key_expected_and_got() {
    let cases: &[Case] = &[
        (
            &[],
            "budget.env_stepz=1",
            &["--set budget.env_stepz=1", "did you mean `budget.env_steps`?"],
        ),
        (&[], "bugdet.env_steps=1", &["unknown key `bugdet`", "did you mean `budget`?"]),
        (
            &[("PROTEUS_BUDGET__ENV_STEP", "1")],
            "name=b",
            &["PROTEUS_BUDGET__ENV_STEP", "did you mean `budget.env_steps`?"],
        ),
        (&[], "learner.quux=1", &["unknown key `learner.quux`", "rate, hidden, device"]),
        (
            &[],
            "budget.env_steps=many",
            &["`budget.env_steps`", "expected a whole number, 0 or above, got string \"many\""],
        ),
        (&[], "budget.env_steps=1.5", &["got floating point `1.5`"]),
        (&[], "budget.env_steps=-1", &["got integer `-1`"]),
        (&[], "budget=1", &["`budget`", "expected a section of keys, got integer `1`"]),
        (&[], "learner.hidden=[1, x]", &["`learner.hidden`", "expected a list"]),
        (&[], "learner.hidden=[1, \"x\"]", &["`learner.hidden[1]`", "--set"]),
        (&[], "learner.device=cpuu", &["`learner.device`", "did you mean `cpu`?"]),
        (&[], "budget.env_steps", &["expected key=value"]),
    ];
    for (environment, set, wanted) in cases {
        let error = load_text(FILE, environment, &[set]).unwrap_err();
        for part in *wanted {
            assert!(error.contains(part), "{set}: expected {part:?} in {error:?}");
        }
    }
}

#[test]
fn a_file_that_is_absent_broken_or_incomplete_says_so() {
    let absent = load_with::<Whole>(Path::new("no/such.toml"), [], &[]).unwrap_err();
    assert!(absent.to_string().contains("no/such.toml: expected a TOML file"), "{absent}");
    let broken = load_text("name = [", &[], &[]).unwrap_err();
    assert!(broken.contains("x.toml: expected TOML"), "{broken}");
    let incomplete = load_text("name = \"a\"\n[budget]\n[learner]\n", &[], &[]).unwrap_err();
    assert!(incomplete.contains("missing key `budget.env_steps`"), "{incomplete}");
}
