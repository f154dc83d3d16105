import { createConnection } from 'node:net';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';

/**
 * Has the process that runs a cluster's daemons do something: see cluster-daemons.mjs.
 * @throws what it answers when it did not
 */
export async function tell(directory: string, order: Readonly<Record<string, unknown>>): Promise<void> {
  const socket = createConnection(join(directory, 'control.sock'));
  socket.end(JSON.stringify(order));
  const answer = await text(socket);
  if (answer !== 'done') throw new Error(answer || 'the cluster has ended');
}
