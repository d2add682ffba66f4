import { redactText } from '../../kernel/redaction.ts';
import type { ProbeAction } from '../../settings/types.ts';
import { findBinary } from '../binary.ts';
import { runBriefly } from '../spawner.ts';
import type { Probe } from './types.ts';

/** Succeeds when the program exits 0. What it wrote last is the message. */
export const execProbe: Probe<Extract<ProbeAction, { kind: 'exec' }>> = async (
  { command },
  { env, cwd, signal, confine = (argv) => argv },
) => {
  const [name = '', ...args] = command;
  const program = findBinary(name, env['PATH'] ?? '', cwd);
  if (program === undefined) return { ok: false, message: `the program ${name} of the probe is not there` };
  const { code, killedBy, output } = await runBriefly({ argv: confine([program, ...args]), env, cwd, signal });
  const end = killedBy === undefined ? `exit code ${code}` : `ended by ${killedBy}`;
  const said = redactText(output.trim().split('\n').at(-1) ?? '');
  return { ok: code === 0, message: said === '' ? end : `${end}: ${said}` };
};
