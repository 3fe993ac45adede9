//! All claims in one table, and what follows from several of them together.

use super::Verdict;
use super::effect::Finding;
use super::study::Section;
use crate::table::Table;

/// A claim that stands or falls with others.
struct Composite {
    id: &'static str,
    text: &'static str,
    /// Claims, by the starts of their numbers.
    of: &'static [&'static str],
}

const COMPOSITES: [Composite; 5] = [
    Composite {
        id: "A1",
        text: "A linear Transformer with L = 3, d = 5 shows all features of real ones, larger ones \
               are alike",
        of: &["B1.1", "B1.2", "B1.3", "B2", "B3.1", "B3.2", "B3.3", "B4", "B5", "A1."],
    },
    Composite {
        id: "A2",
        text: "The features are stronger with heavier tails or more layers",
        of: &["D1", "D2", "E1", "E3", "E4"],
    },
    Composite {
        id: "A3",
        text: "Linear attention fits this task better than softmax attention",
        of: &["A3."],
    },
    Composite {
        id: "D4",
        text: "Heavy-tailed noise is not the only cause: lighter noise with a gap that is no smaller",
        of: &["D1", "D3.3", "D3.4"],
    },
    Composite { id: "F1", text: "Nonlinear regression shows the same four features", of: &["F1."] },
];

/// What the paper itself leaves open.
pub const ADMITTED: &str = "F2: the paper admits that it has no theory of why, and that linear \
                            regression may not capture language. No run of this program can decide \
                            that; nothing is claimed here of real Transformers.";

/// The verdict on several claims together: supported if all are, contradicted if one is.
fn together(findings: &[&Finding]) -> Option<(Verdict, String)> {
    let count = |verdict| findings.iter().filter(|f| f.verdict() == verdict).count();
    let [supported, contradicted, open] = Verdict::ALL.map(count);
    let verdict = match (contradicted, open) {
        (0, 0) => Verdict::Supported,
        (0, _) => Verdict::NotDistinguishable,
        _ => Verdict::Contradicted,
    };
    let text = format!(
        "{supported} of {} parts supported, {contradicted} contradicted, {open} not distinguishable",
        findings.len()
    );
    (!findings.is_empty()).then_some((verdict, text))
}

/// One row per claim: effect, verdict, agreement, robustness; first what follows from several.
pub fn table(sections: &[Section]) -> Table {
    let findings: Vec<(&Section, &Finding)> =
        sections.iter().flat_map(|s| s.findings.iter().map(move |f| (s, f))).collect();
    let composite = |composite: &Composite| {
        let own = findings.iter().map(|(_, finding)| *finding);
        let own = own.filter(|f| composite.of.iter().any(|start| belongs(f.claim, start)));
        let own: Vec<&Finding> = own.collect();
        let (verdict, text) = together(&own)?;
        let turning = own.iter().filter(|finding| !finding.is_robust()).count();
        let robust = format!("{turning} of {} parts depend on the convention", own.len());
        let cells = [composite.id, composite.text, &text, verdict.text(), &robust, ""];
        let row: Vec<String> = cells.map(String::from).into();
        Some(row)
    };
    let single = |(section, finding): &(&Section, &Finding)| {
        let first = finding.effects.first();
        vec![
            finding.claim.into(),
            format!("{} ({})", finding.text, section.name),
            first.map_or(String::new(), |e| format!("{} = {}", finding.what, e.text())),
            first.map_or("not measured".into(), super::effect::Effect::verdict_with_pairs),
            finding.robustness(),
            finding.agreement.clone().unwrap_or_default(),
        ]
    };
    let mut rows: Vec<Vec<String>> = COMPOSITES.iter().filter_map(composite).collect();
    rows.extend(findings.iter().map(single));
    let head =
        ["claim", "what is claimed", "effect (95 %)", "verdict", "robustness", "published numbers"];
    let title = "Every claim: effect by the paper's convention, verdict, and whether it survives \
                 other conventions. Ratios hold if above 1, correlations if above 0.";
    Table::new(title, &head, rows)
}

/// Whether a claim's number begins with another, at a dot or in whole.
fn belongs(claim: &str, start: &str) -> bool {
    claim == start
        || claim
            .strip_prefix(start)
            .is_some_and(|rest| start.ends_with('.') || rest.starts_with('.'))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::paper::effect::Effect;

    fn finding(claim: &'static str, logs: &[f64]) -> Finding {
        let effects = vec![Effect::of_logs("", logs)];
        Finding { claim, text: "", what: "", null: 1.0, effects, agreement: None }
    }

    #[test]
    fn several_claims_hold_together_only_if_each_does() {
        let up = finding("B1.1", &[1.0, 1.1]);
        let down = finding("B1.2", &[-1.0, -1.1]);
        let open = finding("B1.3", &[-1.0, 1.0]);
        assert_eq!(together(&[&up, &up]).unwrap().0, Verdict::Supported);
        assert_eq!(together(&[&up, &open]).unwrap().0, Verdict::NotDistinguishable);
        let (verdict, text) = together(&[&up, &open, &down]).unwrap();
        assert_eq!(verdict, Verdict::Contradicted);
        assert_eq!(text, "1 of 3 parts supported, 1 contradicted, 1 not distinguishable");
        assert!(together(&[]).is_none());
    }

    #[test]
    fn claims_belong_by_whole_numbers() {
        assert!(belongs("B1.1", "B1") && belongs("B1", "B1") && belongs("A1.1", "A1."));
        assert!(!belongs("B10", "B1") && !belongs("A1", "A1."));
    }
}
