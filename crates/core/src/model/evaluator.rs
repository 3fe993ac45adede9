//! Means over a batch: value, gradient, Hessian-vector product and Hessian, the same bits for any
//! number of threads and any register width.

use super::LinearTransformer;
use super::engine::{Engine, Point, Trained, halved, products};
use crate::lanes::{BLOCK, Isa};
use crate::objective::SampleGradients;
use crate::parallel::Pool;
use crate::task::{Batch, Form, Layout, Prompts, Scratch};

/// Blocks whose gradients are summed in lanes before they go on in double precision: a fixed
/// number, so that the order of summation depends on nothing else.
const CHUNK: usize = 8;

struct Worker<T> {
    gradients: Box<dyn Engine<T>>,
    products: Option<Box<dyn Engine<f64>>>,
    scratch: Scratch<T>,
}

/// Partial sums of one chunk.
#[derive(Default)]
struct Partial {
    loss: f64,
    grad: Vec<f64>,
}

/// Evaluates one model on any prompts, with all workspaces made beforehand.
pub struct Evaluator<T> {
    model: LinearTransformer,
    isa: Isa,
    pool: Pool,
    workers: Vec<Worker<T>>,
    partials: Vec<Partial>,
}

impl<T: Trained> Evaluator<T> {
    /// An evaluator on `threads` threads.
    ///
    /// # Panics
    /// When depth or dimension is 0.
    pub fn new(model: LinearTransformer, isa: Isa, threads: usize) -> Evaluator<T> {
        assert!(model.depth > 0 && model.dim > 0, "no such model: {model:?}");
        let pool = Pool::new(threads);
        let worker = || Worker {
            gradients: T::gradients(isa, model.depth, model.dim),
            products: None,
            scratch: Scratch::default(),
        };
        let workers = (0..pool.threads()).map(|_| worker()).collect();
        Evaluator { model, isa, pool, workers, partials: Vec::new() }
    }

    /// The instruction set.
    pub(super) fn isa(&self) -> Isa {
        self.isa
    }

    /// The model.
    pub fn model(&self) -> LinearTransformer {
        self.model
    }

    /// Mean loss over the prompts.
    ///
    /// # Panics
    /// When `params` or the prompts do not fit the model, or there are no prompts.
    pub fn value(&mut self, params: &[T], prompts: &impl Prompts<T>) -> f64 {
        self.start(params, prompts);
        let block_rows = prompts.layout().rows();
        self.sum(prompts, |worker, blocks, partial| {
            let (mut sum, mut losses) = ([T::zero(); BLOCK], [T::zero(); BLOCK]);
            for block in prompts.blocks(blocks, &mut worker.scratch).chunks_exact(block_rows) {
                worker.gradients.losses(block, &mut losses);
                sum.iter_mut().zip(&losses).for_each(|(sum, loss)| *sum += *loss);
            }
            partial.loss = halved(sum);
        });
        self.mean_loss(prompts.len())
    }

    /// Mean loss; its gradient goes to `grad`.
    ///
    /// # Panics
    /// As [`Evaluator::value`], and when `grad` has another length than `params`.
    pub fn gradient(&mut self, params: &[T], prompts: &impl Prompts<T>, grad: &mut [T]) -> f64 {
        self.start(params, prompts);
        let block_rows = prompts.layout().rows();
        self.sum(prompts, |worker, blocks, partial| {
            let engine = &mut worker.gradients;
            for block in prompts.blocks(blocks, &mut worker.scratch).chunks_exact(block_rows) {
                engine.add_gradient(block);
            }
            partial.loss = engine.finish(0, &mut partial.grad);
        });
        self.mean(prompts.len(), grad)
    }

    /// Loss of every prompt, in order.
    ///
    /// # Panics
    /// As [`Evaluator::value`].
    pub fn losses(&mut self, params: &[T], prompts: &impl Prompts<T>) -> Vec<T> {
        self.start(params, prompts);
        let mut blocks = vec![[T::zero(); BLOCK]; prompts.block_count()];
        self.pool.for_each(&mut self.workers, &mut blocks, |worker, index, out| {
            let block = prompts.blocks(index..index + 1, &mut worker.scratch);
            worker.gradients.losses(block, out);
        });
        blocks.into_iter().flatten().take(prompts.len()).collect()
    }

    /// Loss and gradient of every prompt, in order.
    ///
    /// # Panics
    /// As [`Evaluator::value`].
    ///
    /// # Cost
    /// As the gradient of the batch, and 8·p bytes for each prompt.
    pub fn prompt_gradients(&mut self, params: &[T], prompts: &impl Prompts<T>) -> SampleGradients {
        self.start(params, prompts);
        let size = self.model.params();
        let mut grads = vec![0.0; prompts.block_count() * BLOCK * size];
        let mut blocks: Vec<_> =
            grads.chunks_exact_mut(BLOCK * size).map(|grads| ([T::zero(); BLOCK], grads)).collect();
        self.pool.for_each(&mut self.workers, &mut blocks, |worker, index, (losses, grads)| {
            let block = prompts.blocks(index..index + 1, &mut worker.scratch);
            worker.gradients.prompt_gradients(block, losses, grads);
        });
        let losses = blocks.into_iter().flat_map(|(losses, _)| losses).map(|loss| loss.widen());
        let losses = losses.take(prompts.len()).collect();
        grads.truncate(prompts.len() * size);
        SampleGradients { losses, grads }
    }

