use super::*;
use crate::{MlpSpec, gaussian, init};
use types::{Role, stream};

#[test]
fn every_machine_computes_the_same_bits() {
    let mlp = MlpSpec { input: 7, hidden: vec![45, 33], output: 19 };
    let network = Network { output_bound: 0.5, ..Network::new("any", mlp) };
    let mut rng = stream(3, Role::Initialise, 0, 0);
    let params = init::networks(std::slice::from_ref(&network), &mut rng).unwrap();
    let mut numbers = vec![0.; 6 * 7];
    gaussian::fill_standard_normal(&mut rng, &mut numbers);
    let run = |arch: Arch| -> Vec<u32> {
        let mut mlp = Mlp::for_machine(arch, &network, &params).unwrap();
        for (input, row) in mlp.inputs(6).zip(numbers.chunks(7)) {
            input.copy_from_slice(row);
        }
        mlp.forward().flatten().map(|v| v.to_bits()).collect()
    };
    let best = run(Arch::new());
    assert_eq!(best.len(), 6 * 19);
    assert_eq!(best, run(Arch::Scalar));
    #[cfg(target_arch = "x86_64")]
    if let Some(avx2) = pulp::x86::V3::try_new() {
        assert_eq!(best, run(Arch::V3(avx2)));
    }
}
