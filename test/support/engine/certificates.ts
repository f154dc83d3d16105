import { execFile } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';

const execute = promisify(execFile);

const NEW_KEY = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];

/**
 * Makes an authority, and what it certifies: a server at 127.0.0.1 and a client.
 * @param directory gets `ca.pem`, `cert.pem` and `key.pem`, as a client wants them, and `server-cert.pem` and `server-key.pem`
 */
export async function makeCertificates(directory: string): Promise<void> {
  await makeAuthority(directory);
  const server = 'subjectAltName=IP:127.0.0.1\nextendedKeyUsage=serverAuth\n';
  await certify(directory, { prefix: 'server-', subject: '/CN=server-test', extensions: server });
  await certify(directory, { prefix: '', subject: '/CN=test', extensions: 'extendedKeyUsage=clientAuth\n' });
}

/** @param directory gets `ca.pem` and `ca-key.pem` */
export async function makeAuthority(directory: string): Promise<void> {
  const files = ['-keyout', 'ca-key.pem', '-out', 'ca.pem'];
  await execute('openssl', ['req', '-x509', ...NEW_KEY, ...files, '-subj', '/CN=the tests', '-days', '1'], { cwd: directory });
}

export interface Certified {
  /** Of the names of its files: `<prefix>cert.pem` and `<prefix>key.pem`. */
  readonly prefix: string;
  /** As openssl writes it: `/O=group/CN=name`. */
  readonly subject: string;
  /** Lines as openssl's configuration has them. */
  readonly extensions: string;
}

/** @param directory has an authority */
export async function certify(directory: string, { prefix, subject, extensions }: Certified): Promise<void> {
  const openssl = (...args: readonly string[]) => execute('openssl', args, { cwd: directory });
  const [request, extra] = [`${prefix}request.pem`, `${prefix}extensions`];
  await openssl('req', '-new', ...NEW_KEY, '-keyout', `${prefix}key.pem`, '-out', request, '-subj', subject);
  await writeFile(join(directory, extra), extensions);
  const authority = ['-CA', 'ca.pem', '-CAkey', 'ca-key.pem', '-days', '1', '-extfile', extra];
  await openssl('x509', '-req', '-in', request, ...authority, '-out', `${prefix}cert.pem`);
}
