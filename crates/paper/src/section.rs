//! Sections of the report: the results of a study, drawn and judged.

use super::effect::{Effect, Finding};
use super::evidence::Evidence;
use super::protocol::Protocol;
use super::published::agreement;
use super::rates;
use super::setting::Setting;
use super::study::Study;
use super::view::{self, Picture};
use windtunnel_figure::table::Table;

/// Pictures, tables and verdicts of a study.
pub struct Section {
    /// Name of the study.
    pub name: &'static str,
    /// Heading.
    pub title: &'static str,
    /// Whether the page has a placeholder for real Transformers.
    pub real: bool,
    /// Paragraphs before the pictures.
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
    /// The study drawn and judged.
    ///
    /// # Errors
    /// A name of a setting or an arm that the study lacks, or missing data of a setting.
    pub fn assemble(&self, evidence: &Evidence) -> Result<Section, String> {
        if let Some(unknown) = self.unknown() {
            return Err(unknown.text());
        }
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
            let shown = view::show(*view, self, evidence);
            pictures.extend(shown.pictures);
            tables.extend(shown.tables);
            summary.extend(shown.warnings);
        }
        pictures.extend(view::turning(self, evidence, &findings));
        let searches: Vec<_> =
            self.all_settings().flat_map(|setting| evidence.searches(setting)).collect();
        pictures.extend(Picture::of_rates(self, evidence, &searches));
        tables.extend(rates::table(&searches));
        let verdicts = serde_json::json!({
            "figure": self.name,
            "quick": evidence.protocol.quick,
            "seeds": evidence.protocol.seeds,
            "claims": findings,
            "agreement": agreement(self, evidence),
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

/// The claims under every convention; `None` if there are none.
fn findings_table(findings: &[Finding]) -> Option<Table> {
    let head = ["claim", "what is claimed", "effect of", "holds if", "convention", "effect"];
    let head: Vec<&str> = head.into_iter().chain(["95 %", "n", "verdict"]).collect();
    let row = |finding: &Finding, effect: &Effect| {
        vec![
            finding.claim.into(),
            finding.text.into(),
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
