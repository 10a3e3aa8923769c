//! The matrix products of one PEARL update.

use learner::method::MethodSpec;
use std::collections::HashMap;
use std::collections::hash_map::Entry;
use tch::{Device, Kind, Tensor};
use types::Experiment;
use types::experiment::CriticForm;

/// What has a gradient in a pass through a network.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Wanted {
    /// Nothing.
    Forward,
    /// Its parameters.
    Parameters,
    /// Its input.
    Input,
    /// Both.
    All,
}

/// One product.
#[derive(Debug)]
struct Product {
    left: Tensor,
    right: Tensor,
    out: Tensor,
}

/// All of them, in order. Arrays of equal shape are shared.
#[derive(Debug)]
pub(super) struct Products {
    products: Vec<Product>,
    flops: f64,
    arrays: HashMap<[i64; 2], [Tensor; 3]>,
    device: Device,
}

impl Products {
    /// Those of the passes that an update with these sizes makes.
    pub(super) fn new(
        experiment: &Experiment,
        spec: &MethodSpec,
        device: Device,
    ) -> anyhow::Result<Self> {
        let mut all = Self { products: Vec::new(), flops: 0.0, arrays: HashMap::new(), device };
        let tasks = experiment.learner.tasks;
        let (n, context) =
            (tasks * experiment.learner.transitions, tasks * experiment.inference.context_size());
        let layers = |mlp: nets::MlpSpec| mlp.layers();
        let policy = of_network(&spec.agent.policy.network());
        let (q, v) = (layers(spec.critics.q()), layers(spec.critics.v()));
        for network in spec.agent.encoder.networks() {
            all.pass(context, &of_network(&network), Wanted::Parameters)?;
        }
        all.pass(n, &policy, Wanted::Parameters)?;
        for _twin in 0..2 {
            // The latent in the input leads to the encoder, the action to the policy.
            all.pass(n, &q, Wanted::All)?;
            all.pass(n, &q, Wanted::Input)?;
        }
        match spec.critics.form {
            CriticForm::TwinQ => {
                all.pass(n, &policy, Wanted::Forward)?;
                all.pass(n, &q, Wanted::Forward)?;
                all.pass(n, &q, Wanted::Forward)?;
            }
            CriticForm::VNetwork => {
                all.pass(n, &v, Wanted::Forward)?;
                all.pass(n, &v, Wanted::Parameters)?;
            }
        }
        Ok(all)
    }

    /// Multiplications and additions.
    pub(super) fn flops(&self) -> f64 {
        self.flops
    }

    /// Multiplies.
    pub(super) fn run(&self) -> anyhow::Result<()> {
        for product in &self.products {
            drop(product.left.f_mm_out(&product.out, &product.right)?);
        }
        Ok(())
    }

    /// `rows` through a network and back: x Wᵀ, gᵀ x, g W.
    fn pass(
        &mut self,
        rows: usize,
        layers: &[nets::LayerShape],
        wanted: Wanted,
    ) -> anyhow::Result<()> {
        let rows = rows as i64;
        for (index, layer) in layers.iter().enumerate() {
            let (input, output) = (layer.input as i64, layer.output as i64);
            let [x, _, x_gradient] = self.arrays(rows, input)?;
            let [_, y_gradient, y] = self.arrays(rows, output)?;
            let [weight, _, weight_gradient] = self.arrays(output, input)?;
            self.push(&x, &weight.f_transpose(0, 1)?, y);
            if matches!(wanted, Wanted::Parameters | Wanted::All) {
                self.push(&y_gradient.f_transpose(0, 1)?, &x, weight_gradient);
            }
            let through = index > 0 && wanted == Wanted::Parameters;
            if through || matches!(wanted, Wanted::Input | Wanted::All) {
                self.push(&y_gradient, &weight, x_gradient);
            }
        }
        Ok(())
    }

    fn push(&mut self, left: &Tensor, right: &Tensor, out: Tensor) {
        let (rows, inner, columns) = (left.size()[0], left.size()[1], right.size()[1]);
        self.flops += 2.0 * (rows * inner * columns) as f64;
        let (left, right) = (left.shallow_clone(), right.shallow_clone());
        self.products.push(Product { left, right, out });
    }

    /// Three arrays of a shape: a value, a gradient, and one that results go to.
    fn arrays(&mut self, rows: i64, columns: i64) -> anyhow::Result<[Tensor; 3]> {
        let options = (Kind::Float, self.device);
        let random = || Tensor::f_randn([rows, columns], options);
        let found = match self.arrays.entry([rows, columns]) {
            Entry::Occupied(found) => found.into_mut(),
            Entry::Vacant(place) => place.insert([random()?, random()?, random()?]),
        };
        Ok(found.each_ref().map(Tensor::shallow_clone))
    }
}

/// Its linear layers.
fn of_network(network: &nets::Network) -> Vec<nets::LayerShape> {
    match &network.block {
        nets::Block::Mlp(mlp) => mlp.layers(),
        nets::Block::Norm { .. } | nets::Block::Table { .. } => Vec::new(),
    }
}
