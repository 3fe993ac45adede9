//! Predictors in context that need no training, for comparison with a loss.
//!
//! Least squares and ridge regression solve every prompt by itself. Gradient descent in L steps and
//! GD++ (von Oswald et al. 2023) are what an L-layer linear Transformer can do with P = b I and
//! Q = a I, with the best scalars: the scalar recursion of docs/derivations.md.

mod fit;
mod scalars;
mod spectral;

use std::fmt;

use fit::Spectrum;
pub use scalars::Scalars;
use spectral::{CUTOFF, spectral};
use windtunnel_math::lanes::Isa;
use windtunnel_math::rng::Key;
use windtunnel_model::task::{Batch, Form, Labels, Prompts, Task, WStar};

/// Version of the fit; cached fits of another version are computed again.
pub const FIT_VERSION: u32 = 2;
/// Number of prompts that the scalars of gradient descent and GD++ are fitted on.
pub const FIT_PROMPTS: usize = 20_000;
/// Largest number of layers for which GD++ is fitted: the cost grows as their cube, and 16 take
/// minutes.
pub const MOST_LAYERS: usize = 16;
/// Squared errors of ridge regression, ŵ = (S/n + λI)⁺ s/n, on every prompt of a batch of moments;
/// λ = 0 is least squares, of least norm where n < d. NaN where a Gram matrix is not finite.
///
/// With w⋆ ~ N(0, I) and label noise of variance σ² the ridge σ²/n is the Bayes estimate.
///
/// # Panics
/// If the prompts are tokens.
pub fn ridge(batch: &Batch<f64>, lambda: f64) -> Vec<f64> {
    assert_eq!(batch.layout().form, Form::Moments, "ridge regression needs moments");
    let error = |prompt: usize| {
        let Some(at) = spectral(batch, prompt) else { return f64::NAN };
        let floor = CUTOFF * at.values.last().copied().unwrap_or(0.0);
        let terms = at.values.iter().zip(&at.labels).zip(&at.query);
        let terms = terms.filter(|((value, _), _)| **value > floor);
        let term = |((value, s), x): ((&f64, &f64), &f64)| {
            let product = s * x;
            // The quotient need not vanish where the product does.
            if product.is_normal() { product / (value + lambda) } else { s / (value + lambda) * x }
        };
        let predicted: f64 = terms.map(term).sum();
        (predicted - at.target).powi(2)
    };
    (0..batch.len()).map(error).collect()
}

/// The scalars that a fit may choose.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Free {
    /// a: gradient descent with the best step sizes.
    Steps,
    /// a and b: GD++.
    StepsAndTransforms,
}

/// Reason why there are no best scalars.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NoScalars {
    /// The recursion does not hold for this task.
    OtherTask,
    /// GD++ of more than [`MOST_LAYERS`] layers.
    TooDeep,
    /// A prompt has a Gram matrix that is not finite.
    NotFinite,
}

impl fmt::Display for NoScalars {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            NoScalars::OtherTask => f.write_str(
                "known for linear labels without noise, w* ~ N(0, I) and no distractors only",
            ),
            NoScalars::TooDeep => write!(f, "fitted up to {MOST_LAYERS} layers only"),
            NoScalars::NotFinite => f.write_str("a prompt overflows double precision"),
        }
    }
}

/// The best scalars that were found for `depth` layers on [`FIT_PROMPTS`] fresh prompts of `task`,
/// in a stream of their own.
///
/// Those of gradient descent are exact, up to 32 steps and for roots above 1e-10 of the largest. The
/// error of GD++ has several local minima: the best of 21
/// starting points gives an upper bound, never above gradient descent, which is GD++ with b = 0, and
/// that never above prediction zero, which has a = 0. Where the loss is heavy-tailed it is that of
/// these prompts only.
///
/// # Errors
/// If the recursion does not hold, or the fit would take hours.
///
/// # Panics
/// If `depth` is 0.
pub fn best_scalars(task: &Task, depth: usize, free: Free) -> Result<Scalars, NoScalars> {
    assert!(depth > 0, "a model without layers");
    let plain = task.noise_std() == 0.0
        && matches!(task.labels(), Labels::Linear)
        && task.w_star() == WStar::Standard
        && task.distractors() == 0;
    if !plain {
        return Err(NoScalars::OtherTask);
    }
    if free == Free::StepsAndTransforms && depth > MOST_LAYERS {
        return Err(NoScalars::TooDeep);
    }
    let key = Key::baseline_prompts();
    let batch = task.batch(Form::Moments, Isa::detect(), key, FIT_PROMPTS);
    let spectrum = Spectrum::of(&batch).ok_or(NoScalars::NotFinite)?;
    let descent = spectrum.descent(depth);
    let best = match free {
        Free::Steps => descent,
        Free::StepsAndTransforms => spectrum.transforms(descent),
    };
    Ok(spectrum.in_units_of_prompts(best))
}
