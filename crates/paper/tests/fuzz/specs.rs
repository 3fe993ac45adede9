//! Documents of known and unknown keys with values of every type and size.

use toml::{Table, Value};
use windtunnel_runs::spec::{Document, RunSpec, SpecError, run_id, template};

use super::dice::Dice;

const DOCUMENTS: usize = 6000;

/// Every key of the template with its path and the value shown there.
fn known() -> Vec<(Vec<String>, Value)> {
    let mut section = Vec::new();
    let mut keys = Vec::new();
    for line in template().lines() {
        let line = line.trim_start_matches("# ");
        if let Some((name, _)) = line.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
            section = name.split('.').map(str::to_owned).collect();
        } else if let Ok(table) = line.parse::<Table>() {
            let of = |(key, value): (String, Value)| ([&section[..], &[key]].concat(), value);
            keys.extend(table.into_iter().map(of));
        }
    }
    keys
}

fn text(dice: &mut Dice) -> String {
    let long = "η".repeat(300);
    let words = [
        "",
        " ",
        "sgd",
        "adam",
        "adamw",
        "gaussian",
        "sphere",
        "setting2",
        "off",
        "full",
        "mlp",
        "softmax",
        "second_moment",
        "f64",
        "η = 0,1",
        "\u{0}",
        "../../etc",
        "\"",
        "💥",
        &long,
    ];
    (*dice.pick(&words)).into()
}

fn value(dice: &mut Dice, depth: usize) -> Value {
    const INTEGERS: [i64; 10] = [0, 1, -1, 2, 5, 20, 64, 1000, i64::MAX, i64::MIN];
    match dice.below(if depth < 3 { 8 } else { 6 }) {
        0 | 1 => Value::Integer(*dice.pick(&INTEGERS)),
        2 | 3 => Value::Float(dice.number()),
        4 => Value::String(text(dice)),
        5 => match dice.one_in(4) {
            true => Value::Datetime("1979-05-27T07:32:00Z".parse().unwrap()),
            false => Value::Boolean(dice.one_in(2)),
        },
        6 => Value::Array((0..dice.below(6)).map(|_| value(dice, depth + 1)).collect()),
        _ => {
            let keys =
                ["kind", "name", "at", "per_decade", "power_law", "spectrum", "rotation_seed"];
            let entry = |dice: &mut Dice| (dice.pick(&keys).to_string(), value(dice, depth + 1));
            Value::Table((0..dice.below(3)).map(|_| entry(dice)).collect())
        }
    }
}

fn insert(table: &mut Table, path: &[String], value: Value) {
    let Some((first, rest)) = path.split_first() else { return };
    if rest.is_empty() {
        table.insert(first.clone(), value);
        return;
    }
    let inner = table.entry(first).or_insert_with(|| Value::Table(Table::new()));
    match inner {
        Value::Table(inner) => insert(inner, rest, value),
        other => *other = value,
    }
}

/// A document that a user could mostly have written, sometimes with nonsense.
fn document(dice: &mut Dice, known: &[(Vec<String>, Value)]) -> Table {
    let mut table = Table::new();
    for _ in 0..1 + dice.below(5) {
        let (path, shown) = dice.pick(known).clone();
        let path = match dice.one_in(30) {
            true => [&path[..path.len() - 1], &[text(dice)]].concat(),
            false => path,
        };
        let shown = if dice.one_in(4) { value(dice, 0) } else { shown };
        insert(&mut table, &path, shown);
    }
    table
}

/// Checks that a refusal names a key.
fn check_refusal(error: &SpecError, document: &str) {
    match error {
        SpecError::UnknownKey { key, .. }
        | SpecError::Misplaced { key, .. }
        | SpecError::Value { key, .. } => {
            assert!(!key.is_empty() && error.to_string().contains(key), "{error}\n{document}");
        }
        other => panic!("{other}\n{document}"),
    }
}

/// Checks that the text of a spec reads back as that spec, with its id.
fn check_round_trip(spec: &RunSpec, document: &str) {
    let again = Document::parse("again", &spec.to_toml()).unwrap().resolve();
    let again = again.unwrap_or_else(|error| panic!("{error}\n{document}\n{}", spec.to_toml()));
    assert_eq!(run_id(&again), run_id(spec), "{document}\n{}", spec.to_toml());
    assert_eq!(again.to_toml(), spec.to_toml(), "{document}");
}

#[test]
fn any_document_is_a_spec_or_an_error_that_names_the_key() {
    let (known, mut dice) = (known(), Dice::new(1));
    assert!(known.len() > 50, "{} keys in the template", known.len());
    let (mut specs, mut refused) = (0, 0);
    for _ in 0..DOCUMENTS {
        let text = document(&mut dice, &known).to_string();
        match Document::parse("fuzz", &text).unwrap().resolve() {
            Ok(spec) => {
                check_round_trip(&spec, &text);
                specs += 1;
            }
            Err(error) => {
                check_refusal(&error, &text);
                refused += 1;
            }
        }
    }
    // There are enough of both kinds, so both checks run.
    assert!(specs > DOCUMENTS / 10 && refused > DOCUMENTS / 4, "{specs} specs, {refused} refused");
}

#[test]
fn damaged_text_is_a_spec_or_an_error() {
    let (mut dice, template) = (Dice::new(2), template());
    let other = RunSpec::paper().unwrap().to_toml();
    for _ in 0..DOCUMENTS / 3 {
        let bytes = match dice.one_in(2) {
            true => dice.damaged(template.as_bytes(), other.as_bytes()),
            false => dice.damaged(other.as_bytes(), template.as_bytes()),
        };
        let text = String::from_utf8_lossy(&bytes);
        match Document::parse("fuzz", &text).and_then(|document| document.resolve()) {
            Ok(spec) => check_round_trip(&spec, &text),
            Err(error) => assert!(!error.to_string().is_empty()),
        }
    }
}

#[test]
fn any_override_is_laid_over_or_refused() {
    let (known, mut dice) = (known(), Dice::new(3));
    for _ in 0..DOCUMENTS {
        let mut document = Document::empty();
        let mut sets = Vec::new();
        for _ in 0..1 + dice.below(3) {
            let (path, shown) = dice.pick(&known).clone();
            let value = if dice.one_in(3) { value(&mut dice, 1) } else { shown };
            let key = if dice.one_in(20) { text(&mut dice) } else { path.join(".") };
            sets.push(format!("{key}={value}"));
        }
        let laid: Result<Vec<()>, _> = sets.iter().map(|set| document.set(set)).collect();
        match laid.and_then(|_| document.resolve()) {
            Ok(spec) => check_round_trip(&spec, &sets.join("\n")),
            Err(SpecError::Override { text }) => assert!(sets.contains(&text)),
            Err(error) => check_refusal(&error, &sets.join("\n")),
        }
    }
}
