//! Evaluations from names of tasks to files, against what lm-evaluation-harness makes of the same documents
//! (tests/golden, made by xtask/python/golden/evaluation.py), and laws that hold for any.

mod front_door;
mod golden;
mod journal;
mod laws;
mod messages;
mod support;
mod whole_data;
