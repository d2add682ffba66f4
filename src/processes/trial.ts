import type { Clock } from '../kernel/clock.ts';
import { AgentError } from '../kernel/errors.ts';
import type { Attempt } from './attempt.ts';
import type { Instance } from './instance.ts';
import type { ProcessTrial, TrialOptions } from './types.ts';

/** Takes a unit into the hands of an apply: see `ProcessTrial`. */
export function beginTrial(instance: Instance, options: TrialOptions & { readonly clock: Clock }): ProcessTrial {
  const { clock, readyWithinMs } = options;
  const { id } = instance;
  let configPath = options.configPath;
  const set = (): void => instance.setTrial({ readyWithinMs, configPath });
  set();
  const untilReady = async ({ ready }: Attempt): Promise<void> => {
    const { promise: late, reject } = Promise.withResolvers<never>();
    const message = `${id} was not READY within ${readyWithinMs / 1000} s`;
    const cancel = clock.after(readyWithinMs, () =>
      reject(new AgentError('START_FAILED', message, { metadata: { process_id: id, state: instance.view().state } })),
    );
    try {
      await Promise.race([ready, late]);
    } finally {
      cancel();
    }
  };
  return {
    use(path) {
      configPath = path;
      set();
    },
    async restart() {
      await untilReady(await instance.restart(options.traceId));
      return instance.view();
    },
    async reload() {
      await instance.reload();
      return instance.view();
    },
    end: () => instance.setTrial(undefined),
  };
}
