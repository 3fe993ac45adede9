//! Special functions that the estimators of tails need.

use std::f64::consts::{LN_2, PI, SQRT_2};

use statrs::distribution::{ContinuousCDF, Gamma};
use statrs::function::erf::{erfc, erfc_inv};

use super::Interval;

/// Terms of the continued fraction of Mills' ratio; its error falls like exp(−2 z √(2 terms)),
/// which is 1e-24 at the smallest z it is used for.
const FRACTION_TERMS: u32 = 100;
const FRACTION_FROM: f64 = 2.0;

/// Φ⁻¹(p).
pub(super) fn normal_quantile(p: f64) -> f64 {
    -SQRT_2 * erfc_inv(2.0 * p)
}

/// P(Z > z) of a standard normal Z.
pub(super) fn upper_tail(z: f64) -> f64 {
    0.5 * erfc(z / SQRT_2)
}

/// P(|Z| > |z|) of a standard normal Z.
pub(super) fn two_sided_p(z: f64) -> f64 {
    erfc(z.abs() / SQRT_2)
}

/// The central 95 % of Gamma(`shape`, 1) divided by `shape`; infinite when `shape` is 0.
pub(super) fn gamma_factors(shape: usize) -> Interval {
    match Gamma::new(shape as f64, 1.0) {
        Ok(law) => {
            let end = |p| law.inverse_cdf(p) / shape as f64;
            Interval { lo: end(0.025), hi: end(0.975) }
        }
        Err(_) => Interval { lo: 0.0, hi: f64::INFINITY },
    }
}

/// Excess T = Z − z of a standard normal over `z`, given that it is positive.
pub(super) struct Excess {
    /// E T.
    pub mean: f64,
    /// E T².
    pub square: f64,
    /// ln(P(Z > z)/φ(z)), the logarithm of Mills' ratio.
    pub ln_mills: f64,
}

/// Moments of the excess over `z`, without cancellation for large z.
///
/// With Mills' ratio M: E T = 1/M − z and E T² = 1 − z E T. Laplace's fraction
/// 1/M = z + 1/(z + 2/(z + 3/…)) makes them 1/(z + c) and c/(z + c), c = 2/(z + 3/…).
pub(super) fn normal_excess(z: f64) -> Excess {
    if z > FRACTION_FROM {
        let c = (2..FRACTION_TERMS).rev().fold(0.0, |rest, k| f64::from(k) / (z + rest));
        let mean = 1.0 / (z + c);
        return Excess { mean, square: c * mean, ln_mills: -(z + mean).ln() };
    }
    let ln_mills = erfc(z / SQRT_2).ln() - LN_2 + 0.5 * (z * z + (2.0 * PI).ln());
    let mean = (-ln_mills).exp() - z;
    Excess { mean, square: 1.0 - z * mean, ln_mills }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_scipy_s() {
        // scipy 1.17.1: norm.ppf.
        for (p, z) in NORMAL_QUANTILES {
            // statrs' rational approximations of erfc⁻¹ are good to about 1e-12 relative.
            assert!((normal_quantile(p) - z).abs() < 1e-11 * z.abs(), "{p}");
        }
        // scipy 1.17.1: gamma.ppf([.025, .975], k)/k.
        for (k, lo, hi) in GAMMA_FACTORS {
            let factors = gamma_factors(k);
            // The bisection of statrs stops at 1e-9 or better.
            assert!((factors.lo / lo - 1.0).abs() < 1e-8, "{k}: {}", factors.lo);
            assert!((factors.hi / hi - 1.0).abs() < 1e-8, "{k}: {}", factors.hi);
        }
        assert_eq!(gamma_factors(0), Interval { lo: 0.0, hi: f64::INFINITY });
    }

    #[test]
    fn excesses_are_scipy_s_and_join_smoothly() {
        // mpmath 1.4.1, 40 digits: M = erfc(z/√2)/2/npdf(z); 1/M − z; 1 − z(1/M − z); log(M).
        // statrs' erfc is good to some 1e-11, which 1/M − z makes 2e-10; the fraction to rounding.
        let near = |got: f64, want: f64| (got - want).abs() < 4e-10 * want.abs().max(1e-3);
        for (z, mean, square, ln_mills) in EXCESSES {
            let e = normal_excess(z);
            assert!(near(e.mean, mean), "{z}: {}", e.mean);
            assert!(near(e.square, square), "{z}: {}", e.square);
            assert!(near(e.ln_mills, ln_mills), "{z}: {}", e.ln_mills);
        }
        let (below, above) = (normal_excess(FRACTION_FROM), normal_excess(FRACTION_FROM + 1e-12));
        assert!(near(below.mean, above.mean) && near(below.ln_mills, above.ln_mills));
    }

    const NORMAL_QUANTILES: [(f64, f64); 6] = [
        (1e-06, -4.753424308822899),
        (0.0005, -3.2905267314918945),
        (0.025, -1.9599639845400545),
        (0.3, -0.5244005127080409),
        (0.75, 0.6744897501960817),
        (0.9995, 3.2905267314919255),
    ];
    const GAMMA_FACTORS: [(usize, f64, f64); 5] = [
        (1, 0.025317807984289876, 3.6888794541139354),
        (5, 0.32469727802368414, 2.048317735080739),
        (50, 0.7422192747492373, 1.2956119718583659),
        (1000, 0.9389730184076952, 1.0629211512248877),
        (10000, 0.9804952467260184, 1.0196941824999883),
    ];
    const EXCESSES: [(f64, f64, f64, f64); 7] = [
        (-6.0, 6.000000006075883, 37.0000000364553, 18.918938532218085),
        (-1.0, 1.2875999709391783, 2.2875999709391786, 1.2461847541812228),
        (0.0, 0.7978845608028654, 1.0, 0.22579135264472744),
        (1.5, 0.4386771666225432, 0.3419842500661852, -0.6620058676192171),
        (3.0, 0.2830986549304365, 0.15070403520869047, -1.1887876883056767),
        (30.0, 0.03325966743367704, 0.002209976989688888, -3.4023054231385244),
        (500.0, 0.0019999840003199904, 7.999840004735819e-06, -6.214612098382193),
    ];
}
