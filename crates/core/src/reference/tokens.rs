//! Prompts token by token, as the paper describes them.

use crate::linalg::normals;
use crate::rng::{Key, Purpose};
use crate::task::{Covariates, Task};

/// Prompts as tokens.
#[derive(Clone, Debug)]
pub struct Tokens {
    /// [B, n+1, d+1], one token (x, y) per row, query last with label 0.
    pub z: Vec<f64>,
    /// `[B]`, ⟨w⋆, x_q⟩.
    pub targets: Vec<f64>,
}

/// `len` prompts of `task`: same law as `Task::batch`, other draws.
///
/// Gamma radii of integer or half-integer shape only (sums of squared normals); other shapes
/// panic.
pub fn sample(task: &Task, seed: u64, len: usize) -> Tokens {
    let (d, n) = (task.dim(), task.context_len());
    let mut tokens = Tokens { z: Vec::new(), targets: Vec::new() };
    for prompt in 0..len {
        let key = |purpose, step| Key { seed: seed ^ (prompt as u64) << 32, purpose, step };
        let w = normals(key(Purpose::Init, 0), d);
        let noise = normals(key(Purpose::Init, 1), n);
        for t in 0..=n {
            let x = covariate(task, |stream| key(Purpose::Train, 8 * t as u64 + stream));
            let y: f64 = w.iter().zip(&x).map(|(a, b)| a * b).sum();
            tokens.z.extend_from_slice(&x);
            if t < n {
                tokens.z.push(y + task.noise_std() * noise[t]);
            } else {
                tokens.z.push(0.0);
                tokens.targets.push(y);
            }
        }
    }
    tokens
}

fn covariate(task: &Task, key: impl Fn(u64) -> Key) -> Vec<f64> {
    let d = task.dim();
    let g = normals(key(0), d);
    let length = g.iter().map(|x| x * x).sum::<f64>().sqrt();
    match task.covariates() {
        Covariates::Gaussian(covariance) => match covariance.factor() {
            Some(c) => (0..d).map(|i| (0..d).map(|j| c[i * d + j] * g[j]).sum()).collect(),
            None => g,
        },
        Covariates::Sphere => g.iter().map(|x| x / length).collect(),
        Covariates::GammaRadial { shape, scale } => {
            let degrees = 2.0 * shape;
            assert_eq!(degrees.fract(), 0.0, "shape {shape} has no χ² law");
            let chi2: f64 = normals(key(1), degrees as usize).iter().map(|x| x * x).sum();
            let radius = (scale * chi2 / 2.0).sqrt();
            g.iter().map(|x| radius * x / length).collect()
        }
    }
}
