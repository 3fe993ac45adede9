//! Pictures and tables from synthetic rows.

// Clippy's leave for tests does not reach the functions they share.
#![allow(clippy::unwrap_used)]

use windtunnel_figure::{Color, Line};
use windtunnel_lab::baseline::Baseline;
use windtunnel_lab::chart::{
    Group, Member, condition_ratios, conditioning, generalized, generalized_fits, held_out,
    heterogeneity, losses, negative_steps, noise, noise_by_coordinate, over_seeds,
    over_seeds_and_batches, smoothness, spectrum, stability, update_geometry,
};
use windtunnel_math::objective::Block;
use windtunnel_measure::landscape::{NoiseSample, Reference};
use windtunnel_measure::metric::{Metric, Name, Part};
use windtunnel_measure::stats::Location;
use windtunnel_runs::store::{Row, RunId};

/// One row per (step, metric, value).
fn member(seed: u64, rows: &[(u64, &str, f64)]) -> Member {
    let rows = rows.iter().map(|(step, metric, value)| Row::new(*step, *metric, *value)).collect();
    Member { run: RunId::from(seed), seed, rows }
}

fn group(name: &str, members: Vec<Member>) -> Group {
    Group { name: name.into(), color: Color::RED, members }
}

/// A metric with values of one sign.
const M: &str = "update_norm";

#[test]
fn a_metric_that_is_not_there_is_an_error_that_says_what_to_do() {
    let run = member(0, &[(0, M, 1.0), (10, M, 2.0), (0, "held_out_los", 3.0)]);
    assert_eq!(run.at(Metric::UpdateNorm, 10), Ok(2.0));
    assert_eq!(run.series(Metric::UpdateNorm), Ok(vec![(0, 1.0), (10, 2.0)]));
    let message = run.at(Metric::UpdateNorm, 7).unwrap_err().to_string();
    assert_eq!(
        message,
        "`update_norm` was recorded at step 10 and not at step 7; measure the run with the \
         instrument `update_geometry`"
    );
    let message = run.series(Metric::HeldOutLoss).unwrap_err().to_string();
    assert_eq!(
        message,
        "`held_out_loss` was not recorded; the nearest that was is `held_out_los`; every training \
         run records it, every `eval.every` steps"
    );
    let message = run.at(Metric::NoiseTailIndex(10).part(Part::Lo), 0).unwrap_err().to_string();
    assert!(
        message.contains("`grad_noise.b10.tail_index.lo`")
            && message.contains("the instrument `noise`")
    );
    let message = member(0, &[]).series(Metric::HessianNorm).unwrap_err().to_string();
    assert_eq!(
        message,
        "`hessian_norm` was not recorded; measure the run with the instrument `spectrum` or \
         `generalized_smoothness`"
    );
}

#[test]
fn directions_are_those_that_were_recorded() {
    let rows = [
        (0, "directional_smoothness.lion", 1.0),
        (0, "directional_smoothness.neg_grad", 1.0),
        (0, "directional_smoothness", 1.0),
        (0, "directional_smoothness.adam", 1.0),
    ];
    let figure = smoothness(&[group("run", vec![member(0, &rows)])]).unwrap();
    let titles: Vec<&str> = figure.panels.iter().map(|panel| panel.title.as_str()).collect();
    assert_eq!(titles, ["step taken", "−g", "step of adam", "step of lion"]);
}

#[test]
fn seeds_become_a_median_and_a_gap_where_one_is_missing() {
    let group = group(
        "adam",
        vec![
            member(3, &[(0, M, 1.0), (10, M, 5.0), (20, M, 8.0), (0, "params_norm", 7.0)]),
            member(4, &[(20, M, 6.0), (0, M, 3.0)]),
            member(5, &[(0, M, 1e9), (10, M, 5.0), (20, M, 7.0)]),
        ],
    );
    let series = over_seeds(&group, &Metric::UpdateNorm, "adam", Color::BLACK).unwrap();
    assert_eq!(series.x, [0.0, 10.0, 20.0]);
    assert_eq!((series.center[0], series.center[2]), (3.0, 7.0));
    assert!(series.center[1].is_nan(), "a median over other seeds than its neighbours");
    assert!(series.band.is_none(), "three curves have no band of 95 %");
    assert_eq!(series.members[1].name, "seed 4");
    let absent = over_seeds(&group, &Metric::GradNorm, "", Color::BLACK).unwrap_err();
    assert_eq!(absent.name, Metric::GradNorm.into());
}

