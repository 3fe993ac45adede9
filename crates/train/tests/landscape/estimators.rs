//! Estimators that see a matrix through products: Lanczos, its quadrature, Hutchinson.

use windtunnel_math::linalg::dot;
use windtunnel_measure::landscape::{
    LanczosMemory, LanczosPlan, ProbeMean, hutchinson_diag, hutchinson_trace, lanczos,
    negative_mass, random_start, slq,
};

use super::{diagonal, symmetric};

/// Plan of `steps` steps of Lanczos with the largest memory.
fn steps(steps: usize) -> LanczosPlan {
    LanczosPlan { steps, memory: LanczosMemory::Products }
}

#[test]
fn ritz_values_lie_within_their_residuals() {
    let hessian = symmetric(80, 5);
    let exact = hessian.eigenvalues().unwrap();
    let size = exact[79].abs().max(exact[0].abs());
    for count in [1, 5, 20, 80] {
        let found = lanczos(&mut &hessian, &random_start(80, 0, 3), steps(count)).unwrap();
        assert_eq!(found.values.len(), count);
        assert!((found.weights.iter().sum::<f64>() - 1.0).abs() < 1e-13 * 80.0);
        for (value, residual) in found.values.iter().zip(&found.residuals) {
            let distance = exact.iter().map(|v| (v - value).abs()).fold(f64::INFINITY, f64::min);
            assert!(distance <= residual + 1e-14 * size * 80.0, "{count}: {distance} {residual}");
        }
        let (sharpness, residual) = found.max();
        assert!(sharpness <= exact[79] + 1e-13 * size, "Ritz values stay inside the spectrum");
        if count == 80 {
            assert!((sharpness - exact[79]).abs() < 1e-13 * size * 80.0 && residual < 1e-10);
        }
    }
    // An eigenvector is an invariant subspace: one step finds its eigenvalue.
    let one = lanczos(&mut &diagonal(&[3.0, 1.0, 2.0]), &[0.0, 0.0, 5.0], steps(3)).unwrap();
    assert_eq!((one.values.len(), one.values[0]), (1, 2.0));
}

/// m nodes of Gauss quadrature integrate polynomials of degree 2m − 1: moments of the spectrum.
#[test]
fn lanczos_quadrature_has_the_moments_of_the_start_vector() {
    let hessian = symmetric(30, 6);
    let start = random_start(30, 1, 0);
    let found = lanczos(&mut &hessian, &start, steps(4)).unwrap();
    let mut power = start.clone();
    for degree in 0..8 {
        let exact = dot(&start, &power) / dot(&start, &start);
        let nodes = found.values.iter().zip(&found.weights);
        let quadrature: f64 = nodes.map(|(value, weight)| weight * value.powi(degree)).sum();
        // Powers up to the seventh of a norm of about 8 amplify roundings of 1e-15.
        assert!((quadrature - exact).abs() < 1e-14 * 8_f64.powi(degree), "{degree}");
        power = hessian.times(&power);
    }
}

#[test]
fn the_spectral_density_approaches_the_spectrum() {
    let hessian = symmetric(120, 7);
    let exact = hessian.eigenvalues().unwrap();
    let scale = exact[119] - exact[0];
    let rough = slq(&mut &hessian, 2, steps(5), 0).unwrap();
    let fine = slq(&mut &hessian, 40, steps(40), 0).unwrap();
    let distance = |density: &windtunnel_measure::landscape::SpectralDensity| {
        density.wasserstein(&exact) / scale
    };
    assert!(distance(&fine) < 0.5 * distance(&rough));
    // Weights of one probe fluctuate by √(2/p); 40 probes leave 2 % of mass, moved by less than
    // half the width on average.
    assert!(distance(&fine) < 0.02, "{}", distance(&fine));
    let mass = ProbeMean::of(&fine.negative_mass);
    let exact = negative_mass(&exact);
    assert!((mass.value - exact).abs() < 4.0 * mass.standard_error, "{mass:?} {exact}");
    // A distribution is at no distance from itself.
    let values = vec![1.0, 2.0, 5.0];
    let same = windtunnel_measure::landscape::SpectralDensity {
        weights: vec![1.0 / 3.0; 3],
        values: values.clone(),
        negative_mass: Vec::new(),
    };
    assert!(same.wasserstein(&values) < 1e-15 * 5.0 * 4.0);
    // Moving a third of the mass by 3 costs 1.
    assert!((same.wasserstein(&[1.0, 2.0, 8.0]) - 1.0).abs() < 1e-14);
}

/// The standard error says how wrong the estimate is: 95 % intervals cover at their rate.
#[test]
fn hutchinson_intervals_cover_the_exact_trace_and_diagonal() {
    let hessian = symmetric(60, 8);
    let (trace, diag) = (hessian.trace(), hessian.diag());
    let (trials, probes) = (300, 50);
    let (mut covered, mut covered_diag) = (0, 0);
    let inside = |e: &ProbeMean, exact: f64| (e.value - exact).abs() < 2.01 * e.standard_error;
    for seed in 0..trials {
        let estimate = hutchinson_trace(&mut &hessian, probes, seed).unwrap();
        covered += u32::from(inside(&estimate, trace));
        let estimates = hutchinson_diag(&mut &hessian, probes, seed).unwrap();
        covered_diag += u32::from(inside(&estimates.entry(17), diag[17]));
    }
    for covered in [covered, covered_diag] {
        let share = f64::from(covered) / trials as f64;
        // 2.01: Student's t with 49 degrees. Binomial standard error 0.0126.
        assert!((share - 0.95).abs() < 4.0 * 0.0126, "{share}");
    }
    // Random signs are exact on diagonal matrices.
    let exact = hutchinson_diag(&mut &diagonal(&[3.0, -1.0, 0.5]), 4, 0).unwrap();
    assert_eq!(exact.standard_errors, [0.0; 3]);
    assert_eq!(exact.values, [3.0, -1.0, 0.5]);
}
