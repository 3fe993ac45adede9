//! The laboratory of windtunnel: many runs at once ([`sweep`]), runs computed again under
//! instruments ([`measure`]), losses without training ([`baseline`]), and pictures of all of them
//! ([`chart`]).

pub mod baseline;
pub mod chart;
pub mod measure;
pub mod sweep;
