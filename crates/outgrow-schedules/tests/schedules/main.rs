//! Schedules through the public interface. One program, because linking is what takes the time.

mod models;

mod constructors;
mod methods;
mod bases;
#[expect(clippy::float_cmp, reason = "the same arithmetic on the same numbers")]
mod flops;
mod masks;
mod new_parameters;
