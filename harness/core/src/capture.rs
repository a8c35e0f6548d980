//! Captures: the traffic of the simulated network, as pcapng for Wireshark and tshark.
//!
//! Timestamps are virtual, in nanoseconds from the start of the run's wall clock. Hosts have their names.
//! Modules listen on port 50051: use `Decode as... HTTP2` if Wireshark does not detect it.

use std::borrow::Cow;
use std::io::{self, Write};
use std::net::IpAddr;
use std::time::Duration;

use pcap_file::pcapng::PcapNgWriter;
use pcap_file::pcapng::blocks::enhanced_packet::EnhancedPacketBlock;
use pcap_file::pcapng::blocks::interface_description::{
    InterfaceDescriptionBlock, InterfaceDescriptionOption,
};
use pcap_file::pcapng::blocks::name_resolution::{Ipv4Record, NameResolutionBlock, Record};
use pcap_file::{DataLink, PcapError};

use crate::run::Run;

/// The `if_tsresol` of a file with nanoseconds: 10 to the power of minus 9.
const NANOSECONDS: u8 = 9;

/// Writes the packets of a captured run.
///
/// # Errors
/// If writing to `writer` fails.
pub fn write<W: Write>(run: &Run, writer: W) -> io::Result<()> {
    write_blocks(run, writer).map_err(|error| match error {
        PcapError::IoError(error) => error,
        other => io::Error::other(other),
    })
}

fn write_blocks<W: Write>(run: &Run, writer: W) -> Result<(), PcapError> {
    let mut file = PcapNgWriter::new(writer)?;
    file.write_pcapng_block(InterfaceDescriptionBlock {
        linktype: DataLink::RAW,
        snaplen: 0,
        options: vec![
            InterfaceDescriptionOption::IfName(Cow::Borrowed("squall")),
            InterfaceDescriptionOption::IfTsResol(NANOSECONDS),
        ],
    })?;
    file.write_pcapng_block(NameResolutionBlock {
        records: names(run),
        options: Vec::new(),
    })?;
    let epoch = Duration::from_secs(squall_sim::EPOCH_SECONDS);
    for packet in &run.packets {
        file.write_pcapng_block(EnhancedPacketBlock {
            interface_id: 0,
            timestamp: epoch + Duration::from_nanos(packet.at),
            original_len: packet.bytes.len() as u32,
            data: Cow::Borrowed(&packet.bytes),
            options: Vec::new(),
        })?;
    }
    Ok(())
}

fn names(run: &Run) -> Vec<Record<'_>> {
    let named = run.addresses.iter().filter_map(|(host, address)| match address {
        IpAddr::V4(address) => {
            let names = vec![Cow::Borrowed(host.as_str())];
            let ip_addr = Cow::Owned(address.octets().to_vec());
            Some(Record::Ipv4(Ipv4Record { ip_addr, names }))
        }
        IpAddr::V6(_) => None,
    });
    named.collect()
}
