//! Learning rates that were not published: searches and their results.

use super::arm::{Arm, Rates};
use super::palette::color_of;
use super::protocol::Protocol;
use super::setting::Setting;
use windtunnel_figure::table::{Table, number};
use windtunnel_figure::{Figure, Panel, Scale, Series};
use windtunnel_lab::search::{RateSearch, SEEDS, SearchedRate};
use windtunnel_runs::spec::SpecError;

/// The learning rate that was found for one optimizer of one setting.
#[derive(Clone, Debug)]
pub struct Search {
    /// The setting.
    pub setting: &'static Setting,
    /// The optimizer.
    pub arm: Arm,
    /// Its result.
    pub rates: SearchedRate,
}

/// A search that is still to be made.
#[derive(Clone, Debug)]
pub struct OpenSearch {
    /// The setting.
    pub setting: &'static Setting,
    /// The optimizer.
    pub arm: Arm,
    /// The search itself.
    pub rates: RateSearch,
}

impl OpenSearch {
    /// The search with its result.
    pub fn found(&self, rates: SearchedRate) -> Search {
        Search { setting: self.setting, arm: self.arm, rates }
    }
}

/// The searches that settings need.
///
/// # Errors
/// As [`Setting::spec`].
pub fn searches(
    settings: &[&'static Setting],
    protocol: &Protocol,
) -> Result<Vec<OpenSearch>, SpecError> {
    let mut searches = Vec::new();
    for &setting in settings {
        for &arm in setting.arms {
            let Rates::Searched { shortened, decade } = arm.rates else { continue };
            let steps = (setting.steps(protocol) / shortened).max(1);
            let short = setting.bare_spec(arm, steps, Some(1.0))?;
            let full = setting.spec(arm, protocol, Some(1.0))?;
            let label = format!("{}, {}", setting.name, arm.name);
            searches.push(OpenSearch {
                setting,
                arm,
                rates: RateSearch::new(label, short, full, decade).from_seed(protocol.seed(0)),
            });
        }
    }
    Ok(searches)
}

/// Multiple of a panel's lowest loss for which it has room: nobody would use rates beyond it.
const HOPELESS: f64 = 1e4;

/// Loss against learning rate, a panel per setting with a search; `None` if all rates are
/// published.
pub fn figure(title: &str, settings: &[Setting], searches: &[&Search]) -> Option<Figure> {
    let series = |search: &&Search| {
        let Search { arm, rates, .. } = search;
        let color = color_of(settings, arm.name);
        let mut series = Series::new(arm.name, color, rates.values(), rates.means());
        let of = |seed| rates.losses(seed).iter().map(|loss| loss.unwrap_or(f64::NAN)).collect();
        series.members = (0..SEEDS)
            .map(|seed| windtunnel_figure::MemberCurve {
                name: format!("seed {seed}"),
                y: of(seed),
            })
            .collect();
        series
    };
    let panel = |setting: &Setting| {
        let own = searches.iter().filter(|s| s.setting.name == setting.name);
        let own: Vec<Series> = own.map(series).collect();
        let lowest = own.iter().flat_map(|series| &series.center).copied();
        let most = HOPELESS * lowest.fold(f64::INFINITY, f64::min);
        (!own.is_empty()).then(|| Panel {
            y_most: Some(most),
            title: setting.title.into(),
            x_label: "learning rate".into(),
            y_label: "held-out loss".into(),
            x_scale: Scale::Log,
            y_scale: Scale::Log,
            series: own,
            ..Panel::default()
        })
    };
    let panels: Vec<Panel> = settings.iter().filter_map(panel).collect();
    let mut steps: Vec<u64> = searches.iter().map(|s| s.rates.steps()).collect();
    steps.dedup();
    let steps: Vec<String> = steps.iter().map(u64::to_string).collect();
    (!panels.is_empty()).then(|| Figure {
        title: format!("{title}: learning rates that were not published"),
        panels,
        caption: format!(
            "Held-out loss over the last tenth of {} steps, seeds 0 to {}: lines are geometric means over them, \
             faint lines single seeds; runs that diverged are missing, and losses of more than 10^{{4}} times \
             the lowest are drawn at the upper edge. The best of the grid is taken, or the next where a run of full length \
             diverges.",
            steps.join(" or "),
            SEEDS - 1
        ),
    })
}

/// The chosen rates; `None` if all are published.
pub fn table(searches: &[&Search]) -> Option<Table> {
    let row = |Search { setting, arm, rates }: &&Search| {
        let grid = rates.values();
        vec![
            setting.name.into(),
            arm.name.into(),
            number(rates.lr()),
            rates.loss().map_or("none: a run diverged at every rate".into(), number),
            format!(
                "{} to {}, {} values",
                number(grid[0]),
                number(grid[grid.len() - 1]),
                grid.len()
            ),
            rates.steps().to_string(),
            if rates.at_edge() { "yes" } else { "no" }.into(),
            match rates.diverged_later().as_slice() {
                [] => "none".into(),
                rates => rates.iter().map(|x| number(*x)).collect::<Vec<_>>().join(", "),
            },
        ]
    };
    let head = ["", "optimizer", "lr", "loss", "grid", "steps", "at an edge", "diverged later"];
    (!searches.is_empty()).then(|| {
        Table::new("Learning rates that were searched", &head, searches.iter().map(row).collect())
    })
}