#[test]
fn a_seed_is_its_typical_value_over_batches() {
    let metric = Metric::HeldOutGradNorm;
    let names = [metric.on_batch(1), metric.on_batch(2)];
    let [first, second] = names.each_ref().map(ToString::to_string);
    let rows = [(0, first.as_str(), 2.0), (0, &second, 8.0), (5, &first, 3.0), (9, &second, 1.0)];
    let group = group("adam", vec![member(0, &rows)]);
    let draw =
        |names: &[Name]| over_seeds_and_batches(&group, (&metric, names), "adam", Color::BLACK);
    // Geometric, as the scale of norms is logarithmic; steps of one batch alone have no mean.
    let series = draw(&names).unwrap();
    assert_eq!(series.x, [0.0]);
    assert!((series.center[0] - 4.0).abs() < 1e-12);
    assert_eq!(draw(&names[..1]).unwrap().center, [2.0, 3.0]);
    assert!(draw(&[]).is_err() && draw(&[metric.on_batch(3)]).is_err());
}

#[test]
fn held_out_losses_stand_beside_what_needs_no_training() {
    let rows = [(0, "held_out_loss", 5.0), (50, "held_out_loss", 0.1)];
    let line = |name: &str, mean| Baseline { name: name.into(), mean, median: mean, scalars: None };
    let lines = [line("GD", 0.2), line("least squares", 1e-30)];
    let figure = held_out(&[group("adam", vec![member(0, &rows)])], &lines).unwrap();
    // No medians were recorded, and the second line would squeeze the curve.
    let [panel] = figure.panels.as_slice() else { panic!("{} panels", figure.panels.len()) };
    let rules: Vec<(&str, Line)> = panel.rules.iter().map(|r| (r.name.as_str(), r.line)).collect();
    assert_eq!(rules, [("GD", Line::Horizontal(0.2))]);
    assert_eq!(panel.series[0].center, [5.0, 0.1]);
    assert!(held_out(&[group("adam", vec![member(0, &[])])], &lines).is_none());
}

/// Twelve seeds and twenty steps: the whole range.
#[test]
fn bands_contain_the_median_at_all_steps_together() {
    let of = |seed: u64| {
        let value = |step: u64| (1.0 + (7.0 * seed as f64 + step as f64).sin()).exp();
        let rows: Vec<(u64, &str, f64)> = (0..20).map(|step| (step, M, value(step))).collect();
        member(seed, &rows)
    };
    let group = group("adam", (0..12).map(of).collect());
    let series = over_seeds(&group, &Metric::UpdateNorm, "adam", Color::BLACK).unwrap();
    let band = series.band.unwrap();
    for step in 0..20 {
        let values: Vec<f64> = series.members.iter().map(|member| member.y[step]).collect();
        let (alone, range) = (Location::median(&values).interval, min_max(&values));
        assert_eq!((band.lo[step], band.hi[step]), range);
        assert!(range.0 < alone.lo && alone.lo <= series.center[step]);
        assert!(series.center[step] <= alone.hi && alone.hi < range.1);
    }
}

fn min_max(x: &[f64]) -> (f64, f64) {
    (x.iter().copied().fold(f64::INFINITY, f64::min), x.iter().copied().fold(0.0, f64::max))
}

#[test]
fn one_seed_has_no_band() {
    let group = group("sgd", vec![member(0, &[(5, M, 1.0)])]);
    let series = over_seeds(&group, &Metric::UpdateNorm, "sgd", Color::BLACK).unwrap();
    assert!(series.band.is_none() && series.members.is_empty());
}

