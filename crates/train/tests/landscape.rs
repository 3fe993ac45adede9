//! Instruments of the landscape against exact values.

// Clippy allows unwrap in tests, but not in the functions that they share.
#![allow(clippy::unwrap_used)]

use windtunnel_math::lanes::Isa;
use windtunnel_math::linalg::{dot, norm, normals, symmetric_eigen, symmetric_eigenvalues};
use windtunnel_math::objective::{Block, Objective, ObjectiveError, SampleGradients, Stochastic};
use windtunnel_math::rng::{Key, Purpose};
use windtunnel_math::stability::{
    adam_threshold, gradient_descent_threshold, heavy_ball_threshold, nesterov_threshold,
};
use windtunnel_measure::landscape::{
    Convention, Curvature, Hessian, HessianOperator, LanczosMemory, LanczosPlan, Median,
    Parameters, Probe, ProbeMean, Resampled, block_heterogeneity, cosine, directional_smoothness,
    hutchinson_diag, hutchinson_trace, lanczos, large_batch_gradient, negative_mass, noise_sample,
    path_smoothness, random_start, robust_condition_number, robust_condition_numbers, slq,
    update_geometry,
};
use windtunnel_model::task::{Covariates, Form, Task};
use windtunnel_model::{BatchObjective, Evaluator, TaskObjective, Transformer};
use windtunnel_optim::{Config, Optimizer, Point, Sgd, Value};

/// ½ xᵀHx + ⟨b, x⟩, which counts how often it is asked.
struct Quadratic {
    hessian: Hessian,
    linear: Vec<f64>,
    gradients: usize,
    hessians: usize,
}

impl Quadratic {
    fn new(hessian: Hessian, linear: Vec<f64>) -> Quadratic {
        Quadratic { hessian, linear, gradients: 0, hessians: 0 }
    }
}

impl Objective for Quadratic {
    fn dim(&self) -> usize {
        self.hessian.dim()
    }
    fn value(&mut self, params: &[f64]) -> Result<f64, ObjectiveError> {
        Ok(0.5 * dot(params, &self.hessian.times(params)) + dot(&self.linear, params))
    }
    fn gradient(&mut self, params: &[f64], grad: &mut [f64]) -> Result<f64, ObjectiveError> {
        self.gradients += 1;
        let hx = self.hessian.times(params);
        for (g, (h, b)) in grad.iter_mut().zip(hx.iter().zip(&self.linear)) {
            *g = h + b;
        }
        self.value(params)
    }
    fn hvp(&mut self, params: &[f64], v: &[f64], out: &mut [f64]) -> Result<f64, ObjectiveError> {
        out.copy_from_slice(&self.hessian.times(v));
        let mut grad = vec![0.0; v.len()];
        self.gradient(params, &mut grad)?;
        Ok(dot(&grad, v))
    }
    fn hessian(&mut self, _: &[f64], out: &mut [f64]) -> Result<(), ObjectiveError> {
        self.hessians += 1;
        out.copy_from_slice(self.hessian.entries());
        Ok(())
    }
}

fn draws(len: usize, seed: u64) -> Vec<f64> {
    normals(Key { seed, purpose: Purpose::Init, step: 9 }, len)
}

/// A random symmetric matrix with entries of order one.
fn symmetric(dim: usize, seed: u64) -> Hessian {
    let a = draws(dim * dim, seed);
    let entry = |k: usize| 0.5 * (a[k] + a[k % dim * dim + k / dim]);
    Hessian::from_entries(dim, (0..dim * dim).map(entry).collect())
}

fn diagonal(values: &[f64]) -> Hessian {
    let dim = values.len();
    let entry = |k: usize| if k.is_multiple_of(dim + 1) { values[k / dim] } else { 0.0 };
    Hessian::from_entries(dim, (0..dim * dim).map(entry).collect())
}

/// Plan of `steps` steps of Lanczos with the largest memory.
fn steps(steps: usize) -> LanczosPlan {
    LanczosPlan { steps, memory: LanczosMemory::Products }
}

fn setting1() -> Task {
    Task::new(5, 20, Covariates::gaussian()).unwrap()
}

