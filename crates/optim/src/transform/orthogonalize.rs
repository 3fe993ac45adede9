//! The nearest orthogonal matrix, and polynomials that come near it.

use windtunnel_math::lanes::Real;
use windtunnel_math::linalg::polar;

use super::average::normalize;

/// A way from a matrix U Σ Vᵀ towards its polar factor U Vᵀ.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Orthogonalization {
    /// X ← aX + (bA + cA²) X with A = XXᵀ, from X / (‖X‖_F + ε), with the coefficients of Jordan et
    /// al. 2024: singular values end between about 0.7 and 1.2, not at 1.
    NewtonSchulz,
    /// The same with coefficients of its own for each step (Amsel et al. 2025, algorithm 1), which
    /// converges: 1.875, −1.25, 0.375 from the eighth step.
    PolarExpress,
    /// U Vᵀ itself, by singular values; those below rounding count as 0.
    Polar,
}

const NEWTON_SCHULZ: [f64; 3] = [3.4445, -4.7750, 2.0315];

/// Amsel et al. 2025; their margin for rounding divides a, b, c by 1.01, 1.01³, 1.01⁵.
const POLAR_EXPRESS: [[f64; 3]; 7] = [
    [8.28721201814563, -23.595886519098837, 17.300387312530933],
    [4.107059111542203, -2.9478499167379106, 0.5448431082926601],
    [3.9486908534822946, -2.908902115962949, 0.5518191394370137],
    [3.3184196573706015, -2.488488024314874, 0.51004894012372],
    [2.300652019954817, -1.6689039845747493, 0.4188073119525673],
    [1.891301407787398, -1.2679958271945868, 0.37680408948524835],
    [1.8750014808534479, -1.2500016453999487, 0.3750001645474248],
];
const POLAR_EXPRESS_LIMIT: [f64; 3] = [1.875, -1.25, 0.375];
const MARGIN: f64 = 1.01;

impl Orthogonalization {
    fn coefficients(self, step: usize) -> [f64; 3] {
        match self {
            Orthogonalization::PolarExpress => match POLAR_EXPRESS.get(step) {
                Some([a, b, c]) => [a / MARGIN, b / MARGIN.powi(3), c / MARGIN.powi(5)],
                None => POLAR_EXPRESS_LIMIT,
            },
            _ => NEWTON_SCHULZ,
        }
    }