#[test]
fn ratios_are_taken_seed_by_seed() {
    const METRIC: &str = "robust_condition_number";
    let sgd = group(
        "sgd",
        vec![member(0, &[(750, METRIC, 20.0)]), member(1, &[(750, METRIC, 30.0)]), member(7, &[])],
    );
    let adam =
        group("adam", vec![member(1, &[(750, METRIC, 10.0)]), member(0, &[(750, METRIC, 40.0)])]);
    let table = condition_ratios(&sgd, &adam, &[750, 1250]).unwrap();
    // 20/40 and 30/10: mean 1.75, geometric mean √1.5, and 12.706 errors of 1.25 on either side.
    assert_eq!(
        table.rows,
        [["diag.lower.all", "750", "2", "1.75", "-14.1 to 17.6", "1.22", "1.39e-5 to 1.08e5"]]
    );
    assert!(condition_ratios(&sgd, &adam, &[1250]).is_none());
}

#[test]
fn negative_steps_are_counted() {
    const METRIC: &str = "directional_smoothness";
    let rows = [(0, METRIC, 1.0), (1, METRIC, -0.5), (2, METRIC, f64::NAN), (3, METRIC, 0.0)];
    let table = negative_steps(&[group("adam", vec![member(2, &rows)])]).unwrap();
    let counted = "1 of 3 (33.3 %); 1 not a number, left out";
    assert_eq!(table.rows, [["adam", "2", "step taken", counted]]);
}

/// Rows of a run whose Hessian norm is 0.5 + 2‖∇f‖ exactly.
fn smooth_run() -> Group {
    let mut rows = Vec::new();
    for step in 0..40 {
        let norm = 10_f64.powf(1.0 - step as f64 / 13.0);
        rows.push((step, "held_out_grad_norm", norm));
        rows.push((step, "hessian_norm", 0.5 + 2.0 * norm));
    }
    group("adam", vec![member(0, &rows)])
}

#[test]
fn l0_and_l1_are_found() {
    let run = smooth_run();
    let table = generalized_fits(std::slice::from_ref(&run)).unwrap();
    assert_eq!(table.rows.len(), 1, "path and directional smoothness were not measured");
    let row = &table.rows[0];
    assert_eq!(&row[2..4], ["hessian_norm", "40"]);
    let estimate = |cell: &str| cell.split(' ').next().unwrap().parse::<f64>().unwrap();
    // Three digits are printed.
    assert!((estimate(&row[4]) - 0.5).abs() < 0.006 && (estimate(&row[5]) - 2.0).abs() < 0.011);
    assert_eq!(estimate(&row[6]), 1.0);
    let figure = generalized(&run, &run.members[0]).unwrap();
    let Line::Slope { slope, intercept } = figure.panels[0].rules[0].line else { panic!() };
    assert!((slope - 2.0).abs() < 0.01 && (intercept - 0.5).abs() < 0.005);
    assert_eq!(figure.panels[0].points[0].x.len(), 40);
}

#[test]
fn a_spectrum_is_drawn_over_steps_or_by_rank() {
    let rows = |steps: &[u64]| -> Vec<(u64, &str, f64)> {
        let at = |&step: &u64| {
            [(step, "eigenvalue.0", -1.0), (step, "eigenvalue.1", 2.0), (step, "eigenvalue.2", 3.0)]
        };
        steps.iter().flat_map(at).collect()
    };
    let single = spectrum(&[group("one", vec![member(0, &rows(&[7]))])]).unwrap();
    assert_eq!(single.panels[0].series[0].center, [-1.0, 2.0, 3.0]);
    assert!(single.panels[0].x_label.contains("step 7"));
    let many = spectrum(&[group("many", vec![member(0, &rows(&[0, 5]))])]).unwrap();
    let series = &many.panels[0].series[0];
    assert_eq!((series.center.as_slice(), series.members.len()), (&[3.0, 3.0][..], 3));
}

#[test]
fn what_was_not_measured_is_not_drawn() {
    let groups = [group("adam", vec![member(0, &[(0, "held_out_loss", 1.0)])])];
    for picture in [
        conditioning(&groups),
        smoothness(&groups),
        spectrum(&groups),
        stability(&groups),
        heterogeneity(&groups),
        losses(&groups),
        update_geometry(&groups),
        generalized(&groups[0], &groups[0].members[0]),
    ] {
        assert_eq!(picture, None);
    }
    assert!(generalized_fits(&groups).is_none() && negative_steps(&groups).is_none());
}