/// The loss of a model on `len` held-out prompts.
fn batch_objective(task: &Task, depth: usize, len: usize) -> BatchObjective {
    let model = Transformer::linear(depth, task.dim());
    let key = Key { seed: 99, purpose: Purpose::HeldOut, step: 0 };
    let evaluator = Evaluator::new(model, Isa::detect(), 2);
    BatchObjective::new(evaluator, task.batch(Form::Moments, Isa::detect(), key, len))
}

#[test]
fn eigenvalues_are_lapack_s() {
    // scripts/golden/eigen.py, numpy 2.4.6.
    let text = include_str!("golden/eigen/values.json");
    let golden: serde_json::Value = serde_json::from_str(text).unwrap();
    let numbers = |value: &serde_json::Value| -> Vec<f64> {
        value.as_array().unwrap().iter().map(|x| x.as_f64().unwrap()).collect()
    };
    for case in golden["cases"].as_array().unwrap() {
        let (lower, expected) = (numbers(&case["lower"]), numbers(&case["values"]));
        let p = expected.len();
        let entry = |i: usize, j: usize| lower[i.max(j) * (i.max(j) + 1) / 2 + i.min(j)];
        let a: Vec<f64> = (0..p * p).map(|k| entry(k / p, k % p)).collect();
        let size = expected.iter().fold(0.0_f64, |m, x| m.max(x.abs()));
        // Both are backward stable: errors of a few roundings of the largest eigenvalue.
        let slack = 4e-16 * size * (p as f64 + 4.0);
        let eigen = symmetric_eigen(p, &a).unwrap();
        for values in [symmetric_eigenvalues(p, &a).unwrap(), eigen.values.clone()] {
            for (value, expected) in values.iter().zip(&expected) {
                assert!((value - expected).abs() <= slack, "{}: {value} {expected}", case["name"]);
            }
        }
        for i in 0..p {
            let v = |k: usize| &eigen.vectors[k * p..(k + 1) * p];
            for j in 0..=i {
                let expected = f64::from(u8::from(i == j));
                assert!((dot(v(i), v(j)) - expected).abs() < 1e-15 * (p as f64 + 4.0));
            }
        }
        let hessian = Hessian::from_entries(p, a);
        let residual = hessian.spectrum().unwrap().residual(&hessian);
        assert!(residual <= slack, "{}: residual {residual}", case["name"]);
    }
}

#[test]
fn matrices_that_are_not_finite_have_no_spectrum() {
    for bad in [f64::NAN, f64::INFINITY] {
        let mut entries = symmetric(5, 1).entries().to_vec();
        entries[7] = bad;
        let hessian = Hessian::from_entries(5, entries);
        assert!(hessian.spectrum().is_none() && hessian.eigenvalues().is_none());
        assert!(robust_condition_numbers(&hessian, &Block::whole(5)).iter().any(|r| r.1.is_nan()));
    }
}

#[test]
fn dense_hessian_times_vector_is_the_product() {
    let task = setting1();
    let mut objective = batch_objective(&task, 3, 200);
    let params = Transformer::linear(3, 5).init(3, 0.3);
    let hessian = Hessian::at(&mut objective, &params).unwrap();
    let p = params.len();
    for i in 0..p {
        for j in 0..i {
            assert_eq!(hessian.entries()[i * p + j], hessian.entries()[j * p + i]);
        }
    }
    let v = draws(p, 4);
    let mut expected = vec![0.0; p];
    objective.hvp(&params, &v, &mut expected).unwrap();
    let difference: Vec<f64> =
        hessian.times(&v).iter().zip(&expected).map(|(a, b)| a - b).collect();
    assert!(norm(&difference) < 1e-12 * norm(&expected), "{}", norm(&difference));
    let spectrum = hessian.spectrum().unwrap();
    // Rounding of p terms of the size of the norm.
    let slack = 1e-13 * spectrum.norm() * p as f64;
    assert!((spectrum.trace() - hessian.trace()).abs() < slack);
    let squares: f64 = hessian.entries().iter().map(|x| x * x).sum();
    let of_values: f64 = spectrum.values().iter().map(|x| x * x).sum();
    assert!((squares - of_values).abs() < slack * spectrum.norm());
}