    /// Replaces the `rows`×`columns` matrix `x`, row-major. The work is as long as `x`, and twice as
    /// the square of its shorter side.
    ///
    /// A matrix of zeros stays one. NaN anywhere makes all of it NaN.
    pub(super) fn apply<T: Real>(
        self,
        x: &mut [T],
        (rows, columns): (usize, usize),
        (steps, eps): (u64, f64),
        work: [&mut [T]; 3],
    ) {
        if self == Orthogonalization::Polar {
            let wide: Vec<f64> = x.iter().map(|x| x.widen()).collect();
            let factor = polar(rows, columns, &wide);
            x.iter_mut().zip(factor).for_each(|(x, u)| *x = T::nearest(u));
            return;
        }
        normalize(x, eps);
        // Index of entry (i, j) of the matrix with its shorter side down.
        let (short, long) = (rows.min(columns), rows.max(columns));
        let at =
            |i: usize, j: usize| if rows <= columns { i * columns + j } else { j * columns + i };
        let [out, gram, polynomial] = work;
        for step in 0..steps {
            let step = usize::try_from(step).unwrap_or(usize::MAX);
            let [a, b, c] = self.coefficients(step).map(T::nearest);
            for i in 0..short {
                for j in 0..=i {
                    let sum = (0..long).fold(T::zero(), |sum, k| sum + x[at(i, k)] * x[at(j, k)]);
                    gram[i * short + j] = sum;
                    gram[j * short + i] = sum;
                }
            }
            for i in 0..short {
                for j in 0..short {
                    let square = (0..short)
                        .fold(T::zero(), |sum, k| sum + gram[i * short + k] * gram[k * short + j]);
                    polynomial[i * short + j] = b * gram[i * short + j] + c * square;
                }
            }
            for i in 0..short {
                for j in 0..long {
                    let sum = (0..short)
                        .fold(T::zero(), |sum, k| sum + polynomial[i * short + k] * x[at(k, j)]);
                    out[at(i, j)] = a * x[at(i, j)] + sum;
                }
            }
            x.copy_from_slice(&out[..x.len()]);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use windtunnel_math::linalg::normals;
    use windtunnel_math::rng::{Key, Purpose};

    fn orthogonalized(way: Orthogonalization, shape: (usize, usize), steps: u64) -> Vec<f64> {
        let key = Key { seed: 5, purpose: Purpose::Init, step: 0 };
        let mut x = normals(key, shape.0 * shape.1);
        let short = shape.0.min(shape.1);
        let (mut out, mut gram, mut polynomial) =
            (vec![0.0; x.len()], vec![0.0; short * short], vec![0.0; short * short]);
        way.apply(&mut x, shape, (steps, 1e-7), [&mut out, &mut gram, &mut polynomial]);
        x
    }

    /// Twenty steps of Polar Express are the polar factor, in any shape.
    #[test]
    fn polar_express_converges_to_the_polar_factor() {
        for shape in [(5, 5), (2, 3), (6, 2), (1, 4), (3, 1)] {
            let exact = orthogonalized(Orthogonalization::Polar, shape, 5);
            let found = orthogonalized(Orthogonalization::PolarExpress, shape, 20);
            for (found, exact) in found.iter().zip(exact) {
                assert!((found - exact).abs() < 1e-12, "{shape:?}: {found} {exact}");
            }
        }
    }

    /// Rows or columns, whichever are fewer, of a polar factor are orthonormal.
    #[test]
    fn the_polar_factor_is_orthogonal() {
        for (rows, columns) in [(5, 5), (2, 3), (6, 2)] {
            let x = orthogonalized(Orthogonalization::Polar, (rows, columns), 5);
            let short = rows.min(columns);
            for i in 0..short {
                for j in 0..short {
                    let dot: f64 = (0..rows.max(columns))
                        .map(|k| match rows <= columns {
                            true => x[i * columns + k] * x[j * columns + k],
                            false => x[k * columns + i] * x[k * columns + j],
                        })
                        .sum();
                    let exact = if i == j { 1.0 } else { 0.0 };
                    assert!((dot - exact).abs() < 1e-12, "{rows}, {columns}: {dot}");
                }
            }
        }
    }

    /// Jordan's coefficients leave singular values where their authors say, and no nearer.
    #[test]
    fn newton_schulz_leaves_singular_values_around_one() {
        let x = orthogonalized(Orthogonalization::NewtonSchulz, (5, 5), 5);
        let gram: Vec<f64> =
            (0..25).map(|k| (0..5).map(|m| x[k / 5 * 5 + m] * x[k % 5 * 5 + m]).sum()).collect();
        let squares = windtunnel_math::linalg::symmetric_eigenvalues(5, &gram).unwrap();
        assert!(squares.iter().all(|s| (0.45..1.5).contains(s)), "{squares:?}");
        assert!(squares.iter().any(|s| (s - 1.0).abs() > 0.05), "{squares:?}");
    }

    #[test]
    fn what_is_degenerate_stays_what_it_is() {
        for way in [
            Orthogonalization::NewtonSchulz,
            Orthogonalization::PolarExpress,
            Orthogonalization::Polar,
        ] {
            let apply = |mut x: [f64; 4]| {
                let mut work = [[0.0; 4]; 3];
                way.apply(&mut x, (2, 2), (5, 0.0), work.each_mut().map(|w| w.as_mut_slice()));
                x
            };
            assert_eq!(apply([0.0; 4]), [0.0; 4], "{way:?}");
            assert!(apply([1.0, f64::NAN, 0.0, 1.0]).iter().all(|x| x.is_nan()), "{way:?}");
            // Rank one: the direction that is missing stays missing.
            let [a, b, c, d] = apply([1e-200, 2e-200, 2e-200, 4e-200]);
            assert!((a * d - b * c).abs() < 1e-12 && a > 0.1, "{way:?}: {a} {b} {c} {d}");
        }
    }
}
