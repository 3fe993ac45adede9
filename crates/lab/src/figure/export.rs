//! SVG to PNG and PDF, with the bundled fonts.

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
    #[error("the figure is not a valid SVG: a text may hold a control character: {0}")]
    Svg(#[from] usvg::Error),
    /// The PNG could not be encoded.
    #[error("cannot encode the PNG: {0}")]
    Png(String),
    /// The PDF could not be built.
    #[error("cannot build the PDF: {0}")]
    Pdf(String),
}

/// The SVG in dots, `scale` to a pixel.
pub(super) fn png(svg: &str, scale: f32) -> Result<Vec<u8>, Error> {
    if !(scale > 0.0 && scale <= 16.0) {
        return Err(Error::Scale(scale));
    }
    let tree = parse(svg)?;
    let size = tree.size().to_int_size().scale_by(scale).ok_or(Error::Scale(scale))?;
    let mut dots = Pixmap::new(size.width(), size.height()).ok_or(Error::Scale(scale))?;
    resvg::render(&tree, Transform::from_scale(scale, scale), &mut dots.as_mut());
    dots.encode_png().map_err(|e| Error::Png(e.to_string()))
}

/// The SVG as a page of its size.
pub(super) fn pdf(svg: &str) -> Result<Vec<u8>, Error> {
    let page = svg2pdf::PageOptions { dpi: 96.0 };
    svg2pdf::to_pdf(&parse(svg)?, svg2pdf::ConversionOptions::default(), page)
        .map_err(|e| Error::Pdf(e.to_string()))
}

fn parse(svg: &str) -> Result<Tree, Error> {
    let options = Options { fontdb: font::database(), ..Options::default() };
    Ok(Tree::from_str(svg, &options)?)
}
