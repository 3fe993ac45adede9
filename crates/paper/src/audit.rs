//! All claims in one table, and conclusions from several of them together.

use super::finding::Finding;
use super::section::Section;
use windtunnel_figure::table::Table;
use windtunnel_lab::inference::{Tally, Verdict};

/// A claim that depends on several others.
struct Composite {
    id: &'static str,
    text: &'static str,
    /// Numbers of the claims.
    of: &'static [&'static str],
}

const COMPOSITES: [Composite; 5] = [
    Composite {
        id: "A1",
        text: "A linear Transformer with L = 3, d = 5 shows all features of real ones, larger ones \
               are alike",
        of: &[
            "B1.1", "B1.2", "B1.3", "B2.1", "B2.2", "B2.3", "B3.1", "B3.2", "B3.3", "B4.1", "B4.2",
            "B4.3", "B4.4", "B5.1", "B5.2", "B5.3", "A1.1",
        ],
    },
    Composite {
        id: "A2",
        text: "The features are stronger with heavier tails or more layers",
        of: &["D1", "D2", "E1.1", "E1.2", "E1.3", "E3.1", "E3.2", "E3.3", "E4.1", "E4.2", "E4.3"],
    },
    Composite {
        id: "A3",
        text: "Linear attention fits this task better than softmax attention",
        of: &["A3.1", "A3.2", "A3.3"],
    },
    Composite {
        id: "D4",
        text: "Heavy-tailed noise is not the only cause: lighter noise with a gap that is no smaller",
        of: &["D1", "D3.3", "D3.4"],
    },
    Composite {
        id: "F1",
        text: "Nonlinear regression shows the same four features",
        of: &["F1.1", "F1.2", "F1.3", "F1.4"],
    },
];

/// The question that the paper itself leaves open.
pub const ADMITTED: &str = "The paper admits that it has no theory of why, and that linear \
                            regression may not capture language. No run of this program can decide \
                            that; nothing is claimed here of real Transformers.";

/// The verdict on several claims together: supported if all are, contradicted if one is.
fn together(findings: &[&Finding]) -> (Verdict, String) {
    let count = |verdict| findings.iter().filter(|f| f.verdict() == verdict).count();
    let [supported, contradicted, open, barred] = Verdict::ALL.map(count);
    let open = open + barred;
    let verdict = match (contradicted, open) {
        (0, 0) => Verdict::Supported,
        (0, _) => Verdict::NotDistinguishable,
        _ => Verdict::Contradicted,
    };
    let text = format!(
        "{supported} of {} parts supported, {contradicted} contradicted, {open} not distinguishable",
        findings.len()
    );
    (verdict, text)
}

/// The claims that another consists of; `None` unless all of them were judged.
fn parts<'a>(composite: &Composite, findings: &[&'a Finding]) -> Option<Vec<&'a Finding>> {
    let find = |id: &&str| findings.iter().copied().find(|finding| finding.claim == *id);
    composite.of.iter().map(find).collect()
}

/// Sentences that count the claims of all sections by their verdicts; none if nothing is claimed.
pub fn headline(sections: &[Section]) -> Vec<String> {
    let findings: Vec<&Finding> = sections.iter().flat_map(|section| &section.findings).collect();
    sentences(&findings)
}

