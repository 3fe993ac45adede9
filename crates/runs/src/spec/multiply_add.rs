//! The multiply-add of a processor, on which the numbers of a run depend besides its spec.

use std::hint::black_box;

use fearless_simd::Simd;
use serde::{Deserialize, Serialize};
use windtunnel_math::lanes::{Isa, Lane, Packed, Real, WithSimd};

/// Rounding of a·b + c in the kernels, which changes the last bits of their numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum MultiplyAdd {
    /// Rounded once: AVX-512, AVX2 with FMA, NEON.
    Fused,
    /// Rounded twice, first the product: SSE, WebAssembly, plain scalars.
    Separate,
}

impl MultiplyAdd {
    /// Both variants.
    pub const ALL: [MultiplyAdd; 2] = [MultiplyAdd::Fused, MultiplyAdd::Separate];

    /// Multiply-add of this machine's widest instruction set.
    pub fn here() -> MultiplyAdd {
        MultiplyAdd::of(Isa::detect())
    }

    /// Multiply-add of an instruction set, found by a product of which rounding loses a part.
    pub fn of(isa: Isa) -> MultiplyAdd {
        isa.run(Probe)
    }

    /// `fused` or `separate`.
    pub fn name(self) -> &'static str {
        match self {
            MultiplyAdd::Fused => "fused",
            MultiplyAdd::Separate => "separate",
        }
    }
}

struct Probe;

impl WithSimd for Probe {
    type Output = MultiplyAdd;

    fn with_simd<S: Simd>(self, token: S) -> MultiplyAdd {
        match keeps_product::<S, f32>(token, 13) && keeps_product::<S, f64>(token, 27) {
            true => MultiplyAdd::Fused,
            false => MultiplyAdd::Separate,
        }
    }
}

/// Whether (1 + ε)² − (1 + 2ε) is ε² for ε = 2^−`digits`: zero if the square was rounded.
#[inline(always)]
fn keeps_product<S: Simd, T: Real>(token: S, digits: i32) -> bool {
    let eps = 0.5_f64.powi(digits);
    let x = Packed::<S, T>::splat(token, black_box(1.0 + eps));
    let rest = x.mul_add(x, Packed::splat(token, black_box(-1.0 - 2.0 * eps)));
    let mut lanes = [T::zero(); windtunnel_math::lanes::BLOCK];
    rest.store(0, &mut lanes[..Packed::<S, T>::WIDTH]);
    lanes[0].widen() == eps * eps
}
