//! One answer to a request for metrics.

use prometheus_client::encoding::{DescriptorEncoder, EncodeLabelSet, NoLabelSet};
use prometheus_client::metrics::MetricType;
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// Collects numbers under names. Names are `proteus_<process>_<what>_<unit>`; base units only
/// (seconds, bytes). `_total` is added to the names of counters.
#[derive(Debug)]
pub struct Page<'a> {
    encoder: DescriptorEncoder<'a>,
}

impl<'a> Page<'a> {
    pub(super) fn new(encoder: DescriptorEncoder<'a>) -> Self {
        Self { encoder }
    }

    /// Something that only grows.
    ///
    /// # Errors
    /// If the page cannot be written.
    pub fn counter(&mut self, name: &str, help: &str, value: f64) -> fmt::Result {
        let kind = MetricType::Counter;
        let mut metric = self.encoder.encode_descriptor(name, help, None, kind)?;
        metric.encode_counter::<NoLabelSet, _, f64>(&value, None)
    }

    /// Something that comes and goes.
    ///
    /// # Errors
    /// If the page cannot be written.
    pub fn gauge(&mut self, name: &str, help: &str, value: f64) -> fmt::Result {
        let kind = MetricType::Gauge;
        self.encoder.encode_descriptor(name, help, None, kind)?.encode_gauge(&value)
    }

    /// Things that only grow, told apart by `labels`.
    ///
    /// # Errors
    /// If the page cannot be written.
    pub fn counters<const N: usize>(
        &mut self,
        name: &str,
        help: &str,
        labels: [&str; N],
        values: impl IntoIterator<Item = ([String; N], f64)>,
    ) -> fmt::Result {
        let kind = MetricType::Counter;
        let mut metric = self.encoder.encode_descriptor(name, help, None, kind)?;
        for (named, value) in values {
            let set = pairs(labels, named);
            let mut member = metric.encode_family(&set)?;
            member.encode_counter::<NoLabelSet, _, f64>(&value, None)?;
        }
        Ok(())
    }

    /// Things that come and go, told apart by `labels`.
    ///
    /// # Errors
    /// If the page cannot be written.
    pub fn gauges<const N: usize>(
        &mut self,
        name: &str,
        help: &str,
        labels: [&str; N],
        values: impl IntoIterator<Item = ([String; N], f64)>,
    ) -> fmt::Result {
        let kind = MetricType::Gauge;
        let mut metric = self.encoder.encode_descriptor(name, help, None, kind)?;
        for (named, value) in values {
            let set = pairs(labels, named);
            metric.encode_family(&set)?.encode_gauge(&value)?;
        }
        Ok(())
    }

    /// A distribution.
    ///
    /// # Errors
    /// If the page cannot be written.
    pub fn histogram(&mut self, name: &str, help: &str, histogram: &Histogram) -> fmt::Result {
        let counts: Vec<u64> = histogram.counts.iter().map(|count| count.load(Relaxed)).collect();
        let bounds = histogram.bounds.iter().copied().chain([f64::INFINITY]);
        let buckets: Vec<(f64, u64)> = bounds.zip(counts.iter().copied()).collect();
        let total = counts.iter().sum();
        let sum = f64::from_bits(histogram.sum.load(Relaxed));
        let kind = MetricType::Histogram;
        let mut metric = self.encoder.encode_descriptor(name, help, None, kind)?;
        metric.encode_histogram::<NoLabelSet>(sum, total, &buckets, None)
    }
}

fn pairs<const N: usize>(labels: [&str; N], values: [String; N]) -> impl EncodeLabelSet {
    let named = labels.map(str::to_owned).into_iter().zip(values);
    named.collect::<Vec<(String, String)>>()
}

/// Counts values by size. Written from any thread.
#[derive(Debug)]
pub struct Histogram {
    bounds: &'static [f64],
    /// One per bound, and one for what is above them all.
    counts: Vec<AtomicU64>,
    /// Bits of an `f64`.
    sum: AtomicU64,
}

impl Histogram {
    /// With buckets up to each of `bounds`, which ascend.
    #[must_use]
    pub fn new(bounds: &'static [f64]) -> Self {
        let counts = (0..=bounds.len()).map(|_| AtomicU64::new(0)).collect();
        Self { bounds, counts, sum: AtomicU64::new(0.0f64.to_bits()) }
    }

    /// Adds `times` values of `value`.
    pub fn observe(&self, value: f64, times: u32) {
        let bucket = self.bounds.partition_point(|bound| *bound < value);
        self.counts[bucket].fetch_add(times.into(), Relaxed);
        let add = |bits| Some((f64::from_bits(bits) + value * f64::from(times)).to_bits());
        let added = self.sum.fetch_update(Relaxed, Relaxed, add);
        debug_assert!(added.is_ok(), "the closure never refuses");
    }
}
