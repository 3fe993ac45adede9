//! Prompts token by token, as the paper describes them.

use crate::task::family::Value;
use crate::task::{Family, Labels, Mlp, Size, Task, WStar};
use windtunnel_math::linalg::{inverse, normals};
use windtunnel_math::rng::{Key, Purpose};

/// Prompts as tokens.
#[derive(Clone, Debug)]
pub struct Tokens {
    /// [B, n+1, d+1], one token (x, y) per row, query last with label 0.
    pub z: Vec<f64>,
    /// `[B]`, the values to predict for the query.
    pub targets: Vec<f64>,
}

/// `len` prompts of `task`: same law as `Task::batch`, other draws.
///
/// # Panics
/// If the law is not a sum of squared normals: gamma radii of a shape that is not a multiple of ½,
/// t laws of a fractional number of degrees of freedom; and families that are not known here.
pub fn sample(task: &Task, seed: u64, len: usize) -> Tokens {
    let (d, n) = (task.dim(), task.context_len());
    let mut tokens = Tokens { z: Vec::new(), targets: Vec::new() };
    for prompt in 0..len {
        let key = |purpose, step| Key { seed: seed ^ (prompt as u64) << 32, purpose, step };
        let w = weights(task, normals(key(Purpose::Init, 0), d));
        let noise = normals(key(Purpose::Init, 1), n);
        for t in 0..=n {
            let x = covariate(task, |stream| key(Purpose::Train, 8 * t as u64 + stream));
            let features = match task.labels() {
                Labels::Linear => x.clone(),
                Labels::Mlp(net) => network(net, &x),
            };
            let y: f64 = w.iter().zip(&features).map(|(a, b)| a * b).sum();
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

/// MLP⋆(x) = W₂ relu(W₁ x + b₁) + b₂.
pub fn network(net: &Mlp, x: &[f64]) -> Vec<f64> {
    let layer = |k: usize, x: &[f64]| -> Vec<f64> {
        let rows = net.weights()[k].chunks(x.len());
        let sum = |row: &[f64]| row.iter().zip(x).map(|(w, x)| w * x).sum::<f64>();
        rows.zip(net.biases()[k]).map(|(row, b)| sum(row) + b).collect()
    };
    let hidden: Vec<f64> = layer(0, x).iter().map(|h| h.max(0.0)).collect();
    layer(1, &hidden)
}

/// w⋆ of normals g.
fn weights(task: &Task, g: Vec<f64>) -> Vec<f64> {
    let d = task.dim();
    let mut w = match (task.w_star(), task.covariates().covariance().factor()) {
        (WStar::InverseCovariance, Some(c)) => match inverse(d, c) {
            Some(inverse) => {
                (0..d).map(|i| (0..d).map(|k| inverse[k * d + i] * g[k]).sum()).collect()
            }
            None => panic!("C has no inverse"),
        },
        _ => g,
    };
    w[d - task.distractors()..].fill(0.0);
    w
}

/// r √τ C z.
fn covariate(task: &Task, key: impl Fn(u64) -> Key) -> Vec<f64> {
    let (d, law) = (task.dim(), task.covariates());
    let z = normals(key(0), d);
    let norm2 = z.iter().map(|x| x * x).sum::<f64>();
    let sigma = law.covariance().matrix(d);
    let trace: f64 = (0..d).map(|i| sigma[i * d + i]).sum();
    let mut scale = tau(law.family(), norm2, &key).sqrt();
    if law.size() == Size::SecondMoment {
        scale *= (d as f64 / (trace * law.family().mean_scale(d))).sqrt();
    }
    let row = |i: usize| match law.covariance().factor() {
        Some(c) => (0..d).map(|j| c[i * d + j] * z[j]).sum::<f64>(),
        None => z[i],
    };
    (0..d).map(|i| scale * row(i)).collect()
}

/// τ of a token with ‖z‖² = `norm2`.
fn tau(family: &Family, norm2: f64, key: &impl Fn(u64) -> Key) -> f64 {
    let chi2 = |degrees: f64| -> f64 {
        assert_eq!(degrees.fract(), 0.0, "χ² of {degrees} degrees is no sum of squares");
        normals(key(1), degrees as usize).iter().map(|x| x * x).sum()
    };
    match (family.name(), family.values().as_slice()) {
        ("gaussian", _) => 1.0,
        ("sphere", _) => 1.0 / norm2,
        ("gamma_radial", [Value::Number(shape), Value::Number(scale)]) => {
            scale * chi2(2.0 * shape) / 2.0 / norm2
        }
        ("student_t", [Value::Number(dof)]) => dof / chi2(*dof),
        ("laplace", _) => chi2(2.0) / 2.0,
        ("mixture", [Value::List(weights), Value::List(stds)]) => {
            let total: f64 = weights.iter().sum();
            let mut left = key(2).index(0, 0, 1 << 52) as f64 / 2f64.powi(52) * total;
            let chosen = weights.iter().position(|w| {
                left -= w;
                left < 0.0
            });
            stds[chosen.unwrap_or(stds.len() - 1)].powi(2)
        }
        (name, _) => panic!("{name} has no naive twin"),
    }
}
