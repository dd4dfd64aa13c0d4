//! From text files to batches, through the public interface only. One program, because linking is what takes the time.

mod batch_order;
mod damaged;
mod folders;
mod messages;
mod passed_over;
mod preparation;
mod split;
mod published;
mod support;
