//! Groups of runs, one curve and one colour each.

use windtunnel_figure::Color;
use windtunnel_optim::definitions;
use windtunnel_runs::spec::RunSpec;

use super::{Group, Member};
use crate::describe::{describe, short};

/// Groups of runs that differ in nothing but the seed, in the order in which optimizers were
/// registered; a group's colour follows from its place.
pub fn groups(runs: Vec<(&RunSpec, Member)>) -> Vec<Group> {
    let alike = |a: &RunSpec, b: &RunSpec| a.with_seed(0) == b.with_seed(0);
    let mut specs: Vec<&RunSpec> = Vec::new();
    for (spec, _) in &runs {
        if !specs.iter().any(|other| alike(other, spec)) {
            specs.push(spec);
        }
    }
    // Simpler optimizers were registered first, and ratios are of the first over the others: SGD's
    // over Adam's, as in Ahn et al.
    let registered = definitions();
    let place = |spec: &RunSpec| {
        registered.iter().position(|definition| definition.name == spec.optimizer.name())
    };
    specs.sort_by_key(|spec| place(spec));
    let same_task = specs.windows(2).all(|w| w[0].task == w[1].task && w[0].model == w[1].model);
    let group = |(k, spec): (usize, &&RunSpec)| {
        let optimizer = &spec.optimizer;
        let name = match same_task && specs.len() > 1 {
            true => format!("{} lr={}", optimizer.name(), short(optimizer.lr())),
            false => describe(spec),
        };
        let color = Color::CYCLE[k % Color::CYCLE.len()];
        let own = runs.iter().filter(|(other, _)| alike(spec, other));
        let mut members: Vec<Member> = own.map(|(_, member)| member.clone()).collect();
        members.sort_by_key(|member| member.seed);
        Group { name, color, members }
    };
    told_apart(specs.iter().enumerate().map(group).collect())
}

/// Groups with the beginning of a run's id where names alone are the same, as of runs that differ in
/// their schedules or clipping: files and legends are named after them.
fn told_apart(mut groups: Vec<Group>) -> Vec<Group> {
    let names: Vec<String> = groups.iter().map(|group| group.name.clone()).collect();
    for group in &mut groups {
        let shared = names.iter().filter(|name| **name == group.name).count() > 1;
        if let Some(member) = group.members.first().filter(|_| shared) {
            group.name += &format!(" ({:.4})", member.run);
        }
    }
    groups
}

#[cfg(test)]
mod tests {
    use super::*;
    use windtunnel_runs::spec::{Document, run_id};

    use crate::rows::Rows;

    /// Specs that differ in what a name leaves out.
    #[test]
    fn no_two_groups_share_a_name() {
        let spec = |sets: &[&str]| {
            let mut document = Document::empty();
            sets.iter().for_each(|set| document.set(set).unwrap());
            document.resolve().unwrap()
        };
        let clipped = spec(&["optimizer.clip_norm=0.5"]);
        let cosine = spec(&["optimizer.lr_schedule=cosine"]);
        let other = spec(&["optimizer.lr=0.5"]);
        let specs = [&clipped, &cosine, &other];
        let member = |spec: &RunSpec| Member { run: run_id(spec), seed: 0, rows: Rows::default() };
        let groups = groups(specs.into_iter().map(|spec| (spec, member(spec))).collect());
        let names: Vec<&str> = groups.iter().map(|group| group.name.as_str()).collect();
        let known = |spec: &RunSpec| format!("adam lr=0.02 ({:.4})", run_id(spec));
        assert_eq!(names, [&known(&clipped), &known(&cosine), "adam lr=0.5"]);
    }
}
