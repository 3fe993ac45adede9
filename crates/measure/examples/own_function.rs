//! Curvature of a function of one's own: the Rosenbrock function in fifty dimensions.
//!
//! `cargo run --release -p windtunnel-measure --example own_function`

use std::io::{self, Write};

use windtunnel_math::objective::{Objective, ObjectiveError};
use windtunnel_measure::landscape::{
    Hessian, HessianOperator, LanczosMemory, LanczosPlan, Median, hutchinson_trace, lanczos,
    random_start, robust_condition_number,
};

/// Σ 100 (xᵢ₊₁ − xᵢ²)² + (1 − xᵢ)².
struct Rosenbrock(usize);

impl Objective for Rosenbrock {
    fn dim(&self) -> usize {
        self.0
    }
    fn value(&mut self, x: &[f64]) -> Result<f64, ObjectiveError> {
        let term =
            |pair: &[f64]| 100.0 * (pair[1] - pair[0] * pair[0]).powi(2) + (1.0 - pair[0]).powi(2);
        Ok(x.windows(2).map(term).sum())
    }
    fn gradient(&mut self, x: &[f64], grad: &mut [f64]) -> Result<f64, ObjectiveError> {
        grad.fill(0.0);
        for i in 0..self.0 - 1 {
            let valley = x[i + 1] - x[i] * x[i];
            grad[i] -= 400.0 * x[i] * valley + 2.0 * (1.0 - x[i]);
            grad[i + 1] += 200.0 * valley;
        }
        self.value(x)
    }
    fn hvp(&mut self, x: &[f64], v: &[f64], out: &mut [f64]) -> Result<f64, ObjectiveError> {
        out.fill(0.0);
        for i in 0..self.0 - 1 {
            let diagonal = 1200.0 * x[i] * x[i] - 400.0 * x[i + 1] + 2.0;
            out[i] += diagonal * v[i] - 400.0 * x[i] * v[i + 1];
            out[i + 1] += 200.0 * v[i + 1] - 400.0 * x[i] * v[i];
        }
        let mut grad = vec![0.0; self.0];
        self.gradient(x, &mut grad)?;
        Ok(grad.iter().zip(v).map(|(g, v)| g * v).sum())
    }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    const DIM: usize = 50;
    let mut out = io::stdout().lock();
    for at in [0.0, 0.5, 1.0] {
        let params = vec![at; DIM];
        let hessian = Hessian::at(&mut Rosenbrock(DIM), &params)?;
        let spectrum = hessian.spectrum().ok_or("the Hessian is not finite")?;
        let condition = robust_condition_number(&hessian.diag(), Median::Lower);

        // The same from Hessian-vector products alone, as for ten million parameters.
        let mut rosenbrock = Rosenbrock(DIM);
        let mut operator = HessianOperator::new(&mut rosenbrock, &params);
        let plan = LanczosPlan { steps: 30, memory: LanczosMemory::Basis };
        let (sharpness, residual) = lanczos(&mut operator, &random_start(DIM, 0, 0), plan)?.max();
        let trace = hutchinson_trace(&mut operator, 100, 0)?;

        writeln!(
            out,
            "x = {at}: sharpness {:.4} (Lanczos {sharpness:.4}, residual {residual:.0e}), \
             trace {:.1} (Hutchinson {:.1} ± {:.1}), negative mass {:.3}, robust condition {condition:.2}",
            spectrum.sharpness(),
            hessian.trace(),
            trace.value,
            trace.standard_error,
            spectrum.negative_mass(),
        )?;
    }
    Ok(())
}
