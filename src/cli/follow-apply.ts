import type { Apply } from '../../gen/ts/sboxagent/v1/process_config.ts';
import { GetApplyRequest } from '../../gen/ts/sboxagent/v1/process_service.ts';
import { catalogue, type ErrorReason } from '../kernel/catalogue.ts';
import { type Agent, unary } from './agent.ts';
import { diffText, impactLine, outcomeLine, stepColumns } from './apply-text.ts';
import type { Context } from './context.ts';
import { EXIT, Failure } from './failure.ts';
import { write } from './io.ts';
import { styleOf } from './output.ts';
import { progressLine } from './progress.ts';
import { applyLines } from './service-error.ts';
import { runningTable } from './table.ts';

/** How often the agent is asked how far an apply has come. */
const pollMs = 200;

/** Whether somebody at a terminal watches an apply. */
export function isFollowed({ io, options }: Context): boolean {
  return io.terminal && options.output === 'table';
}

/** For a person at a terminal: prints the steps of an apply that was begun as they end. Throws the Failure of one that did not go through. */
export async function followApply(context: Context, agent: Agent, begun: Apply): Promise<number> {
  const { io } = context;
  const style = await styleOf(context);
  const line = progressLine(context);
  const { header, row } = runningTable(stepColumns, style);
  let [isDiffShown, shown] = [false, 0];
  const print = async (apply: Apply): Promise<void> => {
    line?.clear();
    if (!isDiffShown && apply.diff !== '') {
      isDiffShown = true;
      await write(io.stdout, diffText(apply.diff, style) + impactLine(apply));
    }
    for (const step of apply.steps.slice(shown)) {
      if (step.status === 'ACTIVE') return line?.show(`${step.name}${step.message === '' ? '' : `: ${step.message}`}`);
      await write(io.stdout, (shown === 0 ? header : '') + row(step));
      shown += 1;
    }
  };
  let apply = begun;
  for (await print(apply); apply.phase !== 'DONE'; await print(apply)) {
    await io.clock.sleep(pollMs);
    apply = await unary(agent, agent.processes.getApply.bind(agent.processes), GetApplyRequest.fromPartial({ id: apply.id }));
  }
  if (apply.result !== 'APPLIED') throw refusal(apply);
  await write(io.stdout, outcomeLine(apply));
  return EXIT.done;
}

/** What a call that waits for the end is answered with, by the step that refused the config. */
const rejections: Readonly<Record<string, ErrorReason>> = {
  bounds: 'PROCESS_CONFIG_INVALID',
  policy: 'CONFIG_NOT_ALLOWED',
  check: 'CONFIG_REFUSED',
  ports: 'PORT_TAKEN',
};

function reasonOf({ result, steps }: Apply): ErrorReason | undefined {
  if (result === 'ROLLED_BACK') return 'APPLY_ROLLED_BACK';
  return result === 'FAILED' ? 'APPLY_FAILED' : rejections[steps.find(({ status }) => status === 'FAILED')?.name ?? ''];
}

function refusal(apply: Apply): Failure {
  const reason = reasonOf(apply);
  const words = apply.result === 'REJECTED' ? 'was not taken; nothing was changed' : 'did not prove itself';
  const violations = apply.violations.map(({ path, message }) => `${path}: ${message}`);
  return new Failure(EXIT.refused, `the config of ${apply.process_id} ${words}`, {
    reason: reason ?? apply.result,
    details: [...violations, ...applyLines(apply)],
    remedy: reason === undefined ? undefined : catalogue[reason].remedy,
  });
}
