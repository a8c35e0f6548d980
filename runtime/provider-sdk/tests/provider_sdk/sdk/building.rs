//! What cannot be built says why.

use std::time::Duration;

use squall_provider_sdk::{BuildError, Config, Provider};

use crate::support::*;

fn refused(namespace: &str, config: Config, modules: &[&str]) -> String {
    let host = Host::new(&Network::default());
    let provider = Provider::builder(host, namespace).config(config);
    let built = provider.modules(modules.iter().map(|name| echo(name))).build();
    built.err().expect("it cannot be built").to_string()
}

#[tokio::test]
async fn names_that_no_server_takes_are_refused_in_the_servers_words() {
    let part = "must start with a letter and contain only alphanumeric characters and underscores";
    for (namespace, modules, told) in [
        ("", &["A"][..], "Namespace cannot be empty".to_owned()),
        ("a..b", &["A"], format!("Invalid namespace part '': {part}")),
        ("a.b-c", &["A"], format!("Invalid namespace part 'b-c': {part}")),
        ("ml", &["A", ""], "Module name cannot be empty".to_owned()),
        ("ml", &["1A"], "Module name must start with a letter".to_owned()),
        ("ml", &["A", "A"], "Module name 'A' is declared twice".to_owned()),
    ] {
        assert_eq!(refused(namespace, config(), modules), told);
    }
}

#[tokio::test]
async fn a_host_with_more_than_a_host_is_refused() {
    for host in [
        "",
        "http://host",
        "host:9091",
        "::1",
        "a host",
        "host/path",
        "user@host",
    ] {
        let config = Config {
            executor_host: host.to_owned(),
            ..config()
        };
        let told = format!("executor_host must be a host without scheme and port: '{host}'");
        assert_eq!(refused("ml", config, &[]), told);
    }
    for host in ["localhost", "10.0.0.1", "[::1]", "ml.example.com"] {
        let config = Config {
            executor_host: host.to_owned(),
            ..config()
        };
        let provider = Provider::builder(Host::new(&Network::default()), "ml").config(config);
        assert!(provider.build().is_ok(), "{host}");
    }
}

#[tokio::test]
async fn an_interval_of_nothing_is_refused_by_its_name() {
    let config = Config {
        heartbeat_interval: Duration::ZERO,
        ..config()
    };
    let provider = Provider::builder(Host::new(&Network::default()), "ml").config(config);
    let error = provider.build().err().expect("it would never pause");
    let setting = "heartbeat_interval";
    assert_eq!(error, BuildError::Zero { setting });
}
