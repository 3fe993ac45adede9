//! Losses that need no training, of a setting: computed once and kept in the store.

use serde::{Deserialize, Serialize};
use windtunnel_math::lanes::Isa;
use windtunnel_model::Transformer;
use windtunnel_train::baseline::{FIT_PROMPTS, FIT_VERSION};

use super::setting::Setting;
use windtunnel_lab::baseline::{Baseline, Baselines, baselines};
use windtunnel_runs::spec::{NUMERICS_VERSION, Precision, RunSpec, SpecError, run_id};
use windtunnel_runs::store::Store;

/// Baselines of a setting on its held-out prompts.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Theory {
    /// Baselines that are defined.
    pub lines: Vec<Line>,
    /// Names of the others, each with the reason why it is not defined.
    pub missing: Vec<(String, String)>,
}

/// Loss of one baseline; nothing where it overflows.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Line {
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
            lines: lines.iter().map(Line::new).collect(),
            missing: missing.iter().map(reason).collect(),
        }
    }

    /// The baseline whose name begins with `name`, or the reason why there is none.
    ///
    /// # Errors
    /// If it is not defined for the data.
    pub fn line(&self, name: &str) -> Result<&Line, String> {
        if let Some(line) = self.lines.iter().find(|line| line.name.starts_with(name)) {
            return Ok(line);
        }
        let missing = self.missing.iter().find(|(missing, _)| missing.starts_with(name));
        Err(missing.map_or("not among the baselines".into(), |(_, reason)| reason.clone()))
    }
}

impl Line {
    fn new(Baseline { name, mean, median, .. }: &Baseline) -> Line {
        let [mean, median] = [mean, median].map(|x| x.is_finite().then_some(*x));
        Line { name: name.clone(), mean, median }
    }
}

/// Spec of all that the baselines of a setting depend on, so that settings share them.
pub(super) fn theory_spec(setting: &Setting) -> Result<RunSpec, SpecError> {
    let mut spec = setting.bare_spec(setting.arms[0], 1, Some(1.0))?;
    let Transformer { depth, dim, .. } = spec.model.transformer;
    spec.model.transformer = Transformer::linear(depth, dim);
    spec.optimizer = spec.optimizer.with_clip_norm(None);
    spec.train.batch_size = 1;
    spec.train.precision = Precision::F64;
    Ok(spec)
}

/// Baselines of a spec, read from the store or computed and kept there.
pub(super) fn theory(store: &Store, spec: &RunSpec) -> Result<Theory, String> {
    let id = run_id(spec);
    let key = format!(
        "baselines of {id}, fit {FIT_VERSION} on {FIT_PROMPTS} prompts, numerics {NUMERICS_VERSION}"
    );
    let known = store.cached(&key).map_err(|e| e.to_string())?;
    if let Some(known) = known.and_then(|text| serde_json::from_str(&text).ok()) {
        return Ok(known);
    }
    let theory = Theory::new(&baselines(spec, Isa::detect(), 1));
    let text = serde_json::to_string(&theory).map_err(|e| e.to_string())?;
    store.cache(&key, &text).map_err(|e| e.to_string())?;
    Ok(theory)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Arm;
    use crate::setting::Rates;

    const NOISY: Setting = Setting {
        name: "noisy",
        title: "Noisy",
        sets: &["model.depth=1", "task.noise_std=0.5", "eval.batch_size=16"],
        quick_sets: &[],
        instruments: &[],
        arms: &Arm::ALL,
        rates: Rates::Published,
        steps: (1, 1),
        draws: 1,
        dose: 1.0,
    };

    #[test]
    fn what_is_not_defined_has_its_own_reason_also_from_the_store() {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(dir.path()).unwrap();
        let spec = theory_spec(&NOISY).unwrap();
        let (made, read) = (theory(&store, &spec).unwrap(), theory(&store, &spec).unwrap());
        assert_eq!(made, read);
        for name in ["GD,", "GD++,"] {
            let reason = made.line(name).unwrap_err();
            assert!(reason.contains("labels without noise"), "{reason}");
        }
        assert!(made.line("least squares").unwrap().mean.is_some_and(|mean| mean > 0.0));
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
        let line = theory.line("GD,").unwrap();
        assert_eq!((line.mean, line.median), (None, Some(1.0)));
    }
}
