//! Microseconds per environment step of HalfCheetah's PEARL policy: ours next to candle's tensors.
#![allow(clippy::print_stdout, reason = "prints a table")]

use candle_core::{Device, Tensor};
use nets::{Params, PolicyNet, PolicySpec, init};
use std::hint::black_box;
use std::time::Instant;
use types::{Role, stream};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let spec = PolicySpec { observation: 20, latent: 5, action: 6, hidden: vec![300, 300, 300] };
    let params = init::networks(&[spec.network()], &mut stream(1, Role::Initialise, 0, 0))?;
    let mut policy = PolicyNet::from_params(&spec, &params)?;
    let layers = candle_layers(&params)?;
    println!("rows   candle   ours   (µs per row, median of 21)");
    for rows in [1usize, 2, 4, 8, 16, 32] {
        let (observations, latents) = (vec![0.3; rows * 20], vec![-0.2; rows * 5]);
        let (noise, mut actions) = (vec![0.1; rows * 6], vec![0.; rows * 6]);
        let ours = median(rows, || {
            policy.act(&observations, &latents, Some(&noise), &mut actions)?;
            black_box(&actions);
            Ok(())
        })?;
        let inputs = vec![0.3f32; rows * 25];
        let candle = median(rows, || {
            black_box(candle_forward(&layers, &inputs)?);
            Ok(())
        })?;
        println!("{rows:4} {candle:8.2} {ours:6.2}");
    }
    Ok(())
}

type Outcome<T> = Result<T, Box<dyn std::error::Error>>;

fn candle_layers(params: &Params) -> Outcome<Vec<(Tensor, Tensor)>> {
    let tensor = |t: &nets::Tensor| Tensor::from_slice(t.data(), t.shape(), &Device::Cpu);
    let pairs = params.tensors().chunks(2);
    pairs.map(|pair| Ok((tensor(&pair[0])?.t()?.contiguous()?, tensor(&pair[1])?))).collect()
}

fn candle_forward(layers: &[(Tensor, Tensor)], inputs: &[f32]) -> Outcome<Vec<f32>> {
    let mut x = Tensor::from_slice(inputs, (inputs.len() / 25, 25), &Device::Cpu)?;
    for (index, (weight, bias)) in layers.iter().enumerate() {
        let y = x.matmul(weight)?.broadcast_add(bias)?;
        x = if index + 1 == layers.len() { y } else { y.relu()? };
    }
    Ok(x.flatten_all()?.to_vec1()?)
}

fn median(rows: usize, mut call: impl FnMut() -> Outcome<()>) -> Outcome<f64> {
    let calls = u32::try_from(4000 / rows)?;
    let mut times = Vec::new();
    for _ in 0..21 {
        let start = Instant::now();
        for _ in 0..calls {
            call()?;
        }
        times.push(start.elapsed().as_secs_f64() * 1e6);
    }
    times.sort_by(f64::total_cmp);
    Ok(times[times.len() / 2] / f64::from(calls) / f64::from(u32::try_from(rows)?))
}
