//! Type-erased workers: one kernel, compiled for each instruction set, scalar and common d.

use std::marker::PhantomData;

use fearless_simd::Simd;

use super::gemm::{Any, Const, Dim};
use super::kernel::Tape;
use crate::lanes::{BLOCK, Dual, Isa, Lane, Packed, Real, WithSimd};
use crate::task::Drawn;

/// Where to evaluate: parameters and, for Hessian-vector products, a direction.
#[derive(Clone, Copy, Debug)]
pub struct Point<'a, T> {
    /// Parameters, [L, 2, d, d].
    pub params: &'a [T],
    /// Direction, as the parameters; ignored by workers for gradients.
    pub tangent: &'a [T],
}

/// Lane-wise sums over blocks of prompts, [`BLOCK`] lanes for each quantity.
pub trait Engine<T>: Send {
    /// Clears the sums and sets the point of evaluation.
    fn start(&mut self, point: &Point<'_, T>);
    /// Adds the squared residuals of a block.
    fn add_value(&mut self, block: &[T]);
    /// Adds squared residuals and their gradient.
    fn add_gradient(&mut self, block: &[T]);
    /// Squared residuals of one block, prompt by prompt.
    fn losses(&mut self, block: &[T], out: &mut [T; BLOCK]);
    /// Sum over the lanes of Σ r² and of gradient part `part` (1: its tangent along the direction).
    fn finish(&mut self, part: usize, grad: &mut [f64]) -> f64;
}

/// A scalar that models can be evaluated in: f32 and f64.
///
/// The kernels are compiled here, once, for every instruction set; a generic function would be
/// compiled again in every crate that trains.
pub trait Trained: Drawn {
    /// A worker for gradients.
    #[doc(hidden)]
    fn gradients(isa: Isa, depth: usize, d: usize) -> Box<dyn Engine<Self>>;
    /// A worker for Hessian-vector products.
    #[doc(hidden)]
    fn products(isa: Isa, depth: usize, d: usize) -> Box<dyn Engine<Self>>;
}

impl Trained for f32 {
    fn gradients(isa: Isa, depth: usize, d: usize) -> Box<dyn Engine<f32>> {
        isa.run(Build::<f32, Values> { depth, d, kind: PhantomData })
    }
    fn products(isa: Isa, depth: usize, d: usize) -> Box<dyn Engine<f32>> {
        isa.run(Build::<f32, Duals> { depth, d, kind: PhantomData })
    }
}

impl Trained for f64 {
    fn gradients(isa: Isa, depth: usize, d: usize) -> Box<dyn Engine<f64>> {
        isa.run(Build::<f64, Values> { depth, d, kind: PhantomData })
    }
    fn products(isa: Isa, depth: usize, d: usize) -> Box<dyn Engine<f64>> {
        isa.run(Build::<f64, Duals> { depth, d, kind: PhantomData })
    }
}

/// Chooses the lane type that goes with an instruction set.
trait Kind: 'static {
    type Lane<S: Simd, T: Real>: Lane<Token = S, Scalar = T>;
}
struct Values;
impl Kind for Values {
    type Lane<S: Simd, T: Real> = Packed<S, T>;
}
struct Duals;
impl Kind for Duals {
    type Lane<S: Simd, T: Real> = Dual<Packed<S, T>>;
}

struct Build<T, K> {
    depth: usize,
    d: usize,
    kind: PhantomData<(T, K)>,
}

impl<T: Real, K: Kind> WithSimd for Build<T, K> {
    type Output = Box<dyn Engine<T>>;
    fn with_simd<S: Simd>(self, token: S) -> Self::Output {
        let Build { depth, d, .. } = self;
        // The paper's d, and its neighbours that are studied most.
        match d {
            2 => Sums::<K::Lane<S, T>, _>::boxed(token, depth, Const::<2>),
            5 => Sums::<K::Lane<S, T>, _>::boxed(token, depth, Const::<5>),
            8 => Sums::<K::Lane<S, T>, _>::boxed(token, depth, Const::<8>),
            _ => Sums::<K::Lane<S, T>, _>::boxed(token, depth, Any(d)),
        }
    }
}

