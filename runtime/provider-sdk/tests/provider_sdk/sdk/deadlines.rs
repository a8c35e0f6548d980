//! Handlers end when nobody waits for them any more. Spec: provider 3.5, section 6, point 11.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use squall_grpc::{Channel, Dial};
use squall_proto::provider::execute_response::Result as Answer;
use squall_proto::provider::{ExecuteRequest, ExecuteResponse};
use squall_provider_sdk::{Context, Module, Provider, Running};
use tokio::time::{Instant, sleep};

use crate::support::*;

/// A handler at work counts until it is dropped.
struct AtWork(Arc<AtomicUsize>);

impl Drop for AtWork {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

/// A module that takes 25 s, and how many of its handlers are at work.
async fn serve(host: &Host) -> (Running<Host>, String, Arc<AtomicUsize>) {
    let at_work = Arc::<AtomicUsize>::default();
    let counted = Arc::clone(&at_work);
    let module = Module::new(
        "Slow",
        text_type(),
        text_type(),
        move |input, context: Context| {
            counted.fetch_add(1, Ordering::SeqCst);
            let at_work = AtWork(Arc::clone(&counted));
            async move {
                let left = context.deadline.map(|it| it - Instant::now());
                assert!(left.is_none_or(|left| left <= ms(2000)), "it knows: {left:?}");
                sleep(ms(25_000)).await;
                drop(at_work);
                Ok(input)
            }
        },
    );
    let provider = Provider::builder(host.clone(), "ml")
        .config(config())
        .module(module);
    let running = provider.build().unwrap().start().await.unwrap();
    let url = running.executor_addr().unwrap().to_string();
    (running, url, at_work)
}

/// Asks, with this header, and waits however long it takes.
async fn ask(host: &Host, url: &str, timeout: Option<&str>) -> Result<ExecuteResponse, tonic::Status> {
    let mut request = tonic::Request::new(ExecuteRequest {
        module_name: "Slow".to_owned(),
        input_data: text("x").to_json().into(),
        ..ExecuteRequest::default()
    });
    if let Some(timeout) = timeout {
        request
            .metadata_mut()
            .insert("grpc-timeout", timeout.parse().unwrap());
    }
    let channel = Channel::new(host.clone(), Dial::default(), authority(url));
    let path = "/constellation.provider.v1.ModuleExecutor/Execute";
    let answer = channel.call(path, request, 4 << 20, &Default::default()).await;
    answer.map(tonic::Response::into_inner)
}

fn error(answer: ExecuteResponse) -> (String, String) {
    match answer.result {
        Some(Answer::Error(error)) => (error.code, error.message),
        other => panic!("no error: {other:?}"),
    }
}

#[tokio::test(start_paused = true)]
async fn a_handler_stops_at_its_callers_deadline_although_the_caller_goes_on_waiting() {
    let host = Host::new(&Network::default());
    let (running, url, at_work) = serve(&host).await;
    let begun = Instant::now();
    let (code, message) = error(ask(&host, &url, Some("2S")).await.unwrap());
    assert_eq!(code, "TIMEOUT");
    assert_eq!(
        message,
        "the deadline of the call has passed, and the handler was stopped"
    );
    let took = begun.elapsed();
    assert!(ms(2000) <= took && took <= ms(2002), "{took:?}");
    assert_eq!((running.in_flight(), at_work.load(Ordering::SeqCst)), (0, 0));
}

#[tokio::test(start_paused = true)]
async fn without_a_deadline_it_works_as_long_as_it_takes() {
    let host = Host::new(&Network::default());
    let (_running, url, _) = serve(&host).await;
    let begun = Instant::now();
    let answer = ask(&host, &url, None).await.unwrap();
    assert!(matches!(answer.result, Some(Answer::OutputData(_))));
    assert!(begun.elapsed() >= Duration::from_secs(25));
}

#[tokio::test(start_paused = true)]
async fn what_is_over_already_is_not_begun() {
    let host = Host::new(&Network::default());
    let (_running, url, at_work) = serve(&host).await;
    let (code, message) = error(ask(&host, &url, Some("0n")).await.unwrap());
    assert_eq!(code, "TIMEOUT");
    assert_eq!(
        message,
        "the deadline of the call had passed before it could begin"
    );
    assert_eq!(at_work.load(Ordering::SeqCst), 0);
}

#[tokio::test(start_paused = true)]
async fn a_handler_is_dropped_when_its_caller_gives_up() {
    let host = Host::new(&Network::default());
    let (_running, url, at_work) = serve(&host).await;
    let gives_up = tokio::time::timeout(ms(500), ask(&host, &url, None)).await;
    assert!(gives_up.is_err());
    sleep(ms(1)).await;
    assert_eq!(at_work.load(Ordering::SeqCst), 0);
}

#[tokio::test(start_paused = true)]
async fn a_deadline_that_cannot_be_read_is_refused() {
    let host = Host::new(&Network::default());
    let (_running, url, at_work) = serve(&host).await;
    let status = ask(&host, &url, Some("soon")).await.unwrap_err();
    assert_eq!(status.code(), tonic::Code::InvalidArgument);
    assert_eq!(at_work.load(Ordering::SeqCst), 0);
}
