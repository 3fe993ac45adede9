//! What windtunnel measures of a function of its parameters: curvature, conditioning, smoothness and
//! gradient noise ([`landscape`]), the statistics behind them ([`stats`]), the catalogue of what is
//! recorded ([`metric`]), and named instruments that read it at one point ([`instrument`]).
//!
//! Nothing here knows of models, tasks or training: all it sees is an
//! [`Objective`](windtunnel_math::objective::Objective).

pub mod instrument;
pub mod landscape;
pub mod metric;
pub mod stats;
