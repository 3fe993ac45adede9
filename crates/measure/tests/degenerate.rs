//! Every statistic and every instrument on samples and functions that are constant, nearly
//! constant, tiny, enormous, infinite or not a number: no data triggers an assertion.

// Clippy's leave for tests does not reach the functions they share.
#![allow(clippy::unwrap_used)]

mod updates;

use updates::updates;
use windtunnel_math::linalg::{cholesky, inverse, norm, normals, symmetric_eigen};
use windtunnel_math::objective::{Block, Objective, ObjectiveError, SampleGradients, Stochastic};
use windtunnel_math::rng::{Key, Purpose};
use windtunnel_measure::instrument::{
    EstimatorPlan, Evaluations, Instrument, NoisePlan, Readings, Snapshot, Updates,
};
use windtunnel_measure::landscape::{
    Hessian, LanczosMemory, LanczosPlan, Probe, Resampled, block_heterogeneity, cosine, lanczos,
    robust_condition_numbers,
};
use windtunnel_measure::metric::{Metric, Name};
use windtunnel_measure::stats::*;

const SIZES: [f64; 12] = [
    0.0,
    -0.0,
    5e-324,
    1e-300,
    1e-150,
    1.0,
    1e150,
    1e300,
    f64::MAX,
    f64::INFINITY,
    f64::NEG_INFINITY,
    f64::NAN,
];
const LENGTHS: [usize; 6] = [1, 2, 3, 10, 60, 130];

/// Constant, nearly constant, with one other value, half zeros, alternating signs, all sizes mixed,
/// and random values of every size.
fn samples() -> Vec<Vec<f64>> {
    let mut samples = Vec::new();
    for len in LENGTHS {
        for size in SIZES {
            samples.push(vec![size; len]);
            let nearly =
                |k: usize| if k.is_multiple_of(3) { size } else { size * (1.0 + f64::EPSILON) };
            samples.push((0..len).map(nearly).collect());
            let one = |k: usize| if k == len / 2 { size } else { 1.0 };
            samples.push((0..len).map(one).collect());
            samples.push((0..len).map(|k| if k % 2 == 0 { 0.0 } else { size }).collect());
            samples.push((0..len).map(|k| if k % 2 == 0 { -size } else { size }).collect());
            let key = Key { seed: len as u64, purpose: Purpose::Init, step: 0 };
            samples.push(normals(key, len).iter().map(|z| z * size).collect());
        }
        samples.push((0..len).map(|k| SIZES[k % 9]).collect());
        samples.push((0..len).map(|k| SIZES[k % 12]).collect());
    }
    samples
}

#[test]
fn every_statistic_has_a_value_or_says_that_it_has_none() {
    for x in samples() {
        let mut sorted = x.clone();
        sorted.sort_by(f64::total_cmp);
        let finite = x.iter().all(|v| v.is_finite());
        let constant = x.iter().all(|v| *v == x[0]);
        let (low, high) = (sorted[0], sorted[x.len() - 1]);

        let mean = mean(&x);
        // Rounding of len sums.
        let slack = high.abs().max(low.abs()) * f64::EPSILON * x.len() as f64;
        let between = low - slack <= mean && mean <= high + slack;
        assert!(!finite || between, "mean {mean} of {x:?}");
        for p in [0.0, 0.5, 0.99, 1.0] {
            let value = quantile(&sorted, p);
            assert!(!finite || (low..=high).contains(&value), "quantile {value} of {x:?}");
        }
        for moment in [skewness(&x), excess_kurtosis(&x)] {
            assert!(!constant || moment.is_nan(), "{moment} of {x:?}");
        }
        assert!(!(constant && finite && x.len() > 1) || std_dev(&x) <= slack, "{x:?}");
        let _ = (Location::mean(&x), Location::median(&x), variance(&x));
        let share = top_share(&x.iter().map(|v| v.abs()).collect::<Vec<_>>());
        let least = 1.0 / x.len() as f64 - 1e-12;
        assert!(share.is_nan() || (least..=1.0 + 1e-12).contains(&share), "share {share} of {x:?}");
        assert!(!degeneracy(&x).is_empty());
        match mean_trust(&x) {
            MeanTrust::Dominated { share } => assert!(share > 0.5),
            MeanTrust::HeavyTail { tail_index, .. } => assert!(tail_index.is_finite()),
            MeanTrust::Trusted => assert!(finite),
        }
        for groups in [1, x.len().div_ceil(3), x.len()] {
            let value = median_of_means(&x, groups);
            assert!(!finite || value.is_finite(), "median of means {value} of {x:?}");
        }
        tails(&x);
        pairs(&x);
    }
}