/// One layer is linear in Q: r = Σᵢⱼ Qᵢⱼ (s/n)ᵢ xⱼ + ⟨w⋆, x⟩, so H = 2 mean of outer products, and
/// its expectation is 2(n + d + 1)/n · I on Q.
#[test]
fn one_layer_hessian_in_finite_samples_and_in_expectation() {
    for (n, expected) in [(20, 2.6), (5, 4.4)] {
        let task = Task::new(5, n, Covariates::gaussian()).unwrap();
        let key = Key { seed: 99, purpose: Purpose::HeldOut, step: 0 };
        let batch = task.batch::<f64>(Form::Moments, Isa::detect(), key, 500);
        let mut objective = batch_objective(&task, 1, 500);
        // Any parameters: the loss is quadratic.
        let hessian = Hessian::at(&mut objective, &draws(50, 2)).unwrap();
        let mut exact = vec![0.0; 50 * 50];
        for prompt in 0..500 {
            let values = batch.prompt(prompt);
            let (s, x) = (&values[15..20], &values[20..25]);
            let feature: Vec<f64> = (0..25).map(|k| s[k / 5] * x[k % 5]).collect();
            for i in 0..25 {
                for j in 0..25 {
                    exact[(25 + i) * 50 + 25 + j] += 2.0 * feature[i] * feature[j] / 500.0;
                }
            }
        }
        for (value, exact) in hessian.entries().iter().zip(&exact) {
            // Rounding of 500 terms.
            assert!((value - exact).abs() < 1e-13 * 50.0, "{value} {exact}");
        }
        let hessian = Hessian::at(&mut batch_objective(&task, 1, 40_000), &[0.0; 50]).unwrap();
        let live = hessian.block(25..50);
        for (k, value) in live.entries().iter().enumerate() {
            let expected = if k % 26 == 0 { expected } else { 0.0 };
            // Entries are means of products of four Gaussian factors with standard deviation below
            // 13 (n = 5, on the diagonal): 4.5 standard errors of 40,000 prompts.
            assert!((value - expected).abs() < 4.5 * 13.0 / 200.0, "n = {n}, {k}: {value}");
        }
        let mean = live.trace() / 25.0;
        // The mean of 25 such entries, were they independent: 4.5 · 13/(200·5).
        assert!((mean / expected - 1.0).abs() < 4.5 * 13.0 / 1000.0 / expected, "{mean}");
        assert!(hessian.block(0..25).entries().iter().all(|x| *x == 0.0), "P is unused");
    }
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

#[test]
fn conventions_of_the_robust_condition_number_by_hand() {
    let curvatures = [0.0, -8.0, 1.0, 4.0];
    assert_eq!(robust_condition_number(&curvatures, Median::Lower), 8.0);
    assert_eq!(robust_condition_number(&curvatures, Median::Midpoint), 3.2);
    assert_eq!(robust_condition_number(&[3.0, 1.0, 2.0], Median::Lower), 1.5);
    assert_eq!(robust_condition_number(&[0.0, 0.0, 2.0], Median::Lower), f64::INFINITY);
    assert!(robust_condition_number(&[1.0, f64::NAN], Median::Lower).is_nan());
    assert!(robust_condition_number(&[], Median::Lower).is_nan());

    let hessian = Hessian::from_entries(3, vec![2.0, 2.0, 0.0, 2.0, 2.0, 0.0, 0.0, 0.0, 0.0]);
    let block = |name: &str, range, unused| Block { name: name.into(), range, shape: None, unused };
    let blocks = [block("live", 0..2, false), block("unused", 2..3, true)];
    let of = |curvature, median, parameters| {
        let wanted = Convention { curvature, median, parameters };
        let all = robust_condition_numbers(&hessian, &blocks);
        all.iter().find(|(convention, _)| *convention == wanted).unwrap().1
    };
    assert_eq!(of(Curvature::Diagonal, Median::Lower, Parameters::All), 1.0);
    assert_eq!(of(Curvature::Diagonal, Median::Midpoint, Parameters::Live), 1.0);
    // Eigenvalues 4, 0 (and the unused 0).
    assert_eq!(of(Curvature::Eigenvalues, Median::Midpoint, Parameters::Live), 2.0);
    // A zero eigenvalue comes out as a rounding error or as 0: its ratio is huge or infinite.
    assert!(of(Curvature::Eigenvalues, Median::Lower, Parameters::All) > 1e14);
    assert_eq!(Convention::PAPER.name(), "diag.lower.all");
    assert_eq!(Convention::all().next(), Some(Convention::PAPER));
    assert_eq!(Convention::all().count(), 8);
}

/// Half of the parameters are entries of P, nearly flat at initialization, and a third of those are
/// unused: the lower median of all is the largest of P, that of the live ones an entry of Q.
#[test]
fn conventions_flip_at_initialization() {
    let task = setting1();
    let mut objective = batch_objective(&task, 3, 1000);
    let model = Transformer::linear(3, 5);
    let seeds = 6;
    let mut mean = |wanted: Convention| {
        let of_seed = |seed| {
            let hessian = Hessian::at(&mut objective, &model.init(seed, 0.05)).unwrap();
            let all = robust_condition_numbers(&hessian, &model.blocks());
            all.iter().find(|(convention, _)| *convention == wanted).unwrap().1
        };
        (0..seeds).map(of_seed).sum::<f64>() / seeds as f64
    };
    // Ahn et al.'s notebook: 275 over six seeds; single seeds range from 100 to 500.
    let paper = mean(Convention::PAPER);
    assert!((150.0..500.0).contains(&paper), "{paper}");
    let live = mean(Convention { parameters: Parameters::Live, ..Convention::PAPER });
    assert!((1.4..2.5).contains(&live), "{live}");
}

#[test]
fn directional_smoothness_is_signed_and_forgets_the_length() {
    let hessian = symmetric(10, 9);
    let mut objective = Quadratic::new(hessian.clone(), draws(10, 1));
    let spectrum = hessian.spectrum().unwrap();
    let at = draws(10, 2);
    for (k, value) in spectrum.values().iter().enumerate() {
        for scale in [-1e-8, 1.0, 1e8] {
            let direction: Vec<f64> = spectrum.vector(k).iter().map(|x| scale * x).collect();
            let mut operator = HessianOperator::new(&mut objective, &at);
            let found = directional_smoothness(&mut operator, &direction).unwrap();
            assert!((found - value).abs() < 1e-14 * 10.0 * spectrum.norm(), "{found} {value}");
        }
    }
    assert!(spectrum.min() < 0.0, "the matrix must bend downwards somewhere");
    let mut operator = HessianOperator::new(&mut objective, &at);
    assert!(directional_smoothness(&mut operator, &[0.0; 10]).unwrap().is_nan());
}

#[test]
fn path_smoothness_of_a_quadratic_is_the_length_of_h_u() {
    let hessian = symmetric(10, 10);
    let mut objective = Quadratic::new(hessian.clone(), draws(10, 1));
    let (at, delta) = (draws(10, 2), draws(10, 3));
    let exact = norm(&hessian.times(&delta)) / norm(&delta);
    for points in [1, 5] {
        let found = path_smoothness(&mut objective, &at, &delta, points).unwrap();
        // Differences of gradients of order ten.
        assert!((found / exact - 1.0).abs() < 1e-13 * 10.0, "{found} {exact}");
    }
    assert!(exact <= hessian.spectrum().unwrap().norm());
}

/// Below its threshold an optimizer shrinks a quadratic, above it blows it up.
#[test]
fn thresholds_of_stability_are_where_updates_turn() {
    let lr = 0.05;
    let grows = |h: f64, step: &mut dyn FnMut(f64) -> f64| {
        let mut x = 1.0;
        for _ in 0..4000 {
            x = step(h * x) + x;
        }
        x.is_nan() || x.abs() >= 1.0
    };
    let sgd = |momentum: f64, nesterov: bool| {
        let values = [("momentum", Value::Number(momentum)), ("nesterov", Value::Flag(nesterov))];
        Config::of::<Sgd>().with_all(&values).unwrap().with_lr(lr)
    };
    let cases = [
        (gradient_descent_threshold(lr), sgd(0.0, false)),
        (heavy_ball_threshold(lr, 0.9), sgd(0.9, false)),
        (nesterov_threshold(lr, 0.9), sgd(0.9, true)),
    ];
    for (threshold, sgd) in cases {
        for (factor, expected) in [(0.99, false), (1.01, true)] {
            let mut optimizer = Optimizer::new(&sgd, &Block::whole(1));
            let mut step = |grad: f64| {
                let mut update = [grad];
                optimizer.update(Point::new(&[0.0]), &mut update).unwrap();
                // The threshold that the optimizer itself returns.
                assert_eq!(optimizer.stability(&[grad]).unwrap().threshold, threshold);
                -update[0]
            };
            assert_eq!(grows(factor * threshold, &mut step), expected, "{sgd:?} at {factor}");
        }
    }
    // Adam with its preconditioner held at D: m ← β₁m + (1 − β₁)g, x ← x − η m/D.
    let (beta1, d) = (0.9, 0.3);
    for (factor, expected) in [(0.99, false), (1.01, true)] {
        let mut m = 0.0;
        let mut step = |grad: f64| {
            m = beta1 * m + (1.0 - beta1) * grad;
            -lr * m / d
        };
        // The threshold is for the preconditioned sharpness h/D.
        assert_eq!(grows(factor * adam_threshold(lr, beta1) * d, &mut step), expected, "{factor}");
    }
    let hessian = symmetric(6, 11);
    let d = [0.5, 1.0, 2.0, 3.0, 4.0, 5.0];
    let scaled = hessian.preconditioned(&d);
    let spectrum = scaled.spectrum().unwrap();
    // (D^{-1/2} H D^{-1/2}) v = λ v ⟺ D⁻¹H (D^{-1/2} v) = λ (D^{-1/2} v).
    let w: Vec<f64> = spectrum.vector(5).iter().zip(d).map(|(v, d)| v / d.sqrt()).collect();
    for ((hw, d), w) in hessian.times(&w).iter().zip(d).zip(&w) {
        assert!((hw / d - spectrum.sharpness() * w).abs() < 1e-13, "{hw} {w}");
    }
}

#[test]
fn heterogeneity_is_zero_for_equal_blocks_and_one_for_disjoint() {
    let block = |k: usize, unused| Block {
        name: format!("b{k}"),
        range: 3 * k..3 * k + 3,
        shape: None,
        unused,
    };
    let blocks: Vec<Block> = (0..4).map(|k| block(k, k == 3)).collect();
    let values = [1.0, 2.0, 3.0, 1.0, 2.0, 3.0, 10.0, 20.0, 30.0, 1.0, 7.0, 9.0];
    let found = block_heterogeneity(&diagonal(&values), &blocks).unwrap();
    let distances: Vec<f64> = found.pairs.iter().map(|pair| pair.2).collect();
    assert_eq!(distances.len(), 3, "the unused block has no pairs");
    assert_eq!(distances[0], 0.0);
    // Disjoint supports: √1 up to the rounding of three logarithms.
    assert!((distances[1] - 1.0).abs() < 1e-14 && (distances[2] - 1.0).abs() < 1e-14);
    assert!((found.mean() - 2.0 / 3.0).abs() < 1e-14);
}

#[test]
fn a_quadratic_keeps_what_an_update_promises() {
    let hessian = symmetric(12, 12);
    let mut objective = Quadratic::new(hessian.clone(), draws(12, 4));
    let (at, update) = (draws(12, 5), draws(12, 6));
    let geometry = update_geometry(&mut objective, &at, &update).unwrap();
    let size = geometry.linear_decrease.abs() + geometry.quadratic_decrease.abs();
    let gap = geometry.quadratic_decrease - geometry.realised_decrease;
    assert!(gap.abs() < 1e-13 * size.max(10.0), "{geometry:?}");
    assert_eq!(geometry.update_norm, norm(&update));

    let mut grad = vec![0.0; 12];
    objective.gradient(&at, &mut grad).unwrap();
    let newton = hessian.spectrum().unwrap().newton_step(&grad, 1e-10);
    let minimum: Vec<f64> = at.iter().zip(&newton).map(|(x, s)| x + s).collect();
    let mut there = vec![0.0; 12];
    objective.gradient(&minimum, &mut there).unwrap();
    // One step to the stationary point, amplified by the condition number.
    assert!(norm(&there) < 1e-11 * norm(&grad), "{}", norm(&there));
    assert!((cosine(&grad, &grad) - 1.0).abs() < 1e-15 * 4.0);
    assert!(cosine(&[1.0, 0.0], &[0.0, 2.0]) == 0.0 && cosine(&[0.0], &[1.0]).is_nan());
}

#[test]
fn a_probe_computes_once() {
    let mut objective = Quadratic::new(symmetric(8, 13), draws(8, 1));
    let mut probe = Probe::new(&mut objective, draws(8, 2));
    let first = probe.hessian().unwrap().clone();
    let sharpness = probe.spectrum().unwrap().unwrap().sharpness();
    assert_eq!(probe.hessian().unwrap(), &first);
    assert_eq!(probe.spectrum().unwrap().unwrap().sharpness(), sharpness);
    let gradient = probe.gradient().unwrap().1.to_vec();
    assert_eq!(probe.gradient().unwrap().1, gradient);
    drop(probe);
    assert_eq!((objective.hessians, objective.gradients), (1, 1));
}

fn task_objective(task: &Task, depth: usize, seed: u64) -> TaskObjective {
    let model = Transformer::linear(depth, task.dim());
    TaskObjective::new(Evaluator::new(model, Isa::detect(), 2), task.clone(), seed)
}

/// At zero parameters ∇f = 2Σ² for every Q, and the noise of B = 1000 prompts is known.
#[test]
fn noise_at_zero_parameters_has_its_closed_form() {
    let heavy = Covariates::gamma_radial(0.1, 10.0).unwrap();
    let gaussian = || Covariates::gaussian();
    // (law, n, tr Σ, RMS at B = 1000, how well 1000 draws know it)
    let cases = [
        (gaussian(), 20, 5.0, 1.940, 0.03),
        (gaussian(), 5, 5.0, 2.531, 0.03),
        (Covariates::sphere(), 20, 1.0, 0.0627, 0.03),
        // Eighth moments of a heavy tail.
        (heavy, 20, 1.0, 0.370, 0.2),
    ];
    for (law, n, trace, rms, slack) in cases {
        let task = Task::new(5, n, law).unwrap();
        let mut objective = task_objective(&task, 3, 7);
        let zero = vec![0.0; 150];
        let reference = large_batch_gradient(&mut objective, &zero, 100_000).unwrap();
        assert_eq!(reference.samples, 100_000);
        let sample = noise_sample(&mut objective, &zero, 1000, 1000, &reference).unwrap();
        assert!((sample.rms() / rms - 1.0).abs() < slack, "n = {n}: {} {rms}", sample.rms());
        // A hundred parts know the error of their mean to 10 %, a heavy tail less well.
        let error = rms / 10.0;
        assert!((reference.standard_error / error - 1.0).abs() < 0.1 + slack, "{reference:?}");
        let mut exact = vec![0.0; 150];
        for layer in 0..3 {
            for i in 0..5 {
                exact[(2 * layer + 1) * 25 + 6 * i] = 2.0 * (trace / 5.0_f64).powi(2);
            }
        }
        let off: Vec<f64> = reference.grad.iter().zip(&exact).map(|(a, b)| a - b).collect();
        // A norm of 75 coordinates spreads by a tenth, correlated as they are by less than 2.
        assert!(norm(&off) < 2.0 * reference.standard_error, "{}", norm(&off));

        let blocks = Transformer::linear(3, 5).blocks();
        let squares: f64 = blocks.iter().map(|block| sample.block_rms(block).powi(2)).sum();
        // The reference's own error is taken out of the whole and of every block.
        assert!((squares / sample.rms().powi(2) - 1.0).abs() < 1e-12);
        let errors: f64 = reference.standard_errors.iter().map(|e| e * e).sum();
        assert!((errors.sqrt() / reference.standard_error - 1.0).abs() < 1e-12);
        // Coordinates and covariance are those of the draws as they are.
        let squares = squares + errors;
        let std2: f64 = sample.coordinate_std().iter().map(|s| s * s).sum();
        let variances: f64 = sample.covariance().unwrap().values.iter().sum();
        assert!((std2 / squares - 1.0).abs() < 1e-12 && (variances / squares - 1.0).abs() < 1e-12);
        assert_eq!(sample.coordinate(25)[3], sample.vectors[3 * 150 + 25]);
    }
}

/// Noise of single prompts shrinks as 1/√B in mini-batches.
#[test]
fn noise_of_single_prompts_and_of_batches_agree() {
    let mut objective = task_objective(&setting1(), 2, 3);
    let params = Transformer::linear(2, 5).init(0, 0.05);
    let reference = large_batch_gradient(&mut objective, &params, 100_000).unwrap();
    let single = noise_sample(&mut objective, &params, 1, 50_000, &reference).unwrap().rms();
    let batch = noise_sample(&mut objective, &params, 64, 2000, &reference).unwrap().rms();
    // Squared norms of single gradients spread by 4 times their mean: 2 % in 50,000, halved by the
    // root; batches know theirs to 2 % as well.
    assert!((single / 8.0 / batch - 1.0).abs() < 0.06, "{single} {batch}");
}

#[test]
fn gradients_of_single_prompts_average_to_that_of_the_batch() {
    for (depth, dim) in [(1, 2), (3, 5), (2, 7)] {
        let task = Task::new(dim, 11, Covariates::sphere()).unwrap();
        let model = Transformer::linear(depth, dim);
        let mut objective = task_objective(&task, depth, 1);
        let params = model.init(5, 0.4);
        for samples in [1, 17, 100] {
            let singles = objective.sample_gradients(&params, 4, samples).unwrap();
            let p = params.len();
            assert_eq!((singles.losses.len(), singles.grads.len()), (samples, samples * p));
            let mut grad = vec![0.0; p];
            let loss = objective.batch_gradient(&params, 4, samples, &mut grad).unwrap();
            let mut mean = vec![0.0; p];
            for row in singles.grads.chunks_exact(p) {
                mean.iter_mut().zip(row).for_each(|(m, g)| *m += g / samples as f64);
            }
            let off: Vec<f64> = mean.iter().zip(&grad).map(|(a, b)| a - b).collect();
            // Rounding of at most a hundred terms.
            assert!(norm(&off) < 1e-14 * (1.0 + norm(&grad)) * 100.0, "{depth} {dim} {samples}");
            let average = singles.losses.iter().sum::<f64>() / samples as f64;
            assert!((average / loss - 1.0).abs() < 1e-14 * 100.0);
            assert_eq!(objective.sample_losses(&params, 4, samples).unwrap(), singles.losses);
        }
    }
}

#[test]
fn given_prompts_are_their_own_population() {
    // Two samples with gradients ±1: mini-batches of B have noise √(1/B).
    let gradients = SampleGradients { losses: vec![1.0, 3.0], grads: vec![1.0, -1.0] };
    let mut population = Resampled::new(gradients.clone(), Block::whole(1), 5);
    let reference = population.reference();
    assert_eq!((reference.grad[0], reference.loss, reference.standard_error), (0.0, 2.0, 0.0));
    let sample = noise_sample(&mut population, &[0.0], 25, 4000, &reference).unwrap();
    // Squares of 4000 sums of signs: relative error √(2/4000), halved by the root.
    assert!((sample.rms() / 0.2 - 1.0).abs() < 4.5 * 0.5 * (2.0_f64 / 4000.0).sqrt());
    assert_eq!(population.sample_gradients(&[0.0], 9, 7).unwrap(), gradients);
}