fn sentences(findings: &[&Finding]) -> Vec<String> {
    let count = |is: &dyn Fn(&Finding) -> bool| findings.iter().filter(|own| is(own)).count();
    let Tally { supported, contradicted, open, barred: unsettled } =
        findings.iter().map(|finding| finding.verdict()).collect();
    let alike = count(&|finding| finding.effects.len() > 1 && finding.is_robust());
    let turned = count(&|finding| finding.flips());
    let barred = count(&|finding| finding.of_paper().is_some_and(|own| own.barred.is_some()));
    let (repeated, same) = (
        count(&|finding| finding.replicates().is_some()),
        count(&|finding| finding.replicates() == Some(true)),
    );
    let sentences = [
        (
            !findings.is_empty(),
            format!(
                "What reproduces: {supported} of {} claims are supported, each by one primary estimand \
                 and adjusted for the number of claims.",
                findings.len()
            ),
        ),
        (
            !findings.is_empty(),
            format!(
                "What does not: {} contradicted{}, {} not distinguishable from no effect with these \
                 runs.",
                if contradicted == 1 { "1 is".into() } else { format!("{contradicted} are") },
                named(findings),
                if open + unsettled == 1 {
                    "1 is".into()
                } else {
                    format!("{} are", open + unsettled)
                },
            ),
        ),
        (
            !findings.is_empty(),
            format!(
                "What depends on conventions: {alike} verdicts are the same under every other \
                 specification (statistic, steps, held-out batch, protocol), and for {turned} another \
                 specification says the opposite."
            ),
        ),
        (
            barred > 0,
            format!(
                "The paper's own statistic, a mean over 1000 fixed prompts, decides nothing about \
                 {barred} of them: after training, losses of single prompts are so heavy-tailed that \
                 such a mean does not settle."
            ),
        ),
        (
            repeated > 0,
            format!(
                "With other random streams throughout, {same} of {repeated} verdicts are the same \
                 (both alone)."
            ),
        ),
    ];
    sentences.into_iter().filter_map(|(is_said, text)| is_said.then_some(text)).collect()
}

/// The contradicted claims in parentheses, if they are few; empty otherwise.
fn named(findings: &[&Finding]) -> String {
    const FEW: usize = 3;
    let own = findings.iter().filter(|own| own.verdict() == Verdict::Contradicted);
    let texts: Vec<String> = own.map(|own| format!("\"{}\"", own.text)).collect();
    match texts.len() {
        1..=FEW => format!(" ({})", texts.join("; ")),
        _ => String::new(),
    }
}

/// One row per claim: effect, verdict, agreement, robustness. Composite claims come first, if all
/// their parts are there.
pub fn table(sections: &[Section]) -> Table {
    let rows = rows(sections).into_iter().map(|(row, _)| row).collect();
    let head =
        ["claim", "what is claimed", "effect (95 %)", "verdict", "robustness", "published numbers"];
    let title = "Every claim: effect by its primary estimand, verdict adjusted for all claims of its \
                 family, and what all other specifications say. A claim holds if its ratio is above 1 \
                 or its correlation above 0; one of equality if the ratio is 1 within a tenth.";
    Table::new(title, &head, rows)
}

/// The claims that consist of several others; `None` if none has all of its parts.
pub fn composites(sections: &[Section]) -> Option<Table> {
    let rows: Vec<Vec<String>> =
        composite_rows(sections).into_iter().map(|row| row[1..5].to_vec()).collect();
    let head = ["what is claimed", "its parts", "verdict", "robustness"];
    let title = "Claims that consist of several others: supported if each of them is, contradicted if \
                 one is";
    (!rows.is_empty()).then(|| Table::new(title, &head, rows))
}

/// The table of all claims without its long columns.
pub fn brief(sections: &[Section]) -> Table {
    let row = |(row, flips): (Vec<String>, bool)| {
        let [text, effect, verdict] = [1, 2, 3].map(|k| row[k].clone());
        let other = if flips { " (another specification says the opposite)" } else { "" };
        vec![format!("{verdict}{other}"), text, effect]
    };
    let head = ["verdict", "what is claimed", "effect (95 %)"];
    Table::new("Claims", &head, rows(sections).into_iter().map(row).collect())
}

/// Cells of [`table`] for every claim that consists of others which are all there.
fn composite_rows(sections: &[Section]) -> Vec<Vec<String>> {
    let all: Vec<&Finding> = sections.iter().flat_map(|section| &section.findings).collect();
    let composite = |composite: &Composite| {
        let own = parts(composite, &all)?;
        let (verdict, text) = together(&own);
        let turning = own.iter().filter(|finding| !finding.is_robust()).count();
        let robust = format!("{turning} of {} parts depend on the specification", own.len());
        let cells = [composite.id, composite.text, &text, verdict.text(), &robust, ""];
        Some(cells.map(String::from).into())
    };
    COMPOSITES.iter().filter_map(composite).collect()
}

