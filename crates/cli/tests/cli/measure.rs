//! `measure`: the same numbers live and afterwards, comparisons of runs, reasons for what is no number.

use std::fs;
use std::path::Path;

use super::support::{failure, stdout};
use super::{json, short, store};

/// Instruments give the same numbers during training and afterwards, to the bit.
#[test]
fn instruments_read_the_same_live_and_after_the_fact() {
    let dir = store();
    let out = dir.path().join("out");
    let out = out.to_str().unwrap();
    let mut sets = Vec::new();
    for name in [
        "spectrum=20",
        "robust_condition=20",
        "directional_smoothness=20",
        "generalized_smoothness=20",
        "stability=20",
        "heterogeneity=20",
        "noise=20",
        "loss_tails=20",
        "update_geometry=20",
        "estimators=20",
        "noise_draws=60",
        "noise_reference=2000",
        "loss_prompts=500",
    ] {
        sets.extend(["--set".to_string(), format!("instruments.{name}")]);
    }
    let mut args = short(&["--json"]);
    args.extend(sets.iter().map(String::as_str));
    let runs = json(&stdout(dir.path(), &args));
    let id = runs[0]["run"].as_str().unwrap();
    let csv = stdout(dir.path(), &["export", id, "--csv"]);
    let measure = [
        "measure",
        id,
        "--at",
        "40,0,20",
        "--with",
        "all",
        "--draws",
        "60",
        "--reference",
        "2000",
        "--loss-prompts",
        "500",
        "--out",
        out,
        "--json",
    ];
    let measured = json(&stdout(dir.path(), &measure));
    let measurements = measured[0]["measurements"].as_array().unwrap();
    assert_eq!(measurements.len(), 3);
    let mut compared = 0;
    for (measurement, step) in measurements.iter().zip([0, 20, 40]) {
        assert_eq!(measurement["step"], step);
        let readings = measurement["readings"].as_object().unwrap();
        for (metric, value) in readings {
            let line = format!("{id},{step},{metric},");
            let live = csv
                .lines()
                .find_map(|l| l.strip_prefix(&line))
                .unwrap_or_else(|| panic!("{metric} was not recorded at {step}"));
            match value.as_f64() {
                Some(value) => assert_eq!(value, live.parse::<f64>().unwrap(), "{line}"),
                None => assert!(live == "NaN" || live.ends_with("inf"), "{line}{live}"),
            }
            compared += 1;
        }
        assert!(readings.contains_key("robust_condition_number"));
    }
    assert!(compared > 600, "{compared} readings");
    let stem = format!("{id}-at-0-20-40-all-draws-60-reference-2000-loss-prompts-500");
    for picture in [
        "robust-condition",
        "spectrum",
        "directional-smoothness",
        "stability",
        "heterogeneity",
        "update-geometry",
        "losses",
        "hessian-step20",
        "noise-b1000-step40",
    ] {
        for extension in ["csv", "svg", "pdf", "png"] {
            let path = Path::new(out).join(format!("{stem}-{picture}.{extension}"));
            // Three steps of one curve make a short table.
            assert!(fs::metadata(&path).is_ok_and(|m| m.len() > 100), "{}", path.display());
        }
    }
    let page = fs::read_to_string(Path::new(out).join(format!("{stem}.html"))).unwrap();
    assert!(page.matches("<svg").count() >= 9 && page.contains("robust_condition_number"));
    // Another number of threads and the stored state alone give the same bits.
    let last = json(&stdout(
        dir.path(),
        &["measure", id, "--with", "spectrum", "--out", out, "--json", "-j", "3"],
    ));
    assert_eq!(
        last[0]["measurements"][0]["readings"]["sharpness"],
        measurements[2]["readings"]["sharpness"]
    );
}

#[test]
fn runs_of_two_optimizers_are_compared_seed_by_seed() {
    let dir = store();
    let out = dir.path().join("out");
    let mut ids = Vec::new();
    for optimizer in ["optimizer=sgd", "optimizer=adam"] {
        let args = short(&["--seeds", "0..3", "--set", optimizer, "--json"]);
        let runs = json(&stdout(dir.path(), &args));
        ids.extend(runs.as_array().unwrap().iter().map(|r| r["run"].as_str().unwrap().to_string()));
    }
    let mut args: Vec<&str> = vec!["measure"];
    args.extend(ids.iter().map(String::as_str));
    args.extend(["--at", "20", "--with", "robust-condition", "--out", out.to_str().unwrap()]);
    let text = stdout(dir.path(), &args);
    assert!(text.contains("sgd lr=0.02 / adam lr=0.02"), "{text}");
    let line = text.lines().find(|l| l.starts_with("diag.lower.all  ")).unwrap();
    let cells: Vec<&str> = line.split_whitespace().collect();
    assert_eq!(&cells[1..3], ["20", "3"], "{line}");
    let ratio: f64 = cells[3].parse().unwrap();
    let (lo, hi): (f64, f64) = (cells[4].parse().unwrap(), cells[6].parse().unwrap());
    assert!(lo <= ratio && ratio <= hi, "{line}");
}

