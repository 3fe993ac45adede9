//! The Hessian as a picture.

use windtunnel_math::objective::Block;
use windtunnel_measure::landscape::Hessian;

use windtunnel_figure::{ColorMap, Figure, HeatMap, Panel, Scale};

/// Share of the largest entry below which the colours are linear.
const DECADES: f64 = 1e-4;

/// The entries of `hessian`, block by block.
pub fn hessian(hessian: &Hessian, blocks: &[Block], what: &str) -> Figure {
    let names: Vec<(String, usize)> =
        blocks.iter().map(|b| (b.name.to_uppercase(), b.range.len())).collect();
    let sizes = hessian.entries().iter().map(|x| x.abs()).filter(|size| size.is_finite());
    let largest = sizes.fold(0.0, f64::max);
    // A ten-thousandth of the smallest doubles is zero, which is no threshold.
    let linear = if largest > 0.0 { (DECADES * largest).max(f64::MIN_POSITIVE) } else { 1.0 };
    let heat_map = HeatMap {
        rows: hessian.dim(),
        columns: hessian.dim(),
        values: hessian.entries().to_vec(),
        row_blocks: names.clone(),
        column_blocks: names,
        scale: Scale::SymLog { linear },
        color_map: ColorMap::Diverging,
    };
    let panel =
        Panel { heat_map: Some(heat_map), shade_label: "∂²f".into(), ..Panel::default() };
    Figure {
        title: "Hessian by block".into(),
        panels: vec![panel],
        caption: format!(
            "{what}. Exact Hessian of the held-out loss, in double precision; colours linear within \
             1e−4 of the largest entry, logarithmic beyond."
        ),
    }
}
