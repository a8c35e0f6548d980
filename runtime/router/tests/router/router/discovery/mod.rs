//! Where knowledge of owners and endpoints comes from, and how the pool follows it.

mod dns;
mod follows;
mod registry;

use squall_router::Authority;
use squall_router::discovery::Fact;

fn at(addresses: &[&str]) -> Vec<Authority> {
    let authority = |address: &&str| address.parse().expect("an authority");
    addresses.iter().map(authority).collect()
}

fn runs_at(module: &str, endpoints: Vec<Authority>) -> Fact {
    Fact::Endpoints {
        module: module.into(),
        endpoints,
    }
}

fn owned_by(node: &str, module: Option<&str>) -> Fact {
    Fact::Owner {
        node: node.into(),
        module: module.map(Into::into),
    }
}
