//! The list of metrics, and the type with one variant for each.

use std::fmt;

use super::Better::{Higher, Lower, Neither};
use super::Instrument::{
    DirectionalSmoothness, Estimators, GeneralizedSmoothness, Heterogeneity, LossTails, Noise,
    RobustCondition, Spectrum, Stability, UpdateGeometry,
};
use super::Part::{Exact, Hi, Lo, Residual, StandardError};
use super::RecordedBy::{Instruments, Training};
use super::Scale::{Linear, Log, SymLog};
use super::Unit::{
    Loss, LossPerParameter, LossPerSquaredParameter, One, Parameter as Theta, PerParameter,
};
use super::parameter::{Parameter, positive, values};
use super::{Entry, Label, OtherConvention, Pair, Percent, Rival};

/// The value of a parameter if it is the mini-batch size.
macro_rules! batch_size {
    (batch_size, $value:ident) => {
        Some(*$value)
    };
    ($other:ident, $value:ident) => {{
        let _ = $value;
        None
    }};
}

/// Allowed values of a parameter, as text.
macro_rules! allowed {
    (batch_size, $type:ty) => {
        "a whole number from 1"
    };
    ($other:ident, $type:ty) => {
        <$type as Parameter>::ALLOWED
    };
}

/// The value of a parameter from its text, if it is allowed.
macro_rules! read {
    (batch_size, $type:ty, $text:expr) => {
        positive($text)
    };
    ($other:ident, $type:ty, $text:expr) => {
        <$type as Parameter>::read($text)
    };
}

/// Makes an enum `Metric`, its entries and its reader from a list of entries:
/// `Variant(parameter: Type) = "name.{parameter}" { fields of Entry }`.
macro_rules! catalogue {
    ($($variant:ident $(($($parameter:ident: $type:ty),+))? = $name:literal {
        axis: $axis:literal, unit: $unit:expr, scale: $scale:expr, better: $better:expr,
        by: $by:expr, parts: [$($part:expr),*],
        meaning: $meaning:literal,
    })+) => {
        /// Metric with the parameters of its name: an entry of the [`CATALOGUE`].
        #[derive(Clone, Debug, PartialEq, Eq)]
        pub enum Metric {
            $(#[doc = concat!("`", $name, "`: ", $meaning, ".")] $variant $(($($type),+))?,)+
        }

        /// Place of an entry in the list.
        enum Place {
            $($variant,)+
        }

        /// All metrics, in the order in which documentation lists them.
        pub static CATALOGUE: &[Entry] = &[$(
            Entry {
                name: $name,
                parameters: &[$($((stringify!($parameter), allowed!($parameter, $type))),+)?],
                axis: $axis,
                unit: $unit,
                scale: $scale,
                better: $better,
                by: $by,
                parts: &[$($part),*],
                meaning: $meaning,
            },
        )+];

        impl Metric {
            /// The entry of this metric in the catalogue.
            pub fn entry(&self) -> &'static Entry {
                &CATALOGUE[match self {
                    $(Metric::$variant { .. } => Place::$variant,)+
                } as usize]
            }

            /// The mini-batch size in the name, if it has one.
            pub fn batch_size(&self) -> Option<usize> {
                match self {
                    $(Metric::$variant $(($($parameter),+))? =>
                        None $($(.or(batch_size!($parameter, $parameter)))+)?,)+
                }
            }

            /// The metric with this name.
            pub(super) fn read(text: &str) -> Option<Metric> {
                $(
                    // Entries without parameters read no values.
                    #[allow(unused_mut, unused_variables)]
                    if let Some(values) = values($name, text) {
                        let mut values = values.into_iter();
                        let mut read = || {
                            Some(Metric::$variant
                                $(($(read!($parameter, $type, values.next()?)?),+))?)
                        };
                        if let Some(metric) = read().filter(|metric| metric.to_string() == text) {
                            return Some(metric);
                        }
                    }
                )+
                None
            }

            /// The entry whose pattern `text` follows with a value that is not allowed, the name of
            /// that parameter and its allowed values.
            pub(super) fn misread(
                text: &str,
            ) -> Option<(&'static Entry, &'static str, &'static str)> {
                $(
                    // Entries without parameters read no values.
                    #[allow(unused_mut, unused_variables)]
                    if let Some(values) = values($name, text) {
                        let mut values = values.into_iter();
                        $($(
                            if values.next().and_then(|text| read!($parameter, $type, text)).is_none() {
                                let entry = &CATALOGUE[Place::$variant as usize];
                                let allowed = allowed!($parameter, $type);
                                return Some((entry, stringify!($parameter), allowed));
                            }
                        )+)?
                    }
                )+
                None
            }
        }

        impl fmt::Display for Metric {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                match self {
                    $(Metric::$variant $(($($parameter),+))? => write!(f, $name),)+
                }
            }
        }
    };
}

