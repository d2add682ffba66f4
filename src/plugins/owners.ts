import { AgentError } from '../kernel/errors.ts';
import { identityOf, may, type Principal } from '../kernel/principal.ts';
import type { Store } from '../store/index.ts';
import type { Counter } from '../telemetry/index.ts';

/** Whose a plugin id is: who registered it first, over restarts and also after the plugin was forgotten by somebody else. */
export interface Owners {
  /** Whether a caller may speak for this id: its owner, `admin`, or anybody while nobody owns it. */
  mayUse(id: string, caller: Principal): boolean;
  /** Throws PLUGIN_OWNED where the caller may not. */
  assert(id: string, caller: Principal): void;
  /**
   * Binds an id that nobody owns to this identity, durably; one that is owned stays its owner's, so that an admin who registers it takes
   * nothing away. Answers whether it was bound by this call. Throws PLUGIN_LIMIT_REACHED, and what the store throws.
   */
  bind(id: string, identity: string): Promise<boolean>;
  /** The id is anybody's again. */
  release(id: string): Promise<void>;
}

export interface OwnerRow {
  readonly plugin: string;
  /** Identity of a principal. */
  readonly owner: string;
}

/** Ids of plugins that were forgotten stay bound: more than the registry ever knows at once. */
const mostOwners = 20_000;

/** The identity of a plugin that the agent runs, by the token in its environment. No token of a person has one with a colon. */
export function unitIdentity(id: string): string {
  return `unit:${id}`;
}

export async function openOwners(options: {
  readonly store: Store;
  /** Whether `plugins.units` declares this id: then it is the unit's, whoever had it before. */
  readonly isDeclared: (id: string) => boolean;
  /** `sboxagent_limit_refused_total` */
  readonly refused: Counter;
}): Promise<Owners> {
  const { store, isDeclared, refused } = options;
  const rows = await store.read<readonly OwnerRow[]>('plugins', 'owners', undefined);
  const owners = new Map(rows.map(({ plugin, owner }) => [plugin, owner]));
  const mayUse: Owners['mayUse'] = (id, caller) => {
    const owner = isDeclared(id) ? unitIdentity(id) : owners.get(id);
    return owner === undefined || owner === identityOf(caller) || may(caller, 'admin');
  };
  return {
    mayUse,
    assert(id, caller) {
      if (mayUse(id, caller)) return;
      const whose = isDeclared(id)
        ? 'is declared under plugins.units: the token in the environment of its unit'
        : 'was registered by another token: that one';
      throw new AgentError('PLUGIN_OWNED', `the plugin ${id} ${whose} speaks for it`, { metadata: { plugin_id: id } });
    },
    async bind(id, identity) {
      if (owners.has(id)) return false;
      if (owners.size >= mostOwners) {
        refused.add(1, { limit: 'plugin_owners' });
        throw new AgentError('PLUGIN_LIMIT_REACHED', `${mostOwners} ids of plugins have an owner already; delete some as an admin`, {
          metadata: { limit: String(mostOwners) },
        });
      }
      // At once: of two who register at the same moment one is the first.
      owners.set(id, identity);
      try {
        await store.write('plugins', 'own', { plugin: id, owner: identity });
        return true;
      } catch (error) {
        owners.delete(id);
        throw error;
      }
    },
    async release(id) {
      if (!owners.has(id)) return;
      await store.write('plugins', 'disown', id);
      owners.delete(id);
    },
  };
}
