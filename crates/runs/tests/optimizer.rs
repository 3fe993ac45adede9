//! `[optimizer]` over the list of optimizers: canonical form, ids, errors, learning rates.

// Clippy's leave for tests does not reach the functions they share.
#![allow(clippy::unwrap_used)]

use windtunnel_math::lanes::Isa;
use windtunnel_optim::{LearningRate, RateSchedule, Value, definitions};
use windtunnel_runs::spec::{Document, RunSpec, SpecError, run_id};

fn with(sets: &[&str]) -> Result<RunSpec, SpecError> {
    let mut document = Document::empty();
    for set in sets {
        document.set(set)?;
    }
    document.resolve()
}

fn parse(text: &str) -> Result<RunSpec, SpecError> {
    Document::parse("test", text)?.resolve()
}

/// Values of every optimizer come back from the canonical form, and every one of them is part of
/// the id.
#[test]
fn every_optimizer_comes_back_from_its_canonical_form() {
    for definition in definitions() {
        let name = format!("optimizer={}", definition.name);
        let plain = with(&[&name]).unwrap();
        let mut ids = vec![run_id(&plain)];
        let table = plain.to_toml();
        assert_eq!(parse(&table).unwrap(), plain);
        assert!(!table.contains("version"), "a built-in one has the version of the arithmetic");
        for parameter in definition.parameters {
            let line = format!("\n{} = ", parameter.key);
            assert!(table.contains(&line), "{name}: {table}");
            let other = match parameter.default {
                Value::Number(x) => Value::Number(0.5 * x + 0.1),
                Value::Pair([a, b]) => Value::Pair([0.5 * a, 0.5 * b]),
                Value::Integer(n) => Value::Integer(n + 1),
                Value::Flag(on) => Value::Flag(!on),
                Value::Choice(_) => Value::Choice(parameter.choices[1]),
            };
            let set = format!("optimizer.{} = {other}", parameter.key);
            let spec = with(&[&name, &set]).unwrap();
            assert_eq!(spec.optimizer.values().get(parameter.key), Some(other));
            assert_eq!(parse(&spec.to_toml()).unwrap(), spec, "{name} {set}");
            assert!(!ids.contains(&run_id(&spec)), "{name} {set}");
            ids.push(run_id(&spec));
            // The same text as for a key that the optimizer does not have.
            let misplaced = definitions()
                .into_iter()
                .find(|other| other.parameters.iter().all(|own| own.key != parameter.key));
            if let Some(other) = misplaced {
                let other = format!("optimizer={}", other.name);
                let error = with(&[&other, &set]).unwrap_err().to_string();
                assert!(error.contains("does not go with `optimizer.name`"), "{other}: {error}");
            }
            let wrong = format!("optimizer.{} = \"much\"", parameter.key);
            let error = with(&[&name, &wrong]).unwrap_err().to_string();
            assert!(error.contains(&parameter.allowed()), "{name} {wrong}: {error}");
        }
    }
}

/// Ids of runs from before optimizers declared their keys.
#[test]
fn ids_of_other_optimizers_are_stable() {
    let cases: [(&[&str], &str); 7] = [
        (&["optimizer=sgd"], "b31fb94a329b7190"),
        (&["optimizer=adamw"], "e946ad267c05891e"),
        (
            &[
                "optimizer=sgd",
                "optimizer.nesterov=true",
                "optimizer.clip_norm=off",
                "optimizer.weight_decay=0.01",
            ],
            "8032371082164dbf",
        ),
        (
            &["optimizer=adamw", "optimizer.weight_decay=0.01", "optimizer.amsgrad=true"],
            "89550b09f7a8eb54",
        ),
        (
            &["optimizer.betas=[0.9,0.999]", "optimizer.eps=1e-6", "preset=setting2"],
            "9730d9a5a0ef4f1c",
        ),
        (&["optimizer=sgd", "preset=sphere"], "2550c65dcf94706c"),
        (&["optimizer=sgd", "instruments=standard"], "2f475d913fc1aff5"),
    ];
    let short = ["train.steps=1", "train.batch_size=16", "eval.batch_size=16"];
    for (sets, id) in cases {
        let spec = with(&[sets, &short[..]].concat()).unwrap();
        assert_eq!(run_id(&spec).to_string(), id, "{sets:?}");
    }
}

