//! Pictures and tables of measured runs.

use windtunnel_figure::Figure;
use windtunnel_figure::table::Table;
use windtunnel_runs::spec::RunSpec;
use windtunnel_runs::store::{Row, RunId};

use crate::chart::{self, Member, groups};
use crate::describe::describe;
use crate::measure::Measurement;

/// Run with its recorded rows and its measurements.
pub struct Measured {
    /// The run.
    pub id: RunId,
    /// Spec of the run.
    pub spec: RunSpec,
    /// Rows that were recorded during training.
    pub recorded: Vec<Row>,
    /// Measurements of this request.
    pub measurements: Vec<Measurement>,
}

/// Pictures and tables of measured runs together.
pub struct Results {
    /// Figures, each with the name of its files.
    pub figures: Vec<(String, Figure)>,
    /// Tables.
    pub tables: Vec<Table>,
}

impl Results {
    /// Pictures and tables of measured runs.
    pub fn new(measured: &[Measured]) -> Results {
        let groups = groups(measured.iter().map(|run| (&run.spec, member(run))).collect());
        let named = |name: &str, figure: Option<Figure>| figure.map(|f| (name.to_string(), f));
        let mut figures: Vec<(String, Figure)> = [
            named("robust-condition", chart::conditioning(&groups)),
            named("spectrum", chart::spectrum(&groups)),
            named("directional-smoothness", chart::smoothness(&groups)),
            named("stability", chart::stability(&groups)),
            named("heterogeneity", chart::heterogeneity(&groups)),
            named("update-geometry", chart::update_geometry(&groups)),
            named("losses", chart::losses(&groups)),
        ]
        .into_iter()
        .flatten()
        .collect();
        for (group, member) in groups.iter().filter_map(|g| Some((g, g.members.first()?))) {
            let of = if groups.len() > 1 { slug(&group.name) } else { String::new() };
            let stem = format!("generalized-smoothness{of}");
            figures.extend(named(&stem, chart::generalized(group, member)));
            // Pictures of single steps are those of the first seed.
            let first = measured.iter().find(|run| run.id == member.run);
            if let Some(run) = first {
                figures.extend(run.measurements.iter().flat_map(|m| single_step(run, m, &of)));
            }
        }
        let mut steps: Vec<u64> =
            measured.iter().flat_map(|run| run.measurements.iter().map(|m| m.step)).collect();
        steps.sort_unstable();
        steps.dedup();
        let ratios = groups.iter().enumerate().flat_map(|(k, a)| {
            let table = |b| chart::condition_ratios(a, b, &steps);
            groups[k + 1..].iter().filter_map(table).collect::<Vec<_>>()
        });
        let mut tables: Vec<Table> = ratios.collect();
        tables.extend(chart::negative_steps(&groups));
        tables.extend(chart::generalized_fits(&groups));
        Results { figures, tables }
    }
}

/// Pictures of one step of one run; `of` names its group in file names.
fn single_step(run: &Measured, m: &Measurement, of: &str) -> Vec<(String, Figure)> {
    let what = format!("{}, seed {}, step {}", describe(&run.spec), run.spec.train.seed, m.step);
    let file = |name: &str| format!("{name}{of}-step{}", m.step);
    let hessian =
        m.hessian.as_ref().map(|h| (file("hessian"), chart::hessian(h, &m.blocks, &what)));
    let noise = m.noise.iter().flat_map(|sample| {
        let name = |what: &str| file(&format!("{what}-b{}", sample.batch_size));
        let coordinates = chart::noise_by_coordinate(sample, &m.blocks, &what);
        let of = [("noise", chart::noise(sample, &what)), ("noise-by-parameter", coordinates)];
        of.map(|(picture, figure)| (name(picture), figure))
    });
    hessian.into_iter().chain(noise).collect()
}

/// Recorded rows with the measured ones.
fn member(run: &Measured) -> Member {
    let mut rows = run.recorded.clone();
    for m in &run.measurements {
        rows.extend(
            m.readings.iter().map(|(metric, value)| Row::new(m.step, metric.clone(), value)),
        );
    }
    Member { run: run.id.clone(), seed: run.spec.train.seed, rows: rows.into() }
}

/// Letters and digits of a name after a dash, for file names.
fn slug(name: &str) -> String {
    let kept = |c: char| if c.is_ascii_alphanumeric() || c == '.' { c } else { '-' };
    format!("-{}", name.chars().map(kept).collect::<String>())
}
