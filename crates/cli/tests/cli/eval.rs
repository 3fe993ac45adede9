//! `eval`, and every kind of model: against other implementations, with instruments.

use std::fs;
use std::path::Path;

use super::support::{failure, stdout};
use super::{json, store};

fn golden(name: &str) -> String {
    let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join("../model/tests/golden/eval");
    golden.join(name).to_str().unwrap().to_string()
}

#[test]
fn eval_agrees_with_an_independent_implementation() {
    let dir = store();
    // Values by automatic differentiation of the token-level model, scripts/golden/eval.py.
    for suffix in ["", "32"] {
        let (params, prompts) = (
            golden(&format!("params{suffix}.safetensors")),
            golden(&format!("prompts{suffix}.npz")),
        );
        let args = ["eval", "--params", &params, "--prompts", &prompts];
        let got = json(&stdout(dir.path(), &args));
        let text = fs::read_to_string(golden(&format!("expected{suffix}.json"))).unwrap();
        let expected = json(&text);
        for key in ["loss", "grad_norm"] {
            let (got, expected) = (got[key].as_f64().unwrap(), expected[key].as_f64().unwrap());
            assert!((got / expected - 1.0).abs() < 1e-12, "{key}: {got} against {expected}");
        }
    }
}

/// Every kind of model, by its spec: loss and gradient of scripts/golden/variants.py.
#[test]
fn eval_agrees_for_every_kind_of_model() {
    let dir = store();
    let file = |name: &str| golden(&format!("../variants/{name}"));
    let expected = json(&fs::read_to_string(file("expected.json")).unwrap());
    let grad = dir.path().join("grad.safetensors");
    let grad = grad.to_str().unwrap();
    let variants = expected["variants"].as_object().unwrap();
    assert_eq!(variants.len(), 12);
    for (name, expected) in variants {
        let (spec, params) = (file(&format!("{name}.toml")), file(&format!("{name}.safetensors")));
        let prompts = golden("prompts.npz");
        let files = ["--spec", &spec, "--params", &params, "--prompts", &prompts, "--grad", grad];
        let got = json(&stdout(dir.path(), &[&["eval"], &files[..]].concat()));
        let (loss, wanted) = (got["loss"].as_f64().unwrap(), expected["loss"].as_f64().unwrap());
        assert!((loss / wanted - 1.0).abs() < 1e-12, "{name}: {loss} against {wanted}");
        let bytes = fs::read(grad).unwrap();
        let tensors = safetensors::SafeTensors::deserialize(&bytes).unwrap();
        let wanted = expected["grad"].as_object().unwrap();
        assert_eq!(tensors.names().len(), wanted.len(), "{name}");
        for (tensor, wanted) in wanted {
            let data = tensors.tensor(tensor).unwrap();
            let got = data.data().as_chunks::<8>().0.iter().map(|&b| f64::from_le_bytes(b));
            let wanted: Vec<f64> =
                wanted.as_array().unwrap().iter().map(|v| v.as_f64().unwrap()).collect();
            let largest = wanted.iter().fold(0.0_f64, |m, v| m.max(v.abs()));
            assert_eq!(got.len(), wanted.len(), "{name}: {tensor}");
            for (got, wanted) in got.zip(&wanted) {
                // Roundings of sums over 7 prompts and 7 tokens.
                let off = (got - wanted).abs();
                assert!(off < 1e-12 * largest, "{name}: {tensor}: {got} {wanted}");
            }
        }
    }
}

