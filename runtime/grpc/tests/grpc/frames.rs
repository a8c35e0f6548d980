//! A server that speaks in frames, and answers no call: for what a server of this house would not do.

use std::io;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use squall_memory::Memory;
use squall_platform::{Authority, Listener, Platform};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::{Instant, sleep};

pub(crate) const DATA: u8 = 0;
pub(crate) const HEADERS: u8 = 1;
pub(crate) const SETTINGS: u8 = 4;
pub(crate) const PING: u8 = 6;
pub(crate) const GOAWAY: u8 = 7;
pub(crate) const ACK: u8 = 1;
const END_HEADERS: u8 = 4;

/// How it behaves.
#[derive(Clone, Default)]
pub(crate) struct Frames {
    /// Whether it says how it speaks HTTP/2.
    pub(crate) is_mute: bool,
    /// Whether pings are answered.
    pub(crate) answers_pings: bool,
    /// It begins to answer a call, and sends a byte of that every so often, so many times.
    pub(crate) trickle: Option<(Duration, usize)>,
    /// It punishes the ping of this number on a connection, counted from 1.
    pub(crate) pings_max: Option<usize>,
    /// When pings came.
    pub(crate) pings: Arc<Mutex<Vec<Instant>>>,
}

impl Frames {
    pub(crate) async fn start(&self, host: &Memory) -> Authority {
        let mut listener = host.bind(0).await.unwrap();
        let address = listener.local_addr().unwrap().to_string().parse().unwrap();
        let (server, platform) = (self.clone(), host.clone());
        host.spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let server = server.clone();
                platform.spawn(async move { drop(server.connection(stream).await) });
            }
        });
        address
    }

    /// After which time each ping came.
    pub(crate) fn pings_since(&self, begun: Instant) -> Vec<u64> {
        let pings = self.pings.lock().unwrap();
        pings.iter().map(|at| (*at - begun).as_secs()).collect()
    }

    async fn connection(self, stream: <Memory as Platform>::Stream) -> io::Result<()> {
        let (mut reader, mut writer) = tokio::io::split(stream);
        let mut preface = [0; 24];
        reader.read_exact(&mut preface).await?;
        if !self.is_mute {
            writer.write_all(&frame(SETTINGS, 0, 0, &[])).await?;
        }
        let mut pings = 0;
        let mut trickle = self.trickle;
        let mut called = None;
        loop {
            let read = async {
                let mut head = [0; 9];
                reader.read_exact(&mut head).await?;
                let mut payload = vec![0; u32::from_be_bytes([0, head[0], head[1], head[2]]) as usize];
                reader.read_exact(&mut payload).await?;
                io::Result::Ok((head, payload))
            };
            let drop_of_data = async {
                match (called, trickle) {
                    (Some(_), Some((every, left))) if left > 0 => sleep(every).await,
                    _ => std::future::pending().await,
                }
            };
            let (head, payload) = tokio::select! {
                biased;
                () = drop_of_data => {
                    let stream = called.expect("it trickles");
                    // Of a message that never comes to its end.
                    let drop = if trickle == self.trickle { &[0, 0, 0, 1, 0][..] } else { b"\0" };
                    writer.write_all(&frame(DATA, 0, stream, drop)).await?;
                    if let Some((_, left)) = &mut trickle {
                        *left -= 1;
                    }
                    continue;
                }
                read = read => read?,
            };
            if self.is_mute {
                continue;
            }
            let stream = u32::from_be_bytes([head[5], head[6], head[7], head[8]]);
            match (head[3], head[4]) {
                (SETTINGS, 0) => writer.write_all(&frame(SETTINGS, ACK, 0, &[])).await?,
                (PING, 0) => {
                    self.pings.lock().unwrap().push(Instant::now());
                    pings += 1;
                    if self.pings_max == Some(pings) {
                        // The last stream is the call's own: it may have been processed.
                        let mut goodbye = called.unwrap_or(0).to_be_bytes().to_vec();
                        goodbye.extend([0, 0, 0, 11]);
                        goodbye.extend(b"too_many_pings");
                        return writer.write_all(&frame(GOAWAY, 0, 0, &goodbye)).await;
                    }
                    if self.answers_pings {
                        writer.write_all(&frame(PING, ACK, 0, &payload)).await?;
                    }
                }
                (HEADERS, _) => {
                    called = Some(stream);
                    if trickle.is_some() {
                        // The status is 200.
                        writer
                            .write_all(&frame(HEADERS, END_HEADERS, stream, &[0x88]))
                            .await?;
                    }
                }
                _ => {}
            }
        }
    }
}

pub(crate) fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let mut frame = (payload.len() as u32).to_be_bytes()[1..].to_vec();
    frame.extend([kind, flags]);
    frame.extend(stream.to_be_bytes());
    frame.extend(payload);
    frame
}
