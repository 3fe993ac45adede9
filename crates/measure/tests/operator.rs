//! Operators against their dense twins, and estimators on them.

// Clippy's leave for tests does not reach the functions they share.
#![allow(clippy::unwrap_used)]

mod updates;

use updates::updates;
use windtunnel_math::linalg::{dot, normals};
use windtunnel_math::objective::{Block, Objective, ObjectiveError, SampleGradients, Stochastic};
use windtunnel_math::rng::{Key, Purpose};
use windtunnel_measure::instrument::{EstimatorPlan, Instrument, NoisePlan, Readings, Snapshot};
use windtunnel_measure::landscape::{
    Diagonal, Hessian, HessianOperator, LanczosMemory, LanczosPlan, NoiseSummary, Probe, ProbeMean,
    SymmetricOperator, hutchinson_diag, hutchinson_trace, lanczos, large_batch_gradient,
    noise_sample, random_start, slq, streamed_gradient,
};
use windtunnel_measure::metric::Metric;

fn draws(len: usize, seed: u64) -> Vec<f64> {
    normals(Key { seed, purpose: Purpose::Init, step: 9 }, len)
}

/// A random symmetric matrix with entries of order one.
fn symmetric(dim: usize, seed: u64) -> Hessian {
    let a = draws(dim * dim, seed);
    let entry = |k: usize| 0.5 * (a[k] + a[k % dim * dim + k / dim]);
    Hessian::from_entries(dim, (0..dim * dim).map(entry).collect())
}

/// ½ xᵀHx.
struct Quadratic(Hessian);

impl Objective for Quadratic {
    fn dim(&self) -> usize {
        self.0.dim()
    }
    fn value(&mut self, params: &[f64]) -> Result<f64, ObjectiveError> {
        Ok(0.5 * dot(params, &self.0.times(params)))
    }
    fn gradient(&mut self, params: &[f64], grad: &mut [f64]) -> Result<f64, ObjectiveError> {
        grad.copy_from_slice(&self.0.times(params));
        self.value(params)
    }
    fn hvp(&mut self, params: &[f64], v: &[f64], out: &mut [f64]) -> Result<f64, ObjectiveError> {
        out.copy_from_slice(&self.0.times(v));
        Ok(dot(&self.0.times(params), v))
    }
}

/// Asserts that two matrices are equal, entry by entry, to a few roundings of the largest.
fn near(found: &Hessian, expected: &Hessian) {
    let p = expected.dim();
    let size = expected.entries().iter().fold(0.0_f64, |m, x| m.max(x.abs()));
    assert_eq!(found.dim(), p);
    for (k, (a, b)) in found.entries().iter().zip(expected.entries()).enumerate() {
        assert!((a - b).abs() <= 8.0 * f64::EPSILON * size, "({}, {}): {a} {b}", k / p, k % p);
    }
}

/// The matrix with entries `entry(i, j, H_ij)`.
fn map(hessian: &Hessian, entry: impl Fn(usize, usize, f64) -> f64) -> Hessian {
    let p = hessian.dim();
    let entries = hessian.entries().iter().enumerate();
    Hessian::from_entries(p, entries.map(|(k, x)| entry(k / p, k % p, *x)).collect())
}

