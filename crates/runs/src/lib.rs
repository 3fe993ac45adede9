//! Runs of windtunnel: the spec that determines one ([`spec`]), the folder that holds them
//! ([`store`]), the checked reading of stored runs ([`stored`]), and data from outside
//! ([`exchange`]).

pub mod exchange;
pub mod spec;
pub mod store;
pub mod stored;
