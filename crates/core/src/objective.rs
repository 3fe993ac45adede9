//! What an instrument sees of a model: a function of its parameters.

/// A twice differentiable function f: ℝᵖ → ℝ.
///
/// Methods take `&mut self` because implementations keep their workspaces.
pub trait Objective<T> {
    /// Number of parameters p.
    fn dim(&self) -> usize;
    /// f(params).
    fn value(&mut self, params: &[T]) -> f64;
    /// f(params); ∇f goes to `grad`.
    fn gradient(&mut self, params: &[T], grad: &mut [T]) -> f64;
    /// ⟨∇f, v⟩; the Hessian-vector product ∇²f · v goes to `out`, exact to rounding.
    fn hvp(&mut self, params: &[T], v: &[T], out: &mut [T]) -> f64;
}
