//! Trace and diagonal from products with random signs.

use windtunnel_math::linalg::dot;
use windtunnel_math::rng::{Key, Purpose};

/// A mean over random probes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Estimate {
    /// The mean.
    pub value: f64,
    /// Its standard error; NaN with a single probe.
    pub standard_error: f64,
}

impl Estimate {
    /// Mean and standard error of independent values.
    pub fn of(values: &[f64]) -> Estimate {
        let n = values.len() as f64;
        let value = values.iter().sum::<f64>() / n;
        let squares: f64 = values.iter().map(|v| (v - value) * (v - value)).sum();
        Estimate { value, standard_error: (squares / (n - 1.0) / n).sqrt() }
    }
}

/// tr H = E vᵀHv over random signs v (Hutchinson 1990).
///
/// `product(v, out)` writes H v.
///
/// # Cost
/// `probes` products.
pub fn hutchinson_trace(
    product: &mut dyn FnMut(&[f64], &mut [f64]),
    dim: usize,
    probes: usize,
    seed: u64,
) -> Estimate {
    let mut values = Vec::with_capacity(probes);
    visit(product, dim, probes, seed, &mut |v, hv| values.push(dot(v, hv)));
    Estimate::of(&values)
}

/// H_ii = E vᵢ(Hv)ᵢ over random signs v (Bekas, Kokiopoulou and Saad 2007), each with its
/// standard error, which is about √(Σ_{j≠i} H_ij² / probes).
///
/// # Cost
/// `probes` products and as many vectors.
pub fn hutchinson_diag(
    product: &mut dyn FnMut(&[f64], &mut [f64]),
    dim: usize,
    probes: usize,
    seed: u64,
) -> Vec<Estimate> {
    let mut values = vec![Vec::with_capacity(probes); dim];
    visit(product, dim, probes, seed, &mut |v, hv| {
        for (values, (v, hv)) in values.iter_mut().zip(v.iter().zip(hv)) {
            values.push(v * hv);
        }
    });
    values.iter().map(|values| Estimate::of(values)).collect()
}

fn visit(
    product: &mut dyn FnMut(&[f64], &mut [f64]),
    dim: usize,
    probes: usize,
    seed: u64,
    see: &mut dyn FnMut(&[f64], &[f64]),
) {
    let mut hv = vec![0.0; dim];
    for probe in 0..probes {
        let v = signs(dim, seed, probe as u64);
        product(&v, &mut hv);
        see(&v, &hv);
    }
}

/// Random signs, one bit each; the stream of their own begins beyond the starts of Lanczos.
fn signs(dim: usize, seed: u64, probe: u64) -> Vec<f64> {
    let key = Key { seed, purpose: Purpose::Probe, step: (1 << 32) + probe };
    let sign = |index: usize| {
        let word = key.words((index / 128) as u32, 0)[index / 32 % 4];
        if word >> (index % 32) & 1 == 0 { 1.0 } else { -1.0 }
    };
    (0..dim).map(sign).collect()
}
