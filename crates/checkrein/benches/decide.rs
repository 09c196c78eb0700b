//! `cargo bench`: the same figures as `checkrein bench`, from the same code.

fn main() {
    let status = std::process::Command::new(env!("CARGO_BIN_EXE_checkrein")).arg("bench").status();
    assert!(status.is_ok_and(|status| status.success()), "the benchmark did not run to its end");
}
