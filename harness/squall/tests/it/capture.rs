//! A capture is what crossed the network: HTTP/2 and gRPC, in order, at virtual time.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use pcap_file::pcapng::{Block, PcapNgReader};
use squall::Harness;

/// One packet, taken apart.
struct Tcp {
    at: Duration,
    from: ([u8; 4], u16),
    to: ([u8; 4], u16),
    sequence: u32,
    flags: u8,
    payload: Vec<u8>,
}

fn parse(at: Duration, packet: &[u8]) -> Tcp {
    assert_eq!((packet[0], packet[9]), (0x45, 6), "IPv4 without options, TCP");
    assert_eq!(
        usize::from(u16::from_be_bytes([packet[2], packet[3]])),
        packet.len()
    );
    let port = |place: usize| u16::from_be_bytes([packet[place], packet[place + 1]]);
    let address = |place: usize| <[u8; 4]>::try_from(&packet[place..place + 4]).expect("four bytes");
    Tcp {
        at,
        from: (address(12), port(20)),
        to: (address(16), port(22)),
        sequence: u32::from_be_bytes(packet[24..28].try_into().expect("four bytes")),
        flags: packet[33],
        payload: packet[40..].to_vec(),
    }
}

fn capture_of(scenario: &str) -> (Vec<Tcp>, Vec<String>) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../scenarios")
        .join(scenario);
    let run = Harness::new()
        .captured()
        .run_file(path, None)
        .expect("a sound capture of a sound run");
    let mut file = Vec::new();
    squall::capture::write(&run, &mut file).expect("a sound capture of a sound run");
    let mut reader = PcapNgReader::new(&file[..]).expect("a sound capture of a sound run");
    let (mut packets, mut names) = (Vec::new(), Vec::new());
    while let Some(block) = reader.next_block() {
        match block.expect("a sound capture of a sound run") {
            Block::EnhancedPacket(it) => packets.push(parse(it.timestamp, &it.data)),
            Block::NameResolution(it) => names.extend(it.records.iter().map(|record| format!("{record:?}"))),
            _ => {}
        }
    }
    (packets, names)
}

#[test]
fn a_capture_holds_every_byte_of_every_connection_in_order() {
    let (packets, names) = capture_of("partition-heals.toml");
    assert!(names.iter().any(|name| name.contains("payments")), "{names:?}");
    assert!(packets.is_sorted_by_key(|packet| packet.at));
    let mut streams: BTreeMap<_, (u32, Vec<u8>)> = BTreeMap::new();
    for packet in &packets {
        let (next, bytes) = streams.entry((packet.from, packet.to)).or_default();
        if packet.flags & 0x04 == 0 {
            assert_eq!(packet.sequence, *next, "nothing is missing, nothing comes twice");
        }
        *next += packet.payload.len() as u32 + u32::from(packet.flags & 0x03 != 0);
        bytes.extend(&packet.payload);
    }
    let to_servers: Vec<_> = streams.iter().filter(|((_, to), _)| to.1 == 50051).collect();
    assert!(to_servers.len() >= 3, "front -> orders -> payments -> ledger");
    for (_, (_, bytes)) in to_servers {
        assert!(
            bytes.starts_with(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"),
            "the preface of HTTP/2"
        );
        let text = String::from_utf8_lossy(bytes);
        assert!(
            text.contains(r#""kind":"order""#) && text.contains("traceparent"),
            "gRPC messages"
        );
    }
}

#[test]
fn what_a_partition_holds_is_not_in_the_capture_until_it_gets_through() {
    let (packets, _) = capture_of("partition-longer-than-the-deadline.toml");
    let start = Duration::from_secs(squall_sim::EPOCH_SECONDS);
    let during = |packet: &&Tcp| {
        (Duration::from_millis(20_010)..Duration::from_secs(30)).contains(&(packet.at - start))
    };
    assert_eq!(packets.iter().filter(during).count(), 0);
    assert!(
        packets
            .iter()
            .any(|packet| packet.at - start > Duration::from_secs(30))
    );
}

#[test]
fn a_run_that_is_not_captured_has_no_packets() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../scenarios/lossy-link.toml");
    let run = Harness::new().run_file(path, None).unwrap();
    assert!(run.packets.is_empty());
}
