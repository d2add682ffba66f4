import { boolean, group, key, MIB, mode, size, TIB, text, texts } from './kinds.ts';
import type { Key } from './types.ts';

/** Limits of the kernel (setrlimit(2)) by the names that prlimit(1) has for them. */
export const rlimitNames = [
  'as',
  'core',
  'cpu',
  'data',
  'fsize',
  'locks',
  'memlock',
  'msgqueue',
  'nice',
  'nofile',
  'nproc',
  'rss',
  'rtprio',
  'rttime',
  'sigpending',
  'stack',
] as const;

/** Capabilities of the kernel (capabilities(7)); a misspelt one would be found only when the unit does not start. */
const capabilityNames = [
  ...['AUDIT_CONTROL', 'AUDIT_READ', 'AUDIT_WRITE', 'BLOCK_SUSPEND', 'BPF', 'CHECKPOINT_RESTORE', 'CHOWN', 'DAC_OVERRIDE'],
  ...['DAC_READ_SEARCH', 'FOWNER', 'FSETID', 'IPC_LOCK', 'IPC_OWNER', 'KILL', 'LEASE', 'LINUX_IMMUTABLE', 'MAC_ADMIN'],
  ...['MAC_OVERRIDE', 'MKNOD', 'NET_ADMIN', 'NET_BIND_SERVICE', 'NET_BROADCAST', 'NET_RAW', 'PERFMON', 'SETFCAP', 'SETGID'],
  ...['SETPCAP', 'SETUID', 'SYS_ADMIN', 'SYS_BOOT', 'SYS_CHROOT', 'SYS_MODULE', 'SYS_NICE', 'SYS_PACCT', 'SYS_PTRACE'],
  ...['SYS_RAWIO', 'SYS_RESOURCE', 'SYS_TIME', 'SYS_TTY_CONFIG', 'SYSLOG', 'WAKE_ALARM'],
];

const user = text(/^[\w][\w.-]{0,31}\$?$/, 'the name or number of a user');
const capabilities = texts(new RegExp(`^CAP_(?:${capabilityNames.join('|')})$`), 'a capability as in CAP_NET_ADMIN');

/** Whom a unit runs as, and how far it may go. */
export const limitKeys: readonly Key[] = [
  key('user', user, undefined, 'Whom it runs as (root alone can choose). Supplementary groups are always cleared.'),
  key('group', group, undefined, "Its group. Default: the user's own."),
  key('no_new_privs', boolean, false, 'Whether it can never gain rights, as by a setuid program.'),
  key(
    'capabilities',
    capabilities,
    [],
    'Ambient capabilities of a plain user, as in systemd: CAP_NET_ADMIN for TUN, CAP_NET_BIND_SERVICE for low ports.',
  ),
  key('umask', mode, '022', 'Its umask.'),
  ...rlimitNames.map((name) =>
    key(`limits.${name}`, { kind: 'rlimit' }, undefined, `RLIMIT_${name.toUpperCase()}: a number, unlimited, or soft:hard.`),
  ),
  key(
    'limits.memory',
    size(MIB, TIB),
    undefined,
    'Resident memory of the whole group. Above it in two samples running: stopped, then restarted with reason MEMORY_LIMIT.',
  ),
];
