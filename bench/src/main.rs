//! The side of windtunnel in `scripts/bench`.

mod peak;

fn main() {
    let isa = windtunnel_core::lanes::Isa::detect();
    let _ = peak::fma_peak(isa, 20000);
}
