//! The threshold of stability of an optimizer as a whole, from the parts of its transforms.

use windtunnel_math::stability::{Stability, gradient_descent_threshold};

/// Action of one transform on the running update u where the loss is a quadratic: its part in the
/// threshold of stability of its optimizer.
#[derive(Clone, Debug, PartialEq)]
pub enum Linearization {
    /// u ← u: the transform is switched off.
    Identity,
    /// u ← c u with this c ≤ 1 at this step.
    Clip(f64),
    /// u ← u + λθ. Thresholds are those without it.
    Decay,
    /// The rule itself, u ← η⁻¹ times its step on a quadratic.
    Method {
        /// The largest stable sharpness at the learning rate of the step.
        threshold: f64,
        /// Diagonal D, if the threshold is one for λ_max(D⁻¹H).
        preconditioner: Option<Vec<f64>>,
    },
    /// u ← η u.
    LearningRate,
    /// Not known, so the threshold of the optimizer is not known either.
    Unknown,
}

/// The step just made, after which a transform is asked for its [`Linearization`].
#[derive(Clone, Copy, Debug)]
pub struct LastStep<'a> {
    /// Number of the step, from 1.
    pub step: u64,
    /// Learning rate of the step.
    pub lr: f64,
    /// Mini-batch gradient, before clipping.
    pub grad: &'a [f64],
}

/// The threshold of a list of transforms, if it is a known one: clipping or not, weight decay or
/// not, nothing or one method, the learning rate; weight decay may also stand behind the method.
pub(super) fn of_list(parts: Vec<Linearization>, lr: f64) -> Option<Stability> {
    let active: Vec<Linearization> =
        parts.into_iter().filter(|part| *part != Linearization::Identity).collect();
    let (clip_factor, rest) = match active.as_slice() {
        [Linearization::Clip(factor), rest @ ..] => (*factor, rest),
        rest => (1.0, rest),
    };
    use Linearization::{Decay, LearningRate, Method};
    let (threshold, preconditioner) = match rest {
        [LearningRate] | [Decay, LearningRate] => (gradient_descent_threshold(lr), None),
        [Method { threshold, preconditioner }, LearningRate]
        | [Decay, Method { threshold, preconditioner }, LearningRate]
        | [Method { threshold, preconditioner }, Decay, LearningRate] => {
            (*threshold, preconditioner.clone())
        }
        _ => return None,
    };
    Some(Stability { threshold, preconditioner, clip_factor })
}