/// Cells of [`table`] for every claim, and whether another specification contradicts it.
fn rows(sections: &[Section]) -> Vec<(Vec<String>, bool)> {
    let findings: Vec<(&Section, &Finding)> =
        sections.iter().flat_map(|s| s.findings.iter().map(move |f| (s, f))).collect();
    let single = |(section, finding): &(&Section, &Finding)| {
        let first = finding.effects.first();
        let row = vec![
            finding.claim.into(),
            format!("{} ({})", finding.text, section.name),
            first.map_or(String::new(), |e| format!("{} = {}", finding.what, e.estimate.text())),
            first.map_or("not measured".into(), |_| finding.verdict().text().into()),
            finding.robustness(),
            finding.agreement.clone().unwrap_or_default(),
        ];
        (row, finding.flips())
    };
    let composites = composite_rows(sections).into_iter();
    let mut rows: Vec<(Vec<String>, bool)> = composites.map(|row| (row, false)).collect();
    rows.extend(findings.iter().map(single));
    rows
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::finding::Replication;
    use windtunnel_lab::inference::Effect;
    use windtunnel_lab::inference::Ratios;

    fn finding(claim: &'static str, logs: &[f64]) -> Finding {
        let effects = vec![Effect::of_ratios("", &Ratios::of_logs(logs))];
        Finding::new((claim, ""), ("", ""), effects)
    }

    #[test]
    fn several_claims_hold_together_only_if_each_does() {
        let up = finding("B1.1", &[1.0, 1.1]);
        let down = finding("B1.2", &[-1.0, -1.1]);
        let open = finding("B1.3", &[-1.0, 1.0]);
        assert_eq!(together(&[&up, &up]).0, Verdict::Supported);
        assert_eq!(together(&[&up, &open]).0, Verdict::NotDistinguishable);
        let (verdict, text) = together(&[&up, &open, &down]);
        assert_eq!(verdict, Verdict::Contradicted);
        assert_eq!(text, "1 of 3 parts supported, 1 contradicted, 1 not distinguishable");
    }

    #[test]
    fn the_headline_counts_what_the_claims_come_to() {
        let effect = |logs: &[f64]| Effect::of_ratios("", &Ratios::of_logs(logs));
        let up = || effect(&[1.0, 1.1, 1.05]);
        let of = |effects| Finding::new(("", ""), ("", ""), effects);
        let (firm, barred) = (of(vec![up(), up()]), of(vec![up(), up().barred("no mean".into())]));
        let text = sentences(&[&firm, &barred]);
        assert!(text[0].contains(": 2 of 2 claims are supported"), "{text:?}");
        assert!(text[1].contains(": 0 are contradicted, 0 are not"), "{text:?}");
        assert!(text[2].contains(": 1 verdicts are the same") && text[2].contains("for 0 another"));
        assert!(text[3].contains("decides nothing about 1 of them") && text.len() == 4, "{text:?}");
        // Without a statistic of the paper there is none that decides nothing.
        let own = Finding { second_is_of_paper: false, ..barred };
        assert_eq!(sentences(&[&firm, &own]).len(), 3);
        let family = 1;
        let replication = Some(Replication { family, effect: effect(&[1.0, -1.0, 0.1]) });
        let text = sentences(&[&firm, &Finding { replication, ..own }]);
        assert!(text[3].contains("0 of 1 verdicts"), "{text:?}");
        // A contradicted claim is named.
        let down = Finding::new(("", "Down"), ("", ""), vec![effect(&[-1.0, -1.1, -1.05])]);
        assert!(sentences(&[&down])[1].contains("1 is contradicted (\"Down\"), 0 are"));
        assert!(sentences(&[]).is_empty());
    }

    #[test]
    fn a_claim_of_several_is_not_judged_by_some_of_them() {
        let of = Composite { id: "X", text: "", of: &["B1.1", "B2"] };
        let [first, second, other] = ["B1.1", "B2", "B10"].map(|claim| finding(claim, &[1.0, 1.1]));
        assert!(parts(&of, &[&first, &other]).is_none());
        assert_eq!(parts(&of, &[&first, &other, &second]).unwrap().len(), 2);
    }

    #[test]
    fn every_part_of_a_claim_of_several_exists() {
        let studies = || crate::figures::FIGURES.iter().chain(&crate::beyond::BEYOND);
        for composite in &COMPOSITES {
            for id in composite.of {
                let mut claims = studies().flat_map(|study| study.claims);
                assert!(claims.any(|claim| claim.id == *id), "{}: {id}", composite.id);
            }
        }
    }
}
