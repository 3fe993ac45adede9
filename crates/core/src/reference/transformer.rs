//! The linear Transformer on the (d+1)×(n+1) prompt, equation by equation.

/// TF(Z₀) = `−[Z_L]_{d+1,n+1}` for one prompt.
///
/// # Shapes
/// `z0`: [n+1, d+1], one token per row, query last with label 0. `params`: [L, 2, d, d].
pub fn prediction(dim: usize, depth: usize, params: &[f64], z0: &[f64]) -> f64 {
    let (rows, tokens) = (dim + 1, z0.len() / (dim + 1));
    let n = tokens - 1;
    let mut z: Vec<Vec<f64>> =
        (0..rows).map(|r| (0..tokens).map(|t| z0[t * rows + r]).collect()).collect();
    for l in 0..depth {
        let p = padded(dim, &params[2 * l * dim * dim..], 1.0);
        let q = padded(dim, &params[(2 * l + 1) * dim * dim..], 0.0);
        // attention[k][t] = z_kᵀ Q z_t, key k, query t.
        let mut attention = vec![vec![0.0; tokens]; tokens];
        for k in 0..tokens {
            for t in 0..tokens {
                for a in 0..rows {
                    for b in 0..rows {
                        attention[k][t] += z[a][k] * q[a][b] * z[b][t];
                    }
                }
            }
        }
        // M = diag(1, …, 1, 0): the query is never a key.
        attention[n].fill(0.0);
        let mut next = z.clone();
        for r in 0..rows {
            for t in 0..tokens {
                for a in 0..rows {
                    for k in 0..tokens {
                        next[r][t] += p[r][a] * z[a][k] * attention[k][t] / n as f64;
                    }
                }
            }
        }
        z = next;
    }
    -z[dim][n]
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

/// Mean over prompts of (TF(Z₀) − target)².
///
/// # Shapes
/// `z`: [B, n+1, d+1]. `targets`: `[B]`.
pub fn loss(dim: usize, depth: usize, params: &[f64], z: &[f64], targets: &[f64]) -> f64 {
    let prompts = z.chunks_exact(z.len() / targets.len());
    let squares = prompts.zip(targets).map(|(z0, target)| {
        let error = prediction(dim, depth, params, z0) - target;
        error * error
    });
    squares.sum::<f64>() / targets.len() as f64
}
