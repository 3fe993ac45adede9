//! Parameters that several optimizers have.

use crate::{AddDecayedWeights, Parameter, Range, Values};

/// Decays of Adam's averages as they are published.
pub(super) const BETAS: Parameter = Parameter::pair(
    "betas",
    [0.9, 0.999],
    Range::Fraction,
    "decay of the mean and the mean square",
);
pub(super) const EPS: Parameter =
    Parameter::number("eps", 1e-8, Range::NonNegative, "added to the root, bias-corrected");
/// λ of an L₂ penalty.
pub(super) const COUPLED: Parameter =
    Parameter::number("weight_decay", 0.0, Range::NonNegative, "added to the gradient");
/// λ of Loshchilov & Hutter.
pub(super) const DECOUPLED: Parameter =
    Parameter::number("weight_decay", 0.0, Range::NonNegative, "decoupled, times lr");

/// The transform of either: first in the list if coupled, before the learning rate if decoupled.
pub(super) fn decay(values: &Values) -> AddDecayedWeights {
    AddDecayedWeights { weight_decay: values.number("weight_decay") }
}
