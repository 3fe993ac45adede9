//! From a TOML table to a [`RunSpec`]: keys, defaults and ranges, section by section.

use toml::Table;
use windtunnel_measure::instrument::{DENSE_LIMIT, EstimatorPlan, Instrument, NoisePlan};
use windtunnel_model::Transformer;
use windtunnel_model::task::Family;
use windtunnel_train::Schedule;

use super::instruments::instruments;
use super::limits::{MAX_BATCH, MAX_FRESH_BATCHES, MAX_SEED, MAX_STEPS};
use super::memory::Memory;
use super::model::model;
use super::optimizer::optimizer;
use super::reader::{Section, key_among};
use super::task::task;
use super::{EvalSpec, PRESETS, Precision, Preset, RunSpec, Sections, SpecError, TrainSpec};

/// Every key of a spec but those of families and optimizers, for suggestions across sections.
const KEYS: [&str; 46] = [
    "preset",
    "task.dim",
    "task.context_len",
    "task.noise_std",
    "task.covariates",
    "task.covariates.kind",
    "task.covariates.covariance",
    "task.covariates.match",
    "task.w_star",
    "task.distractors",
    "task.labels",
    "task.labels_seed",
    "task.labels_hidden",
    "model.depth",
    "model.init_std",
    "model.attention",
    "model.mask",
    "model.heads",
    "model.parameterization",
    "model.corner",
    "model.tied",
    "model.encoder",
    "model.encoder_hidden",
    "train.steps",
    "train.batch_size",
    "train.seed",
    "train.precision",
    "eval.every",
    "eval.batch_size",
    "eval.seed",
    "eval.fresh_batches",
    "instruments.preset",
    "instruments.spectrum",
    "instruments.robust_condition",
    "instruments.directional_smoothness",
    "instruments.generalized_smoothness",
    "instruments.stability",
    "instruments.heterogeneity",
    "instruments.noise",
    "instruments.loss_tails",
    "instruments.update_geometry",
    "instruments.estimators",
    "instruments.noise_batch_sizes",
    "instruments.noise_draws",
    "instruments.noise_reference",
    "instruments.loss_prompts",
];

/// Every key of a spec.
pub(super) fn keys() -> impl Iterator<Item = String> {
    let families = Family::ALL.iter().flat_map(|family| family.parameters);
    let parameters = families.map(|parameter| format!("task.covariates.{}", parameter.key));
    let own = KEYS.iter().map(|key| (*key).into());
    own.chain(super::optimizer::keys()).chain(parameters)
}

/// The key of a spec that a word of another tool or command line means, as `optimizer.lr` for `lr`.
pub fn key_of(word: &str) -> Option<String> {
    key_among(keys().collect(), word)
}

/// Bytes of a row while a run goes on, with the copies that a checkpoint makes.
const ROW_BYTES: usize = 200;
/// Bytes that one run may need for its prompts, partial sums, noise or rows.
pub const MAX_MEMORY: usize = 4 << 30;

pub(super) fn resolve(table: Table) -> Result<RunSpec, SpecError> {
    let mut root = Section::root(table, || keys().collect());
    let names: Vec<&'static str> = PRESETS.iter().map(|p| p.name).collect();
    let chosen = root.choice("preset", PRESETS[0].name, &names)?;
    let preset = PRESETS.iter().find(|p| p.name == chosen).unwrap_or(&PRESETS[0]);
    let task = task(root.section("task", None)?, preset)?;
    let model = model(root.section("model", None)?, preset, task.task.dim())?;
    let optimizer_section = root.section("optimizer", Some("name"))?;
    let train = train(root.section("train", None)?, preset)?;
    let optimizer = optimizer(optimizer_section, preset, train.steps)?;
    let eval = eval(root.section("eval", None)?)?;
    let instruments = instruments(root.section("instruments", Some("preset"))?)?;
    root.finish()?;
    let sections = Sections { task, model, optimizer, train, eval, instruments };
    let spec = RunSpec(sections);
    check_memory(&spec)?;
    Ok(spec)
}

