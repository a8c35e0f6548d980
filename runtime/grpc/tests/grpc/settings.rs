//! What both ends say of themselves when a connection opens, as bytes. Spec: RFC 9113, 6.5.2.

use std::collections::BTreeMap;
use std::time::Duration;

use squall_grpc::{Dial, FRAME_MAX, STREAM_WINDOW, open};
use squall_memory::Network;
use squall_platform::{Authority, Listener, Platform};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt};

use crate::support::{Echo, serve};

const PREFACE: &[u8; 24] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
const SETTINGS: u8 = 4;
const EMPTY_SETTINGS: [u8; 9] = [0, 0, 0, SETTINGS, 0, 0, 0, 0, 0];
const MAX_CONCURRENT_STREAMS: u16 = 3;
const INITIAL_WINDOW_SIZE: u16 = 4;
const MAX_FRAME_SIZE: u16 = 5;

/// Reads a frame that has to be the settings.
async fn settings(stream: &mut (impl AsyncRead + Unpin)) -> BTreeMap<u16, u32> {
    let mut head = [0; 9];
    stream.read_exact(&mut head).await.unwrap();
    assert_eq!((head[3], head[4]), (SETTINGS, 0), "settings come first");
    let length = u32::from_be_bytes([0, head[0], head[1], head[2]]);
    let mut body = vec![0; length as usize];
    stream.read_exact(&mut body).await.unwrap();
    let (entries, rest) = body.as_chunks::<6>();
    assert!(rest.is_empty());
    let entry = |it: &[u8; 6]| {
        let [k0, k1, value @ ..] = *it;
        (u16::from_be_bytes([k0, k1]), u32::from_be_bytes(value))
    };
    entries.iter().map(entry).collect()
}

#[tokio::test(start_paused = true)]
async fn who_dials_takes_large_frames_and_windows_that_hold_several() {
    let network = Network::default();
    let host = network.host();
    let mut listener = host.bind(0).await.unwrap();
    let to: Authority = listener.local_addr().unwrap().to_string().parse().unwrap();
    let dial = Dial::default();
    let (opened, said) = tokio::join!(open(&host, &dial, &to), async {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut preface = [0; PREFACE.len()];
        stream.read_exact(&mut preface).await.unwrap();
        assert_eq!(&preface, PREFACE);
        let said = settings(&mut stream).await;
        stream.write_all(&EMPTY_SETTINGS).await.unwrap();
        (said, stream)
    },);
    drop(opened.unwrap());
    let (said, _stream) = said;
    assert_eq!(said[&MAX_FRAME_SIZE], FRAME_MAX);
    assert_eq!(said[&INITIAL_WINDOW_SIZE], STREAM_WINDOW);
}

#[tokio::test(start_paused = true)]
async fn who_listens_does_so_too_and_limits_no_streams() {
    let network = Network::default();
    let server = serve(&network.host(), Echo::after(Duration::ZERO), Duration::ZERO).await;
    let mut stream = network.host().connect(&server.address).await.unwrap();
    stream.write_all(PREFACE).await.unwrap();
    stream.write_all(&EMPTY_SETTINGS).await.unwrap();
    let said = settings(&mut stream).await;
    assert_eq!(said[&MAX_FRAME_SIZE], FRAME_MAX);
    assert_eq!(said[&INITIAL_WINDOW_SIZE], STREAM_WINDOW);
    // Blocking calls nest: with any limit two modules can wait for each other for ever.
    assert_eq!(said.get(&MAX_CONCURRENT_STREAMS), None);
}
