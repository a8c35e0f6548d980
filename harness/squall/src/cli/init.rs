//! `squall init`: the files of a new project.

mod folder;
mod origin;

use std::fs;
use std::io::{self, Write};
use std::path::Path;

use self::folder::{Folder, Planned};
use super::{Console, Exit, InitArgs, line, plain, shown};
use crate::report::shell_word;

/// Files that only Squall uses.
const FILES: &[(&str, &str)] = &[
    (
        "topologies/shop.toml",
        include_str!("init/start/topologies/shop.toml"),
    ),
    (
        "scenarios/stock-restarts.toml",
        include_str!("init/start/scenarios/stock-restarts.toml"),
    ),
    (
        "tests/scenarios.rs",
        include_str!("init/start/tests/scenarios.rs"),
    ),
    (
        ".github/workflows/squall.yml",
        include_str!("init/start/workflow.yml"),
    ),
];

const MANIFEST: &str = include_str!("init/start/manifest.toml");
const CONFIG: &str = include_str!("init/start/cargo-config.toml");
const GITIGNORE: &str = include_str!("init/start/gitignore");

/// A file that a project may already have: it is then left unchanged, and the user is shown what to add.
struct Shared {
    path: &'static str,
    text: String,
    /// What to add.
    needs: String,
    /// A text whose presence shows that nothing needs to be added.
    sign: Option<&'static str>,
}

/// The written files, and the additions left to the user.
struct Started<'a> {
    folder: Folder<'a>,
    written: Vec<&'static str>,
    left: Vec<Shared>,
}

pub(super) fn init<O: Write, E: Write>(args: &InitArgs, console: &mut Console<O, E>) -> io::Result<Exit> {
    match start(args) {
        Ok(started) => {
            tell(args, &started, console)?;
            Ok(Exit::Held)
        }
        Err(why) => {
            writeln!(console.err, "error: {}", plain(&why))?;
            Ok(Exit::BadInput)
        }
    }
}

/// Writes all files, or none and returns the error.
fn start(args: &InitArgs) -> Result<Started<'_>, String> {
    let folder = Folder::at(&args.folder)?;
    let manifest = fs::read_to_string(folder.join("Cargo.toml")).unwrap_or_default();
    let manifest: toml::Table = manifest.parse().unwrap_or_default();
    if manifest.contains_key("workspace") && !manifest.contains_key("package") {
        return Err(format!(
            "{} is a workspace without a package, so its tests would never run: name the folder of one of its \
             packages, or one to be made",
            shown(&args.folder)
        ));
    }
    let dependency = origin::dependency(args.squall_path.as_deref(), &args.folder)?;
    let mut files: Vec<Planned> = Vec::new();
    let mut left = Vec::new();
    for (path, text) in FILES {
        files.push(Planned {
            path,
            text: (*text).to_owned(),
        });
    }
    for shared in shared(&dependency) {
        if folder.has(shared.path) {
            left.push(shared);
        } else {
            files.push(Planned {
                path: shared.path,
                text: shared.text,
            });
        }
    }
    let obstacles = folder.obstacles(&files);
    if !obstacles.is_empty() {
        return Err(format!(
            "nothing is written, for squall init replaces nothing:\n  {}\nRemove that, or name another folder",
            obstacles.join("\n  ")
        ));
    }
    folder.write(&files)?;
    let has_all = |it: &Shared| {
        let text = fs::read_to_string(folder.join(it.path)).unwrap_or_default();
        it.sign.is_some_and(|sign| text.contains(sign))
    };
    left.retain(|it| !has_all(it));
    let written = files.iter().map(|file| file.path).collect();
    Ok(Started {
        folder,
        written,
        left,
    })
}

fn shared(dependency: &str) -> [Shared; 3] {
    let manifest = MANIFEST
        .replace("\"SQUALL\"", dependency)
        .replace("RUST_VERSION", env!("CARGO_PKG_RUST_VERSION"));
    // In an existing package, the rest is up to the user.
    let needs = manifest.find("[dev-dependencies]").unwrap_or_default();
    let needs = manifest[needs..].to_owned();
    let whole = |path, text: &str, sign| Shared {
        path,
        text: text.to_owned(),
        needs: text.to_owned(),
        sign: Some(sign),
    };
    [
        Shared {
            path: "Cargo.toml",
            text: manifest,
            needs,
            sign: None,
        },
        whole(".cargo/config.toml", CONFIG, "tokio_unstable"),
        whole(".gitignore", GITIGNORE, "target"),
    ]
}

/// Prints the written files, the additions for the user, and the next steps.
fn tell<O: Write, E: Write>(
    args: &InitArgs,
    started: &Started,
    console: &mut Console<O, E>,
) -> io::Result<()> {
    let Started {
        folder,
        written,
        left,
    } = started;
    let out = &mut console.out;
    for path in written {
        writeln!(out, "wrote {}", shown(&folder.join(path)))?;
    }
    for left in left {
        let path = shown(&folder.join(left.path));
        writeln!(out, "\n{path} is left as it is. Add to it:\n")?;
        for text in left.needs.lines() {
            writeln!(out, "{}", format!("    {}", line(&text)).trim_end())?;
        }
    }
    if args.squall_path.is_none() {
        writeln!(
            out,
            "\nSquall is in no registry yet: name a checkout of it in Cargo.toml, as squall = {{ path = \"..\" }}"
        )?;
    }
    let word = |path: &Path| shell_word(&path.display().to_string());
    writeln!(out, "\nNext:\n    squall run {}", word(&folder.join("scenarios")))?;
    match folder.is_here() {
        true => writeln!(out, "    cargo test"),
        false => writeln!(out, "    (cd {} && cargo test)", word(&args.folder)),
    }
}
