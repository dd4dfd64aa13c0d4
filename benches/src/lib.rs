//! Nothing: the benches lie in `benches/`, and a package needs a target to be a member of the workspace.
