//! One point of the landscape, with cached results that several instruments need.

use super::{Hessian, HessianOperator, Spectrum};
use windtunnel_math::objective::{Block, Objective, ObjectiveError};

/// An objective at fixed parameters, with cached results. A computation that failed is repeated on
/// the next call.
pub struct Probe<'a> {
    objective: &'a mut dyn Objective,
    params: Vec<f64>,
    blocks: Vec<Block>,
    gradient: Option<(f64, Vec<f64>)>,
    hessian: Option<Hessian>,
    spectrum: Option<Option<Spectrum>>,
}

impl<'a> Probe<'a> {
    /// The point `params` of `objective`.
    ///
    /// # Panics
    /// If the length is not the objective's dimension.
    pub fn new(objective: &'a mut dyn Objective, params: Vec<f64>) -> Probe<'a> {
        assert_eq!(params.len(), objective.dim(), "parameters of the objective");
        let blocks = objective.blocks();
        Probe { objective, params, blocks, gradient: None, hessian: None, spectrum: None }
    }

    /// The objective and the parameters, for quantities that are measured only once.
    pub fn parts(&mut self) -> (&mut dyn Objective, &[f64]) {
        (self.objective, &self.params)
    }

    /// θ.
    pub fn params(&self) -> &[f64] {
        &self.params
    }

    /// The partition of the parameters.
    pub fn blocks(&self) -> &[Block] {
        &self.blocks
    }

    /// ∇²f(θ) through products alone.
    pub fn operator(&mut self) -> HessianOperator<'_> {
        HessianOperator::new(self.objective, &self.params)
    }

    /// f(θ) and ∇f(θ).
    ///
    /// # Errors
    /// If the objective cannot be evaluated.
    pub fn gradient(&mut self) -> Result<(f64, &[f64]), ObjectiveError> {
        let Probe { objective, params, gradient, .. } = self;
        let (value, grad) = match gradient {
            Some(known) => known,
            None => {
                let mut grad = vec![0.0; params.len()];
                let value = objective.gradient(params, &mut grad)?;
                gradient.insert((value, grad))
            }
        };
        Ok((*value, grad))
    }

    /// ∇²f(θ).
    ///
    /// # Errors
    /// If the objective cannot be evaluated.
    pub fn hessian(&mut self) -> Result<&Hessian, ObjectiveError> {
        let Probe { objective, params, hessian, .. } = self;
        match hessian {
            Some(known) => Ok(known),
            None => Ok(hessian.insert(Hessian::at(*objective, params)?)),
        }
    }

    /// The spectrum of ∇²f(θ); `None` where it is not finite.
    ///
    /// # Errors
    /// If the objective cannot be evaluated.
    pub fn spectrum(&mut self) -> Result<Option<&Spectrum>, ObjectiveError> {
        if self.spectrum.is_none() {
            self.spectrum = Some(self.hessian()?.spectrum());
        }
        Ok(self.spectrum.as_ref().and_then(Option::as_ref))
    }

    /// The Hessian, if it was computed.
    pub fn into_hessian(self) -> Option<Hessian> {
        self.hessian
    }
}
