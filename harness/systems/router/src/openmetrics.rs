//! Parses a system's counters from its `/metrics`: number and latency of calls.
//!
//! Not a complete OpenMetrics parser: foreign lines are only checked to be samples.

use std::collections::BTreeMap;
use std::str::FromStr;

/// Two modules: caller and callee.
type Pair = (String, String);

/// The counters of some modules, at one time or for an interval. Replicas of a module are summed.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Sample {
    /// Between different modules, by caller and callee.
    pub pairs: BTreeMap<Pair, Traffic>,
    /// Within modules, by module.
    pub local: BTreeMap<String, Latency>,
}

/// The calls from one module to another.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Traffic {
    /// The number of calls by status.
    pub statuses: BTreeMap<String, u64>,
    /// The latency of the calls that reached the transport.
    pub latency: Latency,
}

/// A histogram.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Latency {
    /// The number of values.
    pub count: u64,
    /// Their sum, in seconds.
    pub sum: f64,
    /// Upper bounds in seconds, the last one infinite, with cumulative counts.
    pub buckets: Vec<(f64, u64)>,
}

/// A quantile of a histogram, in seconds.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Quantile {
    /// An estimate.
    About(f64),
    /// Above the last bound, which is given.
    Above(f64),
}

/// A line that is not a sample.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {number} is not of OpenMetrics: {line:?}")]
pub struct ParseError {
    number: usize,
    line: String,
}

impl FromStr for Sample {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, ParseError> {
        let mut sample = Sample::default();
        for (index, line) in text.lines().enumerate() {
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            let series = Series::parse(line).ok_or_else(|| ParseError {
                number: index + 1,
                line: line.chars().take(200).collect(),
            })?;
            sample.add(series);
        }
        // A module has counters for another one from its discovery on.
        sample.pairs.retain(|_, traffic| traffic.calls() > 0);
        sample.local.retain(|_, latency| latency.count > 0);
        Ok(sample)
    }
}

impl Sample {
    fn add(&mut self, mut series: Series<'_>) {
        if let Some(part) = series.name.strip_prefix("tinysystems_cross_module_") {
            let (Some(source), Some(target)) = (series.take("source_module"), series.take("target_module"))
            else {
                return;
            };
            match (part, series.take("status")) {
                ("calls_total", Some(status)) => {
                    let traffic = self.pairs.entry((source, target)).or_default();
                    *traffic.statuses.entry(status).or_default() += series.value as u64;
                }
                (part, _) => {
                    if let Some(part) = part.strip_prefix("latency_seconds_") {
                        self.pairs
                            .entry((source, target))
                            .or_default()
                            .latency
                            .add(part, &series);
                    }
                }
            }
        } else if let Some(part) = series.name.strip_prefix("tinysystems_in_module_latency_seconds_")
            && let Some(module) = series.take("module")
        {
            self.local.entry(module).or_default().add(part, &series);
        }
    }

    /// The difference since `earlier`. Counters of a process that restarted since count in full.
    #[must_use]
    pub fn since(&self, earlier: &Sample) -> Sample {
        let pair = |(pair, now): (&Pair, &Traffic)| {
            let traffic = match earlier.pairs.get(pair) {
                Some(then) if now.calls() >= then.calls() => now.since(then),
                _ => now.clone(),
            };
            (pair.clone(), traffic)
        };
        let local = |(module, now): (&String, &Latency)| {
            let then = earlier.local.get(module);
            (
                module.clone(),
                then.map_or_else(|| now.clone(), |then| now.since(then)),
            )
        };
        Sample {
            pairs: self.pairs.iter().map(pair).collect(),
            local: self.local.iter().map(local).collect(),
        }
    }
}

impl Traffic {
    /// The number of calls that ended.
    pub fn calls(&self) -> u64 {
        self.statuses.values().sum()
    }

