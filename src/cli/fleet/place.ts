import type { KeyObject } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { RefusedError } from '../../kernel/errors.ts';
import type { FleetSettings } from '../../settings/types.ts';
import type { Context } from '../context.ts';
import { Failure, usage } from '../failure.ts';

/** Where the fleet of the configuration is; $SBOXAGENT_FLEET_SERVERS and the other names of its keys stand in for it. Throws Failure. */
export async function fleetSettings({ io, options }: Context): Promise<FleetSettings> {
  const { loadSettings } = await import('../../settings/index.ts');
  const { config: configPath, stateDir } = options;
  try {
    const { settings } = loadSettings({
      ...(configPath === undefined ? {} : { configPath }),
      ...(stateDir === undefined ? {} : { stateDir }),
      env: await io.env(),
      cwd: io.cwd,
    });
    if (settings.fleet !== undefined) return settings.fleet;
  } catch (error) {
    if (!(error instanceof RefusedError)) throw error;
    throw new Failure(2, error.message, { remedy: 'Correct the configuration, or name another one with --config.' });
  }
  throw usage('no fleet is configured here', 'Set fleet.servers in the configuration, or SBOXAGENT_FLEET_SERVERS.');
}

/** The private key that signs calls: `--signing-key`, else $SBOXAGENT_SIGNING_KEY_FILE. Throws Failure. */
export async function signingKey({ io, options }: Context): Promise<KeyObject> {
  const path = options.signingKey ?? ((await io.env())['SBOXAGENT_SIGNING_KEY_FILE'] || undefined);
  if (path === undefined)
    throw usage(
      'no key signs this call',
      'Name one with --signing-key or SBOXAGENT_SIGNING_KEY_FILE; `sboxagent fleet key FILE` makes one.',
    );
  const { privateKeyOf } = await import('../../fleet/client.ts');
  try {
    return privateKeyOf(readFileSync(path, 'utf8'));
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    throw usage(`the signing key ${path} cannot be used: ${code ?? message}`);
  }
}
