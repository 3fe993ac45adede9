//! Colours of a study: the colour of an arm depends on its index among the arms of the study.

use windtunnel_figure::Color;

use super::setting::Setting;

/// The colours of figures, and three more for pictures with up to ten colours.
pub(super) const COLORS: [Color; 10] = [
    Color::CYCLE[0],
    Color::CYCLE[1],
    Color::CYCLE[2],
    Color::CYCLE[3],
    Color::CYCLE[4],
    Color::CYCLE[5],
    Color::CYCLE[6],
    Color(0x99, 0x99, 0x99),
    Color(0x99, 0x77, 0x00),
    Color(0x44, 0x22, 0x88),
];

/// Names of the arms of several settings, in the order in which they first occur.
pub(super) fn arm_names(settings: &[Setting]) -> Vec<&'static str> {
    let mut names = Vec::new();
    for arm in settings.iter().flat_map(|setting| setting.arms) {
        if !names.contains(&arm.name) {
            names.push(arm.name);
        }
    }
    names
}

/// Colour of an arm by its index among the arms of the settings of a study.
pub(super) fn color_of(settings: &[Setting], arm: &str) -> Color {
    let place = arm_names(settings).iter().position(|name| *name == arm);
    COLORS[place.unwrap_or(0) % COLORS.len()]
}
