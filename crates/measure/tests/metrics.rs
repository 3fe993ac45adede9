//! The catalogue of metrics: names in stored runs, refused names, and documentation.

// Clippy's leave for tests does not reach the functions they share.
#![allow(clippy::unwrap_used)]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use windtunnel_math::objective::Block;
use windtunnel_measure::landscape::Convention;
use windtunnel_measure::metric::{
    CATALOGUE, Entry, Instrument, Label, Metric, Name, Pair, Part, RecordedBy,
};

/// Names in the rows of stored runs, with those of every kind of block that models have.
const STORED: [&str; 76] = [
    "train_loss",
    "grad_norm",
    "held_out_loss",
    "held_out_median",
    "held_out_top_share",
    "sharpness",
    "sharpness.residual",
    "sharpness.p1",
    "sharpness.q2h3",
    "sharpness.mlp.0.weight",
    "lambda_min",
    "hessian_norm",
    "trace",
    "trace.se",
    "trace.q",
    "negative_mass",
    "negative_mass.se",
    "negative_mass.mlp.2.bias",
    "eigenvalue.0",
    "eigenvalue.149",
    "robust_condition_number",
    "robust_condition_number.diag.lower.live",
    "robust_condition_number.diag.midpoint.all",
    "robust_condition_number.diag.midpoint.live",
    "robust_condition_number.eigen.lower.all",
    "robust_condition_number.eigen.lower.live",
    "robust_condition_number.eigen.midpoint.all",
    "robust_condition_number.eigen.midpoint.live",
    "robust_condition_number.hutchinson.lower.all",
    "robust_condition_number.q1",
    "robust_condition_number.mlp.0.weight",
    "directional_smoothness",
    "directional_smoothness.neg_grad",
    "directional_smoothness.sgd",
    "directional_smoothness.adam",
    "held_out_grad_norm",
    "path_smoothness",
    "preconditioned_sharpness",
    "stability_threshold",
    "clip_factor",
    "stability_ratio",
    "js_distance",
    "js_distance.p1.q1",
    "js_distance.mlp.0.weight.mlp.0.bias",
    "grad_noise.reference_error",
    "grad_noise.b1000.rms",
    "grad_noise.b1000.rms.p1.corner",
    "grad_noise.b1.mean",
    "grad_noise.b1.median",
    "grad_noise.b10.skewness",
    "grad_noise.b10.kurtosis",
    "grad_noise.b10.tail_index",
    "grad_noise.b10.power_law",
    "grad_noise.b10.power_law.x_min",
    "grad_noise.b10.power_law.goodness_of_fit.p",
    "grad_noise.b10.power_law.against_stretched_exponential",
    "grad_noise.b10.power_law.against_lognormal.p",
    "grad_noise.b10.gaussian_ratio.q999",
    "grad_noise.b10.gaussian_ratio.max",
    "grad_noise.b10.coordinate_kurtosis.max",
    "grad_noise.b10.stable_index",
    "grad_noise.b10.stable_index.quantile",
    "loss.mean",
    "loss.q05",
    "loss.q99",
    "loss.max",
    "loss.top_share",
    "loss.median_of_means",
    "loss.tail_index.hi",
    "update_norm",
    "update_cos_neg_full_grad",
    "predicted_decrease.linear",
    "lanczos.sharpness.residual",
    "hutchinson.trace.exact",
    "slq.negative_mass.se",
    "slq.wasserstein",
];

#[test]
fn the_names_of_stored_rows_are_read_and_written_unchanged() {
    for text in STORED {
        let name: Name = text.parse().unwrap();
        assert_eq!(name.to_string(), text);
    }
    let name: Name = "trace.se".parse().unwrap();
    assert_eq!((name.metric(), name.part()), (&Metric::Trace, Some(Part::StandardError)));
    let name: Name = "grad_noise.b1000.rms.p1.corner".parse().unwrap();
    assert_eq!(name, Metric::NoiseRmsOf(1000, "p1.corner".into()).into());
    assert_eq!(name.metric().batch_size(), Some(1000));
    assert_eq!(Metric::NoiseReferenceError.batch_size(), None);
    for convention in Convention::all() {
        let metric = Metric::robust_condition_number(convention);
        assert_eq!(metric == Metric::RobustConditionNumber, convention == Convention::PAPER);
        assert_eq!(metric.to_string().parse(), Ok(Name::from(metric)));
    }
}

