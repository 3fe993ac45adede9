//! Losses that need no training, computed once and cached in the store.

use serde::{Deserialize, Serialize};
use windtunnel_math::lanes::Isa;
use windtunnel_model::Transformer;
use windtunnel_train::baseline::{FIT_PROMPTS, FIT_VERSION};

use crate::baseline::{Baseline, BaselineKind, Baselines, baselines};
use crate::cached::{obtain, recall};
use windtunnel_runs::spec::{NUMERICS_VERSION, Precision, RunSpec, SpecError, run_id};
use windtunnel_runs::store::{self, Store};

/// Baselines on the held-out prompts of a spec.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Theory {
    /// Baselines that are defined.
    pub lines: Vec<BaselineLoss>,
    /// Names of the others, each with the reason why it is not defined.
    pub missing: Vec<(String, String)>,
}

/// Loss of one baseline; `None` if it overflows.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct BaselineLoss {
    /// Name of the baseline, with its number of steps.
    pub name: String,
    /// Mean over the held-out prompts.
    pub mean: Option<f64>,
    /// Median over the held-out prompts.
    pub median: Option<f64>,
}

impl Theory {
    fn new(Baselines { lines, missing }: &Baselines) -> Theory {
        let reason = |(name, reason): &(String, _)| (name.clone(), format!("{reason}"));
        Theory {
            lines: lines.iter().map(BaselineLoss::new).collect(),
            missing: missing.iter().map(reason).collect(),
        }
    }

    /// The baseline of a kind, or the reason why there is none.
    ///
    /// # Errors
    /// If it is not defined for the data.
    pub fn line(&self, kind: BaselineKind) -> Result<&BaselineLoss, String> {
        if let Some(line) = self.lines.iter().find(|line| kind.is_of(&line.name)) {
            return Ok(line);
        }
        let missing = self.missing.iter().find(|(missing, _)| kind.is_of(missing));
        Err(missing.map_or("not among the baselines".into(), |(_, reason)| reason.clone()))
    }
}

impl BaselineLoss {
    fn new(Baseline { name, mean, median, .. }: &Baseline) -> BaselineLoss {
        let [mean, median] = [mean, median].map(|x| x.is_finite().then_some(*x));
        BaselineLoss { name: name.clone(), mean, median }
    }
}

/// Fit of the baselines of a spec.
#[derive(Clone, Debug, PartialEq)]
pub struct BaselineFit {
    spec: RunSpec,
}

impl BaselineFit {
    /// The fit for a spec, reduced to what baselines depend on, so that runs of one task share it.
    ///
    /// # Errors
    /// None in practice: what is left of a valid spec is valid.
    pub fn new(spec: &RunSpec) -> Result<BaselineFit, SpecError> {
        let spec = spec.with_lr(1.0).with_seed(0).with(|spec| {
            let Transformer { depth, dim, .. } = spec.model.transformer;
            spec.model.transformer = Transformer::linear(depth, dim);
            spec.optimizer = spec.optimizer.clone().with_clip_norm(None);
            spec.instruments.schedules.clear();
            spec.eval.fresh_batches = 0;
            spec.train.steps = 1;
            spec.train.batch_size = 1;
            spec.train.precision = Precision::F64;
        })?;
        Ok(BaselineFit { spec })
    }

    /// The spec of the fit.
    pub fn spec(&self) -> &RunSpec {
        &self.spec
    }

    /// Key of the result in the store.
    pub fn key(&self) -> String {
        let id = run_id(&self.spec);
        format!(
            "baselines of {id}, fit {FIT_VERSION} on {FIT_PROMPTS} prompts, numerics \
             {NUMERICS_VERSION}"
        )
    }

    /// The result, if the store has it.
    ///
    /// # Errors
    /// A store that cannot be read.
    pub fn recall(&self, store: &Store) -> Result<Option<Theory>, store::Error> {
        recall(store, &self.key())
    }

    /// The result, from the cache of the store or computed and cached.
    ///
    /// # Errors
    /// A store that can be neither read nor written.
    pub fn obtain(&self, store: &Store) -> Result<Theory, String> {
        obtain(store, &self.key(), || Ok(Theory::new(&baselines(&self.spec, Isa::detect(), 1))))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use windtunnel_runs::spec::Document;

    fn noisy() -> RunSpec {
        let mut document = Document::empty();
        for set in ["model.depth=1", "task.noise_std=0.5", "eval.batch_size=16"] {
            document.set(set).unwrap();
        }
        document.resolve().unwrap()
    }

    #[test]
    fn what_is_not_defined_has_its_own_reason_also_from_the_store() {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(dir.path()).unwrap();
        let fit = BaselineFit::new(&noisy()).unwrap();
        assert_eq!(fit.recall(&store).unwrap(), None);
        let (made, read) = (fit.obtain(&store).unwrap(), fit.recall(&store).unwrap().unwrap());
        assert_eq!(made, read);
        for kind in [BaselineKind::GradientDescent, BaselineKind::GdPlusPlus] {
            let reason = made.line(kind).unwrap_err();
            assert!(reason.contains("labels without noise"), "{reason}");
        }
        assert!(made.line(BaselineKind::LeastSquares).unwrap().mean.is_some_and(|mean| mean > 0.0));
    }

    #[test]
    fn what_overflows_is_read_back_as_missing() {
        let line = Baseline {
            name: "GD, 1 steps".into(),
            mean: f64::INFINITY,
            median: 1.0,
            scalars: None,
        };
        let theory = Theory::new(&Baselines { lines: vec![line], missing: Vec::new() });
        let text = serde_json::to_string(&theory).unwrap();
        assert_eq!(serde_json::from_str::<Theory>(&text).unwrap(), theory);
        let line = theory.line(BaselineKind::GradientDescent).unwrap();
        assert_eq!((line.mean, line.median), (None, Some(1.0)));
    }
}
