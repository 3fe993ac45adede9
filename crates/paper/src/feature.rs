//! Features of Transformer training that claims are about, in the order of the paper.

/// Title of a feature, and the beginnings of the numbers of its claims.
type Feature = (&'static str, &'static [&'static str]);

/// All features; every claim belongs to exactly one.
pub const FEATURES: [Feature; 10] = [
    ("Adam ends lower than SGD", &["A1", "B1", "F1.1"]),
    ("Gradient noise is heavy-tailed", &["B2", "F1.2"]),
    ("Adam moves where the loss is better conditioned", &["B3", "F1.3"]),
    ("The loss is smoother along Adam's steps", &["B4", "F1.4"]),
    ("Smoothness grows with the gradient", &["B5"]),
    ("Heavier-tailed data strengthen the features", &["D"]),
    ("More layers strengthen the features", &["E"]),
    ("Linear attention fits better than softmax attention", &["A3"]),
    ("Beyond the paper: noise during training", &["N"]),
    ("Beyond the paper: what causes the gap", &["K", "T", "L", "U", "H"]),
];

/// Whether a claim of this number belongs to a feature.
pub fn belongs(claim: &str, (_, beginnings): &Feature) -> bool {
    beginnings.iter().any(|beginning| claim.starts_with(beginning))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_claim_has_one_feature_and_every_feature_a_claim() {
        let studies = || crate::figures::FIGURES.iter().chain(&crate::beyond::BEYOND);
        let claims: Vec<&str> = studies().flat_map(|s| s.claims).map(|claim| claim.id).collect();
        for claim in &claims {
            let own = FEATURES.iter().filter(|feature| belongs(claim, feature));
            assert_eq!(own.count(), 1, "{claim}");
        }
        for feature in &FEATURES {
            assert!(claims.iter().any(|claim| belongs(claim, feature)), "{}", feature.0);
        }
    }
}