/// Runs of models beyond the linear one are stored, recomputed to the bit and compared with
/// baselines; their states can be evaluated like any parameters.
#[test]
fn every_kind_of_model_trains_and_is_measured() {
    let dir = store();
    let out = dir.path().join("out");
    for preset in ["preset=nonlinear", "preset=softmax", "preset=relu"] {
        let small = ["train.steps=6", "train.batch_size=17", "eval.batch_size=20", "eval.every=3"];
        let sets = [preset].into_iter().chain(small).flat_map(|set| ["--set", set]);
        let args: Vec<&str> = ["train", "--json"].into_iter().chain(sets).collect();
        let run = json(&stdout(dir.path(), &args))[0]["run"].as_str().unwrap().to_string();
        // The stored state is compared with the trajectory that is computed again.
        let with = ["--at", "0,6", "--with", "robust-condition,stability", "--json", "--out"];
        let measure = [&["measure", &run], &with[..], &[out.to_str().unwrap()]].concat();
        let measured = json(&stdout(dir.path(), &measure));
        let readings = &measured[0]["measurements"][1]["readings"];
        assert!(readings["robust_condition_number"].as_f64().unwrap() >= 1.0, "{preset}");
        let drawn = ["--out", out.to_str().unwrap()];
        let baselines = [&["baselines", "--json", "--run", &run][..], &drawn].concat();
        let lines = json(&stdout(dir.path(), &baselines));
        let picture = std::fs::read_to_string(out.join(format!("{run}-baselines.svg"))).unwrap();
        assert!(picture.contains("prediction 0"), "{preset}: a picture without its lines");
        let last = lines.as_array().unwrap().last().unwrap();
        assert!(last["name"].as_str().unwrap().contains(&run), "{preset}: {lines}");
        let folder = dir.path().join("runs").join(&run);
        let file = |name: &str| folder.join(name).to_str().unwrap().to_string();
        let (spec, state, prompts) =
            (file("spec.toml"), file("state.safetensors"), golden("prompts32.npz"));
        let eval = ["eval", "--spec", &spec, "--params", &state, "--prompts", &prompts];
        assert!(json(&stdout(dir.path(), &eval))["loss"].as_f64().unwrap() > 0.0, "{preset}");
    }
}

#[test]
fn eval_refuses_files_that_do_not_fit() {
    let dir = store();
    let (params, prompts) = (golden("params.safetensors"), golden("prompts32.npz"));
    let (message, code) =
        failure(dir.path(), &["eval", "--params", &params, "--prompts", &prompts]);
    assert!(code == 2 && message.contains("d = 3") && message.contains("d = 5"), "{message}");
    let (message, _) = failure(dir.path(), &["eval", "--params", &prompts, "--prompts", &prompts]);
    assert!(message.contains("not a safetensors file"), "{message}");
    let (message, _) = failure(dir.path(), &["eval", "--params", &params, "--prompts", &params]);
    assert!(message.contains("not an npz file"), "{message}");
    // Models that need a spec, or another one.
    let prompts = golden("prompts.npz");
    let other = |spec: Option<&str>, params: &str| {
        let params = golden(&format!("../variants/{params}.safetensors"));
        let spec = spec.map(|spec| golden(&format!("../variants/{spec}.toml")));
        let mut args = vec!["eval", "--params", &params, "--prompts", &prompts];
        args.extend(spec.iter().flat_map(|spec| ["--spec", spec]));
        failure(dir.path(), &args)
    };
    for (spec, params, named) in [
        (None, "full", "d = 4"),
        (None, "heads", "--spec"),
        (None, "nonlinear", "`mlp.0.bias`"),
        (Some("softmax"), "full", "but the model of the spec has [3, 2, 3, 3]"),
        (Some("full"), "nonlinear", "a tensor `mlp.0.bias`"),
        (Some("nonlinear"), "full", "no tensor named `mlp.0.weight`"),
        (Some("full_fixed"), "softmax_full", "[3, 2, 2, 4, 4]"),
    ] {
        let (message, code) = other(spec, params);
        assert!(code == 2 && message.contains(named), "{spec:?} {params}: {message}");
    }
}

#[test]
fn eval_puts_instruments_on_outside_data() {
    let dir = store();
    let (params, prompts) = (golden("params.safetensors"), golden("prompts.npz"));
    let base = ["eval", "--params", &params, "--prompts", &prompts];
    let plain = json(&stdout(dir.path(), &base));
    assert!(plain.get("readings").is_none());
    let with = [&base[..], &["--with", "all", "--draws", "50", "--batch-sizes", "1,8"]].concat();
    let all = json(&stdout(dir.path(), &with));
    assert_eq!(all["loss"], plain["loss"]);
    let reading = |metric: &str| {
        all["readings"][metric].as_f64().unwrap_or_else(|| panic!("no {metric} in {all}"))
    };
    assert!(
        (reading("held_out_grad_norm") / plain["grad_norm"].as_f64().unwrap() - 1.0).abs() < 1e-12
    );
    assert!(reading("sharpness") >= reading("directional_smoothness.neg_grad"));
    assert!(reading("grad_noise.b8.rms") > 0.0 && reading("grad_noise.b1.rms") > 0.0);
    let warnings = all["warnings"].as_array().unwrap();
    assert!(warnings.iter().any(|w| w.as_str().unwrap().contains("update_geometry")));
}
