/**
 * What is used of node:http, without an import of it: that reads every name which the module exports, and with them loads Node's WebSocket and
 * fetch, 14 MiB and 35 ms that no part of the agent needs. Types may be imported from node:http as ever.
 */
export const { Agent, createServer, request, STATUS_CODES } = process.getBuiltinModule('node:http');
