//! Symmetric matrices that are known only by their products with vectors, and combinations of them.

use std::ops::Range;

use super::hessian::{Hessian, inverse_roots};
use windtunnel_math::objective::{Objective, ObjectiveError};

/// A symmetric matrix A ∈ ℝᵖˣᵖ that can be multiplied with a vector.
///
/// Estimators need nothing else. Operators compose: sharpness preconditioned by D and restricted to
/// one block is the largest eigenvalue of `hessian.preconditioned(d).block(range)`. Every
/// combinator takes its operator by value; `&mut` of an operator is an operator too.
///
/// # Errors
/// A product may fail where the objective behind it does, as [`Objective`] says.
pub trait SymmetricOperator {
    /// Number of rows p.
    fn dim(&self) -> usize;

    /// Computes the product A v into `out` and overwrites it.
    fn apply(&mut self, v: &[f64], out: &mut [f64]) -> Result<(), ObjectiveError>;

    /// The same matrix with all of its entries, by p products: for tests, with small p.
    fn dense(&mut self) -> Result<Hessian, ObjectiveError> {
        let p = self.dim();
        let (mut entries, mut unit) = (vec![0.0; p * p], vec![0.0; p]);
        for (k, column) in entries.chunks_exact_mut(p.max(1)).enumerate() {
            unit[k] = 1.0;
            self.apply(&unit, column)?;
            unit[k] = 0.0;
        }
        Ok(Hessian::from_entries(p, entries))
    }

    /// D^(−1/2) A D^(−1/2) for a `diagonal` D ≥ 0: see [`Preconditioned`].
    ///
    /// # Panics
    /// If there is not one entry of D for each row.
    fn preconditioned(self, diagonal: &[f64]) -> Preconditioned<Self>
    where
        Self: Sized,
    {
        assert_eq!(diagonal.len(), self.dim(), "entries of the diagonal and rows");
        Preconditioned {
            scaled: vec![0.0; diagonal.len()],
            roots: inverse_roots(diagonal),
            inner: self,
        }
    }

    /// The rows and columns of the given indices, in their order, each at most once.
    ///
    /// # Panics
    /// If there is no such row, or an index comes twice.
    fn select(self, indices: Vec<usize>) -> Selected<Self>
    where
        Self: Sized,
    {
        let p = self.dim();
        let mut once = vec![true; p];
        let new = |index: &usize| once.get_mut(*index).is_some_and(std::mem::take);
        assert!(indices.iter().all(new), "indices {indices:?} of {p} rows, each at most once");
        Selected { whole: [vec![0.0; p], vec![0.0; p]], indices, inner: self }
    }

    /// The rows and columns of `range`: the Hessian with respect to those parameters alone.
    fn block(self, range: Range<usize>) -> Selected<Self>
    where
        Self: Sized,
    {
        self.select(range.collect())
    }

    /// factor·A + shift·I.
    fn affine(self, factor: f64, shift: f64) -> Affine<Self>
    where
        Self: Sized,
    {
        Affine { inner: self, factor, shift }
    }

    /// A + B.
    ///
    /// # Panics
    /// If B has another dimension.
    fn plus<B: SymmetricOperator>(self, other: B) -> Sum<Self, B>
    where
        Self: Sized,
    {
        assert_eq!(self.dim(), other.dim(), "rows of the two operators");
        Sum { term: vec![0.0; other.dim()], first: self, second: other }
    }
}

impl<A: SymmetricOperator + ?Sized> SymmetricOperator for &mut A {
    fn dim(&self) -> usize {
        (**self).dim()
    }
    fn apply(&mut self, v: &[f64], out: &mut [f64]) -> Result<(), ObjectiveError> {
        (**self).apply(v, out)
    }
}

/// A dense matrix, whose products never fail.
impl SymmetricOperator for &Hessian {
    fn dim(&self) -> usize {
        Hessian::dim(self)
    }
    fn apply(&mut self, v: &[f64], out: &mut [f64]) -> Result<(), ObjectiveError> {
        out.copy_from_slice(&self.times(v));
        Ok(())
    }
}

/// The Hessian ∇²f of an objective at one point, by Hessian-vector products alone.
pub struct HessianOperator<'a> {
    objective: &'a mut dyn Objective,
    params: &'a [f64],
}