struct Sums<V: Lane, D> {
    token: V::Token,
    dim: D,
    params: Vec<V>,
    tape: Tape<V>,
    /// One sum per register that makes up a block.
    loss: Vec<V>,
    grad: Vec<V>,
}

impl<V: Lane, D: Dim> Sums<V, D> {
    fn boxed(token: V::Token, depth: usize, dim: D) -> Box<dyn Engine<V::Scalar>> {
        let d = dim.get();
        let zeros = |len: usize| vec![V::splat(token, 0.0); len];
        let registers = BLOCK / V::WIDTH;
        Box::new(Sums {
            token,
            dim,
            params: zeros(2 * depth * d * d),
            tape: Tape::new(token, depth, d),
            loss: zeros(registers),
            grad: zeros(2 * depth * d * d * registers),
        })
    }
}

impl<V: Lane, D: Dim> Engine<V::Scalar> for Sums<V, D> {
    fn start(&mut self, point: &Point<'_, V::Scalar>) {
        let Sums { token, params, loss, grad, .. } = self;
        token.vectorize(
            #[inline(always)]
            || {
                let zero = V::splat(*token, 0.0);
                loss.fill(zero);
                grad.fill(zero);
                for i in 0..params.len() {
                    params[i] = V::parameter(*token, point.params[i], point.tangent[i]);
                }
            },
        );
    }

    fn add_value(&mut self, block: &[V::Scalar]) {
        let Sums { token, dim, params, tape, loss, .. } = self;
        token.vectorize(
            #[inline(always)]
            || {
                for (register, loss) in loss.iter_mut().enumerate() {
                    let r = tape.forward(*dim, params, block, register * V::WIDTH);
                    *loss = r.mul_add(r, *loss);
                }
            },
        );
    }

    fn add_gradient(&mut self, block: &[V::Scalar]) {
        let Sums { token, dim, params, tape, loss, grad } = self;
        token.vectorize(
            #[inline(always)]
            || {
                let grads = grad.chunks_exact_mut(params.len());
                for ((register, loss), grad) in loss.iter_mut().enumerate().zip(grads) {
                    let r = tape.forward(*dim, params, block, register * V::WIDTH);
                    *loss = r.mul_add(r, *loss);
                    tape.reverse(*dim, params, r, grad);
                }
            },
        );
    }

    fn losses(&mut self, block: &[V::Scalar], out: &mut [V::Scalar; BLOCK]) {
        let Sums { token, dim, params, tape, .. } = self;
        token.vectorize(
            #[inline(always)]
            || {
                for (register, out) in out.chunks_exact_mut(V::WIDTH).enumerate() {
                    let r = tape.forward(*dim, params, block, register * V::WIDTH);
                    (r * r).store(0, out);
                }
            },
        );
    }

    fn finish(&mut self, part: usize, grad: &mut [f64]) -> f64 {
        let Sums { token, params, loss, grad: sums, .. } = self;
        token.vectorize(
            #[inline(always)]
            || {
                let len = params.len();
                for i in 0..grad.len() {
                    grad[i] = across_lanes(part, &sums[i..], len);
                }
                across_lanes(part, loss, 1)
            },
        )
    }
}

/// Sum of a block of lanes, held in every `stride`-th register, by halving: the same order for
/// every register width.
#[inline(always)]
fn across_lanes<V: Lane>(part: usize, registers: &[V], stride: usize) -> f64 {
    let mut x = [V::Scalar::default(); BLOCK];
    for r in 0..BLOCK / V::WIDTH {
        registers[r * stride].store(part, &mut x[r * V::WIDTH..][..V::WIDTH]);
    }
    let mut half = BLOCK / 2;
    while half > 0 {
        for i in 0..half {
            x[i] = x[i] + x[i + half];
        }
        half /= 2;
    }
    x[0].widen()
}
