//! Growth operators: what each tensor of a grown model is made of, and carrying it out.
