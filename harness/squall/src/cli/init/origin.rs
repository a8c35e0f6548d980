//! The source of a project's Squall dependency.

use std::fs;
use std::io;
use std::path::{Component, Path, PathBuf};

use crate::cli::shown;

/// The value of `squall =` in a manifest in `folder`: a version, or the path of a checkout. A path stays absolute or
/// relative, as given; a relative one is converted from the current directory to `folder`.
///
/// The error says why the path is invalid.
pub(super) fn dependency(squall: Option<&Path>, folder: &Path) -> Result<String, String> {
    let Some(squall) = squall else {
        return Ok(toml::Value::from(env!("CARGO_PKG_VERSION")).to_string());
    };
    let cannot = |error: io::Error| format!("cannot look at {} of --squall-path: {error}", shown(squall));
    let absent = || {
        format!(
            "{} of --squall-path has no Squall: name a checkout of it",
            shown(squall)
        )
    };
    let there = [squall.to_owned(), squall.join("harness/squall")];
    let package = there.into_iter().find(|it| is_squall(it)).ok_or_else(absent)?;
    let path = if package.is_absolute() {
        package
    } else {
        relative(
            &package.canonicalize().map_err(cannot)?,
            &whole(folder).map_err(cannot)?,
        )
    };
    let text = path.to_str().ok_or_else(|| {
        format!(
            "{} of --squall-path is not UTF-8: a manifest cannot name it",
            shown(squall)
        )
    })?;
    Ok(format!("{{ path = {} }}", toml::Value::from(text)))
}

fn is_squall(folder: &Path) -> bool {
    let manifest = fs::read_to_string(folder.join("Cargo.toml")).unwrap_or_default();
    let manifest: toml::Table = manifest.parse().unwrap_or_default();
    let name = manifest.get("package").and_then(|package| package.get("name"));
    name.and_then(toml::Value::as_str) == Some(env!("CARGO_PKG_NAME"))
}

/// The canonical path of a directory that may not exist yet.
fn whole(folder: &Path) -> io::Result<PathBuf> {
    let folder = std::path::absolute(folder)?;
    let there = folder.ancestors().find(|it| it.exists()).unwrap_or(&folder);
    let rest = folder.strip_prefix(there).unwrap_or(Path::new(""));
    Ok(there.canonicalize()?.join(rest))
}

/// The relative path from one canonical path to another.
fn relative(to: &Path, from: &Path) -> PathBuf {
    let same = to.components().zip(from.components());
    let same = same.take_while(|(to, from)| to == from).count();
    let up = from.components().skip(same).map(|_| Component::ParentDir);
    let way: PathBuf = up.chain(to.components().skip(same)).collect();
    if way.as_os_str().is_empty() {
        return PathBuf::from(".");
    }
    way
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_way_goes_up_to_what_both_paths_share() {
        let way = |to: &str, from: &str| relative(Path::new(to), Path::new(from)).display().to_string();
        assert_eq!(way("/a/squall", "/a/mine"), "../squall");
        assert_eq!(way("/a/squall", "/a/mine/deep"), "../../squall");
        assert_eq!(way("/a/b", "/a"), "b");
        assert_eq!(way("/a", "/a"), ".");
    }

    #[test]
    fn a_path_is_written_as_toml_whatever_is_in_it() {
        let outside = tempfile::tempdir().unwrap();
        let squall = outside.path().join("it's \"here\"\\n");
        fs::create_dir(&squall).unwrap();
        fs::write(squall.join("Cargo.toml"), "[package]\nname = \"squall\"\n").unwrap();
        let written = dependency(Some(&squall), Path::new(".")).unwrap();
        let table: toml::Table = format!("squall = {written}").parse().unwrap();
        assert_eq!(table["squall"]["path"].as_str(), squall.to_str());

        fs::write(squall.join("Cargo.toml"), "[package]\nname = \"squalls\"\n").unwrap();
        let error = dependency(Some(&squall), Path::new(".")).unwrap_err();
        assert!(error.contains("has no Squall"), "{error}");
    }
}
