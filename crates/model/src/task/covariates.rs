//! Law of one covariate vector: a family, a covariance and a size.

use super::family::{Family, FamilyError, Gaussian, Sphere};
use super::{Covariance, TaskError};

/// Law of x = r √τ C z with z ~ N(0, I) and C Cᵀ = Σ; context and query are drawn alike.
#[derive(Clone, Debug, PartialEq)]
pub struct Covariates {
    family: Family,
    covariance: Covariance,
    size: Size,
}

/// Convention that sets the factor r.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Size {
    /// r = 1: the family as it is.
    Own,
    /// E‖x‖² = d, that of N(0, I), so that families differ in shape alone.
    SecondMoment,
}

impl From<Family> for Covariates {
    fn from(family: Family) -> Covariates {
        Covariates { family, covariance: Covariance::identity(), size: Size::Own }
    }
}

impl Covariates {
    /// x ~ N(0, I).
    pub fn gaussian() -> Covariates {
        Family::from(Gaussian).into()
    }

    /// x uniform on the unit sphere.
    pub fn sphere() -> Covariates {
        Family::from(Sphere).into()
    }

    /// x = √ρ u, ρ ~ Gamma(`shape`, `scale`), u uniform on the unit sphere.
    ///
    /// # Errors
    /// A shape or scale that is not positive and finite.
    pub fn gamma_radial(shape: f64, scale: f64) -> Result<Covariates, FamilyError> {
        Family::named("gamma_radial", &[shape.into(), scale.into()]).map(Covariates::from)
    }

    /// This law with another Σ.
    #[must_use]
    pub fn with_covariance(self, covariance: Covariance) -> Covariates {
        Covariates { covariance, ..self }
    }

    /// This law with another size.
    #[must_use]
    pub fn with_size(self, size: Size) -> Covariates {
        Covariates { size, ..self }
    }

    /// Law of τ.
    pub fn family(&self) -> &Family {
        &self.family
    }

    /// Σ.
    pub fn covariance(&self) -> &Covariance {
        &self.covariance
    }

    /// Convention that sets r.
    pub fn size(&self) -> Size {
        self.size
    }

    /// r: √(d / E‖√τ C z‖²) where the second moment is to be that of N(0, I).
    ///
    /// # Errors
    /// A second moment that is infinite.
    pub fn factor(&self, dim: usize) -> Result<f64, TaskError> {
        if self.size == Size::Own {
            return Ok(1.0);
        }
        let sigma = self.covariance.matrix(dim);
        let trace: f64 = (0..dim).map(|i| sigma[i * dim + i]).sum();
        let second = trace * self.family.mean_scale(dim);
        if second.is_finite() {
            Ok((dim as f64 / second).sqrt())
        } else {
            Err(TaskError::NoSecondMoment(self.family.name()))
        }
    }
}
