//! Extreme eigenvalues and spectral densities from products with vectors alone.

use super::SymmetricOperator;
use windtunnel_math::linalg::{Eigen, dot, norm, normals, symmetric_eigen};
use windtunnel_math::objective::ObjectiveError;
use windtunnel_math::rng::Key;

/// Ritz values of a symmetric matrix, with their errors.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Lanczos {
    /// θ₁ ≤ … ≤ θₘ, approximate eigenvalues; the extreme ones converge first.
    pub values: Vec<f64>,
    /// ‖A v − θ v‖ of each Ritz pair (‖v‖ = 1), plus p·ε·max|θ| for its rounding: an eigenvalue
    /// lies within that distance of θ. [`LanczosMemory`] says how it is computed.
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

    /// The largest absolute Ritz value, an estimate of ‖A‖₂.
    pub fn norm(&self) -> f64 {
        self.values.iter().fold(f64::NAN, |m, v| m.max(v.abs()))
    }
}

/// Vectors that the Lanczos iteration keeps in memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum LanczosMemory {
    /// The last two vectors of the basis, 4 vectors in all whatever the number of steps. New
    /// vectors are orthogonal to those two alone, so the basis loses its orthogonality once a Ritz
    /// value has converged: that value appears again as a copy, which shares its weight (Paige
    /// 1980). Extreme values and the sums of weights keep their accuracy; later steps find less
    /// that is new.
    Recent,
    /// The whole basis, one vector for each step, against which every new vector is
    /// orthogonalized, twice.
    Basis,
    /// The whole basis and its products with A, a second vector for each step. Residuals are then
    /// measured; otherwise they are those of the recurrence, which rounding makes too small.
    Products,
}

/// Number of Lanczos steps, and the vectors that are kept in memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LanczosPlan {
    /// Steps, each with one product; fewer where an invariant subspace is found.
    pub steps: usize,
    /// Vectors that are kept in memory.
    pub memory: LanczosMemory,
}

impl LanczosPlan {
    /// The same plan without products, for callers that need no residuals.
    pub fn without_products(self) -> LanczosPlan {
        LanczosPlan { memory: self.memory.min(LanczosMemory::Basis), ..self }
    }

    /// Largest number of vectors of length `dim` at one time, the start among them.
    pub fn vectors(self, dim: usize) -> usize {
        let steps = self.steps.min(dim);
        match self.memory {
            LanczosMemory::Recent => 2 + steps.min(2),
            // The start, a product in work, and the next vector of the basis.
            LanczosMemory::Basis => 2 + steps,
            // At the end, where the sum of a residual takes the place of the next vector.
            LanczosMemory::Products => 2 + 2 * steps,
        }
    }
}

/// The Lanczos iteration from `start` (Golub and Van Loan 2013, §10.3).
///
/// # Errors
/// If the objective cannot be evaluated.
///
/// # Cost
/// One product for each step and the vectors of [`LanczosPlan::vectors`]; beside them O(p) for each
/// step and vector that is kept, and twice that for residuals that are measured.
pub fn lanczos(
    operator: &mut dyn SymmetricOperator,
    start: &[f64],
    plan: LanczosPlan,
) -> Result<Lanczos, ObjectiveError> {
    let krylov = Krylov::new(operator, start, plan)?;
    let Some(eigen) = krylov.eigen() else { return Ok(Lanczos::default()) };
    let residuals = krylov.residuals(&eigen, start.len());
    let weights = eigen.vectors.chunks_exact(krylov.alphas.len()).map(|v| v[0] * v[0]).collect();
    Ok(Lanczos { values: eigen.values, residuals, weights })
}

/// An orthonormal basis q₁, …, qₘ of the Krylov space, in which A is the tridiagonal T.
struct Krylov {
    /// Kept vectors of the basis, and their products with A.
    basis: Vec<Vec<f64>>,
    products: Vec<Vec<f64>>,
    /// T's diagonal, and its off-diagonal; the last entry of that is the norm of what remains.
    alphas: Vec<f64>,
    betas: Vec<f64>,
}

