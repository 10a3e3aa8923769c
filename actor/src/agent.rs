//! The networks of one version of the weights, ready to act and to infer.

use crate::Error;
use nets::{AgentSpec, MlpSpec, Params};
use types::Version;

/// TEMPORARY: stands in until `nets` has its own.
#[derive(Debug)]
pub(crate) struct Posterior {
    precision: Vec<f64>,
    weighted: Vec<f64>,
}

impl Posterior {
    pub(crate) fn new(latent: usize) -> Self {
        Self { precision: vec![0.; latent], weighted: vec![0.; latent] }
    }
    pub(crate) fn clear(&mut self) {
        self.precision.fill(0.);
        self.weighted.fill(0.);
    }
    #[allow(clippy::cast_possible_truncation, reason = "temporary")]
    pub(crate) fn shift(&self, z: &mut [f32]) {
        for (i, z) in z.iter_mut().enumerate() {
            let var = 1. / self.precision[i];
            *z = (self.weighted[i] * var + f64::from(*z) * var.sqrt()) as f32;
        }
    }
}

#[derive(Debug)]
struct Mlp {
    layers: Vec<(usize, usize, Vec<f32>, Vec<f32>)>,
}

impl Mlp {
    fn new(name: &str, spec: &MlpSpec, params: &Params) -> Self {
        let layers = spec.layers().into_iter().enumerate().map(|(i, l)| {
            let get = |what: &str| {
                params
                    .get(&format!("{name}.{i}.{what}"))
                    .map(|t| t.data().to_vec())
                    .unwrap_or_default()
            };
            (l.input, l.output, get("weight"), get("bias"))
        });
        Self { layers: layers.collect() }
    }
    fn forward(&self, mut x: Vec<f32>) -> Vec<f32> {
        for (n, (input, output, w, b)) in self.layers.iter().enumerate() {
            let mut y = b.clone();
            for o in 0..*output {
                let mut sum = 0.;
                for i in 0..*input {
                    sum += w[o * input + i] * x[i];
                }
                y[o] += sum;
                if n + 1 < self.layers.len() {
                    y[o] = y[o].max(0.);
                }
            }
            x = y;
        }
        x
    }
}

/// Policy and encoder of one version.
#[derive(Debug)]
pub struct Agent {
    version: Version,
    spec: AgentSpec,
    policy: Mlp,
    encoder: Mlp,
}

impl Agent {
    /// Networks with these parameters, for inference on up to `rows` rows at once.
    ///
    /// # Errors
    /// [`Error::Networks`] if the parameters are not those of `spec`.
    pub fn new(
        spec: &AgentSpec,
        params: &Params,
        version: Version,
        _rows: usize,
    ) -> Result<Self, Error> {
        Ok(Self {
            version,
            spec: spec.clone(),
            policy: Mlp::new("policy", &spec.policy.network().mlp, params),
            encoder: Mlp::new("encoder", &spec.encoder.network().mlp, params),
        })
    }

    /// Reads weights as they are published, and checks that they are those of `expected`.
    ///
    /// # Errors
    /// [`Error::Networks`] if the bytes are no weights; [`Error::OtherAgent`].
    pub fn load(
        expected: &AgentSpec,
        bytes: &[u8],
        version: Version,
        rows: usize,
    ) -> Result<Self, Error> {
        let (spec, params) = nets::read_agent(bytes)?;
        if spec != *expected {
            let json = |spec: &AgentSpec| serde_json::to_string(spec).unwrap_or_default();
            return Err(Error::OtherAgent { expected: json(expected), got: json(&spec) });
        }
        Self::new(expected, &params, version, rows)
    }

    /// Which weights these are.
    #[must_use]
    pub fn version(&self) -> Version {
        self.version
    }

    pub(crate) fn act(
        &mut self,
        observations: &[f32],
        latents: &[f32],
        noise: &[f32],
        actions: &mut [f32],
    ) {
        let p = &self.spec.policy;
        for r in 0..actions.len() / p.action {
            let mut x = observations[r * p.observation..(r + 1) * p.observation].to_vec();
            x.extend_from_slice(&latents[r * p.latent..(r + 1) * p.latent]);
            let y = self.policy.forward(x);
            for a in 0..p.action {
                let std = y[p.action + a].clamp(-20., 2.).exp();
                actions[r * p.action + a] = (y[a] + std * noise[r * p.action + a]).tanh();
            }
        }
    }

    pub(crate) fn encode(&mut self, rows: &[f32], posterior: &mut Posterior) {
        let latent = self.spec.encoder.latent();
        for row in rows.chunks_exact(self.spec.encoder.width()) {
            let y = self.encoder.forward(row.to_vec());
            for i in 0..latent {
                let var = f64::from(y[latent + i].exp().ln_1p().max(1e-7));
                posterior.precision[i] += 1. / var;
                posterior.weighted[i] += f64::from(y[i]) / var;
            }
        }
    }
}

#[cfg(test)]
impl Agent {
    /// The posterior of a whole context at once.
    pub(crate) fn infer_all(&mut self, rows: &[f32]) -> Posterior {
        let mut posterior = Posterior::new(self.spec.encoder.latent());
        self.encode(rows, &mut posterior);
        posterior
    }
}
