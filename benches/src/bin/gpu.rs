//! What a GPU can do with what there is today: `gpu measure`, and `gpu table` of what was measured.

fn main() -> std::process::ExitCode {
    outgrow_benches::gpu::main()
}