    fn since(&self, earlier: &Traffic) -> Traffic {
        let status = |(status, count): (&String, &u64)| {
            let before = earlier.statuses.get(status).copied().unwrap_or(0);
            (status.clone(), count.saturating_sub(before))
        };
        Traffic {
            statuses: self.statuses.iter().map(status).collect(),
            latency: self.latency.since(&earlier.latency),
        }
    }
}

impl Latency {
    fn add(&mut self, part: &str, series: &Series<'_>) {
        match part {
            "count" => self.count += series.value as u64,
            "sum" => self.sum += series.value,
            "bucket" => {
                let bound = series.labels.get("le").and_then(|bound| bound.parse().ok());
                if let Some(bound) = bound {
                    self.add_bucket(bound, series.value as u64);
                }
            }
            _ => {}
        }
    }

    fn add_bucket(&mut self, bound: f64, count: u64) {
        match self.buckets.binary_search_by(|(it, _)| it.total_cmp(&bound)) {
            Ok(index) => self.buckets[index].1 += count,
            Err(index) => self.buckets.insert(index, (bound, count)),
        }
    }

    fn since(&self, earlier: &Latency) -> Latency {
        let bounds = |it: &Latency| {
            it.buckets
                .iter()
                .map(|(bound, _)| bound.to_bits())
                .collect::<Vec<_>>()
        };
        if self.count < earlier.count || bounds(self) != bounds(earlier) {
            return self.clone();
        }
        let buckets = self.buckets.iter().zip(&earlier.buckets);
        Latency {
            count: self.count - earlier.count,
            sum: (self.sum - earlier.sum).max(0.0),
            buckets: buckets
                .map(|(now, then)| (now.0, now.1.saturating_sub(then.1)))
                .collect(),
        }
    }

    /// The mean, in seconds.
    #[must_use]
    pub fn mean(&self) -> Option<f64> {
        (self.count > 0).then(|| self.sum / self.count as f64)
    }

    /// The quantile `share`, as Prometheus estimates it: values are assumed to be uniformly distributed within a bucket.
    #[must_use]
    pub fn quantile(&self, share: f64) -> Option<Quantile> {
        let rank = share * self.count as f64;
        let (mut lower, mut below) = (0.0, 0);
        for (bound, count) in &self.buckets {
            if self.count > 0 && *count as f64 >= rank {
                let within = (rank - below as f64) / (*count - below).max(1) as f64;
                return Some(match bound.is_finite() {
                    true => Quantile::About(lower + (bound - lower) * within),
                    false => Quantile::Above(lower),
                });
            }
            (lower, below) = (*bound, *count);
        }
        None
    }
}

/// One line: `name{label="value",...} value`.
struct Series<'l> {
    name: &'l str,
    labels: BTreeMap<&'l str, String>,
    value: f64,
}

impl<'l> Series<'l> {
    fn parse(line: &'l str) -> Option<Self> {
        let name_ends = line.find(['{', ' '])?;
        let (name, mut rest) = line.split_at(name_ends);
        let mut labels = BTreeMap::new();
        if let Some(inside) = rest.strip_prefix('{') {
            rest = inside;
            while !rest.starts_with('}') {
                let (key, quoted) = rest.split_once("=\"")?;
                let (value, behind) = unquoted(quoted)?;
                labels.insert(key, value);
                rest = behind.strip_prefix(',').unwrap_or(behind);
            }
            rest = &rest[1..];
        }
        // A timestamp may follow.
        let value = rest.split_ascii_whitespace().next()?.parse().ok()?;
        Some(Series { name, labels, value })
    }

    fn take(&mut self, label: &str) -> Option<String> {
        self.labels.remove(label)
    }
}