#[test]
fn steps_that_a_run_never_reached_are_refused() {
    let dir = store();
    let runs = json(&stdout(dir.path(), &short(&["--json"])));
    let id = runs[0]["run"].as_str().unwrap();
    let (message, code) = failure(dir.path(), &["measure", id, "--at", "41"]);
    assert!(code == 2 && message.contains("--at 41") && message.contains("0 to 40"), "{message}");

    let sets = ["optimizer=sgd", "optimizer.clip_norm=off", "optimizer.lr=100"];
    let sets: Vec<&str> = sets.iter().flat_map(|set| ["--set", set]).collect();
    let runs = json(&stdout(dir.path(), &[short(&sets), vec!["--json"]].concat()));
    let (id, step) = (runs[0]["run"].as_str().unwrap(), runs[0]["step"].as_u64().unwrap());
    let at = step.to_string();
    let (message, code) = failure(dir.path(), &["measure", id, "--at", &at]);
    assert!(code == 2 && message.contains("diverged"), "{message}");
    let out = dir.path().join("out");
    let args =
        ["measure", id, "--with", "robust-condition", "--json", "--out", out.to_str().unwrap()];
    let measured = json(&stdout(dir.path(), &args));
    assert_eq!(measured[0]["measurements"][0]["step"], step - 1);
}

/// After the last step of a cosine the learning rate is 0.
#[test]
fn an_update_of_no_length_has_its_reasons() {
    let dir = store();
    let sets = ["--set", "optimizer.lr_schedule=cosine", "--json"];
    let runs = json(&stdout(dir.path(), &short(&sets)));
    let id = runs[0]["run"].as_str().unwrap();
    let out = dir.path().join("out");
    let with = ["--with", "stability,directional-smoothness"];
    let args = ["measure", id, "--at", "39,40", "--json", "--out", out.to_str().unwrap()];
    let measured = json(&stdout(dir.path(), &[&args[..], &with].concat()));
    let [before, last] = [0, 1].map(|k| &measured[0]["measurements"][k]);
    assert!(before["readings"]["stability_threshold"].as_f64().unwrap() > 0.0);
    assert!(last["readings"]["stability_threshold"].is_null(), "{last}");
    let reason = |metric: &str| last["missing"][metric].as_str().unwrap().to_string();
    let threshold = reason("stability_threshold");
    assert!(threshold.contains("the learning rate of the step is 0"), "{threshold}");
    assert_eq!(reason("directional_smoothness"), "the step is 0");
    assert_eq!(last["readings"]["stability_ratio"], 0.0);
}

#[test]
fn what_is_no_number_has_its_reason() {
    let dir = store();
    let sets = ["optimizer=sgd", "optimizer.clip_norm=off", "optimizer.lr=100"];
    let sets: Vec<&str> = sets.into_iter().flat_map(|set| ["--set", set]).collect();
    let runs = json(&stdout(dir.path(), &[short(&sets), vec!["--json"]].concat()));
    let (id, step) = (runs[0]["run"].as_str().unwrap(), runs[0]["step"].as_u64().unwrap());
    let reason = format!("the run diverged at step {step}");
    let lines = json(&stdout(dir.path(), &["baselines", "--run", id, "--json"]));
    let lines = lines.as_array().unwrap();
    let (run, baselines) = lines.split_last().unwrap();
    assert!(run["mean"].is_null() && run["reason"] == reason.as_str(), "{run}");
    assert!(baselines.iter().all(|line| line.get("reason").is_none() && line["mean"].is_f64()));
    let text = stdout(dir.path(), &["baselines", "--run", id]);
    assert!(text.contains("no number: ") && text.contains(&reason), "{text}");

    // More than half of the entries of this Hessian are zero, so that the median is.
    let sets = ["--set", "model.depth=1", "--set", "train.precision=f64", "--json"];
    let runs = json(&stdout(dir.path(), &short(&sets)));
    let id = runs[0]["run"].as_str().unwrap();
    let out = dir.path().join("out");
    let args = ["measure", id, "--with", "robust-condition", "--out", out.to_str().unwrap()];
    let measured = json(&stdout(dir.path(), &[&args[..], &["--json"]].concat()));
    let found = &measured[0]["measurements"][0];
    let (readings, missing) = (found["readings"].as_object().unwrap(), &found["missing"]);
    assert!(readings["robust_condition_number"].is_null(), "{found}");
    for (metric, value) in readings {
        let reason = missing[metric].as_str().unwrap_or_default();
        assert_eq!(value.is_null(), !reason.is_empty(), "{metric}: {value}, {reason:?}");
    }
    let text = stdout(dir.path(), &args);
    assert!(text.contains("no number: step 40: robust_condition_number"), "{text}");
    let page = fs::read_to_string(out.join(format!("{id}-robust-condition.html"))).unwrap();
    assert!(page.contains("no number: step 40"));
}
