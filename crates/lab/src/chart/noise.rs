//! Noise of mini-batch gradients as histogram, QQ plot and Hill plot.

use windtunnel_math::objective::Block;
use windtunnel_measure::instrument::{DENSE_LIMIT, gaussian_norms};
use windtunnel_measure::landscape::NoiseSample;
use windtunnel_measure::stats::{
    Qq, descending, excess_kurtosis, hill_curve, log_spaced_ks, qq_normal, qq_reference, quantile,
};

use windtunnel_figure::{
    Band, Bars, Color, ColorMap, Figure, HeatMap, Line, Panel, Points, Rule, Scale, Series,
};

const BINS: usize = 60;
const QUANTILES: usize = 400;
const FARTHEST: usize = 20;
const HILL_POINTS: usize = 80;
const GREY: Color = Color(0x77, 0x77, 0x77);
const BLUE: Color = Color::CYCLE[2];

/// Fewest norms of a Hill plot, half of which it uses.
const HILL_NORMS: usize = 22;

/// The norms of `sample`: density with that of Gaussian noise of the same covariance, quantiles of
/// one against the other, and Hill's index over its threshold. A panel that cannot be drawn
/// contains the reason.
pub fn noise(sample: &NoiseSample, what: &str) -> Figure {
    let norms = sample.norms();
    let (gaussian, without) = match gaussian(sample) {
        Ok(norms) => (norms, String::new()),
        Err(reason) => (Vec::new(), format!("no Gaussian noise to compare with: {reason}.")),
    };
    let quantiles = match gaussian.as_slice() {
        [] => Panel { note: without.clone(), ..qq_frame(GAUSSIAN_QQ, "‖Gaussian noise‖") },
        _ => qq_of_gaussian(&norms, &gaussian),
    };
    Figure {
        title: format!("Gradient noise ‖g − ∇f‖, B = {}", sample.batch_size),
        panels: vec![histogram(&norms, &gaussian), hill(&norms), quantiles, qq_of_normal(&norms)],
        caption: format!(
            "{what}. {} mini-batch gradients of {} fresh prompts each against the mean gradient of \
             {}. Histogram: without the farthest thousandth. Gaussian noise: of the same covariance; \
             its norm is itself skewed, so the QQ plot against the normal law bends even for it. QQ: \
             some {QUANTILES} quantiles and the {FARTHEST} farthest draws; above the line the tail is \
             heavier. Hill: tail index over the number of largest values used, band: 95 % interval; \
             below 2 the variance is infinite.",
            norms.len(),
            sample.batch_size,
            sample.reference.samples,
        ),
    }
}

/// Sorted norms of Gaussian noise of the same covariance, or the reason why there are none.
fn gaussian(sample: &NoiseSample) -> Result<Vec<f64>, String> {
    let params = sample.reference.grad.len();
    if params > DENSE_LIMIT {
        return Err(format!(
            "covariances are computed of up to {DENSE_LIMIT} parameters, not {params}"
        ));
    }
    let covariance = sample.covariance().ok_or("the covariance of the noise is not finite")?;
    let variances: Vec<f64> = covariance.values.iter().map(|v| v.max(0.0)).collect();
    let norms = gaussian_norms(&variances);
    match norms.iter().all(|norm| norm.is_finite()) {
        true => Ok(norms),
        false => Err("the covariance of the noise overflows".into()),
    }
}

/// Standard deviation and kurtosis of the noise of every parameter, matrix by matrix; an empty
/// panel with the reason if the blocks are not square matrices of one size.
pub fn noise_by_coordinate(sample: &NoiseSample, blocks: &[Block], what: &str) -> Figure {
    let figure = |panels: Vec<Panel>, caption: &str| Figure {
        title: format!("Gradient noise by parameter, B = {}", sample.batch_size),
        panels,
        caption: format!("{what}.{caption}"),
    };
    let size = blocks.first().map_or(0, |block| block.range.len());
    let dim = size.isqrt();
    if dim * dim != size || blocks.iter().any(|block| block.range.len() != size) {
        let note = "the parameters are not square matrices of one size.".into();
        return figure(vec![Panel { note, ..Panel::default() }], "");
    }
    let panel = |title: &str, label: &str, values: &[f64]| {
        let at = |row: usize, column: usize| values[column / dim * size + row * dim + column % dim];
        let columns = blocks.len() * dim;
        let cells = (0..dim).flat_map(|row| (0..columns).map(move |column| at(row, column)));
        Panel {
            title: title.into(),
            shade_label: label.into(),
            heat_map: Some(HeatMap {
                rows: dim,
                columns,
                values: cells.collect(),
                row_blocks: Vec::new(),
                column_blocks: blocks.iter().map(|b| (b.name.to_uppercase(), dim)).collect(),
                scale: Scale::Log,
                color_map: ColorMap::Sequential,
            }),
            ..Panel::default()
        }
    };
    let kurtosis = |k: usize| excess_kurtosis(&sample.coordinate(k));
    let kurtoses: Vec<f64> = (0..blocks.len() * size).map(kurtosis).collect();
    let panels = vec![
        panel("standard deviation", "std", &sample.coordinate_std()),
        panel("excess kurtosis", "kurtosis", &kurtoses),
    ];
    let caption = " Entries of the matrices of all layers, rows below each other. Grey: without \
                   noise (unused parameters), or a kurtosis below zero.";
    figure(panels, caption)
}

