//! What an instrument sees of a model: a function of its parameters.

/// A twice differentiable function f: ℝᵖ → ℝ, in double precision whatever the model was trained
/// in.
///
/// Methods take `&mut self` because implementations keep their workspaces.
pub trait Objective {
    /// Number of parameters p.
    fn dim(&self) -> usize;
    /// f(params).
    fn value(&mut self, params: &[f64]) -> f64;
    /// f(params); ∇f goes to `grad`.
    fn gradient(&mut self, params: &[f64], grad: &mut [f64]) -> f64;
    /// ⟨∇f, v⟩; the Hessian-vector product ∇²f · v goes to `out`, exact to rounding.
    fn hvp(&mut self, params: &[f64], v: &[f64], out: &mut [f64]) -> f64;
}
