//! Sections of the report: the results of a study, drawn and judged.

use super::evidence::Evidence;
use super::finding::{Finding, adjust};
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
    /// Sentence about the intervals, the same for all sections; empty if nothing is claimed.
    pub intervals: &'static str,
    /// Paragraphs before the pictures.
    pub summary: Vec<String>,
    /// Pictures, the study's own first.
    pub pictures: Vec<Picture>,
    /// Tables.
    pub tables: Vec<Table>,
    /// The claims with all their numbers, and their replication.
    pub details: Vec<Table>,
    /// The claims.
    pub findings: Vec<Finding>,
    /// All numbers of the verdicts.
    pub verdicts: serde_json::Value,
}

const INTERVALS: &str = "Intervals are Student's 95 % intervals over pairs of runs. A pair shares its \
                         initial parameters, training prompts and held-out batches, and no two pairs \
                         share any, so that intervals cover all of these.";

impl Study {
    /// The claims of the study, each judged alone.
    ///
    /// # Errors
    /// A name of a setting or an arm that the study lacks, or missing data of a setting.
    pub fn judge(&self, evidence: &Evidence) -> Result<Vec<Finding>, String> {
        if let Some(unknown) = self.unknown() {
            return Err(unknown.text());
        }
        let missing = |setting: &Setting| {
            evidence.failure(setting).map(|reason| format!("{}: {reason}", setting.name))
        };
        if let Some(missing) = self.all_settings().find_map(missing) {
            return Err(missing);
        }
        Ok(self.claims.iter().map(|claim| claim.judge(self, evidence)).collect())
    }

    /// The study drawn and judged, as a family of its own.
    ///
    /// # Errors
    /// As [`Study::judge`].
    pub fn assemble(&self, evidence: &Evidence) -> Result<Section, String> {
        let mut findings = self.judge(evidence)?;
        adjust(&mut findings.iter_mut().collect::<Vec<_>>(), 0);
        Ok(self.section(evidence, findings))
    }

    /// The study drawn, with findings on its claims.
    pub fn section(&self, evidence: &Evidence, findings: Vec<Finding>) -> Section {
        let mut pictures = Vec::new();
        let mut tables = Vec::new();
        let details = [findings_table(&findings), replication_table(&findings)];
        let details: Vec<Table> = details.into_iter().flatten().collect();
        let mut summary: Vec<String> = barred(&findings).into_iter().collect();
        summary.extend(self.notes.iter().map(|note| (*note).to_string()));
        for view in self.views {
            let shown = view::show(*view, self, evidence);
            pictures.extend(shown.pictures);
            tables.extend(shown.tables);
            summary.extend(shown.warnings);
        }
        pictures.extend(view::specifications(self, evidence, &findings));
        let searches: Vec<_> =
            self.all_settings().flat_map(|setting| evidence.searches(setting)).collect();
        pictures.extend(Picture::of_rates(self, evidence, &searches));
        tables.extend(rates::table(&searches));
        let verdicts = serde_json::json!({
            "figure": self.name,
            "quick": evidence.protocol.quick,
            "claims": findings.iter().map(Finding::json).collect::<Vec<_>>(),
            "agreement": agreement(self, evidence),
            "tables": details.iter().chain(&tables).map(table_json).collect::<Vec<_>>(),
        });
        Section {
            name: self.name,
            title: self.title,
            real: self.real,
            intervals: if findings.is_empty() { "" } else { INTERVALS },
            summary: summary.into_iter().filter(|line| !line.is_empty()).collect(),
            pictures,
            tables,
            details,
            findings,
            verdicts,
        }
    }
}

/// Sentence about numbers of the paper's own kind that have no verdict, with the reason of one of
/// them; `None` if all have one.
fn barred(findings: &[Finding]) -> Option<String> {
    let reason = |finding: &Finding| finding.of_paper().and_then(|effect| effect.barred.clone());
    let own: Vec<(&Finding, String)> =
        findings.iter().filter_map(|finding| Some((finding, reason(finding)?))).collect();
    let (first, reason) = own.first()?;
    Some(format!(
        "The paper's own statistic decides nothing about {} of the {} claims here. \"{}\": {reason}.",
        own.len(),
        findings.len(),
        first.text
    ))
}

fn table_json(table: &Table) -> serde_json::Value {
    serde_json::json!({ "title": table.title, "head": table.head, "rows": table.rows })
}

/// The claims by the primary estimand and the paper's own; `None` if there are none.
fn findings_table(findings: &[Finding]) -> Option<Table> {
    let head = [
        "what is claimed",
        "holds if",
        "estimand",
        "effect (95 %)",
        "n",
        "verdict",
        "adjusted p",
        "could find (80 %)",
        "all specifications",
        "number in docs/paper",
    ];
    let row = |finding: &Finding| {
        let primary = finding.primary().map(|effect| {
            vec![
                finding.text.into(),
                format!("{} {}", finding.what, finding.holds),
                effect.specification.clone(),
                effect.estimate.text(),
                effect.estimate.units().to_string(),
                finding.verdict().text().into(),
                p_value(finding.adjusted),
                effect.power(),
                finding.robustness(),
                finding.claim.into(),
            ]
        });
        let paper = finding.of_paper().map(|effect| {
            let mut row = vec![String::new(); head.len()];
            row[2] = format!("{} (the paper's own)", effect.specification);
            row[3] = effect.estimate.text();
            row[4] = effect.estimate.units().to_string();
            row[5] = effect.verdict().text().into();
            row
        });
        primary.into_iter().chain(paper)
    };
    let rows = findings.iter().flat_map(row);
    let title = "Claims by their primary estimand, with Holm's p-value for all claims judged together, and by \
                 the paper's own statistic, alone: geometric means of ratios over n pairs of seeds, or \
                 correlations";
    (!findings.is_empty()).then(|| Table::new(title, &head, rows.collect()))
}

/// The primary effects with other random streams; `None` if there is no replication.
fn replication_table(findings: &[Finding]) -> Option<Table> {
    let row = |finding: &Finding| {
        let (first, again) = (finding.primary()?, finding.replication.as_ref()?);
        Some(vec![
            finding.text.into(),
            first.estimate.text(),
            again.effect.estimate.text(),
            first.verdict().text().into(),
            again.effect.verdict().text().into(),
            if finding.replicates() == Some(true) { "yes" } else { "no" }.into(),
            finding.claim.into(),
        ])
    };
    let rows: Vec<Vec<String>> = findings.iter().filter_map(row).collect();
    let family = findings.iter().find_map(|finding| finding.replication.as_ref())?.family;
    let head = [
        "what is claimed",
        "effect",
        "again",
        "verdict alone",
        "again",
        "agree",
        "number in docs/paper",
    ];
    let title = format!(
        "The primary effects, and again with seeds {} on: other initial parameters, training prompts \
         and held-out batches; both judged alone",
        crate::Protocol::PUBLISHED.of_family(family).seed(0)
    );
    Some(Table::new(&title, &head, rows))
}

/// Text of a p-value.
fn p_value(p: f64) -> String {
    if p < 0.001 { "< 0.001".into() } else { format!("{p:.3}") }
}
