//! Histograms in HdrHistogram's own log format (version 1.3 of its
//! `HistogramLogWriter`), which its tools open.

use std::io::Write;
use std::time::Duration;

use hdrhistogram::serialization::V2DeflateSerializer;
use hdrhistogram::serialization::interval_log::IntervalLogWriterBuilder;

use super::record::Record;
use super::series::Series;
use crate::load::Time;
use crate::plot;

/// Nanoseconds of the milliseconds that the format has in its third column.
const NS_OF_COLUMN: f64 = 1e6;

/// The file of a series.
pub fn file_name(series: &Series) -> String {
    let rate = series.rate.to_string().replace('%', "-percent");
    format!("{}-{}.hlog", plot::file_name(&series.variant), plain(&rate))
}

/// A rate as part of a file name, points and all.
fn plain(rate: &str) -> String {
    rate.replace('.', "_")
}

/// The series as a log of one interval, in nanoseconds.
pub fn log(series: &Series, record: &Record) -> Vec<u8> {
    let mut text = Vec::new();
    let mut serializer = V2DeflateSerializer::new();
    let mut written = || -> Result<(), Box<dyn std::error::Error>> {
        writeln!(text, "#[Histogram log format version 1.3]")?;
        writeln!(
            text,
            "#[{}: {}, nanoseconds {}]",
            record.started,
            series.name(),
            match record.offered.time {
                Time::Virtual => "in virtual time",
                Time::Wall => "on the wall clock",
            }
        )?;
        writeln!(
            text,
            "\"StartTimestamp\",\"Interval_Length\",\"Interval_Max\",\
             \"Interval_Compressed_Histogram\""
        )?;
        let mut log = IntervalLogWriterBuilder::new()
            .with_max_value_divisor(NS_OF_COLUMN)
            .begin_log_with(&mut text, &mut serializer)?;
        let length = Duration::from_secs_f64(series.seconds());
        // Without a tag, for HistogramLogProcessor passes over lines with one
        // that it was not told of.
        log.write_histogram(&series.histogram, Duration::ZERO, length, None)?;
        Ok(())
    };
    written().expect("writing into memory does not fail");
    text
}

#[cfg(test)]
mod tests {
    use super::super::example;
    use super::*;
    use hdrhistogram::Histogram;
    use hdrhistogram::serialization::Deserializer;
    use hdrhistogram::serialization::interval_log::{
        IntervalLogIterator, LogEntry,
    };

    #[test]
    fn what_is_written_is_read_back_by_the_format_s_own_reader() {
        let (record, series) = example::record();
        let text = log(&series[1], &record);
        let entries: Vec<_> = IntervalLogIterator::new(&text)
            .collect::<Result<_, _>>()
            .expect("a log");
        let [LogEntry::Interval(interval)] = &entries[..] else {
            panic!("one interval: {entries:?}");
        };
        assert!(interval.tag().is_none());
        let max = series[1].histogram.max() as f64 / 1e6;
        assert!((interval.max() - max).abs() < 1e-3, "{}", interval.max());
        let bytes = example::from_base64(interval.encoded_histogram());
        let read: Histogram<u64> = Deserializer::new()
            .deserialize(&mut &bytes[..])
            .expect("a histogram");
        assert_eq!(read, series[1].histogram);
    }

    #[test]
    fn files_are_named_by_variant_and_rate() {
        let (_, series) = example::record();
        assert_eq!(file_name(&series[1]), "buffer-deferred-1M.hlog");
        assert_eq!(file_name(&series[3]), "buffer-deferred-90-percent.hlog");
    }
}
