//! Type-erased workers: one kernel, compiled for each instruction set, scalar and common d.

use std::marker::PhantomData;

use fearless_simd::Simd;

use super::kernel::{Tape, Weights};
use super::matrix::{Any, Const, Dim};
use crate::lanes::{BLOCK, Dual, Isa, Lane, Packed, Real, WithSimd};
use crate::task::Drawn;

/// Where to evaluate: parameters and, for Hessian-vector products, a direction.
#[derive(Clone, Copy, Debug)]
pub struct Point<'a, T> {
    /// Parameters, [L, 2, d, d]; a worker also takes models of fewer layers than its own.
    pub params: &'a [T],
    /// Direction, as the parameters; ignored by workers for gradients.
    pub tangent: &'a [T],
}

/// Lane-wise sums over blocks of prompts, [`BLOCK`] lanes for each quantity.
pub trait Engine<T>: Send {
    /// Clears the sums and sets the point of evaluation.
    fn start(&mut self, point: &Point<'_, T>);
    /// Adds the squared residuals of a block and their gradient.
    fn add_gradient(&mut self, block: &[[T; BLOCK]]);
    /// Squared residuals of one block, prompt by prompt.
    fn losses(&mut self, block: &[[T; BLOCK]], out: &mut [T; BLOCK]);
    /// Squared residuals of one block and the gradient of each, [BLOCK, p] to `grads`; the sums
    /// must be at zero, and stay so.
    fn prompt_gradients(
        &mut self,
        block: &[[T; BLOCK]],
        losses: &mut [T; BLOCK],
        grads: &mut [f64],
    );
    /// Replaces a block of prompts by what the first layer makes of them.
    fn advance(&mut self, block: &mut [[T; BLOCK]]);
    /// Sum over the lanes of Σ r² and of gradient part `part` (1: its tangent along the direction);
    /// leaves the sums at zero.
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

struct Sums<V: Lane, D: Dim> {
    token: V::Token,
    /// Layers of the point of evaluation, the first of `params`.
    depth: usize,
    params: Vec<Weights<V, D>>,
    tape: Tape<V, D>,
    /// One sum per register that makes up a block.
    registers: Vec<Sum<V, D>>,
}

struct Sum<V: Lane, D: Dim> {
    loss: V,
    grad: Vec<Weights<V, D>>,
}

impl<V: Lane, D: Dim> Sums<V, D> {
    fn boxed(token: V::Token, depth: usize, dim: D) -> Box<dyn Engine<V::Scalar>> {
        let zero = V::splat(token, 0.0);
        let weights = || (0..depth).map(|_| Weights::filled(dim, zero)).collect();
        let sum = || Sum { loss: zero, grad: weights() };
        Box::new(Sums {
            token,
            depth,
            params: weights(),
            tape: Tape::new(token, dim, depth),
            registers: (0..BLOCK / V::WIDTH).map(|_| sum()).collect(),
        })
    }
}

impl<V: Lane, D: Dim> Engine<V::Scalar> for Sums<V, D> {
    fn start(&mut self, point: &Point<'_, V::Scalar>) {
        let Sums { token, depth, tape, params, registers } = self;
        let d = tape.dim().get();
        *depth = point.params.len() / (2 * d * d);
        token.vectorize(
            #[inline(always)]
            || {
                let zero = V::splat(*token, 0.0);
                let mut index = 0;
                for (l, weights) in params[..*depth].iter_mut().enumerate() {
                    for register in registers.iter_mut() {
                        register.grad[l] = Weights::filled(tape.dim(), zero);
                    }
                    for matrix in [&mut weights.p, &mut weights.q] {
                        for i in 0..d {
                            for j in 0..d {
                                let (value, tangent) = (point.params[index], point.tangent[index]);
                                matrix[i][j] = V::parameter(*token, value, tangent);
                                index += 1;
                            }
                        }
                    }
                }
                for register in registers.iter_mut() {
                    register.loss = zero;
                }
            },
        );
    }

    fn add_gradient(&mut self, block: &[[V::Scalar; BLOCK]]) {
        let Sums { token, depth, params, tape, registers } = self;
        let params = &params[..*depth];
        token.vectorize(
            #[inline(always)]
            || {
                for (register, sum) in registers.iter_mut().enumerate() {
                    let r = tape.forward(params, block, register * V::WIDTH);
                    sum.loss = sum.loss + r * r;
                    tape.reverse(params, r, &mut sum.grad);
                }
            },
        );
    }

    fn losses(&mut self, block: &[[V::Scalar; BLOCK]], out: &mut [V::Scalar; BLOCK]) {
        let Sums { token, depth, params, tape, .. } = self;
        let params = &params[..*depth];
        token.vectorize(
            #[inline(always)]
            || {
                for (register, out) in out.chunks_exact_mut(V::WIDTH).enumerate() {
                    let r = tape.forward(params, block, register * V::WIDTH);
                    (r * r).store(0, out);
                }
            },
        );
    }

    fn prompt_gradients(
        &mut self,
        block: &[[V::Scalar; BLOCK]],
        losses: &mut [V::Scalar; BLOCK],
        grads: &mut [f64],
    ) {
        let Sums { token, depth, params, tape, registers } = self;
        let (params, d) = (&params[..*depth], tape.dim().get());
        let size = 2 * *depth * d * d;
        token.vectorize(
            #[inline(always)]
            || {
                let zero = V::splat(*token, 0.0);
                let prompts = grads.chunks_exact_mut(V::WIDTH * size);
                for (register, (sum, out)) in registers.iter_mut().zip(prompts).enumerate() {
                    let r = tape.forward(params, block, register * V::WIDTH);
                    (r * r).store(0, &mut losses[register * V::WIDTH..][..V::WIDTH]);
                    tape.reverse(params, r, &mut sum.grad);
                    let mut index = 0;
                    for weights in &mut sum.grad[..*depth] {
                        for matrix in [&mut weights.p, &mut weights.q] {
                            for i in 0..d {
                                for j in 0..d {
                                    let mut lanes = [V::Scalar::default(); BLOCK];
                                    let entry = std::mem::replace(&mut matrix[i][j], zero);
                                    entry.store(0, &mut lanes[..V::WIDTH]);
                                    for (lane, value) in lanes[..V::WIDTH].iter().enumerate() {
                                        out[lane * size + index] = value.widen();
                                    }
                                    index += 1;
                                }
                            }
                        }
                    }
                }
            },
        );
    }

    fn advance(&mut self, block: &mut [[V::Scalar; BLOCK]]) {
        let Sums { token, params, tape, registers, .. } = self;
        token.vectorize(
            #[inline(always)]
            || {
                for register in 0..registers.len() {
                    tape.advance(&params[0], block, register * V::WIDTH);
                }
            },
        );
    }

    fn finish(&mut self, part: usize, grad: &mut [f64]) -> f64 {
        let Sums { token, depth, tape, registers, .. } = self;
        let d = tape.dim().get();
        token.vectorize(
            #[inline(always)]
            || {
                let mut half = registers.len() / 2;
                while half > 0 {
                    let (sums, others) = registers.split_at_mut(half);
                    for (sum, other) in sums.iter_mut().zip(others) {
                        sum.take(*token, other, *depth, d);
                    }
                    half /= 2;
                }
                let zero = V::splat(*token, 0.0);
                let sum = &mut registers[0];
                let mut out = LaneSums::new(zero, part, grad);
                for weights in &mut sum.grad[..*depth] {
                    for matrix in [&mut weights.p, &mut weights.q] {
                        for i in 0..d {
                            for j in 0..d {
                                out.push(std::mem::replace(&mut matrix[i][j], zero));
                            }
                        }
                    }
                }
                out.write();
                let mut loss = [0.0];
                let mut out = LaneSums::new(zero, part, &mut loss);
                out.push(std::mem::replace(&mut sum.loss, zero));
                out.write();
                loss[0]
            },
        )
    }
}

impl<V: Lane, D: Dim> Sum<V, D> {
    /// Adds another sum to this one and leaves it at zero.
    #[inline(always)]
    fn take(&mut self, token: V::Token, other: &mut Self, depth: usize, d: usize) {
        let zero = V::splat(token, 0.0);
        self.loss = self.loss + std::mem::replace(&mut other.loss, zero);
        for (own, other) in self.grad[..depth].iter_mut().zip(&mut other.grad) {
            for (own, other) in [(&mut own.p, &mut other.p), (&mut own.q, &mut other.q)] {
                for i in 0..d {
                    for j in 0..d {
                        own[i][j] = own[i][j] + std::mem::replace(&mut other[i][j], zero);
                    }
                }
            }
        }
    }
}

/// Sums over the lanes of one quantity after another.
///
/// Every sum is by halving (lane i and i + 8, then i + 4, …), so its bits do not depend on the
/// width of a register. A register full of quantities is halved together: interleaving two leaves
/// the halves that are to be added side by side.
struct LaneSums<'a, V: Lane> {
    part: usize,
    group: [V; BLOCK],
    filled: usize,
    out: &'a mut [f64],
}

impl<'a, V: Lane> LaneSums<'a, V> {
    #[inline(always)]
    fn new(zero: V, part: usize, out: &'a mut [f64]) -> Self {
        LaneSums { part, group: [zero; BLOCK], filled: 0, out }
    }

    #[inline(always)]
    fn push(&mut self, quantity: V) {
        self.group[self.filled] = quantity;
        self.filled += 1;
        if self.filled == V::WIDTH {
            self.write();
        }
    }

    /// Writes the quantities of the group, if any.
    #[inline(always)]
    fn write(&mut self) {
        let mut half = V::WIDTH / 2;
        while half > 0 {
            for i in 0..half {
                let (low, high) = self.group[i].interleave(self.group[i + half]);
                self.group[i] = low + high;
            }
            half /= 2;
        }
        let mut values = [V::Scalar::default(); BLOCK];
        self.group[0].store(self.part, &mut values[..V::WIDTH]);
        let (out, rest) = std::mem::take(&mut self.out).split_at_mut(self.filled);
        for (out, value) in out.iter_mut().zip(values) {
            *out = value.widen();
        }
        self.out = rest;
        self.filled = 0;
    }
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
