import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { freePort } from '../free-port';
import { makeCertificates } from './certificates';
import { PrivateEngine } from './engine';
import { makeFakeSsh } from './fake-ssh';
import { busyboxImage } from './image';

/** Their containers have no network: several engines would share one bridge. */
const WITHOUT_NETWORKS = ['--bridge', 'none', '--iptables=false'];

/** Engines that can be reached in every way: by sockets, TCP, TLS and ssh. */
export interface ReachedEngines {
  /** Has the certificates, and the `ssh` that comes first in `PATH`. */
  readonly directory: string;
  /** Listens at a socket, and at `tcp` without TLS; what `ssh` leads to. */
  readonly plain: PrivateEngine;
  /** Listens at a socket, and at `tls` for clients with a certificate. */
  readonly secure: PrivateEngine;
  readonly tcp: string;
  readonly tls: string;
  stop(): Promise<void>;
}

/** @param image the name of busybox on both */
export async function startReachedEngines(image: string): Promise<ReachedEngines> {
  const directory = await mkdtemp(join(tmpdir(), 'cleanup-reached-'));
  await makeCertificates(directory);
  const [tcp, tls] = [await freeAddress(), await freeAddress()];
  const files = { tlscacert: 'ca.pem', tlscert: 'server-cert.pem', tlskey: 'server-key.pem' };
  const verified = ['--tlsverify', ...Object.entries(files).flatMap(([option, name]) => [`--${option}`, join(directory, name)])];
  const [plain, secure] = await Promise.all([
    PrivateEngine.start({ dockerdArguments: ['--host', tcp, ...WITHOUT_NETWORKS] }),
    PrivateEngine.start({ dockerdArguments: ['--host', tls, ...verified, ...WITHOUT_NETWORKS] }),
  ]);
  await Promise.all([plain, secure].map(({ docker }) => busyboxImage(docker, image)));
  await makeFakeSsh(directory, plain.socketPath);
  const path = process.env['PATH'];
  process.env['PATH'] = `${directory}${delimiter}${path}`;
  const stop = async () => {
    process.env['PATH'] = path;
    await Promise.all([plain, secure].map((engine) => engine.stop()));
    await rm(directory, { recursive: true, force: true });
  };
  return { directory, plain, secure, tcp, tls, stop };
}

/** An address on this machine at which nothing listens. */
export async function freeAddress(): Promise<string> {
  return `tcp://127.0.0.1:${await freePort()}`;
}
