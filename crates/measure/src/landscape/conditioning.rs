//! The robust condition number and the conventions it depends on.

use super::Hessian;
use windtunnel_math::objective::Block;

/// Quantity that stands for the curvature of a direction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Curvature {
    /// |H_ii|, the footnote and the code of Ahn et al. and the definition of Jiang et al. (2023).
    Diagonal,
    /// |λ_i(H)|, the definition in the text of Ahn et al.
    Eigenvalues,
}

/// Convention for the median of an even number of values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Median {
    /// The lower of the two in the middle, as `torch.median`.
    Lower,
    /// Their mean, as `numpy.median`.
    Midpoint,
}

/// Parameters that are counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Parameters {
    /// All, as the authors' code.
    All,
    /// Without those that f cannot depend on (the last P).
    Live,
}

/// A convention of the robust condition number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Convention {
    /// Diagonal or eigenvalues.
    pub curvature: Curvature,
    /// Lower or midpoint median.
    pub median: Median,
    /// All parameters or the live ones.
    pub parameters: Parameters,
}

impl Convention {
    /// That of the authors' code: max |H_ii| / `torch.median` |H_ii| over all parameters.
    pub const PAPER: Convention = Convention {
        curvature: Curvature::Diagonal,
        median: Median::Lower,
        parameters: Parameters::All,
    };

    /// All eight, the paper's first.
    pub fn all() -> impl Iterator<Item = Convention> {
        [Curvature::Diagonal, Curvature::Eigenvalues].into_iter().flat_map(|curvature| {
            [Median::Lower, Median::Midpoint].into_iter().flat_map(move |median| {
                [Parameters::All, Parameters::Live].into_iter().map(move |parameters| Convention {
                    curvature,
                    median,
                    parameters,
                })
            })
        })
    }

    /// Name in metrics, such as `diag.lower.all`.
    pub fn name(self) -> String {
        let curvature = match self.curvature {
            Curvature::Diagonal => "diag",
            Curvature::Eigenvalues => "eigen",
        };
        let median = match self.median {
            Median::Lower => "lower",
            Median::Midpoint => "midpoint",
        };
        let parameters = match self.parameters {
            Parameters::All => "all",
            Parameters::Live => "live",
        };
        format!("{curvature}.{median}.{parameters}")
    }
}

/// The robust condition number of `hessian` in every convention; NaN where H is not finite.
///
/// `blocks` tells which parameters are unused.
pub fn robust_condition_numbers(hessian: &Hessian, blocks: &[Block]) -> Vec<(Convention, f64)> {
    let live: Vec<usize> =
        blocks.iter().filter(|block| !block.unused).flat_map(|b| b.range.clone()).collect();
    let live = hessian.select(&live);
    let eigenvalues =
        |hessian: &Hessian| hessian.eigenvalues().unwrap_or_else(|| vec![f64::NAN; hessian.dim()]);
    let diagonals = [hessian.diag(), live.diag()];
    let spectra = [eigenvalues(hessian), eigenvalues(&live)];
    let value = |convention: Convention| {
        let [all, live] = match convention.curvature {
            Curvature::Diagonal => &diagonals,
            Curvature::Eigenvalues => &spectra,
        };
        let curvatures = match convention.parameters {
            Parameters::All => all,
            Parameters::Live => live,
        };
        (convention, robust_condition_number(curvatures, convention.median))
    };
    Convention::all().map(value).collect()
}

/// max |cᵢ| / median |cᵢ| over curvatures cᵢ, at least 1; infinite where the median is 0, NaN
/// where a curvature is or where there are none (Jiang, Malik and Li, NeurIPS 2023).
pub fn robust_condition_number(curvatures: &[f64], median: Median) -> f64 {
    let mut sizes: Vec<f64> = curvatures.iter().map(|c| c.abs()).collect();
    sizes.sort_by(f64::total_cmp);
    let Some(&largest) = sizes.last() else { return f64::NAN };
    let lower = sizes[(sizes.len() - 1) / 2];
    let median = match median {
        Median::Lower => lower,
        Median::Midpoint => {
            let (upper, sum) = (sizes[sizes.len() / 2], lower + sizes[sizes.len() / 2]);
            if sum.is_finite() { 0.5 * sum } else { 0.5 * lower + 0.5 * upper }
        }
    };
    largest / median
}
