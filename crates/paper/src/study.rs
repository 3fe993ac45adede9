//! Studies: settings of runs, views of them, claims about them.

use super::arm::Gap;
use super::claim::Claim;
use super::palette::arm_names;
use super::setting::Setting;
use super::view::View;

/// A figure of the paper, or a study beyond it.
#[derive(Clone, Copy, Debug)]
pub struct Study {
    /// Name on the command line and of files.
    pub name: &'static str,
    /// Heading.
    pub title: &'static str,
    /// Settings, one for each panel.
    pub settings: &'static [Setting],
    /// Pairs of arms whose ratios are in tables and pictures of gaps.
    pub gaps: &'static [Gap],
    /// Views of the settings.
    pub views: &'static [View],
    /// Claims about them.
    pub claims: &'static [Claim],
    /// Other protocols, under which claims about losses are judged too.
    pub alternatives: &'static [AlternativeProtocol],
    /// Published losses.
    pub published_losses: &'static [PublishedLoss],
    /// Published ratios of robust condition numbers.
    pub published_ratios: &'static [PublishedRatio],
    /// Whether the paper's figure shows real Transformers on the left.
    pub real: bool,
    /// Remarks for the reader.
    pub notes: &'static [&'static str],
}

/// Settings of a study under another protocol.
#[derive(Clone, Copy, Debug)]
pub struct AlternativeProtocol {
    /// Name of the convention.
    pub name: &'static str,
    /// Names of settings, each with its replacement; the others stay.
    pub replaced: &'static [(&'static str, Setting)],
}

/// A published loss: mean over seeds.
#[derive(Clone, Copy, Debug)]
pub struct PublishedLoss {
    /// Name of the setting.
    pub setting: &'static str,
    /// Name of the arm.
    pub arm: &'static str,
    /// Step.
    pub step: u64,
    /// Loss.
    pub loss: f64,
}

/// A published ratio of two arms: mean and standard deviation over six seeds.
#[derive(Clone, Copy, Debug)]
pub struct PublishedRatio {
    /// Name of the setting.
    pub setting: &'static str,
    /// The arms.
    pub gap: Gap,
    /// Source: the paper's table or the authors' notebook.
    pub source: &'static str,
    /// Step.
    pub step: u64,
    /// Mean over seeds.
    pub mean: f64,
    /// Standard deviation over seeds.
    pub std: f64,
}

impl Study {
    /// A study without contents.
    pub const EMPTY: Study = Study {
        name: "",
        title: "",
        settings: &[],
        gaps: &[],
        views: &[],
        claims: &[],
        alternatives: &[],
        published_losses: &[],
        published_ratios: &[],
        real: false,
        notes: &[],
    };

    /// The setting with this name, if the study has it.
    pub fn setting(&self, name: &str) -> Option<&'static Setting> {
        self.settings.iter().find(|setting| setting.name == name)
    }

    /// All settings whose runs the study needs.
    pub fn all_settings(&self) -> impl Iterator<Item = &'static Setting> {
        let replaced = self.alternatives.iter().flat_map(|other| other.replaced);
        self.settings.iter().chain(replaced.map(|(_, setting)| setting))
    }

    /// Names of the arms of all its settings, in the order of tables and colours.
    pub fn arms(&self) -> Vec<&'static str> {
        arm_names(self.settings)
    }

    /// Whether the study shows the noise at initialization.
    pub fn needs_noise(&self) -> bool {
        self.views.contains(&View::InitialNoise)
    }

    /// Whether the study draws losses of baselines that need no training.
    pub fn needs_theory(&self) -> bool {
        self.views.contains(&View::Losses)
    }
}

impl AlternativeProtocol {
    /// The replacement of one of the study's settings, or the setting itself.
    pub(super) fn of(&self, setting: &'static Setting) -> &'static Setting {
        let own = self.replaced.iter().find(|(name, _)| *name == setting.name);
        own.map_or(setting, |(_, other)| other)
    }
}
