import { useState } from 'preact/hooks';
import { type Process, Process_State } from '../../../gen/es/sboxagent/v1/process_pb.js';
import { type App, useApp, useTexts } from '../core/app.ts';
import { sentenceOf } from '../core/errors.ts';
import { tables } from '../text/index.ts';
import { Button } from './button.tsx';
import { Dialog } from './confirm.tsx';

export const processActions = ['start', 'stop', 'restart', 'reload'] as const;
export type ProcessAction = (typeof processActions)[number];

/** What makes sense in a state: a process that is down is started, one that is up is not. */
export function actionsOf({ state, configPath }: Pick<Process, 'state' | 'configPath'>): readonly ProcessAction[] {
  switch (state) {
    case Process_State.STOPPED:
    case Process_State.EXITED:
    case Process_State.STATE_UNSPECIFIED:
      return ['start'];
    case Process_State.CRASH_LOOP:
    case Process_State.BACKOFF:
      return ['start', 'stop'];
    case Process_State.STOPPING:
      return [];
    default:
      return configPath === '' ? ['restart', 'stop'] : ['reload', 'restart', 'stop'];
  }
}

/** Cuts connections: is asked for before. */
export function isDisruptive(action: ProcessAction): action is 'stop' | 'restart' {
  return action === 'stop' || action === 'restart';
}

/** Does it, and says so; what fails is said too. */
export async function actOn({ clients, notices, preferences }: App, action: ProcessAction, id: string): Promise<void> {
  const { processes } = clients;
  const texts = tables[preferences.language.value];
  const requestId = crypto.randomUUID();
  try {
    switch (action) {
      case 'start':
        await processes.startProcess({ id, requestId });
        break;
      case 'stop':
        await processes.stopProcess({ id, requestId });
        break;
      case 'restart':
        await processes.restartProcess({ id, requestId });
        break;
      case 'reload':
        await processes.reloadProcess({ id, requestId });
    }
    notices.say('ok', texts.processes.did[action](id));
  } catch (error) {
    notices.say('bad', sentenceOf(error));
  }
}

export interface Asked {
  readonly action: 'stop' | 'restart';
  readonly id: string;
}

/** Asks before what cuts connections. */
export function AskDialog({ asked, onClose }: { readonly asked: Asked; readonly onClose: () => void }) {
  const texts = useTexts();
  const app = useApp();
  const { action, id } = asked;
  const [title, lead] =
    action === 'stop'
      ? [texts.processes.askStop(id), texts.processes.askStopLead]
      : [texts.processes.askRestart(id), texts.processes.askRestartLead];
  return (
    <Dialog title={title} action={texts.processes[action]} danger onClose={onClose} onConfirm={() => void actOn(app, action, id)}>
      <p>{lead}</p>
    </Dialog>
  );
}

/** The buttons of a process; none for a token that may not use them. */
export function ProcessButtons({ process }: { readonly process: Process }) {
  const texts = useTexts();
  const app = useApp();
  const [asked, setAsked] = useState<Asked | undefined>(undefined);
  if (!app.session.may('operate')) return null;
  return (
    <span class="actions">
      {actionsOf(process).map((action) => (
        <Button
          key={action}
          label={`${texts.processes[action]} ${process.id}`}
          onPress={() => (isDisruptive(action) ? setAsked({ action, id: process.id }) : actOn(app, action, process.id))}
        >
          {texts.processes[action]}
        </Button>
      ))}
      {asked !== undefined && <AskDialog asked={asked} onClose={() => setAsked(undefined)} />}
    </span>
  );
}
