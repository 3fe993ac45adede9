//! The parameters by matrix, for instruments.

use std::ops::Range;

use super::{Corner, Parameterization, Transformer};
use windtunnel_math::objective::Block;

impl Transformer {
    /// The matrices in the order of the parameters: `p1`, `q1`, … (`p1h2` of the second head, `p`
    /// and `q` of tied layers), then those of the encoder.
    ///
    /// Parameters that the loss cannot depend on are blocks of their own: the last P of the sparse
    /// parameterization; all rows but the last of the last P of the full one (`p3.unread`); a fixed
    /// corner (`p1.corner`). Blocks that are whole matrices have their shapes.
    pub fn blocks(&self) -> Vec<Block> {
        let layers = if self.tied { 1 } else { self.depth };
        let mut blocks = Vec::new();
        let square = (self.size(), self.size());
        let size = square.0 * square.1;
        for layer in 0..layers {
            for head in 0..self.heads {
                let first = 2 * size * (layer * self.heads + head);
                let name = |matrix: &str| self.name(matrix, layer, head);
                let last = self.depth == 1 || (!self.tied && layer + 1 == layers);
                blocks.extend(self.parts_of_p(&name("p"), first..first + size, last));
                let q = first + size..first + 2 * size;
                blocks.push(Block { shape: Some(square), ..block(name("q"), q, false) });
            }
        }
        if let Some(encoder) = self.encoder {
            let mut first = self.shape().iter().product();
            for (name, shape) in encoder.tensors(self.dim) {
                let len: usize = shape.iter().product();
                let shape =
                    if let [rows, columns] = shape[..] { Some((rows, columns)) } else { None };
                blocks.push(Block { shape, ..block(name.into(), first..first + len, false) });
                first += len;
            }
        }
        blocks
    }

    fn name(&self, matrix: &str, layer: usize, head: usize) -> String {
        let layer = if self.tied { String::new() } else { (layer + 1).to_string() };
        let head = if self.heads == 1 { String::new() } else { format!("h{}", head + 1) };
        format!("{matrix}{layer}{head}")
    }

    /// Blocks of the P in `range`; `last` says whether it is the last layer's.
    fn parts_of_p(&self, name: &str, range: Range<usize>, last: bool) -> Vec<Block> {
        let Range { start, end } = range;
        let shape = Some((self.size(), self.size()));
        let Parameterization::Full(corner) = self.parameterization else {
            return vec![Block { shape, ..block(name.into(), range, last) }];
        };
        if !last && corner == Corner::Free {
            return vec![Block { shape, ..block(name.into(), range, false) }];
        }
        let read = if last { start + self.dim * (self.dim + 1) } else { start };
        let free = if corner == Corner::Fixed { end - 1 } else { end };
        let parts = [
            block(format!("{name}.unread"), start..read, true),
            block(name.into(), read..free, false),
            block(format!("{name}.corner"), free..end, true),
        ];
        parts.into_iter().filter(|block| !block.range.is_empty()).collect()
    }
}

/// A block that is not a whole matrix.
fn block(name: String, range: Range<usize>, unused: bool) -> Block {
    Block { name, range, shape: None, unused }
}
