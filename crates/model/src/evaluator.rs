//! Means over a batch: value, gradient, Hessian-vector product and Hessian, the same bits for any
//! number of threads and any register width.

use std::borrow::Cow;
use std::ops::Range;

use super::Transformer;
use super::embedding::Embedding;
use super::engine::{Blocks, Engine, Point, PromptEngine, Trained, halved, products};
use crate::task::{Batch, Layout, Prompts, Scratch};
use windtunnel_math::lanes::{BLOCK, Isa};
use windtunnel_math::objective::SampleGradients;
use windtunnel_math::parallel::Pool;

/// Number of blocks whose gradients are summed in lanes before double precision: a fixed
/// number, so that the order of summation depends on nothing else.
const CHUNK: usize = 8;

struct Worker<T> {
    gradients: Box<dyn PromptEngine<T>>,
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
    model: Transformer,
    /// Map from parameters to the weights of the kernel, where the two differ.
    embedding: Option<Embedding>,
    isa: Isa,
    pool: Pool,
    workers: Vec<Worker<T>>,
    partials: Vec<Partial>,
}

impl<T: Trained> Evaluator<T> {
    /// An evaluator on `threads` threads.
    ///
    /// # Panics
    /// If depth, dimension or number of heads is 0.
    pub fn new(model: Transformer, isa: Isa, threads: usize) -> Evaluator<T> {
        let sizes = [model.depth, model.dim, model.heads];
        assert!(!sizes.contains(&0), "no such model: {model:?}");
        let pool = Pool::new(threads);
        let worker = || Worker {
            gradients: T::gradients(isa, &model),
            products: None,
            scratch: Scratch::default(),
        };
        let workers = (0..pool.threads()).map(|_| worker()).collect();
        let embedding = (!model.is_plain()).then(|| Embedding::new(&model));
        Evaluator { model, embedding, isa, pool, workers, partials: Vec::new() }
    }

    /// The instruction set.
    pub(super) fn isa(&self) -> Isa {
        self.isa
    }

    /// The model.
    pub fn model(&self) -> Transformer {
        self.model
    }

    /// Number of weights of the kernel.
    fn weights(&self) -> usize {
        self.embedding.as_ref().map_or(self.model.params(), Embedding::len)
    }

    /// Mean loss over the prompts.
    ///
    /// # Panics
    /// If `params` or the prompts do not fit the model, or there are no prompts.
    pub fn value(&mut self, params: &[T], prompts: &impl Prompts<T>) -> f64 {
        self.start(params, prompts);
        self.sum(prompts, |worker, range, partial| {
            let (mut sum, mut losses) = ([T::zero(); BLOCK], [T::zero(); BLOCK]);
            for (block, used) in blocks(prompts, range, &mut worker.scratch).iter() {
                worker.gradients.losses(block, used, &mut losses);
                sum.iter_mut().zip(&losses).for_each(|(sum, loss)| *sum += *loss);
            }
            partial.loss = halved(sum);
        });
        self.mean_loss(prompts.len())
    }

    /// Mean loss; its gradient goes to `grad`.
    ///
    /// # Panics
    /// As [`Evaluator::value`], and if `grad` has another length than `params`.
    pub fn gradient(&mut self, params: &[T], prompts: &impl Prompts<T>, grad: &mut [T]) -> f64 {
        self.start(params, prompts);
        self.sum(prompts, |worker, range, partial| {
            worker.gradients.add_gradient(blocks(prompts, range, &mut worker.scratch));
            partial.loss = worker.gradients.finish(0, &mut partial.grad);
        });
        self.mean(prompts.len(), grad)
    }

    /// Loss of every prompt, in order.
    ///
    /// # Panics
    /// As [`Evaluator::value`].
    pub fn losses(&mut self, params: &[T], prompts: &impl Prompts<T>) -> Vec<T> {
        self.start(params, prompts);
        let mut losses = vec![[T::zero(); BLOCK]; prompts.block_count()];
        self.pool.for_each(&mut self.workers, &mut losses, |worker, index, out| {
            for (block, used) in blocks(prompts, index..index + 1, &mut worker.scratch).iter() {
                worker.gradients.losses(block, used, out);
            }
        });
        losses.into_iter().flatten().take(prompts.len()).collect()
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
        let size = self.weights();
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
        if let Some(embedding) = &self.embedding {
            grads = grads.chunks_exact(size).flat_map(|grad| embedding.pull_back(grad)).collect();
        }
        SampleGradients { losses, grads }
    }

    /// Sets the point of evaluation of all workers.
    fn start(&mut self, params: &[T], prompts: &impl Prompts<T>) {
        self.check(params, prompts);
        let weights = self.expand(params, |constant| constant);
        let point = Point { params: &weights, tangent: &weights };
        self.workers.iter_mut().for_each(|worker| worker.gradients.start(&point));
    }