#[test]
fn learning_rates_have_schedules() {
    let constant = with(&["optimizer.lr_schedule=constant", "optimizer.warmup_steps=0"]).unwrap();
    assert_eq!(run_id(&constant), run_id(&RunSpec::paper().unwrap()));
    let cosine = with(&["optimizer.lr_schedule=cosine", "train.steps=500"]).unwrap();
    let expected = LearningRate::constant(0.02).with_schedule(RateSchedule::Cosine { steps: 500 });
    assert_eq!(cosine.optimizer.rate(), expected);
    assert_eq!(cosine.with_lr(0.5).optimizer.rate(), expected.with_peak(0.5));
    let warm = with(&["optimizer=sgd", "optimizer.warmup_steps=10"]).unwrap();
    assert_eq!(warm.optimizer.rate(), LearningRate::constant(0.02).with_warmup(10));
    let mut ids = Vec::new();
    let others = [
        &["optimizer.lr_schedule=inverse_sqrt"][..],
        &["optimizer.lr_schedule=stable_then_decay"],
        &["optimizer.lr_schedule=stable_then_decay", "optimizer.lr_decay_share=0.5"],
        &["optimizer.lr_schedule=steps"],
        &["optimizer.lr_schedule=steps", "optimizer.lr_step_size=7"],
        &["optimizer.lr_schedule=steps", "optimizer.lr_step_factor=0.5"],
    ];
    let others = others.map(|sets| with(sets).unwrap());
    let clamped = with(&["optimizer.clip_value=0.1"]).unwrap();
    assert_eq!(clamped.optimizer.clip_value(), Some(0.1));
    assert_eq!(with(&["optimizer.clip_value=off"]).unwrap(), constant);
    for spec in [constant, cosine, warm, clamped].into_iter().chain(others) {
        assert_eq!(parse(&spec.to_toml()).unwrap(), spec);
        ids.push(run_id(&spec));
    }
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), 10);
    let refused = |set: &str, parts: &[&str]| {
        let message = with(&[set]).unwrap_err().to_string();
        assert!(parts.iter().all(|part| message.contains(part)), "{message}");
    };
    refused("optimizer.lr_schedule=cosin", &["optimizer.lr_schedule = \"cosin\"", "\"cosine\"?"]);
    refused(
        "optimizer.lr_step_size=5",
        &["lr_step_size = 5", "\"steps\"", "here it is \"constant\""],
    );
    let decay = "optimizer.lr_schedule=stable_then_decay";
    let message = with(&[decay, "optimizer.lr_decay_share=1.5"]).unwrap_err().to_string();
    assert!(message.contains("at most 1"), "{message}");
    refused("optimizer.warmup_steps=-1", &["optimizer.warmup_steps = -1", "integer from 0"]);
    refused("optimizer.warmup_steps=10001", &["warmup_steps = 10001", "train.steps = 10000"]);
    assert!(with(&["optimizer.warmup_steps=10000"]).is_ok());
    refused("optimizer.warmup=5", &["`optimizer.warmup`", "did you mean `optimizer.warmup_steps`"]);
}

/// An optimizer that is not registered here may be elsewhere: its version says that it came from
/// outside.
#[test]
fn optimizers_from_elsewhere_are_named() {
    let message = with(&["optimizer=unheard_of", "optimizer.version=\"3\""]).unwrap_err();
    let message = message.to_string();
    let parts = ["optimizer.name = \"unheard_of\"", "outside", "version \"3\"", "registers it"];
    assert!(parts.iter().all(|part| message.contains(part)), "{message}");
    let message = with(&["optimizer.version=\"3\""]).unwrap_err().to_string();
    assert!(message.contains("`optimizer.version` does not go with `optimizer.name`"), "{message}");
}

/// The canonical text does not have the length of a schedule, because it is that of the run.
#[test]
fn a_schedule_ends_with_its_run() {
    let spec = with(&["optimizer.lr_schedule=cosine", "train.steps=70"]).unwrap();
    let cosine = LearningRate::constant(0.02).with_schedule(RateSchedule::Cosine { steps: 5 });
    let other = spec.with(|spec| spec.optimizer = spec.optimizer.clone().with_rate(cosine));
    let longer = with(&["optimizer.lr_schedule=cosine", "train.steps=30"]).unwrap();
    let longer = longer.with(|spec| spec.train.steps = 70);
    for spec in [spec, other.unwrap(), longer.unwrap()] {
        let rate = spec.train_config(Isa::detect(), 1).optimizer.rate();
        assert_eq!(rate.schedule(), RateSchedule::Cosine { steps: 70 });
    }
    let decay = with(&["optimizer.lr_schedule=stable_then_decay", "train.steps=30"]).unwrap();
    let decay = decay.with(|spec| spec.train.steps = 70).unwrap();
    let rate = decay.train_config(Isa::detect(), 1).optimizer.rate();
    assert_eq!(rate.schedule(), RateSchedule::StableThenDecay { steps: 70, share: 0.2 });
}