impl Krylov {
    fn new(
        operator: &mut dyn SymmetricOperator,
        start: &[f64],
        LanczosPlan { steps, memory }: LanczosPlan,
    ) -> Result<Krylov, ObjectiveError> {
        let p = start.len();
        let (mut basis, mut products) = (Vec::<Vec<f64>>::new(), Vec::new());
        let (mut alphas, mut betas) = (Vec::new(), Vec::new());
        let length = norm(start);
        let mut next: Vec<f64> = start.iter().map(|x| x / length).collect();
        while alphas.len() < steps.min(p) {
            let full = memory == LanczosMemory::Recent && basis.len() == 2;
            let mut residual = if full { basis.remove(0) } else { vec![0.0; p] };
            operator.apply(&next, &mut residual)?;
            if memory == LanczosMemory::Products {
                products.push(residual.clone());
            }
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
            // Only rounding is left, so the basis spans an invariant subspace; or nothing is
            // finite.
            if beta <= 1e-13 * scale || beta.is_nan() {
                break;
            }
            residual.iter_mut().for_each(|x| *x /= beta);
            next = residual;
        }
        Ok(Krylov { basis, products, alphas, betas })
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
        symmetric_eigen(m, &t)
    }

    /// ‖A v − θ v‖ of every eigenpair of T: from the products with the basis if they were kept,
    /// else βₘ·|sₘ| for the last component s of its eigenvector; plus p·ε·max|θ| for rounding.
    fn residuals(&self, eigen: &Eigen, p: usize) -> Vec<f64> {
        let largest = eigen.values.iter().fold(0.0_f64, |m, v| m.max(v.abs()));
        let rounding = p as f64 * f64::EPSILON * largest;
        let left = self.betas.last().copied().unwrap_or(f64::NAN);
        let mut rest = vec![0.0; if self.products.is_empty() { 0 } else { p }];
        let residual = |(s, value): (&[f64], &f64)| {
            if self.products.is_empty() {
                return left * s.last().map_or(f64::NAN, |last| last.abs()) + rounding;
            }
            rest.fill(0.0);
            for (s, (q, aq)) in s.iter().zip(self.basis.iter().zip(&self.products)) {
                let pairs = rest.iter_mut().zip(aq.iter().zip(q));
                pairs.for_each(|(r, (aq, q))| *r += s * (aq - value * q));
            }
            norm(&rest) + rounding
        };
        eigen.vectors.chunks_exact(self.alphas.len()).zip(&eigen.values).map(residual).collect()
    }
}

/// A random start vector, N(0, I), number `index` of `seed`.
pub fn random_start(dim: usize, seed: u64, index: u64) -> Vec<f64> {
    normals(Key::lanczos(seed, index), dim)
}

/// A discrete approximation of the distribution of eigenvalues.
#[derive(Clone, Debug, PartialEq)]
pub struct SpectralDensity {
    /// Nodes, ascending.
    pub values: Vec<f64>,
    /// Weights of the nodes, which sum to 1.
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

/// The spectral density by stochastic Lanczos quadrature, `probes` random starts of so many steps
/// each (Ubaru, Chen and Saad 2017; Ghorbani, Krishnan and Xiao 2019).
///
/// # Errors
/// If the objective cannot be evaluated.
///
/// # Cost
/// `probes`·`plan.steps` products and the vectors of one iteration without products.
pub fn slq(
    operator: &mut dyn SymmetricOperator,
    probes: usize,
    plan: LanczosPlan,
    seed: u64,
) -> Result<SpectralDensity, ObjectiveError> {
    let mut nodes: Vec<(f64, f64)> = Vec::new();
    let mut negative_mass = Vec::new();
    for index in 0..probes {
        let start = random_start(operator.dim(), seed, index as u64);
        let run = lanczos(operator, &start, plan.without_products())?;
        let mass = |keep: fn(f64) -> bool| -> f64 {
            let kept = run.values.iter().zip(&run.weights).filter(|(value, _)| keep(**value));
            kept.map(|(value, weight)| weight * value.abs()).sum()
        };
        negative_mass.push(mass(|value| value < 0.0) / mass(|_| true));
        nodes.extend(run.values.iter().zip(&run.weights).map(|(v, w)| (*v, w / probes as f64)));
    }
    nodes.sort_by(|a, b| a.0.total_cmp(&b.0));
    let (values, weights) = nodes.into_iter().unzip();
    Ok(SpectralDensity { values, weights, negative_mass })
}
