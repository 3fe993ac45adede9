//! Glossary: terms of reports and docs, each with its meaning and its source. docs/glossary.md is
//! made from it, and a page explains a term where it first occurs.

/// A term.
pub struct Term {
    /// The term as the glossary lists it.
    pub name: &'static str,
    /// Spellings by which a text is recognized, the longest first.
    pub spellings: &'static [&'static str],
    /// Meaning, in a sentence or two.
    pub meaning: &'static str,
    /// Where the term comes from, and where to read on.
    pub source: &'static str,
}

const fn term(
    name: &'static str,
    spellings: &'static [&'static str],
    meaning: &'static str,
    source: &'static str,
) -> Term {
    Term { name, spellings, meaning, source }
}

/// All terms, in alphabetical order.
pub const TERMS: [Term; 27] = [
    term(
        "(L₀, L₁)-smoothness",
        &["(L₀, L₁)"],
        "The curvature along a path is at most L₀ + L₁‖∇f‖: it may grow with the gradient.",
        "Zhang, He, Sra and Jadbabaie, ICLR 2020; docs/instruments.md",
    ),
    term(
        "adjusted p",
        &["adjusted p", "adjusted for"],
        "p-value of a claim made larger for the number of claims that are judged together, so that \
         among true nulls one false verdict is as rare as 5 %.",
        "Holm, Scandinavian Journal of Statistics 1979; docs/audit.md",
    ),
    term(
        "arm",
        &["arms"],
        "An optimizer with its hyper-parameters, as one side of a comparison.",
        "clinical trials; docs/audit.md",
    ),
    term(
        "band",
        &["Bands"],
        "Shaded region that contains the whole median curve with 95 %, from ranks of the seeds.",
        "David and Nagaraja, Order Statistics, 2003; docs/audit.md",
    ),
    term(
        "clipping",
        &["clipping", "clipped"],
        "A gradient whose norm exceeds the threshold is scaled down to it before the update.",
        "Pascanu, Mikolov and Bengio, ICML 2013; docs/optimizers.md",
    ),
    term(
        "directional smoothness",
        &["directional smoothness", "uᵀHu"],
        "Second derivative of the loss along the step u that the optimizer takes, uᵀHu/‖u‖². Small \
         or negative: the step sees little upward curvature.",
        "Pan and Li 2023; docs/instruments.md",
    ),
    term(
        "fixed batch",
        &["fixed batch", "fixed held-out"],
        "The held-out prompts that all runs share, as in the paper. An interval over runs says how \
         sure an effect is on these prompts only.",
        "docs/audit.md",
    ),
    term(
        "fresh batches",
        &["fresh batches", "fresh held-out batches", "fresh batch"],
        "Held-out prompts that one pair of runs has for itself, so that intervals cover the choice \
         of prompts too.",
        "docs/audit.md",
    ),
    term(
        "gap",
        &["gap in", "The gap"],
        "Loss of SGDM over loss of Adam at the end of training, above 1 if Adam is lower.",
        "Ahn et al., ICLR 2024",
    ),
    term(
        "GD in context, GD++",
        &["GD++"],
        "Losses without training: gradient descent on each prompt's own regression, with the best \
         step sizes; GD++ also transforms the covariates between the steps.",
        "von Oswald et al., ICML 2023; docs/models.md",
    ),
    term(
        "geometric mean",
        &["geometric mean"],
        "Mean of logarithms, as a number: the average for ratios. A/B and B/A say the same.",
        "docs/audit.md",
    ),
    term(
        "heavy-tailed",
        &["heavy-tailed", "heavier-tailed"],
        "Far draws are more common than Gaussian draws of the same covariance would be.",
        "Zhang et al., NeurIPS 2020; docs/instruments.md",
    ),
    term(
        "held-out loss",
        &["held-out loss", "Held-out loss"],
        "Squared error on prompts that were never trained on.",
        "docs/data.md",
    ),
    term(
        "in-context linear regression",
        &["in context"],
        "A prompt holds n examples (x, wᵀx) and a query x; the model shall predict wᵀx without any \
         change of its parameters.",
        "Garg, Tsipras, Liang and Valiant, NeurIPS 2022; docs/data.md",
    ),
    term(
        "Jensen–Shannon distance",
        &["Jensen–Shannon"],
        "Distance of the eigenvalue histograms of two blocks of the Hessian, 0 for equal ones.",
        "after Zhang et al. 2024; docs/instruments.md",
    ),
    term(
        "live parameters",
        &["live parameters", "unused parameters", "without unused"],
        "The parameters that the loss depends on. The last P of the model is not one of them: its \
         curvature is 0 and moves medians.",
        "docs/models.md",
    ),
    term(
        "mean prompt, median prompt",
        &["median prompt", "mean prompt"],
        "How the losses of single held-out prompts become one number. After training a few prompts \
         carry most of the mean, so the median is the primary one.",
        "docs/audit.md",
    ),
    term(
        "no verdict",
        &["no verdict", "without a verdict"],
        "The number is a mean of so heavy-tailed losses that it does not settle, whatever its \
         interval says.",
        "docs/audit.md",
    ),
    term(
        "not distinguishable",
        &["not distinguishable"],
        "The 95 % interval contains no effect: these runs cannot tell the effect from none. It is \
         not evidence that there is none.",
        "docs/audit.md",
    ),
    term(
        "path smoothness",
        &["path smoothness"],
        "Largest ‖∇f(θ − αu) − ∇f(θ)‖/‖αu‖ along a step u: how fast the gradient changes.",
        "Zhang, He, Sra and Jadbabaie, ICLR 2020; docs/instruments.md",
    ),
    term(
        "primary estimand",
        &["primary estimand", "primary effect"],
        "The one number by which a claim is judged, chosen before the results were seen.",
        "docs/audit.md",
    ),
    term(
        "rank correlation",
        &["rank correlation"],
        "Spearman's: 1 if the larger x always has the larger y, −1 if always the smaller.",
        "Spearman 1904; docs/audit.md",
    ),
    term(
        "robust condition number",
        &["robust condition number"],
        "Largest over median size of the diagonal of the Hessian: how uneven the curvature is.",
        "Jiang, Malik and Li 2022; docs/instruments.md",
    ),
    term(
        "SGDM",
        &["SGDM"],
        "Stochastic gradient descent with momentum.",
        "Polyak 1964; docs/optimizers.md",
    ),
    term(
        "specification",
        &["specifications", "specification"],
        "One way to turn runs into a number: statistic, steps, held-out batch, protocol. A verdict \
         that others turn depends on a convention.",
        "Simonsohn, Simmons and Nelson, Nature Human Behaviour 2020; docs/audit.md",
    ),
    term(
        "sphere",
        &["Spherical", "the sphere", "spherical"],
        "Covariates of unit norm: the data with the lightest tails.",
        "Ahn et al., ICLR 2024; docs/data.md",
    ),
    term(
        "tail index",
        &["tail index", "tail indices"],
        "α where P(X > x) falls as x^−α (Hill's estimator). Below 2 there is no variance, below 1 \
         no mean.",
        "Hill, Annals of Statistics 1975; docs/instruments.md",
    ),
];

#[cfg(test)]
mod tests {
    use super::*;

    /// The glossary as a page of the documentation.
    fn page() -> String {
        let entry = |term: &Term| {
            // Sources end with a page of the documentation or are papers alone.
            let source = match term.source.split_once("docs/") {
                Some((before, page)) => {
                    format!("{before}[{}]({page})", page.trim_end_matches(".md"))
                }
                None => term.source.into(),
            };
            format!("**{}.** {} *{source}*\n\n", term.name, term.meaning)
        };
        let entries: String = TERMS.iter().map(entry).collect();
        format!(
            "# Glossary\n\nWords of the reports and of these pages, with their sources. A report \
             explains the same words where they first occur.\n\n{}\n",
            entries.trim_end()
        )
    }

    #[test]
    fn the_glossary_in_the_documentation_has_these_terms() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/glossary.md");
        if std::env::var_os("UPDATE_DOCS").is_some() {
            std::fs::write(path, page()).unwrap();
            return;
        }
        let how = "UPDATE_DOCS=1 cargo test --workspace --lib the_glossary";
        assert!(std::fs::read_to_string(path).unwrap() == page(), "docs/glossary.md: run `{how}`");
    }
}
