import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { takeLittleMemory } from './lib/memory';
import type { Dial } from './proxy/dial';
import { proxyProcess } from './proxy/process';
import type { Renew } from './proxy/renewal';

/** Loads ssh's part when it is needed: a proxy that waits is to be small. */
function dialSsh(url: string): Dial {
  let dialer: Promise<Dial> | undefined;
  return async () => {
    dialer ??= import(/* webpackMode: "eager" */ './providers/docker/connection/ssh').then(({ sshDialer }) => sshDialer(url));
    return (await dialer)();
  };
}

/**
 * Loads the renewal from a bundle of its own, beside this one: as a part of this one it would take
 * a third more memory, even unused.
 */
const renew: Renew = (...renewal) => {
  const path = join(dirname(process.argv[1] ?? ''), '..', 'renewal', 'index.js');
  const { renewSession } = createRequire(path)(path) as typeof import('./renewal');
  return renewSession(...renewal);
};

takeLittleMemory();
void proxyProcess(process.argv, { dials: { ssh: dialSsh }, renew });
