import type { ProcessView } from '../types.ts';

/** What the remedies are chosen by, besides the process itself. */
export interface Findings {
  /** Whether its config differs from the last one that proved itself. */
  readonly hasDiff: boolean;
  /** Newest revision that proved itself; 0 = none. */
  readonly lastGood: number;
}

/** What a person can do, by the reason why a process stands where it stands. Each names a command where there is one. */
export function remediesOf(view: ProcessView, { hasDiff, lastGood }: Findings): readonly string[] {
  const { id, reason, state, engine, configPath } = view;
  const found: string[] = [];
  const add = (remedy: string): number => found.push(remedy);
  if (state === 'STOPPING') return [];
  if (state === 'READY') {
    if (!hasDiff || lastGood === 0) return [];
    return [
      `its file was changed by hand and is not in effect: put it in with: sboxagent apply ${id} -f ${configPath}`,
      `or go back to what runs: sboxagent rollback ${id} ${lastGood}`,
    ];
  }
  if (state === 'STARTING') return [`wait, or follow its lines: sboxagent logs ${id} -f`];
  if (state === 'BACKOFF') add(`it is tried again by itself; at once with: sboxagent start ${id}`);
  if (hasDiff && lastGood > 0) add(`go back to the config that worked: sboxagent rollback ${id} ${lastGood}`);
  switch (reason) {
    case 'CONFIG_REFUSED':
      if (configPath !== '') add(`correct ${configPath} as the engine's sentence says, then: sboxagent start ${id}`);
      break;
    case 'BINARY_NOT_FOUND':
      add(`install ${engine === '' ? 'the program' : engine}, or give its path: sboxagent config set processes.units.${id}.binary=/path`);
      break;
    case 'OOM_KILLED':
    case 'MEMORY_LIMIT':
      add(`give it more memory: sboxagent config set processes.units.${id}.limits.memory=512MiB`);
      break;
    case 'START_TIMEOUT':
    case 'NOT_READY':
      add(`see what it waits for: sboxagent logs ${id}`);
      break;
    case 'LIVENESS_PROBE':
      add(`look at the probe that failed: sboxagent config get processes.units.${id}.probes`);
      break;
    case 'DEPENDENCY_NOT_READY':
      add(`look at what it depends on: ${view.dependsOn.map((other) => `sboxagent explain ${other}`).join(', ')}`);
      break;
    default:
      if (state !== 'STOPPED') add(`read what it wrote: sboxagent logs ${id}`);
  }
  if (state === 'STOPPED' || state === 'CRASH_LOOP' || state === 'EXITED') add(`start it: sboxagent start ${id}`);
  return found;
}
