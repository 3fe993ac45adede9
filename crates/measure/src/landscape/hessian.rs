//! The dense Hessian and its spectrum.

use std::ops::Range;

use windtunnel_math::linalg::{Eigen, dot, norm, symmetric_eigen, symmetric_eigenvalues};
use windtunnel_math::objective::{Objective, ObjectiveError};

/// The Hessian ∇²f at one point.
#[derive(Clone, Debug, PartialEq)]
pub struct Hessian {
    dim: usize,
    entries: Vec<f64>,
}

impl Hessian {
    /// The exact Hessian of `objective` at `params`.
    ///
    /// # Errors
    /// If the objective cannot be evaluated.
    ///
    /// # Cost
    /// p Hessian-vector products, or the objective's own method; 8·p² bytes.
    pub fn at(objective: &mut dyn Objective, params: &[f64]) -> Result<Hessian, ObjectiveError> {
        let dim = objective.dim();
        let mut entries = vec![0.0; dim * dim];
        objective.hessian(params, &mut entries)?;
        Ok(Hessian { dim, entries })
    }

    /// The symmetric matrix of the given entries, [p, p].
    ///
    /// # Panics
    /// If there are not `dim`² entries.
    pub fn from_entries(dim: usize, entries: Vec<f64>) -> Hessian {
        assert_eq!(entries.len(), dim * dim, "entries of a {dim} by {dim} matrix");
        Hessian { dim, entries }
    }

    /// Number of parameters p.
    pub fn dim(&self) -> usize {
        self.dim
    }

    /// The entries, [p, p] row-major.
    pub fn entries(&self) -> &[f64] {
        &self.entries
    }

    /// The diagonal, H_ii.
    pub fn diag(&self) -> Vec<f64> {
        self.entries.iter().step_by(self.dim + 1).copied().collect()
    }

    /// The trace, Σ H_ii.
    pub fn trace(&self) -> f64 {
        self.diag().iter().sum()
    }

    /// The product H v.
    pub fn times(&self, v: &[f64]) -> Vec<f64> {
        self.entries.chunks_exact(self.dim.max(1)).map(|row| dot(row, v)).collect()
    }

    /// The rows and columns of `range`: the Hessian with respect to those parameters alone.
    pub fn block(&self, range: Range<usize>) -> Hessian {
        self.select(&range.collect::<Vec<_>>())
    }

    /// The rows and columns of the given indices.
    pub fn select(&self, indices: &[usize]) -> Hessian {
        let row = |&i: &usize| indices.iter().map(move |&j| self.entries[i * self.dim + j]);
        Hessian { dim: indices.len(), entries: indices.iter().flat_map(row).collect() }
    }

    /// D^(−1/2) H D^(−1/2) for a `diagonal` D ≥ 0, with 0 in rows where D is 0: see
    /// [`Preconditioned`](super::Preconditioned).
    ///
    /// # Panics
    /// If there is not one entry of D for each parameter.
    pub fn preconditioned(&self, diagonal: &[f64]) -> Hessian {
        assert_eq!(diagonal.len(), self.dim, "entries of the diagonal and rows");
        let roots = inverse_roots(diagonal);
        let row = |(row, root): (&[f64], &f64)| -> Vec<f64> {
            row.iter().zip(&roots).map(|(x, other)| x * root * other).collect()
        };
        let rows = self.entries.chunks_exact(self.dim.max(1)).zip(&roots);
        Hessian { dim: self.dim, entries: rows.flat_map(row).collect() }
    }

    /// Eigenvalues, ascending; `None` where H is not finite.
    pub fn eigenvalues(&self) -> Option<Vec<f64>> {
        symmetric_eigenvalues(self.dim, &self.entries)
    }

    /// Eigenvalues and eigenvectors; `None` where H is not finite.
    pub fn spectrum(&self) -> Option<Spectrum> {
        symmetric_eigen(self.dim, &self.entries).map(Spectrum)
    }
}

/// Entries of D^(−1/2), 0 where D is 0. This defines [`Preconditioned`](super::Preconditioned) at D
/// = 0.
pub(super) fn inverse_roots(diagonal: &[f64]) -> Vec<f64> {
    diagonal.iter().map(|d| if *d == 0.0 { 0.0 } else { 1.0 / d.sqrt() }).collect()
}

/// Eigenvalues and eigenvectors of a Hessian.
#[derive(Clone, Debug, PartialEq)]
pub struct Spectrum(Eigen);

impl Spectrum {
    /// The eigenvalues λ₁ ≤ … ≤ λₚ.
    pub fn values(&self) -> &[f64] {
        &self.0.values
    }

    /// The eigenvector of `values()[k]`, of unit length.
    ///
    /// # Panics
    /// If there is no such eigenvalue.
    pub fn vector(&self, k: usize) -> &[f64] {
        let p = self.0.values.len();
        &self.0.vectors[k * p..(k + 1) * p]
    }

    /// Sharpness λ_max, the largest eigenvalue with its sign.
    pub fn sharpness(&self) -> f64 {
        self.0.values.last().copied().unwrap_or(f64::NAN)
    }

    /// The smallest eigenvalue λ_min.
    pub fn min(&self) -> f64 {
        self.0.values.first().copied().unwrap_or(f64::NAN)
    }

    /// The spectral norm ‖H‖₂ = max |λ|.
    pub fn norm(&self) -> f64 {
        self.sharpness().abs().max(self.min().abs())
    }

    /// The trace Σ λ.
    pub fn trace(&self) -> f64 {
        self.0.values.iter().sum()
    }

    /// Share of the negative eigenvalues: see [`negative_mass`].
    pub fn negative_mass(&self) -> f64 {
        negative_mass(&self.0.values)
    }

    /// The Newton step −H⁺ g, H⁺ the pseudo-inverse: eigenvalues below `cutoff`·‖H‖₂ in absolute
    /// value count as zero.
    ///
    /// With negative eigenvalues the step climbs along their eigenvectors, as Newton's method does.
    pub fn newton_step(&self, grad: &[f64], cutoff: f64) -> Vec<f64> {
        let floor = cutoff * self.norm();
        let mut step = vec![0.0; grad.len()];
        for (k, &value) in self.values().iter().enumerate() {
            if value.abs() > floor {
                let along = dot(self.vector(k), grad) / value;
                step.iter_mut().zip(self.vector(k)).for_each(|(s, v)| *s -= along * v);
            }
        }
        step
    }

    /// Largest residual ‖Hv − λv‖ of an eigenpair, the error of the decomposition.
    pub fn residual(&self, hessian: &Hessian) -> f64 {
        let residual = |k: usize| {
            let (v, value) = (self.vector(k), self.values()[k]);
            let hv = hessian.times(v);
            norm(&hv.iter().zip(v).map(|(hv, v)| hv - value * v).collect::<Vec<_>>())
        };
        (0..self.values().len()).map(residual).fold(0.0, f64::max)
    }
}

/// Share of the negative eigenvalues, Σ_{λ<0} |λ| / Σ |λ|, in 0..=1; NaN for the zero matrix.
pub fn negative_mass(eigenvalues: &[f64]) -> f64 {
    let (mut negative, mut all) = (0.0, 0.0);
    for value in eigenvalues {
        negative += (-value).max(0.0);
        all += value.abs();
    }
    negative / all
}
