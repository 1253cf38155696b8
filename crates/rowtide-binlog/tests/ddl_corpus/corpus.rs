//! The statements of `testdata/ddl`.

use std::path::PathBuf;

use rowtide_testbed::ServerVersion;

use super::generated;

/// Statements that are run one after another, in a database of their own.
pub struct Script {
    /// The database's name too.
    pub name: String,
    pub statements: Vec<String>,
    /// It was not written for these servers.
    pub may_be_refused: bool,
}

/// All scripts for a server: `x.sql` is for each, `x.mysql.sql` and `x.mariadb.sql` for one flavour, `x.mysql-9.7.sql`
/// for one version, `x.mysql-9.7+mariadb.sql` for what either is for.
pub fn scripts(version: ServerVersion) -> Vec<Script> {
    let folder = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../testdata/ddl"));
    let mut files: Vec<PathBuf> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| is_for(path.file_name().unwrap().to_str().unwrap(), version))
        .collect();
    files.sort();
    let mut scripts: Vec<Script> = files.iter().map(read).collect();
    scripts.extend(generated::scripts());
    scripts
}

fn is_for(file: &str, version: ServerVersion) -> bool {
    let Some(name) = file.strip_suffix(".sql") else {
        return false;
    };
    let is_meant = |servers: &str| match servers {
        "mysql" => !version.is_mariadb(),
        "mariadb" => version.is_mariadb(),
        one => one == version.name(),
    };
    name.split_once('.')
        .is_none_or(|(_, servers)| servers.split('+').any(is_meant))
}

fn read(path: &PathBuf) -> Script {
    let file = path.file_name().unwrap().to_str().unwrap();
    Script {
        name: file.split('.').next().unwrap().replace('-', "_"),
        statements: statements(&std::fs::read_to_string(path).unwrap()),
        may_be_refused: false,
    }
}

/// A statement ends with a semicolon at the end of a line; lines that begin with `-- ` are left out.
fn statements(text: &str) -> Vec<String> {
    let lines: Vec<&str> = text.lines().filter(|line| !line.starts_with("-- ")).collect();
    let text = lines.join("\n") + "\n";
    text.split(";\n")
        .map(|statement| statement.trim().to_owned())
        .filter(|statement| !statement.is_empty())
        .collect()
}