fn tails(x: &[f64]) {
    match tail_index(x) {
        Ok(hill) => assert!(hill.alpha > 0.0 && hill.k == default_k(x.len()), "{hill:?} of {x:?}"),
        Err(reason) => assert!(!reason.to_string().is_empty()),
    }
    let sorted = descending(x);
    if sorted.len() > 1 {
        let ks = log_spaced_ks(1, sorted.len() - 1, 10);
        assert!(hill_curve(&sorted, &ks).iter().all(|hill| hill.alpha > 0.0), "{x:?}");
    }
    if let Some(law) = power_law(x) {
        assert!(law.tail_index > 0.0 && (0.0..=1.0).contains(&law.ks_distance), "{law:?} {x:?}");
        let key = Key { seed: 0, purpose: Purpose::Probe, step: 1 };
        let p = goodness_of_fit(x, &law, 3, key);
        assert!((0.0..=1.0).contains(&p));
        for comparison in compare_tails(x, &law) {
            let p = comparison.p_value;
            assert!(p.is_nan() || (0.0..=1.0).contains(&p), "{comparison:?} of {x:?}");
        }
    }
    for block_len in [0, 1, 2, 7] {
        let stable = stable_log_moment(x, block_len);
        assert!(stable.is_err() || stable.is_ok_and(|s| s.alpha.is_finite()), "{x:?}");
    }
    let stable = stable_quantile(x);
    assert!(stable.is_err() || stable.is_ok_and(|alpha| (0.5..=2.0).contains(&alpha)), "{x:?}");
    let ratio = tail_ratio(x, &[1.0, 2.0]);
    let usable = x.iter().all(|v| v.is_finite()) && x.iter().any(|v| v.abs() > 1e-300);
    let enormous = x.iter().any(|v| v.abs() > 1e300);
    assert!(!usable || enormous || ratio.q999.is_finite(), "{ratio:?} of {x:?}");
    let _ = (tail_ratio(&[1.0, 2.0], x), qq_normal(x), qq_reference(x, &[1.0, 2.0], 5));
}

fn pairs(x: &[f64]) {
    let y: Vec<f64> = x.iter().rev().copied().collect();
    let (rho, _) = spearman(x, &y);
    assert!(rho.is_nan() || rho.abs() <= 1.0 + 1e-12, "{rho} of {x:?}");
    let _ = rank_correlation(x, &y);
    let line = log_line(x, &y, 3);
    let alone = log_line_through(x, &y);
    assert!(line.intercept.is_nan() || line.intercept >= 0.0, "{line:?} of {x:?}");
    assert_eq!(line.intercept.to_bits(), alone.0.to_bits());
    let finite: Vec<f64> = x.iter().copied().filter(|v| v.is_finite()).collect();
    let ends = |v: &[f64]| {
        v.iter().fold((f64::INFINITY, f64::NEG_INFINITY), |(l, h), v| (l.min(*v), h.max(*v)))
    };
    if !finite.is_empty() {
        let (low, high) = ends(&finite);
        let density = spectral_density(&finite, low, high, 20);
        assert!((density.iter().sum::<f64>() - 1.0).abs() < 1e-12, "{x:?}");
        assert_eq!(jensen_shannon_distance(&density, &density), 0.0);
    }
}

#[test]
fn a_matrix_without_rows_has_no_spectrum() {
    let empty = Hessian::from_entries(0, Vec::new());
    assert!(empty.spectrum().is_none() && empty.eigenvalues().is_none());
    assert!(empty.diag().is_empty() && empty.times(&[]).is_empty());
    assert_eq!(empty.preconditioned(&[]), empty);
    let unused = Block { name: "u".into(), range: 0..1, shape: None, unused: true };
    let one = Hessian::from_entries(1, vec![0.0]);
    assert!(robust_condition_numbers(&one, &[unused]).iter().all(|(_, value)| value.is_nan()));
}

