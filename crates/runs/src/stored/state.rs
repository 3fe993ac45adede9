//! States of trainers as tensors of the store, and back.

use windtunnel_math::lanes::Isa;
use windtunnel_math::objective::Block;
use windtunnel_model::Trained;
use windtunnel_optim::{Optimizer, Scalar};
use windtunnel_train::{HeldOut, Observer, Trainer, TrajectoryPoint};

use crate::exchange;
use crate::spec::{MultiplyAdd, Precision, RunSpec};
use crate::store::{Checkpoint, Row, Tensor, TensorData};

/// Scalars that the store holds.
pub trait Stored: Trained + Scalar {
    /// The tensor of these values.
    fn data(values: &[Self]) -> TensorData;
    /// The values of a tensor of this type.
    fn values(data: &TensorData) -> Option<&[Self]>;
}

impl Stored for f32 {
    fn data(values: &[f32]) -> TensorData {
        TensorData::F32(values.to_vec())
    }
    fn values(data: &TensorData) -> Option<&[f32]> {
        match data {
            TensorData::F32(values) => Some(values),
            TensorData::F64(_) => None,
        }
    }
}

impl Stored for f64 {
    fn data(values: &[f64]) -> TensorData {
        TensorData::F64(values.to_vec())
    }
    fn values(data: &TensorData) -> Option<&[f64]> {
        match data {
            TensorData::F64(values) => Some(values),
            TensorData::F32(_) => None,
        }
    }
}

/// Matrices as `params` in their shape and the encoder's tensors under PyTorch's names; state of the
/// optimizer as `optimizer.…` and of shadows as `shadow.…`, flat where there is an encoder or where
/// a part of the state has not one entry for each parameter.
pub fn tensors<T: Stored>(trainer: &Trainer<T>) -> Vec<Tensor> {
    let model = trainer.config().model;
    let flat = if model.encoder.is_some() { vec![model.params()] } else { model.shape() };
    let state = trainer.state().map(|(name, values)| {
        let shape = if values.len() == model.params() { flat.clone() } else { vec![values.len()] };
        Tensor::new(name, shape, T::data(values))
    });
    let mut rest = trainer.params();
    let params = exchange::tensors(&model).into_iter().map(|(name, shape)| {
        let (values, after) = rest.split_at(shape.iter().product());
        rest = after;
        Tensor::new(name, shape, T::data(values))
    });
    params.chain(state).collect()
}

/// A checkpoint of a trainer with the rows recorded so far.
pub fn checkpoint<T: Stored>(
    spec: &RunSpec,
    trainer: &Trainer<T>,
    rows: &[Row],
    wall_seconds: f64,
) -> Checkpoint {
    Checkpoint {
        step: trainer.step(),
        wall_seconds,
        spec_toml: spec.to_toml(),
        tensors: tensors(trainer),
        rows: rows.to_vec(),
    }
}

/// Restores a trainer from a checkpoint.
///
/// # Errors
/// If the checkpoint does not fit the trainer; part of it may have been restored then.
pub fn restore<T: Stored>(trainer: &mut Trainer<T>, checkpoint: &Checkpoint) -> Result<(), String> {
    let mut params = Vec::new();
    let mut state = Vec::new();
    let names: Vec<String> =
        exchange::tensors(&trainer.config().model).into_iter().map(|p| p.0).collect();
    let found = |name: &str| checkpoint.tensors.iter().any(|tensor| tensor.name() == name);
    if let Some(missing) = names.iter().find(|name| !found(name)) {
        return Err(format!("it has no tensor {missing}"));
    }
    // Tensors are stored by name; parameters have an order.
    let mut ordered: Vec<&Tensor> = checkpoint.tensors.iter().collect();
    ordered.sort_by_key(|tensor| names.iter().position(|name| name == tensor.name()));
    for tensor in ordered {
        let other = || format!("tensor {} has another precision", tensor.name());
        let values = T::values(tensor.data()).ok_or_else(other)?;
        match names.iter().any(|name| name == tensor.name()) {
            true => params.extend_from_slice(values),
            false => state.push((tensor.name(), values)),
        }
    }
    trainer.restore(checkpoint.step, &params, &state).map_err(|error| error.to_string())
}

/// Largest relative difference between the held-out losses of a state and those that another
/// multiply-add recorded: roundings of differences that may be a thousandth of their terms.
const OTHER_ROUNDING: f64 = 1e-2;

/// Fails if `state` is not where the run of `spec` ended, by the held-out losses of its last rows;
/// they were recorded with `multiply_add`.
pub(super) fn check(
    spec: &RunSpec,
    multiply_add: Option<MultiplyAdd>,
    state: &Checkpoint,
) -> Result<(), String> {
    let found = match spec.train.precision {
        Precision::F32 => held_out::<f32>(spec, state)?,
        Precision::F64 => held_out::<f64>(spec, state)?,
    };
    let is_same = multiply_add == Some(MultiplyAdd::here());
    let tolerance = if is_same { 0.0 } else { OTHER_ROUNDING };
    let recorded = |metric: &str| {
        let last = |row: &&Row| row.step == state.step && row.metric == metric;
        state.rows.iter().find(last).map(|row| row.value)
    };
    for (metric, value) in found.iter().take(COMPARED) {
        let Some(recorded) = recorded(metric) else { continue };
        let same = value.to_bits() == recorded.to_bits()
            || (value - recorded).abs() <= tolerance * recorded.abs();
        if !same {
            return Err(format!(
                "its parameters have a {metric} of {value}, but {recorded} was recorded; it may be \
                 another run's"
            ));
        }
    }
    Ok(())
}

/// Number of held-out losses that are compared: mean and median.
const COMPARED: usize = 2;

fn held_out<T: Stored>(spec: &RunSpec, state: &Checkpoint) -> Result<Vec<(String, f64)>, String> {
    let config = spec.train_config(Isa::detect(), 1);
    let mut trainer = Trainer::<T>::new(config.clone()).map_err(|e| e.to_string())?;
    restore(&mut trainer, state)?;
    let mut found = Vec::new();
    let point = TrajectoryPoint {
        step: state.step,
        last: true,
        params: trainer.params(),
        grad: &[],
        loss: f64::NAN,
        optimizer: &Optimizer::new(&config.optimizer, &Block::whole(0)),
        shadows: &[],
        oracle: None,
    };
    HeldOut::<T>::new(&config, spec.eval.batch_size, spec.eval.seed)
        .map_err(|error| error.to_string())?
        .observe(&point, &mut |_: u64, metric: &str, value: f64| {
            found.push((metric.to_owned(), value))
        });
    Ok(found)
}