    /// Sets the point of evaluation of all workers.
    fn start(&mut self, params: &[T], prompts: &impl Prompts<T>) {
        self.check(params, prompts);
        let point = Point { params, tangent: params };
        self.workers.iter_mut().for_each(|worker| worker.gradients.start(&point));
    }

    fn check(&self, params: &[T], prompts: &impl Prompts<T>) {
        assert_eq!(params.len(), self.model.params(), "parameters of {:?}", self.model);
        let Layout { form, dim, .. } = prompts.layout();
        assert_eq!((form, dim), (Form::Moments, self.model.dim), "prompts of {:?}", self.model);
        assert!(!prompts.is_empty(), "no prompts");
    }

    fn sum<P: Prompts<T>>(
        &mut self,
        prompts: &P,
        work: impl Fn(&mut Worker<T>, std::ops::Range<usize>, &mut Partial) + Sync,
    ) {
        let blocks = prompts.block_count();
        self.partials.resize_with(blocks.div_ceil(CHUNK), Partial::default);
        for partial in &mut self.partials {
            partial.grad.resize(self.model.params(), 0.0);
        }
        self.pool.for_each(&mut self.workers, &mut self.partials, |worker, chunk, partial| {
            let first = chunk * CHUNK;
            work(worker, first..blocks.min(first + CHUNK), partial);
        });
    }

    fn mean(&mut self, prompts: usize, grad: &mut [T]) -> f64 {
        assert_eq!(grad.len(), self.model.params(), "gradient and parameters");
        if let Some((first, rest)) = self.partials.split_first_mut() {
            for partial in rest {
                first.grad.iter_mut().zip(&partial.grad).for_each(|(sum, part)| *sum += part);
            }
            for (out, sum) in grad.iter_mut().zip(&first.grad) {
                *out = T::nearest(sum / prompts as f64);
            }
        }
        self.mean_loss(prompts)
    }

    fn mean_loss(&self, prompts: usize) -> f64 {
        self.partials.iter().map(|p| p.loss).sum::<f64>() / prompts as f64
    }
}

impl Evaluator<f64> {
    /// Derivative of the mean loss along `v`, ⟨∇f, v⟩; the Hessian-vector product H v goes to `out`.
    ///
    /// # Panics
    /// As [`Evaluator::gradient`].
    pub fn hvp(
        &mut self,
        params: &[f64],
        v: &[f64],
        prompts: &impl Prompts<f64>,
        out: &mut [f64],
    ) -> f64 {
        let LinearTransformer { depth, dim } = self.model;
        let isa = self.isa;
        self.check(params, prompts);
        assert_eq!(v.len(), params.len(), "direction and parameters");
        let point = Point { params, tangent: v };
        for worker in &mut self.workers {
            worker.products.get_or_insert_with(|| products(isa, depth, dim)).start(&point);
        }
        let block_rows = prompts.layout().rows();
        self.sum(prompts, |worker, blocks, partial| {
            let engine = worker.products.get_or_insert_with(|| products(isa, depth, dim));
            for block in prompts.blocks(blocks, &mut worker.scratch).chunks_exact(block_rows) {
                engine.add_gradient(block);
            }
            partial.loss = engine.finish(1, &mut partial.grad);
        });
        self.mean(prompts.len(), out)
    }

    /// The Hessian of the mean loss, [p, p], goes to `out`.
    ///
    /// Rows of layer k are Hessian-vector products of the model that begins there, on prompts that
    /// have passed the layers before; columns of earlier layers follow by symmetry.
    ///
    /// # Panics
    /// As [`Evaluator::gradient`], and when `out` has another length than p².
    pub fn hessian(&mut self, params: &[f64], prompts: &impl Prompts<f64>, out: &mut [f64]) {
        let LinearTransformer { depth, dim } = self.model;
        let (p, isa, entries) = (params.len(), self.isa, dim * dim);
        let block_rows = prompts.layout().rows();
        self.check(params, prompts);
        assert_eq!(out.len(), p * p, "Hessian and parameters");
        out.fill(0.0);
        let mut batch = Batch::collect(prompts);
        for layer in 0..depth {
            let first = 2 * layer * entries;
            let params = &params[first..];
            // The last P never reaches the prediction.
            let skipped = if layer + 1 == depth { entries } else { 0 };
            let mut rows = vec![vec![0.0; params.len()]; 2 * entries - skipped];
            self.pool.for_each(&mut self.workers, &mut rows, |worker, index, row| {
                let mut tangent = vec![0.0; params.len()];
                tangent[skipped + index] = 1.0;
                let engine = worker.products.get_or_insert_with(|| products(isa, depth, dim));
                engine.start(&Point { params, tangent: &tangent });
                let blocks = batch.blocks(0..batch.block_count(), &mut worker.scratch);
                blocks.chunks_exact(block_rows).for_each(|block| engine.add_gradient(block));
                engine.finish(1, row);
            });
            for (row, i) in rows.into_iter().zip(first + skipped..) {
                for (value, j) in row.into_iter().zip(first..) {
                    let value = value / prompts.len() as f64;
                    out[i * p + j] = value;
                    out[j * p + i] = value;
                }
            }
            if layer + 1 < depth {
                let engine = &mut self.workers[0].gradients;
                engine.start(&Point { params, tangent: params });
                batch.blocks_mut().for_each(|block| engine.advance(block));
            }
        }
    }
}
