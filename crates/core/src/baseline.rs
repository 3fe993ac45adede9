//! What can be done in context without training: the lines that a loss is compared with.
//!
//! Least squares and ridge regression solve every prompt by itself. Gradient descent in L steps and
//! GD++ (von Oswald et al. 2023) are what an L-layer linear Transformer can do with P = b I and
//! Q = a I, with the best scalars: the scalar recursion of docs/derivations.md.

use crate::lanes::Isa;
use crate::linalg::{Eigen, symmetric_eigen};
use crate::model::Transformer;
use crate::rng::{Key, Purpose};
use crate::task::{Batch, Form, Labels, Layout, Prompts, Task, WStar};

/// Prompts that the scalars of gradient descent and GD++ are fitted on.
pub const FIT_PROMPTS: usize = 20_000;
/// Eigenvalues below this share of the largest count as zero.
const CUTOFF: f64 = 1e-10;
/// The first of them, on which the best starting point is chosen.
const CHOICE_PROMPTS: usize = 2_000;
/// Starting points of the fit of gradient descent, which has one minimum, and of GD++, which has
/// several; iterations from each.
const STARTS: [u32; 2] = [2, 16];
const ITERATIONS: usize = 200;
/// Relative gain of an iteration below which a fit has converged.
const CONVERGED: f64 = 1e-9;

/// A prompt as its Gram matrix shows it: eigenvalues λ of S/n, and s/n and x_q along its
/// eigenvectors.
struct Spectral {
    values: Vec<f64>,
    labels: Vec<f64>,
    query: Vec<f64>,
    target: f64,
}

fn spectral(batch: &Batch<f64>, prompt: usize) -> Option<Spectral> {
    let Layout { dim, .. } = batch.layout();
    let moments = batch.prompt(prompt);
    let (gram, rest) = moments.split_at(dim * (dim + 1) / 2);
    let (labels, rest) = rest.split_at(dim);
    let full: Vec<f64> = (0..dim * dim)
        .map(|k| {
            let (i, j) = ((k / dim).max(k % dim), (k / dim).min(k % dim));
            gram[i * (i + 1) / 2 + j]
        })
        .collect();
    let Eigen { values, vectors } = symmetric_eigen(dim, &full)?;
    let along = |x: &[f64]| -> Vec<f64> {
        vectors.chunks_exact(dim).map(|u| u.iter().zip(x).map(|(u, x)| u * x).sum()).collect()
    };
    Some(Spectral { labels: along(labels), query: along(&rest[..dim]), target: rest[dim], values })
}

/// Squared errors of ridge regression, ŵ = (S/n + λI)⁺ s/n, on every prompt of a batch of moments;
/// λ = 0 is least squares, of least norm where n < d. NaN where a Gram matrix is not finite.
///
/// With w⋆ ~ N(0, I) and label noise of variance σ² the ridge σ²/n is the Bayes estimate.
///
/// # Panics
/// When the prompts are tokens.
pub fn ridge(batch: &Batch<f64>, lambda: f64) -> Vec<f64> {
    assert_eq!(batch.layout().form, Form::Moments, "ridge regression needs moments");
    let error = |prompt: usize| {
        let Some(at) = spectral(batch, prompt) else { return f64::NAN };
        let floor = CUTOFF * at.values.last().copied().unwrap_or(0.0);
        let terms = at.values.iter().zip(&at.labels).zip(&at.query);
        let terms = terms.filter(|((value, _), _)| **value > floor);
        let predicted: f64 = terms.map(|((value, s), x)| s * x / (value + lambda)).sum();
        (predicted - at.target).powi(2)
    };
    (0..batch.len()).map(error).collect()
}

/// Scalars of L layers P = b I, Q = a I.
#[derive(Clone, Debug, PartialEq)]
pub struct Scalars {
    /// a of every layer: minus the step sizes of gradient descent.
    pub a: Vec<f64>,
    /// b of every layer but the last, which never reaches the prediction; zero for gradient
    /// descent.
    pub b: Vec<f64>,
    /// The mean squared error on the prompts that they were fitted on.
    pub fitted: f64,
}