#[test]
fn linear_algebra_never_panics_nor_loops() {
    for x in samples().into_iter().filter(|x| x.len() <= 60) {
        let p = x.len().isqrt().max(1);
        let mut a = vec![0.0; p * p];
        for i in 0..p {
            for j in 0..p {
                a[i * p + j] = x[(i.min(j) + i.max(j) * 2) % x.len()];
            }
        }
        if let Some(eigen) = symmetric_eigen(p, &a) {
            assert!(eigen.values.is_sorted() && eigen.values.iter().all(|v| v.is_finite()));
        }
        let _ = (cholesky(p, &a), inverse(p, &a));
        let blocks = [0..p / 2, p / 2..p].map(|range| Block {
            name: "b".into(),
            range,
            shape: None,
            unused: false,
        });
        let blocks: Vec<Block> = blocks.into_iter().filter(|b| !b.range.is_empty()).collect();
        let hessian = Hessian::from_entries(p, a.clone());
        for (_, value) in robust_condition_numbers(&hessian, &blocks) {
            assert!(value.is_nan() || value >= 1.0, "{value} of {a:?}");
        }
        if let Some(found) = block_heterogeneity(&hessian, &blocks) {
            assert!(found.pairs.iter().all(|pair| (0.0..=1.0).contains(&pair.2)), "{a:?}");
        }
        for memory in [LanczosMemory::Recent, LanczosMemory::Basis, LanczosMemory::Products] {
            let plan = LanczosPlan { steps: 5, memory };
            let found = lanczos(&mut &hessian, &vec![1.0; p], plan).unwrap();
            assert!(found.values.iter().all(|v| v.is_finite()), "{a:?}");
        }
        let angle = cosine(&x, &vec![1.0; x.len()]);
        assert!(angle.is_nan() || angle.abs() <= 1.0 + 1e-12, "{angle} of {x:?}");
        let length = norm(&x);
        let largest = x.iter().fold(0.0_f64, |m, v| m.max(v.abs()));
        assert!(length.is_nan() || length >= largest * (1.0 - 1e-3), "{length} of {x:?}");
    }
}

/// Σ cᵢ θᵢ⁴: c and θ set gradient and curvature.
struct Quartic(Vec<f64>);

impl Objective for Quartic {
    fn dim(&self) -> usize {
        self.0.len()
    }
    fn value(&mut self, params: &[f64]) -> Result<f64, ObjectiveError> {
        Ok(self.0.iter().zip(params).map(|(c, p)| c * p.powi(4)).sum())
    }
    fn gradient(&mut self, params: &[f64], grad: &mut [f64]) -> Result<f64, ObjectiveError> {
        for (g, (c, p)) in grad.iter_mut().zip(self.0.iter().zip(params)) {
            *g = 4.0 * c * p.powi(3);
        }
        self.value(params)
    }
    fn hvp(&mut self, params: &[f64], v: &[f64], out: &mut [f64]) -> Result<f64, ObjectiveError> {
        let mut slope = 0.0;
        for i in 0..out.len() {
            out[i] = 12.0 * self.0[i] * params[i] * params[i] * v[i];
            slope += 4.0 * self.0[i] * params[i].powi(3) * v[i];
        }
        Ok(slope)
    }
    fn blocks(&self) -> Vec<Block> {
        let p = self.dim();
        let block =
            |name: &str, range| Block { name: name.into(), range, shape: None, unused: false };
        match p {
            1 => Block::whole(1),
            _ => vec![block("a", 0..p / 2), block("b", p / 2..p)],
        }
    }
}

/// Fails unless every reading is finite or has a reason, and a name that the catalogue reads back.
fn explained(readings: &Readings) {
    for (name, _) in readings.iter() {
        assert_eq!(name.to_string().parse::<Name>().as_ref(), Ok(name));
    }
    for (metric, value) in readings.iter().filter(|(_, value)| !value.is_finite()) {
        let reason = readings.missing().find(|(name, _)| *name == metric);
        assert!(reason.is_some_and(|(_, reason)| !reason.is_empty()), "{metric} is {value}");
    }
}

/// Objective that counts its calls.
struct Counting<'a>(Quartic, &'a std::cell::Cell<Evaluations>);

impl Counting<'_> {
    fn count(&self, add: impl FnOnce(&mut Evaluations)) {
        let mut count = self.1.get();
        add(&mut count);
        self.1.set(count);
    }
}

impl Objective for Counting<'_> {
    fn dim(&self) -> usize {
        self.0.dim()
    }
    fn value(&mut self, params: &[f64]) -> Result<f64, ObjectiveError> {
        self.count(|count| count.gradients += 1);
        self.0.value(params)
    }
    fn gradient(&mut self, params: &[f64], grad: &mut [f64]) -> Result<f64, ObjectiveError> {
        self.count(|count| count.gradients += 1);
        self.0.gradient(params, grad)
    }
    fn hvp(&mut self, params: &[f64], v: &[f64], out: &mut [f64]) -> Result<f64, ObjectiveError> {
        self.count(|count| count.products += 1);
        self.0.hvp(params, v, out)
    }
    fn hessian(&mut self, params: &[f64], out: &mut [f64]) -> Result<(), ObjectiveError> {
        self.count(|count| count.hessians += 1);
        self.0.hessian(params, out)
    }
}