#[test]
fn every_operator_is_its_dense_twin() {
    let p = 9;
    let (hessian, other) = (symmetric(p, 1), symmetric(p, 2));
    let mut objective = Quadratic(hessian.clone());
    let at = draws(p, 3);
    let (objective, at) = (&mut objective, at.as_slice());
    let d: Vec<f64> = draws(p, 4).iter().map(|x| x.abs() + 0.1).collect();
    let identity = |i: usize, j: usize| f64::from(u8::from(i == j));

    near(&HessianOperator::new(objective, at).dense().unwrap(), &hessian);
    near(&(&hessian).dense().unwrap(), &hessian);
    near(&Diagonal(&d).dense().unwrap(), &map(&hessian, |i, j, _| d[i] * identity(i, j)));
    let scaled = map(&hessian, |i, j, x| x / (d[i] * d[j]).sqrt());
    near(&HessianOperator::new(objective, at).preconditioned(&d).dense().unwrap(), &scaled);
    near(&hessian.preconditioned(&d), &scaled);
    let indices = vec![7, 0, 3];
    near(
        &HessianOperator::new(objective, at).select(indices.clone()).dense().unwrap(),
        &hessian.select(&indices),
    );
    near(&HessianOperator::new(objective, at).block(2..6).dense().unwrap(), &hessian.block(2..6));
    let shifted = map(&hessian, |i, j, x| -2.0 * x + 3.0 * identity(i, j));
    near(&HessianOperator::new(objective, at).affine(-2.0, 3.0).dense().unwrap(), &shifted);
    let sum = map(&hessian, |i, j, x| x + other.entries()[i * p + j]);
    near(&HessianOperator::new(objective, at).plus(&other).dense().unwrap(), &sum);

    // And composed: a block of the preconditioned matrix, of a sum.
    let mut composed = HessianOperator::new(objective, at)
        .plus(&other)
        .preconditioned(&d)
        .block(1..5)
        .affine(0.5, 1.0);
    let twin = sum.preconditioned(&d).block(1..5);
    near(&composed.dense().unwrap(), &map(&twin, |i, j, x| 0.5 * x + identity(i, j)));
    // A second product does not depend on the first.
    near(&composed.dense().unwrap(), &map(&twin, |i, j, x| 0.5 * x + identity(i, j)));
    let mut borrowed = HessianOperator::new(objective, at);
    near(&(&mut borrowed).block(2..6).dense().unwrap(), &hessian.block(2..6));
    near(&borrowed.dense().unwrap(), &hessian);
}

/// If D is 0 the row is 0, whether H has a zero row there or not.
#[test]
fn a_preconditioner_of_zero_leaves_the_parameter_out() {
    let p = 6;
    let full = symmetric(p, 5);
    let unused = map(&full, |i, j, x| if i == 2 || j == 2 { 0.0 } else { x });
    let mut d = vec![0.5, 1.0, 0.0, 2.0, 3.0, 0.25];
    for zero in [0.0, -0.0] {
        d[2] = zero;
        for hessian in [&full, &unused] {
            let dense = hessian.preconditioned(&d);
            // Not the method of the matrix, which has the same name.
            let mut by_products = SymmetricOperator::preconditioned(hessian, &d);
            near(&by_products.dense().unwrap(), &dense);
            for k in 0..p {
                assert_eq!((dense.entries()[2 * p + k], dense.entries()[k * p + 2]), (0.0, 0.0));
            }
            // The remaining eigenvalues are those of the other parameters, and one 0.
            let others = [0, 1, 3, 4, 5];
            let rest: Vec<f64> = others.iter().map(|k| d[*k]).collect();
            let mut expected = hessian.select(&others).preconditioned(&rest).eigenvalues().unwrap();
            expected.push(0.0);
            expected.sort_by(f64::total_cmp);
            for (a, b) in dense.eigenvalues().unwrap().iter().zip(&expected) {
                assert!((a - b).abs() < 1e-14 * 20.0, "{a} {b}");
            }
        }
    }
    for bad in [f64::NAN, -1.0] {
        d[2] = bad;
        assert_eq!(full.preconditioned(&d).eigenvalues(), None);
        let plan = LanczosPlan { steps: 6, memory: LanczosMemory::Basis };
        let mut by_products = SymmetricOperator::preconditioned(&full, &d);
        let found = lanczos(&mut by_products, &random_start(p, 0, 0), plan).unwrap();
        assert!(found.max().0.is_nan(), "{found:?}");
    }
}

