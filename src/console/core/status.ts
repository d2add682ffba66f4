import { effect, untracked } from '@preact/signals';
import type { App } from './app.ts';
import { after, every } from './time.ts';

const everyMs = 15_000;
const againMs = 1000;

/** Asks the agent who it is and who we are: at the beginning, with every new token, and now and then. */
export function keepStatus({ session, clients, link }: App): void {
  let forget = (): void => {};
  const ask = async (): Promise<void> => {
    forget();
    try {
      session.opened(await clients.agent.getStatus({}));
    } catch {
      // The session has heard of it. Who was never answered asks again soon.
      if (session.state.value.kind === 'unreachable' || session.state.value.kind === 'opening') forget = after(againMs, () => void ask());
    }
  };
  effect(() => {
    // A call reads the token: what it reads is not what this depends on.
    if (session.state.value.kind === 'opening') untracked(() => void ask());
  });
  // After a break, another agent may answer.
  let before = link.value;
  effect(() => {
    if (link.value === 'live' && before === 'waiting') untracked(() => void ask());
    before = link.value;
  });
  every(everyMs, () => {
    if (session.state.value.kind === 'open' && link.value === 'live') void ask();
  });
}
