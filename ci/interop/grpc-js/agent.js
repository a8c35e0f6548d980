// grpc-js as a peer. Takes commands on standard input, one JSON object a line, and answers likewise: see ../README.md.
'use strict';

const readline = require('node:readline');

const client = require('./client');
const provider = require('./provider');
const server = require('./server');

const operations = { ...client, ...server, ...provider };

readline.createInterface({ input: process.stdin }).on('line', async (line) => {
  const command = JSON.parse(line);
  let answer;
  try {
    answer = await operations[command.op](command);
  } catch (error) {
    answer = { failed: String(error) };
  }
  process.stdout.write(JSON.stringify({ id: command.id, ...answer }) + '\n');
});
