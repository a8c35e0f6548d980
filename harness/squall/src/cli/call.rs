//! `squall call`

use std::io::{self, Read, Write};

use clap::{Args, ValueEnum};
use serde::de::IgnoredAny;
use serde_json::{Value, json};
use squall_platform::{Authority, TokioPlatform};
use squall_router::{ContentType, Destination, Error, Keepalive, Message, Method, Module, Options, Payload};

use super::{Console, Exit, one_line, plain, runtime};
use crate::report;

/// The caller's name, as sent to callees.
const CALLER: &str = "squall-call";

#[derive(Debug, Args)]
pub(super) struct CallArgs {
    /// Where the module listens
    #[arg(value_name = "HOST:PORT", value_parser = address)]
    address: Authority,
    /// The node and its port
    #[arg(value_name = "NODE.PORT")]
    to: String,
    /// What to send, as JSON; `-` is standard input
    #[arg(value_name = "JSON", default_value = "null")]
    data: String,
    /// Metadata that travels with the call (may be given several times)
    #[arg(long, value_name = "KEY=VALUE", value_parser = pair)]
    metadata: Vec<(String, String)>,
    /// How long the call may take
    #[arg(long, value_name = "DURATION", default_value = "5s")]
    timeout: humantime::Duration,
    /// The gRPC method, instead of finding out which one the module has
    #[arg(long)]
    method: Option<Rpc>,
    /// When the connection is pinged: as any gRPC server permits, as modules of TinySystems do, or never
    #[arg(long, default_value = "grpc")]
    keepalive: Pings,
    /// Print errors as one JSON object too
    #[arg(long)]
    json: bool,
}

/// When connections are pinged.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub(super) enum Pings {
    /// As any gRPC server permits: while a call waits, after 10 s of silence, then every 5 min; 20 s for an answer
    Grpc,
    /// As modules of TinySystems do: after 10 s of silence, also while nothing waits; 3 s for an answer
    Tinysystems,
    /// Never
    Off,
}