#[test]
fn no_block_or_optimizer_has_a_name_that_is_read_as_something_else() {
    let conventions = Convention::all().map(Convention::name);
    let words = ["", ".", "..", "a", "a.b", "lo", "x.lo", "se", "residual", "exact", "neg_grad"];
    let odd = ["hutchinson.lower.all", "ü{}", "0", "rms", "b1.rms", "p", "max", "{block}", " "];
    let names: Vec<String> =
        conventions.chain(words.into_iter().chain(odd).map(String::from)).collect();
    for text in &names {
        let block = Block { name: text.clone(), range: 0..1, shape: None, unused: false };
        let label = || Label::from(&block);
        for metric in [
            Metric::SharpnessOf(label()),
            Metric::TraceOf(label()),
            Metric::NegativeMassOf(label()),
            Metric::RobustConditionNumberOf(label()),
            Metric::DirectionalSmoothnessFor(label()),
            Metric::NoiseRmsOf(7, label()),
            Metric::JsDistanceBetween(Pair::new(&block, &block)),
        ] {
            assert_eq!(metric.to_string().parse(), Ok(Name::from(&metric)), "{text:?}");
        }
    }
}

#[test]
fn what_is_no_metric_is_refused_with_the_nearest() {
    let nearest = |text: &str| text.parse::<Name>().unwrap_err().nearest;
    assert_eq!(nearest("held_out_los").as_deref(), Some("held_out_loss"));
    assert_eq!(nearest("sharpnes").as_deref(), Some("sharpness"));
    let near = nearest("robust_condition_number.diag.lower.all").unwrap();
    assert!(near.starts_with("robust_condition_number"), "{near}");
    let near = nearest("grad_noise.b32.rmss");
    assert_eq!(near.as_deref(), Some("grad_noise.b{batch_size}.rms"));
    assert_eq!(nearest("zzz"), None);
    let message = "sharpnes".parse::<Name>().unwrap_err().to_string();
    let expected = "there is no metric `sharpnes`: did you mean `sharpness`? `windtunnel metrics` \
                    lists all";
    assert_eq!(message, expected);
    for (text, expected) in [
        ("loss.q10", "in `loss.q{percent}`, {percent} is 05, 25, 50, 75, 95 or 99;"),
        (
            "grad_noise.b0.rms",
            "in `grad_noise.b{batch_size}.rms`, {batch_size} is a whole number from 1",
        ),
        ("grad_noise.b0.tail_index.lo", "{batch_size} is a whole number from 1"),
        ("eigenvalue.first", "{rank} is a whole number from 0"),
        ("grad_noise.b8.power_law.against_weibull", "{rival} is `lognormal`, `stretched"),
    ] {
        let message = text.parse::<Name>().unwrap_err().to_string();
        assert!(message.contains(expected), "{text}: {message}");
    }
    // Other spellings of a number, parts that are not recorded, the empty text.
    for text in ["eigenvalue.007", "eigenvalue.-1", "eigenvalue.", "loss.q5", "grad_noise.b.rms"] {
        assert!(text.parse::<Name>().is_err(), "{text}");
    }
    for text in ["grad_norm.lo", "grad_norm.se.se", "grad_noise.b10.rms.", "", ".", "Sharpness"] {
        assert!(text.parse::<Name>().is_err(), "{text}");
    }
}

#[test]
#[should_panic(expected = "add Residual to the parts of grad_norm in the catalogue")]
fn a_part_that_the_catalogue_does_not_list_is_refused() {
    let _ = Metric::GradNorm.part(Part::Residual);
}

