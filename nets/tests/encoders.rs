//! Every encoder and every posterior against what PyTorch computed
//! (`fixtures/record_encoders.py`), and what else is promised of them.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]
#![allow(clippy::print_stdout, reason = "differences, with `--nocapture`")]

use nets::{Beliefs, EncoderNet, EncoderSpec, Params};
use std::path::Path;

/// Largest difference allowed, absolute or relative to numbers above 1.
const TOLERANCE: f64 = 1e-5;

/// What was recorded for one encoder.
struct Fixture {
    name: String,
    spec: EncoderSpec,
    params: Params,
    /// Present rows of all contexts.
    rows: Vec<f32>,
    lengths: Vec<usize>,
}

impl Fixture {
    fn all() -> Vec<Self> {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/encoders");
        let files = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
        let fixtures: Vec<Self> = files.map(|file| Self::read(&file)).collect();
        assert!(fixtures.len() >= 13, "expected all recorded encoders, got {}", fixtures.len());
        fixtures
    }

    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "small counts")]
    fn read(file: &Path) -> Self {
        let (params, metadata) = Params::from_bytes(&std::fs::read(file).unwrap()).unwrap();
        let spec: EncoderSpec = serde_json::from_str(&metadata["spec"]).unwrap();
        let numbers = |name: &str| params.get(name).unwrap().data();
        let lengths: Vec<usize> = numbers("length").iter().map(|&length| length as usize).collect();
        let (width, size) = (spec.width(), spec.rows());
        let windows = numbers("rows").chunks(size * width).zip(&lengths);
        let present = windows.flat_map(|(window, length)| &window[(size - length) * width..]);
        let rows = present.copied().collect();
        let name = file.file_stem().unwrap().to_string_lossy().into_owned();
        Self { name, spec, rows, lengths, params }
    }

    fn get(&self, name: &str) -> &[f32] {
        self.params.get(name).unwrap().data()
    }

    fn encode(&self, rows: &[f32], lengths: &[usize]) -> Vec<f32> {
        let mut encoder = EncoderNet::from_params(&self.spec, &self.params).unwrap();
        let mut described = vec![0.; lengths.len() * self.spec.described_by()];
        encoder.encode(rows, lengths, &mut described).unwrap();
        described
    }

    fn close(&self, what: &str, got: &[f32]) {
        let expected = self.get(what);
        assert_eq!(got.len(), expected.len(), "{}: {what}", self.name);
        let pairs = got.iter().zip(expected).map(|(&g, &e)| (f64::from(g), f64::from(e)));
        let largest = pairs.map(|(g, e)| (g - e).abs() / e.abs().max(1.)).fold(0., f64::max);
        println!("{} {what}: {largest:.1e}", self.name);
        assert!(largest <= TOLERANCE, "{} {what}: got {got:?}, not {expected:?}", self.name);
    }
}

#[test]
fn every_encoder_is_that_of_pytorch() {
    for fixture in Fixture::all() {
        fixture.close("described", &fixture.encode(&fixture.rows, &fixture.lengths));
    }
}

#[test]
fn every_posterior_is_that_of_pytorch() {
    for fixture in Fixture::all() {
        let spec = &fixture.spec;
        let mut beliefs = Beliefs::new(spec);
        beliefs.read(fixture.get("described")).unwrap();
        fixture.close("mean", beliefs.mean());
        fixture.close("variance", beliefs.variance());
        let components: Vec<f32> = beliefs.components().iter().map(|&c| [0., 1., 2.][c]).collect();
        fixture.close("component", &components);
        let mut given = vec![0.; beliefs.len() * spec.given()];
        beliefs.observe(fixture.get("noise"), &mut given).unwrap();
        fixture.close("given", &given);
        beliefs.observe(&vec![0.; beliefs.len() * spec.noise()], &mut given).unwrap();
        fixture.close("given_mean", &given);
    }
}

#[test]
fn a_context_does_not_depend_on_its_company() {
    for fixture in Fixture::all() {
        let together = fixture.encode(&fixture.rows, &fixture.lengths);
        let mut rest = &fixture.rows[..];
        let each = together.chunks(fixture.spec.described_by());
        for (expected, &length) in each.zip(&fixture.lengths) {
            let (rows, others) = rest.split_at(length * fixture.spec.width());
            rest = others;
            assert_eq!(fixture.encode(rows, &[length]), expected, "{} {length}", fixture.name);
        }
    }
}
