import type { Level, ParsedLine } from '../../logs/types.ts';
import { field, hostPort, port, reachable, tables, text, texts } from './fields.ts';
import type { Document, Engine, EngineApi, Listener, ProxyInbound } from './types.ts';

const levels: Readonly<Record<string, Level>> = { Debug: 'DEBUG', Info: 'INFO', Warning: 'WARN', Error: 'ERROR', Unknown: 'INFO' };

/** `2026/08/20 17:44:17.123456 [Warning] core: …`; lines of the access log have no level. The time is local, without a zone. */
const line = /^(\d{4})\/(\d\d)\/(\d\d) (\d\d:\d\d:\d\d)(?:\.(\d{3})\d*)? (?:\[(Debug|Info|Warning|Error|Unknown)\] )?(.*)$/;
const verdict = /^Failed to start: /;

function parse(text: string): ParsedLine {
  const found = line.exec(text);
  if (found === null) return verdict.test(text) ? { level: 'FATAL' } : {};
  const [, year, month, day, time, millis = '000', level = 'Info', message = ''] = found;
  return { level: levels[level], message, timeMs: Date.parse(`${year}-${month}-${day}T${time}.${millis}`) };
}

/** `1080`, `"1080"`, `"1080-1090,2000"`: the first and last of each range, and no more than so many ports in all. */
const maxPorts = 64;

function ports(value: unknown): readonly number[] {
  const found = text(value)
    .split(',')
    .flatMap((range) => {
      const [, first, last = first] = /^\s*(\d{1,5})(?:-(\d{1,5}))?\s*$/.exec(range) ?? [];
      const from = port(first);
      return from === 0 ? [] : Array.from({ length: Math.max(0, Math.min(port(last) - from + 1, maxPorts)) }, (_, i) => from + i);
    });
  return found.slice(0, maxPorts);
}

const udpTransports = new Set(['kcp', 'mkcp', 'quic', 'hysteria']);

/** Inbounds that carry packets beside streams, or in place of them. */
function networksOf(inbound: Document): readonly ('tcp' | 'udp')[] {
  const kind = text(field(inbound, 'protocol')).toLowerCase();
  const transport = text(field(inbound, 'streamSettings', 'network') ?? field(inbound, 'streamSettings', 'method')).toLowerCase();
  if (kind === 'tun') return [];
  if (kind === 'wireguard' || kind === 'hysteria' || udpTransports.has(transport)) return ['udp'];
  const named = field(inbound, 'settings', 'network') ?? field(inbound, 'settings', 'allowedNetwork');
  const list = texts(named)
    .flatMap((word) => word.toLowerCase().split(','))
    .map((word) => word.trim());
  if (kind === 'dokodemo-door' || kind === 'tunnel' || kind === 'shadowsocks') {
    const known = (['tcp', 'udp'] as const).filter((network) => list.includes(network));
    return known.length > 0 ? known : ['tcp'];
  }
  return ['tcp'];
}

function usersOf(inbound: Document): readonly Document[] {
  const settings = field(inbound, 'settings');
  return tables(field(settings, 'accounts') ?? field(settings, 'clients') ?? field(settings, 'users'));
}

function inboundListeners(inbound: Document): readonly Listener[] {
  const address = text(field(inbound, 'listen')) || '0.0.0.0';
  // A socket in the file system, or in the kernel's own name space.
  if (address.startsWith('/') || address.startsWith('@')) return [];
  const rest = { address, tag: text(field(inbound, 'tag')), kind: text(field(inbound, 'protocol')), users: usersOf(inbound).length };
  return ports(field(inbound, 'port')).flatMap((number) => networksOf(inbound).map((network) => ({ network, port: number, ...rest })));
}

function listeners(config: Document): readonly Listener[] {
  const own = (['api', 'metrics'] as const).flatMap((kind): readonly Listener[] => {
    const at = hostPort(field(config, kind, 'listen'));
    return at === undefined ? [] : [{ network: 'tcp', address: at.host, port: at.port, tag: '', kind, users: 0 }];
  });
  return [...tables(field(config, 'inbounds')).flatMap(inboundListeners), ...own];
}

function proxyInbound(config: Document): ProxyInbound | undefined {
  const found = tables(field(config, 'inbounds')).find((inbound) => {
    const kind = text(field(inbound, 'protocol')).toLowerCase();
    const security = text(field(inbound, 'streamSettings', 'security')) || 'none';
    return (kind === 'http' || kind === 'socks' || kind === 'mixed') && security === 'none' && inboundListeners(inbound).length > 0;
  });
  if (found === undefined) return undefined;
  const socks = text(field(found, 'protocol')).toLowerCase() !== 'http';
  const [user] = socks && text(field(found, 'settings', 'auth')) !== 'password' ? [] : usersOf(found);
  return {
    scheme: socks ? 'socks5' : 'http',
    host: reachable(text(field(found, 'listen'))),
    port: ports(field(found, 'port'))[0] ?? 0,
    user: user === undefined ? undefined : { name: text(field(user, 'user')), password: text(field(user, 'pass')) },
  };
}

