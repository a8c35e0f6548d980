//! A gRPC service with a method of each kind, written as anybody writes one with tonic: for tests and benches of how such
//! a service runs on simulated hosts. Nothing of it knows of Squall.

use std::pin::Pin;
use std::time::Duration;

use futures_util::{Stream, StreamExt, stream};
use tonic::{Code, Request, Response, Status, Streaming};

#[expect(
    missing_docs,
    unreachable_pub,
    clippy::allow_attributes,
    reason = "generated code"
)]
mod generated {
    tonic::include_proto!("squall.echo");
}

pub use generated::Line;
pub use generated::echo_client::EchoClient;
pub use generated::echo_server::{Echo, EchoServer};

/// Says again what it is told.
#[derive(Debug, Clone, Copy, Default)]
pub struct Parrot;

type Lines = Pin<Box<dyn Stream<Item = Result<Line, Status>> + Send>>;

/// After as long as the line asks for.
async fn answer(line: Line) -> Result<Line, Status> {
    if line.wait_ms > 0 {
        tokio::time::sleep(Duration::from_millis(line.wait_ms.into())).await;
    }
    match Code::from(line.fail as i32) {
        Code::Ok => Ok(line),
        code => Err(Status::new(code, line.text)),
    }
}

#[tonic::async_trait]
impl Echo for Parrot {
    type SpellStream = Lines;
    type TalkStream = Lines;

    async fn say(&self, request: Request<Line>) -> Result<Response<Line>, Status> {
        answer(request.into_inner()).await.map(Response::new)
    }

    async fn spell(&self, request: Request<Line>) -> Result<Response<Lines>, Status> {
        let Line { text, wait_ms, fail } = request.into_inner();
        let letters: Vec<Line> = text
            .chars()
            .map(|letter| Line {
                text: letter.into(),
                wait_ms,
                fail: 0,
            })
            .collect();
        let end = (fail > 0).then_some(Line { text, wait_ms, fail });
        let lines = letters.into_iter().chain(end);
        Ok(Response::new(Box::pin(stream::iter(lines).then(answer))))
    }

    async fn collect(&self, request: Request<Streaming<Line>>) -> Result<Response<Line>, Status> {
        let mut lines = request.into_inner();
        let mut all = Line::default();
        while let Some(line) = lines.message().await? {
            all.text += &answer(line).await?.text;
        }
        Ok(Response::new(all))
    }

    async fn talk(&self, request: Request<Streaming<Line>>) -> Result<Response<Lines>, Status> {
        let lines = request.into_inner();
        let answers = lines.then(|line| async move { answer(line?).await });
        Ok(Response::new(Box::pin(answers)))
    }
}

/// A line.
pub fn line(text: &str) -> Line {
    Line {
        text: text.to_owned(),
        ..Line::default()
    }
}