impl Scalars {
    /// The parameters of the sparse linear Transformer of dimension `dim` that computes this.
    pub fn params(&self, dim: usize) -> Vec<f64> {
        let eye =
            |scale: f64| (0..dim * dim).map(move |k| if k % (dim + 1) == 0 { scale } else { 0.0 });
        let last = self.a.len() - 1;
        let b = |l: usize| if l < last { self.b[l] } else { 0.0 };
        self.a.iter().enumerate().flat_map(|(l, &a)| eye(b(l)).chain(eye(a))).collect()
    }

    /// The model of [`Scalars::params`].
    pub fn model(&self, dim: usize) -> Transformer {
        Transformer::linear(self.a.len(), dim)
    }
}

/// Which scalars are free.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Free {
    /// a: gradient descent with the best step sizes.
    Steps,
    /// a and b: GD++.
    StepsAndTransforms,
}

/// Eigenvalues of S/n with their weights ⟨u, x_q⟩²: given S and x_q, E over w⋆ ~ N(0, I) of the
/// squared error is Σ weight·r(λ)².
struct Spectrum {
    values: Vec<f64>,
    weights: Vec<f64>,
    prompts: f64,
}

/// The best scalars that were found for `depth` layers on [`FIT_PROMPTS`] fresh prompts of `task`,
/// in a stream of their own; none for tasks with label noise, other labels than linear ones or
/// another w⋆ than N(0, I), for which the recursion does not hold.
///
/// The error has several local minima: the best of 16 starting points gives an upper bound, exact
/// for gradient descent. Where the loss is heavy-tailed it is that of these prompts only.
pub fn best_scalars(task: &Task, depth: usize, free: Free) -> Option<Scalars> {
    let plain = task.noise_std() == 0.0
        && matches!(task.labels(), Labels::Linear)
        && task.w_star() == WStar::Standard
        && task.distractors() == 0;
    if !plain {
        return None;
    }
    let key = Key { seed: 0, purpose: Purpose::Baseline, step: 0 };
    let batch = task.batch(Form::Moments, Isa::detect(), key, FIT_PROMPTS);
    let spectrum = Spectrum::of(&batch)?;
    let starts = 0..STARTS[usize::from(free == Free::StepsAndTransforms)];
    let few = spectrum.first(CHOICE_PROMPTS);
    let fits = starts.map(|start| few.fit(few.start(start, depth, free), depth, free));
    let best = fits.min_by(|x, y| x.fitted.total_cmp(&y.fitted))?;
    Some(spectrum.fit([best.a, best.b].concat(), depth, free))
}

impl Spectrum {
    fn of(batch: &Batch<f64>) -> Option<Spectrum> {
        let (mut values, mut weights) = (Vec::new(), Vec::new());
        for prompt in 0..batch.len() {
            let at = spectral(batch, prompt)?;
            values.extend(at.values);
            weights.extend(at.query.iter().map(|x| x * x));
        }
        Some(Spectrum { values, weights, prompts: batch.len() as f64 })
    }

    /// That of the first prompts.
    fn first(&self, prompts: usize) -> Spectrum {
        let len = self.values.len() / self.prompts as usize * prompts;
        let (values, weights) = (self.values[..len].into(), self.weights[..len].into());
        Spectrum { values, weights, prompts: prompts as f64 }
    }

    /// A Levenberg–Marquardt fit from a starting point.
    fn fit(&self, mut theta: Vec<f64>, depth: usize, free: Free) -> Scalars {
        let count = if free == Free::Steps { depth } else { 2 * depth - 1 };
        let mut error = self.error(&theta, depth);
        let mut damping = 1e-3;
        for _ in 0..ITERATIONS {
            let (mut normal, slope) = self.normal_equations(&theta, depth, count);
            for i in 0..count {
                normal[i * count + i] *= 1.0 + damping;
                normal[i * count + i] += f64::MIN_POSITIVE;
            }
            let Some(step) = solve(count, &normal, &slope) else { break };
            let mut moved = theta.clone();
            moved.iter_mut().zip(&step).for_each(|(t, s)| *t -= s);
            let tried = self.error(&moved, depth);
            if tried < error {
                let gain = 1.0 - tried / error;
                (theta, error, damping) = (moved, tried, damping / 4.0);
                if gain < CONVERGED {
                    break;
                }
            } else {
                damping *= 8.0;
                if damping > 1e12 {
                    break;
                }
            }
        }
        let (a, b) = theta.split_at(depth);
        Scalars { a: a.into(), b: b.into(), fitted: error }
    }