/// Relative range of the norms up to which bins could not be told apart.
const SINGLE: f64 = 1e-9;

/// Range of the norms, in ratios, from which bins are even in ratios.
const WIDE: f64 = 20.0;

/// Shares of draws in common bins, without the farthest thousandth so that the bulk is visible,
/// beside Gaussian noise if there is any. The bins of a single value extend by half of it to both
/// sides.
pub fn histogram(norms: &[f64], gaussian: &[f64]) -> Panel {
    let sorted: Vec<f64> = descending(norms).into_iter().rev().collect();
    let panel = Panel {
        title: "histogram".into(),
        x_label: "‖g − ∇f‖".into(),
        y_label: "share per bin".into(),
        note: left_out(norms),
        ..Panel::default()
    };
    let Some(&least) = sorted.first() else { return panel };
    let (lo, hi) = (least, quantile(&sorted, 0.999));
    let other = gaussian.first().map(|first| (*first, quantile(gaussian, 0.999)));
    let (lo, hi) = other.map_or((lo, hi), |other| (lo.min(other.0), hi.max(other.1)));
    let single = hi - lo <= SINGLE * hi;
    let (lo, hi) = if single { (0.5 * lo, (1.5 * hi).min(f64::MAX)) } else { (lo, hi) };
    let log = is_wide(&[lo, hi]);
    let edges = edges(lo, hi, log);
    let shares = |x: &[f64]| -> Vec<f64> {
        // The last bin includes its upper end, because the largest of few values may be there.
        let inside = |v: f64, bin: usize| {
            edges[bin] <= v && v < edges[bin + 1] || bin + 1 == BINS && v == hi
        };
        let count = |bin| x.iter().filter(|v| inside(**v, bin)).count();
        (0..BINS).map(|bin| count(bin) as f64 / x.len() as f64).collect()
    };
    let middle = |pair: &[f64]| {
        if log { geometric_mean(pair[0], pair[1]) } else { 0.5 * pair[0] + 0.5 * pair[1] }
    };
    let middles = edges.windows(2).map(middle).collect();
    Panel {
        x_scale: if log { Scale::Log } else { Scale::Linear },
        series: match gaussian {
            [] => Vec::new(),
            _ => vec![Series::new("Gaussian noise", Color::BLACK, middles, shares(gaussian))],
        },
        bars: vec![Bars {
            name: "gradient noise".into(),
            color: BLUE,
            heights: shares(norms),
            edges,
        }],
        ..panel
    }
}

/// Ends of the bins, even in numbers or in ratios.
fn edges(lo: f64, hi: f64, log: bool) -> Vec<f64> {
    let edge = |i: usize| {
        let part = i as f64 / BINS as f64;
        match log {
            false => lo + (hi - lo) * part,
            true if (hi / lo).is_finite() => lo * (hi / lo).powf(part),
            true => (lo.ln() * (1.0 - part) + hi.ln() * part).exp(),
        }
    };
    (0..=BINS).map(edge).collect()
}

fn geometric_mean(a: f64, b: f64) -> f64 {
    let product = a * b;
    if product.is_normal() { product.sqrt() } else { a.sqrt() * b.sqrt() }
}