impl Pings {
    pub(super) fn keepalive(self) -> Option<Keepalive> {
        match self {
            Pings::Grpc => Some(Keepalive::client()),
            Pings::Tinysystems => Some(Keepalive::tiny_systems()),
            Pings::Off => None,
        }
    }
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Rpc {
    /// module.ModuleService/Send
    Send,
    /// module.ModuleService/Message
    Message,
}

/// A host and a port.
pub(super) fn address(text: &str) -> Result<Authority, String> {
    let address: Authority = text.parse().map_err(|_| "write HOST:PORT".to_owned())?;
    match address.port_u16() {
        Some(port) if port > 0 && !address.host().is_empty() => Ok(address),
        _ => Err("write HOST:PORT".to_owned()),
    }
}

fn pair(text: &str) -> Result<(String, String), String> {
    let (key, value) = text.split_once('=').ok_or("write KEY=VALUE")?;
    Ok((key.to_owned(), value.to_owned()))
}

pub(super) fn call<O: Write, E: Write>(args: &CallArgs, console: &mut Console<O, E>) -> io::Result<Exit> {
    let message = match message(args) {
        Ok(message) => message,
        Err(why) => {
            writeln!(console.err, "error: {}", plain(&why))?;
            return Ok(Exit::BadInput);
        }
    };
    let runtime = runtime()?;
    let answer = runtime.block_on(send(args, message));
    // A pending DNS lookup must not block the exit.
    runtime.shutdown_background();
    let value = answer.and_then(|value| value.map_or(Ok("null".to_owned()), |value| text_of(&value)));
    match value {
        Ok(value) => {
            writeln!(console.out, "{}", report::clean_json(&value))?;
            Ok(Exit::Held)
        }
        Err(error) => {
            match args.json {
                true => writeln!(console.err, "{}", one_line(&object(&error)))?,
                false => write!(console.err, "{}", text(&error))?,
            }
            Ok(exit(&error))
        }
    }
}

fn message(args: &CallArgs) -> Result<Message, String> {
    Destination::parse(&args.to).map_err(|error| error.to_string())?;
    let payload = Payload::new(json_input(&args.data)?, ContentType::Json);
    let message = Message::new(args.to.as_str(), payload).timeout(*args.timeout);
    let metadata = args.metadata.iter().cloned();
    Ok(metadata.fold(message, |message, (key, value)| message.metadata(key, value)))
}

/// The JSON of an argument; `-` is standard input. It stays text: numbers that do not fit a machine type keep all of
/// their digits.
pub(super) fn json_input(argument: &str) -> Result<String, String> {
    let data = match argument {
        "-" => read_input(io::stdin().lock(), MOST_INPUT)?,
        data => data.to_owned(),
    };
    let _: IgnoredAny =
        serde_json::from_str(&data).map_err(|error| format!("what to send is not JSON: {error}"))?;
    Ok(data.trim().to_owned())
}

/// The maximum input size, in bytes. Far above the default limit of a message, because the peer knows and reports its own
/// limit.
const MOST_INPUT: usize = 64 << 20;

/// Reads at most `most` bytes of standard input, which may never end.
fn read_input(input: impl Read, most: usize) -> Result<String, String> {
    let mut bytes = Vec::new();
    let read = input.take(most as u64 + 1).read_to_end(&mut bytes);
    read.map_err(|error| format!("cannot read standard input: {error}"))?;
    if bytes.len() > most {
        return Err(format!(
            "what to send is longer than {}, which is the most that is read from standard input",
            bytesize::ByteSize(most as u64)
        ));
    }
    String::from_utf8(bytes).map_err(|error| {
        let place = error.utf8_error().valid_up_to();
        format!("what to send is not JSON: standard input is not UTF-8 at byte {place}")
    })
}

/// The JSON of a response as it was sent: parsing it would change large numbers.
fn text_of(answer: &Payload) -> Result<String, Error> {
    if answer.is_empty() {
        return Ok("null".to_owned());
    }
    answer.decode::<IgnoredAny>()?;
    match std::str::from_utf8(answer.bytes()) {
        Ok(text) => Ok(text.to_owned()),
        // Returns the reason.
        Err(_) => answer.json().map(|value| value.to_string()),
    }
}

/// Sends like any module: as one without nodes, with a single peer, given by address.
async fn send(args: &CallArgs, message: Message) -> Result<Option<Payload>, Error> {
    let options = Options {
        keepalive: args.keepalive.keepalive(),
        ..Options::default()
    };
    let module = Module::new(TokioPlatform::new(), CALLER, options);
    let peer = args.address.as_str();
    module.register(peer, vec![args.address.clone()]);
    module.set_node(Destination::parse(&args.to)?.node, peer);
    if let Some(method) = args.method {
        let method = match method {
            Rpc::Send => Method::Send,
            Rpc::Message => Method::Message,
        };
        module.set_method(peer, method);
    }
    module.scheduler().handle(message).await
}

/// The class of an error, for scripts.
fn exit(error: &Error) -> Exit {
    match error.class() {
        "timeout" => Exit::NoVerdict,
        "unavailable" => Exit::Unavailable,
        _ => Exit::Broken,
    }
}

/// The error and its sources, one per line.
fn text(error: &Error) -> String {
    let said = object(error);
    let mut lines = vec![format!("error: {}\n", report::clean(&error.to_string()))];
    for key in ["cause", "class", "kind", "origin", "outcome", "code", "retryable"] {
        match &said[key] {
            Value::Null => {}
            Value::String(value) => lines.push(format!("  {key}: {}\n", report::clean(value))),
            value => lines.push(format!("  {key}: {value}\n")),
        }
    }
    lines.concat()
}

fn object(error: &Error) -> Value {
    json!({
        "error": error.to_string(),
        "cause": error.cause(),
        "class": error.class(),
        "kind": error.kind().as_str(),
        "origin": error.origin(),
        "outcome": error.outcome().as_str(),
        "code": error.code(),
        "retryable": error.retryable(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_that_a_peer_says_steers_a_terminal() {
        let error = Destination::parse("do\u{1b}[31m\n  class no\u{9b}ne").expect_err("it names no port");
        let said = text(&error);
        assert!(!said.contains(['\u{1b}', '\u{9b}']), "{said:?}");
        assert!(
            said.lines()
                .next()
                .is_some_and(|first| first.contains("class no")),
            "{said}"
        );
    }

    #[test]
    fn no_more_is_read_than_its_limit() {
        assert_eq!(read_input(&b"[1, 2]"[..], 6).as_deref(), Ok("[1, 2]"));
        let endless = read_input(io::repeat(b' '), 6).expect_err("it never ends");
        assert!(endless.contains("longer than 6 B"), "{endless}");
        let binary = read_input(&b"[1\xff"[..], 6).expect_err("it is no text");
        assert!(binary.contains("not UTF-8 at byte 2"), "{binary}");
    }

    #[test]
    fn an_answer_is_told_as_it_was_sent() {
        let told = |bytes: &[u8]| text_of(&Payload::new(bytes.to_vec(), ContentType::Json));
        let large = "[18446744073709551616, 1e400, 0.10000000000000000000001]";
        assert_eq!(told(large.as_bytes()).expect("JSON"), large);
        assert_eq!(told(b"").expect("no value"), "null");
        for wrong in [&b"{"[..], b"\"\xff\"", b"1 2"] {
            assert!(told(wrong).is_err(), "{wrong:?}");
        }
    }
}
