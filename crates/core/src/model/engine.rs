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
    /// Adds the squared residuals of a block and their gradient.
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
}

impl Trained for f32 {
    fn gradients(isa: Isa, depth: usize, d: usize) -> Box<dyn Engine<f32>> {
        isa.run(Gradients { depth, d, scalar: PhantomData })
    }
}

impl Trained for f64 {
    fn gradients(isa: Isa, depth: usize, d: usize) -> Box<dyn Engine<f64>> {
        isa.run(Gradients { depth, d, scalar: PhantomData })
    }
}

/// A worker for Hessian-vector products, in double precision only: instruments report them.
pub(super) fn products(isa: Isa, depth: usize, d: usize) -> Box<dyn Engine<f64>> {
    isa.run(Products { depth, d })
}

struct Gradients<T> {
    depth: usize,
    d: usize,
    scalar: PhantomData<T>,
}

impl<T: Real> WithSimd for Gradients<T> {
    type Output = Box<dyn Engine<T>>;
    fn with_simd<S: Simd>(self, token: S) -> Self::Output {
        let depth = self.depth;
        // The paper's d, and its neighbours that are studied most; more cost compile time.
        match self.d {
            2 => Sums::<Packed<S, T>, _>::boxed(token, depth, Const::<2>),
            5 => Sums::<Packed<S, T>, _>::boxed(token, depth, Const::<5>),
            8 => Sums::<Packed<S, T>, _>::boxed(token, depth, Const::<8>),
            d => Sums::<Packed<S, T>, _>::boxed(token, depth, Any(d)),
        }
    }
}

struct Products {
    depth: usize,
    d: usize,
}

impl WithSimd for Products {
    type Output = Box<dyn Engine<f64>>;
    fn with_simd<S: Simd>(self, token: S) -> Self::Output {
        match self.d {
            5 => Sums::<Dual<Packed<S, f64>>, _>::boxed(token, self.depth, Const::<5>),
            d => Sums::<Dual<Packed<S, f64>>, _>::boxed(token, self.depth, Any(d)),
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

    fn add_gradient(&mut self, block: &[V::Scalar]) {
        let Sums { token, dim, params, tape, loss, grad } = self;
        token.vectorize(
            #[inline(always)]
            || {
                let grads = grad.chunks_exact_mut(params.len());
                for ((register, loss), grad) in loss.iter_mut().enumerate().zip(grads) {
                    let r = tape.forward(*dim, params, block, register * V::WIDTH);
                    *loss = *loss + r * r;
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

/// Sum of a block of lanes held in every `stride`-th register, in the same order for every width.
#[inline(always)]
fn across_lanes<V: Lane>(part: usize, registers: &[V], stride: usize) -> f64 {
    let mut x = [V::Scalar::default(); BLOCK];
    for r in 0..BLOCK / V::WIDTH {
        registers[r * stride].store(part, &mut x[r * V::WIDTH..][..V::WIDTH]);
    }
    halved(x)
}

/// Sum of a block of lanes by halving.
#[inline(always)]
pub(super) fn halved<T: Real>(mut x: [T; BLOCK]) -> f64 {
    let mut half = BLOCK / 2;
    while half > 0 {
        for i in 0..half {
            x[i] += x[i + half];
        }
        half /= 2;
    }
    x[0].widen()
}