impl Stochastic for Counting<'_> {
    fn dim(&self) -> usize {
        self.0.dim()
    }
    fn batch_gradient(
        &mut self,
        p: &[f64],
        _: u64,
        samples: usize,
        grad: &mut [f64],
    ) -> Result<f64, ObjectiveError> {
        self.count(|count| count.prompts += samples as u64);
        self.0.gradient(p, grad)
    }
    fn sample_gradients(
        &mut self,
        params: &[f64],
        _: u64,
        samples: usize,
    ) -> Result<SampleGradients, ObjectiveError> {
        self.count(|count| count.prompts += samples as u64);
        let (losses, grads) = (vec![1.0; samples], vec![1.0; samples * params.len()]);
        Ok(SampleGradients { losses, grads })
    }
}

#[test]
fn the_work_of_instruments_is_what_they_ask_for() {
    let plan = NoisePlan { batch_sizes: vec![1, 4], draws: 30, reference: 250, prompts: 50 };
    // Curvatures all different, so that Lanczos finds no invariant subspace.
    let short = EstimatorPlan {
        dense_limit: 100,
        probes: 7,
        slq_probes: 3,
        path_points: 2,
        kept_gradients: 60,
        lanczos: LanczosPlan { steps: 9, memory: LanczosMemory::Recent },
        slq: LanczosPlan { steps: 4, memory: LanczosMemory::Recent },
    };
    let default = EstimatorPlan::for_params(200);
    for (p, estimators) in [(200, default), (default.dense_limit + 1, default), (200, short)] {
        let quartic = || Quartic((0..p).map(|i| 1.0 + i as f64).collect());
        for instrument in Instrument::ALL {
            let (count, fresh) = (std::cell::Cell::default(), std::cell::Cell::default());
            let mut fixed = Counting(quartic(), &count);
            let mut stochastic = Counting(quartic(), &fresh);
            let others = vec![("other".into(), vec![1.0; p])];
            let updates = Updates { others, ..updates(p, 1.0, None) };
            let probe = Probe::new(&mut fixed, vec![1.0; p]);
            let mut snapshot = Snapshot::new(probe, &mut stochastic, Some(updates), plan.clone());
            snapshot.estimators = estimators;
            instrument.measure(&mut snapshot, &mut Readings::default());
            let asked = Evaluations { prompts: fresh.get().prompts, ..count.get() };
            let counted = instrument.evaluations(p, &plan, &estimators, 1);
            assert_eq!(counted, asked, "{instrument:?} with {p} parameters");
        }
    }
}

#[test]
fn every_instrument_measures_or_says_why_not() {
    let sizes = [0.0, 5e-324, 1e-160, 1.0, 1e80, 1e160, 1e300, f64::INFINITY, f64::NAN];
    for p in [1, 4] {
        for c in sizes {
            for theta in sizes {
                let curvatures = (0..p).map(|i| if i == 0 { c } else { 1.0 }).collect();
                let params = vec![theta; p];
                measure_all(Quartic(curvatures), params);
            }
        }
    }
}

fn measure_all(mut objective: Quartic, params: Vec<f64>) {
    let p = params.len();
    let blocks = objective.blocks();
    let mut grad = vec![0.0; p];
    let loss = objective.gradient(&params, &mut grad).unwrap();
    // A population in which one sample has the point's own gradient and the others have none.
    let mut grads = vec![0.0; 30 * p];
    grads[..p].copy_from_slice(&grad);
    let mut losses = vec![0.0; 30];
    losses[0] = loss;
    let population = SampleGradients { losses, grads };
    let mut population = Resampled::new(population, blocks, 1);
    let reference = population.reference();
    let updates = Updates {
        update: grad.clone(),
        others: vec![("other".into(), params.clone())],
        stability: None,
        grad,
    };
    let plan = NoisePlan { batch_sizes: vec![1, 3], draws: 60, reference: 10, prompts: 10 };
    for reference in [None, Some(reference)] {
        let probe = Probe::new(&mut objective, params.clone());
        let mut snapshot =
            Snapshot::new(probe, &mut population, Some(updates.clone()), plan.clone());
        snapshot.reference = reference;
        let mut readings = Readings::default();
        for instrument in Instrument::ALL {
            instrument.measure(&mut snapshot, &mut readings);
        }
        explained(&readings);
        let overflown =
            snapshot.updates.as_ref().is_some_and(|m| !m.grad.iter().all(|g| g.is_finite()));
        let rms = readings.get(Metric::NoiseRms(1)).unwrap();
        assert_eq!(overflown, !rms.is_finite(), "rms {rms} of {:?}", snapshot.updates);
    }
}
