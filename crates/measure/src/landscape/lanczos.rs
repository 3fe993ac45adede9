//! Extreme eigenvalues and spectral densities from products with vectors alone.

use windtunnel_math::linalg::{Eigen, dot, norm, normals, symmetric_eigen};
use windtunnel_math::rng::{Key, Purpose};

/// Ritz values of a symmetric matrix, with their errors.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Lanczos {
    /// θ₁ ≤ … ≤ θₘ, approximate eigenvalues; the extreme ones converge first.
    pub values: Vec<f64>,
    /// ‖H v − θ v‖ of each Ritz pair (‖v‖ = 1), computed from the products and not from the
    /// recurrence, plus p·ε·max|θ| for their rounding: an eigenvalue lies within that distance of θ.
    pub residuals: Vec<f64>,
    /// Squared first components of the eigenvectors of T: the weights of Gauss quadrature for the
    /// spectral measure of the start vector; they sum to 1.
    pub weights: Vec<f64>,
}

impl Lanczos {
    /// The largest Ritz value and its residual; NaN without any.
    pub fn max(&self) -> (f64, f64) {
        let last = self.values.len().wrapping_sub(1);
        let at = |x: &[f64]| x.get(last).copied().unwrap_or(f64::NAN);
        (at(&self.values), at(&self.residuals))
    }

    /// The largest absolute Ritz value, an estimate of ‖H‖₂.
    pub fn norm(&self) -> f64 {
        self.values.iter().fold(f64::NAN, |m, v| m.max(v.abs()))
    }
}

/// `steps` steps of the Lanczos iteration from `start`, with full reorthogonalization (Golub and
/// Van Loan 2013, §10.3); fewer where an invariant subspace is found.
///
/// `product(v, out)` writes H v.
///
/// # Cost
/// `steps` products and 2·`steps`·p scalars; O(steps²·p) beside them.
pub fn lanczos(
    product: &mut dyn FnMut(&[f64], &mut [f64]),
    start: &[f64],
    steps: usize,
) -> Lanczos {
    let mut products: Vec<Vec<f64>> = Vec::new();
    let mut kept = |v: &[f64], out: &mut [f64]| {
        product(v, out);
        products.push(out.to_vec());
    };
    let krylov = Krylov::new(&mut kept, start, steps);
    let Some(eigen) = krylov.eigen() else { return Lanczos::default() };
    let residuals = krylov.residuals(&eigen, &products);
    let weights = eigen.vectors.chunks_exact(krylov.basis.len()).map(|v| v[0] * v[0]).collect();
    Lanczos { values: eigen.values, residuals, weights }
}

/// Ritz values of [`lanczos`] alone, ascending, for half of the memory.
pub fn ritz_values(
    product: &mut dyn FnMut(&[f64], &mut [f64]),
    start: &[f64],
    steps: usize,
) -> Vec<f64> {
    Krylov::new(product, start, steps).eigen().map_or_else(Vec::new, |eigen| eigen.values)
}

/// An orthonormal basis q₁, …, qₘ of the Krylov space, in which H is the tridiagonal T.
struct Krylov {
    basis: Vec<Vec<f64>>,
    /// T's diagonal, and what stands beside it; the last one is what is left.
    alphas: Vec<f64>,
    betas: Vec<f64>,
}

impl Krylov {
    fn new(product: &mut dyn FnMut(&[f64], &mut [f64]), start: &[f64], steps: usize) -> Krylov {
        let p = start.len();
        let mut basis: Vec<Vec<f64>> = Vec::new();
        let (mut alphas, mut betas) = (Vec::new(), Vec::new());
        let length = norm(start);
        let mut next: Vec<f64> = start.iter().map(|x| x / length).collect();
        while basis.len() < steps.min(p) {
            let mut residual = vec![0.0; p];
            product(&next, &mut residual);
            alphas.push(dot(&residual, &next));
            basis.push(std::mem::take(&mut next));
            // Twice is enough for orthogonality to rounding (Kahan, Parlett).
            for _ in 0..2 {
                for v in &basis {
                    let overlap = dot(&residual, v);
                    residual.iter_mut().zip(v).for_each(|(r, v)| *r -= overlap * v);
                }
            }
            let beta = norm(&residual);
            betas.push(beta);
            let scale = alphas.iter().chain(&betas).fold(0.0_f64, |m, x| m.max(x.abs()));
            // Rounding alone remains: the basis spans an invariant subspace. Or nothing is finite.
            if beta <= 1e-13 * scale || beta.is_nan() {
                break;
            }
            next = residual.into_iter().map(|x| x / beta).collect();
        }
        Krylov { basis, alphas, betas }
    }

