//! Runs on disk to reports: reading, comparing, speed-ups, sentences, pages.

mod experiment_page;
mod made_up;

mod reading;
mod speed_up;
mod bases;
mod comparability;
mod benchmarks;
mod whole_report;
