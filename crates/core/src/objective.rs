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
    /// The Hessian ∇²f, [p, p], goes to `out`: by default, one product for each column.
    fn hessian(&mut self, params: &[f64], out: &mut [f64]) {
        let p = self.dim();
        let mut unit = vec![0.0; p];
        for (k, column) in out.chunks_exact_mut(p).enumerate() {
            unit[k] = 1.0;
            self.hvp(params, &unit, column);
            unit[k] = 0.0;
        }
    }
}