/// The instrument gives the same value from the dense Hessian and from products, also for D = 0.
#[test]
fn preconditioned_sharpness_is_the_same_dense_and_by_products() {
    let p = 12;
    let full = symmetric(p, 6);
    let unused = map(&full, |i, j, x| if i == 4 || j == 4 { 0.0 } else { x });
    for hessian in [full, unused] {
        for zeros in [0, 1, p] {
            let mut d: Vec<f64> = draws(p, 7).iter().map(|x| x.abs() + 0.1).collect();
            d.iter_mut().skip(4).take(zeros).for_each(|d| *d = 0.0);
            d.iter_mut().take(if zeros == p { p } else { 0 }).for_each(|d| *d = 0.0);
            let sharpness = |dense_limit: usize| {
                let (mut fixed, mut stochastic) = (Quadratic(hessian.clone()), Silent);
                let updates = updates(p, 1.0, Some(d.clone()));
                let plan = NoisePlan { batch_sizes: vec![1], draws: 2, reference: 1, prompts: 1 };
                let probe = Probe::new(&mut fixed, vec![1.0; p]);
                let mut snapshot = Snapshot::new(probe, &mut stochastic, Some(updates), plan);
                snapshot.estimators.dense_limit = dense_limit;
                let mut readings = Readings::default();
                Instrument::Stability.measure(&mut snapshot, &mut readings);
                readings.get(Metric::PreconditionedSharpness).unwrap()
            };
            let (dense, products) = (sharpness(p), sharpness(0));
            // As many steps as parameters; some tens of roundings of the norm, which is below 100.
            assert!((dense - products).abs() < 1e-12, "{zeros} zeros: {dense} {products}");
            assert_eq!(dense == 0.0, zeros == p);
        }
    }
}

/// Stochastic objective that is never called.
struct Silent;

impl Stochastic for Silent {
    fn dim(&self) -> usize {
        0
    }
    fn batch_gradient(
        &mut self,
        _: &[f64],
        _: u64,
        _: usize,
        _: &mut [f64],
    ) -> Result<f64, ObjectiveError> {
        Err(ObjectiveError::new("nobody should ask"))
    }
    fn sample_gradients(
        &mut self,
        _: &[f64],
        _: u64,
        _: usize,
    ) -> Result<SampleGradients, ObjectiveError> {
        Err(ObjectiveError::new("nobody should ask"))
    }
}

/// With the last two vectors alone, extreme values still converge, and appear again as copies.
#[test]
fn lanczos_finds_extreme_values_with_what_it_keeps() {
    let values: Vec<f64> = (0..300).map(|k| (k as f64 / 299.0).powi(2) * 11.0 - 1.0).collect();
    let values: Vec<f64> = values.into_iter().chain([40.0, 100.0]).collect();
    let start = random_start(302, 0, 0);
    let run = |memory, steps| {
        lanczos(&mut Diagonal(&values), &start, LanczosPlan { steps, memory }).unwrap()
    };
    let [recent, basis, products] =
        [LanczosMemory::Recent, LanczosMemory::Basis, LanczosMemory::Products]
            .map(|memory| run(memory, 90));
    assert_eq!((&basis.values, &basis.weights), (&products.values, &products.weights));
    let slack = 1e-13 * 302.0 * 100.0;
    for found in [&recent, &basis, &products] {
        let (sharpness, residual) = found.max();
        assert!((sharpness - 100.0).abs() < slack && residual < slack, "{sharpness} {residual}");
        assert!((found.norm() - 100.0).abs() < slack);
        assert!((found.values[0] + 1.0).abs() < 2e-3, "{}", found.values[0]);
        assert!((found.weights.iter().sum::<f64>() - 1.0).abs() < 1e-13 * 302.0);
    }
    let copies = |found: &[f64]| found.iter().filter(|v| (**v - 100.0).abs() < 1e-6).count();
    assert_eq!(copies(&basis.values), 1);
    assert!(copies(&recent.values) > 1, "an example in which orthogonality is lost");
    // Copies share the weight of the value.
    let weight = |values: &[f64], weights: &[f64]| -> f64 {
        let near = values.iter().zip(weights).filter(|(v, _)| (**v - 100.0).abs() < 1e-6);
        near.map(|(_, weight)| weight).sum()
    };
    let [few, many] = [&recent, &basis].map(|found| weight(&found.values, &found.weights));
    assert!((few / many - 1.0).abs() < 1e-6, "{few} {many}");
    // Before orthogonality is lost, only roundings differ.
    let short = [LanczosMemory::Recent, LanczosMemory::Basis].map(|memory| run(memory, 8));
    for (a, b) in short[0].values.iter().zip(&short[1].values) {
        assert!((a - b).abs() < slack, "{a} {b}");
    }
    for (a, b) in short[0].residuals.iter().zip(run(LanczosMemory::Products, 8).residuals) {
        assert!((a - b).abs() < slack, "the recurrence's residual {a}, measured {b}");
    }
}

