//! The committed corpus through every fuzz target, without a fuzzer and by the stable toolchain.

use std::path::Path;

use rowtide_fuzz::TARGETS;

#[test]
fn every_target_takes_all_of_its_corpus() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz");
    for target in TARGETS {
        let program = root.join("fuzz_targets").join(target.name).with_extension("rs");
        assert!(program.is_file(), "there is no {}", program.display());
        let mut inputs = 0;
        for entry in std::fs::read_dir(root.join("corpus").join(target.name)).expect(target.name) {
            let path = entry.expect("a corpus can be listed").path();
            let bytes = std::fs::read(&path).expect("an input can be read");
            // Shown where the test fails.
            println!("{}", path.display());
            (target.run)(&bytes);
            inputs += 1;
        }
        assert!(inputs > 0, "{} has no corpus", target.name);
    }
}