/// The text up to the closing quote, and the rest.
fn unquoted(text: &str) -> Option<(String, &str)> {
    let mut value = String::new();
    let mut characters = text.char_indices();
    while let Some((at, character)) = characters.next() {
        match character {
            '"' => return Some((value, &text[at + 1..])),
            '\\' => match characters.next()?.1 {
                'n' => value.push('\n'),
                other => value.push(other),
            },
            other => value.push(other),
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = r#"# TYPE tinysystems_cross_module_calls counter
tinysystems_cross_module_calls_total{source_module="a",target_module="b\"c",status="ok"} 90
tinysystems_cross_module_calls_total{source_module="a",target_module="b\"c",status="timeout"} 10
tinysystems_cross_module_latency_seconds_sum{source_module="a",target_module="b\"c"} 20.0
tinysystems_cross_module_latency_seconds_count{source_module="a",target_module="b\"c"} 100
tinysystems_cross_module_latency_seconds_bucket{le="0.1",source_module="a",target_module="b\"c"} 50
tinysystems_cross_module_latency_seconds_bucket{le="0.3",source_module="a",target_module="b\"c"} 90
tinysystems_cross_module_latency_seconds_bucket{le="+Inf",source_module="a",target_module="b\"c"} 100
tinysystems_in_module_latency_seconds_count{module="a"} 7
up 1 1700000000
# EOF
"#;

    fn traffic(text: &str) -> Traffic {
        let sample: Sample = text.parse().unwrap();
        sample.pairs[&("a".to_owned(), "b\"c".to_owned())].clone()
    }

    #[test]
    fn calls_and_latencies_are_read() {
        let traffic = traffic(TEXT);
        assert_eq!((traffic.calls(), traffic.statuses["timeout"]), (100, 10));
        assert_eq!((traffic.latency.count, traffic.latency.mean()), (100, Some(0.2)));
        assert_eq!(TEXT.parse::<Sample>().unwrap().local["a"].count, 7);
    }

    #[test]
    fn replicas_of_a_module_count_together() {
        let replica = |name: &str| {
            TEXT.replace(
                "target_module=\"b\\\"c\"",
                &format!("{}{name}\"", "target_module=\"b\\\"c\",replica=\""),
            )
        };
        let text = replica("a-0") + &replica("a-1");
        assert!(
            text.contains(r#"target_module="b\"c",replica="a-1",status="ok"} 90"#),
            "{text}"
        );
        let (one, both) = (traffic(TEXT), traffic(&text));
        assert_eq!((both.calls(), both.statuses["timeout"]), (200, 20));
        assert_eq!(
            (both.latency.count, both.latency.mean()),
            (200, one.latency.mean())
        );
        assert_eq!(both.latency.quantile(0.25), one.latency.quantile(0.25));
    }

    #[test]
    fn quantiles_are_estimated_within_their_bucket() {
        let latency = traffic(TEXT).latency;
        assert_eq!(latency.quantile(0.25), Some(Quantile::About(0.05)));
        assert_eq!(latency.quantile(0.5), Some(Quantile::About(0.1)));
        assert_eq!(latency.quantile(0.99), Some(Quantile::Above(0.3)));
        assert_eq!(Latency::default().quantile(0.5), None);
    }

    #[test]
    fn what_is_between_two_samples_is_their_difference_unless_one_began_anew() {
        let (then, now) = (
            TEXT.parse::<Sample>().unwrap(),
            TEXT.replace("} 90", "} 95").replace("} 100", "} 105"),
        );
        let now: Sample = now.parse().unwrap();
        let pair = ("a".to_owned(), "b\"c".to_owned());
        let between = &now.since(&then).pairs[&pair];
        assert_eq!((between.calls(), between.latency.count), (5, 5));
        assert_eq!(
            then.since(&now).pairs[&pair].calls(),
            100,
            "it counts from 0 again"
        );
    }

    #[test]
    fn what_is_no_sample_is_shown_with_its_line() {
        for line in ["<html>", "a{b=\"c} 1", "a{b=\"c\"}", "a{} x"] {
            let error = format!("up 1\n{line}\n")
                .parse::<Sample>()
                .expect_err(line)
                .to_string();
            assert!(error.starts_with("line 2 is not of OpenMetrics"), "{error}");
        }
    }
}
