//! Runs on disk to reports: reading, comparing, speed-ups, sentences, pages.

mod experiment_benchmarks;
mod experiment_claims;
mod experiment_folders;
mod experiment_laws;
mod experiment_page;
mod experiment_parts;
mod laid_out;
mod made_up;

mod reading;
mod speed_up;
mod bases;
mod comparability;
mod benchmarks;
mod whole_report;
mod training_charts;
