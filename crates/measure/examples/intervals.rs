//! Coverage of 95 % intervals: of a mean of few values, one row to a law and a number of values; and
//! of the mean of a heavy-tailed law by means of 1000 values. The tables of docs/audit.md.
//!
//! `cargo run --release --example intervals`: about two minutes.

use std::io::Write;

use windtunnel_math::linalg::normals;
use windtunnel_math::rng::{Key, Purpose};
use windtunnel_measure::stats::{Interval, Location, mean, quantile, std_dev};

/// Samples per cell: a share near 95 % then has a standard error of 0.3 %.
const TRIALS: u64 = 5000;
const RESAMPLES: u32 = 1000;
/// Experiments per tail index: a share of 50 % has a standard error of 2.5 %.
const EXPERIMENTS: u64 = 400;
/// Pairs of an experiment.
const PAIRS: u64 = 20;
/// Values of a mean.
const PROMPTS: u32 = 1000;

/// Values of mean 0, made of independent standard normal ones.
type Law = fn(&[f64; 4]) -> f64;

const LAWS: [(&str, Law); 5] = [
    ("normal", |z| z[0]),
    ("exponential", |z| 0.5 * (z[0] * z[0] + z[1] * z[1]) - 1.0),
    ("lognormal, σ = ½", |z| (0.5 * z[0]).exp() - 0.125f64.exp()),
    ("Student, 3 degrees", |z| z[0] / ((z[1] * z[1] + z[2] * z[2] + z[3] * z[3]) / 3.0).sqrt()),
    // One value in ten is five times as wide.
    ("normal with outliers", |z| z[0] * if z[1] > 1.2816 { 5.0 } else { 1.0 }),
];

fn sample(law: Law, seed: u64, n: usize) -> Vec<f64> {
    let normal = normals(Key::parameters(seed), 4 * n);
    normal.as_chunks::<4>().0.iter().map(law).collect()
}

/// Means and standard errors of resamples.
fn resamples(x: &[f64]) -> Vec<(f64, f64)> {
    let key = Key { seed: 0, purpose: Purpose::Bootstrap, step: x.len() as u64 };
    let mut values = vec![0.0; x.len()];
    let resample = |k| {
        for (slot, value) in values.iter_mut().enumerate() {
            *value = x[key.index(k, slot as u32, x.len())];
        }
        (mean(&values), std_dev(&values) / (x.len() as f64).sqrt())
    };
    (0..RESAMPLES).map(resample).collect()
}

/// Percentile interval.
fn percentile(resamples: &[(f64, f64)]) -> Interval {
    let mut means: Vec<f64> = resamples.iter().map(|(mean, _)| *mean).collect();
    means.sort_by(f64::total_cmp);
    Interval { lo: quantile(&means, 0.025), hi: quantile(&means, 0.975) }
}

/// Bias-corrected and accelerated interval (Efron 1987).
fn bca(x: &[f64], resamples: &[(f64, f64)]) -> Interval {
    let mut means: Vec<f64> = resamples.iter().map(|(mean, _)| *mean).collect();
    means.sort_by(f64::total_cmp);
    let center = mean(x);
    let below = means.iter().filter(|mean| **mean < center).count() as f64;
    let bias = normal_quantile((below / means.len() as f64).clamp(0.001, 0.999));
    let (squares, cubes) = x.iter().fold((0.0, 0.0), |(squares, cubes), value| {
        let off = value - center;
        (squares + off * off, cubes + off * off * off)
    });
    let acceleration = cubes / (6.0 * f64::powf(squares, 1.5));
    let end = |z: f64| {
        let z = bias + (bias + z) / (1.0 - acceleration * (bias + z));
        quantile(&means, normal_share(z))
    };
    Interval { lo: end(-1.959_964), hi: end(1.959_964) }
}

