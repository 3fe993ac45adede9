//! Transforms, which a list applies in turn to make the update of an optimizer from a gradient.

mod adadelta;
mod adafactor;
mod adagrad;
mod adam;
mod adamax;
mod adan;
mod ademamix;
mod adopt;
mod average;
mod belief;
mod clip;
mod decay;
mod dog;
mod laprop;
mod learning_rate;
mod lion;
mod mean;
mod muon;
mod nadam;
mod normalize;
mod orthogonalize;
mod prodigy;
mod radam;
mod rms;
mod sign;
mod trace;
mod trust_ratio;
mod variance_reduction;

pub use adadelta::ScaleByAdadelta;
pub use adafactor::ScaleByAdafactor;
pub use adagrad::ScaleByAdagrad;
pub use adam::ScaleByAdam;
pub use adamax::ScaleByAdamax;
pub use adan::ScaleByAdan;
pub use ademamix::ScaleByAdemamix;
pub use adopt::ScaleByAdopt;
pub use belief::ScaleByBelief;
pub use clip::{ClipByGlobalNorm, ClipByValue};
pub use decay::AddDecayedWeights;
pub use dog::ScaleByDog;
pub use laprop::ScaleByLaprop;
pub use learning_rate::ScaleByLearningRate;
pub use lion::ScaleByLion;
pub use mean::Mean;
pub use muon::{MuonScale, ScaleByMuon};
pub use nadam::ScaleByNadam;
pub use normalize::Normalize;
pub use orthogonalize::Orthogonalization;
pub use prodigy::ScaleByProdigy;
pub use radam::ScaleByRadam;
pub use rms::ScaleByRms;
pub use sign::ScaleBySign;
pub use trace::Trace;
pub use trust_ratio::ScaleByTrustRatio;
pub use variance_reduction::AddGradientChange;

use std::sync::Arc;

use windtunnel_math::lanes::Real;
use windtunnel_math::objective::Block;

use super::{LastStep, Linearization, State};

/// Error of a transform or of an oracle, from any source.
pub type Error = Box<dyn std::error::Error + Send + Sync>;

/// List of transforms, in the order of application.
pub type Transforms<T> = Vec<Arc<dyn Transform<T>>>;

/// One transform of an optimizer: turns the running update u (at first the gradient) into the next
/// u. The step ends with θ ← θ − u.
///
/// A transform is a value that never changes; everything it carries from step to step is its
/// [`State`], which the optimizer holds, stores and restores. Hyper-parameters are `f64` whatever
/// the type of the parameters: numbers that depend on them alone (1 − β, β^step) are computed in
/// `f64` and rounded once, as in PyTorch.
pub trait Transform<T: Real>: Send + Sync {
    /// The state before the first step, for parameters that are divided into `blocks`: by default
    /// there is none.
    fn init(&self, dim: usize, blocks: &[Block]) -> State<T> {
        let _ = (dim, blocks);
        State::empty()
    }

    /// Transforms `update` in place. NaN must stay NaN, so that a run diverges where it did.
    ///
    /// # Errors
    /// If the transform cannot work; the run ends then.
    fn apply(
        &self,
        update: &mut [T],
        state: &mut State<T>,
        context: &mut Context<'_, T>,
    ) -> Result<(), Error>;

    /// The transform's part in the threshold of stability of its optimizer: by default unknown.
    fn linearization(&self, state: &State<T>, at: &LastStep<'_>) -> Linearization {
        let _ = (state, at);
        Linearization::Unknown
    }
}

/// Context of a transform: everything it sees beside the running update.
pub struct Context<'a, T> {
    /// Number of this step, from 1.
    pub step: u64,
    /// Learning rate of this step.
    pub lr: f64,
    /// Parameters θ before the step.
    pub params: &'a [T],
    /// Partition of the parameters, in order, with the shapes of its matrices.
    pub blocks: &'a [Block],
    /// Mini-batch loss at θ, where the caller knows it.
    pub loss: Option<f64>,
    pub(super) oracle: Option<&'a mut (dyn Oracle<T> + 'a)>,
}

impl<'a, T> Context<'a, T> {
    /// Loss, gradient and Hessian-vector products at other points.
    ///
    /// # Errors
    /// If the caller of the optimizer cannot give any.
    pub fn oracle(&mut self) -> Result<&mut (dyn Oracle<T> + 'a), Error> {
        let missing = "this optimizer needs the loss at other points, and here is a gradient alone";
        self.oracle.as_deref_mut().ok_or_else(|| missing.into())
    }
}

/// The mini-batch loss of a step as a function, for optimizers that need more than the gradient. It
/// costs nothing unless it is called.
pub trait Oracle<T> {
    /// Loss at `params`.
    ///
    /// # Errors
    /// If the model fails.
    fn loss(&mut self, params: &[T]) -> Result<f64, Error>;

    /// Loss at `params`; its gradient goes to `grad`.
    ///
    /// # Errors
    /// If the model fails.
    fn gradient(&mut self, params: &[T], grad: &mut [T]) -> Result<f64, Error>;

    /// ⟨∇f, v⟩ at `params`; the Hessian-vector product ∇²f · v goes to `out`.
    ///
    /// # Errors
    /// If the model fails.
    fn hvp(&mut self, params: &[T], v: &[T], out: &mut [T]) -> Result<f64, Error>;
}