#[test]
fn degenerate_operators_have_degenerate_estimates() {
    for memory in [LanczosMemory::Recent, LanczosMemory::Basis, LanczosMemory::Products] {
        let plan = LanczosPlan { steps: 5, memory };
        let none = lanczos(&mut Diagonal(&[]), &[], plan).unwrap();
        assert!(none.values.is_empty() && none.max().0.is_nan() && none.norm().is_nan());
        let one = lanczos(&mut Diagonal(&[3.0]), &[-2.0], plan).unwrap();
        assert_eq!((one.values, one.weights), (vec![3.0], vec![1.0]));
        let zero = lanczos(&mut Diagonal(&[0.0; 4]), &[1.0; 4], plan).unwrap();
        assert_eq!(zero.max().0, 0.0);
        for bad in [f64::NAN, f64::INFINITY] {
            let found = lanczos(&mut Diagonal(&[1.0, bad]), &[1.0; 2], plan).unwrap();
            assert!(found.max().0.is_nan(), "{found:?}");
        }
        let nothing = lanczos(&mut Diagonal(&[1.0, 2.0]), &[0.0; 2], plan).unwrap();
        assert!(nothing.max().0.is_nan());
        let density = slq(&mut Diagonal(&[-1.0, -1.0]), 3, plan, 0).unwrap();
        assert_eq!(density.negative_mass, [1.0; 3]);
    }
    let single = hutchinson_diag(&mut Diagonal(&[2.0, f64::NAN]), 1, 0).unwrap();
    assert!(single.values[0] == 2.0 && single.values[1].is_nan());
    assert!(single.standard_errors.iter().all(|error| error.is_nan()));
    assert_eq!(symmetric(3, 1).select(&[]).dim(), 0);
    assert_eq!(Diagonal(&[1.0, 2.0]).select(Vec::new()).dense().unwrap().dim(), 0);
}

/// Running means and squares are those of all products together, the means to the last bit.
#[test]
fn the_running_diagonal_is_that_of_all_products() {
    let (p, probes) = (40, 17);
    let hessian = symmetric(p, 8);
    let mut products = vec![Vec::new(); p];
    let mut spy = Spy(&hessian, |v: &[f64], hv: &[f64]| {
        for (seen, (v, hv)) in products.iter_mut().zip(v.iter().zip(hv)) {
            seen.push(v * hv);
        }
    });
    let found = hutchinson_diag(&mut spy, probes, 3).unwrap();
    for (k, seen) in products.iter().enumerate() {
        let (entry, expected) = (found.entry(k), ProbeMean::of(seen));
        assert_eq!(entry.value, expected.value);
        // Some ten roundings of the squares.
        let ratio = entry.standard_error / expected.standard_error;
        assert!((ratio - 1.0).abs() < 1e-14, "{entry:?} {expected:?}");
    }
    let trace = hutchinson_trace(&mut &hessian, probes, 3).unwrap();
    let sum: f64 = found.values.iter().sum();
    assert!((trace.value - sum).abs() < 1e-13 * 40.0, "the same probes: {trace:?} {sum}");
}

/// Operator that passes its products to a function.
struct Spy<'a, F>(&'a Hessian, F);

impl<F: FnMut(&[f64], &[f64])> SymmetricOperator for Spy<'_, F> {
    fn dim(&self) -> usize {
        self.0.dim()
    }
    fn apply(&mut self, v: &[f64], out: &mut [f64]) -> Result<(), ObjectiveError> {
        out.copy_from_slice(&self.0.times(v));
        (self.1)(v, out);
        Ok(())
    }
}

/// Mini-batch gradients with a mean, skewed, of very different sizes.
struct Noisy {
    size: f64,
}

const NOISY: usize = 7;