// f is the loss over prompts, θ the parameters, g the gradient on a mini-batch, H the Hessian of f
// on the held-out prompts and u the update, θ ← θ − u.
catalogue! {
    TrainLoss = "train_loss" {
        axis: "training loss", unit: Loss, scale: Log, better: Lower, by: Training, parts: [],
        meaning: "mean of (prediction − y)² over the mini-batch of the step, before the update",
    }
    GradNorm = "grad_norm" {
        axis: "‖g‖", unit: LossPerParameter, scale: Log, better: Neither, by: Training, parts: [],
        meaning: "‖g‖ of the mini-batch of the step, before clipping",
    }
    HeldOutLoss = "held_out_loss" {
        axis: "held-out loss", unit: Loss, scale: Log, better: Lower, by: Training, parts: [],
        meaning: "f on the held-out prompts: mean of (prediction − y)² over them",
    }
    HeldOutMedian = "held_out_median" {
        axis: "held-out loss", unit: Loss, scale: Log, better: Lower, by: Training, parts: [],
        meaning: "median of (prediction − y)² over the held-out prompts",
    }
    HeldOutTopShare = "held_out_top_share" {
        axis: "share of the worst prompt", unit: One, scale: Linear, better: Neither, by: Training,
        parts: [],
        meaning: "share of the sum of the held-out losses that the worst prompt has; near 1 the mean \
                  is one prompt",
    }

    Sharpness = "sharpness" {
        axis: "λ_{max}", unit: LossPerSquaredParameter, scale: SymLog, better: Neither,
        by: Instruments(&[Spectrum, Stability]), parts: [Residual],
        meaning: "λ_max(H); by Lanczos, with a residual, beyond 1024 parameters",
    }
    LambdaMin = "lambda_min" {
        axis: "λ_{min}", unit: LossPerSquaredParameter, scale: SymLog, better: Neither,
        by: Instruments(&[Spectrum]), parts: [],
        meaning: "λ_min(H)",
    }
    HessianNorm = "hessian_norm" {
        axis: "‖H‖_{2}", unit: LossPerSquaredParameter, scale: Log, better: Neither,
        by: Instruments(&[Spectrum, GeneralizedSmoothness]), parts: [],
        meaning: "‖H‖₂ = max |λ|; by Lanczos beyond 1024 parameters",
    }
    Trace = "trace" {
        axis: "tr H", unit: LossPerSquaredParameter, scale: SymLog, better: Neither,
        by: Instruments(&[Spectrum]), parts: [StandardError],
        meaning: "tr H = Σλ; Hutchinson's estimate, with a standard error, beyond 1024 parameters",
    }
    NegativeMass = "negative_mass" {
        axis: "negative mass", unit: One, scale: Linear, better: Neither,
        by: Instruments(&[Spectrum]), parts: [StandardError],
        meaning: "Σ_{λ<0} |λ| / Σ |λ|; by stochastic Lanczos quadrature, with a standard error, \
                  beyond 1024 parameters",
    }
    Eigenvalue(rank: usize) = "eigenvalue.{rank}" {
        axis: "eigenvalue", unit: LossPerSquaredParameter, scale: SymLog, better: Neither,
        by: Instruments(&[Spectrum]), parts: [],
        meaning: "eigenvalue of H of that rank, ascending from 0",
    }
    SharpnessOf(block: Label) = "sharpness.{block}" {
        axis: "λ_{max}", unit: LossPerSquaredParameter, scale: SymLog, better: Neither,
        by: Instruments(&[Spectrum]), parts: [],
        meaning: "λ_max of the block of H of one matrix",
    }
    TraceOf(block: Label) = "trace.{block}" {
        axis: "tr H", unit: LossPerSquaredParameter, scale: SymLog, better: Neither,
        by: Instruments(&[Spectrum]), parts: [],
        meaning: "trace of the block of H of one matrix",
    }
    NegativeMassOf(block: Label) = "negative_mass.{block}" {
        axis: "negative mass", unit: One, scale: Linear, better: Neither,
        by: Instruments(&[Spectrum]), parts: [],
        meaning: "negative mass of the block of H of one matrix",
    }

    RobustConditionNumber = "robust_condition_number" {
        axis: "max / median", unit: One, scale: Log, better: Lower,
        by: Instruments(&[RobustCondition]), parts: [],
        meaning: "max |H_ii| / lower median |H_ii| over all parameters: the convention of the authors' \
                  code",
    }
    RobustConditionNumberBy(convention: OtherConvention) = "robust_condition_number.{convention}" {
        axis: "max / median", unit: One, scale: Log, better: Lower,
        by: Instruments(&[RobustCondition]), parts: [],
        meaning: "robust condition number in the seven other conventions: `diag` or `eigen`; `lower` \
                  (torch) or `midpoint` (numpy) median; `all` parameters or the `live` ones",
    }
    RobustConditionNumberEstimate = "robust_condition_number.hutchinson.lower.all" {
        axis: "max / median", unit: One, scale: Log, better: Lower,
        by: Instruments(&[RobustCondition]), parts: [],
        meaning: "robust condition number of Hutchinson's estimate of the diagonal, beyond 1024 \
                  parameters: the median of noisy entries is biased upwards",
    }
    RobustConditionNumberOf(block: Label) = "robust_condition_number.{block}" {
        axis: "max / median", unit: One, scale: Log, better: Lower,
        by: Instruments(&[RobustCondition]), parts: [],
        meaning: "max |H_ii| / lower median |H_ii| within one matrix",
    }

    DirectionalSmoothness = "directional_smoothness" {
        axis: "u^{T}Hu", unit: LossPerSquaredParameter, scale: SymLog, better: Lower,
        by: Instruments(&[DirectionalSmoothness, GeneralizedSmoothness]), parts: [],
        meaning: "uᵀHu / ‖u‖² along the step taken, signed",
    }
    DirectionalSmoothnessNegGrad = "directional_smoothness.neg_grad" {
        axis: "u^{T}Hu", unit: LossPerSquaredParameter, scale: SymLog, better: Lower,
        by: Instruments(&[DirectionalSmoothness]), parts: [],
        meaning: "uᵀHu / ‖u‖² along −g, or along −∇f for parameters without an optimizer",
    }
    DirectionalSmoothnessFor(optimizer: Label) = "directional_smoothness.{optimizer}" {
        axis: "u^{T}Hu", unit: LossPerSquaredParameter, scale: SymLog, better: Lower,
        by: Instruments(&[DirectionalSmoothness]), parts: [],
        meaning: "uᵀHu / ‖u‖² along what another optimizer, fed the same gradients, would have done",
    }
    HeldOutGradNorm = "held_out_grad_norm" {
        axis: "‖∇f‖", unit: LossPerParameter, scale: Log, better: Neither,
        by: Instruments(&[DirectionalSmoothness, GeneralizedSmoothness]), parts: [],
        meaning: "‖∇f‖ on the held-out prompts",
    }
    PathSmoothness = "path_smoothness" {
        axis: "path smoothness", unit: LossPerSquaredParameter, scale: Log, better: Neither,
        by: Instruments(&[GeneralizedSmoothness]), parts: [],
        meaning: "max of ‖∇f(θ − αu) − ∇f(θ)‖ / ‖αu‖ at α = 1/6, 2/6, … 5/6 of the step (Zhang et \
                  al. 2020; their code: 1/2 alone)",
    }

    PreconditionedSharpness = "preconditioned_sharpness" {
        axis: "λ_{max}(D^{−1}H)", unit: PerParameter, scale: SymLog, better: Neither,
        by: Instruments(&[Stability]), parts: [],
        meaning: "λ_max(D⁻¹H) with Adam's D = (1 − β₁ᵗ) diag(√v̂ + ε); other optimizers have \
                  `sharpness`",
    }
    StabilityThreshold = "stability_threshold" {
        axis: "threshold", unit: LossPerSquaredParameter, scale: Log, better: Neither,
        by: Instruments(&[Stability]), parts: [],
        meaning: "largest stable sharpness: (2 + 2μ)/η, Nesterov (2 + 2μ)/((1 + 2μ)η), Adam \
                  (2 + 2β₁)/((1 − β₁)η), in the unit of its sharpness (Cohen et al. 2021, 2022)",
    }
    ClipFactor = "clip_factor" {
        axis: "clip factor", unit: One, scale: Linear, better: Neither,
        by: Instruments(&[Stability]), parts: [],
        meaning: "min(1, c/‖g‖), by which clipping at c shortens the gradient",
    }
    StabilityRatio = "stability_ratio" {
        axis: "clip factor · sharpness / threshold", unit: One, scale: Log, better: Neither,
        by: Instruments(&[Stability]), parts: [],
        meaning: "clip factor · sharpness / threshold: 1 at the edge of stability",
    }

    JsDistance = "js_distance" {
        axis: "mean Jensen–Shannon distance", unit: One, scale: Linear, better: Neither,
        by: Instruments(&[Heterogeneity]), parts: [],
        meaning: "mean over pairs of matrices of `js_distance.{pair}`",
    }
    JsDistanceBetween(pair: Pair) = "js_distance.{pair}" {
        axis: "Jensen–Shannon distance", unit: One, scale: Linear, better: Neither,
        by: Instruments(&[Heterogeneity]), parts: [],
        meaning: "Jensen–Shannon distance (base 2) between the eigenvalue histograms of the blocks \
                  of two matrices over 200 common bins (after Zhang et al. 2024, who publish neither \
                  bins nor normalization)",
    }

    NoiseReferenceError = "grad_noise.reference_error" {
        axis: "error of the reference", unit: LossPerParameter, scale: Log, better: Neither,
        by: Instruments(&[Noise]), parts: [],
        meaning: "standard error of the large-batch gradient that stands for ∇f",
    }
    NoiseRms(batch_size: usize) = "grad_noise.b{batch_size}.rms" {
        axis: "√E‖g − ∇f‖^{2}", unit: LossPerParameter, scale: Log, better: Neither,
        by: Instruments(&[Noise]), parts: [],
        meaning: "√E‖g − ∇f‖² of mini-batches of that size, the reference's own error taken out",
    }
    NoiseRmsOf(batch_size: usize, block: Label) = "grad_noise.b{batch_size}.rms.{block}" {
        axis: "√E‖g − ∇f‖^{2}", unit: LossPerParameter, scale: Log, better: Neither,
        by: Instruments(&[Noise]), parts: [],
        meaning: "√E‖g − ∇f‖² of one matrix: the squares add up to that of the whole",
    }
    NoiseMean(batch_size: usize) = "grad_noise.b{batch_size}.mean" {
        axis: "E‖g − ∇f‖", unit: LossPerParameter, scale: Log, better: Neither,
        by: Instruments(&[Noise]), parts: [],
        meaning: "mean of ‖g − ∇f‖",
    }
    NoiseMedian(batch_size: usize) = "grad_noise.b{batch_size}.median" {
        axis: "median ‖g − ∇f‖", unit: LossPerParameter, scale: Log, better: Neither,
        by: Instruments(&[Noise]), parts: [],
        meaning: "median of ‖g − ∇f‖",
    }
    NoiseSkewness(batch_size: usize) = "grad_noise.b{batch_size}.skewness" {
        axis: "skewness", unit: One, scale: SymLog, better: Neither,
        by: Instruments(&[Noise]), parts: [],
        meaning: "skewness of ‖g − ∇f‖ in this sample, without an interval: the third moment may not exist",
    }
    NoiseKurtosis(batch_size: usize) = "grad_noise.b{batch_size}.kurtosis" {
        axis: "excess kurtosis", unit: One, scale: SymLog, better: Neither,
        by: Instruments(&[Noise]), parts: [],
        meaning: "excess kurtosis of ‖g − ∇f‖ in this sample, without an interval: the fourth moment may not \
                  exist",
    }
    NoiseTailIndex(batch_size: usize) = "grad_noise.b{batch_size}.tail_index" {
        axis: "tail index", unit: One, scale: Log, better: Higher,
        by: Instruments(&[Noise]), parts: [Lo, Hi],
        meaning: "Hill's index of ‖g − ∇f‖ from the n^0.6 largest of all n values, zeros included",
    }
    NoisePowerLaw(batch_size: usize) = "grad_noise.b{batch_size}.power_law" {
        axis: "tail index", unit: One, scale: Log, better: Higher,
        by: Instruments(&[Noise]), parts: [],
        meaning: "exponent of P(X > x) of ‖g − ∇f‖ above a fitted threshold, the best of all values, \
                  of more than 10,000 of 100 in even ratios of the tail length (Clauset, Shalizi and \
                  Newman 2009); without an interval, because the choice of the threshold makes it too short",
    }
    NoisePowerLawXMin(batch_size: usize) = "grad_noise.b{batch_size}.power_law.x_min" {
        axis: "threshold", unit: LossPerParameter, scale: Log, better: Neither,
        by: Instruments(&[Noise]), parts: [],
        meaning: "threshold above which the power law of ‖g − ∇f‖ is fitted",
    }
    NoisePowerLawFit(batch_size: usize) = "grad_noise.b{batch_size}.power_law.goodness_of_fit.p" {
        axis: "p", unit: One, scale: Linear, better: Neither,
        by: Instruments(&[Noise]), parts: [],
        meaning: "p of the power law by semiparametric bootstrap, for which data and replicates are \
                  searched on a grid of 100 tail lengths; below 0.1 it is doubtful; of 100 replicates, so ± \
                  √(p(1 − p)/100), 0.03 at 0.1",
    }
    NoisePowerLawAgainst(batch_size: usize, rival: Rival)
        = "grad_noise.b{batch_size}.power_law.against_{rival}" {
        axis: "log-likelihood ratio", unit: One, scale: SymLog, better: Neither,
        by: Instruments(&[Noise]), parts: [],
        meaning: "log-likelihood ratio of the power law against a lognormal, stretched exponential or \
                  exponential law (Vuong): positive for the power law",
    }
    NoisePowerLawAgainstP(batch_size: usize, rival: Rival)
        = "grad_noise.b{batch_size}.power_law.against_{rival}.p" {
        axis: "p", unit: One, scale: Linear, better: Neither,
        by: Instruments(&[Noise]), parts: [],
        meaning: "p of the log-likelihood ratio if the power law and its rival fit alike",
    }
    NoiseGaussianRatioQ999(batch_size: usize) = "grad_noise.b{batch_size}.gaussian_ratio.q999" {
        axis: "over Gaussian noise's", unit: One, scale: Log, better: Lower,
        by: Instruments(&[Noise]), parts: [],
        meaning: "99.9 % quantile of ‖g − ∇f‖ over that of Gaussian noise of the same covariance: 1 \
                  for Gaussian noise",
    }
    NoiseGaussianRatioMax(batch_size: usize) = "grad_noise.b{batch_size}.gaussian_ratio.max" {
        axis: "over Gaussian noise's", unit: One, scale: Log, better: Lower,
        by: Instruments(&[Noise]), parts: [],
        meaning: "largest ‖g − ∇f‖ of the draws over that of Gaussian noise of the same covariance",
    }
    NoiseCoordinateKurtosis(batch_size: usize) = "grad_noise.b{batch_size}.coordinate_kurtosis" {
        axis: "excess kurtosis", unit: One, scale: SymLog, better: Neither,
        by: Instruments(&[Noise]), parts: [],
        meaning: "median excess kurtosis of the coordinates of g − ∇f that vary",
    }
    NoiseCoordinateKurtosisMax(batch_size: usize)
        = "grad_noise.b{batch_size}.coordinate_kurtosis.max" {
        axis: "excess kurtosis", unit: One, scale: SymLog, better: Neither,
        by: Instruments(&[Noise]), parts: [],
        meaning: "largest excess kurtosis of a coordinate of g − ∇f that varies",
    }
    NoiseStableIndex(batch_size: usize) = "grad_noise.b{batch_size}.stable_index" {
        axis: "stable index", unit: One, scale: Linear, better: Higher,
        by: Instruments(&[Noise]), parts: [],
        meaning: "α of a stable law along the leading direction of the noise, differences of pairs of \
                  draws: block log-moments (Mohammadi et al. 2015); may exceed 2, its largest true value, \
                  by its error; without an interval, because that of a stable law misses the index of others",
    }
    NoiseStableIndexQuantile(batch_size: usize) = "grad_noise.b{batch_size}.stable_index.quantile" {
        axis: "stable index", unit: One, scale: Linear, better: Higher,
        by: Instruments(&[Noise]), parts: [],
        meaning: "α of a stable law along the leading direction of the noise, from quantiles (McCulloch \
                  1986), without an interval: of a law that is not stable it is the shape of the middle, not \
                  of the tail",
    }

    LossMean = "loss.mean" {
        axis: "loss of a prompt", unit: Loss, scale: Log, better: Lower,
        by: Instruments(&[LossTails]), parts: [],
        meaning: "mean of (prediction − y)² over fresh prompts, the same at every step",
    }
    LossQuantile(percent: Percent) = "loss.q{percent}" {
        axis: "loss of a prompt", unit: Loss, scale: Log, better: Lower,
        by: Instruments(&[LossTails]), parts: [],
        meaning: "5, 25, 50, 75, 95 or 99 % quantile of the losses of single fresh prompts",
    }
    LossMax = "loss.max" {
        axis: "loss of a prompt", unit: Loss, scale: Log, better: Lower,
        by: Instruments(&[LossTails]), parts: [],
        meaning: "largest loss of a fresh prompt",
    }
    LossTopShare = "loss.top_share" {
        axis: "share of the worst prompt", unit: One, scale: Linear, better: Neither,
        by: Instruments(&[LossTails]), parts: [],
        meaning: "share of the sum of the losses of fresh prompts that the worst has",
    }
    LossMedianOfMeans = "loss.median_of_means" {
        axis: "loss of a prompt", unit: Loss, scale: Log, better: Lower,
        by: Instruments(&[LossTails]), parts: [],
        meaning: "median of the mean losses of 30 groups of fresh prompts, without an interval: it lies below the \
                  mean of skewed losses",
    }
    LossTailIndex = "loss.tail_index" {
        axis: "tail index", unit: One, scale: Log, better: Higher,
        by: Instruments(&[LossTails]), parts: [Lo, Hi],
        meaning: "Hill's index of the losses of single fresh prompts",
    }

    UpdateNorm = "update_norm" {
        axis: "‖u‖", unit: Theta, scale: Log, better: Neither,
        by: Instruments(&[UpdateGeometry]), parts: [],
        meaning: "‖u‖ of the update",
    }
    ParamsNorm = "params_norm" {
        axis: "‖θ‖", unit: Theta, scale: Log, better: Neither,
        by: Instruments(&[UpdateGeometry]), parts: [],
        meaning: "‖θ‖ of all parameters",
    }
    UpdateCosNegGrad = "update_cos_neg_grad" {
        axis: "cosine", unit: One, scale: Linear, better: Neither,
        by: Instruments(&[UpdateGeometry]), parts: [],
        meaning: "cosine of the step with −g",
    }
    UpdateCosNegFullGrad = "update_cos_neg_full_grad" {
        axis: "cosine", unit: One, scale: Linear, better: Neither,
        by: Instruments(&[UpdateGeometry]), parts: [],
        meaning: "cosine of the step with −∇f",
    }
    UpdateCosNewton = "update_cos_newton" {
        axis: "cosine", unit: One, scale: Linear, better: Neither,
        by: Instruments(&[UpdateGeometry]), parts: [],
        meaning: "cosine of the step with the Newton step −H⁺∇f, up to 1024 parameters",
    }
    PredictedDecrease = "predicted_decrease" {
        axis: "decrease of the loss", unit: Loss, scale: SymLog, better: Higher,
        by: Instruments(&[UpdateGeometry]), parts: [],
        meaning: "⟨∇f, u⟩ − ½ uᵀHu, what the quadratic model predicts of the step",
    }
    PredictedDecreaseLinear = "predicted_decrease.linear" {
        axis: "decrease of the loss", unit: Loss, scale: SymLog, better: Higher,
        by: Instruments(&[UpdateGeometry]), parts: [],
        meaning: "⟨∇f, u⟩, what the gradient predicts of the step",
    }
    RealisedDecrease = "realised_decrease" {
        axis: "decrease of the loss", unit: Loss, scale: SymLog, better: Higher,
        by: Instruments(&[UpdateGeometry]), parts: [],
        meaning: "f(θ) − f(θ − u) on the held-out prompts",
    }

    LanczosSharpness = "lanczos.sharpness" {
        axis: "λ_{max}", unit: LossPerSquaredParameter, scale: SymLog, better: Neither,
        by: Instruments(&[Estimators]), parts: [Residual, Exact],
        meaning: "`sharpness` by Lanczos, as large models need it",
    }
    HutchinsonTrace = "hutchinson.trace" {
        axis: "tr H", unit: LossPerSquaredParameter, scale: SymLog, better: Neither,
        by: Instruments(&[Estimators]), parts: [StandardError, Exact],
        meaning: "`trace` by Hutchinson's estimator",
    }
    SlqNegativeMass = "slq.negative_mass" {
        axis: "negative mass", unit: One, scale: Linear, better: Neither,
        by: Instruments(&[Estimators]), parts: [StandardError, Exact],
        meaning: "`negative_mass` by stochastic Lanczos quadrature",
    }
    SlqWasserstein = "slq.wasserstein" {
        axis: "Wasserstein distance", unit: LossPerSquaredParameter, scale: Log, better: Neither,
        by: Instruments(&[Estimators]), parts: [],
        meaning: "Wasserstein distance W₁ of the spectral density of that quadrature from the exact one",
    }
}
