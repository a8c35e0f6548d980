//! What `squall run` writes besides: journals and captures.

use super::*;

#[test]
fn the_journal_can_be_written_and_read_back() {
    let folder = folder();
    let path = scenario(folder.path(), "a.toml", "");
    let file = folder.path().join("journal.jsonl");
    let output = squall(&["run", &path, "--journal", file.to_str().expect("UTF-8")]);
    assert_eq!(output.status.code(), Some(0), "{}", err(&output));
    let text = std::fs::read(&file).expect("the journal");
    let journal = lines::read(&text[..]).expect("a sound journal");
    let calls = journal
        .entries
        .iter()
        .filter(|entry| matches!(entry.event, Event::CallEnded { .. }))
        .count();
    assert_eq!(calls, 20);
    assert!(matches!(
        journal.entries.last().map(|entry| &entry.event),
        Some(Event::RunEnded { .. })
    ));
}

#[test]
fn a_file_that_is_no_journal_of_ours_is_left_as_it_is_and_nothing_runs() {
    let folder = folder();
    let path = scenario(folder.path(), "a.toml", "");
    for (option, name) in [("--journal", "journal"), ("--pcap", "capture")] {
        let file = folder.path().join("notes.txt");
        std::fs::write(&file, "what I must not forget").expect("writable");
        let written = squall(&["run", &path, option, file.to_str().expect("UTF-8")]);
        assert_eq!((written.status.code(), &*out(&written)), (Some(2), ""));
        let said = err(&written);
        assert!(
            said.contains(&format!("is no {name}")) && said.contains("remove it"),
            "{said}"
        );
        let kept = std::fs::read_to_string(&file).expect("it is there");
        assert_eq!(kept, "what I must not forget");

        // One of ours is replaced.
        let file = folder.path().join(name);
        for seed in ["1", "2"] {
            let written = squall(&[
                "run",
                &path,
                "--seed",
                seed,
                option,
                file.to_str().expect("UTF-8"),
            ]);
            assert_eq!(written.status.code(), Some(0), "{}", err(&written));
        }
        let nowhere = folder.path().join("no-such-folder/x");
        let written = squall(&["run", &path, option, nowhere.to_str().expect("UTF-8")]);
        assert_eq!(
            (written.status.code(), &*out(&written)),
            (Some(2), ""),
            "nothing runs"
        );
    }
}

#[test]
fn one_file_is_no_journal_and_capture_at_once() {
    let folder = folder();
    let path = scenario(folder.path(), "a.toml", "");
    let file = folder.path().join("both");
    let file = file.to_str().expect("UTF-8");
    let refused = squall(&["run", &path, "--journal", file, "--pcap", file]);
    assert_eq!(refused.status.code(), Some(2));
    assert!(err(&refused).contains("name the same file"), "{}", err(&refused));
    assert!(!Path::new(file).exists(), "it leaves nothing behind");
}

#[test]
fn without_a_verdict_it_is_said_that_nothing_was_written() {
    let folder = folder();
    let path = scenario(folder.path(), "a.toml", "");
    let text = std::fs::read_to_string(&path).expect("it was written");
    let text = text.replace("seed = 5\n", "seed = 5\nwall_limit = \"1ms\"\n");
    std::fs::write(&path, text.replace("10/s", "100000/s")).expect("writable");
    let journal = folder.path().join("journal");
    let ended = squall(&["run", &path, "--journal", journal.to_str().expect("UTF-8")]);
    assert_eq!(ended.status.code(), Some(3), "{}", out(&ended));
    assert!(err(&ended).contains("has no journal"), "{}", err(&ended));
    assert!(!journal.exists());
}

#[test]
fn a_journal_that_cannot_be_written_costs_no_verdict() {
    let scenario = "scenarios/negative/success-during-a-partition.toml";
    let broken = squall(&["run", scenario, "--journal", "/dev/full"]);
    assert_eq!(broken.status.code(), Some(1), "{}", err(&broken));
    assert!(out(&broken).contains("BROKEN"), "{}", out(&broken));
    assert!(
        err(&broken).contains("cannot write the journal"),
        "{}",
        err(&broken)
    );
    let held = squall(&["run", "scenarios/partition-heals.toml", "--journal", "/dev/full"]);
    assert_eq!(held.status.code(), Some(2));
    assert!(out(&held).contains("HELD"), "{}", out(&held));
}

/// The same with a reader that is gone before anything is printed.
#[test]
fn a_closed_pipe_never_turns_what_broke_into_success() {
    for stream in ["stdout", "stderr"] {
        let mut command = Command::new(env!("CARGO_BIN_EXE_squall"));
        command.args(["run", "scenarios/negative"]).current_dir(root());
        let (reader, writer) = std::io::pipe().expect("a pipe");
        drop(reader);
        let (closed, open) = (Stdio::from(writer), Stdio::null());
        let command = match stream {
            "stdout" => command.stdout(closed).stderr(open),
            _ => command.stdout(open).stderr(closed),
        };
        assert_eq!(
            command.status().expect("it runs").code(),
            Some(1),
            "{stream} is closed"
        );
    }
}

#[test]
fn a_journal_of_several_runs_is_refused() {
    let output = squall(&["run", "scenarios", "--journal", "never-written.jsonl"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(
        err(&output).contains("--journal takes the journal of one run"),
        "{}",
        err(&output)
    );
    assert!(!root().join("never-written.jsonl").exists());
}
