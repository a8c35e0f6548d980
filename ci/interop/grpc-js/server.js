// grpc-js is called by us. What a handler does is said by the data of its call: see ../README.md.
'use strict';

const { grpc, pairs, ModuleService, provider } = require('./stubs');

const servers = new Map();

/** An order as JSON, if data is one. */
function orderIn(data) {
  try {
    const order = JSON.parse(data);
    return order !== null && typeof order === 'object' ? order : undefined;
  } catch {
    return undefined;
  }
}

/** Does what the data says, and keeps what was seen of calls that have a mark. */
async function work(server, method, data, map, call) {
  const order = orderIn(data);
  if (!order) return data;
  const deadline = Number(call.getDeadline());
  const seen = {
    mark: order.mark,
    method,
    deadline_ms: Number.isFinite(deadline) ? deadline - Date.now() : null,
    map,
    metadata: pairs(call.metadata),
    ended: null,
    ms: null,
  };
  if (order.mark) server.seen.push(seen);
  if (order.sleep) {
    const began = Date.now();
    const ended = await new Promise((resolve) => {
      const timer = setTimeout(() => resolve('slept'), order.sleep);
      const cancelled = () => {
        clearTimeout(timer);
        resolve('cancelled');
      };
      if (call.cancelled) cancelled();
      call.on('cancelled', cancelled);
    });
    Object.assign(seen, { ended, ms: Date.now() - began });
  }
  if (order.status) throw { code: order.status, details: order.text };
  if (order.blob) return JSON.stringify('x'.repeat(order.blob));
  return data;
}

/** A handler of grpc-js. */
const answering = (handle) => (call, callback) => {
  handle(call).then((answer) => callback(null, answer), (error) => callback(error));
};

async function serve(command) {
  const options = {};
  if (command.streams) options['grpc.max_concurrent_streams'] = command.streams;
  if (command.age_ms) options['grpc.max_connection_age_ms'] = command.age_ms;
  if (command.age_grace_ms) options['grpc.max_connection_age_grace_ms'] = command.age_grace_ms;
  const server = { grpc: new grpc.Server(options), seen: [] };
  const Send = answering(async (call) => {
    const { data, metadata } = call.request;
    return { data: Buffer.from(await work(server, 'Send', data.toString(), metadata, call)) };
  });
  const Message = answering(async (call) => {
    const data = call.request.Payload.toString();
    return { Data: Buffer.from(await work(server, 'Message', data, {}, call)) };
  });
  const Execute = answering(async (call) => {
    const input = JSON.parse(call.request.input_data).value.text.value;
    const data = await work(server, 'Execute', input, call.request.metadata, call);
    const output = {
      tag: 'CProduct',
      value: { text: { tag: 'CString', value: data } },
      structure: { text: { tag: 'CString' } },
    };
    return { output_data: Buffer.from(JSON.stringify(output)) };
  });
  server.grpc.addService(ModuleService.service, command.only_message ? { Message } : { Send, Message });
  server.grpc.addService(provider.ModuleExecutor.service, { Execute });
  const address = `127.0.0.1:${command.port ?? 0}`;
  const port = await new Promise((resolve, reject) => {
    server.grpc.bindAsync(address, grpc.ServerCredentials.createInsecure(), (error, port) =>
      error ? reject(error) : resolve(port),
    );
  });
  servers.set(port, server);
  return { port };
}

async function stop(command) {
  const server = servers.get(command.port).grpc;
  if (command.grace_ms > 0) {
    const timer = setTimeout(() => server.forceShutdown(), command.grace_ms);
    await new Promise((resolve) => server.tryShutdown(resolve));
    clearTimeout(timer);
  } else {
    server.forceShutdown();
  }
  return {};
}

async function seen(command) {
  const { seen } = servers.get(command.port);
  return { calls: seen.filter((call) => call.mark === command.mark) };
}

module.exports = { serve, stop, seen };