/// Noise of one parameter, whose norms are the sizes of `values`.
fn noise_of(values: &[f64]) -> NoiseSample {
    let reference = Reference {
        grad: vec![0.0],
        loss: 1.0,
        standard_error: 0.0,
        standard_errors: vec![0.0],
        samples: 9,
    };
    NoiseSample { batch_size: 3, vectors: values.to_vec(), reference }
}

#[test]
fn a_histogram_has_every_draw_or_says_which_it_lacks() {
    let share = |values: &[f64]| {
        let figure = noise(&noise_of(values), "what");
        let share: f64 = figure.panels[0].bars.iter().flat_map(|bars| &bars.heights).sum();
        (share, figure.panels[0].note.clone())
    };
    // A sum of up to 60 shares.
    let whole =
        |(share, note): (f64, String)| (share - 1.0).abs() < 60.0 * f64::EPSILON && note.is_empty();
    assert!(whole(share(&[2.5; 50])), "one value");
    assert!(whole(share(&[1e-150; 50])), "a small value");
    assert!(whole(share(&[1.0, 1e10].repeat(25))), "two values");
    assert!(whole(share(&[1.0, 1.0 + f64::EPSILON].repeat(25))), "neighbours");
    let (rest, note) = share(&[0.0, 1.0, 1.0, f64::INFINITY]);
    assert_eq!(note, "1 of 4 norms are zero, 1 of 4 norms are not finite and left out.");
    assert!((rest - 0.5).abs() < 1e-15, "{rest}");
    assert_eq!(share(&[0.0; 50]).1, "50 of 50 norms are zero and left out.");
}

#[test]
fn noise_that_cannot_be_drawn_says_why() {
    let notes = |values: &[f64]| -> [String; 4] {
        let panels = noise(&noise_of(values), "what").panels.into_iter();
        panels.map(|panel| panel.note).collect::<Vec<_>>().try_into().unwrap()
    };
    let [_, hill, gaussian, normal] = notes(&[f64::NAN; 30]);
    assert_eq!(hill, "0 norms are positive and finite, and it takes 22.");
    assert!(gaussian.contains("the covariance of the noise is not finite"), "{gaussian}");
    assert!(normal.contains("no finite variance"), "{normal}");
    let spread: Vec<f64> = (1..=30).map(f64::from).collect();
    assert_eq!(notes(&spread), [""; 4]);
    let block = Block { name: "encoder".into(), range: 0..3, shape: None, unused: false };
    let figure = noise_by_coordinate(&noise_of(&spread), &[block], "what");
    assert!(figure.svg().contains("nothing to draw: the parameters are not"));
}

#[test]
fn tables_without_a_number_say_why() {
    const METRIC: &str = "robust_condition_number";
    let runs = |values: [f64; 2]| {
        let member = |(seed, value): (u64, f64)| member(seed, &[(5, METRIC, value)]);
        group("run", [(0, values[0]), (1, values[1])].map(member).into())
    };
    let cell = |a, b| condition_ratios(&runs(a), &runs(b), &[5]).unwrap().rows[0][3].clone();
    let none = "none: 1 of 2 ratios not finite or zero";
    assert_eq!(cell([1.0, 2.0], [0.0, 1.0]), none);
    assert_eq!(cell([f64::NAN, 2.0], [1.0, 1.0]), none);
    assert_eq!(cell([1.0, 3.0], [1.0, 1.0]), "2.00");
    let nans = [(0, "directional_smoothness", f64::NAN), (1, "directional_smoothness", f64::NAN)];
    let table = negative_steps(&[group("adam", vec![member(0, &nans)])]).unwrap();
    assert_eq!(table.rows[0][3], "none: not a number at all 2 steps");
    let mut run = smooth_run();
    let rows = run.members[0].rows.iter().cloned();
    run.members[0].rows = rows.map(|row| Row { value: f64::INFINITY, ..row }).collect();
    let table = generalized_fits(std::slice::from_ref(&run)).unwrap();
    assert_eq!(
        table.rows[0][3..5],
        ["0 (40 not finite, left out)", "none: fewer than 10 finite steps"]
    );
    let figure = generalized(&run, &run.members[0]).unwrap();
    assert!(figure.svg().contains("40 of 40 steps are not finite"));
}
