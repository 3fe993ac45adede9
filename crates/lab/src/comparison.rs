//! Comparison of two specs: pairs of runs, one to a seed, and the ratio of their losses with what it
//! is worth.

use serde::Serialize;
use windtunnel_figure::table::Table;
use windtunnel_measure::metric::Instrument;
use windtunnel_runs::spec::{Document, RunSpec, SpecError, run_id};
use windtunnel_runs::store::Store;
use windtunnel_runs::stored::Run;

use crate::chart::Member;
use crate::describe::describe;
use crate::inference::{
    Effect, HeldOutBatch, Observations, Ratios, RunStatistic, Tail, Tally, Verdict,
};
use crate::laboratory::{Error, Lab};
use crate::plan::Plan;
use crate::training::Status;

/// Fresh held-out batches of a spec that asks for none.
const FRESH: usize = 4;

/// Two specs and the seeds with which they are compared.
#[derive(Clone, Debug)]
pub struct SpecComparison {
    /// The first spec.
    pub a: RunSpec,
    /// The spec that it is compared with.
    pub b: RunSpec,
    /// Seeds of the pairs.
    pub seeds: Vec<u64>,
}

/// Result of a comparison.
#[derive(Clone, Debug, Serialize)]
pub struct Compared {
    /// Description of the first spec.
    pub a: String,
    /// Description of the second spec.
    pub b: String,
    /// Number of pairs.
    pub pairs: usize,
    /// Loss of the first over loss of the second by every statistic: the primary one, the mean over
    /// fixed prompts, all others.
    pub effects: Vec<Effect>,
}

impl SpecComparison {
    /// A comparison whose runs have fresh held-out batches and the tails of single losses, so that
    /// its intervals cover the batch and means of heavy tails are recognised.
    ///
    /// # Errors
    /// Two specs that make the same runs.
    pub fn new(a: &RunSpec, b: &RunSpec, seeds: Vec<u64>) -> Result<SpecComparison, SpecError> {
        let (a, b) = (prepared(a)?, prepared(b)?);
        if run_id(&a) == run_id(&b) {
            return Err(SpecError::Value {
                key: "B".into(),
                value: describe(&b),
                allowed: "a spec that differs from A in something; both make the same runs".into(),
            });
        }
        Ok(SpecComparison { a, b, seeds })
    }

    /// The runs of both specs.
    pub fn plan(&self) -> Plan {
        let runs = |spec: &RunSpec| {
            self.seeds.iter().map(|seed| spec.with_seed(*seed)).collect::<Vec<_>>()
        };
        Plan::of_runs("runs", runs(&self.a).into_iter().chain(runs(&self.b)))
    }

    /// Computes the runs that the store lacks, and compares.
    ///
    /// # Errors
    /// Errors that end the experiment; [`Error::Failed`] with the reason if a run failed.
    pub fn run(&self, lab: &Lab) -> Result<Compared, Error> {
        let plan = self.plan();
        let statuses = lab.execute(&plan)?;
        for (name, status) in plan.names().iter().zip(&statuses) {
            if let Status::Failed(reason) = status {
                return Err(Error::Failed(format!("{name}: {reason}")));
            }
        }
        let (a, b) = (
            members(lab.store(), &self.a, &self.seeds)?,
            members(lab.store(), &self.b, &self.seeds)?,
        );
        Ok(self.judge(&a, &b))
    }

