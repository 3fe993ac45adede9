//! Updates of a made-up optimizer.

use windtunnel_math::stability::Stability;
use windtunnel_measure::instrument::Updates;

/// Updates of `size` in each of `p` parameters, after a gradient of ones, by an optimizer that is
/// stable up to a sharpness of 1 and clips nothing.
pub fn updates(p: usize, size: f64, preconditioner: Option<Vec<f64>>) -> Updates {
    let stability = Stability { threshold: 1.0, preconditioner, clip_factor: 1.0 };
    Updates {
        grad: vec![1.0; p],
        update: vec![size; p],
        others: Vec::new(),
        stability: Some(stability),
    }
}
