//! The command `metrics`, and unknown names of metrics.

// Clippy's leave for tests does not reach the functions they share.
#![allow(clippy::unwrap_used)]

mod support;

use std::path::Path;

use serde_json::Value;
use support::{failure, stdout};
use windtunnel_measure::metric::CATALOGUE;

#[test]
fn metrics_lists_the_catalogue_or_what_is_asked_for() {
    let store = Path::new("no-store");
    let list = |names: &[&str]| -> Vec<Value> {
        let text = stdout(store, &[&["metrics", "--json"], names].concat());
        serde_json::from_str::<Value>(&text).unwrap().as_array().unwrap().clone()
    };
    assert_eq!(list(&[]).len(), CATALOGUE.len());
    let two = list(&["grad_noise.b32.tail_index.lo", "eigenvalue.{rank}"]);
    assert_eq!(two[0]["name"], "grad_noise.b{batch_size}.tail_index");
    assert_eq!((&two[0]["parts"][1], &two[0]["recorded_by"]), (&"hi".into(), &"noise".into()));
    assert_eq!((&two[1]["unit"], &two[1]["scale"]), (&"loss/θ²".into(), &"symlog".into()));
    let text = stdout(store, &["metrics", "held_out_loss"]);
    assert!(text.contains("held_out_loss") && text.contains("lower"), "{text}");
    let quantile = &list(&["loss.q05"])[0];
    assert_eq!(quantile["name"], "loss.q{percent}");
    assert_eq!(quantile["parameters"]["percent"], "05, 25, 50, 75, 95 or 99");
    for (name, allowed) in [
        ("loss.q10", "in `loss.q{percent}`, {percent} is 05, 25, 50, 75, 95 or 99"),
        ("grad_noise.b0.rms", "{batch_size} is a whole number from 1"),
    ] {
        let (message, code) = failure(store, &["metrics", name]);
        assert!(code == 2 && message.contains(allowed), "{name}: {message}");
    }
    let (message, code) = failure(store, &["metrics", "held_out_los"]);
    assert_eq!(code, 2);
    assert!(
        message.contains("no metric `held_out_los`: did you mean `held_out_loss`?"),
        "{message}"
    );
}