fn check_memory(spec: &RunSpec) -> Result<(), SpecError> {
    let Transformer { dim, depth, .. } = spec.model.transformer;
    let context_len = spec.task.task.context_len();
    let of = |batch| Memory::of(&spec.model.transformer, context_len, batch);
    let (train, eval) = (of(spec.train.batch_size), of(spec.eval.batch_size));
    let at = format!("at task.dim = {dim} and model.depth = {depth}");
    let check = |key: &str, value: usize, bytes: usize, needs: &str| {
        within(key, value, bytes, &format!("{needs} would take {} GiB {at}", bytes >> 30))
    };
    check("model.depth", depth, train.workspaces, "parameters and workspaces")?;
    check("task.context_len", context_len, train.scores, "scores of all pairs of tokens")?;
    check("train.batch_size", spec.train.batch_size, train.sums, "sums over the batch")?;
    let batches = 1 + spec.eval.fresh_batches;
    let held_out = eval.prompts.saturating_mul(batches);
    check("eval.batch_size", spec.eval.batch_size, held_out, "the held-out batches")?;
    let parts = [train.workspaces, train.scores, train.sums, held_out];
    let all = parts.into_iter().fold(0, usize::saturating_add);
    check("model.depth", depth, all, "workspaces, sums and the held-out batches together")?;
    let plan = &spec.instruments.plan;
    if spec.instruments.schedules.iter().any(|(instrument, _)| *instrument == Instrument::Noise) {
        let [draws, reference] = noise_memory(plan, spec.model.transformer.params());
        check("instruments.noise_draws", plan.draws, draws, "the gradients of all draws")?;
        check("instruments.noise_reference", plan.reference, reference, "sums over the batch")?;
    }
    check_rows(spec)
}

/// Bytes of the workspaces of one thread.
pub fn workspace_bytes(spec: &RunSpec) -> usize {
    Memory::of(&spec.model.transformer, spec.task.task.context_len(), 0).workspaces
}

/// Bytes that the draws of a noise study take at `params` parameters, and that sums over its
/// large-batch gradient take.
pub fn noise_memory(plan: &NoisePlan, params: usize) -> [usize; 2] {
    let estimators = EstimatorPlan::for_params(params);
    let vectors = Instrument::Noise.vectors(params, plan, &estimators);
    // A hundred parts, of which one is summed at a time, in chunks of 128 prompts.
    let chunks = plan.reference.div_ceil(100).div_ceil(128);
    [vectors, chunks.saturating_add(100)].map(|vectors| vectors.saturating_mul(8 * params))
}

/// Refuses runs whose rows take too much memory; they are in memory until the end of the run.
fn check_rows(spec: &RunSpec) -> Result<(), SpecError> {
    let (steps, params) = (spec.train.steps, spec.model.transformer.params());
    let batches = 1 + spec.eval.fresh_batches;
    let check = |key: &str, every: u64, count: u64, rows: usize| {
        let bytes = usize::try_from(count).unwrap_or(usize::MAX).saturating_mul(rows * ROW_BYTES);
        let needs =
            format!("so many rows would take {} GiB in train.steps = {steps} steps", bytes >> 30);
        within(key, every, bytes, &needs)
    };
    let eval = Schedule::Every(spec.eval.every);
    check("eval.every", spec.eval.every, eval.count(steps), 2 + 3 * batches)?;
    for (instrument, schedule) in &spec.instruments.schedules {
        let Schedule::Every(every) = schedule else { continue };
        let eigenvalues =
            if *instrument == Instrument::Spectrum { params.min(DENSE_LIMIT) } else { 0 };
        let key = format!("instruments.{}", instrument.name());
        let read = if instrument.reads_held_out() { batches } else { 1 };
        check(&key, *every, schedule.count(steps), (100 + eigenvalues) * read)?;
    }
    Ok(())
}

/// An error where a run would take more than [`MAX_MEMORY`].
fn within(
    key: &str,
    value: impl std::fmt::Display,
    bytes: usize,
    needs: &str,
) -> Result<(), SpecError> {
    if bytes <= MAX_MEMORY {
        return Ok(());
    }
    Err(SpecError::Value {
        key: key.into(),
        value: value.to_string(),
        allowed: format!("{needs}, more than {} GiB; change one of them", MAX_MEMORY >> 30),
    })
}

fn train(mut section: Section, preset: &Preset) -> Result<TrainSpec, SpecError> {
    let steps = section.integer("steps", 10_000, 1..=MAX_STEPS)?;
    let batch_size = section.size("batch_size", preset.batch_size, MAX_BATCH)?;
    let seed = section.integer("seed", 0, 0..=MAX_SEED)?;
    let precision = match section.choice("precision", "f32", &["f32", "f64"])? {
        "f64" => Precision::F64,
        _ => Precision::F32,
    };
    section.finish()?;
    Ok(TrainSpec { steps, batch_size, seed, precision })
}

fn eval(mut section: Section) -> Result<EvalSpec, SpecError> {
    let every = section.integer("every", 50, 1..=MAX_STEPS)?;
    let batch_size = section.size("batch_size", 1000, MAX_BATCH)?;
    let seed = section.integer("seed", 99, 0..=MAX_SEED)?;
    let fresh_batches = section.integer("fresh_batches", 0, 0..=MAX_FRESH_BATCHES)? as usize;
    section.finish()?;
    Ok(EvalSpec { every, batch_size, seed, fresh_batches })
}
