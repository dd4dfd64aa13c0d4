//! Finished runs to speed-up at equal loss, and one HTML page. It trains nothing and counts no FLOPs: it reads what a
//! run wrote.
#![doc = include_str!("../README.md")]
#![warn(clippy::print_stdout, clippy::print_stderr)]

mod error;
mod figures;

mod run;

mod report;

mod experiment;

mod drawing;
mod page;

pub use error::ReportError;
pub use experiment::description::{
    AxisValue, Claim, Drawing, ExperimentDescription, Figure, LawSeries, PlannedCell, Program, Rule, RunKind,
    Sweep, SweepRun,
};
pub use experiment::{
    cell::{Cell, CellState},
    claims::{ClaimOutcome, evidence::Evidence, verdict::Verdict},
    fitted_law::{FittedLaw, FittedOptimum, FittedOptimumLaw, FittedSeries},
    outcome::{
        Outcome, Progress,
        benchmarks::{AverageOfKind, BenchmarksOutcome, TaskOfKind, TaskOfSeed, TaskOutcome},
        difference::PairedDifference,
        figures::{FigureOutcome, GridCell, Shown, SpeedUpLine},
        kinds::{BandPoint, KindOutcome, RatePoint, RunOutcome},
        laws::{LawBandPoint, LawForm, LawNumber, LawOutcome, LawPoint},
        optimum::{AxisPoint, Minimum, OptimumOutcome},
        optimum_laws::{OptimumLaw, OptimumPoint},
        over_seeds::{Average, LeftOut, OverSeeds, SeedValue},
        speed_up::{SpeedUpOutcome, SpeedUpReading},
        sweeps::{Edge, SweepOutcome, SweptValue},
        trend::{DifferenceTrend, ForetoldDifference},
        two_laws::{ForetoldSpeedUp, LawsAtTheLargest},
    },
    power::{ClaimPower, Need, Power},
    reading::Experiment,
};
pub use report::benchmark::{Benchmark, BenchmarkRun, BenchmarkValue};
pub use report::curve::{Curve, CurvePoint};
pub use report::speed_up::{LossReading, ReadAt, Reading, SeedReading, SpeedUp, speed_up, speed_up_at};
pub use report::{
    Report,
    comparison::{Comparison, MethodRuns, RunSummary},
};
pub use run::growth::{GrowthCopies, GrowthNorms, GrowthRecord, PartNorms};
pub use run::measure::{Asked, Measure};
pub use run::record::{
    BaseCost, BenchmarkPoint, ChangeRecord, Cost, MetricValue, RunRecord, StageSpan, TaskResult,
    TrainingPoint, ValidationPoint,
};
