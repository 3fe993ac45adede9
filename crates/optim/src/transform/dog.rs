//! Distance over gradients.

use windtunnel_math::lanes::Real;
use windtunnel_math::objective::Block;

use super::{Context, Error, Transform};
use crate::State;

/// r ← max(r, ‖θ − θ₀‖), G ← G + ‖u‖², u ← r / √(G + ε) · u with r = α (1 + ‖θ₀‖) at first;
/// `optax.contrib.dog` (Ivgi et al. 2023, whose evaluation at an averaged θ is left out).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ScaleByDog {
    /// α, the first distance relative to the parameters.
    pub first: f64,
    /// Term ε inside the root.
    pub eps: f64,
}

impl<T: Real> Transform<T> for ScaleByDog {
    fn init(&self, dim: usize, _: &[Block]) -> State<T> {
        State::zeros(&[("init_params", dim), ("max_dist", 1), ("sum_sq_norm_grads", 1)])
    }

    fn apply(
        &self,
        update: &mut [T],
        state: &mut State<T>,
        context: &mut Context<'_, T>,
    ) -> Result<(), Error> {
        let [start, distance, squares] = state.vectors();
        let square = |x: T| x.widen() * x.widen();
        if context.step == 1 {
            start.copy_from_slice(context.params);
            let norm = start.iter().map(|&x| square(x)).sum::<f64>().sqrt();
            distance[0] = T::nearest(self.first * (1.0 + norm));
        }
        let way = start.iter().zip(context.params).map(|(a, b)| square(*a - *b)).sum::<f64>();
        distance[0] = T::nearest(distance[0].widen().max(way.sqrt()));
        squares[0] += T::nearest(update.iter().map(|&u| square(u)).sum());
        let rate = T::nearest(distance[0].widen() / (squares[0].widen() + self.eps).sqrt());
        update.iter_mut().for_each(|u| *u *= rate);
        Ok(())
    }
}
