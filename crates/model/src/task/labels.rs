//! Labels of covariates: w⋆ and, for nonlinear regression, a fixed network.

use windtunnel_math::rng::Key;

/// Law of the task's weights w⋆.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WStar {
    /// N(0, I).
    Standard,
    /// N(0, Σ⁻¹), as C⁻ᵀ g with g ~ N(0, I) (Ahn et al., NeurIPS 2023, Theorems 3 and 4).
    InverseCovariance,
}

/// Function that gives the label y of a token.
#[derive(Clone, Debug, PartialEq)]
pub enum Labels {
    /// y = ⟨w⋆, x⟩.
    Linear,
    /// y = ⟨w⋆, MLP⋆(x)⟩ (Ahn et al., ICLR 2024, nonlinear regression).
    Mlp(Mlp),
}

/// A fixed network d → h → d, x ↦ W₂ relu(W₁ x + b₁) + b₂.
#[derive(Clone, Debug, PartialEq)]
pub struct Mlp {
    dim: usize,
    hidden: usize,
    seed: u64,
    weights: [Vec<f64>; 2],
    biases: [Vec<f64>; 2],
}

impl Mlp {
    /// The network of a seed: weights and biases uniform on ±1/√fan_in, as `torch.nn.Linear`
    /// starts (its law, not its draws).
    pub fn new(dim: usize, hidden: usize, seed: u64) -> Mlp {
        let uniform = |layer: u64, len: usize, fan_in: usize| -> Vec<f64> {
            let key = Key::labels(seed, layer);
            let unit = |i: usize| (f64::from(key.words(0, i as u32)[0]) + 0.5) / 2f64.powi(32);
            (0..len).map(|i| (2.0 * unit(i) - 1.0) / (fan_in as f64).sqrt()).collect()
        };
        Mlp {
            dim,
            hidden,
            seed,
            weights: [uniform(0, hidden * dim, dim), uniform(1, dim * hidden, hidden)],
            biases: [uniform(2, hidden, dim), uniform(3, dim, hidden)],
        }
    }

    /// Dimension d.
    pub fn dim(&self) -> usize {
        self.dim
    }

    /// Hidden width h.
    pub fn hidden(&self) -> usize {
        self.hidden
    }

    /// Seed of the draws.
    pub fn seed(&self) -> u64 {
        self.seed
    }

    /// W₁ of h×d and W₂ of d×h, row-major.
    pub fn weights(&self) -> [&[f64]; 2] {
        [&self.weights[0], &self.weights[1]]
    }

    /// b₁ and b₂.
    pub fn biases(&self) -> [&[f64]; 2] {
        [&self.biases[0], &self.biases[1]]
    }
}
