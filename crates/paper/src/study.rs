//! A study: settings of runs, views of them, claims about them; and the section of the report that
//! it becomes.

use serde::Serialize;

use super::claim::Claim;
use super::effect::{Effect, Finding};
use super::evidence::Evidence;
use super::quantity::{LOSS, reached};
use super::rates;
use super::reading::Readings;
use super::setting::Setting;
use super::view::{Picture, View, turns};
use super::{Arm, Protocol};
use windtunnel_figure::table::{Table, number};

/// A figure of the paper, or one beyond it.
#[derive(Debug)]
pub struct Study {
    /// Name on the command line and of files.
    pub name: &'static str,
    /// What it shows.
    pub title: &'static str,
    /// Its panels.
    pub settings: &'static [Setting],
    /// What is drawn.
    pub views: &'static [View],
    /// What is claimed.
    pub claims: &'static [Claim],
    /// The same settings under another protocol, under which claims about losses are judged too.
    pub alternatives: &'static [(&'static str, &'static [Setting])],
    /// Published losses of the first setting.
    pub readings: &'static [Reading],
    /// Published ratios of robust condition numbers.
    pub published: &'static [Published],
    /// Whether the paper's figure shows real Transformers on the left.
    pub real: bool,
    /// What a reader should know besides.
    pub notes: &'static [&'static str],
}

impl Study {
    /// A study of nothing.
    pub const EMPTY: Study = Study {
        name: "",
        title: "",
        settings: &[],
        views: &[],
        claims: &[],
        alternatives: &[],
        readings: &[],
        published: &[],
        real: false,
        notes: &[],
    };

    /// All settings whose runs it needs.
    pub fn all_settings(&self) -> impl Iterator<Item = &'static Setting> {
        let alternatives = self.alternatives.iter().flat_map(|(_, settings)| settings.iter());
        self.settings.iter().chain(alternatives)
    }

    /// Whether it looks at the noise at initialization.
    pub fn needs_noise(&self) -> bool {
        self.views.contains(&View::InitialNoise)
    }

    /// Whether it draws what needs no training.
    pub fn needs_theory(&self) -> bool {
        self.views.contains(&View::Losses)
    }

    /// The published losses beside ours.
    pub(super) fn agreement(&self, evidence: &Evidence) -> Vec<Agreement> {
        let Some(setting) = self.settings.first() else { return Vec::new() };
        let steps = setting.steps(&evidence.protocol);
        let reading = |&Reading { arm, step, loss: published }: &Reading| {
            let of_run = |member| reached(member, &LOSS, step, steps);
            let readings = evidence.members(setting, arm).iter().map(of_run).collect();
            let mean = Readings { of: arm.name().into(), readings }.mean();
            let (ours, reason) = match mean {
                Ok(ours) => (Some(ours), None),
                Err(reason) => (None, Some(reason)),
            };
            let factor = ours.map(|ours| (ours / published).max(published / ours));
            let factor = factor.filter(|factor| factor.is_finite());
            let reason = match (ours, factor) {
                (Some(_), None) => Some("the factor is beyond the largest double".into()),
                _ => reason,
            };
            Agreement { optimizer: arm.name(), step, published, ours, factor, reason }
        };
        let made = self.readings.iter().filter(|reading| reading.step <= steps);
        made.map(reading).collect()
    }

    /// Sentence about the published losses beside ours; nothing where none were published.
    pub(super) fn agreement_in_words(&self, evidence: &Evidence) -> Option<String> {
        let agreement = self.agreement(evidence);
        let worst = agreement.iter().filter_map(|a| a.factor).reduce(f64::max);
        let within = worst
            .map(|worst| format!("losses within a factor of {worst:.2} of the authors' notebook"));
        let mut reasons: Vec<String> = Vec::new();
        for a in &agreement {
            let reason = a.reason.as_ref().map(|reason| format!("step {}: {reason}", a.step));
            reasons.extend(reason.filter(|reason| !reasons.contains(reason)));
        }
        let lines: Vec<String> = within.into_iter().chain(reasons).collect();
        (!lines.is_empty()).then(|| lines.join("; "))
    }
}

/// A published mean over seeds of the first setting's loss.
#[derive(Clone, Copy, Debug)]
pub struct Reading {
    /// Optimizer.
    pub arm: Arm,
    /// Step.
    pub step: u64,
    /// Loss.
    pub loss: f64,
}

/// A published ratio SGDM/Adam: mean and standard deviation over six seeds.
#[derive(Clone, Copy, Debug)]
pub struct Published {
    /// Which setting.
    pub setting: usize,
    /// Where: the paper's table or the authors' notebook.
    pub source: &'static str,
    /// At which step.
    pub step: u64,
    /// Mean over seeds.
    pub mean: f64,
    /// Standard deviation over seeds.
    pub std: f64,
}

