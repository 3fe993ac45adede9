//! The best scalars of gradient descent and GD++ on given prompts.
//!
//! Given S and x_q, the error over w⋆ ~ N(0, I) is Σ w r(λ)² over the eigenvalues λ of S/n, with
//! w = ⟨u, x_q⟩² along the eigenvector u. With b = 0 the residual r is any polynomial of degree L
//! with r(0) = 1 and real roots. The best one is orthogonal to all lower degrees in the measure
//! λ w, so its roots are the Ritz values of L steps of Lanczos. With b it has local minima, which
//! Levenberg–Marquardt finds from several starting points.

use super::scalars::Scalars;
use super::spectral::{CUTOFF, Spectral, spectral};
use windtunnel_math::linalg::cholesky;
use windtunnel_math::rng::Key;
use windtunnel_measure::landscape::{Diagonal, LanczosMemory, LanczosPlan, lanczos};
use windtunnel_model::task::{Batch, Prompts};

/// Number of prompts, from the first, on which the best starting point of GD++ is chosen.
const CHOICE_PROMPTS: usize = 2_000;
/// Numbers of random starting points with a near the inverses of quantiles of the eigenvalues, and
/// of the eigenvalues weighted by λ w, which differ where the eigenvalues span decades.
const STARTS: [u32; 2] = [16, 4];
/// Largest number of iterations from each starting point.
const ITERATIONS: usize = 200;
/// Relative gain of an iteration below which a fit has converged.
const CONVERGED: f64 = 1e-9;
/// Largest number of steps of gradient descent: rounding leaves nothing to gain beyond, so further
/// steps have a = 0.
const MOST_STEPS: usize = 32;

/// Eigenvalues λ of S/n, prompt by prompt, with their weights w; those that count as zero are 0.
///
/// Both are in units of a power of two near the largest, so that the fit of tiny or enormous data
/// is that of data of usual size, to the bit.
pub(super) struct Spectrum {
    values: Vec<f64>,
    weights: Vec<f64>,
    prompts: usize,
    /// The units of λ and w.
    units: [f64; 2],
}

/// Brings values to units of the power of two below their largest, which it returns; 1 for zeros.
fn to_units(values: &mut [f64]) -> f64 {
    let largest = values.iter().fold(0.0_f64, |m, v| m.max(*v));
    // Within the powers whose inverses are normal doubles.
    let exponent = if largest > 0.0 { largest.log2().floor().clamp(-1000.0, 1000.0) } else { 0.0 };
    let unit = exponent.exp2();
    values.iter_mut().for_each(|v| *v /= unit);
    unit
}

impl Spectrum {
    /// The spectrum of a batch; `None` where one is not finite.
    pub(super) fn of(batch: &Batch<f64>) -> Option<Spectrum> {
        let (mut values, mut weights) = (Vec::new(), Vec::new());
        for prompt in 0..batch.len() {
            let Spectral { values: own, query, .. } = spectral(batch, prompt)?;
            let floor = CUTOFF * own.last().copied().unwrap_or(0.0);
            values.extend(own.iter().map(|&value| if value > floor { value } else { 0.0 }));
            weights.extend(query.iter().map(|x| x * x));
        }
        if !values.iter().chain(&weights).all(|x| x.is_finite()) {
            return None;
        }
        let units = [to_units(&mut values), to_units(&mut weights)];
        Some(Spectrum { values, weights, prompts: batch.len(), units })
    }

    /// The spectrum of the first `prompts` prompts.
    fn first(&self, prompts: usize) -> Spectrum {
        let len = self.values.len() / self.prompts * prompts.min(self.prompts);
        let (values, weights) = (self.values[..len].into(), self.weights[..len].into());
        Spectrum { values, weights, prompts: prompts.min(self.prompts), units: self.units }
    }

    /// The scalars and their error in the units of the prompts; b has none.
    pub(super) fn in_units_of_prompts(&self, scalars: Scalars) -> Scalars {
        let [value, weight] = self.units;
        let a = scalars.a.iter().map(|a| a / value).collect();
        Scalars { a, b: scalars.b, fitted: scalars.fitted * weight }
    }

    /// Gradient descent of `depth` steps with the best step sizes: a = −1/θ for the Ritz values θ.
    pub(super) fn descent(&self, depth: usize) -> Scalars {
        let start: Vec<f64> =
            self.values.iter().zip(&self.weights).map(|(v, w)| (v * w).sqrt()).collect();
        let mut a = Vec::new();
        if start.iter().any(|x| *x > 0.0) {
            let plan = LanczosPlan { steps: depth.min(MOST_STEPS), memory: LanczosMemory::Basis };
            // Products with a diagonal matrix never fail.
            let found = lanczos(&mut Diagonal(&self.values), &start, plan).unwrap_or_default();
            let mut roots = found.values;
            // Roots are positive; rounding can make one that is far below the largest anything.
            let floor = CUTOFF * roots.last().copied().unwrap_or(0.0);
            roots.retain(|root| *root > floor);
            a.extend(alternating(roots).into_iter().map(|root| -1.0 / root));
        }
        a.resize(depth, 0.0);
        let nothing = self.scalars(vec![0.0; 2 * depth - 1], depth);
        let b = std::iter::repeat_n(0.0, depth - 1);
        let descent = self.scalars(a.into_iter().chain(b).collect(), depth);
        // Never worse than prediction zero; an error that is not finite is worse.
        if descent.fitted <= nothing.fitted { descent } else { nothing }
    }

