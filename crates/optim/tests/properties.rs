//! Maps that every optimizer commutes with, as found by running it, and as docs/optimizers.md says.

// Clippy allows unwrap in tests, but not in the functions that they share.
#![allow(clippy::unwrap_used)]

use std::fmt::Write;
use std::path::Path;

use windtunnel_optim::{Block, Config, Properties, definitions, inert, named};

/// Two matrices and a vector.
fn blocks() -> Vec<Block> {
    let block = |name: &str, range, shape| Block { name: name.into(), range, shape, unused: false };
    vec![
        block("square", 0..9, Some((3, 3))),
        block("wide", 9..17, Some((2, 4))),
        block("vector", 17..20, None),
    ]
}

/// Those of theory, where it says everything.
#[test]
fn the_properties_are_those_of_the_formulas() {
    let of = |name: &str| Properties::of(&Config::new(named(name).unwrap()), &blocks()).unwrap();
    let sgd = of("sgd");
    assert!(sgd.elementwise && sgd.permutation && sgd.sign && sgd.rotation && sgd.matrix_rotation);
    assert!(!sgd.gradient_scale);
    let normalized = of("normalized_sgd");
    assert!(normalized.rotation && normalized.gradient_scale && !normalized.blockwise);
    let adam = of("adam");
    assert!(adam.elementwise && adam.permutation && adam.sign && adam.gradient_scale);
    assert!(!adam.rotation && !adam.matrix_rotation);
    let lamb = of("lamb");
    assert!(lamb.blockwise && !lamb.elementwise && !lamb.permutation && lamb.sign);
    let muon = of("muon");
    assert!(muon.blockwise && !muon.elementwise && muon.matrix_rotation && !muon.rotation);
}

/// Clipping by the global norm joins all parameters, and keeps rotations.
#[test]
fn clipping_joins_all_blocks() {
    let sgd = Config::new(named("sgd").unwrap()).with_clip_norm(Some(0.1));
    let found = Properties::of(&sgd, &blocks()).unwrap();
    assert!(!found.elementwise && !found.blockwise && found.rotation, "{found:?}");
}

#[test]
fn hyper_parameters_without_effect_are_named() {
    let of =
        |name: &str, blocks: &[Block]| inert(&Config::new(named(name).unwrap()), blocks).unwrap();
    assert_eq!(of("muon", &blocks()[..2]), ["betas", "adam_eps"], "all parameters are matrices");
    for definition in definitions() {
        // Bounds that these parameters and gradients may not come near.
        let bound = [("adafactor", "eps2"), ("adopt", "eps")];
        let mut found = of(definition.name, &blocks());
        found.retain(|&key| !bound.contains(&(definition.name, key)));
        assert_eq!(found, [""; 0], "{}", definition.name);
    }
}

/// The table of docs/optimizers.md; `UPDATE_DOCS=1` writes it.
#[test]
fn docs_have_the_properties() {
    let mark = |yes: bool| if yes { "yes" } else { "–" };
    let mut table = String::from(
        "| name | each parameter alone | each block alone | permutation | signs | rotation | rotation of matrices | scale of the gradient |\n\
         | --- | --- | --- | --- | --- | --- | --- | --- |\n",
    );
    for definition in definitions() {
        let p = Properties::of(&Config::new(definition), &blocks()).unwrap();
        let cells = [
            p.elementwise,
            p.blockwise,
            p.permutation,
            p.sign,
            p.rotation,
            p.matrix_rotation,
            p.gradient_scale,
        ]
        .map(mark);
        writeln!(table, "| `{}` | {} |", definition.name, cells.join(" | ")).unwrap();
    }
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/optimizers.md");
    let page = std::fs::read_to_string(&path).unwrap();
    let (begin, end) =
        ("<!-- properties: crates/optim/tests/properties.rs -->\n", "<!-- end of properties -->");
    let (head, rest) = page.split_once(begin).expect("the mark of the table");
    let (found, tail) = rest.split_once(end).expect("the end of the table");
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::write(&path, format!("{head}{begin}{table}{end}{tail}")).unwrap();
    } else {
        assert_eq!(found, table, "UPDATE_DOCS=1 writes the table");
    }
}
