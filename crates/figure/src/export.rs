//! SVG to PNG and PDF, with the bundled fonts.

use krilla::Document;
use krilla::geom::Size;
use krilla::page::PageSettings;
use krilla_svg::{SurfaceExt, SvgSettings};
use resvg::tiny_skia::{Pixmap, Transform};
use resvg::usvg::{self, Options, Tree};

use super::font;

/// Why a figure could not be rasterised or converted.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The scale is not usable.
    #[error("scale = {0} is not in (0, 16]; 2 suits most screens and papers")]
    Scale(f32),
    /// The SVG does not parse.
    #[error("the figure is not a valid SVG: {0}")]
    Svg(#[from] usvg::Error),
    /// The PNG could not be encoded.
    #[error("cannot encode the PNG: {0}")]
    Png(String),
    /// The PDF could not be built.
    #[error("cannot build the PDF: {0}")]
    Pdf(String),
}

/// Most dots of a PNG, 256 MB while it is drawn: a page of hundreds of panels gets fewer to a pixel.
const MOST_DOTS: f32 = 64e6;

/// The SVG in dots, `scale` to a pixel, or as many as [`MOST_DOTS`] allows.
pub(super) fn png(svg: &str, scale: f32) -> Result<Vec<u8>, Error> {
    if !(scale > 0.0 && scale <= 16.0) {
        return Err(Error::Scale(scale));
    }
    let tree = parse(svg)?;
    let area = tree.size().width() * tree.size().height();
    let scale = scale.min((MOST_DOTS / area).sqrt());
    let size = tree.size().to_int_size().scale_by(scale).ok_or(Error::Scale(scale))?;
    let mut dots = Pixmap::new(size.width(), size.height()).ok_or(Error::Scale(scale))?;
    resvg::render(&tree, Transform::from_scale(scale, scale), &mut dots.as_mut());
    dots.encode_png().map_err(|e| Error::Png(e.to_string()))
}

/// The SVG as a page of its size, at 96 pixels to the inch.
pub(super) fn pdf(svg: &str) -> Result<Vec<u8>, Error> {
    let tree = parse(svg)?;
    let points = |pixels: f32| 0.75 * pixels;
    let size = Size::from_wh(points(tree.size().width()), points(tree.size().height()));
    let size = size.ok_or_else(|| Error::Pdf("the page is empty".into()))?;
    let mut document = Document::new();
    let mut page = document.start_page_with(PageSettings::new(size));
    let mut surface = page.surface();
    let drawn = surface.draw_svg(&tree, size, SvgSettings::default());
    surface.finish();
    page.finish();
    drawn.ok_or_else(|| Error::Pdf("the SVG cannot be drawn".into()))?;
    document.finish().map_err(|e| Error::Pdf(e.to_string()))
}

fn parse(svg: &str) -> Result<Tree, Error> {
    let options = Options { fontdb: font::database(), ..Options::default() };
    Ok(Tree::from_str(svg, &options)?)
}

#[cfg(test)]
mod tests {
    use resvg::usvg::{Group, Node, Rect};

    use super::*;
    use crate::{Bars, Color, ColorMap, Figure, HeatMap, Line, Panel, Points, Rule, Scale, Series};

    fn text_boxes(group: &Group) -> Vec<Rect> {
        let of = |node: &Node| match node {
            Node::Text(text) => vec![text.abs_bounding_box()],
            Node::Group(group) => text_boxes(group),
            _ => Vec::new(),
        };
        group.children().iter().flat_map(of).collect()
    }

    fn crowded(panels: usize, size: f64, y_scale: Scale) -> Figure {
        let x = || vec![0.0, 0.3 * size, size];
        let series = |i| Series::new(format!("optimizer {i}"), Color::CYCLE[i], x(), x());
        let panel = |i| Panel {
            title: "A title that is too long for one line of a small panel".into(),
            x_label: format!("step {i}"),
            y_label: format!("‖g − ∇f‖^{{2}}, panel {i}, by a name longer than the axis is high"),
            x_scale: Scale::Linear,
            y_scale,
            series: (0..7).map(series).collect(),
            ..Panel::default()
        };
        let caption = "six seeds, shaded: 95 % interval, spec 0123456789abcdef ".repeat(8);
        Figure { title: "A ⋆ title".into(), panels: (0..panels).map(panel).collect(), caption }
    }