impl<'a> HessianOperator<'a> {
    /// The Hessian of `objective` at `params`.
    ///
    /// # Panics
    /// If the length is not the objective's dimension.
    pub fn new(objective: &'a mut dyn Objective, params: &'a [f64]) -> HessianOperator<'a> {
        assert_eq!(params.len(), objective.dim(), "parameters of the objective");
        HessianOperator { objective, params }
    }
}

impl SymmetricOperator for HessianOperator<'_> {
    fn dim(&self) -> usize {
        self.params.len()
    }
    fn apply(&mut self, v: &[f64], out: &mut [f64]) -> Result<(), ObjectiveError> {
        self.objective.hvp(self.params, v, out).map(drop)
    }
}

/// A diagonal matrix, whose products never fail.
pub struct Diagonal<'a>(pub &'a [f64]);

impl SymmetricOperator for Diagonal<'_> {
    fn dim(&self) -> usize {
        self.0.len()
    }
    fn apply(&mut self, v: &[f64], out: &mut [f64]) -> Result<(), ObjectiveError> {
        out.iter_mut().zip(v.iter().zip(self.0)).for_each(|(o, (v, d))| *o = v * d);
        Ok(())
    }
}

/// D^(−1/2) A D^(−1/2) for a diagonal D ≥ 0: symmetric, with the eigenvalues of D⁻¹A.
///
/// For a zero entry of D, the pseudo-inverse D⁺ is used in place of D⁻¹: row and column are 0,
/// whatever the entries of A. D is Adam's √v̂ + ε, which is 0 only for ε = 0 and a parameter that
/// never had a gradient. Its update is 0/0, so an optimizer that continues does not move it, and
/// its D is positive as soon as it has a gradient. What is left is the curvature along the
/// parameters that move. An infinite entry instead would declare every step unstable and hide the
/// curvature along the others.
///
/// An entry of D that is negative or NaN makes every product NaN.
pub struct Preconditioned<A> {
    inner: A,
    roots: Vec<f64>,
    scaled: Vec<f64>,
}

impl<A: SymmetricOperator> SymmetricOperator for Preconditioned<A> {
    fn dim(&self) -> usize {
        self.inner.dim()
    }
    fn apply(&mut self, v: &[f64], out: &mut [f64]) -> Result<(), ObjectiveError> {
        let Preconditioned { inner, roots, scaled } = self;
        scaled.iter_mut().zip(v.iter().zip(&*roots)).for_each(|(x, (v, root))| *x = v * root);
        inner.apply(scaled, out)?;
        out.iter_mut().zip(roots).for_each(|(x, root)| *x *= *root);
        Ok(())
    }
}

/// Rows and columns of a symmetric matrix.
pub struct Selected<A> {
    inner: A,
    indices: Vec<usize>,
    /// Argument and product of the whole matrix; the argument is 0 elsewhere.
    whole: [Vec<f64>; 2],
}

impl<A: SymmetricOperator> SymmetricOperator for Selected<A> {
    fn dim(&self) -> usize {
        self.indices.len()
    }
    fn apply(&mut self, v: &[f64], out: &mut [f64]) -> Result<(), ObjectiveError> {
        let Selected { inner, indices, whole: [argument, product] } = self;
        indices.iter().zip(v).for_each(|(index, v)| argument[*index] = *v);
        inner.apply(argument, product)?;
        out.iter_mut().zip(indices).for_each(|(x, index)| *x = product[*index]);
        Ok(())
    }
}

/// factor·A + shift·I.
pub struct Affine<A> {
    inner: A,
    factor: f64,
    shift: f64,
}

impl<A: SymmetricOperator> SymmetricOperator for Affine<A> {
    fn dim(&self) -> usize {
        self.inner.dim()
    }
    fn apply(&mut self, v: &[f64], out: &mut [f64]) -> Result<(), ObjectiveError> {
        self.inner.apply(v, out)?;
        out.iter_mut().zip(v).for_each(|(x, v)| *x = self.factor * *x + self.shift * v);
        Ok(())
    }
}

/// A + B.
pub struct Sum<A, B> {
    first: A,
    second: B,
    term: Vec<f64>,
}

impl<A: SymmetricOperator, B: SymmetricOperator> SymmetricOperator for Sum<A, B> {
    fn dim(&self) -> usize {
        self.first.dim()
    }
    fn apply(&mut self, v: &[f64], out: &mut [f64]) -> Result<(), ObjectiveError> {
        self.first.apply(v, out)?;
        self.second.apply(v, &mut self.term)?;
        out.iter_mut().zip(&self.term).for_each(|(x, term)| *x += term);
        Ok(())
    }
}
