//! `mfactl metrics`: figures for those who watch their systems, in OpenMetrics' text form.

use crate::Desk;
use mfa_cli::{Exit, Failure, Screen};
use mfa_proto::metrics::{Family, METRICS, Metrics, Sample};
use serde_json::json;
use std::fmt::Write;

/// Print figures for monitoring, as OpenMetrics
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  mfactl metrics
  mfactl metrics > /var/lib/prometheus/node-exporter/mfa.prom.new;
  mv /var/lib/prometheus/node-exporter/mfa.prom.new \\
     /var/lib/prometheus/node-exporter/mfa.prom

No user's name is in them. If the daemon cannot be reached, mfa_up is 0 and
the exit code 3.")]
pub(crate) struct Args {}

pub(crate) fn run(desk: &mut Desk) -> Result<Exit, Failure> {
    let metrics: Metrics = desk.daemon.call(METRICS, &json!({}))?;
    if desk.json {
        desk.screen.json(&metrics)?;
    } else {
        desk.screen.data(&spelled(&metrics.families))?;
    }
    Ok(Exit::Done)
}

/// What is told when nobody answers.
pub(crate) fn unreachable(screen: &Screen) {
    let _ = screen.data("# HELP mfa_up Whether the daemon answers.\n# TYPE mfa_up gauge\nmfa_up 0\n# EOF\n");
}

fn spelled(families: &[Family]) -> String {
    let mut text = String::new();
    for Family { name, help, kind, samples } in families {
        let name = word(name);
        let _ = writeln!(text, "# HELP {name} {}\n# TYPE {name} {}", escaped(help), kind.as_str());
        for Sample { suffix, labels, value } in samples {
            let each = labels.iter().map(|(label, value)| format!("{}=\"{}\"", word(label), escaped(value)));
            let labels = each.collect::<Vec<_>>().join(",");
            let labels = if labels.is_empty() { labels } else { format!("{{{labels}}}") };
            let _ = writeln!(text, "{name}{}{labels} {value}", word(suffix));
        }
    }
    text + "# EOF\n"
}

fn word(text: &str) -> String {
    text.chars().filter(|c| c.is_ascii_alphanumeric() || *c == '_').collect()
}

fn escaped(text: &str) -> String {
    text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use mfa_proto::metrics::Kind;

    #[test]
    fn families_are_spelled_as_openmetrics_has_them() {
        let sample = |suffix: &str, labels: &[(&str, &str)], value| Sample {
            suffix: suffix.into(),
            labels: labels.iter().map(|(label, value)| ((*label).to_owned(), (*value).to_owned())).collect(),
            value,
        };
        let family =
            |name: &str, kind, samples| Family { name: name.into(), help: "Such a \"thing\".".into(), kind, samples };
        let families = [
            family("mfa_up", Kind::Gauge, vec![sample("", &[], 1.0)]),
            family(
                "mfa_records",
                Kind::Counter,
                vec![sample("_total", &[("reason", "a\"b\nc"), ("what", "denied")], 3.0)],
            ),
            family(
                "mfa_answer_seconds",
                Kind::Histogram,
                vec![sample("_bucket", &[("le", "0.0001")], 2.0), sample("_sum", &[], 0.25)],
            ),
        ];
        assert_eq!(
            spelled(&families),
            "# HELP mfa_up Such a \\\"thing\\\".\n# TYPE mfa_up gauge\nmfa_up 1\n\
             # HELP mfa_records Such a \\\"thing\\\".\n# TYPE mfa_records counter\n\
             mfa_records_total{reason=\"a\\\"b\\nc\",what=\"denied\"} 3\n\
             # HELP mfa_answer_seconds Such a \\\"thing\\\".\n# TYPE mfa_answer_seconds histogram\n\
             mfa_answer_seconds_bucket{le=\"0.0001\"} 2\nmfa_answer_seconds_sum 0.25\n# EOF\n"
        );
    }
}
