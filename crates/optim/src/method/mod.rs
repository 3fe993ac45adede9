//! The built-in optimizers, one file each.

mod shared;

use super::Definition;

/// The list of built-in optimizers: file and type of each, in the order in which users see them.
macro_rules! optimizers {
    ($($file:ident: $Type:ident,)+) => {
        $(mod $file; pub use $file::$Type; impl super::definition::BuiltIn for $Type {})+

        /// Definitions of the built-in optimizers.
        pub(super) const BUILT_IN: &[&Definition] =
            &[$(<$Type as super::definition::Defined>::DEFINITION,)+];
    };
}

optimizers! {
    sgd: Sgd,
    normalized_sgd: NormalizedSgd,
    signsgd: SignSgd,
    signum: Signum,
    adagrad: Adagrad,
    rmsprop: RmsProp,
    adadelta: Adadelta,
    adam: Adam,
    adamw: AdamW,
    adamax: Adamax,
    nadam: Nadam,
    radam: Radam,
    adabelief: Adabelief,
    laprop: Laprop,
    adan: Adan,
    lion: Lion,
    lamb: Lamb,
    adopt: Adopt,
    ademamix: Ademamix,
    mars: Mars,
    adafactor: Adafactor,
    muon: Muon,
    dog: Dog,
    prodigy: Prodigy,
}
