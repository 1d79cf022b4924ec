//! From paths to bytes: files, folders and standard input.

use crate::diagnostic::{Diagnostic, code};
use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};

/// The bytes of one input.
#[derive(Debug, Clone)]
pub struct Input {
    /// Name as given, `-` for standard input; below a folder, the folder and the path in it.
    pub name: String,
    /// Content.
    pub bytes: Vec<u8>,
    /// The user named this very file (and did not only name a folder that holds it).
    pub named: bool,
}

/// Largest file that is read unless told otherwise: 256 MiB.
pub const DEFAULT_LIMIT: u64 = 256 * 1024 * 1024;

/// Deepest folder nesting that is walked.
const DEEPEST_FOLDER: usize = 32;

/// Reads every path: a file, a folder with all that is below it (hidden entries and links to folders left out), or `-`.
/// Inputs come back sorted by name, so that the order of arguments and of the file system does not matter. What cannot
/// be read becomes a finding.
pub fn gather(paths: &[PathBuf], stdin: &mut dyn Read, limit: u64) -> (Vec<Input>, Vec<Diagnostic>) {
    let mut gathered = Gathered { inputs: Vec::new(), findings: Vec::new(), limit };
    for path in paths {
        if path.as_os_str() == "-" {
            gathered.read("-".to_owned(), stdin, true);
        } else if path.is_dir() {
            let before = gathered.inputs.len();
            gathered.folder(path, 0);
            if gathered.inputs.len() == before {
                let text = format!("{} holds no file that could be read", path.display());
                gathered.findings.push(Diagnostic::new(&code::NOTHING_TO_READ, text).help("check the path"));
            }
        } else {
            gathered.file(path, true);
        }
    }
    gathered.inputs.sort_by(|a, b| (&a.name, b.named).cmp(&(&b.name, a.named)));
    gathered.inputs.dedup_by(|b, a| a.name == b.name);
    (gathered.inputs, gathered.findings)
}

/// The files below a folder, as [`gather`] reads them, without reading any.
pub fn list(folder: &Path) -> Vec<PathBuf> {
    let mut out = Vec::new();
    below(folder, 0, &mut out);
    out
}

fn below(folder: &Path, depth: usize, out: &mut Vec<PathBuf>) {
    let Ok(entries) = fs::read_dir(folder) else { return };
    let mut paths: Vec<PathBuf> = entries.filter_map(|entry| entry.ok().map(|entry| entry.path())).collect();
    paths.sort();
    for path in paths {
        let hidden = path.file_name().is_some_and(|name| name.to_string_lossy().starts_with('.'));
        let link = fs::symlink_metadata(&path).is_ok_and(|data| data.is_symlink());
        if hidden || link && path.is_dir() {
            continue;
        }
        if path.is_dir() && depth < DEEPEST_FOLDER {
            below(&path, depth + 1, out);
        } else if path.is_file() {
            out.push(path);
        }
    }
}

struct Gathered {
    inputs: Vec<Input>,
    findings: Vec<Diagnostic>,
    limit: u64,
}

impl Gathered {
    fn folder(&mut self, folder: &Path, depth: usize) {
        let entries = match fs::read_dir(folder) {
            Ok(entries) if depth <= DEEPEST_FOLDER => entries,
            Ok(_) => return self.unreadable(folder, "folders are nested too deep"),
            Err(error) => return self.unreadable(folder, &error.to_string()),
        };
        let mut paths = Vec::new();
        for entry in entries {
            match entry {
                Ok(entry) => paths.push(entry.path()),
                Err(error) => self.unreadable(folder, &error.to_string()),
            }
        }
        paths.sort();
        for path in paths {
            let hidden = path.file_name().is_some_and(|name| name.to_string_lossy().starts_with('.'));
            if hidden {
                continue;
            }
            match fs::symlink_metadata(&path) {
                Ok(data) if data.is_dir() => self.folder(&path, depth + 1),
                // A link to a folder could lead back here; a link to a file is read.
                Ok(data) if data.is_symlink() && path.is_dir() => {}
                Ok(_) if path.is_file() => self.file(&path, false),
                Ok(_) => {}
                Err(error) => self.unreadable(&path, &error.to_string()),
            }
        }
    }

    fn file(&mut self, path: &Path, named: bool) {
        match fs::File::open(path) {
            Ok(mut file) => self.read(shown(path), &mut file, named),
            Err(error) => self.unreadable(path, &error.to_string()),
        }
    }

    fn read(&mut self, name: String, from: &mut dyn Read, named: bool) {
        let mut bytes = Vec::new();
        match from.take(self.limit.saturating_add(1)).read_to_end(&mut bytes) {
            Ok(read) if read as u64 > self.limit => {
                let text = format!("{name} is larger than {} bytes; it was not read", self.limit);
                let help = "split the export, or raise --limit-bytes";
                self.findings.push(Diagnostic::new(&code::OVER_LIMIT, text).help(help));
            }
            Ok(_) => self.inputs.push(Input { name, bytes, named }),
            Err(error) => self.unreadable(Path::new(&name), &error.to_string()),
        }
    }

    fn unreadable(&mut self, path: &Path, why: &str) {
        let text = format!("{} cannot be read: {why}", shown(path));
        self.findings.push(Diagnostic::new(&code::UNREADABLE_FILE, text).help("check the path and the permissions"));
    }
}

/// A path as text, with forward slashes on every system.
fn shown(path: &Path) -> String {
    path.to_string_lossy().replace('\\', "/")
}