    /// Weights of the kernel; `constant` maps those that are not parameters.
    fn expand<'a>(&self, params: &'a [T], constant: fn(f64) -> f64) -> Cow<'a, [T]> {
        match &self.embedding {
            Some(embedding) => Cow::Owned(embedding.expand(params, constant)),
            None => Cow::Borrowed(params),
        }
    }

    fn check(&self, params: &[T], prompts: &impl Prompts<T>) {
        assert_eq!(params.len(), self.model.params(), "parameters of {:?}", self.model);
        let Layout { form, dim, .. } = prompts.layout();
        assert_eq!((form, dim), (self.model.form(), self.model.dim), "prompts of {:?}", self.model);
        assert!(!prompts.is_empty(), "no prompts");
    }

    fn sum<P: Prompts<T>>(
        &mut self,
        prompts: &P,
        work: impl Fn(&mut Worker<T>, Range<usize>, &mut Partial) + Sync,
    ) {
        let (blocks, weights) = (prompts.block_count(), self.weights());
        self.partials.resize_with(blocks.div_ceil(CHUNK), Partial::default);
        for partial in &mut self.partials {
            partial.grad.resize(weights, 0.0);
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
            let sums = match &self.embedding {
                Some(embedding) => &embedding.pull_back(&first.grad),
                None => &first.grad,
            };
            for (out, sum) in grad.iter_mut().zip(sums) {
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
        let (model, isa) = (self.model, self.isa);
        self.check(params, prompts);
        assert_eq!(v.len(), params.len(), "direction and parameters");
        let weights = self.expand(params, |constant| constant);
        let tangent = self.expand(v, |_| 0.0);
        let point = Point { params: &weights, tangent: &tangent };
        for worker in &mut self.workers {
            worker.products.get_or_insert_with(|| products(isa, &model)).start(&point);
        }
        self.sum(prompts, |worker, range, partial| {
            let engine = worker.products.get_or_insert_with(|| products(isa, &model));
            engine.add_gradient(blocks(prompts, range, &mut worker.scratch));
            partial.loss = engine.finish(1, &mut partial.grad);
        });
        self.mean(prompts.len(), out)
    }

    /// The Hessian of the mean loss, [p, p], goes to `out`.
    ///
    /// # Panics
    /// As [`Evaluator::gradient`], and if `out` has another length than p².
    pub fn hessian(&mut self, params: &[f64], prompts: &impl Prompts<f64>, out: &mut [f64]) {
        let p = params.len();
        self.check(params, prompts);
        assert_eq!(out.len(), p * p, "Hessian and parameters");
        out.fill(0.0);
        match self.embedding {
            None => self.hessian_by_layers(params, prompts, out),
            Some(_) => self.hessian_by_rows(params, prompts, out),
        }
    }

    /// Writes the Hessian layer by layer. Rows of layer k are Hessian-vector products of the model
    /// that begins there, on prompts that have passed the layers before; columns of earlier layers
    /// follow by symmetry.
    fn hessian_by_layers(&mut self, params: &[f64], prompts: &impl Prompts<f64>, out: &mut [f64]) {
        let Transformer { depth, dim, .. } = self.model;
        let (p, entries) = (params.len(), dim * dim);
        let mut batch = Batch::collect(prompts);
        for layer in 0..depth {
            let first = 2 * layer * entries;
            let params = &params[first..];
            // The last P never reaches the prediction.
            let skipped = if layer + 1 == depth { entries } else { 0 };
            let unit = |index: usize| {
                let mut tangent = vec![0.0; params.len()];
                tangent[skipped + index] = 1.0;
                tangent
            };
            let rows = self.products(params, 2 * entries - skipped, unit, &batch);
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

    /// Writes the Hessian by one product for every parameter that the loss can depend on.
    fn hessian_by_rows(&mut self, params: &[f64], prompts: &impl Prompts<f64>, out: &mut [f64]) {
        let Some(embedding) = self.embedding.clone() else { return };
        let p = params.len();
        let blocks = self.model.blocks().into_iter().filter(|block| !block.unused);
        let live: Vec<usize> = blocks.flat_map(|block| block.range).collect();
        let weights = embedding.expand(params, |constant| constant);
        let unit = |index: usize| {
            let mut tangent = vec![0.0; p];
            tangent[live[index]] = 1.0;
            embedding.expand(&tangent, |_| 0.0)
        };
        let batch = Batch::collect(prompts);
        let rows = self.products(&weights, live.len(), unit, &batch);
        for (row, &i) in rows.into_iter().zip(&live) {
            for (value, j) in embedding.pull_back(&row).into_iter().zip(0..p) {
                out[i * p + j] = value / prompts.len() as f64;
            }
        }
    }

    /// Sums over the prompts of Hessian-vector products along `unit(0)`, …, `unit(count − 1)`.
    fn products(
        &mut self,
        weights: &[f64],
        count: usize,
        unit: impl Fn(usize) -> Vec<f64> + Sync,
        batch: &Batch<f64>,
    ) -> Vec<Vec<f64>> {
        let (model, isa) = (self.model, self.isa);
        let mut rows = vec![vec![0.0; weights.len()]; count];
        self.pool.for_each(&mut self.workers, &mut rows, |worker, index, row| {
            let tangent = unit(index);
            let engine = worker.products.get_or_insert_with(|| products(isa, &model));
            engine.start(&Point { params: weights, tangent: &tangent });
            engine.add_gradient(blocks(batch, 0..batch.block_count(), &mut worker.scratch));
            engine.finish(1, row);
        });
        rows
    }
}

/// The blocks of a range.
fn blocks<'a, T: Trained, P: Prompts<T>>(
    prompts: &'a P,
    range: Range<usize>,
    scratch: &'a mut Scratch<T>,
) -> Blocks<'a, T> {
    let first = range.start * BLOCK;
    let len = prompts.len().min(range.end * BLOCK) - first;
    Blocks { values: prompts.blocks(range, scratch), rows: prompts.layout().rows(), prompts: len }
}
