import type { Level, ParsedLine } from '../../logs/types.ts';
import { parseLenientJson } from './lenient-json.ts';
import type { Engine, Listener } from './types.ts';

const levels: Readonly<Record<string, Level>> = {
  TRACE: 'TRACE',
  DEBUG: 'DEBUG',
  INFO: 'INFO',
  WARN: 'WARN',
  ERROR: 'ERROR',
  FATAL: 'FATAL',
  PANIC: 'FATAL',
};

/** `INFO[0000] tag: message`, or with a time `+0000 2026-11-22 22:26:51 INFO [id 0ms] tag: message` (the zone first). */
const plainLine = /^(TRACE|DEBUG|INFO|WARN|ERROR|FATAL|PANIC)\[\d+\] (.*)$/;
const timedLine = /^[+-]\d{4} \d{4}-\d\d-\d\d \d\d:\d\d:\d\d (TRACE|DEBUG|INFO|WARN|ERROR|FATAL|PANIC) (.*)$/;

function parse(line: string): ParsedLine {
  const found = plainLine.exec(line) ?? timedLine.exec(line);
  const level = levels[found?.[1] ?? ''];
  return level === undefined ? {} : { level, message: found?.[2] ?? line };
}

/** Inbounds by the transport that they listen on; `tun` opens no port. */
const udpOnly = new Set(['hysteria', 'hysteria2', 'tuic']);
const tcpOnly = new Set(['mixed', 'http', 'socks', 'vmess', 'vless', 'trojan', 'shadowtls', 'anytls', 'redirect']);
const either = new Set(['direct', 'tproxy', 'shadowsocks', 'naive']);

type Table = Readonly<Record<string, unknown>>;

function table(value: unknown): Table {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Table) : {};
}

function inboundListeners(inbound: Table): readonly Listener[] {
  const type = String(inbound['type'] ?? '');
  const port = Number(inbound['listen_port'] ?? 0);
  if (!Number.isInteger(port) || port <= 0) return [];
  const address = String(inbound['listen'] ?? '::');
  const both = either.has(type) && inbound['network'] === undefined;
  const named = either.has(type) ? inbound['network'] : undefined;
  const listeners: Listener[] = [];
  if (tcpOnly.has(type) || both || named === 'tcp') listeners.push({ address, port, protocol: 'tcp' });
  if (udpOnly.has(type) || both || named === 'udp') listeners.push({ address, port, protocol: 'udp' });
  return listeners;
}

/** `127.0.0.1:9090`, `[::1]:9090`, `:9090`. */
function controllerListeners(value: unknown): readonly Listener[] {
  const found = /^\[?([^\]]*?)\]?:(\d+)$/.exec(typeof value === 'string' ? value : '');
  return found === null || found[2] === '0' ? [] : [{ address: found[1] || '::', port: Number(found[2]), protocol: 'tcp' }];
}

function listeners(config: string): readonly Listener[] {
  const document = table(parseLenientJson(config));
  const inbounds = Array.isArray(document['inbounds']) ? document['inbounds'] : [];
  const experimental = table(document['experimental']);
  return [
    ...inbounds.flatMap((inbound) => inboundListeners(table(inbound))),
    ...controllerListeners(table(experimental['clash_api'])['external_controller']),
    ...controllerListeners(table(experimental['v2ray_api'])['listen']),
  ];
}

/** sing-box (https://sing-box.sagernet.org). SIGHUP during its first 100 ms kills it, hence only when READY. */
export const singBox: Engine = {
  name: 'sing-box',
  runArguments: (configPath) => ['run', ...(configPath === undefined ? [] : ['-c', configPath]), '--disable-color'],
  checkArguments: (configPath) => ['check', '-c', configPath, '--disable-color'],
  versionArguments: ['version'],
  reloadSignal: 'SIGHUP',
  startupMark: /sing-box started/,
  parse,
  listeners,
};