    /// GD++ with as many layers as `descent` has steps, and never worse than that.
    pub(super) fn transforms(&self, descent: Scalars) -> Scalars {
        let depth = descent.a.len();
        let few = self.first(CHOICE_PROMPTS);
        let given = theta(&descent);
        let starts = few.starts(depth);
        let fits = std::iter::once(given.clone()).chain(starts).map(|start| few.fit(start, depth));
        let found = fits.filter(|fit| fit.fitted.is_finite());
        let best = found.min_by(|x, y| x.fitted.total_cmp(&y.fitted));
        let best = best.map(|best| self.fit(theta(&best), depth));
        match best.filter(|best| best.fitted <= descent.fitted) {
            Some(best) => best,
            // The best fit for few prompts can be worse than no transform for all of them.
            None => self.fit(given, depth),
        }
    }

    fn scalars(&self, theta: Vec<f64>, depth: usize) -> Scalars {
        let fitted = self.error(&theta, depth);
        let (a, b) = theta.split_at(depth);
        Scalars { a: a.into(), b: b.into(), fitted }
    }

    /// A Levenberg–Marquardt fit from a starting point, never worse than that.
    fn fit(&self, mut theta: Vec<f64>, depth: usize) -> Scalars {
        let count = theta.len();
        let mut error = self.error(&theta, depth);
        let mut damping = 1e-3;
        for _ in 0..ITERATIONS {
            let (mut normal, slope) = self.normal_equations(&theta, depth);
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

    /// Random starting points: a spread over the inverses of the eigenvalues, b between 0 and 1.
    fn starts(&self, depth: usize) -> Vec<Vec<f64>> {
        let mut sorted: Vec<(f64, f64)> =
            self.values.iter().copied().zip(self.weights.iter().copied()).collect();
        sorted.retain(|(value, _)| *value > 0.0);
        sorted.sort_by(|x, y| x.0.total_cmp(&y.0));
        if sorted.is_empty() {
            return Vec::new();
        }
        let plain = |place: f64| sorted[(place * (sorted.len() - 1) as f64) as usize].0;
        let mut mass = 0.0;
        let cumulative = |(value, weight): &(f64, f64)| {
            mass += value * weight;
            mass
        };
        let masses: Vec<f64> = sorted.iter().map(cumulative).collect();
        let weighted = |place: f64| {
            let at = masses.partition_point(|below| *below < place * mass);
            sorted[at.min(sorted.len() - 1)].0
        };
        let [plains, weighteds] = STARTS;
        let plains = (0..plains).map(|start| random_start(start, depth, &plain));
        let weighteds = (0..weighteds).map(|k| random_start(STARTS[0] + k, depth, &weighted));
        plains.chain(weighteds).collect()
    }

    /// Σ w·r²/prompts.
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
        self.values.iter().zip(&self.weights).map(square).sum::<f64>() / self.prompts as f64
    }

    /// JᵀJ [count, count] and Jᵀr, J the derivatives of r with respect to the scalars.
    fn normal_equations(&self, theta: &[f64], depth: usize) -> (Vec<f64>, Vec<f64>) {
        let ((a, b), count) = (theta.split_at(depth), theta.len());
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

/// a and b, as the fit has them.
fn theta(scalars: &Scalars) -> Vec<f64> {
    [scalars.a.as_slice(), &scalars.b].concat()
}

/// a at the inverses of spread quantiles, with a jitter but for start 0, and b between 0 and 1.
fn random_start(start: u32, depth: usize, quantile: &dyn Fn(f64) -> f64) -> Vec<f64> {
    let key = Key::baseline_start(start);
    let a = (0..depth).map(|l| {
        let jitter = key.uniform(l as u32) - 0.5;
        let place = (l as f64 + 0.5 + jitter * f64::from(u8::from(start > 0))) / depth as f64;
        -1.0 / quantile(0.2 + 0.75 * place)
    });
    let b = (0..depth - 1).map(|l| key.uniform((depth + l) as u32));
    a.chain(b).collect()
}

/// Leja's order: each root is the farthest from those before, so that the products
/// Π(1 − λ/θ) of the first roots neither overflow nor vanish on the way.
fn alternating(mut roots: Vec<f64>) -> Vec<f64> {
    let mut ordered: Vec<f64> = Vec::with_capacity(roots.len());
    while !roots.is_empty() {
        let far =
            |root: &f64| ordered.iter().map(|o| (root - o).abs().ln()).sum::<f64>() + root.ln();
        let farthest = (0..roots.len()).max_by(|&i, &j| far(&roots[i]).total_cmp(&far(&roots[j])));
        ordered.extend(farthest.map(|at| roots.remove(at)));
    }
    ordered
}

/// The solution of a symmetric positive definite system.
fn solve(n: usize, matrix: &[f64], rhs: &[f64]) -> Option<Vec<f64>> {
    let factor = cholesky(n, matrix)?;
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