/** Rules that lead to an outbound of this tag, by their number; a balancer leads to what its selectors begin. */
function rulesTo(config: Document, tag: string): readonly { readonly rule: Document; readonly index: number }[] {
  const balancers = tables(field(config, 'routing', 'balancers'))
    .filter((one) => texts(field(one, 'selector')).some((start) => tag.startsWith(start)))
    .map((one) => text(field(one, 'tag')));
  return tables(field(config, 'routing', 'rules'))
    .map((rule, index) => ({ rule, index }))
    .filter(({ rule }) => text(field(rule, 'outboundTag')) === tag || balancers.includes(text(field(rule, 'balancerTag')) || '\0'));
}

/** The inbounds that lead to the handler of this tag: each opens the API where it listens. A rule without inbounds leads all of them there. */
function routedApis(config: Document, section: 'api' | 'metrics'): readonly Pick<EngineApi, 'path' | 'address' | 'port'>[] {
  const tag = text(field(config, section, 'tag'));
  const inbounds = tables(field(config, 'inbounds')).map((inbound, index) => ({ inbound, index }));
  if (field(config, section) === undefined || tag === '') return [];
  return rulesTo(config, tag).flatMap(({ rule }) => {
    const tags = field(rule, 'inboundTag');
    const led = tags === undefined ? inbounds : inbounds.filter(({ inbound }) => texts(tags).includes(text(field(inbound, 'tag'))));
    return led.map(({ inbound, index }) => ({
      path: `inbounds[${index}].listen`,
      address: text(field(inbound, 'listen')) || '0.0.0.0',
      port: ports(field(inbound, 'port'))[0] ?? 0,
    }));
  });
}

function apis(config: Document): readonly EngineApi[] {
  const rest = { tls: false, guard: 'none', secret: { path: '', value: '' }, origins: { path: '', values: [] } } as const;
  return (['api', 'metrics'] as const).flatMap((section): readonly EngineApi[] => {
    const kind = section === 'api' ? 'xray' : 'expvar';
    const written = text(field(config, section, 'listen'));
    const at = hostPort(written);
    const own = written === '' ? [] : [{ path: `${section}.listen`, address: at?.host, port: at?.port ?? 0 }];
    const reached = [...own, ...routedApis(config, section)].filter(
      ({ address }) => address?.startsWith('/') !== true && address?.startsWith('@') !== true,
    );
    return reached.map((one) => ({ kind, ...one, ...rest }));
  });
}

/** xray (https://xtls.github.io), 24 to 26. It says all that it says on stdout. */
export const xray: Engine = {
  name: 'xray',
  programs: ['xray'],
  versionArguments: ['version'],
  version: /^Xray v?(\d\S*)/m,
  runArguments: (configPath, args = []) => ['run', ...(configPath === undefined ? [] : ['-c', configPath]), ...args],
  // It opens certificates and creates the log files that the config names. Unknown keys pass.
  checkArguments: (configPath) => ['run', '-test', '-c', configPath],
  check: {
    sentence: /^Failed to start:|^main: |^(?:panic|fatal error):/,
    prefix: /^Failed to start: (?:main: failed to load config files: \[[^\]]*\] > )?/,
    position: /at line (?<line>\d+) char (?<column>\d+)/,
  },
  environment: {},
  reload: undefined,
  startupMark: /\bXray \S+ started$/,
  // 23: it cannot take its config. A port that is taken is 255: that may change.
  terminalExitCodes: [23],
  graceMs: 5000,
  parse,
  format: 'json',
  keys: {
    files: [
      'log.access',
      'log.error',
      '**.certificateFile',
      '**.keyFile',
      '**.masterKeyLog',
      '**.masquerade.dir',
      'geodata.assets.file',
      'env.*location*',
    ],
    notFiles: [
      '**.path',
      '**.spiderX',
      '**.serviceName',
      '**.headers.**',
      '**.attrs',
      '**.attrs.**',
      '**.request.path',
      'routing.rules.process',
      '**.masquerade.content',
    ],
    programs: [],
    secrets: [
      '**.clients.id',
      '**.users.id',
      '**.settings.id',
      '**.pass',
      '**.privateKey',
      '**.key',
      '**.seed',
      '**.mldsa65Seed',
      '**.auth',
      '**.decryption',
      '**.secretKey',
      '**.preSharedKey',
      '**.echServerKeys',
    ],
    names: ['**.headers', '**.attrs', 'dns.hosts', 'env'],
  },
  listeners,
  proxyInbound,
  apis,
};