/// Studentized bootstrap: mean − quantiles of the resamples' t times the error.
fn studentized(x: &[f64], resamples: &[(f64, f64)]) -> Interval {
    let center = mean(x);
    let mut ratios: Vec<f64> =
        resamples.iter().map(|(mean, error)| (mean - center) / error.max(1e-300)).collect();
    ratios.sort_by(f64::total_cmp);
    let error = std_dev(x) / (x.len() as f64).sqrt();
    let end = |p| center - quantile(&ratios, p) * error;
    Interval { lo: end(0.975), hi: end(0.025) }
}

fn normal_share(z: f64) -> f64 {
    // Zelen and Severo (1964), 26.2.17: to 7.5e-8.
    let t = 1.0 / (1.0 + 0.231_641_9 * z.abs());
    let terms = [0.319_381_530, -0.356_563_782, 1.781_477_937, -1.821_255_978, 1.330_274_429];
    let sum = terms.iter().rev().fold(0.0, |sum, term| t * (term + sum));
    let tail = sum * (-0.5 * z * z).exp() / (2.0 * std::f64::consts::PI).sqrt();
    if z > 0.0 { 1.0 - tail } else { tail }
}

fn normal_quantile(p: f64) -> f64 {
    let (mut lo, mut hi) = (-8.0, 8.0);
    for _ in 0..60 {
        let middle = 0.5 * (lo + hi);
        *(if normal_share(middle) < p { &mut lo } else { &mut hi }) = middle;
    }
    lo
}

/// Shares of samples whose intervals cover 0, by the four methods.
fn coverage(law: Law, n: usize) -> [f64; 4] {
    let mut covered = [0; 4];
    for seed in 0..TRIALS {
        let x = sample(law, seed, n);
        let resamples = resamples(&x);
        let intervals = [
            Location::mean(&x).interval,
            percentile(&resamples),
            bca(&x, &resamples),
            studentized(&x, &resamples),
        ];
        for (count, interval) in covered.iter_mut().zip(intervals) {
            *count += u64::from(interval.contains(0.0));
        }
    }
    covered.map(|count| count as f64 / TRIALS as f64)
}

/// Share of experiments in which Student's interval over [`PAIRS`] logarithms of means of [`PROMPTS`]
/// Pareto values covers the logarithm of the true mean, and the average error of these logarithms.
fn means_of_pareto(tail_index: f64) -> (f64, f64) {
    let truth = (tail_index / (tail_index - 1.0)).ln();
    let (mut covered, mut error) = (0, 0.0);
    for experiment in 0..EXPERIMENTS {
        let log = |pair: u64| {
            let key = Key::parameters(PAIRS * experiment + pair);
            let value = |i: u32| {
                // Uniform on (0, 1), of 32 bits.
                let u = (f64::from(key.words(i, 1)[0]) + 0.5) / 2f64.powi(32);
                u.powf(-1.0 / tail_index)
            };
            (mean(&(0..PROMPTS).map(value).collect::<Vec<_>>())).ln()
        };
        let location = Location::mean(&(0..PAIRS).map(log).collect::<Vec<_>>());
        covered += u64::from(location.interval.contains(truth));
        error += location.value - truth;
    }
    (covered as f64 / EXPERIMENTS as f64, error / EXPERIMENTS as f64)
}

fn main() -> std::io::Result<()> {
    let mut out = std::io::stdout().lock();
    writeln!(out, "| law | n | Student | percentile bootstrap | BCa | studentized bootstrap |")?;
    writeln!(out, "| --- | --- | --- | --- | --- | --- |")?;
    for (name, law) in LAWS {
        for n in [6, 10, 20] {
            let shares = coverage(law, n).map(|share| format!("{:.1}", 100.0 * share));
            writeln!(out, "| {name} | {n} | {} |", shares.join(" | "))?;
        }
    }
    writeln!(
        out,
        "\n| tail index | coverage, % | mean error of the logarithm |\n| --- | --- | --- |"
    )?;
    for tail_index in [1.1, 1.2, 1.3, 1.5, 1.75, 2.0, 2.5, 3.0] {
        let (covered, error) = means_of_pareto(tail_index);
        writeln!(out, "| {tail_index} | {:.0} | {error:.3} |", 100.0 * covered)?;
    }
    Ok(())
}
