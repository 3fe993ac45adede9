//! Samplers of known laws for tests, in double precision from the words of a key.

use std::f64::consts::{FRAC_PI_2, PI};

use windtunnel_math::linalg::normals;
use windtunnel_math::rng::Key;

pub(super) fn key(seed: u64) -> Key {
    Key::parameters(seed)
}

/// Pairs of independent uniforms on (0, 1) of 53 bits.
fn uniform_pairs(seed: u64, len: usize) -> impl Iterator<Item = [f64; 2]> {
    let uniform = |hi: u32, lo: u32| {
        let bits = (u64::from(hi) << 32 | u64::from(lo)) >> 11;
        (bits as f64 + 0.5) / (1u64 << 53) as f64
    };
    (0..len).map(move |i| {
        let w = key(seed).words(i as u32, 1);
        [uniform(w[0], w[1]), uniform(w[2], w[3])]
    })
}

pub(super) fn uniforms(seed: u64, len: usize) -> Vec<f64> {
    uniform_pairs(seed, len).map(|[u, _]| u).collect()
}

pub(super) fn gaussians(seed: u64, len: usize) -> Vec<f64> {
    normals(key(seed), len)
}

/// P(X > x) = x^−`tail_index`, x ≥ 1.
pub(super) fn pareto(tail_index: f64, seed: u64, len: usize) -> Vec<f64> {
    uniforms(seed, len).into_iter().map(|u| u.powf(-1.0 / tail_index)).collect()
}

pub(super) fn exponential(seed: u64, len: usize) -> Vec<f64> {
    uniforms(seed, len).into_iter().map(|u| -u.ln()).collect()
}

/// P(X > x) = exp(−x^`shape`).
pub(super) fn weibull(shape: f64, seed: u64, len: usize) -> Vec<f64> {
    exponential(seed, len).into_iter().map(|e| e.powf(1.0 / shape)).collect()
}

pub(super) fn lognormal(sigma: f64, seed: u64, len: usize) -> Vec<f64> {
    gaussians(seed, len).into_iter().map(|z| (sigma * z).exp()).collect()
}

/// Student's t by Bailey's polar method (Mathematics of Computation 62, 1994).
pub(super) fn student(dof: f64, seed: u64, len: usize) -> Vec<f64> {
    let draw = |[u, v]: [f64; 2]| (dof * (u.powf(-2.0 / dof) - 1.0)).sqrt() * (2.0 * PI * v).cos();
    uniform_pairs(seed, len).map(draw).collect()
}

/// Symmetric stable variates of unit scale by Chambers, Mallows and Stuck (JASA 71, 1976).
pub(super) fn stable(alpha: f64, seed: u64, len: usize) -> Vec<f64> {
    let draw = |[u, w]: [f64; 2]| {
        let (v, w) = (PI * u - FRAC_PI_2, -w.ln());
        let tail = (((1.0 - alpha) * v).cos() / w).powf((1.0 - alpha) / alpha);
        (alpha * v).sin() / v.cos().powf(1.0 / alpha) * tail
    };
    uniform_pairs(seed, len).map(draw).collect()
}

/// Share of `trials` seeds for which `covers` holds.
pub(super) fn share(trials: u64, covers: impl FnMut(&u64) -> bool) -> f64 {
    (0..trials).filter(covers).count() as f64 / trials as f64
}

/// Four binomial standard errors of a share of `trials` near `p`.
pub(super) fn slack(p: f64, trials: u64) -> f64 {
    4.0 * (p * (1.0 - p) / trials as f64).sqrt()
}
