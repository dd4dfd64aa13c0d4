//! Evaluations from names of tasks to files, against what lm-evaluation-harness makes of the same documents
//! (tests/golden, made by xtask/python/golden/evaluation.py), and laws that hold for any.

mod support;

mod golden;
mod front_door;
mod whole_data;

mod laws;
mod journal;
mod messages;
