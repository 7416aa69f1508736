//! Figures for monitoring: families of samples, as OpenMetrics has them.

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// All figures: `{}` → [`Metrics`].
pub const METRICS: &str = "io.mfa.Admin.Metrics";

/// All figures at one moment.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Metrics {
    /// In the order in which they are shown.
    pub families: Vec<Family>,
}

/// Samples of one name.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Family {
    /// Its name.
    pub name: String,
    /// A sentence about it.
    pub help: String,
    /// Of what kind.
    pub kind: Kind,
    /// Its samples.
    pub samples: Vec<Sample>,
}

/// Kinds of families.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// May go up and down.
    Gauge,
    /// Only goes up, and begins anew with the daemon.
    Counter,
    /// How often something took at most so long.
    Histogram,
}

impl Kind {
    /// OpenMetrics' word.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Gauge => "gauge",
            Self::Counter => "counter",
            Self::Histogram => "histogram",
        }
    }
}

/// One value.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Sample {
    /// What follows the family's name.
    pub suffix: String,
    /// What it is about.
    pub labels: BTreeMap<String, String>,
    /// The value.
    pub value: f64,
}
