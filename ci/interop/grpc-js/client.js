// grpc-js calls us.
'use strict';

const { grpc, names, pairs, pause, ModuleService, Health, Reflection } = require('./stubs');

const channels = new Map();

/** Commands with the same target and the same channel share one. Whether it compresses is a matter of the channel here. */
function channel(command) {
  const key = `${command.target} ${command.channel ?? ''} ${command.gzip ?? false}`;
  if (!channels.has(key)) {
    const options = {
      'grpc.use_local_subchannel_pool': 1,
      'grpc.initial_reconnect_backoff_ms': 100,
      'grpc.max_reconnect_backoff_ms': 500,
    };
    if (command.gzip) options['grpc.default_compression_algorithm'] = grpc.compressionAlgorithms.gzip;
    if (command.max_receive) options['grpc.max_receive_message_length'] = command.max_receive;
    if (command.keepalive_ms) {
      options['grpc.keepalive_time_ms'] = command.keepalive_ms;
      options['grpc.keepalive_permit_without_calls'] = 1;
    }
    channels.set(key, new grpc.Channel(command.target, grpc.credentials.createInsecure(), options));
  }
  return channels.get(key);
}

/** A client of a service, over the channel of a command. */
function client(Service, command) {
  return new Service(command.target, null, { channelOverride: channel(command) });
}

function metadataOf(command) {
  const metadata = new grpc.Metadata({ waitForReady: command.wait ?? false });
  for (const [key, value] of command.metadata ?? []) {
    metadata.add(key, key.endsWith('-bin') ? Buffer.from(value, 'base64') : value);
  }
  return metadata;
}

const deadline = (ms) => (ms === undefined ? {} : { deadline: Date.now() + ms });

function call(command) {
  const stub = client(ModuleService, command);
  const data = Buffer.from(command.data);
  const [method, request] =
    command.method === 'Send'
      ? [stub.Send, { to: command.to, data, metadata: command.map ?? {} }]
      : [stub.Message, { To: command.to, Payload: data }];
  const began = Date.now();
  return new Promise((resolve) => {
    let headers, trailers;
    const call = method.call(stub, request, metadataOf(command), deadline(command.timeout_ms), (error, answer) => {
      const result = { code: 'OK', message: '', data: '', error: '' };
      if (error) {
        Object.assign(result, { code: names[error.code], message: error.details });
        trailers ??= error.metadata;
      } else if (command.method === 'Send') {
        Object.assign(result, { data: answer.data.toString(), error: answer.error });
      } else {
        result.data = answer.Data.toString();
      }
      // What comes with the status is told after the answer.
      setImmediate(() =>
        resolve({ ...result, headers: pairs(headers), trailers: pairs(trailers), ms: Date.now() - began }),
      );
    });
    call.on('metadata', (metadata) => (headers = metadata));
    call.on('status', (status) => (trailers = status.metadata));
    if (command.cancel_ms !== undefined) setTimeout(() => call.cancel(), command.cancel_ms);
  });
}

/** So many callers, one call after the other each, for so long. */
async function load(command) {
  const counts = {};
  const errors = [];
  const end = Date.now() + command.ms;
  let left = command.calls ?? Infinity;
  const caller = async () => {
    while (left-- > 0 && Date.now() < end) {
      const result = await call(command);
      const code = result.error ? 'IN_BAND' : result.code;
      counts[code] = (counts[code] ?? 0) + 1;
      if (code !== 'OK' && errors.length < 3) errors.push(`${code}: ${result.message || result.error}`);
      if (command.gap_ms) await pause(command.gap_ms);
    }
  };
  await Promise.all(Array.from({ length: command.callers }, caller));
  return { counts, errors };
}

function unknown(command) {
  const raw = (data) => data;
  const stub = client(grpc.Client, command);
  return new Promise((resolve) => {
    stub.makeUnaryRequest(command.path, raw, raw, Buffer.alloc(0), deadline(5000), (error) =>
      resolve({ code: error ? names[error.code] : 'OK', message: error ? error.details : '' }),
    );
  });
}

function health(command) {
  const stub = client(Health, command);
  const request = { service: command.service };
  return new Promise((resolve) => {
    if (!command.watch) {
      stub.Check(request, deadline(5000), (error, answer) =>
        resolve({ statuses: error ? [] : [answer.status], code: error ? names[error.code] : 'OK' }),
      );
      return;
    }
    const statuses = [];
    const watch = stub.Watch(request);
    setTimeout(() => watch.cancel(), command.ms);
    watch.on('data', (update) => statuses.push(update.status));
    watch.on('error', () => {});
    // Our own cancellation says that it was open until then.
    watch.on('status', ({ code }) =>
      resolve({ statuses, code: code === grpc.status.CANCELLED ? 'OPEN' : names[code] }),
    );
  });
}

/** The two versions differ in nothing but their names. */
function reflect(command) {
  const { requestSerialize, responseDeserialize } = Reflection.service.ServerReflectionInfo;
  const path = `/grpc.reflection.${command.version}.ServerReflection/ServerReflectionInfo`;
  const stub = client(grpc.Client, command);
  const stream = stub.makeBidiStreamRequest(path, requestSerialize, responseDeserialize, deadline(5000));
  stream.write({ list_services: '' });
  stream.write({ file_containing_symbol: command.symbol });
  stream.end();
  return new Promise((resolve, reject) => {
    const result = { services: [], files: 0 };
    stream.on('data', (answer) => {
      if (answer.list_services_response) {
        result.services = answer.list_services_response.service.map((service) => service.name);
      }
      if (answer.file_descriptor_response) {
        result.files = answer.file_descriptor_response.file_descriptor_proto.length;
      }
    });
    stream.on('error', reject);
    stream.on('end', () => resolve(result));
  });
}

module.exports = { call, load, unknown, health, reflect };
// For the provider, which is a client too.
Object.defineProperty(module.exports, 'shared', { enumerable: false, value: { client, metadataOf } });
