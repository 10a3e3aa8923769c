//! What users write, and what is nested in it.

use crate::wire::agent;
use crate::{SLACK, damaged, peak_of};
use proptest::prelude::*;

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1024))]

    #[test]
    fn layers_of_configuration(
        bytes in damaged(include_bytes!("../../../configs/quickstart.toml").to_vec()),
        variable in "PROTEUS_(_|[A-Z_]{0,8}__)[A-Z_]{0,8}",
        pair in "[a-z._]{0,12}=?.{0,20}",
        value in ".{0,40}",
    ) {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("x.toml");
        std::fs::write(&file, &bytes).unwrap();
        let length = bytes.len() + variable.len() + pair.len() + value.len();
        let peak = peak_of(|| {
            let environment = [(variable.clone(), value.clone())];
            let set = std::slice::from_ref(&pair);
            let loaded: Result<types::Experiment, _> =
                runtime::config::load_with(&file, environment, set);
            loaded.map(|experiment| experiment.validate())
        });
        prop_assert!(peak <= 400 * length + 4 * SLACK, "{peak} bytes for {length}");
    }
}

/// What is nested deeply must not use up the stack.
#[test]
fn deep_nesting_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("x.toml");
    let (open, close) = ("[".repeat(100_000), "]".repeat(100_000));
    let load = |text: &str, set: &[String]| {
        std::fs::write(&file, text).unwrap();
        let loaded: Result<types::Experiment, _> = runtime::config::load_with(&file, [], set);
        loaded.map(drop).unwrap_err().to_string()
    };
    load(&format!("name = {open}{close}"), &[]);
    load("", &[format!("name={open}{close}")]);
    load(&format!("name = {}", "{ a = ".repeat(100_000)), &[]);
    load("", &[format!("{}a=1", "a.".repeat(50_000))]);
    load(&format!("{}a = 1", "a.".repeat(50_000)), &[]);
    load(&format!("[{}a]", "a.".repeat(50_000)), &[]);

    let (spec, good) = agent();
    let (params, mut metadata) = nets::Params::from_bytes(&good).unwrap();
    metadata.insert("spec".to_owned(), format!("{open}{close}"));
    nets::read_agent(&params.to_bytes(&metadata)).unwrap_err();
    let header = format!("{{\"a\":{open}{close}}}");
    let bytes = [&(header.len() as u64).to_le_bytes()[..], header.as_bytes()].concat();
    nets::Params::from_bytes(&bytes).unwrap_err();
    assert_eq!(nets::read_agent(&good).unwrap().0, spec);
}
