//! The shared list of models and prompts that every kernel is checked on.

use windtunnel_core::model::LinearTransformer;
use windtunnel_core::reference::{Tokens, sample};
use windtunnel_core::task::{Covariates, Task};

pub struct Case {
    pub model: LinearTransformer,
    pub context_len: usize,
    pub params: Vec<f64>,
    pub tokens: Tokens,
}

impl std::fmt::Display for Case {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let LinearTransformer { depth, dim } = self.model;
        write!(f, "L = {depth}, d = {dim}, n = {}", self.context_len)
    }
}

/// Every depth 1..8, every d and n of the list, paired so that the naive twins stay quick; 19
/// prompts, which fill no register width.
pub fn cases() -> Vec<Case> {
    let dims = [1, 2, 5, 8, 13, 20];
    let context_lens = [1, 4, 5, 20, 100];
    let mut cases = Vec::new();
    for depth in 1..=8 {
        for (k, &dim) in dims.iter().enumerate() {
            let context_len = context_lens[(k + depth) % context_lens.len()];
            // The naive twin costs n²d² and the largest corner adds nothing new.
            if dim * depth * context_len <= 4000 {
                cases.push(case(depth, dim, context_len));
            }
        }
    }
    for context_len in context_lens {
        cases.push(case(3, 5, context_len));
    }
    cases
}

fn case(depth: usize, dim: usize, context_len: usize) -> Case {
    let model = LinearTransformer { depth, dim };
    let task = Task::new(dim, context_len, Covariates::sphere()).unwrap().with_noise(0.1).unwrap();
    let seed = (100 * depth + dim) as u64;
    // Moderate parameters: the recurrence of 8 layers must not overflow.
    let params = model.init(seed, 0.5 / (dim as f64).sqrt());
    Case { model, context_len, params, tokens: sample(&task, seed, 19) }
}
