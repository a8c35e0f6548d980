//! A topology in a process of its own, and what is asked of it.

use std::fs::File;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Output, Stdio};

use serde_json::Value;

pub(crate) const PAIR: &str = r#"
name = "real"
[module.store.node.shelf]
component = "echo"
[module.front.node.door]
component = "forward"
edges = [{ port = "out", to = "mirror.in" }]
[module.back.node.mirror]
component = "echo"
[module.back.node.late]                    # calls further only after a while
component = "delay"
settings = { for = "2s" }
edges = [{ port = "out", to = "shelf.in" }]
[module.back.node.stuck]
component = "echo"
settings = { delay = "1h" }
[module.back.node.bad]
component = "fail"
settings = { message = "out of cheese", code = "cheese", retryable = true }
"#;

pub(crate) fn squall() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_squall"));
    command.env_remove("RUST_LOG").stdin(Stdio::null());
    command
}

/// A system of modules in a process of its own, which is killed when the test is done with it.
pub(crate) struct Running {
    pub(crate) child: Child,
    pub(crate) out: BufReader<ChildStdout>,
    pub(crate) folder: tempfile::TempDir,
    /// What it has printed so far.
    pub(crate) said: Vec<String>,
}

impl Running {
    /// Starts the modules of [`PAIR`], and waits until they are ready.
    pub(crate) fn up(arguments: &[&str]) -> Self {
        Running::up_of(PAIR, arguments)
    }

    /// The same of another topology that is called `real`.
    pub(crate) fn up_of(topology: &str, arguments: &[&str]) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let path = folder.path().join("real.toml");
        std::fs::write(&path, topology).expect("writable");
        let log = File::create(folder.path().join("log")).expect("writable");
        let mut child = squall()
            .arg("up")
            .arg(path)
            .args(arguments)
            .stdout(Stdio::piped())
            .stderr(log)
            .spawn()
            .expect("the binary was built for this test");
        let out = BufReader::new(child.stdout.take().expect("it is piped"));
        let mut running = Running {
            child,
            out,
            folder,
            said: Vec::new(),
        };
        running.wait_for("ready real");
        running
    }

    /// Waits until it prints a line that starts so.
    pub(crate) fn wait_for(&mut self, start: &str) {
        loop {
            let mut line = String::new();
            let read = self.out.read_line(&mut line).expect("UTF-8");
            assert!(
                read > 0,
                "it ended before it said {start:?}: {:?}\n{}",
                self.said,
                self.log()
            );
            self.said.push(line.trim_end().to_owned());
            if line.starts_with(start) {
                return;
            }
        }
    }

    /// What is behind `start` in the line that starts so.
    pub(crate) fn said(&self, start: &str) -> &str {
        let mut found = self.said.iter().filter_map(|line| line.strip_prefix(start));
        found
            .next()
            .unwrap_or_else(|| panic!("no {start:?} in {:?}", self.said))
    }

    pub(crate) fn address(&self, module: &str) -> &str {
        self.said(&format!("listening {module} "))
    }

    /// The address of its metrics.
    pub(crate) fn beside(&self) -> &str {
        let url = self.said("metrics http://");
        url.strip_suffix("/metrics").expect("a URL")
    }

    pub(crate) fn metrics(&self) -> String {
        let (status, text) = get(self.beside(), "/metrics");
        assert_eq!(status, 200, "{text}");
        text
    }

    /// Waits until a request is in the works in `back`: its handler runs, or is about to.
    pub(crate) fn wait_until_busy(&self) {
        self.wait_until("tinysystems_requests_in_flight{module=\"back\"} 1\n");
    }

    /// Waits until there is this line among its metrics.
    pub(crate) fn wait_until(&self, line: &str) {
        let is_there = (0..20_000).any(|_| self.metrics().contains(line));
        assert!(is_there, "no {line} in\n{}", self.metrics());
    }

    pub(crate) fn signal(&self, name: &str) {
        let sent = Command::new("kill")
            .args([name, &self.child.id().to_string()])
            .status();
        assert!(sent.expect("a system with kill").success());
    }

    pub(crate) fn log(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("log")).expect("UTF-8")
    }

    /// Waits until it has ended, and gives its exit code.
    pub(crate) fn ended(&mut self) -> Option<i32> {
        let mut rest = String::new();
        self.out.read_to_string(&mut rest).expect("UTF-8");
        self.said.extend(rest.lines().map(str::to_owned));
        self.child.wait().expect("it was started").code()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended long ago.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

pub(crate) fn topology(folder: &Path) -> PathBuf {
    let path = folder.join("real.toml");
    std::fs::write(&path, PAIR).expect("writable");
    path
}

/// The status and the body of an answer.
pub(crate) fn get(address: &str, path: &str) -> (u16, String) {
    let mut stream = TcpStream::connect(address).expect("it listens");
    write!(
        stream,
        "GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n"
    )
    .expect("sent");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("UTF-8");
    let (head, body) = answer.split_once("\r\n\r\n").expect("a head and a body");
    let status = head.split(' ').nth(1).expect("a status line");
    (status.parse().expect("a number"), body.to_owned())
}

pub(crate) fn call(address: &str, rest: &[&str]) -> Command {
    let mut command = squall();
    command.arg("call").arg(address).args(rest);
    command
}

pub(crate) fn ran(mut command: Command) -> Output {
    command.output().expect("the binary was built for this test")
}

pub(crate) fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).expect("UTF-8")
}

pub(crate) fn answer(output: &Output) -> Value {
    let told = text(&output.stderr);
    assert_eq!(output.status.code(), Some(0), "{told}");
    serde_json::from_slice(&output.stdout).expect("JSON")
}

/// The exit code, and the error as an object.
pub(crate) fn failure(output: &Output) -> (i32, Value) {
    assert_eq!(text(&output.stdout), "", "an error is no answer");
    let error = serde_json::from_slice(&output.stderr).expect("JSON");
    (output.status.code().expect("it was not killed"), error)
}