    /// Every kind of mark, in turn a panel of bars, points and rules and one of cells.
    fn crowded_marks(panels: usize, size: f64, y_scale: Scale) -> Figure {
        let values = || vec![-size, 0.3 * size, size];
        let name = |what: &str| format!("{what} of the optimizer");
        let color = Color::RED;
        let rule = |what: &str, line| Rule { name: name(what), color, line };
        let marks = |panel: Panel| Panel {
            bars: vec![Bars { name: name("bars"), color, edges: values(), heights: vec![size; 2] }],
            points: vec![Points {
                name: name("points"),
                color,
                x: values(),
                y: values(),
                shade: Some(values()),
            }],
            rules: vec![
                rule("level", Line::Horizontal(2.0 * size)),
                rule("place", Line::Vertical(0.5 * size)),
                rule("slope", Line::Slope { slope: -1.0, intercept: size }),
            ],
            x_scale: y_scale,
            ..panel
        };
        let blocks = |long: &str| {
            let names = ["P_{1}", "Q_{1}", long, "P_{2}", "Q_{2}", long].into_iter();
            names.zip([1, 9, 1, 2, 1, 6]).map(|(name, cells)| (name.into(), cells)).collect()
        };
        let cells = |i: usize, panel: Panel| Panel {
            series: Vec::new(),
            heat_map: Some(HeatMap {
                rows: 20,
                columns: 20,
                values: (0..400).map(|i| size * (f64::from(i) - 200.0).powi(3)).collect(),
                row_blocks: if i % 4 == 1 { blocks("a block with a long name") } else { vec![] },
                column_blocks: if i % 4 == 1 { blocks("a long name, too") } else { vec![] },
                scale: y_scale,
                color_map: ColorMap::Diverging,
            }),
            ..panel
        };
        let shade_label = "∂²f/∂θ_{i}∂θ_{j}, by a name longer than the bar is high or nearly so";
        let mut figure = crowded(panels, size, y_scale);
        for (i, panel) in figure.panels.iter_mut().enumerate() {
            let old = std::mem::take(panel);
            let old =
                if i == 2 || panels == 1 { Panel { title: String::new(), ..old } } else { old };
            let new = if i % 2 == 0 { marks(old) } else { cells(i, old) };
            *panel = Panel { shade_label: shade_label.into(), ..new };
        }
        figure
    }

    fn assert_apart(figure: &Figure, case: &str) {
        let tree = parse(&figure.svg()).unwrap();
        let page = tree.size().to_rect(0.0, 0.0).unwrap();
        let boxes = text_boxes(tree.root());
        let panels = figure.panels.len();
        assert!(boxes.len() > 10 * panels, "{} texts in {panels} panels", boxes.len());
        for (i, a) in boxes.iter().enumerate() {
            let inside = a.left() >= 0.0 && a.right() <= page.right();
            assert!(
                inside && a.top() >= 0.0 && a.bottom() <= page.bottom(),
                "{case}: {a:?} leaves {page:?}"
            );
            for b in &boxes[..i] {
                let wide = a.right().min(b.right()) - a.left().max(b.left());
                let high = a.bottom().min(b.bottom()) - a.top().max(b.top());
                assert!(wide <= 0.0 || high <= 0.0, "{case}: {a:?} covers {b:?}");
            }
        }
    }

    #[test]
    fn a_page_of_hundreds_of_panels_has_a_png_of_bounded_size() {
        let figure = Figure { panels: vec![Panel::default(); 900], ..Figure::default() };
        let png = Pixmap::decode_png(&figure.png(2.0).unwrap()).unwrap();
        let dots = png.width() as f32 * png.height() as f32;
        assert!(dots <= 1.01 * MOST_DOTS && dots > 0.9 * MOST_DOTS, "{dots}");
    }

    #[test]
    fn no_text_leaves_the_page_or_covers_another() {
        let ordinary = [(1, 1.0), (2, 1e5), (3, 123456.0), (4, 1e-7), (5, 1e300), (7, 12.5)];
        for (panels, size) in ordinary.into_iter().chain([(2, f64::MAX), (3, 1e-300), (1, 1e-305)])
        {
            let small = Scale::SymLog { linear: 2.5e-6 * size };
            let large = Scale::SymLog { linear: 0.9 * size };
            for scale in [Scale::Linear, Scale::Log, small, large] {
                let case = format!("{panels} panels to {size}, {scale:?}");
                assert_apart(&crowded(panels, size, scale), &case);
                assert_apart(&crowded_marks(panels, size, scale), &format!("{case}, marks"));
            }
        }
    }
}
