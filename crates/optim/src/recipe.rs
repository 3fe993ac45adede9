//! The recipes: optimizers by their usual names, as lists of atoms.
//!
//! Defaults are PyTorch's. Clipping is not part of a recipe: put
//! [`Atom::ClipByGlobalNorm`] in front.

use super::Atom;

/// g ← ∇f + λθ, b ← μ b + (1 − τ) g, θ ← θ − η b (or − η (g + μ b) with
/// Nesterov): `torch.optim.SGD`. Decay is coupled and enters the buffer; at the
/// first step b = g.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Sgd {
    /// η.
    pub lr: f64,
    /// μ; 0 is plain gradient descent.
    pub momentum: f64,
    /// τ; without effect at the first step and when μ = 0.
    pub dampening: f64,
    /// Nesterov's look-ahead; PyTorch allows it only with μ > 0 and τ = 0.
    pub nesterov: bool,
    /// λ, coupled.
    pub weight_decay: f64,
}

impl Sgd {
    /// Decay, trace, learning rate.
    #[must_use]
    pub fn atoms(&self) -> Vec<Atom> {
        let Self { lr, momentum, dampening, nesterov, weight_decay } = *self;
        vec![
            Atom::AddDecayedWeights { weight_decay },
            Atom::Trace { momentum, dampening, nesterov },
            Atom::ScaleByLr { lr },
        ]
    }
}

impl Default for Sgd {
    fn default() -> Self {
        Self { lr: 1e-3, momentum: 0.0, dampening: 0.0, nesterov: false, weight_decay: 0.0 }
    }
}

/// g ← ∇f + λθ, θ ← θ − η m̂ / (√v̂ + ε) with the bias-corrected moments of g:
/// `torch.optim.Adam`. Decay is coupled: it is divided by √v̂ like the gradient.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Adam {
    /// η.
    pub lr: f64,
    /// β₁.
    pub beta1: f64,
    /// β₂.
    pub beta2: f64,
    /// ε, outside the root, after the bias correction.
    pub eps: f64,
    /// λ, coupled.
    pub weight_decay: f64,
    /// AMSGrad: divide by the running maximum.
    pub amsgrad: bool,
}

impl Adam {
    /// Decay, moments, learning rate.
    #[must_use]
    pub fn atoms(&self) -> Vec<Atom> {
        let Self { lr, beta1, beta2, eps, weight_decay, amsgrad } = *self;
        vec![
            Atom::AddDecayedWeights { weight_decay },
            Atom::ScaleByAdam { beta1, beta2, eps, amsgrad },
            Atom::ScaleByLr { lr },
        ]
    }
}

impl Default for Adam {
    fn default() -> Self {
        Self { lr: 1e-3, beta1: 0.9, beta2: 0.999, eps: 1e-8, weight_decay: 0.0, amsgrad: false }
    }
}

/// θ ← θ − η (m̂ / (√v̂ + ε) + λθ) with the bias-corrected moments of ∇f:
/// `torch.optim.AdamW`. Decay is decoupled, times η, and acts on the old θ:
/// the same as PyTorch's θ ← (1 − ηλ) θ before the Adam step.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct AdamW {
    /// η.
    pub lr: f64,
    /// β₁.
    pub beta1: f64,
    /// β₂.
    pub beta2: f64,
    /// ε, outside the root, after the bias correction.
    pub eps: f64,
    /// λ, decoupled; 10⁻² by default as in PyTorch (optax: 10⁻⁴).
    pub weight_decay: f64,
    /// AMSGrad: divide by the running maximum.
    pub amsgrad: bool,
}

impl AdamW {
    /// Moments, decay, learning rate.
    #[must_use]
    pub fn atoms(&self) -> Vec<Atom> {
        let Self { lr, beta1, beta2, eps, weight_decay, amsgrad } = *self;
        vec![
            Atom::ScaleByAdam { beta1, beta2, eps, amsgrad },
            Atom::AddDecayedWeights { weight_decay },
            Atom::ScaleByLr { lr },
        ]
    }
}

impl Default for AdamW {
    fn default() -> Self {
        Self { lr: 1e-3, beta1: 0.9, beta2: 0.999, eps: 1e-8, weight_decay: 1e-2, amsgrad: false }
    }
}
