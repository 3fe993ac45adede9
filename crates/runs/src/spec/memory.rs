//! Bytes that computing with a model takes, for refusing what would not fit before it starts.

use windtunnel_model::Transformer;
use windtunnel_model::task::{Form, Layout};

/// Bytes, by what they are for. What overflows is `usize::MAX`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Memory {
    /// Parameters and workspaces.
    pub workspaces: usize,
    /// Scores of all pairs of tokens, which softmax and ReLU store of 16 prompts at a time.
    pub scores: usize,
    /// Partial sums of the gradient of a batch.
    pub sums: usize,
    /// The prompts of a stored batch.
    pub prompts: usize,
    /// Gradients of all its prompts, where they are asked for one by one, and a copy: of all matrices
    /// first, of the parameters then.
    pub gradients: usize,
}

impl Memory {
    /// For batches of `batch` prompts of `context_len` labelled tokens, in double precision.
    pub fn of(model: &Transformer, context_len: usize, batch: usize) -> Memory {
        let params = 8 * model.params();
        let matrices = 16 * model.depth * model.heads * (model.dim + 1) * (model.dim + 1);
        let layout = Layout { form: model.form(), dim: model.dim, context_len };
        let tokens = context_len.saturating_add(1);
        let scores = match model.form() {
            Form::Moments => 0,
            Form::Tokens => {
                tokens.saturating_mul(tokens).saturating_mul(256 * model.depth * model.heads)
            }
        };
        Memory {
            workspaces: params.saturating_mul(64),
            scores,
            sums: params.saturating_mul(batch.div_ceil(128)),
            prompts: (8 * layout.rows()).saturating_mul(batch),
            gradients: (params + params.max(matrices)).saturating_mul(batch),
        }
    }
}
