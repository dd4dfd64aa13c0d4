//! Schedules through the public interface. One program, because linking is what takes the time.

mod models;

mod constructors;
mod flops;
