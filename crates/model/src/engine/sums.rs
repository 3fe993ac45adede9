//! Type-erased workers: kernels with sums over blocks of prompts.

use fearless_simd::Simd;

use crate::kernel::Kernel;
use crate::matrix::many;
use windtunnel_math::lanes::{BLOCK, BlockRow, Lane, Real};

/// Point of evaluation: parameters and, for Hessian-vector products, a direction.
#[derive(Clone, Copy, Debug)]
pub struct Point<'a, T> {
    /// Weights as the kernel has them; a kernel whose parts are layers also takes fewer of them.
    pub params: &'a [T],
    /// Direction, as the weights; ignored by workers for gradients.
    pub tangent: &'a [T],
}

/// Consecutive blocks of `rows` rows that hold `prompts` prompts; lanes beyond these are padding.
#[derive(Clone, Copy, Debug)]
pub struct Blocks<'a, T> {
    /// Block after block.
    pub values: &'a [BlockRow<T>],
    /// Rows of a block.
    pub rows: usize,
    /// Prompts of all blocks.
    pub prompts: usize,
}

impl<'a, T> Blocks<'a, T> {
    /// Every block, and how many prompts it has.
    #[inline(always)]
    pub fn iter(self) -> impl Iterator<Item = (&'a [BlockRow<T>], usize)> {
        let blocks = self.values.chunks_exact(self.rows).enumerate();
        blocks.map(move |(k, block)| (block, (self.prompts - k * BLOCK).min(BLOCK)))
    }
}