#[test]
fn entries_are_complete_and_their_names_differ() {
    let mut names = BTreeSet::new();
    for entry in CATALOGUE {
        assert!(names.insert(entry.name), "{} twice", entry.name);
        let Entry { axis, meaning, .. } = entry;
        assert!(!axis.is_empty() && meaning.len() < 280, "{entry:?}");
        assert!(!meaning.ends_with('.') && !meaning.contains('\n'), "{entry:?}");
        if let RecordedBy::Instruments(instruments) = entry.by {
            assert!(!instruments.is_empty() && instruments.is_sorted(), "{entry:?}");
        }
    }
    for instrument in Instrument::ALL {
        let own = |entry: &&Entry| match entry.by {
            RecordedBy::Training => false,
            RecordedBy::Instruments(instruments) => instruments.contains(&instrument),
        };
        assert!(CATALOGUE.iter().any(|entry| own(&entry)), "{instrument:?} records nothing");
    }
}

fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// The table of docs/instruments.md.
fn table() -> String {
    let mut table = String::from(
        "| metric | recorded by | unit | scale | better | what |\n|---|---|---|---|---|---|\n",
    );
    for entry in CATALOGUE {
        let Entry { name, parameters: _, axis: _, unit, scale, better, by, parts, meaning } = entry;
        let parts: String = parts.iter().map(|part| format!(" `.{}`", part.suffix())).collect();
        let meaning = meaning.replace('|', "\\|");
        table += &format!("| `{name}`{parts} | {by} | {unit} | {scale} | {better} | {meaning} |\n");
    }
    table
}

#[test]
fn the_table_in_the_documentation_is_the_catalogue() {
    const START: &str = "<!-- metrics: the catalogue -->\n";
    const END: &str = "<!-- end of metrics -->";
    let path = repository().join("docs/instruments.md");
    let text = fs::read_to_string(&path).unwrap();
    let (before, rest) = text.split_once(START).unwrap();
    let (found, after) = rest.split_once(END).unwrap();
    if std::env::var_os("UPDATE_DOCS").is_some() {
        fs::write(&path, format!("{before}{START}{}{END}{after}", table())).unwrap();
        return;
    }
    let how = "UPDATE_DOCS=1 cargo test --workspace --test metrics";
    assert!(found == table(), "docs/instruments.md is not the catalogue: run `{how}`");
}

/// All Rust files under `folder`.
fn sources(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        match path.is_dir() {
            true => found.extend(sources(&path)),
            false if path.extension().is_some_and(|ending| ending == "rs") => found.push(path),
            false => {}
        }
    }
    found
}

/// String literals of shipped code: without comments and tests.
fn literals(text: &str) -> Vec<String> {
    let code = text.split("#[cfg(test)]").next().unwrap();
    let lines = code.lines().filter(|line| !line.trim_start().starts_with("//"));
    let pieces = lines.flat_map(|line| line.split('"').skip(1).step_by(2));
    pieces.map(String::from).collect()
}

/// Names of metrics that are also keys of the JSON of `eval`.
const OTHERS: [&str; 1] = ["grad_norm"];

#[test]
fn no_code_spells_the_name_of_a_metric() {
    let mut files = 0;
    for krate in fs::read_dir(repository().join("crates")).unwrap() {
        let src = krate.unwrap().path().join("src");
        for path in sources(&src) {
            if path.components().any(|part| part.as_os_str() == "metric") {
                continue;
            }
            files += 1;
            for literal in literals(&fs::read_to_string(&path).unwrap()) {
                // Beginnings and ends, as in `grad_noise.` or `.rms`, are spellings too.
                let whole = literal.parse::<Name>().is_ok() && literal.contains(['_', '.']);
                let part = literal.starts_with("grad_noise") || literal.starts_with("eigenvalue.");
                let spelled = (whole || part) && !OTHERS.contains(&literal.as_str());
                assert!(
                    !spelled,
                    "{} spells `{literal}`: use windtunnel_measure::metric::Metric, and add an entry \
                     to crates/measure/src/metric/catalogue.rs for a new metric",
                    path.display()
                );
            }
        }
    }
    assert!(files > 100, "only {files} files found: the reader of this test is broken");
}
