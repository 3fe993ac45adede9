//! Noise of mini-batch gradients as histogram, QQ plot and Hill plot.

use windtunnel_core::instrument::{DENSE_LIMIT, gaussian_norms};
use windtunnel_core::landscape::NoiseSample;
use windtunnel_core::objective::Block;
use windtunnel_core::stats::{
    Qq, descending, excess_kurtosis, hill_curve, log_spaced_ks, qq_normal, qq_reference, quantile,
};

use crate::figure::{
    Band, Bars, Color, ColorMap, Figure, HeatMap, Line, Panel, Points, Rule, Scale, Series,
};

const BINS: usize = 60;
const QUANTILES: usize = 400;
const FARTHEST: usize = 20;
const HILL_POINTS: usize = 80;
const GREY: Color = Color(0x77, 0x77, 0x77);
const BLUE: Color = Color::CYCLE[2];

/// The norms of `sample`: density with that of Gaussian noise of the same covariance, quantiles of
/// one against the other, and Hill's index over its threshold. Nothing where the noise is not
/// finite, or where there are too many parameters for a covariance.
pub fn noise(sample: &NoiseSample, what: &str) -> Option<Figure> {
    let norms = sample.norms();
    if sample.reference.grad.len() > DENSE_LIMIT {
        return None;
    }
    let variances: Vec<f64> = sample.covariance()?.values.iter().map(|v| v.max(0.0)).collect();
    let gaussian = gaussian_norms(&variances);
    Some(Figure {
        title: format!("Gradient noise ‖g − ∇f‖, B = {}", sample.batch_size),
        panels: vec![
            histogram(&norms, &gaussian),
            hill(&norms),
            qq_of_gaussian(&norms, &gaussian),
            qq_of_normal(&norms),
        ],
        caption: format!(
            "{what}. {} mini-batch gradients of {} fresh prompts each against the mean gradient of \
             {}. Gaussian noise: of the same covariance; its norm is itself skewed, so the QQ plot \
             against the normal law bends even for it. QQ: some {QUANTILES} quantiles and the \
             {FARTHEST} farthest draws; above the line the tail is heavier. Hill: tail index over \
             the number of largest values used, band: 95 % interval; below 2 the variance is \
             infinite.",
            norms.len(),
            sample.batch_size,
            sample.reference.samples,
        ),
    })
}

/// Standard deviation and kurtosis of the noise of every parameter, matrix by matrix; nothing where
/// the blocks are not square matrices of one size.
pub fn noise_by_coordinate(sample: &NoiseSample, blocks: &[Block], what: &str) -> Option<Figure> {
    let size = blocks.first()?.range.len();
    let dim = size.isqrt();
    if dim * dim != size || blocks.iter().any(|block| block.range.len() != size) {
        return None;
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
    Some(Figure {
        title: format!("Gradient noise by parameter, B = {}", sample.batch_size),
        panels: vec![
            panel("standard deviation", "std", &sample.coordinate_std()),
            panel("excess kurtosis", "kurtosis", &kurtoses),
        ],
        caption: format!(
            "{what}. Entries of the matrices of all layers, rows below each other. Grey: without \
             noise (dead parameters), or a kurtosis below zero."
        ),
    })
}

/// Range of the norms, in ratios, from which bins are even in ratios.
const WIDE: f64 = 20.0;

/// Shares of draws in common bins, which leave out the farthest thousandth so that the bulk shows;
/// beside Gaussian noise where there is any.
pub fn histogram(norms: &[f64], gaussian: &[f64]) -> Panel {
    let sorted: Vec<f64> = descending(norms).into_iter().rev().collect();
    let (lo, hi) = match sorted.first() {
        Some(least) => {
            let (lo, hi) = (*least, quantile(&sorted, 0.999));
            let other = gaussian.first().map(|first| (*first, quantile(gaussian, 0.999)));
            other.map_or((lo, hi), |other| (lo.min(other.0), hi.max(other.1)))
        }
        None => (0.0, 1.0),
    };
    let log = is_wide(&[lo, hi]);
    let edge = |i: usize| {
        let part = i as f64 / BINS as f64;
        if log { lo * (hi / lo).powf(part) } else { lo + (hi - lo) * part }
    };
    let edges: Vec<f64> = (0..=BINS).map(edge).collect();
    let shares = |x: &[f64]| -> Vec<f64> {
        let count = |pair: &[f64]| x.iter().filter(|v| pair[0] <= **v && **v < pair[1]).count();
        edges.windows(2).map(|pair| count(pair) as f64 / x.len() as f64).collect()
    };
    let middle =
        |pair: &[f64]| if log { (pair[0] * pair[1]).sqrt() } else { 0.5 * (pair[0] + pair[1]) };
    let middles = edges.windows(2).map(middle).collect();
    Panel {
        title: "histogram".into(),
        x_label: "‖g − ∇f‖".into(),
        y_label: "share per bin".into(),
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
        ..Panel::default()
    }
}

fn qq(title: &str, x_label: &str, qq: Qq, scale: Scale) -> Panel {
    let qq = thinned(&qq);
    Panel {
        title: title.into(),
        x_label: x_label.into(),
        y_label: "‖g − ∇f‖".into(),
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
        ..Panel::default()
    }
}

/// Some hundred of the points, and all of the farthest.
fn thinned(qq: &Qq) -> Qq {
    let len = qq.sample.len();
    let every = (len / QUANTILES).max(1);
    let keep = |x: &[f64]| {
        let kept = (0..len).filter(|i| i.is_multiple_of(every) || i + FARTHEST >= len);
        kept.map(|i| x[i]).collect()
    };
    Qq { theoretical: keep(&qq.theoretical), sample: keep(&qq.sample) }
}

pub fn qq_of_gaussian(norms: &[f64], gaussian: &[f64]) -> Panel {
    let points = qq_reference(norms, gaussian, norms.len());
    let scale = if is_wide(&points.sample) { Scale::Log } else { Scale::Linear };
    qq("QQ against Gaussian noise", "‖Gaussian noise‖", points, scale)
}

/// Quantiles against the normal law of the same mean and variance: what the literature draws, and
/// no test of the tail, because a norm is skewed.
fn qq_of_normal(norms: &[f64]) -> Panel {
    Panel {
        y_label: "‖g − ∇f‖, standardized".into(),
        ..qq("QQ against the normal law", "normal quantile", qq_normal(norms), Scale::Linear)
    }
}

/// Whether ascending values span so many ratios that a linear axis would hide most of them.
fn is_wide(ascending: &[f64]) -> bool {
    let ends = ascending.first().zip(ascending.last());
    ends.is_some_and(|(lo, hi)| *lo > 0.0 && hi / lo > WIDE)
}

fn hill(norms: &[f64]) -> Panel {
    let sorted = descending(norms);
    let most = sorted.len() / 2;
    let ks = if most > 10 { log_spaced_ks(10, most, HILL_POINTS) } else { Vec::new() };
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
        title: "Hill plot".into(),
        x_label: "largest values used".into(),
        y_label: "tail index".into(),
        x_scale: Scale::Log,
        y_scale: Scale::Log,
        series: vec![series],
        rules: vec![Rule {
            name: "infinite variance below".into(),
            color: GREY,
            line: Line::Horizontal(2.0),
        }],
        ..Panel::default()
    }
}