/// Number of norms that a logarithm cannot show, in words; empty if all are positive and finite.
fn left_out(norms: &[f64]) -> String {
    let all = norms.len();
    let zero = norms.iter().filter(|norm| **norm == 0.0).count();
    let other = norms.iter().filter(|norm| !norm.is_finite()).count();
    let counted = [(zero, "zero"), (other, "not finite")].into_iter().filter(|(n, _)| *n > 0);
    let counted: Vec<String> =
        counted.map(|(n, what)| format!("{n} of {all} norms are {what}")).collect();
    match counted.as_slice() {
        [] if all == 0 => "there are no draws.".into(),
        [] => String::new(),
        counted => format!("{} and left out.", counted.join(", ")),
    }
}

const GAUSSIAN_QQ: &str = "QQ against Gaussian noise";

/// An empty panel for quantiles.
fn qq_frame(title: &str, x_label: &str) -> Panel {
    let y_label = "‖g − ∇f‖".into();
    Panel { title: title.into(), x_label: x_label.into(), y_label, ..Panel::default() }
}

fn qq(title: &str, x_label: &str, qq: Qq, scale: Scale) -> Panel {
    let qq = thinned(&qq);
    Panel {
        x_scale: scale,
        y_scale: scale,
        points: vec![Points {
            name: String::new(),
            color: BLUE,
            x: qq.theoretical,
            y: qq.sample,
            shade: None,
        }],
        rules: vec![Rule {
            name: "same law".into(),
            color: GREY,
            line: Line::Slope { slope: 1.0, intercept: 0.0 },
        }],
        ..qq_frame(title, x_label)
    }
}

/// About a hundred of the points, and all of the farthest.
fn thinned(qq: &Qq) -> Qq {
    let len = qq.sample.len();
    let every = (len / QUANTILES).max(1);
    let keep = |x: &[f64]| {
        let kept = (0..len).filter(|i| i.is_multiple_of(every) || i + FARTHEST >= len);
        kept.map(|i| x[i]).collect()
    };
    Qq { theoretical: keep(&qq.theoretical), sample: keep(&qq.sample) }
}

/// Norms of noise against those of Gaussian noise of the same covariance.
pub fn qq_of_gaussian(norms: &[f64], gaussian: &[f64]) -> Panel {
    let points = qq_reference(norms, gaussian, norms.len());
    let scale = if is_wide(&points.sample) { Scale::Log } else { Scale::Linear };
    qq(GAUSSIAN_QQ, "‖Gaussian noise‖", points, scale)
}

/// Quantiles against the normal law of the same mean and variance. The literature draws this plot,
/// but it is no test of the tail, because a norm is skewed.
fn qq_of_normal(norms: &[f64]) -> Panel {
    let (title, x_label) = ("QQ against the normal law", "normal quantile");
    let points = qq_normal(norms);
    let panel = match points.sample.iter().all(|x| x.is_nan()) {
        // Without a spread, values cannot be standardized.
        true => Panel {
            note: "the norms have no finite variance above zero.".into(),
            ..qq_frame(title, x_label)
        },
        false => qq(title, x_label, points, Scale::Linear),
    };
    Panel { y_label: "‖g − ∇f‖, standardized".into(), ..panel }
}

/// Whether ascending values span so many ratios that a linear axis would hide most of them.
fn is_wide(ascending: &[f64]) -> bool {
    let ends = ascending.first().zip(ascending.last());
    ends.is_some_and(|(lo, hi)| *lo > 0.0 && hi / lo > WIDE)
}

fn hill(norms: &[f64]) -> Panel {
    let sorted = descending(norms);
    let panel = Panel {
        title: "Hill plot".into(),
        x_label: "largest values used".into(),
        y_label: "tail index".into(),
        x_scale: Scale::Log,
        y_scale: Scale::Log,
        note: left_out(norms),
        ..Panel::default()
    };
    if sorted.len() < HILL_NORMS {
        let note =
            format!("{} norms are positive and finite, and it takes {HILL_NORMS}.", sorted.len());
        return Panel { note, ..panel };
    }
    let ks = log_spaced_ks(10, sorted.len() / 2, HILL_POINTS);
    let curve = hill_curve(&sorted, &ks);
    let series = Series {
        band: Some(Band {
            lo: curve.iter().map(|hill| hill.interval.lo).collect(),
            hi: curve.iter().map(|hill| hill.interval.hi).collect(),
        }),
        ..Series::new(
            "tail index",
            Color::RED,
            ks.iter().map(|&k| k as f64).collect(),
            curve.iter().map(|hill| hill.alpha).collect(),
        )
    };
    Panel {
        series: vec![series],
        rules: vec![Rule {
            name: "infinite variance below".into(),
            color: GREY,
            line: Line::Horizontal(2.0),
        }],
        ..panel
    }
}
