//! The shared list of models and prompts that every kernel is checked on.

use windtunnel_model::reference::{Tokens, sample};
use windtunnel_model::task::{Covariates, Task};
use windtunnel_model::{Attention, Corner, Encoder, Mask, Parameterization, Transformer};

pub struct Case {
    pub model: Transformer,
    pub context_len: usize,
    pub params: Vec<f64>,
    pub tokens: Tokens,
}

impl std::fmt::Display for Case {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Transformer { depth, dim, heads, attention, mask, parameterization, tied, encoder } =
            self.model;
        write!(f, "L = {depth}, d = {dim}, n = {}, H = {heads}, ", self.context_len)?;
        write!(f, "{attention:?} {mask:?} {parameterization:?} tied {tied} {encoder:?}")
    }
}

impl Case {
    /// A step for finite differences: small enough where rectifiers have kinks that none of the
    /// few thousand is passed, else what balances truncation and rounding of fourth-order ones.
    pub fn step(&self) -> f64 {
        if self.has_kinks() { 1e-6 } else { 5e-4 }
    }

    /// Whether there are rectifiers.
    pub fn has_kinks(&self) -> bool {
        !self.model.attention.is_smooth() || self.model.encoder.is_some()
    }
}

/// Every depth 1..8, every d and n of the list, paired so that the naive twins stay quick; 19
/// prompts, which fill no register width. Then every attention, mask, parameterization, with and
/// without heads, tied layers and encoder.
pub fn cases() -> Vec<Case> {
    let dims = [1, 2, 5, 8, 13, 20];
    let context_lens = [1, 4, 5, 20, 100];
    let mut cases = Vec::new();
    for depth in 1..=8 {
        for (k, &dim) in dims.iter().enumerate() {
            let context_len = context_lens[(k + depth) % context_lens.len()];
            // The naive twin costs n²d² and the largest corner adds nothing new.
            if dim * depth * context_len <= 4000 {
                cases.push(case(Transformer::linear(depth, dim), context_len));
            }
        }
    }
    for context_len in context_lens {
        cases.push(case(Transformer::linear(3, 5), context_len));
    }
    // The other d with shapes of their own: first, middle and last layers differ.
    for dim in [3, 4, 6, 7, 10] {
        cases.extend([2, 3, 4].map(|depth| case(Transformer::linear(depth, dim), 4)));
    }
    cases.extend(variants());
    cases
}

/// The models beyond the paper's linear one.
pub fn variants() -> Vec<Case> {
    let mut cases = Vec::new();
    let masks = |attention: Attention| match attention.is_normalized() {
        true => vec![Mask::Values, Mask::Scores],
        false => vec![Mask::Values],
    };
    let attentions = Attention::ALL.iter().map(|a| (*a, masks(*a)));
    let attentions = attentions.flat_map(|(a, masks)| masks.into_iter().map(move |mask| (a, mask)));
    let parameterizations = [
        Parameterization::Sparse,
        Parameterization::Full(Corner::Fixed),
        Parameterization::Full(Corner::Free),
    ];
    for (attention, mask) in attentions {
        for (k, parameterization) in parameterizations.into_iter().enumerate() {
            for (heads, tied, hidden) in [(1, false, 0), (2, false, 3), (1, true, 4), (3, true, 0)]
            {
                let encoder = (hidden > 0).then_some(Encoder { hidden });
                // The paper's d, whose kernels are unrolled, and others, whose are not.
                let dim = [5, 1, 3, 2][(k + heads) % 4];
                let (depth, context_len) = (1 + (k + heads) % 3, [6, 2, 4][k]);
                let model = Transformer {
                    depth,
                    dim,
                    heads,
                    attention,
                    mask,
                    parameterization,
                    tied,
                    encoder,
                };
                cases.push(case(model, context_len));
            }
        }
    }
    cases
}

fn case(model: Transformer, context_len: usize) -> Case {
    let Transformer { depth, dim, .. } = model;
    let task = Task::new(dim, context_len, Covariates::sphere()).unwrap().with_noise(0.1).unwrap();
    let seed = (100 * depth + dim) as u64;
    // Moderate parameters: the recurrence of 8 layers must not overflow.
    let params = model.init(seed, 0.5 / (dim as f64).sqrt());
    Case { model, context_len, params, tokens: sample(&task, seed, 19) }
}
