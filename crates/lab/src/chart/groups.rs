//! Groups of runs, one curve and one colour each.

use windtunnel_figure::Color;
use windtunnel_runs::spec::RunSpec;

use super::{Group, Member};
use crate::describe::{describe, short};

/// Groups of runs that differ in nothing but the seed; SGD's first.
pub fn groups(runs: Vec<(&RunSpec, Member)>) -> Vec<Group> {
    let alike = |a: &RunSpec, b: &RunSpec| a.with_seed(0) == b.with_seed(0);
    let mut specs: Vec<&RunSpec> = Vec::new();
    for (spec, _) in &runs {
        if !specs.iter().any(|other| alike(other, spec)) {
            specs.push(spec);
        }
    }
    // Ratios are SGD's over the others', as the paper has them.
    specs.sort_by_key(|spec| spec.optimizer.name() != "sgd");
    let same_task = specs.windows(2).all(|w| w[0].task == w[1].task && w[0].model == w[1].model);
    let group = |(k, spec): (usize, &&RunSpec)| {
        let optimizer = &spec.optimizer;
        let name = match same_task && specs.len() > 1 {
            true => format!("{} lr={}", optimizer.name(), short(optimizer.lr())),
            false => describe(spec),
        };
        let same_rule = specs.iter().filter(|s| s.optimizer.name() == optimizer.name()).count();
        let color = match optimizer.name() {
            "sgd" if same_rule == 1 => Color::BLACK,
            "adam" if same_rule == 1 => Color::RED,
            // Black and red belong to the paper's two optimizers, if they are among the groups.
            _ => Color::CYCLE[(k + 2) % Color::CYCLE.len()],
        };
        let own = runs.iter().filter(|(other, _)| alike(spec, other));
        let mut members: Vec<Member> = own.map(|(_, member)| member.clone()).collect();
        members.sort_by_key(|member| member.seed);
        Group { name, color, members }
    };
    specs.iter().enumerate().map(group).collect()
}
