//! Coverage of the 95 % intervals of tail and stable indices over laws whose index is known: the
//! table of docs/instruments.md.
//!
//! `cargo run --release --example coverage`: about half a minute.

use std::f64::consts::PI;
use std::io::Write;

use windtunnel_math::rng::Key;
use windtunnel_measure::stats::{Interval, power_law, stable_log_moment, tail_index};

/// Samples per cell: a share near 95 % then has a standard error of 0.7 %.
const TRIALS: u64 = 1000;
/// The same for the power law, whose search over thresholds is slow: 1.5 %.
const FEW_TRIALS: u64 = 200;

/// A value made of two independent uniform ones.
type Law = fn(f64, f64) -> f64;

/// A law, with the index of its upper tail and that of the stable law to which its sums tend.
struct Known {
    name: &'static str,
    draw: Law,
    tail: f64,
    stable: f64,
}

const LAWS: [Known; 6] = [
    Known { name: "Pareto, index 1.5", draw: |u, _| u.powf(-1.0 / 1.5), tail: 1.5, stable: 1.5 },
    Known { name: "Pareto, index 3", draw: |u, _| u.powf(-1.0 / 3.0), tail: 3.0, stable: 2.0 },
    Known { name: "Cauchy", draw: |u, _| (PI * (u - 0.5)).tan(), tail: 1.0, stable: 1.0 },
    Known { name: "Student, 3 degrees", draw: student, tail: 3.0, stable: 2.0 },
    Known { name: "normal", draw: normal, tail: f64::INFINITY, stable: 2.0 },
    Known { name: "exponential", draw: |u, _| -u.ln(), tail: f64::INFINITY, stable: 2.0 },
];

fn normal(u: f64, v: f64) -> f64 {
    (-2.0 * u.ln()).sqrt() * (2.0 * PI * v).cos()
}

/// Student's t of three degrees by Bailey's polar method (Mathematics of Computation 62, 1994).
fn student(u: f64, v: f64) -> f64 {
    (3.0 * (u.powf(-2.0 / 3.0) - 1.0)).sqrt() * (2.0 * PI * v).cos()
}

fn sample(law: Law, seed: u64, n: usize) -> Vec<f64> {
    let key = Key::parameters(seed);
    let uniform = |word: u32| (f64::from(word) + 0.5) / 2f64.powi(32);
    let draw = |i: u32| {
        let words = key.words(i, 1);
        law(uniform(words[0]), uniform(words[1]))
    };
    (0..n as u32).map(draw).collect()
}

/// Share of samples whose interval contains the index, in per cent; a dash where there is no index.
fn share(
    trials: u64,
    law: Law,
    n: usize,
    index: f64,
    of: fn(&[f64]) -> Option<Interval>,
) -> String {
    if index.is_infinite() {
        return "–".into();
    }
    let covers = |seed: &u64| of(&sample(law, *seed, n)).is_some_and(|own| own.contains(index));
    let covered = (0..trials).filter(covers).count();
    format!("{:.0}", 100.0 * covered as f64 / trials as f64)
}

/// The stable index as the instruments estimate it: of differences of pairs, in blocks of the root of
/// their number.
fn stable(x: &[f64]) -> Option<Interval> {
    let pairs: Vec<f64> = x.chunks_exact(2).map(|pair| pair[0] - pair[1]).collect();
    let block_len = (pairs.len() as f64).sqrt() as usize;
    stable_log_moment(&pairs, block_len).ok().map(|found| found.interval)
}

fn main() -> std::io::Result<()> {
    let mut out = std::io::stdout().lock();
    writeln!(out, "| law | n | tail index (Hill) | power law | stable index (log-moments) |")?;
    writeln!(out, "| --- | --- | --- | --- | --- |")?;
    for Known { name, draw, tail, stable: index } in LAWS {
        for n in [1000, 10_000] {
            let hill =
                share(TRIALS, draw, n, tail, |x| tail_index(x).ok().map(|found| found.interval));
            let law = match n {
                1000 => {
                    share(FEW_TRIALS, draw, n, tail, |x| power_law(x).map(|found| found.interval))
                }
                _ => "–".into(),
            };
            let stable = share(TRIALS, draw, n, index, stable);
            writeln!(out, "| {name} | {n} | {hill} | {law} | {stable} |")?;
        }
    }
    Ok(())
}
