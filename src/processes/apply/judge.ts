import type { Texts } from '../../documents/index.ts';
import type { UnitSettings } from '../../settings/types.ts';
import type { ProcessContext } from '../context.ts';
import type { Engine, Listener } from '../engines/index.ts';
import { listenerPath } from '../engines/listener-place.ts';
import { judgeConfig } from '../engines/policy.ts';
import { type ConfigFormat, linesOf, readConfig } from '../engines/read-config.ts';
import { realPathOf } from '../engines/real-path.ts';
import { judgeUnitConfig } from '../judge.ts';
import { workingDirectory } from '../plan.ts';
import { portKey, takenPorts } from '../port-check.ts';
import { ownFiles, runFiles } from '../unit-record.ts';
import type { ApplyLog } from './apply-log.ts';
import { withCandidateFile } from './candidate-file.ts';
import { type Candidate, listenersOf, readCandidate, shownConfig, withoutSecrets } from './config-text.ts';
import { StepFailure } from './failure.ts';
import { textDiff } from './text-diff.ts';
import type { ApplyImpact } from './types.ts';

/** What there is to know of a candidate that nothing speaks against. */
export interface Judgement {
  /** The files as they are to be. */
  readonly texts: Texts;
  /** Masked. */
  readonly diff: string;
  readonly impact: ApplyImpact;
  /** What the engine said although it takes it. */
  readonly engineOutput: readonly string[];
  /** Whether the file has this text already, and the engine runs with it. */
  readonly unchanged: boolean;
}

export interface CandidateInput {
  readonly unit: UnitSettings;
  readonly engine: Engine;
  readonly configPath: string;
  readonly text: string;
  readonly format: ConfigFormat;
  /** What lies in the file now; undefined = no file. */
  readonly current: string | undefined;
  /** Whether the engine runs, with whatever config. */
  readonly runs: boolean;
  /** Whether it runs with exactly what lies in the file. */
  readonly runsCurrent: boolean;
  readonly log: ApplyLog;
}

type JudgeContext = Pick<ProcessContext, 'stateDir' | 'path' | 'environment'>;

/** So much of a diff goes into a record. */
const longestDiff = 64 * 1024;

/** Everything that is asked of a candidate before anything is touched, cheapest first. Throws StepFailure, or AgentError of the program. */
export async function judgeCandidate(context: JudgeContext, input: CandidateInput): Promise<Judgement> {
  const { engine, configPath, log, current } = input;
  const judged = await log.step('bounds', () => readCandidate(engine, input, current));
  const shown = (text: string): string => shownConfig(engine, text, input.format);
  const patch = textDiff(shown(current ?? ''), shown(judged.text), { names: ['in effect', 'candidate'], maxLength: longestDiff });
  // A secret may stand in other places too: in a comment, in the name of something.
  const [diff = ''] = withoutSecrets(engine, judged.document, [patch]);
  log.note({ diff });
  await log.step(
    'policy',
    () => judgePolicy(context, input, judged),
    (message) => ({ message }),
  );
  await log.step(
    'check',
    () => check(context, input, judged),
    () => (engine.checkArguments === undefined ? { skipped: true, message: `${engine.name} has no check of its own` } : {}),
  );
  await log.step('ports', () => judgePorts(input, judged));
  return {
    texts: new Map([[configPath, judged.text]]),
    diff,
    impact: impactOf(input, judged),
    engineOutput: [],
    unchanged: current === judged.text && input.runsCurrent,
  };
}

function judgePolicy(context: JudgeContext, { unit, engine, log }: CandidateInput, candidate: Candidate): string {
  const files = runFiles(context.stateDir, unit.id);
  const cwd = workingDirectory(context.stateDir, unit);
  const found = judgeConfig(engine, candidate, {
    cwd,
    allowedDirs: [files.directory, cwd, ...unit.apply.allowedDirs],
    reserved: ownFiles(files),
    realPath: realPathOf,
  });
  if (found.length === 0) return '';
  const violations = found.map((one) => ({ ...one, file: 'document' }));
  const [first] = violations;
  const message = `the config chooses what it may not: ${first?.path ?? ''} ${first?.message ?? ''}${found.length > 1 ? ` (and ${found.length - 1} more)` : ''}`;
  if (unit.apply.policy === 'enforce') throw new StepFailure('CONFIG_NOT_ALLOWED', message, { violations });
  log.note({ violations });
  return message;
}

async function check(context: JudgeContext, { unit, engine, configPath }: CandidateInput, { text, document }: Candidate): Promise<void> {
  const file = { stateDir: context.stateDir, unit, configPath, text };
  const verdict = await withCandidateFile(file, (path) => judgeUnitConfig(context, unit, { configPath: path }));
  if (verdict.kind === 'accepted') return;
  if (verdict.kind === 'unknown') throw new StepFailure('CONFIG_NOT_CHECKED', `${engine.name} could not be asked: ${verdict.message}`);
  const lines = withoutSecrets(engine, document, verdict.lines);
  const [sentence = ''] = withoutSecrets(engine, document, [verdict.sentence]);
  throw new StepFailure('CONFIG_REFUSED', `${engine.name} refuses the config: ${sentence}`, { engineOutput: lines });
}

async function judgePorts({ engine, current, runs, format }: CandidateInput, { document, text }: Candidate): Promise<void> {
  const own = runs && current !== undefined ? listenersOf(engine, readConfig(engine, current, format)) : [];
  const taken = await takenPorts(engine.listeners(document), new Set(own.map(portKey)));
  const [first] = taken;
  if (first === undefined) return;
  const placed = taken.map(({ listener, message }) => ({ path: listenerPath(document, listener), message }));
  const lines = linesOf(
    text,
    format,
    placed.map(({ path }) => path),
  );
  throw new StepFailure('PORT_TAKEN', taken.map(({ message }) => message).join('; '), {
    violations: placed.map(({ path, message }) => ({ path, file: 'document', line: lines.get(path) ?? 0, rule: 'port_taken', message })),
  });
}

function impactOf({ engine, current, runs, format }: CandidateInput, { document, text }: Candidate): ApplyImpact {
  const before = current === undefined ? [] : listenersOf(engine, readConfig(engine, current, format)).map(listenerName);
  const after = engine.listeners(document).map(listenerName);
  const changes = runs && text !== current;
  return {
    restart: changes && engine.reload === undefined,
    dropsConnections: changes,
    portsAdded: [...new Set(after)].filter((name) => !before.includes(name)),
    portsRemoved: [...new Set(before)].filter((name) => !after.includes(name)),
  };
}

function listenerName({ network, address, port }: Listener): string {
  return `${network} ${address.includes(':') ? `[${address}]` : address}:${port}`;
}
