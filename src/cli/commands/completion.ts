import { type Handler, shells } from '../command-spec.ts';
import { bashScript, fishScript, zshScript } from '../completion/scripts.ts';
import { EXIT, usage } from '../failure.ts';
import { write } from '../io.ts';

const scripts: Readonly<Record<(typeof shells)[number], string>> = { bash: bashScript, zsh: zshScript, fish: fishScript };

export const completion: Handler = async ({ io }, [shell = '']) => {
  const known = shells.find((name) => name === shell);
  if (known === undefined) throw usage(`no completion for ${JSON.stringify(shell)}`, `There is one for ${shells.join(', ')}.`);
  await write(io.stdout, scripts[known]);
  return EXIT.done;
};
