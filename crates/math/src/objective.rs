//! Objectives: functions of the parameters, as instruments see a model.

use std::error::Error;
use std::fmt;
use std::ops::Range;

/// Parameters that belong together, such as one matrix of one layer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Block {
    /// Name in metrics and pictures, such as `q2`.
    pub name: String,
    /// Range of their indices in the parameter vector.
    pub range: Range<usize>,
    /// Rows and columns, if they are all entries of one matrix, row by row.
    pub shape: Option<(usize, usize)>,
    /// Whether f does not depend on them at all: gradient and Hessian rows are exactly zero.
    pub unused: bool,
}

impl Block {
    /// The partition of `dim` parameters into one block.
    pub fn whole(dim: usize) -> Vec<Block> {
        vec![Block { name: "all".into(), range: 0..dim, shape: None, unused: false }]
    }
}

/// Error returned by an objective that could not be evaluated: an exception of an outside model, a
/// connection that was lost. An infinite or NaN loss is a value, not an error.
#[derive(Debug)]
pub struct ObjectiveError(Box<dyn Error + Send + Sync>);

impl ObjectiveError {
    /// The error with this message, or for this reason.
    pub fn new(reason: impl Into<Box<dyn Error + Send + Sync>>) -> ObjectiveError {
        ObjectiveError(reason.into())
    }
}

/// The message and those of all causes behind it, on one line.
impl fmt::Display for ObjectiveError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)?;
        let mut cause = self.0.source();
        while let Some(error) = cause {
            write!(f, ": {error}")?;
            cause = error.source();
        }
        Ok(())
    }
}

/// The causes are part of the message: there is no other source.
impl Error for ObjectiveError {}

/// A twice differentiable function f: ℝᵖ → ℝ, in double precision whatever the model was trained
/// in.
///
/// Methods take `&mut self` because implementations keep their workspaces.
///
/// # Errors
/// Every method may fail if the function lives outside of this program. Its outputs are of no use
/// then.
pub trait Objective {
    /// Number of parameters p.
    fn dim(&self) -> usize;
    /// f(params).
    fn value(&mut self, params: &[f64]) -> Result<f64, ObjectiveError>;
    /// f(params); ∇f goes to `grad`.
    fn gradient(&mut self, params: &[f64], grad: &mut [f64]) -> Result<f64, ObjectiveError>;
    /// ⟨∇f, v⟩; the Hessian-vector product ∇²f · v goes to `out`, exact to rounding.
    fn hvp(&mut self, params: &[f64], v: &[f64], out: &mut [f64]) -> Result<f64, ObjectiveError>;
    /// The Hessian ∇²f, [p, p], goes to `out`: by default, one product for each column.
    fn hessian(&mut self, params: &[f64], out: &mut [f64]) -> Result<(), ObjectiveError> {
        let p = self.dim();
        let mut unit = vec![0.0; p];
        for (k, column) in out.chunks_exact_mut(p.max(1)).enumerate() {
            unit[k] = 1.0;
            self.hvp(params, &unit, column)?;
            unit[k] = 0.0;
        }
        Ok(())
    }
    /// A partition of the parameters, in order: by default, all of them in one block.
    fn blocks(&self) -> Vec<Block> {
        Block::whole(self.dim())
    }
}

/// Gradients and losses of single samples: f_ξ(params) and ∇f_ξ(params).
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SampleGradients {
    /// Losses, one for each sample.
    pub losses: Vec<f64>,
    /// [samples, p].
    pub grads: Vec<f64>,
}

/// A function that is a mean over random samples, f = E f_ξ, seen through finite draws of ξ.
///
/// A draw is an address: the same one gives the same samples at any parameters, and different ones
/// give independent samples.
///
/// # Errors
/// As those of an [`Objective`].
pub trait Stochastic {
    /// Number of parameters p.
    fn dim(&self) -> usize;
    /// A partition of the parameters, in order: by default, all of them in one block.
    fn blocks(&self) -> Vec<Block> {
        Block::whole(self.dim())
    }
    /// Mean of f_ξ over the first `samples` samples of `draw`; its gradient goes to `grad`.
    fn batch_gradient(
        &mut self,
        params: &[f64],
        draw: u64,
        samples: usize,
        grad: &mut [f64],
    ) -> Result<f64, ObjectiveError>;
    /// Loss and gradient of each of the first `samples` samples of `draw`.
    fn sample_gradients(
        &mut self,
        params: &[f64],
        draw: u64,
        samples: usize,
    ) -> Result<SampleGradients, ObjectiveError>;
    /// Loss of each of the first `samples` samples of `draw`.
    fn sample_losses(
        &mut self,
        params: &[f64],
        draw: u64,
        samples: usize,
    ) -> Result<Vec<f64>, ObjectiveError> {
        Ok(self.sample_gradients(params, draw, samples)?.losses)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug)]
    struct Lost(std::io::Error);

    impl fmt::Display for Lost {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            write!(f, "the model does not answer")
        }
    }

    impl Error for Lost {
        fn source(&self) -> Option<&(dyn Error + 'static)> {
            Some(&self.0)
        }
    }

    #[test]
    fn an_error_says_all_of_its_causes() {
        assert_eq!(ObjectiveError::new("out of memory").to_string(), "out of memory");
        let error = ObjectiveError::new(Lost(std::io::Error::other("broken pipe")));
        assert_eq!(error.to_string(), "the model does not answer: broken pipe");
        assert!(error.source().is_none());
    }
}