    /// Compares runs of both specs, in the order of the seeds.
    pub fn judge(&self, a: &[Member], b: &[Member]) -> Compared {
        let (name_a, name_b) = (describe(&self.a), describe(&self.b));
        let fresh = self.a.eval.fresh_batches.min(self.b.eval.fresh_batches);
        let tail = Tail::heaviest([(name_a.as_str(), a), (name_b.as_str(), b)]);
        let ratios = |statistic: &RunStatistic| {
            let of = |name: &str, members: &[Member], spec: &RunSpec| Observations {
                of: name.into(),
                observations: members.iter().map(|m| statistic.of(m, spec.train.steps)).collect(),
            };
            Ratios::of(&[(of("A", a, &self.a), 1), (of("B", b, &self.b), -1)])
        };
        let effect = |statistic: &RunStatistic| {
            let effect = Effect::of_ratios(&statistic.name, &ratios(statistic));
            match statistic.is_mean_over_prompts() {
                true => Tail::bar(tail.as_ref(), effect),
                false => effect,
            }
        };
        let statistics = RunStatistic::losses(fresh);
        let mut effects: Vec<Effect> = statistics.iter().map(effect).collect();
        if let Some(primary) = statistics.first() {
            let name = format!("{}, median of the pairs", primary.name);
            effects.push(Effect::of_median(&name, &ratios(primary)));
        }
        // The first two always stay; of the others only those with a number.
        let mut index = 0..;
        effects.retain(|effect| index.next() < Some(2) || effect.estimate.units() > 0);
        Compared { a: name_a, b: name_b, pairs: self.seeds.len(), effects }
    }
}

/// The spec with what a comparison reads, if it does not ask for it itself.
fn prepared(spec: &RunSpec) -> Result<RunSpec, SpecError> {
    let mut document = Document::parse("spec", &spec.to_toml())?;
    if spec.eval.fresh_batches == 0 {
        document.set(&format!("eval.fresh_batches={FRESH}"))?;
    }
    let tails = Instrument::LossTails;
    if spec.instruments.schedules.iter().all(|(instrument, _)| *instrument != tails) {
        document.set(&format!("instruments.{}={{ at = [{}] }}", tails.name(), spec.train.steps))?;
    }
    document.resolve()
}

fn members(store: &Store, spec: &RunSpec, seeds: &[u64]) -> Result<Vec<Member>, Error> {
    let member = |seed: &u64| {
        let (run, _) = Run::finished(store, &run_id(&spec.with_seed(*seed)))?;
        Ok(Member { run: run.id, seed: *seed, rows: run.rows.into() })
    };
    seeds.iter().map(member).collect()
}

impl Compared {
    /// The verdict of the primary effect on "B ends lower than A".
    pub fn verdict(&self) -> Verdict {
        self.effects.first().map_or(Verdict::NotDistinguishable, Effect::verdict)
    }

    /// The answer in a sentence or two, then what it rests on.
    pub fn summary(&self) -> Vec<String> {
        let Some(primary) = self.effects.first() else { return Vec::new() };
        let answer = match self.verdict() {
            Verdict::Supported => "B ends with a lower loss than A.",
            Verdict::Contradicted => "A ends with a lower loss than B.",
            _ => "A and B cannot be told apart with these seeds.",
        };
        let ratio = format!(
            "{answer} Loss of A over loss of B: {}, over {} pairs of runs, one to a seed ({}).",
            primary.estimate.text(),
            primary.estimate.units(),
            primary.specification
        );
        let power = primary.power();
        let power = (!power.is_empty()).then(|| {
            format!("Ratios that pairs as different as these show four times in five: {power}.")
        });
        let all: Tally = self.effects.iter().map(Effect::verdict).collect();
        let robust = format!(
            "By all {} ways to make a number of a run, \"B ends lower\" is: {}.",
            all.total(),
            all.text()
        );
        let barred = self.effects.iter().find_map(|effect| effect.barred.as_ref());
        let barred = barred.map(|reason| format!("Means over prompts have no verdict: {reason}."));
        [ratio].into_iter().chain(power).chain([robust]).chain(barred).collect()
    }

    /// A row for every statistic but those on one fresh batch, which scatter around that on all.
    pub fn table(&self) -> Table {
        let row = |effect: &Effect| {
            vec![
                effect.specification.clone(),
                effect.estimate.text(),
                effect.estimate.units().to_string(),
                effect.verdict().text().into(),
            ]
        };
        let title = format!(
            "Loss of A ({}) over loss of B ({}): geometric mean over pairs, 95 % Student interval, each \
             alone; above 1 B is lower. Single fresh batches are in the JSON only.",
            self.a, self.b
        );
        let is_shown = |effect: &&Effect| !effect.specification.contains(HeldOutBatch::ONE);
        let head = ["statistic", "A/B (95 %)", "pairs", "B ends lower"];
        Table::new(&title, &head, self.effects.iter().filter(is_shown).map(row).collect())
    }
}