    /// a spread over the inverses of the eigenvalues, b between 0 and 1.
    fn start(&self, start: u32, depth: usize, free: Free) -> Vec<f64> {
        let mut sorted = self.values.clone();
        sorted.sort_by(f64::total_cmp);
        let key = Key { seed: 1, purpose: Purpose::Baseline, step: u64::from(start) };
        let a = (0..depth).map(|l| {
            let jitter = key.uniform(l as u32) - 0.5;
            let place = (l as f64 + 0.5 + jitter * f64::from(u8::from(start > 0))) / depth as f64;
            let at = ((0.2 + 0.75 * place) * (sorted.len() - 1) as f64) as usize;
            -1.0 / sorted[at].max(CUTOFF)
        });
        let b = (0..depth - 1).map(|l| match free {
            Free::Steps => 0.0,
            Free::StepsAndTransforms => key.uniform((depth + l) as u32),
        });
        a.chain(b).collect()
    }

    /// Σ weight·r²/prompts.
    fn error(&self, theta: &[f64], depth: usize) -> f64 {
        let (a, b) = theta.split_at(depth);
        let square = |(value, weight): (&f64, &f64)| {
            let (mut r, mut c) = (1.0, 1.0);
            for l in 0..depth {
                let step = a[l] * c * c * value;
                r *= 1.0 + step;
                if l + 1 < depth {
                    c *= 1.0 + b[l] * step;
                }
            }
            weight * r * r
        };
        self.values.iter().zip(&self.weights).map(square).sum::<f64>() / self.prompts
    }

    /// JᵀJ [count, count] and Jᵀr, J the derivatives of r with respect to the first scalars.
    fn normal_equations(&self, theta: &[f64], depth: usize, count: usize) -> (Vec<f64>, Vec<f64>) {
        let (a, b) = theta.split_at(depth);
        let (mut normal, mut slope) = (vec![0.0; count * count], vec![0.0; count]);
        let (mut r_dot, mut c_dot) = (vec![0.0; count], vec![0.0; count]);
        for (value, weight) in self.values.iter().zip(&self.weights) {
            let (mut r, mut c) = (1.0, 1.0);
            r_dot.fill(0.0);
            c_dot.fill(0.0);
            for l in 0..depth {
                // r ← r (1 + a c² λ),  c ← c (1 + a b c² λ)
                let step = a[l] * c * c * value;
                let transform = if l + 1 < depth { b[l] } else { 0.0 };
                for k in 0..count {
                    let mut step_dot = 2.0 * a[l] * c * c_dot[k] * value;
                    if k == l {
                        step_dot += c * c * value;
                    }
                    let transform_dot = f64::from(u8::from(l + 1 < depth && k == depth + l));
                    r_dot[k] = r_dot[k] * (1.0 + step) + r * step_dot;
                    c_dot[k] = c_dot[k] * (1.0 + transform * step)
                        + c * (transform * step_dot + transform_dot * step);
                }
                r *= 1.0 + step;
                c *= 1.0 + transform * step;
            }
            for i in 0..count {
                slope[i] += weight * r_dot[i] * r;
                for j in 0..count {
                    normal[i * count + j] += weight * r_dot[i] * r_dot[j];
                }
            }
        }
        (normal, slope)
    }
}

/// The solution of a symmetric positive definite system.
fn solve(n: usize, matrix: &[f64], rhs: &[f64]) -> Option<Vec<f64>> {
    let factor = crate::linalg::cholesky(n, matrix)?;
    let mut x = rhs.to_vec();
    for i in 0..n {
        for k in 0..i {
            x[i] -= factor[i * n + k] * x[k];
        }
        x[i] /= factor[i * n + i];
    }
    for i in (0..n).rev() {
        for k in i + 1..n {
            x[i] -= factor[k * n + i] * x[k];
        }
        x[i] /= factor[i * n + i];
    }
    Some(x)
}
