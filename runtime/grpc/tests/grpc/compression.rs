//! Compressed requests and answers. Spec: gRPC, compression.

use std::io::{Read, Write};
use std::time::Duration;

use bytes::{BufMut, Bytes, BytesMut};
use flate2::Compression;
use flate2::read::GzDecoder;
use flate2::write::GzEncoder;
use http::{HeaderMap, Request};
use prost::Message;
use squall_grpc::Serving;
use squall_memory::Network;
use squall_platform::Platform;
use squall_proto::provider::{ExecuteResponse, execute_response};

use crate::support::{Echo, LIMIT, PATH, asked, serve_as};

/// What comes back: the headers and trailers together, and the body.
async fn exchange(
    network: &Network,
    serving: Serving,
    headers: &[(&str, &str)],
    body: Bytes,
) -> (HeaderMap, Bytes) {
    let echo = Echo::after(Duration::ZERO);
    let server = serve_as(&network.host(), serving, echo, Duration::ZERO).await;
    let host = network.host();
    let stream = host.connect(&server.address).await.unwrap();
    let (mut sender, connection) = h2::client::handshake(stream).await.unwrap();
    host.spawn(async move { drop(connection.await) });
    let mut request = Request::post(format!("http://peer{PATH}")).header("content-type", "application/grpc");
    for (key, value) in headers {
        request = request.header(*key, *value);
    }
    let (answer, mut sending) = sender.send_request(request.body(()).unwrap(), false).unwrap();
    sending.send_data(body, true).unwrap();
    let (head, mut incoming) = answer.await.unwrap().into_parts();
    let mut read = BytesMut::new();
    while let Some(data) = incoming.data().await {
        let data = data.unwrap();
        incoming.flow_control().release_capacity(data.len()).unwrap();
        read.extend(data);
    }
    let mut headers = head.headers;
    headers.extend(incoming.trailers().await.unwrap().unwrap_or_default());
    (headers, read.freeze())
}

/// The same message, compressed.
fn compressed(frame: &[u8]) -> Bytes {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(&frame[5..]).unwrap();
    let message = encoder.finish().unwrap();
    let mut frame = BytesMut::new();
    frame.put_u8(1);
    frame.put_u32(u32::try_from(message.len()).unwrap());
    frame.extend(message);
    frame.freeze()
}

fn output(message: &[u8]) -> Bytes {
    match ExecuteResponse::decode(message).unwrap().result {
        Some(execute_response::Result::OutputData(data)) => data,
        other => panic!("{other:?}"),
    }
}

#[tokio::test(start_paused = true)]
async fn a_compressed_request_is_read_and_its_answer_is_plain_unless_an_option_says_otherwise() {
    let network = Network::default();
    let text = "squall ".repeat(1000);
    let gzip = [
        ("grpc-encoding", "gzip"),
        ("grpc-accept-encoding", "identity,gzip"),
    ];
    let (headers, body) = exchange(&network, Serving::default(), &gzip, compressed(&asked(&text))).await;
    assert_eq!(headers["grpc-status"], "0");
    assert_eq!(headers["grpc-accept-encoding"], "identity,gzip");
    assert_eq!(headers.get("grpc-encoding"), None);
    assert_eq!((body[0], output(&body[5..])), (0, text.clone().into()));

    let compress = Serving {
        compress: true,
        ..Serving::default()
    };
    let (headers, body) = exchange(&network, compress, &gzip, asked(&text)).await;
    assert_eq!(headers["grpc-encoding"], "gzip");
    assert_eq!(body[0], 1);
    assert!(body.len() < 200, "{}", body.len());
    let mut message = Vec::new();
    GzDecoder::new(&body[5..]).read_to_end(&mut message).unwrap();
    assert_eq!(output(&message), text);

    // Not for one who cannot read it, nor where it does not help.
    let (headers, body) = exchange(&network, compress, &[], asked(&text)).await;
    assert_eq!((headers.get("grpc-encoding"), body[0]), (None, 0));
    assert_eq!(
        headers.get("grpc-accept-encoding"),
        None,
        "who does not ask is not told"
    );
    let (headers, body) = exchange(&network, compress, &gzip, asked("short")).await;
    assert_eq!((headers.get("grpc-encoding"), body[0]), (None, 0));
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_decompressed_is_refused_as_grpc_asks_for() {
    let network = Network::default();
    let bomb = "x".repeat(2 * LIMIT);
    for (encoding, body, code) in [
        ("snappy", compressed(&asked("hello")), "12"),
        ("identity", compressed(&asked("hello")), "13"),
        ("gzip", Bytes::from_static(b"\x01\0\0\0\x03abc"), "13"),
        ("gzip", compressed(&asked(&bomb)), "8"),
    ] {
        let (headers, _) = exchange(&network, Serving::default(), &[("grpc-encoding", encoding)], body).await;
        assert_eq!(headers["grpc-status"], code, "{encoding}");
        assert_eq!(headers["grpc-accept-encoding"], "identity,gzip");
    }
}