/// Agreement with one published reading.
#[derive(Clone, Debug, Serialize)]
pub struct Agreement {
    /// Optimizer.
    pub optimizer: &'static str,
    /// Step of the reading.
    pub step: u64,
    /// Published mean over seeds.
    pub published: f64,
    /// Ours at the same step.
    pub ours: Option<f64>,
    /// max(ours/published, published/ours).
    pub factor: Option<f64>,
    /// Reason why `ours` or `factor` is missing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

impl Agreement {
    /// Text of the factor, or the reason why there is none.
    pub(super) fn factor_in_words(&self) -> String {
        let reason = self.reason.as_deref().unwrap_or_default();
        self.factor.map_or_else(|| format!("not compared: {reason}"), in_words)
    }
}

/// Text of a factor to two decimals.
fn in_words(factor: f64) -> String {
    if factor < 1000.0 { format!("{factor:.2}") } else { number(factor) }
}

/// What a study found.
pub struct Section {
    /// Name of the study.
    pub name: &'static str,
    /// What it shows.
    pub title: &'static str,
    /// Whether a place is kept for real Transformers.
    pub real: bool,
    /// What a reader should know before the pictures.
    pub summary: Vec<String>,
    /// Pictures, the study's own first.
    pub pictures: Vec<Picture>,
    /// Tables.
    pub tables: Vec<Table>,
    /// The claims.
    pub findings: Vec<Finding>,
    /// All numbers of the verdicts.
    pub verdicts: serde_json::Value,
}

impl Study {
    /// Draws and judges the study.
    ///
    /// # Errors
    /// What is missing, where a setting lacks something.
    pub fn assemble(&self, evidence: &Evidence) -> Result<Section, String> {
        let missing = |setting: &Setting| {
            evidence.failure(setting).map(|reason| format!("{}: {reason}", setting.name))
        };
        if let Some(missing) = self.all_settings().find_map(missing) {
            return Err(missing);
        }
        let findings: Vec<Finding> =
            self.claims.iter().map(|claim| claim.judge(self, evidence)).collect();
        let mut pictures = Vec::new();
        let mut tables: Vec<Table> = findings_table(&findings).into_iter().collect();
        let mut summary = vec![self.intervals(evidence)];
        summary.extend(self.notes.iter().map(|note| (*note).to_string()));
        for view in self.views {
            let shown = view.show(self, evidence);
            pictures.extend(shown.pictures);
            tables.extend(shown.tables);
            summary.extend(shown.warnings);
        }
        pictures.extend(turns::picture(self, evidence, &findings));
        let searches: Vec<_> =
            self.all_settings().flat_map(|setting| evidence.searches(setting)).collect();
        pictures.extend(Picture::of_rates(self, evidence, &searches));
        tables.extend(rates::table(&searches));
        let verdicts = serde_json::json!({
            "figure": self.name,
            "quick": evidence.protocol.quick,
            "seeds": evidence.protocol.seeds,
            "claims": findings,
            "agreement": self.agreement(evidence),
            "tables": tables.iter().map(table_json).collect::<Vec<_>>(),
        });
        Ok(Section {
            name: self.name,
            title: self.title,
            real: self.real,
            summary: summary.into_iter().filter(|line| !line.is_empty()).collect(),
            pictures,
            tables,
            findings,
            verdicts,
        })
    }

    fn intervals(&self, evidence: &Evidence) -> String {
        let Protocol { quick, seeds } = evidence.protocol;
        let warning = evidence.protocol.warning();
        let short = if quick { "hardly more than their range" } else { "somewhat short" };
        let intervals = format!(
            "Intervals are 95 % bootstrap over {seeds} paired seeds: with so few, {short}."
        );
        if self.claims.is_empty() { warning } else { format!("{warning}{intervals}") }
    }
}

fn table_json(table: &Table) -> serde_json::Value {
    serde_json::json!({ "title": table.title, "head": table.head, "rows": table.rows })
}

/// The claims under every convention; none where nothing is claimed.
fn findings_table(findings: &[Finding]) -> Option<Table> {
    let head = ["claim", "effect of", "holds if", "convention", "effect", "95 %", "n"];
    let head: Vec<&str> = head.into_iter().chain(["verdict"]).collect();
    let row = |finding: &Finding, effect: &Effect| {
        vec![
            finding.claim.into(),
            finding.what.into(),
            finding.holds.into(),
            effect.convention.clone(),
            effect.estimate.center(),
            effect.estimate.span(),
            effect.estimate.units().to_string(),
            effect.verdict_with_pairs(),
        ]
    };
    let rows = findings.iter().flat_map(|f| f.effects.iter().map(move |e| row(f, e)));
    let title = "Claims under every convention: geometric means of ratios over n paired seeds \
                 (where a run diverged their median and range), or correlations of n points";
    (!findings.is_empty()).then(|| Table::new(title, &head, rows.collect()))
}