    /// Eigenvalues and eigenvectors of T; `None` where it is not finite.
    fn eigen(&self) -> Option<Eigen> {
        let m = self.alphas.len();
        let mut t = vec![0.0; m * m];
        for i in 0..m {
            t[i * m + i] = self.alphas[i];
            if i + 1 < m {
                t[i * m + i + 1] = self.betas[i];
                t[(i + 1) * m + i] = self.betas[i];
            }
        }
        symmetric_eigen(m, &t).filter(|_| m > 0)
    }

    /// ‖H v − θ v‖ of every eigenpair of T, from the `products` of H with the basis.
    fn residuals(&self, eigen: &Eigen, products: &[Vec<f64>]) -> Vec<f64> {
        let (m, p) = (self.basis.len(), self.basis.first().map_or(0, Vec::len));
        let largest = eigen.values.iter().fold(0.0_f64, |m, v| m.max(v.abs()));
        let rounding = p as f64 * f64::EPSILON * largest;
        let residual = |(s, value): (&[f64], &f64)| {
            let mut rest = vec![0.0; p];
            for (s, (q, hq)) in s.iter().zip(self.basis.iter().zip(products)) {
                let pairs = rest.iter_mut().zip(hq.iter().zip(q));
                pairs.for_each(|(r, (hq, q))| *r += s * (hq - value * q));
            }
            norm(&rest) + rounding
        };
        eigen.vectors.chunks_exact(m).zip(&eigen.values).map(residual).collect()
    }
}

/// A random start vector, N(0, I), number `index` of `seed`.
pub fn random_start(dim: usize, seed: u64, index: u64) -> Vec<f64> {
    normals(Key { seed, purpose: Purpose::Probe, step: index }, dim)
}

/// A discrete approximation of the distribution of eigenvalues.
#[derive(Clone, Debug, PartialEq)]
pub struct SpectralDensity {
    /// Nodes, ascending.
    pub values: Vec<f64>,
    /// Their weights, which sum to 1.
    pub weights: Vec<f64>,
    /// Σ weights·|λ| over λ < 0 divided by that over all λ, for each probe; see
    /// [`super::negative_mass`].
    pub negative_mass: Vec<f64>,
}

impl SpectralDensity {
    /// Share of eigenvalues at most `x`.
    pub fn cumulative(&self, x: f64) -> f64 {
        let below = self.values.iter().zip(&self.weights).filter(|(value, _)| **value <= x);
        below.map(|(_, weight)| weight).sum()
    }

    /// The mean distance ∫|F − F_exact| dx from the distribution of exact eigenvalues (ascending),
    /// Wasserstein's W₁, in units of the eigenvalues.
    pub fn wasserstein(&self, exact: &[f64]) -> f64 {
        let mut points: Vec<f64> = self.values.iter().chain(exact).copied().collect();
        points.sort_by(f64::total_cmp);
        let share = |x: f64| exact.partition_point(|&v| v <= x) as f64 / exact.len() as f64;
        let piece = |pair: &[f64]| {
            let gap = (self.cumulative(pair[0]) - share(pair[0])).abs();
            if gap == 0.0 { 0.0 } else { gap * (pair[1] - pair[0]) }
        };
        points.windows(2).map(piece).sum()
    }
}

/// The spectral density by stochastic Lanczos quadrature, `probes` random starts of `steps` steps
/// each (Ubaru, Chen and Saad 2017; Ghorbani, Krishnan and Xiao 2019).
///
/// # Cost
/// `probes`·`steps` products.
pub fn slq(
    product: &mut dyn FnMut(&[f64], &mut [f64]),
    dim: usize,
    (probes, steps): (usize, usize),
    seed: u64,
) -> SpectralDensity {
    let mut nodes: Vec<(f64, f64)> = Vec::new();
    let mut negative_mass = Vec::new();
    for index in 0..probes {
        let run = lanczos(product, &random_start(dim, seed, index as u64), steps);
        let mass = |keep: fn(f64) -> bool| -> f64 {
            let kept = run.values.iter().zip(&run.weights).filter(|(value, _)| keep(**value));
            kept.map(|(value, weight)| weight * value.abs()).sum()
        };
        negative_mass.push(mass(|value| value < 0.0) / mass(|_| true));
        nodes.extend(run.values.iter().zip(&run.weights).map(|(v, w)| (*v, w / probes as f64)));
    }
    nodes.sort_by(|a, b| a.0.total_cmp(&b.0));
    let (values, weights) = nodes.into_iter().unzip();
    SpectralDensity { values, weights, negative_mass }
}
