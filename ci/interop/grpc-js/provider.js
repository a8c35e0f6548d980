// grpc-js as a provider: registers, says that it is alive, and is told to leave.
'use strict';

const { names, provider: pb } = require('./stubs');
const { client, metadataOf } = require('./client').shared;

const providers = new Map();

const deadline = () => ({ deadline: Date.now() + 10_000 });

async function register(command) {
  const stub = client(pb.ModuleProvider, command);
  const record = { record: { fields: { text: { primitive: { kind: 'STRING' } } } } };
  const request = {
    namespace: command.namespace,
    modules: [{ name: 'Do', input_schema: record, output_schema: record, version: '1.0.0' }],
    protocol_version: 1,
    executor_url: command.executor,
    group_id: command.group ?? '',
  };
  const metadata = metadataOf({ wait: true });
  const answer = await new Promise((resolve, reject) => {
    stub.Register(request, metadata, deadline(), (error, answer) => (error ? reject(error) : resolve(answer)));
  });
  const connection = answer.connection_id;
  if (answer.success) providers.set(connection, control(command, stub, connection));
  return { success: answer.success, reasons: answer.results.map((it) => it.rejection_reason), connection };
}

/** Opens the control plane. */
function control(command, stub, connection) {
  const stream = stub.ControlPlane();
  const state = { acks: 0, reports: [], drain: null, ended: null };
  const say = (payload) =>
    stream.write({ protocol_version: 1, connection_id: command.claim ?? connection, ...payload });
  const beat = () => say({ heartbeat: { namespace: command.namespace, timestamp: Date.now() } });
  beat();
  const beating = setInterval(beat, command.heartbeat_ms ?? 1000);
  stream.on('data', (message) => {
    if (message.heartbeat_ack) state.acks += 1;
    if (message.active_modules_report) state.reports.push(message.active_modules_report.active_modules);
    if (message.drain_request) {
      const { reason, deadline_ms } = message.drain_request;
      state.drain = { reason, deadline_ms };
      say({ drain_ack: { accepted: true, in_flight_count: 0 } });
    }
  });
  stream.on('error', () => {});
  stream.on('status', ({ code }) => {
    clearInterval(beating);
    state.ended = names[code];
  });
  const end = () => {
    clearInterval(beating);
    stream.end();
  };
  return { command, stub, stream, state, end };
}

async function state(command) {
  return providers.get(command.connection).state;
}

/** As the protocol asks for, or by ending the stream in one way or another. */
async function leave(command) {
  const provider = providers.get(command.connection);
  if (command.how === 'deregister') {
    const request = {
      namespace: provider.command.namespace,
      module_names: ['Do'],
      connection_id: command.connection,
    };
    const answer = await new Promise((resolve, reject) => {
      provider.stub.Deregister(request, deadline(), (error, answer) => (error ? reject(error) : resolve(answer)));
    });
    return { success: answer.success };
  }
  if (command.how === 'half_close') provider.end();
  else provider.stream.cancel();
  return { success: true };
}

module.exports = { register, provider: state, leave };