/// Lane-wise sums over blocks of prompts, [`BLOCK`] lanes for each quantity.
pub trait Engine<T>: Send {
    /// Clears the sums and sets the point of evaluation.
    fn start(&mut self, point: &Point<'_, T>);
    /// Adds the squared residuals of the prompts and their gradient.
    fn add_gradient(&mut self, blocks: Blocks<'_, T>);
    /// Sum over the lanes of Σ r² and of gradient part `part` (1: its tangent along the direction);
    /// leaves the sums at zero.
    fn finish(&mut self, part: usize, grad: &mut [f64]) -> f64;
}

/// An engine for gradients, which can also tell prompts apart.
pub trait PromptEngine<T>: Engine<T> {
    /// Squared residuals of the first `used` prompts of a block, prompt by prompt, then zeros.
    fn losses(&mut self, block: &[BlockRow<T>], used: usize, out: &mut [T; BLOCK]);
    /// Squared residuals of one block and the gradient of each, [BLOCK, p] to `grads`; the sums
    /// must be at zero, and stay so.
    fn prompt_gradients(
        &mut self,
        block: &[BlockRow<T>],
        losses: &mut [T; BLOCK],
        grads: &mut [f64],
    );
    /// Replaces a block of prompts by the output of the first layer.
    fn advance(&mut self, block: &mut [BlockRow<T>]);
}

pub(super) struct Sums<V: Lane, K: Kernel<V>> {
    token: V::Token,
    /// Number of parts at the point of evaluation, the first ones of `weights`.
    parts: usize,
    weights: Vec<K::Part>,
    kernel: K,
    /// One sum per register that makes up a block.
    registers: Vec<Sum<V, K>>,
}

struct Sum<V: Lane, K: Kernel<V>> {
    loss: V,
    grad: Vec<K::Part>,
}

impl<V: Lane, K: Kernel<V>> Sums<V, K> {
    #[inline]
    pub(super) fn new(token: V::Token, kernel: K, parts: usize) -> Sums<V, K> {
        let zero = V::splat(token, 0.0);
        let weights = || many(parts, || kernel.part(zero));
        let registers = many(BLOCK / V::WIDTH, || Sum { loss: zero, grad: weights() });
        let weights = weights();
        Sums { token, parts, weights, kernel, registers }
    }
}

// `#[inline]` compiles the code where it is called: in the codegen units of `compiled`.
impl<V: Lane, K: Kernel<V>> Engine<V::Scalar> for Sums<V, K> {
    #[inline]
    fn start(&mut self, point: &Point<'_, V::Scalar>) {
        let Sums { token, parts, kernel, weights, registers } = self;
        *parts = point.params.len() / kernel.part_len();
        token.vectorize(
            #[inline(always)]
            || {
                let zero = V::splat(*token, 0.0);
                let mut index = 0;
                for part in &mut weights[..*parts] {
                    kernel.visit(
                        part,
                        #[inline(always)]
                        |weight| {
                            let (value, tangent) = (point.params[index], point.tangent[index]);
                            *weight = V::parameter(*token, value, tangent);
                            index += 1;
                        },
                    );
                }
                for register in registers.iter_mut() {
                    register.loss = zero;
                    for part in &mut register.grad[..*parts] {
                        kernel.visit(
                            part,
                            #[inline(always)]
                            |entry| *entry = zero,
                        );
                    }
                }
            },
        );
    }

    #[inline]
    fn add_gradient(&mut self, blocks: Blocks<'_, V::Scalar>) {
        let Sums { token, parts, weights, kernel, registers } = self;
        let weights = &weights[..*parts];
        token.vectorize(
            #[inline(always)]
            || {
                // Block by block inside, so that one register's sums at a time have to be in cache.
                for (register, sum) in registers.iter_mut().enumerate() {
                    for (block, used) in blocks.iter() {
                        let r = kernel.forward(weights, block, register * V::WIDTH);
                        let r = of_used(*token, r, register, used);
                        sum.loss = sum.loss + r * r;
                        kernel.reverse(weights, r, &mut sum.grad);
                    }
                }
            },
        );
    }

    #[inline]
    fn finish(&mut self, part: usize, grad: &mut [f64]) -> f64 {
        let Sums { token, parts, kernel, registers, .. } = self;
        token.vectorize(
            #[inline(always)]
            || {
                let zero = V::splat(*token, 0.0);
                let mut half = registers.len() / 2;
                while half > 0 {
                    let (sums, others) = registers.split_at_mut(half);
                    for (sum, other) in sums.iter_mut().zip(others) {
                        sum.loss = sum.loss + std::mem::replace(&mut other.loss, zero);
                        for (own, other) in sum.grad[..*parts].iter_mut().zip(&mut other.grad) {
                            kernel.merge(own, other, zero);
                        }
                    }
                    half /= 2;
                }
                let sum = &mut registers[0];
                let mut out = LaneSums::new(zero, part, grad);
                for entries in &mut sum.grad[..*parts] {
                    kernel.visit(
                        entries,
                        #[inline(always)]
                        |entry| out.push(std::mem::replace(entry, zero)),
                    );
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

impl<V: Lane, K: Kernel<V>> PromptEngine<V::Scalar> for Sums<V, K> {
    #[inline]
    fn losses(&mut self, block: &[BlockRow<V::Scalar>], used: usize, out: &mut [V::Scalar; BLOCK]) {
        let Sums { token, parts, weights, kernel, .. } = self;
        let weights = &weights[..*parts];
        token.vectorize(
            #[inline(always)]
            || {
                for (register, out) in out.chunks_exact_mut(V::WIDTH).enumerate() {
                    let r = kernel.forward(weights, block, register * V::WIDTH);
                    let r = of_used(*token, r, register, used);
                    (r * r).store(0, out);
                }
            },
        );
    }

    #[inline]
    fn prompt_gradients(
        &mut self,
        block: &[BlockRow<V::Scalar>],
        losses: &mut [V::Scalar; BLOCK],
        grads: &mut [f64],
    ) {
        self.add_gradient(Blocks { values: block, rows: block.len(), prompts: BLOCK });
        let Sums { token, parts, kernel, registers, .. } = self;
        let size = *parts * kernel.part_len();
        token.vectorize(
            #[inline(always)]
            || {
                let zero = V::splat(*token, 0.0);
                let prompts = grads.chunks_exact_mut(V::WIDTH * size);
                let losses = losses.chunks_exact_mut(V::WIDTH);
                for ((sum, losses), out) in registers.iter_mut().zip(losses).zip(prompts) {
                    std::mem::replace(&mut sum.loss, zero).store(0, losses);
                    let mut index = 0;
                    for part in &mut sum.grad[..*parts] {
                        kernel.visit(
                            part,
                            #[inline(always)]
                            |entry| {
                                let entry = std::mem::replace(entry, zero);
                                scatter(*token, entry, &mut out[index..], size);
                                index += 1;
                            },
                        );
                    }
                }
            },
        );
    }

    #[inline]
    fn advance(&mut self, block: &mut [BlockRow<V::Scalar>]) {
        let Sums { token, weights, kernel, registers, .. } = self;
        token.vectorize(
            #[inline(always)]
            || {
                for register in 0..registers.len() {
                    kernel.advance(&weights[0], block, register * V::WIDTH);
                }
            },
        );
    }
}

/// Residuals of the prompts that a block has, zero in the lanes beyond them: there a model with
/// biases has residuals too.
#[inline(always)]
fn of_used<V: Lane>(token: V::Token, residual: V, register: usize, used: usize) -> V {
    if used == BLOCK {
        return residual;
    }
    let mut kept = [V::Scalar::nearest(0.0); BLOCK];
    kept[..used].fill(V::Scalar::nearest(1.0));
    residual * V::load(token, &kept[register * V::WIDTH..][..V::WIDTH])
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

/// Writes the lanes of `entry` to every `stride`-th place of `out`.
#[inline(always)]
fn scatter<V: Lane>(token: V::Token, entry: V, out: &mut [f64], stride: usize) {
    token.vectorize(
        #[inline(always)]
        || {
            let mut lanes = [V::Scalar::default(); BLOCK];
            entry.store(0, &mut lanes[..V::WIDTH]);
            for (out, value) in out.iter_mut().step_by(stride).zip(&lanes[..V::WIDTH]) {
                *out = value.widen();
            }
        },
    );
}

/// Sum of a block of lanes by halving.
#[inline(always)]
pub fn halved<T: Real>(mut x: [T; BLOCK]) -> f64 {
    let mut half = BLOCK / 2;
    while half > 0 {
        for i in 0..half {
            x[i] += x[i + half];
        }
        half /= 2;
    }
    x[0].widen()
}
