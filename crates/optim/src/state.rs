//! State that a transform carries from step to step.

use windtunnel_math::lanes::Real;

/// A named vector.
#[derive(Clone, Debug, PartialEq)]
struct Vector<T> {
    name: String,
    values: Vec<T>,
}

/// State of one transform: named vectors, which are stored with a run and restored to the bit, and
/// scratch vectors, whose contents do not last between steps.
#[derive(Clone, Debug, PartialEq)]
pub struct State<T> {
    vectors: Vec<Vector<T>>,
    scratch: Vec<Vec<T>>,
}

impl<T: Real> State<T> {
    /// The state of a transform that carries nothing.
    pub fn empty() -> State<T> {
        State { vectors: Vec::new(), scratch: Vec::new() }
    }

    /// Vectors of these names and lengths, all zero. A transform that starts elsewhere fills them
    /// at step 1.
    pub fn zeros(vectors: &[(&str, usize)]) -> State<T> {
        let zeros = |&(name, len): &(&str, usize)| Vector {
            name: name.to_owned(),
            values: vec![T::zero(); len],
        };
        State { vectors: vectors.iter().map(zeros).collect(), scratch: Vec::new() }
    }

    /// This state with scratch vectors of these lengths, so that a step need not allocate.
    #[must_use]
    pub fn with_scratch(self, lengths: &[usize]) -> State<T> {
        let scratch = lengths.iter().map(|&len| vec![T::zero(); len]).collect();
        State { scratch, ..self }
    }

    /// All vectors in the order of [`State::zeros`], then the scratch vectors.
    ///
    /// # Panics
    /// If there are not N of them.
    pub fn vectors<const N: usize>(&mut self) -> [&mut [T]; N] {
        let count = self.vectors.len() + self.scratch.len();
        assert_eq!(count, N, "number of vectors of the state");
        let named = self.vectors.iter_mut().map(|vector| vector.values.as_mut_slice());
        let mut all = named.chain(self.scratch.iter_mut().map(Vec::as_mut_slice));
        std::array::from_fn(|_| all.next().unwrap_or_default())
    }

    /// The named vector at `index`.
    ///
    /// # Panics
    /// If there is none.
    pub fn get(&self, index: usize) -> &[T] {
        &self.vectors[index].values
    }

    /// Puts the index of the transform in its list before the names: `1.exp_avg`.
    pub(super) fn prefixed(mut self, index: usize) -> State<T> {
        for vector in &mut self.vectors {
            vector.name = format!("{index}.{}", vector.name);
        }
        self
    }

    /// Names and values of the stored vectors.
    pub(super) fn iter(&self) -> impl Iterator<Item = (&str, &[T])> {
        self.vectors.iter().map(|vector| (vector.name.as_str(), vector.values.as_slice()))
    }

    /// Names and values of the stored vectors, to be overwritten.
    pub(super) fn iter_mut(&mut self) -> impl Iterator<Item = (&str, &mut [T])> {
        self.vectors
            .iter_mut()
            .map(|Vector { name, values }| (name.as_str(), values.as_mut_slice()))
    }
}
