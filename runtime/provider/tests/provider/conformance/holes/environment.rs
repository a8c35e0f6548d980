//! Environment variables with values.

use squall_provider::Config;

use crate::support::secs;

#[test]
fn hole_13_each_environment_variable_has_its_value_and_a_bad_one_is_an_error() {
    let environment = [
        ("CONSTELLATION_PROVIDER_PORT", "7"),
        ("CONSTELLATION_PROVIDER_HEARTBEAT_INTERVAL", "2"),
        ("CONSTELLATION_PROVIDER_HEARTBEAT_TIMEOUT", "15"),
        ("CONSTELLATION_PROVIDER_CONTROL_PLANE_TIMEOUT", "15s"),
        ("CONSTELLATION_PROVIDER_REPORT_INTERVAL", "1m"),
        ("CONSTELLATION_PROVIDER_RESERVED_NS", "stdlib, core"),
    ];
    let read = |bad: Option<&str>| {
        Config::from_env(|asked| {
            let (name, value) = environment.iter().find(|(name, _)| *name == asked)?;
            let is_bad = bad == Some(name);
            Some(if is_bad { "!" } else { *value }.to_owned())
        })
    };
    let config = read(None).unwrap();
    assert_eq!(config.grpc_port, 7);
    assert_eq!(config.heartbeat_interval, secs(2));
    assert_eq!(config.heartbeat_timeout, secs(15));
    assert_eq!(config.control_plane_timeout, secs(15));
    assert_eq!(config.report_interval, secs(60));
    assert!(config.reserved_namespaces.iter().eq(["core", "stdlib"]));
    for (name, _) in environment {
        assert_eq!(read(Some(name)).unwrap_err().variable, name);
    }
}
