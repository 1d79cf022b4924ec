//! Every sample's README is a test: its commands are run and their output compared. `TRYCMD=overwrite` writes it anew.

use std::path::Path;

#[test]
fn readmes_say_what_the_commands_print() {
    let cases = trycmd::TestCases::new();
    cases.case("samples/*/README.md");
    cases.case("README.md");
}

#[test]
fn every_sample_has_a_readme() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("samples");
    let folders = std::fs::read_dir(root).expect("samples").map(|entry| entry.expect("entry").path());
    let folders: Vec<_> = folders.filter(|path| path.is_dir()).collect();
    assert!(folders.len() >= 14, "{}", folders.len());
    for folder in folders {
        assert!(folder.join("README.md").is_file(), "{}", folder.display());
    }
}
