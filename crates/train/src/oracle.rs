//! The loss of one mini-batch as a function, for optimizers that ask for more than its gradient.

use windtunnel_math::lanes::Isa;
use windtunnel_model::task::Stream;
use windtunnel_model::{Evaluator, Trained};
use windtunnel_optim::{Error, Oracle};

/// Evaluator and vectors for Hessian-vector products, which are computed in double precision
/// whatever the parameters are; made when the first one is asked for.
#[derive(Default)]
pub(super) struct Products(Option<Workspace>);

struct Workspace {
    evaluator: Evaluator<f64>,
    params: Vec<f64>,
    v: Vec<f64>,
    out: Vec<f64>,
}

/// The loss on the prompts of one step.
pub(super) struct BatchOracle<'a, T> {
    pub(super) evaluator: &'a mut Evaluator<T>,
    pub(super) products: &'a mut Products,
    pub(super) prompts: &'a Stream<'a>,
    pub(super) isa: Isa,
    pub(super) threads: usize,
}

impl<T: Trained> Oracle<T> for BatchOracle<'_, T> {
    fn loss(&mut self, params: &[T]) -> Result<f64, Error> {
        Ok(self.evaluator.value(params, self.prompts))
    }

    fn gradient(&mut self, params: &[T], grad: &mut [T]) -> Result<f64, Error> {
        Ok(self.evaluator.gradient(params, self.prompts, grad))
    }

    fn hvp(&mut self, params: &[T], v: &[T], out: &mut [T]) -> Result<f64, Error> {
        let workspace = self.products.0.get_or_insert_with(|| {
            let model = self.evaluator.model();
            let zeros = || vec![0.0; model.params()];
            let evaluator = Evaluator::new(model, self.isa, self.threads);
            Workspace { evaluator, params: zeros(), v: zeros(), out: zeros() }
        });
        let widen = |from: &[T], to: &mut [f64]| {
            to.iter_mut().zip(from).for_each(|(to, from)| *to = from.widen());
        };
        widen(params, &mut workspace.params);
        widen(v, &mut workspace.v);
        let Workspace { evaluator, params, v, out: product } = workspace;
        let slope = evaluator.hvp(params, v, self.prompts, product);
        out.iter_mut().zip(product).for_each(|(to, from)| *to = T::nearest(*from));
        Ok(slope)
    }
}
