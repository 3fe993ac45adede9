//! The Transformer on the (d+1)×(n+1) prompt, equation by equation.

use crate::{Corner, Mask, Parameterization, Transformer};

/// TF(Z₀) = `−[Z_L]_{d+1,n+1}` for one prompt.
///
/// # Shapes
/// `z0`: [n+1, d+1], one token per row, query last with label 0. `params`: as
/// [`Transformer::shape`] says, then the encoder.
pub fn prediction(model: &Transformer, params: &[f64], z0: &[f64]) -> f64 {
    let (rows, tokens) = (model.dim + 1, z0.len() / (model.dim + 1));
    let n = tokens - 1;
    let mut z: Vec<Vec<f64>> =
        (0..rows).map(|r| (0..tokens).map(|t| z0[t * rows + r]).collect()).collect();
    if let Some(encoder) = model.encoder {
        let matrices = params.len() - encoder.params(model.dim);
        for t in 0..tokens {
            let x: Vec<f64> = (0..model.dim).map(|i| z[i][t]).collect();
            let encoded = encode(encoder.hidden, &params[matrices..], &x);
            (0..model.dim).for_each(|i| z[i][t] = encoded[i]);
        }
    }
    for l in 0..model.depth {
        let mut next = z.clone();
        for h in 0..model.heads {
            let (p, q) = matrices(model, params, l, h);
            let weights = attention(model, &q, &z);
            for r in 0..rows {
                for t in 0..tokens {
                    for a in 0..rows {
                        // M = diag(1, …, 1, 0): the query is never a value.
                        for k in 0..n {
                            next[r][t] += p[r][a] * z[a][k] * weights[k][t] / n as f64;
                        }
                    }
                }
            }
        }
        z = next;
    }
    -z[model.dim][n]
}

/// φ of the scores zₖᵀ Q z_t, key k by query t.
fn attention(model: &Transformer, q: &[Vec<f64>], z: &[Vec<f64>]) -> Vec<Vec<f64>> {
    let (rows, tokens) = (z.len(), z[0].len());
    let mut scores = vec![vec![0.0; tokens]; tokens];
    for k in 0..tokens {
        for t in 0..tokens {
            for a in 0..rows {
                for b in 0..rows {
                    scores[k][t] += z[a][k] * q[a][b] * z[b][t];
                }
            }
        }
    }
    let keys = if model.mask == Mask::Scores { tokens - 1 } else { tokens };
    for t in 0..tokens {
        for scores in &mut scores {
            scores[t] = model.attention.naive(scores[t]);
        }
        if model.attention.is_normalized() {
            let sum: f64 = scores[..keys].iter().map(|scores| scores[t]).sum();
            for (k, scores) in scores.iter_mut().enumerate() {
                scores[t] = if k < keys { scores[t] / sum } else { 0.0 };
            }
        }
    }
    scores
}

/// P and Q of one head, (d+1)×(d+1).
fn matrices(
    model: &Transformer,
    params: &[f64],
    l: usize,
    h: usize,
) -> (Vec<Vec<f64>>, Vec<Vec<f64>>) {
    let layer = if model.tied { 0 } else { l };
    let index = layer * model.heads + h;
    match model.parameterization {
        Parameterization::Sparse => {
            let size = model.dim * model.dim;
            let p = padded(model.dim, &params[2 * index * size..], 1.0);
            (p, padded(model.dim, &params[(2 * index + 1) * size..], 0.0))
        }
        Parameterization::Full(corner) => {
            let rows = model.dim + 1;
            let matrix = |k: usize| -> Vec<Vec<f64>> {
                let values = &params[k * rows * rows..][..rows * rows];
                values.chunks(rows).map(<[f64]>::to_vec).collect()
            };
            let mut p = matrix(2 * index);
            if corner == Corner::Fixed {
                p[model.dim][model.dim] = 1.0;
            }
            (p, matrix(2 * index + 1))
        }
    }
}

/// A d×d block in the top left corner of a (d+1)×(d+1) matrix with the given last corner.
fn padded(dim: usize, block: &[f64], corner: f64) -> Vec<Vec<f64>> {
    let mut full = vec![vec![0.0; dim + 1]; dim + 1];
    for i in 0..dim {
        full[i][..dim].copy_from_slice(&block[i * dim..(i + 1) * dim]);
    }
    full[dim][dim] = corner;
    full
}

/// W₂ relu(W₁ x + b₁) + b₂.
fn encode(hidden: usize, params: &[f64], x: &[f64]) -> Vec<f64> {
    let dim = x.len();
    let (w1, rest) = params.split_at(hidden * dim);
    let (b1, rest) = rest.split_at(hidden);
    let (w2, b2) = rest.split_at(dim * hidden);
    let layer = |w: &[f64], b: &[f64], x: &[f64]| -> Vec<f64> {
        let row = |(row, b): (&[f64], &f64)| row.iter().zip(x).map(|(w, x)| w * x).sum::<f64>() + b;
        w.chunks(x.len()).zip(b).map(row).collect()
    };
    let inner: Vec<f64> = layer(w1, b1, x).into_iter().map(|h| h.max(0.0)).collect();
    layer(w2, b2, &inner)
}

/// Mean over prompts of (TF(Z₀) − target)².
///
/// # Shapes
/// `z`: [B, n+1, d+1]. `targets`: `[B]`.
pub fn loss(model: &Transformer, params: &[f64], z: &[f64], targets: &[f64]) -> f64 {
    let prompts = z.chunks_exact(z.len() / targets.len());
    let squares = prompts.zip(targets).map(|(z0, target)| {
        let error = prediction(model, params, z0) - target;
        error * error
    });
    squares.sum::<f64>() / targets.len() as f64
}
