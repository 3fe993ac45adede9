//! Optimizers from outside the workspace: registered, or refused.

// Clippy allows unwrap in tests, but not in the functions that they share.
#![allow(clippy::unwrap_used)]

use windtunnel_optim::{
    Config, Definition, Method, Parameter, Range, Real, RegisterError, ScaleByLearningRate, Sgd,
    Transforms, Values, definitions, named, register, register_definition,
};

struct Plain;

impl Method for Plain {
    const NAME: &'static str = "plain_descent";
    const SUMMARY: &'static str = "gradient descent and nothing else";
    const PARAMETERS: &'static [Parameter] = &[];
    const LR: f64 = 0.5;

    fn transforms<T: Real>(_: &Values) -> Transforms<T> {
        vec![std::sync::Arc::new(ScaleByLearningRate)]
    }
}

fn definition() -> Definition {
    Definition::outside::<Plain>("1")
}

#[test]
fn a_registered_optimizer_is_one_of_the_list() {
    let definition = register::<Plain>("1").unwrap();
    assert_eq!((definition.name, definition.version), ("plain_descent", Some("1")));
    assert_eq!(named("plain_descent"), Some(definition));
    assert_eq!(Config::new(definition).lr(), 0.5);
    // Once more is the same; another version is another optimizer.
    assert!(std::ptr::eq(register::<Plain>("1").unwrap(), definition));
    let error = register::<Plain>("2").unwrap_err();
    assert_eq!(error, RegisterError::Taken { name: "plain_descent" });
    assert!(error.to_string().contains("use another name"), "{error}");
    let count = definitions().iter().filter(|d| d.name == "plain_descent").count();
    assert_eq!(count, 1);
}

#[test]
fn names_of_built_in_optimizers_are_refused() {
    let error = register::<Sgd>("my own").unwrap_err();
    assert_eq!(error, RegisterError::BuiltIn { name: "sgd" });
    assert_eq!(error.to_string(), "the optimizer `sgd` is built in; give yours another name");
}

#[test]
fn malformed_definitions_are_refused_with_their_reason() {
    const TWICE: &[Parameter] = &[
        Parameter::number("scale", 1.0, Range::Positive, "size"),
        Parameter::number("scale", 1.0, Range::Positive, "size"),
    ];
    const SHARED: &[Parameter] = &[Parameter::flag("version", false, "which")];
    const SPELLED: &[Parameter] = &[Parameter::flag("No Key", false, "which")];
    const OUTSIDE: &[Parameter] = &[Parameter::number("scale", -1.0, Range::Positive, "size")];
    let cases = [
        (Definition { name: "", ..definition() }, "cannot be called"),
        (Definition { name: "Upper", ..definition() }, "lower-case"),
        (Definition { name: "a.b", ..definition() }, "lower-case"),
        (Definition { name: "none", version: None, ..definition() }, "no version"),
        (Definition { name: "none", version: Some(""), ..definition() }, "no version"),
        (Definition { name: "none", lr: 0.0, ..definition() }, "finite number > 0"),
        (Definition { name: "none", lr: f64::NAN, ..definition() }, "finite number > 0"),
        (Definition { name: "none", parameters: TWICE, ..definition() }, "taken"),
        (Definition { name: "none", parameters: SHARED, ..definition() }, "taken"),
        (Definition { name: "none", parameters: SPELLED, ..definition() }, "lower-case"),
        (Definition { name: "none", parameters: OUTSIDE, ..definition() }, "own range"),
    ];
    for (definition, expected) in cases {
        let error = register_definition(definition).unwrap_err().to_string();
        assert!(error.contains(expected) && !error.contains('\n'), "{error}");
        assert_eq!(named("none"), None);
    }
}
