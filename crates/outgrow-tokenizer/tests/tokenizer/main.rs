//! Files and folders of many shapes, held to the Python library and to transformers.

mod support;

mod golden;
mod ids;
mod engines;
mod messages;

mod folders;
mod pretrained;
