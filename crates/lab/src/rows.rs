//! Rows of a run, found by the name of their metric.

use std::collections::HashMap;
use std::ops::Deref;

use windtunnel_measure::metric::Name;
use windtunnel_runs::store::Row;

/// The rows of one run in the order in which they were recorded, with an index by metric: a claim is
/// judged by hundreds of metrics and steps.
#[derive(Clone, Debug, Default)]
pub struct Rows {
    all: Vec<Row>,
    places: HashMap<String, Vec<u32>>,
}

impl Rows {
    /// The rows of a metric, in the order in which they were recorded; empty if it was not
    /// recorded.
    pub fn of(&self, metric: impl Into<Name>) -> impl DoubleEndedIterator<Item = &Row> {
        let places = self.places.get(&metric.into().to_string()).map_or(&[][..], Vec::as_slice);
        places.iter().map(|&place| &self.all[place as usize])
    }
}

impl From<Vec<Row>> for Rows {
    fn from(all: Vec<Row>) -> Rows {
        let mut places: HashMap<String, Vec<u32>> = HashMap::new();
        for (place, row) in (0..).zip(&all) {
            match places.get_mut(&row.metric) {
                Some(own) => own.push(place),
                None => {
                    places.insert(row.metric.clone(), vec![place]);
                }
            }
        }
        Rows { all, places }
    }
}

impl FromIterator<Row> for Rows {
    fn from_iter<I: IntoIterator<Item = Row>>(rows: I) -> Rows {
        rows.into_iter().collect::<Vec<Row>>().into()
    }
}

impl Deref for Rows {
    type Target = [Row];

    fn deref(&self) -> &[Row] {
        &self.all
    }
}
