//! The atoms: what one stage of an optimizer does, and its numbers.

/// One stage of an optimizer: turns the running update u (at first the
/// gradient) into the next u. θ are the parameters before the step, and the
/// step ends with θ ← θ − u.
///
/// Numbers are `f64` whatever the type of the parameters; what depends on them
/// alone (1 − β, β^step) is computed in `f64` and rounded once, as in PyTorch.
/// Nothing is validated here: ranges belong to whoever reads the user's spec.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Atom {
    /// u ← u · min(1, c / (‖u‖₂ + 10⁻⁶)), over all parameters together;
    /// `torch.nn.utils.clip_grad_norm_` (Pascanu et al. 2013).
    ///
    /// The 10⁻⁶ is PyTorch's: a norm within 10⁻⁶ below c is still scaled. A
    /// smaller update keeps its bits. A NaN anywhere makes the whole update
    /// NaN. The norm is accumulated in `f64`.
    ///
    /// First in a recipe: it clips the gradient, not the decayed gradient.
    ClipByGlobalNorm {
        /// c, the largest norm let through.
        max_norm: f64,
    },

    /// u ← u + λ θ.
    ///
    /// *Coupled* (L₂ penalty, `torch.optim.SGD`, `torch.optim.Adam`) before the
    /// moments, *decoupled* (Loshchilov & Hutter 2019, `torch.optim.AdamW`)
    /// between moments and learning rate, where it subtracts ηλθ of the old θ.
    ///
    /// λ = 0 is the absence of the atom, bit for bit.
    AddDecayedWeights {
        /// λ.
        weight_decay: f64,
    },

    /// b ← μ b + (1 − τ) u, then u ← b, or u ← u + μ b with Nesterov;
    /// `torch.optim.SGD`.
    ///
    /// First step: b = u, without the factor 1 − τ. The learning rate is
    /// outside the buffer, unlike Sutskever et al. 2013, so a change of the
    /// rate acts at once on all of b.
    ///
    /// μ = 0 is the absence of the atom, bit for bit, dampening included.
    Trace {
        /// μ.
        momentum: f64,
        /// τ.
        dampening: f64,
        /// Whether to look ahead; PyTorch allows it only with μ > 0 and τ = 0.
        nesterov: bool,
    },

    /// m ← β₁ m + (1 − β₁) u, v ← β₂ v + (1 − β₂) u²,
    /// u ← (m / (1 − β₁^step)) / (√v / √(1 − β₂^step) + ε), `step` from 1;
    /// `torch.optim.Adam` (Kingma & Ba 2015, algorithm 1).
    ///
    /// ε is outside the root and after the bias correction, so its size does
    /// not depend on the step. With AMSGrad √v becomes √v_max, v_max the
    /// running maximum of v *before* bias correction, and the maximum is then
    /// corrected; Reddi et al. 2018 correct neither m nor v.
    ///
    /// First step: m = v = v_max = 0 before it, which gives u / (|u| + ε).
    ScaleByAdam {
        /// β₁, the decay of the mean.
        beta1: f64,
        /// β₂, the decay of the mean square.
        beta2: f64,
        /// ε.
        eps: f64,
        /// Whether the denominator never shrinks.
        amsgrad: bool,
    },

    /// u ← η u; last in a recipe.
    ScaleByLr {
        /// η.
        lr: f64,
    },
}
