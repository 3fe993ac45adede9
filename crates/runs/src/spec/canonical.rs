//! The one textual form of a spec, and the identity that is its hash.

use sha2::{Digest, Sha256};
use toml::{Table, Value};

use windtunnel_model::task::family;
use windtunnel_model::task::{Labels, Size, WStar};

use super::{CovarianceSpec, MultiplyAdd, RunId, RunSpec};

pub use windtunnel_math::NUMERICS_VERSION;

/// Identity of the run of `spec` on this machine: the first 64 bits of SHA-256 over the numerics
/// version, the multiply-add where it is not the fused one, and the resolved spec.
pub fn run_id(spec: &RunSpec) -> RunId {
    run_id_with(MultiplyAdd::here(), spec)
}

/// Identity of the run of `spec` on a machine with this multiply-add.
pub fn run_id_with(multiply_add: MultiplyAdd, spec: &RunSpec) -> RunId {
    run_id_of_text(spec.numerics(), multiply_add, &spec.to_toml())
}

/// Identity of the run of a resolved spec, as [`RunSpec::to_toml`] writes it, under any version of
/// the arithmetic.
pub fn run_id_of_text(numerics: u32, multiply_add: MultiplyAdd, spec_toml: &str) -> RunId {
    let mut hash = Sha256::new();
    hash.update(format!("numerics {numerics}\n"));
    // Not for the fused one: almost all machines have it, and their runs keep their names.
    if multiply_add != MultiplyAdd::Fused {
        hash.update(format!("multiply_add {}\n", multiply_add.name()));
    }
    hash.update(spec_toml);
    let digest = hash.finalize();
    let mut first = [0; 8];
    first.copy_from_slice(&digest[..8]);
    RunId::from(u64::from_be_bytes(first))
}

impl RunSpec {
    /// Version of the arithmetic that makes the numbers of this spec: [`NUMERICS_VERSION`], or that of
    /// its attention where it alone moved later.
    pub fn numerics(&self) -> u32 {
        NUMERICS_VERSION.max(self.model.transformer.attention.numerics())
    }

    /// The resolved spec: every key, in a fixed order, with shortest numbers.
    pub fn to_toml(&self) -> String {
        // Tables of this crate sort their keys, which fixes the order.
        let mut table: Table = Table::from_iter([
            ("task".into(), self.task_table().into()),
            ("model".into(), self.model.table().into()),
            ("optimizer".into(), super::optimizer::table(&self.optimizer).into()),
            ("train".into(), self.train_table().into()),
            ("eval".into(), self.eval_table().into()),
        ]);
        if let Some(instruments) = self.instruments.table() {
            table.insert("instruments".into(), instruments.into());
        }
        table.to_string()
    }

    /// The canonical table. Keys that are younger than the first stored runs are there only where
    /// they differ from their default, so that those runs keep their names.
    fn task_table(&self) -> Table {
        let task = &self.task.task;
        let mut entries = table([
            ("dim", integer(task.dim() as u64)),
            ("context_len", integer(task.context_len() as u64)),
            ("noise_std", task.noise_std().into()),
            ("covariates", self.covariates_table().into()),
        ]);
        if task.w_star() == WStar::InverseCovariance {
            entries.insert("w_star".into(), "inverse_covariance".into());
        }
        if task.distractors() > 0 {
            entries.insert("distractors".into(), integer(task.distractors() as u64));
        }
        if let Labels::Mlp(net) = task.labels() {
            entries.insert("labels".into(), "mlp".into());
            entries.insert("labels_seed".into(), integer(net.seed()));
            entries.insert("labels_hidden".into(), integer(net.hidden() as u64));
        }
        entries
    }

    fn covariates_table(&self) -> Table {
        let law = &self.task.covariates;
        let mut entries = table([("kind", law.family.name().into())]);
        for (parameter, value) in law.family.parameters().iter().zip(law.family.values()) {
            let value = match value {
                family::Value::Number(x) => x.into(),
                family::Value::List(list) => list.into(),
            };
            entries.insert(parameter.key.into(), value);
        }
        if law.family.name() == "gaussian" || law.covariance != CovarianceSpec::Identity {
            entries.insert("covariance".into(), covariance_value(&law.covariance));
        }
        if law.size == Size::SecondMoment {
            entries.insert("match".into(), "second_moment".into());
        }
        entries
    }

    fn train_table(&self) -> Table {
        table([
            ("steps", integer(self.train.steps)),
            ("batch_size", integer(self.train.batch_size as u64)),
            ("seed", integer(self.train.seed)),
            ("precision", self.train.precision.name().into()),
        ])
    }

    fn eval_table(&self) -> Table {
        let mut entries = table([
            ("every", integer(self.eval.every)),
            ("batch_size", integer(self.eval.batch_size as u64)),
            ("seed", integer(self.eval.seed)),
        ]);
        if self.eval.fresh_batches > 0 {
            entries.insert("fresh_batches".into(), integer(self.eval.fresh_batches as u64));
        }
        entries
    }
}

fn covariance_value(covariance: &CovarianceSpec) -> Value {
    match covariance {
        CovarianceSpec::Identity => "identity".into(),
        CovarianceSpec::Diagonal(variances) => variances.clone().into(),
        CovarianceSpec::Full(rows) => rows.clone().into(),
        CovarianceSpec::Rotated { spectrum, rotation_seed } => table([
            ("spectrum", spectrum.clone().into()),
            ("rotation_seed", integer(*rotation_seed)),
        ])
        .into(),
        CovarianceSpec::PowerLaw { alpha, rotation_seed } => {
            let mut law = table([("power_law", (*alpha).into())]);
            if let Some(seed) = rotation_seed {
                law.insert("rotation_seed".into(), integer(*seed));
            }
            law.into()
        }
    }
}

fn table<const N: usize>(entries: [(&str, Value); N]) -> Table {
    entries.into_iter().map(|(key, value)| (key.into(), value)).collect()
}

/// The TOML value of an integer; every integer of a spec was read from one.
fn integer(x: u64) -> Value {
    Value::Integer(i64::try_from(x).unwrap_or(i64::MAX))
}
