//! Instruments of the landscape against exact values.

// Clippy allows unwrap in tests, but not in the functions that they share.
#![allow(clippy::unwrap_used)]

#[path = "landscape/estimators.rs"]
mod estimators;
#[path = "landscape/noise.rs"]
mod noise;

use windtunnel_math::lanes::Isa;
use windtunnel_math::linalg::{dot, norm, normals, symmetric_eigen, symmetric_eigenvalues};
use windtunnel_math::objective::{Block, Objective, ObjectiveError};
use windtunnel_math::rng::{Key, Purpose};
use windtunnel_math::stability::{
    adam_threshold, gradient_descent_threshold, heavy_ball_threshold, nesterov_threshold,
};
use windtunnel_measure::landscape::{
    Convention, Curvature, Hessian, HessianOperator, Median, Parameters, Probe,
    block_heterogeneity, cosine, directional_smoothness, path_smoothness, robust_condition_number,
    robust_condition_numbers, update_geometry,
};
use windtunnel_model::task::{Covariates, Form, Task};
use windtunnel_model::{BatchObjective, Evaluator, Transformer};
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
