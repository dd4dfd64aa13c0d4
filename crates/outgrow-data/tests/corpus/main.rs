//! From text files to batches, through the public interface only. One program, because linking is what takes the time.

mod batch_order;
mod messages;
mod preparation;
mod support;
