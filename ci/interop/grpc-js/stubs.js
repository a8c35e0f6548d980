// What proto-loader makes of the .proto files, and what all others need of gRPC.
'use strict';

const grpc = require('@grpc/grpc-js');
const loader = require('@grpc/proto-loader');

const options = { keepCase: true, longs: Number, enums: String, defaults: true, oneofs: true };
const includeDirs = process.env.PROTO.split(':');
const files = ['module.proto', 'provider.proto', 'health.proto', 'reflection.proto'];
const loaded = grpc.loadPackageDefinition(loader.loadSync(files, { ...options, includeDirs }));

/** The names of codes, by number. */
const names = Object.fromEntries(Object.entries(grpc.status).map(([name, code]) => [code, name]));

/** Metadata as JSON can carry it. */
function pairs(metadata) {
  const pairs = [];
  for (const key of Object.keys(metadata ? metadata.getMap() : {})) {
    for (const value of metadata.get(key)) {
      pairs.push([key, Buffer.isBuffer(value) ? value.toString('base64') : value]);
    }
  }
  return pairs;
}

const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

module.exports = {
  grpc,
  names,
  pairs,
  pause,
  ModuleService: loaded.module.ModuleService,
  provider: loaded.constellation.provider.v1,
  Health: loaded.grpc.health.v1.Health,
  Reflection: loaded.grpc.reflection.v1.ServerReflection,
};
