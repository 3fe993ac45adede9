//! An optimizer of one's own beside Adam, on a quadratic of condition number 100.
//!
//! `cargo run --release -p windtunnel-optim --example own_optimizer`

use std::io::{self, Write};
use std::sync::Arc;

use windtunnel_optim::*;

/// θ ← θ − η sign(b) with the momentum buffer b.
struct SignMomentum;

impl Method for SignMomentum {
    const NAME: &'static str = "sign_momentum";
    const SUMMARY: &'static str = "steps along the signs of the momentum buffer";
    const PARAMETERS: &'static [Parameter] =
        &[Parameter::number("momentum", 0.9, Range::Fraction, "decay of the momentum buffer")];
    const LR: f64 = 0.002;

    fn transforms<T: Real>(values: &Values) -> Transforms<T> {
        let momentum = values.number("momentum");
        let trace = Trace { momentum, dampening: 0.0, nesterov: false };
        vec![Arc::new(trace), Arc::new(Sign), Arc::new(ScaleByLearningRate)]
    }
}

struct Sign;

impl<T: Real> Transform<T> for Sign {
    fn apply(
        &self,
        update: &mut [T],
        _: &mut State<T>,
        _: &mut Context<'_, T>,
    ) -> Result<(), Error> {
        update.iter_mut().for_each(|u| *u = if u.is_zero() { *u } else { u.signum() });
        Ok(())
    }
}

fn main() -> Result<(), Error> {
    // Specs take it from now on: `optimizer = "sign_momentum"`. The version is part of a run's id.
    let sign = Config::new(register::<SignMomentum>("1")?);
    let adam = Config::of::<Adam>().with_lr(0.01);

    let mut out = io::stdout().lock();
    for (name, config) in [("sign_momentum", sign), ("adam", adam)] {
        let mut params = [1.0_f64, 1.0];
        let mut optimizer = Optimizer::new(&config, &Block::whole(params.len()));
        for step in 0..=1000 {
            let loss = 0.5 * (100.0 * params[0] * params[0] + params[1] * params[1]);
            if step % 250 == 0 {
                writeln!(out, "{name:<14} step {step:>4}: loss {loss:.3e}")?;
            }
            let mut grad = [100.0 * params[0], params[1]];
            optimizer.step(&mut params, &mut grad)?;
        }
    }
    Ok(())
}
