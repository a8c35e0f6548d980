//! What a manager can be told.

use std::collections::BTreeSet;

use squall_provider::Config;

use crate::support::secs;

#[test]
fn line_166_the_defaults_are_those_of_the_protocol() {
    let config = Config::default();
    assert_eq!(config.grpc_port, 9090);
    assert_eq!(config.heartbeat_interval, secs(5));
    assert_eq!(config.heartbeat_timeout, secs(15));
    assert_eq!(config.control_plane_timeout, secs(30));
    assert_eq!(config.report_interval, secs(30));
    assert!(config.reserved_namespaces.iter().eq(["stdlib"]));
    // What upstream does not let one configure.
    assert_eq!(config.check_period, secs(1));
    assert_eq!(config.drain_deadline, secs(30));
}

#[test]
fn line_166_custom_values_are_kept() {
    let config = Config {
        grpc_port: 7,
        reserved_namespaces: BTreeSet::new(),
        ..Config::default()
    };
    assert_eq!((config.grpc_port, config.reserved_namespaces.len()), (7, 0));
    assert_eq!(
        config.heartbeat_timeout,
        secs(15),
        "and the others are as they were"
    );
}

#[test]
fn line_166_an_empty_environment_gives_the_defaults() {
    assert_eq!(Config::from_env(|_| None), Ok(Config::default()));
}