impl Stochastic for Noisy {
    fn dim(&self) -> usize {
        NOISY
    }
    fn blocks(&self) -> Vec<Block> {
        let block =
            |name: &str, range, unused| Block { name: name.into(), range, shape: None, unused };
        vec![block("a", 0..2, false), block("b", 2..6, false), block("c", 6..NOISY, true)]
    }
    fn batch_gradient(
        &mut self,
        _: &[f64],
        draw: u64,
        samples: usize,
        grad: &mut [f64],
    ) -> Result<f64, ObjectiveError> {
        let noise = draws(NOISY, draw);
        for (i, (g, z)) in grad.iter_mut().zip(noise).enumerate() {
            let skewed = (z + 0.3 * z * z) * 10_f64.powi(i as i32 - 3);
            // The first coordinate does not vary, and the last one is not used.
            let noise = if i == 0 || i == 6 { 0.0 } else { skewed / (samples as f64).sqrt() };
            *g = if i == 6 { 0.0 } else { self.size * (1.0 + noise) };
        }
        Ok(self.size)
    }
    fn sample_gradients(
        &mut self,
        _: &[f64],
        _: u64,
        _: usize,
    ) -> Result<SampleGradients, ObjectiveError> {
        Err(ObjectiveError::new("single samples are not asked for"))
    }
}

#[test]
fn streamed_noise_is_that_of_the_draws() {
    let params = [0.0; NOISY];
    for size in [1e-200, 1e-3, 1.0, 1e30, 1e100, 1e200] {
        let mut noisy = Noisy { size };
        let blocks = noisy.blocks();
        let kept = large_batch_gradient(&mut noisy, &params, 1000).unwrap();
        let streamed = streamed_gradient(&mut noisy, &params, 1000).unwrap();
        assert_eq!((&kept.grad, kept.loss), (&streamed.grad, streamed.loss));
        assert_eq!(kept.samples, streamed.samples);
        // Squares leave the range of doubles at both ends, as the documentation says.
        if (1e-3..1e150).contains(&size) {
            for (a, b) in kept.standard_errors.iter().zip(&streamed.standard_errors) {
                // A coordinate that does not vary has an error of some roundings of its mean.
                let slack = 1e-12 * a + 1e-15 * size;
                assert!((a - b).abs() <= slack, "size {size}: {a} {b}");
            }
            let ratio = kept.standard_error / streamed.standard_error;
            assert!((ratio - 1.0).abs() < 1e-12, "size {size}: {ratio}");
        }
        let sample = noise_sample(&mut noisy, &params, 10, 200, &kept).unwrap();
        let expected = NoiseSummary::of(&sample, &blocks);
        let found = NoiseSummary::stream(&mut noisy, &params, (10, 200), &kept, &blocks).unwrap();
        let kurtoses = expected.kurtoses.clone();
        assert_eq!(NoiseSummary { kurtoses, ..found.clone() }, expected, "size {size}");
        for (a, b) in found.kurtoses.iter().zip(&expected.kurtoses) {
            // The noise of the second coordinate is a thousandth of its mean.
            assert!((a - b).abs() < 1e-9, "size {size}: {found:?} {expected:?}");
        }
    }
}

#[test]
fn plans_keep_less_of_larger_models() {
    use LanczosMemory::{Basis, Products, Recent};
    let of = |params| {
        let plan = EstimatorPlan::for_params(params);
        (plan.lanczos.memory, plan.slq.memory, plan.kept_gradients)
    };
    assert_eq!(of(150), (Products, Basis, (4 << 30) / 1200));
    assert_eq!(of(6400), (Products, Basis, 83_886));
    assert_eq!(of(5_000_000), (Basis, Basis, 107));
    assert_eq!(of(10_000_000), (Recent, Basis, 53));
    assert_eq!(of(100_000_000), (Recent, Recent, 5));
    assert_eq!(of(0).0, Products);
    assert_eq!(of(usize::MAX), (Recent, Recent, 0));
    let plan = EstimatorPlan::for_params(10_000_000);
    let noise =
        NoisePlan { batch_sizes: vec![1000], draws: 10_000, reference: 100_000, prompts: 10 };
    for instrument in Instrument::ALL {
        let bytes = 8 * 10_000_000 * instrument.vectors(10_000_000, &noise, &plan);
        assert!(bytes <= 4 << 30, "{instrument:?} takes {bytes} bytes");
    }
}
