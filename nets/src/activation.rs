//! tanh and the logistic function on vectors.
//!
//! The functions of a C library differ from machine to machine and take one number at a time. Here
//! tanh(x) = x P(x²)/Q(x²) for |x| ≤ 9, and constant beyond, where it is within 3e-8 of ±1. The
//! coefficients are fitted by `fixtures/fit_tanh.py`; the error is below 4e-7, rounding included.
//! There is nothing in it but fused multiply-adds, products, one division, minimum and maximum,
//! each rounded the same everywhere, so the bits do not depend on the width of the registers.

use pulp::Simd;

const LIMIT: f32 = 9.0;
/// P from the constant on.
const ABOVE: [f32; 5] = [1.0, 0.133_810_2, 0.003_495_582_8, 2.060_899_5e-5, 1.335_454_5e-8];
/// Q from the constant on.
const BELOW: [f32; 5] = [1.0, 0.467_143_36, 0.025_876_962, 0.000_328_562_6, 7.776_509_4e-7];

/// tanh(x), to 4e-7.
#[inline(always)]
pub(crate) fn tanh<S: Simd>(simd: S, x: S::f32s) -> S::f32s {
    let x = simd.min_f32s(simd.max_f32s(x, simd.splat_f32s(-LIMIT)), simd.splat_f32s(LIMIT));
    let square = simd.mul_f32s(x, x);
    let above = simd.mul_f32s(x, horner(simd, ABOVE, square));
    simd.div_f32s(above, horner(simd, BELOW, square))
}

/// 1/(1 + e⁻ˣ) = ½ + ½ tanh(x/2), to 2e-7.
#[inline(always)]
pub(crate) fn sigmoid<S: Simd>(simd: S, x: S::f32s) -> S::f32s {
    let half = simd.splat_f32s(0.5);
    simd.mul_add_f32s(half, tanh(simd, simd.mul_f32s(half, x)), half)
}

#[inline(always)]
fn horner<S: Simd>(simd: S, coefficients: [f32; 5], x: S::f32s) -> S::f32s {
    let [c0, c1, c2, c3, c4] = coefficients.map(|c| simd.splat_f32s(c));
    let sum = simd.mul_add_f32s(c4, x, c3);
    let sum = simd.mul_add_f32s(sum, x, c2);
    let sum = simd.mul_add_f32s(sum, x, c1);
    simd.mul_add_f32s(sum, x, c0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use pulp::{Arch, WithSimd};

    struct Tanh<'a>(&'a mut [f32]);

    impl WithSimd for Tanh<'_> {
        type Output = ();

        #[inline(always)]
        fn with_simd<S: Simd>(self, simd: S) {
            let (vectors, rest) = S::as_mut_simd_f32s(self.0);
            assert!(rest.is_empty());
            for x in vectors {
                *x = tanh(simd, *x);
            }
        }
    }

    fn on(arch: Arch) -> (Vec<f32>, Vec<f32>) {
        let x: Vec<f32> = (-16_000i16..16_000).map(|i| f32::from(i) * 1e-3).collect();
        let mut y = x.clone();
        arch.dispatch(Tanh(&mut y));
        (x, y)
    }

    #[test]
    fn the_error_is_below_what_is_said_far_and_near() {
        let (x, y) = on(Arch::new());
        for (x, y) in x.iter().zip(&y) {
            let exact = libm::tanh(f64::from(*x));
            let error = (f64::from(*y) - exact).abs();
            assert!(error <= 4e-7 * exact.abs(), "tanh({x}): expected {exact}, got {y}");
        }
    }

    #[test]
    fn every_machine_computes_the_same_bits() {
        let bits = |arch| -> Vec<u32> { on(arch).1.iter().map(|y| y.to_bits()).collect() };
        let best = bits(Arch::new());
        assert_eq!(best, bits(Arch::Scalar));
        #[cfg(target_arch = "x86_64")]
        if let Some(avx2) = pulp::x86::V3::try_new() {
            assert_eq!(best, bits(Arch::V3(avx2)));
        }
    }
}
