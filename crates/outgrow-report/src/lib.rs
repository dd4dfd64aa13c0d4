//! Finished runs to speed-up at equal loss, and one HTML page. Trains nothing and counts no FLOPs: it reads what a run wrote.
#![doc = include_str!("../README.md")]

mod axis;
mod benchmark;
mod benchmark_charts;
mod benchmark_line;
mod benchmark_section;
mod charts;
mod curve;
mod error;
mod figures;
mod html;
mod measure;
mod method;
mod read;
mod record;
mod report;
mod speed_up;
mod summary;
mod svg;
mod table;
mod timeline;

pub use benchmark::{Benchmark, BenchmarkRun, BenchmarkValue};
pub use curve::{Curve, CurvePoint};
pub use error::ReportError;
pub use measure::{Asked, Measure};
pub use read::read_run;
pub use record::{
    BenchmarkPoint, ChangeRecord, Cost, MetricValue, RunRecord, StageSpan, TaskResult, TrainingPoint,
    ValidationPoint,
};
pub use report::{Comparison, MethodRuns, Report, RunSummary};
pub use speed_up::{LossReading, ReadAt, Reading, SeedReading, SpeedUp, speed_up, speed_up_at};
