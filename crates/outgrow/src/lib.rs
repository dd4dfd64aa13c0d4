//! Outgrow's runner: reads a recipe or an experiment and assembles the crates.
