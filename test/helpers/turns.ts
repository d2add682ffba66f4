import { setImmediate as turn } from 'node:timers/promises';

/**
 * Lets the loop of this program go round a few times: what one of its sockets wrote to another has been accepted, read and answered by then.
 * A sleep promises nothing of the kind: where the machine is busy it is over before anything was read.
 */
export async function turns(times = 10): Promise<void> {
  for (let n = 0; n < times; n++) await turn();
}
